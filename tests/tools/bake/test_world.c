/* The worlds that are made: noise, resampling, relief, ETOPO5's file, the Earth and the made-up
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/made/earth.h"
#include "tools/bake/made/etopo.h"
#include "tools/bake/made/noise.h"
#include "tools/bake/made/patch.h"
#include "tools/bake/made/relief.h"
#include "tools/bake/made/resample.h"
#include "tools/bake/made/synthetic.h"
#include "tools/picture/picture.h"

#include <math.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 512

static void noise_is_smooth_bounded_and_wraps(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 20; round++) {
        static float rows[64][WIDTH];
        const noise_octave octave = {(uint32_t)seed_next(&seed), 8u << round % 3, 1};
        const float most = 8.0f * (float)octave.cells / WIDTH; /* of a step between texels */
        memset(rows, 0, sizeof rows);
        for (uint32_t y = 0; y < 64; y++) {
            noise_add(&octave, WIDTH, 0, y, WIDTH, rows[y]);
        }
        float low = 0, high = 0;
        for (int i = 0; i < 64 * WIDTH; i++) {
            const int x = i % WIDTH, y = i / WIDTH;
            const float here = rows[y][x];
            assert_true(fabsf(here) <= 1.6f);
            assert_true(fabsf(here - rows[y][(x + 1) % WIDTH]) < most);
            assert_true(y == 0 || fabsf(here - rows[y - 1][x]) < most);
            low = here < low ? here : low;
            high = here > high ? here : high;
        }
        assert_true(low < -0.1f && high > 0.1f);
    }
}

/* The same seed and cells are the same hills at twice the resolution. */
static void noise_does_not_depend_on_the_width(void **state)
{
    (void)state;
    static float coarse[WIDTH], above[2 * WIDTH], below[2 * WIDTH];
    const noise_octave octave = {7, 16, 1};
    noise_add(&octave, WIDTH, 0, 37, WIDTH, coarse);
    noise_add(&octave, 2 * WIDTH, 0, 74, 2 * WIDTH, above);
    noise_add(&octave, 2 * WIDTH, 0, 75, 2 * WIDTH, below);
    for (int x = 0; x < WIDTH; x++) {
        const float mean = (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4;
        assert_true(fabsf(coarse[x] - mean) < 0.01f);
    }
}

static float read_tap(resample_tap tap, float (*value)(float))
{
    float sum = 0;
    for (int k = 0; k < 4; k++) {
        sum += tap.weight[k] * value((float)(tap.first + k));
    }
    return sum;
}

static float parabola(float x)
{
    return 3 + 0.5f * x - 0.01f * x * x;
}

/* Catmull-Rom gives back what has two derivatives that do not change. */
static void taps_follow_a_parabola(void **state)
{
    (void)state;
    for (uint32_t x = 0; x < 1000; x++) {
        const float on_grid = (float)((x + 0.5) * 77 / 1000);
        assert_true(fabsf(read_tap(resample_tap_at(2 * (int64_t)x + 1, 2000, 77, true), parabola) -
                          parabola(on_grid)) < 1e-4f);
        assert_true(fabsf(read_tap(resample_tap_at(2 * (int64_t)x + 1, 2000, 77, false), parabola) -
                          parabola(on_grid - 0.5f)) < 1e-4f);
    }
    assert_int_equal(resample_tap_at(1, 2000, 77, false).first, -2);
    assert_int_equal(resample_tap_at(1999, 2000, 77, false).first, 75);
}

static void slopes_to_the_north_west_are_bright(void **state)
{
    (void)state;
    static float rows[3][WIDTH + 2], light[WIDTH];
    float *north = rows[0] + 1, *here = rows[1] + 1, *south = rows[2] + 1;
    relief_light_row(north, here, south, WIDTH, 1, light);
    for (int x = 0; x < WIDTH; x++) {
        assert_true(fabsf(light[x] - 1) < 1e-6f);
    }
    for (int x = 0; x < WIDTH; x++) { /* rises to the south: faces north */
        south[x] = 0.5f;
        north[x] = -0.5f;
    }
    relief_light_row(north, here, south, WIDTH, 1, light);
    assert_true(light[0] > 1.1f && light[WIDTH - 1] > 1.1f);
    relief_light_row(south, here, north, WIDTH, 1, light);
    assert_true(light[0] < 0.9f && light[WIDTH - 1] < 0.9f);
}

/* A row in pieces of any length, begun anywhere, also beyond either edge, is the row. */
static void noise_in_pieces_is_the_same(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    static float whole[WIDTH], piece[WIDTH];
    for (int round = 0; round < 500; round++) {
        const noise_octave octave = {(uint32_t)seed_next(&seed), 256u >> seed_below(&seed, 8), 1};
        const uint32_t y = (uint32_t)seed_below(&seed, WIDTH / 2);
        const int64_t x = (int64_t)seed_below(&seed, 2 * WIDTH) - WIDTH / 2;
        const uint32_t count = 1 + (uint32_t)seed_below(&seed, WIDTH);
        memset(whole, 0, sizeof whole);
        memset(piece, 0, sizeof piece);
        noise_add(&octave, WIDTH, 0, y, WIDTH, whole);
        noise_add(&octave, WIDTH, x, y, count, piece);
        for (uint32_t i = 0; i < count; i++) {
            assert_memory_equal(&piece[i], &whole[(x + i + WIDTH) % WIDTH], sizeof piece[i]);
        }
    }
}

/* Enlarged with or without the coarse grid, a smooth raster is the same surface. */
static void read_waves(const void *context, uint32_t column, uint32_t row, uint32_t count,
                       float (*out)[PATCH_CHANNELS])
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        const double x = (column + i + 0.5) / 32 * 6.283185307, y = (row + 0.5) / 16 * 3.141592654;
        out[i][0] = (float)(sin(x) * sin(y));
        out[i][1] = (float)(column + i);
        out[i][2] = (float)row;
        out[i][3] = 7;
    }
}

