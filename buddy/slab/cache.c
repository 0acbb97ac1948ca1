/* slab/cache.c: a thread's slabs. A slab of a cache is in one of these states:
 *
 *     current   what its class is served from; one a class. Stays when it is empty
 *     listed    in the list of its class: may have free objects, and has taken ones
 *     parked    all objects taken: see slab/remote.c
 *
 * All of this is the owning thread's alone, or who holds the lock while the thread is gone. */
#include "buddy/slab/private.h"

#include <string.h>

#define CARVE_BYTES 4096u /* objects are made a page at a time: memory beyond is not touched */

/* What a class without a slab is served from: nothing. Never written to. */
static slab_head nothing;

#define NOTHING_4  &nothing, &nothing, &nothing, &nothing
#define NOTHING_16 NOTHING_4, NOTHING_4, NOTHING_4, NOTHING_4
#define NOTHING_64 NOTHING_16, NOTHING_16, NOTHING_16, NOTHING_16

slab_cache slab_nobody = {
    .direct = {NOTHING_64, &nothing},
    .current = {NOTHING_64, NOTHING_4, NOTHING_4},
};

_Static_assert(SLAB_DIRECT == 65 && SLAB_CLASSES == 72, "slab_nobody has as many");

void slab_cache_init(slab_cache *cache, buddy_slabs *s)
{
    *cache = slab_nobody;
    cache->base = s->ranges[0].base;
    cache->bytes = slab_open_bytes(&s->ranges[0]);
    cache->heads = s->ranges[0].heads;
    cache->secret = s->secret;
    cache->of = s;
}

/* ---- lists ---- */

void slab_list_append(slab_list *list, slab_head *head)
{
    head->previous = list->last;
    head->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = head;
    list->last = head;
}

void slab_list_remove(slab_list *list, slab_head *head)
{
    *(head->previous != NULL ? &head->previous->next : &list->first) = head->next;
    *(head->next != NULL ? &head->next->previous : &list->last) = head->previous;
    head->next = head->previous = NULL;
}

/* ---- a slab's life ---- */

/* Makes objects out of the next page of the slab. False: all of it has been made. */
static bool carve(slab_head *head, uintptr_t start, uintptr_t secret)
{
    uint32_t size = head->object_bytes, whole = size * head->capacity;
    uint32_t count = CARVE_BYTES / size;
    count = count != 0 ? count : 1;
    uint32_t left = (whole - head->end) / size;
    count = count < left ? count : left;
    if (count == 0) {
        return false;
    }
    /* From the last to the first, so that they are handed out in ascending order. */
    for (uint32_t i = count; i-- > 0;) {
        uintptr_t at = start + head->end + (size_t)i * size;
        slab_object *object = (slab_object *)at; // NOLINT(performance-no-int-to-ptr)
        object->next = head->free;
        object->seal = slab_seal_of(secret, object);
        head->free = object;
    }
    head->end += count * size;
    return true;
}

/* Writes the heads of a new slab. The first one's `kind` comes last. */
static void begin(slab_cache *cache, slab_head *head, uint32_t class)
{
    uint32_t size = slab_class_bytes(class), chunks = slab_chunks(size);
    head->object_bytes = size;
    head->divide = (uint32_t)(((UINT64_C(1) << 32) + size - 1) / size);
    head->capacity = chunks * SLAB_CHUNK_BYTES / size;
    atomic_store_explicit(&head->class, class, memory_order_relaxed); /* relaxed: as below */
    head->free = NULL;
    head->end = 0;
    head->next = head->previous = NULL;
    slab_set_is_current(head, false);
    head->parked = false;
    slab_set_used(head, 0);
    /* relaxed: nobody has an object of it yet; who gets one is told by its own means */
    atomic_store_explicit(&head->remote, 0, memory_order_relaxed);
    atomic_store_explicit(&head->owner, cache, memory_order_relaxed);
    atomic_store_explicit(&head->local, cache, memory_order_relaxed);
    for (uint32_t i = 0; i < chunks; i++) {
        atomic_store_explicit(&head[i].kind, SLAB_FIRST + i, memory_order_relaxed);
    }
    cache->slabs++;
}

/* A new slab from the buddy; NULL without memory. */
static slab_head *make(slab_cache *cache, uint32_t class)
{
    const slab_range *range;
    void *memory = slab_chunks_alloc(cache->of, slab_chunks(slab_class_bytes(class)), &range);
    if (memory == NULL) {
        return NULL;
    }
    slab_head *head = &range->heads[((uintptr_t)memory - range->base) >> SLAB_CHUNK_SHIFT];
    begin(cache, head, class);
    return head;
}

