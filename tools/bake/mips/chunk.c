/* chunk.c: fills a chunk from a source, and cuts pages out of it. A chunk reaches beyond the
 * picture's edges by the border of its outer pages:
 *
 *            ┌───────────────┐
 *    before  │ first row     │  rows above and below the picture repeat its first and last row;
 *            ├───┬───────┬───┤  columns left and right of it continue at the other edge when it
 *    inside  │   │picture│   │  wraps, and else repeat the nearest column
 *            ├───┴───────┴───┤
 *            │ last row      │
 *            └───────────────┘ */
#include "tools/bake/mips/chunk.h"

#include <assert.h>
#include <string.h>

#define TEXEL_BYTES 4

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Fills rows [first, first + count) of the chunk, which are rows y and on of the picture, in runs
 * of columns that are neighbours in the picture too. */
static void fill_rows(const source *from, uint32_t worker, const chunk *to, uint32_t y,
                      uint32_t first, uint32_t count)
{
    uint32_t done = 0;
    while (done < to->width) {
        const uint32_t x = chunk_nearest(to->left + done, from->width, true);
        const uint32_t run = smaller(to->width - done, from->width - x);
        uint8_t *at = to->rgba + first * to->row_bytes + (size_t)done * TEXEL_BYTES;
        from->fill(from->context, worker, (source_rect){x, y, run, count}, at, to->row_bytes);
        done += run;
    }
}

/* The same for a picture that does not wrap: beyond its left and right edge the last column is
 * repeated. It is filled once and copied, since the source would make the same texel a hundred
 * times. */
static void fill_clamped(const source *from, uint32_t worker, const chunk *to, uint32_t y,
                         uint32_t first, uint32_t count)
{
    const uint32_t before = to->left < 0 ? (uint32_t)-to->left : 0;
    const uint32_t inside =
        smaller(to->width - before, (uint32_t)(from->width - (to->left + before)));
    chunk middle = *to;
    middle.left += before;
    middle.width = inside;
    middle.rgba += (size_t)before * TEXEL_BYTES;
    fill_rows(from, worker, &middle, y, first, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *row = to->rgba + (first + i) * to->row_bytes;
        const uint8_t *left = row + (size_t)before * TEXEL_BYTES;
        for (uint32_t x = 0; x < before; x++) {
            memcpy(row + (size_t)x * TEXEL_BYTES, left, TEXEL_BYTES);
        }
        const uint8_t *right = left + (size_t)(inside - 1) * TEXEL_BYTES;
        for (uint32_t x = before + inside; x < to->width; x++) {
            memcpy(row + (size_t)x * TEXEL_BYTES, right, TEXEL_BYTES);
        }
    }
}

/* Copies a row of the chunk to another one. */
static void copy_row(const chunk *to, uint32_t from, uint32_t row)
{
    memcpy(to->rgba + row * to->row_bytes, to->rgba + from * to->row_bytes,
           (size_t)to->width * TEXEL_BYTES);
}

void chunk_fill(const source *from, uint32_t worker, const chunk *to)
{
    const uint32_t before = to->top < 0 ? (uint32_t)-to->top : 0;
    const uint32_t y = (uint32_t)(to->top + before);
    assert(y < from->height && before < to->height);
    const uint32_t inside = smaller(to->height - before, from->height - y);
    if (from->wrap_x) {
        fill_rows(from, worker, to, y, before, inside);
    } else {
        fill_clamped(from, worker, to, y, before, inside);
    }
    for (uint32_t row = 0; row < before; row++) {
        copy_row(to, before, row);
    }
    for (uint32_t row = before + inside; row < to->height; row++) {
        copy_row(to, before + inside - 1, row);
    }
}

#define ROW_BYTES (VT_PAGE_TEXELS * TEXEL_BYTES)

void chunk_cut(const chunk *from, const vt_shape *shape, int64_t x, int64_t y, uint8_t *page)
{
    const size_t left = (size_t)(x - shape->border - from->left);
    const size_t top = (size_t)(y - shape->border - from->top);
    assert(left + VT_PAGE_TEXELS <= from->width && top + VT_PAGE_TEXELS <= from->height);
    const uint8_t *at = from->rgba + top * from->row_bytes + left * TEXEL_BYTES;
    for (uint32_t row = 0; row < VT_PAGE_TEXELS; row++) {
        memcpy(page + row * (size_t)ROW_BYTES, at + row * from->row_bytes, ROW_BYTES);
    }
}
