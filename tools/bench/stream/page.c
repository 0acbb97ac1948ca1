/* page.c: the figures of `bench stream` as a page to read, with plots. */
#include "tools/bench/stream/stream.h"

#include "engine/files/regular.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/report/plot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TITLE "Megabuddy: streaming measured"

enum { PATH_BYTES = 4096, PLOT_TITLE_BYTES = 256 };

/* What goes onto the page. */
typedef struct content {
    const bench_table *table;
    const stream_options *o;
    const stream_result *results; /* one a case */
    const bench_about *about;
    const char *renderer;
} content;

/* ---- plots ---- */

static void put_plot(FILE *out, const stream_case *c, plot p)
{
    char title[PLOT_TITLE_BYTES];
    (void)snprintf(title, sizeof title, "%s: %s", c->name, c->summary);
    p.title = title;
    p.wide = true;
    (void)plot_write(out, &p);
}

static void plot_frames(FILE *out, const stream_case *c, const stream_result *r)
{
    const stream_times *ours = &r->trace.frame, *plain = &r->trace.plain;
    const bool has_plain = plain->count == ours->count;
    const plot_line lines[] = {{.name = "streamed", .look = LOOK_OURS, .values = ours->ms},
                               {.name = "plain", .look = LOOK_PLAIN, .values = plain->ms}};
    if (ours->count < 2) {
        return;
    }
    put_plot(out, c,
             (plot){.unit = "ms a frame",
                    .x_name = "frame",
                    .count = ours->count,
                    .line_count = has_plain ? 2 : 1,
                    .lines = lines,
                    .clip = 2 * stream_percentile(ours->ms, ours->count, 0.5)});
}

/* How sharp it was frame by frame after one jump. Once sharp it stays so. Returns whether anything
 * is known. */
static bool fill_percent(const double share[STREAM_AFTER], double percent[STREAM_AFTER])
{
    bool any = false;
    for (uint32_t i = 0; i < STREAM_AFTER; i++) {
        percent[i] = share[i] >= 0 ? 100 * share[i] : any ? 100 : -1;
        any |= share[i] >= 0;
    }
    return any;
}

static void plot_sharpness(FILE *out, const stream_case *c, const stream_result *r)
{
    double percent[STREAM_PLACES][STREAM_AFTER];
    plot_line lines[STREAM_PLACES];
    uint32_t count = 0;
    for (uint32_t place = 0; place < STREAM_PLACES; place++) {
        if (fill_percent(r->trace.sharp[place], percent[count])) {
            lines[count] = (plot_line){.look = LOOK_OURS, .values = percent[count]};
            count++;
        }
    }
    put_plot(out, c,
             (plot){.unit = "% of the pages wanted that are there, after each jump",
                    .x_name = "frame",
                    .count = STREAM_AFTER,
                    .line_count = count,
                    .lines = lines,
                    .reach = 100});
}

static void put_plots(FILE *out, const content *page)
{
    const stream_options *o = page->o;
    page_section(out, "frames", "Frames");
    (void)fputs("<p>The first round’s frames from left to right. <b>Streamed</b>: feedback "
                "included. <b>Plain</b>: the same frame with one ordinary texture that is all "
                "there.</p>\n",
                out);
    for (uint32_t i = 0; i < o->case_count; i++) {
        if (o->cases[i]->kind == STREAM_FLIGHT || o->cases[i]->kind == STREAM_STILL) {
            plot_frames(out, o->cases[i], &page->results[i]);
        }
    }
    page_section(out, "sharp", "Sharp again");
    for (uint32_t i = 0; i < o->case_count; i++) {
        if (o->cases[i]->kind == STREAM_TELEPORT) {
            plot_sharpness(out, o->cases[i], &page->results[i]);
        }
    }
}

/* ---- pictures ---- */

