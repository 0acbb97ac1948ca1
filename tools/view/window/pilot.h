/* pilot.h: how a user's hands move the camera: keys held, the mouse dragged, the wheel. No window
 * here: what was done comes in as numbers. Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_PILOT_H
#define MEGABUDDY_TOOLS_VIEW_PILOT_H

#include "tools/view/camera.h"

/* What the hands did since the last frame. */
typedef struct pilot_input {
    double seconds;            /* since the last frame */
    int forward, right, up;    /* -1, 0, 1: keys held */
    bool fast;                 /* shift */
    bool dragging;             /* a mouse button is held */
    double drag_x, drag_y;     /* pixels, right and down */
    double cursor_x, cursor_y; /* pixels from the picture's middle, right and down */
    double wheel;              /* notches, up positive */
    double height;             /* of the window, pixels */
} pilot_input;

typedef struct pilot {
    double pace; /* heights above the ground a second */
} pilot;

void pilot_init(pilot *p);

/* Flies over a relief: forward is where one looks; the speed grows with the height above the ground
 * `clearance`, so that the whole world and a single valley are both within reach. */
void pilot_fly(pilot *p, const pilot_input *in, double clearance, camera *c);

/* Moves over a flat picture, straight down: dragging moves what is under the cursor along with it,
 * the wheel zooms towards it. */
void pilot_pan(pilot *p, const pilot_input *in, camera *c);

/* World units a second that a key held moves the camera. */
double pilot_speed(const pilot *p, double clearance);

#endif
