/* Blocks of exact size and gathered ones, one property at a time: who lives in what a cut leaves
 * over, what a resize gives back, which door grows the heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/heap.h"
#include "tests/rigs/seed.h"

static uint64_t seed;
static const size_t unit_sizes[] = {16, 64, 4096};
#define UNIT_SIZES (sizeof unit_sizes / sizeof unit_sizes[0])

/* No stocks: what is given back is free in the core at once, and every figure is exact. */
static buddy_heap *make(size_t units, size_t unit_bytes, buddy_heap_checks checks)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = units * unit_bytes,
                                                         .unit_bytes = unit_bytes,
                                                         .checks = checks,
                                                         .threads = BUDDY_HEAP_NO_STOCKS});
    assert_non_null(h);
    return h;
}

static void expect_whole(const buddy_heap *h)
{
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

/* The heap is whole and `units` are live, all others free. */
static void expect_live(buddy_heap *h, uint64_t units)
{
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    size_t unit = buddy_heap_get_desc(h)->unit_bytes;
    assert_int_equal(stats.live_bytes, units * unit);
    assert_int_equal((size_t)stats.core.free_units * unit, stats.capacity_bytes - units * unit);
    expect_whole(h);
}

static void drop(buddy_heap *h)
{
    expect_live(h, 0);
    buddy_heap_destroy(h);
}

/* Every unit of the block that starts at p, of `units`: only the first is its start. */
static void expect_block(buddy_heap *h, unsigned char *p, size_t units)
{
    size_t unit = buddy_heap_get_desc(h)->unit_bytes;
    assert_int_equal(buddy_heap_usable_size(h, p), units * unit);
    for (size_t i = 1; i < units; i++) {
        assert_int_equal(buddy_heap_usable_size(h, p + i * unit), 0);
        assert_int_equal(buddy_heap_free(h, p + i * unit), BUDDY_HEAP_INTERIOR);
    }
}

/* ---- every size ---- */

static void every_exact_size_to_five_thousand_units(void **state)
{
    (void)state;
    for (int checks = BUDDY_HEAP_CHECKS_ON; checks <= BUDDY_HEAP_CHECKS_OFF; checks++) {
        buddy_heap *h = make(8192, 16, (buddy_heap_checks)checks);
        for (uint32_t units = 1; units <= 5000; units++) {
            unsigned char *p = buddy_heap_exact(h, units * 16 - seed_below(&seed, 16));
            assert_non_null(p);
            assert_int_equal(buddy_free_units(buddy_heap_core(h)), 8192 - units);
            if (units < 100 || units % 97 == 0 || (units & (units - 1)) == 0) {
                expect_block(h, p, units);
                expect_whole(h);
            }
            assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
            assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_DOUBLE_FREE);
        }
        drop(h);
    }
}

/* Around 2^16 units and above sizes begin to be rounded. */
static void exact_sizes_around_the_powers_of_two(void **state)
{
    (void)state;
    buddy_heap *h = make((size_t)1 << 19, 16, BUDDY_HEAP_CHECKS_ON);
    for (uint32_t power = 1 << 14; power <= 1 << 18; power *= 2) {
        for (uint32_t units = power - 5; units <= power + 5; units++) {
            unsigned char *p = buddy_heap_exact(h, (size_t)units * 16);
            assert_non_null(p);
            size_t usable = buddy_heap_usable_size(h, p) / 16;
            assert_true(usable >= units && (usable - units) * 32768 < units);
            expect_live(h, usable);
            assert_int_equal(buddy_heap_free(h, p + (usable - 1) * 16), BUDDY_HEAP_INTERIOR);
            assert_int_not_equal(buddy_heap_free(h, p + usable * 16), BUDDY_HEAP_OK);
            assert_int_equal(buddy_heap_free_sized(h, p, (size_t)units * 16), BUDDY_HEAP_OK);
        }
    }
    drop(h);
}

