/* maps.h: the three tiers as pictures, for the overlay: what was read of the page file, the blocks
 * of the RAM tier's arena, and the atlas itself.
 *
 * Pictures are drawn a few times a second and only while somebody looks. Thread: the one with the
 * OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_MAPS_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_MAPS_H

#include "tools/view/scene/views.h"

typedef struct maps maps;

/* A texture whose bytes are to be shown as they are; row 0 on top. */
typedef struct maps_picture {
    uint32_t texture; /* GL name; 0: there is none yet */
    uint32_t width, height;
} maps_picture;

/* How blocks and slots are coloured. */
typedef struct maps_style {
    bool ram_by_age;   /* else by the order of blocks */
    bool atlas_by_age; /* else by the order of clusters */
} maps_style;

/* Of a world and the views of it, which outlive the maps. NULL: no memory. */
maps *maps_create(vt *world, views *all);
void maps_destroy(maps *m); /* NULL does nothing */

/* Draws those that are due at `now`, seconds. Changes the framebuffer and the viewport. */
void maps_update(maps *m, double now, maps_style style);

maps_picture maps_disk(const maps *m);
maps_picture maps_ram(const maps *m);
maps_picture maps_atlas(const maps *m);

#endif
