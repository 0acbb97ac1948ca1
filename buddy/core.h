/* core.h: what a buddy is made of, all of it in the caller's memory. Private to buddy/.
 *
 *     buddy | one freeset an order | lanes | the freesets' top words | their other words
 *
 * The top words lie together, so that a search for the lowest order that has something reads one to
 * four cache lines. Nothing in here is a pointer. */
#ifndef BUDDY_CORE_H
#define BUDDY_CORE_H

#include "buddy.h"
#include "freeset.h"

#define CORE_LINE \
    64u /* bytes of a cache line: what one thread writes often keeps clear of others */

/* What threads write at every call, spread over several lanes so that they seldom meet. A thread
 * uses the same lane most of the time, but any lane will do.
 * Over all lanes: the sum of free_blocks[k], modulo 2^32, is the number of bits set in order k. */
typedef struct core_lane {
    _Alignas(CORE_LINE) _Atomic uint32_t inside; /* threads that are in the middle of a call */
    _Atomic uint64_t splits, merges, failed_cas; /* since init */
    _Atomic uint32_t free_blocks[BUDDY_ORDERS];  /* set less cleared through this lane */
} core_lane;

struct buddy {
    /* fixed at init */
    _Alignas(CORE_LINE) uint32_t units;
    uint32_t max_order;
    uint32_t lanes;    /* a power of two */
    uint32_t lanes_at; /* bytes from here to the first lane */
    size_t bytes;      /* of metadata */
    /* written by whoever shuts the others out */
    _Alignas(CORE_LINE) _Atomic uint32_t closed; /* 1: newcomers wait; see gate.h */
    _Atomic uint32_t reserved;                   /* units out of play */
    /* fixed at init: one for each order, 0 … max_order */
    _Alignas(CORE_LINE) freeset sets[];
};

static inline core_lane *core_lane_at(const buddy *b, uint32_t index)
{
    return (core_lane *)((uintptr_t)b + b->lanes_at) + index;
}

/* Counts blocks that became free (delta > 0) or taken. Relaxed: a figure that orders nothing. */
static inline void core_count(core_lane *lane, uint32_t order, int32_t delta)
{
    atomic_fetch_add_explicit(&lane->free_blocks[order], (uint32_t)delta, memory_order_relaxed);
}

/* Adds to splits, merges or failed_cas. Relaxed as above. */
static inline void core_tally(_Atomic uint64_t *figure, uint64_t count)
{
    if (count != 0) {
        atomic_fetch_add_explicit(figure, count, memory_order_relaxed);
    }
}

/* The order of the largest aligned block that begins at `from` and ends at or before `to`.
 * Precondition: from < to. */
static inline uint32_t core_piece(uint32_t from, uint32_t to, uint32_t max_order)
{
    uint32_t fits = word_highest(to - from);
    uint32_t aligned = from == 0 ? fits : word_lowest(from);
    uint32_t order = aligned < fits ? aligned : fits;
    return order < max_order ? order : max_order;
}

#endif