static const slab_range *range_of_head(buddy_slabs *s, const slab_head *head)
{
    uint32_t count = slab_range_count(s), i = 0;
    while (i + 1 < count && (uintptr_t)head - (uintptr_t)s->ranges[i].heads >=
                                (s->ranges[i].bytes >> SLAB_CHUNK_SHIFT) * sizeof(*head)) {
        i++;
    }
    return &s->ranges[i];
}

void slab_release(buddy_slabs *s, slab_head *head)
{
    const slab_range *range = range_of_head(s, head);
    uintptr_t start = slab_start(range, head);
    uint32_t chunks = slab_chunks(head->object_bytes);
    atomic_load_explicit(&head->owner, memory_order_relaxed)->slabs--; /* relaxed: ourselves */
    /* relaxed: nobody has an object of it */
    atomic_store_explicit(&head->local, NULL, memory_order_relaxed);
    for (uint32_t i = 0; i < chunks; i++) {
        atomic_store_explicit(&head[i].kind, SLAB_NONE, memory_order_relaxed);
    }
    slab_chunks_free(s, range, start, (size_t)chunks * SLAB_CHUNK_BYTES);
}

void slab_settle(slab_cache *cache, slab_head *head)
{
    if (slab_used(head) == 0) {
        slab_release(cache->of, head);
    } else {
        slab_list_append(&cache->lists[slab_class(head)], head);
    }
}

/* ---- the current slab ---- */

/* Sizes in steps of 16 that a class serves: (that of the class before it, its own]. */
static void set_direct(slab_cache *cache, uint32_t class, slab_head *head)
{
    uint32_t from = class == 0 ? 0 : slab_class_bytes(class - 1) / 16 + 1;
    uint32_t to = slab_class_bytes(class) / 16;
    for (uint32_t i = from; i <= to && i < SLAB_DIRECT; i++) {
        cache->direct[i] = head;
    }
    cache->current[class] = head;
}

static void set_current(slab_cache *cache, slab_head *head)
{
    slab_set_is_current(head, true);
    slab_set_used(head, slab_used(head) + 1);
    set_direct(cache, slab_class(head), head);
}

/* The class has no current slab any more; returns the one it had, in no list, or NULL. */
static slab_head *unset_current(slab_cache *cache, uint32_t class)
{
    slab_head *head = cache->current[class];
    if (head == &nothing) {
        return NULL;
    }
    set_direct(cache, class, &nothing);
    slab_set_is_current(head, false);
    slab_set_used(head, slab_used(head) - 1);
    return head;
}

/* Whether the slab has a free object now, or after a look at what is easily had. */
static bool has_object(buddy_slabs *s, slab_head *head)
{
    if (head->free == NULL) {
        slab_collect(head);
    }
    return head->free != NULL || carve(head, slab_start(range_of_head(s, head), head), s->secret);
}

/* The next slab of the class that has objects; what has none is parked. NULL: none has. */
slab_head *slab_next_listed(slab_cache *cache, uint32_t class)
{
    slab_list *list = &cache->lists[class];
    while (list->first != NULL) {
        slab_head *head = list->first;
        slab_list_remove(list, head);
        if (has_object(cache->of, head) || !slab_park(head)) {
            return head;
        }
    }
    return NULL;
}

/* Puts the current slab, which has no object left, aside. False: it has got some meanwhile. */
static bool set_aside(slab_cache *cache, uint32_t class)
{
    slab_head *head = cache->current[class];
    if (head == &nothing) {
        return true;
    }
    if (has_object(cache->of, head) || !slab_park(head)) {
        return false;
    }
    (void)unset_current(cache, class);
    return true;
}

/* As make; before it says no, what is kept for later goes. */
static slab_head *make_strictly(slab_cache *cache, uint32_t class)
{
    slab_head *head = make(cache, class);
    if (head == NULL) {
        slab_yield(cache->of, cache);
        head = make(cache, class);
    }
    return head;
}

/* Sees to it that the class has a current slab with an object. False without memory. */
static bool refill(slab_cache *cache, uint32_t class)
{
    if (!set_aside(cache, class)) {
        return true;
    }
    slab_receive(cache);
    slab_head *head = slab_next_listed(cache, class);
    if (head == NULL) {
        slab_send_all(cache); /* who has waited for these would else take new memory too */
        head = slab_adopt(cache, class);
    }
    head = head != NULL ? head : make_strictly(cache, class);
    if (head == NULL) {
        return false;
    }
    set_current(cache, head);
    return has_object(cache->of, head);
}

