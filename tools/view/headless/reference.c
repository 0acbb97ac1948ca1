/* reference.c: the same pictures without streaming: the same shaders and the same file, in an
 * atlas that has room for all the frame wants, no bias, no fade, and feedback from every pixel. */
#include "tools/view/headless/reference.h"

#include "tools/view/headless/headless.h"

#include "tools/picture.h"
#include "tools/view/headless/measure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    PASSES_MOST = 300, /* feedback passes until everything is there; a frame needs about ten */
    PASSES_LEAST = 4,  /* an image is analysed some passes after it was drawn */
    CALM_PASSES = 2,   /* in a row that wanted nothing more */
};

vt *reference_open(vt_desc desc, char *error, uint32_t error_bytes)
{
    desc.ram_budget_bytes = UINT64_C(512) << 20;
    desc.vram_budget_bytes = UINT64_C(1) << 30;
    desc.deterministic = true;
    desc.feedback_divisor = 1;
    desc.most_slots = 0;
    vt *world = vt_create(&desc, error, error_bytes);
    if (world != NULL) {
        const vt_settings all_at_once = {
            .upload_ms = 1e6f, .upload_bytes = UINT64_MAX, .fade_ms = 0, .bias_max = 0};
        vt_set_settings(world, &all_at_once);
    }
    return world;
}

bool reference_fetch(scene *s, vt *world, const camera *at, double *clock_ms)
{
    scene_frame frame = {.at = at};
    vt_feedback_size(world, &frame.width,
                     &frame.height); /* no survey: each pass sees every pixel */
    int calm = 0;
    for (int pass = 0; pass < PASSES_MOST && calm < CALM_PASSES && !view_is_interrupted(); pass++) {
        if (vt_feedback_begin(world, VT_FEEDBACK_NOW)) {
            scene_draw(s, world, &frame, SCENE_FEEDBACK);
            vt_feedback_end(world);
        }
        *clock_ms += 1000.0 / 60;
        vt_update(world, &(vt_clock){.now_ms = *clock_ms, .cut = pass == 0});
        vt_stats stats;
        vt_get_stats(world, &stats);
        const bool waits = stats.missing > 0 || stats.fading > 0 || pass < PASSES_LEAST;
        calm = waits ? 0 : calm + 1;
    }
    return calm == CALM_PASSES;
}

/* Draws a picture without streaming into run's pixels and verdicts. */
static void draw(run *r, vt *world, const camera *at)
{
    const scene_frame frame = {.at = at, .width = r->colour.width, .height = r->colour.height};
    target_begin(&r->colour);
    scene_draw(r->scene, world, &frame, SCENE_COLOUR);
    target_read(&r->colour, r->pixels);
    target_begin(&r->verdict);
    scene_draw(r->scene, world, &frame, SCENE_AUDIT);
    target_read(&r->verdict, r->verdicts);
}

/* How alike the picture that was written and run's pixels are; REPORT_UNKNOWN when it can't be read
 * back. */
static double compare(const run *r, const char *file)
{
    char path[VIEW_LINE_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", r->options->report, file);
    picture shown;
    const char *why;
    if (!picture_load(path, &shown, &why)) {
        (void)view_fail("%s: %s", path, why);
        return REPORT_UNKNOWN;
    }
    double psnr = REPORT_UNKNOWN;
    if (shown.width == r->colour.width && shown.height == r->colour.height) {
        psnr = measure_psnr(shown.rgba, r->pixels, r->verdicts, (size_t)shown.width * shown.height);
    }
    picture_free(&shown);
    return psnr;
}

static void save(run *r, report_picture *to, const char *file)
{
    char path[VIEW_LINE_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", r->options->report, file);
    if (!picture_write_png(path, r->colour.width, r->colour.height, r->pixels)) {
        (void)view_fail("%s: %s", path, strerror(errno));
        return;
    }
    (void)snprintf(to->reference, sizeof to->reference, "%s", file);
}

/* Compares picture i; keeps the reference of the last one, and of the most different so far. */
static void compare_picture(run *r, vt *world, uint32_t i, double *clock_ms)
{
    report *out = &r->report;
    report_picture *compared = &out->pictures[i];
    const bool complete = reference_fetch(r->scene, world, &r->cameras[i], clock_ms);
    if (view_is_interrupted()) {
        return;
    }
    if (!complete) {
        (void)view_fail("%s: not compared: not all of it fits without streaming", compared->file);
        return;
    }
    draw(r, world, &r->cameras[i]);
    compared->psnr_db = compare(r, compared->file);
    if (compared->psnr_db < 0) {
        return;
    }
    const bool final = i + 1 == out->picture_count;
    const bool worst = out->psnr_min_db < 0 || compared->psnr_db < out->psnr_min_db;
    if (worst) {
        out->psnr_min_db = compared->psnr_db;
    }
    if (worst && !final) { /* one file: the one before is no longer the most different */
        for (uint32_t k = 0; k < i; k++) {
            out->pictures[k].reference[0] = '\0';
        }
        save(r, compared, "most-different-reference.png");
    }
    if (final) {
        out->psnr_final_db = compared->psnr_db;
        save(r, compared, "reference.png");
    }
}

static void take_median(report *out)
{
    double known[REPORT_PICTURES];
    size_t count = 0;
    for (uint32_t i = 0; i < out->picture_count; i++) {
        if (out->pictures[i].psnr_db >= 0) {
            known[count++] = out->pictures[i].psnr_db;
        }
    }
    if (count > 0) {
        out->psnr_median_db = measure_percentile(known, count, 0.5);
    }
}

void reference_compare(run *r)
{
    char error[VIEW_LINE_BYTES];
    vt_desc desc = view_desc(r->options, &r->options->conf);
    /* The scene's programs are for an atlas of this format; with room, another might be chosen. */
    desc.format = vt_texel_format(r->world, 0) == TEXEL_RGBA8 ? VT_FORMAT_RGBA8 : VT_FORMAT_BC1;
    desc.trace = NULL; /* the timeline is of the run */
    vt_destroy(r->world);
    r->world = reference_open(desc, error, sizeof error);
    if (r->world == NULL) {
        (void)view_fail("no comparison with the frame without streaming: %s", error);
        return;
    }
    double clock_ms = 0;
    for (uint32_t i = 0; i < r->report.picture_count; i++) {
        compare_picture(r, r->world, i, &clock_ms);
    }
    take_median(&r->report);
}
