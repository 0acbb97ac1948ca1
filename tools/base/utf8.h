/* utf8.h: which bytes are text. File names on Linux may hold any bytes; pages and pictures may not.
 * Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_UTF8_H
#define MEGABUDDY_TOOLS_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, what stands for a byte that is no text */

/* Bytes of the character that `text` begins with, 1 to 4; 0 when it is none: no UTF-8, or one of
 * the control characters, or the 0 at the end. Reads no further than that 0. */
size_t utf8_bytes(const char *text);

/* Writes `text` to out[bytes] with UTF8_REPLACEMENT for each byte that is none; cut at the end of a
 * character where it does not fit. Returns `out`. Precondition: bytes > 0. */
const char *utf8_repair(const char *text, char *out, size_t bytes);

#endif
