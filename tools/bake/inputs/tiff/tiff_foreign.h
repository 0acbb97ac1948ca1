/* tiff_foreign.h: blocks of a TIFF whose samples are stored in ways that libtiff knows best (YCbCr,
 * Lab, Luv), as texels, by its RGBA interface. One thread a file. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_FOREIGN_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_FOREIGN_H

#include "tools/bake/inputs/tiff/tiff_file.h"

/* Bytes that reading a block takes: its texels, and behind them, where need be, what is stored. */
size_t tiff_foreign_bytes(const tiff_file *f);

/* Reads the block at x, y to the beginning of `room`, which has so many bytes: packed as TIFFGetR
 * and the like take it apart, its rows from the bottom up. A tile that a sparse file leaves out is
 * black where nothing is compressed. false: f->why says what is wrong. Precondition:
 * TIFFRGBAImageOK. */
bool tiff_foreign_read(tiff_file *f, const uint32_t at[2], uint32_t *room);

#endif
