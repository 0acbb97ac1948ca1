/* report_verdict.c: what a run comes to, in a sentence, and what it was a run of. */
#include "tools/base/units.h"
#include "tools/report/html.h"
#include "tools/view/report/report_html.h"

#include <math.h>
#include <string.h>

/* "no holes", or "12 pixels with nothing to show" in the colour of warning. */
static void put_faults(FILE *out, uint64_t pixels, const char *none, const char *what)
{
    if (pixels == 0) {
        (void)fprintf(out, "<b>%s</b>", none);
        return;
    }
    html_in(out, "<b class=\"bad\">", html_count, (double)pixels, "");
    (void)fprintf(out, "\u00a0%s %s</b>", pixels == 1 ? "pixel" : "pixels", what);
}

static void put_ms(FILE *out, double ms)
{
    html_in(out, "<b>", html_number, ms, "\u00a0ms</b>");
}

static void put_times(FILE *out, const report *r)
{
    (void)fputs("; half of the frames took less than ", out);
    put_ms(out, r->frame_p50_ms);
    if (r->plain_p50_ms >= 0) {
        (void)fputs(", beside ", out);
        put_ms(out, r->plain_p50_ms);
        (void)fputs(" with one plain texture", out);
    }
}

/* How long the cuts took that were followed by a sharp frame. */
typedef struct cut_times {
    uint32_t sharp;
    double least, most; /* frames */
} cut_times;

static cut_times time_cuts(const report *r)
{
    cut_times t = {0};
    for (uint32_t i = 0; i < r->cut_count; i++) {
        const double frames = r->cuts[i].frames;
        if (frames >= 0) {
            t.least = t.sharp > 0 ? fmin(t.least, frames) : frames;
            t.most = t.sharp > 0 ? fmax(t.most, frames) : frames;
            t.sharp++;
        }
    }
    return t;
}

static void put_cuts(FILE *out, const report *r)
{
    const cut_times t = time_cuts(r);
    if (t.sharp > 0) {
        html_in(out, "; the picture was sharp again <b>", html_count, t.least, "");
        if (t.most > t.least) {
            html_in(out, " to ", html_count, t.most, "");
        }
        (void)fprintf(out, "\u00a0%s</b> after ", t.most == 1 ? "frame" : "frames");
        if (t.sharp == 1) {
            (void)fputs(r->cut_count == 1 ? "the cut" : "a cut", out);
        } else {
            (void)fprintf(out, "%u cuts", t.sharp);
        }
    }
    if (t.sharp < r->cut_count) {
        const uint32_t never = r->cut_count - t.sharp;
        (void)fprintf(out, "%s after %u\u00a0%s not before the next or the end",
                      t.sharp > 0 ? ", and" : "; the picture was sharp again", never,
                      never == 1 ? "cut" : "cuts");
    }
}

static void put_sentence(FILE *out, const report *r)
{
    char read[UNITS_TEXT];
    (void)fputs("<p class=\"lead\">", out);
    if (r->frames == 0) {
        (void)fputs("No frame was drawn, so there is nothing to judge.</p>\n", out);
        return;
    }
    html_count(out, r->frames);
    (void)fputs(r->frames == 1 ? " frame with " : " frames with ", out);
    put_faults(out, r->holes, "no holes", "with nothing to show");
    (void)fputs(" and ", out);
    put_faults(out, r->wrong_pages, "no wrong pages", "of a wrong page");
    html_in(out, ", <b>", html_share, r->wanted_share_mean,
            "</b> of the pixels as detailed as they could be");
    put_times(out, r);
    (void)fprintf(out, "; <b>%s</b> were read from disk",
                  units_format_bytes(r->stats.bytes.disk_read, read));
    put_cuts(out, r);
    (void)fputs(".</p>\n", out);
}

/* The file's name without its folders: the whole is in the table. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

void report_put_verdict(FILE *out, const report *r)
{
    html_text_in(out, "<header><p class=\"kind\">Megabuddy · a headless run</p>\n<h1>",
                 base_name(r->world), "</h1>\n");
    put_sentence(out, r);
    (void)fprintf(out, "<p>%u × %u pixels · ", r->width, r->height);
    html_text(out, r->renderer);
    (void)fputs(r->settled ? "" : " · <b class=\"bad\">not everything had arrived at the end</b>",
                out);
    (void)fputs(r->interrupted ? " · <b class=\"bad\">interrupted</b>" : "", out);
    (void)fputs("</p></header>\n", out);
}
