/* magazine/magazine.c: making a magazine, taking blocks and giving them back. What most calls need,
 * the fast path, is in magazine.h. */
#include "buddy/magazine/private.h"

#include <assert.h>
#include <string.h>

#include "buddy/core/core.h"

#define SHELF_MOST    512u  /* blocks: what lies on a shelf serves one thread only */
#define SHELF_LEAST   4u    /* blocks: with fewer a shelf is refilled at every other call */
#define STOCK_SHARE   128u  /* a shelf holds 1/128 of the core at most */
#define UNITS_A_STOCK 2048u /* a small core has fewer stocks */
#define NEAR_LOOKS    16u   /* youngest blocks of a shelf that a hint looks at: a cache line */

/* ---- making one ---- */

static size_t round_to_line(size_t bytes)
{
    return (bytes + CORE_LINE - 1) / CORE_LINE * CORE_LINE;
}

static uint32_t default_threads(uint32_t units)
{
    uint32_t threads = units / UNITS_A_STOCK;
    threads = threads < BUDDY_MAGAZINE_THREADS ? threads : BUDDY_MAGAZINE_THREADS;
    return threads > 1 ? threads : 1;
}

/* Most blocks of `order` on a shelf: none where they would be too few to be worth it. */
static uint32_t shelf_most(uint32_t units, uint32_t order)
{
    uint32_t most = units >> order < SHELF_MOST ? units >> order : SHELF_MOST;
    return most >= SHELF_LEAST ? most : 0;
}

/* Fills in what follows from desc and a core of `units` and `max_order`; `bytes` is 0 where no
 * memory can hold so many stocks. */
static void plan(buddy_magazine *m, const buddy_magazine_desc *desc, uint32_t units,
                 uint32_t max_order)
{
    m->core = desc->core;
    m->grow = desc->grow;
    m->grow_context = desc->grow_context;
    m->max_order = max_order;
    m->stocks_most = desc->threads == BUDDY_MAGAZINE_NO_THREADS ? 0
                     : desc->threads != 0                       ? desc->threads
                                                                : default_threads(units);
    uint32_t items = 0, stock_units = desc->stock_units;
    stock_units = stock_units != 0 ? stock_units : units / STOCK_SHARE;
    for (uint32_t order = 0; order <= max_order; order++) {
        m->most[order] = shelf_most(stock_units, order);
        m->first[order] = items;
        items += m->most[order];
    }
    m->depots_at = round_to_line(sizeof(buddy_magazine));
    m->stocks_at = m->depots_at + (max_order + 1) * sizeof(depot);
    /* Two lines apart: neighbours would be fetched together. */
    m->stock_bytes =
        round_to_line(sizeof(buddy_magazine_stock) + items * sizeof(uint32_t)) + CORE_LINE;
    uint64_t bytes = m->stocks_at + (uint64_t)m->stocks_most * m->stock_bytes;
    m->bytes = bytes <= PTRDIFF_MAX ? (size_t)bytes : 0;
}

size_t buddy_magazine_room(const buddy_magazine_desc *desc, const buddy_desc *core)
{
    if (buddy_sizeof(core) == 0) {
        return 0;
    }
    buddy_magazine m;
    plan(&m, desc, core->units, core->max_order != 0 ? core->max_order : word_highest(core->units));
    return m.bytes;
}

size_t buddy_magazine_sizeof(const buddy_magazine_desc *desc)
{
    if (desc->core == NULL) {
        return 0;
    }
    buddy_magazine m;
    plan(&m, desc, desc->core->units, desc->core->max_order);
    return m.bytes;
}

buddy_magazine *buddy_magazine_init(void *at, size_t bytes, const buddy_magazine_desc *desc)
{
    size_t needed = buddy_magazine_sizeof(desc);
    if (at == NULL || (uintptr_t)at % CORE_LINE != 0 || needed == 0 || bytes < needed) {
        return NULL;
    }
    buddy_magazine *m = at;
    memset(m, 0, sizeof *m);
    plan(m, desc, desc->core->units, desc->core->max_order);
    memset(magazine_depot(m, 0), 0, m->stocks_at - m->depots_at);
    return magazine_register(m) ? m : NULL;
}

