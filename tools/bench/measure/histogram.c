/* histogram.c: merging and reading. */
#include "tools/bench/measure/histogram.h"

void histogram_merge(histogram *into, const histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        into->cells[i] += from->cells[i];
    }
    into->count += from->count;
}

/* The inverse of histogram_cell. */
static uint64_t least_of_cell(uint32_t cell)
{
    if (cell < 2u << HISTOGRAM_FINE) {
        return cell;
    }
    uint32_t shift = (cell >> HISTOGRAM_FINE) - 1;
    return (uint64_t)(cell - (shift << HISTOGRAM_FINE)) << shift;
}

uint64_t histogram_quantile(const histogram *h, double share)
{
    uint64_t below = (uint64_t)(share * (double)h->count), sum = 0;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        sum += h->cells[i];
        if (sum > below) {
            return least_of_cell(i);
        }
    }
    return 0;
}
