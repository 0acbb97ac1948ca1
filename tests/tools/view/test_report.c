/* What a headless run measures, and the two files it writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vt_shared.h"
#include "tools/view/headless/measure.h"
#include "tools/view/report/report.h"

#include "tests/rigs/scratch.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <math.h>

/* ---- measuring ---- */

static void a_percentile_is_one_of_the_values(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_true(measure_percentile(values, 5, 0.5) == 3);
    assert_true(measure_percentile(values, 5, 0.99) == 5);
    assert_true(measure_percentile(values, 5, 0) == 1);
    assert_true(measure_percentile(values, 5, 1) == 5);
    double thousand[1000];
    for (int i = 0; i < 1000; i++) {
        thousand[i] = 1000 - i;
    }
    assert_true(measure_percentile(thousand, 1000, 0.5) == 500);
    assert_true(measure_percentile(thousand, 1000, 0.99) == 990);
    assert_true(measure_percentile(thousand, 1000, 0.999) == 999);
}

static void verdicts_are_counted_by_kind(void **state)
{
    (void)state;
    const uint8_t verdicts[] = {VT_AUDIT_NOTHING, VT_AUDIT_SHARP, VT_AUDIT_SHARP, VT_AUDIT_COARSER,
                                VT_AUDIT_HOLE,    VT_AUDIT_WRONG, VT_AUDIT_SHARP};
    const measure_audit a = measure_verdicts(verdicts, sizeof verdicts);
    assert_int_equal(a.textured, 6);
    assert_int_equal(a.sharp, 3);
    assert_int_equal(a.coarser, 1);
    assert_int_equal(a.holes, 1);
    assert_int_equal(a.wrong, 1);
}

static void likeness_looks_at_textured_pixels_only(void **state)
{
    (void)state;
    const uint8_t a[] = {10, 20, 30, 255, 40, 50, 60, 255};
    const uint8_t b[] = {10, 20, 31, 0, 200, 0, 0, 0};
    const uint8_t first[] = {VT_AUDIT_SHARP, VT_AUDIT_NOTHING};
    const uint8_t none[] = {VT_AUDIT_NOTHING, VT_AUDIT_NOTHING};
    const double one_off = 10 * log10(255.0 * 255.0 * 3); /* a third of the samples is off by 1 */
    assert_true(fabs(measure_psnr(a, b, first, 2) - one_off) < 1e-9);
    assert_true(measure_psnr(a, a, first, 2) == MEASURE_PSNR_CAP);
    assert_true(measure_psnr(a, b, none, 2) == MEASURE_PSNR_CAP);
}

/* ---- writing ---- */

static report example(void)
{
    report r = {.world = "a<b>&\".mega",
                .path = "",
                .renderer = "a card",
                .width = 64,
                .height = 32,
                .frames = 600,
                .settled = true,
                .frame_p50_ms = 1.5,
                .plain_p50_ms = 1.25,
                .plain_p99_9_ms = REPORT_UNKNOWN,
                .frame_p99_ms = 2.5,
                .frame_p99_9_ms = 3.5,
                .frame_max_ms = 4.5,
                .wanted_share_min = 0.25,
                .wanted_share_mean = 0.75,
                .psnr_min_db = REPORT_UNKNOWN,
                .psnr_median_db = REPORT_UNKNOWN,
                .psnr_final_db = REPORT_UNKNOWN};
    r.cuts[0] = (report_cut){100, 7, 116.5};
    r.cuts[1] = (report_cut){200, REPORT_UNKNOWN, REPORT_UNKNOWN};
    r.cut_count = 2;
    r.pictures[0] = (report_picture){.file = "final.png", .frame = 600, .psnr_db = 61};
    r.picture_count = 1;
    r.stats.ram.budget_bytes = 1 << 20;
    return r;
}

