/* round.c: the kinds of case: a flight and its rest, cuts from place to place, pages that travel
 * without being drawn. */
#include "tools/bench/stream/round.h"

#include "tools/base/clock.h"
#include "tools/base/folder.h"
#include "tools/view/headless/measure.h"

#include <glad/gl.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    AUDIT_EVERY = 16,                     /* frames */
    SETTLE_LEAST = VT_SETTLE_IMAGES + 10, /* frames of rest: images come a frame or two late */
    SETTLE_MOST = 900,
    REST_FRAMES = 120, /* of which none may bring an upload */
    QUICK_REST_FRAMES = 24,
    VISIT_MOST = 30,  /* frames */
    SHARP_MOST = 120, /* frames after a cut, at most */
    TRANSFER_MOST = 2000,
};

/* ---- the kinds of case ---- */

/* Adds a figure of this round. */
static void add(const show *h, const sink *to, const char *subject, const char *metric,
                const char *unit, double value)
{
    const bench_row key =
        bench_key("stream", h->what->name, subject, vt_get_desc(h->world)->decode_workers);
    (void)bench_samples_put(to->samples, key, metric, unit, value);
}

void round_add(const show *h, const sink *to, const char *metric, const char *unit, double value)
{
    add(h, to, "megabuddy", metric, unit, value);
}

static double median_of(stream_times *t)
{
    return t->count > 0 ? measure_percentile(t->ms, t->count, 0.5) : 0;
}

/* What every case says at its end. */
void round_add_common(show *h, const sink *to)
{
    vt_stats stats;
    vt_get_stats(h->world, &stats);
    round_add(h, to, "uploads", "pages", (double)stats.pages.uploaded);
    round_add(h, to, "conductor_ms", "ms", median_of(&h->conductor));
    round_add(h, to, "conductor_longest_ms", "ms", stats.update_longest_ms);
    round_add(h, to, "feedback_ms", "ms", median_of(&h->feedback));
    round_add(h, to, "mip_bias_peak", "mips", (double)stats.mip_bias_peak);
    round_add(h, to, "slots", "pages", stats.vram.slots);
    round_add(h, to, "holes", "pixels", (double)h->holes);
    round_add(h, to, "wrong_pages", "pixels", (double)h->wrong);
}

bool round_parse(const stream_case *c, camera_path *path)
{
    char error[STREAM_LINE_BYTES];
    return camera_path_parse(path, c->name, c->path, error, sizeof error) ||
           stream_fail("%s", error);
}

/* Frames of a round. */
static uint32_t round_frames(const stage *s, const stream_case *c)
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
        show_draw_frame(h, at, false);
        frames++;
    }
    return frames;
}

static void time_pair(show *h, const camera *at, bool cut, const sink *to)
{
    const bool plain = h->what->beside_plain && h->stage->plain != 0;
    double plain_ms = 0;
    /* every other time first: neither gains from the other */
    const bool plain_first = plain && h->loop.count % 2 == 1, plain_last = plain && !plain_first;
    if (plain_first) {
        plain_ms = show_draw_plain(h, at);
    }
    const double ms = show_draw_frame(h, at, cut);
    if (plain_last) {
        plain_ms = show_draw_plain(h, at);
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
        const double t = (double)i / ROUND_FRAMES_A_SECOND;
        const camera wanted = camera_path_at(path, before, t, &cut);
        const camera at = scene_keep_above(h->scene, &wanted);
        time_pair(h, &at, cut, to);
        if (i % AUDIT_EVERY == AUDIT_EVERY - 1) {
            sharp += show_audit(h, &at);
            audits++;
        }
        if (i == frames / 4) {
            show_keep_picture(h, &at);
        }
        before = t;
    }
    const stream_times *all = &to->result->frames, *plain = &to->result->plain;
    round_add(h, to, "frame_p50", "ms",
              stream_percentile(all->ms + first, all->count - first, 0.5));
    if (plain->count > first_plain) {
        add(h, to, "plain", "frame_p50", "ms",
            stream_percentile(plain->ms + first_plain, plain->count - first_plain, 0.5));
    }
    if (audits > 0) {
        round_add(h, to, "wanted_mip_percent", "%", 100 * sharp / audits);
    }
}

