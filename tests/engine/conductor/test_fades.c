/* Fades: from nothing to all in the time that is set, never backward, and then no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/fades.h"
#include "engine/vt_shared.h"

#define PAGES 4

static pagetable *table;
static fades all;

static vt_page page(uint32_t i)
{
    return (vt_page){1, 0, (uint16_t)i, 0};
}

static int set_up(void **state)
{
    (void)state;
    vt_shape shape;
    if (!page_shape_make(PAGES * 120, 120, 4, &shape)) {
        return -1;
    }
    table = pagetable_create(&shape);
    for (uint32_t i = 0; table != NULL && i < PAGES; i++) {
        pagetable_map(table, page(i), i, 0, 0);
    }
    return table != NULL && fades_init(&all, PAGES) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fades_finish(&all);
    pagetable_destroy(table);
    return 0;
}

static uint32_t level_of(uint32_t i)
{
    return (uint32_t)(pagetable_entry(table, page(i)) >> (32 + VT_ENTRY_FADE_SHIFT)) & 255;
}

static void step(double now_ms, double fade_ms)
{
    pagetable *const tables[] = {table};
    fades_step(&all, tables, now_ms, fade_ms);
    assert_null(pagetable_check(table));
}

static void a_fade_rises_and_ends_in_time(void **state)
{
    (void)state;
    uint32_t before = 0;
    fades_add(&all, page(1), 1000);
    for (double now_ms = 900; now_ms < 1200; now_ms += 7) { /* a clock may be behind at first */
        step(now_ms, 200);
        assert_in_range(level_of(1), before, 254);
        before = level_of(1);
        assert_int_equal(all.count, 1);
    }
    assert_true(before > 200);
    step(1200, 200);
    assert_int_equal(level_of(1), 255);
    assert_int_equal(all.count, 0);
    assert_int_equal(level_of(0), 0); /* and no other page's */
}

static void after_a_long_frame_it_has_ended(void **state)
{
    (void)state;
    fades_add(&all, page(0), 0);
    fades_add(&all, page(1), 99000);
    step(100000, 200);
    assert_int_equal(level_of(0), 255);
    assert_int_equal(level_of(1), 255);
    assert_int_equal(all.count, 0);
}

static void without_a_time_it_ends_at_once(void **state)
{
    (void)state;
    fades_add(&all, page(2), 500);
    step(500, 0);
    assert_int_equal(level_of(2), 255);
    assert_int_equal(all.count, 0);
}

static void what_is_removed_does_not_fade_on(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        fades_add(&all, page(i), 0);
    }
    fades_remove(&all, page(1));
    fades_remove(&all, page(1)); /* fine when it does not fade */
    step(1000, 200);
    for (uint32_t i = 0; i < PAGES; i++) {
        assert_int_equal(level_of(i), i == 1 ? 0 : 255);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fade_rises_and_ends_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_long_frame_it_has_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_time_it_ends_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_removed_does_not_fade_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
