/* The edges of a magazine: growing, what comes back from stocks and when, stocks that are left over
 * and found again, and a check that notices damage. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/rigs/buddy/magazine_rig.h"

static void check(const rig *r)
{
    const char *fault = rig_check(r);
    if (fault != NULL) {
        fail_msg("%u units: %s", r->units, fault);
    }
}

static void make(rig *r, uint32_t units, buddy_magazine_desc desc)
{
    assert_true(rig_make(r, &(buddy_desc){.units = units}, desc));
}

/* All has been given back. */
static void drop(rig *r)
{
    const char *fault = rig_check_all_free(r);
    if (fault != NULL) {
        fail_msg("%u units: %s", r->units, fault);
    }
    rig_drop(r);
}

static void room_is_what_a_core_made_later_needs(void **state)
{
    (void)state;
    static const uint32_t units[] = {1, 63, 4096, 100000}, threads[] = {0, 1, 7, 1000};
    for (size_t u = 0; u < 4; u++) {
        for (size_t t = 0; t < 4; t++) {
            for (uint32_t max_order = 0; max_order < 2 && max_order < units[u]; max_order++) {
                buddy_desc core = {.units = units[u], .max_order = max_order};
                buddy_magazine_desc desc = {.threads = threads[t],
                                            .stock_units = (uint32_t)(3 * u)};
                size_t room = buddy_magazine_room(&desc, &core);
                rig r = {0};
                assert_true(rig_make(&r, &core, desc));
                desc.core = r.core;
                assert_int_equal(room, buddy_magazine_sizeof(&desc));
                rig_drop(&r);
            }
        }
    }
    assert_int_equal(buddy_magazine_room(&(buddy_magazine_desc){0}, &(buddy_desc){.units = 0}), 0);
}

/* ---- growing ---- */

typedef struct growth {
    rig r;
    uint32_t in_play, step, calls, last_order;
} growth;

/* As the heap does: so many units more. */
static bool grow(void *context, uint32_t order)
{
    growth *g = context;
    g->calls++;
    g->last_order = order;
    uint32_t count = g->r.units - g->in_play < g->step ? g->r.units - g->in_play : g->step;
    assert_int_equal(rig_stats(&g->r).stocked_units, 0); /* it is about to say no */
    buddy_release(g->r.core, g->in_play, count);
    g->in_play += count;
    return count != 0;
}

static void make_growing(growth *g, uint32_t units, uint32_t start, uint32_t step_units)
{
    *g = (growth){.in_play = start, .step = step_units};
    buddy_magazine_desc desc = {.grow = grow, .grow_context = g, .stock_units = RIG_ALL_SHELVES};
    assert_true(rig_make(&g->r, &(buddy_desc){.units = units, .start_units = start}, desc));
}

static void a_core_grows_only_before_a_no(void **state)
{
    (void)state;
    growth g;
    make_growing(&g, 1000, 100, 50);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(g.in_play, i <= 100 ? 100 : 100 + (i - 100 + 49) / 50 * 50);
        assert_int_not_equal(buddy_magazine_alloc(g.r.m, 0), BUDDY_NONE);
    }
    assert_int_equal(g.calls, 18);
    assert_int_equal(buddy_magazine_try(g.r.m, 0), BUDDY_NONE);
    assert_int_equal(g.calls, 18); /* this door does not grow */
    assert_int_equal(buddy_magazine_alloc(g.r.m, 0), BUDDY_NONE);
    assert_int_equal(g.calls, 19);
    rig_drop(&g.r);
}

static void growing_goes_on_until_the_block_fits(void **state)
{
    (void)state;
    growth g;
    make_growing(&g, 1024, 16, 1);
    assert_int_equal(buddy_magazine_alloc(g.r.m, 6), 0);
    assert_int_equal(g.in_play, 64);
    assert_int_equal(g.last_order, 6);
    assert_int_equal(buddy_magazine_alloc_near(g.r.m, 3, 0), 64);
    assert_int_equal(g.in_play, 72);
    uint32_t offsets[8];
    assert_int_equal(buddy_magazine_alloc_bulk(g.r.m, 2, 8, offsets), 8);
    assert_int_equal(g.in_play, 72 + 32);
    buddy_block pieces[BUDDY_PIECES];
    assert_int_equal(buddy_magazine_gather(g.r.m, 24, 0, pieces), 2); /* 104 … 128 */
    assert_int_equal(g.in_play, 128);
    rig_drop(&g.r);
}

