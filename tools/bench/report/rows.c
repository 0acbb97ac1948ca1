#include "tools/bench/report/rows.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A subject's place is its look: see page_style.c. */
static const char *const SUBJECTS[] = {
    "megabuddy", "megabuddy-checked", "glibc",        "jemalloc",   "mimalloc",
    "tcmalloc",  "levels-spinlock",   "levels-mutex", "limit-list", "limit-empty",
};
_Static_assert(COUNT(SUBJECTS) == LOOKS - 1, "one look each, one for all others");
_Static_assert(COUNT(SUBJECTS) < ROWS_NAMES, "there is room for strange ones");

static const struct {
    const char *name, *meaning;
} CASES[] = {
    {"article", "32,768 allocations of one int, each written; the frees are not timed."},
    {"bulk",
     "As article; megabuddy takes 256 blocks with a call, the others take them one by one."},
    {"churn", "A random slot: what is in it is freed, or it is filled with 64 B to 4 KiB."},
    {"churn-small", "A random slot: what is in it is freed, or it is filled with 64 B to 1 KiB."},
    {"ring", "Each thread allocates 64 B to 4 KiB, and the next one frees it."},
    {"tiles", "8 to 128 KiB: the oldest is freed, a new one allocated."},
    {"full", "As tiles, with 80 and 95 % of the arena in use."},
    {"fill-64", "Blocks of 64 B until the arena is full."},
    {"fill-4k", "Blocks of 4 KiB until the arena is full."},
    {"fill-64k", "Blocks of 64 KiB until the arena is full."},
    {"occupancy-pow2", "Tiles of a power of two, 8 to 128 KiB, until the first refusal."},
    {"occupancy-typed", "Objects of one odd size in a pool of their own."},
    {"occupancy-gather", "Odd sizes, each put together from a few blocks."},
    {"occupancy-exact", "Odd sizes, each in one piece, its tail given back."},
};
_Static_assert(COUNT(CASES) < ROWS_NAMES, "there is room for strange ones");

static bool is_figure(double value)
{
    return isfinite(value) && value >= 0 && value <= ROWS_LIMIT;
}

static bool is_usable(const bench_row *row)
{
    return strcmp(row->bench, "alloc") == 0 && is_figure(row->median) && is_figure(row->min) &&
           is_figure(row->max);
}

static bool is_any_or(const char *wanted, const char *name)
{
    return wanted == NULL || strcmp(wanted, name) == 0;
}

static bool matches(const bench_row *row, const char *name, const char *subject, const char *metric)
{
    return is_any_or(metric, row->metric) && is_any_or(subject, row->subject) &&
           is_any_or(name, row->name) && is_usable(row);
}

static void add_name(const char *names[ROWS_NAMES], uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    if (*count < ROWS_NAMES) {
        names[(*count)++] = name;
    }
}

static void add_known(rows *f)
{
    for (uint32_t i = 0; i < COUNT(SUBJECTS); i++) {
        if (rows_any(f, NULL, SUBJECTS[i], NULL)) {
            add_name(f->subjects, &f->subject_count, SUBJECTS[i]);
        }
    }
    for (uint32_t i = 0; i < COUNT(CASES); i++) {
        if (rows_any(f, CASES[i].name, NULL, NULL)) {
            add_name(f->cases, &f->case_count, CASES[i].name);
        }
    }
}

void rows_init(rows *f, const bench_table *table)
{
    *f = (rows){.table = table};
    add_known(f);
    for (uint32_t i = 0; i < table->count; i++) {
        if (is_usable(&table->rows[i])) {
            add_name(f->subjects, &f->subject_count, table->rows[i].subject);
            add_name(f->cases, &f->case_count, table->rows[i].name);
        }
    }
}

const bench_row *rows_find(const rows *f, const char *name, const char *subject, const char *metric,
                           uint32_t threads)
{
    for (uint32_t i = 0; i < f->table->count; i++) {
        const bench_row *row = &f->table->rows[i];
        if (row->threads == threads && matches(row, name, subject, metric)) {
            return row;
        }
    }
    return NULL;
}

double rows_median(const rows *f, const char *name, const char *subject, const char *metric,
                   uint32_t threads)
{
    const bench_row *row = rows_find(f, name, subject, metric, threads);
    return row != NULL ? row->median : ROWS_ABSENT;
}

bool rows_any(const rows *f, const char *name, const char *subject, const char *metric)
{
    for (uint32_t i = 0; i < f->table->count; i++) {
        if (matches(&f->table->rows[i], name, subject, metric)) {
            return true;
        }
    }
    return false;
}

/* Puts a number where it belongs in an ascending list; no number twice. */
static void add_number(uint32_t numbers[ROWS_THREADS], uint32_t *count, uint32_t number)
{
    uint32_t at = 0;
    while (at < *count && numbers[at] < number) {
        at++;
    }
    if ((at < *count && numbers[at] == number) || *count == ROWS_THREADS) {
        return;
    }
    memmove(&numbers[at + 1], &numbers[at], (*count - at) * sizeof *numbers);
    numbers[at] = number;
    (*count)++;
}

uint32_t rows_threads(const rows *f, const char *name, const char *subject, const char *metric,
                      uint32_t threads[ROWS_THREADS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->table->count; i++) {
        if (matches(&f->table->rows[i], name, subject, metric)) {
            add_number(threads, &count, f->table->rows[i].threads);
        }
    }
    return count;
}

uint32_t rows_look(const char *subject)
{
    uint32_t look = 0;
    while (look < COUNT(SUBJECTS) && strcmp(SUBJECTS[look], subject) != 0) {
        look++;
    }
    return look;
}

bool rows_is_limit(const char *subject)
{
    return strncmp(subject, "limit-", 6) == 0;
}

const char *rows_meaning(const char *name)
{
    for (uint32_t i = 0; i < COUNT(CASES); i++) {
        if (strcmp(CASES[i].name, name) == 0) {
            return CASES[i].meaning;
        }
    }
    return "";
}