static void patches_follow_a_smooth_raster(void **state)
{
    (void)state;
    static float line[PATCH_MAX_WIDTH];
    for (uint32_t width = 32; width <= 2048; width *= 2) {
        const patch_raster r = {
            .width = width, .height = width / 2, .columns = 32, .rows = 16, .read = read_waves};
        patch p;
        assert_true(patch_open(&p, &r));
        for (uint32_t y = 2; y + 2 < width / 2; y += 1 + width / 40) {
            const uint32_t count = width < 500 ? width : 500;
            patch_fill(&p, &r, -3, y, count, 1);
            patch_row(&p, 0, -3, y, count, line);
            for (uint32_t i = 0; i < count; i++) {
                const double x = (i - 3 + 0.5) / width * 6.283185307;
                const double want = sin(x) * sin((y + 0.5) / (width / 2) * 3.141592654);
                const bool near_a_pole = y < width / 20 || y > width / 2 - width / 20;
                assert_true(near_a_pole || fabs(line[i] - want) < (width < 64 ? 0.2 : 0.02));
            }
            patch_row(&p, 3, -3, y, count, line);
            assert_true(fabsf(line[count / 2] - 7) < 1e-4f);
        }
        patch_close(&p);
    }
}

/* ---- a small Earth of our own ---- */

/* Writes heights as ETOPO5 has them: longitudes from 0, rows either way. A mountain of 5000 m
 * stands at 90 degrees west, 45 degrees north; all else is sea of 3000 m, but for a plain of 100 m
 * in the south.
 * */
