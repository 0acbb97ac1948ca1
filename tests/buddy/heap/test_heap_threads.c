/* The heap under threads: of several frees of a live block one succeeds; no byte has two owners. */
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
#include "buddy/heap/body.h"
#include "tests/rigs/buddy/painted.h"

static uint64_t seed;

static buddy_heap *make(size_t units)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = units * 64});
    assert_non_null(h);
    return h;
}

/* All has been given back: checks that the heap is whole, and destroys it. */
static void drop(buddy_heap *h)
{
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.core.free_units, stats.core.units);
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    buddy_heap_destroy(h);
}

#define RACERS 2
#define RACES  2000

typedef struct race {
    buddy_heap *h;
    pthread_barrier_t start, end;
    void *block;
    _Atomic uint32_t wins, losses;
} race;

static void *race_to_free(void *context)
{
    race *r = context;
    for (int i = 0; i < RACES; i++) {
        pthread_barrier_wait(&r->start);
        buddy_heap_status status = buddy_heap_free(r->h, r->block);
        atomic_fetch_add(status == BUDDY_HEAP_OK ? &r->wins : &r->losses, 1);
        pthread_barrier_wait(&r->end);
    }
    return NULL;
}

static void of_two_threads_that_free_one_block_exactly_one_wins(void **state)
{
    (void)state;
    race r = {.h = make(4096)};
    assert_false(r.h->alone); /* the race is too narrow to be lost each time this is wrong */
    pthread_barrier_init(&r.start, NULL, RACERS + 1);
    pthread_barrier_init(&r.end, NULL, RACERS + 1);
    pthread_t threads[RACERS];
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race_to_free, &r), 0);
    }
    for (uint32_t i = 0; i < RACES; i++) {
        r.block = buddy_heap_alloc(r.h, 64u << i % 8);
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
    buddy_heap *h;
    _Atomic int started, ended; /* rounds; a barrier would wake one of the two far too late */
    void *block;
    size_t bytes;
    buddy_heap_status freed; /* written by the thread that frees */
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
        r->freed = buddy_heap_free(r->h, r->block);
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
    r->block = sizes[round % 8].exact ? buddy_heap_exact(r->h, from) : buddy_heap_alloc(r->h, from);
    assert_non_null(r->block);
    buddy_heap_recall(r->h); /* so that it can grow where it is */
    r->started = round;
    void *resized = buddy_heap_realloc(r->h, r->block, r->bytes);
    wait_for(&r->ended, round);
    if (r->freed == BUDDY_HEAP_OK) { /* before, or after it was resized where it is */
        assert_true(resized == NULL || resized == r->block);
    } else {
        assert_non_null(resized);
        assert_int_equal(buddy_heap_free_sized(r->h, resized, r->bytes), BUDDY_HEAP_OK);
    }
    buddy_heap_stats stats;
    buddy_heap_get_stats(r->h, &stats);
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
    buddy_heap *h;
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
            w->faults += buddy_heap_free(w->h, live[i].start) != BUDDY_HEAP_OK;
            live[i] = live[--count];
        }
    }
    for (; count > 0; count--) {
        w->faults += !still_painted(live[count - 1]);
        w->faults += buddy_heap_free(w->h, live[count - 1].start) != BUDDY_HEAP_OK;
    }
    return NULL;
}

