#include "buddy/core/freeset.h"

uint32_t freeset_next(const freeset *set, uint32_t from)
{
    uint32_t level = 0, index = from;
    for (;;) {
        /* relaxed throughout: what is found is a hint until word_take acquires it */
        uint64_t word = atomic_load_explicit(freeset_word(set, level, index), memory_order_relaxed);
        if (word != 0 && level == 0) {
            return index;
        }
        while (word == 0) { /* climb until some word to the right is marked */
            if (level == set->top) {
                return FREESET_NONE;
            }
            uint64_t right = word_above(index % WORD_BITS);
            index /= WORD_BITS;
            level++;
            word =
                right & atomic_load_explicit(freeset_word(set, level, index), memory_order_relaxed);
        }
        /* Go down one level. What lies there may be empty by now; then we climb again, and only
         * ever to the right, so this ends. */
        index = index * WORD_BITS + word_lowest(word);
        level--;
    }
}

uint32_t freeset_find(const freeset *set, uint32_t from)
{
    uint32_t found = freeset_next(set, from);
    if (found == FREESET_NONE && from > 0) {
        found = freeset_next(set, 0);
    }
    return found;
}

/* Sets or clears `bit` of `parent` as `child` has bits or not, until both agree. Returns whether
 * that moved the parent between zero and non-zero at any time, so that the next level must follow.
 *
 * Why the two agree when all are at rest. Let R, by thread Z, be the last write to the bit. Z loads
 * the child after R and found it as R says, or it would have written again. Suppose the child now
 * differs. Then someone, Y, changed it for the last time and wrote the bit afterwards, with the
 * right value; that write is not R, so it comes before R. All writes are read-modify-writes with
 * acquire and release, so R synchronizes with Y's write, and Z's load after R sees the child as Y
 * left it: a contradiction. Dropping the second load loses blocks; so does not going up when the
 * repair, not the first write, moved the parent. */
static bool settle_bit(word_atomic *child, word_atomic *parent, uint64_t bit)
{
    bool crossed = false;
    for (;;) {
        bool some =
            atomic_load_explicit(child, memory_order_relaxed) != 0; /* checked again below */
        if (some) {
            crossed |= atomic_fetch_or_explicit(parent, bit, memory_order_acq_rel) == 0;
        } else {
            crossed |= atomic_fetch_and_explicit(parent, ~bit, memory_order_acq_rel) == bit;
        }
        /* relaxed: it is the acquire of the write above that orders this load */
        if ((atomic_load_explicit(child, memory_order_relaxed) != 0) == some) {
            return crossed;
        }
    }
}

void freeset_settle(const freeset *set, uint32_t index)
{
    for (uint32_t level = 0; level < set->top; level++) {
        word_atomic *child = freeset_word(set, level, index);
        word_atomic *parent = freeset_word(set, level + 1, index / WORD_BITS);
        if (!settle_bit(child, parent, UINT64_C(1) << index % WORD_BITS)) {
            return;
        }
        index /= WORD_BITS;
    }
}

/* The bits of `level`'s word `index` as the level below says they should be. */
static uint64_t expected_summary(const freeset *set, uint32_t level, uint32_t index, uint32_t below)
{
    uint64_t word = 0;
    uint32_t first = index * WORD_BITS;
    for (uint32_t i = 0; i < WORD_BITS && i < below - first; i++) {
        /* relaxed: nobody else is at work */
        if (atomic_load_explicit(freeset_word(set, level - 1, first + i), memory_order_relaxed)) {
            word |= UINT64_C(1) << i;
        }
    }
    return word;
}

const char *freeset_check(const freeset *set, uint32_t blocks, bool merges)
{
    uint32_t below = blocks != 0 ? (blocks - 1) / WORD_BITS + 1 : 1;
    uint64_t beyond = blocks != 0 ? word_above((blocks - 1) % WORD_BITS) : ~UINT64_C(0);
    for (uint32_t i = 0; i < below; i++) {
        uint64_t word = atomic_load_explicit(freeset_word(set, 0, i), memory_order_relaxed);
        if (merges && word_pairs(word) != 0) {
            return "two buddies are both free";
        }
        if (i == below - 1 && (word & beyond) != 0) {
            return "a block beyond the last unit is free";
        }
    }
    for (uint32_t level = 1; level <= set->top; level++) {
        uint32_t words = (below - 1) / WORD_BITS + 1;
        for (uint32_t i = 0; i < words; i++) {
            uint64_t word = atomic_load_explicit(freeset_word(set, level, i), memory_order_relaxed);
            if (word != expected_summary(set, level, i, below)) {
                return "a summary differs from what it sums up";
            }
        }
        below = words;
    }
    return NULL;
}
