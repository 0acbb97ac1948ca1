/* draw.c: tables of sizes. */
#include "tools/bench/measure/draw.h"

#include <math.h>

/* Where in (0, 1) the i-th of the quantiles lies. */
static double quantile(uint32_t i)
{
    return (i + 0.5) / DRAW_SIZES;
}

void draw_log_uniform(draw_sizes *d, uint32_t least, uint32_t most)
{
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        d->bytes[i] = (uint32_t)(least * pow((double)most / least, quantile(i)) + 0.5);
    }
}

void draw_uniform(draw_sizes *d, uint32_t least, uint32_t most)
{
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        d->bytes[i] = (uint32_t)(least + (most - least) * quantile(i) + 0.5);
    }
}

void draw_powers(draw_sizes *d, uint32_t least, uint32_t most)
{
    uint32_t powers = 1;
    while (least << (powers - 1) < most) {
        powers++;
    }
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        d->bytes[i] = least << (i % powers);
    }
}
