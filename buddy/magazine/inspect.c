/* magazine/inspect.c: reading a magazine without changing it: figures, walk, check. */
#include "buddy/core/core.h"
#include "buddy/magazine/private.h"

/* ---- figures ---- */

static uint64_t figure(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed); /* relaxed: a figure */
}

static uint64_t stock_units(const buddy_magazine *m, const buddy_magazine_stock *stock)
{
    uint64_t units = 0;
    for (uint32_t order = 0; order <= m->max_order; order++) {
        units += (uint64_t)shelf_count(&stock->shelves[order]) << order;
    }
    return units;
}

static uint64_t depot_units(const buddy_magazine *m)
{
    uint64_t units = 0;
    for (uint32_t order = 0; order <= m->max_order; order++) {
        units += (uint64_t)depot_count(magazine_depot(m, order)) << order;
    }
    return units;
}

void buddy_magazine_get_stats(buddy_magazine *m, buddy_magazine_stats *out)
{
    /* seq_cst: a figure */
    uint32_t state = __atomic_load_n(&m->front.state, __ATOMIC_SEQ_CST);
    *out = (buddy_magazine_stats){.stocked_units = depot_units(m),
                                  .peak_units = figure(&m->peak_units),
                                  .refills = figure(&m->refills),
                                  .drains = figure(&m->drains),
                                  .swaps = figure(&m->swaps),
                                  .recalls = figure(&m->recalls),
                                  .stocks_most = m->stocks_most,
                                  .asymmetric = (state & BUDDY_MAGAZINE_EXCHANGE) == 0,
                                  .stock_bytes = m->stock_bytes};
    at_work_lock(&m->owners);
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        const buddy_magazine_stock *stock = magazine_stock_at(m, i);
        out->stocks += stock->owner != NULL;
        out->stocked_units += stock_units(m, stock);
    }
    at_work_unlock(&m->owners);
    out->metadata_bytes = m->stocks_at + used * m->stock_bytes;
    uint64_t taken = figure(&m->out_units);
    out->stocked_units = out->stocked_units < taken ? out->stocked_units : taken;
    out->live_units = taken - out->stocked_units;
}

/* ---- walk; others are at rest ---- */

typedef struct visitor {
    bool (*visit)(void *context, buddy_block block);
    void *context;
} visitor;

static bool walk_items(const visitor *v, uint32_t order, const uint32_t items[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!v->visit(v->context, (buddy_block){items[i], order})) {
            return false;
        }
    }
    return true;
}

static bool walk_stock(const buddy_magazine *m, const buddy_magazine_stock *stock, const visitor *v)
{
    for (uint32_t order = 0; order <= m->max_order; order++) {
        const buddy_magazine_shelf *shelf = &stock->shelves[order];
        if (!walk_items(v, order, shelf->base, shelf_count(shelf))) {
            return false;
        }
    }
    return true;
}

static bool walk_depot(const buddy_magazine *m, uint32_t order, const visitor *v)
{
    const depot *d = magazine_depot(m, order);
    /* acquire: the batches as they were put */
    uint32_t state = atomic_load_explicit(&d->state, memory_order_acquire);
    for (uint32_t slot = 0; slot < DEPOT_SLOTS; slot++) {
        /* relaxed: ordered by `state` */
        uint32_t count = atomic_load_explicit(&d->counts[slot], memory_order_relaxed);
        if ((state >> slot & 1) != 0 && !walk_items(v, order, d->slots[slot], count)) {
            return false;
        }
    }
    return true;
}

void buddy_magazine_walk(const buddy_magazine *m, bool (*visit)(void *context, buddy_block block),
                         void *context)
{
    visitor v = {visit, context};
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        if (!walk_stock(m, magazine_stock_at(m, i), &v)) {
            return;
        }
    }
    for (uint32_t order = 0; order <= m->max_order; order++) {
        if (!walk_depot(m, order, &v)) {
            return;
        }
    }
}

/* ---- check; others are at rest ---- */

typedef struct survey {
    const buddy *core;
    uint64_t units;
    const char *fault;
} survey;

static bool survey_block(void *context, buddy_block block)
{
    survey *s = context;
    s->units += UINT64_C(1) << block.order;
    if (block.offset % (UINT32_C(1) << block.order) != 0) {
        s->fault = "a stocked block is not aligned to its size";
    } else if (block.offset >= s->core->units ||
               UINT32_C(1) << block.order > s->core->units - block.offset) {
        s->fault = "a stocked block lies outside the core";
    } else if (buddy_is_free(s->core, block)) {
        s->fault = "a stocked block is free in the core";
    }
    return s->fault == NULL;
}

static const char *check_shelves(const buddy_magazine *m, const buddy_magazine_stock *stock)
{
    if (stock->busy != 0) {
        return "a thread is busy with its stock, but nobody is at work";
    }
    for (uint32_t order = 0; order <= m->max_order; order++) {
        const buddy_magazine_shelf *shelf = &stock->shelves[order];
        const uint32_t *end = shelf->base + m->most[order];
        if (shelf->top < shelf->base || shelf->top > end || shelf->limit < shelf->base ||
            shelf->limit > end) {
            return "a shelf holds more than it may";
        }
        if (stock->owner == NULL && shelf->top != shelf->base) {
            return "a stock without an owner holds blocks";
        }
    }
    return NULL;
}

const char *buddy_magazine_check(const buddy_magazine *m)
{
    if ((m->front.state & BUDDY_MAGAZINE_RECALLED) != 0) {
        return "a recall is under way, but nobody is at work";
    }
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        const char *fault = check_shelves(m, magazine_stock_at(m, i));
        if (fault != NULL) {
            return fault;
        }
    }
    survey s = {.core = m->core};
    buddy_magazine_walk(m, survey_block, &s);
    if (s.fault == NULL && s.units > figure(&m->out_units)) {
        s.fault = "stocks hold more than was taken from the core";
    }
    return s.fault;
}
