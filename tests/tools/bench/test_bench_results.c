/* The figures of a benchmark: medians, the table made of samples, and the CSV that others read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bench/results.h"

static uint64_t seed;

static bench_row key_of(const char *subject, const char *metric, uint32_t threads)
{
    bench_row key = {.bench = "alloc", .name = "churn", .unit = "ns", .threads = threads};
    (void)snprintf(key.subject, sizeof key.subject, "%s", subject);
    (void)snprintf(key.metric, sizeof key.metric, "%s", metric);
    return key;
}

static void a_median_has_as_many_values_below_as_above(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        double values[40];
        uint32_t count = 1 + seed_below(&seed, 40), below = 0, above = 0;
        for (uint32_t i = 0; i < count; i++) {
            values[i] = seed_below(&seed, 30);
        }
        double median = bench_median(values, count);
        for (uint32_t i = 0; i < count; i++) {
            below += values[i] < median;
            above += values[i] > median;
        }
        assert_true(below <= count / 2 && above <= count / 2);
        assert_true(median >= values[0] && median <= values[count - 1]); /* sorted now */
    }
    assert_true(bench_median((double[]){4, 1}, 2) == 2.5);
}

static void samples_become_a_row_a_figure_in_the_order_they_began(void **state)
{
    (void)state;
    bench_samples samples = {0};
    bench_row a = key_of("megabuddy", "ns_per_op", 1), b = key_of("glibc", "ns_per_op", 1);
    bench_row c = key_of("megabuddy", "ns_per_op", 2);
    const bench_row *order[] = {&a, &b, &c, &a, &a, &b};
    static const double values[] = {3, 10, 7, 1, 2, 20};
    for (int i = 0; i < 6; i++) {
        assert_true(bench_samples_add(&samples, order[i], values[i]));
    }
    bench_table t;
    assert_true(bench_samples_table(&samples, &t));
    assert_int_equal(t.count, 3);
    assert_string_equal(t.rows[1].subject, "glibc");
    assert_int_equal(t.rows[2].threads, 2);
    const bench_row *row = bench_table_find(&t, "churn", "megabuddy", "ns_per_op", 1);
    assert_ptr_equal(row, &t.rows[0]);
    assert_true(row->median == 2 && row->min == 1 && row->max == 3);
    assert_int_equal(row->rounds, 3);
    assert_null(bench_table_find(&t, "churn", "megabuddy", "ns_per_op", 4));
    bench_table_finish(&t);
    bench_samples_finish(&samples);
}

/* Fields that hold a comma, a quote or a line break are quoted, and quotes doubled. */
static void csv_fields_are_quoted_where_they_have_to_be(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"churn", "churn"},   {"", ""}, {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        bench_csv_field(out, pairs[i][0]);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

static void a_csv_is_whole_or_not_there(void **state)
{
    bench_row rows[1] = {key_of("megabuddy", "ns_per_op", 1)};
    rows[0].median = rows[0].min = rows[0].max = 1.5;
    rows[0].rounds = 5;
    bench_table t = {rows, 1, 1};
    char text[256] = "";
    const char *path = scratch_path(*state, "figures.csv");
    assert_true(bench_csv_possible(path));
    assert_true(bench_csv_write(path, &t));
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t length = fread(text, 1, sizeof text - 1, in);
    (void)fclose(in);
    text[length] = '\0';
    assert_string_equal(text, "bench,case,subject,threads,metric,unit,median,min,max,rounds\n"
                              "alloc,churn,megabuddy,1,ns_per_op,ns,1.5,1.5,1.5,5\n");
    const char *nowhere = scratch_path(*state, "no/such/folder.csv");
    assert_false(bench_csv_possible(nowhere));
    assert_false(bench_csv_write(nowhere, &t));
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_median_has_as_many_values_below_as_above),
        cmocka_unit_test(samples_become_a_row_a_figure_in_the_order_they_began),
        cmocka_unit_test(csv_fields_are_quoted_where_they_have_to_be),
        cmocka_unit_test_setup_teardown(a_csv_is_whole_or_not_there, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
