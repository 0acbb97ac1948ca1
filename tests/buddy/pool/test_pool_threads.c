/* Pools under threads: no object has two owners, the last one is found by whoever asks, and of two
 * who free an object one succeeds. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "buddy/pool.h"
#include "tests/rigs/buddy/pool_rig.h"
#include "tests/rigs/seed.h"

/* Objects side by side. */
typedef struct run {
    int *start;
    uint32_t count;
} run;

static uint64_t seed;

static _Atomic uint32_t taken, damaged;

static void *take_all(void *context)
{
    ints *p = context;
    uint32_t count = 0;
    int **mine = malloc(200000 * sizeof *mine);
    static _Atomic int next;
    int mark = ++next;
    while (count < 200000 && (mine[count] = ints_alloc(p)) != NULL) {
        *mine[count++] = mark;
    }
    taken += count;
    for (uint32_t i = 0; i < count; i++) {
        damaged += *mine[i] != mark;
    }
    free(mine); /* the objects stay taken: the last thread must find the last one */
    return NULL;
}

static void of_any_capacity_every_object_is_handed_out(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 3, 7};
    for (size_t t = 0; t < 3; t++) {
        uint32_t capacity = 1 + 2 * seed_below(&seed, 50000);
        ints *p = ints_create(&(buddy_pool_desc){.capacity = capacity});
        assert_non_null(p);
        taken = damaged = 0;
        pthread_t ids[7];
        for (uint32_t i = 0; i < threads[t]; i++) {
            assert_int_equal(pthread_create(&ids[i], NULL, take_all, p), 0);
        }
        for (uint32_t i = 0; i < threads[t]; i++) {
            pthread_join(ids[i], NULL);
        }
        assert_int_equal(taken, capacity);
        assert_int_equal(damaged, 0);
        expect_whole(ints_check(p));
        ints_destroy(p);
    }
}

#define RACERS 2
#define RACES  1000

typedef struct race {
    ints *p;
    pthread_barrier_t start, end;
    int *array;
    _Atomic uint32_t wins, losses;
} race;

static void *race_to_free(void *context)
{
    race *r = context;
    for (int i = 0; i < RACES; i++) {
        pthread_barrier_wait(&r->start);
        buddy_pool_status status = ints_free_array(r->p, r->array, 100);
        atomic_fetch_add(status == BUDDY_POOL_OK ? &r->wins : &r->losses, 1);
        pthread_barrier_wait(&r->end);
    }
    return NULL;
}

static void of_two_threads_that_free_an_array_exactly_one_wins(void **state)
{
    (void)state;
    race r = {.p = ints_create(&(buddy_pool_desc){.capacity = 1000, .checked = true})};
    assert_non_null(r.p);
    pthread_barrier_init(&r.start, NULL, RACERS + 1);
    pthread_barrier_init(&r.end, NULL, RACERS + 1);
    pthread_t ids[RACERS];
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&ids[i], NULL, race_to_free, &r), 0);
    }
    for (uint32_t i = 1; i <= RACES; i++) {
        r.array = ints_alloc_array(r.p, 100);
        pthread_barrier_wait(&r.start);
        pthread_barrier_wait(&r.end);
        assert_int_equal(r.wins, i);
        assert_int_equal(r.losses, i);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(ids[i], NULL);
    }
    pthread_barrier_destroy(&r.start);
    pthread_barrier_destroy(&r.end);
    drop_ints(r.p);
}

#define WORKERS 4
#define HELD    64u

typedef struct worker {
    ints *p;
    uint64_t random;
    int mark;
    uint32_t faults;
    pthread_mutex_t *lock;
    run *passed; /* one run that somebody else gives back; needs lock */
    run held[HELD];
    uint32_t count;
} worker;

static void paint_run(run r, int mark)
{
    for (uint32_t i = 0; i < r.count; i++) {
        r.start[i] = mark;
    }
}

static void give_painted(worker *w, run r)
{
    int mark = r.start[0];
    for (uint32_t i = 0; i < r.count; i++) {
        w->faults += r.start[i] != mark;
    }
    w->faults += (r.count == 1 ? ints_free(w->p, r.start)
                               : ints_free_array(w->p, r.start, r.count)) != BUDDY_POOL_OK;
}

/* Leaves `r` for another thread, and takes what one has left. */
static run pass_on(worker *w, run r)
{
    pthread_mutex_lock(w->lock);
    run other = *w->passed;
    *w->passed = r;
    pthread_mutex_unlock(w->lock);
    return other;
}

static void bulk_round(worker *w)
{
    int *objects[300];
    uint32_t count = ints_alloc_bulk(w->p, 1 + seed_below(&w->random, 300), objects);
    for (uint32_t i = 0; i < count; i++) {
        *objects[i] = w->mark;
    }
    for (uint32_t i = 0; i < count; i++) {
        w->faults += *objects[i] != w->mark;
    }
    w->faults += ints_free_bulk(w->p, count, objects) != BUDDY_POOL_OK;
}

static void take_step(worker *w)
{
    run r = {.count = 1 + seed_below(&w->random, 20)};
    r.count = seed_below(&w->random, 2) ? 1 : r.count;
    r.start = r.count == 1 ? ints_alloc(w->p) : ints_alloc_array(w->p, r.count);
    if (r.start != NULL) {
        paint_run(r, w->mark);
        w->held[w->count++] = r;
    }
}

static void *work(void *context)
{
    worker *w = context;
    for (int step = 0; step < 10000; step++) {
        if (step % 50 == 0) {
            bulk_round(w);
        } else if (w->count < HELD && seed_below(&w->random, 2)) {
            take_step(w);
        } else if (w->count > 0) {
            run r = pass_on(w, w->held[--w->count]);
            if (r.count > 0) {
                give_painted(w, r);
            }
        }
    }
    while (w->count > 0) {
        give_painted(w, w->held[--w->count]);
    }
    return NULL;
}

static void work_together(bool checked)
{
    /* small enough to run full */
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 1501, .checked = checked});
    assert_non_null(p);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    run passed = {.count = 0};
    static worker workers[WORKERS];
    pthread_t ids[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){
            .p = p, .random = seed_next(&seed), .mark = i + 1, .lock = &lock, .passed = &passed};
        assert_int_equal(pthread_create(&ids[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(workers[i].faults, 0);
    }
    if (passed.count > 0) {
        give_painted(&workers[0], passed);
    }
    assert_int_equal(workers[0].faults, 0);
    drop_ints(p);
}

static void threads_never_share_an_object(void **state)
{
    (void)state;
    work_together(false);
    work_together(true);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_any_capacity_every_object_is_handed_out),
        cmocka_unit_test(of_two_threads_that_free_an_array_exactly_one_wins),
        cmocka_unit_test(threads_never_share_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
