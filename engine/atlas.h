/* atlas.h: which page lies in which slot of the VRAM atlas. No GL here: slots, not texels.
 *
 * The atlas is a grid of slots of 128x128 texels, 2^k wide and of any height up to its width. The
 * buddy core hands them out in Morton order, so that an aligned block of order 2k is a square of
 * 2^k x 2^k slots; slots beyond the height are reserved. How recently a slot was wanted is the
 * atlas' own knowledge: a list in order of use, and a pin for pages that never leave.
 *
 * Threads: the conductor's only. */
#ifndef MEGABUDDY_ENGINE_ATLAS_H
#define MEGABUDDY_ENGINE_ATLAS_H

#include "engine/page.h"

#include "buddy/buddy.h"

typedef struct atlas atlas;

#define ATLAS_NONE UINT32_MAX

enum { ATLAS_MAX_COLUMNS = 256 };

typedef struct atlas_desc {
    uint32_t columns; /* slots; a power of two, at most ATLAS_MAX_COLUMNS */
    uint32_t rows;    /* slots; 1 … columns */
} atlas_desc;

typedef struct atlas_stats {
    uint32_t slots, used, pinned;
    uint64_t placed, evicted;
    double fragmentation; /* 1 - largest free block / free slots; 0 when nothing is free */
} atlas_stats;

atlas *atlas_create(const atlas_desc *desc);         /* NULL: impossible desc or no memory */
void atlas_destroy(atlas *a);                        /* NULL does nothing */
uint64_t atlas_memory_bytes(const atlas_desc *desc); /* of RAM; pure */

/* Puts page into a free slot and marks it wanted at `period`. Returns the slot, a place in Morton
 * order, or ATLAS_NONE when none is free. Precondition: the page is not in the atlas. */
uint32_t atlas_place(atlas *a, uint32_t page_id, uint64_t period);

uint32_t atlas_find(const atlas *a, uint32_t page_id); /* its slot or ATLAS_NONE */
uint32_t atlas_page(const atlas *a, uint32_t slot);    /* the page id there; 0: none */
uint64_t atlas_last_wanted(const atlas *a, uint32_t slot);

/* Marks the page in `slot` as wanted at `period`, the most recently used of that period. Touch a
 * page before its ancestors, and the finest of a period go first. Quick as long as periods do not
 * go back; a period before the one it was last wanted at leaves that one. */
void atlas_touch(atlas *a, uint32_t slot, uint64_t period);

void atlas_pin(atlas *a, uint32_t slot); /* never a victim from now on */

/* The least recently used slot that is not pinned and was last wanted before `period`; ATLAS_NONE
 * when there is none. Does not free it. In constant time. */
uint32_t atlas_victim(const atlas *a, uint64_t period);

void atlas_evict(atlas *a, uint32_t slot); /* frees the slot, and forgets a pin */

static inline uint32_t atlas_slot_x(uint32_t slot);
static inline uint32_t atlas_slot_y(uint32_t slot);

void atlas_get_stats(const atlas *a, atlas_stats *out);
const buddy *atlas_core(const atlas *a); /* for drawing its map */
const char *atlas_check(const atlas *a); /* NULL when all is well */

#include "buddy/tree.h"

static inline uint32_t atlas_slot_x(uint32_t slot)
{
    return morton_x(slot);
}

static inline uint32_t atlas_slot_y(uint32_t slot)
{
    return morton_y(slot);
}

#endif
