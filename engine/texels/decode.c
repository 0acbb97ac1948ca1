/* decode.c: a work queue whose workers unpack pages into staging. Staging may be write-combined
 * memory, so it is written once and never read. LZ4 and zstd read back what they have written: so a
 * page is unpacked into a buffer of the worker's (64 KiB, in its cache), and copied or converted to
 * staging from there.
 *
 *     page that arrived ─▶ pinned in RAM ─▶ each layer: joined ─▶ unpacked ─▶ converted ─▶ staging
 *                            │                                       │
 *                            ▼ evicted meanwhile: refused            ▼ does not decode: corrupt */
#include "engine/texels/decode.h"

#include "engine/texels/convert.h"
#include "engine/texels/unpack.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A worker's own. */
typedef struct buffers {
    unpacker *unpacker;
    uint8_t stored[TEXEL_PAGE_MAX_BYTES]; /* a layer that lies in more than one piece, joined */
    uint8_t texels[TEXEL_PAGE_MAX_BYTES]; /* a layer unpacked, as the page file has it */
    uint32_t row;                         /* in the trace */
} buffers;

struct decode {
    ramtier *ram;
    decode_texture textures[PAGE_MAX_TEXTURES]; /* by texture - 1 */
    uint32_t texture_count;
    uint32_t layer_count;
    vt_texel_format wanted[VT_MAX_LAYERS];
    uint8_t *staging;
    uint32_t tile_bytes;
    void (*next)(void *context, const page_job *job);
    void *context;
    vt_trace *trace;  /* NULL: none */
    buffers *buffers; /* by worker; the last one is decode_help's */
    uint32_t buffers_count;
    workqueue *queue;

    /* statistics; any worker adds. Relaxed: figures to look at, nothing is ordered by them */
    atomic_uint_fast64_t pages_decoded, corrupt, missing;
};

static uint32_t workers_of(uint32_t asked)
{
    return asked ? asked : 1;
}

uint64_t decode_memory_bytes(uint32_t workers)
{
    const uint64_t each = sizeof(buffers) + unpacker_memory_bytes();
    return sizeof(decode) + (workers_of(workers) + 1) * each;
}

/* ---- on a worker's thread ---- */

/* The bytes [offset, offset + bytes) of a page: where they lie if that is one piece, else copied to
 * `joined`. NULL: the page does not have so many. */
static const uint8_t *join(const ramtier_blob *blob, uint32_t offset, uint32_t bytes,
                           uint8_t *joined)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < blob->piece_count && done < bytes; i++) {
        const uint32_t piece_bytes = blob->pieces[i].bytes;
        if (offset >= piece_bytes) {
            offset -= piece_bytes;
            continue;
        }
        const uint8_t *from = blob->pieces[i].data + offset;
        const uint32_t here = piece_bytes - offset;
        if (done == 0 && here >= bytes) {
            return from;
        }
        const uint32_t part = here < bytes - done ? here : bytes - done;
        memcpy(joined + done, from, part);
        done += part;
        offset = 0;
    }
    return done == bytes ? joined : NULL;
}

/* Where a page's texels of one layer go: its corner in the layer's rectangle. */
typedef struct place {
    uint8_t *at;
    size_t row_bytes; /* from one row of the rectangle to the next */
} place;

static place place_of(vt_texel_format format, uint8_t *rectangle, uint32_t order, uint32_t page)
{
    const size_t bytes = texel_row_bytes(format), rows = texel_page_rows(format);
    const size_t row_bytes = bytes << order;
    return (place){rectangle + buddy_morton_y(page) * rows * row_bytes +
                       buddy_morton_x(page) * bytes,
                   row_bytes};
}

/* Unpacks one layer from its stored bytes to staging. */
static bool unpack_layer(const ramtier_layer *layer, const uint8_t *bytes, vt_texel_format stored,
                         vt_texel_format wanted, buffers *b, place to)
{
    if (layer->codec == PAGE_STORED && layer->bytes == texel_page_bytes(stored)) {
        return texels_convert(stored, bytes, wanted, to.at, to.row_bytes); /* as they are */
    }
    return unpacker_run(b->unpacker, layer->codec, bytes, layer->bytes, stored, b->texels) &&
           texels_convert(stored, b->texels, wanted, to.at, to.row_bytes);
}

/* Unpacks all layers of a pinned page, page `i` of the job's cluster. Layers of the atlas that the
 * texture does not have become grey. */
static bool unpack_page(const decode *d, const page_job *job, uint32_t i, const ramtier_blob *blob,
                        buffers *b)
{
    const decode_texture *t = &d->textures[job->page.texture - 1];
    uint8_t *rectangle = d->staging + (size_t)job->tile * d->tile_bytes;
    uint32_t offset = 0;
    if (blob->layer_count != t->layer_count) {
        return false;
    }
    for (uint32_t k = 0; k < d->layer_count; k++) {
        const place to = place_of(d->wanted[k], rectangle, job->order, i);
        rectangle += texel_page_bytes(d->wanted[k]) << 2 * job->order;
        if (k >= t->layer_count) {
            texels_fill_grey(d->wanted[k], to.at, to.row_bytes);
            continue;
        }
        const ramtier_layer *layer = &blob->layers[k];
        const uint8_t *bytes = join(blob, offset, layer->bytes, b->stored);
        if (bytes == NULL || !unpack_layer(layer, bytes, t->stored[k], d->wanted[k], b, to)) {
            return false;
        }
        offset += layer->bytes;
    }
    return true;
}

