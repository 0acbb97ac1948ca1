/* pagetable.c: one rule makes every entry out of its parent's: the entry of a resident page names
 * the page itself, and behind it the page that its parent's entry names; any other entry is a copy
 * of its parent's. So a change is written at its page, and the rule is applied again to the entries
 * below, as far down as they change. */
#include "engine/vram/pagetable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIRTY_RECTS = 8,    /* kept apart on each mip: a camera looks at few places */
    MERGE_ENTRIES = 64, /* most needless entries written to save a call: 512 bytes */
};

/* Entries x0 … x1 - 1 by y0 … y1 - 1 of one mip; empty when x0 >= x1. */
typedef struct span {
    uint32_t x0, y0, x1, y1;
} span;

/* Every entry is what entry_by_rule() makes of its parent's. A page is mapped when its entry names
 * its own mip. */
struct pagetable {
    vt_shape shape;
    uint32_t width; /* entries in a row of the table */
    uint64_t *entries;
    uint32_t dirty_count[VT_MAX_MIPS];
    span dirty[VT_MAX_MIPS][DIRTY_RECTS]; /* in pages of that mip */
};

static uint64_t entry_count(const vt_shape *s)
{
    return (uint64_t)page_table_width(s) * page_table_height(s);
}

uint64_t pagetable_memory_bytes(const vt_shape *shape)
{
    return sizeof(pagetable) + entry_count(shape) * sizeof(uint64_t);
}

static span all_of(const vt_shape *s, uint32_t mip)
{
    return (span){0, 0, page_columns(s, mip), page_rows(s, mip)};
}

pagetable *pagetable_create(const vt_shape *shape)
{
    assert(shape->mips >= 1 && shape->mips <= VT_MAX_MIPS);
    pagetable *pt = calloc(1, sizeof *pt);
    uint64_t *entries = calloc(entry_count(shape), sizeof *entries);
    if (pt == NULL || entries == NULL) {
        free(pt);
        free(entries);
        return NULL;
    }
    pt->shape = *shape;
    pt->width = page_table_width(shape);
    pt->entries = entries;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        /* the GPU's copy holds nothing yet: all of it is to be written once */
        pt->dirty[mip][0] = all_of(shape, mip);
        pt->dirty_count[mip] = 1;
    }
    return pt;
}

void pagetable_destroy(pagetable *pt)
{
    if (pt != NULL) {
        free(pt->entries);
        free(pt);
    }
}

/* ---- rectangles ---- */

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

/* Adds changed entries to a mip's dirty rectangles: joins them with the rectangle where that writes
 * the fewest needless entries, unless all are far away and there is room for one more. */
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
            *out = (pagetable_rect){.x = page_table_left(&pt->shape, mip) + s.x0,
                                    .y = page_table_top(&pt->shape, mip) + s.y0,
                                    .width = s.x1 - s.x0,
                                    .height = s.y1 - s.y0};
            return true;
        }
    }
    return false;
}

/* ---- entries ---- */

/* What a page itself brings into its entry: slot, mip, fade. */
#define OWN_BITS                                                                           \
    (UINT64_C(0xffff) << VT_ENTRY_SLOT_SHIFT | UINT64_C(15) << (32 + VT_ENTRY_MIP_SHIFT) | \
     UINT64_C(1) << (32 + VT_ENTRY_OK_SHIFT) | UINT64_C(255) << (32 + VT_ENTRY_FADE_SHIFT))

static uint64_t own_make(uint32_t slot_x, uint32_t slot_y, uint32_t mip, uint32_t fade)
{
    assert(slot_x < 256 && slot_y < 256 && fade < 256);
    return (uint64_t)(slot_y << 8 | slot_x) << VT_ENTRY_SLOT_SHIFT |
           (uint64_t)(mip << VT_ENTRY_MIP_SHIFT | UINT32_C(1) << VT_ENTRY_OK_SHIFT |
                      fade << VT_ENTRY_FADE_SHIFT)
               << 32;
}

static uint32_t entry_slot(uint64_t entry)
{
    return (uint32_t)entry >> VT_ENTRY_SLOT_SHIFT & 0xffff;
}

static bool entry_ok(uint64_t entry)
{
    return (entry >> (32 + VT_ENTRY_OK_SHIFT) & 1) != 0;
}

static uint32_t entry_mip(uint64_t entry)
{
    return (uint32_t)(entry >> (32 + VT_ENTRY_MIP_SHIFT)) & 15;
}

/* What an entry names, in the bits of the coarser page behind another; it has no fade there. */
static uint64_t behind(uint64_t entry)
{
    return (uint64_t)entry_slot(entry) << VT_ENTRY_COARSE_SLOT_SHIFT |
           (uint64_t)(entry_mip(entry) << VT_ENTRY_COARSE_MIP_SHIFT |
                      (uint32_t)entry_ok(entry) << VT_ENTRY_COARSE_OK_SHIFT)
               << 32;
}

static bool has_place(const pagetable *pt, vt_page p)
{
    return page_exists(&pt->shape, p);
}

static uint64_t *entry_at(const pagetable *pt, uint32_t mip, uint32_t x, uint32_t y)
{
    const size_t row = page_table_top(&pt->shape, mip) + y;
    return &pt->entries[row * pt->width + page_table_left(&pt->shape, mip) + x];
}

static uint64_t *entry_of(const pagetable *pt, vt_page p)
{
    return entry_at(pt, p.mip, p.x, p.y);
}

