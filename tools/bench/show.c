/* show.c: lines and columns. */
#include "tools/bench/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/units.h"
#include "tools/bench/about.h"

#define COLUMNS 32

/* The numbers of threads that a case has, in the order in which they come first. */
typedef struct columns {
    uint32_t threads[COLUMNS];
    uint32_t count;
} columns;

static bool is_headline(const bench_row *row, const bench_case *c)
{
    return strcmp(row->name, c->name) == 0 && strcmp(row->metric, c->headline) == 0;
}

static void add_column(columns *all, uint32_t threads)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->threads[i] == threads) {
            return;
        }
    }
    if (all->count < COLUMNS) {
        all->threads[all->count++] = threads;
    }
}

static columns find_columns(const bench_table *t, const bench_case *c)
{
    columns all = {.count = 0};
    for (uint32_t i = 0; i < t->count; i++) {
        if (is_headline(&t->rows[i], c)) {
            add_column(&all, t->rows[i].threads);
        }
    }
    return all;
}

/* Three digits, or all of those before the point. */
static void print_value(double value)
{
    int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
    printf(" %9.*f", decimals, value);
}

static void print_subject(const bench_table *t, const bench_case *c, const columns *all,
                          const char *name)
{
    const bench_row *cells[COLUMNS];
    bool any = false;
    for (uint32_t i = 0; i < all->count; i++) {
        cells[i] = bench_table_find(t, c->name, name, c->headline, all->threads[i]);
        any = any || cells[i] != NULL;
    }
    if (!any) {
        return;
    }
    printf("  %-20s", name);
    for (uint32_t i = 0; i < all->count; i++) {
        if (cells[i] != NULL) {
            print_value(cells[i]->median);
        } else {
            printf(" %9s", "-");
        }
    }
    putchar('\n');
}

static void print_case(const bench_table *t, const bench_case *c)
{
    uint32_t subject_count;
    const subject *all = subject_list(&subject_count);
    columns found = find_columns(t, c);
    if (found.count == 0) {
        return;
    }
    printf("\n%-22s", c->name);
    for (uint32_t i = 0; i < found.count; i++) {
        printf("%8" PRIu32 " T", found.threads[i]);
    }
    printf("   %s", c->headline);
    putchar('\n');
    for (uint32_t i = 0; i < subject_count; i++) {
        print_subject(t, c, &found, all[i].name);
    }
}

void show_table(const bench_table *t, const bench_case *const cases[], uint32_t case_count,
                const bench_about *about)
{
    char arena[UNITS_TEXT];
    about_print(about);
    printf(
        "arena %s, seed %" PRIu64 ", %" PRIu32 " rounds, %.0f s; medians over rounds, T threads\n",
        units_format_bytes(about->arena_bytes, arena), about->seed, about->rounds, about->seconds);
    for (uint32_t i = 0; i < case_count; i++) {
        print_case(t, cases[i]);
    }
}
