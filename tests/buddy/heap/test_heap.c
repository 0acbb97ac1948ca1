/* The heap: what it hands out is aligned, disjoint and keeps its bytes; what it must not take back
 * it refuses, with the right word, and stays whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/heap.h"
#include "buddy/heap/marks.h"
#include "tests/rigs/buddy/painted.h"

static uint64_t seed;

static buddy_heap *make(size_t units, size_t unit_bytes)
{
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = units * unit_bytes, .unit_bytes = unit_bytes});
    assert_non_null(h);
    return h;
}

static void check(const buddy_heap *h)
{
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

static void drop(buddy_heap *h)
{
    check(h);
    buddy_heap_destroy(h);
}

static size_t power_of_two_for(size_t bytes, size_t least)
{
    size_t power = least;
    while (power < bytes) {
        power *= 2;
    }
    return power;
}

/* With nothing left in stocks. */
static uint32_t free_units(buddy_heap *h)
{
    buddy_heap_recall(h);
    return buddy_free_units(buddy_heap_core(h));
}

/* ---- what is handed out ---- */

static void every_block_is_aligned_to_its_own_size(void **state)
{
    (void)state;
    buddy_heap *h = make(100000, 64);
    for (size_t bytes = 0; bytes <= 4 << 20; bytes = bytes * 3 / 2 + 1) {
        unsigned char *p = buddy_heap_alloc(h, bytes);
        size_t size = power_of_two_for(bytes, 64);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % size, 0);
        assert_int_equal(buddy_heap_usable_size(h, p), size);
        memset(p, 0x5a, size);
        if (size > 64) {
            assert_int_equal(buddy_heap_usable_size(h, p + 64), 0);
        }
        assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
        assert_int_equal(buddy_heap_usable_size(h, p), 0);
    }
    drop(h);
}

static void an_odd_region_fills_to_the_last_unit(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 31, 32, 33, 63, 64, 65, 1000, 4097};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buddy_heap *h = make(sizes[i], 16);
        uint32_t count = 0;
        while (buddy_heap_alloc(h, 16) != NULL) {
            count++;
        }
        assert_int_equal(count, sizes[i]);
        check(h);
        unsigned char *base = buddy_heap_base(h);
        for (uint32_t unit = 0; unit < sizes[i]; unit++) {
            assert_int_equal(buddy_heap_free(h, base + 16 * (size_t)unit), BUDDY_HEAP_OK);
        }
        assert_int_equal(free_units(h), sizes[i]);
        drop(h);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    buddy_heap *h = make(1000, 64);
    assert_null(buddy_heap_alloc(h, 1000 * 64)); /* would be a block of 1024 units */
    assert_null(buddy_heap_alloc(h, SIZE_MAX));
    assert_null(buddy_heap_try(h, SIZE_MAX - 63));
    assert_non_null(buddy_heap_alloc(h, 512 * 64));
    assert_null(buddy_heap_alloc(h, 512 * 64));
    assert_null(buddy_heap_try(h, 512 * 64));
    assert_non_null(buddy_heap_try(h, 256 * 64));
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.refused, 5);
    assert_int_equal(stats.live_bytes, 768 * 64);
    drop(h);
}

static void blocks_come_near_the_one_named(void **state)
{
    (void)state;
    buddy_heap *h = make(4096, 64);
    unsigned char *base = buddy_heap_base(h);
    assert_ptr_equal(buddy_heap_alloc_near(h, 64, base + 2000 * 64 + 5), base + 2000 * 64);
    assert_ptr_equal(buddy_heap_alloc_near(h, 1, NULL),
                     base + 2001 * 64); /* best fit, wherever it is */
    int elsewhere;
    assert_non_null(buddy_heap_alloc_near(h, 64, &elsewhere));
    drop(h);
}

static void an_alignment_larger_than_the_size_costs_nothing(void **state)
{
    (void)state;
    buddy_heap *h = make(4096, 16);
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        for (size_t bytes = 1; bytes <= 4096; bytes *= 8) {
            uint32_t before = free_units(h);
            unsigned char *p = buddy_heap_aligned(h, alignment, bytes);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % alignment, 0);
            assert_int_equal(buddy_heap_usable_size(h, p), power_of_two_for(bytes, 16));
            assert_int_equal(before - free_units(h), power_of_two_for(bytes, 16) / 16);
            check(h);
            assert_int_equal(buddy_heap_free_sized(h, p, bytes), BUDDY_HEAP_OK);
        }
    }
    assert_null(buddy_heap_aligned(h, 0, 16));
    assert_null(buddy_heap_aligned(h, 48, 16));
    assert_null(buddy_heap_aligned(h, SIZE_MAX / 2 + 1, 16));
    drop(h);
}

