/* headless.c: draws a world along a camera path without a window, and measures.
 *
 *     a frame:  frame.h │ plain ▸ glFinish │ audit ▸ picture
 *              frame_ms   '-- plain_ms --'   '- not timed -'
 *
 * After the path the camera rests until everything has arrived: the last of these is the final
 * frame. Then the world is opened once more without limits, and the pictures are drawn again to
 * compare with (reference.c). */
#include "tools/view/headless/headless.h"

#include "engine/files/regular.h"
#include "tools/base/clock.h"
#include "tools/base/folder.h"
#include "tools/base/say.h"
#include "tools/commands.h"
#include "tools/view/headless/headless_gl.h"
#include "tools/view/headless/measure.h"
#include "tools/view/scene/plain.h"
#include "tools/view/view.h"

#include <glad/gl.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PICTURES_ON_THE_WAY = 8,
    SETTLE_FRAMES_MOST =
        600,              /* ten seconds of rest; a world that needs more is reported unsettled */
    FRAMES_A_SECOND = 60, /* of the path, and of the deterministic clock */
    MESSAGES_SHOWN = 5,
};

/* ---- OpenGL's messages ---- */

static void on_message(const headless_gl_message *message, void *user)
{
    run *r = user;
    if (message->severity == GL_DEBUG_SEVERITY_NOTIFICATION) {
        return; /* says that all is well, at length */
    }
    if (r->report.gl_messages++ < MESSAGES_SHOWN) {
        say_error("view: OpenGL: %s", message->text);
    }
}

/* ---- one frame ---- */

/* The vt's clock: of the run in deterministic mode, else of the wall. */
static double streamer_ms(const run *r)
{
    return r->options->deterministic ? r->frame * 1e3 / FRAMES_A_SECOND : clock_ms() - r->began_ms;
}

static void draw_view(void *user, const camera *at)
{
    run *r = user;
    const views_frame frame = {
        .at = at, .to = &r->colour, .kind = r->options->view, .now = streamer_ms(r) / 1000};
    target_begin(&r->colour);
    if (!views_draw(r->views, &frame) && r->frame == 0) {
        (void)view_fail("--view %s: %s", views_name(frame.kind), views_error(r->views));
    }
}

/* Draws the frame; returns the milliseconds it took. */
static double draw_frame(run *r, const camera *at, bool cut)
{
    return frame_run(&r->loop, &(frame_input){.world = r->world,
                                              .scene = r->scene,
                                              .width = r->colour.width,
                                              .height = r->colour.height,
                                              .at = at,
                                              .cut = cut,
                                              .now_ms = streamer_ms(r),
                                              .steps_ahead = r->options->conf.stream.prefetch_ms *
                                                             FRAMES_A_SECOND / 1000});
}

/* Draws the same with a plain texture; returns the milliseconds it took. */
static double draw_plain(run *r, const camera *at)
{
    const double from_ms = clock_ms();
    scene_draw_into(r->scene, r->world, at, &r->colour, SCENE_PLAIN);
    glFinish();
    return clock_ms() - from_ms;
}

/* Draws the audit of the frame just drawn and adds up what it says. */
static measure_audit audit_frame(run *r, const camera *at)
{
    scene_draw_into(r->scene, r->world, at, &r->verdict, SCENE_AUDIT);
    target_read(&r->verdict, r->verdicts);
    const measure_audit audit =
        measure_verdicts(r->verdicts, (size_t)r->verdict.width * r->verdict.height);
    r->report.holes += audit.holes;
    r->report.wrong_pages += audit.wrong;
    return audit;
}

/* Measures cuts: begins with one where the camera is cut, ends when all is sharp. */
static void follow_cuts(run *r, bool cut, double frame_ms, const measure_audit *audit)
{
    report *out = &r->report;
    if (cut && out->cut_count < REPORT_CUTS) {
        out->cuts[out->cut_count++] = (report_cut){r->frame, REPORT_UNKNOWN, REPORT_UNKNOWN};
        r->since_cut_ms = 0;
        r->blurred_since_cut = true;
    }
    r->since_cut_ms += frame_ms;
    if (r->blurred_since_cut && audit->sharp == audit->textured) {
        report_cut *last = &out->cuts[out->cut_count - 1];
        last->frames = r->frame - last->frame;
        last->ms = r->since_cut_ms;
        r->blurred_since_cut = false;
    }
}

