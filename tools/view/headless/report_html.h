/* report_html.h: a report as a page that needs nothing but the pictures beside it. Thread: any. */
#ifndef MEGABUDDY_TOOLS_VIEW_REPORT_HTML_H
#define MEGABUDDY_TOOLS_VIEW_REPORT_HTML_H

#include "tools/view/headless/report.h"

/* The page, from malloc; NULL with errno set when there is no memory. */
char *report_to_html(const report *r);

#endif
