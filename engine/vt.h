/* vt.h: virtual textures: the only header of the streamer that a program needs.
 *
 * A virtual texture is a picture far larger than video memory, cut into square pages. The streamer
 * keeps only the pages that the frame looks at: they travel from a page file (disk) through a buddy
 * heap (RAM) into an atlas texture, whose slots a buddy allocator hands out (VRAM). A shader finds
 * each page there by a page table. A program uses it like this:
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
 * Until a page has arrived, the shader shows its nearest ancestor in the atlas (the same place, from
 * a coarser mip). The coarsest mips never leave, so there is always one.
 *
 * Threads: call every function on the thread that has the OpenGL 4.5 context; the streamer looks up
 * OpenGL's functions by itself (vt_desc.get_proc_address). It reads and decodes on threads of its
 * own, and no function waits for those unless its comment says so. Errors: functions that can fail
 * return NULL or false and write one line that says why. */
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
    /* As stored, and BC1 for layers stored as JPEG. On a software renderer RGBA8, which it samples
     * faster, if the budget then still holds all the pages that a screen may want. */
    VT_FORMAT_AUTO = 0,
    VT_FORMAT_BC1, /* compressed: BC3, BC4 and BC5 stay what they are */
    VT_FORMAT_RGBA8,
} vt_format;

typedef enum vt_feedback_kind {
    VT_FEEDBACK_NOW = 0,   /* drawn with the frame's camera */
    VT_FEEDBACK_PREDICTED, /* with the camera expected soon: its pages are fetched into RAM only */
    VT_FEEDBACK_NONE,      /* nothing was drawn */
} vt_feedback_kind;

/* One more virtual texture; all share one atlas and the budgets. */
typedef struct vt_source {
    const char *path; /* of the page file; not needed after vt_create */
    /* When the frame wants more pages than the atlas has slots, textures get slots in proportion to
     * their weights. 0: 1. */
    float weight;
} vt_source;

#define VT_MAX_TEXTURES 16

/* What vt_create makes. Zero means the default in every field but path. */
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
    vt_sync ram_sync; /* how the RAM tier's allocator keeps threads apart */
    /* A file for the pages in RAM: vt_destroy writes them to it, and the next vt_create takes them
     * from it and removes it, so that a world opens as sharp as it was left. Pages that do not fit
     * any more (another world, a smaller budget) are left out, with a message. If the path names
     * anything but such a file of yours (a world, another user's file, a pipe), the streamer leaves
     * it alone: a message says so at once, and vt_close at the end. A symbolic link is followed.
     * The string is not needed after vt_create; NULL: no file; only with VT_SYNC_LOCKFREE. */
    const char *suspend;
    uint32_t anisotropy; /* 0: 1 (off); at most what the page file's border allows */
    uint32_t screen_width, screen_height; /* pixels; sizes the feedback target; 0: 1280x720 */
    /* Screen pixels per feedback pixel along a side. 0: 8. It is doubled where the card or the
     * budget is too small for the feedback target of a large screen. */
    uint32_t feedback_divisor;
    uint32_t most_slots; /* pages in video memory at most; 0: as many as the budget holds */
    bool deterministic;  /* vt_update waits for feedback and workers: same input, same pictures */
    bool audit;          /* shaders may call vt_audit(); costs video memory outside the budget */
    /* Both are the caller's and have to live until vt_destroy. NULL: none. The trace takes down what
     * all threads do. The fault makes requests for memory of the RAM tier fail although there is
     * room (buddy/fault.h), for tests. */
    vt_trace *trace;
    struct buddy_fault *fault;
    vt_get_proc_address *get_proc_address; /* of the context; NULL: that of EGL or GLX */
} vt_desc;

/* What may be changed while the streamer runs. Zero is not the default here: start from
 * vt_get_settings. */
typedef struct vt_settings {
    /* Just after a cut the first two are eight times as large, and nothing fades in. Whatever they
     * say, a frame uploads at least one cluster of pages. */
    float upload_ms;       /* most time that a frame spends on uploads */
    uint64_t upload_bytes; /* most bytes that a frame uploads */
    float fade_ms;  /* how long a page that arrives takes to fade in; 0: it is there at once */
    float bias_max; /* most mips by which all gets coarser when the atlas is too small */
    bool frozen;    /* nothing is requested, uploaded or evicted */
    /* A slower disk than there is, to see how that looks. 0: as fast as it is. */
    float disk_delay_ms;            /* each request takes at least so long; they overlap */
    uint64_t disk_bytes_per_second; /* all requests together */
} vt_settings;

typedef struct vt_clock {
    double now_ms; /* of a clock of the caller's; fades and the bias go by it */
    bool cut;      /* the camera is suddenly elsewhere: what was wanted before is stale */
} vt_clock;

