/* window_world.c: the world and the settings in effect.
 *
 *     file, saved ──▶ view_settings ──┐
 *     overlay, keys ──▶ state.settings ┴─▶ apply ──▶ live ones at once, the others by opening anew
 */
#include "tools/view/window/window.h"

#include <glad/gl.h>
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- opening and closing ---- */

static void close_scene(window *w)
{
    maps_destroy(w->maps);
    views_destroy(w->views);
    scene_destroy(w->scene);
    w->maps = NULL;
    w->views = NULL;
    w->scene = NULL;
}

bool window_close_world(window *w)
{
    close_scene(w);
    const bool kept = view_close_world(w->world);
    w->world = NULL;
    return kept;
}

static bool open_scene(window *w, const conf *c, char *error, uint32_t error_bytes)
{
    w->scene = scene_create(w->world, c->view.scene, error, error_bytes);
    if (w->scene == NULL) {
        return false;
    }
    w->views = views_create(w->scene, w->world);
    w->maps = w->views ? maps_create(w->world, w->views) : NULL;
    if (w->maps == NULL) {
        (void)snprintf(error, error_bytes, "no memory");
        close_scene(w);
    }
    return w->maps != NULL;
}

static void set_streaming(window *w, const conf *c)
{
    vt_settings settings = view_streaming(c);
    settings.frozen = w->state.frozen;
    vt_set_settings(w->world, &settings);
}

bool window_open_world(window *w, const conf *c, char *error, uint32_t error_bytes)
{
    vt_desc desc = view_desc(w->options, c);
    desc.screen_width = w->opened_width;
    desc.screen_height = w->opened_height;
    w->world = vt_create(&desc, error, error_bytes);
    if (w->world == NULL) {
        return false;
    }
    w->worlds++;
    set_streaming(w, c);
    if (!open_scene(w, c, error, error_bytes)) {
        (void)window_close_world(w);
    }
    return w->scene != NULL;
}

bool window_reopen(window *w, const conf *next)
{
    char error[VIEW_LINE_BYTES], again[VIEW_LINE_BYTES];
    const uint32_t old_width = w->opened_width, old_height = w->opened_height;
    (void)window_close_world(w); /* what it could not keep it has said */
    w->cut = true;
    w->opened_width = w->screen_width;
    w->opened_height = w->screen_height;
    if (window_open_world(w, next, error, sizeof error)) {
        w->options->conf = *next;
        return true;
    }
    (void)window_complain(w, "%s (the old settings stay)", error);
    w->opened_width = old_width;
    w->opened_height = old_height;
    if (window_open_world(w, &w->options->conf, again, sizeof again)) {
        return true;
    }
    (void)view_fail("%s", again);
    return false;
}

/* The path that goes with a scene, unless one was recorded here or named. */
static void reload_path(window *w)
{
    char error[VIEW_LINE_BYTES];
    camera_path path;
    if (w->path_is_ours) {
        return;
    }
    if (!view_path(w->options, scene_get_kind(w->scene), &path, error, sizeof error)) {
        (void)window_complain(w, "%s (the old path stays)", error);
        return;
    }
    camera_path_free(&w->path);
    w->path = path;
    w->tour_seconds = 0;
}

/* Another scene of the same world. False: not even the old one can be had. */
static bool change_scene(window *w, const conf *next)
{
    char error[VIEW_LINE_BYTES];
    close_scene(w);
    w->cut = true;
    if (open_scene(w, next, error, sizeof error)) {
        w->options->conf = *next;
        reload_path(w);
        return true;
    }
    (void)window_complain(w, "%s (the old scene stays)", error);
    if (open_scene(w, &w->options->conf, error, sizeof error)) {
        return true;
    }
    (void)view_fail("%s", error);
    return false;
}

/* ---- settings ---- */

/* Puts `next` into effect. False: the world is gone. */
static bool apply(window *w, const conf *next)
{
    conf *now = &w->options->conf;
    bool reopens;
    if (!conf_differs(now, next, &reopens)) {
        return true;
    }
    if (next->view.width != now->view.width || next->view.height != now->view.height) {
        glfwSetWindowSize(w->handle, (int)next->view.width, (int)next->view.height);
    }
    if (reopens) {
        return window_reopen(w, next);
    }
    set_streaming(w, next);
    if (now->view.scene != next->view.scene) {
        return change_scene(w, next);
    }
    const bool new_path = strcmp(now->view.path, next->view.path) != 0;
    *now = *next;
    if (new_path) {
        w->path_is_ours = false;
        reload_path(w);
    }
    return true;
}

/* The file was saved: what it says holds, and what the overlay had changed is forgotten. */
static bool read_again(window *w)
{
    conf next;
    conf_error error;
    if (!view_settings(w->options, &next, &error)) {
        (void)window_complain(w, "%s (the old settings stay)", error.line);
        return true;
    }
    window_say(w, "settings read again from %s", w->options->config);
    return apply(w, &next);
}

bool window_follow_settings(window *w)
{
    vt_settings streaming;
    bool alive = true;
    if (watch_changed(w->watch)) {
        alive = read_again(w);
    } else if (w->state.settled) {
        alive = apply(w, &w->state.settings);
    } else {
        return true; /* a slider is being dragged: its draft waits */
    }
    w->state.settings = w->options->conf;
    if (alive) {
        vt_get_settings(w->world, &streaming);
        if (streaming.frozen != w->state.frozen) {
            set_streaming(w, &w->options->conf);
        }
    }
    return alive;
}

void window_write_settings(window *w)
{
    char name[WINDOW_NAME_BYTES];
    window_fresh_name(name, "conf");
    FILE *out = fopen(name, "wxe");
    if (out == NULL) {
        (void)window_complain(w, "%s: %s", name, strerror(errno));
        return;
    }
    (void)fputs("# Settings of megabuddy, as they were when this was written: for megabuddy view "
                "--config.\n# Names of files are as they were given: relative ones hold in this "
                "folder.\n\n",
                out);
    const conf settings = view_written_settings(w->options);
    conf_write(&settings, out);
    const bool written = ferror(out) == 0;
    if (fclose(out) != 0 || !written) {
        (void)window_complain(w, "%s: %s", name, strerror(errno));
        (void)remove(name);
        return;
    }
    window_say(w, "settings written to %s", name);
}