/* ---- making one ---- */

static void impossible_descs_are_refused_with_a_reason(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[256];
    const buddy_heap_desc bad[] = {
        {.bytes = 0},
        {.bytes = 100},
        {.bytes = 4096, .unit_bytes = 8},
        {.bytes = 4096, .unit_bytes = 48},
        {.bytes = 4 << 20, .unit_bytes = 2 << 20},
        {.bytes = 128, .unit_bytes = 64, .memory = memory + 16},
        {.bytes = (size_t)(UINT64_C(1) << 36), .unit_bytes = 16}, /* 2^32 units, or none */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        errno = 0;
        assert_null(buddy_heap_create(&bad[i]));
        assert_int_equal(errno, EINVAL);
    }
    buddy_heap_destroy(NULL);
}

static void the_desc_in_effect_can_be_read_back(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = 8 << 20, .prefault = true, .huge_pages = true});
    assert_non_null(h);
    assert_int_equal(buddy_heap_get_desc(h)->unit_bytes, 64);
    assert_int_equal(buddy_heap_get_desc(h)->bytes, 8 << 20);
    assert_ptr_equal(buddy_heap_get_desc(h)->memory, buddy_heap_base(h));
    assert_int_equal((uintptr_t)buddy_heap_base(h) % (8 << 20), 0);
    drop(h);
}

static void nothing_is_written_into_the_callers_memory(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[64 * 100];
    memset(memory, 0x77, sizeof memory);
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = sizeof memory - 128,
                                                         .unit_bytes = 64,
                                                         .memory = memory + 64,
                                                         .prefault = true,
                                                         .huge_pages = true});
    assert_non_null(h);
    assert_ptr_equal(buddy_heap_base(h), memory + 64);
    while (buddy_heap_alloc(h, 64) != NULL) {
    }
    for (unsigned char *p = memory + 64; buddy_heap_owns(h, p); p += 64) {
        assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
    }
    drop(h);
    for (size_t i = 0; i < sizeof memory; i++) {
        assert_int_equal(memory[i], 0x77);
    }
}

static void metadata_stays_below_four_and_a_half_bits_a_unit(void **state)
{
    (void)state;
    static const size_t sizes[] = {(size_t)64 << 20, (size_t)1 << 30};
    for (size_t i = 0; i < 2; i++) {
        buddy_heap *h = make(sizes[i] / 64, 64);
        buddy_heap_stats stats;
        buddy_heap_get_stats(h, &stats);
        double bits = 8.0 * (double)stats.metadata_bytes / (double)(sizes[i] / 64);
        print_message("%zu MiB in units of 64: %.3f bits of metadata a unit\n", sizes[i] >> 20,
                      bits);
        assert_true(bits > 4.0 && bits <= 4.5);
        buddy_heap_destroy(h);
    }
}

/* ---- what is not taken back ---- */

/* The last line that the heap complained with. */
typedef struct complaint {
    char line[200];
    int count;
} complaint;

static void note(void *context, const char *line)
{
    complaint *c = context;
    c->count++;
    (void)snprintf(c->line, sizeof c->line, "%s", line);
}

static buddy_heap *make_noting(complaint *c)
{
    memset(c, 0, sizeof *c);
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = 64 * 4096, .on_error = note, .on_error_context = c});
    assert_non_null(h);
    return h;
}

/* Frees p, which must be refused with `status`, a line that names it, and nothing changed. */
static void refused(buddy_heap *h, complaint *c, void *p, buddy_heap_status status)
{
    int count = c->count;
    uint32_t units = free_units(h);
    assert_int_equal(buddy_heap_free(h, p), status);
    assert_int_equal(c->count, count + 1);
    assert_int_equal(free_units(h), units);
    char address[32];
    (void)snprintf(address, sizeof address, "0x%" PRIxPTR, (uintptr_t)p);
    assert_non_null(strstr(c->line, address));
    assert_non_null(strstr(c->line, buddy_heap_status_text(status)));
    check(h);
}

