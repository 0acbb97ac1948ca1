/* workqueue.c: one mutex, a ring of jobs and three conditions. A job costs milliseconds of disk or
 * decoder and microseconds here, so a plain lock is the right one. */
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
    void (*serve)(void *context, uint32_t worker, workqueue *l);
    void *context;
    char name[NAME_BYTES];
    uint32_t depth;
    uint32_t asked_workers;
    uint32_t worker_count; /* threads that run; at most as many as were asked for */
    workqueue_worker *workers;

    /* need the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t work_came; /* a job waits, or woken, or stopping */
    pthread_cond_t woken;     /* or stopping: for workers who could not take a job, so that the
                               * signal for it does not go to them */
    pthread_cond_t all_done;  /* nothing waits or runs */
    page_job *ring;
    uint32_t head, waiting, running; /* jobs */
    uint32_t wakes;                  /* calls of workqueue_wake */
    bool stopping;

    atomic_uint pending; /* jobs; written under the mutex, read by anyone */
};

/* waiting, running -> waiting + running. Needs the mutex. */
static void publish_pending(workqueue *l)
{
    /* release: who reads a smaller number has what the finished jobs wrote (workqueue_pending) */
    atomic_store_explicit(&l->pending, l->waiting + l->running, memory_order_release);
}

workqueue_answer workqueue_begin(workqueue *l, page_job *job, bool wait)
{
    pthread_mutex_lock(&l->mutex);
    while (wait && l->waiting == 0 && !l->stopping) {
        pthread_cond_wait(&l->work_came, &l->mutex);
    }
    const workqueue_answer answer = l->stopping      ? WORKQUEUE_STOPS
                                    : l->waiting > 0 ? WORKQUEUE_JOB
                                                     : WORKQUEUE_NONE;
    if (answer == WORKQUEUE_JOB) {
        *job = l->ring[l->head];
        l->head = (l->head + 1) % l->depth;
        l->waiting--;
        l->running++;
    }
    pthread_mutex_unlock(&l->mutex);
    return answer;
}

void workqueue_end(workqueue *l)
{
    pthread_mutex_lock(&l->mutex);
    l->running--;
    publish_pending(l);
    if (l->running == 0 && l->waiting == 0) {
        pthread_cond_broadcast(&l->all_done);
    }
    pthread_mutex_unlock(&l->mutex);
}

workqueue_answer workqueue_rest(workqueue *l, bool for_jobs, uint64_t until_ns, uint32_t *wakes)
{
    const struct timespec until = {(time_t)(until_ns / NS_PER_SECOND),
                                   (long)(until_ns % NS_PER_SECOND)};
    pthread_cond_t *const condition = for_jobs ? &l->work_came : &l->woken;
    bool late = false;
    pthread_mutex_lock(&l->mutex);
    while (!late && !l->stopping && l->wakes == *wakes && !(for_jobs && l->waiting > 0)) {
        late = pthread_cond_timedwait(condition, &l->mutex, &until) == ETIMEDOUT;
    }
    *wakes = l->wakes;
    const workqueue_answer answer = l->stopping                  ? WORKQUEUE_STOPS
                                    : for_jobs && l->waiting > 0 ? WORKQUEUE_JOB
                                                                 : WORKQUEUE_NONE;
    pthread_mutex_unlock(&l->mutex);
    return answer;
}

void workqueue_wake(workqueue *l)
{
    pthread_mutex_lock(&l->mutex);
    l->wakes++;
    pthread_cond_broadcast(&l->work_came);
    pthread_cond_broadcast(&l->woken);
    pthread_mutex_unlock(&l->mutex);
}

bool workqueue_help(workqueue *l)
{
    page_job job;
    assert(l->run != NULL);
    if (workqueue_begin(l, &job, false) != WORKQUEUE_JOB) {
        return false;
    }
    l->run(l->context, l->asked_workers, &job);
    workqueue_end(l);
    return true;
}

static void run_jobs(workqueue *l, uint32_t worker)
{
    page_job job;
    while (workqueue_begin(l, &job, true) == WORKQUEUE_JOB) {
        l->run(l->context, worker, &job);
        workqueue_end(l);
    }
}

