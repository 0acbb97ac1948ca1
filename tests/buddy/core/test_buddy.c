/* The core against its model, one thread: whatever is done, the free blocks are the maximal free
 * runs, a refusal is deserved, and all given back is all as at first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/core/core.h"
#include "tests/rigs/buddy/buddy_model.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static const uint32_t SIZES[] = {1, 2, 3, 5, 63, 64, 65, 127, 129, 1000, 4097};
#define SIZE_COUNT (sizeof SIZES / sizeof SIZES[0])

#define MOST_LIVE 5000

/* A core, its model, and what has been handed out. */
typedef struct fixture {
    void *memory;
    buddy *b;
    buddy_model m;
    buddy_block live[MOST_LIVE];
    uint32_t live_count;
    uint32_t hole_offset, hole_count; /* reserved; 0 units: none */
} fixture;

static void *aligned_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0xa5, bytes); /* init must not count on zeros */
    return memory;
}

static void make(fixture *f, buddy_desc desc)
{
    memset(f, 0, sizeof *f);
    size_t bytes = buddy_sizeof(&desc);
    assert_int_not_equal(bytes, 0);
    f->memory = aligned_memory(bytes);
    f->b = buddy_init(f->memory, bytes, &desc);
    assert_ptr_equal(f->b, f->memory);
    assert_true(buddy_model_init(&f->m, &desc));
}

static void drop(fixture *f)
{
    free(f->memory);
    buddy_model_finish(&f->m);
}

static void check(const fixture *f)
{
    const char *fault = buddy_check(f->b);
    fault = fault != NULL ? fault : buddy_model_compare(&f->m, f->b);
    if (fault != NULL) {
        fail_msg("%u units, max order %u: %s", f->m.units, f->m.max_order, fault);
    }
}

/* Books a block that the core has handed out. */
static void took(fixture *f, uint32_t offset, uint32_t order)
{
    assert_int_equal(offset & ((UINT32_C(1) << order) - 1), 0);
    assert_true(buddy_model_all_free(&f->m, offset, UINT32_C(1) << order));
    buddy_model_mark(&f->m, offset, UINT32_C(1) << order, true);
    assert_true(f->live_count < MOST_LIVE);
    f->live[f->live_count++] = (buddy_block){offset, order};
}

/* Takes a random block out of the books. */
static buddy_block pick(fixture *f)
{
    uint32_t i = seed_below(&seed, f->live_count);
    buddy_block block = f->live[i];
    f->live[i] = f->live[--f->live_count];
    buddy_model_mark(&f->m, block.offset, UINT32_C(1) << block.order, false);
    return block;
}

static void free_all(fixture *f)
{
    while (f->live_count > 0) {
        buddy_block block = pick(f);
        buddy_free(f->b, block.offset, block.order);
    }
    if (f->hole_count > 0) {
        buddy_release(f->b, f->hole_offset, f->hole_count);
        buddy_model_mark(&f->m, f->hole_offset, f->hole_count, false);
        f->hole_count = 0;
    }
}

/* ---- making one ---- */

static void a_new_core_is_the_fewest_blocks_that_make_up_its_units(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        make(&f, (buddy_desc){.units = SIZES[i]});
        check(&f);
        buddy_stats stats;
        buddy_get_stats(f.b, &stats);
        assert_int_equal(stats.units, SIZES[i]);
        assert_int_equal(stats.free_units, SIZES[i]);
        assert_int_equal(stats.max_order, f.m.max_order);
        assert_int_equal(stats.largest_order, f.m.max_order);
        for (uint32_t order = 0; order <= stats.max_order; order++) {
            assert_int_equal(stats.free_blocks[order], SIZES[i] >> order & 1);
        }
        drop(&f);
    }
}

static void blocks_merge_up_to_max_order_and_no_further(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 1000, .max_order = 4});
    check(&f);
    assert_int_equal(buddy_try(f.b, 5, 0), BUDDY_NONE);
    assert_int_equal(buddy_alloc(f.b, 5, 0), BUDDY_NONE);
    uint32_t offsets[1000];
    assert_int_equal(buddy_try_bulk(f.b, 0, 0, 1000, offsets), 1000);
    buddy_free_bulk(f.b, 0, 1000, offsets);
    buddy_stats stats;
    buddy_get_stats(f.b, &stats);
    assert_int_equal(stats.free_blocks[4], 62);
    assert_int_equal(stats.free_blocks[3], 1);
    check(&f);
    drop(&f);
}

