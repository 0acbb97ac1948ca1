/* band.c: which rows of a mip are held, and which are still needed:
 *
 *     dropped │ rows that a page to be cut, or the next mip, still needs │ new rows │ not made yet
 *             first                                                                 end
 *
 * Rows are numbered from the top of the mip. band_drop moves `first` on. */
#include "tools/bake/mips/band.h"

#include "tools/bake/mips/chunk.h"

#include <stdlib.h>
#include <string.h>

enum { TEXEL_BYTES = 4, PAGE_ROW_BYTES = VT_PAGE_TEXELS * TEXEL_BYTES };

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A band holds what the next row of pages needs, with both borders, the new rows of a step, and two
 * rows for the next mip to halve. */
bool band_open(const vt_shape *shape, uint32_t mip, uint32_t layer_count, uint32_t step, band *b)
{
    *b = (band){
        .mip = mip,
        .width = page_mip_width(shape, mip),
        .height = page_mip_height(shape, mip),
        .page_rows = page_rows(shape, mip),
        .columns = page_columns(shape, mip),
        .layer_count = layer_count,
    };
    b->capacity = smaller(b->height, shape->payload + 2 * shape->border + step + 2);
    bool enough = true;
    for (uint32_t i = 0; i < layer_count; i++) {
        b->texels[i] = malloc((size_t)b->capacity * b->width * TEXEL_BYTES);
        enough = enough && b->texels[i] != NULL;
    }
    return enough;
}

void band_close(band *b)
{
    for (uint32_t i = 0; i < b->layer_count; i++) {
        free(b->texels[i]);
    }
    *b = (band){0};
}

bool band_has_page_row(const band *b, const vt_shape *shape)
{
    return b->next_page_row < b->page_rows &&
           b->end >= smaller(b->height, (b->next_page_row + 1) * shape->payload + shape->border);
}

/* A row is needed until its page row has been cut, and until the next mip has halved it. */
void band_drop(band *b, const vt_shape *shape, uint32_t coarser_end)
{
    uint32_t keep = smaller(b->end, 2 * coarser_end);
    if (b->next_page_row < b->page_rows) {
        const uint32_t top = b->next_page_row * shape->payload;
        keep = smaller(keep, top > shape->border ? top - shape->border : 0);
    }
    if (keep > b->first) {
        const size_t bytes = (size_t)(b->end - keep) * b->width * TEXEL_BYTES;
        for (uint32_t i = 0; i < b->layer_count; i++) {
            memmove(b->texels[i], band_row(b, i, keep), bytes);
        }
        b->first = keep;
    }
}

/* Copies one row of a page. Beyond the picture's edge its border wraps or repeats the last
 * texel. */
static void cut_row(const uint8_t *row, uint32_t width, int64_t left, bool wrap, uint8_t *out)
{
    if (left >= 0 && left + VT_PAGE_TEXELS <= (int64_t)width) {
        memcpy(out, row + left * TEXEL_BYTES, PAGE_ROW_BYTES);
        return;
    }
    for (int i = 0; i < VT_PAGE_TEXELS; i++) {
        const uint32_t x = chunk_nearest(left + i, width, wrap);
        memcpy(out + i * TEXEL_BYTES, row + (size_t)x * TEXEL_BYTES, TEXEL_BYTES);
    }
}

void band_cut(const band *b, const vt_shape *shape, bool wrap, uint32_t layer, uint32_t x,
              uint8_t *page)
{
    const int64_t left = (int64_t)x * shape->payload - shape->border;
    const int64_t top = (int64_t)b->next_page_row * shape->payload - shape->border;
    for (int i = 0; i < VT_PAGE_TEXELS; i++) {
        const uint32_t row = chunk_nearest(top + i, b->height, false);
        cut_row(band_row(b, layer, row), b->width, left, wrap, page + i * PAGE_ROW_BYTES);
    }
}
