/* tiff_rows.h: a TIFF or BigTIFF, row by row of its strips or tiles, with libtiff. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_ROWS_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_ROWS_H

#include "tools/bake/source.h"
#include "tools/crew.h"

/* Opens the first picture of the file: grey, RGB, palette, YCbCr, CMYK of up to 16 bits a sample,
 * in strips or tiles of at most 256 MiB, however packed. The workers unpack them side by side, each
 * through a handle of its own; NULL: the caller does. Alpha that is multiplied into the colours is
 * taken out again. On failure returns false, and `why` says what
 * is wrong. */
bool tiff_rows_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

#endif
