/* The levels step by step: a thread holds one of them locked, others run into it, and what they do
 * then is looked at: who waits for whose split, who is fed, who is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/levels/private.h"
#include "tests/rigs/buddy/levels_rig.h"

/* ---- step by step: a thread holds a level, others run into it ---- */

/* Holds one level locked from the first barrier to the second. */
typedef struct holder {
    buddy_levels *l;
    uint32_t order;
    pthread_barrier_t step;
    pthread_t thread;
} holder;

static void *hold(void *context)
{
    holder *h = context;
    level *v = level_lock(h->l, h->order);
    pthread_barrier_wait(&h->step);
    pthread_barrier_wait(&h->step);
    level_unlock(h->l, v);
    return NULL;
}

static void hold_level(holder *h, buddy_levels *l, uint32_t order)
{
    h->l = l;
    h->order = order;
    pthread_barrier_init(&h->step, NULL, 2);
    assert_int_equal(pthread_create(&h->thread, NULL, hold, h), 0);
    pthread_barrier_wait(&h->step);
}

static void let_go(holder *h)
{
    pthread_barrier_wait(&h->step);
    pthread_join(h->thread, NULL);
    pthread_barrier_destroy(&h->step);
}

/* One request on a thread of its own. */
typedef struct asker {
    buddy_levels *l;
    uint32_t order, offset;
    pthread_t thread;
} asker;

static void *ask(void *context)
{
    asker *a = context;
    a->offset = buddy_levels_alloc(a->l, a->order);
    return NULL;
}

static void begin(asker *a, buddy_levels *l, uint32_t order)
{
    *a = (asker){.l = l, .order = order};
    assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

static uint32_t answer(asker *a)
{
    pthread_join(a->thread, NULL);
    return a->offset;
}

/* Waits until `order` has so many splits in flight and so many requests waiting. */
static void expect(buddy_levels *l, uint32_t order, uint32_t in_flight, uint32_t waiting)
{
    bool there = false;
    while (!there) {
        level *v = level_lock(l, order);
        there = v->in_flight == in_flight && v->waiting == waiting;
        level_unlock(l, v);
        sched_yield();
    }
}

static void a_request_takes_the_spare_half_of_anothers_split(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        holder h;
        asker first, second;
        buddy_levels *l = make_levels(2, SYNCS[s]);
        hold_level(&h, l, 1);
        begin(&first, l, 0);
        expect(l, 0, 1, 0);
        begin(&second, l, 0);
        expect(l, 0, 1, 1);
        let_go(&h);
        assert_int_equal(answer(&first), 0);
        assert_int_equal(answer(&second), 1);
        buddy_levels_stats stats;
        buddy_levels_get_stats(l, &stats);
        assert_int_equal(stats.splits, 1);
        assert_int_equal(stats.pending_high_water[0], 1);
        assert_int_equal(stats.wasted_splits[0], 0);
        assert_null(buddy_levels_check(l));
        drop_levels(l);
    }
}

static void one_spare_half_is_promised_once(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        holder h;
        asker asking[5];
        uint32_t seen = 0;
        buddy_levels *l = make_levels(4, SYNCS[s]); /* one less than they ask for */
        hold_level(&h, l, 1);
        for (uint32_t i = 0; i < 5; i++) {
            begin(&asking[i], l, 0);
            expect(l, 0, 1 + i / 2, (i + 1) / 2); /* every other one splits for itself */
        }
        let_go(&h);
        for (uint32_t i = 0; i < 5; i++) {
            uint32_t offset = answer(&asking[i]);
            seen |= offset == BUDDY_NONE ? 16 : 1u << offset;
        }
        assert_int_equal(seen, 31); /* four units and one no */
        buddy_levels_stats stats;
        buddy_levels_get_stats(l, &stats);
        assert_int_equal(stats.pending_high_water[0], 2);
        assert_int_equal(stats.splits, 3);
        assert_null(buddy_levels_check(l));
        drop_levels(l);
    }
}