static void write_etopo(const char *path, bool south_first)
{
    static float row[ETOPO_WIDTH];
    static double x[ETOPO_WIDTH], y[ETOPO_HEIGHT];
    int file, dims[2], vx, vy, heights;
    for (int i = 0; i < ETOPO_WIDTH; i++) {
        x[i] = i / 12.0;
    }
    for (int i = 0; i < ETOPO_HEIGHT; i++) {
        y[i] = south_first ? i / 12.0 - 90 : 90 - i / 12.0;
    }
    assert_int_equal(nc_create(path, NC_CLOBBER, &file), NC_NOERR);
    assert_int_equal(nc_def_dim(file, "Y", ETOPO_HEIGHT, &dims[0]), NC_NOERR);
    assert_int_equal(nc_def_dim(file, "X", ETOPO_WIDTH, &dims[1]), NC_NOERR);
    assert_int_equal(nc_def_var(file, "Y", NC_DOUBLE, 1, &dims[0], &vy), NC_NOERR);
    assert_int_equal(nc_def_var(file, "X", NC_DOUBLE, 1, &dims[1], &vx), NC_NOERR);
    assert_int_equal(nc_def_var(file, "ROSE", NC_FLOAT, 2, dims, &heights), NC_NOERR);
    assert_int_equal(nc_enddef(file), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, vx, x), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, vy, y), NC_NOERR);
    for (size_t r = 0; r < ETOPO_HEIGHT; r++) {
        for (int c = 0; c < ETOPO_WIDTH; c++) {
            const bool mountain = fabs(x[c] - 270) < 5 && fabs(y[r] - 45) < 5;
            row[c] = mountain ? 5000 : y[r] < -80 ? 100 : -3000;
        }
        const size_t start[2] = {r, 0}, count[2] = {1, ETOPO_WIDTH};
        assert_int_equal(nc_put_vara_float(file, heights, start, count, row), NC_NOERR);
    }
    assert_int_equal(nc_close(file), NC_NOERR);
}

static void etopo_is_turned_the_right_way(void **state)
{
    const char *path = scratch_path(*state, "etopo.cdf");
    for (int south_first = 0; south_first < 2; south_first++) {
        const char *why = NULL;
        write_etopo(path, south_first);
        int16_t *heights = etopo_load(path, &why);
        assert_non_null(heights);
        assert_int_equal(heights[45 * 12 * ETOPO_WIDTH + 90 * 12], 5000);   /* 45 N, 90 W */
        assert_int_equal(heights[45 * 12 * ETOPO_WIDTH + 270 * 12], -3000); /* 45 N, 90 E */
        assert_int_equal(heights[(ETOPO_HEIGHT - 1) * ETOPO_WIDTH], 100);
        assert_int_equal(heights[0], -3000);
        free(heights);
    }
}

static void truncated_heights_are_refused(void **state)
{
    const char *path = scratch_path(*state, "short.cdf");
    static const long SIZES[] = {30000000, 100000, 300, 4, 1};
    write_etopo(path, true);
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const char *why = NULL;
        assert_int_equal(truncate(path, SIZES[i]), 0);
        assert_null(etopo_load(path, &why));
        assert_non_null(why);
    }
}

/* libnetcdf believes a header, whatever it says: no flipped byte of one may end the program. */
static void damaged_headers_are_refused_or_read(void **state)
{
    const char *path = scratch_path(*state, "hostile.cdf");
    uint64_t seed = seed_of_run();
    write_etopo(path, true);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    for (int round = 0; round < 40; round++) {
        const char *why = NULL;
        const long at = (long)seed_below(&seed, 400);
        fseek(f, at, SEEK_SET);
        const int was = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ (int)(1 + seed_below(&seed, 255)), f);
        fflush(f);
        int16_t *heights = etopo_load(path, &why);
        assert_true(heights != NULL || why != NULL);
        free(heights);
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fflush(f);
    }
    fclose(f);
}

/* A texel does not depend on the worker or on the rectangle that it is made in, wherever pieces
 * begin; at the seam and at the poles too. */
