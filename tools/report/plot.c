#include "tools/report/plot.h"

#include "tools/report/axis.h"
#include "tools/report/html.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Where the plot lies in its picture, in the picture's own units, which on a phone are about a
 * pixel each. */
typedef struct frame {
    int width, height;
    int left, right, top, bottom; /* of the plot: first and last unit */
    int inset;                    /* so that no point sits on the axis */
} frame;

static const frame NARROW = {400, 180, 46, 390, 10, 156, 0};
static const frame WIDE = {1000, 220, 50, 990, 10, 196, 0};
static const frame NAMED = {440, 300, 42, 312, 14, 262, 12}; /* with room for names on the right */

enum {
    BINS_MOST = 940,    /* units from left to right of the widest frame */
    MARKS_APART = 2,    /* marks that would touch are one */
    LABELS_APART = 14,  /* a line of type */
    BESIDE_THE_END = 8, /* where names begin */
};

/* Below, a logarithmic scale shows nothing: no clock measures it. */
#define LOG_VALUE_MIN 1e-6

/* Of the values that share a unit of the plot's width. count 0: none is known. */
typedef struct bin {
    double least, most, sum;
    uint32_t count;
} bin;

/* A line, bin by bin. */
typedef struct course {
    const plot_line *line;
    bin bins[BINS_MOST];
} course;

/* A plot with the room that its values take. */
typedef struct sheet {
    const plot *p;
    frame f;
    uint32_t bin_count;
    double least, most; /* of all values */
    uint32_t known;     /* values of all lines */
    axis y;
} sheet;

/* ---- from values to bins ---- */

static uint32_t bin_first(const sheet *s, uint32_t k)
{
    return (uint32_t)((uint64_t)k * s->p->count / s->bin_count);
}

static bool is_known(const sheet *s, double value)
{
    return isfinite(value) && value >= (s->p->logarithmic ? LOG_VALUE_MIN : 0);
}

static bin gather_bin(const sheet *s, const plot_line *line, uint32_t k)
{
    bin c = {.count = 0};
    for (uint32_t i = bin_first(s, k); i < bin_first(s, k + 1); i++) {
        const double value = line->values[i] / (line->unit_size > 0 ? line->unit_size : 1);
        if (is_known(s, value)) {
            c.least = c.count > 0 ? fmin(c.least, value) : value;
            c.most = c.count > 0 ? fmax(c.most, value) : value;
            c.sum += value;
            c.count++;
        }
    }
    return c;
}

static void gather(const sheet *s, uint32_t line, course *out)
{
    out->line = &s->p->lines[line];
    for (uint32_t k = 0; k < s->bin_count; k++) {
        out->bins[k] = gather_bin(s, out->line, k);
    }
}

static double mean(const bin *c)
{
    return c->sum / c->count;
}

/* The end of the run of bins from `k` on that are known, or that are not; `k` for none. */
static uint32_t run_end(const sheet *s, const course *c, uint32_t k, bool known)
{
    while (k < s->bin_count && (c->bins[k].count > 0) == known) {
        k++;
    }
    return k;
}

static bool is_line_known(const sheet *s, const course *c)
{
    return run_end(s, c, 0, false) < s->bin_count;
}

/* ---- the room they take ---- */

static void add_extremes(sheet *s, uint32_t line)
{
    course c;
    gather(s, line, &c);
    for (uint32_t k = 0; k < s->bin_count; k++) {
        if (c.bins[k].count > 0) {
            s->least = s->known > 0 ? fmin(s->least, c.bins[k].least) : c.bins[k].least;
            s->most = s->known > 0 ? fmax(s->most, c.bins[k].most) : c.bins[k].most;
            s->known += c.bins[k].count;
        }
    }
}

