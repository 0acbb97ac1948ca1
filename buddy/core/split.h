/* split.h: how free blocks come into the bitmaps: merged upward, or as what is left of a larger
 * one. Private to buddy/; any thread that is inside the gate or has closed it. */
#ifndef BUDDY_SPLIT_H
#define BUDDY_SPLIT_H

#include "buddy/core/gate.h"

/* Gives the blocks that `mask` names in word `index` of `order`, and merges as far up as buddies
 * are free: up to 32 pairs at each step. */
void split_give_mask(buddy *b, core_sheet *sheet, uint32_t order, uint32_t index, uint64_t mask);

/* Gives one block. */
static inline void split_give(buddy *b, core_sheet *sheet, uint32_t order, uint32_t offset)
{
    uint32_t place = offset >> order;
    split_give_mask(b, sheet, order, place / WORD_BITS, UINT64_C(1) << place % WORD_BITS);
}

/* Gives [from, to) as the fewest aligned blocks, without merging: the caller knows that none of
 * them has a free buddy. Returns how many. */
uint32_t split_put_range(buddy *b, core_sheet *sheet, uint32_t from, uint32_t to);

/* free -> taken for one block, if it is marked free as it is. Returns whether. */
bool split_take_at(buddy *b, core_sheet *sheet, uint32_t offset, uint32_t order);

/* Of a block that the caller owns, gives what lies outside [from, to), which is not empty: as the
 * fewest blocks. None of them can merge, since each one's buddy holds a part of [from, to). Returns
 * how many blocks that were. */
uint32_t split_put_rest(buddy *b, core_sheet *sheet, buddy_block block, uint32_t from, uint32_t to);

#endif
