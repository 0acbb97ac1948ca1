/* test_vt_watch.c: what a viewer sees of the tiers, and the reasons why a pixel is not sharp (on a
 * fake GPU, see stream_rig.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vt_watch.h"

#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"

#include <stdlib.h>
#include <string.h>

static const rig_window CAMERA = {0, 900, 700, 6, 4, 0};

static int make_world(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    rig_write_world(scratch_path(*state, "bc1.mega"),
                    &(rig_world){120 * 30, 120 * 17, 4, {VT_TEXEL_BC1}});
    return 0;
}

static vt *open_world(void **state, uint64_t vram_bytes)
{
    return rig_create(&(vt_desc){.path = scratch_path(*state, "bc1.mega"),
                                 .ram_budget_bytes = 64 * RIG_MIB,
                                 .vram_budget_bytes = vram_bytes,
                                 .format = VT_FORMAT_BC1,
                                 .deterministic = true});
}

/* The reason of a pixel that wants mip 0 in the camera's middle and shows `shown`. */
static vt_why explain(vt *v, uint32_t shown, bool arrived)
{
    const vt_page p = {1, 0, (uint16_t)(CAMERA.x / 120), (uint16_t)(CAMERA.y / 120)};
    return vt_explain(v, &(vt_pixel){page_pack(p), shown, 0.5f, arrived});
}

/* What every slot says agrees with the atlas' own books. */
static uint32_t count_slots(vt *v, uint32_t *pinned)
{
    uint32_t columns, rows, used = 0;
    vt_atlas_size(v, &columns, &rows);
    vt_slot *slots = malloc((size_t)columns * rows * sizeof *slots);
    assert_non_null(slots);
    vt_get_slots(v, slots);
    *pinned = 0;
    for (uint32_t i = 0; i < columns * rows; i++) {
        const uint32_t at = buddy_morton_encode(i % columns, i / columns);
        assert_int_equal(slots[i].page_id, atlas_page(v->atlas, at));
        used += slots[i].page_id != 0;
        *pinned += slots[i].pinned;
    }
    free(slots);
    return used;
}

static void slots_are_those_of_the_atlas(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    uint32_t pinned;
    vt_stats s;
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    const uint32_t used = count_slots(v, &pinned);
    vt_get_stats(v, &s);
    assert_int_equal(used, s.vram.slots_used);
    assert_int_equal(pinned, s.vram.slots_pinned);
    assert_true(used > pinned && pinned > 0);
    vt_destroy(v);
}

static void flushed_atlas_keeps_what_is_pinned_and_fills_again(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    uint32_t pinned;
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    const uint32_t before = count_slots(v, &pinned);
    vt_flush_atlas(v);
    assert_int_equal(count_slots(v, &pinned), pinned);
    rig_expect_sound(v);
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    assert_int_equal(count_slots(v, &pinned), before);
    rig_expect_sound(v);
    vt_destroy(v);
}

typedef struct ram_sum {
    uint64_t units;
    uint32_t pages;
} ram_sum;

static void add_page(void *context, const vt_held_page *page)
{
    ram_sum *sum = context;
    uint64_t units = 0;
    for (uint32_t i = 0; i < page->piece_count; i++) {
        units += UINT64_C(1) << page->pieces[i].order;
    }
    assert_true(units * RAMTIER_UNIT_BYTES >= page->bytes);
    sum->units += units;
    sum->pages++;
}

static void ram_pages_and_free_units_are_all_there_is(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    uint32_t unit_bytes;
    ram_sum sum = {0, 0};
    vt_stats s, flushed;
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    vt_walk_ram(v, add_page, &sum);
    vt_get_stats(v, &s);
    assert_int_equal(sum.pages, s.ram.pages);
    assert_true(sum.pages > 0);
    const uint32_t all = vt_ram_units(v, &unit_bytes);
    assert_true(sum.units <= all);
    vt_flush_ram(v);
    vt_get_stats(v, &flushed); /* with all pages gone, what they held is free again */
    assert_int_equal(s.ram.used_bytes - flushed.ram.used_bytes, sum.units * unit_bytes);
    sum = (ram_sum){0, 0};
    vt_walk_ram(v, add_page, &sum);
    assert_int_equal(sum.pages, 0);
    vt_destroy(v);
}

static void reasons_follow_a_page_on_its_way(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    vt_settings settings;
    vt_get_settings(v, &settings);
    assert_int_equal(explain(v, 3, true).reason, VT_UNSEEN);
    settings.frozen = true;
    vt_set_settings(v, &settings);
    assert_int_equal(explain(v, 3, true).reason, VT_FROZEN);
    settings.frozen = false;
    vt_set_settings(v, &settings);
    int frames = 0;
    for (; explain(v, 3, true).reason == VT_UNSEEN && frames < 5; frames++) {
        rig_frame(v, CAMERA, false);
    }
    const vt_reason on_way = explain(v, 3, true).reason;
    assert_in_range(on_way, VT_QUEUED, VT_STAGED);
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    assert_true(explain(v, 0, true).in_ram);
    assert_int_equal(explain(v, 0, true).reason, VT_SHARP);
    assert_int_equal(explain(v, 0, false).reason, VT_FADING);
    vt_destroy(v);
}

