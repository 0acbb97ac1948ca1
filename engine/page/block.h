/* block.h: a page of texels as blocks of 4x4, for those who pack them. Pure; any thread. */
#ifndef MEGABUDDY_ENGINE_BLOCK_H
#define MEGABUDDY_ENGINE_BLOCK_H

#include "engine/page/texel.h"

#include <string.h>

enum {
    BLOCK_SIDE = 4,                              /* texels */
    BLOCK_COLUMNS = VT_PAGE_TEXELS / BLOCK_SIDE, /* of a page, and rows of them */
    BLOCK_COUNT = BLOCK_COLUMNS * BLOCK_COLUMNS, /* of a page, row by row */
    BLOCK_TEXELS = BLOCK_SIDE * BLOCK_SIDE,
    BLOCK_RGBA_BYTES = BLOCK_TEXELS * 4,
};

/* The texels of block `index` of a page of RGBA8, row by row. */
static inline void block_get(const uint8_t *rgba, uint32_t index, uint8_t texels[BLOCK_RGBA_BYTES])
{
    const size_t row_bytes = texel_row_bytes(VT_TEXEL_RGBA8), part = BLOCK_SIDE * 4;
    const uint8_t *corner =
        rgba + index / BLOCK_COLUMNS * BLOCK_SIDE * row_bytes + index % BLOCK_COLUMNS * part;
    for (uint32_t row = 0; row < BLOCK_SIDE; row++) {
        memcpy(texels + row * part, corner + row * row_bytes, part);
    }
}

/* One channel of them: 0 red … 3 alpha. */
static inline void block_get_channel(const uint8_t texels[BLOCK_RGBA_BYTES], uint32_t channel,
                                     uint8_t values[BLOCK_TEXELS])
{
    for (uint32_t i = 0; i < BLOCK_TEXELS; i++) {
        values[i] = texels[4 * i + channel];
    }
}

#endif
