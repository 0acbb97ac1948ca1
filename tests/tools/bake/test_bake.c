/* Baking: every texel of every page of every mip, held against a plain reference that has the whole
 * picture in memory and does its sums in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pagefile.h"
#include "engine/texels/convert.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/mips/pyramid.h"
#include "tools/bake/mips/srgb.h"
#include "tools/bake/writer/pagewriter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the reference ---- */

typedef struct image {
    uint32_t width, height;
    uint8_t *rgba;
} image;

static image image_make(uint32_t width, uint32_t height)
{
    return (image){width, height, calloc((size_t)width * height, 4)};
}

static const uint8_t *texel_at(const image *m, uint32_t x, uint32_t y)
{
    return m->rgba + ((size_t)y * m->width + x) * 4;
}

static double linear(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double encoded(double v)
{
    return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The mean of four texels: of their light, each by its alpha where any has some. */
static void mean_texel(const uint8_t *four[4], uint8_t *out)
{
    const double alpha = four[0][3] + four[1][3] + four[2][3] + four[3][3];
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            sum += linear(four[k][c] / 255.0) * (alpha > 0 ? four[k][3] / alpha : 0.25);
        }
        out[c] = (uint8_t)floor(encoded(sum) * 255 + 0.5);
    }
    out[3] = (uint8_t)floor(alpha / 4 + 0.5);
}

static image image_halve(const image *m)
{
    image half = image_make((m->width + 1) / 2, (m->height + 1) / 2);
    for (uint32_t i = 0; i < half.width * half.height; i++) {
        const uint32_t x = i % half.width * 2, y = i / half.width * 2;
        const uint32_t right = smaller(x + 1, m->width - 1), below = smaller(y + 1, m->height - 1);
        const uint8_t *four[4] = {texel_at(m, x, y), texel_at(m, right, y), texel_at(m, x, below),
                                  texel_at(m, right, below)};
        mean_texel(four, half.rgba + (size_t)i * 4);
    }
    return half;
}

/* The texel that page p must hold at (i, j). */
static const uint8_t *expected_texel(const image *m, const vt_shape *s, bool wrap, vt_page p, int i,
                                     int j)
{
    int64_t x = (int64_t)p.x * s->payload + i - s->border;
    int64_t y = (int64_t)p.y * s->payload + j - s->border;
    while (wrap && x < 0) {
        x += m->width;
    }
    while (wrap && x >= m->width) {
        x -= m->width;
    }
    x = x < 0 ? 0 : x >= m->width ? m->width - 1 : x;
    y = y < 0 ? 0 : y >= m->height ? m->height - 1 : y;
    return texel_at(m, (uint32_t)x, (uint32_t)y);
}

/* Whether (i, j) of page p is a texel of the picture itself. Beyond its edges the last one is
 * repeated, in a narrow picture thousands of times. */
static bool is_of_picture(const image *m, const vt_shape *s, vt_page p, int i, int j)
{
    int64_t x = (int64_t)p.x * s->payload + i - s->border;
    int64_t y = (int64_t)p.y * s->payload + j - s->border;
    return x >= 0 && x < m->width && y >= 0 && y < m->height;
}

/* ---- baking a picture in memory ---- */

static void image_fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba,
                       size_t row_bytes)
{
    (void)worker;
    const image *m = context;
    assert_true(rect.x + rect.width <= m->width && rect.y + rect.height <= m->height);
    for (uint32_t i = 0; i < rect.height; i++) {
        memcpy(rgba + i * row_bytes, texel_at(m, rect.x, rect.y + i), (size_t)rect.width * 4);
    }
}

typedef struct setting {
    vt_texel_format format;
    uint32_t border, threads;
    bool wrap;
    pagewriter_packing packing;
} setting;

static const pagewriter_packing LZ4 = {PAGE_LZ4, 0}, STORED = {PAGE_STORED, 0};

