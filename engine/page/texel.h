/* texel.h: how the texels of a page are laid out in bytes, on disk and in the atlas. Pure. */
#ifndef MEGABUDDY_ENGINE_TEXEL_H
#define MEGABUDDY_ENGINE_TEXEL_H

#include "shaders/shared.h"

#include <stddef.h>
#include <stdint.h>

/* Values are part of the page file: never renumber. */
typedef enum texel_format {
    TEXEL_NONE = 0,
    TEXEL_RGBA8 = 1, /* 4 bytes a texel, rows top down */
    TEXEL_BC1 = 2,   /* 8 bytes a BC block of 4x4 texels, rows of blocks top down */
    TEXEL_BC5 = 3,   /* 16 bytes a block, likewise; two channels: a normal's x and y */
    TEXEL_BC3 = 4,   /* 16 bytes a block; colours as in BC1, with an alpha of their own */
    TEXEL_BC4 = 5,   /* 8 bytes a block; one channel: heights or masks */
} texel_format;

#define TEXEL_PAGE_MAX_BYTES (VT_PAGE_TEXELS * VT_PAGE_TEXELS * 4)

/* Bytes of one page of `format`; 0 for a format that does not exist. */
static inline size_t texel_page_bytes(texel_format format)
{
    switch (format) {
    case TEXEL_RGBA8:
        return TEXEL_PAGE_MAX_BYTES;
    case TEXEL_BC1:
    case TEXEL_BC4:
        return VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2;
    case TEXEL_BC3:
    case TEXEL_BC5:
        return VT_PAGE_TEXELS * VT_PAGE_TEXELS;
    case TEXEL_NONE:
        break;
    }
    return 0;
}

/* Rows of a page, of texels or of BC blocks; 0 for a format that does not exist. */
static inline uint32_t texel_page_rows(texel_format format)
{
    return format == TEXEL_NONE ? 0 : format == TEXEL_RGBA8 ? VT_PAGE_TEXELS : VT_PAGE_TEXELS / 4;
}

/* Bytes of one such row. */
static inline size_t texel_row_bytes(texel_format format)
{
    const uint32_t rows = texel_page_rows(format);
    return rows ? texel_page_bytes(format) / rows : 0;
}

static inline const char *texel_format_name(texel_format format)
{
    switch (format) {
    case TEXEL_RGBA8:
        return "rgba8";
    case TEXEL_BC1:
        return "bc1";
    case TEXEL_BC3:
        return "bc3";
    case TEXEL_BC4:
        return "bc4";
    case TEXEL_BC5:
        return "bc5";
    case TEXEL_NONE:
        break;
    }
    return "none";
}

#endif
