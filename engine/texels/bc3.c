/* bc3.c: a BC3 block is two halves of eight bytes: alpha, then colours. A row of blocks is unpacked
 * to a buffer first, since the colours have to be read again to get their alpha, and the target may
 * not be read. */
#include "engine/texels/bc3.h"

#include "engine/page/bc.h"
#include "engine/texels/bc1.h"
#include "engine/texels/bc4.h"

enum { BLOCK_BYTES = 16, HALF_BYTES = 8 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "alpha is a word's highest byte");

void bc3_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t y = 0; y < BC_COLUMNS; y++) {
        const uint8_t *halves = blocks + y * BC_COLUMNS * BLOCK_BYTES;
        uint8_t alpha[BC_SIDE][VT_PAGE_TEXELS];
        uint32_t texels[BC_SIDE][VT_PAGE_TEXELS];
        bc4_unpack_halves(halves, BLOCK_BYTES, alpha);
        bc1_unpack_halves(halves + HALF_BYTES, BLOCK_BYTES, (uint8_t *)texels, sizeof texels[0]);
        for (uint32_t row = 0; row < BC_SIDE; row++) {
            for (uint32_t x = 0; x < VT_PAGE_TEXELS; x++) {
                texels[row][x] = (texels[row][x] & 0xffffffu) | (uint32_t)alpha[row][x] << 24;
            }
            memcpy(rgba + (y * BC_SIDE + row) * row_bytes, texels[row], sizeof texels[row]);
        }
    }
}

void bc3_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    uint8_t texels[BC_RGBA_BYTES];
    for (uint32_t i = 0; i < BC_COUNT; i++) {
        uint8_t *block = blocks + (size_t)i * BLOCK_BYTES;
        bc_get(rgba, i, texels);
        bc4_pack_block(texels, 3, block);
        bc1_pack_block(texels, block + HALF_BYTES);
    }
}