void buddy_magazine_finish(buddy_magazine *m)
{
    magazine_unregister(m);
    magazine_recall_begin(m);
    magazine_recall_end(m);
    pthread_mutex_destroy(&m->recall);
    pthread_mutex_destroy(&m->owners);
}

buddy *buddy_magazine_core(const buddy_magazine *m)
{
    return m->core;
}

/* ---- in and out of the stock ---- */

/* Every call of a thread that has a stock happens while it is busy with it, whether or not the
 * stock is used: so that no thread with a stock is at work on the core during a recall. */
static buddy_magazine_stock *come_in(buddy_magazine *m)
{
    at_work_begin();
    return magazine_claim(m);
}

static void go_out(buddy_magazine_stock *stock)
{
    if (stock != NULL) {
        buddy_magazine_leave(stock);
    }
    at_work_end();
}

/* ---- one at a time ---- */

/* One block, past the stock: for threads that have none, and for orders that have no shelf. */
static uint32_t take_direct(buddy_magazine *m, uint32_t order, uint32_t near)
{
    uint32_t offset;
    return magazine_take_bulk(m, order, near, 1, &offset) != 0 ? offset : BUDDY_NONE;
}

/* From the shelf, which is refilled where it is empty, or else from the core. */
static uint32_t take_stocked(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order)
{
    if (m->most[order] == 0) {
        return take_direct(m, order, stock->near);
    }
    uint32_t offset;
    bool done = buddy_magazine_pop(stock, order, &offset) ||
                (magazine_refill(m, stock, order) && buddy_magazine_pop(stock, order, &offset));
    return done ? offset : BUDDY_NONE;
}

uint32_t buddy_magazine_try_slowly(buddy_magazine *m, uint32_t order)
{
    if (order > m->max_order) {
        return BUDDY_NONE;
    }
    buddy_magazine_stock *stock = come_in(m);
    uint32_t offset =
        stock != NULL ? take_stocked(m, stock, order) : take_direct(m, order, BUDDY_ANYWHERE);
    if (offset == BUDDY_NONE && stock != NULL) {
        /* What we hold in other orders may make up a block of this one. */
        magazine_empty_stock(m, stock);
        magazine_empty_depots(m);
        offset = take_direct(m, order, stock->near);
    }
    go_out(stock);
    return offset;
}

/* Strictly: with everything back in the core and all others kept out. */
static uint32_t take_alone(buddy_magazine *m, uint32_t order, uint32_t near)
{
    uint32_t offset;
    magazine_recall_begin(m);
    do {
        offset = buddy_alloc(m->core, order, near);
    } while (offset == BUDDY_NONE && m->grow != NULL && m->grow(m->grow_context, order));
    if (offset != BUDDY_NONE) {
        magazine_count_taken(m, UINT64_C(1) << order);
    }
    magazine_recall_end(m);
    return offset;
}

uint32_t buddy_magazine_alloc_slowly(buddy_magazine *m, uint32_t order)
{
    if (order > m->max_order) {
        return BUDDY_NONE;
    }
    buddy_magazine_stock *stock = come_in(m);
    uint32_t near = stock != NULL ? stock->near : BUDDY_ANYWHERE;
    uint32_t offset = stock != NULL ? take_stocked(m, stock, order) : take_direct(m, order, near);
    go_out(stock);
    return offset != BUDDY_NONE ? offset : take_alone(m, order, near);
}

/* From the shelf, or else straight from the core; what is not kept goes to the core before the
 * stock is left, so that a strict request, which has everybody kept out, finds it there. */
