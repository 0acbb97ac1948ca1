/* vt.h: virtual textures: the only header of the streamer that a program needs.
 *
 * A virtual texture is far larger than video memory. The streamer keeps of it what the frame looks
 * at: pages travel from a page file (disk) through a buddy heap (RAM) into a buddy-managed atlas
 * (VRAM), and a shader finds them by a page table. A frame goes like this:
 *
 *     vt *world = vt_create(&(vt_desc){.path = "world.mega"}, error, sizeof error);
 *     // a program whose fragment shader is vt_glsl(world), then one that calls vt_sample(uv)
 *     // a program whose fragment shader is vt_glsl(world), then one that returns vt_feedback(uv)
 *     for (;;) {
 *         vt_update(world, &(vt_clock){.now_ms = now});     // what has arrived goes into the atlas
 *         if (vt_feedback_begin(world, VT_FEEDBACK_NOW)) {   // what does the frame want?
 *             draw(feedback_program);                        // at vt_feedback_size(), jittered
 *             vt_feedback_end(world);
 *         }
 *         glBindFramebuffer(…), glViewport(…);
 *         vt_bind(world);
 *         draw(colour_program);
 *     }
 *     vt_destroy(world);
 *
 * Until a page has arrived its nearest resident ancestor is shown; the coarsest mips never leave.
 *
 * Threads: all functions on the thread that has the OpenGL 4.5 context, whose functions the
 * streamer finds by itself (vt_desc.get_proc_address). Reading and decoding happen on threads of
 * the streamer's own; no function waits for them unless it says so. Errors: functions that can fail
 * return NULL or false and write one line. */
#ifndef MEGABUDDY_ENGINE_VT_H
#define MEGABUDDY_ENGINE_VT_H

#include "vt_sync.h"
#include "vt_trace.h"
#include "vt_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct vt vt;

typedef enum vt_format {
    /* As stored, and BC1 for what is stored as JPEG; but RGBA8, which it samples faster, on a
     * software renderer if the budget has room for all that a screen may want. */
    VT_FORMAT_AUTO = 0,
    VT_FORMAT_BC1, /* compressed: BC3, BC4 and BC5 stay what they are */
    VT_FORMAT_RGBA8,
} vt_format;

typedef enum vt_feedback_kind {
    VT_FEEDBACK_NOW = 0,   /* drawn with the frame's camera */
    VT_FEEDBACK_PREDICTED, /* drawn with the camera that is expected soon: fetched into RAM only */
    VT_FEEDBACK_NONE,      /* nothing was drawn */
} vt_feedback_kind;

/* A virtual texture that shares the atlas and the budgets. */
typedef struct vt_source {
    const char *path; /* of the page file; not needed after vt_create */
    float weight;     /* its share of the atlas, among those of all, when there is not room for all
                       * that the frame wants; 0: 1 */
} vt_source;

enum { VT_MAX_TEXTURES = 16 };

/* Zero means the default in every field but path. */
typedef struct vt_desc {
    const char *path;           /* of the page file of texture 1; not needed after vt_create */
    float weight;               /* of texture 1: see vt_source */
    const vt_source *others;    /* textures 2, 3 …; not needed after vt_create */
    uint32_t other_count;       /* less than VT_MAX_TEXTURES */
    uint64_t ram_budget_bytes;  /* everything the streamer holds in RAM; 0: 256 MiB */
    uint64_t vram_budget_bytes; /* every texture and buffer it makes; 0: 64 MiB */
    vt_format format;
    uint32_t read_workers;   /* threads, where the kernel has no io_uring, else one; 0: 2 */
    uint32_t decode_workers; /* threads; 0: one less than the processors, 1 … 8 */
    bool ram_prefault;
    vt_sync ram_sync; /* how the RAM tier's threads keep out of each other's way */
    /* A file that the RAM tier is put into by vt_destroy and taken from by vt_create, which removes
     * it, so that a world opens as sharp as it was left. What does not fit any more (another world,
     * another budget) is left out, with a message. Whatever else stands there (a world, another
     * user's file, a pipe) is left alone: a message says so at once, and vt_close at the end. A
     * symbolic link is followed. Not needed after vt_create; NULL: none; only with
     * VT_SYNC_LOCKFREE. */
    const char *suspend;
    uint32_t anisotropy; /* 0: 1 (off); at most what the page file's border allows */
    uint32_t screen_width, screen_height; /* pixels; sizes the feedback target; 0: 1280x720 */
    uint32_t feedback_divisor; /* screen pixels per feedback pixel along a side; 0: 8; doubled where
                                  the card or the budget is too small for a large screen's */
    uint32_t most_slots;       /* pages in video memory at most; 0: as many as the budget holds */
    bool deterministic; /* vt_update waits for feedback and workers: same input, same pictures */
    bool audit;         /* vt_audit() works in shaders; costs video memory outside the budget */
    vt_trace *trace;    /* the caller's, for what all threads do, until vt_destroy; NULL: none */
    struct buddy_fault
        *fault; /* the caller's, until vt_destroy: which requests for memory of the RAM
                            tier fail although there is room (buddy/fault.h); NULL: none */
    vt_get_proc_address *get_proc_address; /* of the context; NULL: that of EGL or GLX */
} vt_desc;