static void *work(void *argument)
{
    const workqueue_worker *self = argument;
    workqueue *l = self->owner;
    platform_background_thread(l->name);
    if (l->serve != NULL) {
        l->serve(l->context, self->index, l);
    } else {
        run_jobs(l, self->index);
    }
    return NULL;
}

/* Starts as many of `wanted` threads as the system gives: fewer are slower, not wrong. */
static void start_workers(workqueue *l, uint32_t wanted)
{
    while (l->worker_count < wanted) {
        workqueue_worker *w = &l->workers[l->worker_count];
        *w = (workqueue_worker){.owner = l, .index = l->worker_count};
        if (pthread_create(&w->thread, NULL, work, w) != 0) {
            return;
        }
        l->worker_count++;
    }
}

/* None of these fails on Linux with the traits that are asked for. */
static void init_locks(workqueue *l)
{
    pthread_condattr_t monotonic; /* platform_now_ns's clock, for workqueue_rest */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work_came, &monotonic);
    pthread_cond_init(&l->woken, &monotonic);
    pthread_cond_init(&l->all_done, NULL);
    pthread_condattr_destroy(&monotonic);
}

workqueue *workqueue_create(const workqueue_desc *desc)
{
    assert((desc->run != NULL) != (desc->serve != NULL));
    const uint32_t workers = desc->workers ? desc->workers : 1;
    const uint32_t depth = desc->depth ? desc->depth : DEFAULT_DEPTH;
    workqueue *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    init_locks(l);
    l->run = desc->run;
    l->serve = desc->serve;
    l->context = desc->context;
    snprintf(l->name, sizeof l->name, "%s", desc->name ? desc->name : "queue");
    l->depth = depth;
    l->asked_workers = workers;
    l->ring = calloc(depth, sizeof *l->ring);
    l->workers = calloc(workers, sizeof *l->workers);
    if (l->ring != NULL && l->workers != NULL) {
        start_workers(l, workers);
    }
    if (l->worker_count == 0) {
        workqueue_destroy(l);
        return NULL;
    }
    return l;
}

void workqueue_destroy(workqueue *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->mutex);
    l->stopping = true; /* from now on no worker begins a job */
    pthread_cond_broadcast(&l->work_came);
    pthread_cond_broadcast(&l->woken);
    pthread_mutex_unlock(&l->mutex);
    for (uint32_t i = 0; i < l->worker_count; i++) {
        pthread_join(l->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&l->all_done);
    pthread_cond_destroy(&l->woken);
    pthread_cond_destroy(&l->work_came);
    pthread_mutex_destroy(&l->mutex);
    free(l->workers);
    free(l->ring);
    free(l);
}

bool workqueue_submit(workqueue *l, const page_job *job)
{
    pthread_mutex_lock(&l->mutex);
    const bool room = l->waiting < l->depth && !l->stopping;
    if (room) {
        l->ring[(l->head + l->waiting) % l->depth] = *job;
        l->waiting++;
        publish_pending(l);
        pthread_cond_signal(&l->work_came);
    }
    pthread_mutex_unlock(&l->mutex);
    return room;
}

bool workqueue_place(workqueue *l, vt_page p, uint32_t *ahead)
{
    pthread_mutex_lock(&l->mutex);
    uint32_t i = 0;
    while (i < l->waiting && !job_has(&l->ring[(l->head + i) % l->depth], p)) {
        i++;
    }
    const bool found = i < l->waiting;
    pthread_mutex_unlock(&l->mutex);
    *ahead = i;
    return found;
}

void workqueue_drain(workqueue *l)
{
    pthread_mutex_lock(&l->mutex);
    while (l->waiting > 0 || l->running > 0) {
        pthread_cond_wait(&l->all_done, &l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
}

uint32_t workqueue_pending(const workqueue *l)
{
    /* acquire: pairs with publish_pending */
    return atomic_load_explicit(&l->pending, memory_order_acquire);
}
