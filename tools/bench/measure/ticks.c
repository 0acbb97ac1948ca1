/* ticks.c: how long a tick is. */
#include "tools/bench/measure/ticks.h"

enum { CALIBRATE_MS = 10, READINGS = 1000 };

/* The least of many: anything above it was an interruption. */
static uint64_t reading_ticks(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        uint64_t begin = clock_ticks();
        uint64_t apart = clock_ticks() - begin;
        least = apart < least ? apart : least;
    }
    return least;
}

clock_scale clock_calibrate(void)
{
    uint64_t begin_ns = clock_ns(), begin = clock_ticks();
    uint64_t now_ns = begin_ns;
    while (now_ns - begin_ns < CALIBRATE_MS * NS_PER_MS) {
        now_ns = clock_ns();
    }
    uint64_t ticks = clock_ticks() - begin;
    return (clock_scale){.ns_per_tick = (double)(now_ns - begin_ns) / (double)ticks,
                         .reading_ticks = reading_ticks()};
}
