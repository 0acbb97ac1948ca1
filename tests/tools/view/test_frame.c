/* What a frame does, in which order, and when it looks ahead. The streamer and the scene are stubs
 * that write down what they are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glad/gl.h>

#include "tools/view/frame.h"

static char
    steps[64]; /* u: update, n: feedback now, p: predicted, d: draw, f: finish, g: glFinish */
static vt_clock told; /* by the last update */
static camera looked; /* of the last feedback */

static void step(char what)
{
    const size_t used = strlen(steps);
    assert_true(used + 1 < sizeof steps);
    steps[used] = what;
    steps[used + 1] = '\0';
}

void vt_update(vt *v, const vt_clock *clock)
{
    (void)v;
    told = *clock;
    step('u');
}

void scene_feedback(scene *s, vt *world, const camera *at, uint32_t width, uint32_t height,
                    vt_feedback_kind kind)
{
    (void)s;
    (void)world;
    assert_true(width == 320 && height == 180);
    looked = *at;
    step(kind == VT_FEEDBACK_PREDICTED ? 'p' : 'n');
}

/* This scene's floor is at 1. */
camera scene_keep_above(const scene *s, const camera *c)
{
    camera kept = *c;
    (void)s;
    kept.y = kept.y < 1 ? 1 : kept.y;
    return kept;
}

static void draw(void *user, const camera *at)
{
    assert_ptr_equal(user, steps);
    assert_non_null(at);
    step('d');
}

static void finish(void *user)
{
    assert_ptr_equal(user, steps);
    step('f');
}

static void GLAD_API_PTR finish_gl(void)
{
    step('g');
}

static const char *run(frame_loop *loop, const camera *at, bool cut, double steps_ahead)
{
    steps[0] = '\0';
    (void)frame_run(loop, &(frame_input){.width = 320,
                                         .height = 180,
                                         .at = at,
                                         .cut = cut,
                                         .now_ms = 7,
                                         .steps_ahead = steps_ahead});
    return steps;
}

static void a_frame_goes_from_update_to_finish(void **state)
{
    (void)state;
    const camera at = {.x = 3, .y = 5};
    frame_loop loop = {.draw = draw, .finish = finish, .user = steps};
    assert_string_equal(run(&loop, &at, true, 0), "undf");
    assert_true(told.cut && told.now_ms > 6 && told.now_ms < 8);
    assert_string_equal(run(&loop, &at, false, 0), "undf");
    assert_false(told.cut);
    assert_int_equal(loop.count, 2);
    assert_memory_equal(&loop.last, &at, sizeof at);
}

static void without_a_finish_it_waits_for_the_card(void **state)
{
    (void)state;
    const camera at = {.y = 5};
    frame_loop loop = {.draw = draw, .user = steps};
    glad_glFinish = finish_gl;
    assert_string_equal(run(&loop, &at, false, 0), "undg");
}

/* Not in the first frame, of which nobody knows from where it came. */
static void every_fourth_frame_looks_ahead(void **state)
{
    (void)state;
    const camera at = {.y = 5};
    frame_loop loop = {.draw = draw, .finish = finish, .user = steps};
    for (int i = 0; i < 13; i++) {
        assert_string_equal(run(&loop, &at, false, 18), i > 0 && i % 4 == 0 ? "unpdf" : "undf");
    }
}

static void the_predicted_camera_goes_on_and_stays_above_the_ground(void **state)
{
    (void)state;
    const camera before = {.x = 10, .y = 5}, at = {.x = 11, .y = 4};
    frame_loop loop = {.draw = draw, .finish = finish, .user = steps, .count = 4, .last = before};
    assert_string_equal(run(&loop, &at, false, 18), "unpdf");
    assert_true(looked.x > 28.9 && looked.x < 29.1);
    assert_true(looked.y > 0.9 && looked.y < 1.1);
}

static void after_a_cut_or_where_it_is_off_nobody_looks_ahead(void **state)
{
    (void)state;
    const camera at = {.y = 5};
    frame_loop loop = {.draw = draw, .finish = finish, .user = steps, .count = 4};
    assert_string_equal(run(&loop, &at, true, 18), "undf");
    loop.count = 8;
    assert_string_equal(run(&loop, &at, false, 0), "undf");
}

/* What ends the frame may move the camera: the last one is that which was drawn. */
static camera moving;

static void move_away(void *user)
{
    (void)user;
    moving.x = 1000;
}

static void the_last_camera_is_the_one_that_was_drawn(void **state)
{
    (void)state;
    frame_loop loop = {.draw = draw, .finish = move_away, .user = steps};
    moving = (camera){.x = 2, .y = 5};
    (void)run(&loop, &moving, false, 0);
    assert_true(loop.last.x > 1.9 && loop.last.x < 2.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_goes_from_update_to_finish),
        cmocka_unit_test(without_a_finish_it_waits_for_the_card),
        cmocka_unit_test(every_fourth_frame_looks_ahead),
        cmocka_unit_test(the_predicted_camera_goes_on_and_stays_above_the_ground),
        cmocka_unit_test(after_a_cut_or_where_it_is_off_nobody_looks_ahead),
        cmocka_unit_test(the_last_camera_is_the_one_that_was_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
