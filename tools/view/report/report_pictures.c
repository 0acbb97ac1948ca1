/* report_pictures.c: the worst, the median and the last picture beside what they should be, and
 * all that were taken along the path. */
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/view/headless/heat.h"
#include "tools/view/report/report_html.h"
#include "tools/view/report/thumbnail.h"

#include <limits.h>

enum { WIDTH_MOST = 640, STRIP_WIDTH_MOST = 360 }; /* pixels of the small copies */

typedef struct album {
    FILE *out;
    const report *r;
    const char *dir;
} album;

/* The picture's small copy, or where it cannot be had, the picture itself. */
static void put_image(const album *a, const char *file, const char *alt, uint32_t width_most)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s/%s", a->dir, file);
    (void)fputs("<a href=\"", a->out);
    html_text(a->out, file);
    (void)fputs("\"><img src=\"", a->out);
    if (length >= (int)sizeof path || !thumbnail_write(a->out, path, width_most)) {
        html_text(a->out, file);
    }
    (void)fprintf(a->out, "\" alt=\"%s\" width=\"%u\" height=\"%u\"/></a>", alt, a->r->width,
                  a->r->height);
}

/* ---- rows: shown, reference, difference ---- */

static void put_scale(FILE *out, uint32_t amplified)
{
    (void)fputs("<svg class=\"heat\" viewBox=\"0 0 96 8\" aria-hidden=\"true\">", out);
    for (uint32_t i = 0; i < 32; i++) {
        uint8_t rgb[3];
        heat_colour((uint8_t)(i * 255 / 31), rgb);
        (void)fprintf(out, "<path fill=\"#%02x%02x%02x\" d=\"M%u 0h3.2v8h-3.2z\"/>", rgb[0], rgb[1],
                      rgb[2], 3 * i);
    }
    (void)fprintf(out, "</svg> 0 … %u of 255", 255 / amplified);
}

static void put_difference(const album *a, const report_picture *p)
{
    if (p->amplified == 0) {
        (void)fputs("<p class=\"same\">no pixel differs</p>\n", a->out);
        return;
    }
    (void)fputs("<figure>", a->out);
    put_image(a, p->difference, "the difference of the two", WIDTH_MOST);
    (void)fprintf(a->out, "<figcaption>difference × %u <span>", p->amplified);
    put_scale(a->out, p->amplified);
    (void)fputs("</span></figcaption></figure>\n", a->out);
}

static void put_row(const album *a, const char *role, const report_picture *p)
{
    (void)fprintf(a->out, "<div class=\"row\"><h3>%s <span>frame ", role);
    html_count(a->out, p->frame);
    if (p->psnr_db >= 0) {
        (void)fprintf(a->out, " · %.1f\u00a0dB", p->psnr_db);
    }
    (void)fputs("</span></h3>\n<div class=\"three\">\n<figure>", a->out);
    put_image(a, p->file, "as shown", WIDTH_MOST);
    (void)fputs("<figcaption>as shown</figcaption></figure>\n", a->out);
    if (p->reference[0] != '\0') {
        (void)fputs("<figure>", a->out);
        put_image(a, p->reference, "the reference", WIDTH_MOST);
        (void)fputs("<figcaption>reference, without streaming</figcaption></figure>\n", a->out);
    }
    if (p->difference[0] != '\0') {
        put_difference(a, p);
    }
    (void)fputs("</div></div>\n", a->out);
}

static void put_rows(const album *a)
{
    const report *r = a->r;
    const uint32_t worst = report_worst_picture(r), median = report_median_picture(r);
    const uint32_t final = r->picture_count - 1;
    if (worst != REPORT_NO_PICTURE && worst != final) {
        put_row(a, worst == median ? "Least alike, and the median" : "Least alike",
                &r->pictures[worst]);
    }
    if (median != REPORT_NO_PICTURE && median != worst && median != final) {
        put_row(a, "Median", &r->pictures[median]);
    }
    const bool at_rest = r->pictures[final].frame >= r->frames; /* unless interrupted before */
    put_row(a, at_rest ? "At rest, the last frame" : "The last picture", &r->pictures[final]);
}

/* ---- the film strip ---- */

static void put_strip(const album *a)
{
    (void)fputs("<h3>Along the path</h3>\n<div class=\"strip\">\n", a->out);
    for (uint32_t i = 0; i < a->r->picture_count; i++) {
        const report_picture *p = &a->r->pictures[i];
        (void)fputs("<figure>", a->out);
        put_image(a, p->file, "", STRIP_WIDTH_MOST);
        (void)fputs("<figcaption>", a->out);
        html_count(a->out, p->frame);
        if (p->psnr_db >= 0) {
            (void)fprintf(a->out, " <span>%.1f\u00a0dB</span>", p->psnr_db);
        }
        (void)fputs("</figcaption></figure>\n", a->out);
    }
    (void)fputs("</div>\n", a->out);
}

void report_put_pictures(FILE *out, const report *r, const char *dir)
{
    const album a = {out, r, dir};
    if (r->picture_count == 0) {
        return;
    }
    page_section(out, NULL, "Pictures");
    if (report_worst_picture(r) != REPORT_NO_PICTURE) {
        (void)fputs("<p>Of the pictures along the path, those that are least and middling like the "
                    "same picture drawn without streaming. Each is a small copy, and leads to the "
                    "whole one beside this page.</p>\n",
                    out);
    }
    put_rows(&a);
    put_strip(&a);
}
