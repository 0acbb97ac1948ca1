/* clock.h: a clock that never goes back; where it begins nobody knows. Any thread. */
#ifndef MEGABUDDY_TOOLS_CLOCK_H
#define MEGABUDDY_TOOLS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

static inline uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline double clock_ms(void)
{
    return (double)clock_ns() * 1e-6;
}

static inline double clock_s(void)
{
    return (double)clock_ns() * 1e-9;
}

#endif
