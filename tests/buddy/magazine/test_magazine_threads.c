/* Stocks under threads. A map beside the core says who owns each unit, so that a unit handed out
 * twice is caught at once. What "no" means is asked where it is said: the magazine's grow hook is
 * called with all others kept out, so there the core is at rest and must have nothing that fits.
 *
 * Everything is run twice: with membarrier, and with the exchange that stands in for it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/magazine/private.h"
#include "tests/rigs/emulated.h"
#include "tests/rigs/seed.h"

#define MOST_THREADS 16
#define MOST_UNITS   70001
#define MOST_LIVE    400

static uint64_t seed;
static bool exchange; /* this round is without membarrier */

/* What all workers of one run share. */
typedef struct arena {
    buddy *core;
    buddy_magazine *m;
    void *core_memory, *memory;
    uint32_t units, threads, order, steps;
    bool all_have_stocks; /* else some are at work on the core when a refusal is judged */
    pthread_barrier_t barrier;
    _Atomic uint32_t wrong_refusals, refusals;
    _Atomic uint32_t handed_out;       /* to threads that pass blocks on */
    _Atomic uint8_t owner[MOST_UNITS]; /* worker + 1, 0: nobody */
} arena;

static arena a; /* one at a time */

typedef struct worker {
    pthread_t thread;
    uint64_t random;
    uint8_t id;      /* from 1 */
    uint32_t stolen; /* units that had an owner already, or not the one that gave them back */
    uint32_t live_count;
    buddy_block live[MOST_LIVE];
} worker;

static worker workers[MOST_THREADS];

/* ---- a magazine and its core ---- */

static bool note_largest(void *context, buddy_block block)
{
    *(uint32_t *)context = block.order;
    return false; /* the walk begins with the largest */
}