/* The entry of p's parent; 0 above the last mip. */
static uint64_t entry_above(const pagetable *pt, vt_page p)
{
    return p.mip + 1u < pt->shape.mips ? *entry_of(pt, page_parent(p)) : 0;
}

/* What the rule makes of an entry of `mip`, given its parent's, `above`. */
static uint64_t entry_by_rule(uint64_t entry, uint32_t mip, uint64_t above)
{
    const bool mapped = entry_ok(entry) && entry_mip(entry) == mip;
    return mapped ? (entry & OWN_BITS) | behind(above) : above;
}

/* Applies the rule inside `area`, of a mip that is not the last. Returns the bounding box of the
 * entries that changed. */
static span renew_area(pagetable *pt, uint32_t mip, span area)
{
    span changed = {.x0 = UINT32_MAX, .y0 = UINT32_MAX};
    for (uint32_t y = area.y0; y < area.y1; y++) {
        uint64_t *row = entry_at(pt, mip, 0, y);
        const uint64_t *above = entry_at(pt, mip + 1, 0, y >> 1);
        for (uint32_t x = area.x0; x < area.x1; x++) {
            const uint64_t renewed = entry_by_rule(row[x], mip, above[x >> 1]);
            if (row[x] != renewed) {
                row[x] = renewed;
                changed = span_union(changed, (span){x, y, x + 1, y + 1});
            }
        }
    }
    return changed;
}

/* The pages of the next finer mip that lie below `area`. */
static span span_below(const pagetable *pt, uint32_t mip, span area)
{
    const uint32_t columns = page_columns(&pt->shape, mip - 1);
    const uint32_t rows = page_rows(&pt->shape, mip - 1);
    return (span){2 * area.x0, 2 * area.y0, least(2 * area.x1, columns), least(2 * area.y1, rows)};
}

/* Writes p's entry and renews those below it. Goes on only below entries that changed: one that
 * stays as it was hides all changes above it from what lies below. */
static void write_entry(pagetable *pt, vt_page p, uint64_t entry)
{
    uint64_t *at = entry_of(pt, p);
    span changed = {p.x, p.y, p.x + 1u, p.y + 1u};
    if (*at == entry) {
        return;
    }
    *at = entry;
    mark_dirty(pt, p.mip, changed);
    for (uint32_t mip = p.mip; mip > 0; mip--) {
        changed = renew_area(pt, mip - 1, span_below(pt, mip, changed));
        if (changed.x0 >= changed.x1) {
            return;
        }
        mark_dirty(pt, mip - 1, changed);
    }
}

/* Changes a mapped page's own bits: slot and fade. */
static void write_own(pagetable *pt, vt_page p, uint64_t own)
{
    write_entry(pt, p, own | (pagetable_entry(pt, p) & ~OWN_BITS));
}

void pagetable_map(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y, uint32_t fade)
{
    assert(has_place(pt, p) && !pagetable_is_mapped(pt, p));
    write_entry(pt, p, own_make(slot_x, slot_y, p.mip, fade) | behind(entry_above(pt, p)));
}

void pagetable_move(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y)
{
    assert(pagetable_is_mapped(pt, p));
    const uint32_t fade = (uint32_t)(pagetable_entry(pt, p) >> (32 + VT_ENTRY_FADE_SHIFT));
    write_own(pt, p, own_make(slot_x, slot_y, p.mip, fade));
}

/* The page's entry becomes a copy of its parent's, by the rule. */
void pagetable_unmap(pagetable *pt, vt_page p)
{
    assert(pagetable_is_mapped(pt, p));
    write_entry(pt, p, entry_above(pt, p));
}

void pagetable_set_fade(pagetable *pt, vt_page p, uint32_t fade)
{
    assert(pagetable_is_mapped(pt, p) && fade < 256);
    const uint32_t slot = entry_slot(pagetable_entry(pt, p));
    write_own(pt, p, own_make(slot & 255, slot >> 8, p.mip, fade));
}

bool pagetable_is_mapped(const pagetable *pt, vt_page p)
{
    if (!has_place(pt, p)) {
        return false;
    }
    const uint64_t entry = *entry_of(pt, p);
    return entry_ok(entry) && entry_mip(entry) == p.mip;
}

uint64_t pagetable_entry(const pagetable *pt, vt_page p)
{
    assert(has_place(pt, p));
    return *entry_of(pt, p);
}

uint32_t pagetable_shown_mip(const pagetable *pt, vt_page p)
{
    const uint64_t entry = pagetable_entry(pt, p);
    return entry_ok(entry) ? entry_mip(entry) : pt->shape.mips - 1;
}

const uint64_t *pagetable_entries(const pagetable *pt)
{
    return pt->entries;
}

/* ---- check ---- */

/* One bit an atlas slot: two pages in one slot make a wrong picture without breaking the rule. */
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
    const uint64_t entry = pagetable_entry(pt, p);
    if (entry != entry_by_rule(entry, p.mip, entry_above(pt, p))) {
        return "page table: an entry is not what its parent's makes of it";
    }
    if (!pagetable_is_mapped(pt, p)) {
        return NULL;
    }
    return slot_set_add(slots, entry_slot(entry)) ? NULL : "page table: two pages share a slot";
}

const char *pagetable_check(const pagetable *pt)
{
    slot_set slots;
    memset(&slots, 0, sizeof slots);
    for (uint32_t mip = 0; mip < pt->shape.mips; mip++) {
        const span all = all_of(&pt->shape, mip);
        for (uint32_t y = 0; y < all.y1; y++) {
            for (uint32_t x = 0; x < all.x1; x++) {
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
