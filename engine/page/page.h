/* page.h: names of pages, and the pyramid they form. Pure; any thread.
 *
 * A virtual texture is a pyramid of mips, each cut into square pages. A page is stored as
 * VT_PAGE_TEXELS (128) texels a side: a payload in the middle and a border all round, which repeats
 * the neighbours' texels so that a filter may reach across without a second lookup.
 *
 *     |<------------- 128 ------------->|
 *     | border |    payload    | border |
 *
 * A border of 4 leaves a payload of 120 and filters with anisotropy up to 4; a border of 8 leaves
 * 112 and filters with anisotropy up to 8.
 *
 * Mip m has ceil(width / 2^m) x ceil(height / 2^m) texels. Page (m, x, y) holds its texels
 * [x * payload, (x + 1) * payload) x [y * payload, …). The grid of pages is padded to a power of
 * two on each side, so that every mip halves exactly: page (m, x, y) lies over the pages (m - 1, 2x
 * … 2x + 1, 2y … 2y + 1). Pages of the padding do not exist: they are never wanted, and not in the
 * file. The last mip is the one with a single page. */
#ifndef MEGABUDDY_ENGINE_PAGE_H
#define MEGABUDDY_ENGINE_PAGE_H

#include "buddy/tree.h"
#include "engine/vt_types.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PAGE_MAX_GRID = 1 << VT_ID_X_BITS, /* pages a side at mip 0 */
    PAGE_MAX_TEXTURES = (1 << VT_ID_TEXTURE_BITS) - 1,
};

static_assert(VT_ID_X_BITS + VT_ID_Y_BITS + VT_ID_MIP_BITS + VT_ID_TEXTURE_BITS == 32,
              "a page id fills one 32-bit texel");

static inline uint32_t page_pack(vt_page p)
{
    return (uint32_t)p.texture << VT_ID_TEXTURE_SHIFT | (uint32_t)p.mip << VT_ID_MIP_SHIFT |
           (uint32_t)p.y << VT_ID_Y_SHIFT | p.x;
}

static inline vt_page page_unpack(uint32_t id)
{
    const vt_page p = {
        (uint8_t)(id >> VT_ID_TEXTURE_SHIFT),
        (uint8_t)(id >> VT_ID_MIP_SHIFT & ((1u << VT_ID_MIP_BITS) - 1)),
        (uint16_t)(id & ((1u << VT_ID_X_BITS) - 1)),
        (uint16_t)(id >> VT_ID_Y_SHIFT & ((1u << VT_ID_Y_BITS) - 1)),
    };
    return p;
}

/* The page of the next coarser mip that covers p. Precondition: p is not of the last mip. */
static inline vt_page page_parent(vt_page p)
{
    const vt_page parent = {p.texture, (uint8_t)(p.mip + 1), (uint16_t)(p.x >> 1),
                            (uint16_t)(p.y >> 1)};
    return parent;
}

/* Page i, in Morton order, of a cluster, an aligned square of pages, whose first page is
 * `corner`. */
static inline vt_page page_of_cluster(vt_page corner, uint32_t i)
{
    const vt_page p = {corner.texture, corner.mip, (uint16_t)(corner.x + buddy_morton_x(i)),
                       (uint16_t)(corner.y + buddy_morton_y(i))};
    return p;
}

/* Ceiling of value / 2^shift. */
static inline uint32_t page_shift_up(uint32_t value, uint32_t shift)
{
    return (uint32_t)(((uint64_t)value + (UINT64_C(1) << shift) - 1) >> shift);
}

static inline uint32_t page_next_power_of_two(uint32_t value)
{
    uint32_t power = 1;
    while (power < value) {
        power <<= 1;
    }
    return power;
}

/* Texels of mip m. */
static inline uint32_t page_mip_width(const vt_shape *s, uint32_t mip)
{
    return page_shift_up(s->width, mip);
}

static inline uint32_t page_mip_height(const vt_shape *s, uint32_t mip)
{
    return page_shift_up(s->height, mip);
}