/* n -> n + count; relaxed, see the struct */
static void add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static void run(void *context, uint32_t worker, page_job *job)
{
    decode *d = context;
    const uint64_t from_ns = vt_trace_now(d->trace), arrived = job_arrived(job);
    for (uint64_t rest = arrived; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        ramtier_blob blob;
        if (!ramtier_pin(d->ram, page_pack(page_of_cluster(job->page, i)), &blob)) {
            job->refused |= UINT64_C(1) << i;
            continue;
        }
        if (!unpack_page(d, job, i, &blob, &d->buffers[worker])) {
            job->corrupt |= UINT64_C(1) << i;
        }
        ramtier_unpin(d->ram, &blob);
    }
    add(&d->missing, (uint64_t)__builtin_popcountll(arrived & job->refused));
    add(&d->corrupt, (uint64_t)__builtin_popcountll(arrived & job->corrupt));
    add(&d->pages_decoded, (uint64_t)__builtin_popcountll(job_arrived(job)));
    vt_trace_span(d->trace, d->buffers[worker].row, "decode", from_ns, page_pack(job->page),
                  (uint64_t)__builtin_popcountll(arrived));
    d->next(d->context, job);
}

/* ---- the conductor's side ---- */

static bool is_possible(const decode_desc *desc)
{
    uint64_t bytes = 0;
    if (desc->layer_count < 1 || desc->layer_count > VT_MAX_LAYERS || desc->texture_count < 1 ||
        desc->texture_count > PAGE_MAX_TEXTURES) {
        return false;
    }
    for (uint32_t i = 0; i < desc->texture_count; i++) {
        const decode_texture *t = &desc->textures[i];
        for (uint32_t k = 0; k < t->layer_count; k++) {
            if (k >= desc->layer_count || !texels_can_convert(t->stored[k], desc->wanted[k])) {
                return false;
            }
        }
    }
    for (uint32_t k = 0; k < desc->layer_count; k++) {
        bytes += texel_page_bytes(desc->wanted[k]);
    }
    return bytes <= desc->tile_bytes;
}

/* Makes buffers for each worker, and those of decode_help. */
static bool make_buffers(decode *d, uint32_t count)
{
    d->buffers = calloc(count, sizeof *d->buffers);
    if (d->buffers == NULL) {
        return false;
    }
    for (; d->buffers_count < count; d->buffers_count++) {
        d->buffers[d->buffers_count].unpacker = unpacker_create();
        if (d->buffers[d->buffers_count].unpacker == NULL) {
            return false;
        }
    }
    return true;
}

/* Names the workers' rows in the trace. decode_help runs on the conductor's. */
static void name_rows(decode *d, uint32_t workers)
{
    for (uint32_t i = 0; i < workers; i++) {
        char name[VT_TRACE_NAME_BYTES];
        (void)snprintf(name, sizeof name, "decode %u", i + 1);
        d->buffers[i].row = vt_trace_row(d->trace, name);
    }
    d->buffers[workers].row = vt_trace_row(d->trace, VT_TRACE_CONDUCTOR);
}

decode *decode_create(const decode_desc *desc)
{
    decode *d = is_possible(desc) ? calloc(1, sizeof *d) : NULL;
    if (d == NULL) {
        return NULL;
    }
    const uint32_t workers = workers_of(desc->workers);
    d->ram = desc->ram;
    memcpy(d->textures, desc->textures, desc->texture_count * sizeof *d->textures);
    d->texture_count = desc->texture_count;
    d->layer_count = desc->layer_count;
    memcpy(d->wanted, desc->wanted, sizeof d->wanted);
    d->staging = desc->staging;
    d->tile_bytes = desc->tile_bytes;
    d->next = desc->next;
    d->context = desc->context;
    d->trace = desc->trace;
    if (make_buffers(d, workers + 1)) {
        name_rows(d, workers);
        d->queue = workqueue_create(&(workqueue_desc){
            .name = "decode", .workers = workers, .depth = desc->depth, .run = run, .context = d});
    }
    if (d->queue == NULL) {
        decode_destroy(d);
        return NULL;
    }
    return d;
}

void decode_destroy(decode *d)
{
    if (d != NULL) {
        workqueue_destroy(d->queue);
        for (uint32_t i = 0; i < d->buffers_count; i++) {
            unpacker_destroy(d->buffers[i].unpacker);
        }
        free(d->buffers);
        free(d);
    }
}

bool decode_submit(decode *d, const page_job *job)
{
    assert(job->tile >= 0 && job->page.texture >= 1 && job->page.texture <= d->texture_count);
    return workqueue_submit(d->queue, job);
}

bool decode_help(decode *d)
{
    return workqueue_help(d->queue);
}

bool decode_place(decode *d, vt_page p, uint32_t *ahead)
{
    return workqueue_place(d->queue, p, ahead);
}

void decode_drain(decode *d)
{
    workqueue_drain(d->queue);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* see the struct */
}

void decode_get_stats(const decode *d, decode_stats *out)
{
    *out = (decode_stats){
        .pages_decoded = read_counter(&d->pages_decoded),
        .corrupt = read_counter(&d->corrupt),
        .missing = read_counter(&d->missing),
        .pending = workqueue_pending(d->queue),
    };
}
