/* stage.c: one round of a case: a world of its own, frames drawn and timed, and beside them what is
 * not timed: audits, plain frames, pictures to compare. */
#include "tools/bench/stream/round.h"

#include "engine/files/regular.h"
#include "tools/base/clock.h"
#include "tools/picture/picture.h"
#include "tools/view/headless/headless_gl.h"
#include "tools/view/headless/measure.h"
#include "tools/view/scene/plain.h"
#include "tools/view/scene/scene.h"
#include "tools/view/scene/target.h"

#include <glad/gl.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SURVEY_EVERY 20 /* frames */

static const double PREFETCH_MS = 300;
static const uint64_t AMPLE_VRAM = UINT64_C(256) << 20, AMPLE_RAM = UINT64_C(256) << 20;
static const double MEGABYTE = 1e6;

/* ---- drawing ---- */

static void draw(show *h, const camera *at, scene_mode mode)
{
    const target *to = mode == SCENE_AUDIT ? &h->stage->verdict : &h->stage->colour;
    scene_draw_into(h->scene, h->world, at, to, mode);
}

static void draw_colour(void *user, const camera *at)
{
    draw(user, at, SCENE_COLOUR);
}

/* ---- worlds ---- */

static vt_desc describe(const stage *s, const stream_case *c)
{
    vt_desc d = {.path = s->options->world,
                 .ram_budget_bytes = AMPLE_RAM,
                 .vram_budget_bytes = AMPLE_VRAM,
                 .screen_width = s->options->width,
                 .screen_height = s->options->height,
                 .format = s->format,
                 .audit = true};
    if (c->pool_percent > 0) {
        d.most_slots = s->need_slots * c->pool_percent / 100;
    }
    if (c->ram_percent > 0) {
        d.ram_budget_bytes = s->first_ram + (s->need_ram - s->first_ram) * c->ram_percent / 100;
    }
    if (c->warm &&
        c->kind !=
            STREAM_OPEN) { /* one view and a little: what has not been looked at for long leaves */
        d.most_slots = s->need_slots * 5 / 4;
    }
    if (c->kind == STREAM_OPEN) { /* as a viewer opens it */
        d.vram_budget_bytes = d.ram_budget_bytes = 0;
        d.format = VT_FORMAT_AUTO;
    }
    if (c->kind == STREAM_TRANSFER) { /* as stored: unpacking for a software renderer is its own */
        d.format = VT_FORMAT_BC1;
    }
    return d;
}

static bool open_scene(show *h)
{
    char error[STREAM_LINE_BYTES];
    stage *s = h->stage;
    h->scene = scene_create(h->world, SCENE_AUTO, error, sizeof error);
    if (h->scene == NULL ||
        (s->plain != 0 && !scene_set_plain(h->scene, s->plain, error, sizeof error))) {
        return stream_fail("%s", error);
    }
    return true;
}

static bool open_show(show *h, stage *s, const stream_case *c)
{
    char error[STREAM_LINE_BYTES];
    const vt_desc d = describe(s, c);
    *h = (show){.stage = s, .what = c, .loop = {.draw = draw_colour, .user = h}};
    h->world = vt_create(&d, error, sizeof error);
    if (h->world == NULL) {
        return stream_fail("%s", error);
    }
    h->began_ms = clock_ms();
    return open_scene(h);
}

bool show_reopen(show *h, const char *suspend, double *ms)
{
    char error[STREAM_LINE_BYTES];
    vt_desc d = describe(h->stage, h->what);
    scene_destroy(h->scene);
    vt_destroy(h->world);
    h->scene = NULL;
    d.suspend = suspend;
    const double from = clock_ms();
    h->world = vt_create(&d, error, sizeof error);
    *ms = clock_ms() - from;
    if (h->world == NULL) {
        return stream_fail("%s", error);
    }
    return open_scene(h);
}

static void close_show(show *h)
{
    scene_destroy(h->scene);
    vt_destroy(h->world);
    free(h->conductor.ms);
    free(h->feedback.ms);
    for (uint32_t i = 0; i < h->pair_count; i++) {
        free(h->pairs[i].pixels);
    }
}

