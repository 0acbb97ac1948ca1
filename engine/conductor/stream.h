/* stream.h: the conductor: the three tiers, the virtual textures that share them, and what passes
 * between them. Private to vt.c, vt_create.c and vt_watch.c, and to the stream*.c that run it:
 *
 *     stream.c          a frame from beginning to end, cuts, pinned pages
 *     stream_wants.c    gpu feedback ─▶ feedback ─▶ requests ─▶ clusters ─▶ fetch
 *     workers           fetch ─▶ ramtier ─▶ decode ─▶ staging
 *     stream_arrive.c   arrivals ─▶ atlas ─▶ gpu_upload, pagetable ─▶ gpu_table_write
 *
 * A *cluster* is an aligned square of 1, 2, 4 or 8 pages a side, of one mip: the unit in which
 * pages are asked for, read, decoded and uploaded. Once in the atlas, each page is by itself.
 *
 * Threads: everything here runs on the thread that has the OpenGL context, but for stream_fetched
 * and stream_decoded, which workers call. */
#ifndef MEGABUDDY_ENGINE_STREAM_H
#define MEGABUDDY_ENGINE_STREAM_H

#include "engine/conductor/arrivals.h"
#include "engine/conductor/bias.h"
#include "engine/conductor/fades.h"
#include "engine/conductor/feedback.h"
#include "engine/conductor/pagestate.h"
#include "engine/conductor/requests.h"
#include "engine/disk/fetch.h"
#include "engine/system/log.h"
#include "engine/texels/decode.h"
#include "engine/vram/atlas.h"
#include "engine/vram/gpu.h"
#include "engine/vram/pagetable.h"
#include "engine/vt.h"

enum {
    /* Positions of the feedback's jitter before they repeat. The coarse ones are a lattice that
     * finds nearly everything soon; the fine ones go on to every pixel of the screen (8 x 8 under
     * one feedback pixel), and find the slivers between. */
    STREAM_COARSE_JITTERS = 16,
    STREAM_FINE_JITTERS = 64,
    STREAM_MOVED_PAGES = 8,    /* with more missing pages in an image the camera has moved */
    STREAM_PREFETCHES = 64,    /* most pages on their way into RAM only */
    STREAM_RETRY_IMAGES = 120, /* pause before a page that failed is asked for again */
    STREAM_MAX_WANTS = 16384,  /* pages of one feedback image */
    STREAM_BIAS_REST = 192,    /* images: a bias that has rested for so long will not move */
    STREAM_CUT_IMAGES = 4,     /* after a cut, so many images long, pages come without fading … */
    STREAM_CUT_BUDGETS = 8,    /* … and budgets are so many times as large */
    STREAM_HELP_MS = 6,        /* after a cut: how long a frame the conductor decodes itself */
};

/* One virtual texture. */
typedef struct stream_texture {
    char *path;
    pagefile *file;
    const vt_info *info; /* of file */
    pagetable *table;
    pagestate states;
    bias bias;
    uint32_t share;      /* slots that it may use when not all find room */
    uint32_t pinned_mip; /* this one and all coarser never leave the atlas */
    bool stands_in;      /* grey stands in for the coarsest page, which has not come yet */

    /* of the last image */
    uint32_t in_use;  /* slots, wanted by the last images or pinned */
    uint32_t missing; /* pages wanted and not resident */
} stream_texture;

struct vt {
    /* fixed at create */
    vt_desc desc;      /* in effect; path points to textures[0].path, others to nothing */
    char *glsl;        /* vt_glsl's */
    gpu_desc gpu_desc; /* in effect; its tables are gpu_tables */
    gpu_table gpu_tables[VT_MAX_TEXTURES];
    uint64_t ram_fixed_bytes; /* RAM that is not the RAM tier's: tables, buffers, index */
    uint32_t slots;           /* of the atlas */
    uint32_t most_order;      /* of a cluster */
    uint32_t trace_row;       /* the conductor's in desc.trace */

    char *suspend;    /* the file that the RAM tier goes into at the end; NULL: none */
    bool is_complete; /* vt_create came to its end */

