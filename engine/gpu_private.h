/* gpu_private.h: what gpu_create.c makes and gpu.c uses; for these two only. */
#ifndef MEGABUDDY_ENGINE_GPU_PRIVATE_H
#define MEGABUDDY_ENGINE_GPU_PRIVATE_H

#include "engine/gpu.h"

#include <stddef.h>

#include <glad/gl.h>

/* The uniform block of sample.glsl, std140. */
typedef struct gpu_block {
    float size[2];        /* texels of mip 0 */
    float atlas_texel[2]; /* 1 / texels of the atlas */
    float payload, border;
    float bias;
    float feedback_lod;
    int32_t last_page[2];
    int32_t mips;
    float anisotropy;
    uint32_t texture;
    uint32_t wrap_x;
    uint32_t padding[2]; /* std140 rounds a block up to 16 bytes */
} gpu_block;

_Static_assert(sizeof(gpu_block) == GPU_BLOCK_BYTES, "gpu_bytes counts the block");
_Static_assert(offsetof(gpu_block, atlas_texel) == 8, "std140: vec2 on 8 bytes");
_Static_assert(offsetof(gpu_block, payload) == 16, "std140: floats on 4 bytes");
_Static_assert(offsetof(gpu_block, last_page) == 32, "std140: ivec2 on 8 bytes");
_Static_assert(offsetof(gpu_block, mips) == 40, "std140: ints on 4 bytes");
_Static_assert(offsetof(gpu_block, wrap_x) == 52, "std140: uints on 4 bytes");

/* Work that the card has been given and may not have finished. */
typedef struct flight {
    GLsync fence;
    bool flushed;   /* the fence itself has been sent to the card */
    uint32_t tiles; /* staging: of the queue's front, that return when the fence has passed */
    uint64_t tag;   /* feedback */
} flight;

/* free_count + taken + queued_count == tile_count
 * unfenced + tiles of all flights  == queued_count */
typedef struct staging {
    GLuint buffer;
    uint8_t *memory; /* mapped; written by workers */
    uint32_t tile_count, tile_bytes;
    int32_t *free; /* a stack */
    uint32_t free_count;
    uint32_t taken;  /* filled by a worker, or waiting for its upload */
    int32_t *queued; /* a ring: copies that the card may still be reading, in order */
    uint32_t queued_head, queued_count;
    uint32_t unfenced; /* of the queue's back: uploaded since the last fence */
    flight *flights;   /* a ring of tile_count: every flight has at least one tile */
    uint32_t flight_head, flight_count;
} staging;

typedef struct feedback_ring {
    GLuint framebuffer, ids, depth;
    GLuint buffer;
    const uint8_t *memory; /* mapped; GPU_FEEDBACK_BUFFERS images */
    uint32_t image_bytes;
    flight flights[GPU_FEEDBACK_BUFFERS]; /* a ring; flight i fills image i */
    uint32_t head, count;
    uint64_t tag; /* of the pass being drawn */
    bool drawing; /* between begin and end */
    bool arrived; /* the head's image has been handed out */
} feedback_ring;

struct gpu {
    gpu_desc desc; /* in effect */
    GLuint atlas[VT_MAX_LAYERS];
    GLuint table;
    GLuint audit; /* 0: off */
    GLuint block_buffer;
    gpu_block block; /* as the card has it */
    staging staging;
    feedback_ring feedback;
};

GLenum gpu_internal_format(texel_format format, bool srgb); /* GL_NONE: no such format */

#endif
