/* Pools of odd sizes, arrays given back in parts, and the largest pool there can be: held against a
 * plain map of who owns which object. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/pool.h"
#include "tests/rigs/buddy/pool_rig.h"
#include "tests/rigs/seed.h"

typedef struct triple {
    unsigned char bytes[3];
} triple;

typedef struct record {
    unsigned char bytes[18496];
} record;

BUDDY_POOL(bytes, unsigned char);
BUDDY_POOL(triples, triple);
BUDDY_POOL(records, record);

static uint64_t seed;

/* ---- any history, arrays in parts ---- */

#define CAPACITY_MOST 701u
#define DEAD          0u

/* What the pool should be. The object at i is painted with paint[i], or dead. */
typedef struct model {
    buddy_pool *p;
    size_t object_bytes;
    uint8_t paint[CAPACITY_MOST];
    uint32_t live;
} model;

static unsigned char *object_at(const model *o, uint32_t i)
{
    return buddy_pool_at(o->p, i, o->object_bytes);
}

/* First and last byte tell who wrote last: objects lie side by side. */
static void own(model *o, const void *start, uint32_t count)
{
    uint32_t from = buddy_pool_index(o->p, start, o->object_bytes);
    assert_true(from < o->p->capacity && count <= o->p->capacity - from);
    for (uint32_t i = from; i < from + count; i++) {
        assert_int_equal(o->paint[i], DEAD);
        o->paint[i] = (uint8_t)(1 + seed_below(&seed, 255));
        memset(object_at(o, i), o->paint[i], o->object_bytes);
    }
    o->live += count;
}

static void disown(model *o, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        const unsigned char *object = object_at(o, i);
        assert_int_equal(object[0], o->paint[i]);
        assert_int_equal(object[o->object_bytes - 1], o->paint[i]);
        o->paint[i] = DEAD;
    }
    o->live -= count;
}

static void take(model *o)
{
    void *many[20], *one = NULL;
    uint32_t count = 1 + seed_below(&seed, 40);
    switch (seed_below(&seed, 4)) {
    case 0:
        count = buddy_pool_alloc_bulk(o->p, count / 2, many);
        for (uint32_t i = 0; i < count; i++) {
            own(o, many[i], 1);
        }
        return;
    case 1:
        one = buddy_pool_alloc_array(o->p, count);
        break;
    case 2:
        count = 1;
        one = buddy_pool_alloc_near(o->p, object_at(o, seed_below(&seed, o->p->capacity)));
        break;
    default:
        count = 1;
        one = buddy_pool_alloc(o->p, o->object_bytes);
    }
    if (one != NULL) {
        own(o, one, count);
    } else {
        assert_true(count > 1 || o->live == o->p->capacity); /* no is said when there is none */
    }
}

/* Gives back some live neighbours, whoever took them: all, or a part at either end or inside. */
static void give(model *o)
{
    uint32_t from = seed_below(&seed, o->p->capacity), count = 0;
    uint32_t most = 1 + seed_below(&seed, 40);
    while (count < most && from + count < o->p->capacity && o->paint[from + count] != DEAD) {
        count++;
    }
    if (count == 0) {
        return;
    }
    disown(o, from, count);
    void *many[40];
    for (uint32_t i = 0; i < count; i++) {
        many[count - 1 - i] = object_at(o, from + i); /* not in order */
    }
    buddy_pool_status status =
        count == 1             ? buddy_pool_free(o->p, object_at(o, from), o->object_bytes)
        : seed_below(&seed, 2) ? buddy_pool_free_array(o->p, object_at(o, from), count)
                               : buddy_pool_free_bulk(o->p, count, many);
    assert_int_equal(status, BUDDY_POOL_OK);
}

/* In a checked pool every dead object is refused, and every array that has one in it. */
static void give_what_is_dead(model *o)
{
    uint32_t i = seed_below(&seed, o->p->capacity);
    if (o->paint[i] == DEAD) {
        uint32_t from = i < 10 ? 0 : i - 10;
        assert_int_equal(buddy_pool_free(o->p, object_at(o, i), o->object_bytes),
                         BUDDY_POOL_DOUBLE_FREE);
        assert_int_equal(buddy_pool_free_array(o->p, object_at(o, from), i + 1 - from),
                         BUDDY_POOL_DOUBLE_FREE);
    }
}

