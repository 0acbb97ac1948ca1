#include "tools/report/page.h"

#include "engine/files/replace.h"
#include "tools/report/look.h"
#include "tools/report/page_style.h"

#include <stdarg.h>
#include <string.h>

/* ---- the page ---- */

void page_begin(FILE *out, const char *title)
{
    html_text_in(out,
                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                 "<title>",
                 title, "</title>\n<style>\n");
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
        html_text_in(out, "<h2 id=\"", id, "\">");
    } else {
        (void)fputs("<h2>", out);
    }
    html_text_in(out, "", title, "</h2>\n");
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

void table_begin(FILE *out, const char *class, const char *headings)
{
    (void)fputs("<div class=\"wide\"><table", out);
    if (class != NULL) {
        (void)fprintf(out, " class=\"%s\"", class);
    }
    (void)fputs(headings != NULL ? ">\n<thead><tr>" : ">\n<tbody>\n", out);
    while (headings != NULL) {
        const int length = (int)strcspn(headings, "|");
        table_heading(out, "%.*s", length, headings);
        headings = headings[length] != '\0' ? headings + length + 1 : NULL;
    }
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

void table_end(FILE *out)
{
    (void)fputs("</tbody></table></div>\n", out);
}

void row_begin(FILE *out, const char *name)
{
    html_text_in(out, "<tr><th scope=\"row\">", name, "</th>");
}

void row_end(FILE *out)
{
    (void)fputs("</tr>\n", out);
}

void cell(FILE *out, html_put *put, double value)
{
    html_in(out, "<td>", put, value, "</td>");
}

void cell_figure(FILE *out, double value, int digits, const char *unit)
{
    if (value >= 0) {
        (void)fprintf(out, "<td>%.*f\u00a0%s</td>", digits, value, unit);
    } else {
        (void)fputs("<td>" HTML_DASH "</td>", out);
    }
}

void cell_text(FILE *out, const char *text)
{
    html_text_in(out, "<td class=\"words\">", *text != '\0' ? text : HTML_DASH, "</td>");
}

void cell_bar(FILE *out, uint32_t look, double share)
{
    (void)fputs("<td class=\"graph\">", out);
    look_put_bar(out, look, share);
    (void)fputs("</td>", out);
}
