/* How hands move the camera. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/scene/mat.h"
#include "tools/view/window/pilot.h"

#include <math.h>

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-4;
}

static void forward_is_where_one_looks(void **state)
{
    (void)state;
    pilot p;
    pilot_init(&p);
    const pilot_input in = {.seconds = 1, .forward = 1, .height = 720};
    const double speed = pilot_speed(&p, 10);
    camera north = {0, 10, 0, 0, 0}, east = {0, 10, 0, 90, 0}, down = {0, 10, 0, 45, -89.9};
    pilot_fly(&p, &in, 10, &north);
    pilot_fly(&p, &in, 10, &east);
    pilot_fly(&p, &in, 10, &down);
    assert_true(near(north.x, 0) && near(north.z, -speed) && near(north.y, 10));
    assert_true(near(east.x, speed) && near(east.z, 0));
    assert_true(fabs(down.y - (10 - speed)) < 0.01);
}

static void the_mouse_turns_only_while_a_button_is_held(void **state)
{
    (void)state;
    pilot p;
    pilot_init(&p);
    camera c = {0, 10, 0, 0, 0};
    pilot_input in = {.seconds = 0.01, .drag_x = 100, .drag_y = 50, .height = 720};
    pilot_fly(&p, &in, 10, &c);
    assert_true(c.yaw == 0 && c.pitch == 0);
    in.dragging = true;
    pilot_fly(&p, &in, 10, &c);
    assert_true(c.yaw > 0 && c.pitch < 0);
    in.drag_y = 1e6;
    pilot_fly(&p, &in, 10, &c);
    assert_true(c.pitch >= -90); /* never over the head */
}

static void the_wheel_and_height_make_it_faster(void **state)
{
    (void)state;
    pilot p;
    pilot_init(&p);
    const double slow = pilot_speed(&p, 10);
    assert_true(pilot_speed(&p, 100) > slow);
    assert_true(pilot_speed(&p, 0) > 0); /* on the ground one can still move */
    camera c = {0, 10, 0, 0, 0};
    pilot_fly(&p, &(pilot_input){.wheel = 3, .height = 720}, 10, &c);
    assert_true(pilot_speed(&p, 10) > slow);
    for (int i = 0; i < 1000; i++) {
        pilot_fly(&p, &(pilot_input){.wheel = -9, .height = 720}, 10, &c);
    }
    assert_true(pilot_speed(&p, 10) > 0);
}

/* The place on the map under a point of the window, in pixels from its middle. */
static void under(const camera *c, double x, double y, double height, double *map_x, double *map_z)
{
    const double pixel = 2 * CAMERA_TAN_HALF_FIELD * c->y / height;
    *map_x = c->x + x * pixel;
    *map_z = c->z + y * pixel;
}

static void what_is_under_the_cursor_stays_there_when_zooming_and_dragging(void **state)
{
    (void)state;
    pilot p;
    pilot_init(&p);
    camera c = {10, 300, -20, 0, -90};
    double x0, z0, x1, z1;
    under(&c, 200, -100, 720, &x0, &z0);
    pilot_pan(&p, &(pilot_input){.wheel = 2, .cursor_x = 200, .cursor_y = -100, .height = 720}, &c);
    under(&c, 200, -100, 720, &x1, &z1);
    assert_true(c.y < 300 && near(x0, x1) && near(z0, z1));
    pilot_pan(&p, &(pilot_input){.dragging = true, .drag_x = 30, .drag_y = 40, .height = 720}, &c);
    under(&c, 230, -60, 720, &x1, &z1);
    assert_true(near(x0, x1) && near(z0, z1));
}

static void the_axes_of_a_camera_are_upright_and_at_right_angles(void **state)
{
    (void)state;
    for (int yaw = -360; yaw <= 360; yaw += 30) {
        for (int pitch = -90; pitch <= 90; pitch += 30) {
            vec3 r, u, f;
            mat_camera_axes(yaw, pitch, &r, &u, &f);
            assert_true(near(r.x * u.x + r.y * u.y + r.z * u.z, 0));
            assert_true(near(r.x * f.x + r.y * f.y + r.z * f.z, 0));
            assert_true(near(u.x * f.x + u.y * f.y + u.z * f.z, 0));
            assert_true(near(f.x * f.x + f.y * f.y + f.z * f.z, 1));
            assert_true(r.y == 0 && u.y >= -1e-6f);
            assert_true(near(f.y, sin(pitch * MAT_DEGREE)));
        }
    }
}

static void a_frustum_holds_what_lies_ahead_and_nothing_behind(void **state)
{
    (void)state;
    const mat4 turn = mat_view(90, 0); /* east */
    const mat4 lens = mat_perspective(CAMERA_TAN_HALF_FIELD, 2, 1, 100, 0, 0);
    const mat4 all = mat_multiply(&lens, &turn);
    float planes[6][4];
    mat_frustum(&all, planes);
    static const struct {
        float x, y, z;
        bool inside;
    } points[] = {{50, 0, 0, true},   {-50, 0, 0, false}, {50, 28, 0, true}, {50, 30, 0, false},
                  {50, 0, 57, true},  {50, 0, 59, false}, {99, 0, 0, true},  {101, 0, 0, false},
                  {1.1f, 0, 0, true}, {0.9f, 0, 0, false}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        bool inside = true;
        for (int k = 0; k < 6; k++) {
            const float *p = planes[k];
            inside =
                inside && p[0] * points[i].x + p[1] * points[i].y + p[2] * points[i].z + p[3] >= 0;
        }
        assert_int_equal(inside, points[i].inside);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_where_one_looks),
        cmocka_unit_test(the_mouse_turns_only_while_a_button_is_held),
        cmocka_unit_test(the_wheel_and_height_make_it_faster),
        cmocka_unit_test(what_is_under_the_cursor_stays_there_when_zooming_and_dragging),
        cmocka_unit_test(the_axes_of_a_camera_are_upright_and_at_right_angles),
        cmocka_unit_test(a_frustum_holds_what_lies_ahead_and_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
