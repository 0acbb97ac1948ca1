/* test_stream_textures.c: several virtual textures, of different sizes and layers, that share one
 * atlas and one RAM tier (on a fake GPU, see stream_rig.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/engine/fake_gpu.h"
#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <string.h>

static int make_worlds(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    rig_write_world(scratch_path(*state, "terrain.mega"),
                    &(rig_world){120 * 40, 120 * 21, 4, {VT_TEXEL_RGBA8, VT_TEXEL_BC5}});
    rig_write_world(scratch_path(*state, "prop.mega"),
                    &(rig_world){1300, 700, 8, {VT_TEXEL_RGBA8}});
    rig_write_world(scratch_path(*state, "other.mega"),
                    &(rig_world){100, 3000, 4, {VT_TEXEL_BC1, VT_TEXEL_BC5}});
    return 0;
}

/* Terrain and two props. */
static vt *open_three(void **state, const float weights[3], uint32_t slots, bool deterministic)
{
    const vt_source others[] = {{scratch_path(*state, "prop.mega"), weights[1]},
                                {scratch_path(*state, "other.mega"), weights[2]}};
    return rig_create(&(vt_desc){.path = scratch_path(*state, "terrain.mega"),
                                 .weight = weights[0],
                                 .others = others,
                                 .other_count = 2,
                                 .ram_budget_bytes = 16 * RIG_MIB,
                                 .vram_budget_bytes = rig_vram_for(slots),
                                 .format = VT_FORMAT_RGBA8,
                                 .deterministic = deterministic});
}

static const float EVEN[3] = {1, 1, 1};

static void every_texture_shows_its_own_texels(void **state)
{
    vt *v = open_three(state, EVEN, 300, true);
    const rig_window windows[] = {
        {0, 2000, 1000, 6, 5, 1}, {0, 600, 300, 5, 4, 2}, {0, 50, 1500, 1, 6, 3}};
    for (int frame = 0; frame < 600 && !vt_is_settled(v); frame++) {
        rig_frame_of(v, windows, 3, frame == 0);
    }
    assert_true(vt_is_settled(v));
    for (uint32_t i = 0; i < 2; i++) { /* the third is not stored as RGBA8: its texels differ */
        uint32_t ids[RIG_MOST_IDS];
        const uint32_t count = rig_image(v, windows[i], ids);
        assert_true(count > 0);
        for (uint32_t k = 0; k < count; k++) {
            const uint32_t slot = atlas_find(v->atlas, ids[k]);
            uint32_t first;
            vt_page as_written = page_unpack(ids[k]);
            as_written.texture = 1;
            assert_int_not_equal(slot, ATLAS_NONE);
            memcpy(&first, fake_gpu_slot_texels(v->gpu, atlas_slot_x(slot), atlas_slot_y(slot)),
                   sizeof first);
            assert_int_equal(first, page_pack(as_written));
        }
    }
    rig_expect_sound(v);
    vt_destroy(v);
}

static void drawing_samples_the_texture_that_was_bound(void **state)
{
    vt *v = open_three(state, EVEN, 300, false);
    vt_bind_texture(v, 3);
    assert_int_equal(fake_gpu_frame(v->gpu)->texture, 3);
    vt_bind(v);
    assert_int_equal(fake_gpu_frame(v->gpu)->texture, 1);
    assert_non_null(strstr(vt_glsl(v), "vt_sample(")); /* the text that does it */
    vt_destroy(v);
}

static void info_is_each_texture_s_own(void **state)
{
    vt *v = open_three(state, EVEN, 300, false);
    assert_int_equal(vt_texture_count(v), 3);
    assert_int_equal(vt_texture_info(v, 1)->shape.width, 120 * 40);
    assert_int_equal(vt_texture_info(v, 2)->shape.border, 8);
    assert_int_equal(vt_texture_info(v, 3)->layers[0].format, VT_TEXEL_BC1);
    assert_int_equal(v->gpu_desc.layer_count, 2);
    vt_destroy(v);
}

/* Runs a still image until it rests, then some more: nothing moves. */
static void expect_rest(vt *v, const rig_window windows[], uint32_t count)
{
    vt_stats before, after;
    for (int frame = 0; frame < 3000 && !vt_is_settled(v); frame++) {
        rig_frame_of(v, windows, count, false);
    }
    assert_true(vt_is_settled(v));
    vt_get_stats(v, &before);
    for (int frame = 0; frame < 300; frame++) {
        rig_frame_of(v, windows, count, false);
    }
    vt_get_stats(v, &after);
    assert_int_equal(after.pages.uploaded, before.pages.uploaded);
    assert_int_equal(after.pages.evicted, before.pages.evicted);
}

