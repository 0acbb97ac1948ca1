/* test_stream.c: the whole streamer on a fake GPU (stream_rig.h): what arrives, what leaves, and
 * that there is never a hole and never more than the budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/budget.h"

#include "tests/rigs/engine/fake_gpu.h"
#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORLD_WIDTH = 120 * 30 + 17, WORLD_HEIGHT = 120 * 14 + 5 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNS_SANITIZED true
#else
#define RUNS_SANITIZED false
#endif

static int make_world(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    rig_write_world(scratch_path(*state, "world.mega"),
                    &(rig_world){WORLD_WIDTH, WORLD_HEIGHT, 4, {VT_TEXEL_RGBA8}});
    rig_write_world(scratch_path(*state, "bc1.mega"),
                    &(rig_world){WORLD_WIDTH, WORLD_HEIGHT, 4, {VT_TEXEL_BC1}});
    return 0;
}

static vt *open_world(void **state, uint64_t ram, uint64_t vram, bool deterministic)
{
    return rig_create(&(vt_desc){.path = scratch_path(*state, "world.mega"),
                                 .ram_budget_bytes = ram,
                                 .vram_budget_bytes = vram,
                                 .read_workers = 2,
                                 .decode_workers = 2,
                                 .deterministic = deterministic});
}

/* ---- what it must do ---- */

static void coarsest_mips_are_there_before_the_first_frame(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(64), false);
    const vt_shape *s = &v->textures[0].info->shape;
    vt_stats stats;
    vt_get_stats(v, &stats);
    assert_int_equal(stats.vram.slots_pinned, budget_pages_from_mip(s, v->textures[0].pinned_mip));
    assert_true(
        pagetable_is_mapped(v->textures[0].table, (vt_page){1, (uint8_t)(s->mips - 1), 0, 0}));
    rig_expect_sound(v);
    vt_destroy(v);
}

static void wanted_pages_arrive_with_their_own_texels(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(200), false);
    const rig_window w = {0, 1000, 800, 6, 5, 1};
    uint32_t ids[RIG_MOST_IDS];
    assert_true(rig_settle(v, w, 2000) < 2000);
    const uint32_t count = rig_image(v, w, ids);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = atlas_find(v->atlas, ids[i]);
        uint32_t first;
        assert_int_not_equal(slot, ATLAS_NONE);
        memcpy(&first, fake_gpu_slot_texels(v->gpu, atlas_slot_x(slot), atlas_slot_y(slot)),
               sizeof first);
        assert_int_equal(first, ids[i]);
    }
    rig_expect_sound(v);
    vt_destroy(v);
}

/* Cameras that jump, glide and zoom, budgets from starved to ample: never a hole, never over. */
static void no_camera_and_no_budget_makes_a_hole(void **state)
{
    uint64_t random = seed_of_run();
    for (int round = 0; round < 12; round++) {
        const uint64_t ram = 6 * RIG_MIB + seed_below(&random, 12) * RIG_MIB;
        vt *v = open_world(state, ram, rig_vram_for(10 + seed_below(&random, 300)), round % 4 == 3);
        rig_window w = {0, 0, 0, 4, 3, 1};
        for (int frame = 0; frame < 120; frame++) {
            const bool cut = seed_below(&random, 40) == 0;
            if (cut || frame == 0) {
                w = (rig_window){
                    (float)seed_below(&random, 5),     seed_below(&random, WORLD_WIDTH),
                    seed_below(&random, WORLD_HEIGHT), 1 + seed_below(&random, 12),
                    1 + seed_below(&random, 8),        1};
            }
            w.x += seed_below(&random, 30);
            fake_gpu_set_delay(v->gpu, 1 + seed_below(&random, 3));
            fake_gpu_set_exhausted(v->gpu, seed_below(&random, 10) == 0);
            rig_frame(v, w, cut);
        }
        rig_expect_sound(v);
        vt_destroy(v);
    }
}

static void pool_too_small_gets_softer_and_comes_to_rest(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(40), false);
    const rig_window w = {0, 1800, 800, 14, 9, 1}; /* 126 pages and their ancestors into 40 slots */
    vt_stats before, after;
    rig_settle(v, w, 3000);
    assert_true(vt_is_settled(v));
    vt_get_stats(v, &before);
    assert_true(before.mip_bias > 0.5f);
    for (int frame = 0; frame < 600; frame++) {
        rig_frame(v, w, false);
    }
    vt_get_stats(v, &after);
    assert_int_equal(after.pages.uploaded, before.pages.uploaded);
    assert_int_equal(after.pages.evicted, before.pages.evicted);
    rig_expect_sound(v);
    vt_destroy(v);
}

/* As run_frame with a still camera, but for slivers: pages that show at one fine position of the
 * jitter only. */
