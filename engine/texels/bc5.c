/* bc5.c: a BC5 block is two halves of eight bytes, one a channel. */
#include "engine/texels/bc5.h"

#include "engine/page/bc.h"
#include "engine/texels/bc4.h"

#define BLOCK_BYTES 16

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a word lie lowest first");

/* Each half is unpacked like BC4; a row is put together in a buffer, since the target is written
 * only once. */
void bc5_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes)
{
    for (uint32_t y = 0; y < BC_COLUMNS; y++) {
        const uint8_t *halves = blocks + y * BC_COLUMNS * BLOCK_BYTES;
        uint8_t red[BC_SIDE][VT_PAGE_TEXELS], green[BC_SIDE][VT_PAGE_TEXELS];
        bc4_unpack_halves(halves, BLOCK_BYTES, red);
        bc4_unpack_halves(halves + BLOCK_BYTES / 2, BLOCK_BYTES, green);
        for (uint32_t row = 0; row < BC_SIDE; row++) {
            uint32_t texels[VT_PAGE_TEXELS];
            for (uint32_t x = 0; x < VT_PAGE_TEXELS; x++) {
                texels[x] = red[row][x] | (uint32_t)green[row][x] << 8 | 0xffff0000u;
            }
            memcpy(rgba + (y * BC_SIDE + row) * row_bytes, texels, sizeof texels);
        }
    }
}

void bc5_pack_page(const uint8_t *rgba, uint8_t *blocks)
{
    uint8_t texels[BC_RGBA_BYTES];
    for (uint32_t i = 0; i < BC_COUNT; i++) {
        uint8_t *block = blocks + (size_t)i * BLOCK_BYTES;
        bc_get(rgba, i, texels);
        bc4_pack_block(texels, 0, block);
        bc4_pack_block(texels, 1, block + BLOCK_BYTES / 2);
    }
}
