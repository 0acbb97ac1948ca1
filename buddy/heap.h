/* heap.h: pointers on top of the buddy core: malloc-like memory from one range of addresses.
 *
 * The core hands out units; the heap says that unit u is the bytes [base + u * unit_bytes, …) and
 * remembers of every live block what free(pointer) needs: where it starts and how long it is.
 * Nothing is written into the managed memory. Every thread has a stock of blocks (magazine.h), so
 * that most calls touch memory of its own only.
 *
 * Refused: a pointer that is foreign, misaligned, interior or already free. buddy_heap_free returns
 * a buddy_heap_status that says which, and where desc.on_error is set it is called with one clear
 * line that names the pointer. The heap is never corrupted by it. The heap knows the block and not
 * the thread that frees it: of several frees of one block, by any threads, the first alone
 * succeeds, as long as the block has not been handed out again. After that a late free gives away a
 * block that has another owner by now, and nothing can tell. With BUDDY_HEAP_CHECKS_OFF one more
 * case is left out: two threads that free the same block within the same nanoseconds may both
 * succeed; that saves the atomic read-modify-write of a free.
 *
 * Growing: with desc.max_bytes the heap reserves that many bytes of addresses, which costs nothing,
 * also where a program locks its memory or leaves a core, and brings region after region of them
 * into play when a request finds no block: half as much as there is, 32 MiB at most, and what the
 * request needs. Where the system refuses that, the request is refused.
 *
 * Threads: any, unless said otherwise. The fast paths are lock-free. In a plugin: see magazine.h; a
 * heap is destroyed before the plugin is unloaded, or its memory stays. */
#ifndef BUDDY_HEAP_H
#define BUDDY_HEAP_H

#include "magazine.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy_heap buddy_heap;

/* X(name, text): every way in which the heap can refuse. */
#define BUDDY_HEAP_STATUSES(X)                                                     \
    X(BUDDY_HEAP_OK, "done")                                                       \
    X(BUDDY_HEAP_FOREIGN, "the pointer does not belong to this heap")              \
    X(BUDDY_HEAP_MISALIGNED, "the pointer is not aligned to a unit")               \
    X(BUDDY_HEAP_INTERIOR, "the pointer is inside a live block, not at its start") \
    X(BUDDY_HEAP_DOUBLE_FREE, "the block is free already")                         \
    X(BUDDY_HEAP_WRONG_SIZE, "the size given is not the size of the block")        \
    X(BUDDY_HEAP_READ_ONLY, "the heap was opened to be read only")

#define X(name, text) name,
typedef enum buddy_heap_status { BUDDY_HEAP_STATUSES(X) } buddy_heap_status;
#undef X

const char *buddy_heap_status_text(buddy_heap_status status);

/* Of several threads that free a block at the same time one succeeds … */
typedef enum buddy_heap_checks {
    BUDDY_HEAP_CHECKS_ON = 0, /* … always */
    BUDDY_HEAP_CHECKS_OFF,    /* … unless they do so at the very same moment */
} buddy_heap_checks;

/* As desc.threads: every call goes to the core. */
#define BUDDY_HEAP_NO_STOCKS BUDDY_MAGAZINE_NO_THREADS

typedef struct buddy_heap_desc {
    size_t bytes; /* in play at first, a multiple of unit_bytes; mapped by the heap unless `memory`
                     is given */
    size_t max_bytes;  /* grows up to this; 0: bytes. A multiple of unit_bytes */
    size_t unit_bytes; /* smallest block, a power of two from 16 to 1 MiB; 0: 64. Blocks of less
                          than four units cost one atomic read-modify-write more, so where those are
                          most of what is asked for, a quarter of that is the better unit */
    void *memory;      /* NULL: the heap maps its own; else the caller's max_bytes, aligned to
                          unit_bytes, kept until finish */
    bool prefault;     /* touch every page as it comes into play, so that no later access faults */
    bool huge_pages;   /* ask for transparent huge pages where the kernel has them */
    buddy_heap_checks checks;
    uint32_t threads; /* most that have a stock at a time; 0: see buddy_magazine_desc;
                         BUDDY_HEAP_NO_STOCKS */
    /* Is called, on the thread that erred, with one line for each refused free. NULL: silent. */
    void (*on_error)(void *context, const char *line);
    void *on_error_context;
    /* fault.h: says which requests fail although there is memory. Is asked once a call, and once a
     * block of buddy_heap_alloc_bulk. NULL: none fail. */
    struct buddy_fault *fault;
    /* track.h: is told of every block. NULL: there is none. Fault and track outlive the heap, and
     * may serve several. */
    struct buddy_track *track;
} buddy_heap_desc;

typedef struct buddy_heap_stats {
    buddy_stats core; /* in which what lies in stocks is not free */
    buddy_magazine_stats stocks;
    size_t capacity_bytes; /* in play */
    size_t live_bytes;     /* handed out, in whole units */
    size_t stocked_bytes;  /* in threads' stocks: neither live nor free in the core */
    size_t peak_bytes;     /* the most that live_bytes + stocked_bytes has been */
    size_t metadata_bytes; /* core, marks and stocks together, outside the managed memory; without
                              the stocks that no thread has had yet: they are not touched */
    uint64_t refused;      /* requests that found no block */
    uint64_t errors;       /* frees that were refused */
} buddy_heap_stats;

