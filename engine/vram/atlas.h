/* atlas.h: which page lies in which slot of the VRAM atlas. No GL here: slots, not texels.
 *
 * The atlas is a grid of slots of 128x128 texels, 2^k wide and of any height up to its width. The
 * buddy core hands slots out in Morton order, so that an aligned block of order 2k is a square of
 * 2^k x 2^k slots; slots beyond the height are reserved. The pages of a cluster are placed together
 * as a square; from then on each slot is by itself: wanted, pinned and evicted one by one. How
 * recently each square was wanted, the atlas keeps in a tree (recency.h).
 *
 * A period is the caller's count of feedback images. A caller that names a period takes what was
 * last wanted before it for stale.
 *
 * Threads: the conductor's only. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_ATLAS_H
#define MEGABUDDY_ENGINE_ATLAS_H

#include "engine/page/page.h"

#include "buddy/buddy.h"

typedef struct atlas atlas;

#define ATLAS_NONE UINT32_MAX

enum {
    ATLAS_MAX_COLUMNS = 256,
    ATLAS_MAX_ORDER = 3, /* of a cluster: 8x8 slots */
    ATLAS_CLUSTER_PAGES = 64,
};

typedef struct atlas_desc {
    uint32_t columns; /* slots; a power of two, at most ATLAS_MAX_COLUMNS */
    uint32_t rows;    /* slots; 1 … columns */
} atlas_desc;

typedef struct atlas_stats {
    uint32_t slots, used, pinned;
    uint64_t placed, evicted, moved;        /* pages */
    uint64_t clusters[ATLAS_MAX_ORDER + 1]; /* placed, by order */
    double fragmentation; /* 1 - largest free square / free slots; 0: none is free */
} atlas_stats;

atlas *atlas_create(const atlas_desc *desc);         /* NULL: impossible desc or no memory */
void atlas_destroy(atlas *a);                        /* NULL does nothing */
uint64_t atlas_memory_bytes(const atlas_desc *desc); /* of RAM; pure */

/* Puts a cluster of 2^order x 2^order pages into a free square of slots, and marks them wanted at
 * `period`. corner: its first page. Bit i of `pages`: page i, in Morton order, has come; the slots
 * of the others stay free. Returns the first slot (page i lies `i` behind it, in Morton order), or
 * ATLAS_NONE: no such square is free. Precondition: pages is not 0, and none of them is in the
 * atlas. */
uint32_t atlas_place(atlas *a, vt_page corner, uint32_t order, uint64_t pages, uint64_t period);

uint32_t atlas_find(const atlas *a, uint32_t page_id); /* its slot or ATLAS_NONE */
uint32_t atlas_page(const atlas *a, uint32_t slot);    /* the page id there; 0: none */

/* Marks the page in `slot` as wanted at `period`, more recently than all others of that period.
 * Touch a page before its ancestors, and of one period the finest pages go first. An earlier period
 * than the page was last wanted at changes nothing. */
void atlas_touch(atlas *a, uint32_t slot, uint64_t period);

void atlas_pin(atlas *a, uint32_t slot); /* never a victim from now on */

/* When the page in a slot was last wanted, and whether it is pinned. */
typedef struct atlas_use {
    uint64_t period; /* 0: no page is there, or none has wanted it */
    bool pinned;
} atlas_use;

atlas_use atlas_get_use(const atlas *a, uint32_t slot);

/* The square of 2^order x 2^order slots that is cheapest to clear: the one whose most recent use
 * was longest ago, and before `period`. Nothing in it is pinned, and some of it may be free.
 * Returns its first slot, ATLAS_NONE: there is none. Frees nothing. */
uint32_t atlas_victim(const atlas *a, uint32_t order, uint64_t period);

void atlas_evict(atlas *a, uint32_t slot); /* frees the slot, and forgets a pin */

/* Counts the pages of each texture that are pinned, or wanted at `period` or later: those of
 * texture t at counts[t - 1]. Precondition: counts has room for every texture that has pages in the
 * atlas. */
void atlas_count_in_use(const atlas *a, uint64_t period, uint32_t counts[], uint32_t textures);

/* ---- compaction ---- */

typedef struct atlas_move {
    uint32_t from, to; /* slots */
} atlas_move;

/* Plans how to make a square of `order` out of slots that lie apart, for when atlas_victim has
 * none: picks the square with the fewest pages in use, and for each of these a slot outside to move
 * to, free or stale (last wanted before `period`: evict it first). Returns the number of moves, and
 * the square's first slot at *square; 0: it takes more than max_moves. */
uint32_t atlas_plan_moves(const atlas *a, uint32_t order, uint64_t period, atlas_move moves[],
                          uint32_t max_moves, uint32_t *square);

/* Moves a page to a free slot, its recency and its pin with it. */
void atlas_move_page(atlas *a, uint32_t from, uint32_t to);

/* ---- watching ---- */

static inline uint32_t atlas_slot_x(uint32_t slot);
static inline uint32_t atlas_slot_y(uint32_t slot);

void atlas_get_stats(const atlas *a, atlas_stats *out);
const char *atlas_check(const atlas *a); /* NULL when all is well */

#include "buddy/tree.h"

static inline uint32_t atlas_slot_x(uint32_t slot)
{
    return buddy_morton_x(slot);
}

static inline uint32_t atlas_slot_y(uint32_t slot)
{
    return buddy_morton_y(slot);
}

#endif
