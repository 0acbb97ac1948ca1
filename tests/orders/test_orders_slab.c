/* The slab's memory orders: how objects that other threads free come back to the owner of their
 * slab, while it parks the slab and takes it out again. slab/remote.c is included as source. See
 * orders.h. */
#include "tests/orders/orders.h"

#include <string.h>

#include "buddy/slab/remote.c"

#define SLABS   2u
#define OBJECTS 4u /* of each slab */

slab_cache slab_nobody;
static slab_cache owner;
static slab_head heads[SLABS];
static slab_object objects[SLABS][OBJECTS];
static uint32_t used_again; /* objects that the owner has got back and used */

/* Where leave_park hands a slab on: it is in no list here, and waits for its owner to look. */
void slab_settle(slab_cache *cache, slab_head *head)
{
    (void)cache;
    (void)head;
}

/* All objects are taken. */
static void start_slabs(void)
{
    memset(&owner, 0, sizeof(owner));
    memset(heads, 0, sizeof(heads));
    memset(objects, 0, sizeof(objects));
    used_again = 0;
    for (uint32_t i = 0; i < SLABS; i++) {
        slab_set_used(&heads[i], OBJECTS);
        /* relaxed: alone */
        atomic_store_explicit(&heads[i].owner, &owner, memory_order_relaxed);
    }
    orders_watch(heads, sizeof(heads));
    orders_watch(objects, sizeof(objects));
}

/* Uses what has come back. */
static void use_free(slab_head *head)
{
    while (head->free != NULL) {
        slab_object *object = slab_pop(head);
        object->seal++;
        used_again++;
    }
}

/* A slab of which all is taken is parked, or has got something back meanwhile. */
static void park_or_use(slab_head *head)
{
    if (!head->parked && !slab_park(head)) {
        use_free(head);
    }
}

static void use_what_comes(void)
{
    slab_receive(&owner);
    for (uint32_t i = 0; i < SLABS; i++) {
        use_free(&heads[i]);
    }
}

static void own(void)
{
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < SLABS; i++) {
            park_or_use(&heads[i]);
        }
        use_what_comes();
    }
    for (uint32_t i = 0; i < SLABS; i++) {
        slab_unpark(&owner, &heads[i]);
    }
    use_what_comes();
}

/* Uses objects, two of this thread's in each slab, and frees them, one after the other or both at a
 * time. */
static void give(uint32_t thread)
{
    for (uint32_t i = 0; i < SLABS; i++) {
        slab_object *first = &objects[i][2 * thread - 2], *second = first + 1;
        first->seal++;
        second->seal++;
        if (orders_below(2) == 0) {
            send(&heads[i], second, second);
            send(&heads[i], first, first);
        } else {
            first->next = second;
            send(&heads[i], first, second);
        }
    }
}

static void own_or_give(uint32_t thread)
{
    if (thread == 0) {
        own();
    } else {
        give(thread);
    }
}

static void nothing_is_lost_of(uint32_t givers)
{
    for (uint32_t i = 0; i < SLABS; i++) {
        slab_unpark(&owner, &heads[i]);
    }
    slab_receive(&owner);
    for (uint32_t i = 0; i < SLABS; i++) {
        if (!heads[i].parked) {
            slab_collect(&heads[i]);
        }
        use_free(&heads[i]);
    }
    if (used_again != givers * 2 * SLABS) {
        orders_fail("an object was lost on its way back, or came twice");
    }
}

static void nothing_is_lost_of_one(void)
{
    nothing_is_lost_of(1);
}

static void nothing_is_lost_of_two(void)
{
    nothing_is_lost_of(2);
}

static const orders_case cases[] = {
    {"one gives", 2, start_slabs, own_or_give, nothing_is_lost_of_one},
    {"two give", 3, start_slabs, own_or_give, nothing_is_lost_of_two},
};

static orders_excuse excuses[] = {
    {"slab_park", "&head->remote", memory_order_acq_rel, memory_order_release,
     "the nothing that it replaces by the mark was written by the owner itself", 0},
};

int main(void)
{
    orders_plan plan = {cases, sizeof(cases) / sizeof(cases[0]), excuses,
                        sizeof(excuses) / sizeof(excuses[0])};
    return orders_main(&plan);
}
