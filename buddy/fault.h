/* fault.h: out of memory on demand: a plan says which requests fail, and whoever hands out memory
 * asks before each.
 *
 *     fault *f = fault_create(&(fault_plan){.every = 100});
 *     heap *h = heap_create(&(heap_desc){.bytes = 1 << 20, .fault = f});
 *     …                             every 100th request of h finds no block
 *     fault_set(f, NULL);           as if nothing had been
 *
 * A request that the filters let through (sizes, threads, call site) is *matched* and counted; it
 * is struck when any of the rules (nth, every, share) says so. One thread that asks for the same
 * gets the same answers each time: what looks random is a hash of the seed, the thread's number and
 * a count of the thread's own.
 *
 * Threads: any, but destroy. Asking while no plan is set costs one relaxed read; while one is set,
 * a lock that readers share. Nothing is allocated after create, so a malloc may ask. The child of a
 * fork may ask, but not set another plan: who held the lock is not there to let go. */
#ifndef BUDDY_FAULT_H
#define BUDDY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FAULT_ENVIRONMENT "BUDDY_FAULT"
#define FAULT_WHERE       64u  /* bytes of fault_plan.where, the end included */
#define FAULT_LINE        160u /* bytes of an error's text, the end included */

typedef struct fault fault;

/* Zero in a filter means: any. Zero in a rule means: not by this rule. */
typedef struct fault_plan {
    /* rules, for requests that match */
    uint64_t nth;   /* this one, counted from 1, and no other */
    uint64_t every; /* each so-many-th */
    double share;   /* so much of them at random, 0 to 1 */
    uint64_t seed;  /* of that */
    uint64_t most;  /* strikes, of all rules together; then no more. 0: as many as there come */
    /* filters */
    size_t least_bytes, most_bytes;     /* asked for, both included */
    uint32_t first_thread, last_thread; /* fault_thread() of who asks, both included */
    const void *site_begin, *site_end;  /* the call site lies in [begin, end) */
    char where[FAULT_WHERE]; /* the call site lies in this function, or in this object file, by its
                                name without folders; as far as the dynamic loader knows the names:
                                static functions it does not. "": any */
} fault_plan;

typedef struct fault_stats {
    uint64_t asked;   /* while a plan was set */
    uint64_t matched; /* of these: let through by the filters */
    uint64_t struck;  /* of these */
} fault_stats;

/* plan NULL: strikes nothing until one is set. NULL without memory (errno says why). */
fault *fault_create(const fault_plan *plan);
void fault_destroy(fault *f); /* NULL does nothing. Nobody may ask any more. */

/* Sets another plan, or none (NULL), and begins to count anew. Requests that are under way are held
 * against the plan before or this one, never against a mixture. */
void fault_set(fault *f, const fault_plan *plan);

/* Whether a request for `bytes` by the code at `site` (an address in it, such as a return address;
 * NULL: unknown, which no filter by site lets through) is to fail. f NULL: never. */
bool fault_strikes(fault *f, size_t bytes, const void *site);

void fault_get_stats(const fault *f, fault_stats *out);

/* The number by which plans know the calling thread: threads count from 1, in the order in which
 * they first ask any fault or are first seen by a track. */
uint32_t fault_thread(void);

/* Reads a plan: rules and filters with commas between them, at least one rule.
 *
 *     nth=N  every=N  share=0.01 or share=1%  seed=N  most=N
 *     size=64  size=1K-64K  size=1M-      (K, M, G; KiB and so on are the same)
 *     thread=2  thread=2-5  thread=3-     site=NAME: see fault_plan.where
 *
 * False, with a text that says what is wrong, and *out is left alone. */
bool fault_parse(const char *text, fault_plan *out, char error[FAULT_LINE]);

/* A fault by the plan in the environment variable BUDDY_FAULT. NULL and an empty error when it is
 * not set, and in a process that runs with other rights than its user's (set-user-id:
 * secure_getenv(3)); NULL and a text when it is no plan, or there is no memory. */
fault *fault_from_environment(char error[FAULT_LINE]);

#ifdef __cplusplus
}
#endif

#endif
