/* Pictures as they are written: read back by other hands, texts and all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/full_disk.h"
#include "tools/picture/picture.h"

#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <png.h>
#include <turbojpeg.h>

#include <errno.h>
#include <unistd.h>

static uint8_t *noise(uint64_t *seed, uint32_t width, uint32_t height)
{
    uint8_t *rgba = malloc((size_t)width * height * 4);
    assert_non_null(rgba);
    for (size_t i = 0; i < (size_t)width * height * 4; i++) {
        rgba[i] = (uint8_t)seed_below(seed, 256);
    }
    return rgba;
}

static void what_is_written_reads_back_the_same(void **state)
{
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 30; round++) {
        const uint32_t width = 1 + seed_below(&seed, 70), height = 1 + seed_below(&seed, 70);
        uint8_t *rgba = noise(&seed, width, height);
        const char *path = scratch_path(*state, "a.png"), *why;
        assert_true(picture_write_png(path, width, height, rgba));
        picture back;
        assert_true(picture_load(path, &back, &why));
        assert_int_equal(back.width, width);
        assert_int_equal(back.height, height);
        assert_memory_equal(back.rgba, rgba, (size_t)width * height * 4);
        picture_free(&back);
        free(rgba);
    }
}

/* ---- texts ---- */

/* Reads a PNG's texts by libpng; `check` sees them before they go. */
static void with_texts(const char *path, void (*check)(const png_text *texts, int count))
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    png_struct *png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL); /* errors abort: then the test fails */
    png_text *texts;
    int count = 0;
    png_get_text(png, info, &texts, &count);
    check(texts, count);
    png_destroy_read_struct(&png, &info, NULL);
    fclose(file);
}

static char long_value[300001];

static const picture_text TEXTS[] = {
    {"Software", "megabuddy"},
    {"World", "Zürich – 漢字 <b>&\".mega"},
    {"Settings", long_value},
    {"Camera", "0 1.5 2 -3 90 -20"},
    {"Empty", ""},
    {"Lines", "one\ntwo\n"},
    {"0123456789012345678901234567890123456789012345678901234567890123456789012345678", "79"},
};
#define TEXT_COUNT ((int)(sizeof TEXTS / sizeof *TEXTS))

static void check_all(const png_text *texts, int count)
{
    assert_int_equal(count, TEXT_COUNT);
    for (int i = 0; i < count; i++) {
        assert_string_equal(texts[i].key, TEXTS[i].key);
        assert_string_equal(texts[i].text, TEXTS[i].value);
    }
    assert_int_equal(texts[0].compression, PNG_TEXT_COMPRESSION_NONE);
    assert_int_equal(texts[1].compression, PNG_ITXT_COMPRESSION_NONE);
}

