/* convert.c: RGBA8 is in the middle: each format unpacks to it and packs from it. */
#include "engine/texels/convert.h"

#include "engine/texels/bc1.h"
#include "engine/texels/bc3.h"
#include "engine/texels/bc4.h"
#include "engine/texels/bc5.h"

#include <string.h>

#define BLOCKS_MAX_BYTES (VT_PAGE_TEXELS * VT_PAGE_TEXELS) /* BC3 and BC5: 16 bytes a block */

/* Rows that follow each other become rows that are `row_bytes` apart. */
static void spread_rows(vt_texel_format format, const uint8_t *rows, uint8_t *target,
                        size_t row_bytes)
{
    const size_t bytes = texel_row_bytes(format);
    for (uint32_t y = 0; y < texel_page_rows(format); y++) {
        memcpy(target + y * row_bytes, rows + y * bytes, bytes);
    }
}

static void unpack(vt_texel_format from, const uint8_t *source, uint8_t *rgba, size_t row_bytes)
{
    switch (from) {
    case VT_TEXEL_BC1:
        bc1_unpack_rows(source, rgba, row_bytes);
        break;
    case VT_TEXEL_BC3:
        bc3_unpack_rows(source, rgba, row_bytes);
        break;
    case VT_TEXEL_BC4:
        bc4_unpack_rows(source, rgba, row_bytes);
        break;
    case VT_TEXEL_BC5:
        bc5_unpack_rows(source, rgba, row_bytes);
        break;
    case VT_TEXEL_RGBA8:
    case VT_TEXEL_NONE:
        break;
    }
}

/* Packs a page to memory of its own first, since the target may not be read and its rows are
 * apart. */
static void pack(const uint8_t *rgba, vt_texel_format to, uint8_t *target, size_t row_bytes)
{
    uint8_t blocks[BLOCKS_MAX_BYTES];
    switch (to) {
    case VT_TEXEL_BC1:
        bc1_pack_page(rgba, blocks);
        break;
    case VT_TEXEL_BC3:
        bc3_pack_page(rgba, blocks);
        break;
    case VT_TEXEL_BC4:
        bc4_pack_page(rgba, blocks);
        break;
    case VT_TEXEL_BC5:
        bc5_pack_page(rgba, blocks);
        break;
    case VT_TEXEL_RGBA8:
    case VT_TEXEL_NONE:
        return;
    }
    spread_rows(to, blocks, target, row_bytes);
}

/* Between two compressed formats, by way of RGBA8. */
static void repack(vt_texel_format from, const uint8_t *source, vt_texel_format to, uint8_t *target,
                   size_t row_bytes)
{
    uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    unpack(from, source, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
    pack(rgba, to, target, row_bytes);
}

bool texels_can_convert(vt_texel_format from, vt_texel_format to)
{
    return texel_page_bytes(from) > 0 && texel_page_bytes(to) > 0;
}

bool texels_convert(vt_texel_format from, const void *source, vt_texel_format to, void *target,
                    size_t row_bytes)
{
    if (!texels_can_convert(from, to)) {
        return false;
    }
    if (from == to) {
        spread_rows(to, source, target, row_bytes);
    } else if (to == VT_TEXEL_RGBA8) {
        unpack(from, source, target, row_bytes);
    } else if (from == VT_TEXEL_RGBA8) {
        pack(source, to, target, row_bytes);
    } else {
        repack(from, source, to, target, row_bytes);
    }
    return true;
}

void texels_fill_grey(vt_texel_format format, void *target, size_t row_bytes)
{
    /* 16 bytes of each kind: four texels, or one or two BC blocks. A half of bytes 0x80 has two
     * equal values, or two equal colours of a dull grey, and every choice is one of these or lies
     * between them. */
    static const uint8_t HALVES[16] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                       0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    static const uint8_t TEXELS[16] = {0x80, 0x80, 0x80, 0xff, 0x80, 0x80, 0x80, 0xff,
                                       0x80, 0x80, 0x80, 0xff, 0x80, 0x80, 0x80, 0xff};
    static const uint8_t OPAQUE[16] = {0xff, 0xff, 0,    0,    0,    0,    0,    0,
                                       0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    const uint8_t *unit = format == VT_TEXEL_RGBA8 ? TEXELS
                          : format == VT_TEXEL_BC3 ? OPAQUE
                                                   : HALVES;
    uint8_t *at = target;
    for (uint32_t y = 0; y < texel_page_rows(format); y++, at += row_bytes) {
        for (size_t x = 0; x < texel_row_bytes(format); x += sizeof HALVES) {
            memcpy(at + x, unit, sizeof HALVES);
        }
    }
}
