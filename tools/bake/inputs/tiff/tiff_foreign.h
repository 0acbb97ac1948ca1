/* tiff_foreign.h: texels of those TIFFs whose samples are stored in ways that only libtiff decodes
 * here (YCbCr, Lab, Luv), by its RGBA interface. One thread a file. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_FOREIGN_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_FOREIGN_H

#include "tools/bake/inputs/tiff/tiff_file.h"

/* Bytes of room that reading a block takes: its texels and, where need be, what is stored behind
 * them. */
size_t tiff_foreign_bytes(const tiff_file *f);

/* Reads the block at x, y to the beginning of `room`, which has that many bytes. Texels are packed
 * as TIFFGetR and the like take them apart, with rows from the bottom up. A tile that a sparse file
 * leaves out is black if tiles are not compressed. false: f->why says what is wrong. Precondition:
 * TIFFRGBAImageOK. */
bool tiff_foreign_read(tiff_file *f, const uint32_t at[2], uint32_t *room);

#endif
