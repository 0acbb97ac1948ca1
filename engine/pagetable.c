/* pagetable.c: all that ever happens is one thing: below page p, what showed one resident page now
 * shows another. An entry equals the entry of its nearest resident ancestor bit for bit, so "who
 * showed it" is a comparison of whole entries, and where a mip holds none, no finer one does. */
#include "engine/pagetable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIRTY_RECTS = 8,    /* kept apart on each mip: a camera looks at few places */
    MERGE_ENTRIES = 64, /* most entries written without need to save a call: 256 bytes */
};

/* Entries x0 … x1 - 1 by y0 … y1 - 1 of one mip; empty when x0 >= x1. */
typedef struct span {
    uint32_t x0, y0, x1, y1;
} span;

/* Every entry == its own page's when that is mapped, else its parent's; without a parent 0. A page
 * is mapped when its entry names its own mip. */
struct pagetable {
    page_shape shape;
    uint32_t *levels[PAGE_MAX_MIPS]; /* into one block, which begins at levels[0] */
    uint32_t dirty_count[PAGE_MAX_MIPS];
    span dirty[PAGE_MAX_MIPS][DIRTY_RECTS];
};

static uint64_t entry_count(const page_shape *s)
{
    uint64_t count = 0;
    for (uint32_t mip = 0; mip < s->mips; mip++) {
        count += (uint64_t)page_table_width(s, mip) * page_table_height(s, mip);
    }
    return count;
}

uint64_t pagetable_memory_bytes(const page_shape *shape)
{
    return sizeof(pagetable) + entry_count(shape) * sizeof(uint32_t);
}

pagetable *pagetable_create(const page_shape *shape)
{
    assert(shape->mips >= 1 && shape->mips <= PAGE_MAX_MIPS);
    pagetable *pt = calloc(1, sizeof *pt);
    uint32_t *entries = calloc(entry_count(shape), sizeof *entries);
    if (pt == NULL || entries == NULL) {
        free(pt);
        free(entries);
        return NULL;
    }
    pt->shape = *shape;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        pt->levels[mip] = entries;
        entries += (size_t)page_table_width(shape, mip) * page_table_height(shape, mip);
        /* the GPU's copy holds nothing yet: all of it is to be written once */
        pt->dirty[mip][0] =
            (span){0, 0, page_table_width(shape, mip), page_table_height(shape, mip)};
        pt->dirty_count[mip] = 1;
    }
    return pt;
}

void pagetable_destroy(pagetable *pt)
{
    if (pt != NULL) {
        free(pt->levels[0]);
        free(pt);
    }
}

/* --- rectangles --- */

