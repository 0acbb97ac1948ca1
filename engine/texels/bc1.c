/* bc1.c: unpacks a row of BC blocks at a time: first the four colours of each block, channel by
 * channel, in loops over 16-bit lanes that the compiler makes vectors of; then the texels, four at
 * a time.
 *
 * A texel's choice, 0 to 3, is two bits, low and high. With the differences of the colours, bit by
 * bit,
 *
 *     texel = first ^ (low ? first ^ second : 0) ^ (high ? first ^ third : 0)
 *                   ^ (low and high ? first ^ second ^ third ^ fourth : 0)
 *
 * low and high are masks over four texels, from a table by their byte of choices: two loads instead
 * of four lookups. */
#include "engine/texels/bc1.h"

#include "engine/page/bc.h"

#include <stdbool.h>

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb_dxt.h>

enum {
    BLOCKS = BC_COLUMNS,
    BLOCK_BYTES = 8,
};

/* Texels are put together as words: red in the lowest byte is red in the first. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a word lie lowest first");

/* Four texels beside each other. */
typedef uint32_t quad __attribute__((vector_size(16)));

/* ---- masks: all ones in each texel whose choice, of four in a byte, has its low bit ---- */

#define LOW_BIT(byte, texel) (0u - (1u & (byte) >> 2 * (texel)))
#define MASKS_1(byte)                                                          \
    {                                                                          \
        LOW_BIT(byte, 0), LOW_BIT(byte, 1), LOW_BIT(byte, 2), LOW_BIT(byte, 3) \
    }
#define MASKS_4(byte)  MASKS_1(byte), MASKS_1(byte + 1), MASKS_1(byte + 2), MASKS_1(byte + 3)
#define MASKS_16(byte) MASKS_4(byte), MASKS_4(byte + 4), MASKS_4(byte + 8), MASKS_4(byte + 12)
#define MASKS_64(byte) MASKS_16(byte), MASKS_16(byte + 16), MASKS_16(byte + 32), MASKS_16(byte + 48)

/* The masks of low bits, by byte of choices; those of high bits are LOW[byte >> 1]. */
static const quad LOW[256] = {MASKS_64(0), MASKS_64(64), MASKS_64(128), MASKS_64(192)};

/* ---- palettes ---- */

/* A row of BC blocks. */
typedef struct block_row {
    const uint8_t *first;
    size_t stride_bytes;
    bool always_four; /* whatever the order of the two colours that are stored */
} block_row;

/* The two colours that each block of a row stores, 5 + 6 + 5 bits. four: all ones where a block has
 * four colours, zero where it has three. */
typedef struct ends {
    uint16_t first[BLOCKS], second[BLOCKS], four[BLOCKS];
} ends;

/* Each block's four colours in the form that texels are made of: the first one, and by what a texel
 * differs from it if its choice has the low bit, the high bit, or both. */
typedef struct palettes {
    uint32_t first[BLOCKS], low[BLOCKS], high[BLOCKS], both[BLOCKS];
} palettes;

/* One channel of each block's four colours, or two channels, a byte each. */
typedef struct lanes {
    uint16_t colour[4][BLOCKS];
} lanes;

static inline void read_ends(const block_row *row, ends *e)
{
    for (uint32_t x = 0; x < BLOCKS; x++) {
        memcpy(&e->first[x], row->first + x * row->stride_bytes, 2);
        memcpy(&e->second[x], row->first + x * row->stride_bytes + 2, 2);
    }
    for (uint32_t x = 0; x < BLOCKS; x++) {
        e->four[x] = row->always_four || e->first[x] > e->second[x] ? 0xffff : 0;
    }
}

/* A third of at most 3 * 255: 21846 / 2^16 is 1/3 + 1/98304, exact below 2^15. */
static inline uint16_t third(uint16_t sum)
{
    return (uint16_t)(sum * 21846u >> 16);
}

/* Widens a channel of `bits` to eight by repeating its highest bits. */
static inline uint16_t expand(uint16_t packed, uint32_t shift, uint32_t bits)
{
    const uint32_t value = packed >> shift & ((1u << bits) - 1);
    return (uint16_t)(value << (8 - bits) | value >> (2 * bits - 8));
}

