#include "tools/bench/report/svg.h"

#include "tools/bench/report/rows.h"
#include "tools/report/html.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

_Static_assert(ROWS_THREADS <= SVG_COLUMNS, "a column for each number of threads");
_Static_assert(ROWS_NAMES <= SVG_LINES, "a line for each subject");

/* Small enough that a phone need not shrink the type beyond reading; in the plot's own units. */
enum { WIDTH = 440, HEIGHT = 300, LEFT = 42, RIGHT = 128, TOP = 14, BOTTOM = 38 };
enum { RIGHTMOST = WIDTH - RIGHT, LOWEST = HEIGHT - BOTTOM };
enum { LABEL_APART = 14 }; /* a line of type */
enum { HEAT_WIDTH = 360, CELL_HEIGHT = 20, CELL_WIDTH_MAX = 60, CELL_LEFT = 58, CELL_TOP = 20 };

#define VALUE_MIN 1e-6 /* below, nothing is drawn: no clock measures it */

/* The shapes of the marks round the origin, by slot: told apart without colour too. */
static const char *const MARKS[ROWS_SLOTS] = {
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    "M-3-3h6v6h-6z",
    "M0-4.5l4.5 7.5h-9z",
    "M0-4.5l4.5 4.5l-4.5 4.5l-4.5-4.5z",
    "M0 4.5l4.5-7.5h-9z",
    "M-4-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z",
    "M-4-1.5h8v3h-8z",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
};

/* ---- the logarithmic scale: steps … 0.5 1 2 5 10 20 … numbered from 1, which is step 0 ---- */

typedef struct scale {
    int first, last; /* steps; first < last */
} scale;

static double step_value(int step)
{
    static const double MANTISSAS[] = {1, 2, 5};
    const int decade = (step >= 0 ? step : step - 2) / 3;
    return MANTISSAS[step - 3 * decade] * pow(10, decade);
}

static int step_at_or_below(double value)
{
    int step = 3 * (int)floor(log10(value)) - 1; /* log10 may be off by a hair */
    while (step_value(step + 1) <= value) {
        step++;
    }
    return step;
}

static int step_at_or_above(double value)
{
    int step = step_at_or_below(value);
    return step_value(step) < value ? step + 1 : step;
}

static double scale_y(const scale *s, double value)
{
    const double low = step_value(s->first);
    const double share = log(value / low) / log(step_value(s->last) / low);
    return LOWEST - share * (LOWEST - TOP);
}

/* False when there is nothing to draw. */
static bool scale_fit(scale *s, const svg_chart *chart)
{
    double low = INFINITY;
    double high = 0;
    for (uint32_t i = 0; i < chart->line_count; i++) {
        for (uint32_t k = 0; k < chart->column_count; k++) {
            const double value = chart->lines[i].values[k];
            if (value >= VALUE_MIN) {
                low = fmin(low, value);
                high = fmax(high, value);
            }
        }
    }
    assert(isfinite(high)); /* else the steps would never reach it */
    if (high == 0) {
        return false;
    }
    s->first = step_at_or_below(low);
    s->last = step_at_or_above(high);
    if (s->last <= s->first) {
        s->last = s->first + 1;
    }
    return true;
}

/* ---- lines ---- */

static double column_x(const svg_chart *chart, uint32_t column)
{
    const double inset = 12; /* so that no mark sits on the axis */
    if (chart->column_count == 1) {
        return (LEFT + RIGHTMOST) / 2.0;
    }
    return LEFT + inset +
           column * (RIGHTMOST - LEFT - 2 * inset) / (double)(chart->column_count - 1);
}

static void put_scale(FILE *out, const scale *s)
{
    const bool decades_only = s->last - s->first > 8; /* else the labels would crowd */
    for (int step = s->first; step <= s->last; step++) {
        const double y = scale_y(s, step_value(step));
        const bool is_decade = step % 3 == 0;
        if (decades_only && !is_decade) {
            continue;
        }
        (void)fprintf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, RIGHTMOST);
        (void)fprintf(out, "<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
                      LEFT - 6, y + 4);
        /* One digit is all there is in a step; below 1 it needs its decimals. */
        const double value = step_value(step);
        if (value >= 1) {
            html_count(out, value);
        } else {
            (void)fprintf(out, "%g", value);
        }
        (void)fputs("</text>\n", out);
    }
}

