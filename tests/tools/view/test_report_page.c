/* The page of a headless run: well formed and honest whatever was measured, small however long the
 * run; its pictures of differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vt_shared.h"
#include "tools/picture/picture.h"
#include "tools/view/headless/heat.h"
#include "tools/view/report/report_html.h"

#include "tests/rigs/page_check.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <math.h>

static report nothing(void)
{
    return (report){.world = "/worlds/earth.mega",
                    .path = "",
                    .renderer = "a card",
                    .width = 64,
                    .height = 32,
                    .settled = true,
                    .frame_p50_ms = REPORT_UNKNOWN,
                    .frame_p99_ms = REPORT_UNKNOWN,
                    .frame_p99_9_ms = REPORT_UNKNOWN,
                    .frame_max_ms = REPORT_UNKNOWN,
                    .plain_p50_ms = REPORT_UNKNOWN,
                    .plain_p99_9_ms = REPORT_UNKNOWN,
                    .wanted_share_min = REPORT_UNKNOWN,
                    .wanted_share_mean = REPORT_UNKNOWN,
                    .psnr_min_db = REPORT_UNKNOWN,
                    .psnr_median_db = REPORT_UNKNOWN,
                    .psnr_final_db = REPORT_UNKNOWN};
}

/* A run of so many frames, each of which measured something. */
static report run_of(uint32_t frames, uint64_t *seed)
{
    report r = nothing();
    vt_stats stats = {.ram = {.budget_bytes = 1 << 28}, .vram = {.budget_bytes = 1 << 26}};
    assert_true(series_init(&r.series, frames));
    for (uint32_t i = 0; i < frames; i++) {
        stats.pages.uploaded += seed_below(seed, 90);
        stats.bytes.disk_read += seed_below(seed, 1 << 20);
        stats.mip_bias = (float)seed_below(seed, 3);
        stats.ram.used_bytes = seed_below(seed, 1 << 28);
        stats.vram.used_bytes = seed_below(seed, 1 << 26);
        series_add(&r.series, &stats);
        r.series.values[SERIES_FRAME_MS][i] = seed_below(seed, 40000) / 1000.0;
        r.series.values[SERIES_PLAIN_MS][i] = seed_below(seed, 30000) / 1000.0;
        r.series.values[SERIES_WANTED_SHARE][i] = seed_below(seed, 1001) / 1000.0;
    }
    r.frames = frames;
    r.frame_p50_ms = 20.5;
    r.frame_p99_ms = 40;
    r.wanted_share_min = 0.25;
    r.wanted_share_mean = 0.987;
    r.stats = stats;
    return r;
}

/* The page, checked; the caller's to free. */
static char *page_of(const report *r, const char *dir)
{
    char *page = NULL;
    size_t bytes;
    FILE *out = open_memstream(&page, &bytes);
    report_put_page(out, r, dir);
    assert_int_equal(fclose(out), 0);
    page_check(page);
    assert_non_null(strstr(page, "</html>"));
    return page;
}

static void expect(const report *r, const char *text)
{
    char *page = page_of(r, "/nonexistent");
    if (strstr(page, text) == NULL) {
        fail_msg("the page does not say: %s", text);
    }
    free(page);
}

/* ---- what it says ---- */

static void the_verdict_has_the_figures_that_matter(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    report r = run_of(600, &seed);
    r.stats.bytes.disk_read = 3 << 19;
    expect(&r, "600 frames with <b>no holes</b> and <b>no wrong pages</b>, <b>98.7\u00a0%</b> of");
    expect(&r, "less than <b>20.5\u00a0ms</b>; <b>1.5 MiB</b> were read from disk.</p>");
    r.plain_p50_ms = 16;
    expect(&r, "<b>20.5\u00a0ms</b>, beside <b>16.0\u00a0ms</b> with one plain texture");
    r.holes = 1;
    r.wrong_pages = 12345;
    expect(&r, "<b class=\"bad\">1\u00a0pixel with nothing to show</b>");
    expect(&r, "<b class=\"bad\">12,345\u00a0pixels of a wrong page</b>");
    r.interrupted = true;
    expect(&r, "interrupted</b>");
    series_finish(&r.series);
}

static void cuts_are_told_by_how_long_they_took(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    report r = run_of(600, &seed);
    r.cuts[0] = (report_cut){100, 1, 16.5};
    r.cut_count = 1;
    expect(&r, "sharp again <b>1\u00a0frame</b> after the cut.");
    r.cuts[1] = (report_cut){200, 9, 120};
    r.cuts[2] = (report_cut){300, REPORT_UNKNOWN, REPORT_UNKNOWN};
    r.cut_count = 2;
    expect(&r, "<b>1 to 9\u00a0frames</b> after 2 cuts.");
    r.cut_count = 3;
    expect(&r, "<th scope=\"row\">200</th><td>9 frames</td><td>120\u00a0ms</td>");
    expect(&r, "<th scope=\"row\">300</th><td>–</td><td>–</td>");
    expect(&r, "after 2 cuts, and after 1\u00a0cut not before the next or the end.");
    r.cuts[0] = r.cuts[2];
    r.cut_count = 1;
    expect(&r, "the picture was sharp again after 1\u00a0cut not before");
    series_finish(&r.series);
}