/* All sizes are wrong but those that round to the block. */
static void a_sized_free_takes_the_right_size_only(void **state)
{
    (void)state;
    buddy_heap *h = make(1024, 64, BUDDY_HEAP_CHECKS_ON);
    for (uint32_t units = 1; units <= 70; units++) {
        for (uint32_t wrong = 1; wrong <= 140; wrong++) {
            unsigned char *p = buddy_heap_exact(h, (size_t)units * 64);
            assert_non_null(p);
            bool power =
                (units & (units - 1)) == 0; /* then it is as buddy_heap_alloc would give it */
            bool fits = wrong == units || (power && wrong < units && 2 * wrong > units);
            buddy_heap_status status = buddy_heap_free_sized(h, p, (size_t)wrong * 64);
            assert_int_equal(status, fits ? BUDDY_HEAP_OK : BUDDY_HEAP_WRONG_SIZE);
            assert_int_equal(buddy_heap_free(h, p), fits ? BUDDY_HEAP_DOUBLE_FREE : BUDDY_HEAP_OK);
        }
    }
    drop(h);
}

/* ---- the byte of marks where a cut block ends ---- */

/* The end of a cut block shares its byte of marks with blocks of others: they come and go, in any
 * order, and neither end disturbs the other. */
static void small_blocks_live_behind_a_cut(void **state)
{
    (void)state;
    buddy_heap *h = make(64, 64, BUDDY_HEAP_CHECKS_ON);
    unsigned char *base = buddy_heap_base(h);
    for (uint32_t units = 1; units <= 31; units++) {
        for (int tail_first = 0; tail_first < 2; tail_first++) {
            unsigned char *cut = buddy_heap_exact(h, (size_t)units * 64), *small[64];
            uint32_t count = 0;
            assert_ptr_equal(cut, base);
            while ((small[count] = buddy_heap_alloc(h, 64)) != NULL) {
                count++;
            }
            assert_int_equal(count, 64 - units);
            expect_block(h, cut, units);
            expect_live(h, 64);
            assert_int_equal(tail_first ? BUDDY_HEAP_OK : buddy_heap_free(h, cut), BUDDY_HEAP_OK);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(buddy_heap_usable_size(h, small[i]), 64);
                assert_int_equal(buddy_heap_free(h, small[i]), BUDDY_HEAP_OK);
                expect_whole(h);
            }
            assert_int_equal(tail_first ? buddy_heap_free(h, cut) : BUDDY_HEAP_OK, BUDDY_HEAP_OK);
            expect_live(h, 0);
        }
    }
    drop(h);
}

/* ---- resizing ---- */

static void expect_paint(const unsigned char *p, size_t bytes, int paint)
{
    for (size_t i = 0; i < bytes; i++) {
        assert_int_equal(p[i], paint);
    }
}

/* From any exact size to any smaller one, where it lies: the rest is free again, and the size that
 * was asked for last is the one that frees it. */
static void an_exact_block_shrinks_where_it_is(void **state)
{
    (void)state;
    buddy_heap *h = make(256, 64, BUDDY_HEAP_CHECKS_ON);
    for (uint32_t from = 1; from <= 67; from++) {
        for (uint32_t to = 1; to <= from; to++) {
            unsigned char *p = buddy_heap_exact(h, (size_t)from * 64);
            assert_non_null(p);
            memset(p, 0x5a, (size_t)from * 64);
            bool power = (from & (from - 1)) == 0;
            assert_ptr_equal(buddy_heap_realloc(h, p, (size_t)to * 64), p);
            size_t now = buddy_heap_usable_size(h, p) / 64;
            assert_true(power ? now >= to && now < 2 * to : now == to);
            expect_paint(p, to * 64, 0x5a);
            expect_block(h, p, now);
            expect_live(h, now);
            assert_int_equal(buddy_heap_free_sized(h, p, (size_t)to * 64), BUDDY_HEAP_OK);
        }
    }
    drop(h);
}

static void a_block_that_cannot_grow_moves_with_its_contents(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNIT_SIZES; k++) {
        size_t unit = unit_sizes[k];
        buddy_heap *h = make(1024, unit, BUDDY_HEAP_CHECKS_ON);
        for (uint32_t units = 1; units < 100; units++) {
            unsigned char *p = buddy_heap_exact(h, units * unit);
            assert_non_null(p);
            memset(p, (int)units, units * unit);
            unsigned char *fence = buddy_heap_alloc_near(h, 1, p + units * unit);
            assert_non_null(fence);
            unsigned char *moved = buddy_heap_realloc(h, p, 4 * units * unit);
            assert_non_null(moved);
            expect_paint(moved, units * unit, (int)units);
            assert_true(moved == p || buddy_heap_usable_size(h, p) == 0);
            assert_int_equal(buddy_heap_free(h, fence), BUDDY_HEAP_OK);
            assert_int_equal(buddy_heap_free_sized(h, moved, 4 * units * unit), BUDDY_HEAP_OK);
        }
        drop(h);
    }
}

