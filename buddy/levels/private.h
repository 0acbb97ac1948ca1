/* levels/private.h: what a levels is made of, and its locks. Private to buddy/levels.
 *
 *     levels | one level an order | a link a unit | a bitmap an order
 *
 * A thread that holds two locks took the lower level's first. A level's list, queue, counts and
 * bitmap belong to whoever holds its lock; so do the links of the blocks in its list, while those
 * of a block in no list belong to the owner of the block. A request that waits holds no lock. */
#ifndef BUDDY_LEVELS_PRIVATE_H
#define BUDDY_LEVELS_PRIVATE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "buddy/core/words.h"
#include "buddy/levels.h"

#define LEVEL_LINE    64u              /* bytes of a cache line */
#define LEVEL_WAITING (UINT32_MAX - 1) /* no answer yet: units end below it */
#define LEVEL_RETRY   UINT32_MAX       /* the answer that the split it waited for came to nothing */

/* Looks before the processor is given away: as long as some ten locked sections. Of 16, 64 and 256
 * on two processors, the first was as quick with two threads and up to twice as quick with six. */
#define LEVEL_SPINS 16u

/* A request in a level's queue. It lies on the stack of its thread, and is gone as soon as that has
 * its answer. */
typedef struct level_waiter {
    struct level_waiter *next;
    _Atomic uint32_t answer; /* an offset or one of the above; written once, under the lock */
    pthread_cond_t woken;    /* BUDDY_LEVELS_MUTEX only */
} level_waiter;

/* The neighbours in a list of free blocks, by offset; BUDDY_NONE: none. */
typedef struct level_link {
    uint32_t next, prev;
} level_link;

/* waiting <= in_flight: every request that waits has a split whose spare half is promised to it.
 * waiting > 0 only where the list is empty. */
typedef struct level {
    /* what every call touches */
    _Alignas(LEVEL_LINE) union {
        _Atomic uint32_t spin; /* 1: locked */
        pthread_mutex_t mutex;
    } lock;
    uint32_t first;               /* of the free list, an offset; BUDDY_NONE: empty */
    _Atomic uint32_t free_blocks; /* in the list */
    uint32_t in_flight;           /* splits that will deliver a spare half of this order here */
    uint32_t waiting;             /* requests in the queue */
    uint64_t *bits;               /* bit i set: the block at i << order is in the list */
    /* what only those who split, merge or wait touch */
    level_waiter *head, *tail; /* of the queue, oldest first; NULL, unknown: empty */
    _Atomic uint32_t pending_high_water;
    _Atomic uint64_t splits, merges, wasted_splits;
} level;

struct buddy_levels {
    /* fixed at init */
    _Alignas(LEVEL_LINE) uint32_t units;
    uint32_t max_order;
    buddy_levels_sync sync;
    size_t bytes; /* of metadata */
    level_link *links;
    level at[]; /* one for each order, 0 … max_order */
};

_Static_assert(sizeof(level) % LEVEL_LINE == 0, "levels must not share cache lines");

/* A mutex that looks a few times before it sleeps: locked sections are shorter than falling
 * asleep. */
#if defined(PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP)
#define LEVEL_MUTEX_TYPE PTHREAD_MUTEX_ADAPTIVE_NP
#else
#define LEVEL_MUTEX_TYPE PTHREAD_MUTEX_DEFAULT
#endif

/* Tells the processor that this is a wait, so that its twin may work. */
#if defined(__x86_64__) || defined(__i386__)
#define LEVEL_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define LEVEL_PAUSE() __asm__ volatile("yield")
#else
#define LEVEL_PAUSE() ((void)0)
#endif

/* One look in vain. */
static inline void level_pause(uint32_t *looks)
{
    if (*looks < LEVEL_SPINS) {
        ++*looks;
        LEVEL_PAUSE();
    } else {
        sched_yield();
    }
}

/* open -> locked. Acquire, pairs with level_unlock. Those who are late only read, so that the line
 * stays with the holder until it lets go. */
static inline void level_spin(_Atomic uint32_t *spin)
{
    uint32_t looks = 0;
    while (atomic_exchange_explicit(spin, 1, memory_order_acquire) != 0) {
        /* relaxed: the exchange decides */
        while (atomic_load_explicit(spin, memory_order_relaxed) != 0) {
            level_pause(&looks);
        }
    }
}

/* Locks the level of `order` and returns it. */
static inline level *level_lock(buddy_levels *l, uint32_t order)
{
    level *v = &l->at[order];
    if (l->sync == BUDDY_LEVELS_MUTEX) {
        pthread_mutex_lock(&v->lock.mutex);
    } else {
        level_spin(&v->lock.spin);
    }
    return v;
}

/* locked -> open. Release, pairs with level_spin. */
static inline void level_unlock(buddy_levels *l, level *v)
{
    if (l->sync == BUDDY_LEVELS_MUTEX) {
        pthread_mutex_unlock(&v->lock.mutex);
    } else {
        atomic_store_explicit(&v->lock.spin, 0, memory_order_release);
    }
}

/* Whether the block of number `place`, its offset >> order, is in the list. One place beyond the
 * last block may be asked for. */
static inline bool level_has(const level *v, uint32_t place)
{
    return v->bits[place / WORD_BITS] >> place % WORD_BITS & 1;
}

/* Words of the bitmap of `order`. One bit more than there are blocks: the last block's buddy. */
static inline size_t level_words(uint32_t units, uint32_t order)
{
    return (units >> order) / WORD_BITS + (size_t)1;
}

#endif
