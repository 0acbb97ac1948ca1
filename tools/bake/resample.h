/* resample.h: reading a raster between its samples with the Catmull-Rom cubic, which passes through
 * them and keeps slopes continuous. Integer positions: the same taps on every machine. Pure.
 *
 * Rows that are read across carry RESAMPLE_PAD samples more on either side, so that four taps lie
 * side by side everywhere. */
#ifndef MEGABUDDY_TOOLS_BAKE_RESAMPLE_H
#define MEGABUDDY_TOOLS_BAKE_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

enum { RESAMPLE_PAD = 4 };

/* Four neighbouring samples and their weights. */
typedef struct resample_tap {
    int32_t first; /* sample 0 of the four, may lie outside by up to 2 */
    float weight[4];
} resample_tap;

/* The tap at the centre of texel `texel` of `texels`, in a raster of `samples` over the same
 * length. on_grid: sample i lies at the length's i / samples; else at its (i + 1/2) / samples. */
resample_tap resample_tap_at(uint32_t texel, uint32_t texels, uint32_t samples, bool on_grid);

#endif
