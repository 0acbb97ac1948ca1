#include "heap_marks.h"

#include <assert.h>

#define GROUP_UNITS 32u
#define HALF_BITS   32u

/* Memory order: relaxed throughout. A mark is set between taking a block from the core and handing
 * it out, and cleared before the core gets it back, so the core's words order one owner's marks
 * before the next one's; and who clears a mark is decided by the word's own order of changes. */

static bool is_large(uint64_t word)
{
    return word != 0 && word >> HALF_BITS == 0;
}

/* The marks of a block in its (first) word. */
static uint64_t block_marks(uint32_t offset, uint32_t order)
{
    if (order >= MARKS_GROUP_ORDER) {
        return order + 1;
    }
    uint32_t place = offset % GROUP_UNITS;
    uint64_t live = ((UINT64_C(1) << (1u << order)) - 1) << place;
    return live << HALF_BITS | UINT64_C(1) << place;
}

/* What one word says about the unit at `place`, and the units of the block that starts there. */
static heap_status read_word(uint64_t word, uint32_t place, uint32_t *order)
{
    if (is_large(word)) {
        *order = (uint32_t)word - 1;
        return place == 0 ? HEAP_OK : HEAP_INTERIOR;
    }
    uint64_t start = word & UINT32_MAX, live = word >> HALF_BITS;
    if ((live >> place & 1) == 0) {
        return HEAP_DOUBLE_FREE;
    }
    if ((start >> place & 1) == 0) {
        return HEAP_INTERIOR;
    }
    /* Above bit 31 nothing is live, so there always is an end. */
    uint32_t end = word_lowest((start | ~live) & word_above(place));
    *order = word_highest(end - place);
    return HEAP_OK;
}

static uint64_t load(const marks *m, uint32_t group)
{
    return atomic_load_explicit(&m->words[group], memory_order_relaxed);
}

/* Whether a large block that starts before `offset` holds it: looks at each place where one could
 * start. */
static bool inside_large(const marks *m, uint32_t offset)
{
    for (uint32_t order = MARKS_GROUP_ORDER; order <= m->max_order; order++) {
        uint32_t start = offset >> order << order;
        uint64_t word = load(m, start >> MARKS_GROUP_ORDER);
        if (is_large(word) && (uint32_t)word - 1 >= order) {
            return true;
        }
    }
    return false;
}

/* A unit that its own word does not call live: inside a large block, or not live at all. */
static heap_status not_in_word(const marks *m, uint32_t offset)
{
    return inside_large(m, offset) ? HEAP_INTERIOR : HEAP_DOUBLE_FREE;
}

void marks_set(const marks *m, buddy_block block)
{
    uint64_t bits = block_marks(block.offset, block.order);
    uint64_t before = atomic_fetch_or_explicit(&m->words[block.offset >> MARKS_GROUP_ORDER], bits,
                                               memory_order_relaxed);
    assert((before & bits) == 0);
    (void)before;
}

heap_status marks_clear(const marks *m, uint32_t offset, uint32_t expected, uint32_t *order)
{
    word_atomic *word = &m->words[offset >> MARKS_GROUP_ORDER];
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    for (;;) {
        heap_status status = read_word(before, offset % GROUP_UNITS, order);
        if (status != HEAP_OK) {
            return status == HEAP_DOUBLE_FREE ? not_in_word(m, offset) : status;
        }
        if (expected != MARKS_ANY_ORDER && expected != *order) {
            return HEAP_WRONG_SIZE;
        }
        if (atomic_compare_exchange_weak_explicit(word, &before,
                                                  before & ~block_marks(offset, *order),
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return HEAP_OK;
        }
    }
}

heap_status marks_read(const marks *m, uint32_t offset, uint32_t *order)
{
    heap_status status =
        read_word(load(m, offset >> MARKS_GROUP_ORDER), offset % GROUP_UNITS, order);
    return status == HEAP_DOUBLE_FREE ? not_in_word(m, offset) : status;
}

/* ---- check ---- */

/* Whether all words of `count` groups from `group` on are 0. */
static bool all_zero(const marks *m, uint32_t group, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (load(m, group + i) != 0) {
            return false;
        }
    }
    return true;
}

bool marks_all_dead(const marks *m, buddy_block block)
{
    uint32_t group = block.offset >> MARKS_GROUP_ORDER;
    if (inside_large(m, block.offset)) {
        return false;
    }
    if (block.order >= MARKS_GROUP_ORDER) {
        return all_zero(m, group, UINT32_C(1) << (block.order - MARKS_GROUP_ORDER));
    }
    uint64_t live = block_marks(block.offset, block.order) >> HALF_BITS;
    return (load(m, group) >> HALF_BITS & live) == 0;
}

/* Checks a word of small blocks. */
static const char *check_small(uint64_t word)
{
    uint64_t start = word & UINT32_MAX, live = word >> HALF_BITS;
    if ((start & ~live) != 0) {
        return "a block starts on a unit that is not live";
    }
    while (live != 0) {
        uint32_t order, place = word_lowest(live);
        if (read_word(word, place, &order) != HEAP_OK) {
            return "a live unit belongs to no block";
        }
        uint64_t units = block_marks(place, order) >> HALF_BITS;
        if (place % (1u << order) != 0 || (units & ~live) != 0) {
            return "a small block is not aligned to its size";
        }
        live &= ~units;
    }
    return NULL;
}

/* Checks the large block that starts with word `group`. */
static const char *check_large(const marks *m, uint32_t group, uint32_t order)
{
    uint32_t first = group << MARKS_GROUP_ORDER;
    if (order < MARKS_GROUP_ORDER || order > m->max_order || first % (UINT32_C(1) << order) != 0 ||
        (UINT32_C(1) << order) > m->units - first) {
        return "a large block has an impossible size or place";
    }
    uint32_t others = (UINT32_C(1) << (order - MARKS_GROUP_ORDER)) - 1;
    return all_zero(m, group + 1, others) ? NULL : "a block lies inside a large one";
}

const char *marks_check(const marks *m, uint64_t *live_units)
{
    uint32_t groups = marks_words(m->units);
    *live_units = 0;
    for (uint32_t group = 0; group < groups; group++) {
        uint64_t word = load(m, group);
        uint32_t order = (uint32_t)word - 1;
        const char *fault = is_large(word) ? check_large(m, group, order) : check_small(word);
        if (fault != NULL) {
            return fault;
        }
        *live_units += is_large(word) ? UINT64_C(1) << order : word_count(word >> HALF_BITS);
    }
    uint32_t in_last = (m->units - 1) % GROUP_UNITS + 1;
    if (load(m, groups - 1) >> HALF_BITS >> in_last != 0) {
        return "a unit beyond the last one is live";
    }
    return NULL;
}
