/* buddy.h: a parallel binary buddy over N units of anything.
 *
 * The core hands out aligned power-of-two runs of *units* and knows nothing of what a unit is: a
 * byte range of RAM, a slot of a texture atlas, an inode. It works on offsets, never on the managed
 * memory, and keeps all its state in memory that the caller gives it.
 *
 *     order 2  [           0           |           4           ]     one bitmap an order;
 *     order 1  [     0     |     2     |     4     |     6     ]     a set bit is a free block
 *     order 0  [  0  |  1  |  2  |  3  |  4  |  5  |  6  |  7  ]
 *
 * Two buddies always share a 64-bit word, so "is my buddy free? then take it and go up, else leave
 * my bit" is one compare-and-swap, and two buddies are never both marked free, at any instant. That
 * is the exact-coalescing invariant; buddy_check() asserts it. The same fact makes split and merge
 * word-parallel: up to 32 pairs in one word operation.
 *
 * Threads: every function may be called from any thread at any time unless it says otherwise.
 * buddy_try*, buddy_free* and buddy_gather are lock-free among themselves; buddy_alloc excludes the
 * others for a moment before it says "no", and buddy_reserve for its duration. Not from a signal
 * handler that may have interrupted a call on the same buddy: it could wait for itself.
 *
 * A caller's bug (an offset that was never handed out, a block given back twice) is an assert in
 * debug builds. A request for an order above max_order is no bug: it is refused. The core is
 * *sized*: freeing takes (offset, order), so it needs no record of what was handed out. heap.h adds
 * what free(pointer) needs.
 *
 * Source: K. C. Knowlton, "A fast storage allocator", CACM 8(10), 1965; the parallel buddy of T.
 * Johnson and T. A. Davis, "Parallel buddy memory management", Parallel Processing Letters 2(4),
 * 1992, is the ancestor; the bitmap word that holds both buddies is what replaces their locks. */
#ifndef BUDDY_BUDDY_H
#define BUDDY_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy buddy;

#define BUDDY_NONE     UINT32_MAX /* "no offset": what a refused request returns */
#define BUDDY_ANYWHERE 0u         /* for `near`, when the caller does not care */
#define BUDDY_ORDERS   32u        /* orders are 0 … 31: a block of order k is 2^k units */
#define BUDDY_REACH    32u        /* blocks on either side that are near: half a word of a bitmap */
#define BUDDY_PIECES   4u         /* the most blocks that buddy_gather() uses for one request */

typedef struct buddy_desc {
    uint32_t units;     /* 1 … 2^32 - 2; need not be a power of two */
    uint32_t max_order; /* largest order handed out and merged up to; 0: the largest that fits into
                           units */
    uint32_t start_units; /* units in play at first, from 0 on; the others are reserved until
                             buddy_release brings them in; 0: all */
    bool zeroed; /* the memory given to buddy_init is all zero: it need not be cleared, so that
                    metadata for units far beyond start_units is not touched before it is used */
} buddy_desc;

/* A block: 2^order units from offset on. offset is a multiple of 2^order. */
typedef struct buddy_block {
    uint32_t offset; /* units */
    uint32_t order;
} buddy_block;

/* Exact when others are at rest. While they work each figure is a sum that is taken as they go on:
 * what began or ended meanwhile may or may not be in it. */
typedef struct buddy_stats {
    uint32_t units;                     /* as given */
    uint32_t max_order;                 /* in effect */
    uint32_t free_units;                /* sum over free_blocks[k] << k */
    uint32_t free_blocks[BUDDY_ORDERS]; /* blocks marked free, by order */
    uint32_t largest_order;             /* of any free block; BUDDY_ORDERS when there is none */
    uint64_t splits, merges; /* since init: blocks halved to serve a request, pairs joined;
                                blocks that callers give back in parts are no splits */
    uint64_t failed_cas;     /* since init: compare-and-swaps that met another thread */
    size_t metadata_bytes;   /* what buddy_sizeof() said */
} buddy_stats;

/* Bytes of metadata for desc, to be given to buddy_init. 0 when desc is impossible (zero units,
 * order too large). */
size_t buddy_sizeof(const buddy_desc *desc);

/* Makes a buddy of desc in `at`, all units free. Returns `at`, or NULL when bytes <
 * buddy_sizeof(desc), when `at` is not aligned to 64 bytes, or when desc is impossible. One thread;
 * publish the result before others use it. There is no finish: drop the memory when nobody uses it
 * any more. */
buddy *buddy_init(void *at, size_t bytes, const buddy_desc *desc);

