/* The marks by themselves, against a plain list of which unit belongs to which block: after every
 * step each unit must be what the list says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/heap/marks.h"
#include "tests/rigs/seed.h"

#define UNITS_MOST 203u /* odd: the last byte stands for three units */

static uint64_t seed;

/* What the marks should say. A block begins where units[u] is not 0. */
typedef struct model {
    _Atomic uint8_t groups[(UNITS_MOST + 3) / 4];
    marks m;
    uint32_t units[UNITS_MOST]; /* of the block that starts here */
    bool live[UNITS_MOST];
    bool alone;
} model;

static void make_model(model *o, uint32_t units, uint32_t max_order, bool alone)
{
    memset(o, 0, sizeof *o);
    o->m = (marks){.groups = o->groups, .units = units, .max_order = max_order};
    o->alone = alone;
}

static buddy_heap_status expected_status(const model *o, uint32_t unit)
{
    return o->units[unit] != 0 ? BUDDY_HEAP_OK
           : o->live[unit]     ? BUDDY_HEAP_INTERIOR
                               : BUDDY_HEAP_DOUBLE_FREE;
}

static void expect_agreement(const model *o)
{
    uint64_t live = 0, marked;
    for (uint32_t u = 0; u < o->m.units; u++) {
        uint32_t units = 0;
        buddy_heap_status status = marks_read(&o->m, u, &units);
        if (status != expected_status(o, u) || (status == BUDDY_HEAP_OK && units != o->units[u])) {
            fail_msg("unit %u: %s, %u units; should be: %s, %u units", u,
                     buddy_heap_status_text(status), units,
                     buddy_heap_status_text(expected_status(o, u)), o->units[u]);
        }
        live += o->live[u];
    }
    const char *fault = marks_check(&o->m, &marked);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    assert_int_equal(marked, live);
}

static bool all_dead(const model *o, uint32_t from, uint32_t to)
{
    for (uint32_t u = from; u < to; u++) {
        if (o->live[u]) {
            return false;
        }
    }
    return true;
}

static uint32_t random_order(const model *o)
{
    return seed_below(&seed, o->m.max_order + 1);
}

/* Marks a block of a power of two, or one that was cut, where there is room for the whole power. */
static void set_one(model *o)
{
    uint32_t order = random_order(o), size = UINT32_C(1) << order;
    uint32_t at = seed_below(&seed, o->m.units) >> order << order;
    if (at + size > o->m.units) {
        return;
    }
    bool cut = seed_below(&seed, 2);
    uint32_t units = cut ? size - seed_below(&seed, size / 2 + 1) : size;
    if (!all_dead(o, at, at + units)) {
        return; /* what a cut left over may be somebody's: the bytes are shared then */
    }
    if (cut) {
        marks_set_exact(&o->m, at, units);
    } else {
        marks_set(&o->m, at, order);
    }
    o->units[at] = units;
    memset(o->live + at, true, units);
}

/* Frees a unit, with a size or without: a right one, or one that is wrong in some way. */
static void clear_one(model *o, uint32_t u)
{
    static const uint32_t sizes[] = {MARKS_ANY_UNITS, 1, 2, 3, 4, 5, 8, 13, 64};
    uint32_t expected = sizes[seed_below(&seed, 9)], units = 0;
    expected = seed_below(&seed, 2) && o->units[u] != 0 ? o->units[u] : expected;
    buddy_heap_status should = expected_status(o, u);
    if (should == BUDDY_HEAP_OK && expected != MARKS_ANY_UNITS && expected != o->units[u]) {
        should = BUDDY_HEAP_WRONG_SIZE;
    }
    assert_int_equal(marks_clear(&o->m, u, expected, o->alone, &units), should);
    if (should == BUDDY_HEAP_OK) {
        assert_int_equal(units, o->units[u]);
        memset(o->live + u, false, units);
        o->units[u] = 0;
    }
}

/* Whether a block of the core is dead must be what the list says, wherever it lies. */
static void look_at_a_block(const model *o)
{
    uint32_t order = random_order(o), size = UINT32_C(1) << order;
    uint32_t at = seed_below(&seed, o->m.units) >> order << order;
    if (at + size <= o->m.units) {
        assert_int_equal(marks_all_dead(&o->m, (buddy_block){.offset = at, .order = order}),
                         all_dead(o, at, at + size));
    }
}

static void play(uint32_t units, uint32_t max_order, bool alone)
{
    model o;
    make_model(&o, units, max_order, alone);
    for (int step = 0; step < 4000; step++) {
        if (seed_below(&seed, 3) != 0) {
            set_one(&o);
        } else {
            clear_one(&o, seed_below(&seed, units));
        }
        look_at_a_block(&o);
        expect_agreement(&o);
    }
    for (uint32_t u = 0; u < units; u++) {
        while (o.units[u] != 0) {
            clear_one(&o, u);
        }
    }
    for (size_t g = 0; g < sizeof o.groups; g++) {
        assert_int_equal(o.groups[g], 0);
    }
}

static void marks_of_small_blocks_say_what_a_list_says(void **state)
{
    (void)state;
    play(UNITS_MOST, 3, false); /* single units to eight mixed: bytes are shared all the time */
    play(UNITS_MOST, 3, true);
    play(3, 1, false);
    play(1, 0, false);
}

static void marks_of_any_blocks_say_what_a_list_says(void **state)
{
    (void)state;
    play(UNITS_MOST, 7, false);
    play(UNITS_MOST, 7, true);
    play(64, 6, false);
}

/* A size is rounded up only where a row of pieces could not say it: by less than 1/32768, and never
 * past the power of two that the block is cut from. */
static void exact_sizes_are_rounded_as_promised(void **state)
{
    (void)state;
    for (uint32_t units = 1; units < 1 << 16; units++) {
        assert_int_equal(marks_exact_units(units), units);
    }
    for (int i = 0; i < 100000; i++) {
        uint32_t units = (uint32_t)seed_next(&seed) >> seed_below(&seed, 16);
        units = units < 1 << 16 ? 1 << 16 : units;
        uint64_t rounded = marks_exact_units(units);
        assert_true(rounded >= units && (rounded - units) * 32768 < units);
        if (rounded < UINT32_MAX) {
            assert_int_equal(marks_exact_units((uint32_t)rounded), rounded);
        }
    }
    assert_int_equal(marks_exact_units((1 << 16) + 1), (1 << 16) + 2);
    assert_int_equal(marks_exact_units((1 << 17) - 1), 1 << 17);
    assert_int_equal(marks_exact_units(UINT32_C(1) << 31), UINT32_C(1) << 31);
    assert_int_equal(marks_exact_units(0xffff0000), 0xffff0000); /* the last that can be said */
    assert_int_equal(marks_exact_units(0xffff0001), UINT32_MAX);
    assert_int_equal(marks_exact_units(UINT32_MAX), UINT32_MAX);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_of_small_blocks_say_what_a_list_says),
        cmocka_unit_test(marks_of_any_blocks_say_what_a_list_says),
        cmocka_unit_test(exact_sizes_are_rounded_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
