/* arena.h: the memory of the RAM tier: blocks of 256-byte units from one of three allocators, so
 * that ours and the schemes of the literature can be seen at the same work (vt_sync.h).
 *
 * Called by ramtier.c. Threads: any, but for create and destroy. */
#ifndef MEGABUDDY_ENGINE_ARENA_H
#define MEGABUDDY_ENGINE_ARENA_H

#include "buddy/buddy.h"

#include "engine/vt_sync.h"

typedef struct arena arena;

typedef struct arena_desc {
    uint64_t bytes;      /* a multiple of unit_bytes */
    uint32_t unit_bytes; /* a power of two */
    vt_sync sync;
    bool prefault; /* touch all of it at create */
    /* Which requests are refused although there is room (buddy/fault.h); NULL: none. */
    struct buddy_fault *fault;
} arena_desc;

typedef struct arena_stats {
    uint32_t free_units;
    uint32_t largest_order; /* of any free block; BUDDY_ORDERS when there is none */
    uint64_t metadata_bytes;
    uint32_t pending_high_water; /* most requests that waited at one level; 0 where none ever do */
} arena_stats;

arena *arena_create(const arena_desc *desc); /* NULL: desc is impossible, or no memory */
void arena_destroy(arena *a);                /* NULL does nothing */

/* Bytes beside the memory itself. Pure. 0 when desc is impossible. */
uint64_t arena_metadata_bytes(const arena_desc *desc);

uint8_t *arena_base(const arena *a);

/* As buddy_gather: up to BUDDY_PIECES blocks that hold buddy_gather_units(units) together. Returns
 * how many, 0 when refused. */
uint32_t arena_gather(arena *a, uint32_t units, buddy_block pieces[BUDDY_PIECES]);
void arena_free(arena *a, buddy_block block);

/* As buddy_take_all; false where the allocator is not the lock-free one. */
bool arena_take_all(arena *a, const buddy_block blocks[], uint32_t count);

void arena_get_stats(const arena *a, arena_stats *out);

/* Calls visit for every free block; others must be at rest. */
void arena_walk(const arena *a, bool (*visit)(void *context, buddy_block block), void *context);
const char *arena_check(const arena *a); /* NULL when all is well. Others must be at rest. */

#endif
