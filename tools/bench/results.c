/* results.c: series of values, their medians, and CSV. */
#include "tools/bench/results.h"

#include "engine/files/replace.h"
#include "tools/base/folder.h"
#include "tools/base/say.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Room for one element more in an array that doubles. Returns the array, NULL without memory. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t element_bytes)
{
    if (count < *capacity) {
        return array;
    }
    uint32_t larger = *capacity > 0 ? 2 * *capacity : 8;
    void *moved = realloc(array, larger * element_bytes);
    if (moved != NULL) {
        *capacity = larger;
    }
    return moved;
}

/* ---- samples ---- */

static bool same_key(const bench_row *a, const bench_row *b)
{
    return a->threads == b->threads && strcmp(a->metric, b->metric) == 0 &&
           strcmp(a->subject, b->subject) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->unit, b->unit) == 0 && strcmp(a->bench, b->bench) == 0;
}

/* The series of key, begun if need be; NULL without memory. The latest come first: rounds go case
 * by case. */
static bench_series *series_of(bench_samples *s, const bench_row *key)
{
    for (uint32_t i = s->count; i > 0; i--) {
        if (same_key(&s->series[i - 1].key, key)) {
            return &s->series[i - 1];
        }
    }
    bench_series *all = grow(s->series, s->count, &s->capacity, sizeof *all);
    if (all == NULL) {
        return NULL;
    }
    s->series = all;
    all[s->count] = (bench_series){.key = *key};
    return &all[s->count++];
}

bool bench_samples_add(bench_samples *s, const bench_row *key, double value)
{
    bench_series *one = series_of(s, key);
    if (one == NULL) {
        return false;
    }
    double *values = grow(one->values, one->count, &one->capacity, sizeof *values);
    if (values == NULL) {
        return false;
    }
    one->values = values;
    values[one->count++] = value;
    return true;
}

bench_row bench_key(const char *bench, const char *name, const char *subject, uint32_t threads)
{
    bench_row key = {.threads = threads};
    (void)snprintf(key.bench, sizeof key.bench, "%s", bench);
    (void)snprintf(key.name, sizeof key.name, "%s", name);
    (void)snprintf(key.subject, sizeof key.subject, "%s", subject);
    return key;
}

bool bench_samples_put(bench_samples *s, bench_row key, const char *metric, const char *unit,
                       double value)
{
    (void)snprintf(key.metric, sizeof key.metric, "%s", metric);
    (void)snprintf(key.unit, sizeof key.unit, "%s", unit);
    return bench_samples_add(s, &key, value);
}

bool bench_samples_put_all(bench_samples *s, bench_row key, const figures *found)
{
    bool good = true;
    for (uint32_t i = 0; i < found->count && good; i++) {
        const figure *one = &found->all[i];
        good = bench_samples_put(s, key, one->metric, one->unit, one->value);
    }
    return good;
}

void bench_samples_finish(bench_samples *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->series[i].values);
    }
    free(s->series);
    *s = (bench_samples){0};
}

/* ---- the table ---- */

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare_values);
    double middle = values[count / 2];
    return count % 2 == 1 ? middle : (values[count / 2 - 1] + middle) / 2;
}

static bench_row row_of(const bench_series *one)
{
    bench_row row = one->key;
    row.median = bench_median(one->values, one->count); /* sorts them */
    row.min = one->values[0];
    row.max = one->values[one->count - 1];
    row.rounds = one->count;
    return row;
}

bool bench_samples_table(const bench_samples *s, bench_table *out)
{
    *out = (bench_table){0};
    bench_row *rows = malloc((s->count + 1) * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    *out = (bench_table){.rows = rows, .capacity = s->count + 1};
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->series[i].count > 0) {
            rows[out->count++] = row_of(&s->series[i]);
        }
    }
    return true;
}

void bench_table_finish(bench_table *t)
{
    free(t->rows);
    *t = (bench_table){0};
}

const bench_row *bench_table_find(const bench_table *t, const char *name, const char *subject,
                                  const char *metric, uint32_t threads)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const bench_row *row = &t->rows[i];
        if (row->threads == threads && strcmp(row->metric, metric) == 0 &&
            strcmp(row->subject, subject) == 0 && strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* ---- CSV ---- */

void bench_csv_field(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_row(FILE *out, const bench_row *row)
{
    const char *const before[] = {row->bench, row->name, row->subject};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        bench_csv_field(out, before[i]);
        fputc(',', out);
    }
    fprintf(out, "%" PRIu32 ",", row->threads);
    bench_csv_field(out, row->metric);
    fputc(',', out);
    bench_csv_field(out, row->unit);
    /* 9 digits: counts of a run are exact, times are finer than they can be measured */
    fprintf(out, ",%.9g,%.9g,%.9g,%" PRIu32 "\n", row->median, row->min, row->max, row->rounds);
}

static void write_table(FILE *out, const bench_table *t)
{
    fputs("bench,case,subject,threads,metric,unit,median,min,max,rounds\n", out);
    for (uint32_t i = 0; i < t->count; i++) {
        write_row(out, &t->rows[i]);
    }
}

bool bench_csv_write(const char *path, const bench_table *t)
{
    replacement *r = replace_begin(&(replace_desc){.path = path});
    FILE *out = r != NULL ? replace_stream(r) : NULL;
    if (out == NULL) {
        replace_drop(r);
        return false;
    }
    write_table(out, t); /* what fails here fails at the end */
    return replace_commit(r);
}

bool bench_csv_possible(const char *path)
{
    replacement *r = replace_begin(&(replace_desc){.path = path});
    replace_drop(r);
    return r != NULL;
}

/* ---- what the command line asks for ---- */

static bool complain(const char *bench, const char *path)
{
    say_error("bench %s: %s: %s", bench, path, file_text(errno));
    return false;
}

bool bench_may_write(const char *bench, const char *csv)
{
    return csv == NULL || bench_csv_possible(csv) || complain(bench, csv);
}

static bool write_into(const char *folder, const char *bench, const bench_table *t)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.csv", folder, bench) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return complain(bench, folder);
    }
    return folder_make(folder) ? bench_csv_write(path, t) || complain(bench, path)
                               : complain(bench, folder);
}

bool bench_write(const char *bench, const bench_table *t, const char *csv, const char *report)
{
    const bool good = csv == NULL || bench_csv_write(csv, t) || complain(bench, csv);
    return (report == NULL || write_into(report, bench, t)) && good;
}
