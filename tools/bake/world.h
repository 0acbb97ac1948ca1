/* world.h: what is baked, whatever it comes from: its sources of texels, and its heights. One
 * thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_WORLD_H
#define MEGABUDDY_TOOLS_BAKE_WORLD_H

#include "tools/bake/made/earth.h"
#include "tools/bake/made/normals.h"
#include "tools/bake/made/synthetic.h"
#include "tools/bake/options.h"

typedef struct world {
    source colour;
    source normals; /* width 0: none asked for */
    vt_kind kind;
    const int16_t *heights; /* NULL: none */
    uint32_t heights_width, heights_height;
    uint64_t identity; /* of all that decides what its texels are */

    /* what world_close closes */
    bool is_input;
    earth *globe;
    synthetic *made;
    heights raster;
    normals *slopes;
} world;

/* Opens what the options ask for. Returns an exit code, after a line on stderr where it is not
 * EXIT_DONE. */
int world_open(const options *o, crew *workers, world *w);
void world_close(world *w);

#endif
