/* figures.h: the rows of `bench alloc`, asked by name. Pure; any thread.
 *
 * A row whose figures are not finite, negative or beyond FIGURES_LIMIT counts as absent: the page
 * shows a dash for it rather than nonsense. */
#ifndef MEGABUDDY_TOOLS_BENCH_FIGURES_H
#define MEGABUDDY_TOOLS_BENCH_FIGURES_H

#include "tools/bench/results.h"

#define FIGURES_NAMES   32u  /* subjects, and cases, at most; further ones are in the CSV only */
#define FIGURES_THREADS 16u  /* the same for numbers of threads */
#define FIGURES_SLOTS   11u  /* the subjects that have a colour, and one colour for all others */
#define FIGURES_LIMIT   1e18 /* 30 years in nanoseconds */
#define FIGURES_ABSENT  (-1.0)

/* The names point into the table, which must outlive this. Both lists begin with the known names in
 * the order in which the page shows them; strange ones follow as they come. */
typedef struct figures {
    const bench_table *table;
    const char *subjects[FIGURES_NAMES];
    const char *cases[FIGURES_NAMES];
    uint32_t subject_count, case_count;
} figures;

void figures_init(figures *f, const bench_table *table);

/* The row, NULL when there is none. */
const bench_row *figures_find(const figures *f, const char *name, const char *subject,
                              const char *metric, uint32_t threads);

/* The median of that row, FIGURES_ABSENT when there is none. */
double figures_median(const figures *f, const char *name, const char *subject, const char *metric,
                      uint32_t threads);

/* Whether there is any such row; NULL stands for any case or any subject. */
bool figures_any(const figures *f, const char *name, const char *subject, const char *metric);

/* The numbers of threads with which there is such a row, ascending; NULL as above. Returns how
 * many. */
uint32_t figures_threads(const figures *f, const char *name, const char *subject,
                         const char *metric, uint32_t threads[FIGURES_THREADS]);

/* The subject's colour, 0 … FIGURES_SLOTS - 1: the same all over the page. 0 is megabuddy's. */
uint32_t figures_slot(const char *subject);

/* Whether it is no allocator but what one is measured against: the limits. */
bool figures_is_limit(const char *subject);

/* One sentence on what a case does; "" for a strange one. */
const char *figures_meaning(const char *name);

#endif