static void expect_live(const model *o)
{
    buddy_pool_stats stats;
    buddy_pool_get_stats(o->p, &stats);
    assert_int_equal(stats.live, o->live);
    assert_int_equal(stats.object_bytes, o->object_bytes);
    expect_whole(buddy_pool_check(o->p));
}

static void play(void *p, size_t object_bytes, bool checked)
{
    static model o;
    assert_non_null(p);
    o = (model){.p = p, .object_bytes = object_bytes};
    for (int step = 0; step < 6000; step++) {
        if (seed_below(&seed, 2)) {
            take(&o);
        } else {
            give(&o);
        }
        if (checked) {
            give_what_is_dead(&o);
        }
        if (step % 64 == 0) {
            expect_live(&o);
        }
    }
    for (uint32_t i = 0; i < o.p->capacity; i++) {
        if (o.paint[i] != DEAD) {
            disown(&o, i, 1);
            assert_int_equal(buddy_pool_free_array(o.p, object_at(&o, i), 1), BUDDY_POOL_OK);
        }
    }
    buddy_magazine_recall(o.p->stocks);
    expect_live(&o);
    assert_int_equal(buddy_free_units(buddy_magazine_core(o.p->stocks)), o.p->capacity);
}

static void arrays_go_back_in_parts_whatever_the_size(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        buddy_pool_desc desc = {.capacity = CAPACITY_MOST - 2 * seed_below(&seed, 350),
                                .checked = round % 2 != 0,
                                .threads = round < 2 ? 2 : BUDDY_POOL_NO_STOCKS};
        bytes *b = bytes_create(&desc);
        triples *t = triples_create(&desc);
        desc.capacity = 1 + seed_below(&seed, 60);
        records *r = records_create(&desc);
        play(b, 1, desc.checked);
        play(t, 3, desc.checked);
        play(r, 18496, desc.checked);
        bytes_destroy(b);
        triples_destroy(t);
        records_destroy(r);
    }
}

/* ---- the ends of what is possible ---- */

/* 2^32 - 2 objects: addresses only, none of which is touched but at the ends. Not checked as a
 * whole: that looks at every unit, for far too long. */
static void the_largest_pool_works_at_both_ends(void **state)
{
    (void)state;
    const uint32_t capacity = UINT32_MAX - 1;
    bytes *b = bytes_create(&(buddy_pool_desc){.capacity = capacity});
    if (b == NULL) {
        skip(); /* so much address space is not everywhere */
    }
    unsigned char *last = bytes_alloc_near(b, bytes_at(b, capacity - 1));
    assert_int_equal(bytes_index(b, last), capacity - 1);
    *last = 1;
    assert_null(bytes_at(b, capacity));
    unsigned char *half = bytes_alloc_array(b, UINT32_C(1) << 31);
    assert_int_equal(bytes_index(b, half), 0);
    assert_null(bytes_alloc_array(b, (UINT32_C(1) << 31) + 1));
    assert_null(bytes_alloc_array(b, UINT32_C(1) << 31));
    unsigned char *quarter = bytes_alloc_array(b, (UINT32_C(1) << 30) - 1);
    assert_int_equal(bytes_index(b, quarter), UINT32_C(1) << 31);
    assert_int_equal(bytes_free_array(b, last, 2), BUDDY_POOL_OVERRUN);
    assert_int_equal(bytes_free_array(b, half, UINT32_MAX), BUDDY_POOL_OVERRUN);
    assert_int_equal(bytes_free(b, bytes_at(b, 0) + capacity), BUDDY_POOL_FOREIGN);
    assert_int_equal(bytes_free(b, last), BUDDY_POOL_OK);
    assert_int_equal(bytes_free_array(b, half, UINT32_C(1) << 31), BUDDY_POOL_OK);
    assert_int_equal(bytes_free_array(b, quarter, (UINT32_C(1) << 30) - 1), BUDDY_POOL_OK);
    buddy_pool_stats stats;
    bytes_recall(b);
    bytes_get_stats(b, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.core.free_units, capacity);
    bytes_destroy(b);
}

