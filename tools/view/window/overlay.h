/* overlay.h: figures and words over a window's picture, by Dear ImGui: a C face on C++.
 *
 * Thread: the one with the window's OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_OVERLAY_H
#define MEGABUDDY_TOOLS_VIEW_OVERLAY_H

#include "engine/vt.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct GLFWwindow;

enum { OVERLAY_FRAMES = 240 }; /* frames whose times are plotted */

/* What to show, all measured. */
typedef struct overlay_content {
    bool panel, help;      /* whether each is open */
    const float *frame_ms; /* a ring of OVERLAY_FRAMES */
    uint32_t frame_count;  /* written so far; the next goes to frame_count % OVERLAY_FRAMES */
    const vt_stats *stats;
    const char *renderer, *world;
    const char *sync;      /* which allocator the RAM tier has */
    double x, y, z, speed; /* of the camera; world units, and a second */
    uint32_t patches;      /* of the ground, drawn */
    const char *message;   /* one line; "": none */
} overlay_content;

/* Takes over the window's callbacks, those set before are called too. False: it can't be had. */
bool overlay_create(struct GLFWwindow *window);
void overlay_destroy(void); /* also when it was not created */

void overlay_draw(const overlay_content *content); /* into the window's own framebuffer */

/* Whether the mouse or the keys are over the overlay's own parts now. */
bool overlay_wants_mouse(void);

#ifdef __cplusplus
}
#endif

#endif