static void nothing_grows_for_what_can_never_be(void **state)
{
    (void)state;
    growth g;
    buddy_block pieces[BUDDY_PIECES];
    make_growing(&g, 31, 1, 1);
    assert_int_equal(buddy_magazine_gather(g.r.m, 0, 0, pieces), 0);
    assert_int_equal(buddy_magazine_gather(g.r.m, 31, 0, pieces), 0); /* 32, as pieces go */
    assert_int_equal(buddy_magazine_gather(g.r.m, 32, 0, pieces), 0);
    assert_int_equal(buddy_magazine_gather(g.r.m, UINT32_MAX, 0, pieces), 0);
    assert_int_equal(buddy_magazine_alloc(g.r.m, 5), BUDDY_NONE);
    assert_int_equal(g.calls, 0);
    assert_int_equal(rig_stats(&g.r).recalls, 0);
    rig_drop(&g.r);
}

/* ---- stocks ---- */

static void a_cut_block_leaves_the_rest_in_the_core(void **state)
{
    (void)state;
    rig r;
    make(&r, 4096, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES});
    const uint32_t offset = buddy_magazine_alloc_cut(r.m, 6, 37);
    assert_int_not_equal(offset, BUDDY_NONE);
    assert_int_equal(offset % 64, 0);
    buddy_magazine_recall(r.m);
    assert_int_equal(buddy_free_units(r.core), 4096 - 37);
    check(&r);
    buddy_magazine_free(r.m, offset, 5);
    buddy_magazine_free(r.m, offset + 32, 2);
    buddy_magazine_free(r.m, offset + 36, 0);
    drop(&r);
}

static void a_block_is_extended_only_over_free_buddies_above_it(void **state)
{
    (void)state;
    rig r;
    make(&r, 64, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES});
    assert_int_equal(buddy_magazine_alloc(r.m, 6), 0);
    buddy_magazine_free(r.m, 4, 2); /* of the whole, (0, 2) and (12, 2) are kept */
    buddy_magazine_free(r.m, 8, 2);
    buddy_magazine_free(r.m, 16, 4);
    buddy_magazine_free(r.m, 32, 5);
    buddy_magazine_recall(r.m);
    assert_true(buddy_magazine_extend(r.m, 0, 2, 3));
    assert_false(buddy_magazine_extend(r.m, 0, 3, 4));  /* part of it is taken */
    assert_false(buddy_magazine_extend(r.m, 12, 2, 3)); /* its buddy lies below it */
    assert_int_equal(buddy_free_units(r.core), 64 - 12);
    buddy_magazine_free(r.m, 12, 2);
    buddy_magazine_recall(r.m);
    assert_true(buddy_magazine_extend(r.m, 0, 3, 6));
    assert_int_equal(buddy_free_units(r.core), 0);
    check(&r);
    buddy_magazine_free(r.m, 0, 6);
    drop(&r);
}

static void what_is_stocked_comes_back_by_a_flush_and_by_a_recall(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        rig r;
        make(&r, 4096, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES});
        uint32_t offsets[200];
        for (uint32_t i = 0; i < 200; i++) {
            offsets[i] = buddy_magazine_alloc(r.m, 1);
        }
        for (uint32_t i = 0; i < 200; i++) {
            buddy_magazine_free(r.m, offsets[i], 1);
        }
        buddy_magazine_stats stats = rig_stats(&r);
        assert_int_equal(stats.live_units, 0);
        assert_int_equal(stats.stocks, 1);
        assert_true(stats.stocked_units >= 200); /* most of them, and part of a batch */
        assert_int_equal(stats.stocked_units + buddy_free_units(r.core), 4096);
        if (how == 0) {
            buddy_magazine_flush(r.m); /* a depot may hold some still */
        } else if (how == 1) {
            buddy_magazine_recall(r.m);
        }
        if (how < 2) {
            stats = rig_stats(&r);
            assert_int_equal(stats.stocked_units, 0);
            assert_int_equal(buddy_free_units(r.core), 4096);
        }
        buddy_magazine_finish(r.m);
        assert_int_equal(buddy_free_units(r.core), 4096);
        assert_null(buddy_check(r.core));
        free(r.m);
        free(r.core);
    }
}