typedef struct vt_stats {
    struct {
        uint64_t read, decoded, uploaded, evicted, cancelled, corrupt, failed;
        uint64_t moved;   /* from slot to slot, to make room for a cluster */
    } pages;              /* since create */
    uint64_t clusters[4]; /* uploaded since create: of 1, 2x2, 4x4, 8x8 pages */
    struct {
        uint64_t disk_read, uploaded;
    } bytes; /* since create */
    struct {
        uint64_t budget_bytes, used_bytes, peak_bytes;
        uint64_t payload_bytes; /* of the pages held: used_bytes without rounding and indexes */
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
    uint32_t fetch_pending, decode_pending; /* jobs in the work queues */
    /* Of the last feedback image, with the bias applied: wanted pages that are not in the atlas, and
     * the share of pixels whose page is. */
    uint32_t missing;
    float there_share;
    uint32_t fading;                     /* pages that have not faded in yet */
    float mip_bias, mip_bias_peak;       /* of the texture with the largest */
    double update_ms, update_longest_ms; /* spent inside vt_update: last, longest */
    double feedback_ms;                  /* spent on analysing the last feedback image */
    uint64_t feedback_images;            /* analysed since create */
    /* What the streamer did, in order: each page it asked for, made resident, moved or evicted. Runs
     * of a deterministic streamer with the same input have the same hash. */
    uint64_t events, events_hash;
} vt_stats;

/* Opens the page files, makes the three tiers within their budgets, loads the coarsest mips and
 * waits for them. When it can't, returns NULL and writes one line into `error`. */
vt *vt_create(const vt_desc *desc, char *error, uint32_t error_bytes);
void vt_destroy(vt *v); /* waits for reads in flight; NULL does nothing */

/* As vt_destroy, but tells whether desc.suspend could be written. False: it could not, and `error`
 * says why in one line; the streamer is gone in either case. NULL is true. */
bool vt_close(vt *v, char *error, uint32_t error_bytes);

const vt_desc *vt_get_desc(const vt *v); /* as in effect: with the defaults filled in */
const vt_info *vt_get_info(const vt *v); /* of texture 1 */

vt_texel_format vt_atlas_format(const vt *v, uint32_t layer); /* of the layer's atlas texture */

/* Takes a row of heights: vt_info.heights_width of them, valid until it returns. */
typedef void vt_take_row(void *context, uint32_t row, const int16_t *metres);

/* Reads the heights of texture 1 from its page file and gives them to `take`, row by row from the
 * top. Use them only after it has returned true, since damage may show at the end. False: the file
 * has none, or `error` says in one line what is wrong with them. Waits for the disk. */
bool vt_scan_heights(const vt *v, vt_take_row *take, void *context, char *error,
                     uint32_t error_bytes);

/* Textures are numbered from 1. */
uint32_t vt_texture_count(const vt *v);
const vt_info *vt_texture_info(const vt *v, uint32_t texture);
float vt_texture_bias(const vt *v, uint32_t texture); /* by how many mips it is coarser just now */

void vt_get_settings(const vt *v, vt_settings *out);
void vt_set_settings(vt *v, const vt_settings *settings);

/* Call it once a frame, before drawing: takes in feedback images that are back from the GPU, uploads
 * pages that are ready as far as the budgets allow, evicts old ones, and requests missing ones. */
void vt_update(vt *v, const vt_clock *clock);

#define VT_SETTLE_IMAGES 80

/* Whether the last VT_SETTLE_IMAGES feedback images lacked no page, and all pages have faded in.
 * So many jittered images see every pixel once. After the camera has stopped, draw that many before
 * you trust this: the answer still counts images from before. */
bool vt_is_settled(const vt *v);

/* ---- drawing ---- */

/* GLSL to put in front of a fragment shader, after its #version line. It is made for
 * vt_desc.anisotropy, lives as long as `v`, and declares
 *     vec4 vt_sample(vec2 uv);          layer 0 at uv (0 … 1 over the picture, v downward)
 *     vec4 vt_sample_layer(int layer, vec2 uv);
 *     uint vt_feedback(vec2 uv);        the packed page id that uv wants, for the feedback pass
 *     uint vt_audit(vec2 uv);           a VT_AUDIT_* value: is what vt_sample shows right?
 *     float vt_lod(vec2 uv);            the wanted mip, unbiased */
const char *vt_glsl(const vt *v);

/* Binds the streamer's textures and uniform block, at the units and the binding that vt_shared.h
 * names. What you draw from now on samples texture 1, or the one that you name. */
void vt_bind(vt *v);
void vt_bind_texture(vt *v, uint32_t texture);

/* Begins the feedback pass: binds its cleared target, its viewport, and texture 1. Draw the scene
 * with a fragment shader that writes vt_feedback(uv) to an `out uint`, and call vt_bind_texture for
 * objects that show another texture. False: skip the pass, since the GPU has not finished three
 * earlier ones. */
bool vt_feedback_begin(vt *v, vt_feedback_kind kind);
void vt_feedback_end(vt *v);

/* The size of the target of the pass begun, and by how much to shift the projection, in feedback
 * pixels (-0.5 … 0.5), so that successive passes see different screen pixels. The first pass after a
 * cut is as fine as video memory allows: it alone finds nearly all the pages. */
void vt_feedback_size(const vt *v, uint32_t *width, uint32_t *height);
void vt_feedback_jitter(const vt *v, float *x, float *y);

/* Whether the pass begun looks for pages that only a few pixels see: then draw exactly the frame's
 * geometry. Other passes may draw coarser geometry and miss a pixel here and there. */
bool vt_feedback_is_exact(const vt *v);

/* ---- watching ---- */

void vt_get_stats(vt *v, vt_stats *out);

/* Takes the oldest message about something that went wrong (a bad page); false: there is none. */
bool vt_take_message(vt *v, char *line, uint32_t bytes);

const char *vt_check(vt *v); /* NULL when every tier's invariants hold. Waits for the workers. */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
