/* bc4.c: unpacks a row of BC blocks at a time: first the eight values of each block, in loops over
 * 16-bit lanes that the compiler makes vectors of; then the choices, a table lookup each. */
#include "engine/texels/bc4.h"

#include "engine/page/bc.h"

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb_dxt.h>

#define BLOCK_BYTES 8

/* Value i of block x at [i][x]. */
typedef struct palettes {
    uint8_t value[8][BC_COLUMNS];
} palettes;

/* The two values that each block of a row stores. */
typedef struct ends {
    uint16_t first[BC_COLUMNS], second[BC_COLUMNS];
} ends;

/* A seventh of at most 7 * 255: 9363 / 2^16 is 1/7 + 5/458752, exact below 13107. */
static inline uint16_t seventh(uint16_t sum)
{
    return (uint16_t)(sum * 9363u >> 16);
}

/* A fifth of at most 5 * 255: 13108 / 2^16 is 1/5 + 4/327680, exact below 16384. */
static inline uint16_t fifth(uint16_t sum)
{
    return (uint16_t)(sum * 13108u >> 16);
}

/* Value 1 + i, for i from 1 to 6, of each block. A block has six means, or four and then 0 and 255:
 * for those two, i of 5 and 6, `limit` is the value. */
static inline void make_mean(const ends *e, uint16_t i, uint16_t limit, uint8_t *values)
{
    for (uint32_t x = 0; x < BC_COLUMNS; x++) {
        const uint16_t a = e->first[x], b = e->second[x];
        const uint16_t six = a > b ? 0xffff : 0;
        const uint16_t of_six = seventh((uint16_t)((7 - i) * a + i * b));
        const uint16_t of_four = i < 5 ? fifth((uint16_t)((5 - i) * a + i * b)) : limit;
        values[x] = (uint8_t)((of_six & six) | (of_four & ~six));
    }
}

static void make_palettes(const uint8_t *blocks, size_t stride_bytes, palettes *out)
{
    ends e;
    for (uint32_t x = 0; x < BC_COLUMNS; x++) {
        e.first[x] = out->value[0][x] = blocks[x * stride_bytes];
        e.second[x] = out->value[1][x] = blocks[x * stride_bytes + 1];
    }
    for (uint16_t i = 1; i < 7; i++) {
        make_mean(&e, i, i == 5 ? 0 : 255, out->value[1 + i]);
    }
}

void bc4_unpack_halves(const uint8_t *blocks, size_t stride_bytes,
                       uint8_t values[4][VT_PAGE_TEXELS])
{
    palettes p;
    make_palettes(blocks, stride_bytes, &p);
    for (uint32_t x = 0; x < BC_COLUMNS; x++) {
        const uint8_t *palette = &p.value[0][x];
        uint64_t block;
        memcpy(&block, blocks + x * stride_bytes, sizeof block);
        uint64_t choices = (block >> 16) * BC_COLUMNS; /* each an offset in the table */
        for (uint32_t row = 0; row < BC_SIDE; row++, choices >>= 12) {
            uint8_t *to = &values[row][x * BC_SIDE];
            for (uint32_t i = 0; i < BC_SIDE; i++) {
                to[i] = palette[choices >> 3 * i & 7 * BC_COLUMNS];
            }
        }
    }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "choices and texels lie lowest first");

void bc4_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t y = 0; y < BC_COLUMNS; y++) {
        uint8_t values[BC_SIDE][VT_PAGE_TEXELS];
        bc4_unpack_halves(blocks + y * BC_COLUMNS * BLOCK_BYTES, BLOCK_BYTES, values);
        for (uint32_t row = 0; row < BC_SIDE; row++) {
            uint32_t texels[VT_PAGE_TEXELS];
            for (uint32_t x = 0; x < VT_PAGE_TEXELS; x++) {
                const uint32_t value = values[row][x];
                texels[x] = value | value << 8 | value << 16 | 0xff000000u;
            }
            memcpy(rgba + (y * BC_SIDE + row) * row_bytes, texels, sizeof texels);
        }
    }
}

void bc4_pack_block(const uint8_t *texels, uint32_t channel, uint8_t *block)
{
    uint8_t values[BC_TEXELS];
    bc_get_channel(texels, channel, values);
    stb_compress_bc4_block(block, values);
}

void bc4_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    uint8_t texels[BC_RGBA_BYTES];
    for (uint32_t i = 0; i < BC_COUNT; i++) {
        bc_get(rgba, i, texels);
        bc4_pack_block(texels, 0, blocks + i * BLOCK_BYTES);
    }
}
