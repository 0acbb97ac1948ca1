/* heap.h: pointers on top of the buddy core: malloc-like memory from one mapped region.
 *
 * The core hands out units; the heap says that unit u is the bytes [base + u * unit_bytes, …) and
 * remembers of every live block what free(pointer) needs: where it starts and how long it is.
 * Nothing is written into the managed memory.
 *
 * Checked: a pointer that is foreign, misaligned, interior or already free is refused: heap_free
 * returns a heap_status that says which, and where desc.on_error is set it is called with one clear
 * line that names the pointer. The heap is never corrupted by it.
 *
 * Threads: any, unless said otherwise. The fast paths are lock-free. */
#ifndef BUDDY_HEAP_H
#define BUDDY_HEAP_H

#include "buddy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heap heap;

/* X(name, text): every way in which the heap can refuse. */
#define HEAP_STATUSES(X)                                                     \
    X(HEAP_OK, "done")                                                       \
    X(HEAP_FOREIGN, "the pointer does not belong to this heap")              \
    X(HEAP_MISALIGNED, "the pointer is not aligned to a unit")               \
    X(HEAP_INTERIOR, "the pointer is inside a live block, not at its start") \
    X(HEAP_DOUBLE_FREE, "the block is free already")                         \
    X(HEAP_WRONG_SIZE, "the size given is not the size of the block")

#define X(name, text) name,
typedef enum heap_status { HEAP_STATUSES(X) } heap_status;
#undef X

const char *heap_status_text(heap_status status);

typedef struct heap_desc {
    size_t bytes; /* of the region, a multiple of unit_bytes; mapped by the heap unless `memory` is
                     given */
    size_t unit_bytes; /* smallest block, a power of two from 16 to 1 MiB; 0: 64 */
    void *memory;    /* NULL: the heap maps its own; else the caller's, aligned to unit_bytes, kept
                        until finish */
    bool prefault;   /* touch every page of the region at create, so that no later access faults */
    bool huge_pages; /* ask for transparent huge pages where the kernel has them */
    void (*on_error)(void *context,
                     const char *line); /* NULL: silent; called on the thread that erred */
    void *on_error_context;
} heap_desc;

typedef struct heap_stats {
    buddy_stats core;
    size_t capacity_bytes; /* of the region */
    size_t live_bytes;     /* handed out, in whole blocks */
    size_t peak_bytes;     /* the most that live_bytes has been, sampled at allocations */
    size_t metadata_bytes; /* core and heap together, outside the region */
    uint64_t refused;      /* requests that found no block */
    uint64_t errors;       /* frees that were refused */
} heap_stats;

/* Returns NULL when desc is impossible or the system gives no memory (errno says why). One thread.
 */
heap *heap_create(const heap_desc *desc);
void heap_destroy(heap *h); /* NULL does nothing. Nobody may use the heap or its blocks any more. */
const heap_desc *heap_get_desc(const heap *h); /* in effect: defaults filled in */

/* A block of at least `bytes`, aligned to its own size (rounded up to a power of two of units) as
 * far as the region is: a mapped one is aligned to the largest block in it, or to 2 MiB at least
 * where address space is scarce; the caller's is what it is. bytes 0 counts as 1. NULL when no
 * block fits. heap_alloc is strict, heap_try may say no prematurely (see buddy.h). */
void *heap_alloc(heap *h, size_t bytes);
void *heap_try(heap *h, size_t bytes);

/* As heap_alloc, near the block `near` (any address in the heap; NULL for anywhere). */
void *heap_alloc_near(heap *h, size_t bytes, const void *near);

/* As heap_alloc, aligned to `alignment` too: the beginning of a block of `alignment` bytes, the
 * rest of which is given back at once. NULL as well when alignment is not a power of two or larger
 * than what the region itself is aligned to. */
void *heap_aligned(heap *h, size_t alignment, size_t bytes);

/* Gives a block back. NULL is HEAP_OK. Any other answer than HEAP_OK has changed nothing. */
heap_status heap_free(heap *h, void *pointer);

/* As heap_free, and checks that the block was asked for with a size that this one fits. */
heap_status heap_free_sized(heap *h, void *pointer, size_t bytes);

size_t
heap_usable_size(const heap *h,
                 const void *pointer); /* bytes of the live block that starts there; 0: none does */
bool heap_owns(const heap *h, const void *pointer); /* whether it points into the region at all */

buddy *
heap_core(heap *h); /* for statistics, walks and gathered blocks: offsets of units from heap_base */
void *heap_base(heap *h);

void heap_get_stats(const heap *h, heap_stats *out);
const char *heap_check(const heap *h); /* NULL when all is well. Others must be at rest. */

#ifdef __cplusplus
}
#endif

#endif