static uint64_t span_area(span s)
{
    return (uint64_t)(s.x1 - s.x0) * (s.y1 - s.y0);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static span span_union(span a, span b)
{
    return (span){least(a.x0, b.x0), least(a.y0, b.y0), most(a.x1, b.x1), most(a.y1, b.y1)};
}

/* Entries that joining a and b would write without need; negative where they overlap. */
static int64_t span_waste(span a, span b)
{
    return (int64_t)span_area(span_union(a, b)) - (int64_t)span_area(a) - (int64_t)span_area(b);
}

/* Adds changed entries to a mip's dirty rectangles: joined with the one that it wastes least with,
 * unless it is far from all and there is room for one more. */
static void mark_dirty(pagetable *pt, uint32_t mip, span changed)
{
    span *rects = pt->dirty[mip];
    uint32_t best = 0;
    int64_t best_waste = INT64_MAX;
    for (uint32_t i = 0; i < pt->dirty_count[mip]; i++) {
        const int64_t waste = span_waste(rects[i], changed);
        if (waste < best_waste) {
            best_waste = waste;
            best = i;
        }
    }
    if (best_waste > MERGE_ENTRIES && pt->dirty_count[mip] < DIRTY_RECTS) {
        rects[pt->dirty_count[mip]++] = changed;
    } else {
        rects[best] = span_union(rects[best], changed);
    }
}

bool pagetable_take_dirty(pagetable *pt, pagetable_rect *out)
{
    for (uint32_t mip = pt->shape.mips; mip-- > 0;) {
        if (pt->dirty_count[mip] > 0) {
            const span s = pt->dirty[mip][--pt->dirty_count[mip]];
            *out = (pagetable_rect){mip, s.x0, s.y0, s.x1 - s.x0, s.y1 - s.y0};
            return true;
        }
    }
    return false;
}

/* --- entries --- */

/* Whether p has a place in the table; padding has one too. */
static bool has_place(const pagetable *pt, vt_page p)
{
    return p.mip < pt->shape.mips && p.x < page_table_width(&pt->shape, p.mip) &&
           p.y < page_table_height(&pt->shape, p.mip);
}

static uint32_t entry_at(const pagetable *pt, uint32_t mip, uint32_t x, uint32_t y)
{
    return pt->levels[mip][(size_t)y * page_table_width(&pt->shape, mip) + x];
}

static uint32_t entry_make(uint32_t slot_x, uint32_t slot_y, uint32_t mip, uint32_t fade)
{
    assert(slot_x < 256 && slot_y < 256 && fade < 256);
    return fade << VT_ENTRY_FADE_SHIFT | UINT32_C(1) << VT_ENTRY_OK_SHIFT |
           mip << VT_ENTRY_MIP_SHIFT | slot_y << VT_ENTRY_Y_SHIFT | slot_x;
}

static bool entry_ok(uint32_t entry)
{
    return (entry >> VT_ENTRY_OK_SHIFT & 1) != 0;
}

static uint32_t entry_mip(uint32_t entry)
{
    return entry >> VT_ENTRY_MIP_SHIFT & 15;
}

/* What stands in for p when p is not resident. */
static uint32_t entry_above(const pagetable *pt, vt_page p)
{
    if (p.mip + 1u >= pt->shape.mips) {
        return 0;
    }
    const vt_page parent = page_parent(p);
    return entry_at(pt, parent.mip, parent.x, parent.y);
}

/* Replaces `from` by `to` inside `area` of a mip. Returns the bounding box of what changed. */
static span replace_in(pagetable *pt, uint32_t mip, span area, uint32_t from, uint32_t to)
{
    const size_t stride = page_table_width(&pt->shape, mip);
    span changed = {.x0 = UINT32_MAX, .y0 = UINT32_MAX};
    for (uint32_t y = area.y0; y < area.y1; y++) {
        uint32_t *row = pt->levels[mip] + y * stride;
        for (uint32_t x = area.x0; x < area.x1; x++) {
            if (row[x] == from) {
                row[x] = to;
                changed = span_union(changed, (span){x, y, x + 1, y + 1});
            }
        }
    }
    return changed;
}

/* The entries of the next finer mip that lie below `area`. */
static span span_below(const pagetable *pt, uint32_t mip, span area)
{
    const uint32_t width = page_table_width(&pt->shape, mip - 1);
    const uint32_t height = page_table_height(&pt->shape, mip - 1);
    return (span){2 * area.x0, 2 * area.y0, least(2 * area.x1, width), least(2 * area.y1, height)};
}

/* p and all below it that showed `from` shows `to`. Goes on only below what changed: an entry that
 * showed something else hides all under it. */
static void replace(pagetable *pt, vt_page p, uint32_t from, uint32_t to)
{
    if (from == to) {
        return;
    }
    span area = {p.x, p.y, p.x + 1u, p.y + 1u};
    for (uint32_t mip = p.mip;; mip--) {
        const span changed = replace_in(pt, mip, area, from, to);
        if (changed.x0 >= changed.x1) {
            return;
        }
        mark_dirty(pt, mip, changed);
        if (mip == 0) {
            return;
        }
        area = span_below(pt, mip, changed);
    }
}

void pagetable_map(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y, uint32_t fade)
{
    assert(page_exists(&pt->shape, p) && !pagetable_is_mapped(pt, p));
    replace(pt, p, pagetable_entry(pt, p), entry_make(slot_x, slot_y, p.mip, fade));
}

void pagetable_unmap(pagetable *pt, vt_page p)
{
    assert(pagetable_is_mapped(pt, p));
    replace(pt, p, pagetable_entry(pt, p), entry_above(pt, p));
}

void pagetable_set_fade(pagetable *pt, vt_page p, uint32_t fade)
{
    assert(pagetable_is_mapped(pt, p) && fade < 256);
    const uint32_t entry = pagetable_entry(pt, p);
    const uint32_t without = entry & ~(UINT32_C(255) << VT_ENTRY_FADE_SHIFT);
    replace(pt, p, entry, without | fade << VT_ENTRY_FADE_SHIFT);
}

bool pagetable_is_mapped(const pagetable *pt, vt_page p)
{
    if (!has_place(pt, p)) {
        return false;
    }
    const uint32_t entry = pagetable_entry(pt, p);
    return entry_ok(entry) && entry_mip(entry) == p.mip;
}

uint32_t pagetable_entry(const pagetable *pt, vt_page p)
{
    assert(has_place(pt, p));
    return entry_at(pt, p.mip, p.x, p.y);
}

const uint32_t *pagetable_level(const pagetable *pt, uint32_t mip)
{
    assert(mip < pt->shape.mips);
    return pt->levels[mip];
}

/* --- check --- */

/* One bit an atlas slot: two pages in one slot are a wrong picture that no rule below sees. */
typedef struct slot_set {
    uint64_t words[256 * 256 / 64];
} slot_set;

static bool slot_set_add(slot_set *set, uint32_t slot)
{
    const uint64_t bit = UINT64_C(1) << (slot & 63);
    const bool added = (set->words[slot >> 6] & bit) == 0;
    set->words[slot >> 6] |= bit;
    return added;
}

static const char *check_entry(const pagetable *pt, vt_page p, slot_set *slots)
{
    const uint32_t entry = pagetable_entry(pt, p);
    const uint32_t known = UINT32_C(255) << VT_ENTRY_FADE_SHIFT | UINT32_C(0x1fffff);
    if ((entry & ~known) != 0 || (!entry_ok(entry) && entry != 0)) {
        return "page table: an entry has stray bits";
    }
    if (!pagetable_is_mapped(pt, p)) {
        return entry == entry_above(pt, p)
                   ? NULL
                   : "page table: an entry is not its nearest resident ancestor's";
    }
    if (!page_exists(&pt->shape, p)) {
        return "page table: a page of the padding is mapped";
    }
    return slot_set_add(slots, entry & 0xffff) ? NULL : "page table: two pages share a slot";
}

const char *pagetable_check(const pagetable *pt)
{
    slot_set slots;
    memset(&slots, 0, sizeof slots);
    for (uint32_t mip = 0; mip < pt->shape.mips; mip++) {
        for (uint32_t y = 0; y < page_table_height(&pt->shape, mip); y++) {
            for (uint32_t x = 0; x < page_table_width(&pt->shape, mip); x++) {
                const vt_page p = {1, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
                const char *wrong = check_entry(pt, p, &slots);
                if (wrong != NULL) {
                    return wrong;
                }
            }
        }
    }
    return NULL;
}