static pagefile_status bake_image(image *m, const setting *how, const char *path,
                                  const volatile sig_atomic_t *cancelled)
{
    pagewriter_desc desc = {.path = path,
                            .wrap_x = how->wrap,
                            .layer_count = 1,
                            .layers = {{.format = how->format, .srgb = true, .name = "a"}}};
    pagewriter *w = NULL;
    assert_true(page_shape_make(m->width, m->height, how->border, &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    crew *workers = crew_create(how->threads);
    assert_non_null(workers);
    const pyramid_desc pyramid = {
        .shape = desc.shape,
        .layer_count = 1,
        .layers = {{.input = {.width = m->width,
                              .height = m->height,
                              .wrap_x = how->wrap,
                              .fill = image_fill,
                              .context = m},
                    .format = how->format,
                    .packing = how->packing}},
        .workers = workers,
        .writer = w,
        .cancelled = cancelled,
    };
    const pyramid_failure failure = pyramid_bake(&pyramid);
    crew_destroy(workers);
    if (failure.status != PAGEFILE_OK) {
        const int why = errno;
        pagewriter_abort(w);
        errno = why;
        return failure.status;
    }
    return pagewriter_commit(w);
}

/* Reads page p as RGBA. */
static void read_page(const pagefile *file, vt_page p, uint8_t *rgba)
{
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], texels[TEXEL_PAGE_MAX_BYTES];
    const vt_texel_format format = pagefile_get_info(file)->layers[0].format;
    pagefile_entry e;
    assert_int_equal(pagefile_find(file, p, 0, &e), PAGEFILE_OK);
    assert_int_equal(pagefile_read(file, &e, stored), PAGEFILE_OK);
    assert_int_equal(codecs_unpack(e.codec, stored, e.bytes, format, texels), PAGEFILE_OK);
    texels_convert(format, texels, VT_TEXEL_RGBA8, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
}

typedef struct difference {
    int largest;           /* of all */
    double squares, count; /* of the picture's own texels */
} difference;

/* The channels that a format keeps. */
static int channels_of(vt_texel_format format)
{
    return format == VT_TEXEL_BC4 ? 1 : format == VT_TEXEL_BC5 ? 2 : format == VT_TEXEL_BC1 ? 3 : 4;
}

static void compare_page(const pagefile *file, const image *m, vt_page p, difference *d)
{
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    const vt_info *info = pagefile_get_info(file);
    const int channels = channels_of(info->layers[0].format);
    read_page(file, p, rgba);
    for (int i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
        const int x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
        const uint8_t *want = expected_texel(m, &info->shape, info->wrap_x, p, x, y);
        const bool counts = is_of_picture(m, &info->shape, p, x, y);
        for (int c = 0; c < channels; c++) {
            const int off = abs(rgba[i * 4 + c] - want[c]);
            d->largest = off > d->largest ? off : d->largest;
            d->squares += counts ? (double)off * off : 0;
            d->count += counts;
        }
    }
}

/* Compares all pages with the reference. Each mip's reference is made from the one before. */
static difference compare_world(const char *path, const image *m)
{
    pagefile *file = NULL;
    difference d = {0};
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    const vt_shape *s = &pagefile_get_info(file)->shape;
    image level = image_make(m->width, m->height);
    memcpy(level.rgba, m->rgba, (size_t)m->width * m->height * 4);
    for (uint32_t mip = 0; mip < s->mips; mip++) {
        const uint32_t columns = page_columns(s, mip);
        for (uint32_t i = 0; i < columns * page_rows(s, mip); i++) {
            const vt_page p = {0, (uint8_t)mip, (uint16_t)(i % columns), (uint16_t)(i / columns)};
            compare_page(file, &level, p, &d);
        }
        image next = image_halve(&level);
        free(level.rgba);
        level = next;
    }
    free(level.rgba);
    pagefile_close(file);
    return d;
}

/* ---- pictures ---- */

static void set_texel(image *m, uint32_t x, uint32_t y, uint32_t rgba)
{
    uint8_t *at = m->rgba + ((size_t)y * m->width + x) * 4;
    for (int c = 0; c < 4; c++) {
        at[c] = (uint8_t)(rgba >> (24 - 8 * c));
    }
}

static image quadrants(uint32_t width, uint32_t height)
{
    static const uint32_t COLOURS[4] = {0xff0000ff, 0x20c040ff, 0x0000ff80, 0xf0f0f000};
    image m = image_make(width, height);
    for (uint32_t i = 0; i < width * height; i++) {
        const uint32_t x = i % width, y = i / width;
        set_texel(&m, x, y, COLOURS[(x >= width / 2) + 2 * (y >= height / 2)]);
    }
    return m;
}

static image noise(uint32_t width, uint32_t height, uint64_t *seed)
{
    image m = image_make(width, height);
    for (uint32_t i = 0; i < width * height; i++) {
        set_texel(&m, i % width, i / width, (uint32_t)seed_next(seed));
    }
    return m;
}

static image smooth(uint32_t width, uint32_t height)
{
    image m = image_make(width, height);
    for (uint32_t i = 0; i < width * height; i++) {
        const double x = i % width / (double)width, y = i / width / (double)height;
        const uint32_t r = (uint32_t)(127 + 120 * sin(9 * x + 3 * y));
        const uint32_t g = (uint32_t)(127 + 120 * sin(5 * y - 4 * x));
        const uint32_t b = (uint32_t)(127 + 120 * sin(7 * x * y + 1));
        set_texel(&m, i % width, i / width, r << 24 | g << 16 | b << 8 | 255);
    }
    return m;
}

/* ---- tests ---- */

static const uint32_t SIZES[][2] = {{1, 1},     {127, 129}, {1, 1000},  {1000, 1}, {241, 119},
                                    {120, 120}, {121, 240}, {512, 512}, {7, 3}};

static void four_quadrants_are_exact_in_every_size(void **state)
{
    const char *path = scratch_path(*state, "quadrants.mega");
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        for (int variant = 0; variant < 4; variant++) {
            const setting how = {VT_TEXEL_RGBA8, variant % 2 == 0 ? 4 : 8, 2, variant >= 2, LZ4};
            image m = quadrants(SIZES[i][0], SIZES[i][1]);
            assert_int_equal(bake_image(&m, &how, path, NULL), PAGEFILE_OK);
            assert_int_equal(compare_world(path, &m).largest, 0);
            free(m.rgba);
        }
    }
}

/* A rounding of 22 bits may tip a value that lies between two bytes: one step is allowed, rarely,
 * and mips are made from mips. In a picture of 21 texels one that tips, and the one made from it,
 * are more than a thousandth already. */
static void random_pictures_match_the_reference(void **state)
{
    const char *path = scratch_path(*state, "noise.mega");
    uint64_t seed = seed_of_run();
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const setting how = {VT_TEXEL_RGBA8, 4, 3, i % 2 == 0, i % 3 != 0 ? LZ4 : STORED};
        image m = noise(SIZES[i][0], SIZES[i][1], &seed);
        assert_int_equal(bake_image(&m, &how, path, NULL), PAGEFILE_OK);
        const difference d = compare_world(path, &m);
        assert_true(d.largest <= 1);
        assert_true(d.squares <= 2 + d.count * 0.001);
        free(m.rgba);
    }
}