static void enlarged_texels_are_no_fault(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    const vt_pixel near = {page_pack((vt_page){1, 0, 3, 3}), 0, -1.5f, true};
    assert_int_equal(vt_explain(v, &near).reason, VT_MAGNIFIED);
    vt_destroy(v);
}

static void pages_that_do_not_exist_are_unseen(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB);
    const uint32_t ids[] = {0, page_pack((vt_page){1, 0, 2000, 3}),
                            page_pack((vt_page){5, 0, 1, 1}), UINT32_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_int_equal(vt_explain(v, &(vt_pixel){ids[i], 4, 0, true}).reason, VT_UNSEEN);
    }
    vt_destroy(v);
}

static vt *open_suspended(void **state)
{
    return rig_create(&(vt_desc){.path = scratch_path(*state, "bc1.mega"),
                                 .ram_budget_bytes = 64 * RIG_MIB,
                                 .vram_budget_bytes = 8 * RIG_MIB,
                                 .format = VT_FORMAT_BC1,
                                 .suspend = scratch_path(*state, "tier.ram"),
                                 .deterministic = true});
}

/* What was in the atlas is there again before the first frame, and nothing is read for it. */
static void suspended_world_opens_as_it_was_left(void **state)
{
    uint32_t pinned;
    vt_stats s;
    vt *v = open_suspended(state);
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    const uint32_t used = count_slots(v, &pinned);
    vt_destroy(v);
    v = open_suspended(state);
    vt_get_stats(v, &s);
    assert_int_equal(count_slots(v, &pinned), used);
    assert_int_equal(s.pages.read, 0);
    assert_int_equal(s.ram.resumed, s.ram.pages);
    assert_int_equal(explain(v, 0, true).reason, VT_SHARP);
    rig_frame(v, CAMERA, false);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* Pages that are no longer what they were are dropped, read again, and never shown. */
static void damaged_pages_of_a_suspended_world_are_read_again(void **state)
{
    const char *path = scratch_path(*state, "tier.ram");
    vt *v = open_suspended(state);
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    vt_destroy(v);
    size_t count = 0;
    uint8_t *bytes = scratch_read(path, &count);
    assert_non_null(bytes);
    uint32_t changed = 0;
    for (size_t i = 4096; i < count - 100000; i++) { /* what is not a hole of the image */
        if (bytes[i] != 0 && i % 5000 < 50) {
            bytes[i] ^= 0x55;
            changed++;
        }
    }
    assert_true(changed > 0);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, count, out), count);
    assert_int_equal(fclose(out), 0);
    free(bytes);
    v = open_suspended(state);
    for (int i = 0; i < 400; i++) { /* a page that was refused waits for a while */
        rig_frame(v, CAMERA, false);
    }
    assert_true(rig_settle(v, CAMERA, 200) < 200);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* A camera that wants far more than there is: what it shows is coarser, and that is the reason. */
static void small_atlas_explains_its_bias(void **state)
{
    vt *v = open_world(state, 2 * RIG_MIB);
    const rig_window wide = {0, 1800, 1000, 28, 16, 0};
    for (int i = 0; i < 300; i++) {
        rig_frame(v, wide, false);
    }
    const float softer = vt_texture_bias(v, 1);
    assert_true(softer >= 1);
    const vt_page p = {1, 0, 15, 8};
    const vt_pixel pixel = {page_pack(p), (uint32_t)softer, 0, true};
    assert_int_equal(vt_explain(v, &pixel).reason, VT_BIASED);
    vt_destroy(v);
}

static void every_reason_has_its_text(void **state)
{
    (void)state;
    for (int i = VT_SHARP; i <= VT_CORRUPT; i++) {
        assert_true(strlen(vt_reason_text((vt_reason)i)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_the_atlas),
        cmocka_unit_test(flushed_atlas_keeps_what_is_pinned_and_fills_again),
        cmocka_unit_test(ram_pages_and_free_units_are_all_there_is),
        cmocka_unit_test(reasons_follow_a_page_on_its_way),
        cmocka_unit_test(enlarged_texels_are_no_fault),
        cmocka_unit_test(pages_that_do_not_exist_are_unseen),
        cmocka_unit_test(suspended_world_opens_as_it_was_left),
        cmocka_unit_test(damaged_pages_of_a_suspended_world_are_read_again),
        cmocka_unit_test(small_atlas_explains_its_bias),
        cmocka_unit_test(every_reason_has_its_text),
    };
    return cmocka_run_group_tests(tests, make_world, scratch_remove);
}
