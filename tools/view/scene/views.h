/* views.h: the scene seen otherwise: coloured by what streaming does to it, and asked about single
 * pixels. What is needed for a view is made when it is first looked at.
 *
 *     views *all = views_create(s, world);
 *     if (!views_draw(all, &(views_frame){&at, &colour, VIEWS_HEAT, now})) { … views_error(all) … }
 *
 * Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_SCENE_VIEWS_H
#define MEGABUDDY_TOOLS_VIEW_SCENE_VIEWS_H

#include "tools/base/choice.h"
#include "tools/view/scene/scene.h"
#include "tools/view/scene/slotmap.h"
#include "tools/view/scene/target.h"

typedef enum views_kind {
    VIEWS_FINAL = 0,
    VIEWS_MIPS,      /* the mip that each pixel wants, left, beside the one it shows, right */
    VIEWS_BORDERS,   /* edges of pages and of clusters */
    VIEWS_AGE,       /* how long ago pages came */
    VIEWS_HEAT,      /* how many mips pixels lack */
    VIEWS_WIREFRAME, /* the mesh */
    VIEWS_COUNT,
} views_kind;

extern const choice VIEWS_NAMES[VIEWS_COUNT + 1]; /* "final", "mips" …: as --view takes them */
const char *views_name(views_kind kind);

typedef struct views views;

/* Of a scene and its world, which both outlive it. NULL: no memory. */
views *views_create(scene *s, vt *world);
void views_destroy(views *v); /* NULL does nothing */

typedef struct views_frame {
    const camera *at;
    const target *to; /* of TARGET_COLOUR, begun */
    views_kind kind;
    double now; /* seconds; ages count by it */
} views_frame;

/* Draws the scene. False: the view's programs cannot be had, views_error() says why, and the final
 * picture was drawn. */
bool views_draw(views *v, const views_frame *frame);

/* Brings the slot map up to date: for others who draw the atlas. columns * rows of vt_atlas_size.
 */
const slotmap_texel *views_slots(views *v, double now);
uint32_t views_slot_texture(const views *v); /* the same as texture, of the last update */

/* A pixel of a picture, from its top left corner. */
typedef struct views_pixel {
    uint32_t width, height; /* of the picture */
    uint32_t x, y;
} views_pixel;

typedef struct views_seen {
    vt_pixel pixel;          /* what vt_explain() asks for */
    uint32_t slot_x, slot_y; /* where the page lies that it shows */
} views_seen;

/* Finds out what a pixel shows; waits for the card. False: no ground is there, or views_error()
 * says why not. */
bool views_pick(views *v, const camera *at, const views_pixel *pixel, views_seen *out);

const char *views_error(const views *v); /* of the last draw or pick; "" when all was well */

#endif
