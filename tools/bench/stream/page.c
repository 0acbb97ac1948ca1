/* page.c: the figures of `bench stream` as a page to read, with plots. */
#include "tools/bench/stream/stream.h"

#include "engine/files/replace.h"
#include "tools/bench/report/report_style.h"
#include "tools/report/html.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4096, PLOT_WIDTH = 1000, PLOT_HEIGHT = 220, LEFT = 50, BOTTOM = 24 };

static const char PLOT_STYLE[] =
    "svg.frames{width:100%;height:auto;max-width:70rem}"
    "svg.frames polyline{fill:none;stroke-width:1.2}"
    "svg.frames .ours{stroke:#4aa3ff}svg.frames .plain{stroke:#e0a030}"
    "svg.frames .axis{stroke:#8884;stroke-width:1}svg.frames text{fill:currentColor;font:12px "
    "sans-serif}"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:1rem}"
    ".pictures figure{margin:0}.pictures img{width:100%;height:auto}";

/* ---- plots ---- */

/* A picture with a vertical axis from 0 to `most`, and grid lines. */
static void begin_plot(FILE *out, double most, const char *unit)
{
    (void)fprintf(out, "<svg class=\"frames\" viewBox=\"0 0 %d %d\" role=\"img\">\n", PLOT_WIDTH,
                  PLOT_HEIGHT);
    for (int i = 0; i <= 4; i++) {
        const double y = (PLOT_HEIGHT - BOTTOM) * (1 - i / 4.0) + 6;
        (void)fprintf(out,
                      "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                      "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n",
                      LEFT, PLOT_WIDTH, y, y, LEFT - 6, y + 4, most * i / 4);
    }
    (void)fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT, PLOT_HEIGHT - 4, unit);
}

static void put_line(FILE *out, const char *style, const double *values, uint32_t count,
                     double most)
{
    (void)fprintf(out, "<polyline class=\"%s\" points=\"", style);
    for (uint32_t i = 0; i < count && values[i] >= 0; i++) {
        const double x = LEFT + (PLOT_WIDTH - LEFT) * (double)i / (count > 1 ? count - 1 : 1);
        const double y = (PLOT_HEIGHT - BOTTOM) * (1 - fmin(values[i] / most, 1)) + 6;
        (void)fprintf(out, "%.1f,%.1f ", x, y);
    }
    (void)fputs("\"/>\n", out);
}

static void plot_frames(FILE *out, const stream_case *c, const stream_result *r)
{
    const stream_times *ours = &r->trace.frame, *plain = &r->trace.plain;
    if (ours->count < 2) {
        return;
    }
    const double most = 2 * stream_percentile(ours->ms, ours->count, 0.5);
    (void)fprintf(out, "<h3>%s: %s</h3>\n", c->name, c->summary);
    begin_plot(out, most, "ms a frame, the first round's frames from left to right");
    put_line(out, "plain", plain->ms, plain->count, most);
    put_line(out, "ours", ours->ms, ours->count, most);
    (void)fputs("</svg>\n", out);
}

static void plot_sharpness(FILE *out, const stream_case *c, const stream_result *r)
{
    (void)fprintf(out, "<h3>%s: %s</h3>\n", c->name, c->summary);
    begin_plot(out, 100,
               "% of the pages wanted that are there, frame by frame after each jump (12)");
    for (uint32_t place = 0; place < STREAM_PLACES; place++) {
        double percent[12];
        uint32_t last = 0;
        for (uint32_t i = 0; i < 12; i++) { /* once sharp it stays so */
            const double share = r->trace.sharp[place][i];
            percent[i] = share >= 0 ? 100 * share : i > 0 && last > 0 ? 100 : -1;
            last = share >= 0 ? i + 1 : last;
        }
        if (last > 0) {
            put_line(out, "ours", percent, 12, 100);
        }
    }
    (void)fputs("</svg>\n", out);
}

