/* scene.h: what is drawn around the streamed texture: a relief under a sky, or a picture lying
 * flat.
 *
 *     scene *s = scene_create(world, SCENE_AUTO, error, sizeof error);
 *     camera at = scene_keep_above(s, &wanted);
 *     target_begin(&colour);
 *     scene_draw(s, world, &(scene_frame){&at, width, height}, SCENE_COLOUR);
 *
 * Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_SCENE_H
#define MEGABUDDY_TOOLS_VIEW_SCENE_H

#include "engine/vt.h"
#include "tools/view/camera.h"
#include "tools/view/scene/target.h"

/* 8848 m become 11 units of a map that is 1000 high: 25 times too much for the Earth, on which a
 * unit is 20 km; truthful mountains could not be seen. */
#define SCENE_UNITS_PER_METRE (1.0 / 800)

typedef struct scene scene;

typedef enum scene_kind {
    SCENE_AUTO = 0, /* what the page file says */
    SCENE_TERRAIN,
    SCENE_PICTURE,
} scene_kind;

typedef enum scene_mode {
    SCENE_COLOUR,   /* into a TARGET_COLOUR */
    SCENE_FEEDBACK, /* between vt_feedback_begin and vt_feedback_end */
    SCENE_AUDIT,    /* into a TARGET_VERDICT; needs vt_desc.audit */
    SCENE_PLAIN,    /* as SCENE_COLOUR, with the plain texture; after scene_set_plain */
} scene_mode;

/* How a frame is seen. */
typedef struct scene_frame {
    const camera *at;
    uint32_t width, height;  /* pixels of the target, its cleared depth and viewport set */
    double aspect;           /* of the picture, width / height; 0: that of the target */
    double shift_x, shift_y; /* moves the picture, in pixels of the target */
    bool coarse;             /* a quarter of the vertices a side: for pictures of few pixels */
} scene_frame;

/* Reads the relief of the world's page file, and compiles for its settings: the scene goes with
 * that world. NULL: `error` has one line. */
scene *scene_create(const vt *world, scene_kind kind, char *error, uint32_t error_bytes);
void scene_destroy(scene *s); /* NULL does nothing */

scene_kind scene_get_kind(const scene *s); /* never SCENE_AUTO */

/* Height of the ground above the sea at (x, z), world units. */
double scene_ground(const scene *s, double x, double z);

/* The camera, moved up where it would be under the ground, and back into the map where that is the
 * nearest it makes sense to be; round the world where the map wraps. */
camera scene_keep_above(const scene *s, const camera *c);

void scene_draw(scene *s, vt *world, const scene_frame *frame, scene_mode mode);

/* The same into a target, all of it. */
void scene_draw_into(scene *s, vt *world, const camera *at, const target *to, scene_mode mode);

/* A program of this scene's geometry and another fragment shader, whose inputs are terrain.frag's:
 * up to four pieces of text (NULL: no more) after #version. 0: `error` has one line. The caller's.
 */
uint32_t scene_program(const char *const fragment[4], char *error, uint32_t error_bytes);

/* Draws the ground with such a program and no sky, colours as linear light. Where `lines`, just the
 * edges of its triangles, mixed in by their alpha. */
void scene_draw_with(scene *s, vt *world, const scene_frame *frame, uint32_t program, bool lines);

/* Names an ordinary texture (plain.h) to draw with instead of the streamed one; it stays the
 * caller's. False: `error` has one line. At most once. */
bool scene_set_plain(scene *s, uint32_t texture, char *error, uint32_t error_bytes);

/* A whole feedback pass as seen from `at`, for a picture of width x height pixels. Nothing where
 * too many passes are on their way already. Binds the streamer's target. */
void scene_feedback(scene *s, vt *world, const camera *at, uint32_t width, uint32_t height,
                    vt_feedback_kind kind);

/* Patches that the last scene_draw drew. */
uint32_t scene_patches(const scene *s);

#endif
