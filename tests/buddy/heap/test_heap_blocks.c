/* Blocks of exact size, in pieces, resized, many at once, and in a heap that grows: held against a
 * plain map of who owns which unit. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/heap.h"
#include "buddy/heap/marks.h"
#include "tests/rigs/emulated.h"
#include "tests/rigs/mappings.h"
#include "tests/rigs/seed.h"

#define UNIT  64u
#define UNITS 6000u

static uint64_t seed;

static buddy_heap *make(size_t units, size_t unit_bytes, buddy_heap_checks checks)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){
        .bytes = units * unit_bytes, .unit_bytes = unit_bytes, .checks = checks});
    assert_non_null(h);
    return h;
}

static void check(buddy_heap *h)
{
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

/* All has been given back. */
static void drop(buddy_heap *h)
{
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.stocked_bytes, 0);
    assert_int_equal((size_t)stats.core.free_units * buddy_heap_get_desc(h)->unit_bytes,
                     stats.capacity_bytes);
    check(h);
    buddy_heap_destroy(h);
}

static uint32_t unit_of(buddy_heap *h, const void *p)
{
    size_t distance =
        (size_t)((const unsigned char *)p - (const unsigned char *)buddy_heap_base(h));
    return (uint32_t)(distance / buddy_heap_get_desc(h)->unit_bytes);
}

/* ---- exact ---- */

static void an_exact_block_has_its_size_and_not_a_unit_more(void **state)
{
    (void)state;
    buddy_heap *h = make(UNITS, UNIT, BUDDY_HEAP_CHECKS_ON);
    for (uint32_t units = 1; units <= 4096; units += 1 + units / 64) {
        unsigned char *p = buddy_heap_exact(h, units * UNIT - seed_below(&seed, UNIT));
        assert_non_null(p);
        assert_int_equal(buddy_heap_usable_size(h, p), units * UNIT);
        memset(p, 0xa5, units * UNIT);
        for (uint32_t i = 1; i < units; i += 1 + units / 40) {
            assert_int_equal(buddy_heap_usable_size(h, p + i * UNIT), 0);
            assert_int_equal(buddy_heap_free(h, p + i * UNIT), BUDDY_HEAP_INTERIOR);
        }
        buddy_heap_recall(h);
        assert_int_equal(buddy_free_units(buddy_heap_core(h)), UNITS - units);
        check(h);
        assert_int_equal(buddy_heap_free_sized(h, p, (units + (units > 1 ? 2 : 4) * 1000) * UNIT),
                         BUDDY_HEAP_WRONG_SIZE);
        assert_int_equal(units % 2 ? buddy_heap_free(h, p)
                                   : buddy_heap_free_sized(h, p, units * UNIT),
                         BUDDY_HEAP_OK);
        assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_DOUBLE_FREE);
    }
    drop(h);
}

/* Beyond 2^16 units the size is rounded up, by less than 1/32768. */
static void huge_exact_blocks_are_rounded_by_next_to_nothing(void **state)
{
    (void)state;
    buddy_heap *h = make((size_t)1 << 21, 16, BUDDY_HEAP_CHECKS_ON);
    for (int i = 0; i < 200; i++) {
        size_t units = 1 + seed_below(&seed, 1 << 20);
        void *p = buddy_heap_exact(h, units * 16);
        assert_non_null(p);
        size_t usable = buddy_heap_usable_size(h, p) / 16;
        assert_true(usable >= units && usable - units <= units / 32768);
        assert_int_equal(buddy_heap_free_sized(h, p, units * 16), BUDDY_HEAP_OK);
    }
    drop(h);
}

/* ---- any history ---- */

typedef struct live {
    unsigned char *start;
    size_t bytes; /* asked for last; 0: a piece */
    uint32_t units;
} live;

static uint8_t owner[UNITS]; /* 1: live */

static void own(buddy_heap *h, unsigned char *start, uint32_t units)
{
    for (uint32_t i = 0; i < units; i++) {
        assert_int_equal(owner[unit_of(h, start) + i], 0);
    }
    memset(owner + unit_of(h, start), 1, units);
    memset(start, (int)(unit_of(h, start) % 251), (size_t)units * UNIT);
}

