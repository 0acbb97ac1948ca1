/* pace.h: how fast the disk may seem: a delay for each request, and a pipe that all requests share.
 *
 *     request 1  begins ├── delay ──┤ ends              delays overlap, as in a disk's queue;
 *     request 2    begins ├── delay ──┤       ┤ ends    bytes go through the pipe one request
 *     the pipe   ▕ bytes of 1 ▏ bytes of 2    ▏         after the other, at bytes_per_second
 *
 * Only arithmetic on times that callers give; nobody waits here. The readers of fetch.c share one
 * pace: they ask when a request may end, and hold it back until then. While no pace is set, a
 * request costs one relaxed load (pace_is_set).
 *
 * Threads: any, but for init and finish. */
#ifndef MEGABUDDY_ENGINE_PACE_H
#define MEGABUDDY_ENGINE_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* is_set == (delay_ns > 0 || bytes_per_second > 0) */
typedef struct pace {
    /* written under the mutex. Relaxed: a request that begins while the pace changes may go by the
     * old one or the new one, and they order nothing else */
    atomic_bool is_set;
    atomic_uint changes; /* of the pace */

    /* need the mutex */
    pthread_mutex_t mutex;
    uint64_t delay_ns;
    uint64_t bytes_per_second; /* 0: no limit */
    uint64_t pipe_free_ns;     /* when all requests that have a promise are through */
    uint32_t epoch;            /* requests of other epochs are due at once */
} pace;

/* When a request may end, as long as the pace does not change. */
typedef struct pace_promise {
    uint64_t due_ns;
    uint32_t changes; /* of the pace, at the time */
} pace_promise;

#define PACE_MOST_DELAY_MS (3600 * 1000)

void pace_init(pace *p); /* none is set */
void pace_finish(pace *p);

/* Sets the pace from now on; 0 and 0: none. A pace that differs from the one before empties the
 * pipe and makes all earlier promises due. delay_ns is cut to PACE_MOST_DELAY_MS. */
void pace_set(pace *p, uint64_t delay_ns, uint64_t bytes_per_second);

/* Empties the pipe: nobody waits any more for requests of other epochs than this one. */
void pace_cut(pace *p, uint32_t epoch);

static inline bool pace_is_set(const pace *p)
{
    return atomic_load_explicit(&p->is_set, memory_order_relaxed); /* see the struct */
}

/* Puts a request of `bytes` that begins now into the pipe, and says when it may end. A request of
 * another epoch than the last pace_cut's may end at once, and takes no time of the pipe. */
pace_promise pace_begin(pace *p, uint32_t epoch, uint64_t bytes, uint64_t now_ns);

/* Whether a request may end now. */
static inline bool pace_is_due(const pace *p, const pace_promise *promise, uint64_t now_ns)
{
    return now_ns >= promise->due_ns ||
           /* relaxed: see the struct; fetch.c wakes its readers after a change */
           promise->changes != atomic_load_explicit(&p->changes, memory_order_relaxed);
}

#endif
