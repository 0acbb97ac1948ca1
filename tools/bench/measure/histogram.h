/* histogram.h: how often something took how long: cells of 1/32 of an octave, so that a quantile is
 * exact to 3 % whatever its size. All zero is empty. One thread each; merged at the end. */
#ifndef MEGABUDDY_TOOLS_BENCH_HISTOGRAM_H
#define MEGABUDDY_TOOLS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_FINE  5u /* bits after the highest that tell cells apart */
#define HISTOGRAM_CELLS ((64u - HISTOGRAM_FINE + 1) << HISTOGRAM_FINE)

typedef struct histogram {
    uint64_t count; /* the sum over cells */
    uint32_t cells[HISTOGRAM_CELLS];
} histogram;

static inline uint32_t histogram_cell(uint64_t value)
{
    if (value < 1u << HISTOGRAM_FINE) {
        return (uint32_t)value;
    }
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_FINE;
    return (shift << HISTOGRAM_FINE) + (uint32_t)(value >> shift);
}

static inline void histogram_add(histogram *h, uint64_t value)
{
    h->cells[histogram_cell(value)]++;
    h->count++;
}

void histogram_merge(histogram *into, const histogram *from);

/* The least value of the cell below which a `share` of all values lies; 0 of an empty one. */
uint64_t histogram_quantile(const histogram *h, double share);

#endif