/* What may be changed while it runs. Zero is not the default here: start from vt_get_settings. */
typedef struct vt_settings {
    /* Just after a cut the first two are eight times as large, and nothing fades in. */
    float upload_ms;       /* most time a frame spends on uploads */
    uint64_t upload_bytes; /* most bytes a frame uploads; at least one block always goes */
    float fade_ms;         /* a page that arrives fades in for so long; 0: at once */
    float bias_max;        /* most mips that everything gets coarser when the atlas is too small */
    bool frozen;           /* nothing is requested, uploaded or evicted */
    /* A slower disk than there is, to see how that looks. 0: as fast as it is. */
    float disk_delay_ms;            /* each request takes at least so long; they overlap */
    uint64_t disk_bytes_per_second; /* all requests together */
} vt_settings;

typedef struct vt_clock {
    double now_ms; /* a clock of the caller's; drives fades and the bias */
    bool cut;      /* the camera has jumped: what was wanted before is stale */
} vt_clock;

typedef struct vt_stats {
    struct {
        uint64_t read, decoded, uploaded, evicted, cancelled, corrupt, failed;
        uint64_t moved; /* from slot to slot, to make room for a block */
    } pages;            /* since create */
    uint64_t blocks[4]; /* uploaded since create: of 1, 2x2, 4x4, 8x8 pages */
    struct {
        uint64_t disk_read, uploaded;
    } bytes; /* since create */
    struct {
        uint64_t budget_bytes, used_bytes, peak_bytes;
        uint64_t payload_bytes; /* of the pages held: used, less what rounding and books cost */
        uint32_t pages;
        double fragmentation;
        uint64_t hits, misses;
        uint32_t resumed;            /* pages that were taken from an earlier run */
        uint32_t pending_high_water; /* most requests that waited for a split at one level */
    } ram;
    struct {
        uint64_t budget_bytes, used_bytes, peak_bytes;          /* bytes of textures and buffers */
        uint32_t slots, slots_used, slots_pinned, slots_wanted; /* wanted: by the last feedback */
        double fragmentation;
    } vram;
    uint32_t fetch_pending, decode_pending; /* jobs in the lanes */
    uint32_t missing; /* pages wanted by the last feedback and not resident, under the bias */
    float
        there_share; /* of the last feedback's pixels: those whose page is there, under the bias */
    uint32_t fading; /* pages that have not faded in yet */
    float mip_bias, mip_bias_peak;       /* of the texture with the largest */
    double update_ms, update_longest_ms; /* spent inside vt_update: last, longest */
    double feedback_ms;                  /* spent on analysing the last feedback image */
    uint64_t feedback_images;            /* analysed since create */
    /* What the streamer did, in order: each page asked for, shown, moved or evicted. The hash of it
     * is the same whenever a deterministic run is repeated. */
    uint64_t events, events_hash;
} vt_stats;

/* Opens the page file, makes the three tiers within their budgets, and loads the coarsest mips
 * (waits for those). Returns NULL and one line in `error` when it can't. */
