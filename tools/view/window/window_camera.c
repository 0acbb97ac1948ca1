/* window_camera.c: where one looks from: by hand, along a path, or by a cut; and recording it. */
#include "tools/view/window/window.h"

#include <math.h>
#include <stdio.h>

double window_clearance(const window *w)
{
    return w->at.y - scene_ground(w->scene, w->at.x, w->at.z);
}

/* ---- the tour ---- */

void window_begin_tour(window *w)
{
    w->state.touring = true;
    w->tour_seconds = 0;
    w->cut = true;
}

/* Flies on along the path; at its end it begins anew, or hands take over. */
static void fly_tour(window *w, double seconds)
{
    const double before = w->tour_seconds, end = camera_path_seconds(&w->path);
    bool cut;
    if (before >= end && !w->state.looping) {
        w->state.touring = false;
        window_say(w, "the path ends here");
        return;
    }
    w->tour_seconds = before >= end ? 0 : fmin(before + seconds, end);
    w->at = camera_path_at(&w->path, before, w->tour_seconds, &cut);
    w->cut = w->cut || cut || w->tour_seconds < before;
}

/* ---- cuts ---- */

/* 0 … 1: well spread for n = 0, 1, 2 … by the plastic number's powers. M. Roberts, "The
 * unreasonable effectiveness of quasirandom sequences", 2018. */
static double spread(uint32_t n, double step)
{
    return fmod(0.5 + n * step, 1);
}

void window_cut(window *w)
{
    const vt_info *info = vt_get_info(w->world);
    const double width = CAMERA_WORLD_HEIGHT * info->shape.width / info->shape.height;
    const uint32_t n = ++w->cuts;
    const bool terrain = scene_get_kind(w->scene) == SCENE_TERRAIN;
    const double u = spread(n, 0.7548776662466927), v = spread(n, 0.5698402909980532);
    camera to = {.x = (u - 0.5) * width,
                 .z = (v - 0.5) * 0.7 * CAMERA_WORLD_HEIGHT, /* not at the poles */
                 .yaw = terrain ? 360 * spread(n, 0.618033988749895) : 0,
                 .pitch = terrain ? -16 : -90};
    to.y = scene_ground(w->scene, to.x, to.z) + 8 + 60 * spread(n, 0.414213562373095);
    w->at = scene_keep_above(w->scene, &to);
    w->cut = true;
    w->state.touring = false;
}

/* ---- recording ---- */

static void begin_recording(window *w)
{
    const vt_info *info = vt_get_info(w->world);
    const double width = CAMERA_WORLD_HEIGHT * info->shape.width / info->shape.height;
    w->recorder = recorder_create(info->wrap_x ? width : 0);
    w->recorded = 0;
    w->state.recording = w->recorder != NULL;
    window_say(w, w->recorder ? "recording; R ends it" : "no memory to record");
}

/* Writes what was recorded, and makes it the path that T flies. */
static void end_recording(window *w)
{
    char name[WINDOW_NAME_BYTES], error[VIEW_LINE_BYTES];
    camera_path path;
    window_fresh_name(name, "path");
    if (!recorder_path(w->recorder, &path, error, sizeof error)) {
        (void)window_complain(w, "%s", error);
    } else {
        camera_path_free(&w->path);
        w->path = path;
        w->path_is_ours = true;
        if (recorder_write(w->recorder, name, view_world(w->options), error, sizeof error)) {
            window_say(w, "%s written; T flies it", name);
        } else {
            (void)window_complain(w, "%s; T flies what was recorded", error);
        }
    }
    recorder_destroy(w->recorder);
    w->recorder = NULL;
    w->state.recording = false;
}

bool window_keep_recording(window *w)
{
    char name[WINDOW_NAME_BYTES], error[VIEW_LINE_BYTES];
    if (w->recorder == NULL || recorder_is_empty(w->recorder)) {
        return true;
    }
    window_fresh_name(name, "path");
    if (!recorder_write(w->recorder, name, view_world(w->options), error, sizeof error)) {
        (void)view_fail("%s; the path that was being recorded is lost", error);
        return false;
    }
    (void)printf("%s: the path that was being recorded\n", name);
    return true;
}

void window_follow_recording(window *w)
{
    if (w->state.recording && w->recorder == NULL) {
        begin_recording(w);
    } else if (!w->state.recording && w->recorder != NULL) {
        end_recording(w);
    }
}

static void record(window *w, double seconds)
{
    if (w->recorder != NULL) {
        if (!recorder_add(w->recorder, w->recorded, &w->at, w->cut)) {
            w->state.recording = false; /* as long as a path may be */
        }
        w->recorded += seconds;
    }
}

/* ---- a frame ---- */

void window_move(window *w, double seconds)
{
    const pilot_input in = window_take_input(w, seconds);
    if (w->state.touring) {
        fly_tour(w, seconds);
    } else if (scene_get_kind(w->scene) == SCENE_TERRAIN) {
        pilot_fly(&w->pilot, &in, window_clearance(w), &w->at);
    } else {
        pilot_pan(&w->pilot, &in, &w->at);
    }
    w->at = scene_keep_above(w->scene, &w->at);
    record(w, seconds);
}
