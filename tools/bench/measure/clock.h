/* clock.h: the time, and ticks that cost a few nanoseconds to read. Any thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_CLOCK_H
#define MEGABUDDY_TOOLS_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Of a clock that never goes back. */
static inline uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Ticks of unknown length; clock_calibrate tells it. */
#if defined(__x86_64__)
#include <x86intrin.h>
static inline uint64_t clock_ticks(void)
{
    return __rdtsc();
}
#else
static inline uint64_t clock_ticks(void)
{
    return clock_ns();
}
#endif

typedef struct clock_scale {
    double ns_per_tick;
    uint64_t reading_ticks; /* between two readings in a row: what to take off a measurement */
} clock_scale;

/* Compares the two clocks for 10 ms. */
clock_scale clock_calibrate(void);

#endif
