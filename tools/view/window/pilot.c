#include "tools/view/window/pilot.h"

#include "tools/view/scene/mat.h"

#include <math.h>

static const double LOOK_DEGREES = 0.12; /* a pixel of mouse turns so far */
static const double WHEEL_STEP = 1.2;    /* a notch of the wheel */
static const double FAST = 4;            /* shift */

static double clamp(double value, double least, double most)
{
    return fmin(fmax(value, least), most);
}

void pilot_init(pilot *p)
{
    p->pace = 0.8;
}

double pilot_speed(const pilot *p, double clearance)
{
    return p->pace * fmax(clearance, 1);
}

void pilot_fly(pilot *p, const pilot_input *in, double clearance, camera *c)
{
    p->pace = clamp(p->pace * pow(WHEEL_STEP, in->wheel), 0.02, 50);
    if (in->dragging) {
        c->yaw = fmod(c->yaw + in->drag_x * LOOK_DEGREES, 360);
        c->pitch = clamp(c->pitch - in->drag_y * LOOK_DEGREES, -89.9, 89.9);
    }
    vec3 right, up, forward;
    mat_camera_axes(c->yaw, c->pitch, &right, &up, &forward);
    const double step = pilot_speed(p, clearance) * in->seconds * (in->fast ? FAST : 1);
    c->x += step * (in->forward * forward.x + in->right * right.x);
    c->y += step * (in->forward * forward.y + in->up);
    c->z += step * (in->forward * forward.z + in->right * right.z);
}

void pilot_pan(pilot *p, const pilot_input *in, camera *c)
{
    const double pixel = 2 * CAMERA_TAN_HALF_FIELD * c->y / fmax(in->height, 1); /* world units */
    if (in->dragging) {
        c->x -= in->drag_x * pixel;
        c->z -= in->drag_y * pixel;
    }
    /* What is under the cursor stays there while the height changes. */
    const double before = c->y;
    const double climb = (in->fast ? FAST : 1) * in->up * p->pace * in->seconds;
    c->y = clamp(c->y * pow(WHEEL_STEP, -in->wheel) * exp(climb), 0.4, 4000);
    const double gone = pixel * (1 - c->y / before);
    c->x += in->cursor_x * gone * (in->wheel != 0);
    c->z += in->cursor_y * gone * (in->wheel != 0);
    const double step = p->pace * c->y * in->seconds * (in->fast ? FAST : 1);
    c->x += step * in->right;
    c->z -= step * in->forward;
    c->yaw = 0;
    c->pitch = -90;
}