/* One channel, `bits` wide, at `shift`. Where a block has three colours, the fourth is 0. */
static inline void make_channel(const ends *e, uint32_t shift, uint32_t bits, lanes *out)
{
    for (uint32_t x = 0; x < BLOCKS; x++) {
        const uint16_t a = expand(e->first[x], shift, bits), b = expand(e->second[x], shift, bits);
        const uint16_t four = e->four[x];
        const uint16_t near_a = third((uint16_t)(2 * a + b)), near_b = third((uint16_t)(a + 2 * b));
        const uint16_t middle = (uint16_t)(a + b) >> 1;
        out->colour[0][x] = a;
        out->colour[1][x] = b;
        out->colour[2][x] = (uint16_t)((near_a & four) | (middle & ~four));
        out->colour[3][x] = near_b & four;
    }
}

/* Puts green beside red, and alpha beside blue: 255, but 0 in the fourth colour of a block that has
 * three. */
static inline void join_channels(const ends *e, lanes *red, const lanes *green, lanes *blue)
{
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t x = 0; x < BLOCKS; x++) {
            red->colour[i][x] |= (uint16_t)(green->colour[i][x] << 8);
            blue->colour[i][x] |= 0xff00;
        }
    }
    for (uint32_t x = 0; x < BLOCKS; x++) {
        blue->colour[3][x] &= e->four[x];
    }
}

/* Joins both halves of the colours, and makes their differences. */
static inline void join_lanes(const lanes *red_green, const lanes *blue_alpha, palettes *out)
{
    for (uint32_t x = 0; x < BLOCKS; x++) {
        uint32_t colour[4];
        for (uint32_t i = 0; i < 4; i++) {
            colour[i] = red_green->colour[i][x] | (uint32_t)blue_alpha->colour[i][x] << 16;
        }
        out->first[x] = colour[0];
        out->low[x] = colour[0] ^ colour[1];
        out->high[x] = colour[0] ^ colour[2];
        out->both[x] = colour[0] ^ colour[1] ^ colour[2] ^ colour[3];
    }
}

static inline void make_palettes(const block_row *row, palettes *out)
{
    ends e;
    lanes red, green, blue;
    read_ends(row, &e);
    make_channel(&e, 11, 5, &red);
    make_channel(&e, 5, 6, &green);
    make_channel(&e, 0, 5, &blue);
    join_channels(&e, &red, &green, &blue);
    join_lanes(&red, &blue, out);
}

/* ---- texels ---- */

static inline quad repeat(uint32_t texel)
{
    return (quad){texel, texel, texel, texel};
}

/* Four rows of texels from one row of blocks. */
static inline void unpack_row(const block_row *blocks, uint8_t *rgba, size_t row_bytes)
{
    palettes p;
    make_palettes(blocks, &p);
    for (uint32_t x = 0; x < BLOCKS; x++) {
        const uint8_t *choices = blocks->first + x * blocks->stride_bytes + 4;
        const quad first = repeat(p.first[x]), if_low = repeat(p.low[x]);
        const quad if_high = repeat(p.high[x]), if_both = repeat(p.both[x]);
        for (uint32_t row = 0; row < 4; row++) {
            const quad low = LOW[choices[row]], high = LOW[choices[row] >> 1];
            const quad texels = first ^ (low & if_low) ^ (high & (if_high ^ (low & if_both)));
            memcpy(rgba + row * row_bytes + x * sizeof texels, &texels, sizeof texels);
        }
    }
}

void bc1_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t y = 0; y < BLOCKS; y++) {
        const block_row row = {blocks + y * BLOCKS * BLOCK_BYTES, BLOCK_BYTES, false};
        unpack_row(&row, rgba + y * 4 * row_bytes, row_bytes);
    }
}

void bc1_unpack_halves(const uint8_t *halves, size_t stride_bytes, uint8_t *rgba, size_t row_bytes)
{
    unpack_row(&(block_row){halves, stride_bytes, true}, rgba, row_bytes);
}

/* Makes all alpha equal first: the packer compares all four channels when it looks for blocks of
 * one colour. */
void bc1_pack_block(const uint8_t *texels, uint8_t *block)
{
    uint8_t opaque[BC_RGBA_BYTES];
    memcpy(opaque, texels, sizeof opaque);
    for (uint32_t i = 0; i < BC_TEXELS; i++) {
        opaque[4 * i + 3] = 255;
    }
    stb_compress_dxt_block(block, opaque, 0, STB_DXT_HIGHQUAL);
}

void bc1_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    uint8_t texels[BC_RGBA_BYTES];
    for (uint32_t i = 0; i < BC_COUNT; i++) {
        bc_get(rgba, i, texels);
        bc1_pack_block(texels, blocks + i * BLOCK_BYTES);
    }
}
