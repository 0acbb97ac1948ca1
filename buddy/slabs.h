/* slab.h: small objects on growing buddy heaps: malloc-like memory for all sizes, many threads, and
 * no limit but the system's.
 *
 *     1 … 32 KiB        an object in a slab: a block of 64 KiB (256 KiB for objects above 8 KiB) of
 *                       the buddy that holds objects of one size class
 *     … 2 MiB           a block of the buddy, cut to its class; a thread keeps some that it freed
 *     more              mapped from the system by itself; where such sizes are seen to come and go,
 *                       blocks of the buddy up to 32 MiB, the last of which are kept
 *
 * Classes lie 16 bytes apart up to 256 and eight to a doubling above, so that an object of more
 * than 128 bytes loses at most an eighth. A slab belongs to one thread's cache. That thread takes
 * and gives with plain loads and stores:
 *
 *     owner           free: o -> o -> o            a stack in the objects themselves
 *     other threads   outbox (32 frees a slab)  -> one compare-and-swap -> remote: o -> o
 *
 * The owner takes `remote` whole when `free` is empty. A slab of which all objects are taken is
 * parked: the owner does not look at it until one comes back. One that is empty goes back to the
 * buddy, where it merges, but for one a class, so that a class which comes and goes stays cheap.
 * What the buddy has free is given back to the system when there is much of it, or by
 * buddy_slabs_trim.
 *
 * Blocks lie in ranges of addresses at places left to chance, of which only what is in play is
 * mapped: a program that locks its memory locks what is in use, a core holds no more, and a limit
 * of addresses counts no more. Where others map something in a range it ends there. What is opened
 * or mapped counts as memory, so the system refuses what the machine does not have, as it refuses
 * the C library's malloc. Nothing is refused that is free in a range, or kept by the calling thread
 * or by nobody; what another thread keeps (BUDDY_SLABS_OBJECT_MOST and less, or of half a megabyte
 * of blocks) is not taken away from it.
 *
 * What lies outside the objects: one head a slab, in a table beside the range, found by shifting an
 * address. So no pointer is followed before it is known to be ours. Refused, and told in one line
 * that names the pointer: one that is foreign, interior, or free already. A double free of an
 * object is seen until the object has been handed out again, unless something has been written into
 * its second word meanwhile, or two threads free it in the same nanoseconds.
 *
 * Threads: any, unless said otherwise. A thread gets its cache at its first call. When it ends, the
 * cache waits for the next new thread, and threads that are out of objects take its slabs. A
 * process may fork at any time: the child can go on, without the free objects of threads that it
 * does not have. Nothing may be called from a signal handler; one may fork all the same. Where it
 * has interrupted a call of this thread, and there are other threads, the child may do nothing
 * here.
 *
 * In a plugin: see magazine.h, with caches in the place of stocks. A slab is ended before the
 * plugin is unloaded, or its memory stays. (libbuddy-malloc.so is never unloaded: what it has
 * handed out may be freed at any time.) */
#ifndef BUDDY_SLAB_H
#define BUDDY_SLAB_H

#include "heap.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy_slabs buddy_slabs;

#define BUDDY_SLABS_OBJECT_MOST 32768u /* bytes: the largest object; what is larger is a block */
#define BUDDY_SLABS_RANGES      64u    /* most ranges of addresses */

/* What a buddy_slabs_desc may set; zero is the default everywhere. */
typedef struct buddy_slabs_desc {
    size_t range_bytes; /* addresses of a range, which cost nothing until they are in play; one that
                           the system refuses is halved until it does not. Every eight ranges it
                           doubles. A power of two from 4 MiB to 1 TiB; 0: 64 GiB. Where addresses
                           have 32 bits: to 1 GiB, and 64 MiB */
    size_t map_bytes;   /* what is larger is mapped by itself; 0: 2 MiB at first, and up to 32 MiB
                           as mapped blocks are seen to be freed, since what comes and goes is
                           dearer by the page fault than by the byte */
    size_t keep_bytes;  /* given back by frees before memory goes to the system; twice as much,
                           and so on, where that happens again within a second or two.
                           0: 8 MiB */
    void (*on_error)(void *context,
                     const char *line); /* NULL: silent; called on the thread that erred */
    void *on_error_context;
} buddy_slabs_desc;