/* ---- frames ---- */

double show_draw_frame(show *h, const camera *at, bool cut)
{
    vt_stats stats;
    const double ms = frame_run(
        &h->loop, &(frame_input){.world = h->world,
                                 .scene = h->scene,
                                 .width = h->stage->colour.width,
                                 .height = h->stage->colour.height,
                                 .at = at,
                                 .cut = cut,
                                 .now_ms = clock_ms() - h->began_ms,
                                 .steps_ahead = PREFETCH_MS * ROUND_FRAMES_A_SECOND / 1000});
    vt_get_stats(h->world, &stats);
    stream_times_add(&h->conductor, stats.update_ms);
    stream_times_add(&h->feedback, stats.feedback_ms);
    return ms;
}

double show_draw_plain(show *h, const camera *at)
{
    const double from = clock_ms();
    draw(h, at, SCENE_PLAIN);
    glFinish();
    return clock_ms() - from;
}

/* The share of textured pixels that are sharp; holes and wrong pages are added up. */
double show_audit(show *h, const camera *at)
{
    stage *s = h->stage;
    draw(h, at, SCENE_AUDIT);
    target_read(&s->verdict, s->verdicts);
    const measure_audit a =
        measure_verdicts(s->verdicts, (size_t)s->verdict.width * s->verdict.height);
    h->holes += a.holes;
    h->wrong += a.wrong;
    return a.textured > 0 ? (double)a.sharp / (double)a.textured : 1;
}

/* Keeps the picture of this camera, to be compared when the round is over. */
void show_keep_picture(show *h, const camera *at)
{
    if (!h->keeps_pictures || h->pair_count == PICTURE_PAIRS) {
        return;
    }
    picture_pair *pair = &h->pairs[h->pair_count];
    pair->pixels = malloc((size_t)h->stage->colour.width * h->stage->colour.height * 4);
    if (pair->pixels == NULL) {
        return;
    }
    draw(h, at, SCENE_COLOUR);
    target_read(&h->stage->colour, pair->pixels);
    pair->at = *at;
    h->pair_count++;
}

bool show_compare_plain(show *h, const camera *at, double *db)
{
    const size_t pixels = (size_t)h->stage->colour.width * h->stage->colour.height;
    uint8_t *ours = malloc(pixels * 4), *plain = malloc(pixels * 4);
    const bool good = ours != NULL && plain != NULL;
    if (good) { /* the verdicts are those of the last audit, of this camera */
        draw(h, at, SCENE_COLOUR);
        target_read(&h->stage->colour, ours);
        draw(h, at, SCENE_PLAIN);
        target_read(&h->stage->colour, plain);
        *db = measure_psnr(ours, plain, h->stage->verdicts, pixels);
    }
    free(ours);
    free(plain);
    return good;
}

/* The picture of a flight's first quarter goes into the report. */
static void write_picture(const show *h)
{
    const stream_options *o = h->stage->options;
    char path[STREAM_LINE_BYTES];
    if (o->report == NULL || h->pair_count == 0 || h->what->kind != STREAM_FLIGHT) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s.png", o->report, h->what->name);
    if (!picture_write_png(path, o->width, o->height, h->pairs[0].pixels)) {
        (void)stream_fail("%s: %s", path, file_text(errno));
    }
}

/* ---- a round ---- */

static void compare_pictures(show *h, const sink *to)
{
    vt_desc desc = describe(h->stage, h->what);
    const double least_db = h->pair_count > 0
                                ? picture_pairs_compare(h->pairs, h->pair_count, h->scene, desc,
                                                        &h->stage->colour, &h->stage->verdict)
                                : -1;
    if (least_db >= 0) {
        round_add(h, to, "psnr_min_db", "dB", least_db);
    }
}

bool stage_run(stage *s, const stream_case *c, uint32_t round, bench_samples *samples,
               stream_result *result)
{
    show h;
    const sink to = {samples, result, round};
    bool opened = open_show(&h, s, c);
    if (opened) {
        h.keeps_pictures = round == 0;
        opened = round_run(&h, &to);
        if (!stage_is_interrupted()) {
            round_add_common(&h, &to);
            write_picture(&h);
            compare_pictures(&h, &to);
        }
    }
    close_show(&h);
    return opened;
}

