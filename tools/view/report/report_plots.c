/* report_plots.c: the course of a run, frame by frame. */
#include "tools/view/report/plot.h"
#include "tools/view/report/report_html.h"

#include <math.h>

#define KIB 1024.0
#define MIB (1024.0 * 1024.0)

/* A frame that took much longer would press all others to the ground: where one took more than
 * CLIP_FROM times what 99 in 100 took, the axis ends at CLIP_AT times that. */
#define CLIP_FROM 4
#define CLIP_AT   2

typedef struct marks {
    uint32_t frames[REPORT_CUTS];
    uint32_t count;
} marks;

/* The cuts along the path; at rest there are none. */
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

static plot plot_of(const report *r, const marks *m)
{
    return (plot){.x_name = "frame",
                  .count = r->series.count,
                  .line_count = 1,
                  .mark_name = "",
                  .marks = m->frames,
                  .mark_count = m->count,
                  .unit = ""};
}

static plot_line line_of(const report *r, series_kind kind, double unit_size)
{
    return (plot_line){.name = "", .values = r->series.values[kind], .unit_size = unit_size};
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
    plot p = plot_of(r, m);
    p.title = "Time of a frame";
    p.unit = "ms";
    p.line_count = 2;
    p.lines[0] = line_of(r, SERIES_FRAME_MS, 1);
    p.lines[0].name = "streamed";
    p.lines[1] = line_of(r, SERIES_PLAIN_MS, 1);
    p.lines[1].name = "plain";
    const double most = fmax(most_of(r, SERIES_FRAME_MS), most_of(r, SERIES_PLAIN_MS));
    p.clip = most > r->frame_p99_ms * CLIP_FROM ? fmax(r->frame_p99_ms * CLIP_AT, 0) : 0;
    (void)plot_write(out, &p);
}

static void put_shares(FILE *out, const report *r, const marks *m)
{
    plot p = plot_of(r, m);
    p.title = "Pixels at the mip they wanted";
    p.unit = "%";
    p.lines[0] = line_of(r, SERIES_WANTED_SHARE, 0.01);
    p.reach = 100;
    p.mark_name = m->count == 1 ? "cut" : "cuts"; /* the other plots have them too */
    (void)plot_write(out, &p);
}

static void put_uploads(FILE *out, const report *r, const marks *m)
{
    plot p = plot_of(r, m);
    p.title = "Pages uploaded a frame";
    p.lines[0] = line_of(r, SERIES_UPLOADED, 1);
    p.reach = 5; /* pages come whole */
    (void)plot_write(out, &p);
}

static void put_reads(FILE *out, const report *r, const marks *m)
{
    const bool large = most_of(r, SERIES_READ_BYTES) >= MIB;
    plot p = plot_of(r, m);
    p.title = "Read from disk a frame";
    p.unit = large ? "MiB" : "KiB";
    p.lines[0] = line_of(r, SERIES_READ_BYTES, large ? MIB : KIB);
    (void)plot_write(out, &p);
}

static void put_bias(FILE *out, const report *r, const marks *m)
{
    plot p = plot_of(r, m);
    p.title = "Softer than wanted: mip bias";
    p.unit = "mips";
    p.lines[0] = line_of(r, SERIES_MIP_BIAS, 1);
    p.reach = 1;
    (void)plot_write(out, &p);
}

static void put_memory(FILE *out, const report *r, const marks *m)
{
    const double ram = (double)r->stats.ram.budget_bytes;
    const double vram = (double)r->stats.vram.budget_bytes;
    plot p = plot_of(r, m);
    p.title = "Memory in use";
    p.unit = "% of budget";
    p.line_count = 2;
    p.lines[0] = line_of(r, SERIES_RAM_BYTES, fmax(ram, 1) / 100);
    p.lines[0].name = "RAM";
    p.lines[1] = line_of(r, SERIES_VRAM_BYTES, fmax(vram, 1) / 100);
    p.lines[1].name = "video";
    p.limit = 100;
    (void)plot_write(out, &p);
}

void report_put_plots(FILE *out, const report *r)
{
    const marks m = marks_of(r);
    if (r->series.count == 0) {
        return;
    }
    (void)fputs("<section><h2>Frame by frame</h2>\n<div class=\"plots\">\n", out);
    put_times(out, r, &m);
    put_shares(out, r, &m);
    put_uploads(out, r, &m);
    put_reads(out, r, &m);
    put_bias(out, r, &m);
    put_memory(out, r, &m);
    (void)fputs("</div></section>\n", out);
}
