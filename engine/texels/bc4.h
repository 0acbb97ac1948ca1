/* bc4.h: one page of texels from BC4 to RGBA8 and back, for an atlas that is not in the format of
 * the page file. One channel is stored. Pure; any thread.
 *
 * A block of eight bytes is two values, then sixteen choices of three bits among eight values: the
 * two and six means of them where the first is the larger one, else the two, four means, 0 and 255.
 * Means are weighted in sevenths or fifths, rounded down. BC5 is two such blocks beside each other,
 * and the alpha of BC3 is one: both are unpacked and packed here too. */
#ifndef MEGABUDDY_ENGINE_BC4_H
#define MEGABUDDY_ENGINE_BC4_H

#include "engine/vt_shared.h"

#include <stddef.h>
#include <stdint.h>

/* blocks: texel_page_bytes(VT_TEXEL_BC4); rgba: rows of texels `row_bytes` apart, written once and
 * never read. Grey, alpha 255. */
void bc4_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes);

/* Unpacks one row of BC blocks, which lie stride_bytes apart, to four rows of values. */
void bc4_unpack_halves(const uint8_t *blocks, size_t stride_bytes,
                       uint8_t values[4][VT_PAGE_TEXELS]);

/* Packs a page, with loss: its red channel. Rows of rgba follow each other. */
void bc4_pack_page(const uint8_t *rgba, uint8_t *blocks);

/* Packs one BC block: channel `channel` (0 red … 3 alpha) of texels as bc_get gives them. */
void bc4_pack_block(const uint8_t *texels, uint32_t channel, uint8_t *block);

#endif
