/* etopo.h: reads ETOPO5, the Earth's heights at every 5 minutes of arc, from netCDF. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_ETOPO_H
#define MEGABUDDY_TOOLS_BAKE_ETOPO_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ETOPO_WIDTH = 4320,  /* every 5 minutes; column 0 at -180 degrees, the last before +180 */
    ETOPO_HEIGHT = 2161, /* row 0 at the north pole, the last at the south pole */
};

/* Reads the file to ETOPO_WIDTH * ETOPO_HEIGHT metres, from malloc. Returns NULL on failure, and
 * *why says what is wrong. */
int16_t *etopo_load(const char *path, const char **why);

#endif
