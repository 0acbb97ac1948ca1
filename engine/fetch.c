/* fetch.c: a lane whose workers read. Each has a buffer for one page of all layers. */
#include "engine/fetch.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { DEFAULT_WORKERS = 2 };

struct fetch {
    const pagefile *files[PAGE_MAX_TEXTURES]; /* by texture - 1 */
    uint32_t file_count;
    uint32_t buffer_bytes; /* of each worker's */
    ramtier *ram;
    void (*next)(void *context, const page_job *job);
    void *context;
    uint8_t *buffers; /* worker k's begins at k * buffer_bytes */
    lane *lane;

    /* statistics; any worker adds. Relaxed: figures to look at, nothing is ordered by them */
    atomic_uint_fast64_t pages_read, bytes_read;
    atomic_uint_fast64_t corrupt, failed, no_memory;
};

static uint32_t workers_of(uint32_t asked)
{
    return asked ? asked : DEFAULT_WORKERS;
}

uint64_t fetch_memory_bytes(uint32_t workers, uint32_t layer_count)
{
    return sizeof(fetch) + (uint64_t)workers_of(workers) * layer_count * TEXEL_PAGE_MAX_BYTES;
}

/* n -> n + count; relaxed, see the struct */
static void add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* see the struct */
}

/* --- on a worker's thread --- */

/* How a job ends whose page could not be read. A file that has got shorter, or has no such page,
 * stays so: only the disk's own "no" is worth another try. */
static job_result result_of(pagefile_status status)
{
    switch (status) {
    case PAGEFILE_OK:
        return JOB_DONE;
    case PAGEFILE_READ_FAILED:
        return JOB_READ_FAILED;
    default:
        return JOB_CORRUPT;
    }
}

/* Reads all layers of a page side by side into `buffer`. */
static pagefile_status read_layers(fetch *f, const pagefile *file, vt_page p, uint8_t *buffer,
                                   ramtier_layer layers[VT_MAX_LAYERS])
{
    const uint32_t layer_count = pagefile_get_info(file)->layer_count;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < layer_count; i++) {
        pagefile_entry entry;
        pagefile_status status = pagefile_find(file, p, i, &entry);
        if (status == PAGEFILE_OK) {
            status = pagefile_read(file, &entry, buffer + bytes);
        }
        if (status != PAGEFILE_OK) {
            return status;
        }
        layers[i] = (ramtier_layer){.bytes = entry.bytes, .codec = entry.codec};
        bytes += entry.bytes;
    }
    add(&f->pages_read, 1);
    add(&f->bytes_read, bytes);
    return PAGEFILE_OK;
}

/* From disk into the RAM tier. */
static job_result bring(fetch *f, vt_page p, uint8_t *buffer)
{
    if (p.texture == 0 || p.texture > f->file_count) {
        return JOB_CORRUPT;
    }
    const pagefile *file = f->files[p.texture - 1];
    ramtier_layer layers[VT_MAX_LAYERS];
    const pagefile_status status = read_layers(f, file, p, buffer, layers);
    if (status != PAGEFILE_OK) {
        return result_of(status);
    }
    ramtier_blob blob;
    if (!ramtier_insert(f->ram, page_pack(p), pagefile_get_info(file)->layer_count, layers, buffer,
                        &blob)) {
        return JOB_NO_MEMORY;
    }
    ramtier_unpin(f->ram, &blob); /* the newest now; decode pins it again */
    return JOB_DONE;
}

static void count_result(fetch *f, job_result result)
{
    add(&f->corrupt, result == JOB_CORRUPT);
    add(&f->failed, result == JOB_READ_FAILED);
    add(&f->no_memory, result == JOB_NO_MEMORY);
}

static void run(void *context, uint32_t worker, page_job *job)
{
    fetch *f = context;
    job->was_in_ram = ramtier_touch(f->ram, page_pack(job->page));
    job->result = job->was_in_ram
                      ? JOB_DONE
                      : bring(f, job->page, f->buffers + (size_t)worker * f->buffer_bytes);
    count_result(f, job->result);
    f->next(f->context, job);
}

/* --- the conductor's side --- */

static uint32_t most_layers(const fetch_desc *desc)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < desc->file_count; i++) {
        const uint32_t layers = pagefile_get_info(desc->files[i])->layer_count;
        most = layers > most ? layers : most;
    }
    return most;
}

fetch *fetch_create(const fetch_desc *desc)
{
    assert(desc->file_count >= 1 && desc->file_count <= PAGE_MAX_TEXTURES);
    const uint32_t workers = workers_of(desc->workers);
    fetch *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < desc->file_count; i++) {
        f->files[i] = desc->files[i];
    }
    f->file_count = desc->file_count;
    f->buffer_bytes = most_layers(desc) * TEXEL_PAGE_MAX_BYTES;
    f->ram = desc->ram;
    f->next = desc->next;
    f->context = desc->context;
    f->buffers = calloc(workers, f->buffer_bytes);
    if (f->buffers != NULL) {
        f->lane = lane_create(&(lane_desc){
            .name = "fetch", .workers = workers, .depth = desc->depth, .run = run, .context = f});
    }
    if (f->lane == NULL) {
        fetch_destroy(f);
        return NULL;
    }
    return f;
}

void fetch_destroy(fetch *f)
{
    if (f != NULL) {
        lane_destroy(f->lane);
        free(f->buffers);
        free(f);
    }
}

bool fetch_submit(fetch *f, const page_job *job)
{
    return lane_submit(f->lane, job);
}

void fetch_drain(fetch *f)
{
    lane_drain(f->lane);
}

void fetch_get_stats(const fetch *f, fetch_stats *out)
{
    *out = (fetch_stats){
        .pages_read = read_counter(&f->pages_read),
        .bytes_read = read_counter(&f->bytes_read),
        .corrupt = read_counter(&f->corrupt),
        .failed = read_counter(&f->failed),
        .no_memory = read_counter(&f->no_memory),
        .pending = lane_pending(f->lane),
    };
}