/* Exact when others are at rest. */
typedef struct buddy_slabs_stats {
    uint64_t object_count;  /* live in slabs, with what lies in outboxes and remote lists */
    size_t object_bytes;    /* of these, by class */
    size_t slab_bytes;      /* of the slabs that they are in */
    uint32_t slab_count;    /* slabs */
    uint32_t cache_count;   /* threads that have one now */
    uint32_t orphan_count;  /* caches of ended threads that nobody has taken */
    uint32_t range_count;   /* ranges in use */
    size_t block_bytes;     /* blocks of the buddy that are no slabs: live, or kept by a thread */
    uint64_t mapped_count;  /* blocks mapped by themselves … */
    size_t mapped_bytes;    /* … and their bytes */
    size_t capacity_bytes;  /* in play in all ranges */
    size_t free_bytes;      /* free in all ranges */
    size_t discarded_bytes; /* since create: given back to the system from the ranges */
    uint64_t errors;        /* frees that were refused */
} buddy_slabs_stats;

/* Returns NULL when desc is impossible or the system gives no memory (errno says why). One thread.
 */
buddy_slabs *buddy_slabs_create(const buddy_slabs_desc *desc);
void buddy_slabs_destroy(
    buddy_slabs *s); /* NULL does nothing. Nobody may use it or its objects any more. */
const buddy_slabs_desc *
buddy_slabs_get_desc(const buddy_slabs *s); /* in effect: defaults filled in */

/* At least `bytes` bytes, aligned to 16; 0 counts as 1. NULL when the system gives no more. */
void *buddy_slabs_alloc(buddy_slabs *s, size_t bytes);

/* As buddy_slabs_alloc, all bytes zero: memory that is fresh from the system is not written to. */
void *buddy_slabs_zeroed(buddy_slabs *s, size_t bytes);

/* As buddy_slabs_alloc, aligned to `alignment` too. NULL as well when that is not a power of two.
 */
void *buddy_slabs_aligned(buddy_slabs *s, size_t alignment, size_t bytes);

/* Makes what lies at `pointer` hold `bytes`, where it is if it fits and is not much too large, else
 * elsewhere with its contents. NULL, and all is as it was, without memory or when the pointer is
 * not one of ours (told as in buddy_slabs_free). NULL as pointer: buddy_slabs_alloc. */
void *buddy_slabs_realloc(buddy_slabs *s, void *pointer, size_t bytes);

/* Gives it back. NULL is BUDDY_HEAP_OK. Any other answer than BUDDY_HEAP_OK has changed nothing. */
buddy_heap_status buddy_slabs_free(buddy_slabs *s, void *pointer);

/* As buddy_slabs_free, and checks that what lies there was asked for with a size that this one
 * fits. Not for what buddy_slabs_aligned gave: its size is another one. */
buddy_heap_status buddy_slabs_free_sized(buddy_slabs *s, void *pointer, size_t bytes);

/* Bytes that may be used at a live pointer of ours; 0 where it cannot be one. */
size_t buddy_slabs_usable_size(buddy_slabs *s, const void *pointer);

/* Whether it points into a range or to the start of what was mapped. */
bool buddy_slabs_owns(buddy_slabs *s, const void *pointer);

/* Sends what the calling thread has collected of other threads' objects to their owners. */
void buddy_slabs_flush(buddy_slabs *s);

/* Gives back what nobody needs: the calling thread's empty slabs and those of ended threads to the
 * buddy, and the buddy's free memory to the system. Returns the bytes that went to the system. */
size_t buddy_slabs_trim(buddy_slabs *s);

void buddy_slabs_get_stats(buddy_slabs *s, buddy_slabs_stats *out);
const char *buddy_slabs_check(buddy_slabs *s); /* NULL when all is well. Others must be at rest. */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
