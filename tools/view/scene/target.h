/* target.h: something to draw into that is not a window: a picture of colours, or of whole numbers,
 * with a depth buffer. And making programs from GLSL. Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_TARGET_H
#define MEGABUDDY_TOOLS_VIEW_TARGET_H

#include <stdbool.h>
#include <stdint.h>

typedef enum target_format {
    TARGET_COLOUR,  /* RGBA8, sRGB: shaders write linear light */
    TARGET_VERDICT, /* R8UI: what an audit pass writes */
} target_format;

/* GL names; all 0 in an empty target. */
typedef struct target {
    target_format format;
    uint32_t width, height; /* pixels */
    uint32_t framebuffer, picture, depth;
} target;

/* Returns false, and leaves t empty, when the card refuses. Precondition: sides are not 0. */
bool target_init(target *t, target_format format, uint32_t width, uint32_t height);
void target_finish(target *t);

/* Binds it for drawing over all of it, depth cleared; the picture of verdicts is cleared to 0. */
void target_begin(const target *t);

/* Keeps what is drawn from now on out of a rectangle, pixels from the top left corner: for what
 * lies under something opaque, which need not be shaded. After target_begin. */
void target_cover(const target *t, int32_t x, int32_t y, uint32_t width, uint32_t height);

/* Reads the picture back, rows top down: RGBA bytes as stored (sRGB), or a byte a pixel. Waits for
 * the card. `out` holds width * height * 4 bytes, or * 1. */
void target_read(const target *t, uint8_t *out);

/* Shows a colour target on the window's own framebuffer, and leaves that bound for drawing. */
void target_show(const target *t, uint32_t window_width, uint32_t window_height);

/* Reads what was drawn into the window, as target_read does a colour target; opaque. */
void target_read_window(uint32_t width, uint32_t height, uint8_t *out);

/* Compiles and links a program of two shaders, each of up to four pieces of text (NULL: no more),
 * with "#version 450 core" in front. 0: `error` has the first line of what the driver said. */
uint32_t target_program(const char *const vertex[4], const char *const fragment[4], char *error,
                        uint32_t error_bytes);

#endif