static uint32_t take_cut(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order,
                         uint32_t units)
{
    uint32_t offset;
    if (stock == NULL || !buddy_magazine_pop(stock, order, &offset)) {
        offset = core_try_cut(m->core, order, units, stock != NULL ? stock->near : BUDDY_ANYWHERE);
        magazine_count_taken(m, offset != BUDDY_NONE ? units : 0);
        return offset;
    }
    uint32_t end = offset + (UINT32_C(1) << order);
    magazine_count_given(m, end - (offset + units));
    for (uint32_t at = offset + units; at < end;) {
        uint32_t piece = core_piece(at, end, m->max_order);
        buddy_free(m->core, at, piece);
        at += UINT32_C(1) << piece;
    }
    return offset;
}

/* Strictly, as take_alone. */
static uint32_t cut_alone(buddy_magazine *m, uint32_t order, uint32_t units)
{
    uint32_t offset;
    magazine_recall_begin(m);
    do {
        offset = core_alloc_cut(m->core, order, units, BUDDY_ANYWHERE);
    } while (offset == BUDDY_NONE && m->grow != NULL && m->grow(m->grow_context, order));
    magazine_count_taken(m, offset != BUDDY_NONE ? units : 0);
    magazine_recall_end(m);
    return offset;
}

uint32_t buddy_magazine_alloc_cut(buddy_magazine *m, uint32_t order, uint32_t units)
{
    if (order > m->max_order) {
        return BUDDY_NONE;
    }
    buddy_magazine_stock *stock = come_in(m);
    uint32_t offset = take_cut(m, stock, order, units);
    go_out(stock);
    return offset != BUDDY_NONE ? offset : cut_alone(m, order, units);
}

bool buddy_magazine_extend(buddy_magazine *m, uint32_t offset, uint32_t order, uint32_t to)
{
    buddy_magazine_stock *stock = come_in(m);
    bool done = core_try_extend(m->core, offset, order, to);
    if (done) {
        magazine_count_taken(m, (UINT64_C(1) << to) - (UINT64_C(1) << order));
    }
    go_out(stock);
    return done;
}

/* Blocks between a block of `order` and a unit. */
static uint32_t blocks_apart(uint32_t offset, uint32_t unit, uint32_t order)
{
    return (offset > unit ? offset - unit : unit - offset) >> order;
}

/* Takes the nearest of the youngest blocks on a shelf, where that is within reach: what has just
 * been given back next door is not in the core. The stock is entered. */
static bool pop_near(buddy_magazine_stock *stock, uint32_t order, uint32_t near, uint32_t *offset)
{
    buddy_magazine_shelf *shelf = &stock->shelves[order];
    uint32_t count = shelf_count(shelf), least = BUDDY_REACH + 1;
    uint32_t *found = NULL, *last = shelf->base + count;
    for (uint32_t i = 1; i <= count && i <= NEAR_LOOKS; i++) {
        uint32_t apart = blocks_apart(*(last - i), near, order);
        if (apart < least) {
            least = apart;
            found = last - i;
        }
    }
    if (found == NULL) {
        return false;
    }
    *offset = *found;
    *found = *(last - 1);
    shelf_set_count(shelf, count - 1);
    return true;
}

static uint32_t take_near(buddy_magazine *m, uint32_t order, uint32_t near)
{
    uint32_t offset = buddy_try_near(m->core, order, near);
    if (offset != BUDDY_NONE) {
        magazine_count_taken(m, UINT64_C(1) << order);
    }
    return offset;
}

uint32_t buddy_magazine_alloc_near(buddy_magazine *m, uint32_t order, uint32_t near)
{
    if (order > m->max_order) {
        return BUDDY_NONE;
    }
    uint32_t offset;
    buddy_magazine_stock *stock = come_in(m);
    if (stock == NULL || !pop_near(stock, order, near, &offset)) {
        offset = take_near(m, order, near);
    }
    go_out(stock);
    return offset != BUDDY_NONE ? offset : take_alone(m, order, near);
}

bool buddy_magazine_take_at(buddy_magazine *m, uint32_t offset, uint32_t order)
{
    buddy_magazine_stock *stock = come_in(m);
    bool done = buddy_try_at(m->core, offset, order);
    if (done) {
        magazine_count_taken(m, UINT64_C(1) << order);
    }
    go_out(stock);
    return done;
}

