/* headless_gl.h: an OpenGL 4.5 core context without a window or a display, through EGL.
 *
 * Tried in this order: every device that EGL lists (a graphics card in a server), then Mesa's
 * surfaceless platform, then the default display. There is no default framebuffer: draw into
 * framebuffer objects. libEGL is loaded when asked for, so the program starts without it.
 *
 *     char error[256];
 *     if (!headless_gl_open(error, sizeof error)) { … }
 *     headless_gl_on_message(count_message, &counters);
 *     … glCreateTextures(…) …
 *     headless_gl_close();
 *
 * Threads: one context in the process, current on the thread that opened it; all functions there.
 */
#ifndef MEGABUDDY_TOOLS_VIEW_HEADLESS_GL_H
#define MEGABUDDY_TOOLS_VIEW_HEADLESS_GL_H

#include <stdbool.h>
#include <stdint.h>

/* A message of OpenGL's debug output; source, type and severity are GL_DEBUG_* values. */
typedef struct headless_gl_message {
    uint32_t source, type, severity, id;
    const char *text; /* until the callback returns */
} headless_gl_message;

typedef void headless_gl_listener(const headless_gl_message *message, void *user);

/* Makes a debug context current and loads its functions (glad). False: none is to be had, and
 * `error` says why in one line. Precondition: none is open. */
bool headless_gl_open(char *error, uint32_t error_bytes);
void headless_gl_close(void); /* does nothing when none is open */

/* Calls `listener` for every debug message of the current context, on the thread and inside the
 * call that caused it. Works for any current debug context, a window's too. Group markers
 * (glPushDebugGroup) are left out. NULL: no more. */
void headless_gl_on_message(headless_gl_listener *listener, void *user);

#endif
