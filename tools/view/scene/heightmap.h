/* heightmap.h: a world's relief: a raster of metres, coarser copies of it for the far, and for
 * every area the range that its heights lie in.
 *
 *     metres[0]  width x height          range[0]  a pair (least, most) for each 8x8 texels
 *     metres[1]  half of it, averaged    range[1]  for each 16x16
 *     …          to 1x1                  …
 *
 * u runs west to east and v north to south, 0 … 1 over the map; texel centres lie at half texels.
 * Threads: any may read at once. */
#ifndef MEGABUDDY_TOOLS_VIEW_HEIGHTMAP_H
#define MEGABUDDY_TOOLS_VIEW_HEIGHTMAP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HEIGHTMAP_LEVELS = 17, /* down from 65536 texels a side */
    HEIGHTMAP_CELL = 8,    /* texels a side of a cell of range[0] */
};

typedef struct heightmap_range {
    int16_t least, most; /* metres */
} heightmap_range;

typedef struct heightmap_level {
    uint32_t width, height; /* texels or cells */
} heightmap_level;

typedef struct heightmap {
    bool wrap_x; /* the western edge continues at the eastern one */
    uint32_t levels, range_levels;
    heightmap_level size[HEIGHTMAP_LEVELS], range_size[HEIGHTMAP_LEVELS];
    int16_t *metres[HEIGHTMAP_LEVELS];        /* from malloc */
    heightmap_range *range[HEIGHTMAP_LEVELS]; /* from malloc */
} heightmap;

/* Takes over `metres` (width x height, rows top down, from malloc), whether it succeeds or not.
 * Returns false when a side is 0 or above 65536, or there is no memory; h is then empty. */
bool heightmap_init(heightmap *h, int16_t *metres, uint32_t width, uint32_t height, bool wrap_x);
void heightmap_finish(heightmap *h);

/* The height at (u, v) in metres, between texels linear; beyond the edges, the edge. */
double heightmap_at(const heightmap *h, double u, double v);

/* A range that holds every height of the rectangle, perhaps somewhat wider. */
heightmap_range heightmap_bounds(const heightmap *h, double u0, double v0, double u1, double v1);

/* Packs, for shading, a texel two bytes: the upright normal's x and z (128 + 127 n) of a relief
 * drawn with metres_to_units on a map of map_width x map_height units. Writes all of level `level`.
 */
void heightmap_shade(const heightmap *h, uint32_t level, double metres_to_units, double map_width,
                     double map_height, uint8_t *normals);

#endif
