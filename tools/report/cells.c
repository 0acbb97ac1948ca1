#include "tools/report/cells.h"

#include "tools/report/html.h"

#include <math.h>

/* In the figure's own units, which on a phone are about a pixel each. */
enum { WIDTH = 360, ROW_HEIGHT = 20, COLUMN_WIDTH_MOST = 60, LEFT = 58, TOP = 20 };

static void put_cell(FILE *out, const cells *c, uint32_t row, uint32_t column, double width)
{
    const double value = c->values[row][column];
    const double x = LEFT + column * width;
    const uint32_t y = TOP + row * ROW_HEIGHT;
    /* Even 1 is seen, and the number stays readable on the fullest. */
    const double opacity = value > 0 ? 0.12 + 0.5 * fmin(value / c->full, 1) : 0.03;
    (void)fprintf(out,
                  "<rect class=\"fill\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
                  "fill-opacity=\"%.2f\"/>",
                  x, y, width - 2, ROW_HEIGHT - 2, opacity);
    (void)fprintf(out, "<text%s text-anchor=\"middle\" x=\"%.1f\" y=\"%u\">",
                  value > 0 ? " class=\"strong\"" : "", x + width / 2 - 1, y + 14);
    html_in(out, "", html_count, value, "</text>\n");
}

static void put_columns(FILE *out, const cells *c, double width)
{
    (void)fprintf(out, "<text x=\"0\" y=\"14\">%s</text>", c->column_name);
    for (uint32_t k = 0; k < c->column_count; k++) {
        (void)fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"14\">%u</text>",
                      LEFT + (k + 0.5) * width - 1, c->columns[k]);
    }
}

void cells_write(FILE *out, const cells *c)
{
    const uint32_t columns = c->column_count > 0 ? c->column_count : 1;
    const double width = fmin(COLUMN_WIDTH_MOST, (WIDTH - LEFT) / (double)columns);
    html_text_in(out, "<figure class=\"plot\"><figcaption><b>", c->title, "");
    (void)fprintf(out,
                  "</b></figcaption>\n<svg viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"%s\">\n"
                  "<g class=\"s%u\">",
                  WIDTH, TOP + c->row_count * ROW_HEIGHT, c->what, c->look);
    put_columns(out, c, width);
    for (uint32_t row = 0; row < c->row_count; row++) {
        (void)fprintf(out, "\n<text x=\"0\" y=\"%u\">%s %u</text>", TOP + row * ROW_HEIGHT + 14,
                      c->row_name, c->rows[row]);
        for (uint32_t k = 0; k < c->column_count; k++) {
            put_cell(out, c, row, k, width);
        }
    }
    (void)fputs("</g></svg></figure>\n", out);
}
