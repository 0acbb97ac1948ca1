/* band.h: some rows of one mip, from top to bottom, all its layers. One thread, or many that write
 * rows of their own. */
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
    uint32_t next_page_row; /* to be emitted */
} band;

/* Room for `step` new rows at a time beside those that are still needed. false: no memory. */
bool band_open(const vt_shape *shape, uint32_t mip, uint32_t layer_count, uint32_t step, band *b);
void band_close(band *b);

static inline uint8_t *band_row(const band *b, uint32_t layer, uint32_t y)
{
    return b->texels[layer] + (size_t)(y - b->first) * b->width * 4;
}

/* Whether all rows of the next row of pages are there, border included. */
bool band_has_page_row(const band *b, const vt_shape *shape);

/* Lets go of rows that neither a page nor the next mip, which has `coarser_end` rows, needs. */
void band_drop(band *b, const vt_shape *shape, uint32_t coarser_end);

/* Copies page x of the next row of pages with its border, as chunk_cut does. */
void band_cut(const band *b, const vt_shape *shape, bool wrap, uint32_t layer, uint32_t x,
              uint8_t *page);

#endif
