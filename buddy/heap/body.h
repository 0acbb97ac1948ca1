/* heap/body.h: what a heap is made of, and the arithmetic between bytes, pointers and units. For
 * the files of buddy/heap, and for buddy/snapshot, which saves and restores all of it.
 *
 *     region    [ unit 0 | unit 1 | …                                ]   mapped, or the caller's
 *     metadata  [ struct buddy_heap | core | marks, 2 bits a unit | stocks ]   a table of its own
 *
 * Of both only what belongs to units in play is open, so that a heap made for far more costs no
 * more, also where a program locks its memory.
 *
 *     blocks.c  taking blocks and giving them back
 *        │
 *     heap.c    making a heap, growing it, looking at it
 *        │
 *     marks.c   which blocks are live */
#ifndef BUDDY_HEAP_BODY_H
#define BUDDY_HEAP_BODY_H

#include "buddy/core/words.h"
#include "buddy/heap.h"
#include "buddy/heap/marks.h"
#include "buddy/heap/place.h"
#include "buddy/system/region.h"

struct buddy_heap {
    /* fixed at create; what every call looks at comes first, in one cache line */
    _Alignas(64) unsigned char *base;
    /* from the base: in play; 0 in a heap that is read only: no free gets past it. Written by the
     * thread that grows the heap. relaxed: it only grows, and who was given a block was given it
     * later */
    _Atomic size_t changing_bytes;
    buddy_magazine *stocks;
    marks marks;
    uint32_t unit_shift;
    uint32_t group_shift; /* of the bytes that a byte of marks stands for … */
    size_t group_mask;    /* … all below which is inside */
    bool alone;           /* no checks: see marks_clear */
    bool mapped;          /* the region is ours, and opened as it comes into play */
    bool watched;         /* desc.fault or desc.track: see heap/watch.h */
    size_t max_bytes;
    size_t base_alignment; /* the largest power of two that base is a multiple of */
    region_table metadata; /* this struct is in it */
    size_t stocks_bytes;   /* of which the stocks may use */
    heap_place place;
    buddy *core;
    buddy_heap_desc desc; /* in effect */
    /* of a heap that came from a file, else NULL; forgotten when the heap goes */
    struct snapshot *snapshot;
    void (*forget_snapshot)(struct snapshot *s);
    /* written by the thread that grows the heap, all others kept out; to others a figure */
    _Alignas(64) _Atomic uint32_t units_in_play;
    /* written by any thread, seldom. At rest: live units, as the stocks count them, + units free in
     * the core + units in stocks + units taken through the core directly == units_in_play */
    _Atomic uint64_t refused, errors;
};

/* The units for `bytes`, 0 counting as 1; more than h->marks.units when there are not so many. */
static inline uint64_t heap_units_for(const buddy_heap *h, size_t bytes)
{
    return ((bytes - (bytes != 0)) >> h->unit_shift) + (uint64_t)1;
}

/* The order of the block for `bytes`; BUDDY_ORDERS when there is none so large. */
static inline uint32_t heap_order_for(const buddy_heap *h, size_t bytes)
{
    uint64_t last = heap_units_for(h, bytes) - 1; /* unit of the last byte */
    return last < h->marks.units ? word_highest(2 * last + 1) : BUDDY_ORDERS;
}

/* Whether the unit is, or has been, in play: of others there are no marks. */
static inline bool heap_is_in_play(const buddy_heap *h, uint32_t offset)
{
    /* relaxed: as changing_bytes */
    return offset < atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
}

/* Bytes from the base that are in play, of a heap that is not read only. */
static inline size_t heap_bytes_in_play(const buddy_heap *h)
{
    return atomic_load_explicit(&h->changing_bytes, memory_order_relaxed); /* relaxed: see there */
}

static inline size_t heap_distance(const buddy_heap *h, const void *pointer)
{
    return (size_t)((uintptr_t)pointer - (uintptr_t)h->base);
}

static inline void *heap_address(const buddy_heap *h, uint32_t offset)
{
    return h->base + ((size_t)offset << h->unit_shift);
}

#endif
