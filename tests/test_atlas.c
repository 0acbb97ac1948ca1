/* Which page lies in which slot: random work against a model that keeps everything in plain arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/atlas.h"
#include "tests/seed.h"

enum { MODEL_PAGES = 600, STEPS = 20000 };

/* What the model knows of a page; it is in the atlas while slot != ATLAS_NONE. */
typedef struct model_page {
    uint32_t slot;
    uint64_t wanted, sequence; /* period; order of use */
    bool pinned;
} model_page;

static model_page model[MODEL_PAGES];
static uint64_t sequence;
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    return seed_below(&random_state, limit);
}

/* Ids spread over textures, mips and places, so that the table's hash sees all bits at work. */
static uint32_t id_of(uint32_t index)
{
    return page_pack((vt_page){.texture = (uint8_t)(1 + index % 3),
                               .mip = (uint8_t)(index / 3 % 7),
                               .x = (uint16_t)(index / 21),
                               .y = (uint16_t)(index * 7 % 31)});
}

static uint32_t model_used(void)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        used += model[i].slot != ATLAS_NONE;
    }
    return used;
}

static bool is_older(const model_page *p, const model_page *q)
{
    return p->wanted != q->wanted ? p->wanted < q->wanted : p->sequence < q->sequence;
}

/* The slot that must be the victim. */
static uint32_t model_victim(uint64_t period)
{
    const model_page *oldest = NULL;
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        const model_page *p = &model[i];
        if (p->slot != ATLAS_NONE && !p->pinned && p->wanted < period &&
            (oldest == NULL || is_older(p, oldest))) {
            oldest = p;
        }
    }
    return oldest ? oldest->slot : ATLAS_NONE;
}

static void assert_well(const atlas *a)
{
    const char *wrong = atlas_check(a);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static void place(atlas *a, uint32_t index, uint64_t period, uint32_t capacity)
{
    const uint32_t slot = atlas_place(a, id_of(index), period);
    assert_int_equal(slot == ATLAS_NONE, model_used() == capacity);
    if (slot != ATLAS_NONE) {
        for (uint32_t i = 0; i < MODEL_PAGES; i++) {
            assert_int_not_equal(model[i].slot, slot);
        }
        model[index] = (model_page){.slot = slot, .wanted = period, .sequence = ++sequence};
    }
}

static void touch(atlas *a, uint32_t index, uint64_t period)
{
    atlas_touch(a, model[index].slot, period);
    if (period > model[index].wanted) {
        model[index].wanted = period;
    }
    model[index].sequence = ++sequence;
}

static void evict(atlas *a, uint32_t slot)
{
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        if (model[i].slot == slot) {
            assert_int_equal(atlas_page(a, slot), id_of(i));
            model[i].slot = ATLAS_NONE;
        }
    }
    atlas_evict(a, slot);
    assert_int_equal(atlas_page(a, slot), 0);
}

static void step(atlas *a, uint64_t now, uint32_t capacity)
{
    const uint32_t index = random_below(MODEL_PAGES);
    const uint64_t period = random_below(8) ? now : now / 2; /* now and then a late one */
    const uint32_t action = random_below(100);
    if (model[index].slot == ATLAS_NONE) {
        place(a, index, period, capacity);
    } else if (action < 70) {
        touch(a, index, period);
    } else if (action < 72) {
        atlas_pin(a, model[index].slot);
        model[index].pinned = true;
    } else if (action < 78) {
        evict(a, model[index].slot);
    }
    const uint32_t victim = atlas_victim(a, now - 1);
    assert_int_equal(victim, model_victim(now - 1));
    if (victim != ATLAS_NONE && action < 50) {
        evict(a, victim);
    }
}

static void compare_with_model(const atlas *a, const atlas_desc *desc)
{
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        const uint32_t slot = atlas_find(a, id_of(i));
        assert_int_equal(slot, model[i].slot);
        if (slot != ATLAS_NONE) {
            assert_int_equal(atlas_page(a, slot), id_of(i));
            assert_int_equal(atlas_last_wanted(a, slot), model[i].wanted);
            assert_true(atlas_slot_x(slot) < desc->columns && atlas_slot_y(slot) < desc->rows);
            pinned += model[i].pinned;
        }
    }
    atlas_stats stats;
    atlas_get_stats(a, &stats);
    assert_int_equal(stats.used, model_used());
    assert_int_equal(stats.pinned, pinned);
    assert_int_equal(stats.slots, desc->columns * desc->rows);
    assert_int_equal(stats.placed - stats.evicted, stats.used);
    assert_true(stats.fragmentation >= 0 && stats.fragmentation < 1);
}

