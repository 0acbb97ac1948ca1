/* band.h: a few rows of one mip, moving from top to bottom, in all its layers. One thread, or many
 * that write different rows. */
#ifndef MEGABUDDY_TOOLS_BAKE_BAND_H
#define MEGABUDDY_TOOLS_BAKE_BAND_H

#include "engine/page/page.h"

#include <stddef.h>

/* first <= end <= height; end - first <= capacity. */
typedef struct band {
    uint32_t mip;
    uint32_t width, height; /* texels of this mip */
    uint32_t columns, page_rows;
    uint32_t capacity; /* rows that fit */
    uint32_t layer_count;
    uint8_t *texels[VT_MAX_LAYERS]; /* RGBA, row `first` first */
    /* what changes */
    uint32_t first, end;    /* rows held: [first, end) */
    uint32_t next_page_row; /* of pages, to be cut next */
} band;

/* Makes room for `step` new rows at a time beside those that are still needed. false: no memory. */
bool band_open(const vt_shape *shape, uint32_t mip, uint32_t layer_count, uint32_t step, band *b);
void band_close(band *b);

static inline uint8_t *band_row(const band *b, uint32_t layer, uint32_t y)
{
    return b->texels[layer] + (size_t)(y - b->first) * b->width * 4;
}

/* Whether all rows of the next row of pages are there, border included. */
bool band_has_page_row(const band *b, const vt_shape *shape);

/* Drops rows that neither a page nor the next mip, which has `coarser_end` rows, still needs. */
void band_drop(band *b, const vt_shape *shape, uint32_t coarser_end);

/* Copies page x of the next row of pages with its border, as chunk_cut does. */
void band_cut(const band *b, const vt_shape *shape, bool wrap, uint32_t layer, uint32_t x,
              uint8_t *page);

#endif
