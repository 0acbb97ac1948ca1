/* svg.h: the plots of the page, as SVG within HTML. Colours, dashes and type are classes: see
 * report_style.c. Absent values are negative. Errors stay in the stream: ask ferror. One thread a
 * stream. */
#ifndef MEGABUDDY_TOOLS_BENCH_SVG_H
#define MEGABUDDY_TOOLS_BENCH_SVG_H

#include <stdint.h>
#include <stdio.h>

#define SVG_COLUMNS 16u
#define SVG_LINES   32u
#define SVG_ROWS    32u

typedef struct svg_line {
    const char *name;
    uint32_t slot;              /* colour, dash and mark */
    double values[SVG_COLUMNS]; /* one a column, finite; what is not above 0 leaves a gap */
} svg_line;

/* Lines over columns, which stand equally far apart, and a logarithmic scale that suits the values:
 * each line has its name at its end. */
typedef struct svg_chart {
    const char *title;   /* for who cannot see it */
    const char *x_label; /* what the columns count */
    const char *y_unit;  /* short: it stands in the tool tips */
    uint32_t column_count, line_count;
    uint32_t divide; /* a dotted line stands before the first column that counts more than this */
    uint32_t columns[SVG_COLUMNS];
    svg_line lines[SVG_LINES]; /* the first is drawn over the others */
} svg_chart;

void svg_lines(FILE *out, const svg_chart *chart);

/* Numbers in cells, the darker the larger: rows are levels, the highest on top. */
typedef struct svg_heat {
    const char *title;
    uint32_t slot;
    double full; /* the value that has the full colour; above 0 */
    uint32_t column_count, row_count;
    uint32_t columns[SVG_COLUMNS];
    uint32_t rows[SVG_ROWS];
    double values[SVG_ROWS][SVG_COLUMNS];
} svg_heat;

void svg_cells(FILE *out, const svg_heat *heat);

/* A bar for a table's cell, `share` of its width long; 0 … 1, what is beyond is cut. */
void svg_bar(FILE *out, uint32_t slot, double share);

/* The subject's line and mark, to stand before its name. */
void svg_key(FILE *out, uint32_t slot);

#endif
