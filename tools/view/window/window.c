/* window.c: a window to fly in: a tour until somebody touches a key or the mouse.
 *
 *     a frame:  hands ▸ settings ▸ camera ▸ frame.h (… scene ▸ overlay ▸ swap) ▸ sleep
 */
#include "tools/view/window/window.h"

#include "engine/disk/pagefile.h"
#include "tools/base/say.h"
#include "tools/commands.h"
#include "tools/view/headless/headless_gl.h"

#include <glad/gl.h>
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HIDDEN_MOST 8 /* panels */

static const double RESIZE_SECONDS = 0.4;    /* a window must keep a size for so long */
static const double MESSAGE_SECONDS = 6;     /* on screen */
static const double MINIMISED_SECONDS = 0.1; /* between two looks whether it is to end */
static const double PICK_SECONDS = 0.2; /* between two looks at the pixel that was asked about */

/* ---- words ---- */

static void show(window *w, const char *line)
{
    (void)say_clean(line, w->message, sizeof w->message);
    w->message_until = w->now + MESSAGE_SECONDS;
}

void window_say(window *w, const char *format, ...)
{
    char line[VIEW_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    show(w, line);
}

bool window_complain(window *w, const char *format, ...)
{
    char line[VIEW_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    show(w, line);
    return journal_add(&w->log, w->now, w->message);
}

/* The last thing that GLFW complained about; it calls back before there is a window. */
static char glfw_error[256];

static void on_error(int code, const char *text)
{
    (void)code;
    (void)snprintf(glfw_error, sizeof glfw_error, "%s", text);
}

/* ---- OpenGL's messages, when they were asked for ---- */

static void on_gl_message(const headless_gl_message *message, void *user)
{
    if (message->severity != GL_DEBUG_SEVERITY_NOTIFICATION &&
        window_complain(user, "OpenGL: %s", message->text)) {
        (void)view_fail("OpenGL: %s", message->text);
    }
}

/* ---- the window's size ---- */

/* Makes the target fit the framebuffer. One that cannot be had leaves the picture as it is, to be
 * stretched. */
static void resize_picture(window *w)
{
    const uint32_t width = w->framebuffer_width, height = w->framebuffer_height;
    target fresh;
    if (!target_init(&fresh, TARGET_COLOUR, width, height)) {
        (void)window_complain(w, "no picture of %ux%u can be had here (the old size stays)", width,
                              height);
        return;
    }
    target_finish(&w->colour);
    w->colour = fresh;
    w->width = width;
    w->height = height;
    w->resized_at = w->now;
}

/* The picture follows the framebuffer; the streamer follows when the size has been kept for a
 * moment, since for that the world is opened anew. A size is tried once. False: the world is gone.
 */
static bool follow_size(window *w)
{
    int width, height;
    glfwGetFramebufferSize(w->handle, &width, &height);
    if (width <= 0 || height <= 0) {
        return true; /* minimized */
    }
    if ((uint32_t)width != w->framebuffer_width || (uint32_t)height != w->framebuffer_height) {
        w->framebuffer_width = (uint32_t)width;
        w->framebuffer_height = (uint32_t)height;
        resize_picture(w);
    }
    if ((w->screen_width == w->width && w->screen_height == w->height) ||
        w->now < w->resized_at + RESIZE_SECONDS) {
        return true;
    }
    w->screen_width = w->width;
    w->screen_height = w->height;
    return window_reopen(w, &w->options->conf);
}

/* ---- why is this pixel blurry? ---- */

/* The pixel of the whole picture that is shown at a place of the window. In the view of mips either
 * half shows the middle of it. */
static views_pixel pixel_at(const window *w, double x, double y)
{
    int width, height;
    glfwGetWindowSize(w->handle, &width, &height);
    double across = x * w->width / fmax(width, 1);
    const double down = y * w->height / fmax(height, 1);
    if (w->state.view == VIEWS_MIPS) {
        const double half = w->width / 2.0;
        across += half / 2 - (across >= half ? half : 0);
    }
    return (views_pixel){w->width, w->height, (uint32_t)fmin(fmax(across, 0), w->width - 1),
                         (uint32_t)fmin(fmax(down, 0), w->height - 1)};
}

static void follow_pick(window *w)
{
    overlay_pick *p = &w->pick;
    if (w->clicked) {
        *p = (overlay_pick){.open = true, .x = w->cursor_x, .y = w->cursor_y};
        w->picked_at = -PICK_SECONDS;
        w->clicked = false;
    }
    if (!p->open || w->now < w->picked_at + PICK_SECONDS) {
        return;
    }
    const views_pixel pixel = pixel_at(w, p->x, p->y);
    w->picked_at = w->now;
    p->textured = views_pick(w->views, &w->at, &pixel, &p->seen);
    if (p->textured) {
        p->why = vt_explain(w->world, &p->seen.pixel);
    } else if (views_error(w->views)[0] != '\0') {
        (void)window_complain(w, "%s", views_error(w->views));
        p->open = false;
    }
}

/* ---- deeds ---- */

static void do_deeds(window *w)
{
    const overlay_deeds deeds = w->deeds;
    w->deeds = (overlay_deeds){false};
    if (deeds.flush_disk) {
        vt_flush_disk(w->world);
    }
    if (deeds.flush_ram) {
        vt_flush_ram(w->world);
    }
    if (deeds.flush_atlas) {
        vt_flush_atlas(w->world);
    }
    if (deeds.cut) {
        window_cut(w);
    }
    if (deeds.write_settings) {
        window_write_settings(w);
    }
    if (deeds.take_picture) {
        window_take_picture(w, false);
    }
    w->stirred |= deeds.flush_disk || deeds.flush_ram || deeds.flush_atlas || deeds.cut;
    window_follow_recording(w);
}

/* ---- a frame ---- */

static void take_messages(window *w)
{
    char line[VIEW_LINE_BYTES];
    while (vt_take_message(w->world, line, sizeof line)) {
        if (window_complain(w, "%s", line)) {
            (void)view_fail("%s", line);
        }
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Whether what is seen is there, and stays: for overlay_content. */
static bool is_settled(window *w, const vt_stats *stats)
{
    if (w->stirred) {
        w->still_from = stats->feedback_images;
        w->stirred = false;
    }
    return stats->feedback_images >= w->still_from + VT_SETTLE_IMAGES && vt_is_settled(w->world);
}

static void draw_overlay(window *w)
{
    vt_stats stats;
    vt_get_stats(w->world, &stats);
    take_messages(w);
    if (w->panel) {
        maps_update(w->maps, w->now, w->state.maps);
    }
    glBindFramebuffer(GL_FRAMEBUFFER, 0);
    glViewport(0, 0, (GLsizei)w->framebuffer_width, (GLsizei)w->framebuffer_height);
    const bool terrain = scene_get_kind(w->scene) == SCENE_TERRAIN;
    const overlay_content content = {
        .panel = w->panel,
        .help = w->help,
        .past = &w->past,
        .stats = &stats,
        .disk = maps_disk(w->maps),
        .ram = maps_ram(w->maps),
        .atlas = maps_atlas(w->maps),
        .log = &w->log,
        .pick = &w->pick,
        .renderer = (const char *)glGetString(GL_RENDERER),
        .world = base_name(vt_get_desc(w->world)->path),
        .scene = terrain ? "terrain" : "picture",
        .now = w->now,
        .x = w->at.x,
        .y = w->at.y,
        .z = w->at.z,
        .speed = pilot_speed(&w->pilot, window_clearance(w)),
        .patches = scene_patches(w->scene),
        .message = w->now < w->message_until ? w->message : "",
        .worlds = w->worlds,
        .settled = is_settled(w, &stats),
    };
    const bool toured = w->state.touring;
    w->deeds = overlay_draw(&content, &w->state);
    w->pick.open = w->state.pick_open;
    if (w->state.touring && !toured) {
        window_begin_tour(w);
    }
}

/* What the panels hide need not be drawn; but for a picture of the scene all of it is. A panel that
 * has become smaller shows for one frame what was behind it before. */
static void skip_hidden(const window *w)
{
    overlay_rectangle hidden[HIDDEN_MOST];
    int width, height;
    if (w->deeds.take_picture) {
        return;
    }
    glfwGetWindowSize(w->handle, &width, &height);
    const double x = w->width / fmax(width, 1), y = w->height / fmax(height, 1);
    const uint32_t count = overlay_hides(hidden, HIDDEN_MOST);
    for (uint32_t i = 0; i < count; i++) {
        const overlay_rectangle *r = &hidden[i];
        target_cover(&w->colour, (int32_t)ceil(r->x * x), (int32_t)ceil(r->y * y),
                     (uint32_t)(r->width * x), (uint32_t)(r->height * y));
    }
}

static void draw_scene(void *user, const camera *at)
{
    window *w = user;
    const views_frame frame = {.at = at, .to = &w->colour, .kind = w->state.view, .now = w->now};
    target_begin(&w->colour);
    skip_hidden(w);
    if (!views_draw(w->views, &frame)) {
        (void)window_complain(w, "%s: %s", views_name(w->state.view), views_error(w->views));
        w->state.view = VIEWS_FINAL;
    }
}

/* A path that stands still is a curve, and rounded. */
static bool has_moved(const camera *from, const camera *to)
{
    static const double LEAST = 1e-6; /* world units, degrees: 80 frames of it are no pixel */
    const double shift = fabs(to->x - from->x) + fabs(to->y - from->y) + fabs(to->z - from->z);
    return shift + fabs(to->yaw - from->yaw) + fabs(to->pitch - from->pitch) > LEAST;
}

/* What comes after the scene: hands, the overlay, and showing it all. */
static void finish(void *user)
{
    window *w = user;
    uint64_t ns = vt_trace_now(w->loop.trace);
    follow_pick(w);
    do_deeds(w);
    target_show(&w->colour, w->framebuffer_width, w->framebuffer_height);
    draw_overlay(w);
    if (w->wants_all) {
        w->wants_all = false;
        window_take_picture(w, true);
    }
    ns = vt_trace_span(w->loop.trace, w->loop.trace_row, "overlay", ns, 0, w->loop.count);
    glfwSwapBuffers(w->handle);
    vt_trace_span(w->loop.trace, w->loop.trace_row, "swap", ns, 0, w->loop.count);
}

/* `seconds`: since the frame before. */
static void draw(window *w, double seconds)
{
    const double ahead = w->options->conf.stream.prefetch_ms / 1000;
    const bool cut = w->cut;
    w->stirred |= cut || has_moved(&w->loop.last, &w->at);
    w->cut = false;
    (void)frame_run(&w->loop, &(frame_input){.world = w->world,
                                             .scene = w->scene,
                                             .width = w->width,
                                             .height = w->height,
                                             .at = &w->at,
                                             .cut = cut,
                                             .now_ms = w->now * 1000,
                                             .steps_ahead = seconds > 0 ? ahead / seconds : 0});
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

static bool is_to_end(const window *w)
{
    return glfwWindowShouldClose(w->handle) || view_is_interrupted();
}

/* While nobody sees the window nothing is drawn. It looks up now and then: a signal ends no wait.
 */
static void wait_while_minimised(const window *w)
{
    while (w->minimised && !is_to_end(w)) {
        glfwWaitEventsTimeout(MINIMISED_SECONDS);
    }
}

/* Until the window is closed, or a signal asks for that. Returns an exit code. */
static int fly(window *w)
{
    vt_stats stats;
    double before = glfwGetTime();
    while (!is_to_end(w)) {
        glfwPollEvents();
        if (w->minimised) {
            wait_while_minimised(w);
            before = glfwGetTime();
            continue;
        }
        w->now = glfwGetTime();
        const double seconds = fmin(w->now - before, 0.25); /* a stall is no cut */
        before = w->now;
        if (!window_follow_settings(w) || !follow_size(w)) {
            return EXIT_FAILED;
        }
        window_move(w, seconds);
        draw(w, seconds);
        vt_get_stats(w->world, &stats);
        history_add(&w->past, (glfwGetTime() - w->now) * 1000, &stats);
        pace(w);
    }
    return EXIT_DONE;
}

/* ---- from beginning to end ---- */

static bool open_window(window *w)
{
    const conf *c = &w->options->conf;
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 4);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 5);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHint(GLFW_DEPTH_BITS, 0); /* drawn into a target of our own, then shown */
    glfwWindowHint(GLFW_OPENGL_DEBUG_CONTEXT, w->options->gl_debug);
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
    if (w->options->gl_debug) {
        headless_gl_on_message(on_gl_message, w);
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
    w->width = w->framebuffer_width = (uint32_t)(width > 0 ? width : 1);
    w->height = w->framebuffer_height = (uint32_t)(height > 0 ? height : 1);
    w->screen_width = w->opened_width = w->width;
    w->screen_height = w->opened_height = w->height;
    if (!window_open_world(w, &w->options->conf, error, sizeof error)) {
        return view_open_failed(error);
    }
    if (!view_path(w->options, scene_get_kind(w->scene), &w->path, error, sizeof error)) {
        return view_fail("%s", error);
    }
    if (!target_init(&w->colour, TARGET_COLOUR, w->width, w->height) ||
        !overlay_create(w->handle, (float)w->options->conf.view.scale)) {
        return view_fail("no memory for a picture of %ux%u", w->width, w->height);
    }
    bool cut;
    w->at = camera_path_at(&w->path, 0, 0, &cut);
    w->state = (overlay_state){.settings = w->options->conf,
                               .settled = true,
                               .view = w->options->view,
                               .looping = true,
                               .touring = true};
    w->cut = true;
    pilot_init(&w->pilot);
    journal_init(&w->log);
    if (w->options->config != NULL) {
        w->watch = watch_open(w->options->config);
    }
    window_say(w, "Tab: what the tiers do; F1: help");
    return fly(w);
}

/* False: what was to be kept for the next run is lost. */
static bool clean_up(window *w)
{
    overlay_destroy();
    target_finish(&w->colour);
    const bool kept = window_close_world(w);
    recorder_destroy(w->recorder);
    watch_close(w->watch);
    camera_path_free(&w->path);
    return kept;
}

/* What is wrong with the files is wrong with a display too. */
static int fail_without_display(const view_options *options)
{
    char error[VIEW_LINE_BYTES];
    camera_path path = {NULL, 0};
    pagefile *file = NULL;
    const char *world = view_world(options);
    const pagefile_status status = pagefile_open(world, &file);
    const int why = errno;
    pagefile_close(file);
    if (status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED) {
        return view_fail("%s: %s: %s", world, pagefile_status_text(status), strerror(why));
    }
    if (status != PAGEFILE_OK) {
        return view_fail("%s: %s", world, pagefile_status_text(status));
    }
    if (!view_path(options, SCENE_TERRAIN, &path, error, sizeof error)) {
        return view_fail("%s", error);
    }
    camera_path_free(&path);
    return view_fail("no display: %s; --headless draws without one", glfw_error);
}

int view_run_window(view_options *options)
{
    glfwSetErrorCallback(on_error);
    view_catch_signals();
    if (!glfwInit()) {
        return fail_without_display(options);
    }
    int code = EXIT_FAILED;
    window *w = calloc(1, sizeof *w);
    if (w == NULL) {
        (void)view_fail("no memory");
    } else {
        w->options = options;
        w->loop = (frame_loop){.draw = draw_scene,
                               .finish = finish,
                               .user = w,
                               .trace = options->trace,
                               .trace_row = options->frame_row};
        if (open_window(w)) {
            code = run_window(w);
            code = window_keep_recording(w) ? code : EXIT_FAILED;
            code = clean_up(w) ? code : EXIT_FAILED;
        }
        if (w->handle != NULL) {
            glfwDestroyWindow(w->handle);
        }
    }
    free(w);
    glfwTerminate();
    return code;
}