static void watch_streamer(run *r, vt_stats *stats)
{
    vt_get_stats(r->world, stats);
    if (stats->vram.slots_wanted > r->report.slots_wanted_peak) {
        r->report.slots_wanted_peak = stats->vram.slots_wanted;
    }
    char line[VIEW_LINE_BYTES];
    while (vt_take_message(r->world, line, sizeof line)) {
        say_error("view: %s", line);
    }
}

static void show_progress(run *r, uint32_t done, uint32_t all)
{
    const double now = clock_ms();
    if (!r->shows_progress || now - r->began_ms < 2000 || now - r->told_ms < 250) {
        return;
    }
    r->told_ms = now;
    (void)fprintf(stderr, "\r%u of %u frames ", done, all);
}

/* ---- the path, then rest ---- */

/* Writes the frame just drawn, or keeps it where it is the softest so far. False: said why. */
static bool take_picture(run *r, const camera *at, const char *file, bool plain, double share)
{
    const bool is_softest = file == NULL && r->frame < r->frames && share < r->softest.share;
    if (r->options->report == NULL || (file == NULL && !is_softest)) {
        return true;
    }
    if (plain) {
        draw_view(r, at); /* once more: the plain one was drawn over it */
    }
    if (is_softest) {
        run_keep_softest(r, share, at);
        return true;
    }
    target_read(&r->colour, r->pixels);
    return run_save_picture(r, file, r->frame, at);
}

/* What was measured at a frame. */
typedef struct moment {
    double frame_ms, plain_ms; /* plain_ms: REPORT_UNKNOWN where none was drawn */
    double share;              /* of the textured pixels, at the mip they wanted */
    vt_stats stats;            /* after it */
} moment;

/* Draws and measures one frame. False: a picture could not be written. */
static bool do_frame(run *r, const camera *wanted, bool cut, const char *file, moment *m)
{
    const camera at = scene_keep_above(r->scene, wanted);
    const bool plain =
        r->plain != 0 && r->frame < r->frames; /* not at rest: there nothing is timed */
    m->plain_ms = REPORT_UNKNOWN;
    if (plain && r->frame % 2 == 1) { /* every other time first: neither gains from the other */
        m->plain_ms = draw_plain(r, &at);
    }
    m->frame_ms = draw_frame(r, &at, cut);
    if (plain && r->frame % 2 == 0) {
        m->plain_ms = draw_plain(r, &at);
    }
    const measure_audit audit = audit_frame(r, &at);
    m->share = audit.textured ? (double)audit.sharp / (double)audit.textured : 1;
    follow_cuts(r, cut, m->frame_ms, &audit);
    watch_streamer(r, &m->stats);
    const bool good = take_picture(r, &at, file, plain, m->share);
    r->frame++;
    return good;
}

/* Keeps a frame of the path in the report. */
static void keep(run *r, const moment *m)
{
    report *out = &r->report;
    series *s = &out->series;
    const uint32_t at = s->count;
    series_add(s, &m->stats);
    s->values[SERIES_FRAME_MS][at] = m->frame_ms;
    s->values[SERIES_PLAIN_MS][at] = m->plain_ms;
    s->values[SERIES_WANTED_SHARE][at] = m->share;
    out->frames = s->count;
    out->wanted_share_min = fmin(out->wanted_share_min, m->share);
    out->wanted_share_mean += (m->share - out->wanted_share_mean) / s->count;
}

static bool fly(run *r)
{
    const double seconds = camera_path_seconds(&r->path);
    const uint32_t every = (r->frames + PICTURES_ON_THE_WAY - 1) / PICTURES_ON_THE_WAY;
    double before = -1;
    r->report.wanted_share_min = 1;
    for (uint32_t i = 0; i < r->frames && !view_is_interrupted(); i++) {
        const double t = seconds * i / r->frames;
        bool cut;
        const camera at = camera_path_at(&r->path, before, t, &cut);
        char file[REPORT_NAME_BYTES];
        (void)snprintf(file, sizeof file, "frame-%04u.png", i);
        moment m;
        if (!do_frame(r, &at, cut, i % every == 0 ? file : NULL, &m)) {
            return false;
        }
        before = t;
        keep(r, &m);
        show_progress(r, i + 1, r->frames);
    }
    return true;
}

