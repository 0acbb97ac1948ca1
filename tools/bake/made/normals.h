/* normals.h: a layer of normals, made from a raster of heights. */
#ifndef MEGABUDDY_TOOLS_BAKE_NORMALS_H
#define MEGABUDDY_TOOLS_BAKE_NORMALS_H

#include "tools/bake/source.h"

typedef struct normals normals;

typedef struct normals_desc {
    const int16_t *metres;  /* not copied */
    uint32_t columns, rows; /* samples, over all of the world */
    uint32_t width, height; /* texels of the world */
    bool wrap_x;            /* whether the raster does, too */
    uint32_t workers;
} normals_desc;

/* How many times steeper than it is the ground is shown: x and y of a normal are so many times the
 * slope, in a world as wide as the Earth. */
#define NORMALS_EXAGGERATION 5.0f
#define NORMALS_WORLD_METRES 40075016.0f

normals *normals_create(const normals_desc *desc); /* NULL: no memory */
void normals_destroy(normals *n);                  /* NULL does nothing */

source normals_source(normals *n); /* unit vectors (halve.h); valid as long as n */

/* Writes `count` unit vectors of a row of heights and its neighbours, which lie as for
 * relief_light_row. `scale` turns the difference between the texels on either side into a slope.
 * Pure. */
void normals_row(const float *north, const float *here, const float *south, uint32_t count,
                 float scale, uint8_t *rgba);

#endif
