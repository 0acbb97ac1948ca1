/* inspect.c: reading a core without changing it: figures, the walk over free blocks, the check. */
#include <string.h>

#include "buddy/core/core.h"
#include "buddy/tree.h"

/* ---- figures ---- */

/* Blocks of `order` marked free, summed over the lanes. Where others change lanes meanwhile the sum
 * may lie outside what is possible; then it is put at the nearer end. */
static uint32_t count_free(const buddy *b, uint32_t order)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < b->lanes; i++) {
        /* relaxed: a figure */
        sum += atomic_load_explicit(&core_lane_at(b, i)->free_blocks[order], memory_order_relaxed);
    }
    uint32_t most = b->sets[order].blocks;
    if (sum <= most) {
        return sum;
    }
    return sum - most < UINT32_MAX - sum ? most : 0;
}

/* Counts of different instants may add up to more units than there are. */
static uint32_t limit_units(const buddy *b, uint64_t units)
{
    return units < b->units ? (uint32_t)units : b->units;
}

uint32_t buddy_free_units(const buddy *b)
{
    uint64_t units = 0;
    for (uint32_t order = 0; order <= b->max_order; order++) {
        units += (uint64_t)count_free(b, order) << order;
    }
    return limit_units(b, units);
}

void buddy_get_stats(const buddy *b, buddy_stats *out)
{
    *out = (buddy_stats){.units = b->units,
                         .max_order = b->max_order,
                         .largest_order = BUDDY_ORDERS,
                         .metadata_bytes = b->bytes};
    uint64_t units = 0;
    for (uint32_t order = 0; order <= b->max_order; order++) {
        out->free_blocks[order] = count_free(b, order);
        units += (uint64_t)out->free_blocks[order] << order;
        if (out->free_blocks[order] != 0) {
            out->largest_order = order;
        }
    }
    out->free_units = limit_units(b, units);
    for (uint32_t i = 0; i < b->lanes; i++) {
        core_lane *lane = core_lane_at(b, i);
        /* relaxed: figures */
        out->splits += atomic_load_explicit(&lane->splits, memory_order_relaxed);
        out->merges += atomic_load_explicit(&lane->merges, memory_order_relaxed);
        out->failed_cas += atomic_load_explicit(&lane->failed_cas, memory_order_relaxed);
    }
}

/* ---- walk ---- */

/* Visits the blocks that `bits`, word `index` of `order`, has free. False when visit said stop. */
static bool walk_word(uint32_t order, uint32_t index, uint64_t bits,
                      bool (*visit)(void *context, buddy_block block), void *context)
{
    for (; bits != 0; bits &= bits - 1) {
        uint32_t offset = (index * WORD_BITS + word_lowest(bits)) << order;
        if (!visit(context, (buddy_block){offset, order})) {
            return false;
        }
    }
    return true;
}

void buddy_walk(const buddy *b, bool (*visit)(void *context, buddy_block block), void *context)
{
    for (uint32_t order = b->max_order + 1; order-- > 0;) {
        const freeset *set = &b->sets[order];
        uint32_t words = (core_blocks(b, order) + WORD_BITS - 1) / WORD_BITS;
        for (uint32_t index = 0; index < words; index++) {
            index = freeset_next(set, index);
            if (index == FREESET_NONE) {
                break;
            }
            /* acquire: a visitor at rest may look at what the last owner wrote */
            uint64_t bits = atomic_load_explicit(freeset_word(set, 0, index), memory_order_acquire);
            if (!walk_word(order, index, bits, visit, context)) {
                return;
            }
        }
    }
}

bool buddy_is_free(const buddy *b, buddy_block block)
{
    for (uint32_t order = block.order; order <= b->max_order; order++) {
        uint32_t place = block.offset >> order;
        const freeset *set = &b->sets[order];
        if (place >= core_blocks(b, order)) {
            break; /* nor does any larger block hold it */
        }
        /* acquire: who finds a block free may look at what its last owner wrote */
        word_atomic *word = freeset_word(set, 0, place / WORD_BITS);
        if (atomic_load_explicit(word, memory_order_acquire) >> place % WORD_BITS & 1) {
            return true;
        }
    }
    return false;
}

/* ---- check ---- */

/* What the check learns from a walk. */
typedef struct survey {
    const buddy *b;
    uint64_t units;                /* in free blocks */
    uint32_t counts[BUDDY_ORDERS]; /* free blocks by order */
    bool nested;                   /* a free block lies inside another one */
} survey;

static bool survey_block(void *context, buddy_block block)
{
    survey *s = context;
    s->units += UINT64_C(1) << block.order;
    s->counts[block.order]++;
    buddy_block parent = {buddy_parent_of(block.offset, block.order), block.order + 1};
    s->nested |= block.order < s->b->max_order && buddy_is_free(s->b, parent);
    return true;
}

static const char *check_gate(const buddy *b)
{
    if (atomic_load_explicit(&b->closed, memory_order_relaxed) != 0) {
        return "the gate is closed, but nobody is at work";
    }
    for (uint32_t i = 0; i < b->lanes; i++) {
        if (atomic_load_explicit(&core_lane_at(b, i)->inside, memory_order_relaxed) != 0) {
            return "somebody is inside, but nobody is at work";
        }
    }
    return NULL;
}

const char *buddy_check(const buddy *b)
{
    const char *fault = check_gate(b);
    for (uint32_t order = 0; order <= b->max_order && fault == NULL; order++) {
        fault = freeset_check(&b->sets[order], core_blocks(b, order), order < b->max_order);
    }
    if (fault != NULL) {
        return fault;
    }
    survey s = {.b = b};
    buddy_walk(b, survey_block, &s);
    if (s.nested) {
        return "a unit is in two free blocks";
    }
    if (s.units + atomic_load_explicit(&b->reserved, memory_order_relaxed) > b->units) {
        return "more units are free than there are outside the reserved ones";
    }
    for (uint32_t order = 0; order <= b->max_order; order++) {
        if (s.counts[order] != count_free(b, order)) {
            return "a count of free blocks differs from the bitmap";
        }
    }
    return NULL;
}
