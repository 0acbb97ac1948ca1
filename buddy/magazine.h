/* magazine.h: a stock of blocks for every thread, above one core: most requests are a pop or a push
 * in memory that no other thread touches.
 *
 *     thread 1   stock  [ order 0: ####   order 1: ##   … ]  <-> +
 *     thread 2   stock  [ order 0: ##     order 1: #### … ]  <-> + depot: full batches  <->  core
 *     …                                                          +
 *
 * A stock has a shelf an order. An empty shelf is refilled with a batch, and a full one gives its
 * oldest batch back: to the depot, where threads that mostly give leave batches for threads that
 * mostly take, or else to the core in bulk. A thread's batches grow as it goes on, and shrink when
 * memory runs short. What lies in stocks and depot is taken, as far as the core is concerned: with
 * a magazine above a core, who needs a strict answer asks buddy_magazine_alloc, not buddy_alloc.
 *
 *     buddy_magazine_try    looks at the thread's own stock, the depot and the core, and never
 *                           disturbs other threads; without a stock it looks at the core alone
 *     buddy_magazine_alloc  is strict: before it refuses a request, it takes back what lies in all
 *                           stocks, and looks again while all other threads are kept out
 *
 * How others are kept out (a recall). A thread that works on its stock says so in `busy` and then
 * looks whether the magazine is open. The thread that recalls closes the magazine, makes every
 * running thread pass a barrier (membarrier(2)), and waits until no thread is busy. So the fast
 * path has no atomic read-modify-write: a store, a load, a store. Where the kernel has no
 * membarrier, a sequentially consistent exchange takes the place of the first store. Threads that
 * come meanwhile sleep.
 *
 * A core has one magazine at most. Threads: any, unless said otherwise. A thread gets its stock at
 * its first call that needs one, and when it ends, the stock is emptied and is free for another
 * thread. Beyond desc.threads, threads work on the core directly. A process may fork at any time:
 * everything is recalled first. Nothing else may be called from a signal handler; a handler that
 * forks recalls nothing where it has interrupted a call of this thread, and its child should do no
 * more than exec or _exit. It must not interrupt a call that goes to the core past the magazine:
 * the fork would wait for that call.
 *
 * In a plugin that links libbuddy.a: dlclose may unload it while threads go on that have used it.
 * They may end afterwards, and the process may fork: what the C library was told (a key for the end
 * of threads, handlers of fork) goes with the code, by a destructor function and by the loader. A
 * thread must not be in the middle of its end, or of a fork, while dlclose runs, as it must not be
 * in any other code of the plugin; to have joined it is enough. Threads find their stocks in
 * thread-local memory of the model initial-exec, of which glibc keeps some 1,600 bytes for all
 * libraries that are loaded late: a plugin takes some 350, with slabs 500. More plugins than that
 * need its tunable glibc.rtld.optional_static_tls; and plugins that are loaded again and again
 * should be unloaded in the reverse order, or glibc does not get that memory back. Each plugin has
 * a library of its own, so what one has made is not for another one's calls.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, for magazines and depot. */
#ifndef BUDDY_MAGAZINE_H
#define BUDDY_MAGAZINE_H

#include "buddy.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy_magazine buddy_magazine;

#define BUDDY_MAGAZINE_THREADS 64u /* stocks by default */
/* As desc.threads: no stocks, every call goes to the core. */
#define BUDDY_MAGAZINE_NO_THREADS UINT32_MAX

typedef struct buddy_magazine_desc {
    buddy *core;
    uint32_t threads; /* most threads that have a stock at a time; 0: BUDDY_MAGAZINE_THREADS, fewer
                         for a small core */
    uint32_t stock_units; /* most units on one shelf; 0: 1/128 of the core */
    /* Called when buddy_magazine_alloc is about to refuse a block of `order`, while no other thread
     * that has a stock is at work. Brings more units into play (buddy_release) and returns true, or
     * returns false. Must not use the magazine: it would wait for itself. NULL: none. */
    bool (*grow)(void *context, uint32_t order);
    void *grow_context;
} buddy_magazine_desc;

