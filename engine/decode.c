/* decode.c: a lane whose workers unpack. Staging is written once, in order, and never read: it may
 * be write-combined memory. LZ4 reads back what it has written, so it unpacks into a buffer of the
 * worker's (64 KiB, in its cache) and what goes to staging is copied or converted from there; only
 * texels that are stored as they are go straight. */
#include "engine/decode.h"

#include "engine/bc1.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A worker's own. */
typedef struct buffers {
    uint8_t stored[TEXEL_PAGE_MAX_BYTES]; /* a layer that lies in more than one piece, joined */
    uint8_t texels[TEXEL_PAGE_MAX_BYTES]; /* a layer unpacked, as the page file has it */
} buffers;

struct decode {
    ramtier *ram;
    uint32_t layer_count;
    texel_format stored[VT_MAX_LAYERS], wanted[VT_MAX_LAYERS];
    uint8_t *staging;
    uint32_t tile_bytes;
    void (*next)(void *context, const page_job *job);
    void *context;
    buffers *buffers; /* by worker */
    lane *lane;

    /* statistics; any worker adds. Relaxed: figures to look at, nothing is ordered by them */
    atomic_uint_fast64_t pages_decoded, corrupt, missing;
};

static uint32_t workers_of(uint32_t asked)
{
    return asked ? asked : 1;
}

uint64_t decode_memory_bytes(uint32_t workers, uint32_t layer_count)
{
    (void)layer_count; /* layers are unpacked one after the other, in the same buffers */
    return sizeof(decode) + (uint64_t)workers_of(workers) * sizeof(buffers);
}

bool decode_convert(texel_format from, const void *source, texel_format to, void *target)
{
    const size_t bytes = texel_page_bytes(from);
    if (from == to && bytes > 0) {
        memcpy(target, source, bytes);
        return true;
    }
    if (from == TEXEL_BC1 && to == TEXEL_RGBA8) {
        bc1_unpack_page(source, target);
        return true;
    }
    if (from == TEXEL_RGBA8 && to == TEXEL_BC1) {
        bc1_pack_page(source, target);
        return true;
    }
    return false;
}

static bool can_convert(texel_format from, texel_format to)
{
    return texel_page_bytes(from) > 0 && texel_page_bytes(to) > 0; /* today, all of them */
}

/* --- on a worker's thread --- */

/* The bytes [offset, offset + bytes) of a page: where they lie when that is in one piece, else
 * joined in `joined`. NULL when the page has not so many. */
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

/* One layer, from its stored bytes to staging. */
static bool unpack_layer(const ramtier_layer *layer, const uint8_t *bytes, texel_format stored,
                         texel_format wanted, buffers *b, uint8_t *staging)
{
    const bool straight = layer->codec == PAGEFILE_STORED && stored == wanted;
    uint8_t *texels = straight ? staging : b->texels;
    if (pagefile_unpack(layer->codec, bytes, layer->bytes, stored, texels) != PAGEFILE_OK) {
        return false;
    }
    return straight || decode_convert(stored, texels, wanted, staging);
}

/* All layers of a pinned page. */
static bool unpack_page(const decode *d, const ramtier_blob *blob, buffers *b, uint8_t *tile)
{
    if (blob->layer_count != d->layer_count) {
        return false;
    }
    uint32_t offset = 0;
    for (uint32_t i = 0; i < d->layer_count; i++) {
        const ramtier_layer *layer = &blob->layers[i];
        const uint8_t *bytes = join(blob, offset, layer->bytes, b->stored);
        if (bytes == NULL || !unpack_layer(layer, bytes, d->stored[i], d->wanted[i], b, tile)) {
            return false;
        }
        offset += layer->bytes;
        tile += texel_page_bytes(d->wanted[i]);
    }
    return true;
}

/* n -> n + 1; relaxed, see the struct */
static void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static job_result unpack_job(decode *d, uint32_t worker, const page_job *job)
{
    ramtier_blob blob;
    if (!ramtier_pin(d->ram, page_pack(job->page), &blob)) {
        count(&d->missing);
        return JOB_NO_MEMORY;
    }
    uint8_t *tile = d->staging + (size_t)job->tile * d->tile_bytes;
    const bool good = unpack_page(d, &blob, &d->buffers[worker], tile);
    ramtier_unpin(d->ram, &blob);
    count(good ? &d->pages_decoded : &d->corrupt);
    return good ? JOB_DONE : JOB_CORRUPT;
}

static void run(void *context, uint32_t worker, page_job *job)
{
    decode *d = context;
    job->result = unpack_job(d, worker, job);
    d->next(d->context, job);
}

/* --- the conductor's side --- */

static bool is_possible(const decode_desc *desc)
{
    uint64_t bytes = 0;
    if (desc->layer_count < 1 || desc->layer_count > VT_MAX_LAYERS) {
        return false;
    }
    for (uint32_t i = 0; i < desc->layer_count; i++) {
        if (!can_convert(desc->stored[i], desc->wanted[i])) {
            return false;
        }
        bytes += texel_page_bytes(desc->wanted[i]);
    }
    return bytes <= desc->tile_bytes;
}

decode *decode_create(const decode_desc *desc)
{
    decode *d = is_possible(desc) ? calloc(1, sizeof *d) : NULL;
    if (d == NULL) {
        return NULL;
    }
    const uint32_t workers = workers_of(desc->workers);
    d->ram = desc->ram;
    d->layer_count = desc->layer_count;
    memcpy(d->stored, desc->stored, sizeof d->stored);
    memcpy(d->wanted, desc->wanted, sizeof d->wanted);
    d->staging = desc->staging;
    d->tile_bytes = desc->tile_bytes;
    d->next = desc->next;
    d->context = desc->context;
    d->buffers = calloc(workers, sizeof *d->buffers);
    if (d->buffers != NULL) {
        d->lane = lane_create(&(lane_desc){
            .name = "decode", .workers = workers, .depth = desc->depth, .run = run, .context = d});
    }
    if (d->lane == NULL) {
        decode_destroy(d);
        return NULL;
    }
    return d;
}

void decode_destroy(decode *d)
{
    if (d != NULL) {
        lane_destroy(d->lane);
        free(d->buffers);
        free(d);
    }
}

bool decode_submit(decode *d, const page_job *job)
{
    assert(job->tile >= 0);
    return lane_submit(d->lane, job);
}

void decode_drain(decode *d)
{
    lane_drain(d->lane);
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
        .pending = lane_pending(d->lane),
    };
}
