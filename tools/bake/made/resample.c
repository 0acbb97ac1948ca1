/* resample.c: finds the four samples around a place, and their weights. */
#include "tools/bake/made/resample.h"

resample_tap resample_tap_at(int64_t place, int64_t whole, uint32_t samples, bool on_grid)
{
    /* in samples, as a fraction with the denominator 2 * whole */
    const int64_t parts = 2 * whole;
    const int64_t at = 2 * place * samples - (on_grid ? 0 : whole);
    const int64_t floor_of_at = (at >= 0 ? at : at - parts + 1) / parts;
    const float f = (float)(at - floor_of_at * parts) / (float)parts;
    return (resample_tap){
        .first = (int32_t)floor_of_at - 1,
        .weight =
            {
                ((-0.5f * f + 1) * f - 0.5f) * f,
                (1.5f * f - 2.5f) * f * f + 1,
                ((-1.5f * f + 2) * f + 0.5f) * f,
                (0.5f * f - 0.5f) * f * f,
            },
    };
}
