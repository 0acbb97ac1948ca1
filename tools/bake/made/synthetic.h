/* synthetic.h: a made-up world, for machines without pictures: continents, mountains, deserts, ice,
 * from integer noise and a fixed seed; the same bytes on every machine. Wraps in x. */
#ifndef MEGABUDDY_TOOLS_BAKE_SYNTHETIC_H
#define MEGABUDDY_TOOLS_BAKE_SYNTHETIC_H

#include "tools/bake/source.h"
#include "tools/base/crew.h"

typedef struct synthetic synthetic;

/* A world of width x width / 2 texels. Precondition: width is a multiple of 64. NULL: no memory. */
synthetic *synthetic_create(uint32_t width, crew *workers);
void synthetic_destroy(synthetic *s); /* NULL does nothing */

source synthetic_source(synthetic *s); /* valid as long as s */

/* The raster of heights for the page file, metres, the sea at 0; valid as long as s. */
const int16_t *synthetic_heights(const synthetic *s, uint32_t *width, uint32_t *height);

#endif