/* Hills of colour with some grain, opaque or fading out to the right. */
static image hills(uint32_t width, uint32_t height, bool fades, uint64_t *seed)
{
    image m = smooth(width, height);
    for (uint32_t i = 0; i < width * height; i++) {
        for (int c = 0; c < 3; c++) {
            const int v = m.rgba[i * 4 + (uint32_t)c] + (int)seed_below(seed, 7) - 3;
            m.rgba[i * 4 + (uint32_t)c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
        m.rgba[i * 4 + 3] = fades ? (uint8_t)(255 - i % width * 255 / width) : 255;
    }
    return m;
}

/* Every format, from the picture through bake and file and back, in every mip. The floors are some
 * two dB below what was measured: BC1 has four colours on a line for 16 texels, and grain leaves
 * that line; a half has eight values for them; JPEG keeps colours at half the resolution. */
static void every_format_is_close_to_the_picture(void **state)
{
    static const struct {
        const char *name;
        vt_texel_format format;
        pagewriter_packing packing;
        bool fades;
        double least; /* dB */
    } CASES[] = {
        {"bc1+lz4", VT_TEXEL_BC1, {PAGE_LZ4, 0}, false, 39},
        {"bc1+lz4hc", VT_TEXEL_BC1, {PAGE_LZ4, 9}, false, 39},
        {"bc1+zstd", VT_TEXEL_BC1, {PAGE_ZSTD, 3}, false, 39},
        {"bc3+zstd", VT_TEXEL_BC3, {PAGE_ZSTD, 19}, true, 40},
        {"bc4+lz4", VT_TEXEL_BC4, {PAGE_LZ4, 0}, false, 53},
        {"bc5+none", VT_TEXEL_BC5, {PAGE_STORED, 0}, false, 54},
        {"jpeg:75", VT_TEXEL_RGBA8, {PAGE_JPEG, 75}, false, 40},
        {"jpeg:90", VT_TEXEL_RGBA8, {PAGE_JPEG, 90}, false, 41},
        {"rgba8+zstd", VT_TEXEL_RGBA8, {PAGE_ZSTD, 3}, true, 70},
    };
    const char *path = scratch_path(*state, "hills.mega");
    uint64_t seed = seed_of_run();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const setting how = {CASES[i].format, 4, 2, false, CASES[i].packing};
        image m = hills(700, 500, CASES[i].fades, &seed);
        assert_int_equal(bake_image(&m, &how, path, NULL), PAGEFILE_OK);
        const difference d = compare_world(path, &m);
        const double psnr = 10 * log10(255.0 * 255.0 * d.count / (d.squares + 1e-9));
        print_message("%s: %.1f dB\n", CASES[i].name, psnr);
        assert_true(psnr >= CASES[i].least);
        free(m.rgba);
    }
}

static void threads_do_not_change_a_byte(void **state)
{
    const char *one_path = scratch_path(*state, "one.mega");
    const char *many_path = scratch_path(*state, "many.mega");
    uint64_t seed = seed_of_run();
    image m = noise(600, 400, &seed);
    setting how = {VT_TEXEL_BC1, 4, 1, true, LZ4};
    size_t one_bytes = 0, many_bytes = 0;
    assert_int_equal(bake_image(&m, &how, one_path, NULL), PAGEFILE_OK);
    how.threads = 7;
    assert_int_equal(bake_image(&m, &how, many_path, NULL), PAGEFILE_OK);
    uint8_t *one = scratch_read(one_path, &one_bytes);
    uint8_t *many = scratch_read(many_path, &many_bytes);
    assert_non_null(one);
    assert_non_null(many);
    assert_int_equal(one_bytes, many_bytes);
    assert_memory_equal(one, many, one_bytes);
    free(one);
    free(many);
    free(m.rgba);
}

static void cancelling_leaves_nothing(void **state)
{
    static const volatile sig_atomic_t CANCELLED = 1;
    const char *directory = scratch_path(*state, "cancel");
    assert_int_equal(mkdir(directory, 0700), 0);
    const char *path = scratch_path(*state, "cancel/world.mega");
    const setting how = {VT_TEXEL_BC1, 4, 2, false, LZ4};
    image m = quadrants(500, 500);
    assert_int_equal(bake_image(&m, &how, path, &CANCELLED), PAGEFILE_WRITE_FAILED);
    assert_int_equal(errno, ECANCELED);
    assert_int_equal(scratch_count(directory), 0);
    free(m.rgba);
}

static void srgb_round_trips(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        assert_int_equal(srgb_encode_sum(4 * srgb_decode((uint8_t)i)), i);
    }
    assert_int_equal(srgb_decode(255), SRGB_ONE);
}

