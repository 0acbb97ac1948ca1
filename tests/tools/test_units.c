/* Sizes as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/base/units.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static void reads_every_spelling_of_a_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"17 B", 17},
        {"64 MiB", 64 * MIB},
        {"64MiB", 64 * MIB},
        {"64m", 64 * MIB},
        {" 3 kib ", 3 * KIB},
        {"1.5 GiB", 3 * GIB / 2},
        {"0.5k", 512},
        {"1.0009765625 KiB", 1024}, /* digits below 10^-9 are dropped, and so is half a byte */
        {"2.9999999999999999999999 B", 2},
        {"18446744073709551615", UINT64_MAX},
        {"16777215 TiB", UINT64_C(16777215) << 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0xdead;
        if (!units_parse_bytes(cases[i].text, &bytes) || bytes != cases[i].bytes) {
            fail_msg("\"%s\" read as %llu", cases[i].text, (unsigned long long)bytes);
        }
    }
}

static void refuses_what_is_no_size_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "MiB",
        "-1",
        "+1",
        "1.",
        "1. MiB",
        ".5",
        "64 MB",
        "64 XiB",
        "64 MiBs",
        "64 Mi",
        "6 4",
        "1e6",
        "0x10",
        "1,5 GiB",
        "64 MiB x",
        "nan",
        "1.5.5",
        "B",
        "18446744073709551616",
        "16777216 TiB",
        "99999999999999999999 KiB",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0xdead;
        if (units_parse_bytes(cases[i], &bytes) || bytes != 0xdead) {
            fail_msg("\"%s\" was taken for a size", cases[i]);
        }
    }
}

static void writes_the_largest_fitting_unit(void **state)
{
    (void)state;
    char text[UNITS_TEXT];
    assert_string_equal(units_format_bytes(0, text), "0 B");
    assert_string_equal(units_format_bytes(1023, text), "1023 B");
    assert_string_equal(units_format_bytes(1024, text), "1 KiB");
    assert_string_equal(units_format_bytes(64 * MIB, text), "64 MiB");
    assert_string_equal(units_format_bytes(3 * GIB / 2, text), "1.5 GiB");
    assert_string_equal(units_format_bytes(UINT64_MAX, text), "16777215.9 TiB");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    for (int shift = 0; shift < 64; shift++) {
        char text[UNITS_TEXT];
        uint64_t back = 0;
        assert_true(units_parse_bytes(units_format_bytes(UINT64_C(1) << shift, text), &back));
        assert_int_equal(back, UINT64_C(1) << shift);
    }
}

static void counts_are_whole_numbers_within_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.5", "ten", "4", "101", "99999999999999999999"};
    uint64_t count = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(units_parse_count(bad[i], 5, 100, &count));
        assert_int_equal(count, 77);
    }
    assert_true(units_parse_count("5", 5, 100, &count) && count == 5);
    assert_true(units_parse_count("18446744073709551615", 0, UINT64_MAX, &count));
    assert_true(count == UINT64_MAX);
}

static void counts_have_a_separator_between_them(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "1",    "1x",   "x2",   "1x2x3", "1,2", "1 x2",
                                      "1x 2", "1x2 ", "0x17", "1x17", "-1x2",  "1xx2"};
    uint32_t out[2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (units_parse_counts(bad[i], 'x', 2, 1, 16, out)) {
            fail_msg("\"%s\" was taken for two counts", bad[i]);
        }
    }
    assert_true(units_parse_counts("1x16", 'x', 2, 1, 16, out));
    assert_true(out[0] == 1 && out[1] == 16);
    assert_true(units_parse_counts("7", ',', 1, 1, 16, out) && out[0] == 7);
}

static void reals_are_decimal_numbers_within_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "1",    "1,",   "1,2,3", "nan,1", "inf,1", "0x1,1",
                                      "1, 2", " 1,2", "1,2 ", "1e,2",  "--1,2", "1,99",  "-99,1"};
    double out[2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (units_parse_reals(bad[i], ',', 2, -10, 10, out)) {
            fail_msg("\"%s\" was taken for two numbers", bad[i]);
        }
    }
    assert_true(units_parse_reals("-1.5,1e1", ',', 2, -10, 10, out));
    assert_true(out[0] < -1.4 && out[0] > -1.6 && out[1] > 9.9 && out[1] <= 10);
    assert_true(units_parse_reals("+.5", ',', 1, -10, 10, out) && out[0] > 0.4 && out[0] < 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_whole_numbers_within_bounds),
        cmocka_unit_test(counts_have_a_separator_between_them),
        cmocka_unit_test(reals_are_decimal_numbers_within_bounds),
        cmocka_unit_test(reads_every_spelling_of_a_size),
        cmocka_unit_test(refuses_what_is_no_size_and_leaves_the_result_alone),
        cmocka_unit_test(writes_the_largest_fitting_unit),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
