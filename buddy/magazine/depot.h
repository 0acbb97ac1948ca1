/* depot.h: where batches of blocks go from threads that mostly give to threads that mostly take,
 * without passing through the core. Private to buddy/; any thread, lock-free.
 *
 *     order k   state  [ busy 0000 | full 0110 ]     slots  [      ][ #### ][ ###  ][      ]
 *
 * A slot is empty, full, or busy while the thread that claimed it copies a batch in or out. */
#ifndef BUDDY_DEPOT_H
#define BUDDY_DEPOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DEPOT_SLOTS 4u /* an order: more would keep blocks from merging, fewer meet in bursts */
/* Blocks a slot: a word of the core's bitmap, four cache lines of offsets. */
#define DEPOT_BATCH 64u

/* The batches of one order. busy & full == 0. */
typedef struct depot {
    _Alignas(64) _Atomic uint32_t state; /* bit i: slot i is full; bit i + 16: it is busy */
    _Atomic uint32_t
        counts[DEPOT_SLOTS]; /* blocks in slot i; by who made it busy, a figure to others */
    _Alignas(64) uint32_t slots[DEPOT_SLOTS][DEPOT_BATCH];
} depot;

/* Copies `count` (at most DEPOT_BATCH) blocks into an empty slot. False: there is none. */
bool depot_put(depot *d, const uint32_t items[], uint32_t count);

/* Copies the blocks of a full slot to `items` and returns how many; 0: there is none. */
uint32_t depot_take(depot *d, uint32_t items[DEPOT_BATCH]);

/* Blocks in full slots: exact when others are at rest. */
uint32_t depot_count(const depot *d);

#endif
