/* magazine/shelves.c: the blocks on a stock's shelves, and what goes between them, the depot and
 * the core.
 *
 *     shelf   base [ oldest … youngest ] top … limit
 *                       │         ▲
 *                drain  ▼         │ refill
 *             depot: full batches, else the core in bulk
 *
 * A shelf's limit begins at 0, doubles with every refill and drain, and goes back to 0 when memory
 * is short. All functions here need that the stock is entered, or that everybody is kept out. */
#include "buddy/magazine/private.h"

#include <string.h>

#define DEPOT_LEAST 8u /* blocks: fewer merge in the core sooner than they meet a taker */

/* ---- figures ---- */

/* Relaxed, all of them: figures that order nothing. */

void magazine_count_taken(buddy_magazine *m, uint64_t units)
{
    uint64_t out = atomic_fetch_add_explicit(&m->out_units, units, memory_order_relaxed) + units;
    uint64_t peak = atomic_load_explicit(&m->peak_units, memory_order_relaxed);
    while (out > peak &&
           !atomic_compare_exchange_weak_explicit(&m->peak_units, &peak, out, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void magazine_count_given(buddy_magazine *m, uint64_t units)
{
    atomic_fetch_sub_explicit(&m->out_units, units, memory_order_relaxed);
}

static void count_one(_Atomic uint64_t *figure)
{
    atomic_fetch_add_explicit(figure, 1, memory_order_relaxed);
}

/* ---- limits ---- */

static uint32_t limit_of(const buddy_magazine_shelf *shelf)
{
    return (uint32_t)(shelf->limit - shelf->base);
}

/* Lets a shelf hold more: twice as much up to where memory ran short before, then little by
 * little. */
static void grow_limit(const buddy_magazine *m, buddy_magazine_shelf *shelf, uint32_t order)
{
    uint32_t most = m->most[order], limit = limit_of(shelf);
    limit = limit >= shelf->steady ? limit + 2 : limit != 0 ? 2 * limit : 1;
    shelf->limit = shelf->base + (limit < most ? limit : most);
}

/* Memory is short: a shelf holds nothing for now. */
static void shrink_limit(buddy_magazine_shelf *shelf)
{
    uint32_t limit = limit_of(shelf);
    shelf->steady = (limit > 1 ? limit : shelf->steady) / 2;
    shelf->limit = shelf->base;
}

/* Blocks that go between a shelf and the core at a time: half of what it holds at most, so that
 * neither a take nor a give can follow that has to go there again. */
static uint32_t batch_of(const buddy_magazine_shelf *shelf)
{
    uint32_t batch = limit_of(shelf) / 2;
    return batch > 1 ? batch : 1;
}

/* ---- batches ---- */

/* Gives the oldest blocks of a shelf to the depot or to the core. Returns how many. */
static uint32_t give_oldest(buddy_magazine *m, const buddy_magazine_shelf *shelf, uint32_t order)
{
    uint32_t batch = batch_of(shelf), few = batch < DEPOT_BATCH ? batch : DEPOT_BATCH;
    if (few >= DEPOT_LEAST && depot_put(magazine_depot(m, order), shelf->base, few)) {
        return few;
    }
    magazine_count_given(m, (uint64_t)batch << order);
    buddy_free_bulk(m->core, order, batch, shelf->base);
    count_one(&m->drains);
    return batch;
}

void magazine_empty_stock(buddy_magazine *m, buddy_magazine_stock *stock)
{
    for (uint32_t order = 0; order <= m->max_order; order++) {
        buddy_magazine_shelf *shelf = &stock->shelves[order];
        uint32_t count = shelf_count(shelf);
        if (count != 0) {
            magazine_count_given(m, (uint64_t)count << order);
            buddy_free_bulk(m->core, order, count, shelf->base);
            shelf_set_count(shelf, 0);
        }
        shrink_limit(shelf);
    }
}

void magazine_empty_depots(buddy_magazine *m)
{
    uint32_t items[DEPOT_BATCH], count;
    for (uint32_t order = 0; order <= m->max_order; order++) {
        while ((count = depot_take(magazine_depot(m, order), items)) != 0) {
            magazine_count_given(m, (uint64_t)count << order);
            buddy_free_bulk(m->core, order, count, items);
        }
    }
}

uint32_t magazine_take_bulk(buddy_magazine *m, uint32_t order, uint32_t near, uint32_t count,
                            uint32_t items[])
{
    uint32_t taken = buddy_try_bulk(m->core, order, near, count, items);
    if (taken != 0) {
        magazine_count_taken(m, (uint64_t)taken << order);
    }
    return taken;
}

bool magazine_refill(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order)
{
    buddy_magazine_shelf *shelf = &stock->shelves[order];
    uint32_t count = depot_take(magazine_depot(m, order), shelf->base);
    if (count != 0) {
        count_one(&m->swaps);
    } else {
        count = magazine_take_bulk(m, order, stock->near, batch_of(shelf), shelf->base);
        count_one(&m->refills);
    }
    shelf_set_count(shelf, count);
    grow_limit(m, shelf, order);
    return count != 0;
}

/* The oldest batch leaves, since the youngest blocks are still in the processor's cache. */
void magazine_drain(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order)
{
    buddy_magazine_shelf *shelf = &stock->shelves[order];
    uint32_t count = shelf_count(shelf);
    if (count != 0) {
        uint32_t batch = give_oldest(m, shelf, order);
        memmove(shelf->base, shelf->base + batch, (count - batch) * sizeof shelf->base[0]);
        shelf_set_count(shelf, count - batch);
    }
    grow_limit(m, shelf, order);
}