static void a_new_magazine_at_an_old_address_has_nothing_of_the_old(void **state)
{
    (void)state;
    rig r;
    make(&r, 1000, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES, .threads = 2});
    uint64_t id = r.m->front.id;
    size_t bytes = r.m->bytes;
    for (int i = 0; i < 50; i++) { /* more than there are seats */
        uint32_t offset = buddy_magazine_alloc(r.m, 2);
        assert_int_not_equal(offset, BUDDY_NONE);
        buddy_magazine_free(r.m, offset, 2);
        buddy_magazine_finish(r.m);
        assert_int_equal(buddy_free_units(r.core), 1000);
        buddy_magazine_desc desc = {.core = r.core, .stock_units = RIG_ALL_SHELVES, .threads = 2};
        memset((void *)r.m, 0xee, bytes);
        assert_ptr_equal(buddy_magazine_init(r.m, bytes, &desc), r.m);
        assert_int_not_equal(r.m->front.id, id);
        id = r.m->front.id;
        assert_int_equal(rig_stats(&r).stocks, 0);
        check(&r);
    }
    drop(&r);
}

/* ---- threads and their stocks ---- */

/* A thread that does as it is told, one thing at a time. */
typedef struct helper {
    pthread_t thread;
    pthread_barrier_t begin, end;
    rig *r; /* NULL: end */
    uint32_t calls;
} helper;

static void *obey(void *context)
{
    helper *t = context;
    for (;;) {
        pthread_barrier_wait(&t->begin);
        if (t->r == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < t->calls; i++) {
            buddy_magazine_free(t->r->m, buddy_magazine_alloc(t->r->m, 1), 1);
        }
        pthread_barrier_wait(&t->end);
    }
}

static void start(helper *t)
{
    pthread_barrier_init(&t->begin, NULL, 2);
    pthread_barrier_init(&t->end, NULL, 2);
    assert_int_equal(pthread_create(&t->thread, NULL, obey, t), 0);
}

/* Takes a block and gives it back, so often. */
static void tell(helper *t, rig *r, uint32_t calls)
{
    t->r = r;
    t->calls = calls;
    pthread_barrier_wait(&t->begin);
    pthread_barrier_wait(&t->end);
}

static void stop(helper *t)
{
    t->r = NULL;
    pthread_barrier_wait(&t->begin);
    pthread_join(t->thread, NULL);
    pthread_barrier_destroy(&t->begin);
    pthread_barrier_destroy(&t->end);
}

static void a_magazine_may_end_before_threads_that_had_a_stock_in_it(void **state)
{
    (void)state;
    helper t[3];
    rig r;
    make(&r, 1000, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES, .threads = 3});
    size_t bytes = r.m->bytes;
    for (int i = 0; i < 3; i++) {
        start(&t[i]);
        tell(&t[i], &r, 10);
    }
    assert_int_equal(rig_stats(&r).stocks, 3);
    buddy_magazine_finish(r.m);
    assert_int_equal(buddy_free_units(r.core), 1000);
    memset((void *)r.m, 0xee, bytes);
    stop(&t[0]); /* its end must not look at what is no more */
    buddy_magazine_desc desc = {.core = r.core, .stock_units = RIG_ALL_SHELVES, .threads = 3};
    assert_ptr_equal(buddy_magazine_init(r.m, bytes, &desc), r.m);
    tell(&t[1], &r, 10); /* and has a stock in the new one */
    assert_int_equal(rig_stats(&r).stocks, 1);
    stop(&t[1]);
    stop(&t[2]);
    assert_int_equal(rig_stats(&r).stocks, 0);
    drop(&r);
}

static void a_thread_without_a_stock_gets_one_that_becomes_free(void **state)
{
    (void)state;
    helper first, second;
    rig r;
    make(&r, 1000, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES, .threads = 1});
    start(&first);
    start(&second);
    tell(&first, &r, 1);
    assert_true(rig_stats(&r).stocked_units > 0);
    tell(&second, &r, 1000);
    uint64_t stocked = rig_stats(&r).stocked_units;
    assert_true(stocked <= 2); /* nothing of the second's */
    stop(&first);
    assert_int_equal(rig_stats(&r).stocks, 0);
    assert_int_equal(rig_stats(&r).stocked_units, 0);
    tell(&second, &r, 1000); /* it does not look at every call */
    assert_int_equal(rig_stats(&r).stocks, 1);
    assert_true(rig_stats(&r).stocked_units > 0);
    stop(&second);
    drop(&r);
}

/* ---- a strict gather ---- */

#define CHURNERS 3u
#define GATHERS  300000u

static _Atomic bool gathered;

/* Takes a unit and gives it back: the core is split to the last order and merged all the time. */
static void *churn_units(void *context)
{
    rig *r = context;
    while (!gathered) {
        uint32_t offset = buddy_magazine_alloc(r->m, 0);
        if (offset != BUDDY_NONE) {
            buddy_magazine_free(r->m, offset, 0);
        }
    }
    return NULL;
}

