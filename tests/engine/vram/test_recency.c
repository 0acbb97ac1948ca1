/* test_recency.c: the tree against a model that looks at every slot of every square. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vram/recency.h"

#include "tests/rigs/seed.h"

enum { MOST_SLOTS = 1 << 2 * 5, STEPS = 3000 };

static uint64_t model[MOST_SLOTS];

/* The rule itself. */
static uint32_t cheapest_by_looking(uint32_t levels, uint32_t order, uint64_t *key)
{
    const uint32_t side = 1u << 2 * order;
    uint32_t best = 0;
    *key = RECENCY_NEVER;
    for (uint32_t first = 0; first + side <= 1u << 2 * levels; first += side) {
        uint64_t largest = 0;
        for (uint32_t slot = first; slot < first + side; slot++) {
            largest = model[slot] > largest ? model[slot] : largest;
        }
        if (largest < *key) {
            *key = largest;
            best = first;
        }
    }
    return best;
}

static void compare(const recency *r, uint32_t levels)
{
    for (uint32_t order = 0; order <= RECENCY_MAX_ORDER; order++) {
        uint64_t right, key;
        const uint32_t first = cheapest_by_looking(levels, order, &right);
        const uint32_t found = recency_cheapest(r, order, &key);
        assert_true(key == right);
        if (key != RECENCY_NEVER) {
            assert_int_equal(found, first);
        }
    }
}

static void cheapest_square_is_what_looking_at_all_finds(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    for (uint32_t levels = 0; levels <= 5; levels++) {
        recency r;
        assert_true(recency_init(&r, levels));
        for (uint32_t i = 0; i < MOST_SLOTS; i++) {
            model[i] = RECENCY_FREE;
        }
        compare(&r, levels);
        for (int step = 0; step < STEPS; step++) {
            const uint32_t slot = seed_below(&random, 1u << 2 * levels);
            const uint32_t kind = seed_below(&random, 10);
            model[slot] = kind == 0   ? RECENCY_FREE
                          : kind == 1 ? RECENCY_NEVER
                                      : 1 + seed_below(&random, 50 + (uint32_t)step);
            recency_set(&r, slot, model[slot]);
            assert_true(recency_get(&r, slot) == model[slot]);
            compare(&r, levels);
        }
        assert_null(recency_check(&r));
        recency_finish(&r);
    }
}

static void all_that_cannot_be_taken_is_never(void **state)
{
    (void)state;
    recency r;
    uint64_t key;
    assert_true(recency_init(&r, 3));
    for (uint32_t slot = 0; slot < 64; slot++) {
        recency_set(&r, slot, RECENCY_NEVER);
    }
    for (uint32_t order = 0; order <= RECENCY_MAX_ORDER; order++) {
        recency_cheapest(&r, order, &key);
        assert_true(key == RECENCY_NEVER);
    }
    recency_set(&r, 37, 5);
    assert_int_equal(recency_cheapest(&r, 0, &key), 37);
    recency_cheapest(&r, 1, &key);
    assert_true(key == RECENCY_NEVER);
    recency_finish(&r);
}

static void check_sees_a_node_that_lies(void **state)
{
    (void)state;
    recency r;
    assert_true(recency_init(&r, 4));
    recency_set(&r, 100, 7);
    assert_null(recency_check(&r));
    r.keys[100] = 8;
    assert_non_null(recency_check(&r));
    recency_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheapest_square_is_what_looking_at_all_finds),
        cmocka_unit_test(all_that_cannot_be_taken_is_never),
        cmocka_unit_test(check_sees_a_node_that_lies),
    };
    return cmocka_run_group_tests_name("recency", tests, NULL, NULL);
}
