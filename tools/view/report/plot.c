#include "tools/view/report/plot.h"

#include "tools/report/html.h"

#include <math.h>

/* In the plot's own units, which on a phone are about a pixel each. */
enum { WIDTH = 400, HEIGHT = 180, LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 24 };
enum { RIGHTMOST = WIDTH - RIGHT, LOWEST = HEIGHT - BOTTOM, COLUMNS = RIGHTMOST - LEFT };
enum { STEPS_MOST = 5, MARKS_APART = 2 };

/* Of the values that share a column of the plot, in units. count 0: none is known. */
typedef struct column {
    double least, most, sum;
    uint32_t count;
} column;

/* A plot with the room its values take. */
typedef struct sheet {
    const plot *p;
    uint32_t column_count;
    column columns[PLOT_LINES][COLUMNS];
    double least, most;   /* of all values */
    double y_step, y_top; /* y_top: a whole number of steps */
    uint32_t known;       /* values of all lines */
} sheet;

/* ---- from values to columns ---- */

static uint32_t column_first(const sheet *s, uint32_t k)
{
    return (uint32_t)((uint64_t)k * s->p->count / s->column_count);
}

static void column_add(column *c, double value)
{
    c->least = c->count > 0 ? fmin(c->least, value) : value;
    c->most = c->count > 0 ? fmax(c->most, value) : value;
    c->sum += value;
    c->count++;
}

static void gather_column(sheet *s, uint32_t line, uint32_t k)
{
    const plot_line *l = &s->p->lines[line];
    column *c = &s->columns[line][k];
    for (uint32_t i = column_first(s, k); i < column_first(s, k + 1); i++) {
        if (l->values[i] >= 0 && isfinite(l->values[i])) {
            column_add(c, l->values[i] / l->unit_size);
        }
    }
    if (c->count > 0) {
        s->least = s->known > 0 ? fmin(s->least, c->least) : c->least;
        s->most = s->known > 0 ? fmax(s->most, c->most) : c->most;
        s->known += c->count;
    }
}

/* The least of 1, 2, 5, 10, 20 … that covers `length` in STEPS_MOST steps. */
static double round_step(double length)
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

static void sheet_fit(sheet *s)
{
    const plot *p = s->p;
    s->column_count = p->count < COLUMNS ? p->count : COLUMNS;
    for (uint32_t line = 0; line < p->line_count; line++) {
        for (uint32_t k = 0; k < s->column_count; k++) {
            gather_column(s, line, k);
        }
    }
    const double wanted = p->clip > 0 ? fmin(s->most, p->clip) : s->most;
    const double least = fmax(fmax(wanted, p->reach), p->limit);
    const double top = least > 0 ? least : 1;
    s->y_step = round_step(top);
    s->y_top = s->y_step * fmax(ceil(top / s->y_step - 1e-9), 1);
}

/* ---- places ---- */

static double x_of(const sheet *s, double at)
{
    return s->p->count < 2 ? (LEFT + RIGHTMOST) / 2.0
                           : LEFT + at * (RIGHTMOST - LEFT) / (s->p->count - 1.0);
}

static double y_of(const sheet *s, double value)
{
    return LOWEST - fmin(value / s->y_top, 1) * (LOWEST - TOP);
}

static double column_x(const sheet *s, uint32_t k)
{
    return x_of(s, (column_first(s, k) + column_first(s, k + 1) - 1) / 2.0);
}

/* ---- the axes ---- */

static void put_tick_text(FILE *out, double value, double step)
{
    const int decimals = (int)fmax(-floor(log10(step) + 1e-9), 0);
    if (decimals == 0) {
        html_count(out, value);
    } else {
        (void)fprintf(out, "%.*f", decimals, value);
    }
}

static void put_y_axis(FILE *out, const sheet *s)
{
    const int steps = (int)lround(s->y_top / s->y_step);
    for (int i = 0; i <= steps; i++) {
        const double value = i * s->y_step, y = y_of(s, value);
        (void)fprintf(out, "<path class=\"%s\" d=\"M%d %.1fH%d\"/>", i == 0 ? "base" : "grid", LEFT,
                      y, RIGHTMOST);
        (void)fprintf(out, "<text text-anchor=\"end\" x=\"%d\" y=\"%.1f\">", LEFT - 6, y + 4);
        put_tick_text(out, value, s->y_step);
        (void)fputs("</text>\n", out);
    }
}

static void put_x_axis(FILE *out, const sheet *s)
{
    const double last = s->p->count - 1.0;
    const double step = fmax(round_step(last > 0 ? last : 1), 1);
    for (double at = 0; at <= last; at += step) {
        const double x = x_of(s, at);
        const bool at_end = at > 0 && x > RIGHTMOST - 12; /* where half of it would stick out */
        (void)fprintf(out, "<text text-anchor=\"%s\" x=\"%.1f\" y=\"%d\">",
                      at_end ? "end" : "middle", at_end ? (double)WIDTH : x, LOWEST + 17);
        if (at == 0) { /* the first says what is counted */
            html_text(out, s->p->x_name);
            (void)fputc(' ', out);
        }
        html_count(out, at);
        (void)fputs("</text>", out);
    }
    (void)fputc('\n', out);
}

static void put_limit(FILE *out, const sheet *s)
{
    if (s->p->limit > 0) {
        (void)fprintf(out, "<path class=\"limit\" d=\"M%d %.1fH%d\"/>\n", LEFT,
                      y_of(s, s->p->limit), RIGHTMOST);
    }
}

