#include "tools/report/page.h"

#include "engine/files/replace.h"
#include "tools/base/units.h"
#include "tools/report/html.h"
#include "tools/report/look.h"
#include "tools/report/page_style.h"

#include <stdarg.h>

/* ---- the page ---- */

void page_begin(FILE *out, const char *title)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                "<title>",
                out);
    html_text(out, title);
    (void)fputs("</title>\n<style>\n", out);
    (void)fputs(page_style, out);
    (void)fputs("</style>\n</head>\n<body>\n", out);
}

void page_end(FILE *out)
{
    (void)fputs("</body>\n</html>\n", out);
}

void page_section(FILE *out, const char *id, const char *title)
{
    if (id != NULL) {
        (void)fprintf(out, "<h2 id=\"%s\">", id);
    } else {
        (void)fputs("<h2>", out);
    }
    html_text(out, title);
    (void)fputs("</h2>\n", out);
}

bool page_write(const char *path, page_put *put, const void *context)
{
    replacement *r = replace_begin(&(replace_desc){.path = path});
    FILE *out = r != NULL ? replace_stream(r) : NULL;
    if (out == NULL) {
        replace_drop(r);
        return false;
    }
    put(out, context); /* what fails here fails at the end */
    return replace_commit(r);
}

/* ---- tables ---- */

static void open_table(FILE *out, const char *class)
{
    (void)fprintf(out, "<div class=\"wide\"><table%s%s%s>\n", class != NULL ? " class=\"" : "",
                  class != NULL ? class : "", class != NULL ? "\"" : "");
}

void table_begin(FILE *out, const char *class, const char *heading)
{
    open_table(out, class);
    (void)fputs("<thead><tr><th scope=\"col\">", out);
    html_text(out, heading);
    (void)fputs("</th>", out);
}

void table_heading(FILE *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fputs("<th scope=\"col\">", out);
    (void)vfprintf(out, format, list);
    (void)fputs("</th>", out);
    va_end(list);
}

void table_body(FILE *out)
{
    (void)fputs("</tr></thead>\n<tbody>\n", out);
}

void table_begin_plain(FILE *out, const char *class)
{
    open_table(out, class);
    (void)fputs("<tbody>\n", out);
}

void table_end(FILE *out)
{
    (void)fputs("</tbody></table></div>\n", out);
}

void row_begin(FILE *out, const char *name)
{
    (void)fputs("<tr><th scope=\"row\">", out);
    html_text(out, name);
    (void)fputs("</th>", out);
}

void row_end(FILE *out)
{
    (void)fputs("</tr>\n", out);
}

/* ---- cells ---- */

static void put_cell(FILE *out, void (*put)(FILE *, double), double value)
{
    (void)fputs("<td>", out);
    put(out, value);
    (void)fputs("</td>", out);
}

void cell_number(FILE *out, double value)
{
    put_cell(out, html_number, value);
}

void cell_count(FILE *out, double value)
{
    put_cell(out, html_count, value);
}

void cell_share(FILE *out, double share)
{
    put_cell(out, html_share, share);
}

void cell_time(FILE *out, double ns)
{
    put_cell(out, html_time, ns);
}

static void put_bytes(FILE *out, double bytes)
{
    char text[UNITS_TEXT];
    html_text(out, bytes >= 0 ? units_format_bytes((uint64_t)bytes, text) : HTML_DASH);
}

void cell_bytes(FILE *out, double bytes)
{
    put_cell(out, put_bytes, bytes);
}

void cell_text(FILE *out, const char *text)
{
    (void)fputs("<td class=\"words\">", out);
    html_text(out, *text != '\0' ? text : HTML_DASH);
    (void)fputs("</td>", out);
}

void cell_figure(FILE *out, double value, int digits, const char *unit)
{
    if (value >= 0) {
        (void)fprintf(out, "<td>%.*f\u00a0%s</td>", digits, value, unit);
    } else {
        (void)fputs("<td>" HTML_DASH "</td>", out);
    }
}

void cell_bar(FILE *out, uint32_t look, double share)
{
    (void)fputs("<td class=\"graph\">", out);
    look_put_bar(out, look, share);
    (void)fputs("</td>", out);
}
