/* The levels against the model and against the lock-free core, one thread: whatever is done, the
 * free blocks are the maximal free runs, and both allocators say yes and no alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/levels/private.h"
#include "tests/rigs/buddy/buddy_model.h"
#include "tests/rigs/seed.h"

static uint64_t seed;

static const uint32_t SIZES[] = {1, 2, 3, 5, 63, 64, 65, 127, 129, 1000, 4097};
#define SIZE_COUNT (sizeof SIZES / sizeof SIZES[0])

static const buddy_levels_sync SYNCS[] = {BUDDY_LEVELS_SPINLOCK, BUDDY_LEVELS_MUTEX};
#define SYNC_COUNT (sizeof SYNCS / sizeof SYNCS[0])

#define MOST_LIVE 5000

/* A levels, its model, and what has been handed out. */
typedef struct fixture {
    buddy_levels *l;
    buddy_model m;
    buddy_block live[MOST_LIVE];
    uint32_t live_count;
} fixture;

static void *aligned_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, bytes);
    assert_non_null(memory);
    memset(memory, 0xa5, bytes); /* init must not count on zeros */
    return memory;
}

static void make(fixture *f, buddy_levels_desc desc)
{
    memset(f, 0, sizeof *f);
    size_t bytes = buddy_levels_sizeof(&desc);
    assert_int_not_equal(bytes, 0);
    void *memory = aligned_memory(bytes);
    f->l = buddy_levels_init(memory, bytes, &desc);
    assert_ptr_equal(f->l, memory);
    buddy_desc same = {.units = desc.units, .max_order = desc.max_order};
    assert_true(buddy_model_init(&f->m, &same));
}

static void drop(fixture *f)
{
    buddy_levels_finish(f->l);
    free(f->l);
    buddy_model_finish(&f->m);
}

/* ---- comparing ---- */

typedef struct comparison {
    const buddy_model *m;
    buddy_block last;
    uint32_t blocks, units;
    const char *fault;
} comparison;

static bool compare_block(void *context, buddy_block block)
{
    comparison *c = context;
    if (c->blocks > 0 && (block.order > c->last.order ||
                          (block.order == c->last.order && block.offset <= c->last.offset))) {
        c->fault = "the walk is out of order";
    } else if (buddy_model_block_at(c->m, block.offset) != block.order) {
        c->fault = "a free block is not a maximal free run of the model";
    }
    c->last = block;
    c->blocks++;
    c->units += UINT32_C(1) << block.order;
    return c->fault == NULL;
}

/* The free blocks must be exactly the model's: disjoint (buddy_levels_check), maximal, and in sum
 * all. */
static const char *compare(const fixture *f)
{
    comparison c = {.m = &f->m};
    buddy_levels_stats stats;
    buddy_levels_walk(f->l, compare_block, &c);
    buddy_levels_get_stats(f->l, &stats);
    if (c.fault != NULL) {
        return c.fault;
    }
    if (c.units != buddy_model_free_units(&f->m)) {
        return "a free unit is in no free block";
    }
    return stats.free_units == c.units ? NULL : "the free units are wrong at rest";
}

static void check(const fixture *f)
{
    const char *fault = buddy_levels_check(f->l);
    fault = fault != NULL ? fault : compare(f);
    if (fault != NULL) {
        fail_msg("%u units, max order %u: %s", f->m.units, f->m.max_order, fault);
    }
}

/* ---- taking and giving back, with the books kept ---- */

/* Asks for a block; the answer must be what the model says. False: refused. */
static bool take(fixture *f, uint32_t order)
{
    buddy_block best = buddy_model_best(&f->m, order);
    uint32_t offset = buddy_levels_alloc(f->l, order);
    assert_int_equal(offset == BUDDY_NONE, best.order == BUDDY_ORDERS);
    if (offset == BUDDY_NONE) {
        return false;
    }
    assert_int_equal(offset & ((UINT32_C(1) << order) - 1), 0);
    assert_true(buddy_model_all_free(&f->m, offset, UINT32_C(1) << order));
    buddy_model_mark(&f->m, offset, UINT32_C(1) << order, true);
    f->live[f->live_count++] = (buddy_block){offset, order};
    return true;
}

