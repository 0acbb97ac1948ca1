/* A magazine on one thread: whatever was asked of it, once everything is recalled the core has the
 * free blocks that the model has; and what cannot be is refused. (test_magazine_threads.c has the
 * threads, test_interleave_magazine.c the places where they meet.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/magazine.h"
#include "tests/rigs/buddy/buddy_model.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static buddy *make_core(uint32_t units)
{
    buddy_desc desc = {.units = units};
    void *memory = aligned_alloc(64, whole_lines(buddy_sizeof(&desc)));
    assert_non_null(memory);
    buddy *b = buddy_init(memory, buddy_sizeof(&desc), &desc);
    assert_ptr_equal(b, memory);
    return b;
}

static buddy_magazine *make(const buddy_magazine_desc *desc)
{
    void *memory = aligned_alloc(64, whole_lines(buddy_magazine_sizeof(desc)));
    assert_non_null(memory);
    buddy_magazine *m = buddy_magazine_init(memory, buddy_magazine_sizeof(desc), desc);
    assert_ptr_equal(m, memory);
    assert_ptr_equal(buddy_magazine_core(m), desc->core);
    return m;
}

/* Nothing is live. */
static void drop(buddy_magazine *m)
{
    buddy *core = buddy_magazine_core(m);
    buddy_magazine_finish(m);
    assert_null(buddy_check(core));
    buddy_stats stats;
    buddy_get_stats(core, &stats);
    assert_int_equal(stats.free_units, stats.units);
    free(m);
    free(core);
}

/* ---- any history ---- */

#define MOST_LIVE  600
#define MOST_UNITS 6000

static buddy_block live[MOST_LIVE];
static uint32_t live_count, live_units;

static void own(buddy_model *model, uint32_t offset, uint32_t order)
{
    assert_true(buddy_model_all_free(model, offset, UINT32_C(1) << order));
    buddy_model_mark(model, offset, UINT32_C(1) << order, true);
    live[live_count++] = (buddy_block){offset, order};
    live_units += UINT32_C(1) << order;
}

static buddy_block disown(buddy_model *model, uint32_t i)
{
    buddy_block block = live[i];
    buddy_model_mark(model, block.offset, UINT32_C(1) << block.order, false);
    live[i] = live[--live_count];
    live_units -= UINT32_C(1) << block.order;
    return block;
}

/* A strict request: refused only when the model has nothing either. */
static void take_one(buddy_magazine *m, buddy_model *model)
{
    uint32_t order = seed_below(&seed, 1 + seed_below(&seed, 11));
    uint32_t offset = seed_below(&seed, 3) == 0
                          ? buddy_magazine_alloc_near(m, order, seed_below(&seed, model->units))
                          : buddy_magazine_alloc(m, order);
    if (offset == BUDDY_NONE) {
        assert_int_equal(buddy_model_best(model, order).order, BUDDY_ORDERS);
    } else {
        own(model, offset, order);
    }
}

static void take_many(buddy_magazine *m, buddy_model *model)
{
    buddy_block pieces[BUDDY_PIECES];
    uint32_t offsets[50], order = seed_below(&seed, 3);
    uint32_t count = buddy_magazine_alloc_bulk(m, order, seed_below(&seed, 51), offsets);
    for (uint32_t i = 0; i < count; i++) {
        own(model, offsets[i], order);
    }
    count = buddy_magazine_gather(m, 1 + seed_below(&seed, 100), 0, pieces);
    for (uint32_t i = 0; i < count; i++) {
        own(model, pieces[i].offset, pieces[i].order);
    }
}

static void give_many(buddy_magazine *m, buddy_model *model)
{
    uint32_t offsets[MOST_LIVE], count = 0;
    for (uint32_t i = live_count; i-- > 0;) {
        if (live[i].order == 0) {
            offsets[count++] = disown(model, i).offset;
        }
    }
    buddy_magazine_free_bulk(m, 0, count, offsets);
}

static void take_the_buddy(buddy_magazine *m, buddy_model *model)
{
    buddy_block block = live[seed_below(&seed, live_count)];
    uint32_t offset = block.offset ^ UINT32_C(1) << block.order;
    if (buddy_magazine_take_at(m, offset, block.order)) {
        own(model, offset, block.order);
    }
}

static void step(buddy_magazine *m, buddy_model *model)
{
    uint32_t what = live_count + 60 > MOST_LIVE ? 9 : seed_below(&seed, 14);
    if (what < 4) {
        take_one(m, model);
    } else if (what < 6) {
        uint32_t order = seed_below(&seed, 6), offset = buddy_magazine_try(m, order);
        if (offset != BUDDY_NONE) {
            own(model, offset, order);
        }
    } else if (what == 6) {
        take_many(m, model);
    } else if (what == 7) {
        give_many(m, model);
    } else if (what == 8 && live_count > 0) {
        take_the_buddy(m, model);
    } else if (live_count > 0) {
        buddy_block block = disown(model, seed_below(&seed, live_count));
        buddy_magazine_free(m, block.offset, block.order);
    }
}

static bool see(void *context, buddy_block block)
{
    uint8_t *seen = context;
    for (uint32_t i = 0; i < UINT32_C(1) << block.order; i++) {
        assert_int_equal(seen[block.offset + i], 0);
        seen[block.offset + i] = 1;
    }
    return true;
}