/* False: there is nothing to draw. */
static bool sheet_fit(sheet *s, const plot *p)
{
    *s = (sheet){.p = p, .f = p->columns != NULL ? NAMED : p->wide ? WIDE : NARROW};
    const uint32_t room = (uint32_t)(s->f.right - s->f.left);
    s->bin_count = p->count < room ? p->count : room;
    for (uint32_t line = 0; line < p->line_count; line++) {
        add_extremes(s, line);
    }
    if (s->known == 0) {
        return false;
    }
    const double wanted = p->clip > 0 ? fmin(s->most, p->clip) : s->most;
    const double top = fmax(fmax(wanted, p->reach), p->limit);
    s->y = p->logarithmic ? axis_logarithmic(s->least, fmax(top, s->least))
                          : axis_linear(top > 0 ? top : 1);
    return true;
}

/* ---- places ---- */

static double x_of(const sheet *s, double at)
{
    const double left = s->f.left + s->f.inset, right = s->f.right - s->f.inset;
    return s->p->count < 2 ? (left + right) / 2 : left + at * (right - left) / (s->p->count - 1.0);
}

static double y_of(const sheet *s, double value)
{
    return s->f.bottom - axis_share(&s->y, value) * (s->f.bottom - s->f.top);
}

static double bin_x(const sheet *s, uint32_t k)
{
    return x_of(s, (bin_first(s, k) + bin_first(s, k + 1) - 1) / 2.0);
}

/* ---- the axes ---- */

static void put_unit(FILE *out, const plot *p, const char *before)
{
    if (p->unit != NULL) {
        (void)fputs(before, out);
        html_text(out, p->unit);
    }
}

static void put_y_axis(FILE *out, const sheet *s)
{
    for (int tick = s->y.first; tick <= s->y.last; tick++) {
        const double y = y_of(s, axis_tick(&s->y, tick));
        const bool is_base = tick == s->y.first && !s->p->logarithmic;
        if (!axis_shows(&s->y, tick)) {
            continue;
        }
        (void)fprintf(out, "<path class=\"%s\" d=\"M%d %.1fH%d\"/>", is_base ? "base" : "grid",
                      s->f.left, y, s->f.right);
        (void)fprintf(out, "<text text-anchor=\"end\" x=\"%d\" y=\"%.1f\">", s->f.left - 6, y + 4);
        axis_put_tick(out, &s->y, tick);
        (void)fputs("</text>\n", out);
    }
}

static void put_counted_axis(FILE *out, const sheet *s)
{
    const double last = s->p->count - 1.0;
    const double step = fmax(axis_round_step(last > 0 ? last : 1), 1);
    for (double at = 0; at <= last; at += step) {
        const double x = x_of(s, at);
        const bool at_end = at > 0 && x > s->f.right - 12; /* where half of it would stick out */
        (void)fprintf(out, "<text text-anchor=\"%s\" x=\"%.1f\" y=\"%d\">",
                      at_end ? "end" : "middle", at_end ? (double)s->f.width : x, s->f.bottom + 17);
        if (at == 0) { /* the first says what is counted */
            html_text(out, s->p->x_name);
            (void)fputc(' ', out);
        }
        html_in(out, "", html_count, at, "</text>");
    }
    (void)fputc('\n', out);
}

static void put_columns_axis(FILE *out, const sheet *s)
{
    for (uint32_t k = 0; k < s->p->count; k++) {
        (void)fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%u</text>", x_of(s, k),
                      s->f.bottom + 16, s->p->columns[k]);
    }
    (void)fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
                  (s->f.left + s->f.right) / 2.0, s->f.bottom + 32);
    html_text_in(out, "", s->p->x_name, "</text>\n");
}

static void put_limit(FILE *out, const sheet *s)
{
    if (s->p->limit > 0) {
        (void)fprintf(out, "<path class=\"limit\" d=\"M%d %.1fH%d\"/>\n", s->f.left,
                      y_of(s, s->p->limit), s->f.right);
    }
}

static void put_marks(FILE *out, const sheet *s)
{
    double before = -MARKS_APART;
    for (uint32_t i = 0; i < s->p->mark_count; i++) {
        const double x = x_of(s, s->p->marks[i]);
        if (x - before >= MARKS_APART) {
            (void)fprintf(out, "<path class=\"upright\" d=\"M%.1f %dV%d\"/>\n", x, s->f.top,
                          s->f.bottom);
            before = x;
        }
    }
}

