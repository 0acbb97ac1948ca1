/* The page that `bench alloc --report` writes: whole, well formed, honest about what is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/bench/report/report.h"
#include "tools/bench/report/rows.h"

#include "tests/rigs/page_check.h"
#include "tests/rigs/scratch.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ROWS_MAX 8192

static const char *const SUBJECTS[] = {
    "megabuddy", "megabuddy-checked", "glibc",        "jemalloc",   "mimalloc",
    "tcmalloc",  "levels-spinlock",   "levels-mutex", "limit-list", "limit-empty",
};
static const uint32_t THREADS[] = {1, 2, 4, 8, 16};

/* ---- a table of plausible figures ---- */

static bench_row table_rows[ROWS_MAX];
static bench_table table;
static const bench_about about = {.cpu = "A Processor (R) of 3 GHz",
                                  .kernel = "Linux 6.1",
                                  .compiler = "gcc 12.2.0",
                                  .date = "2025-11-25 12:00",
                                  .cpus = 2,
                                  .rounds = 5,
                                  .seed = 18446744073709551615u,
                                  .arena_bytes = 268435456,
                                  .seconds = 83.2,
                                  .argv = "megabuddy bench alloc --report out"};

static void add(const char *name, const char *subject, const char *metric, const char *unit,
                uint32_t threads, double value)
{
    assert_true(table.count < ROWS_MAX);
    bench_row *row = &table_rows[table.count++];
    *row = (bench_row){.bench = "alloc",
                       .threads = threads,
                       .median = value,
                       .min = value * 0.94,
                       .max = value * 1.13,
                       .rounds = 5};
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->subject, sizeof row->subject, "%s", subject);
    snprintf(row->metric, sizeof row->metric, "%s", metric);
    snprintf(row->unit, sizeof row->unit, "%s", unit);
}

/* Two CPUs: the second thread helps, more of them get into each other's way where there are locks.
 */
static double plausible_ns(uint32_t subject, uint32_t threads)
{
    static const double ALONE[COUNT(SUBJECTS)] = {14, 19, 21, 17, 13.6, 15.5, 61, 97, 7.1, 4.2};
    static const double QUEUE[COUNT(SUBJECTS)] = {.04, .05, .2, .06, .05, .07, 1.6, 2.4, 0, 0};
    return ALONE[subject] * ((threads > 1 ? 0.53 : 1) + QUEUE[subject] * (threads - 1));
}

static void add_times(const char *name, const char *metric, double factor)
{
    for (uint32_t s = 0; s < COUNT(SUBJECTS); s++) {
        for (uint32_t t = 0; t < COUNT(THREADS); t++) {
            add(name, SUBJECTS[s], metric, "ns", THREADS[t], factor * plausible_ns(s, THREADS[t]));
        }
        add(name, SUBJECTS[s], "checks", "", 1, s == 1);
    }
}

static void add_pending(const char *name, const char *subject, double factor)
{
    for (uint32_t t = 0; t < COUNT(THREADS); t++) {
        double most = 0;
        for (uint32_t level = 0; level < 20; level++) {
            char metric[40];
            snprintf(metric, sizeof metric, "pending_high_water_level%u", level);
            const double waiting = floor(factor * (THREADS[t] - 1) / (1 + fabs(level - 4.0)));
            add(name, subject, metric, "requests", THREADS[t], waiting);
            most = fmax(most, waiting);
        }
        add(name, subject, "pending_high_water", "requests", THREADS[t], most);
        add(name, subject, "wasted_splits", "splits", THREADS[t], 130 * factor * (THREADS[t] - 1));
    }
}

static void add_occupancy(void)
{
    add("occupancy-pow2", "megabuddy", "occupancy_percent", "%", 1, 99.2);
    add("occupancy-pow2", "glibc", "occupancy_percent", "%", 1, 98.4);
    add("occupancy-typed", "megabuddy", "occupancy_percent", "%", 1, 99.98);
    add("occupancy-gather", "megabuddy", "occupancy_percent", "%", 1, 97.1);
    add("occupancy-gather", "megabuddy", "occupancy_percent_held", "%", 1, 91.7);
    add("occupancy-exact", "megabuddy", "occupancy_percent", "%", 1, 93.4);
    for (uint32_t s = 0; s < 2; s++) {
        add("churn", SUBJECTS[s], "metadata_bits_per_unit", "bits", 1, 2.07 + s);
        add("tiles", SUBJECTS[s], "metadata_bits_per_unit", "bits", 1, 2.11 + s);
    }
}

