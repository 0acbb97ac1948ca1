/* magazine/private.h: what a magazine is made of, all of it in the caller's memory, and what its
 * files tell each other. Private to buddy/.
 *
 *     magazine | one depot an order | stocks
 *
 * magazine.c         the doors; refilling and draining shelves
 * magazine/recall.c  how one thread empties everybody's stock while the others are kept out
 * magazine/threads.c which thread has which stock: first call, thread exit, fork
 * magazine/inspect.c figures, walk, check */
#ifndef BUDDY_MAGAZINE_PRIVATE_H
#define BUDDY_MAGAZINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "buddy/magazine.h"
#include "buddy/magazine/depot.h"
#include "buddy/system/at_work.h"

/* Locks are taken in this order: the list of all magazines, seats, recall. Nobody who is busy with
 * a stock takes one. */
struct buddy_magazine {
    buddy_magazine_front front; /* `state` is written by who holds `recall` */
    /* fixed at init */
    buddy *core;
    uint32_t max_order;
    uint32_t stocks_most;
    uint32_t most[BUDDY_ORDERS];  /* blocks on a shelf */
    uint32_t first[BUDDY_ORDERS]; /* where a shelf begins: offsets behind a stock */
    size_t depots_at, stocks_at;  /* bytes from here */
    size_t stock_bytes, bytes;
    bool (*grow)(void *context, uint32_t order);
    void *grow_context;
    /* need the lock of the list */
    buddy_magazine *next, **link;

    _Alignas(64) pthread_mutex_t seats; /* for stocks' owners */
    pthread_mutex_t recall;
    /* Stocks [0, stocks_used) have been somebody's. Written under `seats`, and before that stock is
     * first entered, so that who recalls looks at every stock that may be busy. */
    _Atomic uint32_t stocks_used;
    /* figures: written by any thread, once a batch */
    _Alignas(64) _Atomic uint64_t out_units; /* taken from the core and not given back */
    _Atomic uint64_t peak_units;
    _Atomic uint64_t refills, drains, swaps, recalls;
};

static inline depot *magazine_depot(const buddy_magazine *m, uint32_t order)
{
    return (depot *)((uintptr_t)m + m->depots_at) + order;
}

static inline buddy_magazine_stock *magazine_stock_at(const buddy_magazine *m, uint32_t index)
{
    return (buddy_magazine_stock *)((uintptr_t)m + m->stocks_at + index * m->stock_bytes);
}

/* Where the blocks of a stock's shelves are. */
static inline uint32_t *magazine_items(buddy_magazine_stock *stock)
{
    return (uint32_t *)(void *)(stock + 1);
}

static inline uint32_t shelf_count(const buddy_magazine_shelf *shelf)
{
    /* relaxed: a figure for all but the owner and who recalls, who know it anyway */
    return (uint32_t)(__atomic_load_n(&shelf->top, __ATOMIC_RELAXED) - shelf->base);
}

static inline uint32_t magazine_stocks_used(const buddy_magazine *m)
{
    /* seq_cst: after the barrier of a recall; see stocks_used */
    return atomic_load_explicit(&m->stocks_used, memory_order_seq_cst);
}

/* Counts units as taken from, or given to, the core: after taking and before giving, so that no
 * unit is ever counted twice. */
void magazine_count_taken(buddy_magazine *m, uint64_t units);
void magazine_count_given(buddy_magazine *m, uint64_t units);

/* Gives all that a stock holds back to the core. The stock is entered, or everybody is kept out. */
void magazine_empty_stock(buddy_magazine *m, buddy_magazine_stock *stock);
void magazine_empty_depots(buddy_magazine *m);

/* From here to magazine_recall_end no other thread is at work on a stock or the depot, and all of
 * them are empty. */
void magazine_recall_begin(buddy_magazine *m);
void magazine_recall_end(buddy_magazine *m);

/* The same for who holds m->recall. In a signal handler that interrupted the calling thread while
 * it was busy with its stock, that one is left as it is: nobody else is at work on it. */
void magazine_keep_out(buddy_magazine *m);
void magazine_let_in(buddy_magazine *m);

/* The calling thread's stock, NULL where it has none. */
buddy_magazine_stock *magazine_own_stock(const buddy_magazine *m);

/* As buddy_magazine_enter, by an exchange too. False: a recall is under way. */
bool magazine_enter_any(buddy_magazine *m, buddy_magazine_stock *stock);

/* Waits while a recall is under way. */
void magazine_wait_for_recall(buddy_magazine *m);

/* The calling thread's stock, entered, after a wait where a recall is under way; NULL when there is
 * none left for it. */
buddy_magazine_stock *magazine_claim(buddy_magazine *m);

bool magazine_register(buddy_magazine *m); /* false: the system has no mutex to give */
void magazine_unregister(buddy_magazine *m);

/* Makes every running thread of this process pass a barrier. Precondition: the kernel has that one;
 * a magazine whose state says BUDDY_MAGAZINE_EXCHANGE does without. */
void magazine_barrier(void);

#endif
