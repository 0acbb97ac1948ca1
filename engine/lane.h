/* lane.h: a bounded queue and the threads that serve it: the shape of every stage that works beside
 * the frame (fetch, decode).
 *
 *     submit ──▶ [ job job job ] ──▶ worker 0 … n: run(context, worker, &job)
 *
 * Jobs are small values copied in and out; they start in the order of submission. No allocation
 * after create.
 *
 * Threads: lane_submit and the statistics on any; create, drain and destroy on the owner's. */
#ifndef MEGABUDDY_ENGINE_LANE_H
#define MEGABUDDY_ENGINE_LANE_H

#include "engine/page.h"

typedef struct lane lane;

enum { JOB_NO_TILE = -1 };

typedef enum job_result {
    JOB_DONE = 0,
    JOB_CORRUPT,     /* a checksum or a decoder said no: the page stays absent for good */
    JOB_READ_FAILED, /* the disk said no: may be tried again */
    JOB_NO_MEMORY,   /* the RAM tier had no room: may be tried again */
} job_result;

/* A page on its way from disk to staging. */
typedef struct page_job {
    vt_page page;
    int32_t tile;      /* staging tile that the texels go to; JOB_NO_TILE: only into RAM */
    job_result result; /* written by the stage that ended it */
    bool was_in_ram;   /* nothing had to be read */
} page_job;

typedef struct lane_desc {
    const char *name; /* of the threads; at most 15 bytes */
    uint32_t workers; /* threads; 0: 1; fewer start where the system refuses more */
    uint32_t depth;   /* most jobs waiting; 0: 64 */
    void (*run)(void *context, uint32_t worker, page_job *job); /* on a worker's thread */
    void *context;
} lane_desc;

lane *lane_create(const lane_desc *desc); /* NULL: no memory or no threads */

/* Stops taking jobs, drops those that have not begun, waits for those that have, frees. NULL does
 * nothing. */
void lane_destroy(lane *l);

/* Returns false, and does nothing, when depth jobs wait already. */
bool lane_submit(lane *l, const page_job *job);

/* Waits until no job waits or runs. */
void lane_drain(lane *l);

/* Jobs waiting or running now. Who reads 0 sees all that the finished jobs wrote. Any thread. */
uint32_t lane_pending(const lane *l);

#endif