/* Takes a block of `order` from what is there, near the unit `near` where it can, and never
 * disturbs other threads. Returns its offset, or BUDDY_NONE; a refusal may be premature while
 * others are in the middle of a split or a merge. For a cache that evicts below a watermark of its
 * own. Any thread. Lock-free. */
uint32_t buddy_try(buddy *b, uint32_t order, uint32_t near);

/* As buddy_try, where a block that is near is worth more than one that fits best: of the orders
 * from `order` up, the first that has a free block within BUDDY_REACH blocks of its own size on
 * either side of the unit `near`; there the nearest, and of that the nearest part. So a hole next
 * door comes before a piece of a large block, and that before a hole far away. Where no order has
 * one, as buddy_try. Any thread. Lock-free. */
uint32_t buddy_try_near(buddy *b, uint32_t order, uint32_t near);

/* Takes just this block, if it is free as it is: for growing a block into its buddy. What lies
 * inside a larger free block is not taken. Returns whether. Any thread. Lock-free. */
bool buddy_try_at(buddy *b, uint32_t offset, uint32_t order);

/* As buddy_try, but strict: refuses only if there was an instant at which no fitting block existed.
 * Any thread. Blocks for as long as the others need to finish what they are doing, and only when
 * buddy_try would have refused. */
uint32_t buddy_alloc(buddy *b, uint32_t order, uint32_t near);

/* Gives a block back; merges it with its buddy as far up as buddies are free. Any thread.
 * Lock-free. Precondition: (offset, order) was handed out and is not yet free, or is an aligned
 * part of what was. */
void buddy_free(buddy *b, uint32_t offset, uint32_t order);

/* Takes up to `count` blocks of `order`, up to 64 in one word operation. Writes their offsets,
 * returns how many. Fewer than count means what a refusal of buddy_try means. Any thread.
 * Lock-free. */
uint32_t buddy_try_bulk(buddy *b, uint32_t order, uint32_t near, uint32_t count,
                        uint32_t offsets[]);

/* Gives `count` blocks of `order` back; neighbours in `offsets` that lie in one word go in one word
 * operation, so ascending offsets are quickest. Any thread. Lock-free. */
void buddy_free_bulk(buddy *b, uint32_t order, uint32_t count, const uint32_t offsets[]);

/* Takes `units` units as at most BUDDY_PIECES blocks, largest first, which need not be neighbours:
 * the binary digits of the size, rounded up where more than BUDDY_PIECES would be needed, so that
 * at most 1/16 is lost. For data that need not be contiguous. A piece of which no block is left is
 * made up of two smaller ones while BUDDY_PIECES allows. Returns the number of pieces, 0 when
 * refused (nothing is then taken). Any thread. Lock-free. */
uint32_t buddy_gather(buddy *b, uint32_t units, uint32_t near, buddy_block pieces[BUDDY_PIECES]);

/* The units that buddy_gather takes for a request of `units`: what an occupancy must count.
 * Pure. */
uint32_t buddy_gather_units(uint32_t units);

/* Takes the units [offset, offset + count) out of play: a region's hole, the part of an atlas
 * beyond its height. Returns false, and changes nothing, unless all of them are free. buddy_release
 * undoes it. Any thread; blocks others for its duration. */
bool buddy_reserve(buddy *b, uint32_t offset, uint32_t count);
void buddy_release(buddy *b, uint32_t offset, uint32_t count);

/* Takes just these blocks, each free as it is or inside a larger free one: for whoever puts back a
 * state that was saved. Returns false, and changes nothing, unless all of them are free and none
 * overlaps another. Any thread; blocks others for its duration. */
bool buddy_take_all(buddy *b, const buddy_block blocks[], uint32_t count);

/* Free units now, a sum over per-order counts, as exact as buddy_stats is. Any thread. */
uint32_t buddy_free_units(const buddy *b);

void buddy_get_stats(const buddy *b, buddy_stats *out);

/* Calls visit for every free block, highest order first, ascending offsets within an order, until
 * visit returns false. For a true picture others must be at rest; otherwise each block was free at
 * some instant during the walk. */
void buddy_walk(const buddy *b, bool (*visit)(void *context, buddy_block block), void *context);

/* Whether all of a block is free: marked as it is, or part of a larger free one. While others are
 * at work: whether it was at some instant of the call. A block of which every part is free in
 * smaller pieces does not exist: they have merged. */
bool buddy_is_free(const buddy *b, buddy_block block);

/* Asserts the invariants: no two free buddies, no unit in two free blocks, nothing free beyond
 * `units` or reserved, summaries and counts that agree with the bitmaps. Returns NULL when all is
 * well, else a sentence that says what is not. Others must be at rest. */
const char *buddy_check(const buddy *b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
