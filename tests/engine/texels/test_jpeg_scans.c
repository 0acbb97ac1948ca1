/* A progressive JPEG may have thousands of scans, each a pass over the whole picture: a small file
 * that takes hours. Baker and page codec stop at 500. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/texels/unpack.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tools/bake/inputs/input.h"

#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum {
    FEW = 450,
    MANY = 550, /* on either side of the limit, by enough to leave it to us */
    MOST_SCANS = 700,
    SHIFTS = 10, /* of a coefficient: the most that libjpeg takes */
    COEFFICIENTS = 64,
};

/* `count` scans: the first brings the mean of each block, the others every other coefficient, a bit
 * at a time from the highest. */
static void plan_scans(jpeg_scan_info scans[], int count)
{
    scans[0] = (jpeg_scan_info){.comps_in_scan = 1};
    for (int i = 1; i < count; i++) {
        const int coefficient = 1 + (i - 1) / (SHIFTS + 1), bit = SHIFTS - (i - 1) % (SHIFTS + 1);
        scans[i] = (jpeg_scan_info){.comps_in_scan = 1,
                                    .Ss = coefficient,
                                    .Se = coefficient,
                                    .Ah = bit == SHIFTS ? 0 : bit + 1,
                                    .Al = bit};
    }
}

/* A grey picture of a page's size in so many scans. */
static void write_jpeg(const char *path, int scans)
{
    static jpeg_scan_info plan[MOST_SCANS];
    JSAMPLE texels[VT_PAGE_TEXELS];
    JSAMPROW row = texels;
    FILE *file = fopen(path, "wb");
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    assert_non_null(file);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = jpeg.image_height = VT_PAGE_TEXELS;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    plan_scans(plan, scans);
    jpeg.scan_info = plan;
    jpeg.num_scans = scans;
    jpeg_start_compress(&jpeg, TRUE);
    memset(texels, 100, sizeof texels);
    while (jpeg.next_scanline < jpeg.image_height) {
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

static bool is_baked(const char *path, char *why, size_t why_bytes)
{
    source s;
    if (!input_open(path, NULL, &s, why, why_bytes)) {
        return false;
    }
    const char *reason = NULL;
    const bool done = s.prepare == NULL || s.prepare(s.context, 0, s.height, &reason);
    snprintf(why, why_bytes, "%s", reason != NULL ? reason : "");
    input_close(&s);
    return done;
}

static void a_picture_of_too_many_scans_is_not_baked(void **state)
{
    const char *path = scratch_path(*state, "scans.jpg");
    char why[256] = "";
    write_jpeg(path, FEW);
    assert_true(is_baked(path, why, sizeof why));
    write_jpeg(path, MANY);
    assert_false(is_baked(path, why, sizeof why));
    assert_non_null(strstr(why, "scans"));
}

static pagefile_status unpack(const char *path)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    size_t bytes = 0;
    uint8_t *stored = scratch_read(path, &bytes);
    assert_non_null(stored);
    assert_in_range(bytes, 1, TEXEL_PAGE_MAX_BYTES); /* else it is refused for its size */
    const pagefile_status status =
        codecs_unpack(PAGE_JPEG, stored, (uint32_t)bytes, VT_TEXEL_RGBA8, texels);
    free(stored);
    return status;
}

static void a_page_of_too_many_scans_is_bad(void **state)
{
    const char *path = scratch_path(*state, "page.jpg");
    write_jpeg(path, FEW);
    assert_int_equal(unpack(path), PAGEFILE_OK);
    write_jpeg(path, MANY);
    assert_int_equal(unpack(path), PAGEFILE_BAD_PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_of_too_many_scans_is_not_baked),
        cmocka_unit_test(a_page_of_too_many_scans_is_bad),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
