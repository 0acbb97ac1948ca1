/* A bounded queue and its threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/system/platform.h"
#include "engine/system/workqueue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { SUBMITTERS = 4, JOBS_EACH = 2000, GATE_DEPTH = 3 };

/* What the workers of a test write down. */
typedef struct journal {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open; /* workers of a gated queue wait for it */
    uint32_t workers;
    atomic_uint begun, ended;
    uint32_t order[SUBMITTERS * JOBS_EACH]; /* x of the jobs, as they began; under the mutex */
    uint32_t order_count;
    atomic_uint seen[SUBMITTERS][JOBS_EACH];
    atomic_bool bad_worker;
} journal;

static journal notes;

static void reset_notes(uint32_t workers, bool open)
{
    memset(&notes, 0, sizeof notes);
    pthread_mutex_init(&notes.mutex, NULL);
    pthread_cond_init(&notes.opened, NULL);
    notes.workers = workers;
    notes.open = open;
}

static void open_gate(void)
{
    pthread_mutex_lock(&notes.mutex);
    notes.open = true;
    pthread_cond_broadcast(&notes.opened);
    pthread_mutex_unlock(&notes.mutex);
}

static void write_down(void *context, uint32_t worker, page_job *job)
{
    journal *j = context;
    atomic_fetch_add(&j->begun, 1);
    pthread_mutex_lock(&j->mutex);
    while (!j->open) {
        pthread_cond_wait(&j->opened, &j->mutex);
    }
    j->order[j->order_count++] = job->page.x;
    pthread_mutex_unlock(&j->mutex);
    if (worker >= j->workers) {
        atomic_store(&j->bad_worker, true);
    }
    atomic_fetch_add(&j->seen[job->page.y][job->page.x], 1);
    atomic_fetch_add(&j->ended, 1);
}

static page_job job_of(uint32_t x, uint32_t y)
{
    return (page_job){.page = {.texture = 1, .x = (uint16_t)x, .y = (uint16_t)y},
                      .tile = JOB_NO_TILE};
}

static void wait_until_begun(uint32_t jobs)
{
    while (atomic_load(&notes.begun) < jobs) {
        usleep(100);
    }
}

static void one_worker_keeps_the_order_of_submission(void **state)
{
    (void)state;
    reset_notes(1, true);
    workqueue *q = workqueue_create(&(workqueue_desc){
        .name = "order", .depth = JOBS_EACH, .run = write_down, .context = &notes});
    assert_non_null(q);
    for (uint32_t i = 0; i < JOBS_EACH; i++) {
        const page_job job = job_of(i, 0);
        assert_true(workqueue_submit(q, &job));
    }
    workqueue_drain(q);
    assert_int_equal(workqueue_pending(q), 0);
    assert_int_equal(notes.order_count, JOBS_EACH);
    for (uint32_t i = 0; i < JOBS_EACH; i++) {
        assert_int_equal(notes.order[i], i);
    }
    workqueue_destroy(q);
}

static void depth_bounds_the_jobs_that_wait_and_not_those_that_run(void **state)
{
    (void)state;
    reset_notes(2, false);
    workqueue *q =
        workqueue_create(&(workqueue_desc){.name = "a name longer than a thread may have",
                                           .workers = 2,
                                           .depth = GATE_DEPTH,
                                           .run = write_down,
                                           .context = &notes});
    assert_non_null(q);
    for (uint32_t i = 0; i < 2; i++) {
        const page_job job = job_of(i, 0);
        assert_true(workqueue_submit(q, &job));
    }
    wait_until_begun(2);
    for (uint32_t i = 0; i < GATE_DEPTH; i++) {
        const page_job job = job_of(2 + i, 0);
        assert_true(workqueue_submit(q, &job));
    }
    const page_job surplus = job_of(100, 0);
    assert_false(workqueue_submit(q, &surplus));
    assert_int_equal(workqueue_pending(q), 2 + GATE_DEPTH);
    open_gate();
    workqueue_drain(q);
    assert_int_equal(workqueue_pending(q), 0);
    assert_int_equal(atomic_load(&notes.ended), 2 + GATE_DEPTH);
    assert_int_equal(atomic_load(&notes.seen[0][100]), 0);
    workqueue_destroy(q);
}

static void *open_gate_when_it_stops(void *argument)
{
    workqueue *q = argument;
    uint32_t wakes = 0;
    while (workqueue_rest(q, false, UINT64_MAX / 2, &wakes) != WORKQUEUE_STOPS) {
    }
    open_gate();
    return NULL;
}

/* When somebody waits for it most likely, which decides nothing. */
static void *open_gate_later(void *argument)
{
    usleep(20000);
    open_gate();
    return argument;
}

