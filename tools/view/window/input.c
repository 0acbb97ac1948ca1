/* input.c: what hands do to the window: GLFW's callbacks gather it, a frame takes it. */
#include "tools/view/window/window.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <math.h>
#include <stdio.h>

static const double CLICK_PIXELS = 4;    /* a click moves less, and … */
static const double CLICK_SECONDS = 0.4; /* … is shorter, or … */
enum { CLICK_FRAMES = 2 };               /* … lasts no more frames, where those are long */

static void take_over(window *w)
{
    w->state.touring = false;
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

/* Keys that say what there is to see: 1 … 6. */
static bool choose_view(window *w, int key)
{
    const int view = key - GLFW_KEY_1;
    if (view < 0 || view >= VIEWS_COUNT) {
        return false;
    }
    w->state.view = (views_kind)view;
    return true;
}

static void change_scene(window *w)
{
    const bool terrain = scene_get_kind(w->scene) == SCENE_TERRAIN;
    w->state.settings.view.scene = terrain ? SCENE_PICTURE : SCENE_TERRAIN;
}

/* Keys that change what is flown. Returns whether it was one of them. */
static bool fly_key(window *w, int key)
{
    switch (key) {
    case GLFW_KEY_T:
        window_begin_tour(w);
        return true;
    case GLFW_KEY_L:
        w->state.looping = !w->state.looping;
        window_say(w, w->state.looping ? "the path is flown again and again; L: once"
                                       : "the path is flown once; L: again and again");
        return true;
    case GLFW_KEY_R:
        w->state.recording = !w->state.recording;
        return true;
    case GLFW_KEY_J:
        w->deeds.cut = true;
        return true;
    case GLFW_KEY_F:
        w->state.frozen = !w->state.frozen;
        window_say(w, w->state.frozen ? "streaming is frozen" : "streaming goes on");
        return true;
    case GLFW_KEY_V:
        change_scene(w);
        return true;
    default:
        return false;
    }
}

static void press(window *w, int key, bool shift)
{
    if (choose_view(w, key) || fly_key(w, key)) {
        return;
    }
    switch (key) {
    case GLFW_KEY_ESCAPE:
        glfwSetWindowShouldClose(w->handle, GLFW_TRUE);
        break;
    case GLFW_KEY_F1:
        w->help = !w->help;
        break;
    case GLFW_KEY_TAB:
        w->panel = !w->panel;
        break;
    case GLFW_KEY_F5:
        w->deeds.write_settings = true;
        break;
    case GLFW_KEY_F11:
        toggle_full_screen(w);
        break;
    case GLFW_KEY_P:
        *(shift ? &w->wants_all : &w->deeds.take_picture) = true;
        break;
    default:
        break;
    }
}

static void on_key(GLFWwindow *handle, int key, int scancode, int action, int mods)
{
    (void)scancode;
    if (action == GLFW_PRESS && !overlay_wants_keys()) {
        press(glfwGetWindowUserPointer(handle), key, (mods & GLFW_MOD_SHIFT) != 0);
    }
}

/* The mouse is the viewer's only while a button is held: it may then leave the window's edge. */
static void hold_cursor(window *w, bool hold)
{
    const bool looks = hold && scene_get_kind(w->scene) == SCENE_TERRAIN;
    glfwSetInputMode(w->handle, GLFW_CURSOR, looks ? GLFW_CURSOR_DISABLED : GLFW_CURSOR_NORMAL);
    glfwGetCursorPos(w->handle, &w->cursor_x, &w->cursor_y);
}

static void on_button(GLFWwindow *handle, int button, int action, int mods)
{
    (void)mods;
    window *w = glfwGetWindowUserPointer(handle);
    if (action == GLFW_PRESS) {
        glfwGetCursorPos(handle, &w->cursor_x, &w->cursor_y);
        w->hands.dragging = !overlay_wants_mouse(w->cursor_x, w->cursor_y);
        w->dragged = 0;
        w->pressed_at = glfwGetTime();
        w->pressed_frame = w->loop.count;
    } else if (w->hands.dragging) {
        w->hands.dragging = false;
        const bool brief = glfwGetTime() < w->pressed_at + CLICK_SECONDS ||
                           w->loop.count <= w->pressed_frame + CLICK_FRAMES;
        w->clicked = button == GLFW_MOUSE_BUTTON_LEFT && w->dragged < CLICK_PIXELS && brief;
        hold_cursor(w, false);
    }
}

static void on_cursor(GLFWwindow *handle, double x, double y)
{
    window *w = glfwGetWindowUserPointer(handle);
    if (w->hands.dragging) {
        const bool was_click = w->dragged < CLICK_PIXELS;
        w->hands.drag_x += x - w->cursor_x;
        w->hands.drag_y += y - w->cursor_y;
        w->dragged += fabs(x - w->cursor_x) + fabs(y - w->cursor_y);
        if (was_click && w->dragged >= CLICK_PIXELS) { /* no click: from now on it looks around */
            take_over(w);
            hold_cursor(w, true);
            return;
        }
    }
    w->cursor_x = x;
    w->cursor_y = y;
}

static void on_wheel(GLFWwindow *handle, double x, double y)
{
    (void)x;
    window *w = glfwGetWindowUserPointer(handle);
    if (!overlay_wants_mouse(w->cursor_x, w->cursor_y)) {
        w->hands.wheel += y;
        take_over(w);
    }
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

static void on_minimise(GLFWwindow *handle, int minimised)
{
    window *w = glfwGetWindowUserPointer(handle);
    w->minimised = minimised != GLFW_FALSE;
}

void window_listen(window *w)
{
    glfwSetWindowUserPointer(w->handle, w);
    glfwSetInputMode(w->handle, GLFW_STICKY_KEYS, GLFW_TRUE); /* a tap within a slow frame counts */
    glfwSetKeyCallback(w->handle, on_key);
    glfwSetMouseButtonCallback(w->handle, on_button);
    glfwSetCursorPosCallback(w->handle, on_cursor);
    glfwSetScrollCallback(w->handle, on_wheel);
    glfwSetWindowIconifyCallback(w->handle, on_minimise);
}
