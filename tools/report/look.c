#include "tools/report/look.h"

#include <math.h>

/* The shapes of the points round the origin. */
static const char *const POINTS[LOOKS] = {
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    "M-3-3h6v6h-6z",
    "M0-4.5l4.5 7.5h-9z",
    "M0-4.5l4.5 4.5l-4.5 4.5l-4.5-4.5z",
    "M0 4.5l4.5-7.5h-9z",
    "M-4-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z",
    "M-4-1.5h8v3h-8z",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
};

void look_open_point(FILE *out, uint32_t look, double x, double y)
{
    (void)fprintf(out, "<path class=\"point\" transform=\"translate(%.1f %.1f)\" d=\"%s\">", x, y,
                  POINTS[look]);
}

void look_put_key(FILE *out, uint32_t look, bool has_point)
{
    (void)fprintf(out,
                  "<svg class=\"key s%u\" viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                  "<path class=\"line\" d=\"M0 5h22\"/>",
                  look);
    if (has_point) {
        look_open_point(out, look, 11, 5);
        (void)fputs("</path>", out);
    }
    (void)fputs("</svg>", out);
}

void look_put_bar(FILE *out, uint32_t look, double share)
{
    (void)fprintf(out,
                  "<svg class=\"bar s%u\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
                  "aria-hidden=\"true\"><rect class=\"track\" width=\"100\" height=\"10\"/>"
                  "<rect class=\"fill\" width=\"%.2f\" height=\"10\"/></svg>",
                  look, 100 * fmin(fmax(share, 0), 1));
}
