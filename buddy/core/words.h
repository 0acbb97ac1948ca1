/* words.h: the atomic transitions of one 64-bit word of free blocks, one function each, and the bit
 * arithmetic under them. Bit 2i and bit 2i + 1 are buddies. Private to buddy/; any thread.
 *
 * Memory order, here and in freeset.c: whoever gives a block back releases, whoever takes it
 * acquires, so that what was done with a block comes before what is done next with it. Every change
 * of a word is a read-modify-write, so a release sequence is never broken, and a taker of one bit
 * is ordered after the giver of that bit even when others changed the word in between. */
#ifndef BUDDY_WORDS_H
#define BUDDY_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_BITS      64u
#define WORD_EVEN_BITS UINT64_C(0x5555555555555555) /* the lower buddy of every pair */

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit words must be lock-free");

typedef _Atomic uint64_t word_atomic;

/* Place of the lowest set bit. Precondition: word != 0. */
static inline uint32_t word_lowest(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word);
}

/* Place of the highest set bit. Precondition: word != 0. */
static inline uint32_t word_highest(uint64_t word)
{
    return WORD_BITS - 1 - (uint32_t)__builtin_clzll(word);
}

/* Set bits. By sums in place, which compilers know as the instruction where there is one; the
 * builtin is a call where the least processor that is compiled for has none. */
static inline uint32_t word_count(uint64_t word)
{
    word -= word >> 1 & WORD_EVEN_BITS;
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

/* All bits above `bit`. */
static inline uint64_t word_above(uint32_t bit)
{
    return ~UINT64_C(1) << bit;
}

/* The even bits of `word`, side by side in the low half: 32 pairs become 32 parents. */
static inline uint64_t word_parents(uint64_t word)
{
    word &= WORD_EVEN_BITS;
    word = (word | word >> 1) & UINT64_C(0x3333333333333333);
    word = (word | word >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    word = (word | word >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word | word >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (word | word >> 16) & UINT64_C(0x00000000ffffffff);
}

/* The lower bit of every pair of buddies that are both set. */
static inline uint64_t word_pairs(uint64_t word)
{
    return word & word >> 1 & WORD_EVEN_BITS;
}

/* The set bit of `word` that is nearest to `bit`, as a mask. Precondition: word != 0. */
static inline uint64_t word_nearest(uint64_t word, uint32_t bit)
{
    uint64_t up = word >> bit;
    uint64_t down = word << (WORD_BITS - 1 - bit);
    if (down == 0 || (up != 0 && word_lowest(up) <= WORD_BITS - 1 - word_highest(down))) {
        return UINT64_C(1) << (bit + word_lowest(up));
    }
    return UINT64_C(1) << (bit - (WORD_BITS - 1 - word_highest(down)));
}

/* Up to `count` set bits of `word`: from `bit` upward, then round from the bottom. */
static inline uint64_t word_choose(uint64_t word, uint32_t bit, uint32_t count)
{
    if (count == 1) {
        return word_nearest(word, bit);
    }
    if (count >= WORD_BITS || count >= word_count(word)) {
        return word;
    }
    uint64_t turned = bit == 0 ? word : word >> bit | word << (WORD_BITS - bit);
    uint64_t rest = turned;
    for (uint32_t i = 0; i < count; i++) {
        rest &= rest - 1; /* clears the lowest */
    }
    uint64_t chosen = turned & ~rest;
    return bit == 0 ? chosen : chosen << bit | chosen >> (WORD_BITS - bit);
}

/* What a transition found and left behind, and how often another thread came between. */
typedef struct word_change {
    uint64_t before, after;
    uint32_t retries;
} word_change;

/* Whether the word went from no free block to some or back: its summary bit must follow. */
static inline bool word_crossed(word_change change)
{
    return (change.before == 0) != (change.after == 0);
}

/* free bits -> taken: up to `count` of them, near `bit`; the mask taken is before & ~after.
 * Acquire, pairs with word_give and word_put. */
static inline word_change word_take(word_atomic *word, uint32_t bit, uint32_t count)
{
    word_change change = {.before = atomic_load_explicit(word, memory_order_relaxed)};
    while (change.before != 0) {
        change.after = change.before & ~word_choose(change.before, bit, count);
        if (atomic_compare_exchange_weak_explicit(word, &change.before, change.after,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return change;
        }
        change.retries++;
    }
    change.after = 0;
    return change;
}

/* taken -> free, and pairs of free buddies -> taken by us, in one step, so that no one ever sees
 * both buddies free. `*pairs` receives the lower buddies of the pairs: we own them now, as blocks
 * of the next order. Release for the blocks given; acquire for the buddies taken. */
static inline word_change word_give(word_atomic *word, uint64_t mask, uint64_t *pairs)
{
    word_change change = {.before = atomic_load_explicit(word, memory_order_relaxed)};
    for (;;) {
        uint64_t all = change.before | mask;
        *pairs = word_pairs(all);
        change.after = all & ~(*pairs | *pairs << 1);
        if (atomic_compare_exchange_weak_explicit(word, &change.before, change.after,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
            return change;
        }
        change.retries++;
    }
}

/* taken -> free for blocks that cannot merge, because the caller owns a part of each buddy or
 * because they are of the largest order. Release, pairs with word_take. */
static inline word_change word_put(word_atomic *word, uint64_t mask)
{
    word_change change = {.before = atomic_fetch_or_explicit(word, mask, memory_order_release)};
    change.after = change.before | mask;
    return change;
}

/* free -> taken for the given blocks, those of them that are free: before & mask. Acquire, pairs
 * with word_give and word_put. */
static inline word_change word_clear(word_atomic *word, uint64_t mask)
{
    word_change change = {.before = atomic_fetch_and_explicit(word, ~mask, memory_order_acquire)};
    change.after = change.before & ~mask;
    return change;
}

#endif
