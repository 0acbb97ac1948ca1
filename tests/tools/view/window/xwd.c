#include "tests/tools/view/window/xwd.h"

#include <stdlib.h>

/* The numbers of the header that matter, by their place. */
enum {
    HEADER_BYTES = 0,
    VERSION = 1,
    FORMAT = 2,
    WIDTH = 4,
    HEIGHT = 5,
    BYTE_ORDER_OF_PIXELS = 7,
    BITS_PER_PIXEL = 11,
    ROW_BYTES = 12,
    RED_MASK = 14,
    GREEN_MASK = 15,
    BLUE_MASK = 16,
    COLOURS = 19,
    NUMBERS = 25,
    COLOUR_BYTES = 12,
    MOST_PIXELS_A_SIDE = 16384,
};

static uint32_t number(const uint8_t *bytes, unsigned which)
{
    const uint8_t *b = bytes + 4 * (size_t)which;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool xwd_is_one(const uint8_t *bytes, size_t count)
{
    return count >= 4 * NUMBERS && number(bytes, VERSION) == 7 && number(bytes, FORMAT) == 2;
}

/* Rows of blue, green, red and nothing. */
static bool is_readable(const uint8_t *bytes)
{
    return number(bytes, BYTE_ORDER_OF_PIXELS) == 0 && number(bytes, BITS_PER_PIXEL) == 32 &&
           number(bytes, RED_MASK) == 0xff0000 && number(bytes, GREEN_MASK) == 0xff00 &&
           number(bytes, BLUE_MASK) == 0xff;
}

bool xwd_parse(const uint8_t *bytes, size_t count, picture *out, const char **why)
{
    *out = (picture){0};
    if (!xwd_is_one(bytes, count) || !is_readable(bytes)) {
        *why = "is no dump of a screen of 24 bits";
        return false;
    }
    const uint32_t width = number(bytes, WIDTH), height = number(bytes, HEIGHT);
    const uint64_t row = number(bytes, ROW_BYTES);
    const uint64_t start =
        number(bytes, HEADER_BYTES) + (uint64_t)number(bytes, COLOURS) * COLOUR_BYTES;
    if (width < 1 || width > MOST_PIXELS_A_SIDE || height < 1 || height > MOST_PIXELS_A_SIDE ||
        row < width * UINT64_C(4) || start + row * height > count) {
        *why = "is a dump that ends too early";
        return false;
    }
    uint8_t *rgba = malloc((size_t)width * height * 4);
    if (rgba == NULL) {
        *why = "needs more memory than there is";
        return false;
    }
    *out = (picture){width, height, rgba};
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *from = bytes + start + row * y;
        for (uint32_t x = 0; x < width; x++, from += 4, rgba += 4) {
            rgba[0] = from[2];
            rgba[1] = from[1];
            rgba[2] = from[0];
            rgba[3] = 255;
        }
    }
    return true;
}
