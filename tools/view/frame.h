/* frame.h: a frame of a streamed scene, the same in a window, in a headless run and in `bench
 * stream`:
 *
 *     vt_update ─▶ feedback ─▶ predicted feedback ─▶ draw ─▶ finish
 *     what has     what does   every fourth frame:   the     the caller's: the window's
 *     arrived is   this        what will a camera    caller's overlay and the swap, or
 *     put into     camera      want that goes on     picture a wait for the card
 *     the atlas    want?       as it did?
 *
 * The caller keeps a frame_loop for as long as it draws, whose callbacks draw the picture and end
 * the frame. For every frame it says what to draw, where the camera is, whether it was cut there,
 * and what the clock shows. The clock is the caller's: a run that is to be repeated has its own.
 *
 *     frame_loop loop = {.draw = draw, .user = me};
 *     while (…) {
 *         frame_run(&loop, &(frame_input){.world = world, .scene = scene, .width = 1280,
 *                                         .height = 720, .at = &at, .now_ms = now});
 *     }
 *
 * Thread: the one with the OpenGL context; the callbacks run on it, inside frame_run. */
#ifndef MEGABUDDY_TOOLS_VIEW_FRAME_H
#define MEGABUDDY_TOOLS_VIEW_FRAME_H

#include "engine/vt.h"
#include "tools/view/camera.h"
#include "tools/view/scene/scene.h"

#define FRAME_PREDICT_EVERY 4 /* frames: the camera's way is smooth, and a pass costs time */

typedef void frame_draw(void *user, const camera *at); /* binds its own target */
typedef void frame_finish(void *user);                 /* writes its own spans of the timeline */

typedef struct frame_loop {
    /* the caller's */
    frame_draw *draw;
    frame_finish *finish; /* NULL: glFinish */
    void *user;           /* goes to both */
    vt_trace *trace;      /* the timeline of what a frame does; NULL: none */
    uint32_t trace_row;   /* in it */

    /* frame_run's: for others to read */
    camera last;    /* of the frame before */
    uint64_t count; /* frames done */
} frame_loop;

typedef struct frame_input {
    vt *world;
    scene *scene;           /* of that world */
    uint32_t width, height; /* of the picture, pixels */
    const camera *at;
    bool cut;           /* the camera did not glide here from where it was */
    double now_ms;      /* the streamer's clock */
    double steps_ahead; /* the predicted camera goes on for so many frames; 0: none is predicted */
} frame_input;

/* Runs one frame. Returns the milliseconds that it took, from vt_update to the end of `finish`. */
double frame_run(frame_loop *loop, const frame_input *in);

#endif
