#include "buddy/core/split.h"

#include <assert.h>

#define WORD_ORDERS 6u /* a word of blocks of one order is one block this much higher */

_Static_assert(1u << WORD_ORDERS == WORD_BITS, "the blocks of a word make up one");

/* Gives blocks of which none is another's buddy. Returns the lower buddies of the pairs that they
 * make up with free ones: we own them now, as blocks of the next order. */
static uint64_t give_singles(const freeset *set, core_sheet *sheet, uint32_t order, uint32_t index,
                             uint64_t mask)
{
    uint64_t pairs;
    word_change change = word_give(freeset_word(set, 0, index), mask, &pairs);
    assert((change.before & mask) == 0);
    if (word_crossed(change)) {
        freeset_settle(set, index);
    }
    core_count(sheet, order, (int32_t)word_count(mask) - 2 * (int32_t)word_count(pairs));
    sheet->failed_cas += change.retries;
    return pairs;
}

/* None of these blocks is marked free; else one was given back twice. */
static void assert_taken(const freeset *set, uint32_t index, uint64_t mask)
{
    /* relaxed: they are ours, so nobody else changes their bits */
    assert((atomic_load_explicit(freeset_word(set, 0, index), memory_order_relaxed) & mask) == 0);
    (void)set, (void)index, (void)mask; /* for builds without asserts */
}

void split_give_mask(buddy *b, core_sheet *sheet, uint32_t order, uint32_t index, uint64_t mask)
{
    if (mask == ~UINT64_C(0) && order + WORD_ORDERS <= b->max_order) {
        assert_taken(&b->sets[order], index, mask);
        order += WORD_ORDERS; /* a whole word is one block there: what the loop would come to */
        mask = UINT64_C(1) << index % WORD_BITS;
        index /= WORD_BITS;
        sheet->merges += WORD_BITS - 1;
    }
    for (; mask != 0 && order < b->max_order; order++) {
        const freeset *set = &b->sets[order];
        /* Buddies that are both given merge before anybody has seen them. */
        uint64_t pairs = word_pairs(mask);
        uint64_t single = mask & ~(pairs | pairs << 1);
        assert_taken(set, index, mask);
        if (single != 0) {
            pairs |= give_singles(set, sheet, order, index, single);
        }
        sheet->merges += word_count(pairs);
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
