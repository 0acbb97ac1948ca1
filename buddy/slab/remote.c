/* slab/remote.c: frees by other threads than a slab's owner.
 *
 *     other thread                                 owner
 *     outbox: o -> o -> o
 *     remote: CAS(list -> o -> o -> o -> list)     remote: exchange(NULL), when it needs objects
 *
 * A parked slab is in none of its owner's lists; its `remote` says SLAB_PARKED. Who replaces that
 * by objects has to push the slab onto owner->returned: until the owner has found it there, the
 * slab is on its way, stays its owner's, and is neither released nor adopted. */
#include "buddy/slab/private.h"

/* Walks from `object` to the end of a list. Returns the last one. */
static slab_object *last_of(slab_object *object, uint32_t *count)
{
    *count = 1;
    while (object->next != NULL) {
        object = object->next;
        (*count)++;
    }
    return object;
}

/* What `remote` held becomes free. */
static void take_in(slab_head *head, uintptr_t remote)
{
    uint32_t count;
    slab_object *first = (slab_object *)remote; // NOLINT(performance-no-int-to-ptr)
    slab_object *last = last_of(first, &count);
    last->next = head->free;
    head->free = first;
    slab_set_used(head, slab_used(head) - count);
}

void slab_collect(slab_head *head)
{
    /* relaxed: most often there is nothing, and a look costs less than an exchange */
    if (atomic_load_explicit(&head->remote, memory_order_relaxed) != 0) {
        /* acquire: what others did with the objects */
        take_in(head, atomic_exchange_explicit(&head->remote, 0, memory_order_acquire));
    }
}

/* ---- parking ---- */

bool slab_park(slab_head *head)
{
    uintptr_t none = 0;
    /* release: who finds the slab parked finds it in no list; acquire: see slab_collect */
    if (!atomic_compare_exchange_strong_explicit(&head->remote, &none, SLAB_PARKED,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        slab_collect(head);
        return false;
    }
    head->parked = true;
    /* relaxed: only the owner compares it with itself */
    atomic_store_explicit(&head->local, NULL, memory_order_relaxed);
    return true;
}

/* Ends a parking that nobody else has to tell us of any more. */
static void leave_park(slab_cache *cache, slab_head *head)
{
    head->parked = false;
    atomic_store_explicit(&head->local, cache, memory_order_relaxed); /* relaxed: as above */
    slab_collect(head);
    slab_settle(cache, head);
}

void slab_unpark(slab_cache *cache, slab_head *head)
{
    uintptr_t parked = SLAB_PARKED;
    /* relaxed: nothing comes with the mark. Where it is gone the slab is on its way to us. */
    if (atomic_compare_exchange_strong_explicit(&head->remote, &parked, 0, memory_order_relaxed,
                                                memory_order_relaxed)) {
        leave_park(cache, head);
    }
}

void slab_receive(slab_cache *cache)
{
    /* relaxed: a look; acquire: the links, and what was given back */
    if (atomic_load_explicit(&cache->returned, memory_order_relaxed) == NULL) {
        return;
    }
    slab_head *head = atomic_exchange_explicit(&cache->returned, NULL, memory_order_acquire);
    while (head != NULL) {
        slab_head *next = head->returned_next;
        leave_park(cache, head);
        head = next;
    }
}

/* Tells the owner that a parked slab of its got something back. Only who took the mark away. */
static void return_slab(slab_head *head)
{
    /* relaxed: it cannot change while the slab is on its way */
    slab_cache *owner = atomic_load_explicit(&head->owner, memory_order_relaxed);
    slab_head *first = atomic_load_explicit(&owner->returned, memory_order_relaxed);
    do {
        head->returned_next = first;
        /* release: the link; relaxed: tried again */
    } while (!atomic_compare_exchange_weak_explicit(&owner->returned, &first, head,
                                                    memory_order_release, memory_order_relaxed));
}

/* ---- giving ---- */

/* Gives objects, linked from first to last, to a slab of another thread's. */
static void send(slab_head *head, slab_object *first, slab_object *last)
{
    uintptr_t old = atomic_load_explicit(&head->remote, memory_order_relaxed), list;
    do {
        list = old == SLAB_PARKED ? 0 : old;
        last->next = (slab_object *)list; // NOLINT(performance-no-int-to-ptr)
        /* release: what we did with the objects; acquire: that the slab is parked, and whose */
    } while (!atomic_compare_exchange_weak_explicit(&head->remote, &old, (uintptr_t)first,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if (old == SLAB_PARKED) {
        return_slab(head);
    }
}

static void send_outbox(slab_outbox *box)
{
    if (box->head != NULL) {
        send(box->head, box->first, box->last);
        *box = (slab_outbox){0};
    }
}

void slab_send_all(slab_cache *cache)
{
    for (uint32_t i = 0; i < SLAB_OUTBOXES; i++) {
        send_outbox(&cache->outboxes[i]);
    }
}

static void collect_for(slab_cache *cache, slab_head *head, slab_object *object)
{
    /* By chunk: slabs that are made one after another get boxes of their own. */
    slab_outbox *box = &cache->outboxes[(uintptr_t)head / sizeof(*head) % SLAB_OUTBOXES];
    if (box->head != head) {
        send_outbox(box);
        *box = (slab_outbox){.head = head, .last = object};
    }
    object->next = box->first;
    box->first = object;
    box->count++;
    box->bytes += head->object_bytes;
    if (box->count == SLAB_OUTBOX_MOST || box->bytes >= SLAB_OUTBOX_BYTES) {
        send_outbox(box);
    }
}

buddy_heap_status slab_give_remote(slab_cache *cache, slab_head *head, slab_object *object,
                                   uintptr_t secret)
{
    uintptr_t seal = slab_seal_of(secret, object);
    if (object->seal == seal) {
        return BUDDY_HEAP_DOUBLE_FREE;
    }
    object->seal = seal;
    if (cache == &slab_nobody) {
        send(head, object, object);
    } else {
        collect_for(cache, head, object);
    }
    return BUDDY_HEAP_OK;
}

bool slab_give_far(slab_cache *cache, void *pointer)
{
    uintptr_t distance = (uintptr_t)pointer - cache->base;
    if (distance >= cache->bytes) {
        return false;
    }
    slab_head *head = &cache->heads[distance >> SLAB_CHUNK_SHIFT];
    uint32_t within = (uint32_t)distance & (SLAB_CHUNK_BYTES - 1);
    /* relaxed, both: who has an object of it got it after they were written */
    return atomic_load_explicit(&head->kind, memory_order_relaxed) == SLAB_FIRST &&
           atomic_load_explicit(&head->owner, memory_order_relaxed) != cache &&
           slab_is_multiple(within, head->divide) && within < head->capacity * head->object_bytes &&
           slab_give_remote(cache, head, pointer, cache->secret) == BUDDY_HEAP_OK;
}
