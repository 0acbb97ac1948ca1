/* painted.h: blocks of a heap taken by a random door and filled with a pattern of their own, so
 * that whoever else writes into them is noticed. */
#ifndef MEGABUDDY_TESTS_PAINTED_H
#define MEGABUDDY_TESTS_PAINTED_H

#include <string.h>

#include "buddy/heap.h"
#include "tests/rigs/seed.h"

typedef struct live_block {
    unsigned char *start;
    size_t bytes;
    unsigned char pattern;
} live_block;

/* Fills a block with its pattern, or checks that it still holds it. */
static inline void paint(live_block b)
{
    memset(b.start, b.pattern, b.bytes);
}

static inline bool still_painted(live_block b)
{
    return b.start[0] == b.pattern && memcmp(b.start, b.start + 1, b.bytes - 1) == 0;
}

/* Takes a block of a random size by a random door; bytes == 0 when refused. */
static inline live_block take_random(buddy_heap *h, uint64_t *random)
{
    live_block b = {.bytes = 1 + seed_below(random, 1u << seed_below(random, 16))};
    switch (seed_below(random, 4)) {
    case 0:
        b.start = buddy_heap_try(h, b.bytes);
        break;
    case 1:
        b.start = buddy_heap_aligned(h, (size_t)1 << seed_below(random, 13), b.bytes);
        break;
    case 2: {
        size_t distance = seed_below(random, (uint32_t)buddy_heap_get_desc(h)->bytes);
        b.start = buddy_heap_alloc_near(h, b.bytes, (unsigned char *)buddy_heap_base(h) + distance);
        break;
    }
    default:
        b.start = buddy_heap_alloc(h, b.bytes);
        break;
    }
    b.pattern = (unsigned char)seed_next(random);
    return b.start != NULL ? b : (live_block){0};
}

#endif
