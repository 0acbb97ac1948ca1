/* test_requests.c: what one image wants, and the order in which what it misses is sent for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/requests.h"

#include "tests/rigs/seed.h"

#include <string.h>

enum { MOST_WANTS = 64, ROUNDS = 200 };

static vt_shape shapes[2];
static const vt_shape *const SHAPES[2] = {&shapes[0], &shapes[1]};

static requests *make(uint32_t width, uint32_t height, uint32_t max_wants)
{
    assert_true(page_shape_make(width, height, 4, &shapes[0]));
    assert_true(page_shape_make(height, width / 3 + 1, 8, &shapes[1]));
    requests *r = requests_create(&(requests_desc){SHAPES, 2, max_wants});
    assert_non_null(r);
    return r;
}

static vt_page page(uint8_t mip, uint16_t x, uint16_t y)
{
    return (vt_page){1, mip, x, y};
}

static uint32_t id_of(uint8_t mip, uint16_t x, uint16_t y)
{
    return page_pack(page(mip, x, y));
}

/* Misses all that is wanted, and lists it. */
static uint32_t miss_all(requests *r, const request **missing)
{
    const request *wanted;
    const uint32_t count = requests_list(r, &wanted);
    for (uint32_t i = 0; i < count; i++) {
        requests_miss(r, i);
    }
    assert_int_equal(requests_missing(r, missing), count);
    return count;
}

static void want_lists_all_ancestors_once(void **state)
{
    (void)state;
    requests *r = make(120 * 8, 120 * 8, 16);
    requests_begin(r);
    requests_add(r, page(0, 0, 0), 3, 0);
    requests_add(r, page(0, 1, 0), 5, 0);
    requests_add(r, page(1, 3, 3), 2, 0);
    const request *list;
    /* (0,0,0) (0,1,0) (1,0,0) (2,0,0) (3,0,0) (1,3,3) (2,1,1) */
    assert_int_equal(miss_all(r, &list), 7);
    assert_int_equal(list[0].page_id, id_of(3, 0, 0));
    assert_int_equal(list[0].urgency, 10);
    assert_int_equal(list[1].page_id, id_of(2, 0, 0));
    assert_int_equal(list[1].urgency, 8);
    assert_true(requests_wants(r, page(1, 3, 3)));
    assert_true(requests_wants(r, page(2, 1, 1)));
    assert_false(requests_wants(r, page(1, 3, 2)));
    requests_destroy(r);
}

static void list_begins_with_the_finest_mip(void **state)
{
    (void)state;
    requests *r = make(9000, 5000, MOST_WANTS);
    requests_begin(r);
    requests_add(r, page(2, 1, 1), 1, 0);
    requests_add(r, page(0, 7, 3), 1, 0);
    requests_add(r, page(1, 5, 5), 1, 0);
    const request *list;
    const uint32_t count = requests_list(r, &list);
    for (uint32_t i = 1; i < count; i++) {
        assert_true(page_unpack(list[i - 1].page_id).mip <= page_unpack(list[i].page_id).mip);
        assert_true(requests_wants(r, page_unpack(list[i].page_id)));
    }
    requests_destroy(r);
}

static void pages_that_lack_more_mips_come_first(void **state)
{
    (void)state;
    requests *r = make(9000, 5000, MOST_WANTS);
    requests_begin(r);
    requests_add(r, page(0, 0, 0), 10, 1);
    requests_add(r, page(0, 60, 30), 10, 4);
    const request *list;
    const uint32_t count = miss_all(r, &list);
    uint32_t near = 0, far = 0;
    for (uint32_t i = 0; i < count; i++) {
        near = list[i].page_id == id_of(0, 0, 0) ? i : near;
        far = list[i].page_id == id_of(0, 60, 30) ? i : far;
    }
    assert_true(far < near);
    requests_destroy(r);
}

/* A page that few pixels want overtakes one of a moment that more do, when it has waited. */
static void pages_that_wait_become_more_urgent(void **state)
{
    (void)state;
    requests *r = make(9000, 5000, MOST_WANTS);
    const request *list;
    bool overtook = false;
    for (int image = 0; image < 100; image++) {
        requests_begin(r);
        requests_add(r, page(0, 0, 0), 10, 0);
        requests_add(r, page(0, (uint16_t)(20 + image % 50), 30), 30, 0);
        const uint32_t count = miss_all(r, &list);
        for (uint32_t i = 0;
             i < count && list[i].page_id != id_of(0, (uint16_t)(20 + image % 50), 30); i++) {
            overtook |= list[i].page_id == id_of(0, 0, 0);
        }
        assert_true(image >= 8 || !overtook);
    }
    assert_true(overtook);
    requests_destroy(r);
}

static vt_page random_page(uint64_t *random)
{
    const uint8_t texture = (uint8_t)(1 + seed_below(random, 2));
    const vt_shape *s = SHAPES[texture - 1];
    const uint8_t mip = (uint8_t)seed_below(random, s->mips);
    return (vt_page){texture, mip, (uint16_t)seed_below(random, page_columns(s, mip)),
                     (uint16_t)seed_below(random, page_rows(s, mip))};
}

static uint32_t find(const request *list, uint32_t count, uint32_t page_id)
{
    uint32_t at = 0;
    while (at < count && list[at].page_id != page_id) {
        at++;
    }
    return at;
}

/* Each page once, and its ancestors, which are no less urgent, before it. */
static void check_order(const request *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const vt_page p = page_unpack(list[i].page_id);
        assert_int_equal(find(list, count, list[i].page_id), i);
        if (p.mip + 1u < SHAPES[p.texture - 1]->mips) {
            const uint32_t parent = find(list, count, page_pack(page_parent(p)));
            assert_true(parent < i);
            assert_true(list[i].urgency <= list[parent].urgency);
        }
    }
}

static void ancestors_come_before_what_lies_below(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    requests *r = make(9000, 5000, MOST_WANTS);
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t count = 1 + seed_below(&random, MOST_WANTS);
        uint64_t urgency[2] = {0};
        requests_begin(r);
        for (uint32_t i = 0; i < count; i++) {
            const vt_page p = random_page(&random);
            const uint32_t pixels = 1 + seed_below(&random, 1000), lack = seed_below(&random, 5);
            requests_add(r, p, pixels, lack);
            urgency[p.texture - 1] += (uint64_t)pixels * (lack + 1);
        }
        const request *list;
        const uint32_t wanted = requests_list(r, &list);
        for (uint32_t texture = 1; texture <= 2; texture++) {
            const vt_page root = {(uint8_t)texture, (uint8_t)(SHAPES[texture - 1]->mips - 1), 0, 0};
            const uint32_t at = find(list, wanted, page_pack(root));
            assert_int_equal(at < wanted ? list[at].urgency : 0, urgency[texture - 1]);
        }
        const uint32_t missing = miss_all(r, &list);
        check_order(list, missing);
    }
    requests_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_lists_all_ancestors_once),
        cmocka_unit_test(list_begins_with_the_finest_mip),
        cmocka_unit_test(pages_that_lack_more_mips_come_first),
        cmocka_unit_test(pages_that_wait_become_more_urgent),
        cmocka_unit_test(ancestors_come_before_what_lies_below),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
