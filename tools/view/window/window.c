/* window.c: a window to fly in: a tour until somebody touches a key or the mouse.
 *
 *     a frame:  input ▸ reload settings ▸ vt_update ▸ feedback ▸ colour ▸ overlay ▸ swap ▸ sleep
 */
#include "tools/view/window/window.h"

#include "tools/commands.h"
#include "tools/picture.h"

#include <glad/gl.h>
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PREDICT_EVERY = 4 /* frames between looks at where the camera is going */ };

static const double WATCH_SECONDS = 0.5;  /* between looks at the settings' file */
static const double RESIZE_SECONDS = 0.4; /* a window must keep a size for so long */
static const double MESSAGE_SECONDS = 6;  /* on screen */

static void say(window *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(window *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(w->message, sizeof w->message, format, arguments);
    va_end(arguments);
    w->message_until = w->now + MESSAGE_SECONDS;
}

/* The last thing that GLFW complained about; it calls back before there is a window. */
static char glfw_error[256];

static void on_error(int code, const char *text)
{
    (void)code;
    (void)snprintf(glfw_error, sizeof glfw_error, "%s", text);
}

/* --- the camera --- */

static double clearance(const window *w)
{
    return w->at.y - scene_ground(w->scene, w->at.x, w->at.z);
}

static void move(window *w, double seconds)
{
    const pilot_input in = window_take_input(w, seconds);
    w->last = w->at;
    if (w->touring) {
        const double before = w->tour_seconds, end = camera_path_seconds(&w->path);
        bool cut;
        w->tour_seconds = before >= end ? 0 : fmin(before + seconds, end);
        w->at = camera_path_at(&w->path, before, w->tour_seconds, &cut);
        w->cut = w->cut || cut || w->tour_seconds < before;
    } else if (scene_get_kind(w->scene) == SCENE_TERRAIN) {
        pilot_fly(&w->pilot, &in, clearance(w), &w->at);
    } else {
        pilot_pan(&w->pilot, &in, &w->at);
    }
    w->at = scene_keep_above(w->scene, &w->at);
}

/* --- opening, and opening anew --- */

static void close_world(window *w)
{
    scene_destroy(w->scene);
    vt_destroy(w->world);
    w->scene = NULL;
    w->world = NULL;
}

/* Opens the world as the settings say. False: error has one line, and nothing is open. */
static bool open_world(window *w, const conf *c, char *error, uint32_t error_bytes)
{
    vt_desc desc = view_desc(w->options, c);
    if (w->width > 0 && w->height > 0) {
        desc.screen_width = w->width;
        desc.screen_height = w->height;
    }
    w->world = vt_create(&desc, error, error_bytes);
    if (w->world == NULL) {
        return false;
    }
    const vt_settings settings = view_streaming(c);
    vt_set_settings(w->world, &settings);
    w->scene = scene_create(w->world, view_scene_kind(c), error, error_bytes);
    if (w->scene == NULL) {
        close_world(w);
    }
    return w->scene != NULL;
}

/* Closes the world and opens it with `next`; with the old settings when it can't be. The budgets
 * are hard, so both are not open at once. False: neither opens. */
static bool reopen(window *w, const conf *next)
{
    char error[VIEW_LINE_BYTES], again[VIEW_LINE_BYTES];
    close_world(w);
    w->cut = true;
    if (open_world(w, next, error, sizeof error)) {
        w->options->conf = *next;
        return true;
    }
    say(w, "%s (the old settings stay)", error);
    if (open_world(w, &w->options->conf, again, sizeof again)) {
        return true;
    }
    (void)view_fail("%s", again);
    return false;
}

/* --- settings, read again when they are saved --- */

static stamp stamp_of(const char *file)
{
    struct stat status;
    if (file == NULL || stat(file, &status) != 0) {
        return (stamp){{0, 0}, 0};
    }
    return (stamp){status.st_mtim, status.st_size};
}

static bool is_same_stamp(const stamp *a, const stamp *b)
{
    return a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->bytes == b->bytes;
}

/* Whether a change can be made without opening the world anew. */
static bool is_live_change(const conf *a, const conf *b)
{
    return memcmp(&a->ram, &b->ram, sizeof a->ram) == 0 &&
           memcmp(&a->vram, &b->vram, sizeof a->vram) == 0 && a->disk.workers == b->disk.workers &&
           strcmp(a->disk.source, b->disk.source) == 0 &&
           strcmp(a->view.scene, b->view.scene) == 0 &&
           a->stream.anisotropy == b->stream.anisotropy;
}

/* False: the world is gone. */
static bool apply(window *w, const conf *next)
{
    conf *now = &w->options->conf;
    if (next->view.width != now->view.width || next->view.height != now->view.height) {
        glfwSetWindowSize(w->handle, (int)next->view.width, (int)next->view.height);
    }
    say(w, "settings read again");
    if (!is_live_change(now, next)) {
        return reopen(w, next);
    }
    const vt_settings settings = view_streaming(next);
    vt_set_settings(w->world, &settings);
    *now = *next;
    return true;
}

static bool watch_settings(window *w)
{
    if (w->options->config == NULL || w->now < w->watched_at + WATCH_SECONDS) {
        return true;
    }
    w->watched_at = w->now;
    const stamp found = stamp_of(w->options->config);
    if (is_same_stamp(&found, &w->config)) {
        return true;
    }
    w->config = found;
    conf next;
    conf_error error;
    if (!view_settings(w->options, &next, &error)) {
        say(w, "%s (the old settings stay)", error.line);
        return true;
    }
    return apply(w, &next);
}

/* --- the window's size --- */

/* Makes the target fit the framebuffer; the streamer follows when the size has been kept for a
 * moment, since for that the world is opened anew. */
static bool follow_size(window *w)
{
    int width, height;
    glfwGetFramebufferSize(w->handle, &width, &height);
    if (width <= 0 || height <= 0) {
        return true; /* minimized */
    }
    if ((uint32_t)width != w->width || (uint32_t)height != w->height) {
        target_finish(&w->colour);
        if (!target_init(&w->colour, TARGET_COLOUR, (uint32_t)width, (uint32_t)height)) {
            (void)view_fail("no memory for a picture of %dx%d", width, height);
            return false;
        }
        w->width = (uint32_t)width;
        w->height = (uint32_t)height;
        w->resized_at = w->now;
    }
    const vt_desc *desc = vt_get_desc(w->world);
    const bool fits = desc->screen_width == w->width && desc->screen_height == w->height;
    return fits || w->now < w->resized_at + RESIZE_SECONDS || reopen(w, &w->options->conf);
}

/* --- a frame --- */

static void draw_feedback(window *w, const camera *at, vt_feedback_kind kind)
{
    scene_feedback(w->scene, w->world, at, w->width, w->height, kind);
}

/* Looks where the camera will be in prefetch_ms if it goes on as it did. */
static void draw_predicted(window *w, double seconds)
{
    const double ahead = w->options->conf.stream.prefetch_ms / 1000;
    if (w->frame % PREDICT_EVERY != 0 || w->cut || ahead <= 0 || seconds <= 0) {
        return;
    }
    const camera there = camera_ahead(&w->last, &w->at, ahead / seconds);
    const camera kept = scene_keep_above(w->scene, &there);
    draw_feedback(w, &kept, VT_FEEDBACK_PREDICTED);
}

static void save_picture(window *w)
{
    w->wants_picture = false;
    uint8_t *pixels = malloc((size_t)w->width * w->height * 4);
    if (pixels == NULL) {
        say(w, "no memory for a picture");
        return;
    }
    const time_t now = time(NULL);
    struct tm local;
    char name[64] = "megabuddy.png";
    if (localtime_r(&now, &local) != NULL) {
        (void)strftime(name, sizeof name, "megabuddy-%Y%m%d-%H%M%S.png", &local);
    }
    target_read(&w->colour, pixels);
    const bool good = picture_write_png(name, w->width, w->height, pixels);
    say(w, "%s%s%s", name, good ? " written" : ": ", good ? "" : strerror(errno));
    free(pixels);
}

static void draw_overlay(window *w)
{
    vt_stats stats;
    vt_get_stats(w->world, &stats);
    char line[VIEW_LINE_BYTES];
    while (vt_take_message(w->world, line, sizeof line)) {
        (void)fprintf(stderr, "megabuddy: view: %s\n", line);
        say(w, "%s", line);
    }
    const overlay_content content = {
        .panel = w->panel,
        .help = w->help,
        .frame_ms = w->frame_ms,
        .frame_count = (uint32_t)w->frame,
        .stats = &stats,
        .renderer = (const char *)glGetString(GL_RENDERER),
        .world = vt_get_desc(w->world)->path,
        .sync = w->options->conf.ram.sync,
        .x = w->at.x,
        .y = w->at.y,
        .z = w->at.z,
        .speed = pilot_speed(&w->pilot, clearance(w)),
        .patches = scene_patches(w->scene),
        .message = w->now < w->message_until ? w->message : "",
    };
    overlay_draw(&content);
}

static void draw(window *w, double seconds)
{
    trace *const t = w->options->trace;
    const uint32_t track = w->options->frame_track;
    uint64_t ns = trace_now(t);
    vt_update(w->world, &(vt_clock){.now_ms = w->now * 1000, .cut = w->cut});
    ns = trace_span(t, track, "vt_update", ns, 0, w->frame);
    draw_feedback(w, &w->at, VT_FEEDBACK_NOW);
    draw_predicted(w, seconds);
    ns = trace_span(t, track, "feedback pass", ns, 0, w->frame);
    w->cut = false;
    target_begin(&w->colour);
    const scene_frame frame = {.at = &w->at, .width = w->width, .height = w->height};
    scene_draw(w->scene, w->world, &frame, SCENE_COLOUR);
    if (w->wants_picture) {
        save_picture(w);
    }
    target_show(&w->colour, w->width, w->height);
    glBindFramebuffer(GL_FRAMEBUFFER, 0);
    glViewport(0, 0, (GLsizei)w->width, (GLsizei)w->height);
    draw_overlay(w);
    ns = trace_span(t, track, "draw", ns, 0, w->frame);
    glfwSwapBuffers(w->handle);
    trace_span(t, track, "swap", ns, 0, w->frame);
}

/* Sleeps until the cap lets the next frame begin; software OpenGL paces nothing by itself. */
static void pace(window *w)
{
    const uint32_t cap = w->options->conf.view.fps_max;
    if (cap == 0) {
        return;
    }
    const double now = glfwGetTime();
    w->next_frame = fmax(w->next_frame + 1.0 / cap, now - 1.0 / cap);
    const double wait = w->next_frame - now;
    if (wait > 0) {
        const struct timespec rest = {(time_t)wait, (long)((wait - floor(wait)) * 1e9)};
        (void)nanosleep(&rest, NULL);
    }
}

/* Until the window is closed. Returns an exit code. */
static int fly(window *w)
{
    double before = glfwGetTime();
    while (!glfwWindowShouldClose(w->handle) && !view_is_interrupted()) {
        glfwPollEvents();
        w->now = glfwGetTime();
        const double seconds = fmin(w->now - before, 0.25); /* a stall is no reason to jump */
        before = w->now;
        if (!watch_settings(w) || !follow_size(w)) {
            return EXIT_FAILED;
        }
        move(w, seconds);
        draw(w, seconds);
        w->frame_ms[w->frame++ % OVERLAY_FRAMES] = (float)((glfwGetTime() - w->now) * 1000);
        pace(w);
    }
    return view_is_interrupted() ? EXIT_FAILED : EXIT_DONE;
}

/* --- from beginning to end --- */

static bool open_window(window *w)
{
    const conf *c = &w->options->conf;
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 4);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 5);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHint(GLFW_DEPTH_BITS, 0); /* drawn into a target of our own, then shown */
    w->handle = glfwCreateWindow((int)c->view.width, (int)c->view.height, "Megabuddy", NULL, NULL);
    if (w->handle == NULL) {
        (void)view_fail("no window with OpenGL 4.5: %s; --headless draws without one", glfw_error);
        return false;
    }
    glfwMakeContextCurrent(w->handle);
    if (gladLoadGL(glfwGetProcAddress) == 0) {
        (void)view_fail("the functions of OpenGL 4.5 cannot be loaded");
        return false;
    }
    glfwSwapInterval(1);
    window_listen(w);
    return true;
}