static void disown(buddy_heap *h, const live *b)
{
    for (size_t i = 0; i < (size_t)b->units * UNIT; i++) {
        assert_int_equal(b->start[i], unit_of(h, b->start) % 251);
    }
    memset(owner + unit_of(h, b->start), 0, b->units);
}

/* Every unit: what the heap says of it is what the map says. */
static void compare(buddy_heap *h, const live *blocks, uint32_t count)
{
    static uint32_t starts[UNITS]; /* units of the block that starts there */
    memset(starts, 0, sizeof starts);
    for (uint32_t i = 0; i < count; i++) {
        starts[unit_of(h, blocks[i].start)] = blocks[i].units;
    }
    for (uint32_t u = 0; u < UNITS; u++) {
        unsigned char *p = (unsigned char *)buddy_heap_base(h) + (size_t)u * UNIT;
        assert_int_equal(buddy_heap_usable_size(h, p), (size_t)starts[u] * UNIT);
        if (starts[u] == 0) {
            assert_int_equal(buddy_heap_free(h, p),
                             owner[u] ? BUDDY_HEAP_INTERIOR : BUDDY_HEAP_DOUBLE_FREE);
        }
    }
    check(h);
}

static uint32_t take(buddy_heap *h, live *out)
{
    size_t bytes = 1 + seed_below(&seed, UNIT << seed_below(&seed, 8));
    buddy_heap_piece pieces[BUDDY_PIECES];
    uint32_t count = 0;
    switch (seed_below(&seed, 3)) {
    case 0:
        out[0].start = buddy_heap_alloc(h, bytes);
        count = out[0].start != NULL;
        break;
    case 1:
        out[0].start = buddy_heap_exact(h, bytes);
        count = out[0].start != NULL;
        break;
    default:
        count = buddy_heap_gather(h, bytes, pieces);
        for (uint32_t i = 0; i < count; i++) {
            out[i].start = pieces[i].start;
            assert_int_equal(pieces[i].bytes, buddy_heap_usable_size(h, pieces[i].start));
        }
        bytes = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i].bytes = bytes;
        out[i].units = (uint32_t)(buddy_heap_usable_size(h, out[i].start) / UNIT);
        assert_true(out[i].units * UNIT >= bytes);
        own(h, out[i].start, out[i].units);
    }
    return count;
}

static void resize(buddy_heap *h, live *b)
{
    size_t bytes = 1 + seed_below(&seed, UNIT << seed_below(&seed, 9));
    size_t kept = (size_t)b->units * UNIT;
    disown(h, b);
    int paint = (int)(unit_of(h, b->start) % 251);
    unsigned char *moved = buddy_heap_realloc(h, b->start, bytes);
    if (moved == NULL) {
        own(h, b->start, b->units); /* it is as it was */
        return;
    }
    b->units = (uint32_t)(buddy_heap_usable_size(h, moved) / UNIT);
    kept = kept < (size_t)b->units * UNIT ? kept : (size_t)b->units * UNIT;
    for (size_t i = 0; i < kept; i++) {
        assert_int_equal(moved[i], paint);
    }
    assert_true((size_t)b->units * UNIT >= bytes);
    b->start = moved;
    b->bytes = bytes;
    own(h, moved, b->units);
}

static void give(buddy_heap *h, live *b)
{
    disown(h, b);
    bool sized = b->bytes != 0 && seed_below(&seed, 2);
    assert_int_equal(sized ? buddy_heap_free_sized(h, b->start, b->bytes)
                           : buddy_heap_free(h, b->start),
                     BUDDY_HEAP_OK);
}

