/* The arithmetic on blocks and on Morton order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/tree.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static void the_order_for_a_size_is_the_smallest_that_holds_it(void **state)
{
    (void)state;
    assert_int_equal(buddy_order_for(0), 0);
    assert_int_equal(buddy_order_for(1), 0);
    for (uint32_t order = 1; order < 32; order++) {
        uint32_t size = UINT32_C(1) << order;
        assert_int_equal(buddy_order_for(size), order);
        assert_int_equal(buddy_order_for(size - 1), order == 1 ? 0 : order);
        assert_int_equal(buddy_order_for(size + 1), order + 1);
    }
}

static void buddies_are_each_others_buddy_and_share_a_parent(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint32_t order = seed_below(&seed, 31);
        uint32_t offset = (uint32_t)seed_next(&seed) >> order << order;
        uint32_t other = buddy_of(offset, order);
        assert_int_not_equal(other, offset);
        assert_int_equal(buddy_of(other, order), offset);
        assert_int_equal(buddy_parent_of(offset, order), buddy_parent_of(other, order));
        assert_int_equal(buddy_parent_of(offset, order), offset < other ? offset : other);
    }
}

static void morton_order_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint32_t x = seed_below(&seed, 65536), y = seed_below(&seed, 65536);
        uint32_t code = buddy_morton_encode(x, y);
        assert_int_equal(buddy_morton_x(code), x);
        assert_int_equal(buddy_morton_y(code), y);
    }
    assert_int_equal(buddy_morton_encode(1, 0), 1);
    assert_int_equal(buddy_morton_encode(0, 1), 2);
    assert_int_equal(buddy_morton_encode(65535, 65535), UINT32_MAX);
}

static void an_aligned_block_of_even_order_is_a_square(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 5; k++) {
        uint32_t side = UINT32_C(1) << k, size = side * side;
        for (uint32_t block = 0; block < 8; block++) {
            uint32_t first = block * size;
            for (uint32_t i = 0; i < size; i++) {
                assert_in_range(buddy_morton_x(first + i), buddy_morton_x(first),
                                buddy_morton_x(first) + side - 1);
                assert_in_range(buddy_morton_y(first + i), buddy_morton_y(first),
                                buddy_morton_y(first) + side - 1);
            }
        }
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_for_a_size_is_the_smallest_that_holds_it),
        cmocka_unit_test(buddies_are_each_others_buddy_and_share_a_parent),
        cmocka_unit_test(morton_order_and_back),
        cmocka_unit_test(an_aligned_block_of_even_order_is_a_square),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
