/* slab/blocks.c: what is larger than an object: a block that was freed and kept, one of the ranges,
 * or one that is mapped by itself. */
#include "buddy/slab/private.h"

/* ---- taking ---- */

/* A block of just these bytes that the thread keeps; NULL: it keeps none. */
static void *take_kept(slab_cache *cache, size_t bytes)
{
    buddy_slab_object **list = slab_kept_list(cache, bytes);
    if (list == NULL || *list == NULL) {
        return NULL;
    }
    buddy_slab_object *block = *list;
    *list = block->next;
    block->seal = 0;
    cache->kept_bytes -= bytes;
    return block;
}

/* A block of just these bytes that was freed and kept; NULL: there is none. */
static void *take_freed(buddy_slabs *s, slab_cache *cache, size_t bytes)
{
    return bytes > SLAB_BLOCK_MOST ? slab_take_large(s, bytes) : take_kept(cache, bytes);
}

/* From what the thread keeps, or from the buddy. */
static void *alloc_unmapped(buddy_slabs *s, slab_cache *cache, const slab_wish *wish, bool *zeroed)
{
    slab_wish w = *wish;
    w.bytes = w.bytes <= SLAB_BLOCK_MOST ? slab_class_bytes(buddy_slabs_class(w.bytes)) : w.bytes;
    *zeroed = false;
    bool plain = w.alignment <= SLAB_UNIT_BYTES && cache != NULL;
    void *at = plain ? take_freed(s, cache, w.bytes) : NULL;
    return at != NULL ? at : slab_pages_alloc(s, &w, zeroed);
}

/* From where such a size is best had, or else from where it can be had. */
static void *alloc_anywhere(buddy_slabs *s, slab_cache *cache, const slab_wish *wish, bool *zeroed)
{
    /* relaxed: a threshold */
    bool small = wish->bytes <= atomic_load_explicit(&s->map_bytes, memory_order_relaxed) &&
                 wish->alignment <= SLAB_MAP_MOST;
    void *at = small ? alloc_unmapped(s, cache, wish, zeroed) : NULL;
    if (at == NULL) {
        *zeroed = true;
        at = slab_mapped_alloc(&s->mapped, wish->alignment, wish->bytes);
    }
    if (at == NULL && !small) { /* all addresses may be in ranges by now */
        at = alloc_unmapped(s, cache, wish, zeroed);
    }
    return at;
}

void *slab_block_alloc(buddy_slabs *s, slab_cache *cache, const slab_wish *wish, bool *zeroed)
{
    void *at = alloc_anywhere(s, cache, wish, zeroed);
    if (at == NULL && slab_fits(&s->ranges[0], wish)) {
        slab_yield(s, cache);
        at = alloc_anywhere(s, cache, wish, zeroed);
    }
    return at;
}

/* ---- giving back ---- */

/* A mapped block was freed. A program that frees such sizes asks for them again, and is better
 * served from the buddy, whose pages stay. */
static void learn(buddy_slabs *s, size_t bytes)
{
    /* relaxed: a threshold; of two who learn at once either will do */
    if (s->desc.map_bytes == 0 && bytes <= SLAB_MAP_MOST &&
        bytes > atomic_load_explicit(&s->map_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&s->map_bytes, bytes, memory_order_relaxed);
    }
}

/* Keeps a live block of `bytes` for the thread's next. False: it is to be given back. */
static bool keep(slab_cache *cache, buddy_slab_object *block, size_t bytes)
{
    buddy_slab_object **list = slab_kept_list(cache, bytes);
    if (list == NULL) {
        return false;
    }
    slab_make_kept_room(cache, bytes);
    block->next = *list;
    block->seal = buddy_slab_seal(cache->front.secret, block);
    *list = block;
    cache->kept_bytes += bytes;
    return true;
}

buddy_heap_status slab_block_free(buddy_slabs *s, slab_cache *cache, const slab_range *range,
                                  void *pointer)
{
    if (range == NULL) {
        size_t bytes = slab_mapped_free(&s->mapped, pointer);
        learn(s, bytes);
        return bytes != 0 ? BUDDY_HEAP_OK : BUDDY_HEAP_FOREIGN;
    }
    size_t bytes = buddy_heap_usable_size(range->heap, pointer);
    buddy_slab_object *block = pointer;
    if (bytes != 0 && block->seal == buddy_slab_seal(s->secret, block)) {
        return BUDDY_HEAP_DOUBLE_FREE; /* some thread keeps it */
    }
    if (bytes > SLAB_BLOCK_MOST && cache != NULL) {
        slab_keep_large(s, block, bytes);
        return BUDDY_HEAP_OK;
    }
    return keep(cache, block, bytes) ? BUDDY_HEAP_OK : slab_pages_free(s, range, pointer);
}
