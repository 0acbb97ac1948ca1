/* The core under threads. A map beside it says who owns each unit, so that a unit handed out twice
 * is caught at once; at the end all is given back and the free blocks must be those of a new core.
 * Refusals of the strict door are tested where counting alone says that there is a block. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rigs/buddy/buddy_model.h"
#include "tests/rigs/seed.h"

#define MOST_THREADS 8
#define MOST_LIVE    256
#define MOST_UNITS   20001

static uint64_t seed;

/* What all workers of one run share. */
typedef struct arena {
    buddy *b;
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
    uint32_t refused; /* strict requests */
    uint32_t taken;   /* blocks, in all */
    buddy_block live[MOST_LIVE];
    uint32_t live_count;
} worker;

static void own(worker *w, uint32_t offset, uint32_t order)
{
    for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
        /* relaxed: the core itself must order owners; the map only counts them */
        w->stolen +=
            atomic_exchange_explicit(&w->a->owner[offset + i], w->id, memory_order_relaxed) != 0;
    }
    w->live[w->live_count++] = (buddy_block){offset, order};
    w->taken++;
}

/* Takes entry i out of the worker's books; the caller gives it back to the core. */
static buddy_block disown(worker *w, uint32_t i)
{
    buddy_block block = w->live[i];
    for (uint32_t u = 0; u < UINT32_C(1) << block.order; u++) {
        w->stolen += atomic_exchange_explicit(&w->a->owner[block.offset + u], 0,
                                              memory_order_relaxed) != w->id;
    }
    w->live[i] = w->live[--w->live_count];
    return block;
}

static void free_one(worker *w)
{
    if (w->live_count > 0) {
        buddy_block block = disown(w, seed_below(&w->random, w->live_count));
        buddy_free(w->a->b, block.offset, block.order);
    }
}

static void free_all(worker *w)
{
    while (w->live_count > 0) {
        free_one(w);
    }
}

/* ---- one step of a random worker ---- */

static void take_one(worker *w)
{
    uint32_t order = seed_below(&w->random, 1 + seed_below(&w->random, 9));
    uint32_t near = seed_below(&w->random, 2) ? 0 : seed_below(&w->random, w->a->units);
    bool strict = seed_below(&w->random, 4) == 0;
    uint32_t offset = strict ? buddy_alloc(w->a->b, order, near) : buddy_try(w->a->b, order, near);
    if (offset != BUDDY_NONE) {
        own(w, offset, order);
    }
}

static void take_bulk(worker *w)
{
    uint32_t offsets[80], order = seed_below(&w->random, 3);
    uint32_t count = seed_below(&w->random, 81);
    count = count < MOST_LIVE - w->live_count ? count : MOST_LIVE - w->live_count;
    count = buddy_try_bulk(w->a->b, order, seed_below(&w->random, w->a->units), count, offsets);
    for (uint32_t i = 0; i < count; i++) {
        own(w, offsets[i], order);
    }
}

/* Gives back many blocks of one order in one call. */
static void free_bulk(worker *w)
{
    uint32_t offsets[MOST_LIVE], count = 0, order = seed_below(&w->random, 3);
    for (uint32_t i = w->live_count; i-- > 0;) {
        if (w->live[i].order == order) {
            offsets[count++] = disown(w, i).offset;
        }
    }
    buddy_free_bulk(w->a->b, order, count, offsets);
}

static void gather(worker *w)
{
    buddy_block pieces[BUDDY_PIECES];
    uint32_t units = 1 + seed_below(&w->random, 300);
    uint32_t count = buddy_gather(w->a->b, units, seed_below(&w->random, w->a->units), pieces);
    for (uint32_t i = 0; i < count; i++) {
        own(w, pieces[i].offset, pieces[i].order);
    }
}

