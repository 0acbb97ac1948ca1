/* tiff_rows.h: a TIFF or BigTIFF, row by row of its strips or tiles, with libtiff. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_ROWS_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_ROWS_H

#include "tools/bake/source.h"
#include "tools/base/crew.h"

/* Opens the picture of the file that tools/bake/inputs/tiff/tiff_file.h chooses: grey, RGB, palette
 * or CMYK of 1 to 16 bits a sample, YCbCr, Lab; in strips or tiles of at most 256 MiB, compressed
 * in any way, with any further samples; turned as the file says. The workers unpack blocks side by
 * side, each through a handle of its own; NULL: the caller does. Alpha that is multiplied into the
 * colours is divided out again. On failure returns false, and `why` says what is wrong. */
bool tiff_rows_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

#endif
