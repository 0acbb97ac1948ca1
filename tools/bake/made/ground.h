/* ground.h: what is known of the Earth, a picture and heights, prepared so that it can be enlarged
 * far beyond what it shows.
 *
 * A picture of the Earth that is simply enlarged has coasts a dozen miles wide, in which the
 * colours of land and sea mix. So land and sea are separated: the picture's land, grown out over
 * the sea; how much ice the sea has; and a field of heights whose zero is the coast. */
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
    int16_t metres; /* of the sea: its floor */
    int16_t shore;  /* metres; above 0 is land: the height, corrected by the picture */
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
    uint32_t width;           /* texels of the world: a picture at least twice as wide is halved */
    crew *workers;
} ground_desc;

/* Why it could not be opened: which file, and what is wrong with it. */
typedef struct ground_failure {
    const char *what, *why; /* valid as long as the desc, or constant */
} ground_failure;

bool ground_open(ground *g, const ground_desc *desc, ground_failure *failure);
void ground_close(ground *g);

#endif