static void impossible_descs_and_bad_memory_are_refused(void **state)
{
    (void)state;
    assert_int_equal(buddy_sizeof(&(buddy_desc){.units = 0}), 0);
    assert_int_equal(buddy_sizeof(&(buddy_desc){.units = UINT32_MAX}), 0);
    assert_int_equal(buddy_sizeof(&(buddy_desc){.units = 63, .max_order = 6}), 0);
    assert_int_equal(buddy_sizeof(&(buddy_desc){.units = 64, .max_order = 32}), 0);
    assert_int_not_equal(buddy_sizeof(&(buddy_desc){.units = 64, .max_order = 6}), 0);

    buddy_desc desc = {.units = 1000};
    size_t bytes = buddy_sizeof(&desc);
    unsigned char *memory = aligned_memory(bytes + 64);
    assert_null(buddy_init(NULL, bytes, &desc));
    assert_null(buddy_init(memory, 0, &desc));
    assert_null(buddy_init(memory, bytes - 1, &desc));
    assert_null(buddy_init(memory + 8, bytes, &desc));
    assert_null(buddy_init(memory, bytes, &(buddy_desc){.units = 0}));
    for (size_t i = 0; i < bytes + 64; i++) {
        assert_int_equal(memory[i], 0xa5); /* a refusal writes nothing */
    }
    assert_non_null(buddy_init(memory, bytes, &desc));
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(memory[bytes + i], 0xa5); /* sizeof is no less than what is used */
    }
    free(memory);
}

static void metadata_stays_near_two_bits_a_unit(void **state)
{
    (void)state;
    assert_true(buddy_sizeof(&(buddy_desc){.units = 64}) <= 1024);
    for (uint64_t units = UINT64_C(1) << 20; units <= UINT64_C(1) << 32; units <<= 4) {
        uint32_t n = units > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)units;
        double bits = 8.0 * (double)buddy_sizeof(&(buddy_desc){.units = n}) / n;
        print_message("%u units: %.3f bits of metadata a unit\n", n, bits);
        assert_true(bits > 2.0 && bits <= 2.2);
    }
}

/* ---- filling ---- */

static void every_order_fills_to_the_last_block(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        make(&f, (buddy_desc){.units = SIZES[i]});
        for (uint32_t order = 0; order <= f.m.max_order; order++) {
            uint32_t offset;
            while ((offset = buddy_alloc(f.b, order, seed_below(&seed, SIZES[i]))) != BUDDY_NONE) {
                took(&f, offset, order);
            }
            assert_int_equal(f.live_count, SIZES[i] >> order);
            check(&f);
            free_all(&f);
            check(&f);
        }
        drop(&f);
    }
}

static void a_block_may_be_given_back_in_parts(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 65});
    assert_int_equal(buddy_try(f.b, 6, 0), 0);
    buddy_model_mark(&f.m, 0, 64, true);
    for (uint32_t order = 5; order != UINT32_MAX; order--) {
        buddy_free(f.b, UINT32_C(1) << order, order);
        buddy_model_mark(&f.m, UINT32_C(1) << order, UINT32_C(1) << order, false);
        check(&f);
    }
    buddy_free(f.b, 0, 0);
    buddy_model_mark(&f.m, 0, 1, false);
    check(&f);
    drop(&f);
}

static void a_hint_is_followed(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 4096});
    for (int i = 0; i < 200; i++) {
        uint32_t near = seed_below(&seed, 4096), order = seed_below(&seed, 6);
        assert_int_equal(buddy_try(f.b, order, near), near >> order << order);
        buddy_free(f.b, near >> order << order, order);
    }
    /* With all units out, the nearest of the free ones in the hint's word is taken. */
    static uint32_t all[4096];
    assert_int_equal(buddy_try_bulk(f.b, 0, 0, 4096, all), 4096);
    buddy_free(f.b, 1000, 0);
    buddy_free(f.b, 1010, 0);
    buddy_free(f.b, 7, 0);
    assert_int_equal(buddy_try(f.b, 0, 1004), 1000);
    assert_int_equal(buddy_try(f.b, 0, 1004), 1010);
    assert_int_equal(buddy_try(f.b, 0, 1004), 7);
    assert_int_equal(buddy_try(f.b, 0, UINT32_MAX), BUDDY_NONE);
    drop(&f);
}

