/* The disk as vt.h shows it (on a fake GPU): made slower while it runs, a map of what was read, and
 * a timeline of all threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vt_watch.h"

#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const rig_window CAMERA = {.lod = 0, .x = 600, .y = 500, .wide = 4, .high = 4};

static vt *open_world(void **state, vt_trace *t)
{
    const char *path = scratch_path(*state, "world.mega");
    rig_write_world(path, &(rig_world){.width = 1200, .height = 1000, .formats = {VT_TEXEL_RGBA8}});
    return rig_create(&(vt_desc){.path = path,
                                 .vram_budget_bytes = 16 * RIG_MIB,
                                 .ram_budget_bytes = 16 * RIG_MIB,
                                 .trace = t});
}

static void set_disk(vt *v, float delay_ms, uint64_t bytes_per_second)
{
    vt_settings settings;
    vt_get_settings(v, &settings);
    settings.disk_delay_ms = delay_ms;
    settings.disk_bytes_per_second = bytes_per_second;
    vt_set_settings(v, &settings);
}

/* Frames until reads are on their way. */
static void run_until_reading(vt *v)
{
    vt_stats stats;
    do {
        rig_frame(v, CAMERA, false);
        vt_get_stats(v, &stats);
    } while (stats.fetch_pending == 0);
}

static void a_slow_disk_does_not_hold_up_the_end(void **state)
{
    vt *v = open_world(state, NULL);
    set_disk(v, INFINITY, 0); /* who waits for it hangs */
    run_until_reading(v);
    vt_destroy(v);
}

static void a_disk_gets_as_fast_as_it_is_while_it_runs(void **state)
{
    vt *v = open_world(state, NULL);
    set_disk(v, INFINITY, 1);
    run_until_reading(v);
    set_disk(v, -3, 0); /* no time is none */
    assert_true(rig_settle(v, CAMERA, 2000) < 2000);
    set_disk(v, NAN, 0);
    assert_true(rig_settle(v, CAMERA, 2000) < 2000);
    rig_expect_sound(v);
    vt_destroy(v);
}

static void the_map_shows_what_was_read(void **state)
{
    static uint32_t kib[VT_DISK_CELLS];
    vt *v = open_world(state, NULL);
    assert_true(rig_settle(v, CAMERA, 2000) < 2000);
    assert_null(vt_check(v));
    vt_stats stats;
    vt_get_stats(v, &stats);
    vt_get_disk_map(v, kib);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VT_DISK_CELLS; i++) {
        sum += kib[i];
    }
    assert_int_equal(kib[0], 0); /* the header and the index are not read by requests */
    assert_true((sum + VT_DISK_CELLS) << 10 > stats.bytes.disk_read); /* a cell loses < 1 KiB */
    assert_true(sum << 10 <= vt_get_info(v)->file_bytes);             /* nothing is read twice */
    vt_destroy(v);
}

static void what_the_system_forgets_is_read_again(void **state)
{
    vt *v = open_world(state, NULL);
    vt_stats before, after;
    assert_true(rig_settle(v, CAMERA, 2000) < 2000);
    vt_get_stats(v, &before);
    vt_flush_disk(v);
    vt_flush_ram(v);
    vt_flush_atlas(v);
    assert_true(rig_settle(v, CAMERA, 2000) < 2000);
    vt_get_stats(v, &after);
    assert_true(after.bytes.disk_read > before.bytes.disk_read);
    rig_expect_sound(v);
    vt_destroy(v);
}

static void what_cannot_be_suspended_is_told_at_the_end(void **state)
{
    char error[256] = "";
    assert_true(vt_close(NULL, error, sizeof error));
    assert_true(vt_close(open_world(state, NULL), error, sizeof error));
    vt *v = rig_create(&(vt_desc){.path = scratch_path(*state, "world.mega"),
                                  .vram_budget_bytes = 16 * RIG_MIB,
                                  .ram_budget_bytes = 16 * RIG_MIB,
                                  .suspend = scratch_path(*state, "nowhere/world.ram")});
    assert_false(vt_close(v, error, sizeof error));
    assert_non_null(strstr(error, "nowhere/world.ram"));
    assert_null(strchr(error, '\n'));
}

static uint32_t occurrences(const char *text, const char *word)
{
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_trace_has_all_threads_and_lasts_longer_than_a_world(void **state)
{
    vt_trace *t = vt_trace_create(100000);
    vt *v = open_world(state, t);
    rig_settle(v, CAMERA, 2000);
    vt_stats stats;
    vt_get_stats(v, &stats);
    vt_destroy(v);
    vt_destroy(open_world(state, t)); /* on the same rows */
    assert_null(vt_trace_check(t));
    assert_int_equal(vt_trace_dropped(t), 0);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_true(vt_trace_write(t, out));
    assert_int_equal(fclose(out), 0);
    static const char *const ROWS[] = {"conductor", "fetch 1", "disk 16", "decode 1"};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(occurrences(text, ROWS[i]), 1);
    }
    assert_true(occurrences(text, "\"name\":\"insert\"") >= stats.pages.read);
    const uint32_t updates = occurrences(text, "\"name\":\"vt_update\"");
    assert_true(updates > 0);
    static const char *const EACH_FRAME[] = {"\"arrivals\"",     "\"feedback\"", "\"table\"",
                                             "\"mip bias\"",     "\"missing\"",  "\"uploaded\"",
                                             "\"reads pending\""};
    for (size_t i = 0; i < sizeof EACH_FRAME / sizeof EACH_FRAME[0]; i++) {
        assert_int_equal(occurrences(text, EACH_FRAME[i]), updates);
    }
    free(text);
    vt_trace_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_disk_does_not_hold_up_the_end),
        cmocka_unit_test(a_disk_gets_as_fast_as_it_is_while_it_runs),
        cmocka_unit_test(the_map_shows_what_was_read),
        cmocka_unit_test(what_the_system_forgets_is_read_again),
        cmocka_unit_test(what_cannot_be_suspended_is_told_at_the_end),
        cmocka_unit_test(a_trace_has_all_threads_and_lasts_longer_than_a_world),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