/* No value lies so near to where rounding tips that a libm's last bits could matter. */
static void srgb_tables_do_not_hang_on_libm(void **state)
{
    (void)state;
    for (int i = 1; i < 255; i++) {
        const double value = linear(i / 255.0) * SRGB_ONE;
        const double threshold = linear((i - 0.5) / 255.0) * (4.0 * SRGB_ONE);
        assert_true(fabs(value - floor(value) - 0.5) > 1e-5);
        assert_true(fabs(threshold - floor(threshold + 0.5)) > 1e-5);
        assert_int_equal(srgb_encode_sum((uint32_t)ceil(threshold)), i);
        assert_int_equal(srgb_encode_sum((uint32_t)ceil(threshold) - 1), i - 1);
    }
}

/* Half the light of white is 188 in sRGB, and 128 where numbers are just numbers. */
static void a_checkerboard_becomes_half_the_light(void **state)
{
    (void)state;
    static const uint8_t ROWS[2][8] = {{0, 0, 0, 255, 255, 255, 255, 255},
                                       {255, 255, 255, 255, 0, 0, 0, 255}};
    uint8_t out[4];
    halve_rows(HALVE_SRGB, ROWS[0], ROWS[1], 2, out);
    assert_int_equal(out[0], 188);
    halve_rows(HALVE_LINEAR, ROWS[0], ROWS[1], 2, out);
    assert_int_equal(out[0], 128);
}

