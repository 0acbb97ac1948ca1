/* fork(): at the instant at which a process is copied its other threads may be on their way into a
 * stock or into the core, to find it closed and to turn back. In the child they never do. Real
 * threads are copied there once in many thousand forks, so here a handler that runs after the
 * magazine's own leaves what such a thread would have left.
 *
 * And a signal handler that forks may have interrupted its own thread in the middle of a call. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/core/core.h"
#include "tests/rigs/buddy/magazine_rig.h"
#include "tests/rigs/emulated.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static void make(rig *r, uint32_t units, uint32_t threads)
{
    buddy_magazine_desc desc = {.stock_units = RIG_ALL_SHELVES, .threads = threads};
    assert_true(rig_make(r, &(buddy_desc){.units = units}, desc));
}

static void drop(rig *r)
{
    const char *fault = rig_check_all_free(r);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    rig_drop(r);
}

/* ---- threads that are copied on their way in ---- */

static rig *copied;                 /* NULL: nobody is on the way */
static uint32_t stocks_on_the_way;  /* bit i: the owner of stock i */
static uint32_t arrivals_at_a_lane; /* threads at each lane */

static void arrive(void)
{
    for (uint32_t i = 0; copied != NULL && i < magazine_stocks_used(copied->m); i++) {
        magazine_stock_at(copied->m, i)->busy = stocks_on_the_way >> i & 1;
    }
    for (uint32_t i = 0; copied != NULL && i < copied->core->lanes; i++) {
        core_lane_at(copied->core, i)->inside += arrivals_at_a_lane;
    }
}

static void turn_back(void)
{
    for (uint32_t i = 0; copied != NULL && i < magazine_stocks_used(copied->m); i++) {
        magazine_stock_at(copied->m, i)->busy = 0;
    }
    for (uint32_t i = 0; copied != NULL && i < copied->core->lanes; i++) {
        core_lane_at(copied->core, i)->inside -= arrivals_at_a_lane;
    }
}

/* Takes all there is, to the strict no, and gives it back. */
static int live_as_a_child(rig *r)
{
    alarm(300); /* a child that hangs is a failure, not a wait */
    buddy_magazine_recall(r->m);
    if (rig_check(r) != NULL) {
        return 1;
    }
    uint32_t count = 0, free_units = buddy_free_units(r->core);
    uint32_t *offsets = malloc((free_units + 1) * sizeof offsets[0]);
    while ((offsets[count] = buddy_magazine_alloc(r->m, 0)) != BUDDY_NONE && count < free_units) {
        count++;
    }
    buddy_magazine_free_bulk(r->m, 0, count, offsets);
    buddy_magazine_recall(r->m);
    free(offsets);
    bool all = count == free_units && buddy_free_units(r->core) == free_units;
    return all && rig_check(r) == NULL ? 0 : 2;
}

static void fork_a_good_child(rig *r)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(live_as_a_child(r));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void *use_and_wait(void *context)
{
    pthread_barrier_t *at_rest = context;
    buddy_magazine_free(copied->m, buddy_magazine_alloc(copied->m, 1), 1);
    pthread_barrier_wait(at_rest);
    pthread_barrier_wait(at_rest);
    return NULL;
}

static void a_child_does_not_wait_for_threads_that_it_does_not_have(void **state)
{
    (void)state;
    rig r;
    make(&r, 5000, 3);
    copied = &r;
    buddy_magazine_free(r.m, buddy_magazine_alloc(r.m, 1), 1); /* our stock is the first */
    pthread_barrier_t at_rest;
    pthread_barrier_init(&at_rest, NULL, 3);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_and_wait, &at_rest), 0);
    }
    pthread_barrier_wait(&at_rest);
    for (uint32_t arrivals = 0; arrivals < 3; arrivals++) {
        for (stocks_on_the_way = 0; stocks_on_the_way < 8; stocks_on_the_way += 2) {
            arrivals_at_a_lane = arrivals;
            fork_a_good_child(&r);
            assert_int_equal(rig_stats(&r).stocks, 3); /* here they are as they were */
        }
    }
    copied = NULL;
    pthread_barrier_wait(&at_rest);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&at_rest);
    drop(&r);
}

/* ---- a fork that has interrupted its own thread, as in a signal handler ---- */

