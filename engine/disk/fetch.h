/* fetch.h: from disk into the RAM tier: a work queue whose threads, the readers, read clusters of
 * pages as they are stored.
 *
 *     fetch_submit ──▶ reader: in RAM? else neighbours in the file as one request, several requests
 *                      at once; check each page, insert ──▶ next(job)
 *
 * A page file has the pages of a cluster side by side, so a cluster is mostly one request. Called
 * by the conductor (stream.c). A job goes on by desc.next, on the reader's thread, once all of its
 * pages have arrived or failed. Jobs begin in the order of submission; one that needs less reading
 * may overtake others. */
#ifndef MEGABUDDY_ENGINE_FETCH_H
#define MEGABUDDY_ENGINE_FETCH_H

#include "engine/disk/diskmap.h"
#include "engine/disk/pagefile.h"
#include "engine/ram/ramtier.h"
#include "engine/system/workqueue.h"
#include "engine/vt_trace.h"

typedef struct fetch fetch;

typedef enum fetch_reader {
    /* One thread with io_uring; where the kernel refuses it, as FETCH_PREAD. A ring that fails
     * later is given up for good: then the one thread reads by pread (fetch_ring_error). */
    FETCH_AUTO = 0,
    FETCH_PREAD, /* `workers` threads, each of which reads one request at a time */
} fetch_reader;

typedef struct fetch_desc {
    const pagefile *const *files; /* by texture - 1 */
    uint32_t file_count;
    ramtier *ram;
    fetch_reader reader;
    uint32_t workers; /* threads of FETCH_PREAD; 0: 2 */
    uint32_t depth;   /* most jobs waiting; 0: 64 */
    void (*next)(void *context, const page_job *job);
    void *context;
    vt_trace *trace; /* the caller's: spans "read" and "insert"; NULL: none */
} fetch_desc;

typedef struct fetch_stats {
    uint64_t pages_read;
    uint64_t bytes_read; /* of pages; what lies between them is not counted */
    uint64_t requests;   /* to the disk */
    uint64_t corrupt, failed, no_memory, cancelled; /* pages that ended here, by reason */
    uint32_t pending;                               /* jobs */
} fetch_stats;

fetch *fetch_create(const fetch_desc *desc); /* NULL: no memory or no threads */

/* Waits for reads in flight; requests that the pace holds back end with their pages cancelled. NULL
 * does nothing. */
void fetch_destroy(fetch *f);

bool fetch_submit(fetch *f, const page_job *job); /* false: the queue is full. Any thread. */

/* From now on only jobs of this epoch are read: of others, pages that have not been read yet end as
 * cancelled, and keep no job waiting. Any thread. */
void fetch_cancel(fetch *f, uint32_t epoch);

/* Makes the disk seem slower (pace.h): each request takes at least delay_ns, and all together read
 * no more than bytes_per_second. 0: as fast as it is, as at create. Requests that an earlier pace
 * holds back go to the disk at once. Any thread. */
void fetch_set_pace(fetch *f, uint64_t delay_ns, uint64_t bytes_per_second);

/* Whether a page waits to be read, and behind how many jobs. Any thread. */
bool fetch_place(fetch *f, vt_page p, uint32_t *ahead);

/* The errno for which io_uring was given up after create; 0: it was not. Any thread. */
int fetch_ring_error(const fetch *f);

void fetch_drain(fetch *f);
void fetch_get_stats(const fetch *f, fetch_stats *out); /* any thread */

/* KiB read from each part of the first file since create. What lies between the pages of one
 * request is counted. Any thread. */
void fetch_get_disk_map(const fetch *f, uint32_t kib[DISKMAP_CELLS]);

/* Bytes that fetch holds in RAM, its readers' buffers above all: part of the RAM budget. Pure, so
 * FETCH_AUTO counts for the larger of the two ways to read. */
uint64_t fetch_memory_bytes(const fetch_desc *desc);

#endif
