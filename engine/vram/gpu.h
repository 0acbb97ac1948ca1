/* gpu.h: all that the streamer asks of a graphics card. No GL types here, so that a fake one can be
 * linked in its place (tests/rigs/engine/fake_gpu.c) and everything before it runs without a card.
 *
 *     staging (mapped, tiles) ──gpu_upload──▶ atlas (a texture a layer, slots of 128 texels)
 *     page tables (CPU) ──gpu_table_write──▶ table textures (RG32UI, one a virtual texture)
 *     feedback, survey target (R32UI) ──fenced buffers──▶ gpu_feedback_poll
 *
 * Pages travel in clusters, aligned squares of 2^order x 2^order of them. A cluster lies in staging
 * as one rectangle a layer, and is uploaded in one call a layer: on a large card the call costs,
 * not the bytes. The *survey* is the feedback pass after a cut, which has a larger target of its
 * own and sees (nearly) every pixel at once.
 *
 * Leaves OpenGL's pixel store state and pixel buffer bindings at their defaults, and expects them
 * there; objects are created and filled without binding them. What else a function changes of the
 * context's state, its comment says.
 *
 * Threads: all functions on the thread that has the context; workers write to the staging
 * memory. */
#ifndef MEGABUDDY_ENGINE_GPU_H
#define MEGABUDDY_ENGINE_GPU_H

#include "engine/page/page.h"
#include "engine/page/texel.h"
#include "engine/vram/pagetable.h"

typedef struct gpu gpu;

enum {
    GPU_FEEDBACK_BUFFERS = 3, /* images on their way back at once; a card is 1 to 2 frames behind */
    GPU_BLOCK_BYTES = 64,     /* the uniform block of sample.glsl, one a virtual texture */
    GPU_MAX_TABLES = 16,
    GPU_MAX_ORDER = 3,
};

/* One virtual texture, as the card knows it. */
typedef struct gpu_table {
    vt_shape shape;
    uint32_t width, height; /* entries of its page table */
    bool wrap_x;
} gpu_table;

typedef struct gpu_desc {
    const gpu_table *tables;            /* by texture - 1; they outlive the gpu */
    uint32_t table_count;               /* 1 … GPU_MAX_TABLES */
    uint32_t atlas_columns, atlas_rows; /* slots */
    uint32_t layer_count;
    vt_texel_format formats[VT_MAX_LAYERS]; /* of the atlas */
    bool srgb[VT_MAX_LAYERS];
    uint32_t staging_tiles;
    uint32_t feedback_width, feedback_height; /* texels of the feedback target */
    uint32_t survey_width, survey_height;     /* of the survey's, used only after cuts; 0: none */
    uint32_t anisotropy; /* samples along a slanted pixel's footprint; 0 or 1: off */
    bool audit; /* also keep the page id of every slot's texels, for vt_audit() in the shaders */
} gpu_desc;

/* What a frame's shaders need to know; goes into the uniform block of sample.glsl. */
typedef struct gpu_frame {
    uint32_t texture;     /* number in page ids, from 1: chooses the page table */
    float mip_bias;       /* added to the level of detail */
    float feedback_scale; /* screen pixels per feedback pixel, along one side */
} gpu_frame;

/* A feedback image that has arrived. */
typedef struct gpu_feedback {
    const uint32_t *ids; /* packed page ids, 0 for none; width * height, until gpu_feedback_done */
    uint32_t width, height;
    uint64_t tag; /* as given to gpu_feedback_begin */
} gpu_feedback;

/* Bytes of all textures and buffers for desc; the audit texture is not counted. Pure. */
uint64_t gpu_bytes(const gpu_desc *desc);

/* Bytes of a feedback target of so many texels, with `images` of it on their way back; and whether
 * these fit into one buffer, of less than 2 GiB. Pure. */
uint64_t gpu_target_bytes(uint64_t texels, uint32_t images);
bool gpu_has_target_buffer(uint64_t texels, uint32_t images);

/* Bytes of one staging tile: its layers one after the other. Pure. */
uint32_t gpu_tile_bytes(const gpu_desc *desc);

/* Whether the atlas is made of rectangle textures: shaders then need VT_RECTANGLE. A software
 * renderer filters in floats, and gives a page the same colours in every slot only if coordinates
 * are not scaled by the atlas' size. Pure. */
