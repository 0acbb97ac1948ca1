/* rammap.h: the RAM tier's arena as a picture. Cells follow the Morton curve, as slots of the atlas
 * do: a block of the buddy, large or small, is a square or two squares side by side.
 *
 *     rammap_begin ─▶ rammap_add, for each block in use ─▶ rammap_end: RGBA
 *
 * A cell has the mean colour of its units. Pure; any thread, one at a time. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_RAMMAP_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_RAMMAP_H

#include "buddy/buddy.h"

enum {
    RAMMAP_SIDE = 256, /* cells a side at most */
    RAMMAP_CELLS = RAMMAP_SIDE * RAMMAP_SIDE,
};

typedef struct rammap_colour {
    uint8_t red, green, blue;
} rammap_colour;

typedef struct rammap {
    uint32_t units;                 /* of the arena */
    uint32_t unit_order;            /* 2^unit_order units a cell */
    uint32_t width, height;         /* cells; powers of two */
    uint32_t covered[RAMMAP_CELLS]; /* units of blocks in the cell */
    uint32_t sums[RAMMAP_CELLS][3]; /* of their colours */
    uint8_t rgba[RAMMAP_CELLS * 4]; /* width * height, row by row */
} rammap;

/* Empties the map, for an arena of `units`. Precondition: units is not 0. */
void rammap_begin(rammap *m, uint32_t units);
void rammap_add(rammap *m, buddy_block block, rammap_colour colour);
void rammap_end(rammap *m, rammap_colour free_colour); /* fills in rgba */

#endif