static void a_release_feeds_who_waits_and_makes_splits_needless(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        holder h;
        asker first, second;
        buddy_levels *l = make_levels(7, SYNCS[s]); /* 0 of order 2, 4 of order 1, 6 */
        assert_int_equal(buddy_levels_alloc(l, 0), 6);
        assert_int_equal(buddy_levels_alloc(l, 0), 4);
        assert_int_equal(buddy_levels_alloc(l, 0), 5);
        hold_level(&h, l, 1);
        begin(&first, l, 0);
        expect(l, 0, 1, 0);
        begin(&second, l, 0);
        expect(l, 0, 1, 1);
        buddy_levels_free(l, 6, 0);
        assert_int_equal(answer(&second), 6);
        expect(l, 0, 1, 0);
        buddy_levels_free(l, 5, 0);
        let_go(&h);
        assert_int_equal(answer(&first), 0);
        buddy_levels_stats stats;
        buddy_levels_get_stats(l, &stats);
        assert_int_equal(stats.wasted_splits[0], 1); /* 5 would have done */
        assert_int_equal(stats.wasted_splits[1], 0);
        assert_int_equal(stats.free_blocks[0], 2);
        assert_int_equal(stats.free_blocks[1], 1);
        assert_null(buddy_levels_check(l));
        drop_levels(l);
    }
}

static void who_waited_for_a_split_that_came_to_nothing_is_refused_too(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        holder h;
        asker asking[6];
        buddy_levels *l = make_levels(2, SYNCS[s]);
        assert_int_equal(buddy_levels_alloc(l, 1), 0);
        hold_level(&h, l, 1);
        for (uint32_t i = 0; i < 6; i++) {
            begin(&asking[i], l, 0);
            expect(l, 0, 1 + i / 2, (i + 1) / 2);
        }
        let_go(&h);
        for (uint32_t i = 0; i < 6; i++) {
            assert_int_equal(answer(&asking[i]), BUDDY_NONE);
        }
        buddy_levels_free(l, 0, 1);
        assert_null(buddy_levels_check(l));
        drop_levels(l);
    }
}

static void a_block_released_behind_a_request_on_its_way_up_is_found(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        holder h;
        asker first;
        buddy_levels *l = make_levels(4, SYNCS[s]);
        assert_int_equal(buddy_levels_alloc(l, 2), 0);
        hold_level(&h, l, 2);
        begin(&first, l, 0);
        expect(l, 1, 1, 0);
        buddy_levels_free(l, 3, 0);
        let_go(&h);
        assert_int_equal(answer(&first), 3);
        buddy_levels_free(l, 3, 0);
        buddy_levels_free(l, 0, 1);
        buddy_levels_free(l, 2, 0);
        assert_null(buddy_levels_check(l));
        assert_int_equal(buddy_levels_alloc(l, 2), 0);
        drop_levels(l);
    }
}

/* Two split, one whole block is there, and who is late must get the other's spare half: from the
 * list or, where it looks before that is delivered, by waiting. Which it is, is chance. */
static void race_for_the_last_block(buddy_levels_sync sync)
{
    holder above, below;
    asker first, second, between;
    buddy_levels *l = make_levels(3, sync); /* 0 of order 1, and 2 */
    assert_int_equal(buddy_levels_alloc(l, 0), 2);
    hold_level(&above, l, 1);
    begin(&first, l, 0);
    expect(l, 0, 1, 0);
    begin(&between, l, 0);
    expect(l, 0, 1, 1);
    begin(&second, l, 0);
    expect(l, 0, 2, 1);
    buddy_levels_free(l, 2, 0); /* for the one who waits: now no half is promised */
    assert_int_equal(answer(&between), 2);
    hold_level(&below, l, 0);
    let_go(&above);
    sched_yield();
    let_go(&below);
    assert_int_equal(answer(&first) + answer(&second), 1); /* 0 and 1 */
    buddy_levels_stats stats;
    buddy_levels_get_stats(l, &stats);
    assert_int_equal(stats.free_units, 0);
    assert_null(buddy_levels_check(l));
    drop_levels(l);
}

static void nobody_is_refused_while_a_split_has_a_half_to_spare(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        race_for_the_last_block(SYNCS[round % SYNC_COUNT]);
    }
}

int main(void)
{
    alarm(300); /* who waits forever has failed */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_takes_the_spare_half_of_anothers_split),
        cmocka_unit_test(one_spare_half_is_promised_once),
        cmocka_unit_test(a_release_feeds_who_waits_and_makes_splits_needless),
        cmocka_unit_test(who_waited_for_a_split_that_came_to_nothing_is_refused_too),
        cmocka_unit_test(a_block_released_behind_a_request_on_its_way_up_is_found),
        cmocka_unit_test(nobody_is_refused_while_a_split_has_a_half_to_spare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