static void play(buddy_heap_checks checks)
{
    static live blocks[2000];
    uint32_t count = 0;
    buddy_heap *h = make(UNITS, UNIT, checks);
    memset(owner, 0, sizeof owner);
    for (int step = 0; step < 6000; step++) {
        uint32_t what = seed_below(&seed, 10);
        if (what < 5 && count < 1900) {
            count += take(h, blocks + count);
        } else if (what < 6 && count > 0) {
            resize(h, &blocks[seed_below(&seed, count)]);
        } else if (count > 0) {
            uint32_t i = seed_below(&seed, count);
            give(h, &blocks[i]);
            blocks[i] = blocks[--count];
        }
        if (step % 200 == 0) {
            compare(h, blocks, count);
        }
    }
    while (count > 0) {
        give(h, &blocks[--count]);
    }
    drop(h);
}

static void any_history_agrees_with_a_map_of_owners(void **state)
{
    (void)state;
    play(BUDDY_HEAP_CHECKS_ON);
    play(BUDDY_HEAP_CHECKS_OFF);
}

/* ---- resizing ---- */

static void a_block_grows_where_its_buddies_are_free(void **state)
{
    (void)state;
    buddy_heap *h = make(4096, UNIT, BUDDY_HEAP_CHECKS_ON);
    unsigned char *p = buddy_heap_alloc_near(h, UNIT, buddy_heap_base(h));
    assert_ptr_equal(p, buddy_heap_base(h));
    p[0] = 7;
    buddy_heap_recall(h);
    for (size_t units = 1; units <= 4096; units *= 2) {
        assert_ptr_equal(buddy_heap_realloc(h, p, units * UNIT), p);
        assert_int_equal(buddy_heap_usable_size(h, p), units * UNIT);
        check(h);
    }
    assert_null(buddy_heap_realloc(h, p, 4097 * UNIT));
    assert_int_equal(buddy_heap_usable_size(h, p), 4096 * UNIT);
    for (size_t units = 4096; units >= 1; units /= 2) {
        assert_ptr_equal(buddy_heap_realloc(h, p, units * UNIT), p);
        assert_int_equal(buddy_heap_usable_size(h, p), units * UNIT);
        check(h);
    }
    buddy_heap_recall(h); /* what shrinking gave back lies in the stock */
    void *neighbour = buddy_heap_alloc_near(h, UNIT, p + UNIT);
    assert_ptr_equal(neighbour, p + UNIT);
    unsigned char *moved = buddy_heap_realloc(h, p, 2 * UNIT);
    assert_true(moved != NULL && moved != p && moved[0] == 7);
    assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_DOUBLE_FREE);
    assert_int_equal(buddy_heap_free(h, neighbour), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free(h, moved), BUDDY_HEAP_OK);
    drop(h);
}

static void what_is_not_a_block_is_not_resized(void **state)
{
    (void)state;
    buddy_heap *h = make(1024, UNIT, BUDDY_HEAP_CHECKS_ON);
    unsigned char *p = buddy_heap_realloc(h, NULL, 8 * UNIT);
    assert_non_null(p);
    buddy_heap_stats before, after;
    buddy_heap_get_stats(h, &before);
    assert_null(buddy_heap_realloc(h, p + 1, 100));
    assert_null(buddy_heap_realloc(h, p + UNIT, 100));
    assert_null(buddy_heap_realloc(h, &before, 100));
    assert_null(buddy_heap_realloc(h, p, SIZE_MAX));
    buddy_heap_get_stats(h, &after);
    assert_int_equal(after.errors, before.errors + 3);
    assert_int_equal(buddy_heap_usable_size(h, p), 8 * UNIT);
    assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
    drop(h);
}

/* What is no block is told apart, and then the size is left as it was. */
static void looking_up_tells_what_is_there(void **state)
{
    (void)state;
    buddy_heap *h = make(1024, UNIT, BUDDY_HEAP_CHECKS_ON);
    unsigned char *p = buddy_heap_exact(h, 5 * UNIT);
    size_t bytes = 1;
    assert_non_null(p);
    assert_int_equal(buddy_heap_look_up(h, &bytes, &bytes), BUDDY_HEAP_FOREIGN);
    assert_int_equal(buddy_heap_look_up(h, p + 1, &bytes), BUDDY_HEAP_MISALIGNED);
    assert_int_equal(buddy_heap_look_up(h, p + UNIT, &bytes), BUDDY_HEAP_INTERIOR);
    assert_int_equal(bytes, 1);
    assert_int_equal(buddy_heap_look_up(h, p, &bytes), BUDDY_HEAP_OK);
    assert_int_equal(bytes, 5 * UNIT);
    assert_int_equal(buddy_heap_free(h, p), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_look_up(h, p, &bytes), BUDDY_HEAP_DOUBLE_FREE);
    assert_int_equal(bytes, 5 * UNIT);
    drop(h);
}

