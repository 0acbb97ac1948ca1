/* The streamer short of memory: requests of the RAM tier fail, now and then or all of them. The
 * picture gets no hole and no wrong page by it, and comes whole once there is memory again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/fault.h"

#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <unistd.h>

enum {
    WORLD_WIDTH = 120 * 30 + 17,
    WORLD_HEIGHT = 120 * 14 + 5,
    FRAMES = 60,
    STRIKES = 20,
    PATIENCE = 4000
};

static int make_world(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    rig_write_world(scratch_path(*state, "world.mega"),
                    &(rig_world){WORLD_WIDTH, WORLD_HEIGHT, 4, {VT_TEXEL_RGBA8}});
    return 0;
}

static vt *open_world(void **state, uint64_t ram, vt_sync sync, buddy_fault *f)
{
    return rig_create(&(vt_desc){.path = scratch_path(*state, "world.mega"),
                                 .ram_budget_bytes = ram,
                                 .vram_budget_bytes = rig_vram_for(120),
                                 .ram_sync = sync,
                                 .read_workers = 2,
                                 .decode_workers = 2,
                                 .fault = f});
}

static rig_window random_window(uint64_t *random)
{
    return (rig_window){(float)seed_below(random, 4),     seed_below(random, WORLD_WIDTH),
                        seed_below(random, WORLD_HEIGHT), 2 + seed_below(random, 6),
                        2 + seed_below(random, 4),        1};
}

static uint64_t count_strikes(const buddy_fault *f)
{
    buddy_fault_stats stats;
    buddy_fault_get_stats(f, &stats);
    return stats.struck;
}

/* Frames of a camera that jumps, until requests enough have failed; rig_frame looks for holes and
 * wrong pages in each. */
static rig_window fly(vt *v, const buddy_fault *f, uint64_t *random)
{
    rig_window w = random_window(random);
    for (int frame = 0; frame < FRAMES || (count_strikes(f) < STRIKES && frame < PATIENCE);
         frame += frame < FRAMES || rig_workers_rest(v)) {
        const bool cut = seed_below(random, 15) == 0;
        if (cut) {
            w = random_window(random);
        }
        rig_frame(v, w, cut);
        usleep(200); /* for the workers */
    }
    assert_true(count_strikes(f) >= STRIKES);
    return w;
}

/* With memory again all that the camera sees must come. */
static void expect_whole(vt *v, rig_window w)
{
    vt_stats before, after;
    vt_get_stats(v, &before);
    assert_true(rig_settle(v, w, PATIENCE) < PATIENCE);
    vt_get_stats(v, &after);
    assert_int_equal(after.pages.corrupt, 0);
    rig_expect_sound(v);
}

static void failing_now_and_then_is_not_seen(void **state)
{
    uint64_t random = seed_of_run();
    for (int round = 0; round < 8; round++) {
        buddy_fault *f = buddy_fault_create(NULL);
        vt *v = open_world(state, (6 + seed_below(&random, 6)) * RIG_MIB, (vt_sync)(round % 3), f);
        buddy_fault_set(f, &(buddy_fault_plan){.every = 1 + seed_below(&random, 10)});
        rig_window w = fly(v, f, &random);
        rig_expect_sound(v);
        buddy_fault_set(f, NULL);
        expect_whole(v, w);
        vt_destroy(v);
        buddy_fault_destroy(f);
    }
}

static void without_any_memory_the_picture_stands_and_then_comes_whole(void **state)
{
    uint64_t random = seed_of_run();
    buddy_fault *f = buddy_fault_create(NULL);
    vt *v = open_world(state, 8 * RIG_MIB, VT_SYNC_LOCKFREE, f);
    vt_stats before, during;
    vt_get_stats(v, &before);
    buddy_fault_set(f, &(buddy_fault_plan){.every = 1});
    rig_window w = fly(v, f, &random);
    vt_get_stats(v, &during);
    assert_int_equal(during.pages.uploaded, before.pages.uploaded);
    buddy_fault_set(f, NULL);
    expect_whole(v, w);
    vt_destroy(v);
    buddy_fault_destroy(f);
}

/* Not even the coarsest page: grey stands in for it until there is memory. */
static void a_start_without_any_memory_comes_whole(void **state)
{
    uint64_t random = seed_of_run();
    buddy_fault *f = buddy_fault_create(&(buddy_fault_plan){.every = 1});
    vt *v = open_world(state, 8 * RIG_MIB, VT_SYNC_LOCKFREE, f);
    assert_true(v->textures[0].stands_in);
    rig_window w = fly(v, f, &random);
    rig_expect_sound(v);
    buddy_fault_set(f, NULL);
    expect_whole(v, w);
    assert_false(v->textures[0].stands_in);
    vt_destroy(v);
    buddy_fault_destroy(f);
}

static void large_requests_alone_may_fail(void **state)
{
    uint64_t random = seed_of_run();
    buddy_fault *f = buddy_fault_create(
        &(buddy_fault_plan){.share = 0.5, .seed = random, .least_bytes = 8 << 10});
    vt *v = open_world(state, 8 * RIG_MIB, VT_SYNC_LOCKFREE, f);
    rig_window w = fly(v, f, &random);
    buddy_fault_set(f, NULL);
    expect_whole(v, w);
    vt_destroy(v);
    buddy_fault_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_now_and_then_is_not_seen),
        cmocka_unit_test(without_any_memory_the_picture_stands_and_then_comes_whole),
        cmocka_unit_test(a_start_without_any_memory_comes_whole),
        cmocka_unit_test(large_requests_alone_may_fail),
    };
    return cmocka_run_group_tests(tests, make_world, scratch_remove);
}
