/* pagetable.h: the CPU's copy of the page table: for every page of every mip, the nearest resident
 * page at or above it, and the nearest above that one. Changed rectangles are copied to the GPU.
 *
 *     mip 0  [ a a b B ]   a capital: a resident page, whose entry names its own slot
 *     mip 1  [  A   b  ]   a small letter: the entry names that ancestor's slot instead
 *     mip 2  [    B    ]   behind it each names the next ancestor: behind B (mip 0) is B (mip 2)
 *
 * With both in one entry, a fragment finds the two pages that trilinear filtering mixes with one
 * fetch. engine/vt_shared.h has an entry's bits (VT_ENTRY_*), page.h its place in the table. Threads:
 * the conductor's only. */
#ifndef MEGABUDDY_ENGINE_PAGETABLE_H
#define MEGABUDDY_ENGINE_PAGETABLE_H

#include "engine/page/page.h"

typedef struct pagetable pagetable;

/* A rectangle of the table, in entries. */
typedef struct pagetable_rect {
    uint32_t x, y, width, height;
} pagetable_rect;

pagetable *pagetable_create(const vt_shape *shape);     /* NULL: no memory */
void pagetable_destroy(pagetable *pt);                  /* NULL does nothing */
uint64_t pagetable_memory_bytes(const vt_shape *shape); /* of RAM; pure */

/* Makes page p resident in the atlas slot (slot_x, slot_y): it is shown for itself, and for all
 * pages below it that have nothing nearer. Writes as many entries as name it then: one for a page
 * of mip 0. fade: 0 … 255. Precondition: p exists and is not mapped, and no other page is in that
 * slot. */
void pagetable_map(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y, uint32_t fade);

/* Moves page p to another slot. Precondition: it is mapped. */
void pagetable_move(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y);

/* Makes page p absent: its nearest resident ancestor is shown instead. Precondition: p is
 * mapped. */
void pagetable_unmap(pagetable *pt, vt_page p);

/* Changes how far a mapped page has faded in, wherever it is shown. */
void pagetable_set_fade(pagetable *pt, vt_page p, uint32_t fade);

bool pagetable_is_mapped(const pagetable *pt, vt_page p);
uint64_t pagetable_entry(const pagetable *pt, vt_page p); /* what the shader would read there */

/* The mip that is shown where p is wanted: p's own if p is resident, and the last mip where nothing
 * is. */
uint32_t pagetable_shown_mip(const pagetable *pt, vt_page p);

/* All entries, row by row; rows are page_table_width() apart. */
const uint64_t *pagetable_entries(const pagetable *pt);

/* Takes the next rectangle that has changed since it was last taken, coarsest mip first; false:
 * there is no more. At first all of the table has changed. */
bool pagetable_take_dirty(pagetable *pt, pagetable_rect *out);

const char *pagetable_check(const pagetable *pt); /* NULL when every entry is what the rule says */

#endif