static void texts_read_back_the_same(void **state)
{
    static const uint8_t rgba[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    memset(long_value, 'x', sizeof long_value - 1);
    const char *path = scratch_path(*state, "texts.png");
    assert_true(picture_write_png_with(path, 2, 2, rgba, TEXTS, TEXT_COUNT));
    with_texts(path, check_all);
}

static void check_replaced(const png_text *texts, int count)
{
    assert_int_equal(count, 2);
    assert_string_equal(texts[0].text, "a\xef\xbf\xbd\xef\xbf\xbd"
                                       "b");
    assert_string_equal(texts[1].text, "\xef\xbf\xbd\n\xef\xbf\xbd");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    static const uint8_t rgba[4] = {0};
    static const picture_text bad[] = {{"World", "a\xff\x80"
                                                 "b"},
                                       {"Settings", "\x1b\n\xc3"}};
    const char *path = scratch_path(*state, "bad.png");
    assert_true(picture_write_png_with(path, 1, 1, rgba, bad, 2));
    with_texts(path, check_replaced);
}

/* ---- what cannot be written ---- */

static void what_cannot_be_written_leaves_nothing(void **state)
{
    static const uint8_t rgba[4] = {0};
    assert_false(picture_write_png("/nonexistent/a.png", 1, 1, rgba));
    assert_int_equal(errno, ENOENT);
    assert_false(picture_write_png(*state, 1, 1, rgba));
    assert_int_equal(errno, EISDIR);
}

static void a_full_disk_is_said_and_a_device_stays(void **state)
{
    static const uint8_t rgba[4] = {0};
    assert_int_equal(full_disk_begin(16), 0);
    const bool written = picture_write_png(scratch_path(*state, "full.png"), 1, 1, rgba);
    const int why = errno;
    assert_int_equal(full_disk_end(), 0);
    assert_false(written);
    assert_int_equal(why, EFBIG);
    assert_int_not_equal(access(scratch_path(*state, "full.png"), F_OK), 0);
    assert_false(picture_write_png("/dev/null", 1, 1, rgba));
    assert_int_equal(errno, ENOTSUP);
    assert_int_equal(access("/dev/null", F_OK), 0);
}

/* ---- smaller ones, for pages ---- */

static void a_shrunken_picture_has_the_mean_of_what_it_covers(void **state)
{
    (void)state;
    uint8_t rgba[4 * 2 * 4];
    for (size_t i = 0; i < sizeof rgba; i++) {
        rgba[i] = (uint8_t)(i / 4 % 4 < 2 ? 100 : i / 16 ? 30 : 10);
    }
    const picture p = {4, 2, rgba};
    picture small;
    assert_true(picture_shrink(&p, 2, &small));
    assert_int_equal(small.width, 2);
    assert_int_equal(small.height, 1);
    assert_int_equal(small.rgba[0], 100);
    assert_int_equal(small.rgba[4], 20);
    picture_free(&small);
    assert_true(picture_shrink(&p, 640, &small)); /* never larger */
    assert_int_equal(small.width, 4);
    assert_memory_equal(small.rgba, rgba, sizeof rgba);
    picture_free(&small);
}

static void shrinking_any_picture_keeps_an_even_colour(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 40; round++) {
        const uint32_t width = 1 + seed_below(&seed, 300), height = 1 + seed_below(&seed, 60);
        picture p = {width, height, malloc((size_t)width * height * 4)}, small;
        assert_non_null(p.rgba);
        memset(p.rgba, 77, (size_t)width * height * 4);
        assert_true(picture_shrink(&p, 1 + seed_below(&seed, 100), &small));
        assert_true(small.width >= 1 && small.height >= 1 && small.width <= width);
        for (size_t i = 0; i < (size_t)small.width * small.height * 4; i++) {
            assert_int_equal(small.rgba[i], 77);
        }
        picture_free(&small);
        picture_free(&p);
    }
}

static void a_jpeg_is_the_picture_nearly(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    static uint8_t rgba[SIDE * SIDE * 4], back[SIDE * SIDE * 4];
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        rgba[4 * i] = (uint8_t)(i % SIDE * 3);
        rgba[4 * i + 1] = (uint8_t)(i / SIDE * 3);
        rgba[4 * i + 2] = 90;
    }
    const picture p = {SIDE, SIDE, rgba};
    size_t bytes;
    uint8_t *jpeg = picture_to_jpeg(&p, 85, &bytes);
    assert_non_null(jpeg);
    tjhandle reader = tjInitDecompress();
    assert_int_equal(tjDecompress2(reader, jpeg, bytes, back, SIDE, 0, SIDE, TJPF_RGBA, 0), 0);
    for (uint32_t i = 0; i < SIDE * SIDE * 4; i++) {
        assert_true(i % 4 == 3 || abs(back[i] - rgba[i]) < 24);
    }
    tjDestroy(reader);
    free(jpeg);
    const picture wide = {70000, 1, rgba};
    assert_null(picture_to_jpeg(&wide, 85, &bytes));
}

static void a_deep_pnm_is_refused_and_a_plain_one_read(void **state)
{
    static const char *const HEADS[] = {"P6\n40 30\n65535\n", "P6\n40 30\n255\n",
                                        "P5\n40 30\n1000\n"};
    for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
        const char *path = scratch_path(*state, "deep.pnm"), *why = "";
        FILE *out = fopen(path, "wbe");
        assert_non_null(out);
        assert_true(fputs(HEADS[i], out) >= 0);
        for (int byte = 0; byte < 40 * 30 * 6; byte++) {
            assert_int_equal(fputc(byte & 127, out), byte & 127);
        }
        assert_int_equal(fclose(out), 0);
        picture p;
        assert_int_equal(picture_load(path, &p, &why), i == 1);
        if (i != 1) {
            assert_non_null(strstr(why, "PNM of 16 bits"));
        } else {
            assert_int_equal(p.rgba[4], 3); /* the second texel's red */
            picture_free(&p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(texts_read_back_the_same),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_said_and_a_device_stays),
        cmocka_unit_test(a_shrunken_picture_has_the_mean_of_what_it_covers),
        cmocka_unit_test(shrinking_any_picture_keeps_an_even_colour),
        cmocka_unit_test(a_deep_pnm_is_refused_and_a_plain_one_read),
        cmocka_unit_test(a_jpeg_is_the_picture_nearly),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
