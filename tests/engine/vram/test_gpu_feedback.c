/* test_gpu_feedback.c: images of what the frame wanted, on their way back from the card. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/engine/gpu_rig.h"

static void expect_feedback(gpu *g, uint32_t base, uint64_t tag, uint32_t scale)
{
    const uint32_t width = FEEDBACK_WIDTH * scale, height = FEEDBACK_HEIGHT * scale;
    gpu_feedback image;
    assert_true(gpu_feedback_poll(g, true, &image));
    assert_true(gpu_feedback_poll(g, false, &image)); /* the same one until it is done with */
    assert_int_equal(image.tag, tag);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            assert_int_equal(image.ids[y * width + x], base ? base + y * 1000 + x : 0);
        }
    }
    gpu_feedback_done(g);
}

static void feedback_comes_back_in_order(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    const GLuint program = gl_rig_program(ids_by_place);
    gpu_feedback image;
    assert_false(gpu_feedback_poll(g, true, &image)); /* nothing on its way: no wait */
    uint32_t drawn = 0, back = 0;
    while (back < 3 * GPU_FEEDBACK_BUFFERS) { /* the ring comes round thrice */
        while (drawn < back + GPU_FEEDBACK_BUFFERS) {
            draw_feedback(g, program, 100000 * (drawn + 1), drawn, false);
            drawn++;
        }
        assert_false(gpu_feedback_begin(g, 99, false)); /* all of them are on their way */
        expect_feedback(g, 100000 * (back + 1), back, 1);
        back++;
        assert_null(gpu_check(g));
    }
    glDeleteProgram(program);
    destroy(g);
}

/* Of a size and in a buffer of their own, but in one order with the others. */
static void surveys_come_back_among_the_others(void **state)
{
    (void)state;
    gpu_desc desc = small_desc();
    desc.survey_width = 4 * FEEDBACK_WIDTH;
    desc.survey_height = 4 * FEEDBACK_HEIGHT;
    gpu *g = create(&desc);
    const GLuint program = gl_rig_program(ids_by_place);
    for (uint64_t round = 0; round < 3; round++) {
        draw_feedback(g, program, 100000, 1, false);
        draw_feedback(g, program, 200000, 2, true);
        assert_false(gpu_feedback_begin(g, 9, true)); /* one at a time */
        draw_feedback(g, program, 300000, 3, false);
        draw_feedback(g, program, 400000, 4, false);
        assert_null(gpu_check(g));
        expect_feedback(g, 100000, 1, 1);
        expect_feedback(g, 200000, 2, 4);
        expect_feedback(g, 300000, 3, 1);
        expect_feedback(g, 400000, 4, 1);
    }
    glDeleteProgram(program);
    destroy(g);
}

static void feedback_is_cleared_whatever_the_caller_had_set(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    const GLuint program = gl_rig_program(ids_by_place);
    draw_feedback(g, program, 100000, 1, false);
    glEnable(GL_SCISSOR_TEST);
    glScissor(0, 0, 1, 1);
    glColorMask(GL_FALSE, GL_FALSE, GL_FALSE, GL_FALSE);
    glDepthMask(GL_FALSE);
    assert_true(gpu_feedback_begin(g, 2, false));
    gpu_feedback_end(g); /* nothing was drawn */
    expect_feedback(g, 100000, 1, 1);
    expect_feedback(g, 0, 2, 1);
    glDeleteProgram(program);
    destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feedback_comes_back_in_order),
        cmocka_unit_test(surveys_come_back_among_the_others),
        cmocka_unit_test(feedback_is_cleared_whatever_the_caller_had_set),
    };
    if (!gl_rig_open()) {
        return GL_RIG_SKIPPED;
    }
    const int failed = cmocka_run_group_tests_name("gpu feedback", tests, NULL, NULL);
    gl_rig_close();
    return failed;
}