vt *vt_create(const vt_desc *desc, char *error, uint32_t error_bytes);
void vt_destroy(vt *v); /* waits for reads in flight; NULL does nothing */

/* As vt_destroy. False: desc.suspend could not be written, and `error` says why in one line; the
 * rest is done in any case. NULL is true. */
bool vt_close(vt *v, char *error, uint32_t error_bytes);

const vt_desc *vt_get_desc(const vt *v); /* in effect: defaults filled in */
const vt_info *vt_get_info(const vt *v); /* of texture 1 */

vt_texel_format vt_atlas_format(const vt *v, uint32_t layer); /* in which video memory has it */

/* A row of heights: vt_info.heights_width int16 metres, until it returns. */
typedef void vt_take_row(void *context, uint32_t row, const int16_t *metres);

/* Reads the heights of texture 1 from its page file and gives them to `take`, row by row, top down.
 * What was given is to be used only when it returns true: damage may show at the end. False: the
 * file has none, or `error` says in one line what is wrong with them. Waits for the disk. */
bool vt_scan_heights(const vt *v, vt_take_row *take, void *context, char *error,
                     uint32_t error_bytes);

/* Textures are numbered from 1. */
uint32_t vt_texture_count(const vt *v);
const vt_info *vt_texture_info(const vt *v, uint32_t texture);
float vt_texture_bias(const vt *v, uint32_t texture); /* mips; what it is coarser by just now */

void vt_get_settings(const vt *v, vt_settings *out);
void vt_set_settings(vt *v, const vt_settings *settings);

/* Once a frame, before it is drawn: takes in feedback, uploads what is ready within the budgets,
 * evicts, requests. */
void vt_update(vt *v, const vt_clock *clock);

enum { VT_SETTLE_IMAGES = 80 };

/* Whether the last VT_SETTLE_IMAGES feedback images lacked nothing, and all has faded in. That many
 * see every pixel once: a camera that has just stopped has to be drawn for so long before it is its
 * rest that this speaks of. */
bool vt_is_settled(const vt *v);

/* ---- drawing ---- */

/* GLSL to put in front of a fragment shader, after its #version line. It fits this texture's
 * anisotropy, lives as long as it, and declares
 *     vec4 vt_sample(vec2 uv);          layer 0 at uv (0 … 1 over the picture, v downward)
 *     vec4 vt_sample_layer(int layer, vec2 uv);
 *     uint vt_feedback(vec2 uv);        the packed page id that uv wants, for the feedback pass
 *     uint vt_audit(vec2 uv);           a VT_AUDIT_* value: is what vt_sample shows right?
 *     float vt_lod(vec2 uv);            the wanted mip, unbiased */
const char *vt_glsl(const vt *v);

/* Binds the streamer's textures and uniform block (units and binding of engine/vt_shared.h): what is
 * drawn from now on samples texture 1, or the one that is named. */
void vt_bind(vt *v);
void vt_bind_texture(vt *v, uint32_t texture);

/* Begins the feedback pass: binds its target and viewport, cleared, and texture 1. Draw with a
 * fragment shader `out uint id` = vt_feedback(uv); bind other textures for what shows them. False:
 * skip the pass, three are on their way already. */
bool vt_feedback_begin(vt *v, vt_feedback_kind kind);
void vt_feedback_end(vt *v);

/* The size of the feedback target of the pass begun, and where to shift its projection, in feedback
 * pixels (-0.5 … 0.5): successive passes look at different pixels. The first pass after a cut is as
 * fine as video memory allows, so that sharpness does not wait for more of them. */
void vt_feedback_size(const vt *v, uint32_t *width, uint32_t *height);
void vt_feedback_jitter(const vt *v, float *x, float *y);

/* Whether the pass begun looks for the last slivers: draw just what the frame does. Other passes
 * may be drawn with coarser geometry, which costs a pixel here and there. */
bool vt_feedback_is_exact(const vt *v);

/* ---- watching ---- */

void vt_get_stats(vt *v, vt_stats *out);

/* Takes the oldest line about something that went wrong (a bad page); false: none. */
bool vt_take_message(vt *v, char *line, uint32_t bytes);

const char *vt_check(vt *v); /* NULL when every tier's invariants hold. Waits for the workers. */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
