/* test_buddy_take.c: blocks put back as they were (buddy_take_all): all of them or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/buddy.h"
#include "tests/rigs/seed.h"

#include <stdlib.h>

enum { ROUNDS = 60, MOST = 400 };

static buddy *make(uint32_t units)
{
    const buddy_desc desc = {.units = units};
    const size_t bytes = (buddy_sizeof(&desc) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    assert_non_null(memory);
    buddy *b = buddy_init(memory, bytes, &desc);
    assert_non_null(b);
    return b;
}

static void shuffle(buddy_block *blocks, uint32_t count, uint64_t *seed)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t k = seed_below(seed, i);
        const buddy_block held = blocks[i - 1];
        blocks[i - 1] = blocks[k];
        blocks[k] = held;
    }
}

/* Blocks of every size, some of them given back. Returns how many are live. */
static uint32_t live_through(buddy *b, buddy_block live[MOST], uint64_t *seed)
{
    uint32_t count = 0;
    for (uint32_t step = 0; step < 3 * MOST; step++) {
        if (count == MOST || (count > 0 && seed_below(seed, 3) == 0)) {
            const uint32_t i = seed_below(seed, count);
            buddy_free(b, live[i].offset, live[i].order);
            live[i] = live[--count];
        } else {
            const uint32_t order = seed_below(seed, 6);
            const uint32_t offset = buddy_try(b, order, BUDDY_ANYWHERE);
            if (offset != BUDDY_NONE) {
                live[count++] = (buddy_block){offset, order};
            }
        }
    }
    return count;
}

static void a_taken_state_is_the_one_that_was(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t units = 1 + seed_below(&seed, 9000);
        buddy_block live[MOST];
        buddy_stats before, after;
        buddy *old = make(units), *new = make(units);
        const uint32_t count = live_through(old, live, &seed);
        shuffle(live, count, &seed);
        assert_true(buddy_take_all(new, live, count));
        assert_null(buddy_check(new));
        buddy_get_stats(old, &before);
        buddy_get_stats(new, &after);
        assert_int_equal(before.free_units, after.free_units);
        assert_memory_equal(before.free_blocks, after.free_blocks, sizeof before.free_blocks);
        for (uint32_t i = 0; i < count; i++) { /* and all of it merges again */
            buddy_free(new, live[i].offset, live[i].order);
        }
        assert_null(buddy_check(new));
        assert_int_equal(buddy_free_units(new), units);
        free(old);
        free(new);
    }
}

static void what_cannot_be_taken_as_a_whole_changes_nothing(void **state)
{
    (void)state;
    buddy *b = make(1000);
    const buddy_block good[] = {{0, 3}, {64, 5}, {999, 0}};
    const buddy_block bad[][2] = {
        {{200, 3}, {200, 0}},  /* one inside the other */
        {{200, 3}, {207, 0}},  /* likewise, at its end */
        {{200, 3}, {8, 2}},    /* with a block that is taken inside … */
        {{200, 3}, {0, 2}},    /* … or round it */
        {{200, 3}, {201, 1}},  /* not where such a block may begin */
        {{200, 3}, {992, 3}},  /* beyond the end */
        {{200, 3}, {4000, 0}}, /* far beyond it */
        {{200, 3}, {0, 31}},   /* larger than all */
        {{200, 3}, {0, 77}},   /* no order at all */
    };
    assert_true(buddy_take_all(b, good, 3));
    const uint32_t left = buddy_free_units(b);
    assert_int_equal(left, 1000 - 8 - 32 - 1);
    assert_true(buddy_take_all(b, &(buddy_block){8, 2}, 1));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(buddy_take_all(b, bad[i], 2));
        assert_null(buddy_check(b));
        assert_int_equal(buddy_free_units(b), left - 4);
    }
    assert_true(buddy_take_all(b, NULL, 0));
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taken_state_is_the_one_that_was),
        cmocka_unit_test(what_cannot_be_taken_as_a_whole_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