static void put_columns(FILE *out, const svg_chart *chart)
{
    for (uint32_t k = 0; k < chart->column_count; k++) {
        (void)fprintf(out,
                      "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%u</text>",
                      column_x(chart, k), LOWEST + 16, chart->columns[k]);
    }
    (void)fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                  (LEFT + RIGHTMOST) / 2.0, LOWEST + 32, chart->x_label);
}

static void put_divide(FILE *out, const svg_chart *chart)
{
    uint32_t k = 0;
    while (k < chart->column_count && chart->columns[k] <= chart->divide) {
        k++;
    }
    if (k > 0 && k < chart->column_count) {
        (void)fprintf(out, "<path class=\"divide\" d=\"M%.1f %dV%d\"/>\n",
                      (column_x(chart, k - 1) + column_x(chart, k)) / 2, TOP, LOWEST);
    }
}

static void put_path(FILE *out, const svg_chart *chart, const scale *s, const svg_line *line)
{
    bool drawing = false;
    (void)fputs("<path class=\"line\" d=\"M0 0", out); /* a path of gaps only is one too */
    for (uint32_t k = 0; k < chart->column_count; k++) {
        const double value = line->values[k];
        if (value >= VALUE_MIN) {
            (void)fprintf(out, "%c%.1f %.1f", drawing ? 'L' : 'M', column_x(chart, k),
                          scale_y(s, value));
        }
        drawing = value >= VALUE_MIN;
    }
    (void)fputs("\"/>\n", out);
}

static void put_mark(FILE *out, uint32_t slot, double x, double y)
{
    (void)fprintf(out, "<path class=\"mark\" transform=\"translate(%.1f %.1f)\" d=\"%s\">", x, y,
                  MARKS[slot]);
}

static void put_line(FILE *out, const svg_chart *chart, const scale *s, const svg_line *line)
{
    (void)fprintf(out, "<g class=\"s%u\">", line->slot);
    put_path(out, chart, s, line);
    for (uint32_t k = 0; k < chart->column_count; k++) {
        if (line->values[k] < VALUE_MIN) {
            continue;
        }
        put_mark(out, line->slot, column_x(chart, k), scale_y(s, line->values[k]));
        (void)fputs("<title>", out);
        html_text(out, line->name);
        (void)fprintf(out, ", %u %s: ", chart->columns[k], chart->x_label);
        html_number(out, line->values[k]);
        (void)fprintf(out, " %s</title></path>\n", chart->y_unit);
    }
    (void)fputs("</g>\n", out);
}

/* ---- the names at the lines' ends ---- */

typedef struct label {
    const svg_line *line;
    double x, y;  /* the line's end */
    double y_put; /* where the name goes */
} label;

static int compare_labels(const void *a, const void *b)
{
    const label *first = a;
    const label *second = b;
    return (first->y > second->y) - (first->y < second->y);
}

/* Names in the order of the lines' ends, a line of type apart, none outside the plot. */
static void spread(label *labels, uint32_t count)
{
    double next = TOP;
    for (uint32_t i = 0; i < count; i++) {
        labels[i].y_put = fmax(labels[i].y, next);
        next = labels[i].y_put + LABEL_APART;
    }
    double limit = LOWEST;
    for (uint32_t i = count; i-- > 0;) {
        labels[i].y_put = fmin(labels[i].y_put, limit);
        limit = labels[i].y_put - LABEL_APART;
    }
}

static uint32_t collect_labels(const svg_chart *chart, const scale *s, label labels[SVG_LINES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < chart->line_count; i++) {
        uint32_t k = chart->column_count;
        while (k > 0 && chart->lines[i].values[k - 1] < VALUE_MIN) {
            k--;
        }
        if (k > 0) {
            labels[count++] = (label){.line = &chart->lines[i],
                                      .x = column_x(chart, k - 1),
                                      .y = scale_y(s, chart->lines[i].values[k - 1])};
        }
    }
    qsort(labels, count, sizeof *labels, compare_labels);
    return count;
}

