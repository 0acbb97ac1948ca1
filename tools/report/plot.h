/* plot.h: lines over something that is counted, as a figure of HTML with SVG in it. Needs no script;
 * reads on screens and on paper. Colours and type are classes: page_style.c.
 *
 *     const double ms[] = {16, 17, 40, 16}, plain[] = {12, 12, 13, 12};
 *     const plot_line lines[] = {{.name = "streamed", .look = LOOK_OURS, .values = ms},
 *                                {.name = "plain", .look = LOOK_PLAIN, .values = plain}};
 *     const plot p = {.title = "Time of a frame", .unit = "ms", .x_name = "frame",
 *                     .count = 4, .line_count = 2, .lines = lines};
 *     plot_write(out, &p);
 *
 *     Time of a frame  ms  ── streamed  ── plain  ┆ cut
 *      40 ┤......┆....^.........  a light grid at round steps; marks stand upright
 *      20 ┤~~/\~~┆~~~~/\~~~~~~~~  where there are more values than the plot is wide: the mean,
 *       0 └──────┆──────────────  and a band from the least to the most
 *      frame 0     200     400
 *
 * With `columns` it is a plot of a few figures each, which stand over what the columns count:
 *
 *     churn  ns per operation
 *      100 ┤        ┆    ■───■ glibc        every value has a point, which says in a tool tip what
 *       50 ┤  ■───■─┆───/                   it is, and every line its name at its end
 *       20 ┤  ●───●─┆──●─────● megabuddy
 *             1   2 ┆  4     8
 *                threads
 *
 * Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_PLOT_H
#define MEGABUDDY_TOOLS_PLOT_H

#include "tools/report/look.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PLOT_LINES   32u
#define PLOT_COLUMNS 16u /* as many can be told apart, with a number below each */

typedef struct plot_line {
    const char *name; /* in the legend; NULL: none. With columns, at the line's end: never NULL */
    uint32_t look;    /* see look.h */
    const double *values; /* plot.count of them. A gap: what is negative, not finite, or on a
                             logarithmic scale next to 0 */
    double unit_size;     /* one of the plot's units in the values' own, 0.01 for shares in %;
                             0: 1 */
} plot_line;

/* Zeros are right for what is not needed. */
typedef struct plot {
    const char *title;
    const char *unit;   /* NULL: a bare number */
    const char *note;   /* a line more below the title; NULL: none */
    const char *x_name; /* what is counted from left to right */
    uint32_t count;     /* of values in a line */
    uint32_t line_count;
    const plot_line *lines;  /* the first is drawn over the others */
    const uint32_t *columns; /* `count` numbers, at most PLOT_COLUMNS, that stand equally far apart.
                                NULL: values are counted from 0 */
    bool logarithmic;        /* else the axis begins at 0 */
    bool wide;               /* for a page's whole width */
    const char *mark_name;   /* of the upright lines; NULL: not in the legend */
    const double *marks;     /* where, ascending, by number of value: 2.5 is between two */
    uint32_t mark_count;
    double reach; /* the axis goes at least as far, in units */
    double clip;  /* and no further, though values do: they leave at the top; 0: as far as they */
    double limit; /* a line across, which stands for a budget; 0: none */
} plot;

/* Writes the figure. False, and nothing is written, when no value is known. */
bool plot_write(FILE *out, const plot *p);

#endif
