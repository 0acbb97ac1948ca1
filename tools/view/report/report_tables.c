/* report_tables.c: all figures of report.json, with their units. */
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/view/report/report_html.h"

#include <inttypes.h>

/* ---- rows ---- */

static void row_text(FILE *out, const char *name, const char *text)
{
    row_begin(out, name);
    cell_text(out, text);
    row_end(out);
}

static void row_count(FILE *out, const char *name, double value)
{
    row_begin(out, name);
    cell_count(out, value);
    row_end(out);
}

static void row_share(FILE *out, const char *name, double share)
{
    row_begin(out, name);
    cell_share(out, share);
    row_end(out);
}

static void row_bytes(FILE *out, const char *name, double bytes)
{
    row_begin(out, name);
    cell_bytes(out, bytes);
    row_end(out);
}

static void row(FILE *out, const char *name, double value, int digits, const char *unit)
{
    row_begin(out, name);
    cell_figure(out, value, digits, unit);
    row_end(out);
}

/* Tables flow in columns, each under its title. */
static void open_table(FILE *out, const char *title)
{
    (void)fprintf(out, "<div class=\"table\"><h3>%s</h3>\n", title);
    table_begin_plain(out, NULL);
}

static void close_table(FILE *out)
{
    table_end(out);
    (void)fputs("</div>\n", out);
}

/* --- tables --- */

static void put_frames(FILE *out, const report *r)
{
    open_table(out, "Frames");
    row_count(out, "along the path", r->frames);
    row_count(out, "then at rest", r->settle_frames);
    row_text(out, "all had arrived at the end", r->settled ? "yes" : "no");
    row_text(out, "interrupted", r->interrupted ? "yes" : "no");
    row(out, "time of a frame, p50", r->frame_p50_ms, 2, "ms");
    row(out, "p99", r->frame_p99_ms, 2, "ms");
    row(out, "p99.9", r->frame_p99_9_ms, 2, "ms");
    row(out, "longest", r->frame_max_ms, 2, "ms");
    row(out, "with a plain texture, p50", r->plain_p50_ms, 2, "ms");
    row(out, "with a plain texture, p99.9", r->plain_p99_9_ms, 2, "ms");
    close_table(out);
}

static void put_sharpness(FILE *out, const report *r)
{
    open_table(out, "What was to be seen");
    row_count(out, "pixels with nothing to show", (double)r->holes);
    row_count(out, "pixels of a wrong page", (double)r->wrong_pages);
    row_share(out, "at the wanted mip, mean", r->wanted_share_mean);
    row_share(out, "at the wanted mip, worst frame", r->wanted_share_min);
    row(out, "likeness (PSNR), least", r->psnr_min_db, 1, "dB");
    row(out, "likeness, median", r->psnr_median_db, 1, "dB");
    row(out, "likeness, last frame", r->psnr_final_db, 1, "dB");
    row(out, "mip bias, most", r->stats.mip_bias_peak, 2, "mips");
    close_table(out);
}

static void put_pages(FILE *out, const report *r)
{
    const vt_stats *s = &r->stats;
    open_table(out, "Pages");
    row_count(out, "read", (double)s->pages.read);
    row_count(out, "decoded", (double)s->pages.decoded);
    row_count(out, "uploaded", (double)s->pages.uploaded);
    row_count(out, "evicted", (double)s->pages.evicted);
    row_count(out, "cancelled", (double)s->pages.cancelled);
    row_count(out, "moved to make room", (double)s->pages.moved);
    row_count(out, "corrupt", (double)s->pages.corrupt);
    row_count(out, "could not be read", (double)s->pages.failed);
    row_bytes(out, "read from disk", (double)s->bytes.disk_read);
    row_bytes(out, "uploaded", (double)s->bytes.uploaded);
    close_table(out);
}

static void put_memory(FILE *out, const report *r)
{
    const vt_stats *s = &r->stats;
    open_table(out, "Memory");
    row_bytes(out, "RAM, budget", (double)s->ram.budget_bytes);
    row_bytes(out, "RAM, peak", (double)s->ram.peak_bytes);
    row_share(out, "RAM, fragmentation", s->ram.fragmentation);
    row_bytes(out, "video memory, budget", (double)s->vram.budget_bytes);
    row_bytes(out, "video memory, peak", (double)s->vram.peak_bytes);
    row_share(out, "video memory, fragmentation", s->vram.fragmentation);
    row_count(out, "pages the atlas holds", s->vram.slots);
    row_count(out, "pages a frame wanted at most", r->slots_wanted_peak);
    row_bytes(out, "video memory for all of these",
              (double)r->slots_wanted_peak * (double)r->slot_bytes);
    close_table(out);
}

static void put_cuts(FILE *out, const report *r)
{
    if (r->cut_count == 0) {
        return;
    }
    (void)fputs("<div class=\"table\"><h3>Cuts</h3>\n", out);
    table_begin(out, NULL, "at frame");
    table_heading(out, "sharp after");
    table_heading(out, "which took");
    table_body(out);
    for (uint32_t i = 0; i < r->cut_count; i++) {
        const report_cut *cut = &r->cuts[i];
        (void)fputs("<tr><th scope=\"row\">", out);
        html_count(out, cut->frame);
        (void)fputs("</th><td>", out);
        html_count(out, cut->frames);
        (void)fputs(cut->frames < 0 ? "" : cut->frames == 1 ? " frame" : " frames", out);
        (void)fputs("</td>", out);
        cell_time(out, cut->ms * 1e6);
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
    row_count(out, "OpenGL messages", (double)r->gl_messages);
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