static void wrong_pointers_are_named_and_change_nothing(void **state)
{
    (void)state;
    complaint c;
    buddy_heap *h = make_noting(&c);
    unsigned char *base = buddy_heap_base(h);
    unsigned char *small = buddy_heap_alloc(h, 64 * 8);
    unsigned char *large = buddy_heap_alloc(h, 64 * 256);
    int local;
    refused(h, &c, &local, BUDDY_HEAP_FOREIGN);
    refused(h, &c, base - 1, BUDDY_HEAP_FOREIGN);
    refused(h, &c, base + 64 * 4096, BUDDY_HEAP_FOREIGN);
    refused(h, &c, small + 1, BUDDY_HEAP_MISALIGNED);
    refused(h, &c, large + 63, BUDDY_HEAP_MISALIGNED);
    for (int i = 1; i < 8; i++) {
        refused(h, &c, small + 64 * i, BUDDY_HEAP_INTERIOR);
    }
    for (int i = 1; i < 256; i++) {
        refused(h, &c, large + 64 * i, BUDDY_HEAP_INTERIOR);
    }
    refused(h, &c, base + 64 * 4095, BUDDY_HEAP_DOUBLE_FREE);
    assert_int_equal(buddy_heap_free(h, large), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free(h, small), BUDDY_HEAP_OK);
    for (int i = 0; i < 256; i++) {
        refused(h, &c, large + 64 * i, BUDDY_HEAP_DOUBLE_FREE);
    }
    refused(h, &c, small, BUDDY_HEAP_DOUBLE_FREE);
    assert_int_equal(buddy_heap_free(h, NULL), BUDDY_HEAP_OK);
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.errors, c.count);
    assert_int_equal(stats.live_bytes, 0);
    drop(h);
}

static void a_wrong_size_is_refused(void **state)
{
    (void)state;
    complaint c;
    buddy_heap *h = make_noting(&c);
    void *p = buddy_heap_alloc(h, 200);
    assert_int_equal(buddy_heap_free_sized(h, p, 100), BUDDY_HEAP_WRONG_SIZE);
    assert_int_equal(buddy_heap_free_sized(h, p, 300), BUDDY_HEAP_WRONG_SIZE);
    assert_int_equal(buddy_heap_free_sized(h, p, SIZE_MAX), BUDDY_HEAP_WRONG_SIZE);
    assert_int_equal(c.count, 3);
    assert_int_equal(buddy_heap_free_sized(h, p, 129),
                     BUDDY_HEAP_OK); /* the same block as for 200 */
    assert_int_equal(buddy_heap_free_sized(h, NULL, 1), BUDDY_HEAP_OK);
    drop(h);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int i = BUDDY_HEAP_OK; i <= BUDDY_HEAP_WRONG_SIZE; i++) {
        assert_true(strlen(buddy_heap_status_text((buddy_heap_status)i)) > 0);
    }
    assert_string_equal(buddy_heap_status_text((buddy_heap_status)99), "unknown status");
}

/* ---- the check ---- */

static void a_live_block_given_to_the_core_is_noticed(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 64};
    for (size_t i = 0; i < 3; i++) {
        buddy_heap *h = make(4096, 64);
        void *p = buddy_heap_alloc(h, 64 * sizes[i]);
        assert_non_null(p);
        check(h);
        buddy_free(buddy_heap_core(h), 0, 0);
        assert_non_null(buddy_heap_check(h));
        buddy_heap_destroy(h);
    }
}

static void impossible_marks_are_noticed(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[18]; /* four units each; see heap/marks.h */
        const char *says;
    } damage[] = {
        {{MARK_GOES_ON << 2}, "a byte of marks makes no sense"},
        {{MARK_GOES_ON}, "a live unit belongs to no block"},
        {{MARK_START << 2 | MARK_GOES_ON << 4}, "a small block is not aligned to its size"},
        {{1 << 2 | MARK_LARGE}, "a large block has an impossible size or place"},
        {{0, 3 << 2 | MARK_LARGE}, "a large block has an impossible size or place"},
        {{3 << 2 | MARK_LARGE, MARK_START}, "a block lies inside a large one"},
        {{MARK_EXACT | 2 << 2 | MARK_LARGE, MARK_LARGE << 2 | MARK_GOES_ON},
         "a piece of a block has an impossible size"},
        {{[17] = MARK_START << 4}, "a unit beyond the last one is live"},
    };
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        _Atomic uint8_t groups[18];
        for (int g = 0; g < 18; g++) {
            atomic_init(&groups[g], damage[i].bytes[g]);
        }
        marks m = {.groups = groups, .units = 70, .max_order = 6};
        uint64_t live;
        const char *fault = marks_check(&m, &live);
        assert_non_null(fault);
        assert_string_equal(fault, damage[i].says);
    }
}

