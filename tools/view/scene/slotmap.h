/* slotmap.h: who lies in which slot of the atlas, as texels that shaders and the overlay colour by:
 * one a slot, four bytes (shaders/views.h says which is what).
 *
 * Clusters: siblings come as squares and are evicted one by one; a slot's order is that of the
 * largest square that still is one, its pages side by side as they are in the picture. Ages:
 * counted from the update that first saw a page in its slot.
 *
 * Threads: any, one at a time. No OpenGL here. */
#ifndef MEGABUDDY_TOOLS_VIEW_SCENE_SLOTMAP_H
#define MEGABUDDY_TOOLS_VIEW_SCENE_SLOTMAP_H

#include "engine/vt_watch.h"

typedef struct slotmap slotmap;

typedef struct slotmap_texel {
    uint8_t order, age, unused, flags; /* SLOT_* of shaders/views.h */
} slotmap_texel;

slotmap *slotmap_create(uint32_t columns, uint32_t rows); /* NULL: no memory */
void slotmap_destroy(slotmap *m);                         /* NULL does nothing */

/* Takes in what vt_get_slots() says at time `now`, seconds. slots: columns * rows. */
void slotmap_update(slotmap *m, const vt_slot slots[], double now);

/* columns * rows, row by row; good until the next update. */
const slotmap_texel *slotmap_texels(const slotmap *m);

#endif