/* ---- the lines ---- */

/* From the least to the most, and back. */
static void put_band(FILE *out, const sheet *s, const course *c, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++) {
        (void)fprintf(out, "%c%.1f %.1f", k == from ? 'M' : 'L', bin_x(s, k),
                      y_of(s, c->bins[k].most));
    }
    for (uint32_t k = to; k-- > from;) {
        (void)fprintf(out, "L%.1f %.1f", bin_x(s, k), y_of(s, c->bins[k].least));
    }
    (void)fputc('z', out);
}

static void put_curve(FILE *out, const sheet *s, const course *c, uint32_t from, uint32_t to)
{
    if (to - from == 1) { /* alone between gaps: a dash is what can be seen of a point */
        (void)fprintf(out, "M%.1f %.1fh4", bin_x(s, from) - 2, y_of(s, mean(&c->bins[from])));
        return;
    }
    for (uint32_t k = from; k < to; k++) {
        (void)fprintf(out, "%c%.1f %.1f", k == from ? 'M' : 'L', bin_x(s, k),
                      y_of(s, mean(&c->bins[k])));
    }
}

typedef void put_run(FILE *out, const sheet *s, const course *c, uint32_t from, uint32_t to);

static void put_path(FILE *out, const sheet *s, const course *c, const char *class, put_run *put)
{
    (void)fprintf(out, "<path class=\"%s\" d=\"", class);
    uint32_t from = run_end(s, c, 0, false);
    while (from < s->bin_count) {
        const uint32_t to = run_end(s, c, from, true);
        put(out, s, c, from, to);
        from = run_end(s, c, to, false);
    }
    (void)fputs("\"/>\n", out);
}

/* Where there are columns, a bin is one of them. */
static void put_points(FILE *out, const sheet *s, const course *c)
{
    for (uint32_t k = 0; k < s->bin_count; k++) {
        if (c->bins[k].count == 0) {
            continue;
        }
        look_open_point(out, c->line->look, x_of(s, k), y_of(s, mean(&c->bins[k])));
        html_text_in(out, "<title>", c->line->name, "");
        (void)fprintf(out, ", %u ", s->p->columns[k]);
        html_text(out, s->p->x_name);
        html_in(out, ": ", html_number, mean(&c->bins[k]), "");
        put_unit(out, s->p, " ");
        (void)fputs("</title></path>\n", out);
    }
}

static void put_line(FILE *out, const sheet *s, const course *c)
{
    (void)fprintf(out, "<g class=\"s%u\">", c->line->look);
    if (s->p->count > s->bin_count) {
        put_path(out, s, c, "band", put_band);
    }
    put_path(out, s, c, "line", put_curve);
    if (s->p->columns != NULL) {
        put_points(out, s, c);
    }
    (void)fputs("</g>\n", out);
}

static void put_lines(FILE *out, const sheet *s)
{
    course c;
    for (uint32_t line = s->p->line_count; line-- > 0;) { /* the first over the others */
        gather(s, line, &c);
        if (is_line_known(s, &c)) {
            put_line(out, s, &c);
        }
    }
}

/* ---- the names at the lines' ends ---- */

typedef struct label {
    const plot_line *line;
    double x, y;  /* the line's end */
    double y_put; /* where the name goes */
} label;

static int compare_labels(const void *a, const void *b)
{
    const label *first = a, *second = b;
    return (first->y > second->y) - (first->y < second->y);
}

/* Names in the order of the lines' ends, a line of type apart, none outside the plot. */
static void spread(const sheet *s, label *labels, uint32_t count)
{
    double next = s->f.top;
    for (uint32_t i = 0; i < count; i++) {
        labels[i].y_put = fmax(labels[i].y, next);
        next = labels[i].y_put + LABELS_APART;
    }
    double limit = s->f.bottom;
    for (uint32_t i = count; i-- > 0;) {
        labels[i].y_put = fmin(labels[i].y_put, limit);
        limit = labels[i].y_put - LABELS_APART;
    }
}

