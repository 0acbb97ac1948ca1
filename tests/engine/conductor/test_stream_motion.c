/* test_stream_motion.c: cuts, clusters, pools that are too small for a flight, and runs that repeat
 * themselves (on a fake GPU, see stream_rig.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/engine/fake_gpu.h"
#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"

#include <stdlib.h>

enum { WORLD_WIDTH = 120 * 60, WORLD_HEIGHT = 120 * 33 };

static int make_world(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    rig_write_world(scratch_path(*state, "bc1.mega"),
                    &(rig_world){WORLD_WIDTH, WORLD_HEIGHT, 4, {VT_TEXEL_BC1}});
    return 0;
}

/* An atlas of about `slots` pages of BC1. */
static vt *open_world(void **state, uint32_t slots)
{
    return rig_create(&(vt_desc){.path = scratch_path(*state, "bc1.mega"),
                                 .ram_budget_bytes = 64 * RIG_MIB,
                                 .vram_budget_bytes = (uint64_t)slots * 8192 * 10 / 7 + RIG_MIB,
                                 .format = VT_FORMAT_BC1,
                                 .deterministic = true});
}

static uint32_t missing(vt *v)
{
    vt_stats s;
    vt_get_stats(v, &s);
    return s.missing;
}

/* Frames after a cut until the image of the camera lacks nothing. */
static int frames_until_all_is_there(vt *v, rig_window w)
{
    rig_frame(v, w, true);
    for (int frame = 1; frame < 100; frame++) {
        rig_frame(v, w, false);
        uint32_t ids[RIG_MOST_IDS];
        const uint32_t count = rig_image(v, w, ids);
        uint32_t there = 0;
        while (there < count && atlas_find(v->atlas, ids[there]) != ATLAS_NONE) {
            there++;
        }
        if (there == count) {
            return frame;
        }
    }
    return 100;
}

/* The card gives an image back a frame after it was drawn; then all goes in one update. */
static void cut_is_sharp_after_two_frames(void **state)
{
    vt *v = open_world(state, 700);
    const rig_window places[] = {{0, 900, 700, 12, 8, 0},
                                 {0, 4000, 2000, 12, 8, 0},
                                 {1, 3000, 1800, 12, 8, 0},
                                 {0, 6000, 3000, 12, 8, 0}};
    for (int round = 0; round < 2; round++) { /* from disk, then from RAM */
        for (int i = 0; i < 4; i++) {
            assert_in_range(frames_until_all_is_there(v, places[i]), 1, 2);
        }
    }
    rig_expect_sound(v);
    vt_destroy(v);
}

