/* Pools of one type: every object is handed out once, keeps its bytes, and comes back; what is no
 * object is refused by name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/pool.h"
#include "tests/rigs/buddy/pool_rig.h"
#include "tests/rigs/seed.h"

typedef struct triple {
    uint8_t bytes[3];
} triple;

typedef struct record {
    _Alignas(64) unsigned char bytes[18496];
} record;

BUDDY_POOL(bytes, uint8_t);
BUDDY_POOL(triples, triple);
BUDDY_POOL(records, record);

typedef struct page {
    _Alignas(4096) unsigned char bytes[3 * 4096];
} page;

BUDDY_POOL(pages, page);

static uint64_t seed;

/* ---- size and place ---- */

static void objects_lie_side_by_side_whatever_their_size(void **state)
{
    (void)state;
    triples *t = triples_create(&(buddy_pool_desc){.capacity = 1001});
    bytes *b = bytes_create(&(buddy_pool_desc){.capacity = 77});
    records *r = records_create(&(buddy_pool_desc){.capacity = 5});
    assert_true(t != NULL && b != NULL && r != NULL);
    for (uint32_t i = 0; i < 1001; i++) {
        assert_ptr_equal(triples_at(t, i), triples_at(t, 0) + i);
        assert_int_equal(triples_index(t, triples_at(t, i)), i);
    }
    assert_null(triples_at(t, 1001));
    assert_int_equal(triples_index(t, triples_at(t, 1000) + 1), BUDDY_NONE);
    assert_int_equal(triples_index(t, (triple *)((uint8_t *)triples_at(t, 7) + 1)), BUDDY_NONE);
    for (uint32_t i = 0; i < 5; i++) {
        record *one = records_alloc(r);
        assert_non_null(one);
        assert_int_equal((uintptr_t)one % 64, 0);
        memset(one, (int)i, sizeof *one);
    }
    assert_null(records_alloc(r));
    expect_whole(records_check(r));
    buddy_pool_stats stats;
    bytes_get_stats(b, &stats);
    assert_int_equal(stats.object_bytes, 1);
    triples_destroy(t);
    bytes_destroy(b);
    records_destroy(r);
    ints_destroy(NULL);
}

static void the_strictest_alignment_holds(void **state)
{
    (void)state;
    pages *p = pages_create(&(buddy_pool_desc){.capacity = 7});
    assert_non_null(p);
    for (uint32_t i = 0; i < 7; i++) {
        page *one = pages_alloc(p);
        assert_non_null(one);
        assert_int_equal((uintptr_t)one % 4096, 0);
    }
    assert_null(pages_try(p));
    pages_destroy(p);
}

/* One multiplication stands for a division with a rest: over every size up to a few pages, and the
 * article's 18,496. */
static void a_place_is_the_quotient_where_there_is_no_rest(void **state)
{
    (void)state;
    enum { END = 1 << 20 };
    buddy_pool p = {.capacity = 50};
    for (size_t size = 1; size <= 18496; size += size < 300 ? 1 : 28) {
        for (int i = 0; i < 200; i++) {
            size_t distance = seed_below(&seed, END);
            uint64_t place = buddy_pool_place(&p, (void *)distance, size);
            bool is_object = distance % size == 0 && distance / size < 50;
            assert_int_equal(place < 50, is_object);
            assert_true(!is_object || place == distance / size);
        }
        for (uint32_t i = 0; i < 50; i++) {
            assert_int_equal(buddy_pool_place(&p, (void *)(i * size), size), i);
        }
        assert_true(buddy_pool_place(&p, (void *)(50 * size), size) >= 50);
        assert_true(buddy_pool_place(&p, (void *)(-size), size) >= 50);
    }
}

static void objects_lie_in_the_callers_memory(void **state)
{
    (void)state;
    static int memory[101];
    memory[100] = 12345;
    assert_null(ints_create(&(buddy_pool_desc){.capacity = 100, .memory = (char *)memory + 1}));
    assert_int_equal(errno, EINVAL);
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 100, .memory = memory});
    assert_non_null(p);
    assert_ptr_equal(ints_at(p, 0), memory);
    assert_ptr_equal(ints_get_desc(p)->memory, memory);
    int *all[100];
    assert_int_equal(ints_alloc_bulk(p, 100, all), 100);
    for (int i = 0; i < 100; i++) {
        *all[i] = -1;
    }
    assert_int_equal(memory[100], 12345);
    assert_int_equal(ints_free_bulk(p, 100, all), BUDDY_POOL_OK);
    drop_ints(p);
}

/* ---- any history ---- */

#define CAPACITY 3001u
#define MOST     3001u

typedef struct run {
    int *start;
    uint32_t count;
} run;

static uint8_t owned[CAPACITY];

