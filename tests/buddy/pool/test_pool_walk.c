/* Walking the live objects of a checked pool, and arrays near an object. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rigs/buddy/pool_rig.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static ints *make(uint32_t capacity)
{
    ints *p = ints_create(&(buddy_pool_desc){.capacity = capacity, .checked = true});
    assert_non_null(p);
    return p;
}

/* ---- one thread ---- */

#define CAPACITY_MOST 1000u

/* What should be live, and where a walk has come to. */
typedef struct model {
    ints *p;
    bool live[CAPACITY_MOST];
    uint32_t capacity, next, stop; /* next: the least index that may come; stop: visits left */
} model;

static bool expect_next(void *context, int *object)
{
    model *m = context;
    uint32_t index = ints_index(m->p, object);
    assert_in_range(index, m->next, m->capacity - 1);
    for (; m->next < index; m->next++) {
        assert_false(m->live[m->next]);
    }
    assert_true(m->live[index]);
    m->next++;
    return --m->stop != 0;
}

static void expect_walk(model *m)
{
    m->next = 0;
    m->stop = UINT32_MAX;
    ints_walk(m->p, expect_next, m);
    for (; m->next < m->capacity; m->next++) {
        assert_false(m->live[m->next]);
    }
    uint32_t from = seed_below(&seed, m->capacity), expected = from + 1;
    while (expected < m->capacity && !m->live[expected]) {
        expected++;
    }
    const int *found = ints_next(m->p, ints_at(m->p, from));
    assert_ptr_equal(found, ints_at(m->p, expected)); /* NULL beyond the end */
}

static void take(model *m)
{
    uint32_t count = 1 + seed_below(&seed, 5);
    const int *array = ints_alloc_array(m->p, count);
    for (uint32_t i = 0; array != NULL && i < count; i++) {
        m->live[ints_index(m->p, array + i)] = true;
    }
}

static void give(model *m)
{
    uint32_t index = seed_below(&seed, m->capacity);
    if (m->live[index]) {
        assert_int_equal(ints_free(m->p, ints_at(m->p, index)), BUDDY_POOL_OK);
        m->live[index] = false;
    }
}

static void a_walk_meets_each_live_object_once_ascending(void **state)
{
    (void)state;
    static const uint32_t capacities[] = {1, 2, 63, 64, 65, 128, 999, CAPACITY_MOST};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        model m = {.p = make(capacities[i]), .capacity = capacities[i]};
        expect_walk(&m);
        for (int step = 0; step < 2000; step++) {
            (seed_below(&seed, 3) == 0 ? take : give)(&m);
            if (step % 20 == 0) {
                expect_walk(&m);
            }
        }
        ints_destroy(m.p);
    }
}

static void a_walk_ends_where_visit_says(void **state)
{
    (void)state;
    model m = {.p = make(100), .capacity = 100};
    for (int i = 0; i < 100; i++) {
        m.live[ints_index(m.p, ints_alloc(m.p))] = true;
    }
    m.stop = 7;
    ints_walk(m.p, expect_next, &m);
    assert_int_equal(m.next, 7);
    ints_destroy(m.p);
}

static bool free_it(void *context, int *object)
{
    assert_int_equal(ints_free(context, object), BUDDY_POOL_OK);
    return true;
}

static void visit_may_free_what_it_visits(void **state)
{
    (void)state;
    ints *p = make(500);
    int *all[400];
    assert_int_equal(ints_alloc_bulk(p, 400, all), 400);
    ints_walk(p, free_it, p);
    assert_null(ints_next(p, NULL));
    drop_ints(p);
}

/* ---- arrays near an object ---- */

static void an_array_comes_near_its_hint(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    ints *p = make(COUNT);
    int *all[COUNT];
    assert_int_equal(ints_alloc_bulk(p, COUNT, all), COUNT);
    for (uint32_t hole = 0; hole < COUNT; hole += 1024) {
        assert_int_equal(ints_free_array(p, ints_at(p, hole), 16), BUDDY_POOL_OK);
    }
    ints_recall(p);
    int *array = ints_alloc_array_near(p, 13, ints_at(p, 2100));
    assert_ptr_equal(array, ints_at(p, 2048));
    assert_int_equal(ints_free_array(p, array, 13), BUDDY_POOL_OK);
    int stranger;
    array = ints_alloc_array_near(p, 13, &stranger); /* anywhere */
    assert_non_null(array);
    assert_int_equal(ints_free_array(p, array, 13), BUDDY_POOL_OK);
    assert_null(ints_alloc_array_near(p, 17, ints_at(p, 5)));
    ints_walk(p, free_it, p);
    drop_ints(p);
}

/* ---- while others are at work ---- */

#define STAYING 300

typedef struct crowd {
    ints *p;
    _Atomic bool over;
    uint64_t seed;
    uint8_t seen[4000]; /* of the walk: by index */
} crowd;

static void *come_and_go(void *context)
{
    crowd *c = context;
    int *mine[64] = {NULL};
    uint64_t random = c->seed;
    while (!atomic_load_explicit(&c->over, memory_order_relaxed)) { /* relaxed: a sign to end */
        int **one = &mine[seed_below(&random, 64)];
        if (*one != NULL) {
            (void)ints_free(c->p, *one);
        }
        *one = *one == NULL ? ints_alloc(c->p) : NULL;
    }
    for (int i = 0; i < 64; i++) {
        (void)ints_free(c->p, mine[i]);
    }
    return NULL;
}

static bool see(void *context, int *object)
{
    crowd *c = context;
    uint32_t index = ints_index(c->p, object);
    assert_in_range(index, 0, sizeof c->seen - 1);
    c->seen[index < sizeof c->seen ? index : 0]++; /* the compiler does not know that it ended */
    return true;
}

static void what_stays_is_met_once_while_others_come_and_go(void **state)
{
    (void)state;
    static crowd c;
    c.p = make(sizeof c.seen);
    c.seed = seed_next(&seed);
    int *staying[STAYING];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    }
    for (int i = 0; i < STAYING; i++) {
        staying[i] = ints_alloc(c.p);
        assert_non_null(staying[i]);
    }
    for (int walk = 0; walk < 500; walk++) {
        memset(c.seen, 0, sizeof c.seen);
        ints_walk(c.p, see, &c);
        for (int i = 0; i < STAYING; i++) {
            assert_int_equal(c.seen[ints_index(c.p, staying[i])], 1);
        }
        for (size_t i = 0; i < sizeof c.seen; i++) {
            assert_in_range(c.seen[i], 0, 1);
        }
    }
    atomic_store_explicit(&c.over, true, memory_order_relaxed);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ints_free_bulk(c.p, STAYING, staying), BUDDY_POOL_OK);
    drop_ints(c.p);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_meets_each_live_object_once_ascending),
        cmocka_unit_test(a_walk_ends_where_visit_says),
        cmocka_unit_test(visit_may_free_what_it_visits),
        cmocka_unit_test(an_array_comes_near_its_hint),
        cmocka_unit_test(what_stays_is_met_once_while_others_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