/* buddy_magazine_desc.grow: never grows, but looks whether the refusal is right. */
static bool refusal_is_judged(void *context, uint32_t order)
{
    (void)context;
    uint32_t largest = BUDDY_ORDERS;
    buddy_walk(a.core, note_largest, &largest);
    a.wrong_refusals += a.all_have_stocks && largest != BUDDY_ORDERS && largest >= order;
    a.refusals++;
    return false;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static void make(uint32_t units, uint32_t stocks)
{
    buddy_desc core = {.units = units};
    a.core_memory = aligned_alloc(64, whole_lines(buddy_sizeof(&core)));
    assert_non_null(a.core_memory);
    a.core = buddy_init(a.core_memory, buddy_sizeof(&core), &core);
    assert_non_null(a.core);
    buddy_magazine_desc desc = {.core = a.core, .threads = stocks, .grow = refusal_is_judged};
    size_t bytes = buddy_magazine_sizeof(&desc);
    assert_int_equal(bytes, buddy_magazine_room(&desc, &core));
    a.memory = aligned_alloc(64, whole_lines(bytes));
    assert_non_null(a.memory);
    a.m = buddy_magazine_init(a.memory, bytes, &desc);
    assert_non_null(a.m);
    if (exchange) {
        a.m->front.state |= BUDDY_MAGAZINE_EXCHANGE;
    }
    a.units = units;
    a.all_have_stocks = stocks == 0 || stocks >= MOST_THREADS;
    a.wrong_refusals = a.refusals = 0;
    memset(a.owner, 0, sizeof a.owner);
}

static void expect_sound(void)
{
    const char *fault = buddy_magazine_check(a.m);
    fault = fault != NULL ? fault : buddy_check(a.core);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    assert_int_equal(a.wrong_refusals, 0);
}

/* Nothing is live: all comes back, and as large blocks as a new core has. */
static void expect_all_free(void)
{
    buddy_magazine_recall(a.m);
    buddy_magazine_stats stats;
    buddy_magazine_get_stats(a.m, &stats);
    assert_int_equal(stats.live_units, 0);
    assert_int_equal(stats.stocked_units, 0);
    assert_int_equal(buddy_free_units(a.core), a.units);
    buddy_stats core;
    buddy_get_stats(a.core, &core);
    for (uint32_t order = 0; order <= core.max_order; order++) {
        assert_int_equal(core.free_blocks[order], a.units >> order & 1); /* the minimal cover */
    }
}

static void drop(void)
{
    expect_sound();
    buddy_magazine_finish(a.m);
    free(a.memory);
    free(a.core_memory);
}

/* ---- workers ---- */

static void own(worker *w, buddy_block block)
{
    for (uint32_t i = 0; i < UINT32_C(1) << block.order; i++) {
        /* relaxed: the allocator itself must order owners; the map only counts them */
        w->stolen +=
            atomic_exchange_explicit(&a.owner[block.offset + i], w->id, memory_order_relaxed) != 0;
    }
    w->live[w->live_count++] = block;
}

static buddy_block disown(worker *w, uint32_t i)
{
    buddy_block block = w->live[i];
    for (uint32_t u = 0; u < UINT32_C(1) << block.order; u++) {
        w->stolen +=
            atomic_exchange_explicit(&a.owner[block.offset + u], 0, memory_order_relaxed) != w->id;
    }
    w->live[i] = w->live[--w->live_count];
    return block;
}

static void give_one(worker *w)
{
    buddy_block block = disown(w, seed_below(&w->random, w->live_count));
    buddy_magazine_free(a.m, block.offset, block.order);
}

static void run_workers(uint32_t threads, void *(*body)(void *context))
{
    a.threads = threads;
    pthread_barrier_init(&a.barrier, NULL, threads);
    for (uint32_t i = 0; i < threads; i++) {
        workers[i].random = seed_next(&seed);
        workers[i].id = (uint8_t)(i + 1);
        workers[i].stolen = workers[i].live_count = 0;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    pthread_barrier_destroy(&a.barrier);
    for (uint32_t i = 0; i < threads; i++) {
        assert_int_equal(workers[i].stolen, 0);
    }
}

/* ---- full means full ---- */

static _Atomic uint32_t taken;

/* Takes until it is refused; all meet with everything taken; then gives all back. */
static void *take_all(void *context)
{
    (void)context;
    uint32_t count = 0, most = a.units >> a.order;
    uint32_t *offsets = malloc((most + 1) * sizeof offsets[0]);
    pthread_barrier_wait(&a.barrier);
    while ((offsets[count] = buddy_magazine_alloc(a.m, a.order)) != BUDDY_NONE) {
        count++;
    }
    taken += count;
    pthread_barrier_wait(&a.barrier);
    for (uint32_t i = 0; i < count; i++) {
        buddy_magazine_free(a.m, offsets[i], a.order);
    }
    free(offsets);
    return NULL;
}

static void fill_to_the_last_block(uint32_t stocks)
{
    static const uint32_t threads[] = {1, 2, 3, 5, 7, 16}, orders[] = {0, 1, 3, 6};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
            make(20001 + seed_below(&seed, 50000), stocks);
            a.order = orders[o];
            taken = 0;
            run_workers(threads[t], take_all);
            assert_int_equal(taken, a.units >> a.order);
            expect_all_free();
            drop();
        }
    }
}

static void of_one_order_every_block_is_handed_out(void **state)
{
    (void)state;
    fill_to_the_last_block(0);
}

static void threads_without_a_stock_find_the_last_block_too(void **state)
{
    (void)state;
    fill_to_the_last_block(2);
    fill_to_the_last_block(BUDDY_MAGAZINE_NO_THREADS);
}

/* ---- strict refusals ---- */

static void take_one(worker *w)
{
    uint32_t order = seed_below(&w->random, 1 + seed_below(&w->random, 13));
    uint32_t offset = seed_below(&w->random, 4) == 0
                          ? buddy_magazine_alloc_near(a.m, order, seed_below(&w->random, a.units))
                          : buddy_magazine_alloc(a.m, order);
    if (offset != BUDDY_NONE) {
        own(w, (buddy_block){offset, order});
    }
}

static void try_one(worker *w)
{
    uint32_t order = seed_below(&w->random, 6), offset = buddy_magazine_try(a.m, order);
    if (offset != BUDDY_NONE) {
        own(w, (buddy_block){offset, order});
    }
}

