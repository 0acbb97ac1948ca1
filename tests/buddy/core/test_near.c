/* Hints: what is taken near a place is as near as buddy.h promises, held against the model; what
 * the thread has just given back next door is found too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/buddy.h"
#include "buddy/heap.h"
#include "tests/rigs/buddy/buddy_model.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

/* ---- the core against its model ---- */

#define UNITS_MOST 5000u

typedef struct fixture {
    void *memory;
    buddy *b;
    buddy_model m;
    buddy_block live[UNITS_MOST];
    uint32_t count;
} fixture;

static void make(fixture *f, uint32_t units)
{
    buddy_desc desc = {.units = units};
    size_t bytes = (buddy_sizeof(&desc) + 63) / 64 * 64;
    f->memory = aligned_alloc(64, bytes);
    f->b = buddy_init(f->memory, bytes, &desc);
    f->count = 0;
    assert_non_null(f->b);
    assert_true(buddy_model_init(&f->m, &desc));
}

static void drop(fixture *f)
{
    buddy_model_finish(&f->m);
    free(f->memory);
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* The maximal free block that holds a unit; of order BUDDY_ORDERS when there is none. */
static buddy_block cover(const buddy_model *m, uint32_t unit)
{
    for (uint32_t order = 0; order <= m->max_order; order++) {
        uint32_t offset = unit >> order << order;
        if (buddy_model_block_at(m, offset) == order) {
            return (buddy_block){offset, order};
        }
    }
    return (buddy_block){unit, BUDDY_ORDERS};
}

/* Blocks of its own size from `near` to the nearest free block of just this order; UINT32_MAX when
 * there is none. */
static uint32_t nearest(const buddy_model *m, uint32_t order, uint32_t near)
{
    uint32_t least = UINT32_MAX, blocks = m->units >> order, place = near >> order;
    place = place < blocks ? place : blocks - 1;
    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t distance = apart(i, place);
        if (distance < least && buddy_model_block_at(m, i << order) == order) {
            least = distance;
        }
    }
    return least;
}

static bool any_fits(const buddy_model *m, uint32_t order)
{
    return buddy_model_best(m, order).order != BUDDY_ORDERS;
}

/* Holds an answer against what buddy.h says, before the model knows of it. */
static void expect_near(const fixture *f, uint32_t order, uint32_t near, uint32_t offset)
{
    if (offset == BUDDY_NONE) {
        assert_false(any_fits(&f->m, order));
        return;
    }
    uint32_t size = UINT32_C(1) << order;
    buddy_block from = cover(&f->m, offset);
    assert_true(from.order != BUDDY_ORDERS && from.order >= order && offset % size == 0);
    bool within = nearest(&f->m, from.order, near) < BUDDY_REACH;
    for (uint32_t lower = order; lower < from.order; lower++) {
        assert_true(nearest(&f->m, lower, near) >= BUDDY_REACH);
    }
    if (within) {
        uint32_t place = near >> from.order, blocks = f->m.units >> from.order;
        place = place < blocks ? place : blocks - 1;
        assert_int_equal(apart(from.offset >> from.order, place), nearest(&f->m, from.order, near));
    }
    uint32_t end = from.offset + (UINT32_C(1) << from.order);
    uint32_t wanted = near < from.offset ? from.offset
                      : near < end       ? near / size * size
                                         : end - size;
    assert_int_equal(offset, wanted);
}

static void take(fixture *f)
{
    uint32_t order = seed_below(&seed, 8) == 0 ? seed_below(&seed, 7) : seed_below(&seed, 2);
    uint32_t near = seed_below(&seed, f->m.units);
    if (order > f->m.max_order) {
        return;
    }
    uint32_t offset = buddy_try_near(f->b, order, near);
    expect_near(f, order, near, offset);
    if (offset != BUDDY_NONE) {
        buddy_model_mark(&f->m, offset, UINT32_C(1) << order, true);
        f->live[f->count++] = (buddy_block){offset, order};
    }
}

static void give(fixture *f)
{
    uint32_t i = seed_below(&seed, f->count);
    buddy_block one = f->live[i];
    f->live[i] = f->live[--f->count];
    buddy_free(f->b, one.offset, one.order);
    buddy_model_mark(&f->m, one.offset, UINT32_C(1) << one.order, false);
}

/* Fills up and empties in turns, so that all kinds of holes come up. */
static void live_through(fixture *f, int steps)
{
    uint32_t lean = 3;
    for (int step = 0; step < steps; step++) {
        if (step % 300 == 0) {
            lean = 1 + seed_below(&seed, 5);
        }
        if (f->count == 0 || seed_below(&seed, 6) < lean) {
            take(f);
        } else {
            give(f);
        }
        if (step % 50 == 0) {
            const char *fault = buddy_model_compare(&f->m, f->b);
            if (fault != NULL) {
                fail_msg("%s", fault);
            }
        }
    }
}

static void a_hint_is_followed_as_far_as_is_promised(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 31, 63, 64, 65, 127, 1000, 1023};
    static fixture f;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make(&f, sizes[i]);
        live_through(&f, 1500);
        drop(&f);
    }
}

