/* report.h: the figures of `bench alloc` as a page to read: DIR/index.html.
 *
 *     bench_table ──► figures (asked by name) ──► sections ──► index.html
 *     bench_about ─────────────────────────────────▲  page, plot, cells of tools/report/
 *
 * What the table lacks is left out or shown as a dash. The page links to the table of all figures,
 * alloc.csv, which stands beside it and is the caller's. */
#ifndef MEGABUDDY_TOOLS_BENCH_REPORT_H
#define MEGABUDDY_TOOLS_BENCH_REPORT_H

#include "tools/bench/results.h"

/* Writes DIR/index.html, making the folder and those above it where they are missing. Texts in the table and in `about` may hold anything, but end with a 0. Returns false after one
 * line on stderr when there is no memory, the folder cannot be made or the disk is full. One thread
 * a folder. */
bool bench_report_write(const char *dir, const bench_table *table, const bench_about *about);

#endif
