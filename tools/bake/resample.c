/* resample.c: where the taps lie. */
#include "tools/bake/resample.h"

resample_tap resample_tap_at(uint32_t texel, uint32_t texels, uint32_t samples, bool on_grid)
{
    /* the place in samples, as a fraction with the denominator 2 * texels */
    const int64_t whole = 2 * (int64_t)texels;
    const int64_t place = (2 * (int64_t)texel + 1) * samples - (on_grid ? 0 : (int64_t)texels);
    const int64_t floor_of_place = (place + whole) / whole - 1; /* place > -whole */
    const float f = (float)(place - floor_of_place * whole) / (float)whole;
    return (resample_tap){
        .first = (int32_t)floor_of_place - 1,
        .weight =
            {
                ((-0.5f * f + 1) * f - 0.5f) * f,
                (1.5f * f - 2.5f) * f * f + 1,
                ((-1.5f * f + 2) * f + 0.5f) * f,
                (0.5f * f - 0.5f) * f * f,
            },
    };
}
