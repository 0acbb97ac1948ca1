/* bc3.h: one page of texels from BC3 to RGBA8 and back, for an atlas that is not in the format of
 * the page file. A block is its alpha, as bc4.h says, and its colours, as bc1.h says, of which
 * there are always four. Pure; any thread. */
#ifndef MEGABUDDY_ENGINE_BC3_H
#define MEGABUDDY_ENGINE_BC3_H

#include <stddef.h>
#include <stdint.h>

/* blocks: texel_page_bytes(VT_TEXEL_BC3); rgba: rows of texels `row_bytes` apart, written once and
 * never read. */
void bc3_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes);

/* Packs a page, with loss; rows of rgba follow each other. */
void bc3_pack_page(const uint8_t *rgba, uint8_t *blocks);

#endif
