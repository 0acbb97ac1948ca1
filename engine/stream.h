/* stream.h: the conductor: one virtual texture's three tiers and what passes between them. Private
 * to vt.c (which makes and unmakes it) and stream.c (which runs it, once a frame).
 *
 *     gpu feedback ──▶ feedback ──▶ requests ──▶ fetch ──▶ ramtier ──▶ decode ──▶ staging
 *                                      │           (workers)            (workers)    │
 *                                   pagestate ◀──────────── arrivals ◀───────────────┘
 *                                      │
 *                                   atlas ──▶ gpu_upload, pagetable ──▶ gpu_table_write
 *
 * Threads: everything here on the one that has the context. */
#ifndef MEGABUDDY_ENGINE_STREAM_H
#define MEGABUDDY_ENGINE_STREAM_H

#include "engine/arrivals.h"
#include "engine/atlas.h"
#include "engine/bias.h"
#include "engine/decode.h"
#include "engine/fades.h"
#include "engine/feedback.h"
#include "engine/fetch.h"
#include "engine/gpu.h"
#include "engine/log.h"
#include "engine/pagestate.h"
#include "engine/pagetable.h"
#include "engine/requests.h"
#include "engine/vt.h"

enum {
    STREAM_TEXTURE = 1, /* the number of our one texture in page ids */
    /* Positions of the feedback's jitter before they repeat. The coarse ones are a lattice that
     * finds nearly everything soon; the fine ones go on to every pixel of the screen (8 x 8 under
     * one feedback pixel), and find the slivers that fall between. */
    STREAM_COARSE_JITTERS = 16,
    STREAM_FINE_JITTERS = 64,
    STREAM_MOVED_PAGES = 8,    /* more missing pages in one image than this: the camera has moved */
    STREAM_PREFETCHES = 16,    /* most pages on their way into RAM only */
    STREAM_RETRY_IMAGES = 120, /* pause before a page that failed is asked for again */
    STREAM_MAX_WANTS = 16384,  /* pages of one feedback image */
};

struct vt {
    /* fixed at create */
    vt_desc desc; /* in effect; path points to `path` */
    char *path;
    char *glsl; /* vt_glsl's */
    pagefile *file;
    const pagefile_info *info; /* of file */
    gpu_desc gpu_desc;         /* in effect */
    uint64_t ram_fixed_bytes;  /* RAM that is not the RAM tier's: tables, buffers, mapped index */
    uint32_t pinned_mip;       /* this one and all coarser never leave the atlas */

    /* the tiers and stations */
    ramtier *ram;
    fetch *fetch;
    decode *decode;
    gpu *gpu;
    atlas *atlas;
    pagetable *table;
    feedback *feedback;
    requests *requests;
    pagestate states;
    arrivals arrivals;
    fades fades;
    bias bias;
    log_lines log;

    /* tiles_in_flight + prefetches_in_flight == jobs submitted and not yet taken from arrivals */
    uint32_t tiles_in_flight;
    uint32_t prefetches_in_flight;

    vt_settings settings;
    double now_ms;      /* the caller's clock at the last update */
    uint64_t image;     /* feedback images analysed; the period that atlas slots are stamped with */
    uint64_t cut_image; /* image at the last cut: what was wanted before it is stale */
    uint64_t cut_epoch; /* cuts so far; feedback drawn before the last one is ignored */
    uint32_t jitter;    /* number of the next feedback pass */
    uint32_t calm_images; /* images in a row that wanted nothing that was not there */
    bool fine;            /* all is calm: the jitter looks at every pixel */
    bool fine_refused;    /* it did, and the atlas had no room for what it found; until the camera
                           * moves */

    vt_stats stats; /* counters and what the last update found; the rest is filled in on demand */
};

/* Once a frame; see vt_update. */
void stream_update(vt *v, const vt_clock *clock);

/* Loads every pinned page and waits for it. */
void stream_load_pinned(vt *v);

/* Where an ended job goes; called by fetch and decode workers. context: the vt. */
void stream_fetched(void *context, const page_job *job);
void stream_decoded(void *context, const page_job *job);

#endif