/* A texel that nobody sees does not colour those that somebody does. */
static void the_invisible_has_no_colour(void **state)
{
    (void)state;
    static const uint8_t ROWS[2][8] = {{200, 100, 50, 255, 0, 255, 0, 0},
                                       {0, 255, 0, 0, 0, 255, 0, 0}};
    uint8_t out[4];
    halve_rows(HALVE_SRGB, ROWS[0], ROWS[1], 2, out);
    assert_int_equal(out[0], 200);
    assert_int_equal(out[1], 100);
    assert_int_equal(out[2], 50);
    assert_int_equal(out[3], 64);
}

static float component_of(uint8_t byte)
{
    return ((float)byte - 128) / 127;
}

/* The mean of unit vectors is one again, and points where their sum does. */
static void normals_stay_unit_vectors(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 2000; round++) {
        uint8_t rows[2][8], out[4];
        float sum[3] = {0, 0, 0};
        for (int k = 0; k < 4; k++) {
            const float x = (float)seed_below(&seed, 1000) / 500 - 1;
            const float y = (float)seed_below(&seed, 1000) / 500 - 1;
            const float part = 1 / sqrtf(x * x + y * y + 1);
            uint8_t *texel = rows[k / 2] + k % 2 * 4;
            halve_put_normal(x * part, y * part, part, texel);
            sum[0] += x * part;
            sum[1] += y * part;
            sum[2] += part;
        }
        halve_rows(HALVE_NORMAL, rows[0], rows[1], 2, out);
        const float length = sqrtf(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
        float squares = 0;
        for (int c = 0; c < 3; c++) { /* a byte is 1/127; z of a vector near the plane is worse */
            assert_true(fabsf(component_of(out[c]) - sum[c] / length) < 0.035f);
            squares += component_of(out[c]) * component_of(out[c]);
        }
        assert_true(fabsf(sqrtf(squares) - 1) < 0.015f);
    }
}

typedef struct counted {
    uint8_t times[1000];
} counted;

static void count_one(void *context, uint32_t worker, uint32_t index)
{
    (void)worker;
    ((counted *)context)->times[index]++;
}

static void a_crew_does_each_piece_once(void **state)
{
    (void)state;
    crew *c = crew_create(5);
    assert_non_null(c);
    for (uint32_t count = 0; count <= 1000; count += 125) {
        counted seen = {{0}};
        crew_run(c, count, count_one, &seen);
        for (uint32_t i = 0; i < 1000; i++) {
            assert_int_equal(seen.times[i], i < count);
        }
    }
    crew_destroy(c);
    crew_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srgb_round_trips),
        cmocka_unit_test(srgb_tables_do_not_hang_on_libm),
        cmocka_unit_test(a_checkerboard_becomes_half_the_light),
        cmocka_unit_test(the_invisible_has_no_colour),
        cmocka_unit_test(normals_stay_unit_vectors),
        cmocka_unit_test(a_crew_does_each_piece_once),
        cmocka_unit_test(four_quadrants_are_exact_in_every_size),
        cmocka_unit_test(random_pictures_match_the_reference),
        cmocka_unit_test(every_format_is_close_to_the_picture),
        cmocka_unit_test(threads_do_not_change_a_byte),
        cmocka_unit_test(cancelling_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