/* Holds the camera still until all has arrived, and writes the final picture. */
static bool rest(run *r)
{
    bool cut;
    const double end = camera_path_seconds(&r->path);
    const camera at = camera_path_at(&r->path, end, end, &cut);
    moment m;
    bool settled = false;
    while (!view_is_interrupted() && !settled && r->report.settle_frames < SETTLE_FRAMES_MOST) {
        settled = r->report.settle_frames >= VT_SETTLE_IMAGES && vt_is_settled(r->world);
        r->report.settle_frames++;
        const bool last = settled || r->report.settle_frames == SETTLE_FRAMES_MOST;
        if (!do_frame(r, &at, false, last ? "final.png" : NULL, &m)) {
            return false;
        }
        show_progress(r, r->frames, r->frames);
    }
    r->report.settled = settled;
    return true;
}

/* Percentiles of a kind; those of what was not measured, or for which there is no memory, are
 * unknown. */
static void sum_up_times(const series *s, series_kind kind, const double shares[], uint32_t count,
                         double *const out[])
{
    double *sorted = series_knows(s, kind) ? malloc(s->count * sizeof *sorted) : NULL;
    if (sorted != NULL) { /* the plots need theirs in order of time */
        memcpy(sorted, s->values[kind], s->count * sizeof *sorted);
    }
    for (uint32_t i = 0; i < count; i++) {
        *out[i] = sorted ? measure_percentile(sorted, s->count, shares[i]) : REPORT_UNKNOWN;
    }
    free(sorted);
}

static void sum_up(run *r)
{
    static const double SHARES[] = {0.5, 0.99, 0.999, 1}, PLAIN_SHARES[] = {0.5, 0.999};
    report *out = &r->report;
    double *const streamed[] = {&out->frame_p50_ms, &out->frame_p99_ms, &out->frame_p99_9_ms,
                                &out->frame_max_ms};
    double *const plain[] = {&out->plain_p50_ms, &out->plain_p99_9_ms};
    sum_up_times(&out->series, SERIES_FRAME_MS, SHARES, 4, streamed);
    sum_up_times(&out->series, SERIES_PLAIN_MS, PLAIN_SHARES, 2, plain);
    if (out->frames == 0) {
        out->wanted_share_min = out->wanted_share_mean = REPORT_UNKNOWN;
    }
    out->psnr_min_db = out->psnr_median_db = out->psnr_final_db = REPORT_UNKNOWN;
    out->interrupted = view_is_interrupted();
    vt_get_stats(r->world, &out->stats);
    const vt_stats *s = &out->stats;
    out->slot_bytes = s->pages.uploaded ? s->bytes.uploaded / s->pages.uploaded : 0;
}

static void print_summary(const report *out)
{
    (void)fprintf(stderr, "\r%u frames, p50 %.1f ms, p99 %.1f ms, holes %llu, wrong pages %llu, ",
                  out->frames, out->frame_p50_ms, out->frame_p99_ms, (unsigned long long)out->holes,
                  (unsigned long long)out->wrong_pages);
    (void)fprintf(stderr, "at the wanted mip %.1f %%, OpenGL messages %llu\n",
                  100 * out->wanted_share_mean, (unsigned long long)out->gl_messages);
    if (out->psnr_final_db >= 0) {
        (void)fprintf(stderr, "against the frame without streaming: worst %.1f dB, final %.1f dB\n",
                      out->psnr_min_db, out->psnr_final_db);
    }
}

/* ---- from beginning to end ---- */

/* Opens the world and the scene. Returns an exit code, having said why when it is not EXIT_DONE. */
static int open_world(run *r)
{
    char error[VIEW_LINE_BYTES];
    const conf *c = &r->options->conf;
    const vt_desc desc = view_desc(r->options, c);
    r->world = vt_create(&desc, error, sizeof error);
    if (r->world == NULL) {
        return view_open_failed(error);
    }
    const vt_settings settings = view_streaming(c);
    vt_set_settings(r->world, &settings);
    r->scene = scene_create(r->world, c->view.scene, error, sizeof error);
    if (r->scene == NULL) {
        return view_fail("%s", error);
    }
    r->views = views_create(r->scene, r->world);
    if (r->views == NULL) {
        return view_fail("no memory");
    }
    if (!view_path(r->options, scene_get_kind(r->scene), &r->path, error, sizeof error)) {
        return view_fail("%s", error);
    }
    return EXIT_DONE;
}

