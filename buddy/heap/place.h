/* heap/place.h: a heap in addresses that another part of buddy/ has reserved for it: slabs grow in
 * such, and a snapshot is opened at the address where it was saved. Private to buddy/. */
#ifndef BUDDY_HEAP_PLACE_H
#define BUDDY_HEAP_PLACE_H

#include "buddy/heap.h"

/* Addresses for a heap: max_bytes of them, from region_reserve or region_place; of the latter a
 * unit is a multiple of the page. */
typedef struct heap_place {
    void *memory; /* the heap's once it is made; NULL: where buddy_heap_create would have it */
    bool shut;    /* create leaves them shut: the caller opens what is in play */
    bool bare;    /* from region_place: nothing is mapped beyond what is in play */
    /* Called before the first `bytes` are in play, by the thread that creates or grows the heap,
     * all others kept out: makes room for them in tables of the caller's, or says that there is
     * none. NULL: there are no such tables. */
    bool (*follow)(void *context, size_t bytes);
    void *follow_context;
} heap_place;

/* As buddy_heap_create, in a place. One thread. */
buddy_heap *heap_create_in(const buddy_heap_desc *desc, const heap_place *place);

#endif
