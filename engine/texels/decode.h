/* decode.h: from the RAM tier into staging: a work queue whose threads unpack clusters of pages
 * into texels.
 *
 *     decode_submit ──▶ worker: for each page that arrived: pin, unpack each layer, convert to the
 *                       atlas' format, write into the cluster's rectangle, unpin ──▶ next(job)
 *
 * The staging tiles are the GPU's mapped memory. Those of a cluster belong to the job that names
 * them, from submission until next() has been called. gpu.h says how a cluster lies in them: layer
 * after layer, each one rectangle of 2^order x 2^order pages. */
#ifndef MEGABUDDY_ENGINE_DECODE_H
#define MEGABUDDY_ENGINE_DECODE_H

#include "engine/ram/ramtier.h"
#include "engine/system/workqueue.h"
#include "engine/vt_trace.h"

typedef struct decode decode;

/* How one virtual texture is stored. */
typedef struct decode_texture {
    uint32_t layer_count;
    vt_texel_format stored[VT_MAX_LAYERS];
} decode_texture;

typedef struct decode_desc {
    ramtier *ram;
    const decode_texture *textures;        /* by texture - 1; copied */
    uint32_t texture_count;                /* at most PAGE_MAX_TEXTURES */
    uint32_t layer_count;                  /* of the atlas; a texture's missing ones are grey */
    vt_texel_format wanted[VT_MAX_LAYERS]; /* of each layer in the atlas */
    uint8_t *staging;                      /* tile t begins at staging + t * tile_bytes */
    uint32_t tile_bytes;                   /* all layers of one page */
    uint32_t workers;                      /* 0: 1 */
    uint32_t depth;                        /* most jobs waiting; 0: 64 */
    void (*next)(void *context, const page_job *job);
    void *context;
    vt_trace *trace; /* the caller's: spans "decode"; NULL: none */
} decode_desc;

typedef struct decode_stats {
    uint64_t pages_decoded;
    uint64_t corrupt; /* pages whose stored bytes did not decode */
    uint64_t missing; /* pages evicted from RAM before they were decoded */
    uint32_t pending;
} decode_stats;

/* NULL: no memory, no threads, or no such conversion. */
decode *decode_create(const decode_desc *desc);
void decode_destroy(decode *d); /* waits for jobs in flight; NULL does nothing */

bool decode_submit(decode *d, const page_job *job); /* false: the queue is full. Any thread. */
bool decode_help(decode *d); /* decodes one job on the conductor's thread; false: none waits */
/* Whether a page waits to be unpacked, and behind how many jobs. Any thread. */
bool decode_place(decode *d, vt_page p, uint32_t *ahead);

void decode_drain(decode *d);
void decode_get_stats(const decode *d, decode_stats *out); /* any thread */

/* Bytes that decode holds in RAM, its workers' buffers above all: part of the RAM budget. Pure. */
uint64_t decode_memory_bytes(uint32_t workers);

#endif
