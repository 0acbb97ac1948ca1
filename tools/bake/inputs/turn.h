/* turn.h: turns a picture that does not lie upright in its file. Cameras store what their sensor
 * gives, and a number from 1 to 8 that says how the camera was held (Exif, TIFF). Where row 0 and
 * column 0 of the file lie in the picture:
 *
 *     1 top, left    3 bottom, right   5 left, top      7 right, bottom
 *     2 top, right   4 bottom, left    6 right, top     8 left, bottom
 *
 * 2 is turned row by row. The others begin with what the file has last: at the first prepare() the
 * whole picture is unpacked, turned and kept, 4 bytes a texel: up to 64 MiB in memory, larger ones
 * in a file without a name in $TMPDIR or /var/tmp. Threads are those of source.h. */
#ifndef MEGABUDDY_TOOLS_BAKE_TURN_H
#define MEGABUDDY_TOOLS_BAKE_TURN_H

#include "tools/bake/source.h"

/* Whether rows of the file become columns of the picture. */
static inline bool turn_swaps(uint32_t orientation)
{
    return orientation >= 5 && orientation <= 8;
}

/* Makes *s, an open source, the turned one. 1, and what is no orientation, changes nothing. On
 * failure returns false, the source is closed, and `why` says what is wrong. */
bool turn_open(uint32_t orientation, source *s, char *why, size_t why_bytes);

/* Where column x and row y of a file of that size lie in the picture. */
void turn_place(uint32_t orientation, const uint32_t size[2], uint32_t *x, uint32_t *y);

#endif