static void add_fills(void)
{
    static const char *const FILLS[] = {"fill-64", "fill-4k", "fill-64k"};
    for (uint32_t i = 0; i < COUNT(FILLS); i++) {
        add_times(FILLS[i], "ns_per_op", 0.9 + 0.3 * i);
        add_times(FILLS[i], "ns_per_op_touched", 1.2 + 0.5 * i);
        for (uint32_t t = 0; t < COUNT(THREADS); t++) {
            add(FILLS[i], "megabuddy", "blocks", "blocks", THREADS[t], 1 << (20 - 4 * i));
        }
    }
}

static void fill_table(void)
{
    table = (bench_table){.rows = table_rows, .capacity = ROWS_MAX};
    static const char *const PLAIN[] = {"article", "bulk", "churn", "churn-small", "ring", "tiles"};
    for (uint32_t i = 0; i < COUNT(PLAIN); i++) {
        add_times(PLAIN[i], "ns_per_op", 0.6 + 0.4 * i);
        add_pending(PLAIN[i], "levels-mutex", 1.0 - 0.2 * i);
        add_pending(PLAIN[i], "levels-spinlock", 0.6 - 0.1 * i);
    }
    for (uint32_t t = 0; t < COUNT(THREADS); t++) {
        add("churn", "megabuddy", "failed_cas", "", THREADS[t], 17.0 * (THREADS[t] - 1));
    }
    add_times("tiles", "p99_99_ns", 190);
    add_times("full", "ns_per_op_80", 2.6);
    add_times("full", "ns_per_op_95", 3.9);
    add_fills();
    add_occupancy();
}

/* ---- reading the page ---- */

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = NULL;
    size_t bytes = 0;
    assert_true(getdelim(&text, &bytes, '\0', file) > 0);
    fclose(file);
    return text;
}

/* Writes the page into the scratch folder; it is the caller's to free. */
static char *page_of(void *state, const bench_table *t, const bench_about *a)
{
    assert_true(bench_report_write(scratch_path(state, "page"), t, a));
    assert_int_equal(scratch_count(scratch_path(state, "page")), 1); /* nothing left beside it */
    return read_whole(scratch_path(state, "page/index.html"));
}

static void check_page(const char *page)
{
    page_check(page);
    assert_non_null(strstr(page, "href=\"alloc.csv\""));
    assert_non_null(strstr(page, "</html>"));
}

/* ---- the page ---- */

static void the_page_shows_every_subject_and_case(void **state)
{
    fill_table();
    char *page = page_of(*state, &table, &about);
    check_page(page);
    for (uint32_t i = 0; i < COUNT(SUBJECTS); i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "</svg>%s</th>", SUBJECTS[i]);
        assert_non_null(strstr(page, cell));
    }
    static const char *const CASES[] = {
        "<h3>article<",
        "<h3>bulk<",
        "<h3>churn<",
        "<h3>churn-small<",
        "<h3>ring<",
        "<h3>tiles<",
        "<h3>full<",
        "<h3>fill-64<",
        "<h3>fill-4k<",
        "<h3>fill-64k<",
        ">occupancy-pow2<",
        ">occupancy-typed<",
        ">occupancy-gather<",
        ">occupancy-exact<",
        "Figure 1:",
        "Figure 2:",
        "Figure 3:",
        "18446744073709551615",
        "256 MiB",
        "A Processor",
    };
    for (uint32_t i = 0; i < COUNT(CASES); i++) {
        assert_non_null(strstr(page, CASES[i]));
    }
    free(page);
}