static void run_frame_with_slivers(vt *v, rig_window w)
{
    uint32_t ids[RIG_MOST_IDS];
    uint32_t count = rig_image(v, w, ids);
    vt_update(v, &(vt_clock){.now_ms = rig_clock_ms += 16});
    for (uint16_t x = 0; v->jitter == 37 && x < 5; x++) {
        ids[count++] = page_pack((vt_page){1, 0, (uint16_t)(x * 2), 13});
    }
    fake_gpu_feed(v->gpu, ids, count);
    assert_true(vt_feedback_begin(v, VT_FEEDBACK_NOW));
    vt_feedback_end(v);
}

static void slivers_between_the_jitter_are_found_when_all_is_calm(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(300), true);
    for (int frame = 0; frame < 600 && !vt_is_settled(v); frame++) {
        run_frame_with_slivers(v, (rig_window){0, 1000, 500, 6, 5, 1});
    }
    assert_true(vt_is_settled(v));
    for (uint16_t x = 0; x < 5; x++) {
        const vt_page p = {1, 0, (uint16_t)(x * 2), 13};
        assert_int_not_equal(atlas_find(v->atlas, page_pack(p)), ATLAS_NONE);
    }
    vt_destroy(v);
}

/* Exact passes: after a cut, and when all that the others see is there. */
static void passes_are_exact_where_slivers_count(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(300), true);
    const rig_window w = {0, 1000, 500, 6, 5, 1};
    rig_frame(v, w, true);
    assert_true(vt_feedback_is_exact(v));
    bool was_coarse = false;
    for (int frame = 0; frame < 600 && !vt_is_settled(v); frame++) {
        rig_frame(v, w, false);
        was_coarse = was_coarse || !vt_feedback_is_exact(v);
    }
    assert_true(was_coarse && vt_is_settled(v));
    assert_true(vt_feedback_is_exact(v));
    vt_destroy(v);
}

static void slivers_do_not_keep_a_full_pool_busy(void **state)
{
    for (uint32_t slots = 30; slots < 80; slots += 6) {
        vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(slots), true);
        vt_stats before, after;
        for (int frame = 0; frame < 1500; frame++) {
            run_frame_with_slivers(v, (rig_window){0, 1000, 500, 7, 5, 1});
        }
        vt_get_stats(v, &before);
        for (int frame = 0; frame < 500; frame++) {
            run_frame_with_slivers(v, (rig_window){0, 1000, 500, 7, 5, 1});
        }
        vt_get_stats(v, &after);
        if (after.pages.uploaded != before.pages.uploaded) {
            fail_msg("about %u slots: %d uploads at rest", slots,
                     (int)(after.pages.uploaded - before.pages.uploaded));
        }
        vt_destroy(v);
    }
}

/* Four rounds of the coarse lattice, spread evenly each, are every pixel under a feedback pixel. */
static void jitter_at_rest_visits_every_pixel(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(300), true);
    const rig_window w = {0, 1000, 500, 6, 5, 1};
    bool seen[8][8] = {{false}};
    rig_settle(v, w, 1000);
    for (int i = 0; i < STREAM_FINE_JITTERS; i++) {
        float x, y;
        vt_feedback_jitter(v, &x, &y);
        seen[(int)((y + 0.5f) * 8)][(int)((x + 0.5f) * 8)] = true;
        rig_frame(v, w, false);
    }
    for (int i = 0; i < 64; i++) {
        assert_true(seen[i / 8][i % 8]);
    }
    vt_destroy(v);
}

static void ample_pool_has_no_bias_and_evicts_nothing(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(300), false);
    vt_stats s;
    for (uint32_t x = 0; x < WORLD_WIDTH; x += 60) {
        rig_frame(v, (rig_window){0, x, 800, 6, 5, 1}, false);
    }
    vt_get_stats(v, &s);
    assert_true(s.mip_bias_peak == 0);
    assert_int_equal(s.pages.evicted, 0);
    vt_destroy(v);
}

/* Shows the streamer what a camera that is expected will see. */
static uint32_t predict(vt *v, rig_window there, uint32_t ids[RIG_MOST_IDS])
{
    const uint32_t count = rig_image(v, there, ids);
    for (int frame = 0; frame < 20; frame++) {
        vt_update(v, &(vt_clock){.now_ms = rig_clock_ms += 16});
        fake_gpu_feed(v->gpu, ids, count);
        assert_true(vt_feedback_begin(v, VT_FEEDBACK_PREDICTED));
        vt_feedback_end(v);
    }
    return count;
}

static void prediction_brings_pages_into_an_atlas_with_room(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(200), true);
    uint32_t ids[RIG_MOST_IDS];
    rig_settle(v, (rig_window){0, 500, 500, 3, 3, 1}, 1000);
    const uint32_t count = predict(v, (rig_window){0, 2500, 1200, 3, 3, 1}, ids);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(atlas_find(v->atlas, ids[i]), ATLAS_NONE);
    }
    vt_destroy(v);
}

