/* png_rows.h: a PNG, row by row, with libpng. */
#ifndef MEGABUDDY_TOOLS_BAKE_PNG_ROWS_H
#define MEGABUDDY_TOOLS_BAKE_PNG_ROWS_H

#include "tools/bake/source.h"

/* Opens a PNG of any kind. Its rows need bounded memory; an interlaced one, none of whose rows is
 * complete before the last, is unpacked at the first read, and refused if it needs more than 2 GiB.
 * Any damage is an error, at the latest with the last row. On failure returns false, and `why` says
 * what is wrong. */
bool png_rows_open(const char *path, source *out, char *why, size_t why_bytes);

#endif
