/* show.h: the figures that matter as a table on stdout. */
#ifndef MEGABUDDY_TOOLS_BENCH_SHOW_H
#define MEGABUDDY_TOOLS_BENCH_SHOW_H

#include "tools/bench/alloc/case.h"
#include "tools/bench/results.h"

/* A block for each case: its headline metric, a line a subject, a column a number of threads. What
 * was not measured is a dash. */
void show_table(const bench_table *t, const bench_case *const cases[], uint32_t case_count,
                const bench_about *about);

#endif