static void put_pictures(FILE *out, const stream_options *o)
{
    bool any = false;
    for (uint32_t i = 0; i < o->case_count; i++) {
        const stream_case *c = o->cases[i];
        if (c->kind != STREAM_FLIGHT || c->pool_percent == 0) {
            continue;
        }
        if (!any) {
            page_section(out, "pictures", "The same frame from atlases of all sizes");
            (void)fputs("<div class=\"columns\">\n", out);
        }
        (void)fprintf(out,
                      "<figure><img src=\"%s.png\" alt=\"%s\"/><figcaption>%u\u00a0%% of the slots "
                      "that the view needs</figcaption></figure>\n",
                      c->name, c->name, c->pool_percent);
        any = true;
    }
    (void)fputs(any ? "</div>\n" : "", out);
}

/* ---- the tables ---- */

static void put_headline(FILE *out, const bench_table *t, const char *name)
{
    row_begin(out, name);
    for (int k = 0; k < STREAM_COLUMNS; k++) {
        const stream_column *c = &STREAM_TABLE[k];
        if (c->headline != NULL) {
            const bench_row *row = stream_find(t, name, c->subject, c->metric);
            cell(out, html_number, row != NULL ? row->median : -1); /* html_number's dash */
        }
    }
    row_end(out);
}

static void put_headlines(FILE *out, const content *page)
{
    table_begin(out, NULL, "");
    for (int k = 0; k < STREAM_COLUMNS; k++) {
        if (STREAM_TABLE[k].headline != NULL) {
            table_heading(out, "%s", STREAM_TABLE[k].headline);
        }
    }
    table_body(out);
    for (uint32_t i = 0; i < page->o->case_count; i++) {
        put_headline(out, page->table, page->o->cases[i]->name);
    }
    table_end(out);
}

static void put_row(FILE *out, const bench_row *row)
{
    row_begin(out, row->metric);
    cell_text(out, row->subject);
    cell(out, html_number, row->median);
    cell(out, html_number, row->min);
    cell(out, html_number, row->max);
    cell_text(out, row->unit);
    row_end(out);
}

static void put_rows(FILE *out, const bench_table *t, const stream_case *c)
{
    (void)fprintf(out, "<h3>%s</h3>\n<p>%s</p>\n", c->name, c->summary);
    table_begin(out, NULL, "figure|subject|median|least|most|unit");
    table_body(out);
    for (uint32_t i = 0; i < t->count; i++) {
        if (strcmp(t->rows[i].name, c->name) == 0) {
            put_row(out, &t->rows[i]);
        }
    }
    table_end(out);
}

static void put_about(FILE *out, const content *page)
{
    html_text_in(out, "<p>", page->renderer, "");
    (void)fprintf(out, ", %ux%u, %u rounds, on ", page->o->width, page->o->height, page->o->rounds);
    html_text(out, page->about->cpu);
    (void)fprintf(out, ", %u CPUs, ", page->about->cpus);
    html_text(out, page->about->date);
    (void)fputs("</p>\n<nav><a href=\"#frames\">Frames</a> <a href=\"#sharp\">Sharp again</a> "
                "<a href=\"#cases\">Case by case</a> <a href=\"stream.csv\">stream.csv</a></nav>\n",
                out);
}

static void put_page(FILE *out, const void *context)
{
    const content *page = context;
    page_begin(out, TITLE);
    (void)fputs("<h1>" TITLE "</h1>\n", out);
    put_about(out, page);
    put_headlines(out, page);
    put_plots(out, page);
    put_pictures(out, page->o);
    page_section(out, "cases", "Case by case");
    (void)fputs("<p>Medians over the rounds, each a world opened anew; p99.9 is of all rounds’ "
                "frames together. A frame with streaming counts all of it: the streamer’s update, "
                "the feedback pass, the picture.</p>\n",
                out);
    for (uint32_t i = 0; i < page->o->case_count; i++) {
        put_rows(out, page->table, page->o->cases[i]);
    }
    page_end(out);
}

bool stream_page(const char *dir, const bench_table *t, const stream_options *o,
                 const stream_result results[], const bench_about *about, const char *renderer)
{
    char path[PATH_BYTES];
    const content page = {t, o, results, about, renderer};
    (void)snprintf(path, sizeof path, "%s/report.html", dir);
    return page_write(path, put_page, &page) || stream_fail("%s: %s", path, file_text(errno));
}