static void put_labels(FILE *out, const svg_chart *chart, const scale *s)
{
    label labels[SVG_LINES];
    const uint32_t count = collect_labels(chart, s, labels);
    spread(labels, count);
    for (uint32_t i = 0; i < count; i++) {
        const label *l = &labels[i];
        (void)fprintf(out, "<g class=\"s%u\"><path class=\"leader\" d=\"M%.1f %.1fL%d %.1f\"/>",
                      l->line->slot, l->x + 6, l->y, RIGHTMOST + 8, l->y_put);
        (void)fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\">", RIGHTMOST + 11,
                      l->y_put + 4);
        html_text(out, l->line->name);
        (void)fputs("</text></g>\n", out);
    }
}

static void put_open(FILE *out, int width, uint32_t height, const char *title)
{
    (void)fprintf(out, "<svg class=\"plot\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"",
                  width, height);
    html_text(out, title);
    (void)fputs("\">\n", out);
}

void svg_lines(FILE *out, const svg_chart *chart)
{
    scale s;
    if (!scale_fit(&s, chart)) {
        return;
    }
    put_open(out, WIDTH, HEIGHT, chart->title);
    put_scale(out, &s);
    put_columns(out, chart);
    put_divide(out, chart);
    put_labels(out, chart, &s);
    for (uint32_t i = chart->line_count; i-- > 0;) {
        put_line(out, chart, &s, &chart->lines[i]);
    }
    (void)fputs("</svg>\n", out);
}

/* ---- cells ---- */

static void put_cell(FILE *out, const svg_heat *heat, uint32_t row, uint32_t column, double width)
{
    const double value = heat->values[row][column];
    const double x = CELL_LEFT + column * width;
    const uint32_t y = CELL_TOP + row * CELL_HEIGHT;
    /* Even 1 is seen, and the number stays readable on the fullest. */
    const double opacity = value > 0 ? 0.12 + 0.5 * fmin(value / heat->full, 1) : 0.03;
    (void)fprintf(out,
                  "<rect class=\"cell\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
                  "fill-opacity=\"%.2f\"/>",
                  x, y, width - 2, CELL_HEIGHT - 2, opacity);
    (void)fprintf(out, "<text class=\"%s\" text-anchor=\"middle\" x=\"%.1f\" y=\"%u\">",
                  value > 0 ? "strong" : "tick", x + width / 2 - 1, y + 14);
    html_count(out, value);
    (void)fputs("</text>\n", out);
}

void svg_cells(FILE *out, const svg_heat *heat)
{
    const uint32_t columns = heat->column_count > 0 ? heat->column_count : 1;
    const double width = fmin(CELL_WIDTH_MAX, (HEAT_WIDTH - CELL_LEFT) / (double)columns);
    put_open(out, HEAT_WIDTH, CELL_TOP + heat->row_count * CELL_HEIGHT, heat->title);
    (void)fprintf(out, "<g class=\"s%u\"><text x=\"0\" y=\"14\">threads</text>", heat->slot);
    for (uint32_t k = 0; k < heat->column_count; k++) {
        (void)fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"14\">%u</text>",
                      CELL_LEFT + (k + 0.5) * width - 1, heat->columns[k]);
    }
    for (uint32_t row = 0; row < heat->row_count; row++) {
        (void)fprintf(out, "\n<text x=\"0\" y=\"%u\">level %u</text>",
                      CELL_TOP + row * CELL_HEIGHT + 14, heat->rows[row]);
        for (uint32_t k = 0; k < heat->column_count; k++) {
            put_cell(out, heat, row, k, width);
        }
    }
    (void)fputs("</g></svg>\n", out);
}

/* ---- small pieces for tables ---- */

void svg_bar(FILE *out, uint32_t slot, double share)
{
    const double width = 100 * fmin(fmax(share, 0), 1);
    (void)fprintf(out,
                  "<svg class=\"bar s%u\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
                  "aria-hidden=\"true\"><rect class=\"track\" width=\"100\" height=\"10\"/>"
                  "<rect class=\"fill\" width=\"%.2f\" height=\"10\"/></svg>",
                  slot, width);
}

void svg_key(FILE *out, uint32_t slot)
{
    (void)fprintf(out,
                  "<svg class=\"key s%u\" viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                  "<path class=\"line\" d=\"M0 5h22\"/>",
                  slot);
    put_mark(out, slot, 11, 5);
    (void)fputs("</path></svg>", out);
}
