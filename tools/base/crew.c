/* crew.c: a fork and a join round a shared counter. */
#include "tools/base/crew.h"

#include "engine/system/platform.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define CREW_MAX_THREADS 256

/* One worker besides the caller. Constant after create. */
typedef struct crew_member {
    crew *whole;
    uint32_t worker; /* 1 …; 0 is the caller */
    pthread_t thread;
} crew_member;

struct crew {
    pthread_mutex_t lock; /* guards everything down to busy */
    pthread_cond_t called, finished;
    uint64_t calls; /* crew_run so far; a worker that has seen fewer has work */
    bool closing;
    crew_work *work;
    void *context;
    uint32_t count;
    uint32_t busy; /* workers that have not come back from the current call */

    atomic_uint_fast64_t next; /* the index to be taken next; any thread */
    uint32_t workers;          /* besides the caller; constant after create */
    crew_member members[CREW_MAX_THREADS];
};

/* Takes indices until there are none left. */
static void take_work(crew *c, uint32_t worker, crew_work *work, void *context, uint32_t count)
{
    for (;;) {
        /* relaxed: only the number matters; the lock orders what the calls write */
        const uint64_t index = atomic_fetch_add_explicit(&c->next, 1, memory_order_relaxed);
        if (index >= count) {
            return;
        }
        work(context, worker, (uint32_t)index);
    }
}

static void *work_loop(void *argument)
{
    const crew_member *member = argument;
    crew *c = member->whole;
    uint64_t seen = 0;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->calls == seen && !c->closing) {
            pthread_cond_wait(&c->called, &c->lock);
        }
        if (c->closing) {
            break;
        }
        seen = c->calls;
        crew_work *work = c->work;
        void *context = c->context;
        const uint32_t count = c->count;
        pthread_mutex_unlock(&c->lock);
        take_work(c, member->worker, work, context, count);
        pthread_mutex_lock(&c->lock);
        if (--c->busy == 0) {
            pthread_cond_signal(&c->finished);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

crew *crew_create(uint32_t threads)
{
    crew *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    uint32_t wanted = (threads == 0 ? platform_cpu_count() : threads) - 1;
    wanted = wanted < CREW_MAX_THREADS ? wanted : CREW_MAX_THREADS;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->called, NULL);
    pthread_cond_init(&c->finished, NULL);
    atomic_init(&c->next, 0);
    while (c->workers < wanted) {
        crew_member *m = &c->members[c->workers];
        *m = (crew_member){.whole = c, .worker = c->workers + 1};
        if (pthread_create(&m->thread, NULL, work_loop, m) != 0) {
            break;
        }
        c->workers++;
    }
    return c;
}

void crew_destroy(crew *c)
{
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->called);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->workers; i++) {
        pthread_join(c->members[i].thread, NULL);
    }
    pthread_cond_destroy(&c->finished);
    pthread_cond_destroy(&c->called);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void crew_run(crew *c, uint32_t count, crew_work *work, void *context)
{
    pthread_mutex_lock(&c->lock);
    c->work = work;
    c->context = context;
    c->count = count;
    c->busy = c->workers;
    /* relaxed: no worker takes an index before it has seen `calls` grow under the lock */
    atomic_store_explicit(&c->next, 0, memory_order_relaxed);
    c->calls++;
    pthread_cond_broadcast(&c->called);
    pthread_mutex_unlock(&c->lock);
    take_work(c, 0, work, context, count);
    pthread_mutex_lock(&c->lock);
    while (c->busy > 0) {
        pthread_cond_wait(&c->finished, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

uint32_t crew_threads(const crew *c)
{
    return c->workers + 1;
}