/* And where there is none, nothing that is wanted now leaves. */
static void prediction_brings_pages_into_ram_beside_a_full_atlas(void **state)
{
    vt *v = open_world(state, 8 * RIG_MIB, rig_vram_for(24), true);
    const rig_window here = {0, 500, 500, 3, 3, 1};
    uint32_t ids[RIG_MOST_IDS];
    rig_settle(v, here, 1000);
    uint32_t count = predict(v, (rig_window){0, 2500, 1200, 3, 3, 1}, ids);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(ramtier_has(v->ram, ids[i]));
    }
    count = rig_image(v, here, ids);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(atlas_find(v->atlas, ids[i]), ATLAS_NONE);
    }
    vt_destroy(v);
}

/* Bytes of memory that the system has given this process; 0 where it does not say, or where a
 * sanitizer's shadow would be counted too. */
static uint64_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        resident = fscanf(f, "%lu %lu", &total, &resident) == 2 ? resident : 0;
        fclose(f);
    }
    return RUNS_SANITIZED ? 0 : (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Seen from outside, with the arena touched throughout: the process grows by the budget and no
 * more. What the fake card holds is the card's; half a MiB is for stacks and the C library's own.
 */
static void memory_seen_from_outside_stays_within_the_budget(void **state)
{
    const uint64_t before = resident_bytes();
    if (before == 0) {
        skip();
    }
    char error[512];
    const vt_desc desc = {.path = scratch_path(*state, "world.mega"),
                          .ram_budget_bytes = 48 * RIG_MIB,
                          .vram_budget_bytes = rig_vram_for(150),
                          .ram_prefault = true};
    vt *v = vt_create(&desc, error, sizeof error);
    assert_non_null(v);
    for (uint32_t x = 0; x < 200; x++) {
        rig_frame(v, (rig_window){(float)(x % 3), x * 17, x * 8, 6, 5, 1}, x % 50 == 0);
    }
    rig_expect_sound(v);
    const uint64_t grown = resident_bytes() - before, card = gpu_bytes(&v->gpu_desc);
    print_message("grown by %.2f MiB, of which the fake card holds at most %.2f\n",
                  (double)grown / (double)RIG_MIB, (double)card / (double)RIG_MIB);
    assert_true(grown >= 40 * RIG_MIB); /* else this measures nothing */
    assert_true(grown <= 48 * RIG_MIB + card + RIG_MIB / 2);
    vt_destroy(v);
}

static vt_texel_format format_chosen(void **state, uint64_t vram, bool software)
{
    char error[512];
    const vt_desc desc = {.path = scratch_path(*state, "bc1.mega"), .vram_budget_bytes = vram};
    fake_gpu_found.software = software;
    vt *v = vt_create(&desc, error, sizeof error);
    fake_gpu_found.software = true;
    assert_non_null(v);
    const vt_texel_format format = v->gpu_desc.formats[0];
    assert_true(gpu_bytes(&v->gpu_desc) <= vram);
    vt_destroy(v);
    return format;
}

static void pages_are_expanded_only_for_software_with_room(void **state)
{
    assert_int_equal(format_chosen(state, 64 * RIG_MIB, true), VT_TEXEL_RGBA8);
    assert_int_equal(format_chosen(state, 8 * RIG_MIB, true), VT_TEXEL_BC1);
    assert_int_equal(format_chosen(state, 64 * RIG_MIB, false), VT_TEXEL_BC1);
}

/* ---- bad input ---- */

/* Overwrites some stored bytes of a page in a copy of the world. */
static const char *damage(void **state, vt_page p)
{
    const char *from = scratch_path(*state, "world.mega");
    const char *to = scratch_path(*state, "damaged.mega");
    char command[SCRATCH_PATH_BYTES * 2 + 16];
    pagefile *file;
    pagefile_entry entry;
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
    assert_int_equal(pagefile_open(from, &file), PAGEFILE_OK);
    assert_int_equal(pagefile_find(file, p, 0, &entry), PAGEFILE_OK);
    pagefile_close(file);
    FILE *f = fopen(to, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)entry.offset, SEEK_SET), 0);
    assert_int_equal(fwrite("damage", 1, 6, f), 6);
    assert_int_equal(fclose(f), 0);
    return to;
}

