/* split.h: how free blocks come into the bitmaps: merged upward, or as what is left of a larger
 * one. Private to buddy/; any thread that is inside the gate or has closed it. */
#ifndef BUDDY_SPLIT_H
#define BUDDY_SPLIT_H

#include "gate.h"

/* Gives the blocks that `mask` names in word `index` of `order`, and merges as far up as buddies
 * are free: up to 32 pairs at each step. */
void split_give_mask(buddy *b, core_lane *lane, uint32_t order, uint32_t index, uint64_t mask);

/* Gives one block. */
static inline void split_give(buddy *b, core_lane *lane, uint32_t order, uint32_t offset)
{
    uint32_t place = offset >> order;
    split_give_mask(b, lane, order, place / WORD_BITS, UINT64_C(1) << place % WORD_BITS);
}

/* Of a block that the caller owns, gives what lies outside [from, to), which is not empty: as the
 * fewest blocks. None of them can merge, since each one's buddy holds a part of [from, to).
 * Returns how many blocks that were. */
uint32_t split_put_rest(buddy *b, core_lane *lane, buddy_block block, uint32_t from, uint32_t to);

#endif
