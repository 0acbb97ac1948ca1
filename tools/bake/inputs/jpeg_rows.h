/* jpeg_rows.h: a JPEG, row by row, with libjpeg-turbo. */
#ifndef MEGABUDDY_TOOLS_BAKE_JPEG_ROWS_H
#define MEGABUDDY_TOOLS_BAKE_JPEG_ROWS_H

#include "tools/bake/source.h"

/* Opens a JPEG. Its rows come in bounded memory; one of several scans, as progressive ones are,
 * holds its coefficients, and is refused when they need more than 2 GiB. Inks become RGB by plain
 * arithmetic, no profile is used.
 * Whatever is damaged is an error, at the latest with the last row: half a picture is none. On
 * failure returns false, and `why` says what is wrong. */
bool jpeg_rows_open(const char *path, source *out, char *why, size_t why_bytes);

#endif
