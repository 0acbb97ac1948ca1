/* workqueue.h: a bounded queue and the threads that serve it: the shape of every stage that works beside
 * the frame (fetch, decode).
 *
 *     submit ──▶ [ job job job ] ──▶ worker 0 … n: run(context, worker, &job)
 *
 * Jobs are small values copied in and out; they start in the order of submission. No allocation
 * after create.
 *
 * Threads: workqueue_submit and the statistics on any; create, drain and destroy on the owner's. */
#ifndef MEGABUDDY_ENGINE_WORKQUEUE_H
#define MEGABUDDY_ENGINE_WORKQUEUE_H

#include "engine/page/page.h"

typedef struct workqueue workqueue;

enum { JOB_NO_TILE = -1, JOB_MAX_ORDER = 3 };

/* A cluster of 2^order x 2^order pages of one mip on its way from disk to staging. Bit i of a mask is
 * its page of Morton number i (page_of_cluster). corrupt, failed, refused and cancelled are disjoint
 * subsets of wanted, written by the stages; what is in none of them has arrived. */
typedef struct page_job {
    vt_page page;     /* the cluster's first page; x and y are multiples of 2^order */
    uint8_t order;    /* 0 … JOB_MAX_ORDER */
    bool ahead;       /* asked for before it was wanted */
    int32_t tile;     /* first of the cluster's 4^order staging tiles; JOB_NO_TILE: only into RAM */
    uint32_t number;  /* of the submission */
    uint32_t epoch;   /* cuts of the camera before it was asked for: see fetch_cancel */
    uint64_t wanted;  /* pages to bring */
    uint64_t corrupt; /* a checksum or a decoder said no: absent for good */
    uint64_t failed;  /* the disk said no: may be tried again */
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
    /* One of the two, on a worker's thread. run: does a job. serve: all that a worker does until
     * workqueue_begin says WORKQUEUE_STOPS, for workers that have several jobs in hand. */
    void (*run)(void *context, uint32_t worker, page_job *job);
    void (*serve)(void *context, uint32_t worker, workqueue *l);
    void *context;
} workqueue_desc;

typedef enum workqueue_answer {
    WORKQUEUE_JOB = 0,
    WORKQUEUE_NONE,
    WORKQUEUE_STOPS
} workqueue_answer;

workqueue *workqueue_create(const workqueue_desc *desc); /* NULL: no memory or no threads */

/* Stops taking jobs, drops those that have not begun, waits for those that have, frees. NULL does
 * nothing. */
void workqueue_destroy(workqueue *l);

/* Returns false, and does nothing, when depth jobs wait already. */
bool workqueue_submit(workqueue *l, const page_job *job);

/* For `serve`: takes the oldest job, waiting for one when `wait`. WORKQUEUE_NONE: there is none, and it
 * did not wait. Each job taken is ended by one workqueue_end; after WORKQUEUE_STOPS those in hand are still.
 */
workqueue_answer workqueue_begin(workqueue *l, page_job *job, bool wait);
void workqueue_end(workqueue *l);

/* For `serve`, with jobs in hand: waits until until_ns (platform_now_ns) has come, or somebody
 * calls workqueue_wake, or the queue stops; where for_jobs, also until a job waits. WORKQUEUE_JOB: one does,
 * and is not taken yet. *wakes is the caller's own, 0 at first: no wake is missed by it. */
workqueue_answer workqueue_rest(workqueue *l, bool for_jobs, uint64_t until_ns, uint32_t *wakes);

/* Ends every workqueue_rest that is under way, and the next one of each worker that is not in one. Any
 * thread. */
void workqueue_wake(workqueue *l);

/* Runs the oldest job on the caller's thread, as a worker whose number is workqueue_desc.workers: for an
 * owner that would rather work than wait. False: none waits. For queues with `run`. */
bool workqueue_help(workqueue *l);

/* Finds the job that waits for a page: the number of those before it at *ahead. False: none that
 * waits has it. Any thread. */
bool workqueue_place(workqueue *l, vt_page p, uint32_t *ahead);

/* Waits until no job waits or runs. */
void workqueue_drain(workqueue *l);

/* Jobs waiting or running now. Who reads 0 sees all that the finished jobs wrote. Any thread. */
uint32_t workqueue_pending(const workqueue *l);

#endif
