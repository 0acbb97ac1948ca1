/* axis.h: a scale of values, with ticks at round numbers. Pure; any thread.
 *
 *     linear, from 0 in steps of 1, 2 or 5 tens      0      20      40      60
 *     logarithmic, 1, 2 and 5 of every decade        0.5  1    2   5   10   20
 */
#ifndef MEGABUDDY_TOOLS_AXIS_H
#define MEGABUDDY_TOOLS_AXIS_H

#include <stdbool.h>
#include <stdio.h>

typedef struct axis {
    bool logarithmic;
    int first, last; /* ticks, by number; it begins and ends with one; first < last */
    double step;     /* linear: from tick to tick */
} axis;

/* From 0 to the first tick at or above `most`. most > 0, finite. */
axis axis_linear(double most);

/* Covers least … most. 0 < least <= most, finite. */
axis axis_logarithmic(double least, double most);

/* The value at a tick, first … last. */
double axis_tick(const axis *a, int tick);

/* Whether there is room for the tick: a long logarithmic scale shows its decades only. */
bool axis_shows(const axis *a, int tick);

/* How far up a value lies, 0 … 1; what is beyond the ends lies on them. */
double axis_share(const axis *a, double value);

/* Writes the number at a tick, with as many digits as it takes. */
void axis_put_tick(FILE *out, const axis *a, int tick);

/* The least of 1, 2, 5, 10, 20 … that covers `length` in five steps. length > 0. */
double axis_round_step(double length);

#endif
