/* bc5.c: a block is two halves of eight bytes, one a channel: two values, and sixteen choices of
 * three bits among eight values made of them. */
#include "engine/bc5.h"

#include "shaders/shared.h"

#include <string.h>

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb_dxt.h>

enum { BLOCKS = VT_PAGE_TEXELS / 4, BLOCK_BYTES = 16, ROW_BYTES = VT_PAGE_TEXELS * 4 };

/* The eight values that choices pick from. */
static void make_palette(const uint8_t *half, uint8_t palette[8])
{
    const uint32_t a = half[0], b = half[1], steps = a > b ? 7 : 5;
    memset(palette, 0, 8);
    palette[0] = half[0];
    palette[1] = half[1];
    for (uint32_t i = 1; i < steps; i++) {
        palette[1 + i] = (uint8_t)(((steps - i) * a + i * b) / steps);
    }
    if (steps == 5) { /* and the two ends of the range */
        palette[7] = 255;
    }
}

static void unpack_half(const uint8_t *half, uint8_t values[16])
{
    uint8_t palette[8];
    uint64_t choices = 0;
    make_palette(half, palette);
    for (uint32_t i = 0; i < 6; i++) {
        choices |= (uint64_t)half[2 + i] << 8 * i;
    }
    for (uint32_t i = 0; i < 16; i++) {
        values[i] = palette[choices >> 3 * i & 7];
    }
}

void bc5_unpack_page(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t block = 0; block < BLOCKS * BLOCKS; block++) {
        uint8_t red[16], green[16];
        unpack_half(blocks + (size_t)block * BLOCK_BYTES, red);
        unpack_half(blocks + (size_t)block * BLOCK_BYTES + 8, green);
        uint8_t *corner = rgba + block / BLOCKS * 4 * row_bytes + block % BLOCKS * 16;
        for (uint32_t i = 0; i < 16; i++) {
            const uint8_t texel[4] = {red[i], green[i], 255, 255};
            memcpy(corner + i / 4 * row_bytes + i % 4 * 4, texel, sizeof texel);
        }
    }
}

void bc5_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    for (uint32_t block = 0; block < BLOCKS * BLOCKS; block++) {
        const uint8_t *corner = rgba + block / BLOCKS * 4 * ROW_BYTES + block % BLOCKS * 16;
        uint8_t pairs[32];
        for (uint32_t i = 0; i < 16; i++) {
            memcpy(pairs + i * 2, corner + i / 4 * ROW_BYTES + i % 4 * 4, 2);
        }
        stb_compress_bc5_block(blocks + (size_t)block * BLOCK_BYTES, pairs);
    }
}
