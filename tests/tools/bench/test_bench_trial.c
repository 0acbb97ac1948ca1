/* What a trial is made of: figures as a line of text, histograms of times, tables of sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rigs/seed.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/figures.h"
#include "tools/bench/measure/histogram.h"

static uint64_t seed;

/* ---- figures ---- */

/* Metrics and units as long as they can be, values of every magnitude. */
static figures random_figures(uint32_t count)
{
    figures f = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        char metric[32], unit[16];
        (void)snprintf(metric, sizeof metric, "metric_%0*u", (int)(1 + i % 24), i);
        (void)snprintf(unit, sizeof unit, "u%0*u", (int)(1 + i % 14), i);
        figures_put(&f, metric, unit, (double)(seed_next(&seed) >> (i % 64)) / -3.0);
    }
    return f;
}

static void a_line_of_figures_reads_back(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= FIGURES_MOST; count++) {
        static char line[FIGURES_LINE];
        char cause[FIGURES_CAUSE];
        figures f = random_figures(count), back;
        size_t length = figures_format(&f, line);
        assert_true(length < FIGURES_LINE && line[length - 1] == '\n');
        line[length] = '\0';
        assert_true(figures_parse(line, &back, cause));
        assert_int_equal(back.count, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_string_equal(back.all[i].metric, f.all[i].metric);
            assert_string_equal(back.all[i].unit, f.all[i].unit);
            assert_true(back.all[i].value == f.all[i].value);
        }
    }
}

static void what_is_no_number_is_no_figure(void **state)
{
    (void)state;
    figures f = {.count = 0};
    double zero = 0;
    figures_put(&f, "nothing", "ns", zero / zero);
    figures_put(&f, "endless", "ns", 1 / zero);
    assert_int_equal(f.count, 0);
}

static void a_line_that_is_none_is_refused_with_a_cause(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"failed not enough memory\n", "not enough memory"},
        {"", "ended without an answer"},
        {"ok a ns 1", "ended without an answer"},
        {"\n", "answered something else"},
        {"okay a ns 1\n", "answered something else"},
        {"ok a ns\n", "answered something else"},
        {"ok a ns x\n", "answered something else"},
        {"ok a ns 1x\n", "answered something else"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char line[64], cause[FIGURES_CAUSE];
        figures f;
        (void)snprintf(line, sizeof line, "%s", pairs[i][0]);
        assert_false(figures_parse(line, &f, cause));
        assert_string_equal(cause, pairs[i][1]);
    }
}

/* ---- histograms ---- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Against sorting; two histograms merged are as one. */
static void a_quantile_is_exact_to_a_cell(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static uint64_t values[COUNT];
    static histogram parts[2];
    memset(parts, 0, sizeof(parts));
    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = seed_next(&seed) >> seed_below(&seed, 64);
        histogram_add(&parts[i % 2], values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    histogram_merge(&parts[0], &parts[1]);
    assert_int_equal(parts[0].count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t found = histogram_quantile(&parts[0], (i + 0.5) / COUNT);
        assert_true(found <= values[i] && values[i] - found <= found / 32);
    }
}

static void every_value_has_a_cell(void **state)
{
    (void)state;
    assert_int_equal(histogram_cell(0), 0);
    assert_int_equal(histogram_cell(UINT64_MAX), HISTOGRAM_CELLS - 1);
    for (uint64_t value = 1; value < 100000; value++) {
        uint32_t cell = histogram_cell(value), before = histogram_cell(value - 1);
        assert_true(cell == before || cell == before + 1);
    }
}

/* ---- sizes ---- */

static void sizes_stay_in_range_and_each_octave_has_its_share(void **state)
{
    (void)state;
    static draw_sizes d;
    uint32_t octaves[6] = {0};
    draw_log_uniform(&d, 64, 4096);
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        uint32_t bytes = draw_size(&d, (uint64_t)i << (64 - DRAW_BITS));
        assert_true(bytes >= 64 && bytes <= 4096);
        octaves[31 - __builtin_clz(bytes < 4096 ? bytes : 4095) - 6]++;
    }
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(octaves[i] >= DRAW_SIZES / 6 - 3 && octaves[i] <= DRAW_SIZES / 6 + 3);
    }
    draw_log_uniform(&d, 77, 77);
    assert_int_equal(d.bytes[DRAW_SIZES - 1], 77);
}

static void uniform_sizes_and_powers_are_what_they_say(void **state)
{
    (void)state;
    static draw_sizes d;
    double sum = 0;
    draw_uniform(&d, 2560, 8192);
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        assert_true(d.bytes[i] >= 2560 && d.bytes[i] <= 8192);
        sum += d.bytes[i];
    }
    assert_true(sum / DRAW_SIZES > 5370 && sum / DRAW_SIZES < 5382); /* (2560 + 8192) / 2 = 5376 */
    draw_powers(&d, 8192, 131072);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < DRAW_SIZES; i++) {
        assert_int_equal(__builtin_popcount(d.bytes[i]), 1);
        seen |= d.bytes[i];
    }
    assert_int_equal(seen, 262144 - 8192); /* all five and no other */
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_figures_reads_back),
        cmocka_unit_test(what_is_no_number_is_no_figure),
        cmocka_unit_test(a_line_that_is_none_is_refused_with_a_cause),
        cmocka_unit_test(a_quantile_is_exact_to_a_cell),
        cmocka_unit_test(every_value_has_a_cell),
        cmocka_unit_test(sizes_stay_in_range_and_each_octave_has_its_share),
        cmocka_unit_test(uniform_sizes_and_powers_are_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
