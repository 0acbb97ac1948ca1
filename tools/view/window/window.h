/* window.h: a window under way, shared by its halves: the frames, and the hands at keys and
 * mouse. Thread: the main one; GLFW calls back on it, from glfwPollEvents. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_H

#include "tools/view/scene/target.h"
#include "tools/view/view.h"
#include "tools/view/window/overlay.h"
#include "tools/view/window/pilot.h"

#include <sys/types.h>
#include <time.h>

struct GLFWwindow;

/* A file's state, to see that it was saved. */
typedef struct stamp {
    struct timespec modified;
    off_t bytes;
} stamp;

typedef struct window {
    view_options *options;
    struct GLFWwindow *handle;
    vt *world;
    scene *scene;
    target colour;
    camera_path path;
    camera at, last;
    pilot pilot;
    pilot_input hands; /* gathered by callbacks until the frame takes them */
    double cursor_x, cursor_y;
    bool help, panel, touring, full_screen, wants_picture;
    bool cut;            /* the camera jumps with the next frame */
    double tour_seconds; /* along the path */
    double now;          /* seconds; glfwGetTime at the frame's begin */
    double next_frame;   /* when the cap on frames lets the next one begin */
    double watched_at, resized_at, message_until;
    uint32_t width, height; /* of the framebuffer, pixels */
    stamp config;
    uint64_t frame;
    float frame_ms[OVERLAY_FRAMES];
    char message[VIEW_LINE_BYTES];
    int windowed[4]; /* x, y, width, height before full screen */
} window;

/* Begins to hear keys, buttons, the mouse and the wheel. Before overlay_create, which passes on. */
void window_listen(window *w);

/* Takes what the hands did since the last frame, `seconds` ago; ends the tour if they steered. */
pilot_input window_take_input(window *w, double seconds);

#endif