static void random_work_matches_the_model(const atlas_desc *desc)
{
    atlas *a = atlas_create(desc);
    assert_non_null(a);
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        model[i].slot = ATLAS_NONE;
        model[i].pinned = false;
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        step(a, 10 + i / 100, desc->columns * desc->rows);
        if (i % 500 == 0) {
            assert_well(a);
            compare_with_model(a, desc);
        }
    }
    assert_well(a);
    compare_with_model(a, desc);
    atlas_destroy(a);
}

static void random_work_on_a_square_atlas(void **state)
{
    (void)state;
    random_state = seed_of_run();
    random_work_matches_the_model(&(atlas_desc){.columns = 16, .rows = 16});
}

static void random_work_on_an_atlas_of_odd_height(void **state)
{
    (void)state;
    random_state = seed_of_run();
    random_work_matches_the_model(&(atlas_desc){.columns = 16, .rows = 11});
    random_work_matches_the_model(&(atlas_desc){.columns = 32, .rows = 1});
    random_work_matches_the_model(&(atlas_desc){.columns = 1, .rows = 1});
}

static void every_height_has_all_its_slots_and_no_other(void **state)
{
    (void)state;
    for (uint32_t rows = 1; rows <= 32; rows++) {
        const atlas_desc desc = {.columns = 32, .rows = rows};
        atlas *a = atlas_create(&desc);
        assert_non_null(a);
        assert_well(a);
        bool taken[32][32] = {{false}};
        for (uint32_t i = 0; i < 32 * rows; i++) {
            const uint32_t slot = atlas_place(a, 1u << VT_ID_TEXTURE_SHIFT | i, 1);
            assert_int_not_equal(slot, ATLAS_NONE);
            assert_true(atlas_slot_y(slot) < rows);
            assert_false(taken[atlas_slot_y(slot)][atlas_slot_x(slot)]);
            taken[atlas_slot_y(slot)][atlas_slot_x(slot)] = true;
        }
        assert_int_equal(atlas_place(a, 2u << VT_ID_TEXTURE_SHIFT, 1), ATLAS_NONE);
        assert_well(a);
        atlas_destroy(a);
    }
}

static void the_victim_is_the_finest_page_when_ancestors_are_touched_last(void **state)
{
    (void)state;
    atlas *a = atlas_create(&(atlas_desc){.columns = 4, .rows = 4});
    assert_non_null(a);
    uint32_t slots[3];
    for (uint8_t mip = 0; mip < 3; mip++) {
        slots[mip] = atlas_place(a, page_pack((vt_page){.texture = 1, .mip = mip}), 1);
    }
    for (uint32_t mip = 0; mip < 3; mip++) {
        atlas_touch(a, slots[mip], 5);
    }
    assert_int_equal(atlas_victim(a, 5), ATLAS_NONE); /* wanted in this very period */
    assert_int_equal(atlas_victim(a, 6), slots[0]);
    atlas_pin(a, slots[0]);
    assert_int_equal(atlas_victim(a, 6), slots[1]);
    atlas_destroy(a);
}

static void fragmentation_is_what_the_largest_block_leaves(void **state)
{
    (void)state;
    atlas *a = atlas_create(&(atlas_desc){.columns = 4, .rows = 4});
    assert_non_null(a);
    atlas_stats stats;
    atlas_get_stats(a, &stats);
    assert_true(stats.fragmentation == 0); /* one block of 16 */
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_not_equal(atlas_place(a, 100 + i, 1), ATLAS_NONE);
    }
    atlas_get_stats(a, &stats);
    assert_true(stats.fragmentation == 0); /* nothing is free */
    for (uint32_t slot = 0; slot < 16; slot += 2) {
        atlas_evict(a, slot);
    }
    atlas_get_stats(a, &stats);
    assert_true(stats.fragmentation == 1.0 - 1.0 / 8); /* eight single slots */
    assert_well(a);
    atlas_destroy(a);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    static const atlas_desc bad[] = {
        {.columns = 0, .rows = 0},   {.columns = 4, .rows = 0},
        {.columns = 4, .rows = 5},   {.columns = 12, .rows = 12},
        {.columns = 512, .rows = 1}, {.columns = UINT32_MAX, .rows = 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(atlas_create(&bad[i]));
        assert_int_equal(atlas_memory_bytes(&bad[i]), 0);
    }
    atlas_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_on_a_square_atlas),
        cmocka_unit_test(random_work_on_an_atlas_of_odd_height),
        cmocka_unit_test(every_height_has_all_its_slots_and_no_other),
        cmocka_unit_test(the_victim_is_the_finest_page_when_ancestors_are_touched_last),
        cmocka_unit_test(fragmentation_is_what_the_largest_block_leaves),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
