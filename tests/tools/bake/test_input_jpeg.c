/* JPEGs whose components are no grey and no RGB: inks, however they are stored, and what nobody
 * knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/scratch.h"
#include "tools/bake/inputs/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { WIDTH = 61, HEIGHT = 47, TOLERANCE = 12 };

typedef struct inks {
    J_COLOR_SPACE space;
    bool adobe; /* by one of their programs: the inks are inverted */
    bool progressive;
    int components;
} inks;

/* How much ink there is, 0 … 255; it changes smoothly. */
static int ink_at(uint32_t x, uint32_t y, int c)
{
    const int values[4] = {(int)x * 3, (int)y * 4, (int)(x + y), 20 + (int)y};
    return values[c];
}

static void write_inks(const char *path, inks how)
{
    FILE *file = fopen(path, "wb");
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = how.components;
    jpeg.in_color_space = how.components == 4 ? JCS_CMYK : JCS_UNKNOWN;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, how.space);
    jpeg_set_quality(&jpeg, 97, TRUE);
    jpeg.write_Adobe_marker = how.adobe;
    if (how.progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        uint8_t samples[WIDTH * 4];
        for (uint32_t i = 0; i < WIDTH * (uint32_t)how.components; i++) {
            const int c = (int)i % how.components;
            const int ink = ink_at(i / (uint32_t)how.components, y, c);
            samples[i] = (uint8_t)(how.adobe ? 255 - ink : ink);
        }
        JSAMPROW row = samples;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

static void inks_become_colours(void **state)
{
    static const inks KINDS[] = {{JCS_CMYK, true, false, 4},
                                 {JCS_CMYK, false, false, 4},
                                 {JCS_CMYK, false, true, 4},
                                 {JCS_YCCK, true, false, 4},
                                 {JCS_YCCK, true, true, 4}};
    const char *path = scratch_path(*state, "inks.jpg");
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        source s;
        char why[256] = "";
        const char *wrong = NULL;
        uint8_t rgba[HEIGHT][WIDTH][4];
        write_inks(path, KINDS[k]);
        if (!input_open(path, NULL, &s, why, sizeof why)) {
            fail_msg("%s", why);
        }
        assert_int_equal(s.width, WIDTH);
        assert_int_equal(s.height, HEIGHT);
        assert_false(s.has_alpha);
        assert_non_null(s.prepare); /* row by row, as any JPEG */
        for (uint32_t y = 0; y < HEIGHT; y++) {
            assert_true(s.prepare(s.context, y, y + 1, &wrong));
            s.fill(s.context, 0, (source_rect){0, y, WIDTH, 1}, rgba[y][0], sizeof rgba[y]);
        }
        for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
            const uint32_t x = i % WIDTH, y = i / WIDTH;
            for (int c = 0; c < 3; c++) {
                const int wanted = (255 - ink_at(x, y, c)) * (255 - ink_at(x, y, 3)) / 255;
                if (abs(rgba[y][x][c] - wanted) > TOLERANCE) {
                    fail_msg("kind %zu at %u, %u: %d, not %d", k, x, y, rgba[y][x][c], wanted);
                }
            }
            assert_int_equal(rgba[y][x][3], 255);
        }
        input_close(&s);
    }
}

static void components_of_no_colour_are_refused(void **state)
{
    const char *path = scratch_path(*state, "two.jpg");
    source s;
    char why[256] = "";
    write_inks(path, (inks){JCS_UNKNOWN, false, false, 2});
    assert_false(input_open(path, NULL, &s, why, sizeof why));
    assert_non_null(strstr(why, "JPEG of 2 components"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inks_become_colours),
        cmocka_unit_test(components_of_no_colour_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
