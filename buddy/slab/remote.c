/* slab/remote.c: frees by other threads than a slab's owner.
 *
 *     other thread                                 owner
 *     outbox: o -> o -> o
 *     remote: CAS(list -> o -> o -> o -> list)     remote: exchange(NULL), when it needs objects
 *
 * A parked slab is in none of its owner's lists; its `remote` says SLAB_PARKED:
 *
 *     remote    0 ◀──────▶ o -> o       the owner has the slab in use
 *               │            ▲
 *          park ▼            │ the owner leaves the park, and settles the slab
 *     SLAB_PARKED ─────▶ o -> o         on its way: pushed onto owner->returned by who freed first
 *
 * Who replaces SLAB_PARKED by objects has to push the slab onto owner->returned. Until the owner
 * has found it there, the slab stays its owner's, and is neither released nor adopted. */
#include "buddy/slab/private.h"

/* Walks from `object` to the end of a list. Returns the last one. */
static buddy_slab_object *last_of(buddy_slab_object *object, uint32_t *count)
{
    *count = 1;
    while (object->next != NULL) {
        object = object->next;
        (*count)++;
    }
    return object;
}

/* What `remote` held becomes free. */
static void take_in(buddy_slab *slab, uintptr_t remote)
{
    uint32_t count;
    buddy_slab_object *first = (buddy_slab_object *)remote; // NOLINT(performance-no-int-to-ptr)
    buddy_slab_object *last = last_of(first, &count);
    last->next = slab->free;
    slab->free = first;
    buddy_slab_set_used(slab, buddy_slab_used(slab) - count);
}

void slab_collect(buddy_slab *slab)
{
    /* relaxed: most often there is nothing, and a look costs less than an exchange */
    if (__atomic_load_n(&slab->remote, __ATOMIC_RELAXED) != 0) {
        /* acquire: what others did with the objects */
        take_in(slab, __atomic_exchange_n(&slab->remote, 0, __ATOMIC_ACQUIRE));
    }
}

/* ---- parking ---- */

bool slab_park(buddy_slab *slab)
{
    uintptr_t none = 0;
    /* release: who finds the slab parked finds it in no list; acquire: see slab_collect */
    if (!__atomic_compare_exchange_n(&slab->remote, &none, SLAB_PARKED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        slab_collect(slab);
        return false;
    }
    slab->parked = true;
    slab_set_local(slab, NULL);
    return true;
}

void slab_leave_park(slab_cache *cache, buddy_slab *slab)
{
    slab->parked = false;
    slab_set_local(slab, cache);
    slab_collect(slab);
}

bool slab_unpark(slab_cache *cache, buddy_slab *slab)
{
    uintptr_t parked = SLAB_PARKED;
    /* relaxed: nothing comes with the mark. Where it is gone the slab is on its way to us. */
    bool done = __atomic_compare_exchange_n(&slab->remote, &parked, 0, false, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED);
    if (done) {
        slab_leave_park(cache, slab);
    }
    return done;
}

buddy_slab *slab_returned(slab_cache *cache)
{
    /* relaxed: a look; acquire: the links, and what was given back */
    return __atomic_load_n(&cache->returned, __ATOMIC_RELAXED) != NULL
               ? __atomic_exchange_n(&cache->returned, NULL, __ATOMIC_ACQUIRE)
               : NULL;
}

/* Tells the owner that an object of its parked slab has come back. Only the thread that replaced
 * SLAB_PARKED does so. */
static void return_slab(buddy_slab *slab)
{
    slab_cache *owner = slab_owner(slab); /* cannot change while the slab is on its way */
    buddy_slab *first = __atomic_load_n(&owner->returned, __ATOMIC_RELAXED);
    do {
        slab->returned_next = first;
        /* release: the link; relaxed: tried again */
    } while (!__atomic_compare_exchange_n(&owner->returned, &first, slab, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

/* ---- giving ---- */

/* Gives objects, linked from first to last, to a slab of another thread's. */
static void send(buddy_slab *slab, buddy_slab_object *first, buddy_slab_object *last)
{
    uintptr_t old = __atomic_load_n(&slab->remote, __ATOMIC_RELAXED), list;
    do {
        list = old == SLAB_PARKED ? 0 : old;
        last->next = (buddy_slab_object *)list; // NOLINT(performance-no-int-to-ptr)
        /* release: what we did with the objects; acquire: that the slab is parked, and whose */
    } while (!__atomic_compare_exchange_n(&slab->remote, &old, (uintptr_t)first, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    if (old == SLAB_PARKED) {
        return_slab(slab);
    }
}

static void send_outbox(slab_outbox *box)
{
    if (box->slab != NULL) {
        send(box->slab, box->first, box->last);
        *box = (slab_outbox){0};
    }
}

void slab_send_all(slab_cache *cache)
{
    for (uint32_t i = 0; i < SLAB_OUTBOXES; i++) {
        send_outbox(&cache->outboxes[i]);
    }
}

static void collect_for(slab_cache *cache, buddy_slab *slab, buddy_slab_object *object)
{
    /* By chunk: slabs that are made one after another get boxes of their own. */
    slab_outbox *box = &cache->outboxes[(uintptr_t)slab / sizeof *slab % SLAB_OUTBOXES];
    if (box->slab != slab) {
        send_outbox(box);
        *box = (slab_outbox){.slab = slab, .last = object};
    }
    object->next = box->first;
    box->first = object;
    box->count++;
    box->bytes += slab->object_bytes;
    if (box->count == SLAB_OUTBOX_MOST || box->bytes >= SLAB_OUTBOX_BYTES) {
        send_outbox(box);
    }
}

buddy_heap_status slab_give_remote(slab_cache *cache, buddy_slab *slab, buddy_slab_object *object,
                                   uintptr_t secret)
{
    uintptr_t seal = buddy_slab_seal(secret, object);
    if (object->seal == seal) {
        return BUDDY_HEAP_DOUBLE_FREE;
    }
    object->seal = seal;
    if (cache == NULL) {
        send(slab, object, object);
    } else {
        collect_for(cache, slab, object);
    }
    return BUDDY_HEAP_OK;
}

bool buddy_slabs_give_far(buddy_slabs_cache *cache, void *pointer)
{
    uintptr_t distance = (uintptr_t)pointer - cache->base;
    if (distance >= cache->bytes) {
        return false;
    }
    buddy_slab *slab = &cache->slabs[distance >> BUDDY_SLABS_CHUNK_SHIFT];
    uint32_t within = (uint32_t)distance & (BUDDY_SLABS_CHUNK_BYTES - 1);
    slab_cache *own = slab_cache_of(cache);
    return slab_kind(slab) == SLAB_FIRST && slab_owner(slab) != own &&
           buddy_slab_is_multiple(within, slab->divide) &&
           within < slab->capacity * slab->object_bytes &&
           slab_give_remote(own, slab, pointer, cache->secret) == BUDDY_HEAP_OK;
}