/* ---- random histories ---- */

static void step_take(fixture *f, bool strict)
{
    uint32_t order = seed_below(&seed, f->m.max_order + 2);
    order = seed_below(&seed, 2) ? order / 2 : order;
    uint32_t near = seed_below(&seed, 2) ? 0 : seed_below(&seed, f->m.units + 3);
    buddy_block best = buddy_model_best(&f->m, order);
    uint32_t offset = strict ? buddy_alloc(f->b, order, near) : buddy_try(f->b, order, near);
    if (best.order == BUDDY_ORDERS) {
        assert_int_equal(offset, BUDDY_NONE);
        return;
    }
    assert_int_not_equal(offset, BUDDY_NONE);
    if (near == 0) {
        assert_int_equal(offset, best.offset); /* lowest address of the best fit */
    } else {
        uint32_t from = offset >> best.order << best.order;
        assert_int_equal(buddy_model_block_at(&f->m, from), best.order);
    }
    took(f, offset, order);
}

static void step_bulk_take(fixture *f)
{
    uint32_t offsets[100], order = seed_below(&seed, 4), count = seed_below(&seed, 101);
    uint32_t fitting = 0;
    for (uint32_t at = 0; at < f->m.units && order <= f->m.max_order; at += UINT32_C(1) << order) {
        fitting += buddy_model_all_free(&f->m, at, UINT32_C(1) << order);
    }
    uint32_t taken = buddy_try_bulk(f->b, order, seed_below(&seed, f->m.units), count, offsets);
    assert_int_equal(taken, count < fitting ? count : fitting);
    for (uint32_t i = 0; i < taken; i++) {
        took(f, offsets[i], order);
    }
}

static void step_bulk_free(fixture *f)
{
    uint32_t offsets[100], count = 0, order = BUDDY_ORDERS;
    for (uint32_t i = 0; i < f->live_count && count < 100;) {
        buddy_block block = f->live[i];
        order = order == BUDDY_ORDERS ? block.order : order;
        if (block.order != order || seed_below(&seed, 4) == 0) {
            i++;
            continue;
        }
        offsets[count++] = block.offset;
        buddy_model_mark(&f->m, block.offset, UINT32_C(1) << order, false);
        f->live[i] = f->live[--f->live_count];
    }
    if (count > 0) {
        buddy_free_bulk(f->b, order, count, offsets);
    }
}

static void step_gather(fixture *f)
{
    uint32_t units = 1 + seed_below(&seed, f->m.units + 2);
    units = seed_below(&seed, 2) ? units : 1 + units / 16;
    buddy_block pieces[BUDDY_PIECES];
    uint32_t count = buddy_gather(f->b, units, seed_below(&seed, f->m.units), pieces);
    assert_true(count <= BUDDY_PIECES);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(i == 0 || pieces[i].order <= pieces[i - 1].order);
        took(f, pieces[i].offset, pieces[i].order);
        sum += UINT32_C(1) << pieces[i].order;
    }
    assert_int_equal(sum, count == 0 ? 0 : buddy_gather_units(units));
}

static void step_reserve(fixture *f)
{
    if (f->hole_count > 0) {
        buddy_release(f->b, f->hole_offset, f->hole_count);
        buddy_model_mark(&f->m, f->hole_offset, f->hole_count, false);
        f->hole_count = 0;
        return;
    }
    uint32_t offset = seed_below(&seed, f->m.units + 1);
    uint32_t count = 1 + seed_below(&seed, f->m.units / 8 + 2);
    bool possible = buddy_model_all_free(&f->m, offset, count);
    assert_int_equal(buddy_reserve(f->b, offset, count), possible);
    if (possible) {
        buddy_model_mark(&f->m, offset, count, true);
        f->hole_offset = offset;
        f->hole_count = count;
    }
}

static void step(fixture *f)
{
    switch (seed_below(&seed, 12)) {
    case 0:
        step_bulk_take(f);
        break;
    case 1:
    case 2:
        step_bulk_free(f);
        break;
    case 3:
        step_gather(f);
        break;
    case 4:
        step_reserve(f);
        break;
    case 5:
    case 6:
        step_take(f, true);
        break;
    case 7:
    case 8:
        step_take(f, false);
        break;
    default:
        if (f->live_count > 0) {
            buddy_block block = pick(f);
            buddy_free(f->b, block.offset, block.order);
        }
        break;
    }
}

