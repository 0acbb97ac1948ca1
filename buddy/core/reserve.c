/* reserve.c: takes given units out of play, and back. */
#include <assert.h>

#include "buddy/core/split.h"

/* The free block that holds `unit`, of order BUDDY_ORDERS when there is none. Nobody else at
 * work. */
static buddy_block find_cover(const buddy *b, uint32_t unit)
{
    for (uint32_t order = 0; order <= b->max_order; order++) {
        const freeset *set = &b->sets[order];
        uint32_t place = unit >> order;
        if (place >= core_blocks(b, order)) {
            break; /* nor does any larger block hold it */
        }
        word_atomic *word = freeset_word(set, 0, place / WORD_BITS);
        /* relaxed: closing the gate has acquired everything */
        uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
        if (bits >> place % WORD_BITS & 1) {
            return (buddy_block){place << order, order};
        }
    }
    return (buddy_block){unit, BUDDY_ORDERS};
}

static bool all_free(const buddy *b, uint32_t from, uint32_t to)
{
    while (from < to) {
        buddy_block block = find_cover(b, from);
        if (block.order == BUDDY_ORDERS) {
            return false;
        }
        from = block.offset + (UINT32_C(1) << block.order);
    }
    return true;
}

/* Takes [from, to), of which every unit is free, and puts back what sticks out at both ends. */
static void take_range(buddy *b, core_sheet *sheet, uint32_t from, uint32_t to)
{
    while (from < to) {
        buddy_block block = find_cover(b, from);
        assert(block.order <= b->max_order);
        bool taken = split_take_at(b, sheet, block.offset, block.order);
        assert(taken);
        (void)taken;
        uint32_t end = block.offset + (UINT32_C(1) << block.order);
        uint32_t to_here = end < to ? end : to;
        sheet->splits += split_put_rest(b, sheet, block, from, to_here);
        from = to_here;
    }
}

bool buddy_reserve(buddy *b, uint32_t offset, uint32_t count)
{
    if (offset > b->units || count > b->units - offset) {
        return false;
    }
    core_sheet sheet = gate_close(b);
    bool done = all_free(b, offset, offset + count);
    if (done) {
        take_range(b, &sheet, offset, offset + count);
        /* relaxed: a figure; the gate orders it */
        atomic_fetch_add_explicit(&b->reserved, count, memory_order_relaxed);
    }
    gate_open(b, &sheet);
    return done;
}

/* Whether a block is one of this buddy's, and free. */
static bool can_take(const buddy *b, buddy_block block)
{
    uint64_t end = block.offset + (UINT64_C(1) << block.order);
    return block.order <= b->max_order && block.offset % (UINT32_C(1) << block.order) == 0 &&
           end <= b->units && all_free(b, block.offset, (uint32_t)end);
}

bool buddy_take_all(buddy *b, const buddy_block blocks[], uint32_t count)
{
    core_sheet sheet = gate_close(b);
    uint32_t taken = 0;
    for (; taken < count && blocks[taken].order < BUDDY_ORDERS && can_take(b, blocks[taken]);
         taken++) {
        uint32_t from = blocks[taken].offset;
        take_range(b, &sheet, from, from + (UINT32_C(1) << blocks[taken].order));
    }
    bool done = taken == count;
    while (!done && taken > 0) {
        taken--;
        split_give(b, &sheet, blocks[taken].order, blocks[taken].offset);
    }
    gate_open(b, &sheet);
    return done;
}

/* Before the units are free: who finds one must find its words in reach. */
static void extend_reach(buddy *b, uint32_t to)
{
    /* relaxed: see core_blocks */
    uint32_t reach = atomic_load_explicit(&b->reach, memory_order_relaxed);
    while (reach < to && !atomic_compare_exchange_weak_explicit(
                             &b->reach, &reach, to, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void buddy_release(buddy *b, uint32_t offset, uint32_t count)
{
    assert(offset <= b->units && count <= b->units - offset);
    core_sheet sheet = gate_enter(b);
    extend_reach(b, offset + count);
    /* relaxed: a figure. Before the units are free, so that both never count them. */
    uint32_t before = atomic_fetch_sub_explicit(&b->reserved, count, memory_order_relaxed);
    assert(before >= count);
    (void)before;
    for (uint32_t at = offset, end = offset + count; at < end;) {
        uint32_t order = core_piece(at, end, b->max_order);
        split_give(b, &sheet, order, at);
        at += UINT32_C(1) << order;
    }
    gate_leave(&sheet);
}
