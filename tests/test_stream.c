/* test_stream.c: the whole streamer on a fake GPU: real page file, real threads, real tiers. A
 * camera is a window of pages at some mip; after every frame the page table must show, at every
 * page that exists, the texels of that page or of the ancestor that it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/budget.h"
#include "engine/pagewriter.h"
#include "engine/stream.h"

#include "tests/fake_gpu.h"
#include "tests/scratch.h"
#include "tests/seed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORLD_WIDTH = 120 * 30 + 17, WORLD_HEIGHT = 120 * 14 + 5, MOST_IDS = 4096 };

static const uint64_t MIB = 1 << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { RUNS_SANITIZED = true };
#else
enum { RUNS_SANITIZED = false };
#endif

/* --- a world whose every texel is its page's id --- */

static void put_page(pagewriter *w, vt_page p, texel_format format)
{
    static uint32_t texels[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    for (size_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
        texels[i] = page_pack(p) ^ (uint32_t)(i * 2654435761u & 0xff00u); /* so LZ4 has some work */
    }
    texels[0] = page_pack(p);
    pagewriter_packed packed = pagewriter_pack(format, texels, true);
    assert_non_null(packed.data);
    assert_int_equal(pagewriter_put(w, p, &packed), PAGEFILE_OK);
    free(packed.data);
}

static void write_world(const char *path, texel_format format)
{
    pagewriter_desc desc = {.path = path, .layer_count = 1};
    pagewriter *w;
    desc.layers[0] = (pagefile_layer){.format = format, .srgb = true, .name = "albedo"};
    assert_true(page_shape_make(WORLD_WIDTH, WORLD_HEIGHT, 4, &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    for (uint8_t mip = 0; mip < desc.shape.mips; mip++) {
        for (uint16_t y = 0; y < page_rows(&desc.shape, mip); y++) {
            for (uint16_t x = 0; x < page_columns(&desc.shape, mip); x++) {
                put_page(w, (vt_page){STREAM_TEXTURE, mip, x, y}, format);
            }
        }
    }
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
}

static int make_world(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    write_world(scratch_path(*state, "world.mega"), TEXEL_RGBA8);
    write_world(scratch_path(*state, "bc1.mega"), TEXEL_BC1);
    return 0;
}

/* Bytes of a budget that gives about `slots` slots. */
static uint64_t vram_for(uint32_t slots)
{
    return (uint64_t)slots * TEXEL_PAGE_MAX_BYTES * 8 / 7 + MIB / 2;
}

static vt *open_world(void **state, uint64_t ram, uint64_t vram, bool deterministic)
{
    char error[512] = "";
    const vt_desc desc = {.path = scratch_path(*state, "world.mega"),
                          .ram_budget_bytes = ram,
                          .vram_budget_bytes = vram,
                          .read_workers = 2,
                          .decode_workers = 2,
                          .deterministic = deterministic};
    vt *v = vt_create(&desc, error, sizeof error);
    if (!v) {
        fail_msg("%s", error);
    }
    return v;
}

/* --- a camera and its frames --- */

typedef struct window {
    float lod;           /* mips */
    uint32_t x, y;       /* its middle, in texels of mip 0 */
    uint32_t wide, high; /* pages at its mip when there is no bias */
} window;

/* What the feedback pass of this camera would write under the bias in effect. */
static uint32_t image_of(const vt *v, window w, uint32_t ids[MOST_IDS])
{
    const page_shape *s = &v->info->shape;
    float level = w.lod + v->bias.value;
    level = level > (float)(s->mips - 1) ? (float)(s->mips - 1) : level;
    const uint32_t mip = (uint32_t)level, page = s->payload << mip;
    const uint32_t wide = w.wide * s->payload << (uint32_t)w.lod;
    const uint32_t high = w.high * s->payload << (uint32_t)w.lod;
    const uint32_t left = w.x > wide / 2 ? w.x - wide / 2 : 0;
    const uint32_t top = w.y > high / 2 ? w.y - high / 2 : 0;
    uint32_t count = 0;
    for (uint32_t y = top / page; y < page_rows(s, mip) && y * page < top + high; y++) {
        for (uint32_t x = left / page; x < page_columns(s, mip) && x * page < left + wide; x++) {
            const vt_page p = {STREAM_TEXTURE, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
            for (int i = 0; i < 4 && count < MOST_IDS; i++) {
                ids[count++] = page_pack(p);
            }
        }
    }
    return count;
}

static double clock_ms;

static void run_frame(vt *v, window w, bool cut)
{
    uint32_t ids[MOST_IDS];
    clock_ms += 16;
    vt_update(v, &(vt_clock){.now_ms = clock_ms, .cut = cut});
    fake_gpu_feed(v->gpu, ids, image_of(v, w, ids));
    if (vt_feedback_begin(v, VT_FEEDBACK_NOW)) {
        vt_feedback_end(v);
    }
    vt_bind(v);
    const char *wrong = fake_gpu_check_picture(v->gpu, false);
    if (wrong) {
        fail_msg("frame at %.0f ms: %s", clock_ms, wrong);
    }
}

/* Frames until all that is wanted is there; the workers get time of their own. */
static int frames_to_settle(vt *v, window w, int most)
{
    for (int frame = 0; frame < most; frame++) {
        run_frame(v, w, false);
        if (vt_is_settled(v)) {
            return frame;
        }
        usleep(200);
    }
    return most;
}

static void expect_sound(vt *v)
{
    const char *wrong = vt_check(v);
    vt_stats s;
    if (wrong) {
        fail_msg("%s", wrong);
    }
    vt_get_stats(v, &s);
    assert_true(s.ram.peak_bytes <= s.ram.budget_bytes);
    assert_true(s.vram.peak_bytes <= s.vram.budget_bytes);
    assert_true(s.vram.slots_used <= s.vram.slots);
}

/* --- what it must do --- */

static void coarsest_mips_are_there_before_the_first_frame(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(64), false);
    const page_shape *s = &v->info->shape;
    vt_stats stats;
    vt_get_stats(v, &stats);
    assert_int_equal(stats.vram.slots_pinned, budget_pages_from_mip(s, v->pinned_mip));
    assert_true(pagetable_is_mapped(v->table, (vt_page){1, (uint8_t)(s->mips - 1), 0, 0}));
    expect_sound(v);
    vt_destroy(v);
}

static void wanted_pages_arrive_with_their_own_texels(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(200), false);
    const window w = {0, 1000, 800, 6, 5};
    uint32_t ids[MOST_IDS];
    assert_true(frames_to_settle(v, w, 2000) < 2000);
    const uint32_t count = image_of(v, w, ids);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = atlas_find(v->atlas, ids[i]);
        uint32_t first;
        assert_int_not_equal(slot, ATLAS_NONE);
        memcpy(&first, fake_gpu_slot_texels(v->gpu, atlas_slot_x(slot), atlas_slot_y(slot)),
               sizeof first);
        assert_int_equal(first, ids[i]);
    }
    expect_sound(v);
    vt_destroy(v);
}

/* Cameras that jump, glide and zoom, budgets from starved to ample: never a hole, never over. */
static void no_camera_and_no_budget_makes_a_hole(void **state)
{
    uint64_t random = seed_of_run();
    for (int round = 0; round < 12; round++) {
        const uint64_t ram = 6 * MIB + seed_below(&random, 12) * MIB;
        vt *v = open_world(state, ram, vram_for(10 + seed_below(&random, 300)), round % 4 == 3);
        window w = {0, 0, 0, 4, 3};
        for (int frame = 0; frame < 120; frame++) {
            const bool cut = seed_below(&random, 40) == 0;
            if (cut || frame == 0) {
                w = (window){(float)seed_below(&random, 5), seed_below(&random, WORLD_WIDTH),
                             seed_below(&random, WORLD_HEIGHT), 1 + seed_below(&random, 12),
                             1 + seed_below(&random, 8)};
            }
            w.x += seed_below(&random, 30);
            fake_gpu_set_delay(v->gpu, 1 + seed_below(&random, 3));
            fake_gpu_set_exhausted(v->gpu, seed_below(&random, 10) == 0);
            run_frame(v, w, cut);
        }
        expect_sound(v);
        vt_destroy(v);
    }
}

static void pool_too_small_gets_softer_and_comes_to_rest(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(40), false);
    const window w = {0, 1800, 800, 14, 9}; /* 126 pages and their ancestors into 40 slots */
    vt_stats before, after;
    frames_to_settle(v, w, 3000);
    assert_true(vt_is_settled(v));
    vt_get_stats(v, &before);
    assert_true(before.mip_bias > 0.5f);
    for (int frame = 0; frame < 600; frame++) {
        run_frame(v, w, false);
    }
    vt_get_stats(v, &after);
    assert_int_equal(after.pages.uploaded, before.pages.uploaded);
    assert_int_equal(after.pages.evicted, before.pages.evicted);
    expect_sound(v);
    vt_destroy(v);
}

