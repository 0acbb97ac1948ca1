#include "tools/view/headless/report_html.h"

#include "tools/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Megabuddy</title>\n<style>\n"
    "body { margin: 2.5rem auto; max-width: 76rem; padding: 0 1.5rem; color: #dde3ea;\n"
    "       background: #11151b; font: 16px/1.5 system-ui, sans-serif }\n"
    "h1 { font-weight: 300; margin: 0 } h2 { font-weight: 400; margin: 2.5rem 0 .5rem }\n"
    "p { color: #93a1b1; margin: .2rem 0 } img { width: 100%; display: block; border-radius: 6px "
    "}\n"
    "table { border-collapse: collapse } th { text-align: left; font-weight: 400;\n"
    "        color: #93a1b1; padding-right: 2.5rem } td { text-align: right }\n"
    "td, th { border-bottom: 1px solid #232a33; padding-top: .2rem; padding-bottom: .2rem }\n"
    ".cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: "
    "1rem }\n"
    ".columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 0 "
    "3rem }\n"
    "figure { margin: 0 } figcaption { color: #93a1b1; font-size: .85rem; padding: .3rem 0 }\n"
    "</style>\n";

/* Writes text with the characters that mean something in HTML replaced. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            (void)fputc(*text, out);
        }
    }
}

static void row_text(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, "<tr><th>%s<td>", name);
    put_text(out, text);
    (void)fputc('\n', out);
}

/* A figure with `digits` after the point and its unit; a dash when it is unknown. */
static void row(FILE *out, const char *name, double value, int digits, const char *unit)
{
    char text[64] = "–";
    if (value >= 0) {
        (void)snprintf(text, sizeof text, "%.*f%s%s", digits, value, *unit ? " " : "", unit);
    }
    row_text(out, name, text);
}

static void row_bytes(FILE *out, const char *name, uint64_t bytes)
{
    char text[UNITS_TEXT];
    row_text(out, name, units_format_bytes(bytes, text));
}

static void put_picture(FILE *out, const char *file, const char *caption)
{
    (void)fputs("<figure><a href=\"", out);
    put_text(out, file);
    (void)fputs("\"><img src=\"", out);
    put_text(out, file);
    (void)fprintf(out, "\" alt=\"\" loading=\"lazy\"></a><figcaption>%s</figcaption></figure>\n",
                  caption);
}

static void put_pictures(FILE *out, const report *r)
{
    (void)fputs("<h2>Pictures</h2>\n<div class=\"cards\">\n", out);
    for (uint32_t i = 0; i < r->picture_count; i++) {
        const report_picture *picture = &r->pictures[i];
        char caption[96];
        int used = snprintf(caption, sizeof caption, "frame %u", picture->frame);
        if (picture->psnr_db >= 0) {
            used += snprintf(caption + used, sizeof caption - (size_t)used, " · %.1f dB",
                             picture->psnr_db);
        }
        put_picture(out, picture->file, caption);
        if (picture->reference[0] != '\0') {
            (void)snprintf(caption, sizeof caption, "frame %u without streaming", picture->frame);
            put_picture(out, picture->reference, caption);
        }
    }
    (void)fputs("</div>\n", out);
}

static void put_frames(FILE *out, const report *r)
{
    (void)fputs("<div><h2>Frames</h2><table>\n", out);
    row(out, "along the path", r->frames, 0, "");
    row(out, "at rest, until all had arrived", r->settle_frames, 0, r->settled ? "" : "(had not)");
    row(out, "time of a frame, median", r->frame_p50_ms, 1, "ms");
    row(out, "… with one ordinary texture", r->plain_p50_ms, 1, "ms");
    row(out, "99 % below", r->frame_p99_ms, 1, "ms");
    row(out, "longest", r->frame_max_ms, 1, "ms");
    row(out, "pixels with nothing to show", (double)r->holes, 0, "");
    row(out, "pixels showing a wrong page", (double)r->wrong_pages, 0, "");
    row(out, "pixels at the mip they wanted, mean",
        r->wanted_share_mean < 0 ? -1 : 100 * r->wanted_share_mean, 1, "%");
    row(out, "the same, worst frame", r->wanted_share_min < 0 ? -1 : 100 * r->wanted_share_min, 1,
        "%");
    row(out, "likeness to the unstreamed frame, worst", r->psnr_min_db, 1, "dB");
    row(out, "the same, final frame", r->psnr_final_db, 1, "dB");
    for (uint32_t i = 0; i < r->cut_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "sharp after the cut at frame %u", r->cuts[i].frame);
        row(out, name, r->cuts[i].frames, 0, "frames");
    }
    (void)fputs("</table></div>\n", out);
}

static void put_tiers(FILE *out, const report *r)
{
    const vt_stats *s = &r->stats;
    (void)fputs("<div><h2>Tiers</h2><table>\n", out);
    row_bytes(out, "memory, budget", s->ram.budget_bytes);
    row_bytes(out, "memory, peak", s->ram.peak_bytes);
    row_bytes(out, "video memory, budget", s->vram.budget_bytes);
    row_bytes(out, "video memory, peak", s->vram.peak_bytes);
    row(out, "pages one frame wanted at most", r->slots_wanted_peak, 0, "");
    row(out, "pages the atlas holds", s->vram.slots, 0, "");
    row(out, "softest that all became", s->mip_bias_peak, 2, "mips");
    row(out, "pages read", (double)s->pages.read, 0, "");
    row(out, "pages decoded", (double)s->pages.decoded, 0, "");
    row(out, "pages uploaded", (double)s->pages.uploaded, 0, "");
    row(out, "pages evicted", (double)s->pages.evicted, 0, "");
    row(out, "pages that were bad", (double)(s->pages.corrupt + s->pages.failed), 0, "");
    row_bytes(out, "read from disk", s->bytes.disk_read);
    row_bytes(out, "uploaded", s->bytes.uploaded);
    row(out, "OpenGL messages", (double)r->gl_messages, 0, "");
    (void)fputs("</table></div>\n", out);
}

char *report_to_html(const report *r)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return NULL;
    }
    (void)fputs(HEAD, out);
    (void)fputs("<h1>Megabuddy</h1>\n<p>", out);
    put_text(out, r->world);
    (void)fprintf(out, ", %u×%u, ", r->width, r->height);
    put_text(out, r->renderer);
    (void)fputs(r->interrupted ? "; interrupted</p>\n" : "</p>\n", out);
    if (r->picture_count > 0) {
        put_picture(out, r->pictures[r->picture_count - 1].file, "the final frame");
    }
    (void)fputs("<div class=\"columns\">\n", out);
    put_frames(out, r);
    put_tiers(out, r);
    (void)fputs("</div>\n", out);
    put_pictures(out, r);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