static void take_bulk(worker *w)
{
    uint32_t offsets[40], order = seed_below(&w->random, 3);
    uint32_t count = buddy_magazine_alloc_bulk(a.m, order, seed_below(&w->random, 41), offsets);
    for (uint32_t i = 0; i < count; i++) {
        own(w, (buddy_block){offsets[i], order});
    }
}

static void gather(worker *w)
{
    buddy_block pieces[BUDDY_PIECES];
    uint32_t count = buddy_magazine_gather(a.m, 1 + seed_below(&w->random, 300), 0, pieces);
    for (uint32_t i = 0; i < count; i++) {
        own(w, pieces[i]);
    }
}

static void *work_at_random(void *context)
{
    worker *w = context;
    pthread_barrier_wait(&a.barrier);
    for (uint32_t i = 0; i < a.steps; i++) {
        uint32_t what = w->live_count + 50 > MOST_LIVE ? 9 : seed_below(&w->random, 16);
        if (what < 5) {
            take_one(w);
        } else if (what < 8) {
            try_one(w);
        } else if (what == 8) {
            take_bulk(w);
        } else if (what == 10 &&
                   !a.all_have_stocks) { /* gathers are refused for other reasons too */
            gather(w);
        } else if (what == 11 && seed_below(&w->random, 20) == 0) {
            buddy_magazine_recall(a.m);
        } else if (what == 12 && seed_below(&w->random, 20) == 0) {
            buddy_magazine_flush(a.m);
        } else if (w->live_count > 0) {
            give_one(w);
        }
    }
    pthread_barrier_wait(&a.barrier);
    while (w->live_count > 0) {
        give_one(w);
    }
    return NULL;
}

static void a_strict_refusal_is_right(void **state)
{
    (void)state;
    static const uint32_t threads[] = {2, 3, 7};
    uint32_t refusals = 0;
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        make(2000 + seed_below(&seed, 6000), t == 2 ? MOST_THREADS : 8); /* small: they run full */
        a.all_have_stocks = true;
        a.steps = 4000;
        run_workers(threads[t], work_at_random);
        refusals += a.refusals;
        expect_all_free();
        drop();
    }
    assert_true(refusals > 0); /* else this tested nothing */
}

static void random_work_with_too_few_stocks_loses_nothing(void **state)
{
    (void)state;
    make(2000 + seed_below(&seed, 6000), 3);
    a.steps = 4000;
    run_workers(7, work_at_random);
    expect_all_free();
    drop();
}

/* ---- blocks go round ---- */

#define QUEUE 64

static struct {
    _Alignas(64) _Atomic uint32_t head, tail;
    buddy_block blocks[QUEUE];
} queues[MOST_THREADS];