/* Exact when others are at rest. */
typedef struct buddy_magazine_stats {
    uint64_t live_units;      /* handed out to callers */
    uint64_t stocked_units;   /* in stocks and depot */
    uint64_t peak_units;      /* the most that live + stocked has been */
    uint64_t refills, drains; /* batches from, and to, the core */
    uint64_t swaps;           /* batches that went from thread to thread through the depot */
    uint64_t recalls;
    uint32_t stocks;       /* threads that have one now */
    uint32_t stocks_most;  /* desc.threads in effect */
    uint32_t asymmetric;   /* 1: membarrier is used, 0: exchanges */
    size_t metadata_bytes; /* without the stocks that no thread has had yet: not touched */
    size_t stock_bytes;    /* of which each stock takes */
} buddy_magazine_stats;

/* Bytes for desc, to be given to buddy_magazine_init; 0 when desc has no core, or more threads than
 * there is room for in any memory. */
size_t buddy_magazine_sizeof(const buddy_magazine_desc *desc);

/* As buddy_magazine_sizeof for a core that does not exist yet but will be made of `core`;
 * desc->core is not looked at. */
size_t buddy_magazine_room(const buddy_magazine_desc *desc, const buddy_desc *core);

/* Makes a magazine in `at`. Returns `at`, or NULL when bytes < buddy_magazine_sizeof(desc), `at` is
 * not aligned to 64 bytes, the system has no mutex to give, or it had no memory for handlers of
 * fork when the process made its first one. One thread; publish the result before others use it. */
buddy_magazine *buddy_magazine_init(void *at, size_t bytes, const buddy_magazine_desc *desc);

/* Gives all stocks back to the core and forgets the magazine. Nobody may use it any more. */
void buddy_magazine_finish(buddy_magazine *m);

buddy *buddy_magazine_core(const buddy_magazine *m);

/* Takes a block of `order`. Returns its offset or BUDDY_NONE. */
static inline uint32_t buddy_magazine_try(buddy_magazine *m, uint32_t order);
static inline uint32_t buddy_magazine_alloc(buddy_magazine *m, uint32_t order);

/* As buddy_magazine_alloc, near the unit `near`: one of the blocks that the thread has given back
 * last, if that is within BUDDY_REACH, else from the core as buddy_try_near says. */
uint32_t buddy_magazine_alloc_near(buddy_magazine *m, uint32_t order, uint32_t near);

/* As buddy_magazine_alloc, but only the first `units` units of such a block: the rest is free in
 * the core again. No strict request of another thread is refused for want of it meanwhile. */
uint32_t buddy_magazine_alloc_cut(buddy_magazine *m, uint32_t order, uint32_t units);

/* Makes the caller's block (offset, order) one of order `to` where it lies, if all its buddies up
 * to there lie above it and are free in the core as they are; else nothing has changed. No strict
 * request of another thread is refused for want of them meanwhile. */
bool buddy_magazine_extend(buddy_magazine *m, uint32_t offset, uint32_t order, uint32_t to);

/* Takes just this block, if it is free in the core as it is: see buddy_try_at. */
bool buddy_magazine_take_at(buddy_magazine *m, uint32_t offset, uint32_t order);

/* Gives a block back that came from this magazine or its core. Precondition as buddy_free. */
static inline void buddy_magazine_free(buddy_magazine *m, uint32_t offset, uint32_t order);

/* Takes `count` blocks of `order` straight from the core. Writes their offsets and returns how
 * many; fewer than count means that buddy_magazine_alloc would be refused now. */
uint32_t buddy_magazine_alloc_bulk(buddy_magazine *m, uint32_t order, uint32_t count,
                                   uint32_t offsets[]);

/* Gives `count` blocks of `order` back; as buddy_free_bulk, ascending neighbours are quickest. */
void buddy_magazine_free_bulk(buddy_magazine *m, uint32_t order, uint32_t count,
                              const uint32_t offsets[]);

/* As buddy_gather, but strict like buddy_magazine_alloc. */
uint32_t buddy_magazine_gather(buddy_magazine *m, uint32_t units, uint32_t near,
                               buddy_block pieces[BUDDY_PIECES]);

/* Gives back to the core what the calling thread's stock holds; buddy_magazine_recall: what all
 * stocks and the depot hold. */
void buddy_magazine_flush(buddy_magazine *m);
void buddy_magazine_recall(buddy_magazine *m);

