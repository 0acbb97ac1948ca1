/* relief.h: light on a heightfield, from the north-west, as maps have it. Pure. */
#ifndef MEGABUDDY_TOOLS_BAKE_RELIEF_H
#define MEGABUDDY_TOOLS_BAKE_RELIEF_H

#include <stdint.h>

/* Computes the light on `count` heights of a row. `here` has one height more on either side,
 * here[-1] and here[count]; `north` and `south` are the rows above and below. slope_scale turns a
 * difference between neighbouring texels into a slope. Flat ground has 1; values are 0 … about
 * 1.4. */
void relief_light_row(const float *north, const float *here, const float *south, uint32_t count,
                      float slope_scale, float *light);

/* The float nearest to v in low … high. */
static inline float relief_clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

/* 0 below `from`, 1 above `to`, smooth between. */
static inline float relief_ramp(float v, float from, float to)
{
    const float t = relief_clamp((v - from) / (to - from), 0, 1);
    return t * t * (3 - 2 * t);
}

/* A colour component as a byte. */
static inline uint8_t relief_byte(float v)
{
    return (uint8_t)(relief_clamp(v, 0, 255) + 0.5f);
}

#endif