static void a_resize_that_finds_no_block_changes_nothing(void **state)
{
    (void)state;
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, 65 * 64};
    buddy_heap *h = make(64, 64, BUDDY_HEAP_CHECKS_ON);
    for (uint32_t units = 1; units <= 32; units++) {
        unsigned char *p = buddy_heap_exact(h, (size_t)units * 64);
        assert_non_null(p);
        memset(p, 0x77, (size_t)units * 64);
        void *others[64];
        uint32_t count = buddy_heap_alloc_bulk(h, 64, 64, others); /* the heap is full now */
        assert_int_equal(count, 64 - units);
        for (size_t i = 0; i < 4; i++) {
            assert_null(buddy_heap_realloc(h, p, absurd[i]));
        }
        assert_null(buddy_heap_realloc(h, p, (size_t)(units + 1) * 64));
        expect_block(h, p, units);
        expect_paint(p, (size_t)units * 64, 0x77);
        expect_live(h, 64);
        assert_int_equal(buddy_heap_free_bulk(h, count, others), BUDDY_HEAP_OK);
        assert_int_equal(buddy_heap_free_sized(h, p, (size_t)units * 64), BUDDY_HEAP_OK);
    }
    drop(h);
}

/* ---- gathered ---- */

static void gathered_pieces_hold_what_was_asked_for(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNIT_SIZES; k++) {
        size_t unit = unit_sizes[k];
        buddy_heap *h = make(3001, unit, BUDDY_HEAP_CHECKS_ON);
        for (uint32_t units = 1; units <= 3000; units += 1 + units / 16) {
            buddy_heap_piece pieces[BUDDY_PIECES];
            uint32_t count = buddy_heap_gather(h, units * unit - seed_below(&seed, 16), pieces);
            assert_in_range(count, 1, BUDDY_PIECES);
            size_t bytes = 0;
            for (uint32_t i = 0; i < count; i++) {
                assert_true(i == 0 || pieces[i].bytes <= pieces[i - 1].bytes);
                assert_int_equal(buddy_heap_usable_size(h, pieces[i].start), pieces[i].bytes);
                memset(pieces[i].start, (int)i, pieces[i].bytes);
                bytes += pieces[i].bytes;
            }
            assert_true(bytes >= units * unit && bytes <= units * unit + units * unit / 16);
            expect_live(h, bytes / unit);
            for (uint32_t i = 0; i < count; i++) {
                expect_paint(pieces[i].start, pieces[i].bytes, (int)i);
                assert_int_equal(buddy_heap_free_sized(h, pieces[i].start, pieces[i].bytes),
                                 BUDDY_HEAP_OK);
            }
        }
        drop(h);
    }
}

/* ---- growing ---- */

/* Takes something by one of the doors that grow; returns whether it got it. */
static bool take_by_door(buddy_heap *h, int door)
{
    unsigned char *base = buddy_heap_base(h);
    buddy_heap_piece pieces[BUDDY_PIECES];
    void *many[100];
    switch (door) {
    case 0:
        return buddy_heap_alloc(h, 64 * 100) != NULL;
    case 1:
        return buddy_heap_exact(h, 64 * 100) != NULL;
    case 2:
        return buddy_heap_aligned(h, 64 * 128, 64) != NULL;
    case 3:
        return buddy_heap_alloc_near(h, 64 * 100, base + 64 * 4000) != NULL; /* not in play yet */
    case 4:
        return buddy_heap_gather(h, 64 * 100, pieces) != 0;
    case 5:
        return buddy_heap_alloc_bulk(h, 64, 100, many) == 100;
    default:
        return buddy_heap_realloc(h, buddy_heap_alloc(h, 64), 64 * 100) != NULL;
    }
}

static void every_strict_door_grows_the_heap_and_only_when_it_has_to(void **state)
{
    (void)state;
    for (int door = 0; door < 7; door++) {
        for (int large = 0; large < 2; large++) {
            uint32_t start = large ? 512 : 16;
            buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = start * 64,
                                                                 .max_bytes = 64 * 5001,
                                                                 .prefault = door % 2 != 0,
                                                                 .threads = BUDDY_HEAP_NO_STOCKS});
            assert_non_null(h);
            assert_null(buddy_heap_try(h, 64 * 1024));
            assert_true(take_by_door(h, door));
            buddy_heap_stats stats;
            buddy_heap_get_stats(h, &stats);
            assert_true(large ? stats.capacity_bytes == 512 * 64
                              : stats.capacity_bytes > 16 * 64 && stats.capacity_bytes <= 512 * 64);
            expect_live(h, stats.live_bytes / 64);
            buddy_heap_destroy(h);
        }
    }
}

