/* report_style.h: how the page looks. */
#ifndef MEGABUDDY_TOOLS_BENCH_REPORT_STYLE_H
#define MEGABUDDY_TOOLS_BENCH_REPORT_STYLE_H

/* CSS: dark; light where that is preferred, and on paper. Free of characters that XML would read as
 * markup. Classes s0 … are the subjects' colours: see rows_slot. */
extern const char report_style[];

#endif
