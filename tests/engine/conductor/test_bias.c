/* test_bias.c: a pool that is too small looks softer, and comes to rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/bias.h"

#include <math.h>

#define IMAGES 20000

/* A camera at rest whose demand shrinks by four with every mip of bias. Returns how often the bias
 * moved in the last half of the run. */
static int moves_at_rest(float need, uint32_t capacity, bias *b)
{
    int moves = 0;
    for (int image = 0; image < IMAGES; image++) {
        const uint32_t wanted = (uint32_t)(need * powf(0.25f, b->value));
        const bool moved = bias_step(b, wanted, capacity, wanted > capacity);
        moves += moved && image > IMAGES / 2;
    }
    return moves;
}

static void still_camera_comes_to_rest_at_every_budget(void **state)
{
    (void)state;
    for (uint32_t capacity = 16; capacity < 5000; capacity += 7) {
        bias b = {.limit = 8};
        assert_int_equal(moves_at_rest(1000, capacity, &b), 0);
        assert_true((uint32_t)(1000 * powf(0.25f, b.value)) <= capacity);
    }
}

/* A picture seen straight on: all of it goes from one mip to the next at once. */
static void picture_that_jumps_by_whole_mips_comes_to_rest(void **state)
{
    (void)state;
    for (uint32_t capacity = 16; capacity < 1000; capacity += 7) {
        bias b = {.limit = 8};
        int moves = 0;
        for (int image = 0; image < IMAGES; image++) {
            const uint32_t wanted = (uint32_t)(1000 * powf(0.25f, floorf(b.value)));
            moves += bias_step(&b, wanted, capacity, wanted > capacity) && image > IMAGES / 2;
        }
        assert_int_equal(moves, 0);
        assert_true((uint32_t)(1000 * powf(0.25f, floorf(b.value))) <= capacity);
    }
}

static void far_too_small_a_pool_is_answered_within_a_few_steps(void **state)
{
    (void)state;
    bias b = {.limit = 8};
    int image = 0;
    while (1000 * powf(0.25f, b.value) > 10) {
        bias_step(&b, (uint32_t)(1000 * powf(0.25f, b.value)), 10, true);
        image++;
    }
    assert_true(image <= 16);
}

static void ample_pool_has_no_bias(void **state)
{
    (void)state;
    bias b = {.limit = 4};
    moves_at_rest(1000, 1100, &b);
    assert_true(b.value == 0 && b.peak == 0);
}

static void bias_goes_back_to_zero_when_the_need_is_gone(void **state)
{
    (void)state;
    bias b = {.limit = 4};
    moves_at_rest(4000, 300, &b);
    assert_true(b.value > 1);
    moves_at_rest(100, 300, &b);
    assert_true(b.value == 0);
}

static void limit_holds(void **state)
{
    (void)state;
    bias b = {.limit = 2};
    moves_at_rest(1e6f, 10, &b);
    assert_true(b.value == 2 && b.peak == 2);
    b.limit = 1; /* turned down while running */
    bias_step(&b, 10, 10, false);
    assert_true(b.value == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(still_camera_comes_to_rest_at_every_budget),
        cmocka_unit_test(picture_that_jumps_by_whole_mips_comes_to_rest),
        cmocka_unit_test(far_too_small_a_pool_is_answered_within_a_few_steps),
        cmocka_unit_test(ample_pool_has_no_bias),
        cmocka_unit_test(bias_goes_back_to_zero_when_the_need_is_gone),
        cmocka_unit_test(limit_holds),
    };
    return cmocka_run_group_tests_name("bias", tests, NULL, NULL);
}
