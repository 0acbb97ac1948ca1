/* utf8.h: which bytes are text. File names on Linux may hold any bytes; pages and pictures may not.
 * Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_UTF8_H
#define MEGABUDDY_TOOLS_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, what stands for bytes that are no text */

/* Bytes of the character that `text` begins with, 1 to 4; 0 when it is none: no UTF-8, or one of
 * the control characters, or the 0 at the end. Reads no further than that 0. */
size_t utf8_bytes(const char *text);

#endif