static void an_order_too_large_is_refused(void **state)
{
    (void)state;
    static fixture f;
    make(&f, 1000);
    assert_int_equal(buddy_try_near(f.b, 10, 5), BUDDY_NONE);
    assert_int_equal(buddy_try_near(f.b, 31, 5), BUDDY_NONE);
    assert_int_equal(buddy_try_near(f.b, 9, 999), 0);
    assert_int_equal(buddy_try_near(f.b, 0, UINT32_MAX), 999); /* beyond the end: the last */
    drop(&f);
}

static void a_hole_below_is_as_near_as_one_above(void **state)
{
    (void)state;
    static fixture f;
    make(&f, 1024);
    for (uint32_t i = 0; i < 1024; i++) {
        assert_int_equal(buddy_try(f.b, 0, BUDDY_ANYWHERE), i);
    }
    buddy_free(f.b, 190, 0);
    buddy_free(f.b, 600, 1);
    assert_int_equal(buddy_try_near(f.b, 0, 197), 190); /* in the word before */
    buddy_free(f.b, 190, 0);
    assert_int_equal(buddy_try_near(f.b, 0, 610), 601); /* not the hole far away */
    assert_int_equal(buddy_try_near(f.b, 0, 610), 600);
    assert_int_equal(buddy_try_near(f.b, 0, 610), 190); /* all there is */
    assert_int_equal(buddy_try_near(f.b, 0, 610), BUDDY_NONE);
    drop(&f);
}

/* ---- through a thread's stock ---- */

static void what_was_just_given_back_next_door_is_found(void **state)
{
    (void)state;
    enum { COUNT = 4000, HOLES = 64, UNIT = 64 };
    buddy_heap *h =
        buddy_heap_create(&(buddy_heap_desc){.bytes = COUNT * UNIT, .unit_bytes = UNIT});
    assert_non_null(h);
    unsigned char *base = buddy_heap_base(h);
    for (int i = 0; i < COUNT; i++) { /* all there are, in whatever order */
        assert_non_null(buddy_heap_alloc(h, UNIT));
    }
    for (int i = 0; i < HOLES; i++) { /* so that the core has something to give, far away */
        assert_int_equal(buddy_heap_free(h, base + i * UNIT), BUDDY_HEAP_OK);
    }
    buddy_heap_recall(h);
    for (int i = 0; i < 500; i++) {
        unsigned char *near = base + (HOLES + 100 + seed_below(&seed, COUNT - HOLES - 200)) * UNIT;
        unsigned char *close = near + 7 * UNIT;
        assert_int_equal(buddy_heap_free(h, close), BUDDY_HEAP_OK);
        assert_ptr_equal(buddy_heap_alloc_near(h, UNIT, near), close);
    }
    for (int i = HOLES; i < COUNT; i++) {
        assert_int_equal(buddy_heap_free(h, base + i * UNIT), BUDDY_HEAP_OK);
    }
    assert_null(buddy_heap_check(h));
    buddy_heap_destroy(h);
}

/* ---- several threads ---- */

enum { CROWD = 3, HELD = 200, CROWD_STEPS = 20000 };

typedef struct member {
    buddy_heap *h;
    uint64_t seed;
    uint32_t damaged;
} member;

/* Takes blocks near each other's, writes them full and looks at them again before they go. */
static void *take_side_by_side(void *context)
{
    member *m = context;
    uint64_t *mine[HELD] = {NULL}, mark = m->seed;
    for (int step = 0; step < CROWD_STEPS; step++) {
        uint64_t **one = &mine[seed_below(&m->seed, HELD)];
        if (*one != NULL) {
            m->damaged += (*one)[0] != mark || (*one)[7] != mark;
            m->damaged += buddy_heap_free(m->h, *one) != BUDDY_HEAP_OK;
            *one = NULL;
        } else if ((*one = buddy_heap_alloc_near(m->h, 64, mine[seed_below(&m->seed, HELD)])) !=
                   NULL) {
            (*one)[0] = (*one)[7] = mark;
        }
    }
    for (int i = 0; i < HELD; i++) {
        m->damaged += buddy_heap_free(m->h, mine[i]) != BUDDY_HEAP_OK;
    }
    return NULL;
}

static void hints_of_several_threads_do_not_meet_in_one_block(void **state)
{
    (void)state;
    pthread_t threads[CROWD];
    member members[CROWD];
    buddy_heap *h =
        buddy_heap_create(&(buddy_heap_desc){.bytes = HELD * CROWD * 64, .unit_bytes = 16});
    assert_non_null(h);
    for (int i = 0; i < CROWD; i++) {
        members[i] = (member){.h = h, .seed = seed_next(&seed)};
        assert_int_equal(pthread_create(&threads[i], NULL, take_side_by_side, &members[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(members[i].damaged, 0);
    }
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.core.free_units, stats.core.units);
    assert_null(buddy_heap_check(h));
    buddy_heap_destroy(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hint_is_followed_as_far_as_is_promised),
        cmocka_unit_test(an_order_too_large_is_refused),
        cmocka_unit_test(a_hole_below_is_as_near_as_one_above),
        cmocka_unit_test(what_was_just_given_back_next_door_is_found),
        cmocka_unit_test(hints_of_several_threads_do_not_meet_in_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
