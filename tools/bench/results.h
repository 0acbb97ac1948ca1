/* results.h: the figures of a benchmark, and what they were measured on.
 *
 *     trial ──► bench_samples: one value a round ──► bench_table: median, min, max ──► CSV, report
 *
 * One thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_RESULTS_H
#define MEGABUDDY_TOOLS_BENCH_RESULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/bench/measure/figures.h"

/* One figure: the median over the rounds, and the extremes. */
typedef struct bench_row {
    char bench[16];
    char name[24]; /* of the case */
    char subject[24];
    char metric[32];
    char unit[16];
    uint32_t threads;
    double median, min, max; /* in `unit` */
    uint32_t rounds;
} bench_row;

typedef struct bench_table {
    bench_row *rows;
    uint32_t count, capacity;
} bench_table;

/* The machine and the run. */
typedef struct bench_about {
    char cpu[128];
    char kernel[128];
    char compiler[64];
    char date[32];
    uint32_t cpus, rounds;
    uint64_t seed, arena_bytes;
    bool quick;
    double seconds; /* that the run took */
    char argv[256]; /* the command line */
} bench_about;

/* The values of one figure, in the order in which they came. `key` has no figures in it yet. */
typedef struct bench_series {
    bench_row key;
    double *values;
    uint32_t count, capacity;
} bench_series;

/* All zero is empty. */
typedef struct bench_samples {
    bench_series *series;
    uint32_t count, capacity;
} bench_samples;

/* A key of which metric and unit are still open. Texts that are too long are cut. */
bench_row bench_key(const char *bench, const char *name, const char *subject, uint32_t threads);

/* Adds a value to the series that has key's bench, name, subject, metric, unit and threads; the
 * other fields are not looked at. False without memory. */
bool bench_samples_add(bench_samples *s, const bench_row *key, double value);

/* The same to the series of this metric, or of all that a trial found. */
bool bench_samples_put(bench_samples *s, bench_row key, const char *metric, const char *unit,
                       double value);
bool bench_samples_put_all(bench_samples *s, bench_row key, const figures *found);

/* A row for every series, in the order in which they began. False without memory, and *out is then
 * empty. */
bool bench_samples_table(const bench_samples *s, bench_table *out);

void bench_samples_finish(bench_samples *s);
void bench_table_finish(bench_table *t);

/* The row, or NULL. */
const bench_row *bench_table_find(const bench_table *t, const char *name, const char *subject,
                                  const char *metric, uint32_t threads);

/* The middle of `count` values, which it sorts; of the two middle ones their mean. count > 0. */
double bench_median(double *values, uint32_t count);

/* Writes one field of a CSV, in quotes where it has to be. */
void bench_csv_field(FILE *out, const char *text);

/* Writes the table in long form, one line a row under a line with the names of the columns. It is
 * written beside and renamed: there is the old file or a whole new one, never a part. False when
 * that fails; errno says why. */
bool bench_csv_write(const char *path, const bench_table *t);

/* Whether bench_csv_write could make its file there now: better known before a long run than after
 * it. False with errno. */
bool bench_csv_possible(const char *path);

/* The same for `megabuddy bench BENCH`, which says in a line on stderr what fails: whether --csv
 * could be written, and writing it and DIR/BENCH.csv in the folder of --report, which is made where
 * it is missing. What was not asked for is NULL. */
bool bench_may_write(const char *bench, const char *csv);
bool bench_write(const char *bench, const bench_table *t, const char *csv, const char *report);

#endif
