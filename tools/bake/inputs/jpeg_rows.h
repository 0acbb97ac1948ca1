/* jpeg_rows.h: a JPEG, row by row, with libjpeg-turbo. */
#ifndef MEGABUDDY_TOOLS_BAKE_JPEG_ROWS_H
#define MEGABUDDY_TOOLS_BAKE_JPEG_ROWS_H

#include "tools/bake/source.h"

/* Opens a JPEG. Its rows need bounded memory, but one of several scans, as progressive ones are,
 * keeps all its coefficients, and is refused if they need more than 2 GiB. Inks become RGB by plain
 * arithmetic, without a colour profile. Any damage is an error, at the latest with the last row:
 * half a picture is not baked. On failure returns false, and `why` says what is wrong. */
bool jpeg_rows_open(const char *path, source *out, char *why, size_t why_bytes);

#endif
