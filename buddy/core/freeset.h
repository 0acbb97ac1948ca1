/* freeset.h: the free blocks of one order: a bitmap, and summaries by which a free block is found
 * in a few loads. Private to buddy/; any thread.
 *
 *     level 2  [ 1 ]                         bit i of a word on level n + 1 says
 *     level 1  [ 1 0 … ]  [ 0 … ]            whether word i of level n has any bit
 *     level 0  [ … ] [ 0 ] …                 a bit a block: set = free
 *
 * A summary may lag behind the bitmap for the moment that a thread needs from one to the other: a
 * set bit above an empty word sends a searcher on, a clear bit above a word with free blocks hides
 * them. When all are at rest the summaries are exact; freeset.c says why. */
#ifndef BUDDY_FREESET_H
#define BUDDY_FREESET_H

#include "buddy/core/words.h"

#define FREESET_LEVELS 6u         /* 64^6 > 2^32 blocks */
#define FREESET_NONE   UINT32_MAX /* "no such word" */

/* Fixed at init. Holds no pointer, so the whole core may be mapped anywhere. */
typedef struct freeset {
    uint32_t first[FREESET_LEVELS]; /* where a level begins: 64-bit words after this struct's own
                                       address */
    uint32_t blocks;                /* bits in level 0, >= 1 */
    uint32_t top;                   /* the level that has one word */
} freeset;

/* Words on level 0. */
static inline uint32_t freeset_words(const freeset *set)
{
    return (set->blocks - 1) / WORD_BITS + 1;
}

/* Word `index` of `level`. */
static inline word_atomic *freeset_word(const freeset *set, uint32_t level, uint32_t index)
{
    return (word_atomic *)((uintptr_t)set + sizeof(uint64_t) * ((size_t)set->first[level] + index));
}

/* Whether no block is free, as far as the summaries know. */
static inline bool freeset_empty(const freeset *set)
{
    /* relaxed: a hint; whoever takes a block acquires it from the bitmap itself */
    return atomic_load_explicit(freeset_word(set, set->top, 0), memory_order_relaxed) == 0;
}

/* The first word of level 0 at or after `from` that has a free block, or FREESET_NONE.
 * Precondition: from < freeset_words(set). */
uint32_t freeset_next(const freeset *set, uint32_t from);

/* As freeset_next, and from the beginning where nothing is found at or after `from`. */
uint32_t freeset_find(const freeset *set, uint32_t from);

/* Brings the summaries into line with word `index` of level 0. Whoever changed that word between
 * zero and non-zero must call this afterwards. Lock-free. */
void freeset_settle(const freeset *set, uint32_t index);

/* NULL when the bitmap has no bit beyond the first `blocks`, no pair of free buddies (where
 * `merges`) and exact summaries, else a sentence; words that say nothing of these blocks are not
 * looked at, but for the first. Nobody else at work. */
const char *freeset_check(const freeset *set, uint32_t blocks, bool merges);

#endif