static void destroy_ends_what_has_begun_and_drops_the_rest(void **state)
{
    (void)state;
    reset_notes(1, false);
    workqueue *q =
        workqueue_create(&(workqueue_desc){.name = "drop", .run = write_down, .context = &notes});
    assert_non_null(q);
    for (uint32_t i = 0; i < 10; i++) {
        const page_job job = job_of(i, 0);
        assert_true(workqueue_submit(q, &job));
    }
    wait_until_begun(1);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_gate_when_it_stops, q), 0);
    workqueue_destroy(q);
    pthread_join(opener, NULL);
    assert_int_equal(atomic_load(&notes.begun), 1);
    assert_int_equal(atomic_load(&notes.ended), 1);
    workqueue_destroy(NULL);
}

static void drain_waits_for_the_job_that_runs(void **state)
{
    (void)state;
    reset_notes(1, false);
    workqueue *q =
        workqueue_create(&(workqueue_desc){.name = "drain", .run = write_down, .context = &notes});
    assert_non_null(q);
    const page_job job = job_of(0, 0);
    assert_true(workqueue_submit(q, &job));
    wait_until_begun(1);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_gate_later, NULL), 0);
    workqueue_drain(q);
    assert_int_equal(atomic_load(&notes.ended), 1);
    assert_int_equal(workqueue_pending(q), 0);
    pthread_join(opener, NULL);
    workqueue_destroy(q);
}

static workqueue *crowd;

/* Which worker a job ran as: in the job itself. */
static void write_worker(void *context, uint32_t worker, page_job *job)
{
    atomic_uint *last = context;
    (void)job;
    atomic_store(last, worker);
}

static void owner_may_lend_a_hand(void **state)
{
    (void)state;
    reset_notes(1, false);
    workqueue *gated =
        workqueue_create(&(workqueue_desc){.name = "help", .run = write_down, .context = &notes});
    assert_true(workqueue_submit(gated, &(page_job){.page = {.x = 1}}));
    wait_until_begun(1); /* the only worker is busy, and nothing waits */
    assert_false(workqueue_help(gated));
    open_gate();
    workqueue_destroy(gated);

    atomic_uint last = 99;
    workqueue *q =
        workqueue_create(&(workqueue_desc){.name = "many", .run = write_worker, .context = &last});
    bool helped = false;
    for (int i = 0; i < 100000 && !helped; i++) { /* until the worker is the slower one */
        assert_true(workqueue_submit(q, &(page_job){.page = {.x = 1}}));
        helped = workqueue_help(q);
        assert_true(!helped || atomic_load(&last) <= 1);
        workqueue_drain(q);
    }
    assert_true(helped);
    workqueue_destroy(q);
}

static void *submit_all(void *argument)
{
    const uint32_t y = *(const uint32_t *)argument;
    for (uint32_t x = 0; x < JOBS_EACH; x++) {
        const page_job job = job_of(x, y);
        while (!workqueue_submit(crowd, &job)) {
            usleep(50);
        }
    }
    return NULL;
}

static void every_job_of_many_submitters_runs_once(void **state)
{
    (void)state;
    reset_notes(3, true);
    crowd = workqueue_create(&(workqueue_desc){
        .name = "crowd", .workers = 3, .depth = 16, .run = write_down, .context = &notes});
    assert_non_null(crowd);
    pthread_t threads[SUBMITTERS];
    uint32_t numbers[SUBMITTERS];
    for (uint32_t t = 0; t < SUBMITTERS; t++) {
        numbers[t] = t;
        assert_int_equal(pthread_create(&threads[t], NULL, submit_all, &numbers[t]), 0);
    }
    for (uint32_t t = 0; t < SUBMITTERS; t++) {
        pthread_join(threads[t], NULL);
    }
    workqueue_drain(crowd);
    assert_int_equal(workqueue_pending(crowd), 0);
    assert_false(atomic_load(&notes.bad_worker));
    for (uint32_t y = 0; y < SUBMITTERS; y++) {
        for (uint32_t x = 0; x < JOBS_EACH; x++) {
            assert_int_equal(atomic_load(&notes.seen[y][x]), 1);
        }
    }
    workqueue_destroy(crowd);
}

/* Plain writes of a job are seen by whoever reads a pending count of 0 afterwards. */
static uint32_t plain_result;

static void write_plainly(void *context, uint32_t worker, page_job *job)
{
    (void)context;
    (void)worker;
    plain_result = job->page.x;
}

static void a_pending_count_of_zero_publishes_what_the_jobs_wrote(void **state)
{
    (void)state;
    workqueue *q = workqueue_create(&(workqueue_desc){.name = "plain", .run = write_plainly});
    assert_non_null(q);
    for (uint32_t i = 1; i <= 500; i++) {
        const page_job job = job_of(i, 0);
        assert_true(workqueue_submit(q, &job));
        while (workqueue_pending(q) > 0) {
            usleep(1);
        }
        assert_int_equal(plain_result, i); /* a race for ThreadSanitizer if the order is too weak */
    }
    workqueue_destroy(q);
}

