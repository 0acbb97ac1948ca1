/* levels.h: the parallel buddy with a lock a level: the ancestor of buddy.h, kept to measure it by.
 *
 * Every order is a level: a lock, a list of free blocks, the splits above it that will deliver to
 * it, and a queue of requests that wait for their spare halves.
 *
 *     level 2  lock  free: 8 -> 24                            a release goes up
 *     level 1  lock  free: 4 -> 20    splits in flight: 1     while its buddy is in the list;
 *     level 0  lock  free: none       splits in flight: 2     a request goes up until it finds
 *                    waiting: A -> B                          something, halves it, comes down
 *
 * A request takes from the list of its level. Where that is empty and a split is in flight whose
 * spare half is not spoken for, it waits for that half instead of splitting more. Else it splits
 * itself: it says so at its level and asks the level above. A release feeds the first that waits.
 *
 * What "no" means: there was an instant during the call at which no block of the order or above was
 * free, and every split in flight at those levels had its spare half promised to a request that
 * came before. It is exact: a thread that is about to say no looks at all its levels at once. So
 * threads that only take fill the units to the last block, and threads that together never hold
 * more blocks of one order than there are, are never refused.
 *
 * Threads: every function may be called from any thread at any time unless it says otherwise. None
 * is lock-free: a thread that is stopped inside a call stops those that need its level or wait for
 * its split. Not from a signal handler.
 *
 * A caller's bug is an assert in debug builds, as in buddy.h. Free takes (offset, order) here too.
 *
 * Source: T. Johnson and T. A. Davis, "Parallel buddy memory management", Parallel Processing
 * Letters 2(4), 1992. Theirs are the lock a level, the count of splits in flight and the requests
 * that wait for them; ours are the bitmaps beside the lists and the exact "no". */
#ifndef BUDDY_LEVELS_H
#define BUDDY_LEVELS_H

#include "buddy.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy_levels buddy_levels;

/* How a level is locked, and how its requests wait. */
typedef enum buddy_levels_sync {
    BUDDY_LEVELS_SPINLOCK, /* both look again and again, and give the processor away where it is
                              long */
    BUDDY_LEVELS_MUTEX     /* a pthread mutex a level, a condition variable a waiting request */
} buddy_levels_sync;

typedef struct buddy_levels_desc {
    uint32_t units;     /* as in buddy_desc */
    uint32_t max_order; /* as in buddy_desc: 0: the largest that fits into units */
    buddy_levels_sync sync;
} buddy_levels_desc;

/* Exact when others are at rest. While they work each figure is read as they go on, at an instant
 * of its own. */
typedef struct buddy_levels_stats {
    uint32_t units;                            /* as given */
    uint32_t max_order;                        /* in effect */
    uint32_t free_units;                       /* sum over free_blocks[k] << k, at most units */
    uint32_t free_blocks[BUDDY_ORDERS];        /* in the lists, by order */
    uint32_t largest_order;                    /* of any free block; BUDDY_ORDERS: none */
    uint32_t pending_high_water[BUDDY_ORDERS]; /* the most requests that waited at once */
    uint64_t wasted_splits[BUDDY_ORDERS];      /* splits into halves of order k that found, when
                                                  they ended, the list no longer empty: what was
                                                  released meanwhile would have done */
    uint64_t splits, merges;                   /* since init: blocks halved, pairs joined */
    size_t metadata_bytes;                     /* what buddy_levels_sizeof() said */
} buddy_levels_stats;

/* Bytes of metadata for desc, to be given to buddy_levels_init: 8 bytes and 2 bits a unit, and two
 * cache lines a level. 0 when desc is impossible (zero units, order too large), or when it takes
 * more than any object may have: half of the addresses there are. */
size_t buddy_levels_sizeof(const buddy_levels_desc *desc);

/* Makes a levels of desc in `at`, all units free. Returns `at`, or NULL when bytes <
 * buddy_levels_sizeof(desc), when `at` is not aligned to 64 bytes, when desc is impossible, or when
 * the system has no mutex left. One thread; publish the result before others use it. The memory
 * must not be moved. */
buddy_levels *buddy_levels_init(void *at, size_t bytes, const buddy_levels_desc *desc);

/* Ends the mutexes; the memory is the caller's again. NULL does nothing. Nobody may be inside a
 * call. */
void buddy_levels_finish(buddy_levels *l);

/* Takes a block of `order`: from the smallest block that does, the lower half where it must be
 * split. Returns its offset, or BUDDY_NONE, as said at the top. Any thread. Waits for those who
 * split for its level. */
uint32_t buddy_levels_alloc(buddy_levels *l, uint32_t order);

/* Gives a block back: to the first request that waits at its level, else merges it with its buddy
 * as far up as buddies are free. Any thread. Precondition: (offset, order) was handed out and is
 * not yet free, or is an aligned part of what was. */
void buddy_levels_free(buddy_levels *l, uint32_t offset, uint32_t order);

void buddy_levels_get_stats(const buddy_levels *l, buddy_levels_stats *out);

/* Calls visit for every free block, highest order first, ascending offsets within an order, until
 * visit returns false. Others must be at rest. */
void buddy_levels_walk(const buddy_levels *l, bool (*visit)(void *context, buddy_block block),
                       void *context);

/* Asserts the invariants: lists and bitmaps that agree, no two free buddies, no unit in two free
 * blocks, nothing free beyond `units`, no request and no split left behind. Returns NULL when all
 * is well, else a sentence that says what is not. Others must be at rest. */
const char *buddy_levels_check(const buddy_levels *l);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
