/* Tables, subject by number of threads. */
#include "tools/bench/report/sections.h"

#include "tools/report/html.h"
#include "tools/report/page.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What is left of a time without the harness's own, and is as good as nothing: in nanoseconds. */
#define NOTHING_NS 0.3

#define PARTS 2

/* A table of one case: for every number of threads a column, or one for each part. */
typedef struct grid {
    const rows *f;
    const char *name;
    const char *metrics[PARTS];
    const char *parts[PARTS]; /* what each metric is called */
    uint32_t part_count;
    uint32_t threads[ROWS_THREADS];
    uint32_t thread_count;
} grid;

static void open_row(FILE *out, const char *subject)
{
    (void)fprintf(out, "<tr%s><th scope=\"row\">",
                  strcmp(subject, "megabuddy") == 0 ? " class=\"own\"" : "");
    look_put_key(out, rows_look(subject), true);
    html_text(out, subject);
}

void section_row(FILE *out, const char *subject)
{
    open_row(out, subject);
    (void)fputs("</th>", out);
}

static bool grid_has(const grid *g, const char *subject)
{
    bool has = false;
    for (uint32_t i = 0; i < g->part_count; i++) {
        has |= rows_any(g->f, g->name, subject, g->metrics[i]);
    }
    return has;
}

/* Threads of the first part; the others are measured with the same. */
static bool grid_fit(grid *g)
{
    g->thread_count = 0;
    for (uint32_t i = 0; i < g->part_count && g->thread_count == 0; i++) {
        g->thread_count = rows_threads(g->f, g->name, NULL, g->metrics[i], g->threads);
    }
    return g->thread_count > 0;
}

/* The best figure of an allocator; the limits do not compete. */
static double grid_best(const grid *g, const char *metric, uint32_t threads)
{
    double best = INFINITY;
    for (uint32_t i = 0; i < g->f->subject_count; i++) {
        const double value = rows_median(g->f, g->name, g->f->subjects[i], metric, threads);
        if (value >= 0 && !rows_is_limit(g->f->subjects[i])) {
            best = fmin(best, value);
        }
    }
    return best;
}

static void put_heading(FILE *out, const char *name)
{
    html_text_in(out, "<h3>", name, "");
    (void)fprintf(out, "</h3>\n<p>%s</p>\n", rows_meaning(name));
}

static void put_median(FILE *out, const grid *g, const bench_row *row)
{
    const bool best =
        row->median == grid_best(g, row->metric, row->threads) && !rows_is_limit(row->subject);
    (void)fputs(best ? "<b>" : "", out);
    html_number(out, row->median);
    (void)fputs(best ? "</b>" : "", out);
}

/* ---- the time of an operation, with all that belongs to it ---- */

/* "×1.23", of megabuddy's. */
static void put_ratio(FILE *out, const grid *g, const bench_row *row)
{
    const double own = rows_median(g->f, g->name, "megabuddy", row->metric, row->threads);
    if (own > 0) {
        html_in(out, "×", html_number, row->median / own, "");
    }
}

/* What is left when the harness's own time is taken off; nothing for the harness itself. */
static void put_net(FILE *out, const grid *g, const bench_row *row)
{
    const double empty = rows_median(g->f, g->name, "limit-empty", row->metric, row->threads);
    (void)fputs("<i>", out);
    if (empty >= 0 && strcmp(row->subject, "limit-empty") != 0) {
        (void)fputs("net ", out);
        if (row->median - empty <= NOTHING_NS) {
            (void)fputs("≈ 0", out);
        } else {
            html_number(out, row->median - empty);
        }
    }
    (void)fputs("</i>", out);
}

static void put_time_cell(FILE *out, const grid *g, const char *subject, uint32_t threads)
{
    const bench_row *row = rows_find(g->f, g->name, subject, g->metrics[0], threads);
    if (row == NULL) {
        (void)fputs("<td>–</td>", out);
        return;
    }
    (void)fputs("<td>", out);
    put_median(out, g, row);
    html_in(out, " <small>", html_number, row->min, "–");
    html_in(out, "", html_number, row->max, "</small><small class=\"more\">");
    put_ratio(out, g, row);
    put_net(out, g, row);
    (void)fputs("</small></td>", out);
}

/* Whether the subject's checks were on, where that is known. */
static void put_checks(FILE *out, const grid *g, const char *subject)
{
    uint32_t threads[ROWS_THREADS];
    if (rows_threads(g->f, g->name, subject, "checks", threads) > 0) {
        const double on = rows_median(g->f, g->name, subject, "checks", threads[0]);
        (void)fprintf(out, "<small>checks %s</small>", on > 0 ? "on" : "off");
    }
}

static void put_times(FILE *out, grid *g)
{
    if (!grid_fit(g)) {
        return;
    }
    put_heading(out, g->name);
    table_begin(out, "full times", "ns per operation");
    for (uint32_t k = 0; k < g->thread_count; k++) {
        table_heading(out, "%u thread%s", g->threads[k], g->threads[k] == 1 ? "" : "s");
    }
    table_body(out);
    for (uint32_t i = 0; i < g->f->subject_count; i++) {
        const char *subject = g->f->subjects[i];
        if (!grid_has(g, subject)) {
            continue;
        }
        open_row(out, subject);
        put_checks(out, g, subject);
        (void)fputs("</th>", out);
        for (uint32_t k = 0; k < g->thread_count; k++) {
            put_time_cell(out, g, subject, g->threads[k]);
        }
        row_end(out);
    }
    table_end(out);
}

