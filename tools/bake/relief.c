/* relief.c: Lambert's cosine, over that of flat ground. */
#include "tools/bake/relief.h"

#include <math.h>

/* The light stands in the north-west, 45 degrees high: (-1/2, -1/2, sqrt(1/2)); divided by the
 * last, which is the light on flat ground. */
#define LIGHT_ACROSS 0.70710678f

static float light_at(float across, float down)
{
    const float cosine = (1 + LIGHT_ACROSS * (across + down)) / /* sqrtf is exactly rounded */
                         sqrtf(1 + across * across + down * down);
    return cosine > 0 ? cosine : 0;
}

void relief_light_row(const float *north, const float *here, const float *south, uint32_t width,
                      float slope_scale, float *light)
{
    const float half = 0.5f * slope_scale;
    for (uint32_t x = 1; x + 1 < width; x++) {
        light[x] = light_at((here[x + 1] - here[x - 1]) * half, (south[x] - north[x]) * half);
    }
    const uint32_t last = width - 1;
    light[0] = light_at((here[1] - here[last]) * half, (south[0] - north[0]) * half);
    light[last] = light_at((here[0] - here[last - 1]) * half, (south[last] - north[last]) * half);
}