/* As run_frame with a still camera, but for slivers: pages that show at one fine position of the
 * jitter only. */
static void run_frame_with_slivers(vt *v, window w)
{
    uint32_t ids[MOST_IDS];
    uint32_t count = image_of(v, w, ids);
    vt_update(v, &(vt_clock){.now_ms = clock_ms += 16});
    for (uint16_t x = 0; v->jitter == 37 && x < 5; x++) {
        ids[count++] = page_pack((vt_page){STREAM_TEXTURE, 0, (uint16_t)(x * 2), 13});
    }
    fake_gpu_feed(v->gpu, ids, count);
    assert_true(vt_feedback_begin(v, VT_FEEDBACK_NOW));
    vt_feedback_end(v);
}

static void slivers_between_the_jitter_are_found_when_all_is_calm(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(300), true);
    for (int frame = 0; frame < 600 && !vt_is_settled(v); frame++) {
        run_frame_with_slivers(v, (window){0, 1000, 500, 6, 5});
    }
    assert_true(vt_is_settled(v));
    for (uint16_t x = 0; x < 5; x++) {
        const vt_page p = {STREAM_TEXTURE, 0, (uint16_t)(x * 2), 13};
        assert_int_not_equal(atlas_find(v->atlas, page_pack(p)), ATLAS_NONE);
    }
    vt_destroy(v);
}

