/* The article's figures for today. */
#include "tools/bench/report/sections.h"

#include "tools/report/cells.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/report/plot.h"

#include <math.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { METRIC_BYTES = sizeof((bench_row *)NULL)->metric, LEVELS = CELLS_ROWS };
_Static_assert(ROWS_THREADS <= PLOT_COLUMNS, "a column for each number of threads");
_Static_assert(ROWS_THREADS <= CELLS_COLUMNS, "a column for each number of threads");
_Static_assert(ROWS_NAMES <= PLOT_LINES, "a line for each subject");

static const char *const PLOTTED[] = {"churn", "ring", "tiles", "churn-small"};

/* ---- Figure 1 ---- */

/* Where there are more threads than CPUs from: between two columns. False: nowhere. */
static bool find_crowding(const uint32_t *threads, uint32_t count, uint32_t cpus, double *at)
{
    uint32_t k = 0;
    while (k < count && threads[k] <= cpus) {
        k++;
    }
    *at = k - 0.5;
    return k > 0 && k < count;
}

static void put_plot(FILE *out, const rows *f, const char *name, uint32_t cpus)
{
    uint32_t threads[ROWS_THREADS], line_count = 0;
    double values[ROWS_NAMES][ROWS_THREADS], crowded;
    plot_line lines[ROWS_NAMES];
    const uint32_t count = rows_threads(f, name, NULL, "ns_per_op", threads);
    for (uint32_t i = 0; i < f->subject_count; i++) {
        if (!rows_any(f, name, f->subjects[i], "ns_per_op")) {
            continue;
        }
        for (uint32_t k = 0; k < count; k++) {
            values[i][k] = rows_median(f, name, f->subjects[i], "ns_per_op", threads[k]);
        }
        lines[line_count++] = (plot_line){
            .name = f->subjects[i], .look = rows_look(f->subjects[i]), .values = values[i]};
    }
    const bool crowds = find_crowding(threads, count, cpus, &crowded);
    (void)plot_write(out, &(plot){.title = name,
                                  .unit = "ns per operation",
                                  .note = rows_meaning(name),
                                  .x_name = "threads",
                                  .count = count,
                                  .line_count = line_count,
                                  .lines = lines,
                                  .columns = threads,
                                  .logarithmic = true,
                                  .marks = &crowded,
                                  .mark_count = crowds});
}

/* "In churn megabuddy goes from 20 ns with 1 thread to 12 ns with 16, glibc from …" */
static void put_course(FILE *out, const rows *f, const char *name, const char *subject,
                       const char *before)
{
    uint32_t threads[ROWS_THREADS];
    const uint32_t count = rows_threads(f, name, subject, "ns_per_op", threads);
    if (count < 2) {
        return;
    }
    (void)fprintf(out, "%s%s goes from ", before, subject);
    html_time(out, rows_median(f, name, subject, "ns_per_op", threads[0]));
    (void)fprintf(out, " with %u thread%s to ", threads[0], threads[0] == 1 ? "" : "s");
    html_time(out, rows_median(f, name, subject, "ns_per_op", threads[count - 1]));
    (void)fprintf(out, " with %u", threads[count - 1]);
}

static void put_courses(FILE *out, const rows *f, const char *name)
{
    uint32_t threads[ROWS_THREADS];
    if (rows_threads(f, name, "megabuddy", "ns_per_op", threads) < 2) {
        return;
    }
    (void)fprintf(out, " In %s ", name);
    put_course(out, f, name, "megabuddy", "");
    put_course(out, f, name, "glibc", ", ");
    put_course(out, f, name, "levels-mutex", ", ");
    (void)fputs(".", out);
}

static bool has_plots(const rows *f)
{
    bool has = false;
    for (uint32_t i = 0; i < COUNT(PLOTTED); i++) {
        has |= rows_any(f, PLOTTED[i], NULL, "ns_per_op");
    }
    return has;
}

