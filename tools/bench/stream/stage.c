/* stage.c: one round of a case: a world of its own, frames drawn and timed, and beside them what is
 * not timed: audits, plain frames, pictures to compare. */
#include "tools/bench/stream/stream.h"

#include "tools/bench/stream/picture_pair.h"
#include "tools/picture.h"
#include "tools/view/headless_gl.h"
#include "tools/view/measure.h"
#include "tools/view/plain.h"
#include "tools/view/scene.h"
#include "tools/view/target.h"

#include <glad/gl.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FRAMES_A_SECOND = 60,
    AUDIT_EVERY = 16,                     /* frames */
    PREDICT_EVERY = 4,                    /* frames */
    SETTLE_LEAST = VT_SETTLE_IMAGES + 10, /* frames of rest: images come a frame or two late */
    SETTLE_MOST = 900,
    REST_FRAMES = 120, /* of which none may bring an upload */
    QUICK_REST_FRAMES = 24,
    VISIT_MOST = 30,   /* frames */
    SURVEY_EVERY = 20, /* frames */
    SHARP_MOST = 120,  /* frames after a cut, at most */
    TRANSFER_MOST = 2000,
};

static const double PREFETCH_MS = 300;
static const uint64_t AMPLE_VRAM = UINT64_C(256) << 20, AMPLE_RAM = UINT64_C(256) << 20;
static const double MEGABYTE = 1e6;

struct stage {
    const stream_options *options;
    target colour, verdict;
    uint8_t *verdicts;
    vt_format format;    /* of the atlas in all cases: small ones must not choose another */
    uint32_t plain;      /* texture; 0: none */
    uint32_t need_slots; /* pages that one frame of the flight wants at most */
    uint64_t need_ram, first_ram; /* bytes held after the flight, and before it */
};

/* A round under way. */
typedef struct show {
    stage *stage;
    const stream_case *what;
    vt *world;
    scene *scene;
    camera last;
    uint32_t frame;
    double began_ms;
    uint64_t holes, wrong;
    stream_times conductor, feedback; /* ms a frame */
    picture_pair pairs[PICTURE_PAIRS];
    uint32_t pair_count;
    bool keeps_pictures; /* of this round */
} show;

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* --- worlds --- */

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
    if (c->warm) { /* one view and a little: what has not been looked at for long leaves */
        d.most_slots = s->need_slots * 5 / 4;
    }
    if (c->kind == STREAM_TRANSFER) { /* as stored: unpacking for a software renderer is its own */
        d.format = VT_FORMAT_BC1;
    }
    return d;
}