/* Everything that needs the window. */
static int run_window(window *w)
{
    char error[VIEW_LINE_BYTES];
    int width, height;
    glfwGetFramebufferSize(w->handle, &width, &height);
    w->width = (uint32_t)(width > 0 ? width : 1);
    w->height = (uint32_t)(height > 0 ? height : 1);
    if (!open_world(w, &w->options->conf, error, sizeof error)) {
        return view_open_failed(error);
    }
    if (!view_path(w->options, scene_get_kind(w->scene), &w->path, error, sizeof error)) {
        return view_fail("%s", error);
    }
    if (!target_init(&w->colour, TARGET_COLOUR, w->width, w->height) ||
        !overlay_create(w->handle)) {
        return view_fail("no memory for a picture of %ux%u", w->width, w->height);
    }
    bool cut;
    w->at = camera_path_at(&w->path, 0, 0, &cut);
    w->touring = w->cut = true;
    w->panel = true;
    pilot_init(&w->pilot);
    w->config = stamp_of(w->options->config);
    say(w, "F1 for help");
    return fly(w);
}

static void clean_up(window *w)
{
    overlay_destroy();
    target_finish(&w->colour);
    close_world(w);
    camera_path_free(&w->path);
}

int view_run_window(view_options *options)
{
    glfwSetErrorCallback(on_error);
    view_catch_signals();
    if (!glfwInit()) {
        return view_fail("no display: %s; --headless draws without one", glfw_error);
    }
    int code = EXIT_FAILED;
    window *w = calloc(1, sizeof *w);
    if (w == NULL) {
        (void)view_fail("no memory");
    } else {
        w->options = options;
        if (open_window(w)) {
            code = run_window(w);
            clean_up(w);
        }
        if (w->handle != NULL) {
            glfwDestroyWindow(w->handle);
        }
    }
    free(w);
    glfwTerminate();
    return code;
}