/* The terrain wants far more than there is; the prop wants little, and gets it sharp. */
static void small_texture_stays_sharp_beside_a_greedy_one(void **state)
{
    vt *v = open_three(state, (const float[3]){1, 1, 0.01f}, 90, true);
    const rig_window windows[] = {{0, 2400, 1200, 30, 15, 1}, {0, 300, 300, 2, 2, 2}};
    expect_rest(v, windows, 2);
    assert_true(vt_texture_bias(v, 1) > 0.5f);
    assert_true(vt_texture_bias(v, 2) == 0);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* Two that want too much share by their weights. */
static void weights_share_a_full_atlas(void **state)
{
    for (int heavy = 1; heavy <= 2; heavy++) {
        const float weights[3] = {heavy == 1 ? 4 : 1, heavy == 2 ? 4 : 1, 0.01f};
        vt *v = open_three(state, weights, 60, true);
        const rig_window windows[] = {{0, 2400, 1200, 30, 15, 1}, {0, 650, 350, 12, 7, 2}};
        expect_rest(v, windows, 2);
        const stream_texture *t = v->textures;
        print_message("slots %u: in use %u of %u, %u of %u; bias %.2f %.2f\n", v->slots,
                      t[0].in_use, t[0].share, t[1].in_use, t[1].share, vt_texture_bias(v, 1),
                      vt_texture_bias(v, 2));
        for (int i = 0; i < 2; i++) { /* what the other leaves may be used */
            assert_true(t[i].in_use <= t[i].share || t[1 - i].in_use <= t[1 - i].share);
        }
        rig_expect_sound(v);
        vt_destroy(v);
    }
}

static void random_cameras_on_all_textures_make_no_hole(void **state)
{
    uint64_t random = seed_of_run();
    for (int round = 0; round < 6; round++) {
        vt *v = open_three(state, EVEN, 20 + seed_below(&random, 200), round % 2 == 0);
        rig_window windows[3] = {{0, 0, 0, 4, 3, 1}, {0, 0, 0, 3, 3, 2}, {0, 0, 0, 1, 3, 3}};
        for (int frame = 0; frame < 100; frame++) {
            const bool cut = seed_below(&random, 30) == 0;
            for (int i = 0; i < 3; i++) {
                const vt_shape *s = &vt_texture_info(v, (uint32_t)i + 1)->shape;
                windows[i].x = cut ? seed_below(&random, s->width) : windows[i].x + 20;
                windows[i].y = cut ? seed_below(&random, s->height) : windows[i].y + 7;
                windows[i].lod = cut ? (float)seed_below(&random, 3) : windows[i].lod;
            }
            rig_frame_of(v, windows, 1 + seed_below(&random, 3), cut);
        }
        rig_expect_sound(v);
        vt_destroy(v);
    }
}

static void too_many_textures_are_refused(void **state)
{
    char error[256] = "";
    const char *path = scratch_path(*state, "prop.mega");
    vt_source others[VT_MAX_TEXTURES];
    for (uint32_t i = 0; i < VT_MAX_TEXTURES; i++) {
        others[i] = (vt_source){path, 1};
    }
    assert_null(
        vt_create(&(vt_desc){.path = path, .others = others, .other_count = VT_MAX_TEXTURES}, error,
                  sizeof error));
    assert_non_null(strstr(error, "textures"));
    vt *most =
        rig_create(&(vt_desc){.path = path, .others = others, .other_count = VT_MAX_TEXTURES - 1});
    rig_expect_sound(most);
    vt_destroy(most);
}

static void missing_file_is_named_whichever_it_is(void **state)
{
    char error[512] = "";
    const vt_source others[] = {{scratch_path(*state, "absent.mega"), 1}};
    assert_null(vt_create(&(vt_desc){.path = scratch_path(*state, "terrain.mega"),
                                     .others = others,
                                     .other_count = 1},
                          error, sizeof error));
    assert_non_null(strstr(error, "absent.mega"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_texture_shows_its_own_texels),
        cmocka_unit_test(drawing_samples_the_texture_that_was_bound),
        cmocka_unit_test(info_is_each_texture_s_own),
        cmocka_unit_test(small_texture_stays_sharp_beside_a_greedy_one),
        cmocka_unit_test(weights_share_a_full_atlas),
        cmocka_unit_test(random_cameras_on_all_textures_make_no_hole),
        cmocka_unit_test(too_many_textures_are_refused),
        cmocka_unit_test(missing_file_is_named_whichever_it_is),
    };
    return cmocka_run_group_tests_name("stream textures", tests, make_worlds, scratch_remove);
}
