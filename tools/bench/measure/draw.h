/* draw.h: random numbers and sizes for the cases: cheap, a generator a thread, and the same for
 * every subject, so that the empty subject shows what they cost. Pure. */
#ifndef MEGABUDDY_TOOLS_BENCH_DRAW_H
#define MEGABUDDY_TOOLS_BENCH_DRAW_H

#include <stdint.h>

#define DRAW_BITS  10u /* of a random number that pick a size: steps of less than 1 % */
#define DRAW_SIZES (1u << DRAW_BITS)

/* Sebastiano Vigna's splitmix64: two multiplications, and every seed is good. */
static inline uint64_t draw_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The quantiles of a distribution of sizes: a random index gives a random size, without logarithms
 * while the clock runs. */
typedef struct draw_sizes {
    uint32_t bytes[DRAW_SIZES];
} draw_sizes;

/* From least to most, each octave as often as any other. 0 < least <= most. */
void draw_log_uniform(draw_sizes *d, uint32_t least, uint32_t most);

/* From least to most, each as often as any other. */
void draw_uniform(draw_sizes *d, uint32_t least, uint32_t most);

/* The powers of two from least to most, each as often as any other; both are powers of two. */
void draw_powers(draw_sizes *d, uint32_t least, uint32_t most);

/* The size for a random number; looks at its highest bits, the lowest are free for a place. */
static inline uint32_t draw_size(const draw_sizes *d, uint64_t random)
{
    return d->bytes[random >> (64 - DRAW_BITS)];
}

#endif
