/* The memory orders of a heap's marks, where threads free the same block by mistake. heap/marks.c
 * is included as source. See orders.h. */
#include "tests/orders/orders.h"

#include "buddy/heap/marks.c"

#define MARKED_UNITS 32u

static _Atomic uint8_t groups[MARKED_UNITS / 4];
static const marks marked = {.groups = groups, .units = MARKED_UNITS, .max_order = 5};
static uint32_t live_units; /* of the block at unit 0; whoever has freed it says so */

static void start_marks(void)
{
    for (uint32_t i = 0; i < MARKED_UNITS / 4; i++) {
        atomic_store_explicit(&groups[i], 0, memory_order_relaxed); /* relaxed: alone */
    }
    live_units = 5;
    marks_set_exact(&marked, 0, live_units);
    orders_watch(&live_units, sizeof live_units);
}

/* All free the block at unit 0; who succeeds takes one of another size there, and so on. */
static void free_and_take(uint32_t thread)
{
    (void)thread;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t units = 0;
        if (marks_clear(&marked, 0, MARKS_ANY_UNITS, false, &units) == BUDDY_HEAP_OK) {
            if (units != live_units) {
                orders_fail("a block was freed with the size of another");
            }
            live_units = 4 + orders_below(12);
            marks_set_exact(&marked, 0, live_units);
        }
    }
}

static void marks_are_exact(void)
{
    uint64_t live;
    const char *fault = marks_check(&marked, &live);
    if (fault != NULL || live != live_units) {
        orders_fail(fault != NULL ? fault : "units are left over");
    }
}

static const orders_case cases[] = {
    {"marks of two", 2, start_marks, free_and_take, marks_are_exact},
    {"marks of three", 3, start_marks, free_and_take, marks_are_exact},
};

int main(void)
{
    orders_plan plan = {cases, sizeof cases / sizeof cases[0], NULL, 0};
    return orders_main(&plan);
}
