/* Stocks, depot and recall under a scheduler that switches between threads at any atomic operation,
 * as a seeded random number says. Real threads meet between two instructions once in a million
 * calls; here they meet all the time. (test_interleave.c does the same to the core.)
 *
 * The threads are real ones, since each must have a stock of its own, but only who has the baton runs.
 * The magazine is included as source, with atomic operations that may pass the baton on first and
 * are otherwise plain; locks are tried until they are had; membarrier does nothing, as one thread
 * at a time sees all that was written. The core is the library's: its calls are one step each. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/system/kernel.h"
#include "tests/rigs/seed.h"

static void maybe_switch(void);
static void always_switch(void);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_compare_exchange_weak_explicit
#define STEP(p, after)                    \
    __extension__({                       \
        maybe_switch();                   \
        __typeof__(*(p) + 0) old_ = *(p); \
        *(p) = (after);                   \
        old_;                             \
    })
#define atomic_load_explicit(p, order)             (maybe_switch(), (void)(order), *(p))
#define atomic_store_explicit(p, value, order)     (maybe_switch(), (void)(order), *(p) = (value))
#define atomic_fetch_add_explicit(p, value, order) STEP(p, old_ + (value))
#define atomic_fetch_sub_explicit(p, value, order) STEP(p, old_ - (value))
#define atomic_fetch_and_explicit(p, value, order) STEP(p, old_ &(value))
#define atomic_fetch_xor_explicit(p, value, order) STEP(p, old_ ^ (value))
#define atomic_compare_exchange_weak_explicit(p, expected, desired, order, order_on_failure) \
    __extension__({                                                                          \
        maybe_switch();                                                                      \
        bool same_ = *(p) == *(expected);                                                    \
        if (same_) {                                                                         \
            *(p) = (desired);                                                                \
        } else {                                                                             \
            *(expected) = *(p);                                                              \
        }                                                                                    \
        same_;                                                                               \
    })
#define __atomic_load_n(p, order)            (maybe_switch(), *(p))
#define __atomic_store_n(p, value, order)    (maybe_switch(), (void)(*(p) = (value)))
#define __atomic_exchange_n(p, value, order) STEP(p, value)
#define __atomic_fetch_or(p, value, order)   STEP(p, old_ | (value))
#define __atomic_fetch_and(p, value, order)  STEP(p, old_ &(value))

#define pthread_mutex_lock(m) \
    do {                      \
        always_switch();      \
    } while (pthread_mutex_trylock(m))
#define pthread_key_create(key, end)                   ((void)(end), 1) /* threads end with their round */
#define pthread_atfork(before, after, child)           ((void)(before), (void)(after), (void)(child), 0)
#define kernel_call(number, command, flags, cpu, none) 0L
#define sched_yield()                                  always_switch()

#include "buddy/magazine/barrier.c"
#include "buddy/magazine/depot.c"
#include "buddy/magazine/inspect.c"
#include "buddy/magazine/magazine.c"
#include "buddy/magazine/recall.c"
#include "buddy/magazine/shelves.c"
#include "buddy/magazine/threads.c"

#undef pthread_mutex_lock

/* ---- the baton ---- */

#define MOST_RUNNERS 4u
#define MOST_LIVE    60u
#define MOST_UNITS   600u

typedef struct runner {
    pthread_t thread;
    sem_t turn; /* posted: has the baton */
    bool done;
    uint8_t id; /* from 1 */
    uint32_t live_count;
    buddy_block live[MOST_LIVE];
} runner;

static uint64_t seed; /* used by who has the baton, as everything below */
static runner runners[MOST_RUNNERS];
static uint32_t runner_count, eagerness;
static sem_t all_done;
static uint64_t switches;
static _Thread_local runner *me; /* NULL: the main thread, which runs when nobody else does */

/* Gives the baton to a runner that has not ended, by random; to the main thread when all have. */
static void pass_baton(void)
{
    uint32_t left = 0, chosen;
    for (uint32_t i = 0; i < runner_count; i++) {
        left += !runners[i].done;
    }
    if (left == 0) {
        sem_post(&all_done);
        return;
    }
    do {
        chosen = seed_below(&seed, runner_count);
    } while (runners[chosen].done);
    sem_post(&runners[chosen].turn);
}

static void wait_for(sem_t *turn)
{
    while (sem_wait(turn) != 0) { /* a signal came between */
    }
}

static void always_switch(void)
{
    if (me != NULL) {
        switches++;
        pass_baton();
        wait_for(&me->turn);
    }
}

static void maybe_switch(void)
{
    if (me != NULL && seed_below(&seed, eagerness) == 0) {
        always_switch();
    }
}

/* ---- a round ---- */

static buddy *core;
static buddy_magazine *m;
static uint8_t owner[MOST_UNITS]; /* runner id, 0: nobody */
static const char *fault_seen;
static uint64_t refusals;
static uint32_t orders; /* that are asked for */

static void fail_later(const char *fault)
{
    fault_seen = fault_seen != NULL ? fault_seen : fault;
}

static bool note_largest(void *context, buddy_block block)
{
    *(uint32_t *)context = block.order;
    return false; /* the walk begins with the largest */
}

/* buddy_magazine_desc.grow: all others are kept out, so a refusal can be judged. */
static bool judge_refusal(void *context, uint32_t order)
{
    (void)context;
    uint32_t largest = BUDDY_ORDERS;
    runner *self = me;
    me = NULL; /* no switches in here */
    buddy_walk(core, note_largest, &largest);
    if (largest != BUDDY_ORDERS && largest >= order) {
        fail_later("a request was refused while there was a block");
    }
    refusals++;
    me = self;
    return false;
}

