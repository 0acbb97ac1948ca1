/* workqueue.c: one mutex, a ring of jobs and three conditions. A job costs milliseconds of disk or
 * decoder and microseconds here, so a plain lock is enough.
 *
 *     submit ──▶ waiting ── a worker, or workqueue_help, begins it ──▶ running ── end ──▶ gone
 *                   │
 *                   └── destroy: dropped
 *
 *     a worker without jobs     sleeps on work_came
 *     one with jobs in hand     goes on with them; where they only wait for time to pass, it sleeps
 *                               in workqueue_rest: on work_came if it can take a job, else on woken
 *     drain                     sleeps on all_done */
#include "engine/system/workqueue.h"

#include "engine/system/platform.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DEFAULT_DEPTH = 64, NAME_BYTES = 16, NS_PER_SECOND = 1000000000 };

typedef struct workqueue_worker {
    workqueue *owner;
    uint32_t index;
    pthread_t thread;
} workqueue_worker;

/* waiting <= depth; running <= worker_count; pending == waiting + running. The jobs that wait are
 * ring[(head + i) % depth], i < waiting, oldest first. */
struct workqueue {
    /* fixed at create */
    void (*run)(void *context, uint32_t worker, page_job *job);
    void (*serve)(void *context, uint32_t worker, workqueue *q);
    void *context;
    char name[NAME_BYTES];
    uint32_t depth;
    uint32_t asked_workers;
    uint32_t worker_count; /* threads that run; at most as many as were asked for */
    workqueue_worker *workers;

    /* need the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t work_came; /* a job waits; or workqueue_wake, or stopping */
    /* workqueue_wake, or stopping: for workers that could not take a job now. On work_came they
     * might get the signal for one in the stead of a worker that can. */
    pthread_cond_t woken;
    pthread_cond_t all_done; /* nothing waits or runs */
    page_job *ring;
    uint32_t head, waiting, running; /* jobs */
    uint32_t wakes;                  /* calls of workqueue_wake */
    bool stopping;

    atomic_uint pending; /* jobs; written under the mutex, read by anyone */
};

/* pending = waiting + running. Needs the mutex. */
static void publish_pending(workqueue *q)
{
    /* release: a thread that reads a smaller number sees what the finished jobs wrote */
    atomic_store_explicit(&q->pending, q->waiting + q->running, memory_order_release);
}

workqueue_answer workqueue_begin(workqueue *q, page_job *job, bool wait)
{
    pthread_mutex_lock(&q->mutex);
    while (wait && q->waiting == 0 && !q->stopping) {
        pthread_cond_wait(&q->work_came, &q->mutex);
    }
    const workqueue_answer answer = q->stopping      ? WORKQUEUE_STOPS
                                    : q->waiting > 0 ? WORKQUEUE_JOB
                                                     : WORKQUEUE_NONE;
    if (answer == WORKQUEUE_JOB) {
        *job = q->ring[q->head];
        q->head = (q->head + 1) % q->depth;
        q->waiting--;
        q->running++;
    }
    pthread_mutex_unlock(&q->mutex);
    return answer;
}

void workqueue_end(workqueue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->running--;
    publish_pending(q);
    if (q->running == 0 && q->waiting == 0) {
        pthread_cond_broadcast(&q->all_done);
    }
    pthread_mutex_unlock(&q->mutex);
}

workqueue_answer workqueue_rest(workqueue *q, bool for_jobs, uint64_t until_ns, uint32_t *wakes)
{
    const struct timespec until = {(time_t)(until_ns / NS_PER_SECOND),
                                   (long)(until_ns % NS_PER_SECOND)};
    pthread_cond_t *condition = for_jobs ? &q->work_came : &q->woken;
    bool late = false;
    pthread_mutex_lock(&q->mutex);
    while (!late && !q->stopping && q->wakes == *wakes && !(for_jobs && q->waiting > 0)) {
        late = pthread_cond_timedwait(condition, &q->mutex, &until) == ETIMEDOUT;
    }
    *wakes = q->wakes;
    const workqueue_answer answer = q->stopping                  ? WORKQUEUE_STOPS
                                    : for_jobs && q->waiting > 0 ? WORKQUEUE_JOB
                                                                 : WORKQUEUE_NONE;
    pthread_mutex_unlock(&q->mutex);
    return answer;
}

void workqueue_wake(workqueue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->wakes++;
    pthread_cond_broadcast(&q->work_came);
    pthread_cond_broadcast(&q->woken);
    pthread_mutex_unlock(&q->mutex);
}

