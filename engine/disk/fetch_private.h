/* fetch_private.h: what fetch.c (the conductor's side) and fetch_reader.c (the threads) share. */
#ifndef MEGABUDDY_ENGINE_FETCH_PRIVATE_H
#define MEGABUDDY_ENGINE_FETCH_PRIVATE_H

#include "engine/disk/diskread.h"
#include "engine/disk/fetch.h"
#include "engine/disk/pace.h"

#define FETCH_URING_DEPTH 16 /* requests; more were seen to bring little */

struct fetch {
    const pagefile *files[PAGE_MAX_TEXTURES]; /* by texture - 1 */
    uint32_t file_count;
    uint32_t depth; /* requests of each reader */
    uint32_t buffer_bytes;
    ramtier *ram;
    void (*next)(void *context, const page_job *job);
    void *context;
    uint8_t *buffers; /* reader k's request r begins at (k * depth + r) * buffer_bytes */
    diskread **disks; /* by reader */
    uint32_t readers;
    workqueue *queue;
    vt_trace *trace; /* NULL: none */
    pace pace;
    diskmap map; /* of files[0] */

    /* relaxed: an errno to report; it orders nothing */
    atomic_int ring_error;

    /* relaxed: no harm if a job is cancelled a little late */
    atomic_uint epoch;

    /* statistics; any reader adds. Relaxed: figures to look at, nothing is ordered by them */
    atomic_uint_fast64_t pages_read, bytes_read, requests;
    atomic_uint_fast64_t corrupt, failed, no_memory, cancelled;
};

/* The body of worker `worker` of a fetch (context), until the queue stops. */
void fetch_serve(void *context, uint32_t worker, workqueue *q);

#endif
