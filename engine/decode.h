/* decode.h: from the RAM tier into staging: a lane of threads that unpack pages into texels.
 *
 *     decode_submit ──▶ worker: pin, unpack each layer, convert to the atlas' format,
 *                       write into the staging tile, unpin ──▶ next(job)
 *
 * The staging tiles are the GPU's mapped memory; a tile belongs to the job that names it from
 * submission until next() was called. */
#ifndef MEGABUDDY_ENGINE_DECODE_H
#define MEGABUDDY_ENGINE_DECODE_H

#include "engine/lane.h"
#include "engine/ramtier.h"

typedef struct decode decode;

typedef struct decode_desc {
    ramtier *ram;
    uint32_t layer_count;
    texel_format stored[VT_MAX_LAYERS]; /* of each layer in the page file */
    texel_format wanted[VT_MAX_LAYERS]; /* of each layer in the atlas */
    uint8_t *staging;                   /* tile t begins at staging + t * tile_bytes */
    uint32_t tile_bytes;                /* layers one after the other */
    uint32_t workers;                   /* 0: 1 */
    uint32_t depth;                     /* most jobs waiting; 0: 64 */
    void (*next)(void *context, const page_job *job);
    void *context;
} decode_desc;

typedef struct decode_stats {
    uint64_t pages_decoded;
    uint64_t corrupt; /* stored bytes that did not decode */
    uint64_t missing; /* evicted before they were decoded; result JOB_NO_MEMORY */
    uint32_t pending;
} decode_stats;

decode *
decode_create(const decode_desc *desc); /* NULL: no memory, no threads, no such conversion */
void decode_destroy(decode *d);         /* waits for jobs in flight; NULL does nothing */

bool decode_submit(decode *d, const page_job *job); /* false: the lane is full. Any thread. */
void decode_drain(decode *d);
void decode_get_stats(const decode *d, decode_stats *out); /* any thread */

/* Bytes of buffers that the workers hold: part of the RAM budget. Pure. */
uint64_t decode_memory_bytes(uint32_t workers, uint32_t layer_count);

/* Converts one page of texels. Returns false when there is no way from one to the other. Pure. */
bool decode_convert(texel_format from, const void *source, texel_format to, void *target);

#endif