static void any_history_agrees_with_the_model_at_every_step(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < 2 * SIZE_COUNT; i++) {
        uint32_t units = SIZES[i / 2];
        uint32_t cap = i % 2 ? seed_below(&seed, 32) : 0; /* 0: as large as fits */
        while (units >> cap == 0) {
            cap /= 2;
        }
        make(&f, (buddy_desc){.units = units, .max_order = cap});
        int steps = units > 1000 ? 500 : 2000;
        for (int s = 0; s < steps; s++) {
            step(&f);
            check(&f);
        }
        free_all(&f);
        check(&f);
        drop(&f);
    }
}

/* ---- gather ---- */

static uint32_t digits(uint32_t x)
{
    uint32_t sum = 0;
    for (; x != 0; x &= x - 1) {
        sum++;
    }
    return sum;
}

static void a_gathered_size_is_the_next_one_with_four_digits(void **state)
{
    (void)state;
    assert_int_equal(buddy_gather_units(0), 0);
    for (uint32_t units = 1; units < 70000; units++) {
        uint32_t expected = units;
        while (digits(expected) > BUDDY_PIECES) {
            expected++;
        }
        assert_int_equal(buddy_gather_units(units), expected);
    }
}

static void gathering_loses_a_sixteenth_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint32_t units = 1 + ((uint32_t)seed_next(&seed) >> seed_below(&seed, 31)) % 0xf0000000u;
        uint32_t taken = buddy_gather_units(units);
        assert_true(taken >= units && digits(taken) <= BUDDY_PIECES);
        assert_true((uint64_t)(taken - units) * 16 <= taken);
    }
    assert_int_equal(buddy_gather_units(UINT32_MAX), UINT32_MAX); /* 2^32 cannot be said */
}

static void a_missing_piece_is_made_of_two_smaller_ones(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 64});
    buddy_block pieces[BUDDY_PIECES];
    static uint32_t all[64];
    assert_int_equal(buddy_try_bulk(f.b, 0, 0, 64, all), 64);
    static const uint32_t HOLES[] = {8, 24, 40}; /* of four units each */
    for (int i = 0; i < 3; i++) {
        buddy_free(f.b, HOLES[i], 2);
    }
    assert_int_equal(buddy_gather(f.b, 8, 0, pieces), 2);
    assert_int_equal(pieces[0].order, 2);
    assert_int_equal(pieces[1].order, 2);
    buddy_free(f.b, pieces[0].offset, 2);
    buddy_free(f.b, pieces[1].offset, 2);
    /* 12 = 8 + 4: the 8 becomes 4 + 4. 16 would need four, of which there are three. */
    assert_int_equal(buddy_gather(f.b, 12, 0, pieces), 3);
    for (int i = 0; i < 3; i++) {
        buddy_free(f.b, pieces[i].offset, pieces[i].order);
    }
    assert_int_equal(buddy_gather(f.b, 16, 0, pieces), 0);
    assert_int_equal(buddy_free_units(f.b), 12);
    assert_null(buddy_check(f.b));
    assert_int_equal(buddy_gather(f.b, 0, 0, pieces), 0);
    assert_int_equal(buddy_gather(f.b, 65, 0, pieces), 0);
    assert_int_equal(buddy_gather(f.b, UINT32_MAX, 0, pieces), 0);
    drop(&f);
}

/* ---- reserve ---- */

static void reserved_units_are_never_handed_out(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 1000});
    assert_true(buddy_reserve(f.b, 100, 333));
    assert_false(buddy_reserve(f.b, 432, 1));
    assert_true(buddy_reserve(f.b, 433, 0));
    assert_false(buddy_reserve(f.b, 990, 11));
    assert_false(buddy_reserve(f.b, 1001, 0));
    assert_false(buddy_reserve(f.b, 999, UINT32_MAX));
    buddy_model_mark(&f.m, 100, 333, true);
    check(&f);
    uint32_t offset;
    while ((offset = buddy_alloc(f.b, 0, 200)) != BUDDY_NONE) {
        took(&f, offset, 0);
    }
    assert_int_equal(f.live_count, 1000 - 333);
    buddy_release(f.b, 100, 333);
    buddy_model_mark(&f.m, 100, 333, false);
    check(&f);
    free_all(&f);
    check(&f);
    drop(&f);
}

/* ---- walk and check ---- */

