/* gl_rig.h: what tests of real OpenGL share: a context without a display, a listener that no
 * message of the driver escapes, and a full-screen triangle whose fragments come back as numbers.
 */
#ifndef MEGABUDDY_TESTS_GL_RIG_H
#define MEGABUDDY_TESTS_GL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <glad/gl.h>

#define GL_RIG_SKIPPED 77 /* what a test program returns to ctest when there is no OpenGL */

/* uv at the target's first corner, and across all of it; row 0 of what is drawn is at v. */
typedef struct gl_rig_area {
    float u, v, width, height;
} gl_rig_area;

bool gl_rig_open(void); /* false: no OpenGL here, and says so on stdout */
void gl_rig_close(void);

/* Fails the test when the driver has complained since the last call. */
void gl_rig_expect_quiet(void);

/* Text that programs made from now on have after their #version line; "" at first. */
void gl_rig_define(const char *text);

/* Whether programs made from now on have an atlas of rectangle textures (gpu_has_rectangles). */
void gl_rig_set_rectangles(bool rectangles);

/* A program of the full-screen triangle and a fragment shader: #version, vt_glsl's text, `body`,
 * which reads `in vec2 uv`. Fails the test when it does not compile. */
GLuint gl_rig_program(const char *body);

/* Draws into whatever framebuffer and viewport are bound. */
void gl_rig_draw(GLuint program, gl_rig_area area);

/* Draws into a fresh target of width x height and reads it back. */
void gl_rig_draw_colours(GLuint program, gl_rig_area area, uint32_t width, uint32_t height,
                         float *rgba);
void gl_rig_draw_ids(GLuint program, gl_rig_area area, uint32_t width, uint32_t height,
                     uint32_t *ids);

#endif
