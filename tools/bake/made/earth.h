/* earth.h: the Earth as a source for the baker: a world map and heights, enlarged. Detail finer
 * than these comes from them and from noise, so that no two texels of the globe are alike. */
#ifndef MEGABUDDY_TOOLS_BAKE_EARTH_H
#define MEGABUDDY_TOOLS_BAKE_EARTH_H

#include "tools/bake/made/ground.h"
#include "tools/bake/source.h"

typedef struct earth earth;

/* desc->width: texels; the height is half of it; a multiple of 64. NULL: *failure says why. */
earth *earth_create(const ground_desc *desc, ground_failure *failure);
void earth_destroy(earth *e); /* NULL does nothing */

/* Colours, and unit vectors of the ground, detail included (halve.h); valid as long as e. */
source earth_source(earth *e);
source earth_normals(earth *e);

/* The raster of heights for the page file, metres, the sea at 0; valid as long as e. */
const int16_t *earth_heights(const earth *e, uint32_t *width, uint32_t *height);

#endif