static void own(const ints *p, run r)
{
    assert_true(ints_index(p, r.start) != BUDDY_NONE);
    for (uint32_t i = 0; i < r.count; i++) {
        uint32_t index = ints_index(p, r.start + i);
        if (index >= CAPACITY || owned[index] != 0) {
            fail_msg("object %u is none, or has an owner", index);
            return;
        }
        owned[index] = 1;
        r.start[i] = (int)index;
    }
}

static void disown(const ints *p, run r)
{
    for (uint32_t i = 0; i < r.count; i++) {
        assert_int_equal(r.start[i], ints_index(p, r.start + i));
        owned[r.start[i]] = 0;
    }
}

static uint32_t take(ints *p, run *out)
{
    int *objects[40];
    uint32_t count = 1;
    switch (seed_below(&seed, 5)) {
    case 0:
        out[0] = (run){ints_try(p), 1};
        break;
    case 1:
        out[0] = (run){ints_alloc_near(p, ints_at(p, seed_below(&seed, CAPACITY))), 1};
        break;
    case 2:
        out[0].count = 1 + seed_below(&seed, 60);
        out[0].start = ints_alloc_array(p, out[0].count);
        break;
    case 3:
        count = ints_alloc_bulk(p, seed_below(&seed, 41), objects);
        for (uint32_t i = 0; i < count; i++) {
            out[i] = (run){objects[i], 1};
        }
        break;
    default:
        out[0] = (run){ints_alloc(p), 1};
    }
    count = count > 0 && out[0].start != NULL ? count : 0;
    for (uint32_t i = 0; i < count; i++) {
        own(p, out[i]);
    }
    return count;
}

static void give(ints *p, run r)
{
    disown(p, r);
    assert_int_equal(r.count == 1 ? ints_free(p, r.start) : ints_free_array(p, r.start, r.count),
                     BUDDY_POOL_OK);
}

static void play(bool checked)
{
    static run runs[MOST + 64];
    uint32_t count = 0;
    ints *p = ints_create(&(buddy_pool_desc){.capacity = CAPACITY, .checked = checked});
    assert_non_null(p);
    memset(owned, 0, sizeof owned);
    for (int step = 0; step < 20000; step++) {
        if (seed_below(&seed, 2) && count < MOST) {
            count += take(p, runs + count);
        } else if (count > 0) {
            uint32_t i = seed_below(&seed, count);
            give(p, runs[i]);
            runs[i] = runs[--count];
        }
        if (step % 500 == 0) {
            expect_whole(ints_check(p));
        }
    }
    while (count > 0) {
        give(p, runs[--count]);
    }
    drop_ints(p);
}

static void any_history_hands_out_each_object_once(void **state)
{
    (void)state;
    play(false);
    play(true);
}

/* ---- what is refused ---- */

static void wrong_pointers_are_refused_by_name(void **state)
{
    (void)state;
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 1000, .checked = true});
    assert_non_null(p);
    int stranger, *one = ints_alloc(p), *array = ints_alloc_array(p, 13);
    assert_true(one != NULL && array != NULL);
    assert_int_equal(ints_free(p, NULL), BUDDY_POOL_OK);
    assert_int_equal(ints_free(p, &stranger), BUDDY_POOL_FOREIGN);
    assert_int_equal(ints_free(p, ints_at(p, 0) + 1000), BUDDY_POOL_FOREIGN);
    assert_int_equal(ints_free(p, (int *)(void *)((char *)one + 1)), BUDDY_POOL_MISALIGNED);
    assert_int_equal(ints_free_array(p, array, 2000), BUDDY_POOL_OVERRUN);
    assert_int_equal(ints_free_array(p, array, UINT32_MAX), BUDDY_POOL_OVERRUN);
    assert_int_equal(ints_free(p, one), BUDDY_POOL_OK);
    assert_int_equal(ints_free(p, one), BUDDY_POOL_DOUBLE_FREE);
    assert_int_equal(ints_free_array(p, array + 4, 3), BUDDY_POOL_OK); /* a part of it */
    assert_int_equal(ints_free_array(p, array, 13), BUDDY_POOL_DOUBLE_FREE);
    assert_int_equal(ints_free_array(p, array, 4), BUDDY_POOL_OK);
    assert_int_equal(ints_free_array(p, array + 7, 6), BUDDY_POOL_OK);
    buddy_pool_stats stats;
    ints_get_stats(p, &stats);
    assert_int_equal(stats.errors, 7);
    drop_ints(p);
}

static void impossible_pools_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const buddy_pool_desc bad[] = {{.capacity = 0},
                                          {.capacity = UINT32_MAX},
                                          {.capacity = SIZE_MAX},
                                          {.capacity = SIZE_MAX / 2}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        errno = 0;
        assert_null(ints_create(&bad[i]));
        assert_int_not_equal(errno, 0);
    }
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 100});
    assert_non_null(p);
    assert_null(ints_alloc_array(p, UINT32_MAX));
    assert_null(ints_alloc_array(p, 101));
    int *one = ints_alloc_array(p, 0); /* counts as 1 */
    assert_non_null(one);
    assert_int_equal(ints_free_array(p, one, 0), BUDDY_POOL_OK);
    drop_ints(p);
}

