/* patches.h: which squares of the ground to draw, and how finely: a quadtree over the map, split
 * near the camera. No GL here.
 *
 *     +-------+---+---+     every patch is the same grid of PATCHES_CELLS x PATCHES_CELLS cells,
 *     |       | 3 | 3 |     stretched over its rectangle; towards the distance at which its
 *     |   2   +---+---+     neighbours become coarser, its odd vertices move onto the even ones,
 *     |       | 3 |c 3|     and a skirt around it hides what is left of the cracks
 *     +-------+---+---+
 *
 * The ground bends down with the square of the distance from the camera, so that there is a
 * horizon. Units and axes are camera.h's. Threads: any; nothing is shared. */
#ifndef MEGABUDDY_TOOLS_VIEW_PATCHES_H
#define MEGABUDDY_TOOLS_VIEW_PATCHES_H

#include "tools/view/scene/heightmap.h"

enum {
    PATCHES_CELLS = 32, /* along a side */
    PATCHES_MAX = 512,  /* chosen at most; then what is left stays coarse */
};

/* A patch is split until it is at most this many times as wide as it is far away. */
#define PATCHES_DETAIL 1.4

/* The ground that is cut into patches. */
typedef struct patches_ground {
    double width, height;     /* of the map, world units */
    bool wrap_x;              /* a globe's map: drawn again and again to both sides, and its top
                               * and bottom edges, where a pole is, stretched to the horizon */
    uint32_t max_level;       /* splits at most; 0: as flat as a table */
    const heightmap *heights; /* NULL: flat */
    double metres_to_units;
    double bend; /* drop = bend * distance^2; 1 / world units */
} patches_ground;

/* Who looks. */
typedef struct patches_view {
    double x, y, z;      /* the camera, world units */
    float planes[6][4];  /* of the frustum, relative to the camera (mat_frustum) */
    double far_distance; /* world units; what lies beyond is left out */
    double detail; /* a patch is at most so many times as wide as it is far; 0: PATCHES_DETAIL */
} patches_view;

typedef struct patch {
    double x, z;         /* north-western corner, world units; beyond the map on a copy of it */
    double width, depth; /* east-west and north-south, world units */
    double u, v, du, dv; /* the same on the map, 0 … 1 */
    double distance;     /* from the camera, world units */
    uint32_t level;      /* 0: a root */
} patch;

/* Chooses the patches that may be seen, nearest first. Returns how many of out[0 … PATCHES_MAX). */
uint32_t patches_select(const patches_ground *ground, const patches_view *view, patch *out);

#endif