static void slivers_do_not_keep_a_full_pool_busy(void **state)
{
    for (uint32_t slots = 30; slots < 80; slots += 6) {
        vt *v = open_world(state, 8 * MIB, vram_for(slots), true);
        vt_stats before, after;
        for (int frame = 0; frame < 1500; frame++) {
            run_frame_with_slivers(v, (window){0, 1000, 500, 7, 5});
        }
        vt_get_stats(v, &before);
        for (int frame = 0; frame < 500; frame++) {
            run_frame_with_slivers(v, (window){0, 1000, 500, 7, 5});
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
    vt *v = open_world(state, 8 * MIB, vram_for(300), true);
    const window w = {0, 1000, 500, 6, 5};
    bool seen[8][8] = {{false}};
    frames_to_settle(v, w, 1000);
    for (int i = 0; i < STREAM_FINE_JITTERS; i++) {
        float x, y;
        vt_feedback_jitter(v, &x, &y);
        seen[(int)((y + 0.5f) * 8)][(int)((x + 0.5f) * 8)] = true;
        run_frame(v, w, false);
    }
    for (int i = 0; i < 64; i++) {
        assert_true(seen[i / 8][i % 8]);
    }
    vt_destroy(v);
}

static void ample_pool_has_no_bias_and_evicts_nothing(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(300), false);
    vt_stats s;
    for (uint32_t x = 0; x < WORLD_WIDTH; x += 60) {
        run_frame(v, (window){0, x, 800, 6, 5}, false);
    }
    vt_get_stats(v, &s);
    assert_true(s.mip_bias_peak == 0);
    assert_int_equal(s.pages.evicted, 0);
    vt_destroy(v);
}

/* The same camera twice: the same uploads into the same slots at the same frames. */
static uint64_t hash_of_flight(void **state)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    clock_ms = 0;
    vt *v = open_world(state, 7 * MIB, vram_for(60), true);
    for (int frame = 0; frame < 150; frame++) {
        run_frame(v, (window){(float)(frame / 60), 300 + 20 * (uint32_t)frame, 700, 8, 5},
                  frame == 80);
        const uint32_t columns = v->gpu_desc.atlas_columns;
        for (uint32_t i = 0; i < columns * v->gpu_desc.atlas_rows; i++) {
            hash = (hash ^ fake_gpu_slot_page(v->gpu, i % columns, i / columns)) * 1099511628211u;
        }
        hash = (hash ^ pagetable_entry(v->table, (vt_page){1, 0, 10, 5})) * 1099511628211u;
    }
    vt_destroy(v);
    return hash;
}

static void deterministic_flight_repeats_itself(void **state)
{
    const uint64_t first = hash_of_flight(state);
    assert_true(first == hash_of_flight(state));
    assert_true(first == hash_of_flight(state));
}

