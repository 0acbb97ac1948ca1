/* relief.h: light on a heightfield, from the north-west, as maps have it. Pure. */
#ifndef MEGABUDDY_TOOLS_BAKE_RELIEF_H
#define MEGABUDDY_TOOLS_BAKE_RELIEF_H

#include <stdint.h>

/* Light on `count` heights of one row; `here` has one more on either side, here[-1] and
 * here[count]; `north` and `south` are its neighbours. slope_scale turns a difference of heights
 * between neighbouring texels into a slope. 1 is the light on flat ground; 0 … about 1.4. */
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
