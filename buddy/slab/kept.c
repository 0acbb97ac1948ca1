/* slab/kept.c: freed blocks that a thread keeps for its next requests, up to SLAB_KEPT_BYTES:
 *
 *     kept   [ 36 KiB: o -> o | 40 KiB: - | … | 128 KiB: o ]   a list a class
 *
 * A block that is kept is live for the buddy; its seal says that it is free. */
#include "buddy/slab/private.h"

static void drop_list(slab_cache *cache, buddy_slab_object **list)
{
    while (*list != NULL) {
        buddy_slab_object *block = *list;
        const slab_range *range = slab_range_of(cache->of, block);
        cache->kept_bytes -= buddy_heap_usable_size(range->heap, block);
        *list = block->next;
        (void)slab_pages_free(cache->of, range, block);
    }
}

void slab_drop_kept(slab_cache *cache)
{
    for (uint32_t i = 0; i < SLAB_BLOCK_CLASSES; i++) {
        drop_list(cache, &cache->kept[i]);
    }
}

/* One size after the other, in turn: those are needed least that have not been asked for since it
 * was their turn last. */
void slab_make_kept_room(slab_cache *cache, size_t bytes)
{
    while (cache->kept_bytes + bytes > SLAB_KEPT_BYTES) {
        drop_list(cache, &cache->kept[cache->kept_turn]);
        cache->kept_turn = (cache->kept_turn + 1) % SLAB_BLOCK_CLASSES;
    }
}