/* The last word of live bits ends where 32 bits do. */
static void the_last_objects_of_the_largest_pool_have_live_bits(void **state)
{
    (void)state;
    const uint32_t capacity = UINT32_MAX - 1;
    bytes *b = bytes_create(&(buddy_pool_desc){.capacity = capacity, .checked = true});
    if (b == NULL) {
        skip();
    }
    unsigned char *last = bytes_alloc_near(b, bytes_at(b, capacity - 1));
    unsigned char *before = bytes_alloc_near(b, bytes_at(b, capacity - 2));
    assert_int_equal(bytes_index(b, last), capacity - 1);
    assert_int_equal(bytes_index(b, before), capacity - 2);
    assert_int_equal(bytes_free_array(b, before, 2), BUDDY_POOL_OK);
    assert_int_equal(bytes_free(b, last), BUDDY_POOL_DOUBLE_FREE);
    assert_int_equal(bytes_free_array(b, before, 2), BUDDY_POOL_DOUBLE_FREE);
    bytes_destroy(b);
}

static void near_a_stranger_is_anywhere(void **state)
{
    (void)state;
    triples *t = triples_create(&(buddy_pool_desc){.capacity = 9});
    assert_non_null(t);
    triple stranger, *all[9];
    for (int i = 0; i < 9; i++) {
        all[i] = triples_alloc_near(t, i % 2 ? NULL : &stranger);
        assert_non_null(all[i]);
    }
    assert_null(triples_alloc_near(t, all[0]));
    assert_null(triples_alloc_near(t, NULL));
    assert_int_equal(triples_free_bulk(t, 9, all), BUDDY_POOL_OK);
    expect_whole(triples_check(t));
    triples_destroy(t);
}

/* ---- one object of an array, and the array ---- */

#define RACES 4000

typedef struct race {
    triples *t;
    _Atomic int started, ended; /* rounds */
    triple *one;
    buddy_pool_status freed; /* written by the thread that frees one */
} race;

static void wait_for(const _Atomic int *rounds, int round)
{
    while (*rounds < round) {
        sched_yield();
    }
}

static void *free_one(void *context)
{
    race *r = context;
    for (int i = 1; i <= RACES; i++) {
        wait_for(&r->started, i);
        for (volatile int linger = 0; linger < i % 100; linger++) {
        }
        r->freed = triples_free(r->t, r->one);
        r->ended = i;
    }
    return NULL;
}

static void of_an_array_and_one_in_it_exactly_one_is_freed(void **state)
{
    (void)state;
    race r = {.t = triples_create(&(buddy_pool_desc){.capacity = 1000, .checked = true})};
    assert_non_null(r.t);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_one, &r), 0);
    for (int i = 1; i <= RACES; i++) {
        uint32_t at = seed_below(&seed, 300);
        triple *array = triples_alloc_array(r.t, 300); /* several words of live bits */
        assert_non_null(array);
        r.one = array + at;
        r.started = i;
        buddy_pool_status status = triples_free_array(r.t, array, 300);
        wait_for(&r.ended, i);
        assert_int_equal(status, r.freed == BUDDY_POOL_OK ? BUDDY_POOL_DOUBLE_FREE : BUDDY_POOL_OK);
        if (status != BUDDY_POOL_OK) { /* all but one are live as they were */
            assert_true(at == 0 || triples_free_array(r.t, array, at) == BUDDY_POOL_OK);
            assert_true(at == 299 || triples_free_array(r.t, r.one + 1, 299 - at) == BUDDY_POOL_OK);
        }
    }
    pthread_join(thread, NULL);
    buddy_pool_stats stats;
    triples_get_stats(r.t, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.errors, RACES);
    expect_whole(triples_check(r.t));
    triples_destroy(r.t);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_go_back_in_parts_whatever_the_size),
        cmocka_unit_test(the_largest_pool_works_at_both_ends),
        cmocka_unit_test(the_last_objects_of_the_largest_pool_have_live_bits),
        cmocka_unit_test(near_a_stranger_is_anywhere),
        cmocka_unit_test(of_an_array_and_one_in_it_exactly_one_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