/* Marks that would touch are one. */
static void put_marks(FILE *out, const sheet *s)
{
    double before = -MARKS_APART;
    for (uint32_t i = 0; i < s->p->mark_count; i++) {
        const double x = x_of(s, s->p->marks[i]);
        if (x - before >= MARKS_APART) {
            (void)fprintf(out, "<path class=\"cut\" d=\"M%.1f %dV%d\"/>\n", x, TOP, LOWEST);
            before = x;
        }
    }
}

/* ---- the curves ---- */

/* The end of the run of columns from `k` on that are known, or that are not; `k` for none. */
static uint32_t run_end(const sheet *s, uint32_t line, uint32_t k, bool known)
{
    while (k < s->column_count && (s->columns[line][k].count > 0) == known) {
        k++;
    }
    return k;
}

/* From the least to the most, and back. */
static void put_band(FILE *out, const sheet *s, uint32_t line, uint32_t from, uint32_t to)
{
    const column *columns = s->columns[line];
    for (uint32_t k = from; k < to; k++) {
        (void)fprintf(out, "%c%.1f %.1f", k == from ? 'M' : 'L', column_x(s, k),
                      y_of(s, columns[k].most));
    }
    for (uint32_t k = to; k-- > from;) {
        (void)fprintf(out, "L%.1f %.1f", column_x(s, k), y_of(s, columns[k].least));
    }
    (void)fputc('z', out);
}

static void put_curve(FILE *out, const sheet *s, uint32_t line, uint32_t from, uint32_t to)
{
    if (to - from == 1) { /* alone between gaps: a dash is what can be seen of a point */
        const column *c = &s->columns[line][from];
        (void)fprintf(out, "M%.1f %.1fh4", column_x(s, from) - 2, y_of(s, c->sum / c->count));
        return;
    }
    for (uint32_t k = from; k < to; k++) {
        const column *c = &s->columns[line][k];
        (void)fprintf(out, "%c%.1f %.1f", k == from ? 'M' : 'L', column_x(s, k),
                      y_of(s, c->sum / c->count));
    }
}

typedef void put_run(FILE *out, const sheet *s, uint32_t line, uint32_t from, uint32_t to);

static void put_path(FILE *out, const sheet *s, uint32_t line, const char *class, put_run *put)
{
    (void)fprintf(out, "<path class=\"%s l%u\" d=\"", class, line);
    uint32_t from = run_end(s, line, 0, false);
    while (from < s->column_count) {
        const uint32_t to = run_end(s, line, from, true);
        put(out, s, line, from, to);
        from = run_end(s, line, to, false);
    }
    (void)fputs("\"/>\n", out);
}

static bool is_line_known(const sheet *s, uint32_t line)
{
    return run_end(s, line, 0, false) < s->column_count;
}

static void put_lines(FILE *out, const sheet *s)
{
    for (uint32_t line = s->p->line_count; line-- > 0;) { /* the first over the others */
        if (!is_line_known(s, line)) {
            continue;
        }
        if (s->p->count > s->column_count) {
            put_path(out, s, line, "band", put_band);
        }
        put_path(out, s, line, "line", put_curve);
    }
}

/* ---- the figure ---- */

static void put_key(FILE *out, const char *class, const char *name)
{
    (void)fprintf(out, " <span class=\"key %s\"><i></i>", class);
    html_text(out, name);
    (void)fputs("</span>", out);
}

static void put_caption(FILE *out, const sheet *s)
{
    static const char *const CLASSES[PLOT_LINES] = {"l0", "l1"};
    const plot *p = s->p;
    (void)fputs("<figure class=\"plot\"><figcaption><b>", out);
    html_text(out, p->title);
    (void)fputs("</b>", out);
    if (*p->unit != '\0') {
        (void)fputs(" <span>", out);
        html_text(out, p->unit);
        (void)fputs("</span>", out);
    }
    for (uint32_t i = 0; i < p->line_count && p->line_count > 1; i++) {
        if (is_line_known(s, i)) {
            put_key(out, CLASSES[i], p->lines[i].name);
        }
    }
    if (p->mark_count > 0 && *p->mark_name != '\0') {
        put_key(out, "cut", p->mark_name);
    }
    if (s->most > s->y_top) {
        (void)fputs(" <span>(highest: ", out);
        html_number(out, s->most);
        (void)fputc(' ', out);
        html_text(out, p->unit);
        (void)fputs(")</span>", out);
    }
    (void)fputs("</figcaption>\n", out);
}

static void put_open(FILE *out, const sheet *s)
{
    (void)fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    html_text(out, s->p->title);
    (void)fputs(": from ", out);
    html_number(out, s->least);
    (void)fputs(" to ", out);
    html_number(out, s->most);
    (void)fprintf(out, " %s, by ", s->p->unit);
    html_text(out, s->p->x_name);
    (void)fputs("\">\n", out);
}

bool plot_write(FILE *out, const plot *p)
{
    sheet s = {.p = p};
    sheet_fit(&s);
    if (s.known == 0) {
        return false;
    }
    put_caption(out, &s);
    put_open(out, &s);
    put_y_axis(out, &s);
    put_marks(out, &s);
    put_x_axis(out, &s);
    put_lines(out, &s);
    put_limit(out, &s);
    (void)fputs("</svg></figure>\n", out);
    return true;
}
