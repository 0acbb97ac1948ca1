/* noise.h: gradient noise for spans of a row, from hashed integers: the same on every machine.
 * Pure.
 *
 * The world is `cells` lattice cells wide, whatever its texels, and wraps in x: the same seed and
 * cells give the same hills at every resolution. */
#ifndef MEGABUDDY_TOOLS_BAKE_NOISE_H
#define MEGABUDDY_TOOLS_BAKE_NOISE_H

#include <stdint.h>

#define NOISE_MAX_SPAN 1024

typedef struct noise_octave {
    uint32_t seed;
    uint32_t cells; /* in the world's width, which is a multiple: at least two texels a cell */
    float gain;     /* the noise lies within about -gain … gain */
} noise_octave;

/* Adds the octave's texels [x, x + count) of row y, of a world of `width` texels, to sum. Texels
 * are square. x may lie outside by up to a width: the world goes on from its other edge.
 * count <= NOISE_MAX_SPAN. */
void noise_add(const noise_octave *octave, uint32_t width, int64_t x, uint32_t y, uint32_t count,
               float *sum);

/* A well-mixed hash of three numbers. */
static inline uint32_t noise_hash(uint32_t seed, uint32_t x, uint32_t y)
{
    /* odd constants with evenly spread bits; each step is a bijection of 32 bits */
    uint32_t h = seed * 0x9e3779b1u + x * 0x85ebca77u + y * 0xc2b2ae3du;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

#endif
