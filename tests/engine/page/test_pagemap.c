/* The map from page ids to numbers, against a plain list of who has which id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/page/pagemap.h"
#include "tests/rigs/seed.h"

enum { CAPACITY = 100, PLACES = 256, IDS = 300, STEPS = 20000 };

/* Something that has an id not at its beginning. */
typedef struct element {
    uint64_t other;
    uint32_t page_id; /* 0: the map does not hold its number */
} element;

static element elements[CAPACITY];
static uint64_t seed;

static void make(pagemap *m)
{
    for (uint32_t i = 0; i < CAPACITY; i++) {
        elements[i] = (element){.other = i};
    }
    assert_true(pagemap_init(m, CAPACITY, &elements[0].page_id, sizeof elements[0]));
    assert_int_equal(pagemap_places(m), PLACES);
    assert_int_equal(pagemap_bytes(CAPACITY), PLACES * sizeof(uint32_t));
}

/* Ids of which all have one of a few homes, the last and the first place among them: long runs,
 * which go on at the beginning. */
static void crowded_ids(const pagemap *m, uint32_t ids[IDS])
{
    uint32_t count = 0;
    for (uint32_t id = 1; count < IDS; id++) {
        const uint32_t home = pagemap_home(m, id);
        if (home >= PLACES - 3 || home <= 1 || home == 100) {
            ids[count++] = id;
        }
    }
}

static uint32_t model_find(uint32_t id)
{
    for (uint32_t i = 0; i < CAPACITY; i++) {
        if (elements[i].page_id == id) {
            return i;
        }
    }
    return PAGEMAP_NONE;
}

static void put(pagemap *m, uint32_t id, uint32_t number)
{
    const uint32_t place = pagemap_place(m, id);
    assert_int_equal(pagemap_at(m, place), PAGEMAP_NONE);
    pagemap_put(m, place, number);
    elements[number].page_id = id;
}

static void take_out(pagemap *m, uint32_t number)
{
    pagemap_remove(m, pagemap_place(m, elements[number].page_id));
    elements[number].page_id = 0;
}

static void expect(const pagemap *m, const uint32_t ids[IDS], uint32_t count)
{
    const char *wrong = pagemap_check(m, count);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    for (uint32_t i = 0; i < IDS; i++) {
        assert_int_equal(pagemap_find(m, ids[i]), model_find(ids[i]));
    }
}

static void play(pagemap *m, const uint32_t ids[IDS])
{
    uint32_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        const uint32_t id = ids[seed_below(&seed, IDS)], held = model_find(id);
        const uint32_t number = seed_below(&seed, CAPACITY);
        if (held != PAGEMAP_NONE) {
            take_out(m, held);
            count--;
        } else if (elements[number].page_id == 0) {
            put(m, id, number);
            count++;
        }
        if (step % 16 == 0) {
            expect(m, ids, count);
        }
    }
    expect(m, ids, count);
}

static void any_history_agrees_with_a_list(void **state)
{
    (void)state;
    pagemap m;
    uint32_t ids[IDS];
    for (uint32_t i = 0; i < IDS; i++) {
        ids[i] = (i + 1) * 0x01000193u; /* odd, so they differ */
    }
    make(&m);
    play(&m, ids);
    pagemap_finish(&m);
    make(&m);
    crowded_ids(&m, ids);
    play(&m, ids);
    pagemap_finish(&m);
}

static void a_full_map_still_says_what_it_has_not(void **state)
{
    (void)state;
    pagemap m;
    uint32_t ids[IDS];
    make(&m);
    crowded_ids(&m, ids);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        put(&m, ids[i], i);
    }
    expect(&m, ids, CAPACITY);
    for (uint32_t i = 0; i < CAPACITY; i++) { /* all are dropped, so none need move */
        elements[i].other = pagemap_place(&m, ids[i]);
    }
    for (uint32_t i = 0; i < CAPACITY; i++) {
        pagemap_drop(&m, (uint32_t)elements[i].other);
        elements[i].page_id = 0;
    }
    expect(&m, ids, 0);
    pagemap_finish(&m);
}

static void the_smallest_map_holds_one_page(void **state)
{
    (void)state;
    pagemap m;
    elements[0].page_id = 7;
    assert_true(pagemap_init(&m, 1, &elements[0].page_id, sizeof elements[0]));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pagemap_find(&m, 7), PAGEMAP_NONE);
        pagemap_put(&m, pagemap_place(&m, 7), 0);
        assert_int_equal(pagemap_find(&m, 7), 0);
        assert_int_equal(pagemap_find(&m, 8), PAGEMAP_NONE);
        assert_null(pagemap_check(&m, 1));
        pagemap_remove(&m, pagemap_place(&m, 7));
    }
    assert_null(pagemap_check(&m, 0));
    pagemap_finish(&m);
    pagemap_finish(&m);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    pagemap m;
    uint32_t ids[IDS];
    make(&m);
    crowded_ids(&m, ids);
    put(&m, ids[0], 0);
    put(&m, ids[1], 1);
    assert_non_null(pagemap_check(&m, 1));
    assert_non_null(pagemap_check(&m, 3));
    pagemap_put(&m, 50, 0); /* again, far from its home */
    assert_non_null(pagemap_check(&m, 3));
    pagemap_drop(&m, 50);
    assert_null(pagemap_check(&m, 2));
    elements[0].page_id = ids[100]; /* under the map's feet */
    while (pagemap_home(&m, elements[0].page_id) == pagemap_home(&m, ids[0])) {
        elements[0].page_id++;
    }
    assert_non_null(pagemap_check(&m, 2));
    pagemap_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_agrees_with_a_list),
        cmocka_unit_test(a_full_map_still_says_what_it_has_not),
        cmocka_unit_test(the_smallest_map_holds_one_page),
        cmocka_unit_test(damage_is_noticed),
    };
    seed = seed_of_run();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
