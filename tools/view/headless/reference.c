/* reference.c: the same pictures without streaming: the same shaders and the same file, in an
 * atlas that has room for all the frame wants, no bias, no fade, and feedback from every pixel; of
 * pictures too large for that at once, pass by pass. */
#include "tools/view/headless/reference.h"

#include "tools/view/headless/headless.h"

#include "tools/picture/picture.h"
#include "tools/view/headless/heat.h"
#include "tools/view/headless/measure.h"

#include <stdio.h>

enum {
    PASSES_MOST = 300, /* feedback passes until everything is there; a frame needs about ten */
    PASSES_LEAST = 4,  /* an image is analysed some passes after it was drawn */
    CALM_PASSES = 2,   /* in a row that wanted nothing more, when each sees every pixel */
};

vt *reference_open(vt_desc desc, char *error, uint32_t error_bytes)
{
    desc.ram_budget_bytes = UINT64_C(512) << 20;
    desc.vram_budget_bytes = UINT64_C(1) << 30;
    desc.deterministic = true;
    desc.feedback_divisor = 1;
    desc.most_slots = 0;
    desc.suspend = NULL; /* the run's own, not this one's */
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
    const bool all_at_once = vt_get_desc(world)->feedback_divisor == 1;
    const int enough = all_at_once ? CALM_PASSES : VT_SETTLE_IMAGES;
    int calm = 0;
    for (int pass = 0; pass < PASSES_MOST && calm < enough && !view_is_interrupted(); pass++) {
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
    return calm == enough;
}

/* Draws a picture without streaming into run's pixels and verdicts. */
static void draw(run *r, vt *world, const camera *at)
{
    scene_draw_into(r->scene, world, at, &r->colour, SCENE_COLOUR);
    target_read(&r->colour, r->pixels);
    scene_draw_into(r->scene, world, at, &r->verdict, SCENE_AUDIT);
    target_read(&r->verdict, r->verdicts);
}

/* Reads back the picture that was written. False: said why. */
static bool load_shown(const run *r, const char *file, picture *shown)
{
    char path[VIEW_LINE_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", r->options->report, file);
    const char *why;
    if (!picture_load(path, shown, &why)) {
        (void)view_fail("%s: %s", path, why);
        return false;
    }
    if (shown->width != r->colour.width || shown->height != r->colour.height) {
        (void)view_fail("%s: not compared: somebody has replaced it", path);
        picture_free(shown);
        return false;
    }
    return true;
}

/* Draws picture i without streaming into run's pixels and verdicts. False: said why, or the run was
 * interrupted. */
static bool draw_reference(run *r, uint32_t i, double *clock_ms)
{
    const bool complete = reference_fetch(r->scene, r->world, &r->cameras[i], clock_ms);
    if (view_is_interrupted()) {
        return false;
    }
    if (!complete) {
        (void)view_fail("%s: not compared: not all of it fits without streaming",
                        r->report.pictures[i].file);
        return false;
    }
    draw(r, r->world, &r->cameras[i]);
    return true;
}

static void compare_picture(run *r, uint32_t i, double *clock_ms)
{
    report_picture *compared = &r->report.pictures[i];
    picture shown;
    if (draw_reference(r, i, clock_ms) && load_shown(r, compared->file, &shown)) {
        compared->psnr_db =
            measure_psnr(shown.rgba, r->pixels, r->verdicts, (size_t)shown.width * shown.height);
        picture_free(&shown);
    }
}

/* Writes run's pixels as PREFIX + WHAT + ".png" and takes down the name. */
static void write_named(const run *r, uint32_t i, const char *prefix, const char *what,
                        char name[REPORT_NAME_BYTES])
{
    char file[REPORT_NAME_BYTES];
    (void)snprintf(file, sizeof file, "%s%s.png", prefix, what);
    if (run_write_picture(r, file, r->report.pictures[i].frame, &r->cameras[i])) {
        (void)snprintf(name, REPORT_NAME_BYTES, "%s", file);
    }
}

/* Writes picture i without streaming, and how the one that was shown differs. Drawn again: to keep
 * all until it is known which are wanted would take the memory of ten pictures, and what it takes
 * is in the atlas already. */
static void keep_reference(run *r, uint32_t i, const char *prefix, double *clock_ms)
{
    report_picture *kept = &r->report.pictures[i];
    picture shown;
    if (kept->psnr_db < 0 || kept->reference[0] != '\0' || !draw_reference(r, i, clock_ms)) {
        return;
    }
    write_named(r, i, prefix, "reference", kept->reference);
    if (load_shown(r, kept->file, &shown)) {
        kept->amplified = heat_draw(shown.rgba, r->pixels, r->verdicts,
                                    (size_t)shown.width * shown.height, r->pixels);
        write_named(r, i, prefix, "difference", kept->difference);
        picture_free(&shown);
    }
}

/* The final one, the least alike and the median. */
static void keep_references(run *r, double *clock_ms)
{
    report *out = &r->report;
    const uint32_t worst = report_worst_picture(out), median = report_median_picture(out);
    const uint32_t final = out->picture_count - 1;
    out->psnr_min_db = out->pictures[worst].psnr_db;
    out->psnr_median_db = out->pictures[median].psnr_db;
    out->psnr_final_db = out->pictures[final].psnr_db;
    keep_reference(r, final, "", clock_ms);
    keep_reference(r, worst, "worst-", clock_ms);
    keep_reference(r, median, "median-", clock_ms);
}

void reference_compare(run *r)
{
    char error[VIEW_LINE_BYTES];
    vt_desc desc = view_desc(r->options, &r->options->conf);
    /* The scene's programs are for an atlas of this format; with room, another might be chosen. */
    desc.format = vt_atlas_format(r->world, 0) == VT_TEXEL_RGBA8 ? VT_FORMAT_RGBA8 : VT_FORMAT_BC1;
    desc.trace = NULL; /* the timeline is of the run */
    r->lost = !view_close_world(r->world);
    r->world = reference_open(desc, error, sizeof error);
    if (r->world == NULL) {
        (void)view_fail("no comparison with the frame without streaming: %s", error);
        return;
    }
    double clock_ms = 0;
    for (uint32_t i = 0; i < r->report.picture_count; i++) {
        compare_picture(r, i, &clock_ms);
    }
    if (report_worst_picture(&r->report) != REPORT_NO_PICTURE) {
        keep_references(r, &clock_ms);
    }
}
