/* sections.h: the page's sections, top to bottom. Each writes HTML; one that has no figures says so
 * or writes nothing. Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_BENCH_SECTIONS_H
#define MEGABUDDY_TOOLS_BENCH_SECTIONS_H

#include "tools/bench/report/rows.h"

#include <stdio.h>

/* What came out, in a sentence: with as many threads as the machine has CPUs for, at most. */
void section_result(FILE *out, const rows *f, uint32_t cpus);

/* Table 1 of the founding article, then and now. */
void section_article(FILE *out, const rows *f);

/* Figures 1 to 3 of the article, for today: time by number of threads, and requests that wait. */
void section_threads(FILE *out, const rows *f, uint32_t cpus);

/* A table for every case: time of an operation, subject by threads. */
void section_cases(FILE *out, const rows *f);

/* The slowest operations, a nearly full arena, filling one. */
void section_extremes(FILE *out, const rows *f);

/* How much of the arena is payload, and what the bookkeeping costs. */
void section_space(FILE *out, const rows *f);

/* For the sections' own use: begins a table's row with the subject's key and name. */
void section_row(FILE *out, const char *subject);

#endif
