/* seed.h: random numbers for tests: a seed that is printed, so that any run can be repeated with
 * MEGABUDDY_SEED=… in the environment. One generator a thread. */
#ifndef MEGABUDDY_TESTS_SEED_H
#define MEGABUDDY_TESTS_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Sebastiano Vigna's splitmix64: every seed is good, 0 too. */
static inline uint64_t seed_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A number below `limit`, which is not 0. */
static inline uint32_t seed_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)((seed_next(state) >> 32) * limit >> 32);
}

/* The seed of this run, from the environment or the clock; printed. */
static inline uint64_t seed_of_run(void)
{
    const char *given = getenv("MEGABUDDY_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t clock = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : seed_next(&clock);
    fprintf(stderr, "MEGABUDDY_SEED=%" PRIu64 "\n", seed);
    return seed;
}

#endif