/* Reserves a few units, looks whether anybody has them, and releases them. */
static void reserve(worker *w)
{
    uint32_t count = 1 + seed_below(&w->random, w->a->units < 40 ? w->a->units : 40);
    uint32_t offset = seed_below(&w->random, w->a->units - count + 1);
    if (!buddy_reserve(w->a->b, offset, count)) {
        return;
    }
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < count; i++) {
            uint8_t before = round == 0 ? 0 : w->id, after = round == 0 ? w->id : 0;
            w->stolen += atomic_exchange_explicit(&w->a->owner[offset + i], after,
                                                  memory_order_relaxed) != before;
        }
    }
    buddy_release(w->a->b, offset, count);
}

static void random_step(worker *w)
{
    uint32_t room = MOST_LIVE - w->live_count;
    uint32_t what = seed_below(&w->random, 32);
    if (what < 12 && room > 0) {
        take_one(w);
    } else if (what < 14) {
        take_bulk(w);
    } else if (what < 16) {
        free_bulk(w);
    } else if (what < 18 && room >= BUDDY_PIECES) {
        gather(w);
    } else if (what == 18) {
        reserve(w);
    } else {
        free_one(w);
    }
}

static void *work_randomly(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        random_step(w);
        if (seed_below(&w->random, 16) == 0) {
            sched_yield(); /* two processors alone would meet too seldom */
        }
    }
    free_all(w);
    return NULL;
}

/* ---- running them ---- */

typedef struct result {
    uint32_t stolen, refused, taken;
} result;

static void make(arena *a, uint32_t units, uint32_t threads)
{
    memset(a, 0, sizeof *a);
    buddy_desc desc = {.units = units};
    size_t bytes = buddy_sizeof(&desc);
    a->b = buddy_init(aligned_alloc(64, bytes), bytes, &desc);
    assert_non_null(a->b);
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
    const char *fault = buddy_check(a->b);
    if (fault != NULL) {
        fail_msg("%u units, %u threads: %s", a->units, a->threads, fault);
    }
}

/* Everything has been given back: the free blocks must be those of a new core. */
static void check_all_free(const arena *a)
{
    check(a);
    buddy_model m;
    assert_true(buddy_model_init(&m, &(buddy_desc){.units = a->units}));
    const char *fault = buddy_model_compare(&m, a->b);
    if (fault != NULL) {
        fail_msg("%u units, %u threads: %s", a->units, a->threads, fault);
    }
    buddy_model_finish(&m);
}

static void drop(arena *a)
{
    free(a->b);
}

static const uint32_t THREADS[] = {2, 3, 5, 8};
static arena shared;

static void no_unit_has_two_owners_and_all_given_back_is_all_merged(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {63, 64, 1000, 4097, 20001};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t t = 0; t < sizeof THREADS / sizeof THREADS[0]; t++) {
            make(&shared, sizes[s], THREADS[t]);
            shared.steps = 36000 / THREADS[t];
            result r = run(&shared, work_randomly);
            assert_int_equal(r.stolen, 0);
            assert_int_not_equal(r.taken, 0);
            check_all_free(&shared);
            drop(&shared);
        }
    }
}

/* ---- filling ---- */

/* Takes blocks of a->order through the strict door until it says no. Does not keep them in the
 * books: there may be many. */
static void *fill_up(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (;;) {
        uint32_t offset = buddy_alloc(w->a->b, w->a->order, seed_below(&w->random, w->a->units));
        if (offset == BUDDY_NONE) {
            return NULL;
        }
        w->live_count = 0;
        own(w, offset, w->a->order);
    }
}

static void threads_fill_a_core_to_the_last_block(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 65, 4097, 20001};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t t = 0; t < sizeof THREADS / sizeof THREADS[0]; t++) {
            make(&shared, sizes[s], THREADS[t]);
            shared.order = sizes[s] > 64 ? 2 * (uint32_t)(t % 2) : 0;
            result r = run(&shared, fill_up);
            assert_int_equal(r.stolen, 0);
            assert_int_equal(r.taken, sizes[s] >> shared.order);
            check(&shared);
            assert_int_equal(buddy_free_units(shared.b), sizes[s] - (r.taken << shared.order));
            drop(&shared);
        }
    }
}

/* ---- the strict door ---- */

