#include "tools/report/axis.h"

#include "tools/report/html.h"

#include <math.h>

enum { STEPS_MOST = 5, TICKS_MOST = 8 };

/* ---- logarithmic ticks: … 0.5 1 2 5 10 20 … numbered from 1, which is tick 0 ---- */

static double log_tick(int tick)
{
    static const double MANTISSAS[] = {1, 2, 5};
    const int decade = (tick >= 0 ? tick : tick - 2) / 3;
    return MANTISSAS[tick - 3 * decade] * pow(10, decade);
}

static int log_tick_at_or_below(double value)
{
    int tick = 3 * (int)floor(log10(value)) - 1; /* log10 may be off by a hair */
    while (log_tick(tick + 1) <= value) {
        tick++;
    }
    return tick;
}

/* ---- either scale ---- */

double axis_round_step(double length)
{
    static const double MANTISSAS[] = {1, 2, 5, 10};
    const double least = length / STEPS_MOST;
    const double decade = pow(10, floor(log10(least)));
    int i = 0;
    while (i < 3 && MANTISSAS[i] * decade < least * (1 - 1e-9)) {
        i++;
    }
    return MANTISSAS[i] * decade;
}

axis axis_linear(double most)
{
    const double step = axis_round_step(most);
    return (axis){.last = (int)fmax(ceil(most / step - 1e-9), 1), .step = step};
}

axis axis_logarithmic(double least, double most)
{
    const int first = log_tick_at_or_below(least), below = log_tick_at_or_below(most);
    const int last = log_tick(below) < most ? below + 1 : below;
    return (axis){.logarithmic = true, .first = first, .last = last > first ? last : first + 1};
}

double axis_tick(const axis *a, int tick)
{
    return a->logarithmic ? log_tick(tick) : tick * a->step;
}

bool axis_shows(const axis *a, int tick)
{
    return !a->logarithmic || tick % 3 == 0 || a->last - a->first <= TICKS_MOST;
}

double axis_share(const axis *a, double value)
{
    const double low = axis_tick(a, a->first), high = axis_tick(a, a->last);
    const double share =
        a->logarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low);
    return fmin(fmax(share, 0), 1);
}

void axis_put_tick(FILE *out, const axis *a, int tick)
{
    const double value = axis_tick(a, tick);
    const int decimals = a->logarithmic ? 0 : (int)fmax(-floor(log10(a->step) + 1e-9), 0);
    if (decimals > 0) {
        (void)fprintf(out, "%.*f", decimals, value);
    } else if (a->logarithmic && value < 1) { /* one digit is all there is in it */
        (void)fprintf(out, "%g", value);
    } else {
        html_count(out, value);
    }
}
