/* test_kit.c: what pages for people are made of: texts, numbers, tables, axes and plots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/report/axis.h"
#include "tools/report/page.h"
#include "tools/report/plot.h"

#include "tests/rigs/page_check.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <math.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- texts and numbers ---- */

static const char *printed(void (*print)(FILE *, double), double value)
{
    static char text[128];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    print(out, value);
    fclose(out);
    return text;
}

static void texts_keep_what_is_utf_8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } CASES[] = {
        {"", ""},
        {"<&>\"'", "&lt;&amp;&gt;&quot;&#39;"},
        {"µ 2 € 𝄞", "µ 2 € 𝄞"},
        {"a\tb\x7f", "a\ufffdb\ufffd"},
        {"\xe2\x82", "\ufffd\ufffd"},                     /* cut short */
        {"\xc3<", "\ufffd&lt;"},                          /* does not swallow what follows */
        {"\xc0\xaf", "\ufffd\ufffd"},                     /* a longer encoding than needed */
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},           /* a surrogate */
        {"\xef\xbf\xbf", "\ufffd\ufffd\ufffd"},           /* no character */
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}, /* beyond the last */
    };
    for (uint32_t i = 0; i < COUNT(CASES); i++) {
        char text[128] = "";
        FILE *out = fmemopen(text, sizeof text, "w");
        assert_non_null(out);
        html_text(out, CASES[i].text);
        fclose(out);
        assert_string_equal(text, CASES[i].shown);
    }
}

static void numbers_have_three_digits(void **state)
{
    (void)state;
    assert_string_equal(printed(html_number, 0), "0");
    assert_string_equal(printed(html_number, -1), "–");
    assert_string_equal(printed(html_number, 0.012345), "0.0123");
    assert_string_equal(printed(html_number, 0.9996), "1.00");
    assert_string_equal(printed(html_number, 1), "1.00");
    assert_string_equal(printed(html_number, 99.94), "99.9");
    assert_string_equal(printed(html_number, 99.96), "100");
    assert_string_equal(printed(html_number, 12345), "12,300");
    assert_string_equal(printed(html_number, 1234567), "1,230,000");
    assert_string_equal(printed(html_count, 1234567), "1,234,567");
    assert_string_equal(printed(html_count, 999), "999");
    assert_string_equal(printed(html_time, 999.4), "999\u00a0ns");
    assert_string_equal(printed(html_time, 999.6), "1.00\u00a0µs");
    assert_string_equal(printed(html_time, 1.3e6), "1.30\u00a0ms");
    assert_string_equal(printed(html_time, 7.2e12), "7,200\u00a0s");
}

/* ---- axes ---- */

static const char *tick_text(const axis *a, int tick)
{
    static char text[64];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    axis_put_tick(out, a, tick);
    fclose(out);
    return text;
}

static void an_axis_covers_its_values_with_round_ticks(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 2000; round++) {
        const double least = pow(10, (double)seed_below(&seed, 200) / 10 - 6);
        const double most = least * (1 + seed_below(&seed, 100000));
        const axis linear = axis_linear(most), log = axis_logarithmic(least, most);
        assert_true(linear.first == 0 && linear.last >= 1 && linear.last <= 5);
        assert_true(axis_tick(&linear, linear.last) >= most * (1 - 1e-6));
        assert_true(axis_tick(&linear, linear.last - 1) < most);
        assert_true(log.first < log.last);
        assert_true(axis_tick(&log, log.first) <= least && axis_tick(&log, log.last) >= most);
        assert_true(axis_share(&log, least) >= 0 && axis_share(&log, most * 9) == 1);
        assert_true(axis_share(&linear, most / 2) > 0 && axis_share(&linear, -1) == 0);
    }
}

static void ticks_have_as_many_digits_as_they_take(void **state)
{
    (void)state;
    const axis small = axis_linear(0.9), large = axis_linear(12000);
    const axis log = axis_logarithmic(0.3, 4000);
    assert_string_equal(tick_text(&small, 1), "0.2");
    assert_string_equal(tick_text(&large, 1), "5,000");
    assert_string_equal(tick_text(&log, log.first), "0.2");
    assert_string_equal(tick_text(&log, 0), "1");
    assert_string_equal(tick_text(&log, log.last), "5,000");
    assert_true(axis_shows(&log, 3) && !axis_shows(&log, 1)); /* too long for all of them */
}

