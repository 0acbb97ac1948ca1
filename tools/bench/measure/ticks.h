/* ticks.h: ticks that cost a few nanoseconds to read, beside the clock. Any thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_TICKS_H
#define MEGABUDDY_TOOLS_BENCH_TICKS_H

#include "tools/base/clock.h"

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
