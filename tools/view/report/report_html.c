#include "tools/view/report/report_html.h"

#include "tools/report/page.h"

#include <limits.h>

static const char WORDS[] =
    "<dl>\n"
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
    "</dl>\n";

void report_put_page(FILE *out, const report *r, const char *dir)
{
    char title[PATH_MAX];
    (void)snprintf(title, sizeof title, "Megabuddy: %s", r->world);
    page_begin(out, title);
    report_put_verdict(out, r);
    report_put_plots(out, r);
    report_put_pictures(out, r, dir);
    report_put_tables(out, r);
    page_section(out, NULL, "What the words mean");
    (void)fputs(WORDS, out);
    page_end(out);
}
