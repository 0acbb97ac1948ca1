/* heap/marks.h: which blocks of a heap are live, where each starts and how long it is: two bits a
 * unit. Private to buddy/; any thread, lock-free.
 *
 * One byte says it for a group of four units:
 *
 *     bits   7 6   5 4   3 2   1 0
 *           [ u3 | u2  | u1  | u0 ]     small: 0 free, 1 a block starts, 2 the block before goes on
 *           [ e |   order    | 1 1]     a block of `order` >= 2 starts; e: and goes on behind it
 *           [ step  | 1 1  | 1 0  ]     a piece that goes on, of order (order before) - 1 - step;
 *
 * A block of four units and more has its bytes to itself, since it is aligned: its owner marks it
 * with a store, and nobody needs a read-modify-write. Smaller ones share their byte with
 * neighbours. The other bytes of a block are 0; one look at each place where a block could start
 * tells its inside from free units. A block that was cut to an exact size is a row of pieces, each
 * of a lower order than the one before, that end in up to three units of u = 2; the order before is
 * the alignment of a piece's own place, so that any piece can be read by itself. */
#ifndef BUDDY_HEAP_MARKS_H
#define BUDDY_HEAP_MARKS_H

#include <stdatomic.h>

#include "buddy/heap.h"

#define MARKS_GROUP_ORDER 2u /* four units a byte */
#define MARKS_ANY_UNITS   0u

enum { MARK_FREE = 0, MARK_START = 1, MARK_GOES_ON = 2, MARK_LARGE = 3, MARK_EXACT = 0x80 };

typedef struct marks {
    _Atomic uint8_t *groups; /* marks_bytes(units) of them */
    uint32_t units;
    uint32_t max_order; /* of the core below */
} marks;

static inline size_t marks_bytes(uint32_t units)
{
    return ((units - 1) >> MARKS_GROUP_ORDER) + (size_t)1;
}

/* What the first byte of a whole large block says. */
static inline uint8_t marks_large(uint32_t order)
{
    return (uint8_t)(order << 2 | MARK_LARGE);
}

/* free -> live for a block of less than four units; for `units` units. */
void marks_set_small(const marks *m, uint32_t offset, uint32_t units);

/* free -> live, for a block that the caller has taken from the core. Memory order, here and for all
 * marks but where a block of exact size starts: relaxed. A mark is set between taking a block from
 * the core and handing it out, and cleared before the core gets it back, so the core's words order
 * one owner's marks before the next one's; and who of two clears a mark is decided by the byte's
 * own order of changes. */
static inline void marks_set(const marks *m, uint32_t offset, uint32_t order)
{
    if (order >= MARKS_GROUP_ORDER) {
        atomic_store_explicit(&m->groups[offset >> MARKS_GROUP_ORDER], marks_large(order),
                              memory_order_relaxed);
    } else {
        marks_set_small(m, offset, UINT32_C(1) << order);
    }
}

/* As marks_set, for `units` units from an offset that is aligned to the next power of two. The
 * units must be as marks_exact_units says. */
void marks_set_exact(const marks *m, uint32_t offset, uint32_t units);

/* The units that marks can say: `units`, rounded up by less than 1/32768 where it is odd and
 * huge. */
uint32_t marks_exact_units(uint32_t units);

/* live -> free, for the block that starts at `offset`. Writes its units. Where `expected` is not
 * MARKS_ANY_UNITS and not the block's units, BUDDY_HEAP_WRONG_SIZE. Where `alone`, the caller
 * promises that nobody else frees this block at this moment; else, of several threads one gets
 * BUDDY_HEAP_OK. */
buddy_heap_status marks_clear(const marks *m, uint32_t offset, uint32_t expected, bool alone,
                              uint32_t *units);

/* BUDDY_HEAP_OK and the units of the live block that starts at `offset`; BUDDY_HEAP_INTERIOR when
 * the unit lies inside a live block; BUDDY_HEAP_DOUBLE_FREE when it is not live. */
buddy_heap_status marks_read(const marks *m, uint32_t offset, uint32_t *units);

/* Whether no unit of the block is live. Others must be at rest. */
bool marks_all_dead(const marks *m, buddy_block block);

/* NULL and the number of live units when every byte is of one of the kinds above, else a sentence.
 * Others must be at rest. */
const char *marks_check(const marks *m, uint64_t *live_units);

#endif
