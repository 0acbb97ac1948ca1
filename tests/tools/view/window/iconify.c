/* iconify.c: says that a window is minimised (1), or that it is not (0), as a window manager does;
 * there is none on a display for tests.
 *
 *     iconify WINDOW 0|1
 *
 * Exit code 1: there is no such display. */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    Display *display = argc == 3 ? XOpenDisplay(NULL) : NULL;
    if (display == NULL) {
        return 1;
    }
    const Atom state = XInternAtom(display, "WM_STATE", False);
    const long value[2] = {atoi(argv[2]) ? IconicState : NormalState, None};
    XChangeProperty(display, strtoul(argv[1], NULL, 0), state, state, 32, PropModeReplace,
                    (const unsigned char *)value, 2);
    return XCloseDisplay(display); /* waits until it is done */
}
