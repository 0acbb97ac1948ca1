/* slab/objects.c: what the fast paths of slabs.h leave: the thread has no cache yet, its current
 * slab is out of objects, the object is another thread's, the request is no object at all. */
#include "buddy/slab/private.h"

#include <inttypes.h>
#include <stdio.h>

#define ERROR_LINE 160u

/* ---- taking ---- */

/* A new slab. Before the answer is no, what is kept for later goes. */
static buddy_slab *make_strictly(slab_cache *cache, uint32_t class)
{
    buddy_slab *slab = slab_cache_make(cache, class);
    if (slab == NULL) {
        slab_yield(cache->of, cache);
        slab = slab_cache_make(cache, class);
    }
    return slab;
}

/* Sees to it that the class has a current slab with an object. False without memory. */
static bool refill(slab_cache *cache, uint32_t class)
{
    if (!slab_cache_set_aside(cache, class)) {
        return true;
    }
    slab_cache_receive(cache);
    buddy_slab *slab = slab_cache_next(cache, class);
    if (slab == NULL) {
        slab_send_all(cache); /* threads that lack these would else take new memory too */
        slab = slab_adopt(cache, class);
    }
    slab = slab != NULL ? slab : make_strictly(cache, class);
    return slab != NULL && slab_cache_use(cache, slab);
}

static void *alloc_object(slab_cache *cache, size_t bytes)
{
    uint32_t class = buddy_slabs_class(bytes);
    if (cache->front.current[class]->free == NULL && !refill(cache, class)) {
        return NULL;
    }
    return buddy_slab_pop(cache->front.current[class]);
}

void *buddy_slabs_alloc_slowly(buddy_slabs *s, size_t bytes)
{
    bool zeroed;
    slab_cache *cache = slab_cache_here(s);
    cache =
        cache != NULL ? cache : slab_claim(s); /* before we are at work: it may ask for memory */
    if (cache == NULL) {
        return NULL;
    }
    at_work_begin();
    void *at = bytes <= BUDDY_SLABS_OBJECT_MOST
                   ? alloc_object(cache, bytes)
                   : slab_block_alloc(s, cache, &(slab_wish){16, bytes}, &zeroed);
    at_work_end();
    return at;
}

/* ---- giving back ---- */

buddy_heap_status slab_complain(buddy_slabs *s, const char *what, const void *pointer,
                                buddy_heap_status status)
{
    atomic_fetch_add_explicit(&s->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    if (s->desc.on_error != NULL) {
        char line[ERROR_LINE];
        (void)snprintf(line, sizeof line, "%s of 0x%" PRIxPTR ": %s", what, (uintptr_t)pointer,
                       buddy_heap_status_text(status));
        s->desc.on_error(s->desc.on_error_context, line);
    }
    return status;
}

static buddy_heap_status give_object(buddy_slabs *s, slab_cache *cache, buddy_slab *slab,
                                     void *pointer)
{
    if (slab_owner(slab) != cache) {
        return slab_give_remote(cache, slab, pointer, s->secret);
    }
    const slab_range *range = slab_range_of(s, pointer);
    if ((uintptr_t)pointer - slab_start(range, slab) >= slab->end) {
        return BUDDY_HEAP_DOUBLE_FREE; /* it has never been handed out */
    }
    return slab_cache_give(cache, slab, pointer);
}

/* The first range may have grown: then the fast path can give back what lies there. */
static void learn_bytes(slab_cache *cache)
{
    if (cache != NULL) {
        cache->front.bytes = heap_bytes_in_play(cache->of->ranges[0].heap);
    }
}

static buddy_heap_status give(buddy_slabs *s, slab_cache *cache, void *pointer)
{
    learn_bytes(cache);
    const slab_range *range = slab_range_of(s, pointer);
    buddy_slab *slab = range != NULL ? slab_of(range, pointer) : NULL;
    if (slab == NULL) {
        return slab_block_free(s, cache, range, pointer);
    }
    return slab_is_object(range, slab, pointer) ? give_object(s, cache, slab, pointer)
                                                : BUDDY_HEAP_INTERIOR;
}

buddy_heap_status buddy_slabs_free_slowly(buddy_slabs *s, void *pointer)
{
    slab_cache *cache = slab_cache_here(s);
    if (pointer == NULL) {
        return BUDDY_HEAP_OK;
    }
    cache = cache != NULL ? cache : slab_claim_to_free(s);
    at_work_begin();
    buddy_heap_status status = give(s, cache, pointer);
    at_work_end(); /* before it is told: who hears of it may want memory */
    return status == BUDDY_HEAP_OK ? BUDDY_HEAP_OK : slab_complain(s, "free", pointer, status);
}
