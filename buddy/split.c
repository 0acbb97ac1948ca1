#include "split.h"

#include <assert.h>

void split_give_mask(buddy *b, core_sheet *sheet, uint32_t order, uint32_t index, uint64_t mask)
{
    for (; mask != 0 && order < b->max_order; order++) {
        const freeset *set = &b->sets[order];
        uint64_t pairs;
        word_change change = word_give(freeset_word(set, 0, index), mask, &pairs);
        assert((change.before & mask) == 0); /* else a block was given back twice */
        if (word_crossed(change)) {
            freeset_settle(set, index);
        }
        uint32_t merged = word_count(pairs);
        core_count(sheet, order, (int32_t)word_count(mask) - 2 * (int32_t)merged);
        sheet->merges += merged;
        sheet->failed_cas += change.retries;
        /* The 32 parents of a word's pairs are one half of a word of the next order. */
        mask = word_parents(pairs) << (index % 2 * (WORD_BITS / 2));
        index /= 2;
    }
    if (mask != 0) {
        const freeset *set = &b->sets[order];
        word_change change = word_put(freeset_word(set, 0, index), mask);
        assert((change.before & mask) == 0);
        if (word_crossed(change)) {
            freeset_settle(set, index);
        }
        core_count(sheet, order, (int32_t)word_count(mask));
    }
}

uint32_t split_put_range(buddy *b, core_sheet *sheet, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (; from < to; count++) {
        uint32_t order = core_piece(from, to, b->max_order);
        const freeset *set = &b->sets[order];
        uint32_t place = from >> order;
        uint64_t bit = UINT64_C(1) << place % WORD_BITS;
        word_change change = word_put(freeset_word(set, 0, place / WORD_BITS), bit);
        assert((change.before & bit) == 0);
        if (word_crossed(change)) {
            freeset_settle(set, place / WORD_BITS);
        }
        core_count(sheet, order, 1);
        from += UINT32_C(1) << order;
    }
    return count;
}

uint32_t split_put_rest(buddy *b, core_sheet *sheet, buddy_block block, uint32_t from, uint32_t to)
{
    uint32_t end = block.offset + (UINT32_C(1) << block.order);
    return split_put_range(b, sheet, block.offset, from) + split_put_range(b, sheet, to, end);
}

bool split_take_at(buddy *b, core_sheet *sheet, uint32_t offset, uint32_t order)
{
    const freeset *set = &b->sets[order];
    uint32_t place = offset >> order;
    uint64_t bit = UINT64_C(1) << place % WORD_BITS;
    word_change change = word_clear(freeset_word(set, 0, place / WORD_BITS), bit);
    if ((change.before & bit) == 0) {
        return false; /* nothing was changed */
    }
    if (word_crossed(change)) {
        freeset_settle(set, place / WORD_BITS);
    }
    core_count(sheet, order, -1);
    return true;
}
