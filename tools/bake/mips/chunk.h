/* chunk.h: a rectangle of a picture with the border that its pages need, and pages cut out of it:
 * what a worker of the baker makes at a time. Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_CHUNK_H
#define MEGABUDDY_TOOLS_BAKE_CHUNK_H

#include "engine/page/page.h"
#include "tools/bake/source.h"

/* Texels of RGBA in memory: rows [top, …) and columns [left, …) of a picture, which may reach
 * beyond it. */
typedef struct chunk {
    int64_t left, top;
    uint32_t width, height;
    uint8_t *rgba;
    size_t row_bytes;
} chunk;

/* Fills a chunk from a source. Beyond the picture's left and right edge a picture that wraps goes
 * on from its other edge, others repeat the last column; beyond top and bottom the last row is
 * repeated. */
void chunk_fill(const source *from, uint32_t worker, const chunk *to);

/* Copies the page whose first payload texel is (x, y), with its border: 128 x 128 texels of RGBA,
 * all of which lie in the chunk. */
void chunk_cut(const chunk *from, const vt_shape *shape, int64_t x, int64_t y, uint8_t *page);

/* The column, or row, to take for `at`: wrapped, or the nearest of `count`. */
static inline uint32_t chunk_nearest(int64_t at, uint32_t count, bool wrap)
{
    if (wrap) {
        const int64_t rest = at % (int64_t)count;
        return (uint32_t)(rest < 0 ? rest + (int64_t)count : rest);
    }
    return at < 0 ? 0 : at < (int64_t)count ? (uint32_t)at : count - 1;
}

#endif