static void what_it_says_is_computed_from_the_rows(void **state)
{
    table = (bench_table){.rows = table_rows, .capacity = ROWS_MAX};
    add("article", "megabuddy", "ns_per_op", "ns", 1, 10);
    add("article", "glibc", "ns_per_op", "ns", 1, 25);
    add("article", "mimalloc", "ns_per_op", "ns", 1, 4.75);
    add("article", "limit-empty", "ns_per_op", "ns", 1, 4.5);
    char *page = page_of(*state, &table, &about);
    check_page(page);
    assert_non_null(strstr(page, "<b>328\u00a0µs</b>, <b>2.50 times as fast as glibc</b>"));
    assert_non_null(strstr(page, "<td>0.328</td><td>400</td><td>×0.400</td>"));
    assert_non_null(strstr(page, "<td><b>4.75</b> <small>")); /* the limit is less, but no rival */
    assert_non_null(strstr(page, "<i>net 5.50</i>"));
    assert_non_null(strstr(page, "<i>net ≈ 0</i>"));
    assert_non_null(strstr(page, "<small class=\"more\">×2.50<i>"));
    assert_non_null(strstr(page, "<td>12.4</td><td>10.6</td><td>×9.54</td>"));
    free(page);
}

static void a_slower_result_is_called_slower(void **state)
{
    table = (bench_table){.rows = table_rows, .capacity = ROWS_MAX};
    add("churn", "megabuddy", "ns_per_op", "ns", 2, 30);
    add("churn", "glibc", "ns_per_op", "ns", 2, 20);
    char *page = page_of(*state, &table, &about);
    check_page(page);
    assert_non_null(strstr(page, "<b>1.50 times as slow as glibc</b>"));
    free(page);
}

static void an_empty_table_makes_a_page(void **state)
{
    table = (bench_table){0};
    char *page = page_of(*state, &table, &(bench_about){0});
    check_page(page);
    assert_non_null(strstr(page, "This run has no figures."));
    free(page);
}

/* Whichever row it is that a run has come to. */
static void a_single_row_makes_a_page(void **state)
{
    fill_table();
    const uint32_t count = table.count;
    for (uint32_t i = 0; i < count; i += 37) {
        const bench_table one = {.rows = &table_rows[i], .count = 1, .capacity = 1};
        char *page = page_of(*state, &one, &about);
        check_page(page);
        free(page);
    }
}

static void rows_that_are_no_rows_are_left_out(void **state)
{
    static const double BAD[] = {NAN, INFINITY, -INFINITY, -1, 1e300};
    fill_table();
    for (uint32_t i = 0; i < table.count; i++) {
        if (i % 3 != 0) {
            table_rows[i].median = BAD[i % COUNT(BAD)];
        } else if (i % 2 != 0) {
            table_rows[i].min = BAD[i % COUNT(BAD)];
        }
    }
    char *page = page_of(*state, &table, &(bench_about){.seconds = NAN});
    check_page(page);
    free(page);
}

static void extreme_rows_stay_within_the_page(void **state)
{
    static const double EXTREME[] = {0, 1e-300, 5e-7, 1e-6, 0.999999, 999.5, 1e17, 1e18};
    fill_table();
    for (uint32_t i = 0; i < table.count; i++) {
        const double value = EXTREME[(i * 7) % COUNT(EXTREME)];
        table_rows[i].median = table_rows[i].min = table_rows[i].max = value;
    }
    char *page = page_of(*state, &table, &about);
    check_page(page);
    free(page);
}

static void another_benchmarks_rows_are_not_ours(void **state)
{
    fill_table();
    for (uint32_t i = 0; i < table.count; i++) {
        snprintf(table_rows[i].bench, sizeof table_rows[i].bench, "stream");
    }
    char *page = page_of(*state, &table, &about);
    check_page(page);
    assert_non_null(strstr(page, "This run has no figures."));
    free(page);
}

