/* heap_marks.h: which blocks of a heap are live, where each starts and how long it is: two bits a
 * unit. Private to buddy/; any thread, lock-free.
 *
 * 32 units share one 64-bit word, so that a block's start and its extent are read and changed in
 * one step, and of two threads that free the same block exactly one wins.
 *
 *     small blocks (less than 32 units)      live  0 0 1 1 1 1 1 1    bit = unit
 *                                            start 0 0 0 1 0 1 0 1    two blocks of 1, then 4 …
 *     large block, its first word            live  0, start = 1 + order
 *     large block, its other words; nothing  live  0, start = 0
 *
 * A small block ends where the next one starts or where units are not live. A large block owns all
 * of its words, since it is aligned; one look at the possible starts tells its inside from free
 * units. */
#ifndef BUDDY_HEAP_MARKS_H
#define BUDDY_HEAP_MARKS_H

#include "heap.h"
#include "words.h"

#define MARKS_GROUP_ORDER 5u /* 32 units a word */
#define MARKS_ANY_ORDER   UINT32_MAX

typedef struct marks {
    word_atomic *words; /* marks_words(units) of them */
    uint32_t units;
    uint32_t max_order; /* of the core below */
} marks;

static inline uint32_t marks_words(uint32_t units)
{
    return ((units - 1) >> MARKS_GROUP_ORDER) + 1;
}

/* free -> live, for a block that the caller has taken from the core. */
void marks_set(const marks *m, buddy_block block);

/* live -> free, for the block that starts at `offset`. Writes its order. Where `expected` is not
 * MARKS_ANY_ORDER and not the block's order, HEAP_WRONG_SIZE. Of several threads one gets HEAP_OK.
 */
heap_status marks_clear(const marks *m, uint32_t offset, uint32_t expected, uint32_t *order);

/* HEAP_OK and the order of the live block that starts at `offset`; HEAP_INTERIOR when the unit lies
 * inside a live block; HEAP_DOUBLE_FREE when it is not live. */
heap_status marks_read(const marks *m, uint32_t offset, uint32_t *order);

/* Whether no unit of the block is live. Others must be at rest. */
bool marks_all_dead(const marks *m, buddy_block block);

/* NULL and the number of live units when every word is of one of the kinds above, else a sentence.
 * Others must be at rest. */
const char *marks_check(const marks *m, uint64_t *live_units);

#endif