static void a_bulk_free_passes_over_what_it_refuses(bool checked)
{
    enum { COUNT = 1000 }; /* several of the chunks that it works in */
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 2 * COUNT, .checked = checked});
    assert_non_null(p);
    int *objects[COUNT + 4], *kept[4], stranger;
    assert_int_equal(ints_alloc_bulk(p, COUNT + 4, objects), COUNT + 4);
    for (uint32_t i = 0; i < 4; i++) {
        kept[i] = objects[300 * i];
    }
    objects[0] = NULL;
    objects[300] = &stranger;
    objects[600] = (int *)(void *)((char *)kept[2] + 1);
    objects[900] = NULL;
    assert_int_equal(ints_free_bulk(p, COUNT + 4, objects), BUDDY_POOL_FOREIGN);
    buddy_pool_stats stats;
    ints_get_stats(p, &stats);
    assert_int_equal(stats.errors, 2);
    assert_int_equal(stats.live, 4);
    expect_whole(ints_check(p));
    assert_int_equal(ints_free_bulk(p, 4, kept), BUDDY_POOL_OK);
    if (checked) {
        assert_int_equal(ints_free_bulk(p, 4, kept), BUDDY_POOL_DOUBLE_FREE);
    }
    assert_int_equal(ints_free_bulk(p, 0, NULL), BUDDY_POOL_OK);
    drop_ints(p);
}

static void wrong_pointers_among_many_are_passed_over(void **state)
{
    (void)state;
    a_bulk_free_passes_over_what_it_refuses(false);
    a_bulk_free_passes_over_what_it_refuses(true);
}

static void a_bulk_request_beyond_the_end_takes_what_there_is(void **state)
{
    (void)state;
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 999});
    assert_non_null(p);
    int *objects[1200];
    assert_int_equal(ints_alloc_bulk(p, 0, objects), 0);
    assert_int_equal(ints_alloc_bulk(p, 1200, objects), 999);
    assert_int_equal(ints_alloc_bulk(p, 1200, objects + 999), 0);
    buddy_pool_stats stats;
    ints_get_stats(p, &stats);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(ints_free_bulk(p, 999, objects), BUDDY_POOL_OK);
    drop_ints(p);
}

static void an_array_of_which_a_part_is_free_already_stays_as_it_is(void **state)
{
    (void)state;
    enum { COUNT = 300 }; /* several words of live bits */
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 1000, .checked = true});
    assert_non_null(p);
    int *array = ints_alloc_array(p, COUNT);
    assert_non_null(array);
    assert_int_equal(ints_free(p, array + 290), BUDDY_POOL_OK);
    assert_int_equal(ints_free_array(p, array, COUNT), BUDDY_POOL_DOUBLE_FREE);
    expect_whole(ints_check(p));
    assert_int_equal(ints_free_array(p, array, 290), BUDDY_POOL_OK);
    assert_int_equal(ints_free_array(p, array + 291, COUNT - 291), BUDDY_POOL_OK);
    drop_ints(p);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int i = BUDDY_POOL_OK; i <= BUDDY_POOL_DOUBLE_FREE; i++) {
        assert_true(strlen(buddy_pool_status_text((buddy_pool_status)i)) > 0);
    }
    assert_string_equal(buddy_pool_status_text((buddy_pool_status)99), "unknown status");
}

static void the_check_notices_a_live_object_that_is_given_to_the_core(void **state)
{
    (void)state;
    ints *p = ints_create(&(buddy_pool_desc){.capacity = 1000, .checked = true});
    assert_non_null(p);
    int *one = ints_alloc_near(p, ints_at(p, 500));
    expect_whole(ints_check(p));
    buddy_magazine_free(((buddy_pool *)p)->stocks, ints_index(p, one), 0);
    const char *fault = ints_check(p);
    assert_non_null(fault);
    assert_string_equal(fault, "a live object lies in a stock");
    ints_flush(p);
    fault = ints_check(p);
    assert_non_null(fault);
    assert_string_equal(fault, "a live object is free in the core");
    ints_destroy(p);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_lie_side_by_side_whatever_their_size),
        cmocka_unit_test(the_strictest_alignment_holds),
        cmocka_unit_test(a_place_is_the_quotient_where_there_is_no_rest),
        cmocka_unit_test(objects_lie_in_the_callers_memory),
        cmocka_unit_test(any_history_hands_out_each_object_once),
        cmocka_unit_test(wrong_pointers_are_refused_by_name),
        cmocka_unit_test(wrong_pointers_among_many_are_passed_over),
        cmocka_unit_test(a_bulk_request_beyond_the_end_takes_what_there_is),
        cmocka_unit_test(an_array_of_which_a_part_is_free_already_stays_as_it_is),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(the_check_notices_a_live_object_that_is_given_to_the_core),
        cmocka_unit_test(impossible_pools_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