static void hostile_texts_are_escaped(void **state)
{
    static const char *const METRICS[] = {
        "ns_per_op",     "ns_per_op_80",       "p99_99_ns",         "occupancy_percent",
        "wasted_splits", "pending_high_water", "ns_per_op_touched", "metadata_bits_per_unit"};
    table = (bench_table){.rows = table_rows, .capacity = ROWS_MAX};
    for (uint32_t i = 0; i < COUNT(METRICS); i++) {
        add("</td><script>\"", "<script>alert(1)'&\"", METRICS[i], "<b>", 1, 5);
        add("churn", "<script>alert(1)'&\"", METRICS[i], "<b>", 1, 5);
        add("full", "\x01\xff\xc3", METRICS[i], "\"", 3, 5);
        add("</td><script>\"", "levels-mutex", METRICS[i], "", 1, 5);
        add("</td><script>\"", "levels-mutex", "pending_high_water_level3", "", 1, 5);
    }
    /* The last one ends within a character, as a text does that was cut to fit. */
    const bench_about hostile = {.cpu = "<script>\"&amp;",
                                 .kernel = "'><img src=x>",
                                 .compiler = "<![CDATA[",
                                 .date = "-->",
                                 .argv = "megabuddy \x1b[31m <&> \xe2\x82"};
    char *page = page_of(*state, &table, &hostile);
    check_page(page);
    assert_non_null(strstr(page, "&lt;script&gt;&quot;&amp;amp;"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&#39;&amp;&quot;"));
    assert_null(strchr(page, '\x1b'));
    assert_null(strstr(page, "\xe2\x82<"));
    free(page);
}

static void more_names_than_it_has_room_for_do_no_harm(void **state)
{
    table = (bench_table){.rows = table_rows, .capacity = ROWS_MAX};
    for (uint32_t i = 0; i < 2 * ROWS_NAMES; i++) {
        char name[24];
        snprintf(name, sizeof name, "strange-%u", i);
        add("churn", name, "ns_per_op", "ns", 1 + i % (2 * ROWS_THREADS), i + 1);
        add(name, "megabuddy", "ns_per_op", "ns", 1 + i, 3);
    }
    char *page = page_of(*state, &table, &about);
    check_page(page);
    free(page);
}

/* ---- the file ---- */

static void missing_folders_are_made(void **state)
{
    fill_table();
    assert_true(bench_report_write(scratch_path(*state, "a/b//c/"), &table, &about));
    struct stat status;
    assert_int_equal(stat(scratch_path(*state, "a/b/c/index.html"), &status), 0);
}

static void a_folder_that_cannot_be_is_refused(void **state)
{
    fill_table();
    FILE *file = fopen(scratch_path(*state, "file"), "w");
    assert_non_null(file);
    fclose(file);
    assert_false(bench_report_write(scratch_path(*state, "file/below"), &table, &about));
    assert_false(bench_report_write(scratch_path(*state, "file"), &table, &about));
    assert_false(bench_report_write("", &table, &about));
    assert_false(bench_report_write("/proc/self/nowhere", &table, &about));
}

/* A full disk, as far as a process can have one to itself: the old page stays, whole. */
static void a_full_disk_leaves_the_old_page(void **state)
{
    table = (bench_table){0};
    free(page_of(*state, &table, &about));
    fill_table();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {.rlim_cur = 20000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool written = bench_report_write(scratch_path(*state, "page"), &table, &about);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_false(written);
    assert_int_equal(scratch_count(scratch_path(*state, "page")), 1);
    char *page = read_whole(scratch_path(*state, "page/index.html"));
    check_page(page);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_every_subject_and_case),
        cmocka_unit_test(what_it_says_is_computed_from_the_rows),
        cmocka_unit_test(a_slower_result_is_called_slower),
        cmocka_unit_test(an_empty_table_makes_a_page),
        cmocka_unit_test(a_single_row_makes_a_page),
        cmocka_unit_test(rows_that_are_no_rows_are_left_out),
        cmocka_unit_test(extreme_rows_stay_within_the_page),
        cmocka_unit_test(another_benchmarks_rows_are_not_ours),
        cmocka_unit_test(hostile_texts_are_escaped),
        cmocka_unit_test(more_names_than_it_has_room_for_do_no_harm),
        cmocka_unit_test(missing_folders_are_made),
        cmocka_unit_test(a_folder_that_cannot_be_is_refused),
        cmocka_unit_test(a_full_disk_leaves_the_old_page),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
