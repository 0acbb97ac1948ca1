/* html.h: texts and numbers as pages for people show them. Errors stay in the stream: ask ferror.
 * One thread a stream. */
#ifndef MEGABUDDY_TOOLS_HTML_H
#define MEGABUDDY_TOOLS_HTML_H

#include <stdio.h>

#define HTML_DASH "–" /* what an absent figure shows as */

/* Any bytes as text, good between tags and in quoted attributes: what means something in HTML is
 * replaced, control characters and what is no UTF-8 become U+FFFD. */
void html_text(FILE *out, const char *text);

/* Three significant digits, thousands apart: 0.123, 1.23, 12.3, 12,300. A dash when negative, which
 * is how an absent figure comes. At most 1e18. */
void html_number(FILE *out, double value);

/* A whole number in full: 12,345. A dash when negative. */
void html_count(FILE *out, double value);

/* A share from 0 to 1 in percent, "98.7 %"; only all of it is 100 %. A dash when negative. */
void html_share(FILE *out, double share);

/* A number of bytes in the unit that suits it: "1.5 MiB". A dash when negative. */
void html_bytes(FILE *out, double bytes);

/* A time in the unit that suits it: "12.3 ns", "1.23 ms". A dash when negative. */
void html_time(FILE *out, double ns);

/* One of the functions above for numbers, and any text, with markup before and after it:
 *
 *     html_in(out, "<b>", html_time, ns, "</b>, ");
 *     html_text_in(out, "<h3>", name, "</h3>\n"); */
typedef void html_put(FILE *out, double value);
void html_in(FILE *out, const char *before, html_put *put, double value, const char *after);
void html_text_in(FILE *out, const char *before, const char *text, const char *after);

#endif
