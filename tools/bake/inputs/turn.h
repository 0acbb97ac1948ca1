/* turn.h: a picture that does not lie in its file as it is to be seen. Cameras store what their
 * sensor gives and a number, 1 … 8, that says how it was held (Exif, TIFF). Where row 0 and column
 * 0 of the file lie in the picture:
 *
 *     1 top, left    3 bottom, right   5 left, top      7 right, bottom
 *     2 top, right   4 bottom, left    6 right, top     8 left, bottom
 *
 * 2 is turned row by row. The others begin with what the file has last: at the first prepare() all
 * of the picture is unpacked, turned and kept, up to 64 MiB in memory and from there in a file
 * without a name, in $TMPDIR or /var/tmp, of 4 bytes a texel. Threads are those of source.h. */
#ifndef MEGABUDDY_TOOLS_BAKE_TURN_H
#define MEGABUDDY_TOOLS_BAKE_TURN_H

#include "tools/bake/source.h"

/* Whether the picture is as wide as its file says it is high. */
static inline bool turn_swaps(uint32_t orientation)
{
    return orientation >= 5 && orientation <= 8;
}

/* Makes *s, an open source, the turned one; what is no orientation, and 1, changes nothing. On
 * failure returns false, the source is closed, and `why` says what is wrong. */
bool turn_open(uint32_t orientation, source *s, char *why, size_t why_bytes);

/* Where column x and row y of a file of that size lie in the picture. */
void turn_place(uint32_t orientation, const uint32_t size[2], uint32_t *x, uint32_t *y);

#endif
