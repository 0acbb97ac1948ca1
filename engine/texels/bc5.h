/* bc5.h: one page of texels from BC5 to RGBA8 and back, for an atlas that is not in the format of
 * the page file. Two channels are stored, the red and the green one, each as bc4.h says. Pure; any
 * thread. */
#ifndef MEGABUDDY_ENGINE_BC5_H
#define MEGABUDDY_ENGINE_BC5_H

#include <stddef.h>
#include <stdint.h>

/* blocks: texel_page_bytes(VT_TEXEL_BC5); rgba: rows of texels `row_bytes` apart, written once and
 * never read. Blue and alpha become 255: shaders make a normal's z out of x and y. */
void bc5_unpack_rows(const uint8_t *blocks, uint8_t *rgba, size_t row_bytes);

/* Packs a page, with loss; rows of rgba follow each other. */
void bc5_pack_page(const uint8_t *rgba, uint8_t *blocks);

#endif
