/* test_requests.c: the order in which missing pages are sent for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/requests.h"

#include "tests/seed.h"

static page_shape shape_of(uint32_t width, uint32_t height)
{
    page_shape s;
    assert_true(page_shape_make(width, height, 4, &s));
    return s;
}

static uint32_t id_of(uint8_t mip, uint16_t x, uint16_t y)
{
    return page_pack((vt_page){1, mip, x, y});
}

static void want_lists_all_ancestors_once(void **state)
{
    (void)state;
    const page_shape s = shape_of(120 * 8, 120 * 8);
    requests *r = requests_create(&s, 16);
    const feedback_want wants[] = {{id_of(0, 0, 0), 3}, {id_of(0, 1, 0), 5}, {id_of(1, 3, 3), 2}};
    const request *list;
    /* (0,0,0) (0,1,0) (1,0,0) (2,0,0) (3,0,0) (1,3,3) (2,1,1) */
    assert_int_equal(requests_order(r, wants, 3, &list), 7);
    assert_int_equal(list[0].page_id, id_of(3, 0, 0));
    assert_int_equal(list[0].pixels, 10);
    assert_int_equal(list[1].page_id, id_of(2, 0, 0));
    assert_int_equal(list[1].pixels, 8);
    requests_destroy(r);
}

/* Whatever the wants: each page once, its ancestors before it, pixels that add up. */
static void ancestors_come_before_what_lies_below(void **state)
{
    (void)state;
    const page_shape s = shape_of(9000, 5000);
    uint64_t random = seed_of_run();
    requests *r = requests_create(&s, 64);
    for (int round = 0; round < 200; round++) {
        feedback_want wants[64];
        uint32_t pixels = 0;
        const uint32_t count = 1 + seed_below(&random, 64);
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t mip = (uint8_t)seed_below(&random, s.mips);
            wants[i].page_id = id_of(mip, (uint16_t)seed_below(&random, page_columns(&s, mip)),
                                     (uint16_t)seed_below(&random, page_rows(&s, mip)));
            wants[i].pixels = 1 + seed_below(&random, 1000);
            pixels += wants[i].pixels;
        }
        const request *list;
        const uint32_t listed = requests_order(r, wants, count, &list);
        assert_int_equal(list[0].page_id, id_of((uint8_t)(s.mips - 1), 0, 0));
        assert_int_equal(list[0].pixels, pixels);
        for (uint32_t i = 1; i < listed; i++) {
            const uint32_t parent = page_pack(page_parent(page_unpack(list[i].page_id)));
            uint32_t at = 0, same = 0;
            while (at < listed && list[at].page_id != parent) {
                at++;
            }
            for (uint32_t j = 0; j < listed; j++) {
                same += list[j].page_id == list[i].page_id;
            }
            assert_true(at < i);
            assert_int_equal(same, 1);
            assert_true(list[i].pixels <= list[at].pixels);
        }
    }
    requests_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_lists_all_ancestors_once),
        cmocka_unit_test(ancestors_come_before_what_lies_below),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