static void *alloc(buddy_slabs *s, slab_cache *cache, size_t bytes)
{
    cache = cache != &slab_nobody ? cache : slab_claim(s);
    if (cache == NULL) {
        return NULL;
    }
    if (bytes > BUDDY_SLABS_OBJECT_MOST) {
        bool zeroed;
        return slab_block_alloc(s, cache, &(slab_wish){16, bytes}, &zeroed);
    }
    uint32_t class = slab_class_of(bytes);
    slab_head *head = cache->current[class];
    if (head->free == NULL && !refill(cache, class)) {
        return NULL;
    }
    return slab_pop(cache->current[class]);
}

void *slab_alloc_slowly(buddy_slabs *s, slab_cache *cache, size_t bytes)
{
    at_work_begin();
    void *at = alloc(s, cache, bytes);
    at_work_end();
    return at;
}

/* ---- giving back ---- */

/* What slab_give leaves: a parked slab, one of several chunks, the last object. */
static buddy_heap_status give_own(buddy_slabs *s, slab_cache *cache, slab_head *head,
                                  slab_object *object)
{
    uintptr_t seal = slab_seal_of(s->secret, object);
    if (object->seal == seal) {
        return BUDDY_HEAP_DOUBLE_FREE;
    }
    object->next = head->free;
    object->seal = seal;
    head->free = object;
    slab_set_used(head, slab_used(head) - 1);
    if (head->parked) {
        slab_unpark(cache, head);
    } else if (slab_used(head) == 0) { /* and so it is not current */
        slab_list_remove(&cache->lists[slab_class(head)], head);
        slab_release(s, head);
    }
    return BUDDY_HEAP_OK;
}

static buddy_heap_status give_object(buddy_slabs *s, slab_cache *cache, slab_head *head,
                                     void *pointer)
{
    /* relaxed: compared with ourselves */
    if (atomic_load_explicit(&head->owner, memory_order_relaxed) != cache) {
        return slab_give_remote(cache, head, pointer, s->secret);
    }
    const slab_range *range = slab_range_of(s, pointer);
    if ((uintptr_t)pointer - slab_start(range, head) >= head->end) {
        return BUDDY_HEAP_DOUBLE_FREE; /* it has never been handed out */
    }
    return give_own(s, cache, head, pointer);
}

/* The first range may have grown, so that the fast path can take more. */
static void learn_bytes(slab_cache *cache)
{
    if (cache != &slab_nobody) {
        cache->bytes = slab_open_bytes(&cache->of->ranges[0]);
    }
}

static buddy_heap_status give(buddy_slabs *s, slab_cache *cache, void *pointer)
{
    cache = cache != &slab_nobody ? cache : slab_claim_to_free(s);
    learn_bytes(cache);
    const slab_range *range = slab_range_of(s, pointer);
    slab_head *head = range != NULL ? slab_head_of(range, pointer) : NULL;
    if (head == NULL) {
        return slab_block_free(s, cache, range, pointer);
    }
    return slab_is_object(range, head, pointer) ? give_object(s, cache, head, pointer)
                                                : BUDDY_HEAP_INTERIOR;
}

buddy_heap_status slab_free_slowly(buddy_slabs *s, slab_cache *cache, void *pointer)
{
    if (pointer == NULL) {
        return BUDDY_HEAP_OK;
    }
    at_work_begin();
    buddy_heap_status status = give(s, cache, pointer);
    at_work_end(); /* before it is told: who hears of it may want memory */
    return status == BUDDY_HEAP_OK ? BUDDY_HEAP_OK : slab_complain(s, "free", pointer, status);
}

/* ---- sweeping ---- */

/* Gives the empty slabs of a class back; those that others emptied are looked at too. */
static void sweep_list(slab_cache *cache, uint32_t class)
{
    slab_list old = cache->lists[class];
    cache->lists[class] = (slab_list){0};
    while (old.first != NULL) {
        slab_head *head = old.first;
        slab_list_remove(&old, head);
        slab_collect(head);
        slab_settle(cache, head);
    }
}

void slab_cache_sweep(slab_cache *cache)
{
    slab_drop_kept(cache);
    slab_receive(cache);
    for (uint32_t class = 0; class < SLAB_CLASSES; class ++) {
        slab_head *head = unset_current(cache, class);
        if (head != NULL) {
            slab_collect(head);
            slab_settle(cache, head);
        }
        sweep_list(cache, class);
    }
}