static void give(fixture *f, buddy_block block)
{
    buddy_model_mark(&f->m, block.offset, UINT32_C(1) << block.order, false);
    buddy_levels_free(f->l, block.offset, block.order);
}

static void give_random(fixture *f)
{
    uint32_t i = seed_below(&seed, f->live_count);
    buddy_block block = f->live[i];
    f->live[i] = f->live[--f->live_count];
    give(f, block);
}

static void give_all(fixture *f)
{
    while (f->live_count > 0) {
        give_random(f);
    }
}

/* ---- making one ---- */

static void a_new_one_is_the_fewest_blocks_that_make_up_its_units(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < SIZE_COUNT * SYNC_COUNT; i++) {
        uint32_t units = SIZES[i / SYNC_COUNT];
        buddy_levels_desc desc = {.units = units, .sync = SYNCS[i % SYNC_COUNT]};
        make(&f, desc);
        check(&f);
        buddy_levels_stats stats;
        buddy_levels_get_stats(f.l, &stats);
        assert_int_equal(stats.units, units);
        assert_int_equal(stats.max_order, f.m.max_order);
        assert_int_equal(stats.largest_order, f.m.max_order);
        assert_int_equal(stats.metadata_bytes, buddy_levels_sizeof(&desc));
        for (uint32_t order = 0; order <= stats.max_order; order++) {
            assert_int_equal(stats.free_blocks[order], units >> order & 1);
        }
        drop(&f);
    }
}

static void impossible_descs_and_bad_memory_are_refused(void **state)
{
    (void)state;
    assert_int_equal(buddy_levels_sizeof(&(buddy_levels_desc){.units = 0}), 0);
    assert_int_equal(buddy_levels_sizeof(&(buddy_levels_desc){.units = UINT32_MAX}), 0);
    assert_int_equal(buddy_levels_sizeof(&(buddy_levels_desc){.units = 63, .max_order = 6}), 0);
    assert_int_equal(buddy_levels_sizeof(&(buddy_levels_desc){.units = 64, .max_order = 32}), 0);
    assert_int_equal(
        buddy_levels_sizeof(&(buddy_levels_desc){.units = 64, .sync = (buddy_levels_sync)2}), 0);
    assert_int_not_equal(buddy_levels_sizeof(&(buddy_levels_desc){.units = 64, .max_order = 6}), 0);

    buddy_levels_desc desc = {.units = 1000, .sync = BUDDY_LEVELS_MUTEX};
    size_t bytes = buddy_levels_sizeof(&desc);
    unsigned char *memory = aligned_memory(bytes + 64);
    assert_null(buddy_levels_init(NULL, bytes, &desc));
    assert_null(buddy_levels_init(memory, 0, &desc));
    assert_null(buddy_levels_init(memory, bytes - 1, &desc));
    assert_null(buddy_levels_init(memory + 8, bytes, &desc));
    assert_null(buddy_levels_init(memory, bytes, &(buddy_levels_desc){.units = 0}));
    for (size_t i = 0; i < bytes + 64; i++) {
        assert_int_equal(memory[i], 0xa5); /* a refusal writes nothing */
    }
    buddy_levels *l = buddy_levels_init(memory, bytes, &desc);
    assert_non_null(l);
    while (buddy_levels_alloc(l, 0) != BUDDY_NONE) {
    }
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(memory[bytes + i], 0xa5); /* sizeof is no less than what is used */
    }
    buddy_levels_finish(l);
    buddy_levels_finish(NULL);
    free(memory);
}

/* ---- against the model ---- */

static void every_order_fills_to_the_last_block(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        make(&f, (buddy_levels_desc){.units = SIZES[i]});
        for (uint32_t order = 0; order <= f.m.max_order; order++) {
            while (buddy_levels_alloc(f.l, order) != BUDDY_NONE) {
                f.live_count++;
            }
            assert_int_equal(f.live_count, SIZES[i] >> order);
            for (; f.live_count > 0; f.live_count--) {
                buddy_levels_free(f.l, (f.live_count - 1) << order, order);
            }
            check(&f);
        }
        assert_int_equal(buddy_levels_alloc(f.l, f.m.max_order + 1), BUDDY_NONE);
        assert_int_equal(buddy_levels_alloc(f.l, UINT32_MAX), BUDDY_NONE);
        drop(&f);
    }
}

