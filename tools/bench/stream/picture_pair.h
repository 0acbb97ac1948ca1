/* picture_pair.h: pictures of a round beside those of a world that is all there. Thread: the one
 * with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_BENCH_STREAM_PICTURE_PAIR_H
#define MEGABUDDY_TOOLS_BENCH_STREAM_PICTURE_PAIR_H

#include "tools/view/scene/scene.h"
#include "tools/view/scene/target.h"

#define PICTURE_PAIRS 3

typedef struct picture_pair {
    camera at;
    uint8_t *pixels; /* RGBA of what was shown, the targets' size; from malloc */
} picture_pair;

/* Draws the same cameras from a second world without limits, and gives the least likeness of all,
 * in decibels over textured pixels. False: said why. */
bool picture_pairs_compare(const picture_pair pairs[], uint32_t count, scene *s, vt_desc desc,
                           const target *colour, const target *verdict, double *least_db);

#endif
