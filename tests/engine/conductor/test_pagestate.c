/* test_pagestate.c: failed pages come back when their time has come, and none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/pagestate.h"

static vt_shape shape;

static vt_page nth(uint32_t i)
{
    const uint32_t columns = page_columns(&shape, 0);
    return (vt_page){1, 0, (uint16_t)(i % columns), (uint16_t)(i / columns)};
}

static void failed_page_is_absent_again_after_its_pause(void **state)
{
    (void)state;
    pagestate s;
    assert_true(pagestate_init(&s, &shape));
    pagestate_fail(&s, nth(0), 10);
    pagestate_fail(&s, nth(1), 20);
    pagestate_retry(&s, 9);
    assert_int_equal(pagestate_get(&s, nth(0)), PAGE_FAILED);
    pagestate_retry(&s, 10);
    assert_int_equal(pagestate_get(&s, nth(0)), PAGE_ABSENT);
    assert_int_equal(pagestate_get(&s, nth(1)), PAGE_FAILED);
    pagestate_retry(&s, 1000);
    assert_int_equal(pagestate_get(&s, nth(1)), PAGE_ABSENT);
    pagestate_finish(&s);
}

static void failed_page_that_came_otherwise_stays(void **state)
{
    (void)state;
    pagestate s;
    assert_true(pagestate_init(&s, &shape));
    pagestate_fail(&s, nth(0), 10);
    pagestate_set(&s, nth(0), PAGE_RESIDENT);
    pagestate_retry(&s, 10);
    assert_int_equal(pagestate_get(&s, nth(0)), PAGE_RESIDENT);
    pagestate_finish(&s);
}

static void more_failures_than_places_lose_no_page(void **state)
{
    (void)state;
    enum { PAGES = PAGESTATE_RETRIES * 3 };
    pagestate s;
    assert_true(pagestate_init(&s, &shape));
    for (uint32_t i = 0; i < PAGES; i++) {
        pagestate_fail(&s, nth(i), 100 + i);
    }
    uint32_t failed = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        failed += pagestate_get(&s, nth(i)) == PAGE_FAILED;
    }
    assert_int_equal(failed, PAGESTATE_RETRIES);
    pagestate_retry(&s, 100 + PAGES);
    for (uint32_t i = 0; i < PAGES; i++) {
        assert_int_equal(pagestate_get(&s, nth(i)), PAGE_ABSENT);
    }
    pagestate_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_page_is_absent_again_after_its_pause),
        cmocka_unit_test(failed_page_that_came_otherwise_stays),
        cmocka_unit_test(more_failures_than_places_lose_no_page),
    };
    if (!page_shape_make(16384, 8192, 4, &shape)) {
        return 1;
    }
    return cmocka_run_group_tests_name("pagestate", tests, NULL, NULL);
}