static void threads_never_share_a_byte(void **state)
{
    (void)state;
    buddy_heap *h = make(3001); /* small enough to run full */
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

/* ---- the doors that cut, gather and resize ---- */

#define HELD 48u

typedef struct cutter {
    buddy_heap *h;
    uint64_t random;
    uint32_t faults, count;
    live_block held[HELD + BUDDY_PIECES];
} cutter;

/* Keeps a block and paints all of it: what a cut left over is a neighbour's. */
static void keep(cutter *c, unsigned char *start)
{
    live_block b = {start, buddy_heap_usable_size(c->h, start),
                    (unsigned char)seed_next(&c->random)};
    c->faults += b.bytes == 0;
    if (b.bytes != 0) {
        paint(b);
        c->held[c->count++] = b;
    }
}

static void cutter_takes(cutter *c)
{
    size_t bytes = 1 + seed_below(&c->random, 16u << seed_below(&c->random, 7));
    buddy_heap_piece pieces[BUDDY_PIECES];
    void *many[BUDDY_PIECES], *exact;
    uint32_t count = 0;
    switch (seed_below(&c->random, 4)) {
    case 0:
        count = buddy_heap_gather(c->h, bytes, pieces);
        for (uint32_t i = 0; i < count; i++) {
            keep(c, pieces[i].start);
        }
        break;
    case 1:
        count = buddy_heap_alloc_bulk(c->h, bytes % 40, BUDDY_PIECES, many);
        for (uint32_t i = 0; i < count; i++) {
            keep(c, many[i]);
        }
        break;
    default:
        exact = buddy_heap_exact(c->h, bytes);
        if (exact != NULL) {
            keep(c, exact);
        }
    }
}

static void cutter_resizes(cutter *c, live_block *b)
{
    size_t bytes = 1 + seed_below(&c->random, 16u << seed_below(&c->random, 8));
    c->faults += !still_painted(*b);
    unsigned char *resized = buddy_heap_realloc(c->h, b->start, bytes);
    if (resized == NULL) {
        return; /* it is as it was */
    }
    live_block kept = {resized, b->bytes < bytes ? b->bytes : bytes, b->pattern};
    c->faults += !still_painted(kept);
    b->start = resized;
    b->bytes = buddy_heap_usable_size(c->h, resized);
    c->faults += b->bytes < bytes;
    paint(*b);
}

static void cutter_gives(cutter *c, uint32_t i)
{
    live_block b = c->held[i];
    c->held[i] = c->held[--c->count];
    c->faults += !still_painted(b);
    bool sized = seed_below(&c->random, 2);
    c->faults += (sized ? buddy_heap_free_sized(c->h, b.start, b.bytes)
                        : buddy_heap_free(c->h, b.start)) != 0;
}

static void *cut(void *context)
{
    cutter *c = context;
    for (int step = 0; step < 10000; step++) {
        uint32_t what = seed_below(&c->random, 8);
        if (what < 4 && c->count < HELD) {
            cutter_takes(c);
        } else if (what < 5 && c->count > 0) {
            cutter_resizes(c, &c->held[seed_below(&c->random, c->count)]);
        } else if (c->count > 0) {
            cutter_gives(c, seed_below(&c->random, c->count));
        }
    }
    while (c->count > 0) {
        cutter_gives(c, c->count - 1);
    }
    return NULL;
}

static void cut_together(buddy_heap_checks checks, uint32_t stocks)
{
    buddy_heap *h =
        buddy_heap_create(&(buddy_heap_desc){.bytes = 16 * 64,
                                             .max_bytes = 16 * 3001, /* small enough to run full */
                                             .unit_bytes = 16,
                                             .checks = checks,
                                             .threads = stocks});
    assert_non_null(h);
    static cutter cutters[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        cutters[i] = (cutter){.h = h, .random = seed_next(&seed)};
        assert_int_equal(pthread_create(&threads[i], NULL, cut, &cutters[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(cutters[i].faults, 0);
    }
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal((size_t)stats.core.free_units * 16, stats.capacity_bytes);
    assert_int_equal(stats.errors, 0);
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    buddy_heap_destroy(h);
}

static void threads_cut_gather_and_resize_a_heap_that_grows(void **state)
{
    (void)state;
    cut_together(BUDDY_HEAP_CHECKS_ON, WORKERS);
    cut_together(BUDDY_HEAP_CHECKS_ON, WORKERS / 2); /* some have no stock */
    cut_together(BUDDY_HEAP_CHECKS_OFF, BUDDY_HEAP_NO_STOCKS);
}

/* ---- one byte of marks, two threads ---- */

#define TAILS 60000

typedef struct tail {
    buddy_heap *h;
    _Atomic bool done;
    _Atomic uint32_t faults;
} tail;

/* Takes and gives single units, which lie behind the cut block. */
static void *live_behind_the_cut(void *context)
{
    tail *t = context;
    unsigned char *last = (unsigned char *)buddy_heap_base(t->h) + 7 * 64;
    while (!t->done) {
        void *one = buddy_heap_alloc_near(t->h, 1, last);
        /* none: the other has taken all eight and not given three back yet */
        t->faults += one != NULL && buddy_heap_free_sized(t->h, one, 1) != BUDDY_HEAP_OK;
    }
    return NULL;
}

/* Five units of eight are cut: the fifth is marked in the byte of the three that are left over. */
static void the_end_of_a_cut_block_is_marked_beside_others(void **state)
{
    (void)state;
    tail t = {.h = buddy_heap_create(
                  &(buddy_heap_desc){.bytes = 8 * 64, .threads = BUDDY_HEAP_NO_STOCKS})};
    assert_non_null(t.h);
    pthread_t thread;
    void *cut_block = buddy_heap_exact(t.h, 5 * 64);
    assert_non_null(cut_block);
    assert_int_equal(pthread_create(&thread, NULL, live_behind_the_cut, &t), 0);
    for (int i = 0; i < TAILS && t.faults == 0; i++) {
        t.faults += buddy_heap_free(t.h, cut_block) != BUDDY_HEAP_OK;
        do { /* until the other's unit is not in the way */
            cut_block = buddy_heap_exact(t.h, 5 * 64);
        } while (cut_block == NULL && t.faults == 0);
        t.faults += buddy_heap_usable_size(t.h, cut_block) != 5 * 64;
    }
    t.done = true;
    pthread_join(thread, NULL);
    assert_int_equal(t.faults, 0);
    assert_int_equal(buddy_heap_free(t.h, cut_block), BUDDY_HEAP_OK);
    drop(t.h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_threads_that_free_one_block_exactly_one_wins),
        cmocka_unit_test(of_a_free_and_a_resize_one_has_the_block_in_the_end),
        cmocka_unit_test(threads_never_share_a_byte),
        cmocka_unit_test(threads_cut_gather_and_resize_a_heap_that_grows),
        cmocka_unit_test(the_end_of_a_cut_block_is_marked_beside_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