static void damaged_page_is_reported_once_and_drawn_from_its_ancestor(void **state)
{
    char error[256], line[256];
    const vt_page bad = {1, 0, 8, 6};
    const vt_desc desc = {.path = damage(state, bad), .vram_budget_bytes = rig_vram_for(200)};
    vt *v = vt_create(&desc, error, sizeof error);
    vt_stats s;
    assert_non_null(v);
    assert_true(rig_settle(v, (rig_window){0, 1000, 800, 6, 5, 1}, 2000) < 2000);
    vt_get_stats(v, &s);
    assert_int_equal(s.pages.corrupt, 1);
    assert_true(vt_take_message(v, line, sizeof line));
    assert_non_null(strstr(line, "page 0,8,6"));
    assert_false(vt_take_message(v, line, sizeof line));
    assert_int_equal(pagetable_shown_mip(v->textures[0].table, bad), 1);
    rig_expect_sound(v);
    vt_destroy(v);
}

static void damaged_coarsest_page_leaves_no_hole(void **state)
{
    char error[256];
    vt_shape s;
    assert_true(page_shape_make(WORLD_WIDTH, WORLD_HEIGHT, 4, &s));
    const vt_desc desc = {.path = damage(state, (vt_page){1, (uint8_t)(s.mips - 1), 0, 0}),
                          .vram_budget_bytes = rig_vram_for(200)};
    vt *v = vt_create(&desc, error, sizeof error);
    assert_non_null(v);
    assert_true(rig_settle(v, (rig_window){0, 1000, 800, 6, 5, 1}, 2000) < 2000);
    rig_expect_sound(v);
    vt_destroy(v);
}

static void expect_refusal(const vt_desc *desc, const char *start)
{
    char error[512] = "";
    assert_null(vt_create(desc, error, sizeof error));
    if (strncmp(error, start, strlen(start)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", error, start);
    }
    assert_null(strchr(error, '\n'));
}

static void what_cannot_be_is_refused_in_one_line(void **state)
{
    const char *world = scratch_path(*state, "world.mega");
    const char *absent = scratch_path(*state, "absent.mega");
    expect_refusal(&(vt_desc){.path = absent}, absent);
    expect_refusal(&(vt_desc){.path = *state}, *state);
    expect_refusal(&(vt_desc){.path = world, .vram_budget_bytes = 1000}, "vram.budget = ");
    expect_refusal(&(vt_desc){.path = world, .ram_budget_bytes = 1000}, "ram.budget = ");
    expect_refusal(&(vt_desc){.path = NULL}, ":");
}

/* The least budgets that the refusals name are enough. */
static void smallest_budgets_work(void **state)
{
    char error[512];
    vt_desc desc = {.path = scratch_path(*state, "world.mega")};
    double mib;
    desc.vram_budget_bytes = 1;
    assert_null(vt_create(&desc, error, sizeof error));
    assert_int_equal(sscanf(strstr(error, "at least "), "at least %lf", &mib), 1);
    desc.vram_budget_bytes = (uint64_t)((mib + 0.01) * 1048576);
    desc.ram_budget_bytes = 1;
    assert_null(vt_create(&desc, error, sizeof error));
    assert_int_equal(sscanf(strstr(error, "at least "), "at least %lf", &mib), 1);
    desc.ram_budget_bytes = (uint64_t)((mib + 0.01) * 1048576);
    vt *v = vt_create(&desc, error, sizeof error);
    if (!v) {
        fail_msg("%s", error);
    }
    for (int frame = 0; frame < 300; frame++) {
        rig_frame(v, (rig_window){0, 10 * (uint32_t)frame, 800, 6, 5, 1}, false);
    }
    rig_expect_sound(v);
    vt_destroy(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coarsest_mips_are_there_before_the_first_frame),
        cmocka_unit_test(wanted_pages_arrive_with_their_own_texels),
        cmocka_unit_test(no_camera_and_no_budget_makes_a_hole),
        cmocka_unit_test(pool_too_small_gets_softer_and_comes_to_rest),
        cmocka_unit_test(slivers_between_the_jitter_are_found_when_all_is_calm),
        cmocka_unit_test(passes_are_exact_where_slivers_count),
        cmocka_unit_test(slivers_do_not_keep_a_full_pool_busy),
        cmocka_unit_test(jitter_at_rest_visits_every_pixel),
        cmocka_unit_test(ample_pool_has_no_bias_and_evicts_nothing),
        cmocka_unit_test(prediction_brings_pages_into_an_atlas_with_room),
        cmocka_unit_test(prediction_brings_pages_into_ram_beside_a_full_atlas),
        cmocka_unit_test(pages_are_expanded_only_for_software_with_room),
        cmocka_unit_test(memory_seen_from_outside_stays_within_the_budget),
        cmocka_unit_test(damaged_page_is_reported_once_and_drawn_from_its_ancestor),
        cmocka_unit_test(damaged_coarsest_page_leaves_no_hole),
        cmocka_unit_test(what_cannot_be_is_refused_in_one_line),
        cmocka_unit_test(smallest_budgets_work),
    };
    return cmocka_run_group_tests_name("stream", tests, make_world, scratch_remove);
}