/* A piece of a gathered block. */
typedef struct buddy_heap_piece {
    void *start;
    size_t bytes;
} buddy_heap_piece;

/* Returns NULL when desc is impossible or the system gives no memory (errno says why). One
 * thread. */
buddy_heap *buddy_heap_create(const buddy_heap_desc *desc);

/* NULL does nothing. Nobody may use the heap or its blocks any more. */
void buddy_heap_destroy(buddy_heap *h);

/* The desc in effect: defaults filled in. */
const buddy_heap_desc *buddy_heap_get_desc(const buddy_heap *h);

/* A block of at least `bytes`, aligned to its own size (rounded up to a power of two of units) as
 * far as the region is: a mapped one is aligned to the largest block in it, or to 2 MiB at least
 * where address space is scarce, at one of all such places by chance; the caller's is what it is.
 * bytes 0 counts as 1. NULL when no block fits. buddy_heap_alloc is strict: it takes blocks back
 * from other threads' stocks, and grows the heap, before it refuses. buddy_heap_try never disturbs
 * others and does not grow the heap: it is for a cache that evicts by a count of its own. */
void *buddy_heap_alloc(buddy_heap *h, size_t bytes);
void *buddy_heap_try(buddy_heap *h, size_t bytes);

/* As buddy_heap_alloc, near the block `near` (any address in the heap; NULL for anywhere), rather
 * than where it fits best: see buddy_try_near. Up to BUDDY_REACH blocks of the size asked for lie
 * between if there is such a hole. It goes to the core more often than buddy_heap_alloc does, so it
 * takes longer, and pays where blocks are walked more often than they are made. */
void *buddy_heap_alloc_near(buddy_heap *h, size_t bytes, const void *near);

/* As buddy_heap_alloc, aligned to `alignment` too: the beginning of a block of `alignment` bytes,
 * the rest of which is given back at once. NULL as well when alignment is not a power of two or
 * larger than what the region itself is aligned to. */
void *buddy_heap_aligned(buddy_heap *h, size_t alignment, size_t bytes);

/* As buddy_heap_alloc, but the end of the block that `bytes` does not need is given back at once:
 * nothing is lost inside. Aligned as buddy_heap_alloc. For blocks that live long; what is given
 * back serves only requests for smaller ones. Sizes beyond 32768 units are rounded up by less than
 * 1/32768. */
void *buddy_heap_exact(buddy_heap *h, size_t bytes);

/* As buddy_heap_alloc, in up to BUDDY_PIECES blocks that need not be neighbours: see buddy_gather.
 * Writes them, largest first, and returns how many; 0 when refused. Each is freed by itself, and
 * they hold `bytes` together, at most 1/16 more. */
uint32_t buddy_heap_gather(buddy_heap *h, size_t bytes, buddy_heap_piece pieces[BUDDY_PIECES]);

/* `count` blocks as buddy_heap_alloc would give them. Writes their addresses and returns how many:
 * fewer than count when memory is full. */
uint32_t buddy_heap_alloc_bulk(buddy_heap *h, size_t bytes, uint32_t count, void *pointers[]);

/* Makes a block hold `bytes`, where it is if it can grow into its free buddies or shrinks, else
 * elsewhere with its contents. A block of exact size stays one where it shrinks. NULL, and the
 * block is as it was, when no block fits or the pointer is not one of ours (counted and told as in
 * buddy_heap_free); it is no longer one of ours where another thread frees it meanwhile. NULL as
 * pointer: buddy_heap_alloc. */
void *buddy_heap_realloc(buddy_heap *h, void *pointer, size_t bytes);

/* Gives a block back. NULL is BUDDY_HEAP_OK. Any other answer than BUDDY_HEAP_OK has changed
 * nothing. */
buddy_heap_status buddy_heap_free(buddy_heap *h, void *pointer);

/* As buddy_heap_free, and checks that the block was asked for with a size that this one fits. */
buddy_heap_status buddy_heap_free_sized(buddy_heap *h, void *pointer, size_t bytes);

/* Gives `count` blocks back. Returns BUDDY_HEAP_OK, or the first other answer; the rest is given
 * back all the same. */
buddy_heap_status buddy_heap_free_bulk(buddy_heap *h, uint32_t count, void *const pointers[]);

/* Takes back what lies in the stocks of all threads, and gives it to the core. */
void buddy_heap_recall(buddy_heap *h);

/* Bytes of the live block that starts there; 0: none does. */
size_t buddy_heap_usable_size(const buddy_heap *h, const void *pointer);

/* BUDDY_HEAP_OK, and the bytes of the live block at `pointer`; else why there is none, and *bytes
 * is as it was. */
buddy_heap_status buddy_heap_look_up(const buddy_heap *h, const void *pointer, size_t *bytes);

/* Whether it points into the region at all. */
bool buddy_heap_owns(const buddy_heap *h, const void *pointer);

/* For statistics and walks: offsets of units from buddy_heap_base. What is taken here is not the
 * heap's to free, and with stocks above it buddy_alloc is not strict. */
buddy *buddy_heap_core(buddy_heap *h);
void *buddy_heap_base(buddy_heap *h);

void buddy_heap_get_stats(const buddy_heap *h, buddy_heap_stats *out);

/* NULL when all is well, else a sentence. Others must be at rest. */
const char *buddy_heap_check(const buddy_heap *h);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
