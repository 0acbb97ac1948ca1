/* noise.h: gradient noise by rows, from hashed integers: the same on every machine. Pure.
 *
 * The world is `cells` lattice cells wide, whatever its texels, and wraps in x: the same seed and
 * cells give the same hills at every resolution. */
#ifndef MEGABUDDY_TOOLS_BAKE_NOISE_H
#define MEGABUDDY_TOOLS_BAKE_NOISE_H

#include <stdint.h>

typedef struct noise_octave {
    uint32_t seed;
    uint32_t cells; /* across; a divisor of the width */
    float gain;     /* the noise lies within about -gain … gain */
} noise_octave;

/* Adds the octave's row y of a world of `width` texels to sum[0 … width). Texels are square. */
void noise_add_row(const noise_octave *octave, uint32_t width, uint32_t y, float *sum);

/* A well-mixed number of three. */
uint32_t noise_hash(uint32_t seed, uint32_t x, uint32_t y);

#endif
