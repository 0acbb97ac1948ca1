/* rows.h: the rows of `bench alloc`, asked by name. Pure; any thread.
 *
 * A row whose figures are not finite, negative or beyond ROWS_LIMIT counts as absent: the page
 * shows a dash for it rather than nonsense. */
#ifndef MEGABUDDY_TOOLS_BENCH_ROWS_H
#define MEGABUDDY_TOOLS_BENCH_ROWS_H

#include "tools/bench/results.h"
#include "tools/report/look.h"

#define ROWS_NAMES   32u  /* subjects, and cases, at most; further ones are in the CSV only */
#define ROWS_THREADS 16u  /* the same for numbers of threads */
#define ROWS_LIMIT   1e18 /* 30 years in nanoseconds */
#define ROWS_ABSENT  (-1.0)

/* The names point into the table, which must outlive this. Both lists begin with the known names in
 * the order in which the page shows them; strange ones follow as they come. */
typedef struct rows {
    const bench_table *table;
    const char *subjects[ROWS_NAMES];
    const char *cases[ROWS_NAMES];
    uint32_t subject_count, case_count;
} rows;

void rows_init(rows *f, const bench_table *table);

/* The row, NULL when there is none. */
const bench_row *rows_find(const rows *f, const char *name, const char *subject, const char *metric,
                           uint32_t threads);

/* The median of that row, ROWS_ABSENT when there is none. */
double rows_median(const rows *f, const char *name, const char *subject, const char *metric,
                   uint32_t threads);

/* Whether there is any such row; NULL stands for any case, any subject, any metric. */
bool rows_any(const rows *f, const char *name, const char *subject, const char *metric);

/* The numbers of threads with which there is such a row, ascending; NULL as above. Returns how
 * many. */
uint32_t rows_threads(const rows *f, const char *name, const char *subject, const char *metric,
                      uint32_t threads[ROWS_THREADS]);

/* How the subject looks (look.h), the same all over the page; strange ones share the last look. */
uint32_t rows_look(const char *subject);

/* Whether it is no allocator but what one is measured against: the limits. */
bool rows_is_limit(const char *subject);

/* One sentence on what a case does; "" for a strange one. */
const char *rows_meaning(const char *name);

#endif
