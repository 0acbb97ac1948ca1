/* bc.h: a page of texels as BC blocks: the squares of 4x4 texels that BC1, BC3, BC4 and BC5 store
 * by 8 or 16 bytes each. (Elsewhere a block is a buddy's.) For those who pack and unpack them.
 * Pure; any thread. */
#ifndef MEGABUDDY_ENGINE_BC_H
#define MEGABUDDY_ENGINE_BC_H

#include "engine/page/texel.h"

#include <string.h>

enum {
    BC_SIDE = 4,                           /* texels */
    BC_COLUMNS = VT_PAGE_TEXELS / BC_SIDE, /* BC blocks in a row of a page, and rows of them */
    BC_COUNT = BC_COLUMNS * BC_COLUMNS,    /* of a page, row by row */
    BC_TEXELS = BC_SIDE * BC_SIDE,
    BC_RGBA_BYTES = BC_TEXELS * 4,
};

/* The texels of BC block `index` of a page of RGBA8, row by row. */
static inline void bc_get(const uint8_t *rgba, uint32_t index, uint8_t texels[BC_RGBA_BYTES])
{
    const size_t row_bytes = texel_row_bytes(VT_TEXEL_RGBA8), part = BC_SIDE * 4;
    const uint8_t *corner =
        rgba + index / BC_COLUMNS * BC_SIDE * row_bytes + index % BC_COLUMNS * part;
    for (uint32_t row = 0; row < BC_SIDE; row++) {
        memcpy(texels + row * part, corner + row * row_bytes, part);
    }
}

/* One channel of a block's texels: 0 red … 3 alpha. */
static inline void bc_get_channel(const uint8_t texels[BC_RGBA_BYTES], uint32_t channel,
                                  uint8_t values[BC_TEXELS])
{
    for (uint32_t i = 0; i < BC_TEXELS; i++) {
        values[i] = texels[4 * i + channel];
    }
}

#endif