static bool make_room(run *r)
{
    const uint32_t width = r->options->conf.view.width, height = r->options->conf.view.height;
    const double frames = camera_path_seconds(&r->path) * FRAMES_A_SECOND;
    r->frames = r->options->frames ? r->options->frames : (uint32_t)fmin(fmax(frames, 1), 1e6);
    r->pixels = malloc((size_t)width * height * 4);
    r->verdicts = malloc((size_t)width * height);
    r->softest = (softest){.pixels = malloc((size_t)width * height * 4), .share = 1};
    return r->pixels != NULL && r->verdicts != NULL && series_init(&r->report.series, r->frames) &&
           target_init(&r->colour, TARGET_COLOUR, width, height) &&
           target_init(&r->verdict, TARGET_VERDICT, width, height);
}

static void describe(run *r)
{
    report *out = &r->report;
    const conf *c = &r->options->conf;
    out->world = view_world(r->options);
    out->path = r->options->path ? r->options->path : c->view.path;
    out->renderer = (const char *)glGetString(GL_RENDERER);
    out->width = c->view.width;
    out->height = c->view.height;
    const conf written = view_written_settings(r->options);
    r->settings = conf_to_text(&written);
}

/* Where it fits, the same world as a plain texture. Where it cannot be had there is no yardstick.
 */
static void load_plain(run *r)
{
    char error[VIEW_LINE_BYTES];
    if (!plain_fits(r->world)) {
        return;
    }
    r->plain = plain_load(r->world, error, sizeof error);
    if (r->plain == 0 || !scene_set_plain(r->scene, r->plain, error, sizeof error)) {
        (void)view_fail("%s", error);
        glDeleteTextures(1, &r->plain);
        r->plain = 0;
    }
}

/* Everything that needs the world open. */
static int run_path(run *r)
{
    const int code = open_world(r);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!make_room(r)) {
        return view_fail("no memory for pictures of %ux%u", r->options->conf.view.width,
                         r->options->conf.view.height);
    }
    describe(r);
    load_plain(r);
    vt_stats before;
    vt_get_stats(r->world, &before);
    series_begin(&r->report.series, &before);
    r->began_ms = clock_ms();
    const bool good = fly(r) && run_save_softest(r) && rest(r);
    sum_up(r);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int write_report(const run *r)
{
    const char *file;
    if (r->options->report != NULL && !report_write(&r->report, r->options->report, &file)) {
        return view_fail("%s/%s: %s", r->options->report, file, file_text(errno));
    }
    return EXIT_DONE;
}

static int tell_interrupted(const run *r)
{
    return view_fail("interrupted after %u of %u frames%s", r->report.frames, r->frames,
                     r->options->report != NULL ? "; the report is of those" : "");
}

/* False: what was to be kept for the next run is lost. */
static bool clean_up(run *r)
{
    glDeleteTextures(1, &r->plain);
    target_finish(&r->colour);
    target_finish(&r->verdict);
    views_destroy(r->views);
    scene_destroy(r->scene);
    r->lost = !view_close_world(r->world) || r->lost;
    camera_path_free(&r->path);
    free(r->pixels);
    free(r->verdicts);
    free(r->softest.pixels);
    free(r->settings);
    series_finish(&r->report.series);
    return !r->lost;
}

int view_run_headless(const view_options *options)
{
    char error[VIEW_LINE_BYTES];
    if (options->report != NULL && !folder_make(options->report)) {
        return view_fail("%s: %s", options->report, file_text(errno));
    }
    if (!headless_gl_open(error, sizeof error)) {
        return view_fail("%s", error);
    }
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        headless_gl_close();
        return view_fail("no memory");
    }
    r->options = options;
    r->loop = (frame_loop){
        .draw = draw_view, .user = r, .trace = options->trace, .trace_row = options->frame_row};
    r->shows_progress = isatty(STDERR_FILENO) != 0;
    view_catch_signals();
    headless_gl_on_message(on_message, r);
    int code = run_path(r);
    if (code == EXIT_DONE) {
        if (options->report != NULL && options->view == VIEWS_FINAL && !view_is_interrupted()) {
            views_destroy(r->views); /* they go with the world that is closed now */
            r->views = NULL;
            reference_compare(r);
        }
        print_summary(&r->report);
        code = write_report(r);
        if (code == EXIT_DONE && view_is_interrupted()) {
            code = tell_interrupted(r);
        }
    }
    code = clean_up(r) ? code : EXIT_FAILED;
    free(r);
    headless_gl_on_message(NULL, NULL);
    headless_gl_close();
    return code;
}
