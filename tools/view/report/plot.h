/* plot.h: curves over frames, as a figure of HTML with SVG in it. Colours and type are classes:
 * report_css.c. Needs no script; reads on screens and on paper.
 *
 *     title   unit   -- first  -- second  ┆ mark
 *      40 ┤......┆..............  a light grid at round steps
 *      20 ┤~~/\~~┆~~~~/\~~~~~~~  more values than the plot is wide: the mean, and a band from the
 *       0 └──────┆──────────────  least to the most
 *         0     200     400
 *
 * Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_VIEW_PLOT_H
#define MEGABUDDY_TOOLS_VIEW_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PLOT_LINES = 2 };

typedef struct plot_line {
    const char *name;     /* in the legend, where there are two lines */
    const double *values; /* plot.count of them; negative or not finite: a gap */
    double unit_size;     /* one of the plot's units in the values' own: 0.01 for shares in % */
} plot_line;

/* The axis begins at 0. Zeros are right for what is not needed. */
typedef struct plot {
    const char *title, *unit; /* unit "": a bare number */
    const char *x_name;       /* what is counted from left to right, "frame" */
    uint32_t count, line_count;
    plot_line lines[PLOT_LINES];
    const char *mark_name; /* of the upright lines; "": not in the legend */
    const uint32_t *marks; /* where, ascending; < count */
    uint32_t mark_count;
    double reach; /* the axis goes at least as far, in units */
    double clip;  /* and no further, though values do: they leave at the top; 0: as far as they */
    double limit; /* a line across, which stands for a budget; 0: none */
} plot;

/* Writes the figure. False, and nothing is written, when no value is known. */
bool plot_write(FILE *out, const plot *p);

#endif