/* ---- plots ---- */

/* Steps over the next number; false at the end of the path. */
static bool next_number(const char **at, double *value)
{
    *at += strcspn(*at, "0123456789-\"");
    if (**at == '"') {
        return false;
    }
    char *end;
    *value = strtod(*at, &end);
    *at = end;
    return true;
}

/* How high the curves of this class reach: the least y; 1e9 where there are none. All are within
 * the picture. */
static double highest(const char *svg, const char *class)
{
    double least = 1e9, x, y = 0;
    const char *at = strstr(svg, "role=\"img\""); /* behind the legend, which has lines too */
    while (at != NULL && (at = strstr(at, class)) != NULL) {
        at = strstr(at, " d=\"") + 4;
        while (next_number(&at, &x)) {
            if (at[-2] == 'h') { /* the dash of a single value */
                continue;
            }
            assert_true(next_number(&at, &y));
            assert_true(x >= 0 && x <= 400 && y >= 0 && y <= 180);
            least = fmin(least, y);
        }
    }
    return least;
}

static char *draw(const plot *p, bool *drawn)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    *drawn = plot_write(out, p);
    fclose(out);
    page_check(text);
    return text;
}

static plot plot_of(const plot_line *line, uint32_t count)
{
    return (plot){.title = "a <title>",
                  .unit = "ms",
                  .x_name = "frame",
                  .count = count,
                  .line_count = 1,
                  .lines = line};
}

static void a_peak_among_many_values_is_seen(void **state)
{
    (void)state;
    bool drawn;
    static double values[100000];
    for (uint32_t i = 0; i < 100000; i++) {
        values[i] = 1;
    }
    values[54321] = 100;
    const plot_line line = {.values = values};
    const plot p = plot_of(&line, 100000);
    char *svg = draw(&p, &drawn);
    assert_true(drawn);
    assert_true(highest(svg, "\"band\"") < 11); /* the top of the axis, which ends at 100 */
    assert_true(highest(svg, "\"line\"") > 100);
    free(svg);
}

static void what_is_beyond_the_axis_is_said(void **state)
{
    (void)state;
    bool drawn;
    const double values[] = {1, 2, 500, 3};
    const plot_line line = {.values = values};
    plot p = plot_of(&line, 4);
    p.clip = 10;
    char *svg = draw(&p, &drawn);
    assert_non_null(strstr(svg, "(highest: 500 ms)"));
    assert_non_null(strstr(svg, ">10</text>"));
    assert_null(strstr(svg, ">500</text>"));
    assert_true(highest(svg, "\"line\"") == 10); /* cut at the top of the axis */
    free(svg);
}

static void what_is_not_known_is_not_drawn(void **state)
{
    (void)state;
    bool drawn;
    const double values[] = {-1, NAN, INFINITY, -1};
    const plot_line line = {.values = values};
    const plot p = plot_of(&line, 4);
    char *svg = draw(&p, &drawn);
    assert_false(drawn);
    assert_string_equal(svg, "");
    free(svg);
}

/* Values of any size, with gaps; marks anywhere. */
static void any_values_are_drawn_within_the_picture(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    static double values[2][2000];
    for (int round = 0; round < 150; round++) {
        const uint32_t count = 1 + seed_below(&seed, round % 3 == 0 ? 2000 : 20);
        const double size = pow(10, (double)seed_below(&seed, 24) - 12);
        for (uint32_t i = 0; i < 2 * 2000; i++) {
            const bool gap = seed_below(&seed, 4) == 0;
            values[i / 2000][i % 2000] = gap ? (i % 2 ? -1 : NAN) : seed_below(&seed, 999) * size;
        }
        const double marks[2] = {seed_below(&seed, count), count - 1};
        const plot_line lines[2] = {
            {.values = values[0]},
            {.name = "<other>", .look = LOOK_PLAIN, .values = values[1], .unit_size = 0.01}};
        plot p = plot_of(lines, count);
        p.line_count = 2;
        p.mark_name = "cuts";
        p.marks = marks;
        p.mark_count = 2;
        p.limit = seed_below(&seed, 2) ? size : 0;
        bool drawn;
        char *svg = draw(&p, &drawn);
        (void)highest(svg, "\"line\"");
        (void)highest(svg, "\"band\"");
        free(svg);
    }
}