void buddy_magazine_get_stats(buddy_magazine *m, buddy_magazine_stats *out);

/* Calls visit for every block that lies in a stock or in the depot. Others must be at rest. */
void buddy_magazine_walk(const buddy_magazine *m, bool (*visit)(void *context, buddy_block block),
                         void *context);

/* NULL when stocks and depot hold blocks of the core, aligned, within bounds, and not free in the
 * core too; else a sentence. Others must be at rest. */
const char *buddy_magazine_check(const buddy_magazine *m);

/* ---- the fast path ----
 *
 * Users have no need of what follows; it is in the header because a call costs as much as what is
 * done. The atomic builtins of gcc and clang stand for <stdatomic.h>, which C++17 does not have. */

#ifdef __cplusplus
#define BUDDY_MAGAZINE_THREAD_LOCAL \
    __thread /* C++'s own asks at every use whether it is constructed */
#else
#define BUDDY_MAGAZINE_THREAD_LOCAL _Thread_local
#endif

/* The blocks of one order in one stock: a stack. base <= top <= limit, but for a moment while a
 * batch comes in. */
typedef struct buddy_magazine_shelf {
    uint32_t *top;   /* past the last; written by the owner or by a recall, read by statistics */
    uint32_t *base;  /* fixed once a thread has had the stock */
    uint32_t *limit; /* where giving one more has to make room first */
    uint32_t steady; /* blocks: above this the limit grows slowly, since memory ran short there */
} buddy_magazine_shelf;

typedef struct buddy_magazine_stock {
    uint32_t busy;     /* 1: the owner is at work; written by the owner */
    uint32_t near;     /* where in the core this stock is refilled */
    const void *owner; /* the thread that has it; NULL: none. Needs the lock of owners */
    /* the last is for orders that are too large: always empty */
    buddy_magazine_shelf shelves[BUDDY_ORDERS + 1];
} buddy_magazine_stock;

enum {
    BUDDY_MAGAZINE_OPEN = 0,     /* come in */
    BUDDY_MAGAZINE_RECALLED = 1, /* keep out */
    BUDDY_MAGAZINE_EXCHANGE = 2, /* no membarrier here: come in by an exchange */
};

/* What a magazine begins with. */
typedef struct buddy_magazine_front {
    uint64_t id;       /* no other magazine ever has the same; never 0 */
    uint32_t entry_at; /* bytes from a thread's first entry to the one for this magazine */
    uint32_t state; /* BUDDY_MAGAZINE_OPEN and so on; RECALLED and EXCHANGE may be set together */
} buddy_magazine_front;

/* Which stock a thread has in a magazine. */
typedef struct buddy_magazine_entry {
    uint64_t id; /* of the magazine; 0: none */
    buddy_magazine_stock *stock;
} buddy_magazine_entry;

#define BUDDY_MAGAZINE_ENTRIES 16u /* magazines in use by one thread that it finds at once */
extern BUDDY_MAGAZINE_THREAD_LOCAL buddy_magazine_entry
    buddy_magazine_entries[BUDDY_MAGAZINE_ENTRIES] __attribute__((
        tls_model("initial-exec"))); /* else a call where the code is position independent */

uint32_t buddy_magazine_try_slowly(buddy_magazine *m, uint32_t order);
uint32_t buddy_magazine_alloc_slowly(buddy_magazine *m, uint32_t order);
void buddy_magazine_free_slowly(buddy_magazine *m, uint32_t offset, uint32_t order);

#define BUDDY_MAGAZINE_LIKELY(condition) __builtin_expect((condition), 1)

/* Begins work on a stock. False: a recall keeps the thread out, or it has to come in by an
 * exchange; the slow path does both. Whoever recalls sees the store of `busy` come before the load
 * of `state`: its membarrier sees to that, and here the compiler has to keep the order. The load
 * also acquires what the last recall did to the stock. */
static inline bool buddy_magazine_enter(const buddy_magazine_front *front,
                                        buddy_magazine_stock *stock)
{
    __atomic_store_n(&stock->busy, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&front->state, __ATOMIC_SEQ_CST) == BUDDY_MAGAZINE_OPEN;
}

/* Ends work on a stock, also where buddy_magazine_enter said no. Release: a recall sees the stock
 * as we left it. */
