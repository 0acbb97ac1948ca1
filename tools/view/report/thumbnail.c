#include "tools/view/report/thumbnail.h"

#include "tools/picture/picture.h"

#include <stdlib.h>

#define QUALITY 85

static void put_base64(FILE *out, const uint8_t *bytes, size_t count)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const uint32_t three = (uint32_t)bytes[i] << 16 |
                               (uint32_t)(left > 1 ? bytes[i + 1] : 0) << 8 |
                               (uint32_t)(left > 2 ? bytes[i + 2] : 0);
        const char four[4] = {DIGITS[three >> 18], DIGITS[three >> 12 & 63],
                              left > 1 ? DIGITS[three >> 6 & 63] : '=',
                              left > 2 ? DIGITS[three & 63] : '='};
        (void)fwrite(four, 1, sizeof four, out);
    }
}

static uint8_t *make_jpeg(const char *path, uint32_t width_most, size_t *bytes)
{
    picture whole, small;
    const char *why;
    if (!picture_load(path, &whole, &why)) {
        return NULL;
    }
    const bool shrunk = picture_shrink(&whole, width_most, &small);
    picture_free(&whole);
    uint8_t *jpeg = shrunk ? picture_to_jpeg(&small, QUALITY, bytes) : NULL;
    picture_free(&small);
    return jpeg;
}

bool thumbnail_write(FILE *out, const char *path, uint32_t width_most)
{
    size_t bytes;
    uint8_t *jpeg = make_jpeg(path, width_most, &bytes);
    if (jpeg == NULL) {
        return false;
    }
    (void)fputs("data:image/jpeg;base64,", out);
    put_base64(out, jpeg, bytes);
    free(jpeg);
    return true;
}