/* Cases that a plain table of times suits: the fills come with two figures each, further down. */
static bool is_plain(const char *name)
{
    return strncmp(name, "fill-", 5) != 0 && strcmp(name, "full") != 0;
}

void section_cases(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, "ns_per_op")) {
        return;
    }
    page_section(out, "cases", "Case by case");
    (void)fputs(
        "<p>Medians, the best allocator’s in bold. Small beside it: the least and the "
        "most of the rounds; below: how many times megabuddy’s it is, and what is left net of "
        "the empty harness with as many threads, “≈ 0” when that is 0.3 ns or "
        "less.</p>\n",
        out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        if (is_plain(f->cases[i])) {
            put_times(
                out,
                &(grid){.f = f, .name = f->cases[i], .metrics = {"ns_per_op"}, .part_count = 1});
        }
    }
}

/* ---- tables of two figures a number of threads, or of one ---- */

static void put_parts_head(FILE *out, const grid *g, const char *unit, bool has_blocks)
{
    table_begin(out, NULL, unit);
    for (uint32_t k = 0; k < g->thread_count; k++) {
        (void)fprintf(out, "<th colspan=\"%u\">%u thread%s</th>", g->part_count, g->threads[k],
                      g->threads[k] == 1 ? "" : "s");
    }
    (void)fputs(has_blocks ? "<th>blocks</th></tr>\n" : "</tr>\n", out);
    if (g->part_count > 1) {
        (void)fputs("<tr><th></th>", out);
        for (uint32_t i = 0; i < g->thread_count * g->part_count; i++) {
            (void)fprintf(out, "<th>%s</th>", g->parts[i % g->part_count]);
        }
        (void)fputs(has_blocks ? "<th>at least</th></tr>\n" : "</tr>\n", out);
    }
    (void)fputs("</thead>\n<tbody>\n", out);
}

/* How many blocks fitted, in the worst round. */
static double blocks_least(const grid *g, const char *subject)
{
    uint32_t threads[ROWS_THREADS];
    const uint32_t count = rows_threads(g->f, g->name, subject, "blocks", threads);
    double least = INFINITY;
    for (uint32_t k = 0; k < count; k++) {
        least = fmin(least, rows_find(g->f, g->name, subject, "blocks", threads[k])->min);
    }
    return count > 0 ? least : ROWS_ABSENT;
}

static void put_parts_row(FILE *out, const grid *g, const char *subject, bool has_blocks)
{
    section_row(out, subject);
    for (uint32_t i = 0; i < g->thread_count * g->part_count; i++) {
        const bench_row *row = rows_find(g->f, g->name, subject, g->metrics[i % g->part_count],
                                         g->threads[i / g->part_count]);
        (void)fputs("<td>", out);
        if (row != NULL) {
            put_median(out, g, row);
        } else {
            (void)fputs("–", out);
        }
        (void)fputs("</td>", out);
    }
    if (has_blocks) {
        cell(out, html_count, blocks_least(g, subject));
    }
    row_end(out);
}

static void put_parts(FILE *out, grid *g, const char *unit)
{
    if (!grid_fit(g)) {
        return;
    }
    const bool has_blocks = g->part_count > 1 && rows_any(g->f, g->name, NULL, "blocks");
    put_heading(out, g->name);
    put_parts_head(out, g, unit, has_blocks);
    for (uint32_t i = 0; i < g->f->subject_count; i++) {
        if (grid_has(g, g->f->subjects[i])) {
            put_parts_row(out, g, g->f->subjects[i], has_blocks);
        }
    }
    table_end(out);
}

static void put_tails(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, "p99_99_ns")) {
        return;
    }
    page_section(out, "extremes", "The slowest one in ten thousand");
    (void)fputs("<p>99.99 % of the operations, each timed by itself in a pass of its own, took no "
                "longer.</p>\n",
                out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        put_parts(out,
                  &(grid){.f = f, .name = f->cases[i], .metrics = {"p99_99_ns"}, .part_count = 1},
                  "ns, 99.99 %");
    }
}

static void put_full(FILE *out, const rows *f)
{
    if (!rows_any(f, "full", NULL, "ns_per_op_80") && !rows_any(f, "full", NULL, "ns_per_op_95")) {
        return;
    }
    page_section(out, NULL, "A nearly full arena");
    (void)fputs("<p>The caller evicts its oldest blocks so that so "
                "much stays in use, each block counted as the allocator rounds it; allocators that "
                "have no arena hold the same bytes.</p>\n",
                out);
    put_parts(out,
              &(grid){.f = f,
                      .name = "full",
                      .metrics = {"ns_per_op_80", "ns_per_op_95"},
                      .parts = {"80 %", "95 %"},
                      .part_count = 2},
              "ns per operation");
}

static void put_fills(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, "ns_per_op_touched")) {
        return;
    }
    page_section(out, NULL, "Filling an arena");
    (void)fputs("<p>The first pass leaves the blocks untouched, so it "
                "is bookkeeping alone; the second writes to each, in memory that is there "
                "already.</p>\n",
                out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        if (strncmp(f->cases[i], "fill-", 5) == 0) {
            put_parts(out,
                      &(grid){.f = f,
                              .name = f->cases[i],
                              .metrics = {"ns_per_op", "ns_per_op_touched"},
                              .parts = {"untouched", "touched"},
                              .part_count = 2},
                      "ns per block");
        }
    }
}

void section_extremes(FILE *out, const rows *f)
{
    put_tails(out, f);
    put_full(out, f);
    put_fills(out, f);
}