static void own(buddy_block block)
{
    for (uint32_t i = 0; i < UINT32_C(1) << block.order; i++) {
        if (owner[block.offset + i] != 0) {
            fail_later("a unit has two owners");
        }
        owner[block.offset + i] = me->id;
    }
    me->live[me->live_count++] = block;
}

static void give_one(void)
{
    uint32_t i = seed_below(&seed, me->live_count);
    buddy_block block = me->live[i];
    memset(owner + block.offset, 0, (size_t)1 << block.order);
    me->live[i] = me->live[--me->live_count];
    buddy_magazine_free(m, block.offset, block.order);
}

static void take_one(bool strict)
{
    uint32_t order = seed_below(&seed, 1 + seed_below(&seed, orders));
    uint32_t offset = strict ? buddy_magazine_alloc(m, order) : buddy_magazine_try(m, order);
    if (offset != BUDDY_NONE) {
        own((buddy_block){offset, order});
    }
}

static void take_bulk(void)
{
    uint32_t offsets[12], count = buddy_magazine_alloc_bulk(m, 0, seed_below(&seed, 13), offsets);
    for (uint32_t i = 0; i < count; i++) {
        own((buddy_block){offsets[i], 0});
    }
}

static void *work(void *context)
{
    me = context;
    wait_for(&me->turn);
    for (int i = 0; i < 60; i++) {
        uint32_t what = me->live_count + 13 > MOST_LIVE ? 19 : seed_below(&seed, 20);
        if (what < 7) {
            take_one(true);
        } else if (what < 10) {
            take_one(false);
        } else if (what == 10) {
            take_bulk();
        } else if (what == 11) {
            buddy_magazine_recall(m);
        } else if (what == 12) {
            buddy_magazine_flush(m);
        } else if (me->live_count > 0) {
            give_one();
        }
    }
    me->done = true;
    pass_baton();
    return NULL;
}

static void run_all(void)
{
    for (uint32_t i = 0; i < runner_count; i++) {
        runners[i].done = false;
        runners[i].id = (uint8_t)(i + 1);
        runners[i].live_count = 0;
        assert_int_equal(pthread_create(&runners[i].thread, NULL, work, &runners[i]), 0);
    }
    pass_baton();
    wait_for(&all_done);
    for (uint32_t i = 0; i < runner_count; i++) {
        pthread_join(runners[i].thread, NULL);
    }
}

/* All are at rest: what is live, stocked and free adds up; then all is given back. */
static void settle_accounts(uint32_t units)
{
    buddy_magazine_stats stats;
    uint32_t live = 0;
    for (uint32_t i = 0; i < units; i++) {
        live += owner[i] != 0;
    }
    buddy_magazine_get_stats(m, &stats);
    fail_later(buddy_magazine_check(m));
    fail_later(buddy_check(core));
    if (stats.live_units != live || stats.stocked_units + live + buddy_free_units(core) != units) {
        fail_later("live, stocked and free units do not add up");
    }
    if (stats.peak_units > units) {
        fail_later("a unit on its way back was counted twice in the peak");
    }
    for (uint32_t i = 0; i < runner_count; i++) {
        for (uint32_t k = 0; k < runners[i].live_count; k++) {
            buddy_magazine_free(m, runners[i].live[k].offset, runners[i].live[k].order);
        }
    }
    buddy_magazine_recall(m);
    if (buddy_free_units(core) != units) {
        fail_later("not all has come back");
    }
}

static void play_round(bool exchange)
{
    static _Alignas(64) unsigned char core_memory[16384], memory[262144];
    /* Of one order only, a small core is filled to the last unit. */
    orders = seed_below(&seed, 2) ? 5 : 1;
    uint32_t units = orders == 1 ? 20 + seed_below(&seed, 80) : 100 + seed_below(&seed, 500);
    core = buddy_init(core_memory, sizeof core_memory, &(buddy_desc){.units = units});
    assert_non_null(core);
    buddy_magazine_desc desc = {
        .core = core, .threads = MOST_RUNNERS + 1, .stock_units = 64, .grow = judge_refusal};
    m = buddy_magazine_init(memory, sizeof memory, &desc);
    assert_non_null(m);
    m->front.state = exchange ? BUDDY_MAGAZINE_EXCHANGE : BUDDY_MAGAZINE_OPEN;
    memset(owner, 0, sizeof owner);
    runner_count = 2 + seed_below(&seed, MOST_RUNNERS - 1);
    eagerness = 1 + seed_below(&seed, 12);
    run_all();
    settle_accounts(units);
    buddy_magazine_finish(m);
}

static void any_interleaving_keeps_blocks_and_refuses_rightly(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        play_round(round % 2);
        if (fault_seen != NULL) {
            fail_msg("round %u: %s", round, fault_seen);
        }
    }
    print_message("%" PRIu64 " switches, %" PRIu64 " refusals\n", switches, refusals);
    assert_true(switches > 1000 && refusals > 0);
}

int main(void)
{
    alarm(300); /* who waits for ever has found a deadlock */
    seed = seed_of_run();
    sem_init(&all_done, 0, 0);
    for (uint32_t i = 0; i < MOST_RUNNERS; i++) {
        sem_init(&runners[i].turn, 0, 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_interleaving_keeps_blocks_and_refuses_rightly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
