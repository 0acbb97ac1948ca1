/* heap/watch.h: what a heap asks and tells when it is watched: desc.fault whether a request is to
 * fail, desc.track of each block. Private to buddy/; any thread.
 *
 * A heap that is not watched looks at one flag, in the cache line that each call reads anyway. */
#ifndef BUDDY_HEAP_WATCH_H
#define BUDDY_HEAP_WATCH_H

#include "buddy/fault.h"
#include "buddy/heap/body.h"
#include "buddy/track.h"

/* Whoever called the function that this stands in. */
#define HEAP_SITE __builtin_return_address(0)

/* Whether a request is to fail. */
static inline bool heap_is_struck(const buddy_heap *h, size_t bytes, const void *site)
{
    return h->watched && buddy_fault_strikes(h->desc.fault, bytes, site);
}

/* Tells of a block that was handed out, or of none (NULL). Returns it. */
static inline void *heap_tell(const buddy_heap *h, void *block, size_t bytes, const void *site)
{
    if (h->watched) {
        buddy_track_alloc(h->desc.track, block, bytes, site);
    }
    return block;
}

#endif
