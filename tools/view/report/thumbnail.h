/* thumbnail.h: small copies of pictures, within the page itself. Any thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_THUMBNAIL_H
#define MEGABUDDY_TOOLS_VIEW_THUMBNAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Writes the picture at `path`, at most `width_most` pixels wide, as the address of a JPEG that
 * carries its own bytes: data:image/jpeg;base64,… False, and nothing is written, when the picture
 * cannot be read or there is no memory. */
bool thumbnail_write(FILE *out, const char *path, uint32_t width_most);

#endif