static void prediction_brings_pages_into_ram_only(void **state)
{
    vt *v = open_world(state, 8 * MIB, vram_for(100), true);
    const window here = {0, 500, 500, 3, 3}, there = {0, 2500, 1200, 3, 3};
    uint32_t ids[MOST_IDS];
    vt_stats s;
    frames_to_settle(v, here, 1000);
    const uint32_t count = image_of(v, there, ids);
    vt_get_stats(v, &s);
    const uint64_t uploaded = s.pages.uploaded;
    for (int frame = 0; frame < 20; frame++) {
        vt_update(v, &(vt_clock){.now_ms = clock_ms += 16});
        fake_gpu_feed(v->gpu, ids, count);
        assert_true(vt_feedback_begin(v, VT_FEEDBACK_PREDICTED));
        vt_feedback_end(v);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_true(ramtier_has(v->ram, ids[i]));
        assert_int_equal(atlas_find(v->atlas, ids[i]), ATLAS_NONE);
    }
    vt_get_stats(v, &s);
    assert_int_equal(s.pages.uploaded, uploaded);
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
                          .ram_budget_bytes = 48 * MIB,
                          .vram_budget_bytes = vram_for(150),
                          .ram_prefault = true};
    vt *v = vt_create(&desc, error, sizeof error);
    assert_non_null(v);
    for (uint32_t x = 0; x < 200; x++) {
        run_frame(v, (window){(float)(x % 3), x * 17, x * 8, 6, 5}, x % 50 == 0);
    }
    expect_sound(v);
    const uint64_t grown = resident_bytes() - before, card = gpu_bytes(&v->gpu_desc);
    print_message("grown by %.2f MiB, of which the fake card holds at most %.2f\n",
                  (double)grown / (double)MIB, (double)card / (double)MIB);
    assert_true(grown >= 40 * MIB); /* else this measures nothing */
    assert_true(grown <= 48 * MIB + card + MIB / 2);
    vt_destroy(v);
}

static texel_format format_chosen(void **state, uint64_t vram, bool software)
{
    char error[512];
    const vt_desc desc = {.path = scratch_path(*state, "bc1.mega"), .vram_budget_bytes = vram};
    fake_gpu_found.software = software;
    vt *v = vt_create(&desc, error, sizeof error);
    fake_gpu_found.software = true;
    assert_non_null(v);
    const texel_format format = v->gpu_desc.formats[0];
    assert_true(gpu_bytes(&v->gpu_desc) <= vram);
    vt_destroy(v);
    return format;
}

static void pages_are_expanded_only_for_software_with_room(void **state)
{
    assert_int_equal(format_chosen(state, 64 * MIB, true), TEXEL_RGBA8);
    assert_int_equal(format_chosen(state, 8 * MIB, true), TEXEL_BC1);
    assert_int_equal(format_chosen(state, 64 * MIB, false), TEXEL_BC1);
}

/* --- bad input --- */

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
    const vt_desc desc = {.path = damage(state, bad), .vram_budget_bytes = vram_for(200)};
    vt *v = vt_create(&desc, error, sizeof error);
    vt_stats s;
    assert_non_null(v);
    assert_true(frames_to_settle(v, (window){0, 1000, 800, 6, 5}, 2000) < 2000);
    vt_get_stats(v, &s);
    assert_int_equal(s.pages.corrupt, 1);
    assert_true(vt_take_message(v, line, sizeof line));
    assert_non_null(strstr(line, "page 0,8,6"));
    assert_false(vt_take_message(v, line, sizeof line));
    const uint32_t entry = pagetable_entry(v->table, bad);
    assert_int_equal(entry >> VT_ENTRY_MIP_SHIFT & 15, 1);
    expect_sound(v);
    vt_destroy(v);
}

static void damaged_coarsest_page_leaves_no_hole(void **state)
{
    char error[256];
    page_shape s;
    assert_true(page_shape_make(WORLD_WIDTH, WORLD_HEIGHT, 4, &s));
    const vt_desc desc = {.path = damage(state, (vt_page){1, (uint8_t)(s.mips - 1), 0, 0}),
                          .vram_budget_bytes = vram_for(200)};
    vt *v = vt_create(&desc, error, sizeof error);
    assert_non_null(v);
    assert_true(frames_to_settle(v, (window){0, 1000, 800, 6, 5}, 2000) < 2000);
    expect_sound(v);
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
        run_frame(v, (window){0, 10 * (uint32_t)frame, 800, 6, 5}, false);
    }
    expect_sound(v);
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
        cmocka_unit_test(slivers_do_not_keep_a_full_pool_busy),
        cmocka_unit_test(jitter_at_rest_visits_every_pixel),
        cmocka_unit_test(ample_pool_has_no_bias_and_evicts_nothing),
        cmocka_unit_test(deterministic_flight_repeats_itself),
        cmocka_unit_test(prediction_brings_pages_into_ram_only),
        cmocka_unit_test(pages_are_expanded_only_for_software_with_room),
        cmocka_unit_test(memory_seen_from_outside_stays_within_the_budget),
        cmocka_unit_test(damaged_page_is_reported_once_and_drawn_from_its_ancestor),
        cmocka_unit_test(damaged_coarsest_page_leaves_no_hole),
        cmocka_unit_test(what_cannot_be_is_refused_in_one_line),
        cmocka_unit_test(smallest_budgets_work),
    };
    return cmocka_run_group_tests_name("stream", tests, make_world, scratch_remove);
}