/* A few figures each, which stand over what the columns count. */
static void columns_have_points_and_lines_have_names(void **state)
{
    (void)state;
    bool drawn;
    static const uint32_t threads[] = {1, 2, 16};
    static const double glibc[] = {20, -1, 4000}, ours[] = {10, 9, 0};
    const plot_line lines[] = {{.name = "ours", .look = LOOK_OURS, .values = ours},
                               {.name = "g<libc", .look = LOOK_PLAIN, .values = glibc}};
    const double mark = 1.5;
    const plot p = {.title = "churn",
                    .unit = "ns",
                    .note = "a note",
                    .x_name = "threads",
                    .count = 3,
                    .line_count = 2,
                    .lines = lines,
                    .columns = threads,
                    .logarithmic = true,
                    .marks = &mark,
                    .mark_count = 1};
    char *svg = draw(&p, &drawn);
    assert_true(drawn);
    assert_non_null(strstr(svg, "<title>ours, 2 threads: 9.00 ns</title>"));
    assert_non_null(strstr(svg, "<title>g&lt;libc, 16 threads: 4,000 ns</title>"));
    assert_null(strstr(svg, "<title>ours, 16 threads")); /* a logarithmic scale has no 0 */
    assert_non_null(strstr(svg, ">g&lt;libc</text>"));
    assert_null(strstr(svg, "class=\"legend\""));
    assert_non_null(strstr(svg, "class=\"upright\""));
    assert_non_null(strstr(svg, "a note</figcaption>"));
    free(svg);
}

/* ---- pages ---- */

static void put_page(FILE *out, const void *context)
{
    page_begin(out, context);
    page_section(out, "id", context);
    table_begin(out, "full", "|one");
    table_heading(out, "%u threads", 2u);
    table_body(out);
    row_begin(out, context);
    cell_text(out, "");
    cell_figure(out, -1, 2, "ms");
    row_end(out);
    table_end(out);
    page_end(out);
}

static void a_page_is_whole_and_its_texts_are_escaped(void **state)
{
    char page[16384] = "";
    const char *path = scratch_path(*state, "page.html");
    assert_true(page_write(path, put_page, "<&>"));
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    const size_t bytes = fread(page, 1, sizeof page - 1, in);
    fclose(in);
    assert_true(bytes > 0);
    page_check(page);
    assert_non_null(strstr(page, "<title>&lt;&amp;&gt;</title>"));
    assert_non_null(strstr(page, "<h2 id=\"id\">&lt;&amp;&gt;</h2>"));
    assert_non_null(strstr(page, "<th scope=\"col\">one</th><th scope=\"col\">2 threads</th>"));
    assert_non_null(strstr(page, "&gt;</th><td class=\"words\">–</td><td>–</td></tr>"));
    assert_false(page_write(scratch_path(*state, "no/such/folder.html"), put_page, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_keep_what_is_utf_8),
        cmocka_unit_test(numbers_have_three_digits),
        cmocka_unit_test(an_axis_covers_its_values_with_round_ticks),
        cmocka_unit_test(ticks_have_as_many_digits_as_they_take),
        cmocka_unit_test(a_peak_among_many_values_is_seen),
        cmocka_unit_test(what_is_beyond_the_axis_is_said),
        cmocka_unit_test(what_is_not_known_is_not_drawn),
        cmocka_unit_test(any_values_are_drawn_within_the_picture),
        cmocka_unit_test(columns_have_points_and_lines_have_names),
        cmocka_unit_test(a_page_is_whole_and_its_texts_are_escaped),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
