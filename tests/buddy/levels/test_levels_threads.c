/* The levels under threads, with spinlocks and with mutexes: a map beside them says who owns each
 * unit, refusals are counted where counting says that there is a block, and requests are made to
 * wait by chance. (test_levels_steps.c makes them wait step by step.) */
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
#include "tests/rigs/seed.h"

#define MOST_THREADS 8
#define MOST_LIVE    256
#define MOST_UNITS   20001

static uint64_t seed;

static const uint32_t THREADS[] = {1, 2, 3, 5, 7};
#define THREAD_COUNT (sizeof THREADS / sizeof THREADS[0])

/* What all workers of one run share. */
typedef struct arena {
    buddy_levels *l;
    uint32_t units, threads;
    uint32_t steps; /* of each worker */
    uint32_t quota; /* blocks that each worker may hold, where that matters */
    uint32_t order; /* of those blocks */
    pthread_barrier_t start;
    _Atomic uint8_t owner[MOST_UNITS]; /* worker + 1, 0: nobody */
} arena;

/* One thread, and what it found wrong: cmocka's asserts work on the main thread only. */
typedef struct worker {
    arena *a;
    uint64_t random;
    uint8_t id;       /* from 1 */
    uint32_t stolen;  /* units that had an owner already */
    uint32_t refused; /* requests */
    uint32_t taken;   /* blocks, in all */
    buddy_block live[MOST_LIVE];
    uint32_t live_count;
} worker;

static void own(worker *w, uint32_t offset, uint32_t order)
{
    for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
        /* relaxed: the levels must order owners; the map only counts them */
        w->stolen +=
            atomic_exchange_explicit(&w->a->owner[offset + i], w->id, memory_order_relaxed) != 0;
    }
    w->live[w->live_count++] = (buddy_block){offset, order};
    w->taken++;
}

/* Takes a block, and puts it into the books. */
static void take_one(worker *w, uint32_t order)
{
    uint32_t offset = buddy_levels_alloc(w->a->l, order);
    if (offset == BUDDY_NONE) {
        w->refused++;
    } else {
        own(w, offset, order);
    }
}

static void free_one(worker *w)
{
    if (w->live_count == 0) {
        return;
    }
    uint32_t i = seed_below(&w->random, w->live_count);
    buddy_block block = w->live[i];
    for (uint32_t u = 0; u < UINT32_C(1) << block.order; u++) {
        /* relaxed: as above */
        w->stolen += atomic_exchange_explicit(&w->a->owner[block.offset + u], 0,
                                              memory_order_relaxed) != w->id;
    }
    w->live[i] = w->live[--w->live_count];
    buddy_levels_free(w->a->l, block.offset, block.order);
}

static void free_all(worker *w)
{
    while (w->live_count > 0) {
        free_one(w);
    }
}

/* ---- running them ---- */

typedef struct result {
    uint32_t stolen, refused, taken;
} result;

static void make(arena *a, uint32_t units, uint32_t threads, buddy_levels_sync sync)
{
    memset(a, 0, sizeof *a);
    a->l = make_levels(units, sync);
    a->units = units;
    a->threads = threads;
}

static result run(arena *a, void *(*body)(void *))
{
    static worker workers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    result r = {0};
    pthread_barrier_init(&a->start, NULL, a->threads);
    for (uint32_t i = 0; i < a->threads; i++) {
        memset(&workers[i], 0, sizeof workers[i]);
        workers[i].a = a;
        workers[i].random = seed_next(&seed);
        workers[i].id = (uint8_t)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, body, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < a->threads; i++) {
        pthread_join(threads[i], NULL);
        r.stolen += workers[i].stolen;
        r.refused += workers[i].refused;
        r.taken += workers[i].taken;
    }
    pthread_barrier_destroy(&a->start);
    return r;
}

static void check(const arena *a)
{
    const char *fault = buddy_levels_check(a->l);
    if (fault != NULL) {
        fail_msg("%u units, %u threads: %s", a->units, a->threads, fault);
    }
}

/* Everything has been given back: the free blocks must be those of a new one. */
static void check_all_free(const arena *a)
{
    check(a);
    buddy_levels_stats stats;
    buddy_levels_get_stats(a->l, &stats);
    for (uint32_t order = 0; order <= stats.max_order; order++) {
        assert_int_equal(stats.free_blocks[order], a->units >> order & 1);
    }
    assert_int_equal(stats.splits, stats.merges);
}

static arena shared;

/* ---- by chance ---- */

static void *work_randomly(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        if (w->live_count < MOST_LIVE && seed_below(&w->random, 2) == 0) {
            take_one(w, seed_below(&w->random, 1 + seed_below(&w->random, 11)));
        } else {
            free_one(w);
        }
        if (seed_below(&w->random, 16) == 0) {
            sched_yield(); /* two processors alone would meet too seldom */
        }
    }
    free_all(w);
    return NULL;
}

static void no_unit_has_two_owners_and_all_given_back_is_all_merged(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {63, 64, 1000, 4097, 20001};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t t = 0; t < THREAD_COUNT * SYNC_COUNT; t++) {
            uint32_t threads = THREADS[t / SYNC_COUNT];
            make(&shared, sizes[s], threads, SYNCS[t % SYNC_COUNT]);
            shared.steps = 20000 / threads;
            result r = run(&shared, work_randomly);
            assert_int_equal(r.stolen, 0);
            assert_int_not_equal(r.taken, 0);
            check_all_free(&shared);
            drop_levels(shared.l);
        }
    }
}

