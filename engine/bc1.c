/* bc1.c: a palette of four colours a block, then a lookup a texel. */
#include "engine/bc1.h"

#include "shaders/shared.h"

#include <string.h>

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb_dxt.h>

enum {
    BLOCKS = VT_PAGE_TEXELS / 4, /* a row, and rows of them */
    BLOCK_BYTES = 8,
    ROW_BYTES = VT_PAGE_TEXELS * 4, /* of a page by itself */
};

/* Red, green and blue in one word, 21 bits apart, so that one operation does all three. */
enum { GREEN_SHIFT = 21, BLUE_SHIFT = 42 };

#define CHANNELS (UINT64_C(1) | UINT64_C(1) << GREEN_SHIFT | UINT64_C(1) << BLUE_SHIFT)

static uint64_t expand_565(uint32_t packed)
{
    const uint64_t red = packed >> 11;
    const uint64_t green = packed >> 5 & 63;
    const uint64_t blue = packed & 31;
    return (red << 3 | red >> 2) | (green << 2 | green >> 4) << GREEN_SHIFT |
           (blue << 3 | blue >> 2) << BLUE_SHIFT;
}

/* Each channel, at most 3 * 255, by 3: 683 / 2^11 is 1/3 + 1/6144, exact below 2048, and
 * 765 * 683 < 2^21 stays in its channel. */
static uint64_t third(uint64_t sums)
{
    return sums * 683 >> 11 & CHANNELS * 255;
}

static uint64_t half(uint64_t sums)
{
    return sums >> 1 & CHANNELS * 255;
}

/* The bytes of one RGBA texel, as they lie in memory. */
static uint32_t texel_of(uint64_t channels, uint8_t alpha)
{
    const uint8_t bytes[4] = {(uint8_t)channels, (uint8_t)(channels >> GREEN_SHIFT),
                              (uint8_t)(channels >> BLUE_SHIFT), alpha};
    uint32_t texel;
    memcpy(&texel, bytes, sizeof texel);
    return texel;
}

static void make_palette(const uint8_t *block, uint32_t palette[4])
{
    const uint32_t first = (uint32_t)block[0] | (uint32_t)block[1] << 8;
    const uint32_t second = (uint32_t)block[2] | (uint32_t)block[3] << 8;
    const uint64_t a = expand_565(first);
    const uint64_t b = expand_565(second);
    palette[0] = texel_of(a, 255);
    palette[1] = texel_of(b, 255);
    palette[2] = texel_of(first > second ? third(2 * a + b) : half(a + b), 255);
    palette[3] = first > second ? texel_of(third(a + 2 * b), 255) : texel_of(0, 0);
}

/* Four rows of texels from one row of blocks. */
static void unpack_row(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t x = 0; x < BLOCKS; x++) {
        const uint8_t *block = blocks + x * BLOCK_BYTES;
        uint32_t palette[4];
        make_palette(block, palette);
        for (uint32_t row = 0; row < 4; row++) {
            const uint32_t choices = block[4 + row];
            const uint32_t texels[4] = {palette[choices & 3], palette[choices >> 2 & 3],
                                        palette[choices >> 4 & 3], palette[choices >> 6]};
            memcpy(rgba + row * row_bytes + x * sizeof texels, texels, sizeof texels);
        }
    }
}

void bc1_unpack_page(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t y = 0; y < BLOCKS; y++) {
        unpack_row(blocks + y * BLOCKS * BLOCK_BYTES, rgba + y * 4 * row_bytes, row_bytes);
    }
}

void bc1_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    for (uint32_t i = 0; i < BLOCKS * BLOCKS; i++) {
        const uint8_t *corner = rgba + i / BLOCKS * 4 * ROW_BYTES + i % BLOCKS * 16;
        uint8_t texels[64];
        for (uint32_t row = 0; row < 4; row++) {
            memcpy(texels + row * 16, corner + row * ROW_BYTES, 16);
        }
        stb_compress_dxt_block(blocks + i * BLOCK_BYTES, texels, 0, STB_DXT_NORMAL);
    }
}
