/* The magazine's memory orders: how one thread keeps the others out of their stocks, by membarrier
 * and by exchanges, and how batches go through the depot. See orders.h.
 *
 * Depot, recall and the making of stocks are included as source. What a recall does with a stock is
 * a write into plain memory here, as is what its owner does with it. */
#include "tests/orders/orders.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define sched_yield()               orders_yield()
#define pthread_mutex_lock(mutex)   orders_lock(mutex)
#define pthread_mutex_unlock(mutex) orders_unlock(mutex)
#define memcpy(to, from, bytes)     orders_copy(to, from, bytes)

#include "buddy/magazine/depot.c"
#include "buddy/magazine/recall.c"

#include "buddy/magazine/threads.c"

#define STOCKS 2u

/* ---- recall ---- */

/* A magazine and its core, of which not much is used. */
static struct {
    buddy_magazine head;
    buddy_magazine_stock stocks[STOCKS];
} made;
static buddy_magazine *const m = &made.head;
static buddy core;
static uint64_t held[STOCKS]; /* in each stock */
static uint64_t recalls;      /* written while the others are kept out, read by who is inside */

bool magazine_register_barrier(void)
{
    return true;
}

void magazine_barrier(void)
{
    orders_membarrier();
}

void magazine_empty_stock(buddy_magazine *self, buddy_magazine_stock *stock)
{
    (void)self;
    held[stock - made.stocks] = 0;
}

void magazine_empty_depots(buddy_magazine *self)
{
    (void)self;
}

static void start_magazine(uint32_t state, uint32_t stocks)
{
    memset(&made, 0, sizeof(made));
    core.units = STOCKS;
    m->core = &core;
    m->front.state = state;
    m->stocks_at = (size_t)((uintptr_t)made.stocks - (uintptr_t)m);
    m->stock_bytes = sizeof(buddy_magazine_stock);
    m->stocks_most = STOCKS;
    atomic_store_explicit(&m->stocks_used, stocks, memory_order_relaxed); /* relaxed: alone */
    orders_watch(held, sizeof held);
    orders_watch(&recalls, sizeof recalls);
}

static void start_with_barriers(void)
{
    start_magazine(BUDDY_MAGAZINE_OPEN, STOCKS);
}

static void start_with_exchanges(void)
{
    start_magazine(BUDDY_MAGAZINE_EXCHANGE, STOCKS);
}

static void start_without_stocks(void)
{
    start_magazine(BUDDY_MAGAZINE_OPEN, 0);
}

static void start_with_exchanges_and_without_stocks(void)
{
    start_magazine(BUDDY_MAGAZINE_EXCHANGE, 0);
}

/* As magazine_claim: in, after a wait where a recall is under way. */
static void use(buddy_magazine_stock *stock)
{
    while (!magazine_enter_any(m, stock)) {
        magazine_wait_for_recall(m);
    }
    held[stock - made.stocks] = recalls;
    buddy_magazine_leave(stock);
}

static void recall_all(void)
{
    magazine_recall_begin(m);
    recalls++;
    magazine_recall_end(m);
}

static void recall_or_use_once(uint32_t thread)
{
    if (thread == 0) {
        recall_all();
    } else {
        use(&made.stocks[thread - 1]);
    }
}

static void recall_or_use(uint32_t thread)
{
    for (uint32_t i = 0; i < 2; i++) {
        recall_or_use_once(thread);
    }
}

/* Threads that come for the first time. */
static void recall_or_come(uint32_t thread)
{
    if (thread == 0) {
        recall_all();
        return;
    }
    pthread_mutex_lock(&m->owners);
    buddy_magazine_stock *stock = new_stock(m);
    pthread_mutex_unlock(&m->owners);
    use(stock);
}

/* ---- the depot ---- */

static depot batches;
static uint64_t payload[ORDERS_THREADS];

static void start_depot(void)
{
    memset(&batches, 0, sizeof batches);
    orders_watch(batches.slots, sizeof batches.slots);
    orders_watch(payload, sizeof payload);
}

/* Each begins with a block; it gives one and takes one, whosever. */
static void give_and_take(uint32_t thread)
{
    uint32_t block[DEPOT_BATCH] = {thread};
    for (uint32_t i = 0; i < 3; i++) {
        payload[block[0]]++;
        if (depot_put(&batches, block, 1) && depot_take(&batches, block) == 0) {
            return;
        }
    }
}

static const orders_case cases[] = {
    {"recall by membarrier", 2, start_with_barriers, recall_or_use, NULL},
    {"recall by exchanges", 2, start_with_exchanges, recall_or_use, NULL},
    {"one by exchange", 2, start_with_exchanges, recall_or_use_once, NULL},
    {"recall from two", 3, start_with_barriers, recall_or_use, NULL},
    {"recall from newcomers", 2, start_without_stocks, recall_or_come, NULL},
    {"the same by exchanges", 2, start_with_exchanges_and_without_stocks, recall_or_come, NULL},
    {"depot of two", 2, start_depot, give_and_take, NULL},
    {"depot of three", 3, start_depot, give_and_take, NULL},
};

static orders_excuse excuses[] = {
    {"buddy_magazine_enter", "&front->state", memory_order_seq_cst, memory_order_acq_rel,
     "where this look alone lets a thread in, membarrier orders it; it need only acquire", 0},
    {"magazine_enter_any", "&m->front.state", memory_order_seq_cst, memory_order_acq_rel,
     "the same, and where exchanges order it, one more look follows", 0},
};

int main(void)
{
    orders_plan plan = {cases, sizeof cases / sizeof cases[0], excuses,
                        sizeof excuses / sizeof excuses[0]};
    return orders_main(&plan);
}
