/* texel.h: how the texels of a page are laid out in bytes, on disk and in the atlas. Pure. */
#ifndef MEGABUDDY_ENGINE_TEXEL_H
#define MEGABUDDY_ENGINE_TEXEL_H

#include "engine/vt_types.h"

#include <stddef.h>
#include <stdint.h>

#define TEXEL_PAGE_MAX_BYTES (VT_PAGE_TEXELS * VT_PAGE_TEXELS * 4)

/* Bytes of one page of `format`; 0 for a format that does not exist. */
static inline size_t texel_page_bytes(vt_texel_format format)
{
    switch (format) {
    case VT_TEXEL_RGBA8:
        return TEXEL_PAGE_MAX_BYTES;
    case VT_TEXEL_BC1:
    case VT_TEXEL_BC4:
        return VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2;
    case VT_TEXEL_BC3:
    case VT_TEXEL_BC5:
        return VT_PAGE_TEXELS * VT_PAGE_TEXELS;
    case VT_TEXEL_NONE:
        break;
    }
    return 0;
}

/* Rows of a page, of texels or of BC blocks; 0 for a format that does not exist. */
static inline uint32_t texel_page_rows(vt_texel_format format)
{
    return format == VT_TEXEL_NONE    ? 0
           : format == VT_TEXEL_RGBA8 ? VT_PAGE_TEXELS
                                      : VT_PAGE_TEXELS / 4;
}

/* Bytes of one such row. */
static inline size_t texel_row_bytes(vt_texel_format format)
{
    const uint32_t rows = texel_page_rows(format);
    return rows ? texel_page_bytes(format) / rows : 0;
}

static inline const char *texel_format_name(vt_texel_format format)
{
    switch (format) {
    case VT_TEXEL_RGBA8:
        return "rgba8";
    case VT_TEXEL_BC1:
        return "bc1";
    case VT_TEXEL_BC3:
        return "bc3";
    case VT_TEXEL_BC4:
        return "bc4";
    case VT_TEXEL_BC5:
        return "bc5";
    case VT_TEXEL_NONE:
        break;
    }
    return "none";
}

#endif