/* Takes blocks and hands them to the next thread, which gives them back. */
static void *pass_on(void *context)
{
    worker *w = context;
    uint32_t me = w->id - 1u, from = (me + a.threads - 1) % a.threads, made = 0, got = 0;
    while (made < a.steps || got < a.steps) {
        uint32_t head = atomic_load_explicit(&queues[me].head, memory_order_relaxed); /* ours */
        /* acquire: the reader has done with the place */
        if (made < a.steps &&
            head - atomic_load_explicit(&queues[me].tail, memory_order_acquire) < QUEUE) {
            uint32_t order = seed_below(&w->random, 7), offset = buddy_magazine_alloc(a.m, order);
            if (offset != BUDDY_NONE) {
                own(w, (buddy_block){offset, order});
                queues[me].blocks[head % QUEUE] = w->live[--w->live_count];
                /* release: the block comes before its number */
                atomic_store_explicit(&queues[me].head, head + 1, memory_order_release);
                made++;
            }
        }
        uint32_t tail = atomic_load_explicit(&queues[from].tail, memory_order_relaxed); /* ours */
        if (tail != atomic_load_explicit(&queues[from].head, memory_order_acquire)) {
            buddy_block block = queues[from].blocks[tail % QUEUE];
            atomic_store_explicit(&queues[from].tail, tail + 1, memory_order_release);
            for (uint32_t u = 0; u < UINT32_C(1) << block.order; u++) {
                w->stolen += atomic_exchange_explicit(&a.owner[block.offset + u], 0,
                                                      memory_order_relaxed) != from + 1;
            }
            buddy_magazine_free(a.m, block.offset, block.order);
            got++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void blocks_that_others_give_back_come_home(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 7};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        make(60000, 0);
        memset(queues, 0, sizeof queues);
        a.steps = 5000;
        run_workers(threads[t], pass_on);
        expect_all_free();
        drop();
    }
}

/* ---- threads that end ---- */

static pthread_key_t late_key;

/* Runs after or before the magazine's own: gives a block back when the thread has all but ended. */
static void give_late(void *block)
{
    buddy_magazine_free(a.m, (uint32_t)(uintptr_t)block - 1, 2);
}

static void *take_some_and_end(void *context)
{
    worker *w = context;
    for (int i = 0; i < 100; i++) {
        take_one(w);
    }
    while (w->live_count > 0) {
        give_one(w);
    }
    uint32_t offset = buddy_magazine_alloc(a.m, 2);
    (void)pthread_setspecific(late_key, (void *)((uintptr_t)offset + 1));
    return NULL;
}

static void a_thread_that_ends_leaves_nothing_in_its_stock(void **state)
{
    (void)state;
    assert_int_equal(pthread_key_create(&late_key, give_late), 0);
    make(60000, 4); /* fewer stocks than threads come by: they are handed on */
    for (int round = 0; round < 20; round++) {
        run_workers(7, take_some_and_end);
        buddy_magazine_stats stats;
        buddy_magazine_get_stats(a.m, &stats);
        assert_int_equal(stats.stocks, 0);
        expect_sound(); /* a stock without an owner holds nothing */
        assert_int_equal(stats.live_units, 0);
    }
    expect_all_free();
    drop();
    pthread_key_delete(late_key);
}

/* ---- fork ---- */

#define FORKS 30

static _Atomic bool stop;

static void *churn_until_told(void *context)
{
    worker *w = context;
    while (!stop) {
        if (w->live_count < 100 && seed_below(&w->random, 2)) {
            take_one(w);
        } else if (w->live_count > 0) {
            give_one(w);
        }
    }
    while (w->live_count > 0) {
        give_one(w);
    }
    return NULL;
}

/* The child: has the forking thread only, and a core at rest. */
static int live_as_a_child(void)
{
    uint32_t offsets[200], count = 0;
    alarm(300); /* a child that hangs is a failure, not a wait */
    for (; count < 200; count++) {
        offsets[count] = buddy_magazine_alloc(a.m, count % 3);
        if (offsets[count] == BUDDY_NONE) {
            break;
        }
    }
    buddy_magazine_recall(a.m);
    bool good = buddy_magazine_check(a.m) == NULL && buddy_check(a.core) == NULL && count == 200;
    for (uint32_t i = 0; i < count; i++) {
        buddy_magazine_free(a.m, offsets[i], i % 3);
    }
    return good ? 0 : 1;
}

static void a_process_may_fork_at_any_time(void **state)
{
    (void)state;
    if (is_emulated()) {
        skip(); /* see emulated.h */
    }
    make(60000, 0);
    stop = false;
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = (worker){.random = seed_next(&seed), .id = (uint8_t)(i + 1)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, churn_until_told, &workers[i]),
                         0);
    }
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(live_as_a_child());
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    stop = true;
    for (uint32_t i = 0; i < 3; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].stolen, 0);
    }
    expect_all_free();
    drop();
}

int main(void)
{
    alarm(300); /* who waits for ever has found a deadlock */
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_order_every_block_is_handed_out),
        cmocka_unit_test(threads_without_a_stock_find_the_last_block_too),
        cmocka_unit_test(a_strict_refusal_is_right),
        cmocka_unit_test(random_work_with_too_few_stocks_loses_nothing),
        cmocka_unit_test(blocks_that_others_give_back_come_home),
        cmocka_unit_test(a_thread_that_ends_leaves_nothing_in_its_stock),
        cmocka_unit_test(a_process_may_fork_at_any_time),
    };
    int failed = cmocka_run_group_tests_name("by membarrier", tests, NULL, NULL);
    exchange = true;
    return failed + cmocka_run_group_tests_name("by exchange", tests, NULL, NULL);
}
