/* gpu_private.h: what gpu_create.c makes and gpu.c and gpu_staging.c use; for these only. */
#ifndef MEGABUDDY_ENGINE_GPU_PRIVATE_H
#define MEGABUDDY_ENGINE_GPU_PRIVATE_H

#include "engine/vram/gpu.h"

#include "buddy/buddy.h"

#include <stddef.h>

#include <glad/gl.h>

/* The uniform block of sample.glsl, std140. */
typedef struct gpu_block {
    float size[2];        /* texels of mip 0 */
    float atlas_texel[2]; /* 1 / texels of the atlas */
    float payload, border;
    float bias;
    float feedback_lod;
    int32_t grid[2]; /* pages of mip 0 */
    int32_t mips;
    float anisotropy;
    uint32_t texture;
    uint32_t wrap_x;
    uint32_t padding[2]; /* std140 rounds a block up to 16 bytes */
} gpu_block;

_Static_assert(sizeof(gpu_block) == GPU_BLOCK_BYTES, "gpu_bytes counts the block");
_Static_assert(offsetof(gpu_block, atlas_texel) == 8, "std140: vec2 on 8 bytes");
_Static_assert(offsetof(gpu_block, payload) == 16, "std140: floats on 4 bytes");
_Static_assert(offsetof(gpu_block, grid) == 32, "std140: ivec2 on 8 bytes");
_Static_assert(offsetof(gpu_block, mips) == 40, "std140: ints on 4 bytes");
_Static_assert(offsetof(gpu_block, wrap_x) == 52, "std140: uints on 4 bytes");

/* Work that the card has been given and may not have finished. */
typedef struct flight {
    GLsync fence;
    bool flushed;      /* the fence command has been sent to the card */
    uint32_t clusters; /* staging: those at the queue's front, free once it has passed */
    uint32_t target;   /* feedback */
    uint64_t tag;      /* feedback */
} flight;

/* 4^order tiles of the staging ring. */
typedef struct staging_cluster {
    int32_t tile;
    uint32_t order;
} staging_cluster;

/* tiles that are not free in the buddy == taken + those of all queued clusters; unfenced + clusters
 * of all flights == queued_count */
typedef struct staging {
    GLuint buffer;
    uint8_t *memory; /* mapped; written by workers */
    uint32_t tile_count, tile_bytes;
    buddy *tiles;
    uint32_t taken;          /* tiles that workers fill, or that wait for their upload */
    staging_cluster *queued; /* a ring of tile_count: the card may still read them; in order */
    uint32_t queued_head, queued_count;
    uint32_t unfenced; /* clusters at the queue's back: uploaded since the last fence */
    flight *flights;   /* a ring of tile_count: every flight has at least one cluster */
    uint32_t flight_head, flight_count;
} staging;

enum { FEEDBACK_SMALL = 0, FEEDBACK_SURVEY, FEEDBACK_TARGETS };

/* Where feedback is drawn, and the buffers in which it comes back. */
typedef struct feedback_target {
    GLuint framebuffer, ids, depth;
    GLuint buffer;
    const uint8_t *memory; /* mapped; `images` of them */
    uint32_t width, height;
    uint32_t image_bytes, images;
    uint32_t next, used; /* a ring: the image that the next pass fills; images not done with */
} feedback_target;

typedef struct feedback_ring {
    feedback_target targets[FEEDBACK_TARGETS];
    flight flights[GPU_FEEDBACK_BUFFERS + 1]; /* a ring, of both targets, in order */
    uint32_t head, count;
    uint64_t tag;    /* of the pass being drawn */
    uint32_t target; /* of the pass being drawn */
    bool drawing;    /* between begin and end */
    bool arrived;    /* the head's image has been handed out */
} feedback_ring;

/* One virtual texture's. */
typedef struct table {
    GLuint entries;
    GLuint block_buffer;
    gpu_block block; /* as the card has it */
} table;

struct gpu {
    gpu_desc desc; /* in effect */
    GLuint atlas[VT_MAX_LAYERS];
    GLenum atlas_target; /* what they are */
    GLuint audit;        /* 0: off */
    table tables[GPU_MAX_TABLES];
    staging staging;
    feedback_ring feedback;
};

GLenum gpu_internal_format(vt_texel_format format, bool srgb); /* GL_NONE: no such format */

/* A fence behind all that the card has been given so far. */
flight gpu_take_off(void);

/* Whether the card has passed the fence, which is then deleted. A fence that fails, as it does when
 * the context is lost, counts as passed, so that nobody waits for it for ever. */
bool gpu_has_landed(flight *f, bool wait);

#endif
