#include "tools/base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* How many bytes the character at `at` has by its first byte; 0: it cannot begin one. */
static size_t expected_bytes(unsigned char first)
{
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The control characters from U+0080 on, which some terminals obey, those that turn the direction
 * of the text round them (U+202A to U+202E, U+2066 to U+2069), the longest encodings of small
 * values, the surrogates, U+FFFE and U+FFFF, and what is beyond U+10FFFF: nothing of that is text.
 */
static bool is_forbidden(const unsigned char *at)
{
    const bool turns = at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) ||
                                         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
    return turns || (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xe0 && at[1] < 0xa0) ||
           (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xef && at[1] == 0xbf && at[2] > 0xbd) ||
           (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
}

size_t utf8_bytes(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    const size_t bytes = expected_bytes(at[0]);
    for (size_t i = 1; i < bytes; i++) { /* the 0 that ends the text is none of these */
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return bytes >= 2 && is_forbidden(at) ? 0 : bytes;
}

const char *utf8_repair(const char *text, char *out, size_t bytes)
{
    size_t at = 0;
    while (*text != '\0') {
        const size_t length = utf8_bytes(text);
        const char *shown = length > 0 ? text : UTF8_REPLACEMENT;
        const size_t shown_bytes = length > 0 ? length : strlen(UTF8_REPLACEMENT);
        if (at + shown_bytes >= bytes) {
            break;
        }
        memcpy(out + at, shown, shown_bytes);
        at += shown_bytes;
        text += length > 0 ? length : 1;
    }
    out[at] = '\0';
    return out;
}
