/* overlay.h: the three tiers live, and all their knobs, over a window's picture, by Dear ImGui: a C
 * face on C++.
 *
 *     +------------+                          +------------+
 *     | figures    |                          | settings   |
 *     | disk       |        the scene         | deeds      |
 *     | RAM        |                          | log        |
 *     | VRAM       |                          |            |
 *     +------------+     [ why a pixel … ]    +------------+
 *
 * It shows what it is given and says what hands asked for; it changes nothing by itself.
 *
 * For tests, the environment's MEGABUDDY_LAYOUT names a file that is written anew with each frame,
 * just before it is shown. First lines `name value`, whole numbers, by which one can wait for what
 * one has done: `frame` counts them; `settled` is 1 when the camera stands still and all that it
 * sees is there (see overlay_content); `message` is 1 while a line of text is shown; `reading`
 * counts the clusters not read yet, `log` the lines of the log, `worlds` how often the world was
 * opened; `view` is the key that shows it; `terrain`, `panel`, `help`, `pick`, `touring`,
 * `looping`, `recording` and `frozen` are 0 or 1. After them `says` and the line of text that is
 * shown. Then where each control lies, `name x y width height` in window coordinates.
 *
 * Thread: the one with the window's OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_OVERLAY_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_OVERLAY_H

#include "engine/vt_watch.h"
#include "tools/view/conf.h"
#include "tools/view/window/history.h"
#include "tools/view/window/journal.h"
#include "tools/view/window/maps.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct GLFWwindow;

/* A pixel that was asked about. */
typedef struct overlay_pick {
    bool open;
    double x, y;   /* window coordinates */
    bool textured; /* else nothing is there */
    views_seen seen;
    vt_why why;
} overlay_pick;

/* What to show, all measured. */
typedef struct overlay_content {
    bool panel, help; /* whether each is open */
    const history *past;
    const vt_stats *stats;
    maps_picture disk, ram, atlas;
    const journal *log;
    const overlay_pick *pick;
    const char *renderer, *world, *scene;
    double now, x, y, z, speed; /* seconds; of the camera: world units, and a second */
    uint32_t patches;           /* of the ground, drawn */
    const char *message;        /* one line; "": none */
    uint32_t worlds;            /* times that the world was opened */
    bool settled; /* feedback enough has seen all pixels since the camera moved last, the world was
                   * opened or a tier emptied, and nothing is missing, queued or fading */
} overlay_content;

/* What can be set by it, in and out: comes as it is, goes as hands left it. */
typedef struct overlay_state {
    conf settings;
    bool settled; /* out: settings are to be taken: no slider of a costly one is being dragged */
    views_kind view;
    maps_style maps;
    bool frozen, recording, looping, touring;
    bool pick_open;
} overlay_state;

/* What was asked for since the last frame. */
typedef struct overlay_deeds {
    bool flush_disk, flush_ram, flush_atlas, cut, write_settings, take_picture;
} overlay_deeds;

/* Takes over the window's callbacks, those set before are called too. scale: of letters; 0: as the
 * screen asks. False: it can't be had. */
bool overlay_create(struct GLFWwindow *window, float scale);
void overlay_destroy(void); /* also when it was not created */

/* Draws into the window's own framebuffer. */
overlay_deeds overlay_draw(const overlay_content *content, overlay_state *state);

/* Where the last frame's panels hide what lies behind them: writes at most `room` rectangles,
 * window coordinates, and returns how many. */
typedef struct overlay_rectangle {
    float x, y, width, height;
} overlay_rectangle;

uint32_t overlay_hides(overlay_rectangle out[], uint32_t room);

/* Whether the mouse, at window coordinates x and y, is over the overlay's own parts. */
bool overlay_wants_mouse(double x, double y);
bool overlay_wants_keys(void); /* whether keys go to it */

#ifdef __cplusplus
}
#endif

#endif
