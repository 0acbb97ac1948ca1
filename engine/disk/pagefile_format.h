/* pagefile_format.h: the bytes of a .mega file, for its reader and its writer. Pure; any thread.
 *
 * Header, 256 bytes, little-endian; bytes that are not named are zero:
 *
 *     at  bytes  what
 *      0   8     magic: 89 4D 45 47 41 0D 0A 1A (a transfer as text damages it visibly)
 *      8   4     version
 *     12   4     crc32c of the 256 bytes with these four zero
 *     16   4     width at mip 0, texels
 *     20   4     height at mip 0, texels
 *     24   4     border, texels
 *     28   4     mips; follows from the three above, kept as a check
 *     32   4     kind
 *     36   4     flags; bit 0: wraps in x
 *     40   4     layers
 *     48   8     bytes of the whole file
 *     56   8     offset of the index
 *     64   8     bytes of the index
 *     72   4     crc32c of the index
 *     76   4     width of the heights, 0: none
 *     80   4     height of the heights
 *     84   4     crc32c of the heights as stored
 *     88   8     offset of the heights
 *     96   8     bytes of the heights as stored
 *    104  24     layer 0: format (4), flags (4; bit 0: sRGB, bit 1: lossy), name (12,
 *                NUL-terminated), zero (4)
 *    128  24 x3  layers 1, 2, 3
 *
 * Index entry, 24 bytes: offset (8), bytes (4), crc32c (4), codec (4), zero (4). The entry of layer
 * l of page (m, x, y) is number (first(m) + y * columns(m) + x) * layers + l, where first(m) counts
 * the pages of all finer mips. Version 1 has formats 1 to 3, codecs 0 and 1, and no lossy layers;
 * all else is the same. Data of a page begin at a multiple of PAGEFILE_ALIGN bytes. */
#ifndef MEGABUDDY_ENGINE_PAGEFILE_FORMAT_H
#define MEGABUDDY_ENGINE_PAGEFILE_FORMAT_H

#include "engine/disk/pagefile.h"
#include "engine/page/crc32c.h"

#define PAGEFILE_MAGIC "\x89MEGA\r\n\x1a"

enum {
    PAGEFILE_MAGIC_BYTES = 8,
    PAGEFILE_ALIGN = 16,            /* an aligned load may read a page's first bytes; costs 0.1 % */
    PAGEFILE_MAX_HEIGHTS = 32768,   /* samples a side */
    PAGEFILE_FLAG_WRAP_X = 1u << 0, /* header */
    PAGEFILE_FLAG_SRGB = 1u << 0,   /* layer */
    PAGEFILE_FLAG_LOSSY = 1u << 1,  /* layer */

    PAGEFILE_AT_VERSION = 8,
    PAGEFILE_AT_CRC = 12,
    PAGEFILE_AT_WIDTH = 16,
    PAGEFILE_AT_HEIGHT = 20,
    PAGEFILE_AT_BORDER = 24,
    PAGEFILE_AT_MIPS = 28,
    PAGEFILE_AT_KIND = 32,
    PAGEFILE_AT_FLAGS = 36,
    PAGEFILE_AT_LAYERS = 40,
    PAGEFILE_AT_FILE_BYTES = 48,
    PAGEFILE_AT_INDEX_OFFSET = 56,
    PAGEFILE_AT_INDEX_BYTES = 64,
    PAGEFILE_AT_INDEX_CRC = 72,
    PAGEFILE_AT_HEIGHTS_WIDTH = 76,
    PAGEFILE_AT_HEIGHTS_HEIGHT = 80,
    PAGEFILE_AT_HEIGHTS_CRC = 84,
    PAGEFILE_AT_HEIGHTS_OFFSET = 88,
    PAGEFILE_AT_HEIGHTS_BYTES = 96,
    PAGEFILE_AT_LAYER = 104,
    PAGEFILE_LAYER_BYTES = 24,
};

_Static_assert(PAGEFILE_AT_LAYER + VT_MAX_LAYERS * PAGEFILE_LAYER_BYTES <= PAGEFILE_HEADER_BYTES,
               "the layers fit into the header");
_Static_assert(8 + VT_NAME_BYTES + 4 == PAGEFILE_LAYER_BYTES, "a layer's record is full");

static inline uint32_t format_get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t format_get64(const uint8_t *at)
{
    return format_get32(at) | (uint64_t)format_get32(at + 4) << 32;
}

static inline void format_put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static inline void format_put64(uint8_t *at, uint64_t value)
{
    format_put32(at, (uint32_t)value);
    format_put32(at + 4, (uint32_t)(value >> 32));
}

/* The crc32c of a header, its own field taken as zero. */
static inline uint32_t format_header_crc(const uint8_t header[PAGEFILE_HEADER_BYTES])
{
    uint8_t copy[PAGEFILE_HEADER_BYTES];
    for (int i = 0; i < PAGEFILE_HEADER_BYTES; i++) {
        copy[i] = header[i];
    }
    format_put32(copy + PAGEFILE_AT_CRC, 0);
    return crc32c(0, copy, sizeof copy);
}

/* Pages of the mips finer than `mip`: the index of that mip's first page. */
static inline uint32_t format_first_page(const vt_shape *shape, uint32_t mip)
{
    uint32_t first = 0;
    for (uint32_t m = 0; m < mip; m++) {
        first += page_columns(shape, m) * page_rows(shape, m);
    }
    return first;
}

#endif