bool gpu_has_rectangles(const gpu_desc *desc);

/* Finds OpenGL's functions, which all below call: by `loader`, or if it is NULL by that of EGL or
 * GLX, whichever has a current context on this thread. False: `error` says why in one line. */
bool gpu_load(vt_get_proc_address *loader, char *error, uint32_t error_bytes);

/* The largest atlas side in slots that the card takes, the largest side in texels of a target that
 * is drawn into, and whether it is a software renderer. */
uint32_t gpu_max_slots(void);
uint32_t gpu_max_target_side(void);
bool gpu_is_software(void);

/* Needs a current context of OpenGL 4.5 core whose functions are loaded. Anisotropy is clamped to
 * the border, within which its samples stay. NULL: `error` says why in one line. */
gpu *gpu_create(const gpu_desc *desc, char *error, uint32_t error_bytes);
void gpu_destroy(gpu *g); /* with the context current; NULL does nothing */

/* ---- staging: tiles in mapped memory, handed out by a buddy ---- */

/* Tile t begins at t * gpu_tile_bytes. Mapped for writing only: reading it is slow or undefined. A
 * cluster of 4^order tiles holds layer after layer, each as one rectangle: rows of 2^order times
 * texel_row_bytes, 2^order times texel_page_rows of them. */
uint8_t *gpu_staging(const gpu *g);

/* Takes 4^order tiles side by side for a worker to fill, and returns the first; -1: the card still
 * reads them, or workers hold them. Never waits. */
int32_t gpu_staging_take(gpu *g, uint32_t order);

/* Gives back a cluster that was not uploaded. */
void gpu_staging_give(gpu *g, int32_t tile, uint32_t order);

/* A square part of a cluster in staging, and where it goes. */
typedef struct gpu_part {
    int32_t tile;        /* of the cluster */
    uint32_t order;      /* of the cluster */
    uint32_t first;      /* the part's first page: its Morton number in the cluster */
    uint32_t part_order; /* the part is 2^part_order pages a side */
    uint32_t x, y;       /* slots: its first one in the atlas */
    vt_page corner;      /* its first page, for the audit */
} gpu_part;

/* Copies a part of a filled cluster to the atlas. */
void gpu_upload(gpu *g, const gpu_part *part);

/* Says that no more of the cluster will be uploaded: its tiles become free by themselves once the
 * card has read them. */
void gpu_staging_sent(gpu *g, int32_t tile, uint32_t order);

/* Ends a frame's uploads: fences the tiles they used, polls older fences. wait: until the card has
 * read them all. */
void gpu_staging_fence(gpu *g, bool wait);

/* Copies a slot of the atlas, all layers, to another slot. */
void gpu_copy(gpu *g, uint32_t from_x, uint32_t from_y, uint32_t to_x, uint32_t to_y);

/* ---- page tables ---- */

/* Writes a rectangle of a texture's table; rows of `entries` are `stride` entries apart. */
void gpu_table_write(gpu *g, uint32_t texture, pagetable_rect rect, const uint64_t *entries,
                     uint32_t stride);

/* ---- drawing with it ---- */

/* Binds table, atlas and uniform block for programs that include sample.glsl: the units and the
 * binding of engine/vt_shared.h, which nobody else should use (no sampler objects there either). */
void gpu_bind(gpu *g, const gpu_frame *frame);

/* ---- feedback ---- */

/* Binds the feedback target, or the survey's, clears it and sets the viewport; switches scissor
 * test and blending off, colour and depth writes on. False, and nothing is touched: all its buffers
 * (the survey has one) are on their way back, or hold images that the caller is not done with; skip
 * the pass. After gpu_feedback_end the caller sets its own framebuffer, viewport and switches
 * again. */
bool gpu_feedback_begin(gpu *g, uint64_t tag, bool survey);
void gpu_feedback_end(gpu *g); /* starts the copy back, with a fence */

/* Hands out the oldest image that has come back; false: none has yet. wait: waits for the oldest
 * one on its way. */
bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out);
void gpu_feedback_done(gpu *g); /* the image may be overwritten */

const char *gpu_check(const gpu *g); /* NULL when the counts of both rings agree */

#endif
