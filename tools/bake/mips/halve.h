/* halve.h: makes one row of the next mip out of two, for each kind of texel. Any thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_HALVE_H
#define MEGABUDDY_TOOLS_BAKE_HALVE_H

#include <stdint.h>

typedef enum halve_kind {
    HALVE_SRGB = 0, /* RGB in linear light, weighted by alpha where alpha differs */
    HALVE_LINEAR,   /* each channel as it is */
    HALVE_NORMAL,   /* red and green are x and y of a unit vector, 128 is 0; normalised again */
} halve_kind;

/* Halves two rows of `width` RGBA texels to one of (width + 1) / 2: 2x2 box; an odd last column
 * counts twice. */
void halve_rows(halve_kind kind, const uint8_t *above, const uint8_t *below, uint32_t width,
                uint8_t *out);

/* A unit vector as a texel: x, y, z around 128. */
void halve_put_normal(float x, float y, float z, uint8_t *texel);

#endif