/* Pages that exist at mip m: those that hold at least one texel of the picture. */
static inline uint32_t page_columns(const vt_shape *s, uint32_t mip)
{
    return (page_mip_width(s, mip) + s->payload - 1) / s->payload;
}

static inline uint32_t page_rows(const vt_shape *s, uint32_t mip)
{
    return (page_mip_height(s, mip) + s->payload - 1) / s->payload;
}

/* ---- the page table's layout: an entry for each page that exists, all mips in one picture ----
 *
 *     +-------------+------+
 *     |             |  1   |      Mip 0 lies on the left, the others beside it, one below the
 *     |    mip 0    +---+--+      other.
 *     |             | 2 |
 *     |             +-+-+
 *     +-------------+3|
 *
 * A mip's first row follows from shifts alone, so that a shader needs no list of places:
 * y(m) = rows - (rows >> (m - 1)) + (m - 1). That leaves each mip at least the ceil(rows / 2^m)
 * rows that it needs, and at most one to spare. */

/* Column and row of the entry of page (mip, 0, 0). */
static inline uint32_t page_table_left(const vt_shape *s, uint32_t mip)
{
    return mip == 0 ? 0 : page_columns(s, 0);
}

static inline uint32_t page_table_top(const vt_shape *s, uint32_t mip)
{
    const uint32_t rows = page_rows(s, 0);
    return mip == 0 ? 0 : rows - (rows >> (mip - 1)) + (mip - 1);
}

/* The table's size in entries. */
static inline uint32_t page_table_width(const vt_shape *s)
{
    return page_columns(s, 0) + (s->mips > 1 ? page_columns(s, 1) : 0);
}

static inline uint32_t page_table_height(const vt_shape *s)
{
    const uint32_t beside = page_table_top(s, s->mips - 1) + page_rows(s, s->mips - 1);
    return beside > page_rows(s, 0) ? beside : page_rows(s, 0);
}

/* Whether p exists in a texture of this shape (p.texture is not looked at). */
static inline bool page_exists(const vt_shape *s, vt_page p)
{
    return p.mip < s->mips && p.x < page_columns(s, p.mip) && p.y < page_rows(s, p.mip);
}

/* Pages that exist, all mips. */
static inline uint32_t page_count(const vt_shape *s)
{
    return s->first_page[s->mips];
}

/* A number from 0 to page_count - 1 for each page that exists: finest mip first, row by row.
 * Precondition: page_exists. */
static inline uint32_t page_index(const vt_shape *s, vt_page p)
{
    return s->first_page[p.mip] + p.y * page_columns(s, p.mip) + p.x;
}

/* Fills the shape of a texture of width x height texels with `border`. Returns false when a side is
 * zero, the border is neither 4 nor 8, or the grid would exceed PAGE_MAX_GRID. */
static inline bool page_shape_make(uint32_t width, uint32_t height, uint32_t border, vt_shape *out)
{
    if (width == 0 || height == 0 || (border != 4 && border != 8)) {
        return false;
    }
    const uint32_t payload = VT_PAGE_TEXELS - 2 * border;
    if (width > PAGE_MAX_GRID * payload || height > PAGE_MAX_GRID * payload) {
        return false;
    }
    vt_shape s;
    s.width = width;
    s.height = height;
    s.border = border;
    s.payload = payload;
    s.grid_x = page_next_power_of_two((width + payload - 1) / payload);
    s.grid_y = page_next_power_of_two((height + payload - 1) / payload);
    s.mips = 1;
    for (uint32_t side = s.grid_x > s.grid_y ? s.grid_x : s.grid_y; side > 1; side >>= 1) {
        s.mips++;
    }
    s.first_page[0] = 0;
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        const uint32_t pages = mip < s.mips ? page_columns(&s, mip) * page_rows(&s, mip) : 0;
        s.first_page[mip + 1] = s.first_page[mip] + pages;
    }
    *out = s;
    return true;
}

#endif
