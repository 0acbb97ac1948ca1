/* Pools of one type: every object is handed out once, keeps its bytes, and comes back; what is no
 * object is refused by name. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/pool.h"
#include "seed.h"

typedef struct triple {
    uint8_t bytes[3];
} triple;

typedef struct record {
    _Alignas(64) unsigned char bytes[18496];
} record;

BUDDY_POOL(bytes, uint8_t);
BUDDY_POOL(triples, triple);
BUDDY_POOL(ints, int);
BUDDY_POOL(records, record);

static uint64_t seed;

static void expect_whole(const char *fault)
{
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

/* All has been given back. */
static void drop_ints(ints *p)
{
    pool_stats stats;
    ints_recall(p);
    ints_get_stats(p, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.core.free_units, stats.capacity);
    expect_whole(ints_check(p));
    ints_destroy(p);
}

/* ---- size and place ---- */

static void objects_lie_side_by_side_whatever_their_size(void **state)
{
    (void)state;
    triples *t = triples_create(&(pool_desc){.capacity = 1001});
    bytes *b = bytes_create(&(pool_desc){.capacity = 77});
    records *r = records_create(&(pool_desc){.capacity = 5});
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
        memset(one, (int)i, sizeof(*one));
    }
    assert_null(records_alloc(r));
    expect_whole(records_check(r));
    pool_stats stats;
    bytes_get_stats(b, &stats);
    assert_int_equal(stats.object_bytes, 1);
    triples_destroy(t);
    bytes_destroy(b);
    records_destroy(r);
    ints_destroy(NULL);
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
                     POOL_OK);
}

static void play(bool checked)
{
    static run runs[MOST + 64];
    uint32_t count = 0;
    ints *p = ints_create(&(pool_desc){.capacity = CAPACITY, .checked = checked});
    assert_non_null(p);
    memset(owned, 0, sizeof(owned));
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
    ints *p = ints_create(&(pool_desc){.capacity = 1000, .checked = true});
    assert_non_null(p);
    int stranger, *one = ints_alloc(p), *array = ints_alloc_array(p, 13);
    assert_true(one != NULL && array != NULL);
    assert_int_equal(ints_free(p, NULL), POOL_OK);
    assert_int_equal(ints_free(p, &stranger), POOL_FOREIGN);
    assert_int_equal(ints_free(p, ints_at(p, 0) + 1000), POOL_FOREIGN);
    assert_int_equal(ints_free(p, (int *)(void *)((char *)one + 1)), POOL_MISALIGNED);
    assert_int_equal(ints_free_array(p, array, 2000), POOL_OVERRUN);
    assert_int_equal(ints_free_array(p, array, UINT32_MAX), POOL_OVERRUN);
    assert_int_equal(ints_free(p, one), POOL_OK);
    assert_int_equal(ints_free(p, one), POOL_DOUBLE_FREE);
    assert_int_equal(ints_free_array(p, array + 4, 3), POOL_OK); /* a part of it */
    assert_int_equal(ints_free_array(p, array, 13), POOL_DOUBLE_FREE);
    assert_int_equal(ints_free_array(p, array, 4), POOL_OK);
    assert_int_equal(ints_free_array(p, array + 7, 6), POOL_OK);
    pool_stats stats;
    ints_get_stats(p, &stats);
    assert_int_equal(stats.errors, 7);
    drop_ints(p);
}

static void impossible_pools_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const pool_desc bad[] = {{.capacity = 0},
                                    {.capacity = UINT32_MAX},
                                    {.capacity = SIZE_MAX},
                                    {.capacity = SIZE_MAX / 2}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        assert_null(ints_create(&bad[i]));
        assert_int_not_equal(errno, 0);
    }
    ints *p = ints_create(&(pool_desc){.capacity = 100});
    assert_non_null(p);
    assert_null(ints_alloc_array(p, UINT32_MAX));
    assert_null(ints_alloc_array(p, 101));
    int *one = ints_alloc_array(p, 0); /* counts as 1 */
    assert_non_null(one);
    assert_int_equal(ints_free_array(p, one, 0), POOL_OK);
    drop_ints(p);
}

/* ---- threads ---- */

static _Atomic uint32_t taken, damaged;

static void *take_all(void *context)
{
    ints *p = context;
    uint32_t count = 0;
    int **mine = malloc(200000 * sizeof(*mine));
    static _Atomic int next;
    int mark = ++next;
    while (count < 200000 && (mine[count] = ints_alloc(p)) != NULL) {
        *mine[count++] = mark;
    }
    taken += count;
    for (uint32_t i = 0; i < count; i++) {
        damaged += *mine[i] != mark;
    }
    free(mine); /* the objects stay taken: the last thread must find the last one */
    return NULL;
}

static void of_any_capacity_every_object_is_handed_out(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 3, 7};
    for (size_t t = 0; t < 3; t++) {
        uint32_t capacity = 1 + 2 * seed_below(&seed, 50000);
        ints *p = ints_create(&(pool_desc){.capacity = capacity});
        assert_non_null(p);
        taken = damaged = 0;
        pthread_t ids[7];
        for (uint32_t i = 0; i < threads[t]; i++) {
            assert_int_equal(pthread_create(&ids[i], NULL, take_all, p), 0);
        }
        for (uint32_t i = 0; i < threads[t]; i++) {
            pthread_join(ids[i], NULL);
        }
        assert_int_equal(taken, capacity);
        assert_int_equal(damaged, 0);
        expect_whole(ints_check(p));
        ints_destroy(p);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_lie_side_by_side_whatever_their_size),
        cmocka_unit_test(any_history_hands_out_each_object_once),
        cmocka_unit_test(wrong_pointers_are_refused_by_name),
        cmocka_unit_test(impossible_pools_are_refused_with_a_reason),
        cmocka_unit_test(of_any_capacity_every_object_is_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
