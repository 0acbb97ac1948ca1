/* pagetable.h: the CPU's copy of the page table: for every page of every mip, the nearest resident
 * page at or above it, and the nearest above that one. The GPU's copy follows by dirty rectangles.
 *
 *     mip 0  [ a a b B ]   a lower-case letter: an ancestor's slot stands in for the page
 *     mip 1  [  A   b  ]   behind each stands its own nearest ancestor: behind B (mip 0) B (mip 2)
 *     mip 2  [    B    ]
 *
 * With both in one entry a fragment finds the two pages that trilinear filtering mixes with one
 * fetch. An entry's bits are VT_ENTRY_* of engine/vt_shared.h, its place in the table page.h's.
 * Threads: the conductor's only. */
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

/* Page p is resident from now on, in the atlas slot (slot_x, slot_y): it stands in for itself and
 * for all below it that have nothing nearer. Precondition: it exists and is not mapped, and no
 * other page is in that slot. fade: 0 … 255. Costs as many entries as then name it: one for a page
 * of mip 0. */
void pagetable_map(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y, uint32_t fade);

/* Page p has moved to another slot. Precondition: mapped. */
void pagetable_move(pagetable *pt, vt_page p, uint32_t slot_x, uint32_t slot_y);

/* Page p is no longer resident: its nearest resident ancestor stands in. Precondition: mapped. */
void pagetable_unmap(pagetable *pt, vt_page p);

/* Changes how far a mapped page has faded in, wherever it is shown. */
void pagetable_set_fade(pagetable *pt, vt_page p, uint32_t fade);

bool pagetable_is_mapped(const pagetable *pt, vt_page p);
uint64_t pagetable_entry(const pagetable *pt, vt_page p); /* what the shader would read there */

/* The mip that is shown where p is wanted: its own, when it is resident. Where nothing is, the
 * last.
 */
uint32_t pagetable_shown_mip(const pagetable *pt, vt_page p);

/* All entries, row by row; rows are page_table_width() apart. */
const uint64_t *pagetable_entries(const pagetable *pt);

/* Takes the next rectangle that has changed since it was last taken, coarsest mip first; false: no
 * more. At first all of it is dirty. */
bool pagetable_take_dirty(pagetable *pt, pagetable_rect *out);

const char *pagetable_check(const pagetable *pt); /* NULL when every entry is what the rule says */

#endif