static void free_direct(buddy_magazine *m, uint32_t offset, uint32_t order)
{
    magazine_count_given(m, UINT64_C(1) << order);
    buddy_free(m->core, offset, order);
}

/* Onto the shelf, if need be after making room there; false where it has to go to the core. */
static bool free_stocked(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t offset,
                         uint32_t order)
{
    if (m->most[order] == 0 || buddy_magazine_push(stock, offset, order)) {
        return m->most[order] != 0;
    }
    magazine_drain(m, stock, order);
    return buddy_magazine_push(stock, offset, order);
}

void buddy_magazine_free_slowly(buddy_magazine *m, uint32_t offset, uint32_t order)
{
    assert(order <= m->max_order);
    buddy_magazine_stock *stock = come_in(m);
    if (stock == NULL || !free_stocked(m, stock, offset, order)) {
        free_direct(m, offset, order);
    }
    go_out(stock);
}

/* ---- many at once ---- */

static uint32_t take_many(buddy_magazine *m, uint32_t order, uint32_t count, uint32_t offsets[])
{
    buddy_magazine_stock *stock = come_in(m);
    uint32_t taken = magazine_take_bulk(m, order, BUDDY_ANYWHERE, count, offsets);
    go_out(stock);
    return taken;
}

uint32_t buddy_magazine_alloc_bulk(buddy_magazine *m, uint32_t order, uint32_t count,
                                   uint32_t offsets[])
{
    if (order > m->max_order) {
        return 0;
    }
    uint32_t done = take_many(m, order, count, offsets);
    while (done < count) {
        /* One block by a recall, which takes back what other threads had: the next round finds more
         * of that without one. */
        offsets[done] = take_alone(m, order, BUDDY_ANYWHERE);
        if (offsets[done] == BUDDY_NONE) {
            break;
        }
        done++;
        done += take_many(m, order, count - done, offsets + done);
    }
    return done;
}

void buddy_magazine_free_bulk(buddy_magazine *m, uint32_t order, uint32_t count,
                              const uint32_t offsets[])
{
    buddy_magazine_stock *stock = come_in(m);
    magazine_count_given(m, (uint64_t)count << order);
    buddy_free_bulk(m->core, order, count, offsets);
    go_out(stock);
}

static uint64_t sum_units(const buddy_block pieces[], uint32_t count)
{
    uint64_t units = 0;
    for (uint32_t i = 0; i < count; i++) {
        units += UINT64_C(1) << pieces[i].order;
    }
    return units;
}

/* Strictly, as take_alone. */
static uint32_t gather_alone(buddy_magazine *m, uint32_t units, uint32_t near,
                             buddy_block pieces[BUDDY_PIECES])
{
    uint32_t count, order = word_highest(buddy_gather_units(units));
    magazine_recall_begin(m);
    do {
        count = core_gather_alone(m->core, units, near, pieces);
    } while (count == 0 && m->grow != NULL && m->grow(m->grow_context, order));
    magazine_count_taken(m, sum_units(pieces, count));
    magazine_recall_end(m);
    return count;
}

uint32_t buddy_magazine_gather(buddy_magazine *m, uint32_t units, uint32_t near,
                               buddy_block pieces[BUDDY_PIECES])
{
    if (units == 0 || buddy_gather_units(units) > m->core->units) {
        return 0; /* no such request can ever succeed: no thread is disturbed, and nothing grows */
    }
    buddy_magazine_stock *stock = come_in(m);
    uint32_t count = buddy_gather(m->core, units, near, pieces);
    magazine_count_taken(m, sum_units(pieces, count));
    go_out(stock);
    return count != 0 ? count : gather_alone(m, units, near, pieces);
}

void buddy_magazine_flush(buddy_magazine *m)
{
    buddy_magazine_stock *stock = come_in(m);
    if (stock != NULL) {
        magazine_empty_stock(m, stock);
    }
    go_out(stock);
}

void buddy_magazine_recall(buddy_magazine *m)
{
    magazine_recall_begin(m);
    magazine_recall_end(m);
}
