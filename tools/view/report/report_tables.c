/* report_tables.c: all figures of report.json, with their units. */
#include "tools/report/page.h"
#include "tools/view/report/report_html.h"

#include <inttypes.h>

static void row_text(FILE *out, const char *name, const char *text)
{
    row_begin(out, name);
    cell_text(out, text);
    row_end(out);
}

static void row(FILE *out, const char *name, html_put *put, double value)
{
    row_begin(out, name);
    cell(out, put, value);
    row_end(out);
}

static void row_figure(FILE *out, const char *name, double value, int digits, const char *unit)
{
    row_begin(out, name);
    cell_figure(out, value, digits, unit);
    row_end(out);
}

/* Tables flow in columns, each under its title. */
static void open_table(FILE *out, const char *title)
{
    (void)fprintf(out, "<div class=\"table\"><h3>%s</h3>\n", title);
    table_begin(out, NULL, NULL);
}

static void close_table(FILE *out)
{
    table_end(out);
    (void)fputs("</div>\n", out);
}

static void put_frames(FILE *out, const report *r)
{
    open_table(out, "Frames");
    row(out, "along the path", html_count, r->frames);
    row(out, "then at rest", html_count, r->settle_frames);
    row_text(out, "all had arrived at the end", r->settled ? "yes" : "no");
    row_text(out, "interrupted", r->interrupted ? "yes" : "no");
    row_figure(out, "time of a frame, p50", r->frame_p50_ms, 2, "ms");
    row_figure(out, "p99", r->frame_p99_ms, 2, "ms");
    row_figure(out, "p99.9", r->frame_p99_9_ms, 2, "ms");
    row_figure(out, "longest", r->frame_max_ms, 2, "ms");
    row_figure(out, "with a plain texture, p50", r->plain_p50_ms, 2, "ms");
    row_figure(out, "with a plain texture, p99.9", r->plain_p99_9_ms, 2, "ms");
    close_table(out);
}

static void put_sharpness(FILE *out, const report *r)
{
    open_table(out, "What was to be seen");
    row(out, "pixels with nothing to show", html_count, (double)r->holes);
    row(out, "pixels of a wrong page", html_count, (double)r->wrong_pages);
    row(out, "at the wanted mip, mean", html_share, r->wanted_share_mean);
    row(out, "at the wanted mip, worst frame", html_share, r->wanted_share_min);
    row_figure(out, "likeness (PSNR), least", r->psnr_min_db, 1, "dB");
    row_figure(out, "likeness, median", r->psnr_median_db, 1, "dB");
    row_figure(out, "likeness, last frame", r->psnr_final_db, 1, "dB");
    row_figure(out, "mip bias, most", r->stats.mip_bias_peak, 2, "mips");
    close_table(out);
}

static void put_pages(FILE *out, const report *r)
{
    const vt_stats *s = &r->stats;
    open_table(out, "Pages");
    row(out, "read", html_count, (double)s->pages.read);
    row(out, "decoded", html_count, (double)s->pages.decoded);
    row(out, "uploaded", html_count, (double)s->pages.uploaded);
    row(out, "evicted", html_count, (double)s->pages.evicted);
    row(out, "cancelled", html_count, (double)s->pages.cancelled);
    row(out, "moved to make room", html_count, (double)s->pages.moved);
    row(out, "corrupt", html_count, (double)s->pages.corrupt);
    row(out, "could not be read", html_count, (double)s->pages.failed);
    row(out, "read from disk", html_bytes, (double)s->bytes.disk_read);
    row(out, "uploaded", html_bytes, (double)s->bytes.uploaded);
    close_table(out);
}

static void put_memory(FILE *out, const report *r)
{
    const vt_stats *s = &r->stats;
    open_table(out, "Memory");
    row(out, "RAM, budget", html_bytes, (double)s->ram.budget_bytes);
    row(out, "RAM, peak", html_bytes, (double)s->ram.peak_bytes);
    row(out, "RAM, fragmentation", html_share, s->ram.fragmentation);
    row(out, "video memory, budget", html_bytes, (double)s->vram.budget_bytes);
    row(out, "video memory, peak", html_bytes, (double)s->vram.peak_bytes);
    row(out, "video memory, fragmentation", html_share, s->vram.fragmentation);
    row(out, "pages the atlas holds", html_count, s->vram.slots);
    row(out, "pages a frame wanted at most", html_count, r->slots_wanted_peak);
    row(out, "video memory for all of these", html_bytes,
        (double)r->slots_wanted_peak * (double)r->slot_bytes);
    close_table(out);
}

static void put_cuts(FILE *out, const report *r)
{
    if (r->cut_count == 0) {
        return;
    }
    (void)fputs("<div class=\"table\"><h3>Cuts</h3>\n", out);
    table_begin(out, NULL, "at frame|sharp after|which took");
    table_body(out);
    for (uint32_t i = 0; i < r->cut_count; i++) {
        const report_cut *cut = &r->cuts[i];
        html_in(out, "<tr><th scope=\"row\">", html_count, cut->frame, "</th>");
        html_in(out, "<td>", html_count, cut->frames,
                cut->frames < 0    ? "</td>"
                : cut->frames == 1 ? " frame</td>"
                                   : " frames</td>");
        cell(out, html_time, cut->ms * 1e6);
        row_end(out);
    }
    close_table(out);
}

static void put_run(FILE *out, const report *r)
{
    char text[64];
    open_table(out, "The run");
    row_text(out, "world", r->world);
    row_text(out, "path", r->path[0] != '\0' ? r->path : "built-in");
    (void)snprintf(text, sizeof text, "%u × %u pixels", r->width, r->height);
    row_text(out, "size", text);
    row_text(out, "drawn by", r->renderer);
    row(out, "OpenGL messages", html_count, (double)r->gl_messages);
    (void)snprintf(text, sizeof text, "%016" PRIx64, r->stats.events_hash);
    row_text(out, "hash of all events", text);
    row_begin(out, "for programs");
    (void)fputs("<td class=\"words\"><a href=\"report.json\">report.json</a></td>", out);
    row_end(out);
    close_table(out);
}

void report_put_tables(FILE *out, const report *r)
{
    page_section(out, NULL, "All figures");
    (void)fputs("<div class=\"tables\">\n", out);
    put_frames(out, r);
    put_sharpness(out, r);
    put_pages(out, r);
    put_memory(out, r);
    put_cuts(out, r);
    put_run(out, r);
    (void)fputs("</div>\n", out);
}
