/* bc1.c: stb_dxt around the blocks of a page. */
#include "tools/bc1.h"

#include "shaders/shared.h"

#include <string.h>

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb_dxt.h>

enum { BLOCKS = VT_PAGE_TEXELS / 4, BLOCK_BYTES = 8, ROW_BYTES = VT_PAGE_TEXELS * 4 };

void bc1_encode_page(const uint8_t *rgba, uint8_t *blocks)
{
    for (int i = 0; i < BLOCKS * BLOCKS; i++) {
        const uint8_t *corner = rgba + (i / BLOCKS) * 4 * ROW_BYTES + (i % BLOCKS) * 16;
        uint8_t block[64];
        for (int row = 0; row < 4; row++) {
            memcpy(block + row * 16, corner + row * ROW_BYTES, 16);
        }
        stb_compress_dxt_block(blocks + i * BLOCK_BYTES, block, 0, STB_DXT_NORMAL);
    }
}

/* Spreads 5:6:5 bits to bytes. */
static void expand_565(uint32_t packed, uint8_t rgba[4])
{
    const uint32_t red = packed >> 11, green = packed >> 5 & 63, blue = packed & 31;
    rgba[0] = (uint8_t)(red << 3 | red >> 2);
    rgba[1] = (uint8_t)(green << 2 | green >> 4);
    rgba[2] = (uint8_t)(blue << 3 | blue >> 2);
    rgba[3] = 255;
}

/* The four colours that a block's texels choose from. */
static void make_palette(const uint8_t *block, uint8_t palette[4][4])
{
    const uint32_t first = (uint32_t)(block[0] | block[1] << 8);
    const uint32_t second = (uint32_t)(block[2] | block[3] << 8);
    expand_565(first, palette[0]);
    expand_565(second, palette[1]);
    for (int i = 0; i < 4; i++) {
        const uint32_t a = palette[0][i], b = palette[1][i];
        palette[2][i] = (uint8_t)(first > second ? (2 * a + b) / 3 : (a + b) / 2);
        palette[3][i] = (uint8_t)(first > second ? (a + 2 * b) / 3 : 0);
    }
}

void bc1_decode_page(const uint8_t *blocks, uint8_t *rgba)
{
    for (int i = 0; i < BLOCKS * BLOCKS; i++) {
        const uint8_t *block = blocks + i * BLOCK_BYTES;
        uint8_t palette[4][4];
        make_palette(block, palette);
        uint8_t *corner = rgba + (i / BLOCKS) * 4 * ROW_BYTES + (i % BLOCKS) * 16;
        for (int t = 0; t < 16; t++) {
            const int choice = block[4 + t / 4] >> (t % 4 * 2) & 3;
            memcpy(corner + (t / 4) * ROW_BYTES + (t % 4) * 4, palette[choice], 4);
        }
    }
}