static void a_run_without_frames_has_dashes(void **state)
{
    (void)state;
    const report r = nothing();
    char *page = page_of(&r, "/nonexistent");
    assert_non_null(strstr(page, "No frame was drawn"));
    assert_non_null(strstr(page, "<th scope=\"row\">longest</th><td>–</td>"));
    assert_non_null(strstr(page, "<th scope=\"row\">at the wanted mip, mean</th><td>–</td>"));
    assert_null(strstr(page, "<figure"));
    free(page);
}

static void one_frame_is_a_dash(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    report r = run_of(1, &seed);
    expect(&r, "h4\"/>");
    expect(&r, "1 frame with");
    series_finish(&r.series);
}

static void strange_names_are_text(void **state)
{
    (void)state;
    report r = nothing();
    r.world = "/w/<b>&\"'\xff\x01";
    r.path = "</td><script>";
    r.renderer = "<<&&>>";
    char *page = page_of(&r, "/nonexistent");
    assert_non_null(strstr(page, "&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd</h1>"));
    assert_non_null(strstr(page, "&lt;/td&gt;&lt;script&gt;"));
    free(page);
}

static void a_hundred_thousand_frames_are_a_small_page(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    report r = run_of(100000, &seed);
    for (uint32_t i = 0; i < REPORT_CUTS; i++) {
        r.cuts[r.cut_count++] = (report_cut){1 + i * 390, 7, 100};
    }
    char *page = page_of(&r, "/nonexistent");
    assert_true(strlen(page) < 300 * 1024);
    free(page);
    series_finish(&r.series);
}

/* ---- pictures ---- */

static void pictures_are_carried_small_and_linked_whole(void **state)
{
    uint64_t seed = seed_of_run();
    report r = run_of(3, &seed);
    uint8_t *rgba = calloc(64 * 32, 4);
    static const char *const FILES[] = {"a.png", "ref.png", "diff.png", "final.png"};
    for (int i = 0; i < 4; i++) {
        assert_true(picture_write_png(scratch_path(*state, FILES[i]), 64, 32, rgba));
    }
    free(rgba);
    r.pictures[0] = (report_picture){
        .file = "a.png", .reference = "ref.png", .difference = "diff.png", .amplified = 8};
    r.pictures[0].psnr_db = 31.25;
    r.pictures[1] = (report_picture){.file = "final.png", .frame = 3, .psnr_db = 99};
    r.picture_count = 2;
    char *page = page_of(&r, *state);
    assert_non_null(strstr(page, "Least alike"));
    assert_non_null(strstr(page, "31.2\u00a0dB"));
    assert_non_null(strstr(page, "difference × 8"));
    assert_non_null(strstr(page, "0 … 31 of 255"));
    for (int i = 0; i < 4; i++) {
        char link[96];
        snprintf(link, sizeof link, "<a href=\"%s\"><img src=\"data:image/jpeg;base64,/9j/",
                 FILES[i]);
        assert_non_null(strstr(page, link));
    }
    assert_non_null(strstr(page, "At rest, the last frame"));
    free(page);
    r.pictures[1].frame = 2;
    expect(&r, "The last picture");                     /* interrupted before the end of the path */
    expect(&r, "<a href=\"a.png\"><img src=\"a.png\""); /* where it is not to be found */
    series_finish(&r.series);
}

static void equal_pictures_have_no_difference(void **state)
{
    (void)state;
    static uint8_t a[400], out[400], verdicts[100];
    memset(verdicts, VT_AUDIT_SHARP, sizeof verdicts);
    verdicts[7] = VT_AUDIT_NOTHING;
    assert_int_equal(heat_draw(a, a, verdicts, 100, out), 0);
    uint8_t none[3];
    heat_colour(0, none);
    assert_memory_equal(out, none, 3);
    assert_memory_not_equal(out + 4 * 7, none, 3); /* nothing was compared there */
}

/* The amplification is the largest that keeps nearly all below white. */
static void differences_are_amplified_as_far_as_they_go(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    enum { PIXELS = 500 };
    static uint8_t a[4 * PIXELS], b[4 * PIXELS], out[4 * PIXELS], verdicts[PIXELS];
    memset(verdicts, VT_AUDIT_SHARP, sizeof verdicts);
    for (int round = 0; round < 60; round++) {
        const uint32_t most = 1 + seed_below(&seed, 255);
        for (uint32_t i = 0; i < 4 * PIXELS; i++) {
            a[i] = (uint8_t)seed_below(&seed, 256 - most);
            b[i] = (uint8_t)(a[i] + (i % 4 < 3 ? seed_below(&seed, most) : 9));
        }
        b[0] = (uint8_t)(a[0] + most);
        const uint32_t amplified = heat_draw(a, b, verdicts, PIXELS, out);
        assert_true(amplified >= 1 && most * amplified <= 255);
        assert_true(amplified == HEAT_AMPLIFIED_MOST || most * amplified * 2 > 255);
        uint8_t hottest[3];
        heat_colour((uint8_t)(most * amplified), hottest);
        assert_memory_equal(out, hottest, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_has_the_figures_that_matter),
        cmocka_unit_test(cuts_are_told_by_how_long_they_took),
        cmocka_unit_test(a_run_without_frames_has_dashes),
        cmocka_unit_test(one_frame_is_a_dash),
        cmocka_unit_test(strange_names_are_text),
        cmocka_unit_test(a_hundred_thousand_frames_are_a_small_page),
        cmocka_unit_test(pictures_are_carried_small_and_linked_whole),
        cmocka_unit_test(equal_pictures_have_no_difference),
        cmocka_unit_test(differences_are_amplified_as_far_as_they_go),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