/* Every unit is live, stocked or free in the core: one of the three. */
static void see_all_units(buddy_magazine *m, const buddy_model *model)
{
    static uint8_t seen[MOST_UNITS];
    memcpy(seen, model->taken, model->units);
    buddy_magazine_walk(m, see, seen);
    buddy_walk(buddy_magazine_core(m), see, seen);
    assert_null(memchr(seen, 0, model->units));
}

static void compare(buddy_magazine *m, const buddy_model *model)
{
    see_all_units(m, model);
    buddy_magazine_stats stats;
    buddy_magazine_get_stats(m, &stats);
    assert_int_equal(stats.live_units, live_units);
    assert_int_equal(stats.stocked_units + live_units + buddy_free_units(buddy_magazine_core(m)),
                     model->units);
    assert_true(stats.peak_units >= stats.live_units);
    assert_null(buddy_magazine_check(m));
    assert_null(buddy_check(buddy_magazine_core(m)));
}

static void play(uint32_t units, const buddy_magazine_desc *how)
{
    buddy_magazine_desc desc = *how;
    desc.core = make_core(units);
    buddy_magazine *m = make(&desc);
    buddy_model model;
    assert_true(buddy_model_init(&model, &(buddy_desc){.units = units}));
    live_count = live_units = 0;
    for (int i = 0; i < 6000; i++) {
        step(m, &model);
        if (i % 50 == 0) {
            compare(m, &model);
        }
        if (i % 500 == 0) {
            buddy_magazine_recall(m);
            const char *fault = buddy_model_compare(&model, buddy_magazine_core(m));
            if (fault != NULL) {
                fail_msg("%u units: %s", units, fault);
            }
        }
    }
    while (live_count > 0) {
        buddy_block block = disown(&model, 0);
        buddy_magazine_free(m, block.offset, block.order);
    }
    buddy_magazine_flush(m);
    buddy_model_finish(&model);
    drop(m);
}

static void any_history_agrees_with_the_model_once_it_is_recalled(void **state)
{
    (void)state;
    play(3000 + seed_below(&seed, 3000), &(buddy_magazine_desc){.threads = 0});
    play(3000 + seed_below(&seed, 3000), &(buddy_magazine_desc){.threads = 3, .stock_units = 1000});
    play(3000 + seed_below(&seed, 3000),
         &(buddy_magazine_desc){.threads = BUDDY_MAGAZINE_NO_THREADS});
    play(1 + seed_below(&seed, 70), &(buddy_magazine_desc){.stock_units = 16});
}

/* ---- what is refused ---- */

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    buddy_magazine_desc desc = {.core = make_core(1000)};
    size_t bytes = buddy_magazine_sizeof(&desc);
    unsigned char *memory = aligned_alloc(64, whole_lines(bytes) + 64);
    assert_non_null(memory);
    assert_null(buddy_magazine_init(NULL, bytes, &desc));
    assert_null(buddy_magazine_init(memory, bytes - 1, &desc));
    assert_null(buddy_magazine_init(memory + 8, bytes, &desc));
    assert_null(buddy_magazine_init(memory, bytes, &(buddy_magazine_desc){.core = NULL}));
    assert_int_equal(buddy_magazine_sizeof(&(buddy_magazine_desc){.core = NULL}), 0);
    assert_int_equal(buddy_magazine_room(&desc, &(buddy_desc){.units = 0}), 0);
    free(memory);
    buddy_magazine *m = make(&desc);
    static const uint32_t orders[] = {10, 31, BUDDY_ORDERS, 33, UINT32_MAX};
    uint32_t offset;
    buddy_block pieces[BUDDY_PIECES];
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        assert_int_equal(buddy_magazine_alloc(m, orders[i]), BUDDY_NONE);
        assert_int_equal(buddy_magazine_try(m, orders[i]), BUDDY_NONE);
        assert_int_equal(buddy_magazine_alloc_near(m, orders[i], 5), BUDDY_NONE);
        assert_int_equal(buddy_magazine_alloc_bulk(m, orders[i], 1, &offset), 0);
        assert_false(buddy_magazine_take_at(m, 0, orders[i]));
    }
    assert_int_equal(buddy_magazine_gather(m, 1001, 0, pieces), 0);
    assert_int_equal(buddy_magazine_gather(m, UINT32_MAX, 0, pieces), 0);
    drop(m);
}

/* ---- many of them ---- */

/* More than a thread finds at once (BUDDY_MAGAZINE_SEATS), and new ones where old ones were. */
static void a_thread_may_use_any_number_of_magazines(void **state)
{
    (void)state;
    buddy_magazine *all[40];
    uint32_t held[40];
    for (int i = 0; i < 40; i++) {
        all[i] = make(&(buddy_magazine_desc){.core = make_core(5000)});
        held[i] = buddy_magazine_alloc(all[i], 3);
        assert_int_not_equal(held[i], BUDDY_NONE);
    }
    for (int step_number = 0; step_number < 4000; step_number++) {
        uint32_t i = seed_below(&seed, 40);
        buddy_magazine_free(all[i], held[i], 3);
        held[i] = buddy_magazine_alloc(all[i], 3);
        assert_int_not_equal(held[i], BUDDY_NONE);
        if (step_number % 100 == 0) {
            buddy_magazine_free(all[i], held[i], 3);
            drop(all[i]);
            all[i] = make(&(buddy_magazine_desc){.core = make_core(5000)});
            held[i] = buddy_magazine_alloc(all[i], 3);
        }
    }
    for (int i = 0; i < 40; i++) {
        buddy_magazine_free(all[i], held[i], 3);
        drop(all[i]);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_agrees_with_the_model_once_it_is_recalled),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_thread_may_use_any_number_of_magazines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
