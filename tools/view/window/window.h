/* window.h: a window under way, shared by its parts. Thread: the main one; GLFW calls back on it,
 * from glfwPollEvents.
 *
 *     window.c           a frame from beginning to end
 *     input.c            what hands do at keys and mouse ─▶ pilot.c moves the camera by it
 *     window_camera.c    the camera: hands, tour, cuts, recording
 *     window_picture.c   pictures, by keys or buttons
 *     window_world.c     opening the world, and anew; settings from file, overlay and to file
 *     overlay*.cpp       figures, maps, knobs ◀── maps.c, history.c, journal.c */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_WINDOW_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_WINDOW_H

#include "tools/view/frame.h"
#include "tools/view/recorder.h"
#include "tools/view/scene/target.h"
#include "tools/view/view.h"
#include "tools/view/window/overlay.h"
#include "tools/view/window/pilot.h"
#include "tools/view/window/watch.h"

struct GLFWwindow;

#define WINDOW_NAME_BYTES 64

typedef struct window {
    view_options *options; /* its conf is what is in effect */
    struct GLFWwindow *handle;

    /* the world, and what goes with it */
    vt *world;
    scene *scene;
    views *views;
    maps *maps;
    target colour;
    uint32_t width, height; /* of the picture, pixels: the framebuffer's, unless that is refused */
    uint32_t framebuffer_width, framebuffer_height; /* as last looked at */
    uint32_t screen_width, screen_height;           /* that the streamer was last asked for */
    uint32_t opened_width, opened_height;           /* that it has: those, unless they failed */

    /* the camera */
    camera at;
    camera_path path;
    bool path_is_ours; /* it was recorded here: a new scene does not change it */
    pilot pilot;
    double tour_seconds; /* along the path */
    recorder *recorder;  /* NULL: not recording */
    double recorded;     /* seconds since recording began */
    uint32_t cuts;       /* by hand so far: chooses the next place */
    bool cut;            /* the next frame is one: streaming is told, and nothing fades */

    /* hands: gathered by callbacks until the frame takes them */
    pilot_input hands;
    double cursor_x, cursor_y; /* window coordinates */
    double pressed_at;         /* seconds; when a button was, and … */
    uint64_t pressed_frame;    /* … in which frame */
    double dragged;            /* pixels since then */
    bool help, panel, full_screen, clicked;
    bool minimised;      /* nobody sees a frame */
    bool wants_all;      /* a picture of the window with what lies over the scene */
    overlay_state state; /* what overlay and keys change; its settings are a draft */
    overlay_deeds deeds; /* to be done with this frame */
    int windowed[4];     /* x, y, width, height before full screen */

    /* what is shown */
    overlay_pick pick;
    double picked_at;
    journal log;
    history past;
    watch *watch;

    /* time, seconds */
    double now;        /* glfwGetTime at the frame's begin */
    double next_frame; /* when the cap on frames lets the next one begin */
    double resized_at, message_until;
    frame_loop loop;
    uint64_t still_from; /* feedback images before the camera stood still */
    uint32_t worlds;     /* times that the world was opened */
    bool stirred;        /* what is seen or held has changed since still_from */
    char message[VIEW_LINE_BYTES];
} window;

/* ---- window.c ---- */

/* Shows a line for a few seconds. */
void window_say(window *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of something that went wrong, which also goes to the log. Returns whether it is worth
 * printing: it is new, and not one of too many. */
bool window_complain(window *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- input.c ---- */

/* Begins to hear keys, buttons, the mouse and the wheel. Before overlay_create, which passes on. */
void window_listen(window *w);

/* Takes what the hands did since the last frame, `seconds` ago; ends the tour if they steered. */
pilot_input window_take_input(window *w, double seconds);

/* ---- window_camera.c ---- */

void window_move(window *w, double seconds);
void window_cut(window *w);               /* to another place */
void window_begin_tour(window *w);        /* from its beginning */
void window_follow_recording(window *w);  /* begins or ends as state.recording says */
bool window_keep_recording(window *w);    /* at the end; says where it is. False: said why not */
double window_clearance(const window *w); /* height above the ground, world units */

/* ---- window_picture.c ---- */

/* Writes "megabuddy-DATE-TIME.EXTENSION", with a number where there is such a file already. */
void window_fresh_name(char name[WINDOW_NAME_BYTES], const char *extension);

/* Saves the scene, or where `all` the window with what lies over it, as a PNG that carries the
 * world, the view, the camera and the settings. */
void window_take_picture(window *w, bool all);

/* ---- window_world.c ---- */

/* Opens the world and what goes with it by `c`. False: `error` has one line, nothing is open. */
bool window_open_world(window *w, const conf *c, char *error, uint32_t error_bytes);
bool window_close_world(window *w); /* false: see view_close_world */

/* Closes the world and opens it with `next`, for a screen of screen_width x screen_height; with the
 * old settings and for the old screen when it can't be. The budgets are hard, so both are not open
 * at once. False: neither opens. */
bool window_reopen(window *w, const conf *next);

/* Takes in what the file of settings, the overlay or keys have changed. False: the world is gone.
 */
bool window_follow_settings(window *w);

/* A commented config file, under a fresh name: as view_written_settings says. */
void window_write_settings(window *w);

#endif
