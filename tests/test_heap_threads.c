/* The heap under threads: exactly one free of a block succeeds, and no byte has two owners. */
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

#include "buddy/heap.h"
#include "painted.h"

static uint64_t seed;

static heap *make(size_t units)
{
    heap *h = heap_create(&(heap_desc){.bytes = units * 64});
    assert_non_null(h);
    return h;
}

/* All has been given back: checks that the heap is whole, and destroys it. */
static void drop(heap *h)
{
    heap_stats stats;
    heap_recall(h);
    heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.core.free_units, stats.core.units);
    const char *fault = heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    heap_destroy(h);
}

#define RACERS 2
#define RACES  2000

typedef struct race {
    heap *h;
    pthread_barrier_t start, end;
    void *block;
    _Atomic uint32_t wins, losses;
} race;

static void *race_to_free(void *context)
{
    race *r = context;
    for (int i = 0; i < RACES; i++) {
        pthread_barrier_wait(&r->start);
        heap_status status = heap_free(r->h, r->block);
        atomic_fetch_add(status == HEAP_OK ? &r->wins : &r->losses, 1);
        pthread_barrier_wait(&r->end);
    }
    return NULL;
}

static void of_two_threads_that_free_one_block_exactly_one_wins(void **state)
{
    (void)state;
    race r = {.h = make(4096)};
    pthread_barrier_init(&r.start, NULL, RACERS + 1);
    pthread_barrier_init(&r.end, NULL, RACERS + 1);
    pthread_t threads[RACERS];
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race_to_free, &r), 0);
    }
    for (uint32_t i = 0; i < RACES; i++) {
        r.block = heap_alloc(r.h, 64u << i % 8);
        pthread_barrier_wait(&r.start);
        pthread_barrier_wait(&r.end);
        assert_int_equal(r.wins, i + 1);
        assert_int_equal(r.losses, i + 1);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&r.start);
    pthread_barrier_destroy(&r.end);
    drop(r.h);
}

/* ---- a free while the block is resized ---- */

#define RESIZES 8000

typedef struct resize_race {
    heap *h;
    _Atomic int started, ended; /* rounds; a barrier would wake one of the two far too late */
    void *block;
    size_t bytes;
    heap_status freed; /* written by the thread that frees */
} resize_race;

static void wait_for(const _Atomic int *rounds, int round)
{
    while (*rounds < round) {
        sched_yield();
    }
}

/* Some steps that nobody optimises away: the two meet in another place each round. */
static void linger(int steps)
{
    for (volatile int i = 0; i < steps; i++) {
    }
}

static void *free_while_resized(void *context)
{
    resize_race *r = context;
    for (int i = 1; i <= RESIZES; i++) {
        wait_for(&r->started, i);
        linger(i / 8 % 200);
        r->freed = heap_free(r->h, r->block);
        r->ended = i;
    }
    return NULL;
}

/* One round: one of the two has the block in the end, and all of it. */
static void race_once(resize_race *r, int round)
{
    static const struct {
        size_t from, to;
        bool exact;
    } sizes[] = {{16, 4, false}, {2, 1, false}, {4, 16, false}, {1, 2, false},
                 {16, 1, false}, {13, 6, true}, {3, 1, true},   {13, 40, true}};
    size_t from = sizes[round % 8].from * 64;
    r->bytes = sizes[round % 8].to * 64;
    r->block = sizes[round % 8].exact ? heap_exact(r->h, from) : heap_alloc(r->h, from);
    assert_non_null(r->block);
    heap_recall(r->h); /* so that it can grow where it is */
    r->started = round;
    void *resized = heap_realloc(r->h, r->block, r->bytes);
    wait_for(&r->ended, round);
    if (r->freed == HEAP_OK) { /* before, or after it was resized where it is */
        assert_true(resized == NULL || resized == r->block);
    } else {
        assert_non_null(resized);
        assert_int_equal(heap_free_sized(r->h, resized, r->bytes), HEAP_OK);
    }
    heap_stats stats;
    heap_get_stats(r->h, &stats);
    assert_int_equal(stats.live_bytes, 0);
}

static void of_a_free_and_a_resize_one_has_the_block_in_the_end(void **state)
{
    (void)state;
    resize_race r = {.h = make(4096)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_while_resized, &r), 0);
    for (int i = 1; i <= RESIZES; i++) {
        race_once(&r, i);
    }
    pthread_join(thread, NULL);
    drop(r.h);
}

#define WORKERS 4

typedef struct worker {
    heap *h;
    uint64_t random;
    uint32_t faults;
} worker;

static void *work(void *context)
{
    worker *w = context;
    live_block live[64];
    uint32_t count = 0;
    for (int step = 0; step < 20000; step++) {
        if (count < 64 && seed_below(&w->random, 2)) {
            live[count] = take_random(w->h, &w->random);
            if (live[count].bytes > 0) {
                paint(live[count++]);
            }
        } else if (count > 0) {
            uint32_t i = seed_below(&w->random, count);
            w->faults += !still_painted(live[i]);
            w->faults += heap_free(w->h, live[i].start) != HEAP_OK;
            live[i] = live[--count];
        }
    }
    for (; count > 0; count--) {
        w->faults += !still_painted(live[count - 1]);
        w->faults += heap_free(w->h, live[count - 1].start) != HEAP_OK;
    }
    return NULL;
}

static void threads_never_share_a_byte(void **state)
{
    (void)state;
    heap *h = make(3001); /* small enough to run full */
    worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.h = h, .random = seed_next(&seed)};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].faults, 0);
    }
    drop(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_threads_that_free_one_block_exactly_one_wins),
        cmocka_unit_test(of_a_free_and_a_resize_one_has_the_block_in_the_end),
        cmocka_unit_test(threads_never_share_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
