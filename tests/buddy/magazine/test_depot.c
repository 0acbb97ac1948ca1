/* The depot alone: batches arrive whole, and exactly once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/magazine/depot.h"
#include "tests/rigs/seed.h"

#define BATCHES 20000u /* of each giver */
#define GIVERS  3u
#define TAKERS  3u

static uint64_t seed;
static depot d;
static _Atomic uint8_t arrived[GIVERS * BATCHES];
static _Atomic uint32_t given, torn, taken;

/* Batch `number`: its number and length, again and again. */
static uint32_t fill(uint32_t items[DEPOT_BATCH], uint32_t number)
{
    uint32_t count = 1 + number * UINT32_C(2654435769) % DEPOT_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = number * DEPOT_BATCH + i;
    }
    return count;
}

/* Whether what came is a batch as it was given; its number. */
static bool is_whole(const uint32_t items[], uint32_t count, uint32_t *number)
{
    uint32_t expected[DEPOT_BATCH];
    *number = items[0] / DEPOT_BATCH;
    return *number < GIVERS * BATCHES && fill(expected, *number) == count &&
           memcmp(items, expected, count * sizeof items[0]) == 0;
}

static void *give(void *context)
{
    uint32_t first = *(const uint32_t *)context, items[DEPOT_BATCH];
    for (uint32_t i = 0; i < BATCHES; i++) {
        uint32_t count = fill(items, first + i);
        while (!depot_put(&d, items, count)) {
            sched_yield();
        }
    }
    given++;
    return NULL;
}

static void *take(void *context)
{
    (void)context;
    uint32_t items[DEPOT_BATCH], number;
    for (;;) {
        bool last = given == GIVERS; /* before we look: then nothing comes after */
        uint32_t count = depot_take(&d, items);
        if (count != 0 && is_whole(items, count, &number)) {
            arrived[number]++;
            taken++;
        } else if (count != 0) {
            torn++;
        } else if (last) {
            return NULL;
        } else {
            sched_yield();
        }
    }
}

static void every_batch_arrives_whole_and_once(void **state)
{
    (void)state;
    pthread_t threads[GIVERS + TAKERS];
    uint32_t firsts[GIVERS];
    for (uint32_t i = 0; i < GIVERS + TAKERS; i++) {
        void *context = NULL;
        if (i < GIVERS) {
            firsts[i] = i * BATCHES;
            context = &firsts[i];
        }
        assert_int_equal(pthread_create(&threads[i], NULL, i < GIVERS ? give : take, context), 0);
    }
    for (uint32_t i = 0; i < GIVERS + TAKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(torn, 0);
    assert_int_equal(taken, GIVERS * BATCHES);
    for (uint32_t i = 0; i < GIVERS * BATCHES; i++) {
        assert_int_equal(arrived[i], 1);
    }
    assert_int_equal(depot_count(&d), 0);
}

static void a_full_depot_takes_no_more_and_loses_nothing(void **state)
{
    (void)state;
    memset(&d, 0, sizeof d);
    uint32_t items[DEPOT_BATCH], sum = 0, number;
    for (int round = 0; round < 500; round++) {
        uint32_t held = 0, goal = seed_below(&seed, DEPOT_SLOTS + 1), first = 10 * (uint32_t)round;
        for (; held < goal; held++) {
            uint32_t count = fill(items, first + held);
            assert_true(depot_put(&d, items, count));
            sum += count;
            assert_int_equal(depot_count(&d), sum);
        }
        assert_int_equal(depot_put(&d, items, 1), goal < DEPOT_SLOTS);
        sum += goal < DEPOT_SLOTS;
        for (uint32_t count; (count = depot_take(&d, items)) != 0; held -= count != 1) {
            assert_true(count == 1 || is_whole(items, count, &number));
            sum -= count;
            assert_int_equal(depot_count(&d), sum);
        }
        assert_int_equal(sum, 0);
    }
}

int main(void)
{
    alarm(300); /* who waits for ever has found a batch lost */
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_batch_arrives_whole_and_once),
        cmocka_unit_test(a_full_depot_takes_no_more_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
