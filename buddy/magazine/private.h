/* magazine/private.h: what a magazine is made of, all of it in the caller's memory, and what its
 * files tell each other. Private to buddy/magazine.
 *
 *     magazine | one depot an order | stocks
 *
 * A stock, as the others see it:
 *
 *     at rest ── busy = 1, and the magazine is open ──▶ in use: pop, push, refill, drain
 *      ▲   ▲                                               │
 *      │   └──────────────────── busy = 0 ─────────────────┘
 *      │
 *      └── recalled: the magazine is closed and busy is 0; a recall empties it, then opens again
 *
 * The files, each of which calls those below it and none above:
 *
 *     magazine.c   making one, taking and giving      inspect.c  figures, walk, check
 *        │
 *     threads.c    which thread has which stock: its first call, its end, fork
 *        │
 *     recall.c     how one thread empties everybody's stock while the others are kept out
 *        │
 *     shelves.c    refilling and draining a stock     barrier.c  the kernel's memory barrier
 *        │
 *     depot.c      where threads pass batches on */
#ifndef BUDDY_MAGAZINE_PRIVATE_H
#define BUDDY_MAGAZINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "buddy/magazine.h"
#include "buddy/magazine/count.h"
#include "buddy/magazine/depot.h"
#include "buddy/system/at_work.h"

/* Locks are taken in this order: the list of all magazines, owners, recall. A thread that is busy
 * with a stock takes none of them. */
struct buddy_magazine {
    buddy_magazine_front front; /* `state` is written by the holder of `recall` */
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

    _Alignas(64) pthread_mutex_t owners; /* of who has which stock */
    pthread_mutex_t recall;
    /* Stocks [0, stocks_used) have, or had, an owner. Written under `owners`, and before that stock
     * is first entered, so that a recall looks at every stock that may be busy. */
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
    /* relaxed: a figure for all but the owner and the thread that recalls, who know it anyway */
    return (uint32_t)(__atomic_load_n(&shelf->top, __ATOMIC_RELAXED) - shelf->base);
}

static inline uint32_t magazine_stocks_used(const buddy_magazine *m)
{
    /* seq_cst: after the barrier of a recall; see stocks_used */
    return atomic_load_explicit(&m->stocks_used, memory_order_seq_cst);
}

static inline void shelf_set_count(buddy_magazine_shelf *shelf, uint32_t count)
{
    __atomic_store_n(&shelf->top, shelf->base + count, __ATOMIC_RELAXED); /* relaxed: a figure */
}

/* ---- shelves.c; the stock is entered, or everybody is kept out ---- */

/* Takes up to `count` blocks from the core into `items`. Any thread. */
uint32_t magazine_take_bulk(buddy_magazine *m, uint32_t order, uint32_t near, uint32_t count,
                            uint32_t items[]);

/* Fills an empty shelf with a batch. Returns whether there was anything. */
bool magazine_refill(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order);

/* Makes room on a full shelf. */
void magazine_drain(buddy_magazine *m, buddy_magazine_stock *stock, uint32_t order);

/* Gives all that a stock, or the depot, holds back to the core. */
void magazine_empty_stock(buddy_magazine *m, buddy_magazine_stock *stock);
void magazine_empty_depots(buddy_magazine *m);

/* ---- barrier.c ---- */

bool magazine_register_barrier(void); /* once a process, before the first; false: there is none */

/* Makes every running thread of this process pass a barrier. Precondition: the kernel has that one;
 * a magazine whose state says BUDDY_MAGAZINE_EXCHANGE does without. */
void magazine_barrier(void);

/* ---- recall.c ---- */

/* From here to magazine_recall_end no other thread is at work on a stock or the depot, and all of
 * them are empty. */
void magazine_recall_begin(buddy_magazine *m);
void magazine_recall_end(buddy_magazine *m);

/* The same for the holder of m->recall. `own` is the calling thread's stock: in a signal handler
 * that has interrupted the thread while it was busy with it, that one is left as it is, since
 * nobody else is at work on it. NULL: there is no such stock. */
void magazine_keep_out(buddy_magazine *m, const buddy_magazine_stock *own);
void magazine_let_in(buddy_magazine *m);

/* As buddy_magazine_enter, by an exchange too. False: a recall is under way. */
bool magazine_enter_any(buddy_magazine *m, buddy_magazine_stock *stock);

/* Waits while a recall is under way. */
void magazine_wait_for_recall(buddy_magazine *m);

/* ---- threads.c ---- */

/* The calling thread's stock, entered, after a wait where a recall is under way; NULL when there is
 * none left for it. */
buddy_magazine_stock *magazine_claim(buddy_magazine *m);

bool magazine_register(buddy_magazine *m); /* false: the system has no mutex to give */
void magazine_unregister(buddy_magazine *m);

#endif
