/* ground.h: what is known of the Earth: a picture and heights, made ready to be enlarged far beyond
 * what they show.
 *
 * Enlarged as it is, a picture of the Earth has coasts a dozen miles wide, in which the colours of
 * land and sea run into each other. So the two are taken apart: the picture's land, grown out over
 * the sea; how much ice the sea carries; and a field of heights whose zero is the coast. */
#ifndef MEGABUDDY_TOOLS_BAKE_GROUND_H
#define MEGABUDDY_TOOLS_BAKE_GROUND_H

#include "tools/bake/made/etopo.h"
#include "tools/base/crew.h"
#include "tools/picture/picture.h"

enum {
    GROUND_RASTER_WIDTH = ETOPO_WIDTH / 2, /* of the page file's heights: 10 minutes of arc */
    GROUND_RASTER_HEIGHT = ETOPO_HEIGHT / 2,
};

/* One sample of the heights. */
typedef struct ground_sample {
    int16_t metres; /* below the sea: its floor */
    int16_t shore;  /* metres; above 0 is land: the heights, but where the picture knows better */
    uint16_t range; /* highest less lowest of a sample and its 8 neighbours, metres */
} ground_sample;

typedef struct ground {
    picture colour;         /* of the land; alpha is the ice of the sea, 0 … 255 */
    ground_sample *samples; /* ETOPO_WIDTH * ETOPO_HEIGHT */
    int16_t *raster;        /* GROUND_RASTER_WIDTH * GROUND_RASTER_HEIGHT metres, the sea at 0 */
} ground;

typedef struct ground_desc {
    const char *colour_path;  /* a picture: equirectangular, -180 degrees at the left */
    const char *heights_path; /* ETOPO5 as netCDF */
    uint32_t width;           /* of the world: a picture of twice that and more is halved */
    crew *workers;
} ground_desc;

/* Why there is none: which file, and what is wrong with it. */
typedef struct ground_failure {
    const char *what, *why; /* valid as long as the desc, or constant */
} ground_failure;

bool ground_open(ground *g, const ground_desc *desc, ground_failure *failure);
void ground_close(ground *g);

#endif
