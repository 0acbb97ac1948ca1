/* slab/cache.c: a thread's slabs. A slab of a cache is in one of these states:
 *
 *     current   its class is served from it; one a class. Stays so when it is empty
 *     listed    in the list of its class: may have free objects, and has taken ones
 *     parked    all objects are taken: see slab/remote.c
 *
 *                 the class needs one             no object is left
 *     new slab ───────────────────────▶ current ────────────────────▶ parked
 *                                          ▲                            │
 *                    the next of its class │                            │ an object comes back
 *                                        listed ◀───────────────────────┘
 *                                          │ the last object comes back, or a sweep
 *                                          ▼
 *                                   released to the buddy
 *
 * All of this belongs to the owning thread alone; when that has ended, to the thread that holds
 * s->lock. */
#include "buddy/slab/private.h"

#define CARVE_BYTES 4096u /* objects are made a page at a time: memory beyond is not touched */

void slab_cache_init(slab_cache *cache, buddy_slabs *s)
{
    const slab_range *range = &s->ranges[0];
    *cache = (slab_cache){.front = buddy_slabs_no_cache, .of = s};
    cache->front.base = range->base;
    cache->front.bytes = heap_bytes_in_play(range->heap);
    cache->front.slabs = range->slabs;
    cache->front.secret = s->secret;
}

/* ---- lists ---- */

static void list_append(slab_list *list, buddy_slab *slab)
{
    slab->previous = list->last;
    slab->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = slab;
    list->last = slab;
}

static void list_remove(slab_list *list, buddy_slab *slab)
{
    *(slab->previous != NULL ? &slab->previous->next : &list->first) = slab->next;
    *(slab->next != NULL ? &slab->next->previous : &list->last) = slab->previous;
    slab->next = slab->previous = NULL;
}

/* ---- a slab's begin and end ---- */

/* Makes objects out of the next page of the slab. False: all of it has been made. */
static bool carve(buddy_slab *slab, uintptr_t start, uintptr_t secret)
{
    uint32_t size = slab->object_bytes, whole = size * slab->capacity;
    uint32_t count = CARVE_BYTES / size;
    count = count != 0 ? count : 1;
    uint32_t left = (whole - slab->end) / size;
    count = count < left ? count : left;
    if (count == 0) {
        return false;
    }
    /* From the last to the first, so that they are handed out in ascending order. */
    for (uint32_t i = count; i-- > 0;) {
        uintptr_t at = start + slab->end + (size_t)i * size;
        buddy_slab_object *object = (buddy_slab_object *)at; // NOLINT(performance-no-int-to-ptr)
        object->next = slab->free;
        object->seal = buddy_slab_seal(secret, object);
        slab->free = object;
    }
    slab->end += count * size;
    return true;
}

/* Describes a new slab, and its other chunks. */
static void begin(slab_cache *cache, buddy_slab *slab, uint32_t class)
{
    uint32_t size = slab_class_bytes(class), chunks = slab_chunks(size);
    slab->object_bytes = size;
    slab->divide = (uint32_t)(((UINT64_C(1) << 32) + size - 1) / size);
    slab->capacity = chunks * BUDDY_SLABS_CHUNK_BYTES / size;
    __atomic_store_n(&slab->size_class, class, __ATOMIC_RELAXED); /* relaxed: as below */
    slab->free = NULL;
    slab->end = 0;
    slab->next = slab->previous = NULL;
    slab_set_is_current(slab, false);
    slab->parked = false;
    buddy_slab_set_used(slab, 0);
    /* relaxed: no thread has an object of it yet; one that gets an object is told by its giver */
    __atomic_store_n(&slab->remote, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slab->owner, &cache->front, __ATOMIC_RELAXED);
    slab_set_local(slab, cache);
    for (uint32_t i = 0; i < chunks; i++) {
        __atomic_store_n(&slab[i].kind, SLAB_FIRST + i, __ATOMIC_RELAXED);
    }
    cache->slab_count++;
}

buddy_slab *slab_cache_make(slab_cache *cache, uint32_t class)
{
    const slab_range *range;
    void *memory = slab_chunks_alloc(cache->of, slab_chunks(slab_class_bytes(class)), &range);
    if (memory == NULL) {
        return NULL;
    }
    size_t chunk = ((uintptr_t)memory - range->base) >> BUDDY_SLABS_CHUNK_SHIFT;
    begin(cache, &range->slabs[chunk], class);
    return &range->slabs[chunk];
}

/* To the buddy. The slab is empty and in no list. */
static void release(buddy_slabs *s, buddy_slab *slab)
{
    const slab_range *range = slab_range_with(s, slab);
    uintptr_t start = slab_start(range, slab);
    uint32_t chunks = slab_chunks(slab->object_bytes);
    slab_owner(slab)->slab_count--;
    slab_set_local(slab, NULL);
    for (uint32_t i = 0; i < chunks; i++) {
        /* relaxed: no thread has an object of it */
        __atomic_store_n(&slab[i].kind, SLAB_NONE, __ATOMIC_RELAXED);
    }
    slab_chunks_free(s, range, start, (size_t)chunks * BUDDY_SLABS_CHUNK_BYTES);
}

