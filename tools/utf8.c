#include "tools/utf8.h"

#include <stdbool.h>

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

/* The longest encodings of small values, the surrogates, U+FFFE and U+FFFF, and what is beyond
 * U+10FFFF: nothing of that is text. */
static bool is_forbidden(const unsigned char *at)
{
    return (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
           (at[0] == 0xef && at[1] == 0xbf && at[2] > 0xbd) || (at[0] == 0xf0 && at[1] < 0x90) ||
           (at[0] == 0xf4 && at[1] > 0x8f);
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
    return bytes >= 3 && is_forbidden(at) ? 0 : bytes;
}