static void put_figure_1(FILE *out, const rows *f, uint32_t cpus)
{
    (void)fputs("<h3>Figure 1: time per operation by number of threads</h3>\n"
                "<p>Lower is faster; a line that falls makes use of the threads, one that rises "
                "lets them queue. Right of the dotted line there are more threads than CPUs. "
                "Wall time over all threads, medians; the scale is logarithmic, and each plot has "
                "its own.",
                out);
    bool said = false;
    for (uint32_t i = 0; i < COUNT(PLOTTED) && !said; i++) {
        said = rows_any(f, PLOTTED[i], "megabuddy", "ns_per_op");
        if (said) {
            put_courses(out, f, PLOTTED[i]);
        }
    }
    (void)fputs("</p>\n<div class=\"columns\">\n", out);
    for (uint32_t i = 0; i < COUNT(PLOTTED); i++) {
        if (rows_any(f, PLOTTED[i], NULL, "ns_per_op")) {
            put_plot(out, f, PLOTTED[i], cpus);
        }
    }
    (void)fputs("</div>\n", out);
}

/* ---- Figures 2 and 3 ---- */

static double pending(const rows *f, const char *name, const char *subject, uint32_t level,
                      uint32_t threads)
{
    char metric[METRIC_BYTES];
    (void)snprintf(metric, sizeof metric, "pending_high_water_level%u", level % 32);
    return rows_median(f, name, subject, metric, threads);
}

/* The most requests that ever waited, and where; `most` is 0 when nobody did. */
typedef struct crowd {
    double most;
    const char *name;
    uint32_t level, threads;
} crowd;

static void crowd_add(crowd *c, const rows *f, const char *name, const char *subject)
{
    uint32_t threads[ROWS_THREADS];
    const uint32_t count = rows_threads(f, name, subject, "pending_high_water", threads);
    for (uint32_t level = 0; level < LEVELS; level++) {
        for (uint32_t k = 0; k < count; k++) {
            const double value = pending(f, name, subject, level, threads[k]);
            if (value > c->most) {
                *c = (crowd){value, name, level, threads[k]};
            }
        }
    }
}

static crowd find_crowd(const rows *f, const char *subject)
{
    crowd c = {0};
    for (uint32_t i = 0; i < f->case_count; i++) {
        crowd_add(&c, f, f->cases[i], subject);
    }
    return c;
}

static bool is_row_crowded(const double *values, uint32_t count)
{
    bool crowded = false;
    for (uint32_t k = 0; k < count; k++) {
        crowded |= values[k] > 0;
    }
    return crowded;
}

/* From the highest level where a request waited to the lowest. */
static void fill_heat(cells *heat, const rows *f, const char *name, const char *subject)
{
    heat->column_count = rows_threads(f, name, subject, "pending_high_water", heat->columns);
    uint32_t needed = 0; /* rows up to the last that is worth one */
    for (uint32_t level = LEVELS; level-- > 0;) {
        double *values = heat->values[heat->row_count];
        for (uint32_t k = 0; k < heat->column_count; k++) {
            values[k] = pending(f, name, subject, level, heat->columns[k]);
        }
        if (is_row_crowded(values, heat->column_count)) {
            needed = heat->row_count + 1;
        }
        if (needed > 0) {
            heat->rows[heat->row_count++] = level;
        }
    }
    heat->row_count = needed;
}

/* False, with nothing written, when no request waited in this case. */
static bool put_heat(FILE *out, const rows *f, const char *name, const char *subject, double full)
{
    cells heat = {.title = name,
                  .what = "requests pending by level and number of threads",
                  .column_name = "threads",
                  .row_name = "level",
                  .look = rows_look(subject),
                  .full = full};
    fill_heat(&heat, f, name, subject);
    if (heat.row_count == 0) {
        return false;
    }
    cells_write(out, &heat);
    return true;
}

static void put_heats(FILE *out, const rows *f, const char *subject, double full)
{
    bool calm[ROWS_NAMES] = {false};
    uint32_t calm_count = 0;
    (void)fputs("<div class=\"plots narrow\">\n", out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        calm[i] = rows_any(f, f->cases[i], subject, "pending_high_water") &&
                  !put_heat(out, f, f->cases[i], subject, full);
        calm_count += calm[i];
    }
    (void)fputs("</div>\n", out);
    if (calm_count == 0) {
        return;
    }
    (void)fputs("<p>No request waited in", out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        if (calm[i]) {
            (void)fputc(' ', out);
            html_text(out, f->cases[i]);
            (void)fputs(--calm_count > 0 ? "," : ".", out);
        }
    }
    (void)fputs("</p>\n", out);
}

