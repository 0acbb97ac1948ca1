/* report_plots.c: the course of a run, frame by frame. */
#include "tools/report/page.h"
#include "tools/report/plot.h"
#include "tools/view/report/report_html.h"

#include <math.h>

#define KIB 1024.0
#define MIB (1024.0 * 1024.0)

/* A frame that took much longer would press all others to the ground: where one took more than
 * CLIP_FROM times what 99 in 100 took, the axis ends at CLIP_AT times that. */
#define CLIP_FROM 4
#define CLIP_AT   2

/* All plots have the cuts along the path; at rest there are none. */
typedef struct marks {
    double frames[REPORT_CUTS];
    uint32_t count;
} marks;

static marks marks_of(const report *r)
{
    marks m = {.count = 0};
    for (uint32_t i = 0; i < r->cut_count; i++) {
        if (r->cuts[i].frame < r->series.count) {
            m.frames[m.count++] = r->cuts[i].frame;
        }
    }
    return m;
}

static plot_line line_of(const report *r, series_kind kind, double unit_size)
{
    return (plot_line){.look = LOOK_OURS, .values = r->series.values[kind], .unit_size = unit_size};
}

/* Writes what `p` says of its own, with lines over all frames and the cuts. */
static void put_plot(FILE *out, const report *r, const marks *m, plot p, const plot_line *lines,
                     uint32_t line_count)
{
    p.x_name = "frame";
    p.count = r->series.count;
    p.lines = lines;
    p.line_count = line_count;
    p.marks = m->frames;
    p.mark_count = m->count;
    (void)plot_write(out, &p);
}

static double most_of(const report *r, series_kind kind)
{
    double most = 0;
    for (uint32_t i = 0; i < r->series.count; i++) {
        most = fmax(most, r->series.values[kind][i]);
    }
    return most;
}

static void put_times(FILE *out, const report *r, const marks *m)
{
    plot_line lines[] = {line_of(r, SERIES_FRAME_MS, 1), line_of(r, SERIES_PLAIN_MS, 1)};
    const double most = fmax(most_of(r, SERIES_FRAME_MS), most_of(r, SERIES_PLAIN_MS));
    const bool clips = most > r->frame_p99_ms * CLIP_FROM;
    lines[0].name = "streamed";
    lines[1].name = "plain";
    lines[1].look = LOOK_PLAIN;
    put_plot(out, r, m,
             (plot){.title = "Time of a frame",
                    .unit = "ms",
                    .clip = clips ? fmax(r->frame_p99_ms * CLIP_AT, 0) : 0},
             lines, 2);
}

static void put_shares(FILE *out, const report *r, const marks *m)
{
    const plot_line line = line_of(r, SERIES_WANTED_SHARE, 0.01);
    put_plot(
        out, r, m,
        (plot){.title = "Pixels at the mip they wanted",
               .unit = "%",
               .reach = 100,
               .mark_name = m->count == 1 ? "cut" : "cuts"}, /* the other plots have them too */
        &line, 1);
}

static void put_uploads(FILE *out, const report *r, const marks *m)
{
    const plot_line line = line_of(r, SERIES_UPLOADED, 1);
    /* pages come whole */
    put_plot(out, r, m, (plot){.title = "Pages uploaded a frame", .reach = 5}, &line, 1);
}

static void put_reads(FILE *out, const report *r, const marks *m)
{
    const bool large = most_of(r, SERIES_READ_BYTES) >= MIB;
    const plot_line line = line_of(r, SERIES_READ_BYTES, large ? MIB : KIB);
    put_plot(out, r, m, (plot){.title = "Read from disk a frame", .unit = large ? "MiB" : "KiB"},
             &line, 1);
}

static void put_bias(FILE *out, const report *r, const marks *m)
{
    const plot_line line = line_of(r, SERIES_MIP_BIAS, 1);
    put_plot(out, r, m, (plot){.title = "Softer than wanted: mip bias", .unit = "mips", .reach = 1},
             &line, 1);
}

static void put_memory(FILE *out, const report *r, const marks *m)
{
    const double ram = (double)r->stats.ram.budget_bytes;
    const double vram = (double)r->stats.vram.budget_bytes;
    plot_line lines[] = {line_of(r, SERIES_RAM_BYTES, fmax(ram, 1) / 100),
                         line_of(r, SERIES_VRAM_BYTES, fmax(vram, 1) / 100)};
    lines[0].name = "RAM";
    lines[1].name = "video";
    lines[1].look = LOOK_PLAIN;
    put_plot(out, r, m, (plot){.title = "Memory in use", .unit = "% of budget", .limit = 100},
             lines, 2);
}

void report_put_plots(FILE *out, const report *r)
{
    const marks m = marks_of(r);
    if (r->series.count == 0) {
        return;
    }
    page_section(out, NULL, "Frame by frame");
    (void)fputs("<div class=\"plots\">\n", out);
    put_times(out, r, &m);
    put_shares(out, r, &m);
    put_uploads(out, r, &m);
    put_reads(out, r, &m);
    put_bias(out, r, &m);
    put_memory(out, r, &m);
    (void)fputs("</div>\n", out);
}