    /* the tiers and stations */
    stream_texture textures[VT_MAX_TEXTURES]; /* by number - 1 */
    uint32_t texture_count;
    ramtier *ram;
    fetch *fetch;
    decode *decode;
    gpu *gpu;
    atlas *atlas;
    feedback *feedback;
    requests *requests;  /* of the frame's own images */
    requests *predicted; /* of those of the camera that is expected */
    arrivals arrivals;
    fades fades;
    log_lines log;
    bool ring_told; /* the log already says that io_uring was given up */

    /* tiles_in_flight: pages of clusters that were submitted and not yet taken from arrivals, each
     * with a staging tile of its own; prefetches_in_flight: pages that go into RAM only,
     * likewise. */
    uint32_t tiles_in_flight;
    uint32_t prefetches_in_flight;
    uint32_t jobs; /* submitted since create: numbers them */

    vt_settings settings;
    double now_ms;      /* the caller's clock at the last update */
    uint64_t image;     /* feedback images analysed; the period that atlas slots are stamped with */
    uint64_t cut_image; /* image at the last cut: what was wanted before it is stale */
    uint64_t bias_image;  /* image at which a bias last moved; demand before it says little */
    uint32_t cut_epoch;   /* cuts so far; feedback drawn before the last one is ignored */
    uint32_t jitter;      /* number of the next feedback pass */
    uint32_t calm_images; /* images in a row that lacked nothing */
    bool fine;            /* nothing is missing: the jitter goes through every pixel */
    bool fine_refused;    /* the atlas had no room for what it found; until the camera moves */
    bool survey_due;      /* the next pass is to see every pixel at once */
    bool surveying;       /* the pass being drawn does */

    vt_stats stats; /* counters and what the last update found; the rest is filled in on demand */
};

/* What is written down in the event log. */
typedef enum stream_event {
    STREAM_ASKED = 1, /* detail: order of the cluster; the page is its corner */
    STREAM_CAME,      /* detail: slot */
    STREAM_MOVED,     /* detail: slot, the new one */
    STREAM_EVICTED,   /* detail: slot */
} stream_event;

/* ---- stream.c ---- */

/* Once a frame; see vt_update. */
void stream_update(vt *v, const vt_clock *clock);

/* Loads every pinned page and waits for it. */
void stream_load_pinned(vt *v);

/* Loads pages that the RAM tier holds, in this order, as far as the atlas has room, and waits for
 * them. */
void stream_load_resident(vt *v, const uint32_t page_ids[], uint32_t count);

/* Where an ended job goes; called by fetch and decode workers. context: the vt. */
void stream_fetched(void *context, const page_job *job);
void stream_decoded(void *context, const page_job *job);

/* ---- stream_shared.c ---- */

stream_texture *stream_texture_of(vt *v, vt_page p);
void stream_note(vt *v, stream_event event, uint32_t page_id, uint32_t detail);

/* Pages last wanted before this image are stale and may be evicted: not seen for two periods of the
 * feedback's jitter, or not since the last cut. */
uint64_t stream_stale_before(const vt *v);

/* Whether the camera has just been cut. Nobody has seen what was there before, so a late frame does
 * no harm and pages need not fade in. */
bool stream_is_after_cut(const vt *v);

/* ---- stream_wants.c ---- */

/* Looks at the feedback images that have come back, and sends for what they miss. */
void stream_take_in_feedback(vt *v);

/* Whether the atlas has slots left beside those that the pages on their way will take. */
bool stream_has_open_slots(vt *v);

/* Submits a job for a cluster, with staging tiles. `ahead`: nobody wants it yet. False: there are
 * no tiles, or the queue of fetch is full. */
bool stream_send_for(vt *v, vt_page corner, uint32_t order, bool ahead);

/* ---- stream_arrive.c ---- */

/* Makes what is staged resident, as far as this frame's budgets go; at least one cluster. */
void stream_take_in_arrivals(vt *v, uint64_t started_ns);

/* Makes all that has arrived resident, whatever it takes. */
void stream_take_in_all(vt *v);

/* Evicts every page but those that are pinned. */
void stream_flush(vt *v);

/* Uploads a cluster that lies in staging and enters its pages into the page table. */
void stream_make_resident(vt *v, const page_job *job);

#endif