static void expect_good_end(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_thread_that_is_busy_forks(void **state)
{
    (void)state;
    rig r;
    make(&r, 5000, 4);
    buddy_magazine_free(r.m, buddy_magazine_alloc(r.m, 1), 1);
    buddy_magazine_stock *own = magazine_stock_at(r.m, 0);
    buddy_magazine_stats before = rig_stats(&r);
    assert_true(magazine_enter_any(r.m, own));
    pid_t child = fork();
    bool still = own->busy == 1;
    bool same = rig_stats(&r).stocked_units == before.stocked_units;
    buddy_magazine_leave(own);
    if (child == 0) {
        _exit(still && same ? live_as_a_child(&r) : 3);
    }
    expect_good_end(child);
    assert_true(still && same);
    drop(&r);
}

static pid_t forked; /* in grow */

/* buddy_magazine_desc.grow: a recall is under way. */
static bool fork_in_recall(void *context, uint32_t order)
{
    (void)context;
    (void)order;
    forked = forked == -1 ? fork() : forked;
    return false;
}

static void a_thread_that_holds_a_lock_forks(void **state)
{
    (void)state;
    static const uint32_t stocks[] = {4, BUDDY_MAGAZINE_NO_THREADS};
    for (int s = 0; s < 2; s++) {
        rig r = {.units = 0};
        buddy_magazine_desc desc = {.threads = stocks[s], .grow = fork_in_recall};
        assert_true(rig_make(&r, &(buddy_desc){.units = 64}, desc));
        forked = -1;
        uint32_t all = buddy_magazine_alloc(r.m, 6);
        assert_int_not_equal(all, BUDDY_NONE);
        assert_int_equal(buddy_magazine_alloc(r.m, 0), BUDDY_NONE);
        buddy_magazine_free(r.m, all, 6);
        if (forked == 0) {
            _exit(live_as_a_child(&r));
        }
        assert_true(forked > 0);
        expect_good_end(forked);
        drop(&r);
    }
}

/* ---- under load ---- */

static _Atomic bool ended;

typedef struct worker {
    pthread_t thread;
    rig *r;
    uint64_t random;
} worker;

static void *churn(void *context)
{
    worker *w = context;
    uint32_t offsets[32], orders[32], count = 0;
    while (!ended || count > 0) {
        if (count < 32 && !ended && seed_below(&w->random, 2) == 0) {
            orders[count] = seed_below(&w->random, 4);
            offsets[count] = buddy_magazine_alloc(w->r->m, orders[count]);
            count += offsets[count] != BUDDY_NONE;
        } else if (count > 0) {
            count--;
            buddy_magazine_free(w->r->m, offsets[count], orders[count]);
        }
    }
    return NULL;
}

static void a_process_forks_under_load(void **state)
{
    (void)state;
    if (is_emulated()) {
        skip(); /* see emulated.h */
    }
    static const uint32_t stocks[] = {4, 1, BUDDY_MAGAZINE_NO_THREADS};
    for (int s = 0; s < 3; s++) {
        rig r[2]; /* as a process with more than one heap */
        worker workers[4];
        make(&r[0], 5000, stocks[s]);
        make(&r[1], 200, stocks[s]);
        ended = false;
        for (int i = 0; i < 4; i++) {
            workers[i] = (worker){.r = &r[i % 2], .random = seed_next(&seed)};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, churn, &workers[i]), 0);
        }
        for (int i = 0; i < 20; i++) {
            fork_a_good_child(&r[i % 2]);
        }
        ended = true;
        for (int i = 0; i < 4; i++) {
            pthread_join(workers[i].thread, NULL);
        }
        drop(&r[0]);
        drop(&r[1]);
    }
}

int main(void)
{
    alarm(300); /* who waits for ever has found a deadlock */
    seed = seed_of_run();
    /* Before any magazine: such handlers run last before a fork, and first after it. */
    assert_int_equal(pthread_atfork(arrive, turn_back, NULL), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_does_not_wait_for_threads_that_it_does_not_have),
        cmocka_unit_test(a_process_forks_under_load),
        cmocka_unit_test(a_thread_that_is_busy_forks),
        cmocka_unit_test(a_thread_that_holds_a_lock_forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