static uint32_t collect_labels(const sheet *s, label labels[PLOT_LINES])
{
    course c;
    uint32_t count = 0;
    for (uint32_t line = 0; line < s->p->line_count; line++) {
        gather(s, line, &c);
        uint32_t k = s->bin_count;
        while (k > 0 && c.bins[k - 1].count == 0) {
            k--;
        }
        if (k > 0) {
            labels[count++] =
                (label){.line = c.line, .x = x_of(s, k - 1), .y = y_of(s, mean(&c.bins[k - 1]))};
        }
    }
    qsort(labels, count, sizeof *labels, compare_labels);
    return count;
}

static void put_labels(FILE *out, const sheet *s)
{
    label labels[PLOT_LINES];
    const uint32_t count = collect_labels(s, labels);
    const int x = s->f.right + BESIDE_THE_END;
    spread(s, labels, count);
    for (uint32_t i = 0; i < count; i++) {
        const label *l = &labels[i];
        (void)fprintf(out, "<g class=\"s%u\"><path class=\"leader\" d=\"M%.1f %.1fL%d %.1f\"/>",
                      l->line->look, l->x + 6, l->y, x, l->y_put);
        (void)fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\">", x + 3, l->y_put + 4);
        html_text_in(out, "", l->line->name, "</text></g>\n");
    }
}

/* ---- the figure ---- */

static void put_legend(FILE *out, const sheet *s)
{
    course c;
    for (uint32_t line = 0; line < s->p->line_count && s->p->line_count > 1; line++) {
        gather(s, line, &c);
        if (c.line->name != NULL && is_line_known(s, &c)) {
            (void)fputs(" <span class=\"legend\">", out);
            look_put_key(out, c.line->look, false);
            html_text_in(out, "", c.line->name, "</span>");
        }
    }
}

static void put_mark_name(FILE *out, const plot *p)
{
    if (p->mark_count > 0 && p->mark_name != NULL) {
        html_text_in(out,
                     " <span class=\"legend\"><svg class=\"key\" viewBox=\"0 0 22 10\" "
                     "aria-hidden=\"true\"><path class=\"upright\" d=\"M18-2v14\"/></svg>",
                     p->mark_name, "</span>");
    }
}

static void put_caption(FILE *out, const sheet *s)
{
    const plot *p = s->p;
    html_text_in(out, "<figcaption><b>", p->title, "</b>");
    put_unit(out, p, " <span>");
    (void)fputs(p->unit != NULL ? "</span>" : "", out);
    if (p->columns == NULL) {
        put_legend(out, s);
    }
    put_mark_name(out, p);
    if (s->most > axis_tick(&s->y, s->y.last)) {
        html_in(out, " <span>(highest: ", html_number, s->most, "");
        put_unit(out, p, " ");
        (void)fputs(")</span>", out);
    }
    if (p->note != NULL) {
        html_text_in(out, "<br/>", p->note, "");
    }
    (void)fputs("</figcaption>\n", out);
}

static void put_open(FILE *out, const sheet *s)
{
    (void)fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", s->f.width,
                  s->f.height);
    html_text(out, s->p->title);
    html_in(out, ": from ", html_number, s->least, " to ");
    html_number(out, s->most);
    put_unit(out, s->p, " ");
    html_text_in(out, ", by ", s->p->x_name, "\">\n");
}

bool plot_write(FILE *out, const plot *p)
{
    sheet s;
    assert(p->line_count <= PLOT_LINES && (p->columns == NULL || p->count <= PLOT_COLUMNS));
    if (!sheet_fit(&s, p)) {
        return false;
    }
    (void)fprintf(out, "<figure class=\"plot%s\">", p->columns != NULL ? " named" : "");
    put_caption(out, &s);
    put_open(out, &s);
    put_y_axis(out, &s);
    put_marks(out, &s);
    if (p->columns != NULL) {
        put_columns_axis(out, &s);
        put_labels(out, &s);
    } else {
        put_counted_axis(out, &s);
    }
    put_lines(out, &s);
    put_limit(out, &s);
    (void)fputs("</svg></figure>\n", out);
    return true;
}
