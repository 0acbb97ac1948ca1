#include "tools/view/report/report_html.h"

#include "tools/report/html.h"

#include <errno.h>
#include <stdlib.h>

static const char WORDS[] =
    "<section><h2>What the words mean</h2>\n<dl>\n"
    "<dt>Wanted mip</dt><dd>The level of detail that a pixel would have if everything were in "
    "video memory, by its derivatives. A page that is still fading in does not count yet.</dd>\n"
    "<dt>Sharp</dt><dd>Every textured pixel is at its wanted mip.</dd>\n"
    "<dt>Hole</dt><dd>A textured pixel for which there is nothing at all to show, however "
    "coarse.</dd>\n"
    "<dt>Wrong page</dt><dd>A pixel that shows texels of another place. Holes and wrong pages are "
    "found by drawing every frame once more, with texels that say which page they are "
    "of.</dd>\n"
    "<dt>Plain texture</dt><dd>The same mesh, camera, filter and texel format with one ordinary "
    "mip-mapped texture that is all in video memory: what streaming is measured against.</dd>\n"
    "<dt>Reference</dt><dd>The same picture drawn without streaming limits: the same shaders, and "
    "room for all that the frame wants.</dd>\n"
    "<dt>Difference</dt><dd>Of each pixel, the colour channel that differs most, times the number "
    "that is said; grey where nothing is compared.</dd>\n"
    "<dt>PSNR</dt><dd>How alike two pictures are, over the textured pixels, in decibels: equal "
    "ones have 99, and above 40 hardly anybody tells them apart.</dd>\n"
    "<dt>Cut</dt><dd>The camera jumps. What it sees then has to come from the disk.</dd>\n"
    "<dt>Mip bias</dt><dd>How much softer everything is asked for when the frame wants more pages "
    "than video memory holds: 1 is half the texels each way.</dd>\n"
    "<dt>p50, p99</dt><dd>50 or 99 in 100 frames took no longer.</dd>\n"
    "</dl></section>\n";

static void put_head(FILE *out, const report *r)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                "<title>Megabuddy: ",
                out);
    html_text(out, r->world);
    (void)fputs("</title>\n<style>\n", out);
    (void)fputs(report_css, out);
    (void)fputs("</style>\n</head>\n<body>\n", out);
}

char *report_to_html(const report *r, const char *dir)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return NULL;
    }
    put_head(out, r);
    report_put_verdict(out, r);
    report_put_plots(out, r);
    report_put_pictures(out, r, dir);
    report_put_tables(out, r);
    (void)fputs(WORDS, out);
    (void)fputs("</body>\n</html>\n", out);
    const bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        free(text);
        errno = ENOMEM; /* nothing else can happen to a stream in memory */
        return NULL;
    }
    return text;
}
