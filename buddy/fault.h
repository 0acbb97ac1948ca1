/* fault.h: out of memory on demand: a plan says which requests fail, and whoever hands out memory
 * asks before each.
 *
 *     buddy_fault *f = buddy_fault_create(&(buddy_fault_plan){.every = 100});
 *     buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .fault = f});
 *     …                             every 100th request of h finds no block
 *     buddy_fault_set(f, NULL);           as if nothing had been
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
#pragma GCC visibility push(default)

#define BUDDY_FAULT_ENVIRONMENT "BUDDY_FAULT"
#define BUDDY_FAULT_WHERE       64u  /* bytes of buddy_fault_plan.where, the end included */
#define BUDDY_FAULT_LINE        160u /* bytes of an error's text, the end included */

typedef struct buddy_fault buddy_fault;

/* Zero in a filter means: any. Zero in a rule means: not by this rule. */
typedef struct buddy_fault_plan {
    /* rules, for requests that match */
    uint64_t nth;   /* this one, counted from 1, and no other */
    uint64_t every; /* each so-many-th */
    double share;   /* so much of them at random, 0 to 1 */
    uint64_t seed;  /* of that */
    uint64_t most;  /* strikes, of all rules together; then no more. 0: as many as there come */
    /* filters */
    size_t least_bytes, most_bytes;     /* asked for, both included */
    uint32_t first_thread, last_thread; /* buddy_fault_thread() of the caller, both included */
    const void *site_begin, *site_end;  /* the call site lies in [begin, end) */
    /* the call site lies in this function, or in this object file (its name without folders), as
     * far as the dynamic loader knows names: those of static functions it does not. "": any */
    char where[BUDDY_FAULT_WHERE];
} buddy_fault_plan;

typedef struct buddy_fault_stats {
    uint64_t asked;   /* while a plan was set */
    uint64_t matched; /* of these: let through by the filters */
    uint64_t struck;  /* of these */
} buddy_fault_stats;

/* plan NULL: strikes nothing until one is set. NULL without memory (errno says why). */
buddy_fault *buddy_fault_create(const buddy_fault_plan *plan);
void buddy_fault_destroy(buddy_fault *f); /* NULL does nothing. Nobody may ask any more. */

/* Sets another plan, or none (NULL), and begins to count anew. Requests that are under way are held
 * against the plan before or this one, never against a mixture. */
void buddy_fault_set(buddy_fault *f, const buddy_fault_plan *plan);

/* Whether a request for `bytes` by the code at `site` (an address in it, such as a return address;
 * NULL: unknown, which no filter by site lets through) is to fail. f NULL: never. */
bool buddy_fault_strikes(buddy_fault *f, size_t bytes, const void *site);

void buddy_fault_get_stats(const buddy_fault *f, buddy_fault_stats *out);

/* The number by which plans know the calling thread: threads count from 1, in the order in which
 * they first ask any fault or are first seen by a track. */
uint32_t buddy_fault_thread(void);

/* Reads a plan: rules and filters with commas between them, at least one rule.
 *
 *     nth=N  every=N  share=0.01 or share=1%  seed=N  most=N
 *     size=64  size=1K-64K  size=1M-      (K, M, G; KiB and so on are the same)
 *     thread=2  thread=2-5  thread=3-     site=NAME: see buddy_fault_plan.where
 *
 * False, with a text that says what is wrong, and *out is left alone. */
bool buddy_fault_parse(const char *text, buddy_fault_plan *out, char error[BUDDY_FAULT_LINE]);

/* A fault by the plan in the environment variable BUDDY_FAULT. NULL and an empty error when it is
 * not set, and in a process that runs with other rights than its user's (set-user-id:
 * secure_getenv(3)); NULL and a text when it is no plan, or there is no memory. */
buddy_fault *buddy_fault_from_environment(char error[BUDDY_FAULT_LINE]);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
