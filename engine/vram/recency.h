/* recency.h: how recently each square of the atlas was wanted: a quadtree over the slots in Morton
 * order, whose squares are the same that the buddy hands out.
 *
 *     level 2  [              ]       A node of level n covers 4^n slots. For each order up to its
 *     level 1  [  ][  ][  ][  ]       own (and RECENCY_MAX_ORDER) it knows the least key of the
 *     level 0  ||||||||||||||||       squares of that order below it. A square's key is the largest
 *                                     key of its slots.
 *
 * So one descent finds the aligned square of an order that was last wanted longest ago. A slot that
 * is wanted changes only a few nodes above it: those above RECENCY_MAX_ORDER only if its square had
 * the least key.
 *
 * Threads: one. No allocation after init. */
#ifndef MEGABUDDY_ENGINE_RECENCY_H
#define MEGABUDDY_ENGINE_RECENCY_H

#include <stdbool.h>
#include <stdint.h>

enum { RECENCY_MAX_ORDER = 3, RECENCY_MAX_LEVELS = 8 };

#define RECENCY_FREE  UINT64_C(0) /* the key of a slot that costs nothing to take */
#define RECENCY_NEVER UINT64_MAX  /* … and of one that cannot be taken at all */

typedef struct recency {
    uint32_t levels;                          /* the tree has 4^levels slots */
    uint64_t *keys;                           /* by slot */
    uint64_t (*least)[RECENCY_MAX_ORDER + 1]; /* by node, level 1 first; by order up to the level */
} recency;

bool recency_init(recency *r, uint32_t levels); /* all slots free. false: no memory */
void recency_finish(recency *r);
uint64_t recency_bytes(uint32_t levels); /* that init allocates; pure */

void recency_set(recency *r, uint32_t slot, uint64_t key);
uint64_t recency_get(const recency *r, uint32_t slot);

/* The first slot of the aligned square of 2^order x 2^order slots with the least key, the first in
 * Morton order among equals; its key at *key. Where the tree is smaller than that, *key is
 * RECENCY_NEVER. */
uint32_t recency_cheapest(const recency *r, uint32_t order, uint64_t *key);

const char *recency_check(const recency *r); /* NULL when every node is what those below it say */

#endif
