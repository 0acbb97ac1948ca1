/* buddy_model.h: what a buddy must do, in the plainest way: a byte a unit, everything else counted
 * afresh. With exact coalescing the free blocks follow from the free units alone: they are the
 * maximal aligned runs. One thread. */
#ifndef MEGABUDDY_TESTS_BUDDY_MODEL_H
#define MEGABUDDY_TESTS_BUDDY_MODEL_H

#include "buddy/buddy.h"

typedef struct buddy_model {
    uint32_t units, max_order;
    uint8_t *taken; /* a byte a unit: 1 = handed out or reserved */
} buddy_model;

/* A model of what desc makes, all free. False without memory. */
bool buddy_model_init(buddy_model *m, const buddy_desc *desc);
void buddy_model_finish(buddy_model *m);

/* Whether all units of [offset, offset + count) exist and are free (taken). */
bool buddy_model_all_free(const buddy_model *m, uint32_t offset, uint32_t count);
bool buddy_model_all_taken(const buddy_model *m, uint32_t offset, uint32_t count);

void buddy_model_mark(buddy_model *m, uint32_t offset, uint32_t count, bool taken);

uint32_t buddy_model_free_units(const buddy_model *m);

/* The maximal free block that begins at `offset`, as an order; BUDDY_ORDERS when none begins
 * there. */
uint32_t buddy_model_block_at(const buddy_model *m, uint32_t offset);

/* The block that a best fit nearest to address 0 takes from for a request of `order`; its order is
 * BUDDY_ORDERS when nothing fits. */
buddy_block buddy_model_best(const buddy_model *m, uint32_t order);

/* NULL when the free blocks of `b` are exactly the model's, in the order that buddy_walk promises,
 * and its figures agree; else a sentence. */
const char *buddy_model_compare(const buddy_model *m, const buddy *b);

#endif
