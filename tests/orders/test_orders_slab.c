/* The slab's memory orders: how objects that other threads free come back to the owner of their
 * slab, while it parks the slab and takes it out again. slab/remote.c is included as source. See
 * orders.h. */
#include "tests/orders/orders.h"

#include <string.h>

#include "buddy/slab/remote.c"

#define SLABS   2u
#define OBJECTS 4u /* of each slab */

static slab_cache owner;
static buddy_slab slabs[SLABS];
static buddy_slab_object objects[SLABS][OBJECTS];
static uint32_t used_again; /* objects that the owner has got back and used */

/* All objects are taken. */
static void start_slabs(void)
{
    memset(&owner, 0, sizeof owner);
    memset(slabs, 0, sizeof slabs);
    memset(objects, 0, sizeof objects);
    used_again = 0;
    for (uint32_t i = 0; i < SLABS; i++) {
        buddy_slab_set_used(&slabs[i], OBJECTS);
        /* relaxed: alone */
        __atomic_store_n(&slabs[i].owner, &owner.front, __ATOMIC_RELAXED);
    }
    orders_watch(slabs, sizeof slabs);
    orders_watch(objects, sizeof objects);
}

/* Uses what has come back. */
static void use_free(buddy_slab *slab)
{
    while (slab->free != NULL) {
        buddy_slab_object *object = buddy_slab_pop(slab);
        object->seal++;
        used_again++;
    }
}

/* A slab of which all is taken is parked, or has got something back meanwhile. */
static void park_or_use(buddy_slab *slab)
{
    if (!slab->parked && !slab_park(slab)) {
        use_free(slab);
    }
}

/* Takes the slabs out of the park that are on their way. */
static void receive(void)
{
    buddy_slab *slab = slab_returned(&owner);
    while (slab != NULL) {
        buddy_slab *next = slab->returned_next;
        slab_leave_park(&owner, slab);
        slab = next;
    }
}

static void use_what_comes(void)
{
    receive();
    for (uint32_t i = 0; i < SLABS; i++) {
        use_free(&slabs[i]);
    }
}

static void own(void)
{
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < SLABS; i++) {
            park_or_use(&slabs[i]);
        }
        use_what_comes();
    }
    for (uint32_t i = 0; i < SLABS; i++) {
        (void)slab_unpark(&owner, &slabs[i]);
    }
    use_what_comes();
}

/* Uses objects, two of this thread's in each slab, and frees them, one after the other or both at a
 * time. */
static void give(uint32_t thread)
{
    for (uint32_t i = 0; i < SLABS; i++) {
        buddy_slab_object *first = &objects[i][2 * thread - 2], *second = first + 1;
        first->seal++;
        second->seal++;
        if (orders_below(2) == 0) {
            send(&slabs[i], second, second);
            send(&slabs[i], first, first);
        } else {
            first->next = second;
            send(&slabs[i], first, second);
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
        (void)slab_unpark(&owner, &slabs[i]);
    }
    receive();
    for (uint32_t i = 0; i < SLABS; i++) {
        if (!slabs[i].parked) {
            slab_collect(&slabs[i]);
        }
        use_free(&slabs[i]);
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
    {"slab_park", "&slab->remote", memory_order_acq_rel, memory_order_release,
     "the nothing that it replaces by the mark was written by the owner itself", 0},
};

int main(void)
{
    orders_plan plan = {cases, sizeof cases / sizeof cases[0], excuses,
                        sizeof excuses / sizeof excuses[0]};
    return orders_main(&plan);
}
