/* bc1.h: one page of texels from BC1 to RGBA8 and back, for an atlas that is not in the format of
 * the page file. Pure; any thread.
 *
 * Unpacking is exact and the same everywhere: 5 and 6 bits grow to 8 by repeating their highest
 * bits, and the colours between the two stored ones are (2 * a + b) / 3 or (a + b) / 2 of those
 * bytes, rounded down: the arithmetic of the format's reference without rounding bias. Both kinds
 * of block are read; where a block has three colours, the fourth is transparent black. */
#ifndef MEGABUDDY_ENGINE_BC1_H
#define MEGABUDDY_ENGINE_BC1_H

#include "engine/page/texel.h"

/* blocks: texel_page_bytes(VT_TEXEL_BC1). The page's rows of texels begin row_bytes apart at `rgba`,
 * which is written once and never read. */
void bc1_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes);

/* Unpacks one row of BC blocks that always have four colours, as the colour halves of BC3 do:
 * `halves` lie stride_bytes apart. Gives four rows of texels, alpha 255. */
void bc1_unpack_halves(const uint8_t *halves, size_t stride_bytes, uint8_t *rgba, size_t row_bytes);

/* Packs a page, with loss. Alpha is dropped: every block is opaque. At least fifteen times slower
 * than unpacking. The baker packs with this too. */
void bc1_pack_page(const uint8_t *rgba, uint8_t *blocks);

/* Packs one BC block of texels, as bc_get gives them. It has four colours, or two equal ones, so it
 * is a colour half of BC3 too. */
void bc1_pack_block(const uint8_t *texels, uint8_t *block);

#endif
