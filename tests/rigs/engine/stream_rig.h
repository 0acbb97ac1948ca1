/* stream_rig.h: the whole streamer on a fake GPU: real page files, real threads, real tiers, and a
 * camera that is a window of pages at some mip. After every frame the page table must show, at
 * every page that exists, the texels of that page or of the ancestor that it names.
 *
 * Include after cmocka. */
#ifndef MEGABUDDY_TESTS_STREAM_RIG_H
#define MEGABUDDY_TESTS_STREAM_RIG_H

#include "engine/conductor/stream.h"

#define RIG_MOST_IDS 4096

extern const uint64_t RIG_MIB;

/* A camera that looks at texture `texture`, from its number on; 0 counts as 1. */
typedef struct rig_window {
    float lod;           /* mips */
    uint32_t x, y;       /* its middle, in texels of mip 0 */
    uint32_t wide, high; /* pages at its mip when there is no bias */
    uint32_t texture;
} rig_window;

/* Writes a world whose every texel tells its page: the first one of a page of RGBA8 is its id (of
 * texture 1). */
typedef struct rig_world {
    uint32_t width, height;                 /* texels */
    uint32_t border;                        /* 0: 4 */
    vt_texel_format formats[VT_MAX_LAYERS]; /* VT_TEXEL_NONE ends them */
} rig_world;

void rig_write_world(const char *path, const rig_world *world);

/* Bytes of a budget that gives about `slots` slots of RGBA8. */
uint64_t rig_vram_for(uint32_t slots);

/* Fails the test where vt_create does. */
vt *rig_create(const vt_desc *desc);

/* What the feedback pass of this camera would write under the bias in effect. Returns the pixels.
 */
uint32_t rig_image(const vt *v, rig_window w, uint32_t ids[RIG_MOST_IDS]);

/* A clock that all tests share; milliseconds. */
extern double rig_clock_ms;

/* One frame of 16 ms, its feedback and its survey those of the camera. */
void rig_frame(vt *v, rig_window w, bool cut);

/* The same with several cameras, which see different textures or different places. */
void rig_frame_of(vt *v, const rig_window windows[], uint32_t count, bool cut);

bool rig_workers_rest(vt *v); /* whether they have done what they were sent for */

/* Frames until all that is wanted is there; those while the workers are busy do not count, for who
 * knows what else the machine is busy with. */
int rig_settle(vt *v, rig_window w, int most);

/* Every tier's invariants, and the budgets. */
void rig_expect_sound(vt *v);

#endif
