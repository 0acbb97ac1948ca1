/* fetch.h: from disk into the RAM tier: a lane of threads that read pages as they are stored.
 *
 *     fetch_submit ──▶ worker: in RAM? else read all layers, check, insert ──▶ next(job)
 *
 * Called by the conductor (stream.c). The job goes on by desc.next, on the worker's thread: to the
 * decode lane, or back to the conductor when it ended here (job.result says how). */
#ifndef MEGABUDDY_ENGINE_FETCH_H
#define MEGABUDDY_ENGINE_FETCH_H

#include "engine/lane.h"
#include "engine/ramtier.h"

typedef struct fetch fetch;

typedef struct fetch_desc {
    const pagefile *const *files; /* by texture - 1 */
    uint32_t file_count;
    ramtier *ram;
    uint32_t workers; /* 0: 2 */
    uint32_t depth;   /* most jobs waiting; 0: 64 */
    void (*next)(void *context, const page_job *job);
    void *context;
} fetch_desc;

typedef struct fetch_stats {
    uint64_t pages_read;
    uint64_t bytes_read;
    uint64_t corrupt, failed, no_memory; /* jobs that ended here, by reason */
    uint32_t pending;
} fetch_stats;

fetch *fetch_create(const fetch_desc *desc); /* NULL: no memory or no threads */
void fetch_destroy(fetch *f);                /* waits for reads in flight; NULL does nothing */

bool fetch_submit(fetch *f, const page_job *job); /* false: the lane is full. Any thread. */
void fetch_drain(fetch *f);
void fetch_get_stats(const fetch *f, fetch_stats *out); /* any thread */

/* Bytes of buffers that the workers hold: part of the RAM budget. Pure. */
uint64_t fetch_memory_bytes(uint32_t workers, uint32_t layer_count);

#endif