static bool stop_at_third(void *context, buddy_block block)
{
    (void)block;
    return ++*(int *)context < 3;
}

static void a_walk_ends_when_the_visitor_says_so(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 127});
    int visits = 0;
    buddy_walk(f.b, stop_at_third, &visits);
    assert_int_equal(visits, 3);
    drop(&f);
}

/* Flips a bit of a bitmap or a summary behind the core's back. */
static void flip(const fixture *f, uint32_t order, uint32_t level, uint32_t bit)
{
    atomic_fetch_xor(freeset_word(&f->b->sets[order], level, bit / 64), UINT64_C(1) << bit % 64);
}

static void the_check_sees_every_kind_of_damage(void **state)
{
    (void)state;
    static fixture f;
    static const struct {
        uint32_t order, level, bit;
        const char *says;
    } damage[] = {
        /* 4097 units are one block of order 12 and one of order 0 */
        {6, 0, 5, "a unit is in two free blocks"},
        {11, 0, 2, "a block beyond the last unit is free"},
        {0, 0, 4096, "a summary differs from what it sums up"}, /* the last bit of its word goes */
        {0, 1, 63, "a summary differs from what it sums up"},
        {12, 0, 0, "a count of free blocks differs from the bitmap"},
    };
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        make(&f, (buddy_desc){.units = 4097});
        flip(&f, damage[i].order, damage[i].level, damage[i].bit);
        const char *fault = buddy_check(f.b);
        assert_non_null(fault);
        assert_string_equal(fault, damage[i].says);
        drop(&f);
    }
    make(&f, (buddy_desc){.units = 4097});
    assert_int_equal(buddy_try(f.b, 11, 2048), 2048); /* the other half is free now */
    flip(&f, 11, 0, 1);
    assert_string_equal(buddy_check(f.b), "two buddies are both free");
    drop(&f);
    make(&f, (buddy_desc){.units = 4097});
    atomic_fetch_add(&f.b->reserved, 1);
    assert_string_equal(buddy_check(f.b),
                        "more units are free than there are outside the reserved ones");
    drop(&f);
}

static void figures_count_what_happened(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_desc){.units = 64});
    uint32_t offset = buddy_try(f.b, 0, 0);
    buddy_stats stats;
    buddy_get_stats(f.b, &stats);
    assert_int_equal(stats.splits, 6);
    assert_int_equal(stats.merges, 0);
    assert_int_equal(stats.largest_order, 5);
    assert_int_equal(stats.metadata_bytes, buddy_sizeof(&(buddy_desc){.units = 64}));
    buddy_free(f.b, offset, 0);
    uint32_t offsets[64];
    assert_int_equal(buddy_try_bulk(f.b, 0, 0, 64, offsets), 64);
    buddy_get_stats(f.b, &stats);
    assert_int_equal(stats.splits, 6 + 63);
    assert_int_equal(stats.merges, 6);
    assert_int_equal(stats.largest_order, BUDDY_ORDERS);
    assert_int_equal(stats.free_units, 0);
    buddy_free_bulk(f.b, 0, 64, offsets);
    buddy_get_stats(f.b, &stats);
    assert_int_equal(stats.merges, 6 + 63);
    assert_int_equal(stats.failed_cas, 0);
    drop(&f);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_core_is_the_fewest_blocks_that_make_up_its_units),
        cmocka_unit_test(blocks_merge_up_to_max_order_and_no_further),
        cmocka_unit_test(impossible_descs_and_bad_memory_are_refused),
        cmocka_unit_test(metadata_stays_near_two_bits_a_unit),
        cmocka_unit_test(every_order_fills_to_the_last_block),
        cmocka_unit_test(a_block_may_be_given_back_in_parts),
        cmocka_unit_test(a_hint_is_followed),
        cmocka_unit_test(any_history_agrees_with_the_model_at_every_step),
        cmocka_unit_test(a_gathered_size_is_the_next_one_with_four_digits),
        cmocka_unit_test(gathering_loses_a_sixteenth_at_most),
        cmocka_unit_test(a_missing_piece_is_made_of_two_smaller_ones),
        cmocka_unit_test(reserved_units_are_never_handed_out),
        cmocka_unit_test(a_walk_ends_when_the_visitor_says_so),
        cmocka_unit_test(the_check_sees_every_kind_of_damage),
        cmocka_unit_test(figures_count_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