static void check_rectangles(const source *in, uint32_t workers, uint64_t *seed)
{
    static uint8_t whole[WIDTH / 2 * WIDTH * 4], piece[WIDTH / 2 * WIDTH * 4];
    assert_int_equal(in->width, WIDTH);
    assert_int_equal(in->height, WIDTH / 2);
    assert_true(in->wrap_x);
    in->fill(in->context, 0, (source_rect){0, 0, WIDTH, WIDTH / 2}, whole, WIDTH * 4);
    for (uint32_t round = 0; round < 20; round++) {
        const uint32_t x = (uint32_t)seed_below(seed, WIDTH),
                       y = (uint32_t)seed_below(seed, WIDTH / 2);
        const source_rect rect = {x, y, 1 + (uint32_t)seed_below(seed, WIDTH - x),
                                  1 + (uint32_t)seed_below(seed, WIDTH / 2 - y)};
        in->fill(in->context, round % workers, rect, piece, WIDTH * 4);
        for (uint32_t row = 0; row < rect.height; row++) {
            assert_memory_equal(piece + (size_t)row * WIDTH * 4,
                                whole + ((size_t)(y + row) * WIDTH + x) * 4, rect.width * 4);
        }
    }
}

static void the_earth_has_its_mountain(void **state)
{
    static uint8_t grey[64 * 32 * 4];
    const char *colour = scratch_path(*state, "grey.png");
    const char *cdf = scratch_path(*state, "etopo.cdf");
    memset(grey, 128, sizeof grey);
    assert_true(picture_write_png(colour, 64, 32, grey));
    write_etopo(cdf, true);
    crew *workers = crew_create(2);
    const ground_desc desc = {colour, cdf, WIDTH, workers};
    uint64_t seed = seed_of_run();
    ground_failure failure;
    earth *e = earth_create(&desc, &failure);
    assert_non_null(e);
    const source in = earth_source(e), slopes = earth_normals(e);
    check_rectangles(&in, crew_threads(workers), &seed);
    check_rectangles(&slopes, crew_threads(workers), &seed);
    uint32_t width = 0, height = 0;
    const int16_t *heights = earth_heights(e, &width, &height);
    assert_int_equal(heights[height / 4 * width + width / 4], 5000);
    assert_int_equal(heights[height / 4 * width + width * 3 / 4], 0); /* the sea is flat */
    assert_int_equal(heights[(height - 1) * width], 100);
    earth_destroy(e);
    earth_destroy(NULL);
    crew_destroy(workers);
}

static void the_made_up_world_has_land_and_sea(void **state)
{
    (void)state;
    crew *workers = crew_create(2);
    synthetic *s = synthetic_create(WIDTH, workers);
    assert_non_null(s);
    uint64_t seed = seed_of_run();
    const source in = synthetic_source(s);
    check_rectangles(&in, crew_threads(workers), &seed);
    uint32_t width = 0, height = 0, land = 0;
    int highest = 0;
    const int16_t *heights = synthetic_heights(s, &width, &height);
    for (uint32_t i = 0; i < width * height; i++) {
        assert_true(heights[i] >= 0);
        land += heights[i] > 0;
        highest = heights[i] > highest ? heights[i] : highest;
    }
    assert_true(land > width * height / 10 && land < width * height / 2);
    assert_true(highest > 3000 && highest < 12000);
    synthetic_destroy(s);
    synthetic_destroy(NULL);
    crew_destroy(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_smooth_bounded_and_wraps),
        cmocka_unit_test(noise_does_not_depend_on_the_width),
        cmocka_unit_test(noise_in_pieces_is_the_same),
        cmocka_unit_test(taps_follow_a_parabola),
        cmocka_unit_test(patches_follow_a_smooth_raster),
        cmocka_unit_test(slopes_to_the_north_west_are_bright),
        cmocka_unit_test(etopo_is_turned_the_right_way),
        cmocka_unit_test(truncated_heights_are_refused),
        cmocka_unit_test(damaged_headers_are_refused_or_read),
        cmocka_unit_test(the_earth_has_its_mountain),
        cmocka_unit_test(the_made_up_world_has_land_and_sea),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