/* ---- many at once ---- */

static void bulk_hands_out_every_block_once(void **state)
{
    (void)state;
    buddy_heap *h = make(5001, UNIT, BUDDY_HEAP_CHECKS_ON);
    void **blocks = calloc(6000, sizeof *blocks);
    assert_non_null(blocks);
    uint32_t count = buddy_heap_alloc_bulk(h, 100, 6000, blocks); /* of two units each */
    assert_int_equal(count, 2500);
    check(h);
    memset(owner, 0, sizeof owner);
    for (uint32_t i = 0; i < count; i++) {
        own(h, blocks[i], 2);
    }
    assert_int_equal(buddy_heap_free_bulk(h, count, blocks), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free_bulk(h, 1, blocks), BUDDY_HEAP_DOUBLE_FREE);
    free(blocks);
    drop(h);
}

/* ---- growing ---- */

static void a_heap_grows_when_it_has_to_and_no_further_than_it_may(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = 64 << 10, .max_bytes = 16 << 20, .unit_bytes = UNIT});
    assert_non_null(h);
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.capacity_bytes, 64 << 10);
    void *first = buddy_heap_alloc(h, 32 << 10);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.capacity_bytes, 64 << 10);
    assert_null(buddy_heap_try(h, 1 << 20)); /* this door does not grow */
    unsigned char *large = buddy_heap_alloc(h, 1 << 20);
    assert_non_null(large);
    assert_int_equal((uintptr_t)large % (1 << 20), 0);
    memset(large, 1, 1 << 20);
    buddy_heap_get_stats(h, &stats);
    assert_true(stats.capacity_bytes > 1 << 20 && stats.capacity_bytes < 4 << 20);
    check(h);
    void *blocks[1000];
    uint32_t count = 0;
    while ((blocks[count] = buddy_heap_alloc(h, 64 << 10)) != NULL) {
        count++;
    }
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.capacity_bytes, 16 << 20);
    assert_int_equal(count, (16 << 20) / (64 << 10) - 16 - 1); /* all but where those two lie */
    assert_null(buddy_heap_alloc(h, 16 << 20));
    assert_int_equal(buddy_heap_free_bulk(h, count, blocks), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free(h, first), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free(h, large), BUDDY_HEAP_OK);
    drop(h);
}

/* Neither of the region nor of the metadata. */
static void what_is_not_in_play_costs_nothing_and_is_not_touched(void **state)
{
    (void)state;
    if (is_emulated()) {
        skip(); /* what is mapped is the emulator's to say, and it does not say all */
    }
    size_t before = mappings_read(0, 0).writable;
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){
        .bytes = 64 << 10, .max_bytes = (size_t)1 << 30, .unit_bytes = 16, .threads = 1});
    assert_non_null(h);
    unsigned char *base = buddy_heap_base(h), *far = base + ((size_t)900 << 20);
    assert_true(mappings_read(0, 0).writable < before + (2 << 20));
    mappings_sum sum = mappings_read((uintptr_t)far, (uintptr_t)far + 1);
    assert_true(sum.count == 1 && sum.shut == 1);
    assert_true(buddy_heap_owns(h, far));
    assert_int_equal(buddy_heap_usable_size(h, far), 0);
    assert_int_equal(buddy_heap_free(h, far), BUDDY_HEAP_DOUBLE_FREE);
    assert_int_equal(buddy_heap_free_sized(h, far, 16), BUDDY_HEAP_DOUBLE_FREE);
    assert_null(buddy_heap_realloc(h, far, 100));
    unsigned char *near = buddy_heap_alloc_near(h, 48 << 10, far);
    assert_non_null(near); /* all but a quarter; its buddy's buddies are not in play */
    memset(near, 1, 64 << 10);
    near = buddy_heap_realloc(h, near, 1 << 20);
    assert_non_null(near);
    memset(near, 1, 1 << 20);
    check(h);
    assert_false(buddy_try_at(buddy_heap_core(h), 40 << 20, 4));
    assert_false(buddy_is_free(buddy_heap_core(h), (buddy_block){40 << 20, 4}));
    assert_false(buddy_reserve(buddy_heap_core(h), 40 << 20, 100));
    sum = mappings_read((uintptr_t)base, (uintptr_t)base + ((size_t)1 << 30));
    assert_int_equal(sum.count, 2);
    assert_int_equal(buddy_heap_free(h, near), BUDDY_HEAP_OK);
    drop(h);
}