static bool open_show(show *h, stage *s, const stream_case *c)
{
    char error[STREAM_LINE_BYTES];
    const vt_desc d = describe(s, c);
    *h = (show){.stage = s, .what = c};
    h->world = vt_create(&d, error, sizeof error);
    if (h->world == NULL) {
        return stream_fail("%s", error);
    }
    h->scene = scene_create(h->world, SCENE_AUTO, error, sizeof error);
    if (h->scene == NULL ||
        (s->plain != 0 && !scene_set_plain(h->scene, s->plain, error, sizeof error))) {
        return stream_fail("%s", error);
    }
    h->began_ms = now_ms();
    return true;
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

/* --- frames --- */

static void draw(show *h, const camera *at, scene_mode mode)
{
    target *to = mode == SCENE_AUDIT ? &h->stage->verdict : &h->stage->colour;
    const scene_frame frame = {.at = at, .width = to->width, .height = to->height};
    target_begin(to);
    scene_draw(h->scene, h->world, &frame, mode);
}

static void draw_feedback(show *h, const camera *at, vt_feedback_kind kind)
{
    scene_feedback(h->scene, h->world, at, h->stage->colour.width, h->stage->colour.height, kind);
}

static void predict(show *h, const camera *at)
{
    const camera ahead = camera_ahead(&h->last, at, PREFETCH_MS * FRAMES_A_SECOND / 1000);
    const camera kept = scene_keep_above(h->scene, &ahead);
    draw_feedback(h, &kept, VT_FEEDBACK_PREDICTED);
}

/* A whole frame; returns its milliseconds. */
static double draw_frame(show *h, const camera *at, bool cut)
{
    vt_stats stats;
    const double from = now_ms();
    vt_update(h->world, &(vt_clock){.now_ms = from - h->began_ms, .cut = cut});
    draw_feedback(h, at, VT_FEEDBACK_NOW);
    if (h->frame % PREDICT_EVERY == 0 && h->frame > 0 && !cut) {
        predict(h, at);
    }
    draw(h, at, SCENE_COLOUR);
    glFinish();
    const double ms = now_ms() - from;
    vt_get_stats(h->world, &stats);
    stream_times_add(&h->conductor, stats.update_ms);
    stream_times_add(&h->feedback, stats.feedback_ms);
    h->last = *at;
    h->frame++;
    return ms;
}

static double draw_plain(show *h, const camera *at)
{
    const double from = now_ms();
    draw(h, at, SCENE_PLAIN);
    glFinish();
    return now_ms() - from;
}

/* The share of textured pixels that are sharp; holes and wrong pages are added up. */
static double audit(show *h, const camera *at)
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
static void keep_picture(show *h, const camera *at)
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

/* The picture of a flight's middle goes into the report. */
static void write_picture(const show *h)
{
    const stream_options *o = h->stage->options;
    char path[STREAM_LINE_BYTES];
    if (o->report == NULL || h->pair_count == 0 || h->what->kind != STREAM_FLIGHT) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s.png", o->report, h->what->name);
    if (!picture_write_png(path, o->width, o->height, h->pairs[0].pixels)) {
        (void)stream_fail("%s: %s", path, strerror(errno));
    }
}

/* --- the kinds of case --- */

typedef struct sink {
    bench_samples *samples;
    stream_result *result;
    uint32_t round;
} sink;

/* Adds a figure of this round. */
static void add(const show *h, const sink *to, const char *subject, const char *metric,
                const char *unit, double value)
{
    bench_row key = {.bench = "stream", .threads = vt_get_desc(h->world)->decode_workers};
    (void)snprintf(key.name, sizeof key.name, "%s", h->what->name);
    (void)snprintf(key.subject, sizeof key.subject, "%s", subject);
    (void)snprintf(key.metric, sizeof key.metric, "%s", metric);
    (void)snprintf(key.unit, sizeof key.unit, "%s", unit);
    (void)bench_samples_add(to->samples, &key, value);
}

static void add_own(const show *h, const sink *to, const char *metric, const char *unit,
                    double value)
{
    add(h, to, "megabuddy", metric, unit, value);
}

static double median_of(stream_times *t)
{
    return t->count > 0 ? measure_percentile(t->ms, t->count, 0.5) : 0;
}

/* What every case says at its end. */
static void add_common(show *h, const sink *to)
{
    vt_stats stats;
    vt_get_stats(h->world, &stats);
    add_own(h, to, "uploads", "pages", (double)stats.pages.uploaded);
    add_own(h, to, "conductor_ms", "ms", median_of(&h->conductor));
    add_own(h, to, "conductor_longest_ms", "ms", stats.update_longest_ms);
    add_own(h, to, "feedback_ms", "ms", median_of(&h->feedback));
    add_own(h, to, "mip_bias_peak", "mips", (double)stats.mip_bias_peak);
    add_own(h, to, "slots", "pages", stats.vram.slots);
    add_own(h, to, "holes", "pixels", (double)h->holes);
    add_own(h, to, "wrong_pages", "pixels", (double)h->wrong);
}

static bool parse(const stream_case *c, camera_path *path)
{
    char error[STREAM_LINE_BYTES];
    return camera_path_parse(path, c->name, c->path, error, sizeof error) ||
           stream_fail("%s", error);
}

static uint32_t frames_of(const stage *s, const stream_case *c)
{
    const uint32_t own = s->options->quick && c->quick_frames ? c->quick_frames : c->frames;
    return s->options->frames && c->kind != STREAM_TELEPORT && c->kind != STREAM_TRANSFER
               ? s->options->frames
               : own;
}

/* Rests until all has arrived. Returns the frames it took. */
static uint32_t settle(show *h, const camera *at)
{
    uint32_t frames = 0;
    while (frames < SETTLE_MOST && (frames < SETTLE_LEAST || !vt_is_settled(h->world)) &&
           !stage_is_interrupted()) {
        draw_frame(h, at, false);
        frames++;
    }
    return frames;
}

static void time_pair(show *h, const camera *at, bool cut, const sink *to)
{
    const bool plain = h->what->beside_plain && h->stage->plain != 0;
    double plain_ms = 0;
    if (plain && h->frame % 2 == 1) { /* every other time first: neither gains from the other */
        plain_ms = draw_plain(h, at);
    }
    const bool plain_last = plain && h->frame % 2 == 0;
    const double ms = draw_frame(h, at, cut);
    if (plain_last) {
        plain_ms = draw_plain(h, at);
    }
    stream_times_add(&to->result->frames, ms);
    if (plain) {
        stream_times_add(&to->result->plain, plain_ms);
    }
    if (to->round == 0) {
        stream_times_add(&to->result->trace.frame, ms);
        stream_times_add(&to->result->trace.plain, plain ? plain_ms : -1);
    }
}

static void fly(show *h, const camera_path *path, uint32_t frames, const sink *to)
{
    const uint32_t first = to->result->frames.count, first_plain = to->result->plain.count;
    double before = -1, sharp = 0;
    uint32_t audits = 0;
    for (uint32_t i = 0; i < frames && !stage_is_interrupted(); i++) {
        bool cut;
        const double t = (double)i / FRAMES_A_SECOND;
        const camera wanted = camera_path_at(path, before, t, &cut);
        const camera at = scene_keep_above(h->scene, &wanted);
        time_pair(h, &at, cut, to);
        if (i % AUDIT_EVERY == AUDIT_EVERY - 1) {
            sharp += audit(h, &at);
            audits++;
        }
        if (i == frames / 2) {
            keep_picture(h, &at);
        }
        before = t;
    }
    const stream_times *all = &to->result->frames, *plain = &to->result->plain;
    add_own(h, to, "frame_p50", "ms", stream_percentile(all->ms + first, all->count - first, 0.5));
    if (plain->count > first_plain) {
        add(h, to, "plain", "frame_p50", "ms",
            stream_percentile(plain->ms + first_plain, plain->count - first_plain, 0.5));
    }
    if (audits > 0) {
        add_own(h, to, "wanted_mip_percent", "%", 100 * sharp / audits);
    }
}

/* What comes up while nothing moves. */
static void rest(show *h, const camera *at, const sink *to)
{
    vt_stats before, after;
    add_own(h, to, "settle_frames", "frames", settle(h, at));
    vt_get_stats(h->world, &before);
    const uint32_t frames = h->stage->options->quick ? QUICK_REST_FRAMES : REST_FRAMES;
    for (uint32_t i = 0; i < frames && !stage_is_interrupted(); i++) {
        draw_frame(h, at, false);
    }
    vt_get_stats(h->world, &after);
    audit(h, at);
    keep_picture(h, at);
    add_own(h, to, "uploads_after_settling", "pages",
            (double)(after.pages.uploaded - before.pages.uploaded));
}

static void run_flight(show *h, const camera_path *path, const sink *to)
{
    const uint32_t frames = frames_of(h->stage, h->what);
    bool cut;
    if (h->what->kind == STREAM_STILL) {
        const camera wanted = camera_path_at(path, 0, 0, &cut);
        const camera at = scene_keep_above(h->scene, &wanted);
        draw_frame(h, &at, true);
        settle(h, &at);
    }
    fly(h, path, frames, to);
    const double end = (double)frames / FRAMES_A_SECOND;
    const camera wanted = camera_path_at(path, end, end, &cut);
    const camera at = scene_keep_above(h->scene, &wanted);
    rest(h, &at, to);
}

static camera place_of(const show *h, const camera_path *path, uint32_t i)
{
    return scene_keep_above(h->scene, &path->keys[i % path->count].at);
}

/* Sleeps for what is left of a frame at 60 Hz. */
static void pace(double frame_ms)
{
    const double left = 1000.0 / FRAMES_A_SECOND - frame_ms;
    if (left > 0) {
        const struct timespec wait = {.tv_nsec = (long)(left * 1e6)};
        (void)nanosleep(&wait, NULL);
    }
}

/* Jumps to a place, and counts until every textured pixel is sharp. */
static void jump(show *h, const camera *at, uint32_t place, const sink *to)
{
    double ms = 0, conductor = 0;
    for (uint32_t frame = 0; frame < SHARP_MOST && !stage_is_interrupted(); frame++) {
        vt_stats stats;
        const double frame_ms = draw_frame(h, at, frame == 0);
        pace(frame_ms);
        vt_get_stats(h->world, &stats);
        ms += fmax(frame_ms, 1000.0 / FRAMES_A_SECOND);
        conductor += stats.update_ms;
        const double sharp = audit(h, at);
        if (to->round == 0 && frame < 12) {
            to->result->trace.sharp[place][frame] = sharp;
        }
        if (sharp >= 1) {
            add_own(h, to, "sharp_after_frames", "frames", frame);
            add_own(h, to, "sharp_after_ms", "ms", ms - frame_ms);
            add_own(h, to, "conductor_until_sharp_ms", "ms", conductor);
            return;
        }
    }
    add_own(h, to, "never_sharp", "jumps", 1);
}

/* Looks at a place until its pages are there, so that RAM holds them. */
static void visit(show *h, const camera *at)
{
    vt_stats stats;
    uint32_t frames = 0;
    do {
        draw_frame(h, at, frames == 0);
        vt_get_stats(h->world, &stats);
        frames++;
    } while (frames < VISIT_MOST && (frames < 4 || stats.missing > 0) && !stage_is_interrupted());
}

static void run_teleports(show *h, const camera_path *path, const sink *to)
{
    const uint32_t places = frames_of(h->stage, h->what);
    for (uint32_t i = 0; i < places && h->what->warm && !stage_is_interrupted(); i++) {
        const camera at = place_of(h, path, i);
        visit(h, &at);
    }
    for (uint32_t i = 0; i < places && !stage_is_interrupted(); i++) {
        const camera at = place_of(h, path, i);
        jump(h, &at, i, to);
        if (i == 2) {
            keep_picture(h, &at);
        }
    }
}

/* Asks for a view and waits for its pages, without drawing it. Returns the pages that came, and the
 * milliseconds from asking to the last of them. */
static uint64_t transfer(show *h, const camera *at, double *ms)
{
    vt_stats stats;
    draw_frame(h, at, true); /* with a survey of the view */
    glFinish();
    vt_get_stats(h->world, &stats);
    const uint64_t before = stats.pages.uploaded;
    const double from = now_ms();
    double last = from;
    uint64_t seen = before;
    for (int i = 0; i < TRANSFER_MOST; i++) {
        vt_update(h->world, &(vt_clock){.now_ms = now_ms() - h->began_ms});
        vt_get_stats(h->world, &stats);
        last = stats.pages.uploaded > seen ? now_ms() : last;
        seen = stats.pages.uploaded;
        const bool idle = stats.fetch_pending == 0 && stats.decode_pending == 0;
        if (idle && i > 0 && now_ms() - last > 5) {
            break; /* nothing has come for long, and nobody works */
        }
    }
    glFinish();
    *ms = last - from;
    return seen - before;
}

static void run_transfers(show *h, const camera_path *path, const sink *to)
{
    const uint32_t places = frames_of(h->stage, h->what);
    vt_settings all_at_once;
    vt_get_settings(h->world, &all_at_once);
    all_at_once.upload_ms = 1e6f;
    all_at_once.upload_bytes = UINT64_MAX;
    all_at_once.fade_ms = 0;
    vt_set_settings(h->world, &all_at_once);
    for (uint32_t i = 0; i < places && h->what->warm && !stage_is_interrupted(); i++) {
        const camera at = place_of(h, path, i);
        visit(h, &at);
    }
    for (uint32_t i = 0; i < places && !stage_is_interrupted(); i++) {
        double ms;
        const camera at = place_of(h, path, i);
        const uint64_t pages = transfer(h, &at, &ms);
        if (pages >= 16 && ms > 0) { /* else the view was there already */
            add_own(h, to, "pages", "pages", (double)pages);
            add_own(h, to, "streaming_ms", "ms", ms);
            add_own(h, to, "pages_per_s", "pages/s", (double)pages / ms * 1000);
        }
    }
}

/* --- a round --- */

static void compare_pictures(show *h, const sink *to)
{
    vt_desc desc = describe(h->stage, h->what);
    double least;
    if (h->pair_count > 0 && picture_pairs_compare(h->pairs, h->pair_count, h->scene, desc,
                                                   &h->stage->colour, &h->stage->verdict, &least)) {
        add_own(h, to, "psnr_min_db", "dB", least);
    }
}

bool stage_run(stage *s, const stream_case *c, uint32_t round, bench_samples *samples,
               stream_result *result)
{
    show h;
    camera_path path;
    const sink to = {samples, result, round};
    if (!parse(c, &path)) {
        return false;
    }
    const bool opened = open_show(&h, s, c);
    if (opened) {
        h.keeps_pictures = round == 0;
        switch (c->kind) {
        case STREAM_TELEPORT:
            run_teleports(&h, &path, &to);
            break;
        case STREAM_TRANSFER:
            run_transfers(&h, &path, &to);
            break;
        default:
            run_flight(&h, &path, &to);
            break;
        }
        if (!stage_is_interrupted()) {
            add_common(&h, &to);
            write_picture(&h);
            compare_pictures(&h, &to);
        }
    }
    close_show(&h);
    camera_path_free(&path);
    return opened;
}

/* --- the stage --- */

/* Flies once with ample memory: what does it want? Now and then a cut is pretended: a survey of the
 * whole picture follows, and what is counted after it is what this one view wants. */
static bool measure_need(stage *s)
{
    show h;
    camera_path path;
    const stream_case *flight = &STREAM_CASES[2];
    stream_case once = *flight;
    once.frames = s->options->frames ? s->options->frames : s->options->quick ? 40 : 600;
    bool good = parse(flight, &path) && open_show(&h, s, &once);
    double before = -1;
    for (uint32_t i = 0; i < once.frames && good && !stage_is_interrupted(); i++) {
        bool cut;
        vt_stats stats;
        const double t = (double)i / FRAMES_A_SECOND;
        const camera wanted = camera_path_at(&path, before, t, &cut);
        const camera at = scene_keep_above(h.scene, &wanted);
        draw_frame(&h, &at, i % SURVEY_EVERY == 0);
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
    s->format = vt_texel_format(world, 0) == TEXEL_RGBA8 ? VT_FORMAT_RGBA8 : VT_FORMAT_BC1;
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

const char *stage_renderer(const stage *s)
{
    (void)s;
    return (const char *)glGetString(GL_RENDERER);
}

bool stage_has_plain(const stage *s)
{
    return s->plain != 0;
}
