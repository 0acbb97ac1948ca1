/* arrivals.c: see arrivals.h. */
#include "engine/conductor/arrivals.h"

#include <assert.h>
#include <stdlib.h>

bool arrivals_init(arrivals *a, uint32_t most_jobs)
{
    a->jobs = calloc(most_jobs, sizeof *a->jobs);
    a->size = most_jobs;
    a->first = a->count = 0;
    return a->jobs && pthread_mutex_init(&a->lock, NULL) == 0;
}

void arrivals_finish(arrivals *a)
{
    if (a->jobs) {
        pthread_mutex_destroy(&a->lock);
        free(a->jobs);
        a->jobs = NULL;
    }
}

void arrivals_push(arrivals *a, const page_job *job)
{
    pthread_mutex_lock(&a->lock);
    assert(a->count < a->size);
    a->jobs[(a->first + a->count) % a->size] = *job;
    a->count++;
    pthread_mutex_unlock(&a->lock);
}

bool arrivals_take(arrivals *a, page_job *out)
{
    pthread_mutex_lock(&a->lock);
    const bool any = a->count > 0;
    if (any) {
        *out = a->jobs[a->first];
        a->first = (a->first + 1) % a->size;
        a->count--;
    }
    pthread_mutex_unlock(&a->lock);
    return any;
}

/* The i-th of those that wait. Needs the lock. */
static page_job *waiting(arrivals *a, uint32_t i)
{
    return &a->jobs[(a->first + i) % a->size];
}

bool arrivals_have(arrivals *a, vt_page p)
{
    pthread_mutex_lock(&a->lock);
    uint32_t i = 0;
    while (i < a->count && !job_has(waiting(a, i), p)) {
        i++;
    }
    const bool found = i < a->count;
    pthread_mutex_unlock(&a->lock);
    return found;
}

void arrivals_sort(arrivals *a)
{
    pthread_mutex_lock(&a->lock);
    for (uint32_t i = 1; i < a->count; i++) { /* insertion: they are nearly in order */
        const page_job job = *waiting(a, i);
        uint32_t place = i;
        for (; place > 0 && waiting(a, place - 1)->number > job.number; place--) {
            *waiting(a, place) = *waiting(a, place - 1);
        }
        *waiting(a, place) = job;
    }
    pthread_mutex_unlock(&a->lock);
}