static void a_heap_grows_to_its_last_unit_in_the_callers_memory(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[64 * 1001];
    memory[64 * 1000] = 0x33; /* behind the heap */
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 64,
                                                         .max_bytes = 64 * 1000,
                                                         .memory = memory,
                                                         .prefault = true,
                                                         .threads = BUDDY_HEAP_NO_STOCKS});
    assert_non_null(h);
    unsigned char *p;
    for (uint32_t count = 0; (p = buddy_heap_exact(h, 1)) != NULL; count++) {
        assert_true(count < 1000 && p >= memory && p < memory + 64 * 1000);
        memset(p, 0xcc, 64);
    }
    expect_live(h, 1000);
    assert_int_equal(memory[64 * 1000], 0x33);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(buddy_heap_free(h, memory + 64 * (size_t)i), BUDDY_HEAP_OK);
    }
    p = buddy_heap_alloc(h, 64 * 512); /* what came bit by bit has grown together */
    assert_non_null(p);
    assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
    drop(h);
}

/* ---- without checks ---- */

static void without_checks_a_second_free_is_refused_all_the_same(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNIT_SIZES; k++) {
        size_t unit = unit_sizes[k];
        buddy_heap *h = make(1024, unit, BUDDY_HEAP_CHECKS_OFF);
        for (uint32_t units = 1; units <= 300; units++) {
            unsigned char *p =
                units % 2 ? buddy_heap_alloc(h, units * unit) : buddy_heap_exact(h, units * unit);
            assert_non_null(p);
            size_t usable = buddy_heap_usable_size(h, p) / unit;
            expect_block(h, p, usable);
            assert_int_equal(buddy_heap_free(h, p + 1), BUDDY_HEAP_MISALIGNED);
            assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
            for (size_t i = 0; i < usable; i++) {
                assert_int_equal(buddy_heap_free(h, p + i * unit), BUDDY_HEAP_DOUBLE_FREE);
            }
            assert_int_equal(buddy_heap_free_sized(h, p, units * unit), BUDDY_HEAP_DOUBLE_FREE);
        }
        drop(h);
    }
}

/* ---- many at once ---- */

static void a_bulk_free_passes_over_what_it_refuses(void **state)
{
    (void)state;
    buddy_heap *h = make(1000, 64, BUDDY_HEAP_CHECKS_ON);
    void *blocks[300], *kept;
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 0, blocks), 0);
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 300, blocks), 300);
    kept = blocks[7];
    blocks[0] = blocks[1];                      /* twice */
    blocks[7] = (unsigned char *)blocks[7] + 1; /* misaligned */
    blocks[9] = NULL;                           /* nothing, and no error */
    assert_int_equal(buddy_heap_free_bulk(h, 300, blocks),
                     BUDDY_HEAP_DOUBLE_FREE); /* the first it met */
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.errors, 2);
    expect_live(h, 3);
    assert_int_equal(buddy_heap_free(h, kept), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free_bulk(h, 0, NULL), BUDDY_HEAP_OK);
    expect_live(h, 2);
    buddy_heap_destroy(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exact_size_to_five_thousand_units),
        cmocka_unit_test(exact_sizes_around_the_powers_of_two),
        cmocka_unit_test(a_sized_free_takes_the_right_size_only),
        cmocka_unit_test(small_blocks_live_behind_a_cut),
        cmocka_unit_test(an_exact_block_shrinks_where_it_is),
        cmocka_unit_test(a_block_that_cannot_grow_moves_with_its_contents),
        cmocka_unit_test(a_resize_that_finds_no_block_changes_nothing),
        cmocka_unit_test(gathered_pieces_hold_what_was_asked_for),
        cmocka_unit_test(every_strict_door_grows_the_heap_and_only_when_it_has_to),
        cmocka_unit_test(a_heap_grows_to_its_last_unit_in_the_callers_memory),
        cmocka_unit_test(without_checks_a_second_free_is_refused_all_the_same),
        cmocka_unit_test(a_bulk_free_passes_over_what_it_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
