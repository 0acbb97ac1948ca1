/* workqueue.h: a bounded queue of jobs and the worker threads that serve it: fetch and decode, the
 * stages that work beside the frame, are one each.
 *
 *     submit ──▶ [ job job job ] ──▶ worker 0 … n: run(context, worker, &job)
 *
 * Jobs are small values that are copied in and out; they begin in the order of submission. No
 * allocation after create.
 *
 * Threads: workqueue_submit and the statistics on any; create, drain and destroy on the owner's. */
#ifndef MEGABUDDY_ENGINE_WORKQUEUE_H
#define MEGABUDDY_ENGINE_WORKQUEUE_H

#include "engine/page/page.h"

typedef struct workqueue workqueue;

enum { JOB_NO_TILE = -1, JOB_MAX_ORDER = 3 };

/* A cluster of 2^order x 2^order pages of one mip on its way from disk to staging. Bit i of a mask
 * is its page of Morton number i (page_of_cluster). corrupt, failed, refused and cancelled are
 * disjoint subsets of `wanted` that the stages write; a page that is in none of them has
 * arrived. */
typedef struct page_job {
    vt_page page;     /* the cluster's first page; x and y are multiples of 2^order */
    uint8_t order;    /* 0 … JOB_MAX_ORDER */
    bool ahead;       /* asked for before it was wanted */
    int32_t tile;     /* first of the cluster's 4^order staging tiles; JOB_NO_TILE: only into RAM */
    uint32_t number;  /* of the submission */
    uint32_t epoch;   /* cuts of the camera before it was asked for: see fetch_cancel */
    uint64_t wanted;  /* pages to bring */
    uint64_t corrupt; /* a checksum or a decoder refused it: absent for good */
    uint64_t failed;  /* the disk failed: may be tried again */
    uint64_t refused; /* the RAM tier had no room: may be tried again */
    uint64_t cancelled;  /* stale before they were read */
    uint64_t was_in_ram; /* nothing had to be read for these */
} page_job;

static inline uint64_t job_arrived(const page_job *job)
{
    return job->wanted & ~(job->corrupt | job->failed | job->refused | job->cancelled);
}

/* Whether p is one of the job's pages. */
static inline bool job_has(const page_job *job, vt_page p)
{
    return p.texture == job->page.texture && p.mip == job->page.mip &&
           p.x >> job->order == job->page.x >> job->order &&
           p.y >> job->order == job->page.y >> job->order;
}

typedef struct workqueue_desc {
    const char *name; /* of the threads; at most 15 bytes */
    uint32_t workers; /* threads; 0: 1; fewer start where the system refuses more */
    uint32_t depth;   /* most jobs waiting; 0: 64 */
    /* One of the two, called on a worker's thread. run: does one job. serve: all that a worker does
     * until workqueue_begin says WORKQUEUE_STOPS, for workers that have several jobs in hand. */
    void (*run)(void *context, uint32_t worker, page_job *job);
    void (*serve)(void *context, uint32_t worker, workqueue *q);
    void *context;
} workqueue_desc;

typedef enum workqueue_answer {
    WORKQUEUE_JOB = 0,
    WORKQUEUE_NONE,
    WORKQUEUE_STOPS
} workqueue_answer;

workqueue *workqueue_create(const workqueue_desc *desc); /* NULL: no memory or no threads */

/* Takes no more jobs, drops those that have not begun, waits for the others, frees. NULL does
 * nothing. */
void workqueue_destroy(workqueue *q);

/* Returns false, and does nothing, when depth jobs wait already. */
bool workqueue_submit(workqueue *q, const page_job *job);

/* For `serve`: takes the oldest job, waiting for one if `wait`. WORKQUEUE_NONE: there is none, and
 * it did not wait. The worker ends each job that it has taken by one workqueue_end, those in hand
 * at WORKQUEUE_STOPS included. */
workqueue_answer workqueue_begin(workqueue *q, page_job *job, bool wait);
void workqueue_end(workqueue *q);

/* For `serve`, with jobs in hand: waits until until_ns (platform_now_ns), until somebody calls
 * workqueue_wake, or until the queue stops; if for_jobs, also until a job waits, which
 * WORKQUEUE_JOB tells without taking it. *wakes is the caller's own, 0 at first: by it no wake is
 * missed. */
workqueue_answer workqueue_rest(workqueue *q, bool for_jobs, uint64_t until_ns, uint32_t *wakes);

/* Ends every workqueue_rest that is under way, and the next one of each worker that is in none now.
 * Any thread. */
void workqueue_wake(workqueue *q);

/* Runs the oldest job on the caller's thread, as worker number workqueue_desc.workers: for an owner
 * that would rather work than wait. False: no job waits. Only for queues with `run`. */
bool workqueue_help(workqueue *q);

/* Finds the waiting job that has page p: *ahead is the number of jobs before it. False: there is
 * none. Any thread. */
bool workqueue_place(workqueue *q, vt_page p, uint32_t *ahead);

/* Waits until no job waits or runs. */
void workqueue_drain(workqueue *q);

/* Jobs waiting or running now. A caller that reads 0 sees all that the finished jobs wrote. Any
 * thread. */
uint32_t workqueue_pending(const workqueue *q);

#endif