static void blocks_merge_up_to_max_order_and_no_further(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_levels_desc){.units = 1000, .max_order = 4});
    assert_int_equal(buddy_levels_alloc(f.l, 5), BUDDY_NONE);
    while (take(&f, 0)) {
    }
    assert_int_equal(f.live_count, 1000);
    give_all(&f);
    check(&f);
    buddy_levels_stats stats;
    buddy_levels_get_stats(f.l, &stats);
    assert_int_equal(stats.free_blocks[4], 62);
    assert_int_equal(stats.free_blocks[3], 1);
    assert_int_equal(stats.splits, stats.merges);
    assert_int_equal(stats.splits, 62 * 15 + 7);
    drop(&f);
}

static void a_block_may_be_given_back_in_parts(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_levels_desc){.units = 64});
    assert_true(take(&f, 6));
    give(&f, (buddy_block){32, 4});
    check(&f);
    give(&f, (buddy_block){0, 5});
    check(&f);
    give(&f, (buddy_block){48, 4});
    check(&f);
    drop(&f);
}

static void whatever_is_done_the_free_blocks_are_the_maximal_free_runs(void **state)
{
    (void)state;
    static fixture f;
    for (size_t i = 0; i < SIZE_COUNT * SYNC_COUNT; i++) {
        make(&f, (buddy_levels_desc){.units = SIZES[i / SYNC_COUNT],
                                     .max_order = i % 3 == 0 ? f.m.max_order / 2 : 0,
                                     .sync = SYNCS[i % SYNC_COUNT]});
        for (uint32_t step = 0, steps = f.m.units > 999 ? 300 : 1500; step < steps; step++) {
            uint32_t appetite = step / 100 % 2 == 0 ? 5 : 3; /* fills, then empties */
            if (f.live_count == 0 || seed_below(&seed, 8) < appetite) {
                take(&f, seed_below(&seed, 1 + seed_below(&seed, f.m.max_order + 1)));
            } else {
                give_random(&f);
            }
            check(&f);
        }
        give_all(&f);
        check(&f);
        drop(&f);
    }
}

/* ---- against the core ---- */

/* The same requests to both. Offsets differ; what of them is free by order does not, as long as
 * blocks are given back latest first or are of one order. */
typedef struct twins {
    buddy_levels *l;
    buddy *b;
    uint32_t count;
    buddy_block in_levels[MOST_LIVE], in_core[MOST_LIVE];
} twins;

static void make_twins(twins *t, uint32_t units, buddy_levels_sync sync)
{
    buddy_levels_desc desc = {.units = units, .sync = sync};
    buddy_desc same = {.units = units};
    size_t bytes = buddy_levels_sizeof(&desc);
    t->count = 0;
    t->l = buddy_levels_init(aligned_memory(bytes), bytes, &desc);
    bytes = buddy_sizeof(&same);
    t->b = buddy_init(aligned_memory(bytes), bytes, &same);
    assert_true(t->l != NULL && t->b != NULL);
}

static void drop_twins(twins *t)
{
    buddy_levels_finish(t->l);
    free(t->l);
    free(t->b);
}

static void take_twice(twins *t, uint32_t order)
{
    buddy_block here = {buddy_levels_alloc(t->l, order), order};
    buddy_block there = {buddy_alloc(t->b, order, BUDDY_ANYWHERE), order};
    assert_int_equal(here.offset == BUDDY_NONE, there.offset == BUDDY_NONE);
    if (here.offset != BUDDY_NONE) {
        t->in_levels[t->count] = here;
        t->in_core[t->count++] = there;
    }
}

static void give_twice(twins *t, uint32_t i)
{
    buddy_levels_free(t->l, t->in_levels[i].offset, t->in_levels[i].order);
    buddy_free(t->b, t->in_core[i].offset, t->in_core[i].order);
    t->count--;
    t->in_levels[i] = t->in_levels[t->count];
    t->in_core[i] = t->in_core[t->count];
}