/* ---- random histories ---- */

#define MOST_LIVE 3000

/* What freeing p must answer, from the list of live blocks alone. */
static buddy_heap_status expected_status(const live_block *live, uint32_t count,
                                         const unsigned char *p)
{
    buddy_heap_status status = BUDDY_HEAP_DOUBLE_FREE;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = power_of_two_for(live[i].bytes, 64);
        if (p > live[i].start && p < live[i].start + size) {
            status = BUDDY_HEAP_INTERIOR;
        }
    }
    return status;
}

static bool starts_one(const live_block *live, uint32_t count, const unsigned char *p)
{
    for (uint32_t i = 0; i < count; i++) {
        if (live[i].start == p) {
            return true;
        }
    }
    return false;
}

static void any_history_keeps_bytes_and_refuses_wrong_frees(void **state)
{
    (void)state;
    static live_block live[MOST_LIVE];
    uint32_t count = 0;
    buddy_heap *h = make(5000, 64);
    for (int step = 0; step < 20000; step++) {
        uint32_t what = seed_below(&seed, 10);
        if (what < 5 && count < MOST_LIVE) {
            live_block b = take_random(h, &seed);
            if (b.bytes > 0) {
                paint(b);
                live[count++] = b;
            }
        } else if (what < 9 && count > 0) {
            uint32_t i = seed_below(&seed, count);
            assert_true(still_painted(live[i]));
            assert_int_equal(buddy_heap_free_sized(h, live[i].start, live[i].bytes), BUDDY_HEAP_OK);
            live[i] = live[--count];
        } else {
            unsigned char *p =
                (unsigned char *)buddy_heap_base(h) + 64 * (size_t)seed_below(&seed, 5000);
            if (!starts_one(live, count, p)) {
                assert_int_equal(buddy_heap_free(h, p), expected_status(live, count, p));
            }
        }
        if (step % 16 == 0) {
            check(h);
        }
    }
    for (; count > 0; count--) {
        assert_true(still_painted(live[count - 1]));
        assert_int_equal(buddy_heap_free(h, live[count - 1].start), BUDDY_HEAP_OK);
    }
    assert_int_equal(free_units(h), 5000);
    drop(h);
}

static void figures_follow_what_is_live(void **state)
{
    (void)state;
    buddy_heap *h = make(4096, 64);
    void *a = buddy_heap_alloc(h, 64 * 100), *b = buddy_heap_alloc(h, 1);
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.capacity_bytes, 4096 * 64);
    assert_int_equal(stats.live_bytes, 129 * 64);
    buddy_heap_free(h, a);
    buddy_heap_free(h, b);
    b = buddy_heap_alloc(h, 1);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 64);
    assert_true(stats.peak_bytes >= 129 * 64); /* and what lay in the stock */
    assert_true(stats.peak_bytes <= 140 * 64);
    assert_int_equal(stats.core.units, 4096);
    buddy_heap_free(h, b);
    drop(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_aligned_to_its_own_size),
        cmocka_unit_test(an_odd_region_fills_to_the_last_unit),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(blocks_come_near_the_one_named),
        cmocka_unit_test(an_alignment_larger_than_the_size_costs_nothing),
        cmocka_unit_test(impossible_descs_are_refused_with_a_reason),
        cmocka_unit_test(the_desc_in_effect_can_be_read_back),
        cmocka_unit_test(nothing_is_written_into_the_callers_memory),
        cmocka_unit_test(metadata_stays_below_four_and_a_half_bits_a_unit),
        cmocka_unit_test(wrong_pointers_are_named_and_change_nothing),
        cmocka_unit_test(a_wrong_size_is_refused),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(a_live_block_given_to_the_core_is_noticed),
        cmocka_unit_test(impossible_marks_are_noticed),
        cmocka_unit_test(any_history_keeps_bytes_and_refuses_wrong_frees),
        cmocka_unit_test(figures_follow_what_is_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
