/* exif.h: how a camera was held: the one number of a JPEG's or PNG's Exif data without which a
 * picture cannot be shown right. A library for all of Exif would bring maker notes and thumbnails
 * along, and their security holes. Any thread.
 *
 * Both functions read the open file by offset and do not move its position. They look at the heads
 * of its chunks and at 64 KiB of Exif data. They return 1 to 8; 1 where there is no orientation, or
 * what holds it is damaged. */
#ifndef MEGABUDDY_TOOLS_BAKE_EXIF_H
#define MEGABUDDY_TOOLS_BAKE_EXIF_H

#include <stdint.h>

uint32_t exif_of_jpeg(int fd);
uint32_t exif_of_png(int fd);

#endif
