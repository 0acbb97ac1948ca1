/* report_html.h: a report as a page for people: what it comes to in a sentence, plots, pictures,
 * tables, and what the words mean.
 *
 *     report ─► report_verdict ─► report_plots ─► report_pictures ─► report_tables ─► the page
 *                                                    thumbnail
 *
 * It is made of tools/report/page.h and plot.h. It carries small copies of the pictures, so that it
 * can be sent alone; these link to the pictures beside it. Thread: any. */
#ifndef MEGABUDDY_TOOLS_VIEW_REPORT_HTML_H
#define MEGABUDDY_TOOLS_VIEW_REPORT_HTML_H

#include "tools/view/report/report.h"

#include <stdio.h>

/* The page. The pictures are looked for in `dir`; those that are not there are linked to all the
 * same. Errors stay in the stream. */
void report_put_page(FILE *out, const report *r, const char *dir);

/* The parts, each in a file of its own. */
void report_put_verdict(FILE *out, const report *r);
void report_put_plots(FILE *out, const report *r);
void report_put_pictures(FILE *out, const report *r, const char *dir);
void report_put_tables(FILE *out, const report *r);

#endif