static void siblings_go_up_in_one_call(void **state)
{
    vt *v = open_world(state, 700);
    const uint64_t calls = fake_gpu_get_counts(v->gpu).uploads;
    vt_stats before, after;
    vt_get_stats(v, &before);
    frames_until_all_is_there(v, (rig_window){0, 120 * 24, 120 * 16, 16, 16, 0});
    vt_get_stats(v, &after);
    const uint64_t pages = after.pages.uploaded - before.pages.uploaded;
    const uint64_t uploads = fake_gpu_get_counts(v->gpu).uploads - calls;
    assert_true(pages >= 256);
    assert_true(after.clusters[3] + after.clusters[2] + after.clusters[1] > 0);
    assert_true(uploads * 8 < pages);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* A flight over the world. Returns the pages uploaded; *need: the most that were wanted at once. */
static uint64_t fly(vt *v, uint32_t *need)
{
    vt_stats before, after;
    vt_get_stats(v, &before);
    *need = 0;
    for (uint32_t frame = 0; frame < 900; frame++) {
        const uint32_t x = 600 + frame * 6, y = 1000 + (frame / 3) % 700;
        rig_frame(v, (rig_window){0, x, y, 14, 9, 0}, false);
        vt_get_stats(v, &after);
        *need = after.vram.slots_wanted > *need ? after.vram.slots_wanted : *need;
    }
    vt_get_stats(v, &after);
    return after.pages.uploaded - before.pages.uploaded;
}

/* A pool that is too small looks softer; it does not load the same pages again and again. */
static void small_pools_do_not_thrash(void **state)
{
    uint32_t need, wanted;
    vt *ample = open_world(state, 1500);
    const uint64_t uploads = fly(ample, &need);
    vt_destroy(ample);
    for (uint32_t percent = 75; percent >= 25; percent -= 25) {
        vt *v = open_world(state, need * percent / 100);
        const uint64_t here = fly(v, &wanted);
        print_message("%u slots of %u: %u uploads, ample %u, bias %.2f\n", v->slots, need,
                      (unsigned)here, (unsigned)uploads, vt_texture_bias(v, 1));
        assert_true(here * 10 <= uploads * 12);
        rig_expect_sound(v);
        vt_destroy(v);
    }
}

static void still_camera_rests_at_every_pool(void **state)
{
    for (uint32_t slots = 16; slots <= 256; slots += slots / 3) {
        vt *v = open_world(state, slots);
        const rig_window w = {0, 2000, 1500, 14, 9, 0};
        vt_stats before, after;
        for (int frame = 0; frame < 4000 && !vt_is_settled(v); frame++) {
            rig_frame(v, w, frame == 0);
        }
        assert_true(vt_is_settled(v));
        vt_get_stats(v, &before);
        for (int frame = 0; frame < 300; frame++) {
            rig_frame(v, w, false);
        }
        vt_get_stats(v, &after);
        assert_int_equal(after.pages.uploaded, before.pages.uploaded);
        vt_destroy(v);
    }
}

static void cut_forgets_what_was_asked_for(void **state)
{
    vt *v = open_world(state, 700);
    rig_frame(v, (rig_window){0, 900, 700, 12, 8, 0}, true);
    rig_frame(v, (rig_window){0, 900, 700, 12, 8, 0}, false);
    assert_true(missing(v) > 50); /* sent for, not yet here */
    assert_in_range(frames_until_all_is_there(v, (rig_window){0, 6000, 3000, 12, 8, 0}), 1, 2);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* ---- repeating ---- */

static uint64_t hash_of_flight(void **state, uint32_t slots)
{
    vt_stats s;
    rig_clock_ms = 0;
    vt *v = open_world(state, slots);
    for (uint32_t frame = 0; frame < 200; frame++) {
        const rig_window w = {(float)(frame / 80), 300 + 20 * frame, 700, 10, 6, 0};
        rig_frame(v, w, frame == 110);
    }
    vt_get_stats(v, &s);
    rig_expect_sound(v);
    vt_destroy(v);
    return s.events_hash;
}

static void deterministic_flight_repeats_itself(void **state)
{
    for (uint32_t slots = 40; slots < 300; slots += 120) {
        const uint64_t first = hash_of_flight(state, slots);
        assert_true(first == hash_of_flight(state, slots));
        assert_true(first == hash_of_flight(state, slots));
    }
}

/* The same requests, uploads, moves and evictions on every machine. Change the number when the
 * streamer is meant to decide otherwise. */
static void events_are_the_same_everywhere(void **state)
{
    const uint64_t hash = hash_of_flight(state, 160);
    print_message("hash of the event log: %016llx\n", (unsigned long long)hash);
    assert_true(hash == UINT64_C(0xa0ed8698416e183c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_is_sharp_after_two_frames),
        cmocka_unit_test(siblings_go_up_in_one_call),
        cmocka_unit_test(small_pools_do_not_thrash),
        cmocka_unit_test(still_camera_rests_at_every_pool),
        cmocka_unit_test(cut_forgets_what_was_asked_for),
        cmocka_unit_test(deterministic_flight_repeats_itself),
        cmocka_unit_test(events_are_the_same_everywhere),
    };
    return cmocka_run_group_tests_name("stream motion", tests, make_world, scratch_remove);
}