/* A slab that is in no list goes where it belongs. */
static void settle(slab_cache *cache, buddy_slab *slab)
{
    if (buddy_slab_used(slab) == 0) {
        release(cache->of, slab);
    } else {
        list_append(&cache->lists[slab_class(slab)], slab);
    }
}

/* ---- the current slab ---- */

/* Sizes in steps of 16 that a class serves: (that of the class before it, its own]. */
static void set_direct(buddy_slabs_cache *front, uint32_t class, buddy_slab *slab)
{
    uint32_t from = class == 0 ? 0 : slab_class_bytes(class - 1) / 16 + 1;
    uint32_t to = slab_class_bytes(class) / 16;
    for (uint32_t i = from; i <= to && i < BUDDY_SLABS_DIRECT; i++) {
        front->direct[i] = slab;
    }
    front->current[class] = slab;
}

/* The class has no current slab any more; returns the one it had, in no list, or NULL. */
static buddy_slab *unset_current(slab_cache *cache, uint32_t class)
{
    buddy_slab *slab = cache->front.current[class];
    if (slab == &slab_none) {
        return NULL;
    }
    set_direct(&cache->front, class, &slab_none);
    slab_set_is_current(slab, false);
    buddy_slab_set_used(slab, buddy_slab_used(slab) - 1);
    return slab;
}

/* Whether the slab has a free object now, or after a look at what is easily had. */
static bool has_object(const buddy_slabs *s, buddy_slab *slab)
{
    if (slab->free == NULL) {
        slab_collect(slab);
    }
    return slab->free != NULL || carve(slab, slab_start(slab_range_with(s, slab), slab), s->secret);
}

bool slab_cache_set_aside(slab_cache *cache, uint32_t class)
{
    buddy_slab *slab = cache->front.current[class];
    if (slab == &slab_none) {
        return true;
    }
    if (has_object(cache->of, slab) || !slab_park(slab)) {
        return false;
    }
    (void)unset_current(cache, class);
    return true;
}

/* What has no object any more is parked. */
buddy_slab *slab_cache_next(slab_cache *cache, uint32_t class)
{
    slab_list *list = &cache->lists[class];
    while (list->first != NULL) {
        buddy_slab *slab = list->first;
        list_remove(list, slab);
        if (has_object(cache->of, slab) || !slab_park(slab)) {
            return slab;
        }
    }
    return NULL;
}

bool slab_cache_use(slab_cache *cache, buddy_slab *slab)
{
    slab_set_is_current(slab, true);
    buddy_slab_set_used(slab, buddy_slab_used(slab) + 1);
    set_direct(&cache->front, slab_class(slab), slab);
    return has_object(cache->of, slab);
}

/* ---- what comes back ---- */

void slab_cache_receive(slab_cache *cache)
{
    buddy_slab *slab = slab_returned(cache);
    while (slab != NULL) {
        buddy_slab *next = slab->returned_next;
        slab_leave_park(cache, slab);
        settle(cache, slab);
        slab = next;
    }
}

buddy_heap_status slab_cache_give(slab_cache *cache, buddy_slab *slab, buddy_slab_object *object)
{
    uintptr_t seal = buddy_slab_seal(cache->front.secret, object);
    if (object->seal == seal) {
        return BUDDY_HEAP_DOUBLE_FREE;
    }
    object->next = slab->free;
    object->seal = seal;
    slab->free = object;
    buddy_slab_set_used(slab, buddy_slab_used(slab) - 1);
    if (slab->parked) {
        if (slab_unpark(cache, slab)) {
            settle(cache, slab);
        }
    } else if (buddy_slab_used(slab) == 0) { /* and so it is not current */
        list_remove(&cache->lists[slab_class(slab)], slab);
        release(cache->of, slab);
    }
    return BUDDY_HEAP_OK;
}

/* ---- sweeping ---- */

/* Gives the empty slabs of a class back; those that others emptied are looked at too. */
static void sweep_list(slab_cache *cache, uint32_t class)
{
    slab_list old = cache->lists[class];
    cache->lists[class] = (slab_list){0};
    while (old.first != NULL) {
        buddy_slab *slab = old.first;
        list_remove(&old, slab);
        slab_collect(slab);
        settle(cache, slab);
    }
}

void slab_cache_sweep(slab_cache *cache)
{
    slab_drop_kept(cache);
    slab_cache_receive(cache);
    for (uint32_t class = 0; class < BUDDY_SLABS_CLASSES; class ++) {
        buddy_slab *slab = unset_current(cache, class);
        if (slab != NULL) {
            slab_collect(slab);
            settle(cache, slab);
        }
        sweep_list(cache, class);
    }
}
