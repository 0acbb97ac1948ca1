/* slab/inspect.c: figures, and the check. */
#include "buddy/slab/private.h"

/* ---- figures ---- */

/* relaxed, all of them: figures */

static void add_head(buddy_slabs_stats *out, const slab_head *head)
{
    uint32_t live = atomic_load_explicit(&head->used, memory_order_relaxed) - slab_is_current(head);
    uint32_t size = slab_class_bytes(slab_class(head));
    out->object_count += live;
    out->object_bytes += (size_t)live * size;
    out->slab_bytes += (size_t)slab_chunks(size) * SLAB_CHUNK_BYTES;
    out->slab_count++;
}

/* Chunks that are or have been in play: heads beyond have never been touched. */
static size_t chunks_in_play(const slab_range *range)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(range->heap, &stats);
    return (stats.capacity_bytes + SLAB_CHUNK_BYTES - 1) >> SLAB_CHUNK_SHIFT;
}

static void add_range(buddy_slabs_stats *out, const slab_range *range)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(range->heap, &stats);
    out->capacity_bytes += stats.capacity_bytes;
    out->free_bytes += (size_t)stats.core.free_units * SLAB_UNIT_BYTES;
    out->block_bytes += stats.live_bytes;
    size_t chunks = chunks_in_play(range);
    for (size_t i = 0; i < chunks; i++) {
        const slab_head *head = &range->heads[i];
        if (atomic_load_explicit(&head->kind, memory_order_relaxed) == SLAB_FIRST) {
            add_head(out, head);
        }
    }
}

static void add_caches(buddy_slabs *s, buddy_slabs_stats *out)
{
    at_work_lock(&s->lock);
    for (const slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
        out->cache_count += cache->thread != NULL;
        out->orphan_count += cache->thread == NULL;
    }
    at_work_unlock(&s->lock);
}

void buddy_slabs_get_stats(buddy_slabs *s, buddy_slabs_stats *out)
{
    *out = (buddy_slabs_stats){.range_count = slab_range_count(s)};
    for (uint32_t i = 0; i < out->range_count; i++) {
        add_range(out, &s->ranges[i]);
    }
    /* Slabs are blocks of the heaps. While others are at work one may be counted as only one. */
    out->block_bytes -= out->slab_bytes < out->block_bytes ? out->slab_bytes : out->block_bytes;
    add_caches(s, out);
    at_work_lock(&s->mapped.lock);
    out->mapped_count = s->mapped.count;
    out->mapped_bytes = s->mapped.bytes;
    at_work_unlock(&s->mapped.lock);
    out->discarded_bytes = atomic_load_explicit(&s->discarded_bytes, memory_order_relaxed);
    out->errors = atomic_load_explicit(&s->errors, memory_order_relaxed);
}

/* ---- check ---- */

/* The length of a list of objects of a slab; more than its capacity where it makes no sense. */
static uint32_t count_list(const buddy_slabs *s, const slab_range *range, const slab_head *head,
                           const slab_object *object)
{
    uint32_t count = 0;
    uintptr_t start = slab_start(range, head);
    for (; object != NULL && count <= head->capacity; object = object->next) {
        if (!slab_is_object(range, head, object) || (uintptr_t)object - start >= head->end ||
            object->seal != slab_seal_of(s->secret, object)) {
            return UINT32_MAX;
        }
        count++;
    }
    return count;
}

static const char *check_objects(const buddy_slabs *s, const slab_range *range,
                                 const slab_head *head)
{
    uint32_t carved = head->end / head->object_bytes;
    uint32_t used = slab_used(head) - slab_is_current(head);
    uint32_t free = count_list(s, range, head, head->free);
    if (free > head->capacity) {
        return "a free object lies outside its slab, or has been written to";
    }
    if (carved > head->capacity || head->end % head->object_bytes != 0 || free + used != carved) {
        return "a slab's objects are not all free or taken";
    }
    uintptr_t remote = atomic_load_explicit(&head->remote, memory_order_relaxed); /* at rest */
    if (remote == SLAB_PARKED) {
        return head->parked ? NULL : "a slab is parked that its owner has in use";
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    return count_list(s, range, head, (const slab_object *)remote) <= used
               ? NULL
               : "a slab got more objects back than were taken";
}

static bool is_listed(const slab_cache *owner, const slab_head *head)
{
    const slab_head *at = owner->lists[slab_class(head)].first;
    while (at != NULL && at != head) {
        at = at->next;
    }
    return at == head;
}

static const char *check_head(const buddy_slabs *s, const slab_range *range, const slab_head *head)
{
    /* relaxed: at rest */
    const slab_cache *owner = atomic_load_explicit(&head->owner, memory_order_relaxed);
    if (slab_class(head) >= SLAB_CLASSES ||
        head->object_bytes != slab_class_bytes(slab_class(head))) {
        return "a slab has an impossible class";
    }
    for (uint32_t i = 0; i < slab_chunks(head->object_bytes); i++) {
        if (atomic_load_explicit(&head[i].kind, memory_order_relaxed) != SLAB_FIRST + i) {
            return "a slab of several chunks is not whole";
        }
    }
    if (slab_local(head) != (head->parked ? NULL : owner)) {
        return "a slab's owner is not who may use it";
    }
    if (slab_is_current(head) != (owner->current[slab_class(head)] == head)) {
        return "a slab is current on one side only";
    }
    if (slab_is_current(head) + head->parked + (uint32_t)is_listed(owner, head) != 1) {
        return "a slab is not in just one of its places";
    }
    return check_objects(s, range, head);
}

static const char *check_range(const buddy_slabs *s, const slab_range *range, size_t *slab_count)
{
    const char *fault = buddy_heap_check(range->heap);
    size_t chunks = chunks_in_play(range);
    for (size_t i = 0; i < chunks && fault == NULL; i++) {
        const slab_head *head = &range->heads[i];
        /* relaxed: at rest */
        if (atomic_load_explicit(&head->kind, memory_order_relaxed) == SLAB_FIRST) {
            fault = check_head(s, range, head);
            (*slab_count)++;
        }
    }
    return fault;
}

const char *buddy_slabs_check(buddy_slabs *s)
{
    size_t found = 0, owned = 0;
    at_work_begin();
    const char *fault = slab_mapped_check(&s->mapped);
    at_work_end();
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count && fault == NULL; i++) {
        fault = check_range(s, &s->ranges[i], &found);
    }
    at_work_lock(&s->lock);
    for (const slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
        owned += cache->slabs;
    }
    at_work_unlock(&s->lock);
    return fault == NULL && found != owned ? "slabs are lost, or owned twice" : fault;
}