static _Atomic uint32_t blocks_taken;

static void *fill_growing_heap(void *context)
{
    buddy_heap *h = context;
    static _Atomic uint32_t next;
    unsigned char fill = (unsigned char)(1 + next++ % 200);
    unsigned char *mine[2000];
    uint32_t count = 0;
    while (count < 2000 && (mine[count] = buddy_heap_alloc(h, 4096)) != NULL) {
        memset(mine[count++], fill, 4096);
    }
    blocks_taken += count;
    for (uint32_t i = 0; i < count; i++) {
        if (mine[i][0] != fill || mine[i][4095] != fill ||
            buddy_heap_free(h, mine[i]) != BUDDY_HEAP_OK) {
            blocks_taken += 1000000; /* a fault that the main thread sees */
        }
    }
    return NULL;
}

static void threads_grow_a_heap_together(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = 4096, .max_bytes = 8 << 20, .unit_bytes = UNIT});
    assert_non_null(h);
    pthread_t threads[4];
    blocks_taken = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fill_growing_heap, h), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(blocks_taken >= 2000 && blocks_taken < 1000000);
    drop(h);
}

/* ---- absurd requests ---- */

static void absurd_requests_are_refused(void **state)
{
    (void)state;
    buddy_heap *h = make(1000, UNIT, BUDDY_HEAP_CHECKS_ON);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, 1001 * UNIT};
    buddy_heap_piece pieces[BUDDY_PIECES];
    void *one[1];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_null(buddy_heap_alloc(h, sizes[i]));
        assert_null(buddy_heap_try(h, sizes[i]));
        assert_null(buddy_heap_exact(h, sizes[i]));
        assert_null(buddy_heap_aligned(h, 64, sizes[i]));
        assert_null(buddy_heap_alloc_near(h, sizes[i], buddy_heap_base(h)));
        assert_int_equal(buddy_heap_gather(h, sizes[i], pieces), 0);
        assert_int_equal(buddy_heap_alloc_bulk(h, sizes[i], 1, one), 0);
    }
    static const size_t alignments[] = {0, 3, 48, SIZE_MAX / 4 + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        assert_null(buddy_heap_aligned(h, alignments[i], 64));
    }
    static const buddy_heap_desc bad[] = {
        {.bytes = 128, .max_bytes = 64},
        {.bytes = 128, .max_bytes = 200},
        {.bytes = 0, .max_bytes = 4096},
        {.bytes = 4096, .max_bytes = SIZE_MAX / 64 * 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(buddy_heap_create(&bad[i]));
    }
    drop(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_block_has_its_size_and_not_a_unit_more),
        cmocka_unit_test(huge_exact_blocks_are_rounded_by_next_to_nothing),
        cmocka_unit_test(any_history_agrees_with_a_map_of_owners),
        cmocka_unit_test(a_block_grows_where_its_buddies_are_free),
        cmocka_unit_test(what_is_not_a_block_is_not_resized),
        cmocka_unit_test(looking_up_tells_what_is_there),
        cmocka_unit_test(bulk_hands_out_every_block_once),
        cmocka_unit_test(a_heap_grows_when_it_has_to_and_no_further_than_it_may),
        cmocka_unit_test(what_is_not_in_play_costs_nothing_and_is_not_touched),
        cmocka_unit_test(threads_grow_a_heap_together),
        cmocka_unit_test(absurd_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