/* ---- the stage ---- */

/* Flies once with ample memory: what does it want? Now and then a cut is pretended: a survey of the
 * whole picture follows, and what is counted after it is what this one view wants. */
static bool measure_need(stage *s)
{
    show h;
    camera_path path;
    const stream_case *flight = &STREAM_CASES[2];
    stream_case once = *flight;
    once.frames = s->options->frames ? s->options->frames : s->options->quick ? 40 : 600;
    bool good = round_parse(flight, &path) && open_show(&h, s, &once);
    double before = -1;
    for (uint32_t i = 0; i < once.frames && good && !stage_is_interrupted(); i++) {
        bool cut;
        vt_stats stats;
        const double t = (double)i / ROUND_FRAMES_A_SECOND;
        const camera wanted = camera_path_at(&path, before, t, &cut);
        const camera at = scene_keep_above(h.scene, &wanted);
        show_draw_frame(&h, &at, i % SURVEY_EVERY == 0);
        vt_get_stats(h.world, &stats);
        if (i % SURVEY_EVERY == 2 && stats.vram.slots_wanted > s->need_slots) {
            s->need_slots = stats.vram.slots_wanted;
        }
        s->first_ram = i == 0 ? stats.ram.used_bytes : s->first_ram;
        s->need_ram = stats.ram.peak_bytes;
        before = t;
    }
    if (good) {
        close_show(&h);
        camera_path_free(&path);
        (void)fprintf(
            stderr,
            "megabuddy: bench stream: a frame of the flight needs up to %u pages, all of it "
            "%.1f MB of RAM\n",
            s->need_slots, (double)(s->need_ram - s->first_ram) / MEGABYTE);
    }
    return good;
}

/* A world is opened for it once: the streamer says in which format texels are compared. */
static bool load_plain(stage *s)
{
    char error[STREAM_LINE_BYTES];
    const stream_case any = {.name = "plain"};
    const vt_desc d = describe(s, &any);
    vt *world = vt_create(&d, error, sizeof error);
    if (world == NULL) {
        return stream_fail("%s", error);
    }
    s->format = vt_atlas_format(world, 0) == VT_TEXEL_RGBA8 ? VT_FORMAT_RGBA8 : VT_FORMAT_BC1;
    if (plain_fits(world)) {
        s->plain = plain_load(world, error, sizeof error);
        if (s->plain == 0) {
            (void)stream_fail("%s", error);
        }
    } else {
        (void)stream_fail(
            "the world does not fit into one texture: nothing to compare frames with");
    }
    vt_destroy(world);
    return true;
}

stage *stage_open(const stream_options *o)
{
    char error[STREAM_LINE_BYTES];
    if (!headless_gl_open(error, sizeof error)) {
        (void)stream_fail("%s", error);
        return NULL;
    }
    stage *s = calloc(1, sizeof *s);
    const size_t pixels = (size_t)o->width * o->height;
    if (s != NULL) {
        s->options = o;
        s->verdicts = malloc(pixels);
    }
    if (s == NULL || s->verdicts == NULL ||
        !target_init(&s->colour, TARGET_COLOUR, o->width, o->height) ||
        !target_init(&s->verdict, TARGET_VERDICT, o->width, o->height)) {
        (void)stream_fail("no memory for pictures of %ux%u", o->width, o->height);
        stage_close(s);
        return NULL;
    }
    if (!load_plain(s) || !measure_need(s)) {
        stage_close(s);
        return NULL;
    }
    return s;
}

void stage_close(stage *s)
{
    if (s != NULL) {
        glDeleteTextures(1, &s->plain);
        target_finish(&s->colour);
        target_finish(&s->verdict);
        free(s->verdicts);
        free(s);
    }
    headless_gl_close();
}

const char *stage_renderer(void)
{
    return (const char *)glGetString(GL_RENDERER);
}
