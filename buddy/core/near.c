/* near.c: taking a block that is near rather than one that fits best.
 *
 * Order by order upward, a look at the 64 blocks around the place: the window is the wider the
 * larger the blocks, so a hole of the right size next door comes before a piece of a large block,
 * and that before a hole at the other end. An order costs three loads. */
#include "buddy/core/split.h"

_Static_assert(BUDDY_REACH == WORD_BITS / 2, "what is near are the bits of one word");

/* The free blocks of an order around one of them, as bits. */
typedef struct window {
    uint64_t bits;
    uint32_t first; /* the block of bit 0 */
} window;

/* Nothing beyond the words of the first `blocks`. */
static uint64_t load(const freeset *set, uint32_t index, uint32_t blocks)
{
    if (blocks == 0 || index > (blocks - 1) / WORD_BITS) {
        return 0;
    }
    /* relaxed: a hint; whoever takes a block acquires it */
    return atomic_load_explicit(freeset_word(set, 0, index), memory_order_relaxed);
}

static window look_around(const freeset *set, uint32_t place, uint32_t blocks)
{
    window w = {.first = place > BUDDY_REACH ? place - BUDDY_REACH : 0};
    uint32_t index = w.first / WORD_BITS, shift = w.first % WORD_BITS;
    w.bits = load(set, index, blocks) >> shift;
    if (shift != 0) {
        w.bits |= load(set, index + 1, blocks) << (WORD_BITS - shift);
    }
    return w;
}

/* The part of `block`, which is ours, that is of `order` and nearest to `near`; the rest is put
 * back. */
static uint32_t cut(buddy *b, core_sheet *sheet, buddy_block block, uint32_t order, uint32_t near)
{
    uint32_t size = UINT32_C(1) << order;
    uint32_t last = block.offset + (UINT32_C(1) << block.order) - size;
    uint32_t start = near < block.offset ? block.offset : near & ~(size - 1);
    start = start < last ? start : last;
    sheet->splits += split_put_rest(b, sheet, block, start, start + size);
    return start;
}

/* Takes the block of `order` that is nearest to `near`, if any is within reach. */
static bool take_nearest(buddy *b, core_sheet *sheet, uint32_t order, uint32_t near,
                         buddy_block *block)
{
    const freeset *set = &b->sets[order];
    uint32_t place = near >> order;
    place = place < set->blocks ? place : set->blocks - 1;
    window w = look_around(set, place, core_blocks(b, order));
    while (w.bits != 0) {
        uint32_t bit = word_lowest(word_nearest(w.bits, place - w.first));
        *block = (buddy_block){(w.first + bit) << order, order};
        if (split_take_at(b, sheet, block->offset, order)) {
            return true;
        }
        w.bits &= ~(UINT64_C(1) << bit); /* somebody else took it */
    }
    return false;
}

uint32_t buddy_try_near(buddy *b, uint32_t order, uint32_t near)
{
    buddy_block block = {0, 0};
    uint32_t offset = BUDDY_NONE;
    core_sheet sheet = gate_enter(b);
    for (uint32_t from = order; from <= b->max_order && offset == BUDDY_NONE; from++) {
        if (!freeset_empty(&b->sets[from]) && take_nearest(b, &sheet, from, near, &block)) {
            offset = cut(b, &sheet, block, order, near);
        }
    }
    gate_leave(&sheet);
    return offset != BUDDY_NONE ? offset : buddy_try(b, order, near);
}
