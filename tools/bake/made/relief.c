/* relief.c: Lambert's cosine, divided by that of flat ground. */
#include "tools/bake/made/relief.h"

#include "tools/bake/made/wide.h"

#include <math.h>

/* The light comes from the north-west, 45 degrees high, from (-1/2, -1/2, sqrt(1/2)): this is the
 * second component over the last, by which all is divided, since it is the light on flat ground. */
#define LIGHT_ACROSS 0.70710678f

WIDE void relief_light_row(const float *north, const float *here, const float *south,
                           uint32_t count, float slope_scale, float *restrict light)
{
    const float half = 0.5f * slope_scale;
    const float *west = here - 1, *east = here + 1;
    for (uint32_t x = 0; x < count; x++) {
        const float across = (east[x] - west[x]) * half, down = (south[x] - north[x]) * half;
        const float cosine = (1 + LIGHT_ACROSS * (across + down)) / /* sqrtf is exactly rounded */
                             sqrtf(1 + across * across + down * down);
        light[x] = cosine > 0 ? cosine : 0;
    }
}