static char *read_file(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Finds "a.b" and says whether it is there. */
static const cJSON *find(const cJSON *json, const char *name)
{
    char first[64];
    const char *dot = strchr(name, '.');
    snprintf(first, sizeof first, "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, first);
    return dot && item ? cJSON_GetObjectItemCaseSensitive(item, dot + 1) : item;
}

static void the_json_has_every_promised_key_and_null_for_the_unknown(void **state)
{
    static const char *const keys[] = {
        "frames",
        "frame_ms.p50",
        "frame_ms.p99",
        "frame_ms.p99_9",
        "frame_ms.max",
        "plain_frame_ms.p50",
        "plain_frame_ms.p99_9",
        "holes",
        "wrong_pages",
        "wanted_mip_share.min",
        "wanted_mip_share.mean",
        "psnr_db.min",
        "psnr_db.median",
        "sharp_after_frames",
        "sharp_after_ms",
        "pages.read",
        "pages.decoded",
        "pages.uploaded",
        "pages.evicted",
        "pages.cancelled",
        "pages.corrupt",
        "pages.failed",
        "bytes.disk_read",
        "bytes.uploaded",
        "ram.budget",
        "ram.peak",
        "ram.fragmentation",
        "vram.budget",
        "vram.peak",
        "vram.fragmentation",
        "mip_bias.max",
        "gl_messages",
        "renderer",
        "series.frame_ms",
        "series.wanted_share",
        "series.uploaded",
        "series.read_bytes",
        "series.mip_bias",
    };
    const report r = example();
    const char *file;
    assert_true(report_write(&r, *state, &file));
    cJSON *json = cJSON_Parse(read_file(scratch_path(*state, "report.json")));
    assert_non_null(json);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (find(json, keys[i]) == NULL) {
            fail_msg("no key %s", keys[i]);
        }
    }
    assert_true(find(json, "plain_frame_ms.p50")->valuedouble == 1.25);
    assert_true(cJSON_IsNull(find(json, "plain_frame_ms.p99_9")));
    assert_true(cJSON_IsNull(find(json, "psnr_db.min")));
    assert_true(find(json, "frame_ms.p99")->valuedouble == 2.5);
    assert_true(find(json, "holes")->valuedouble == 0);
    const cJSON *sharp = find(json, "sharp_after_frames");
    assert_int_equal(cJSON_GetArraySize(sharp), 2);
    assert_true(cJSON_GetArrayItem(sharp, 0)->valuedouble == 7);
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(sharp, 1)));
    cJSON_Delete(json);
}

static void names_that_are_no_utf8_make_no_bad_json(void **state)
{
    report r = example();
    const char *file;
    r.world = "odd\xff\033[2J\n.mega";
    assert_true(report_write(&r, *state, &file));
    cJSON *json = cJSON_Parse(read_file(scratch_path(*state, "report.json")));
    assert_non_null(json);
    assert_string_equal(find(json, "world")->valuestring,
                        "odd\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd.mega");
    cJSON_Delete(json);
}

static void the_series_are_in_the_order_of_frames_and_count_from_the_path_on(void **state)
{
    report r = example();
    vt_stats stats = {.pages = {.uploaded = 10}, .bytes = {.disk_read = 1000}};
    assert_true(series_init(&r.series, 4));
    series_begin(&r.series, &stats);
    for (uint32_t i = 0; i < 3; i++) {
        stats.pages.uploaded += i;
        stats.bytes.disk_read += 100;
        series_add(&r.series, &stats);
        r.series.values[SERIES_FRAME_MS][i] = 3 - i;
    }
    const char *file;
    assert_true(report_write(&r, *state, &file));
    cJSON *json = cJSON_Parse(read_file(scratch_path(*state, "report.json")));
    const cJSON *ms = find(json, "series.frame_ms"), *uploaded = find(json, "series.uploaded");
    assert_int_equal(cJSON_GetArraySize(ms), 3);
    for (int i = 0; i < 3; i++) {
        assert_true(cJSON_GetArrayItem(ms, i)->valuedouble == 3 - i);
        assert_true(cJSON_GetArrayItem(uploaded, i)->valuedouble == i);
        assert_true(cJSON_GetArrayItem(find(json, "series.read_bytes"), i)->valuedouble == 100);
        assert_true(cJSON_IsNull(cJSON_GetArrayItem(find(json, "series.plain_frame_ms"), i)));
    }
    assert_false(series_knows(&r.series, SERIES_PLAIN_MS));
    cJSON_Delete(json);
    series_finish(&r.series);
}

static void worst_and_median_are_among_the_compared(void **state)
{
    (void)state;
    report r = example();
    r.pictures[0].psnr_db = REPORT_UNKNOWN;
    assert_true(report_worst_picture(&r) == REPORT_NO_PICTURE);
    assert_true(report_median_picture(&r) == REPORT_NO_PICTURE);
    static const double PSNR[] = {40, REPORT_UNKNOWN, 20, 99, 20};
    for (uint32_t i = 0; i < 5; i++) {
        r.pictures[i].psnr_db = PSNR[i];
    }
    r.picture_count = 5;
    assert_int_equal(report_worst_picture(&r), 2);
    assert_int_equal(report_median_picture(&r), 4); /* 20 20 40 99 */
    r.picture_count = 4;
    assert_int_equal(report_median_picture(&r), 0); /* 20 40 99 */
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    const report r = example();
    const char *file = NULL;
    assert_false(report_write(&r, "/nonexistent/folder", &file));
    assert_int_equal(errno, ENOENT);
    assert_string_equal(file, "report.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentile_is_one_of_the_values),
        cmocka_unit_test(verdicts_are_counted_by_kind),
        cmocka_unit_test(likeness_looks_at_textured_pixels_only),
        cmocka_unit_test(the_json_has_every_promised_key_and_null_for_the_unknown),
        cmocka_unit_test(names_that_are_no_utf8_make_no_bad_json),
        cmocka_unit_test(the_series_are_in_the_order_of_frames_and_count_from_the_path_on),
        cmocka_unit_test(worst_and_median_are_among_the_compared),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