/* How like the plain texture's picture the streamed one is: is the yardstick the same picture? */
static void compare_with_plain(show *h, const camera *at, const sink *to)
{
    double db;
    if (h->stage->plain != 0 && to->round == 0 && show_compare_plain(h, at, &db)) {
        round_add(h, to, "like_plain_db", "dB", db);
    }
}

/* What comes up while nothing moves. */
static void rest(show *h, const camera *at, const sink *to)
{
    vt_stats before, after;
    round_add(h, to, "settle_frames", "frames", settle(h, at));
    vt_get_stats(h->world, &before);
    const uint32_t frames = h->stage->options->quick ? QUICK_REST_FRAMES : REST_FRAMES;
    for (uint32_t i = 0; i < frames && !stage_is_interrupted(); i++) {
        show_draw_frame(h, at, false);
    }
    vt_get_stats(h->world, &after);
    show_audit(h, at);
    show_keep_picture(h, at);
    compare_with_plain(h, at, to);
    round_add(h, to, "uploads_after_settling", "pages",
              (double)(after.pages.uploaded - before.pages.uploaded));
}

static void run_flight(show *h, const camera_path *path, const sink *to)
{
    const uint32_t frames = round_frames(h->stage, h->what);
    bool cut;
    if (h->what->kind == STREAM_STILL) {
        const camera wanted = camera_path_at(path, 0, 0, &cut);
        const camera at = scene_keep_above(h->scene, &wanted);
        show_draw_frame(h, &at, true);
        settle(h, &at);
    }
    fly(h, path, frames, to);
    const double end = (double)frames / ROUND_FRAMES_A_SECOND;
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
    const double left = 1000.0 / ROUND_FRAMES_A_SECOND - frame_ms;
    if (left > 0) {
        const struct timespec wait = {.tv_nsec = (long)(left * 1e6)};
        (void)nanosleep(&wait, NULL);
    }
}

/* Of the pages that the last image wanted. */
static double share_there(const vt_stats *stats)
{
    const double wanted = stats->vram.slots_wanted;
    return wanted > 0 ? 1 - stats->missing / wanted : 0;
}

/* Cuts to a place, and counts until every textured pixel is sharp. It is looked at from the second
 * frame after the cut on: an audit earlier would give the workers time that no frame has. (A world
 * that was opened may be sharp at once; there they have that time.) before_ms: have passed. */
static void cut_to(show *h, const camera *at, uint32_t place, double before_ms, const sink *to)
{
    const uint32_t first = h->what->kind == STREAM_OPEN ? 0 : 2;
    double ms = before_ms, conductor = 0;
    for (uint32_t frame = 0; frame < SHARP_MOST && !stage_is_interrupted(); frame++) {
        vt_stats stats;
        const double frame_ms = show_draw_frame(h, at, frame == 0);
        pace(frame_ms);
        vt_get_stats(h->world, &stats);
        ms += fmax(frame_ms, 1000.0 / ROUND_FRAMES_A_SECOND);
        conductor += stats.update_ms;
        if (to->round == 0 && frame < STREAM_AFTER) {
            to->result->trace.sharp[place][frame] = frame > 0 ? share_there(&stats) : 0;
        }
        if (frame >= first && show_audit(h, at) >= 1) {
            round_add(h, to, "sharp_after_frames", "frames", frame);
            round_add(h, to, "sharp_after_ms", "ms", ms - frame_ms);
            round_add(h, to, "conductor_until_sharp_ms", "ms", conductor);
            return;
        }
    }
    round_add(h, to, "never_sharp", "jumps", 1);
}

/* Looks at a place until its pages are there, so that RAM holds them. */
static void visit(show *h, const camera *at)
{
    vt_stats stats;
    uint32_t frames = 0;
    do {
        show_draw_frame(h, at, frames == 0);
        vt_get_stats(h->world, &stats);
        frames++;
    } while (frames < VISIT_MOST && (frames < 4 || stats.missing > 0) && !stage_is_interrupted());
}

