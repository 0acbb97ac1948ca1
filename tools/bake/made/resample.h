/* resample.h: reads a raster between its samples with the Catmull-Rom cubic, which passes through
 * them and keeps slopes continuous. Positions are integers, so taps are the same on every machine.
 * Pure. */
#ifndef MEGABUDDY_TOOLS_BAKE_RESAMPLE_H
#define MEGABUDDY_TOOLS_BAKE_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* Four neighbouring samples and their weights. */
typedef struct resample_tap {
    int32_t first; /* sample 0 of the four; may lie outside */
    float weight[4];
} resample_tap;

/* The tap at place / whole of the length of a raster that has `samples`; the place may lie outside.
 * on_grid: sample i lies at i / samples of the length; else at (i + 1/2) / samples. */
resample_tap resample_tap_at(int64_t place, int64_t whole, uint32_t samples, bool on_grid);

/* The cubic between the second and the third of four values, at f from 0 to 1, is
 * ((c[0] f + c[1]) f + c[2]) f + c[3]. */
static inline void resample_cubic(float a, float b, float c, float d, float out[4])
{
    out[0] = 0.5f * (d - a) + 1.5f * (b - c);
    out[1] = a - 2.5f * b + 2 * c - 0.5f * d;
    out[2] = 0.5f * (c - a);
    out[3] = b;
}

#endif
