/* view.h: what the parts of `megabuddy view` share: the command line as understood, and opening a
 * world by it.
 *
 *     view.c ── arguments ──┬── window.c    GLFW ── input.c, pilot.c, overlay.cpp
 *                           └── headless.c  a path, frame by frame ── reference.c
 *                                                └── report.c
 * Thread: the main one. */
#ifndef MEGABUDDY_TOOLS_VIEW_VIEW_H
#define MEGABUDDY_TOOLS_VIEW_VIEW_H

#include "engine/vt.h"
#include "tools/base/options.h"
#include "tools/view/camera.h"
#include "tools/view/conf.h"
#include "tools/view/scene/scene.h"
#include "tools/view/scene/views.h"

#define VIEW_LINE_BYTES 1024

/* The command line. Strings live as long as argv. */
typedef struct view_options {
    const char *world;      /* NULL: conf.disk.source */
    const char *config;     /* file; NULL: none */
    option_texts sets;      /* "tier.key=value", in order */
    const char *path;       /* camera path file; NULL: conf.view.path */
    const char *report;     /* folder; NULL: none */
    const char *trace_file; /* NULL: none */
    vt_trace *trace;        /* what goes into it; NULL: none */
    uint32_t frame_row;     /* in it: what the main thread does of a frame */
    uint32_t width, height; /* pixels; 0: conf.view's */
    views_kind view;        /* to begin with; headless: of all frames */
    uint32_t frames;        /* 0: by the path's length */
    bool headless, deterministic, gl_debug;
    conf conf; /* defaults, then the file, then sets */
} view_options;

/* Reads the file and the sets again into *c. False: error->line says why, *c is unchanged. */
bool view_settings(const view_options *options, conf *c, conf_error *error);

const char *view_world(const view_options *options); /* the world's file, as it was named */

/* The settings in effect as they are written down, for who reads them later: with what the command
 * line named, world and path, as it was named: a relative name holds in the folder where the viewer
 * was started, which is where its settings and pictures go. (A name of CONF_TEXT_BYTES or more is
 * no setting, and left out.) */
conf view_written_settings(const view_options *options);

/* The desc and the settings that `c` asks for. */
vt_desc view_desc(const view_options *options, const conf *c);
vt_settings view_streaming(const conf *c);

/* What --path, or view.path, or the scene asks for. False: error has one line. */
bool view_path(const view_options *options, scene_kind kind, camera_path *path, char *error,
               size_t error_bytes);

/* Prints "megabuddy: view: WHY" and returns the exit code that vt_create's error calls for: a
 * budget that is too small is a wrong setting, all else a failure. */
int view_open_failed(const char *why);

/* Prints "megabuddy: view: WHY", printf style. Returns EXIT_FAILED. */
int view_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Closes it; NULL does nothing. False: what was to be kept between runs could not be; said why. */
bool view_close_world(vt *world);

/* From now on SIGINT (Ctrl-C), SIGTERM and SIGHUP only ask for the end, the first time. Then
 * view_is_interrupted. */
void view_catch_signals(void);
bool view_is_interrupted(void);

int view_run_window(view_options *options);
int view_run_headless(const view_options *options);

#endif
