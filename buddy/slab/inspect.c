/* slab/inspect.c: figures, and the check. */
#include "buddy/slab/private.h"

/* ---- figures ---- */

/* relaxed, all of them: figures */

static void add_slab(buddy_slabs_stats *out, const buddy_slab *slab)
{
    uint32_t live = buddy_slab_used(slab) - slab_is_current(slab);
    uint32_t size = slab_class_bytes(slab_class(slab));
    out->object_count += live;
    out->object_bytes += (size_t)live * size;
    out->slab_bytes += (size_t)slab_chunks(size) * BUDDY_SLABS_CHUNK_BYTES;
    out->slab_count++;
}

/* Chunks that are or have been in play: slabs beyond have never been touched. */
static size_t chunks_in_play(const slab_range *range)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(range->heap, &stats);
    return (stats.capacity_bytes + BUDDY_SLABS_CHUNK_BYTES - 1) >> BUDDY_SLABS_CHUNK_SHIFT;
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
        const buddy_slab *slab = &range->slabs[i];
        if (slab_kind(slab) == SLAB_FIRST) {
            add_slab(out, slab);
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
static uint32_t count_list(const buddy_slabs *s, const slab_range *range, const buddy_slab *slab,
                           const buddy_slab_object *object)
{
    uint32_t count = 0;
    uintptr_t start = slab_start(range, slab);
    for (; object != NULL && count <= slab->capacity; object = object->next) {
        if (!slab_is_object(range, slab, object) || (uintptr_t)object - start >= slab->end ||
            object->seal != buddy_slab_seal(s->secret, object)) {
            return UINT32_MAX;
        }
        count++;
    }
    return count;
}

static const char *check_objects(const buddy_slabs *s, const slab_range *range,
                                 const buddy_slab *slab)
{
    uint32_t carved = slab->end / slab->object_bytes;
    uint32_t used = buddy_slab_used(slab) - slab_is_current(slab);
    uint32_t free = count_list(s, range, slab, slab->free);
    if (free > slab->capacity) {
        return "a free object lies outside its slab, or has been written to";
    }
    if (carved > slab->capacity || slab->end % slab->object_bytes != 0 || free + used != carved) {
        return "a slab's objects are not all free or taken";
    }
    uintptr_t remote = __atomic_load_n(&slab->remote, __ATOMIC_RELAXED); /* at rest */
    if (remote == SLAB_PARKED) {
        return slab->parked ? NULL : "a slab is parked that its owner has in use";
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    return count_list(s, range, slab, (const buddy_slab_object *)remote) <= used
               ? NULL
               : "a slab got more objects back than were taken";
}

static bool is_listed(const slab_cache *owner, const buddy_slab *slab)
{
    const buddy_slab *at = owner->lists[slab_class(slab)].first;
    while (at != NULL && at != slab) {
        at = at->next;
    }
    return at == slab;
}

static const char *check_slab(const buddy_slabs *s, const slab_range *range, const buddy_slab *slab)
{
    const slab_cache *owner = slab_owner(slab);
    if (slab_class(slab) >= BUDDY_SLABS_CLASSES ||
        slab->object_bytes != slab_class_bytes(slab_class(slab))) {
        return "a slab has an impossible class";
    }
    for (uint32_t i = 0; i < slab_chunks(slab->object_bytes); i++) {
        if (slab_kind(&slab[i]) != SLAB_FIRST + i) {
            return "a slab of several chunks is not whole";
        }
    }
    /* relaxed: at rest */
    if (__atomic_load_n(&slab->local, __ATOMIC_RELAXED) != (slab->parked ? NULL : &owner->front)) {
        return "a slab's owner is not who may use it";
    }
    if (slab_is_current(slab) != (owner->front.current[slab_class(slab)] == slab)) {
        return "a slab is current on one side only";
    }
    if (slab_is_current(slab) + slab->parked + (uint32_t)is_listed(owner, slab) != 1) {
        return "a slab is not in just one of its places";
    }
    return check_objects(s, range, slab);
}

static const char *check_range(const buddy_slabs *s, const slab_range *range, size_t *slab_count)
{
    const char *fault = buddy_heap_check(range->heap);
    size_t chunks = chunks_in_play(range);
    for (size_t i = 0; i < chunks && fault == NULL; i++) {
        const buddy_slab *slab = &range->slabs[i];
        if (slab_kind(slab) == SLAB_FIRST) {
            fault = check_slab(s, range, slab);
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
        owned += cache->slab_count;
    }
    at_work_unlock(&s->lock);
    return fault == NULL && found != owned ? "slabs are lost, or owned twice" : fault;
}
