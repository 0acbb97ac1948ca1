/* scene.h: a tiny virtual texture, laid into a real card's atlas by hand, and a plain mip-mapped
 * texture of the same texels beside it.
 *
 * Pages lie in every second slot and poison, with an alpha of 0, all round them, so a filter that
 * reaches out of its page shows in the alpha of the picture. */
#ifndef MEGABUDDY_TESTS_SCENE_H
#define MEGABUDDY_TESTS_SCENE_H

#include "engine/vram/gpu.h"
#include "tests/rigs/engine/gl_rig.h"

enum {
    SCENE_TEXTURE = 5, /* number in page ids; any */
    SCENE_BORDER = 4,
    SCENE_WIDTH = 360,  /* texels: three pages by two, then two by one, then one; odd nowhere, so */
    SCENE_HEIGHT = 240, /* that a plain texture's mips have our sizes */
    SCENE_MAX_PLACED = 9,
};

/* What the texture shows at a texel of a mip. */
typedef void scene_content(uint32_t mip, uint32_t x, uint32_t y, uint8_t rgba[4]);

typedef struct scene_placed {
    vt_page page;
    uint32_t fade;
} scene_placed;

typedef struct scene {
    gpu_desc desc; /* formats, srgb and anisotropy are the test's to set; zero: RGBA8, no, off */
    vt_shape shape;
    gpu_table *tables;     /* desc's: all SCENE_TEXTURE of them have the same shape */
    scene_content *texels; /* NULL: scene_noisy */
    bool wrap_x;
    gpu *g;
    GLuint plain;
    scene_placed placed[SCENE_MAX_PLACED]; /* i lies in slot (2 * (i % 3) + 1, 2 * (i / 3) + 1) */
    uint32_t placed_count;
} scene;

/* Two ramps, and noise from texel to texel: the hardest thing to filter. */
scene_content scene_noisy;

/* The same all over a block of 4 x 4 texels, in 5, 6 and 5 bits, so that BC1 holds it exactly. */
scene_content scene_blocky;

/* Eight levels from texel to texel, up and down: a place off by an eighth of a texel is a level. */
scene_content scene_sloping;

/* A texel of the scene, wrapped or clamped to its edges. */
void scene_texel(const scene *s, uint32_t mip, int64_t x, int64_t y, uint8_t rgba[4]);

/* Makes a scene of the small size with its plain texture, bound to unit 0, or of any size without
 * one; nothing is placed, and the shaders' state is bound. */
scene scene_open_small(scene wanted);
scene scene_open(scene wanted, uint32_t width, uint32_t height);
void scene_close(scene *s); /* fails the test when the driver has complained */

void scene_bind(scene *s, float bias, float feedback_scale);

/* Uploads a page, for the table to be written later. */
void scene_place(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t fade);
void scene_place_mips(scene *s, uint32_t first); /* all pages from `first` on, and the table */
void scene_write_table(scene *s);

/* Takes a page out of the table; its texels stay where they are. */
void scene_forget(scene *s, uint32_t mip, uint32_t x, uint32_t y);
void scene_set_fade(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t fade);

/* Puts another page's texels into a page's slot, behind the table's back. */
void scene_swap_texels(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t id);

#endif
