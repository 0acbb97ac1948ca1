/* exif.h: how a camera was held: the one number of a JPEG's or PNG's Exif data that a picture
 * cannot be shown without. A library for all of Exif would bring its makers' notes, thumbnails and
 * their holes along for it. Any thread.
 *
 * Both read the open file by place, and leave where it is read alone; they look at no more than its
 * chunks' heads and 64 KiB. 1 to 8; 1 where there is no such number, or what holds it is damaged.
 */
#ifndef MEGABUDDY_TOOLS_BAKE_EXIF_H
#define MEGABUDDY_TOOLS_BAKE_EXIF_H

#include <stdint.h>

uint32_t exif_of_jpeg(int fd);
uint32_t exif_of_png(int fd);

#endif
