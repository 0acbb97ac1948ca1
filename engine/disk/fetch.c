/* fetch.c: the conductor's side of fetch: making the readers, submitting jobs, statistics. A job's
 * way through it:
 *
 *     fetch_submit ──▶ work queue ──▶ in the hands of a reader (fetch_reader.c) ──▶ desc.next
 *                         │
 *                         └ fetch_cancel: jobs of an older epoch end with their pages cancelled
 *
 * Either one reader has io_uring and FETCH_URING_DEPTH requests at once, or several readers have
 * pread and one request each. A reader's requests have their buffers from create on. */
#include "engine/disk/fetch_private.h"

#include <assert.h>
#include <stdlib.h>

enum {
    DEFAULT_WORKERS = 2,
    LEAST_BUFFER = 128 << 10, /* of a request; a cluster of 4 x 4 pages of BC1 fits */
};

/* ---- sizes ---- */

static uint32_t workers_of(uint32_t asked)
{
    return asked ? asked : DEFAULT_WORKERS;
}

/* Bytes of a request's buffer: at least one page of all layers, each aligned as in the file. */
static uint32_t buffer_bytes_of(const fetch_desc *desc)
{
    uint32_t layers = 1;
    for (uint32_t i = 0; i < desc->file_count; i++) {
        const uint32_t its = pagefile_get_info(desc->files[i])->layer_count;
        layers = its > layers ? its : layers;
    }
    const uint32_t page = layers * (TEXEL_PAGE_MAX_BYTES + 16);
    return page > LEAST_BUFFER ? page : LEAST_BUFFER;
}

/* The most requests at once, of all readers together: with io_uring or by pread, whichever is
 * more. */
static uint32_t requests_of(const fetch_desc *desc)
{
    const uint32_t workers = workers_of(desc->workers);
    return desc->reader == FETCH_AUTO && workers < FETCH_URING_DEPTH ? FETCH_URING_DEPTH : workers;
}

uint64_t fetch_memory_bytes(const fetch_desc *desc)
{
    return sizeof(fetch) + (uint64_t)requests_of(desc) * buffer_bytes_of(desc);
}

/* ---- making ---- */

/* Makes one reader with a ring. False: the kernel gives none. */
static bool make_ring_reader(fetch *f)
{
    f->disks[0] = diskread_create(FETCH_URING_DEPTH, true);
    if (f->disks[0] == NULL || !diskread_has_ring(f->disks[0])) {
        diskread_destroy(f->disks[0]);
        f->disks[0] = NULL;
        return false;
    }
    f->readers = 1;
    f->depth = FETCH_URING_DEPTH;
    return true;
}

static bool make_pread_readers(fetch *f, uint32_t workers)
{
    f->readers = workers;
    f->depth = 1;
    for (uint32_t i = 0; i < workers; i++) {
        f->disks[i] = diskread_create(1, false);
        if (f->disks[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool make_readers(fetch *f, const fetch_desc *desc)
{
    const uint32_t workers = workers_of(desc->workers);
    f->buffers = calloc(requests_of(desc), f->buffer_bytes);
    f->disks = calloc(workers, sizeof *f->disks);
    return f->buffers != NULL && f->disks != NULL &&
           ((desc->reader == FETCH_AUTO && make_ring_reader(f)) || make_pread_readers(f, workers));
}

fetch *fetch_create(const fetch_desc *desc)
{
    assert(desc->file_count >= 1 && desc->file_count <= PAGE_MAX_TEXTURES);
    fetch *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < desc->file_count; i++) {
        f->files[i] = desc->files[i];
    }
    f->file_count = desc->file_count;
    f->buffer_bytes = buffer_bytes_of(desc);
    f->ram = desc->ram;
    f->next = desc->next;
    f->context = desc->context;
    f->trace = desc->trace;
    pace_init(&f->pace);
    diskmap_init(&f->map, pagefile_get_info(desc->files[0])->file_bytes);
    if (make_readers(f, desc)) {
        f->queue = workqueue_create(&(workqueue_desc){.name = "fetch",
                                                      .workers = f->readers,
                                                      .depth = desc->depth,
                                                      .serve = fetch_serve,
                                                      .context = f});
    }
    if (f->queue == NULL) {
        fetch_destroy(f);
        return NULL;
    }
    return f;
}

void fetch_destroy(fetch *f)
{
    if (f != NULL) {
        workqueue_destroy(f->queue);
        for (uint32_t i = 0; i < f->readers && f->disks != NULL; i++) {
            diskread_destroy(f->disks[i]);
        }
        pace_finish(&f->pace);
        free(f->disks);
        free(f->buffers);
        free(f);
    }
}

/* ---- jobs, pace and figures ---- */

bool fetch_submit(fetch *f, const page_job *job)
{
    assert(job->wanted != 0 && job->order <= JOB_MAX_ORDER);
    return workqueue_submit(f->queue, job);
}

void fetch_cancel(fetch *f, uint32_t epoch)
{
    atomic_store_explicit(&f->epoch, epoch, memory_order_relaxed); /* see the struct */
    pace_cut(&f->pace, epoch);
    workqueue_wake(f->queue); /* readers that hold stale requests back drop them now */
}

void fetch_set_pace(fetch *f, uint64_t delay_ns, uint64_t bytes_per_second)
{
    pace_set(&f->pace, delay_ns, bytes_per_second);
    workqueue_wake(f->queue); /* readers that wait by the old pace look again */
}

void fetch_get_disk_map(const fetch *f, uint32_t kib[DISKMAP_CELLS])
{
    diskmap_get(&f->map, kib);
}

bool fetch_place(fetch *f, vt_page p, uint32_t *ahead)
{
    return workqueue_place(f->queue, p, ahead);
}

int fetch_ring_error(const fetch *f)
{
    return atomic_load_explicit(&f->ring_error, memory_order_relaxed); /* see the struct */
}

void fetch_drain(fetch *f)
{
    workqueue_drain(f->queue);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* see the struct */
}

void fetch_get_stats(const fetch *f, fetch_stats *out)
{
    *out = (fetch_stats){
        .pages_read = read_counter(&f->pages_read),
        .bytes_read = read_counter(&f->bytes_read),
        .requests = read_counter(&f->requests),
        .corrupt = read_counter(&f->corrupt),
        .failed = read_counter(&f->failed),
        .no_memory = read_counter(&f->no_memory),
        .cancelled = read_counter(&f->cancelled),
        .pending = workqueue_pending(f->queue),
    };
}