bool workqueue_help(workqueue *q)
{
    page_job job;
    assert(q->run != NULL);
    if (workqueue_begin(q, &job, false) != WORKQUEUE_JOB) {
        return false;
    }
    q->run(q->context, q->asked_workers, &job);
    workqueue_end(q);
    return true;
}

static void run_jobs(workqueue *q, uint32_t worker)
{
    page_job job;
    while (workqueue_begin(q, &job, true) == WORKQUEUE_JOB) {
        q->run(q->context, worker, &job);
        workqueue_end(q);
    }
}

static void *work(void *argument)
{
    const workqueue_worker *self = argument;
    workqueue *q = self->owner;
    platform_background_thread(q->name);
    if (q->serve != NULL) {
        q->serve(q->context, self->index, q);
    } else {
        run_jobs(q, self->index);
    }
    return NULL;
}

/* Starts `wanted` threads, or as many as the system gives: with fewer it is slower, not wrong. */
static void start_workers(workqueue *q, uint32_t wanted)
{
    while (q->worker_count < wanted) {
        workqueue_worker *w = &q->workers[q->worker_count];
        *w = (workqueue_worker){.owner = q, .index = q->worker_count};
        if (pthread_create(&w->thread, NULL, work, w) != 0) {
            return;
        }
        q->worker_count++;
    }
}

/* None of these calls fails on Linux with these attributes. */
static void init_locks(workqueue *q)
{
    pthread_condattr_t monotonic; /* platform_now_ns's clock, for workqueue_rest */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->work_came, &monotonic);
    pthread_cond_init(&q->woken, &monotonic);
    pthread_cond_init(&q->all_done, NULL);
    pthread_condattr_destroy(&monotonic);
}

workqueue *workqueue_create(const workqueue_desc *desc)
{
    assert((desc->run != NULL) != (desc->serve != NULL));
    const uint32_t workers = desc->workers ? desc->workers : 1;
    const uint32_t depth = desc->depth ? desc->depth : DEFAULT_DEPTH;
    workqueue *q = calloc(1, sizeof *q);
    if (q == NULL) {
        return NULL;
    }
    init_locks(q);
    q->run = desc->run;
    q->serve = desc->serve;
    q->context = desc->context;
    snprintf(q->name, sizeof q->name, "%s", desc->name ? desc->name : "queue");
    q->depth = depth;
    q->asked_workers = workers;
    q->ring = calloc(depth, sizeof *q->ring);
    q->workers = calloc(workers, sizeof *q->workers);
    if (q->ring != NULL && q->workers != NULL) {
        start_workers(q, workers);
    }
    if (q->worker_count == 0) {
        workqueue_destroy(q);
        return NULL;
    }
    return q;
}

void workqueue_destroy(workqueue *q)
{
    if (q == NULL) {
        return;
    }
    pthread_mutex_lock(&q->mutex);
    q->stopping = true; /* from now on no worker begins a job */
    pthread_cond_broadcast(&q->work_came);
    pthread_cond_broadcast(&q->woken);
    pthread_mutex_unlock(&q->mutex);
    for (uint32_t i = 0; i < q->worker_count; i++) {
        pthread_join(q->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&q->all_done);
    pthread_cond_destroy(&q->woken);
    pthread_cond_destroy(&q->work_came);
    pthread_mutex_destroy(&q->mutex);
    free(q->workers);
    free(q->ring);
    free(q);
}

bool workqueue_submit(workqueue *q, const page_job *job)
{
    pthread_mutex_lock(&q->mutex);
    const bool room = q->waiting < q->depth && !q->stopping;
    if (room) {
        q->ring[(q->head + q->waiting) % q->depth] = *job;
        q->waiting++;
        publish_pending(q);
        pthread_cond_signal(&q->work_came);
    }
    pthread_mutex_unlock(&q->mutex);
    return room;
}

bool workqueue_place(workqueue *q, vt_page p, uint32_t *ahead)
{
    pthread_mutex_lock(&q->mutex);
    uint32_t i = 0;
    while (i < q->waiting && !job_has(&q->ring[(q->head + i) % q->depth], p)) {
        i++;
    }
    const bool found = i < q->waiting;
    pthread_mutex_unlock(&q->mutex);
    *ahead = i;
    return found;
}

void workqueue_drain(workqueue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->waiting > 0 || q->running > 0) {
        pthread_cond_wait(&q->all_done, &q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
}

uint32_t workqueue_pending(const workqueue *q)
{
    /* acquire: pairs with publish_pending */
    return atomic_load_explicit(&q->pending, memory_order_acquire);
}
