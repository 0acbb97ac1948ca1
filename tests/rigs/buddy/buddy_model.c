#include "tests/rigs/buddy/buddy_model.h"

#include <stdlib.h>
#include <string.h>

bool buddy_model_init(buddy_model *m, const buddy_desc *desc)
{
    m->units = desc->units;
    m->max_order = desc->max_order;
    if (m->max_order == 0) {
        while (m->max_order < 31 && (UINT64_C(2) << m->max_order) <= desc->units) {
            m->max_order++;
        }
    }
    m->taken = calloc(desc->units, 1);
    return m->taken != NULL;
}

void buddy_model_finish(buddy_model *m)
{
    free(m->taken);
}

static bool all_are(const buddy_model *m, uint32_t offset, uint32_t count, uint8_t value)
{
    if (offset > m->units || count > m->units - offset) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (m->taken[offset + i] != value) {
            return false;
        }
    }
    return true;
}

bool buddy_model_all_free(const buddy_model *m, uint32_t offset, uint32_t count)
{
    return all_are(m, offset, count, 0);
}

bool buddy_model_all_taken(const buddy_model *m, uint32_t offset, uint32_t count)
{
    return all_are(m, offset, count, 1);
}

void buddy_model_mark(buddy_model *m, uint32_t offset, uint32_t count, bool taken)
{
    memset(m->taken + offset, taken, count);
}

uint32_t buddy_model_free_units(const buddy_model *m)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < m->units; i++) {
        sum += m->taken[i] == 0;
    }
    return sum;
}

/* The largest free aligned block that holds `unit`. */
static buddy_block grow(const buddy_model *m, uint32_t unit)
{
    buddy_block block = {unit, 0};
    if (m->taken[unit]) {
        return (buddy_block){unit, BUDDY_ORDERS};
    }
    while (block.order < m->max_order) {
        uint32_t sibling = block.offset ^ UINT32_C(1) << block.order;
        if (!buddy_model_all_free(m, sibling, UINT32_C(1) << block.order)) {
            break;
        }
        block.offset &= ~(UINT32_C(1) << block.order);
        block.order++;
    }
    return block;
}

uint32_t buddy_model_block_at(const buddy_model *m, uint32_t offset)
{
    buddy_block block = grow(m, offset);
    return block.offset == offset ? block.order : BUDDY_ORDERS;
}

buddy_block buddy_model_best(const buddy_model *m, uint32_t order)
{
    buddy_block best = {0, BUDDY_ORDERS};
    for (uint32_t at = 0; at < m->units;) {
        uint32_t here = buddy_model_block_at(m, at);
        if (here != BUDDY_ORDERS && here >= order && here < best.order) {
            best = (buddy_block){at, here};
        }
        at += here == BUDDY_ORDERS ? 1 : UINT32_C(1) << here;
    }
    return best;
}

typedef struct comparison {
    const buddy_model *m;
    buddy_block last;
    uint32_t blocks, units;
    const char *fault;
} comparison;

static bool compare_block(void *context, buddy_block block)
{
    comparison *c = context;
    bool first = c->blocks == 0;
    if (!first && (block.order > c->last.order ||
                   (block.order == c->last.order && block.offset <= c->last.offset))) {
        c->fault = "the walk is out of order";
    } else if (buddy_model_block_at(c->m, block.offset) != block.order) {
        c->fault = "a free block is not a maximal free run of the model";
    }
    c->last = block;
    c->blocks++;
    c->units += UINT32_C(1) << block.order;
    return c->fault == NULL;
}

const char *buddy_model_compare(const buddy_model *m, const buddy *b)
{
    comparison c = {.m = m};
    buddy_walk(b, compare_block, &c);
    if (c.fault != NULL) {
        return c.fault;
    }
    /* Blocks are disjoint (buddy_check) and free in the model: equal sums mean equal sets. */
    uint32_t free_units = buddy_model_free_units(m);
    if (c.units != free_units) {
        return "a free unit is in no free block";
    }
    return buddy_free_units(b) == free_units ? NULL : "buddy_free_units is wrong at rest";
}
