/* From pixels to wanted pages, held against counting each page by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/feedback.h"
#include "tests/rigs/seed.h"

#include <string.h>

enum { WIDTH = 160, HEIGHT = 90, PIXELS = WIDTH * HEIGHT, IMAGES = 20 };

static uint32_t image[PIXELS];
static vt_shape shapes[2];
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    return seed_below(&random_state, limit);
}

static feedback *begin(uint32_t max_wants)
{
    assert_true(page_shape_make(16384, 8192, 4, &shapes[0]));
    assert_true(page_shape_make(1000, 300, 8, &shapes[1]));
    feedback *f = feedback_create(
        &(feedback_desc){.shapes = shapes, .shape_count = 2, .max_wants = max_wants});
    assert_non_null(f);
    return f;
}

static bool model_exists(uint32_t id)
{
    const vt_page p = page_unpack(id);
    return p.texture >= 1 && p.texture <= 2 && page_exists(&shapes[p.texture - 1], p);
}

/* Runs of random length: pages of both textures, nothing, padding and noise. */
static void draw_random_image(void)
{
    for (uint32_t i = 0; i < PIXELS;) {
        vt_page p = {.texture = (uint8_t)(1 + random_below(2))};
        p.mip = (uint8_t)random_below(shapes[p.texture - 1].mips);
        p.x = (uint16_t)random_below(2 + page_columns(&shapes[p.texture - 1], p.mip));
        p.y = (uint16_t)random_below(2 + page_rows(&shapes[p.texture - 1], p.mip));
        const uint32_t kind = random_below(10);
        const uint32_t noise = (uint32_t)seed_next(&random_state);
        const uint32_t id = kind == 0 ? 0 : kind == 1 ? noise : page_pack(p);
        for (uint32_t run = 1 + random_below(30); run > 0 && i < PIXELS; run--) {
            image[i++] = id;
        }
    }
}

static uint32_t count_pixels(uint32_t id)
{
    uint32_t pixels = 0;
    for (uint32_t i = 0; i < PIXELS; i++) {
        pixels += image[i] == id;
    }
    return pixels;
}

static uint32_t first_pixel(uint32_t id)
{
    uint32_t i = 0;
    while (image[i] != id) {
        i++;
    }
    return i;
}

static void random_images_are_counted_right(void **state)
{
    (void)state;
    random_state = seed_of_run();
    feedback *f = begin(0);
    uint64_t garbage = 0;
    for (uint32_t n = 0; n < IMAGES; n++) {
        draw_random_image();
        const feedback_want *wants = NULL;
        const uint32_t count = feedback_analyze(f, image, PIXELS, &wants);
        uint32_t pixels = 0;
        uint32_t last_first = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_true(model_exists(wants[i].page_id));
            assert_int_equal(wants[i].pixels, count_pixels(wants[i].page_id));
            const uint32_t first = first_pixel(wants[i].page_id);
            assert_true(i == 0 || first > last_first); /* so none is listed twice */
            last_first = first;
            pixels += wants[i].pixels;
        }
        uint32_t model_pixels = 0;
        for (uint32_t i = 0; i < PIXELS; i++) {
            model_pixels += model_exists(image[i]);
            garbage += image[i] != 0 && !model_exists(image[i]);
        }
        assert_int_equal(pixels, model_pixels); /* so none is missing */
        assert_int_equal(feedback_garbage(f), garbage);
    }
    assert_int_equal(feedback_dropped(f), 0);
    feedback_destroy(f);
}

static void an_image_does_not_remember_the_one_before(void **state)
{
    (void)state;
    feedback *f = begin(0);
    const feedback_want *wants = NULL;
    const uint32_t first[3] = {page_pack((vt_page){1, 0, 5, 6}), 0,
                               page_pack((vt_page){1, 1, 2, 3})};
    assert_int_equal(feedback_analyze(f, first, 3, &wants), 2);
    const uint32_t second[2] = {first[2], first[2]};
    assert_int_equal(feedback_analyze(f, second, 2, &wants), 1);
    assert_int_equal(wants[0].page_id, first[2]);
    assert_int_equal(wants[0].pixels, 2);
    assert_int_equal(feedback_analyze(f, second, 0, &wants), 0);
    feedback_destroy(f);
    feedback_destroy(NULL);
}

static void pages_over_the_maximum_are_dropped_and_counted(void **state)
{
    (void)state;
    feedback *f = begin(3);
    uint32_t ids[10];
    for (uint32_t i = 0; i < 10; i++) {
        ids[i] = page_pack((vt_page){1, 0, (uint16_t)(i % 5), 7});
    }
    const feedback_want *wants = NULL;
    assert_int_equal(feedback_analyze(f, ids, 10, &wants), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(wants[i].page_id, ids[i]);
        assert_int_equal(wants[i].pixels, 2);
    }
    assert_int_equal(feedback_dropped(f), 4);
    assert_int_equal(feedback_analyze(f, ids + 3, 2, &wants), 2);
    feedback_destroy(f);
}

static void padding_and_foreign_textures_are_garbage(void **state)
{
    (void)state;
    feedback *f = begin(0);
    const uint32_t ids[] = {
        page_pack((vt_page){1, 0, 136, 68}), /* the last page of 137 x 69 */
        page_pack((vt_page){1, 0, 137, 0}),  /* padding */
        page_pack((vt_page){1, 0, 0, 69}),
        page_pack((vt_page){1, 15, 0, 0}),
        page_pack((vt_page){3, 0, 0, 0}),
        page_pack((vt_page){0, 0, 1, 0}),
        UINT32_MAX,
    };
    const feedback_want *wants = NULL;
    assert_int_equal(feedback_analyze(f, ids, sizeof ids / sizeof ids[0], &wants), 1);
    assert_int_equal(wants[0].page_id, ids[0]);
    assert_int_equal(feedback_garbage(f), 6);
    feedback_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_images_are_counted_right),
        cmocka_unit_test(an_image_does_not_remember_the_one_before),
        cmocka_unit_test(pages_over_the_maximum_are_dropped_and_counted),
        cmocka_unit_test(padding_and_foreign_textures_are_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