/* Threads without stocks are not kept out by a recall. They hold three units at most, so of eight
 * blocks of eight units four are free at any time but in the middle of a split or a merge. */
static void a_gather_is_not_refused_for_what_others_are_in_the_middle_of(void **state)
{
    (void)state;
    rig r;
    pthread_t threads[CHURNERS];
    buddy_block pieces[BUDDY_PIECES];
    uint32_t refusals = 0;
    gathered = false;
    make(&r, 64, (buddy_magazine_desc){.threads = BUDDY_MAGAZINE_NO_THREADS});
    for (uint32_t i = 0; i < CHURNERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn_units, &r), 0);
    }
    for (uint32_t i = 0; i < GATHERS; i++) {
        uint32_t count = buddy_magazine_gather(r.m, 32, 0, pieces);
        refusals += count == 0;
        for (uint32_t k = 0; k < count; k++) {
            buddy_magazine_free(r.m, pieces[k].offset, pieces[k].order);
        }
    }
    gathered = true;
    for (uint32_t i = 0; i < CHURNERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(refusals, 0);
    drop(&r);
}

/* ---- the check ---- */

/* A rig with blocks of order 1 in its one stock. */
static buddy_magazine_shelf *make_stocked(rig *r)
{
    make(r, 1000, (buddy_magazine_desc){.stock_units = RIG_ALL_SHELVES, .threads = 2});
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t offset = buddy_magazine_alloc(r->m, 1);
        buddy_magazine_free(r->m, offset, 1);
    }
    check(r);
    return &magazine_stock_at(r->m, 0)->shelves[1];
}

static void assert_noticed(rig *r, const char *says)
{
    const char *fault = buddy_magazine_check(r->m);
    assert_non_null(fault);
    assert_string_equal(fault, says);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    rig r;
    buddy_magazine_shelf *shelf = make_stocked(&r);
    buddy_magazine_stock *stock = magazine_stock_at(r.m, 0);
    uint32_t *top = shelf->top, *limit = shelf->limit, item = shelf->base[0];
    const void *owner = stock->owner;
    shelf->base[0] = item + 1;
    assert_noticed(&r, "a stocked block is not aligned to its size");
    shelf->base[0] = 1000;
    assert_noticed(&r, "a stocked block lies outside the core");
    shelf->base[0] = item ^ 512; /* far from what is taken */
    assert_noticed(&r, "a stocked block is free in the core");
    shelf->base[0] = item;
    shelf->top = shelf->base + r.m->most[1] + 1;
    assert_noticed(&r, "a shelf holds more than it may");
    shelf->top = top;
    shelf->limit = shelf->base + r.m->most[1] + 1;
    assert_noticed(&r, "a shelf holds more than it may");
    shelf->limit = limit;
    stock->owner = NULL;
    assert_noticed(&r, "a stock without an owner holds blocks");
    stock->owner = owner;
    stock->busy = 1;
    assert_noticed(&r, "a thread is busy with its stock, but nobody is at work");
    stock->busy = 0;
    r.m->front.state |= BUDDY_MAGAZINE_RECALLED;
    assert_noticed(&r, "a recall is under way, but nobody is at work");
    r.m->front.state &= ~(uint32_t)BUDDY_MAGAZINE_RECALLED;
    uint64_t out = r.m->out_units;
    r.m->out_units = 0;
    assert_noticed(&r, "stocks hold more than was taken from the core");
    r.m->out_units = out;
    drop(&r);
}

int main(void)
{
    alarm(300); /* who waits for ever has found a deadlock */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_what_a_core_made_later_needs),
        cmocka_unit_test(a_core_grows_only_before_a_no),
        cmocka_unit_test(growing_goes_on_until_the_block_fits),
        cmocka_unit_test(nothing_grows_for_what_can_never_be),
        cmocka_unit_test(a_cut_block_leaves_the_rest_in_the_core),
        cmocka_unit_test(a_block_is_extended_only_over_free_buddies_above_it),
        cmocka_unit_test(what_is_stocked_comes_back_by_a_flush_and_by_a_recall),
        cmocka_unit_test(a_new_magazine_at_an_old_address_has_nothing_of_the_old),
        cmocka_unit_test(a_magazine_may_end_before_threads_that_had_a_stock_in_it),
        cmocka_unit_test(a_thread_without_a_stock_gets_one_that_becomes_free),
        cmocka_unit_test(a_gather_is_not_refused_for_what_others_are_in_the_middle_of),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