static void put_crowd(FILE *out, const crowd *c)
{
    if (c->most == 0) {
        (void)fputs("No request ever had to wait.", out);
        return;
    }
    html_in(out, "At most <b>", html_count, c->most, "");
    (void)fprintf(out, "</b> request%s waited at one level at once: level %u in ",
                  c->most == 1 ? "" : "s", c->level);
    html_text(out, c->name);
    (void)fprintf(out, ", with %u thread%s.", c->threads, c->threads == 1 ? "" : "s");
}

static void put_pending(FILE *out, const rows *f, int number, const char *scheme,
                        const char *subject, double full)
{
    if (!rows_any(f, NULL, subject, "pending_high_water")) {
        return;
    }
    const crowd c = find_crowd(f, subject);
    (void)fprintf(out,
                  "<h3>Figure %d: requests pending at each level, with %s</h3>\n"
                  "<p>High-water marks. Level <i>k</i> holds blocks of 2<sup><i>k</i></sup> units; "
                  "a request waits there for a split above. ",
                  number, scheme);
    put_crowd(out, &c);
    (void)fputs("</p>\n", out);
    if (c.most > 0) {
        put_heats(out, f, subject, full);
    }
}

/* ---- work that led to nothing ---- */

static const struct {
    const char *metric, *what;
} VAIN[] = {{"wasted_splits", "wasted splits"}, {"failed_cas", "failed compare-and-swaps"}};

/* What all rows of such a table have in common. */
typedef struct vain_columns {
    const char *subject, *metric;
    uint32_t threads[ROWS_THREADS];
    uint32_t count;
} vain_columns;

static void put_vain_row(FILE *out, const rows *f, const char *name, const vain_columns *c)
{
    row_begin(out, name);
    for (uint32_t k = 0; k < c->count; k++) {
        cell(out, html_count, rows_median(f, name, c->subject, c->metric, c->threads[k]));
    }
    row_end(out);
}

/* A table of cases by threads, if there is such a figure of the subject. */
static void put_vain_table(FILE *out, const rows *f, const char *subject, uint32_t vain)
{
    vain_columns c = {.subject = subject, .metric = VAIN[vain].metric};
    c.count = rows_threads(f, NULL, subject, c.metric, c.threads);
    if (c.count == 0) {
        return;
    }
    html_text_in(out, "<figure><figcaption><b>", subject, "");
    (void)fprintf(out, "</b> · %s</figcaption>\n", VAIN[vain].what);
    table_begin(out, "full", "threads");
    for (uint32_t k = 0; k < c.count; k++) {
        table_heading(out, "%u", c.threads[k]);
    }
    table_body(out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        if (rows_any(f, f->cases[i], subject, c.metric)) {
            put_vain_row(out, f, f->cases[i], &c);
        }
    }
    table_end(out);
    (void)fputs("</figure>\n", out);
}

static void put_vain(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, VAIN[0].metric) && !rows_any(f, NULL, NULL, VAIN[1].metric)) {
        return;
    }
    (void)fputs("<h3>Work that led to nothing</h3>\n<p>Splits that nobody needed after all, and "
                "steps that another thread forestalled: so many in the whole of a trial.</p>\n"
                "<div class=\"plots narrow\">\n",
                out);
    for (uint32_t i = 0; i < f->subject_count; i++) {
        for (uint32_t vain = 0; vain < COUNT(VAIN); vain++) {
            put_vain_table(out, f, f->subjects[i], vain);
        }
    }
    (void)fputs("</div>\n", out);
}

void section_threads(FILE *out, const rows *f, uint32_t cpus)
{
    page_section(out, "threads", "More threads");
    if (has_plots(f)) {
        put_figure_1(out, f, cpus);
    } else {
        (void)fputs("<p>Nothing was measured that Figure 1 could show.</p>\n", out);
    }
    /* One scale for both, so that their colours compare. */
    const double full =
        fmax(1, fmax(find_crowd(f, "levels-mutex").most, find_crowd(f, "levels-spinlock").most));
    put_pending(out, f, 2, "mutexes", "levels-mutex", full);
    put_pending(out, f, 3, "spinlocks", "levels-spinlock", full);
    put_vain(out, f);
}
