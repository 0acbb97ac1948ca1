/* bc1.h: packing RGBA texels into BC1 blocks, and back. Pure; any thread. */
#ifndef TOOLS_BC1_H
#define TOOLS_BC1_H

#include <stdint.h>

/* Packs a page of VT_PAGE_TEXELS x VT_PAGE_TEXELS RGBA texels; alpha is dropped. */
void bc1_encode_page(const uint8_t *rgba, uint8_t *blocks);

/* Unpacks a page; alpha is 255, or 0 where a block says transparent. */
void bc1_decode_page(const uint8_t *blocks, uint8_t *rgba);

#endif