/* Takes blocks of a->order until it is refused. Does not keep them in the books. */
static void *fill_up(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    while (w->refused == 0) {
        w->live_count = 0;
        take_one(w, w->a->order);
    }
    return NULL;
}

static void threads_fill_it_to_the_last_block(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 7, 65, 4097, 20001};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t t = 0; t < THREAD_COUNT * SYNC_COUNT; t++) {
            for (uint32_t order = 0; order <= 4 && sizes[s] >> order != 0; order++) {
                make(&shared, sizes[s], THREADS[t / SYNC_COUNT], SYNCS[t % SYNC_COUNT]);
                shared.order = order;
                result r = run(&shared, fill_up);
                assert_int_equal(r.stolen, 0);
                assert_int_equal(r.taken, sizes[s] >> order);
                check(&shared);
                drop_levels(shared.l);
            }
        }
    }
}

/* Keeps up to a->quota blocks, coming and going, and counts refusals: there must be none. */
static void *churn_within_quota(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        if (w->live_count < w->a->quota && seed_below(&w->random, 8) != 0) {
            take_one(w, w->a->order);
        } else if (seed_below(&w->random, 8) == 0) {
            free_all(w);
        } else {
            free_one(w);
        }
    }
    free_all(w);
    return NULL;
}

static void nobody_is_refused_while_all_quotas_together_just_fit(void **state)
{
    (void)state;
    for (size_t t = 0; t < THREAD_COUNT * SYNC_COUNT; t++) {
        for (uint32_t order = 0; order < 4; order += 3) {
            uint32_t threads = THREADS[t / SYNC_COUNT];
            for (uint32_t quota = 1; quota < 16; quota += 7) {
                uint32_t units = (quota * threads << order) + (order > 0);
                make(&shared, units, threads, SYNCS[t % SYNC_COUNT]);
                shared.quota = quota;
                shared.order = order;
                shared.steps = 20000 / threads;
                result r = run(&shared, churn_within_quota);
                assert_int_equal(r.stolen, 0);
                assert_int_equal(r.refused, 0);
                check_all_free(&shared);
                drop_levels(shared.l);
            }
        }
    }
}

/* Holds up to three units, wherever they lie, and asks for a block of 16 now and then. At most four
 * blocks of 16 are touched by each worker at a time: four for each must do. */
static void *pin_and_ask(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        if (w->live_count < 3 && seed_below(&w->random, 3) != 0) {
            take_one(w, 0);
        } else {
            free_one(w);
        }
        uint32_t offset = buddy_levels_alloc(w->a->l, 4);
        if (offset == BUDDY_NONE) {
            w->refused++;
        } else {
            buddy_levels_free(w->a->l, offset, 4);
        }
    }
    free_all(w);
    return NULL;
}

static void nobody_is_refused_while_there_are_more_blocks_than_pins(void **state)
{
    (void)state;
    for (size_t t = 0; t < THREAD_COUNT * SYNC_COUNT; t++) {
        uint32_t threads = THREADS[t / SYNC_COUNT];
        make(&shared, 16 * 4 * threads, threads, SYNCS[t % SYNC_COUNT]);
        shared.steps = 20000 / threads;
        result r = run(&shared, pin_and_ask);
        assert_int_equal(r.stolen, 0);
        assert_int_equal(r.refused, 0);
        check_all_free(&shared);
        drop_levels(shared.l);
    }
}

/* Takes a unit and gives it back: every one is split off the only large block. */
static void *take_and_give(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        take_one(w, 0);
        free_one(w);
    }
    return NULL;
}

static void requests_wait_for_splits_in_flight(void **state)
{
    (void)state;
    for (size_t s = 0; s < SYNC_COUNT; s++) {
        uint32_t most = 0, tries = 0;
        for (; most == 0 && tries < 200; tries++) {
            make(&shared, 16384, 4, SYNCS[s]);
            shared.steps = 2000;
            result r = run(&shared, take_and_give);
            assert_int_equal(r.stolen + r.refused, 0);
            check_all_free(&shared);
            buddy_levels_stats stats;
            buddy_levels_get_stats(shared.l, &stats);
            for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
                assert_true(stats.pending_high_water[order] < 4);
                most =
                    most < stats.pending_high_water[order] ? stats.pending_high_water[order] : most;
            }
            drop_levels(shared.l);
        }
        print_message("flavour %u: up to %u waited, in try %u\n", (unsigned)SYNCS[s], most, tries);
        assert_int_not_equal(most, 0);
    }
}

int main(void)
{
    alarm(300); /* who waits forever has failed */
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_unit_has_two_owners_and_all_given_back_is_all_merged),
        cmocka_unit_test(threads_fill_it_to_the_last_block),
        cmocka_unit_test(nobody_is_refused_while_all_quotas_together_just_fit),
        cmocka_unit_test(nobody_is_refused_while_there_are_more_blocks_than_pins),
        cmocka_unit_test(requests_wait_for_splits_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
