/* What is asked for can be more than addresses can hold, at the latest where they have 32 bits: a
 * size that wraps round would be a small one. Each is right, or refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "buddy/heap.h"
#include "buddy/levels.h"
#include "buddy/pool.h"
#include "buddy/slab/private.h"
#include "buddy/watch/track_private.h"
#include "tests/rigs/emulated.h"

static const uint32_t numbers[] = {1,
                                   64,
                                   1000,
                                   UINT32_C(1) << 20,
                                   UINT32_C(1) << 28,
                                   (1u << 29) - 1,
                                   1u << 29,
                                   (1u << 29) + 1,
                                   UINT32_C(1) << 31,
                                   UINT32_MAX - 1};
#define NUMBERS ((int)(sizeof numbers / sizeof numbers[0]))

/* `bytes` is what a sizeof function says where at least `least` are needed. */
static void expect_enough(size_t bytes, uint64_t least)
{
    if (bytes == 0) {
        assert_true(least > PTRDIFF_MAX / 2); /* half: for what comes on top */
    } else {
        assert_true(bytes >= least && bytes <= PTRDIFF_MAX);
    }
}

static void metadata_is_never_less_than_it_takes(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[4096];
    buddy *core = buddy_init(memory, sizeof memory, &(buddy_desc){.units = 1000});
    assert_non_null(core);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        expect_enough(buddy_sizeof(&(buddy_desc){.units = numbers[i]}), numbers[i] / 4);
        expect_enough(buddy_levels_sizeof(&(buddy_levels_desc){.units = numbers[i]}),
                      UINT64_C(8) * numbers[i] + numbers[i] / 4);
        expect_enough(
            buddy_magazine_sizeof(&(buddy_magazine_desc){.core = core, .threads = numbers[i]}),
            (uint64_t)numbers[i] * sizeof(buddy_magazine_stock));
    }
}

/* QEMU keeps a note of every page of a mapping: terabytes of addresses take it minutes. */
static bool are_addresses_dear(void)
{
    return is_emulated() && SIZE_MAX > UINT32_MAX;
}

/* A levels that is refused by buddy_levels_sizeof has to be refused by buddy_levels_init too. */
static void what_no_memory_can_hold_is_not_made(void **state)
{
    (void)state;
    if (are_addresses_dear()) {
        skip();
    }
    static _Alignas(64) unsigned char memory[4096];
    const buddy_levels_desc desc = {.units = UINT32_MAX - 1};
    if (buddy_levels_sizeof(&desc) == 0) {
        assert_null(buddy_levels_init(memory, sizeof memory, &desc));
    }
    errno = 0;
    buddy_heap *h =
        buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .threads = UINT32_MAX - 1});
    assert_true(h != NULL || errno == ENOMEM); /* the system may have so many addresses */
    buddy_heap_destroy(h);
    errno = 0;
    buddy_pool *p =
        buddy_pool_create(&(buddy_pool_desc){.capacity = 100, .threads = UINT32_MAX - 1}, 16, 16);
    assert_true(p != NULL || errno == ENOMEM);
    buddy_pool_destroy(p);
}

/* As many blocks and sites as a track takes at all. */
static void a_track_is_whole_or_refused(void **state)
{
    (void)state;
    if (are_addresses_dear()) {
        skip();
    }
    errno = 0;
    buddy_track *t =
        buddy_track_create(&(buddy_track_desc){.blocks = UINT32_C(1) << 30, .sites = 1u << 24});
    if (t == NULL) {
        assert_int_equal(errno, ENOMEM);
    } else {
        assert_true(t->mapped_bytes / sizeof(track_record) >= UINT32_C(1) << 30);
        buddy_track_destroy(t);
    }
}

static void a_slab_by_default_serves_on_any_machine(void **state)
{
    (void)state;
    if (are_addresses_dear()) {
        skip();
    }
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){0});
    assert_non_null(s);
    assert_true(buddy_slabs_get_desc(s)->range_bytes >= (size_t)4 << 20);
    void *small = buddy_slabs_alloc(s, 100), *large = buddy_slabs_alloc(s, 1 << 20),
         *huge = buddy_slabs_alloc(s, 64 << 20);
    assert_true(small != NULL && large != NULL && huge != NULL);
    assert_int_equal(buddy_slabs_free(s, small), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, large), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, huge), BUDDY_HEAP_OK);
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2 + 1, PTRDIFF_MAX};
    for (uint32_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
        assert_null(buddy_slabs_alloc(s, absurd[i]));
        assert_null(buddy_slabs_zeroed(s, absurd[i]));
        assert_null(buddy_slabs_aligned(s, 64, absurd[i]));
        assert_null(buddy_slabs_aligned(s, SIZE_MAX / 2 + 1, absurd[i]));
    }
    assert_null(buddy_slabs_check(s));
    buddy_slabs_destroy(s);
    buddy_slabs *most =
        buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = SLAB_RANGE_BYTES_MOST});
    assert_non_null(most);
    buddy_slabs_destroy(most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_is_never_less_than_it_takes),
        cmocka_unit_test(what_no_memory_can_hold_is_not_made),
        cmocka_unit_test(a_track_is_whole_or_refused),
        cmocka_unit_test(a_slab_by_default_serves_on_any_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
