/* earth.h: the demo's world: a picture of the Earth, enlarged, and shaped by its heights.
 *
 *     picture ─ shrink or enlarge (Catmull-Rom) ──┐
 *     ETOPO5 ─ enlarge ─ fine relief ─ slope ─────┴─ light from the north-west, sea by depth ─▶
 * rows
 *
 * Rows run from north to south, columns from -180 to 180 degrees; the same bytes on every machine.
 */
#ifndef MEGABUDDY_TOOLS_BAKE_EARTH_H
#define MEGABUDDY_TOOLS_BAKE_EARTH_H

#include "tools/bake/source.h"
#include "tools/crew.h"

typedef struct earth earth;

typedef struct earth_desc {
    const char *colour_path;  /* a picture: equirectangular, -180 degrees at the left */
    const char *heights_path; /* ETOPO5 as netCDF */
    uint32_t width;           /* texels; the height is half of it; a multiple of 64 */
    crew *workers;            /* for preparing */
} earth_desc;

/* Why there is no earth: which file, and what is wrong with it. */
typedef struct earth_failure {
    const char *what, *why; /* valid as long as the desc, or constant */
} earth_failure;

earth *earth_create(const earth_desc *desc, earth_failure *failure); /* NULL: *failure says why */
void earth_destroy(earth *e);                                        /* NULL does nothing */

source earth_source(earth *e); /* valid as long as e */

/* The raster of heights for the page file, metres, the sea at 0; valid as long as e. */
const int16_t *earth_heights(const earth *e, uint32_t *width, uint32_t *height);

#endif