static inline void buddy_magazine_leave(buddy_magazine_stock *stock)
{
    __atomic_store_n(&stock->busy, 0, __ATOMIC_RELEASE);
}

/* The calling thread's entry in a magazine, or in another one with the same place. */
static inline const buddy_magazine_entry *buddy_magazine_entry_of(const buddy_magazine_front *front)
{
    return (const buddy_magazine_entry *)(const void *)((const char *)buddy_magazine_entries +
                                                        front->entry_at);
}

/* Takes a block off a shelf; false when it is empty. The stock is entered. */
static inline bool buddy_magazine_pop(buddy_magazine_stock *stock, uint32_t order, uint32_t *offset)
{
    buddy_magazine_shelf *shelf = &stock->shelves[order];
    uint32_t *top = shelf->top;
    if (!BUDDY_MAGAZINE_LIKELY(top != shelf->base)) {
        return false;
    }
    *offset = *--top;
    __atomic_store_n(&shelf->top, top, __ATOMIC_RELAXED); /* relaxed: read as a figure */
    return true;
}

/* Puts a block on a shelf; false when it is full. The stock is entered. */
static inline bool buddy_magazine_push(buddy_magazine_stock *stock, uint32_t offset, uint32_t order)
{
    buddy_magazine_shelf *shelf = &stock->shelves[order];
    uint32_t *top = shelf->top;
    if (!BUDDY_MAGAZINE_LIKELY(top < shelf->limit)) {
        return false;
    }
    *top++ = offset;
    __atomic_store_n(&shelf->top, top, __ATOMIC_RELAXED); /* relaxed: read as a figure */
    return true;
}

/* Takes a block from the calling thread's own shelf; false where the slow path has to be taken.
 * Precondition: order <= BUDDY_ORDERS. */
static inline bool buddy_magazine_take_own(buddy_magazine *m, uint32_t order, uint32_t *offset)
{
    const buddy_magazine_front *front = (const buddy_magazine_front *)m;
    const buddy_magazine_entry *entry = buddy_magazine_entry_of(front);
    buddy_magazine_stock *stock = entry->stock;
    if (!BUDDY_MAGAZINE_LIKELY(entry->id == front->id)) {
        return false;
    }
    bool done = BUDDY_MAGAZINE_LIKELY(buddy_magazine_enter(front, stock)) &&
                buddy_magazine_pop(stock, order, offset);
    buddy_magazine_leave(stock);
    return done;
}

/* Puts a block on the calling thread's own shelf; false where the slow path has to be taken. */
static inline bool buddy_magazine_give_own(buddy_magazine *m, uint32_t offset, uint32_t order)
{
    const buddy_magazine_front *front = (const buddy_magazine_front *)m;
    const buddy_magazine_entry *entry = buddy_magazine_entry_of(front);
    buddy_magazine_stock *stock = entry->stock;
    if (!BUDDY_MAGAZINE_LIKELY(entry->id == front->id)) {
        return false;
    }
    bool done = BUDDY_MAGAZINE_LIKELY(buddy_magazine_enter(front, stock)) &&
                buddy_magazine_push(stock, offset, order);
    buddy_magazine_leave(stock);
    return done;
}

static inline uint32_t buddy_magazine_try(buddy_magazine *m, uint32_t order)
{
    uint32_t offset = BUDDY_NONE;
    bool done = order < BUDDY_ORDERS && buddy_magazine_take_own(m, order, &offset);
    return BUDDY_MAGAZINE_LIKELY(done) ? offset : buddy_magazine_try_slowly(m, order);
}

static inline uint32_t buddy_magazine_alloc(buddy_magazine *m, uint32_t order)
{
    uint32_t offset = BUDDY_NONE;
    bool done = order < BUDDY_ORDERS && buddy_magazine_take_own(m, order, &offset);
    return BUDDY_MAGAZINE_LIKELY(done) ? offset : buddy_magazine_alloc_slowly(m, order);
}

static inline void buddy_magazine_free(buddy_magazine *m, uint32_t offset, uint32_t order)
{
    if (!BUDDY_MAGAZINE_LIKELY(buddy_magazine_give_own(m, offset, order))) {
        buddy_magazine_free_slowly(m, offset, order);
    }
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
