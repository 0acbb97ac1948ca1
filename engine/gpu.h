/* gpu.h: all that the streamer asks of a graphics card. No GL types here, so that a fake one can be
 * linked in its place (tests/fake_gpu.c) and everything before it runs without a card.
 *
 *     staging ring (mapped, tiles) ──gpu_upload──▶ atlas (a texture a layer, slots of 128 texels)
 *     page table (CPU) ──gpu_table_write──▶ table texture (R32UI, a level a mip)
 *     feedback target (R32UI) ──fenced buffers──▶ gpu_feedback_poll
 *
 * Leaves OpenGL's pixel store state and pixel buffer bindings at their defaults, and expects them
 * there; objects are created and filled without binding them. What else changes of a context's
 * state is said at the function.
 *
 * Threads: all functions on the thread that has the context; staging memory is written by workers.
 */
#ifndef MEGABUDDY_ENGINE_GPU_H
#define MEGABUDDY_ENGINE_GPU_H

#include "engine/page.h"
#include "engine/texel.h"

typedef struct gpu gpu;

enum {
    GPU_FEEDBACK_BUFFERS = 3, /* images on their way back at once; a card is 1 to 2 frames behind */
    GPU_BLOCK_BYTES = 64,     /* the uniform block of sample.glsl */
};

typedef struct gpu_desc {
    page_shape shape;                   /* of the texture: sizes the page table */
    uint32_t atlas_columns, atlas_rows; /* slots */
    uint32_t layer_count;
    texel_format formats[VT_MAX_LAYERS]; /* of the atlas */
    bool srgb[VT_MAX_LAYERS];
    uint32_t staging_tiles;                   /* tiles in the ring */
    uint32_t feedback_width, feedback_height; /* texels of the feedback target */
    uint32_t anisotropy; /* samples along a slanted pixel's footprint; 0 or 1: off */
    bool audit; /* also keep the page id of every slot's texels, for vt_audit() in the shaders */
} gpu_desc;

/* What a frame's shaders need to know; goes into the uniform block of sample.glsl. */
typedef struct gpu_frame {
    uint32_t texture;     /* number in page ids, from 1 */
    float mip_bias;       /* added to the level of detail */
    float feedback_scale; /* screen pixels per feedback pixel, along one side */
    bool wrap_x;
} gpu_frame;

/* A feedback image that has arrived. */
typedef struct gpu_feedback {
    const uint32_t *ids; /* packed page ids, 0 for none; width * height, until gpu_feedback_done */
    uint32_t width, height;
    uint64_t tag; /* as given to gpu_feedback_begin */
} gpu_feedback;

/* Bytes of all textures and buffers for desc; the audit texture is not counted. Pure. */
uint64_t gpu_bytes(const gpu_desc *desc);

/* Bytes of one staging tile: its layers one after the other. Pure. */
uint32_t gpu_tile_bytes(const gpu_desc *desc);

/* The largest atlas side in slots that the card takes, and whether it is a software renderer. */
uint32_t gpu_max_slots(void);
bool gpu_is_software(void);

/* Needs a current context of OpenGL 4.5 core whose functions are loaded. Anisotropy is clamped to
 * the border, within which its samples stay. NULL: `error` says why in one line. */
gpu *gpu_create(const gpu_desc *desc, char *error, uint32_t error_bytes);
void gpu_destroy(gpu *g); /* with the context current; NULL does nothing */

const gpu_desc *gpu_get_desc(const gpu *g); /* in effect: anisotropy at least 1 and clamped */

/* --- staging: a ring of tiles in mapped memory --- */

/* Tile t begins at t * gpu_tile_bytes. Mapped for writing only: reading it is slow or worse. */
uint8_t *gpu_staging(const gpu *g);

/* Takes a free tile for a worker to fill; -1 when none is free: the card still reads them, or
 * workers hold them. Never waits. */
int32_t gpu_staging_take(gpu *g);

/* Gives back a tile that was not uploaded. */
void gpu_staging_give(gpu *g, int32_t tile);

/* Copies a filled tile to the slot at (x, y). The tile returns to the ring by itself once the card
 * has read it. page_id is for the audit. */
void gpu_upload(gpu *g, int32_t tile, uint32_t x, uint32_t y, uint32_t page_id);

/* Ends a frame's uploads: fences the tiles they used, polls older fences. wait: until the card has
 * read them all. */
void gpu_staging_fence(gpu *g, bool wait);

/* --- page table --- */

/* Writes entries[0 … height) rows of `stride` entries to the rectangle at (x, y) of a mip. */
void gpu_table_write(gpu *g, uint32_t mip, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                     const uint32_t *entries, uint32_t stride);

/* --- drawing with it --- */

/* Binds table, atlas and uniform block for programs that include sample.glsl: the units and the
 * binding of shaders/shared.h, which nobody else should use (no sampler objects there either). */
void gpu_bind(gpu *g, const gpu_frame *frame);

/* --- feedback --- */

/* Binds the feedback target, clears it and sets the viewport; switches scissor test and blending
 * off, colour and depth writes on. False: all buffers are still on their way back, or images that
 * came back are not done with; skip the pass, nothing was touched. The caller sets its own
 * framebuffer, viewport and switches again after gpu_feedback_end. */
bool gpu_feedback_begin(gpu *g, uint64_t tag);
void gpu_feedback_end(gpu *g); /* starts the copy back, with a fence */

/* The oldest image that has come back; false: none yet. wait: for the oldest on its way. */
bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out);
void gpu_feedback_done(gpu *g); /* the image may be overwritten */

const char *gpu_check(const gpu *g); /* NULL when the books of both rings balance */

#endif