static void put_plots(FILE *out, const stream_options *o, const stream_result results[])
{
    (void)fputs(
        "<h2 id=\"frames\">Frames</h2>\n<p><b style=\"color:#4aa3ff\">Blue</b>: with "
        "streaming, feedback included. <b style=\"color:#e0a030\">Yellow</b>: the same frame "
        "with one ordinary texture that is all there.</p>\n",
        out);
    for (uint32_t i = 0; i < o->case_count; i++) {
        if (o->cases[i]->kind == STREAM_FLIGHT || o->cases[i]->kind == STREAM_STILL) {
            plot_frames(out, o->cases[i], &results[i]);
        }
    }
    (void)fputs("<h2 id=\"sharp\">Sharp again</h2>\n", out);
    for (uint32_t i = 0; i < o->case_count; i++) {
        if (o->cases[i]->kind == STREAM_TELEPORT) {
            plot_sharpness(out, o->cases[i], &results[i]);
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
        (void)fputs(any ? ""
                        : "<h2 id=\"pictures\">The same frame from atlases of all sizes</h2>\n"
                          "<div class=\"pictures\">\n",
                    out);
        (void)fprintf(out,
                      "<figure><img src=\"%s.png\" alt=\"%s\"/><figcaption>%u&#160;%% of the slots "
                      "that the view needs</figcaption></figure>\n",
                      c->name, c->name, c->pool_percent);
        any = true;
    }
    (void)fputs(any ? "</div>\n" : "", out);
}

/* ---- the tables ---- */

/* A column of the table at the top. */
typedef struct headline {
    const char *subject, *metric, *heading;
} headline;

static const headline HEADLINES[] = {
    {"megabuddy", "frame_p50", "frame, p50 ms"},
    {"plain", "frame_p50", "… plain"},
    {"megabuddy", "frame_p99_9", "p99.9 ms"},
    {"plain", "frame_p99_9", "… plain"},
    {"megabuddy", "sharp_after_frames", "sharp after, frames"},
    {"megabuddy", "uploads", "pages uploaded"},
    {"megabuddy", "uploads_after_settling", "… at rest"},
    {"megabuddy", "pages_per_s", "pages/s"},
    {"megabuddy", "psnr_min_db", "dB"},
    {"megabuddy", "holes", "holes"},
    {"megabuddy", "wrong_pages", "wrong"},
};

enum { HEADLINE_COUNT = sizeof HEADLINES / sizeof HEADLINES[0] };

static double figure(const bench_table *t, const char *name, const headline *h)
{
    const bench_row *row = stream_find(t, name, h->subject, h->metric);
    return row != NULL ? row->median : -1; /* html_number's dash */
}

static void put_headlines(FILE *out, const bench_table *t, const stream_options *o)
{
    (void)fputs("<table><tr><th></th>", out);
    for (int k = 0; k < HEADLINE_COUNT; k++) {
        (void)fprintf(out, "<th>%s</th>", HEADLINES[k].heading);
    }
    (void)fputs("</tr>\n", out);
    for (uint32_t i = 0; i < o->case_count; i++) {
        (void)fprintf(out, "<tr><th>%s</th>", o->cases[i]->name);
        for (int k = 0; k < HEADLINE_COUNT; k++) {
            (void)fputs("<td>", out);
            html_number(out, figure(t, o->cases[i]->name, &HEADLINES[k]));
            (void)fputs("</td>", out);
        }
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</table>\n", out);
}

static void put_rows(FILE *out, const bench_table *t, const stream_case *c)
{
    (void)fprintf(out,
                  "<h3>%s</h3>\n<p>%s</p>\n<table><tr><th>figure</th><th>subject</th>"
                  "<th>median</th><th>least</th><th>most</th><th>unit</th></tr>\n",
                  c->name, c->summary);
    for (uint32_t i = 0; i < t->count; i++) {
        const bench_row *row = &t->rows[i];
        if (strcmp(row->name, c->name) != 0) {
            continue;
        }
        (void)fputs("<tr><th>", out);
        html_text(out, row->metric);
        (void)fputs("</th><td class=\"words\">", out);
        html_text(out, row->subject);
        const double figures[] = {row->median, row->min, row->max};
        for (int k = 0; k < 3; k++) {
            (void)fputs("</td><td>", out);
            html_number(out, figures[k]);
        }
        (void)fputs("</td><td class=\"words\">", out);
        html_text(out, row->unit);
        (void)fputs("</td></tr>\n", out);
    }
    (void)fputs("</table>\n", out);
}

static void put_page(FILE *out, const bench_table *t, const stream_options *o,
                     const stream_result results[], const bench_about *about, const char *renderer)
{
    (void)fprintf(out,
                  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                  "<title>Megabuddy: streaming measured</title>\n<style>\n%s%s</style>\n</head>\n"
                  "<body>\n<h1>Megabuddy: streaming measured</h1>\n<p>",
                  report_style, PLOT_STYLE);
    html_text(out, renderer);
    (void)fprintf(out, ", %ux%u, %u rounds, on ", o->width, o->height, o->rounds);
    html_text(out, about->cpu);
    (void)fprintf(out, ", %u CPUs, ", about->cpus);
    html_text(out, about->date);
    (void)fputs("</p>\n<nav><a href=\"#frames\">Frames</a> <a href=\"#sharp\">Sharp again</a> "
                "<a href=\"#cases\">Case by case</a> <a href=\"stream.csv\">stream.csv</a></nav>\n",
                out);
    put_headlines(out, t, o);
    put_plots(out, o, results);
    put_pictures(out, o);
    (void)fputs("<h2 id=\"cases\">Case by case</h2>\n"
                "<p>Medians over the rounds, each a world opened anew; p99.9 is of all rounds’ "
                "frames together. A frame with streaming counts all of it: the streamer’s update, "
                "the feedback pass, the picture.</p>\n",
                out);
    for (uint32_t i = 0; i < o->case_count; i++) {
        put_rows(out, t, o->cases[i]);
    }
    (void)fputs("</body>\n</html>\n", out);
}

bool stream_page(const char *dir, const bench_table *t, const stream_options *o,
                 const stream_result results[], const bench_about *about, const char *renderer)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/report.html", dir);
    replacement *r = replace_begin(&(replace_desc){.path = path});
    FILE *out = r != NULL ? replace_stream(r) : NULL;
    if (out == NULL) {
        const int why = errno;
        replace_drop(r);
        return stream_fail("%s: %s", path, file_text(why));
    }
    put_page(out, t, o, results, about, renderer); /* what fails here fails at the end */
    return replace_commit(r) || stream_fail("%s: %s", path, file_text(errno));
}
