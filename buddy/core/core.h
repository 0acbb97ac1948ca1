/* core.h: what a buddy is made of, all of it in the caller's memory. Private to buddy/.
 *
 *     buddy | one freeset an order | lanes | the freesets' top words | their other words
 *
 * The top words lie together, so that a search for the lowest order that has something reads one to
 * four cache lines. Nothing in here is a pointer. */
#ifndef BUDDY_CORE_H
#define BUDDY_CORE_H

#include "buddy/buddy.h"
#include "buddy/core/freeset.h"

/* Bytes of a cache line: what one thread writes often keeps clear of others. */
#define CORE_LINE 64u

/* What threads write at every call, spread over several lanes so that they seldom meet. A thread
 * uses the same lane most of the time, but any lane will do. Over all lanes: the sum of
 * free_blocks[k], modulo 2^32, is the number of bits set in order k. */
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
    /* written by the thread that shuts the others out */
    _Alignas(CORE_LINE) _Atomic uint32_t closed; /* 1: newcomers wait; see gate.h */
    _Atomic uint32_t reserved;                   /* units out of play */
    _Atomic uint32_t reach; /* all units from here on have never been in play; only grows */
    /* fixed at init: one for each order, 0 … max_order */
    _Alignas(CORE_LINE) freeset sets[];
};

/* Blocks of an order among the units that are, or have been, in play. Others are not free, and the
 * words of their bits are not looked at: they may not be open (see core_extents). */
static inline uint32_t core_blocks(const buddy *b, uint32_t order)
{
    /* relaxed: it only grows; a thread that knows of a unit in play was told by one that saw it
     * grow */
    return atomic_load_explicit(&b->reach, memory_order_relaxed) >> order;
}

static inline core_lane *core_lane_at(const buddy *b, uint32_t index)
{
    return (core_lane *)((uintptr_t)b + b->lanes_at) + index;
}

/* What one call changes in the figures: kept on its stack and added to its lane once, at its end,
 * so that a call over many blocks pays for one atomic addition an order and not one a block. */
typedef struct core_sheet {
    core_lane *lane;
    uint32_t touched; /* bit k: blocks[k] is in use */
    uint32_t failed_cas;
    uint64_t splits, merges;
    int32_t blocks[BUDDY_ORDERS]; /* became free less were taken */
} core_sheet;

/* Counts blocks that became free (delta > 0) or taken. */
static inline void core_count(core_sheet *sheet, uint32_t order, int32_t delta)
{
    uint32_t bit = UINT32_C(1) << order;
    sheet->blocks[order] = (sheet->touched & bit) != 0 ? sheet->blocks[order] + delta : delta;
    sheet->touched |= bit;
}

/* Relaxed: figures that order nothing. */
static inline void core_add(_Atomic uint64_t *figure, uint64_t count)
{
    if (count != 0) {
        atomic_fetch_add_explicit(figure, count, memory_order_relaxed);
    }
}

static inline void core_write_sheet(const core_sheet *sheet)
{
    core_lane *lane = sheet->lane;
    for (uint32_t rest = sheet->touched; rest != 0; rest &= rest - 1) {
        uint32_t order = word_lowest(rest);
        if (sheet->blocks[order] != 0) {
            /* relaxed: a figure */
            atomic_fetch_add_explicit(&lane->free_blocks[order], (uint32_t)sheet->blocks[order],
                                      memory_order_relaxed);
        }
    }
    core_add(&lane->splits, sheet->splits);
    core_add(&lane->merges, sheet->merges);
    core_add(&lane->failed_cas, sheet->failed_cas);
}

/* As buddy_gather, but strict: refused only if there was an instant at which the pieces were not to
 * be had. Any thread; blocks others for its duration. */
uint32_t core_gather_alone(buddy *b, uint32_t units, uint32_t near,
                           buddy_block pieces[BUDDY_PIECES]);

/* A piece of the metadata, in bytes from where a buddy is put: [from, to) is used, of which [from,
 * before) already when the first of two numbers of units was in play. */
typedef struct core_extent {
    size_t from, before, to;
} core_extent;

/* Calls visit for all that is read and written while the first `to` units are in play, or have
 * been, and no others; `from` of them were before, or 0: nothing was. Until visit returns false;
 * then false. Precondition: desc is possible. */
bool core_extents(const buddy_desc *desc, uint32_t from, uint32_t to,
                  bool (*visit)(void *context, core_extent extent), void *context);

/* As buddy_try and buddy_alloc, but the caller gets only the first `units` units of the block, and
 * the rest is put back in the same step, so that no strict request of another thread is refused for
 * want of it. */
uint32_t core_try_cut(buddy *b, uint32_t order, uint32_t units, uint32_t near);
uint32_t core_alloc_cut(buddy *b, uint32_t order, uint32_t units, uint32_t near);

/* Takes what makes (offset, order), which is the caller's, a block of order `to` where it lies: all
 * its buddies up to there, if they lie above it and are free as they are; else none, in one step
 * too. Any thread. Lock-free. */
bool core_try_extend(buddy *b, uint32_t offset, uint32_t order, uint32_t to);

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
