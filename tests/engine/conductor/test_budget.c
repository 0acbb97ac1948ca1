/* test_budget.c: budgets are hard, and nothing that fits is left on the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/budget.h"

#include "tests/rigs/seed.h"

static gpu_table table;

static gpu_desc desc_of(uint32_t width, uint32_t height, vt_texel_format format)
{
    gpu_desc d = {.tables = &table,
                  .table_count = 1,
                  .layer_count = 1,
                  .feedback_width = 160,
                  .feedback_height = 90,
                  .anisotropy = 1};
    d.formats[0] = format;
    assert_true(page_shape_make(width, height, 4, &table.shape));
    table.width = page_table_width(&table.shape);
    table.height = page_table_height(&table.shape);
    return d;
}

/* For any world and budget: either it fits and one more row would not, or the least does not. */
static void budgets_are_kept_and_used_up(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    for (int round = 0; round < 300; round++) {
        gpu_desc d = desc_of(1 + seed_below(&random, 60000), 1 + seed_below(&random, 60000),
                             seed_below(&random, 2) ? VT_TEXEL_BC1 : VT_TEXEL_RGBA8);
        const uint64_t budget = UINT64_C(1) << (16 + seed_below(&random, 16));
        const uint32_t pages = page_count(&table.shape), least = pages < 8 ? pages : 8;
        uint64_t least_bytes;
        const uint32_t slots = budget_fit_atlas(&d, budget, least, pages, 128, &least_bytes);
        if (slots == 0) {
            assert_true(budget < least_bytes);
            continue;
        }
        assert_true(gpu_bytes(&d) <= budget);
        assert_true(slots >= least);
        assert_int_equal(slots, d.atlas_columns * d.atlas_rows);
        assert_true(d.atlas_rows <= d.atlas_columns && d.atlas_columns <= 128);
        assert_int_equal(d.atlas_columns & (d.atlas_columns - 1), 0);
        if (slots < pages && d.atlas_rows < d.atlas_columns) {
            d.atlas_rows++;
            assert_true(gpu_bytes(&d) > budget);
        }
    }
}

static void what_is_said_to_be_the_least_is_enough(void **state)
{
    (void)state;
    for (uint32_t side = 100; side < 100000; side = side * 3 / 2) {
        gpu_desc d = desc_of(side, side / 2 + 1, VT_TEXEL_RGBA8);
        const uint32_t pages = page_count(&table.shape), least = pages < 8 ? pages : 8;
        uint64_t least_bytes, same;
        assert_int_equal(budget_fit_atlas(&d, 1, least, pages, 128, &least_bytes), 0);
        assert_true(budget_fit_atlas(&d, least_bytes, least, pages, 128, &same) >= least);
    }
}

static void pinned_mips_take_an_eighth_at_most(void **state)
{
    (void)state;
    vt_shape s;
    assert_true(page_shape_make(16384, 8192, 4, &s));
    for (uint32_t slots = 1; slots < 20000; slots = slots * 2 + 1) {
        const uint32_t first = budget_first_pinned_mip(&s, slots);
        assert_true(first < s.mips);
        assert_true(first == s.mips - 1 || budget_pages_from_mip(&s, first) <= slots / 8);
        assert_true(first == 0 || budget_pages_from_mip(&s, first - 1) > slots / 8);
    }
}

/* For any screen, card and budget: the target keeps to them, and half the divisor would not. */
static void feedback_is_as_fine_as_card_and_budget_allow(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    for (int round = 0; round < 3000; round++) {
        const budget_target t = {
            .screen_width = 1 + (uint32_t)(seed_next(&random) >> (40 + seed_below(&random, 24))),
            .screen_height = 1 + (uint32_t)(seed_next(&random) >> (40 + seed_below(&random, 24))),
            .images = 1 + seed_below(&random, 3),
            .side_limit = 2u << seed_below(&random, 15),
            .bytes = seed_next(&random) >> seed_below(&random, 60)};
        const uint32_t first = 1 + seed_below(&random, 16);
        const uint32_t divisor = budget_fit_divisor(&t, first);
        assert_int_equal(divisor % first, 0);
        const uint64_t width = budget_target_side(t.screen_width, divisor);
        const uint64_t height = budget_target_side(t.screen_height, divisor);
        assert_true(width >= 1 && height >= 1 && width <= t.side_limit && height <= t.side_limit);
        if (width * height > 1) {
            assert_true(gpu_target_bytes(width * height, t.images) <= t.bytes);
            assert_true(width * height * t.images * 4 <= INT32_MAX);
        }
        if (divisor > first) {
            const uint64_t w = budget_target_side(t.screen_width, divisor / 2);
            const uint64_t h = budget_target_side(t.screen_height, divisor / 2);
            assert_true(w > t.side_limit || h > t.side_limit || w * h * t.images * 4 > INT32_MAX ||
                        gpu_target_bytes(w * h, t.images) > t.bytes);
        }
    }
}

static void usual_screens_keep_their_divisor(void **state)
{
    static const uint32_t SCREENS[][3] = {{1280, 720, 8},   {3840, 2160, 8}, {10240, 1440, 8},
                                          {1440, 10240, 8}, {1, 1, 1},       {7680, 4320, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof SCREENS / sizeof SCREENS[0]; i++) {
        const uint64_t budget = (uint64_t)(SCREENS[i][2] == 1 ? 1024 : 64) << 20;
        const budget_target t = {SCREENS[i][0], SCREENS[i][1], 3, 16384, budget};
        assert_int_equal(budget_fit_divisor(&t, SCREENS[i][2]), SCREENS[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_are_kept_and_used_up),
        cmocka_unit_test(what_is_said_to_be_the_least_is_enough),
        cmocka_unit_test(pinned_mips_take_an_eighth_at_most),
        cmocka_unit_test(feedback_is_as_fine_as_card_and_budget_allow),
        cmocka_unit_test(usual_screens_keep_their_divisor),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