/* Keeps up to a->quota blocks, coming and going, and counts refusals: there must be none. */
static void *churn_within_quota(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        if (w->live_count < w->a->quota && seed_below(&w->random, 8) != 0) {
            uint32_t near = seed_below(&w->random, w->a->units);
            uint32_t offset = buddy_alloc(w->a->b, w->a->order, near);
            if (offset == BUDDY_NONE) {
                w->refused++;
            } else {
                own(w, offset, w->a->order);
            }
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
    for (size_t t = 0; t < sizeof THREADS / sizeof THREADS[0]; t++) {
        for (uint32_t order = 0; order < 4; order += 3) {
            uint32_t quota = 7 + THREADS[t];
            uint32_t blocks = quota * THREADS[t];
            make(&shared, (blocks << order) + (order > 0), THREADS[t]);
            shared.quota = quota;
            shared.order = order;
            shared.steps = 60000 / THREADS[t];
            result r = run(&shared, churn_within_quota);
            assert_int_equal(r.stolen, 0);
            assert_int_equal(r.refused, 0);
            check_all_free(&shared);
            drop(&shared);
        }
    }
}

/* Takes all units and gives `count` of them back, here and there: so few that words, and the words
 * of their summaries, are empty now and not empty then. */
static void leave_free(arena *a, uint32_t count)
{
    static uint32_t all[MOST_UNITS];
    assert_int_equal(buddy_try_bulk(a->b, 0, 0, a->units, all), a->units);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pick = i + seed_below(&seed, a->units - i);
        buddy_free(a->b, all[pick], 0);
        all[pick] = all[i];
    }
}

static void the_last_few_units_are_always_found(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof THREADS / sizeof THREADS[0]; t++) {
        for (uint32_t quota = 1; quota <= 3; quota++) {
            make(&shared, MOST_UNITS, THREADS[t]);
            shared.quota = quota;
            shared.steps = 40000 / THREADS[t];
            leave_free(&shared, quota * THREADS[t]);
            result r = run(&shared, churn_within_quota);
            assert_int_equal(r.stolen, 0);
            assert_int_equal(r.refused, 0);
            check(&shared);
            assert_int_equal(buddy_free_units(shared.b), quota * THREADS[t]);
            drop(&shared);
        }
    }
}

/* Holds up to three units, wherever they lie, and asks for a block of 16 now and then. At most four
 * blocks of 16 are touched by each worker at a time, three when it asks: four for each must do. */
static void *pin_and_ask(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&w->a->start);
    for (uint32_t i = 0; i < w->a->steps; i++) {
        uint32_t near = seed_below(&w->random, w->a->units);
        if (w->live_count < 3 && seed_below(&w->random, 3) != 0) {
            uint32_t offset = buddy_try(w->a->b, 0, near);
            if (offset != BUDDY_NONE) {
                own(w, offset, 0);
            }
        } else {
            free_one(w);
        }
        uint32_t offset = buddy_alloc(w->a->b, 4, near);
        if (offset == BUDDY_NONE) {
            w->refused++;
        } else {
            own(w, offset, 4);
            buddy_block block = disown(w, w->live_count - 1);
            buddy_free(w->a->b, block.offset, block.order);
        }
    }
    free_all(w);
    return NULL;
}

static void nobody_is_refused_while_there_are_more_blocks_than_pins(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof THREADS / sizeof THREADS[0]; t++) {
        make(&shared, 16 * 4 * THREADS[t], THREADS[t]);
        shared.steps = 40000 / THREADS[t];
        result r = run(&shared, pin_and_ask);
        assert_int_equal(r.stolen, 0);
        assert_int_equal(r.refused, 0);
        check_all_free(&shared);
        drop(&shared);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_unit_has_two_owners_and_all_given_back_is_all_merged),
        cmocka_unit_test(threads_fill_a_core_to_the_last_block),
        cmocka_unit_test(nobody_is_refused_while_all_quotas_together_just_fit),
        cmocka_unit_test(the_last_few_units_are_always_found),
        cmocka_unit_test(nobody_is_refused_while_there_are_more_blocks_than_pins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
