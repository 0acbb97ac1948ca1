/* xwd.h: the screen of a virtual display as a picture. `Xvfb -fbdir DIR` keeps it in the file
 * DIR/Xvfb_screen0, in the format of X window dumps: 25 numbers of 32 bits, big-endian, then names
 * and colours, then the pixels. One thread; the display goes on writing while it is read. */
#ifndef MEGABUDDY_TESTS_WINDOW_XWD_H
#define MEGABUDDY_TESTS_WINDOW_XWD_H

#include "tools/picture/picture.h"

#include <stddef.h>

/* Whether the bytes begin as a dump does. */
bool xwd_is_one(const uint8_t *bytes, size_t count);

/* Makes a picture of a dump of 24 bits of colour in 32, which is what tests ask for; alpha is 255.
 * On false *why says in a few words what is wrong, and *out is empty. */
bool xwd_parse(const uint8_t *bytes, size_t count, picture *out, const char **why);

#endif
