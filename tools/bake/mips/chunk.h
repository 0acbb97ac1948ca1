/* chunk.h: a rectangle of a picture with what lies round it, and pages cut out of it. Pure; any
 * thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_CHUNK_H
#define MEGABUDDY_TOOLS_BAKE_CHUNK_H

#include "engine/page/page.h"
#include "tools/bake/source.h"

/* Texels of RGBA in memory: rows [top, …) and columns [left, …) of a picture, and beyond it. */
typedef struct chunk {
    int64_t left, top;
    uint32_t width, height;
    uint8_t *rgba;
    size_t row_bytes;
} chunk;

/* Fills a chunk from a source. Beyond the picture's left and right edge lies its other edge where
 * it wraps, else its last column once more; beyond top and bottom the last row. */
void chunk_fill(const source *from, uint32_t worker, const chunk *to);

/* Copies the page whose first payload texel is (x, y), border and all: 128 x 128 texels of RGBA.
 * The chunk holds all of it. */
void chunk_cut(const chunk *from, const vt_shape *shape, int64_t x, int64_t y, uint8_t *page);

/* The column, or row, that stands at `at`: wrapped, or the nearest of `count`. */
static inline uint32_t chunk_nearest(int64_t at, uint32_t count, bool wrap)
{
    if (wrap) {
        const int64_t rest = at % (int64_t)count;
        return (uint32_t)(rest < 0 ? rest + (int64_t)count : rest);
    }
    return at < 0 ? 0 : at < (int64_t)count ? (uint32_t)at : count - 1;
}

#endif