static void run_cuts(show *h, const camera_path *path, const sink *to)
{
    const uint32_t places = round_frames(h->stage, h->what);
    for (uint32_t i = 0; i < places && h->what->warm && !stage_is_interrupted(); i++) {
        const camera at = place_of(h, path, i);
        visit(h, &at);
    }
    for (uint32_t i = 0; i < places && !stage_is_interrupted(); i++) {
        const camera at = place_of(h, path, i);
        cut_to(h, &at, i, 0, to);
        if (i == 2) {
            show_keep_picture(h, &at);
        }
    }
}

/* The disk that a resumed world is to be spared: 10 ms a read, 20 MB a second. */
static void slow_down(vt *world)
{
    vt_settings settings;
    vt_get_settings(world, &settings);
    settings.disk_delay_ms = 10;
    settings.disk_bytes_per_second = 20 * 1000 * 1000;
    vt_set_settings(world, &settings);
}

/* Opens the world, empty or as it was left, and counts until it is sharp. */
static void run_opening(show *h, const camera_path *path, const sink *to)
{
    char folder[FOLDER_BYTES], file[FOLDER_BYTES + 8] = "";
    const char *suspend = NULL;
    const camera at = place_of(h, path, 0);
    double ms = 0;
    if (h->what->warm) {
        if (!folder_make_temporary(folder)) {
            (void)stream_fail("%s: %s", folder, strerror(errno));
            return;
        }
        (void)snprintf(file, sizeof file, "%s/ram", folder);
        suspend = file;
    }
    bool good = suspend == NULL || show_reopen(h, suspend, &ms);
    if (good && suspend != NULL) {
        visit(h, &at);
    }
    good = good && show_reopen(h, suspend, &ms);
    if (good) {
        round_add(h, to, "open_ms", "ms", ms);
        slow_down(h->world);
        cut_to(h, &at, 0, ms, to);
        good = show_reopen(h, NULL, &ms); /* it is not to be suspended at the end, too */
    }
    if (suspend != NULL) {
        (void)unlink(file);
        (void)rmdir(folder);
    }
}

/* Asks for a view and waits for its pages, without drawing it. Returns the pages that came, and the
 * milliseconds from asking to the last of them. */
static uint64_t transfer(show *h, const camera *at, double *ms)
{
    vt_stats stats;
    show_draw_frame(h, at, true); /* with a survey of the view */
    glFinish();
    vt_get_stats(h->world, &stats);
    const uint64_t before = stats.pages.uploaded;
    const double from = clock_ms();
    double last = from;
    uint64_t seen = before;
    for (int i = 0; i < TRANSFER_MOST; i++) {
        vt_update(h->world, &(vt_clock){.now_ms = clock_ms() - h->began_ms});
        vt_get_stats(h->world, &stats);
        last = stats.pages.uploaded > seen ? clock_ms() : last;
        seen = stats.pages.uploaded;
        const bool idle = stats.fetch_pending == 0 && stats.decode_pending == 0;
        if (idle && i > 0 && clock_ms() - last > 5) {
            break; /* nothing has come for long, and nobody works */
        }
    }
    glFinish();
    *ms = last - from;
    return seen - before;
}

static void run_transfers(show *h, const camera_path *path, const sink *to)
{
    const uint32_t places = round_frames(h->stage, h->what);
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
            round_add(h, to, "pages", "pages", (double)pages);
            round_add(h, to, "streaming_ms", "ms", ms);
            round_add(h, to, "pages_per_s", "pages/s", (double)pages / ms * 1000);
        }
    }
}

bool round_run(show *h, const sink *to)
{
    camera_path path;
    if (!round_parse(h->what, &path)) {
        return false;
    }
    switch (h->what->kind) {
    case STREAM_TELEPORT:
        run_cuts(h, &path, to);
        break;
    case STREAM_TRANSFER:
        run_transfers(h, &path, to);
        break;
    case STREAM_OPEN:
        run_opening(h, &path, to);
        break;
    default:
        run_flight(h, &path, to);
        break;
    }
    camera_path_free(&path);
    return true;
}
