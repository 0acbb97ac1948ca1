/* alloc_subject.h: what `megabuddy test alloc` works on: the heap, or one of the article's schemes
 * under the same calls.
 *
 *     lockfree            buddy/heap.h, with everything it can do
 *     spinlock, mutex     buddy/levels.h and plain memory: blocks by order, nothing checked
 *
 * Threads: any, but create and destroy. */
#ifndef MEGABUDDY_TOOLS_ALLOC_SUBJECT_H
#define MEGABUDDY_TOOLS_ALLOC_SUBJECT_H

#include "buddy/heap.h"
#include "engine/vt.h"

#define ALLOC_UNIT_BYTES 64u

typedef struct alloc_subject alloc_subject;

/* Exact when others are at rest. */
typedef struct alloc_figures {
    uint32_t units, free_units;
    uint32_t largest_order; /* of a free block; BUDDY_ORDERS: none */
    uint32_t max_order;
    uint64_t peak_bytes; /* handed out or in threads' stocks; 0: not counted */
    uint64_t splits, merges, failed_cas, recalls;
    uint64_t errors; /* frees that were refused */
    uint64_t metadata_bytes;
    bool has_levels;
    uint32_t pending[BUDDY_ORDERS]; /* most requests that waited, by level */
    uint64_t wasted[BUDDY_ORDERS];  /* splits that need not have been */
} alloc_figures;

/* A heap tells `follower` (NULL: nobody) of its blocks. NULL: no memory. */
alloc_subject *alloc_subject_create(vt_sync sync, uint64_t arena_bytes,
                                    struct buddy_track *follower);
void alloc_subject_destroy(alloc_subject *s); /* NULL does nothing */

/* The heap, for what only it can do; NULL: one of the schemes. */
buddy_heap *alloc_subject_heap(alloc_subject *s);

/* A block of at least `bytes`; NULL: none fits. */
void *alloc_subject_take(alloc_subject *s, size_t bytes);

/* Gives back a block that was asked for with `bytes`. False: refused. */
bool alloc_subject_give(alloc_subject *s, void *block, size_t bytes);

/* Bytes of the live block that was asked for with `bytes`. */
size_t alloc_subject_usable(const alloc_subject *s, const void *block, size_t bytes);

void alloc_subject_get(alloc_subject *s, alloc_figures *out);

/* Brings everything back into the core and checks: NULL when all is well. Others must be at rest.
 */
const char *alloc_subject_check(alloc_subject *s);

#endif
