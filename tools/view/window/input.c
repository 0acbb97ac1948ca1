/* input.c: what hands do to the window: GLFW's callbacks gather it, a frame takes it. */
#include "tools/view/window/window.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

static void take_over(window *w)
{
    w->touring = false;
}

static void toggle_full_screen(window *w)
{
    int *old = w->windowed;
    w->full_screen = !w->full_screen;
    if (!w->full_screen) {
        glfwSetWindowMonitor(w->handle, NULL, old[0], old[1], old[2], old[3], GLFW_DONT_CARE);
        return;
    }
    GLFWmonitor *monitor = glfwGetPrimaryMonitor();
    const GLFWvidmode *mode = monitor ? glfwGetVideoMode(monitor) : NULL;
    if (mode == NULL) {
        w->full_screen = false;
        return;
    }
    glfwGetWindowPos(w->handle, &old[0], &old[1]);
    glfwGetWindowSize(w->handle, &old[2], &old[3]);
    glfwSetWindowMonitor(w->handle, monitor, 0, 0, mode->width, mode->height, mode->refreshRate);
}

static void on_key(GLFWwindow *handle, int key, int scancode, int action, int mods)
{
    (void)scancode;
    (void)mods;
    window *w = glfwGetWindowUserPointer(handle);
    if (action != GLFW_PRESS) {
        return;
    }
    switch (key) {
    case GLFW_KEY_ESCAPE:
        glfwSetWindowShouldClose(handle, GLFW_TRUE);
        break;
    case GLFW_KEY_F1:
        w->help = !w->help;
        break;
    case GLFW_KEY_TAB:
        w->panel = !w->panel;
        break;
    case GLFW_KEY_F11:
        toggle_full_screen(w);
        break;
    case GLFW_KEY_P:
        w->wants_picture = true;
        break;
    case GLFW_KEY_T:
        w->touring = true;
        w->cut = true;
        break;
    default:
        break;
    }
}

static void on_button(GLFWwindow *handle, int button, int action, int mods)
{
    (void)button;
    (void)mods;
    window *w = glfwGetWindowUserPointer(handle);
    w->hands.dragging = action == GLFW_PRESS && !overlay_wants_mouse();
    if (w->hands.dragging) {
        take_over(w);
    }
    /* The mouse is the viewer's only while a button is held: it may then leave the window's edge.
     */
    const bool looks = w->hands.dragging && scene_get_kind(w->scene) == SCENE_TERRAIN;
    glfwSetInputMode(handle, GLFW_CURSOR, looks ? GLFW_CURSOR_DISABLED : GLFW_CURSOR_NORMAL);
    glfwGetCursorPos(handle, &w->cursor_x, &w->cursor_y);
}

static void on_cursor(GLFWwindow *handle, double x, double y)
{
    window *w = glfwGetWindowUserPointer(handle);
    if (w->hands.dragging) {
        w->hands.drag_x += x - w->cursor_x;
        w->hands.drag_y += y - w->cursor_y;
    }
    w->cursor_x = x;
    w->cursor_y = y;
}

static void on_wheel(GLFWwindow *handle, double x, double y)
{
    (void)x;
    window *w = glfwGetWindowUserPointer(handle);
    w->hands.wheel += y;
    take_over(w);
}

static bool held(const window *w, int key, int other)
{
    return glfwGetKey(w->handle, key) == GLFW_PRESS || glfwGetKey(w->handle, other) == GLFW_PRESS;
}

pilot_input window_take_input(window *w, double seconds)
{
    pilot_input in = w->hands;
    int width, height;
    glfwGetWindowSize(w->handle, &width, &height);
    in.seconds = seconds;
    in.height = height;
    in.cursor_x = w->cursor_x - width / 2.0;
    in.cursor_y = w->cursor_y - height / 2.0;
    in.forward = held(w, GLFW_KEY_W, GLFW_KEY_UP) - held(w, GLFW_KEY_S, GLFW_KEY_DOWN);
    in.right = held(w, GLFW_KEY_D, GLFW_KEY_RIGHT) - held(w, GLFW_KEY_A, GLFW_KEY_LEFT);
    in.up = (held(w, GLFW_KEY_E, GLFW_KEY_SPACE)) -
            (held(w, GLFW_KEY_Q, GLFW_KEY_LEFT_CONTROL) ||
             held(w, GLFW_KEY_RIGHT_CONTROL, GLFW_KEY_RIGHT_CONTROL));
    in.fast = held(w, GLFW_KEY_LEFT_SHIFT, GLFW_KEY_RIGHT_SHIFT);
    w->hands.drag_x = w->hands.drag_y = w->hands.wheel = 0;
    if (in.forward != 0 || in.right != 0 || in.up != 0) {
        take_over(w);
    }
    return in;
}

void window_listen(window *w)
{
    glfwSetWindowUserPointer(w->handle, w);
    glfwSetKeyCallback(w->handle, on_key);
    glfwSetMouseButtonCallback(w->handle, on_button);
    glfwSetCursorPosCallback(w->handle, on_cursor);
    glfwSetScrollCallback(w->handle, on_wheel);
}
