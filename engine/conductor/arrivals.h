/* arrivals.h: where jobs end: the one way back from the workers to the conductor.
 *
 *     fetch worker ──┐
 *     decode worker ─┴─▶ [ job job job ] ──▶ conductor (arrivals_take, once a frame)
 *
 * A mutex is enough: a thread holds it while it copies one job. There is room for all jobs that can
 * be in flight, so a push never fails. */
#ifndef MEGABUDDY_ENGINE_ARRIVALS_H
#define MEGABUDDY_ENGINE_ARRIVALS_H

#include "engine/system/workqueue.h"

#include <pthread.h>

typedef struct arrivals {
    pthread_mutex_t lock;
    page_job *jobs; /* a ring; behind lock */
    uint32_t size, first, count;
} arrivals;

bool arrivals_init(arrivals *a, uint32_t most_jobs); /* false: no memory */
void arrivals_finish(arrivals *a);

void arrivals_push(arrivals *a, const page_job *job); /* any thread */
bool arrivals_take(arrivals *a, page_job *out);       /* the oldest; false: none. Conductor. */

bool arrivals_have(arrivals *a, vt_page p); /* whether a job that waits has the page. Any thread. */

/* Puts those that wait into the order in which they were submitted. Conductor. */
void arrivals_sort(arrivals *a);

#endif