static void check_twins(const twins *t, bool by_order)
{
    buddy_levels_stats here;
    buddy_stats there;
    buddy_levels_get_stats(t->l, &here);
    buddy_get_stats(t->b, &there);
    assert_int_equal(here.free_units, there.free_units);
    if (by_order) {
        assert_memory_equal(here.free_blocks, there.free_blocks, sizeof here.free_blocks);
        assert_int_equal(here.largest_order, there.largest_order);
        assert_int_equal(here.splits, there.splits);
        assert_int_equal(here.merges, there.merges);
    }
    assert_null(buddy_levels_check(t->l));
}

static void the_core_says_yes_and_no_to_the_same_requests(void **state)
{
    (void)state;
    static twins t;
    for (size_t i = 0; i < SIZE_COUNT * SYNC_COUNT; i++) {
        make_twins(&t, SIZES[i / SYNC_COUNT], SYNCS[i % SYNC_COUNT]);
        for (uint32_t step = 0; step < 2000; step++) {
            uint32_t appetite = step / 200 % 2 == 0 ? 5 : 3;
            if (t.count == 0 || seed_below(&seed, 8) < appetite) {
                take_twice(&t, seed_below(&seed, 1 + seed_below(&seed, 13)));
            } else {
                give_twice(&t, t.count - 1);
            }
            check_twins(&t, true);
        }
        drop_twins(&t);
    }
}

static void the_core_has_as_much_left_of_one_order(void **state)
{
    (void)state;
    static twins t;
    for (size_t i = 0; i < SIZE_COUNT * SYNC_COUNT; i++) {
        make_twins(&t, SIZES[i / SYNC_COUNT], SYNCS[i % SYNC_COUNT]);
        uint32_t order = seed_below(&seed, 5);
        for (uint32_t step = 0; step < 2000; step++) {
            uint32_t appetite = step / 500 % 2 == 0 ? 6 : 3;
            if (t.count == 0 || seed_below(&seed, 8) < appetite) {
                take_twice(&t, order);
            } else {
                give_twice(&t, seed_below(&seed, t.count));
            }
            check_twins(&t, false);
        }
        drop_twins(&t);
    }
}

/* ---- the check can fail ---- */

static void the_check_finds_what_is_broken(void **state)
{
    (void)state;
    static fixture f;
    make(&f, (buddy_levels_desc){.units = 64});
    assert_true(take(&f, 1)); /* offset 0: 2, 4, 8, 16 and 32 are free */
    level *v = &f.l->at[1];
    assert_null(buddy_levels_check(f.l));
    v->bits[0] ^= 1; /* block 0, the buddy of the free one */
    assert_string_equal(buddy_levels_check(f.l), "two buddies are free");
    v->bits[0] ^= 1 | 4; /* block 4, which lies in the free block 2 of order 2 */
    assert_non_null(buddy_levels_check(f.l));
    v->bits[0] ^= 4;
    f.l->links[2].next = 2;
    assert_string_equal(buddy_levels_check(f.l), "a list is knotted");
    f.l->links[2].next = 0;
    assert_string_equal(buddy_levels_check(f.l), "a list holds what its bitmap does not");
    f.l->links[2].next = BUDDY_NONE;
    v->in_flight++;
    assert_string_equal(buddy_levels_check(f.l), "a split is in flight, but nobody is at work");
    v->in_flight--;
    v->first = BUDDY_NONE;
    assert_non_null(buddy_levels_check(f.l));
    v->first = 2;
    assert_null(buddy_levels_check(f.l));
    drop(&f);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_the_fewest_blocks_that_make_up_its_units),
        cmocka_unit_test(impossible_descs_and_bad_memory_are_refused),
        cmocka_unit_test(every_order_fills_to_the_last_block),
        cmocka_unit_test(blocks_merge_up_to_max_order_and_no_further),
        cmocka_unit_test(a_block_may_be_given_back_in_parts),
        cmocka_unit_test(whatever_is_done_the_free_blocks_are_the_maximal_free_runs),
        cmocka_unit_test(the_core_says_yes_and_no_to_the_same_requests),
        cmocka_unit_test(the_core_has_as_much_left_of_one_order),
        cmocka_unit_test(the_check_finds_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