/* A worker that takes no job until it is told to, and writes down what ended its rests. */
typedef struct rester {
    bool for_jobs;
    atomic_bool may_go;
    atomic_uint rests; /* ended */
    workqueue_answer last;
} rester;

static void rest_until_told(void *context, uint32_t worker, workqueue *q)
{
    rester *r = context;
    uint32_t wakes = 0;
    page_job job;
    if (worker > 0) { /* the others work */
        while (workqueue_begin(q, &job, true) == WORKQUEUE_JOB) {
            workqueue_end(q);
        }
        return;
    }
    while (!atomic_load(&r->may_go)) {
        r->last = workqueue_rest(q, r->for_jobs, UINT64_MAX / 2, &wakes);
        atomic_fetch_add(&r->rests, 1);
        if (r->last == WORKQUEUE_STOPS) {
            return;
        }
        if (r->last == WORKQUEUE_JOB && workqueue_begin(q, &job, false) == WORKQUEUE_JOB) {
            workqueue_end(q);
        }
    }
}

static void a_rest_ends_in_time_by_a_job_by_a_call_and_at_the_end(void **state)
{
    (void)state;
    rester r = {.for_jobs = true};
    workqueue *q = workqueue_create(&(workqueue_desc){.serve = rest_until_told, .context = &r});
    assert_true(workqueue_submit(q, &(page_job){.wanted = 1}));
    workqueue_drain(q);
    while (atomic_load(&r.rests) < 1) {
    }
    workqueue_wake(q);
    while (atomic_load(&r.rests) < 2) {
    }
    workqueue_destroy(q);
    assert_int_equal(r.last, WORKQUEUE_STOPS);

    r = (rester){.for_jobs = false};
    atomic_store(&r.may_go, true); /* the worker ends: the queue is ours to try */
    q = workqueue_create(&(workqueue_desc){.serve = rest_until_told, .context = &r});
    uint32_t wakes = 0;
    const uint64_t from_ns = platform_now_ns();
    assert_int_equal(workqueue_rest(q, true, from_ns + 3000000, &wakes), WORKQUEUE_NONE);
    assert_true(platform_now_ns() - from_ns >= 3000000);
    assert_int_equal(workqueue_rest(q, false, 0, &wakes), WORKQUEUE_NONE); /* long past */
    workqueue_wake(q); /* before the rest: not missed */
    assert_int_equal(workqueue_rest(q, false, UINT64_MAX / 2, &wakes), WORKQUEUE_NONE);
    assert_true(workqueue_submit(q, &(page_job){.wanted = 1}));
    assert_int_equal(workqueue_rest(q, true, UINT64_MAX / 2, &wakes), WORKQUEUE_JOB);
    assert_int_equal(workqueue_rest(q, false, 0, &wakes), WORKQUEUE_NONE);
    workqueue_destroy(q);
}

/* The news of a job goes to who can take it, not to one who rests with his hands full. */
static void a_worker_with_full_hands_keeps_no_job_from_the_others(void **state)
{
    (void)state;
    rester r = {.for_jobs = false};
    workqueue *q =
        workqueue_create(&(workqueue_desc){.workers = 2, .serve = rest_until_told, .context = &r});
    for (uint32_t i = 0; i < 2000; i++) {
        assert_true(workqueue_submit(q, &(page_job){.wanted = 1}));
        workqueue_drain(q);
    }
    assert_int_equal(atomic_load(&r.rests), 0);
    workqueue_destroy(q);
    assert_int_equal(r.last, WORKQUEUE_STOPS);
}

static void the_clock_does_not_go_back_and_there_is_a_processor(void **state)
{
    (void)state;
    uint64_t last = platform_now_ns();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = platform_now_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(platform_cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_keeps_the_order_of_submission),
        cmocka_unit_test(depth_bounds_the_jobs_that_wait_and_not_those_that_run),
        cmocka_unit_test(destroy_ends_what_has_begun_and_drops_the_rest),
        cmocka_unit_test(drain_waits_for_the_job_that_runs),
        cmocka_unit_test(owner_may_lend_a_hand),
        cmocka_unit_test(every_job_of_many_submitters_runs_once),
        cmocka_unit_test(a_pending_count_of_zero_publishes_what_the_jobs_wrote),
        cmocka_unit_test(a_rest_ends_in_time_by_a_job_by_a_call_and_at_the_end),
        cmocka_unit_test(a_worker_with_full_hands_keeps_no_job_from_the_others),
        cmocka_unit_test(the_clock_does_not_go_back_and_there_is_a_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
