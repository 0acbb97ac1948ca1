/* The ground: its heights, and the patches it is cut into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/camera.h"
#include "tools/view/scene/heightrows.h"
#include "tools/view/scene/mat.h"
#include "tools/view/scene/patches.h"

#include "tests/rigs/seed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rng;

static double uniform(double least, double most)
{
    return least + (most - least) * seed_below(&rng, 1u << 30) / (double)(1u << 30);
}

static heightmap random_heights(uint32_t width, uint32_t height, bool wrap_x)
{
    int16_t *metres = malloc(sizeof *metres * width * height);
    assert_non_null(metres);
    for (uint32_t i = 0; i < width * height; i++) {
        metres[i] = (int16_t)((int)seed_below(&rng, 9500) - 500);
    }
    heightmap h;
    assert_true(heightmap_init(&h, metres, width, height, wrap_x));
    return h;
}

/* ---- heights that come row by row ---- */

/* A raster whose sample (x, y) is 10 * x + y, made to fit. */
static heightrows shrink(uint32_t width, uint32_t height, uint32_t most_side)
{
    heightrows h;
    int16_t *row = malloc(width * sizeof *row);
    assert_true(row != NULL && heightrows_init(&h, width, height, most_side));
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            row[x] = (int16_t)(10 * (x % 1000) + y % 1000);
        }
        heightrows_take(&h, y, row);
    }
    free(row);
    return h;
}

static void heights_that_fit_stay_what_they_are(void **state)
{
    (void)state;
    heightrows h = shrink(37, 19, 37);
    int16_t *metres = heightrows_end(&h);
    assert_int_equal(h.width, 37);
    assert_int_equal(h.height, 19);
    for (uint32_t y = 0; y < 19; y++) {
        for (uint32_t x = 0; x < 37; x++) {
            assert_int_equal(metres[y * 37 + x], 10 * x + y);
        }
    }
    free(metres);
}

static void heights_beyond_the_limit_are_averaged(void **state)
{
    (void)state;
    heightrows h = shrink(30, 12, 10); /* three by six fifths */
    int16_t *metres = heightrows_end(&h);
    assert_int_equal(h.width, 10);
    assert_int_equal(h.height, 10);
    assert_int_equal(metres[0], 10);                          /* 0, 10 and 20, in one row */
    assert_int_equal(metres[9], 280);                         /* 270, 280 and 290 */
    assert_int_equal(metres[9 * 10], 10 + (10 + 11) / 2 + 1); /* the last two rows: 20.5 */
    free(metres);
}

/* As many as there may be stay; one row more, and half of the rows go. */
static void heights_are_bounded_in_all(void **state)
{
    static const uint32_t SIZES[][4] = {
        {8192, 4096, 8192, 4096}, {8192, 4097, 4096, 4097}, {32768, 32767, 4096, 8192},
        {32768, 1, 16384, 1},     {1, 32768, 1, 16384},     {32768, 1024, 16384, 1024},
    };
    (void)state;
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        heightrows h;
        assert_true(heightrows_init(&h, SIZES[i][0], SIZES[i][1], 16384));
        assert_int_equal(h.width, SIZES[i][2]);
        assert_int_equal(h.height, SIZES[i][3]);
        free(heightrows_end(&h));
    }
    heightrows h = shrink(1, 2000, 300);
    assert_int_equal(h.row, 300); /* each was kept */
    free(heightrows_end(&h));
}

/* ---- heights ---- */

static void a_sample_is_met_at_its_centre_and_lines_lie_between(void **state)
{
    (void)state;
    heightmap h = random_heights(37, 19, false);
    for (uint32_t y = 0; y < 19; y++) {
        for (uint32_t x = 0; x + 1 < 37; x++) {
            const int16_t a = h.metres[0][y * 37 + x], b = h.metres[0][y * 37 + x + 1];
            const double v = (y + 0.5) / 19;
            assert_true(fabs(heightmap_at(&h, (x + 0.5) / 37, v) - a) < 1e-6);
            assert_true(fabs(heightmap_at(&h, (x + 1.0) / 37, v) - (a + b) / 2.0) < 1e-6);
        }
    }
    assert_true(heightmap_at(&h, -5, 0.5 / 19) == h.metres[0][0]); /* beyond the edge, the edge */
    assert_true(heightmap_at(&h, NAN, INFINITY) == 0);
    heightmap_finish(&h);
}

static void a_wrapping_map_goes_on_at_its_other_edge(void **state)
{
    (void)state;
    heightmap h = random_heights(16, 8, true);
    for (int i = 0; i < 200; i++) {
        const double u = uniform(0, 1), v = uniform(0, 1);
        assert_true(fabs(heightmap_at(&h, u, v) - heightmap_at(&h, u + 1, v)) < 1e-6);
        assert_true(fabs(heightmap_at(&h, u, v) - heightmap_at(&h, u - 2, v)) < 1e-6);
    }
    const double seam = (h.metres[0][15] + h.metres[0][0]) / 2.0;
    assert_true(fabs(heightmap_at(&h, 0, 0.5 / 8) - seam) < 1e-6);
    heightmap_finish(&h);
}

static void bounds_hold_every_height_of_their_rectangle(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        heightmap h =
            random_heights(1 + seed_below(&rng, 200), 1 + seed_below(&rng, 100), round % 2);
        for (int i = 0; i < 100; i++) {
            const double u = uniform(0, 0.9), v = uniform(0, 0.9);
            const double u1 = uniform(u, 1), v1 = uniform(v, 1);
            const heightmap_range range = heightmap_bounds(&h, u, v, u1, v1);
            for (int k = 0; k < 20; k++) {
                const double metres = heightmap_at(&h, uniform(u, u1), uniform(v, v1));
                assert_true(metres >= range.least - 1e-6 && metres <= range.most + 1e-6);
            }
        }
        heightmap_finish(&h);
    }
}

static void level_ground_shades_upright_and_a_slope_leans_downhill(void **state)
{
    (void)state;
    int16_t *metres = malloc(4 * 4 * sizeof *metres);
    assert_non_null(metres);
    for (int i = 0; i < 16; i++) {
        metres[i] = (int16_t)(1000 * (i % 4)); /* rises to the east */
    }
    heightmap h;
    assert_true(heightmap_init(&h, metres, 4, 4, false));
    uint8_t normals[4 * 4 * 2];
    heightmap_shade(&h, 0, 0.001, 4, 4, normals);
    const uint8_t *middle = normals + (1 * 4 + 1) * 2;
    assert_int_equal(middle[0], lrint(128 - 127 / sqrt(2))); /* 45 degrees, to the west */
    assert_int_equal(middle[1], 128);
    heightmap_shade(&h, h.levels - 1, 0.001, 4, 4, normals); /* one sample is level */
    assert_int_equal(normals[0], 128);
    heightmap_finish(&h);
}

static void impossible_rasters_are_refused(void **state)
{
    (void)state;
    heightmap h;
    assert_false(heightmap_init(&h, malloc(2), 0, 1, false));
    assert_false(heightmap_init(&h, malloc(2), 1, 65537, false));
    heightmap_finish(&h);
}

/* ---- patches ---- */

static patches_view view_of(const patches_ground *g, const camera *c, double far_distance)
{
    (void)g;
    patches_view view = {.x = c->x, .y = c->y, .z = c->z, .far_distance = far_distance};
    const mat4 turn = mat_view(c->yaw, c->pitch);
    const mat4 lens = mat_perspective(CAMERA_TAN_HALF_FIELD, 16.0 / 9, 0.1, 1e5, 0, 0);
    const mat4 all = mat_multiply(&lens, &turn);
    mat_frustum(&all, view.planes);
    return view;
}

/* A view that sees everything. */
static patches_view open_view(const camera *c)
{
    patches_view view = {.x = c->x, .y = c->y, .z = c->z, .far_distance = 1e9};
    for (int i = 0; i < 6; i++) {
        view.planes[i][3] = 1;
    }
    return view;
}

static camera random_camera(void)
{
    const camera c = {uniform(-1000, 1000), pow(10, uniform(-0.3, 3)), uniform(-500, 500),
                      uniform(-180, 180), uniform(-90, 20)};
    return c;
}

static patch chosen[PATCHES_MAX];

static void patches_tile_the_map_without_gap_or_overlap(void **state)
{
    (void)state;
    heightmap h = random_heights(256, 128, false);
    for (int round = 0; round < 100; round++) {
        const double widths[] = {2000, 1000, 300, 7777, 1700};
        const patches_ground g = {.width = widths[round % 5],
                                  .height = 1000,
                                  .max_level = seed_below(&rng, 9),
                                  .heights = round % 3 ? &h : NULL,
                                  .metres_to_units = 1.0 / 800,
                                  .bend = 2e-4};
        const camera c = random_camera();
        const patches_view view = open_view(&c);
        const uint32_t count = patches_select(&g, &view, chosen);
        double area = 0, map_area = 0;
        for (uint32_t i = 0; i < count; i++) {
            area += chosen[i].width * chosen[i].depth;
            map_area += chosen[i].du * chosen[i].dv;
        }
        assert_true(fabs(area - g.width * g.height) < 1e-3);
        assert_true(fabs(map_area - 1) < 1e-9);
        for (int k = 0; k < 100; k++) { /* each point lies in just one */
            const double x = uniform(-g.width / 2, g.width / 2), z = uniform(-500, 500);
            int holders = 0;
            for (uint32_t i = 0; i < count; i++) {
                const patch *p = &chosen[i];
                holders += x >= p->x && x < p->x + p->width && z >= p->z && z < p->z + p->depth;
            }
            assert_int_equal(holders, 1);
        }
    }
    heightmap_finish(&h);
}

static void what_the_camera_sees_is_drawn_and_within_the_budget_of_vertices(void **state)
{
    (void)state;
    heightmap h = random_heights(512, 256, true);
    const patches_ground g = {.width = 2000,
                              .height = 1000,
                              .wrap_x = true,
                              .max_level = 6,
                              .heights = &h,
                              .metres_to_units = 1.0 / 800,
                              .bend = 1.0 / 5200};
    for (int round = 0; round < 200; round++) {
        camera c = random_camera();
        c.y += 12;
        const patches_view view = view_of(&g, &c, 4000);
        const uint32_t count = patches_select(&g, &view, chosen);
        const uint32_t vertices = count * (PATCHES_CELLS + 3) * (PATCHES_CELLS + 3);
        assert_true(vertices <= 150000);
        for (int k = 0; k < 300; k++) {
            const double dx = uniform(-400, 400), dz = uniform(-400, 400);
            const double u = (c.x + dx) / 2000 + 0.5, v = (c.z + dz) / 1000 + 0.5;
            const double dy = heightmap_at(&h, u, v) / 800 - c.y - g.bend * (dx * dx + dz * dz);
            bool seen = true;
            for (int i = 0; i < 6; i++) {
                const float *p = view.planes[i];
                seen = seen && p[0] * dx + p[1] * dy + p[2] * dz + p[3] > 1e-3;
            }
            bool drawn = !seen;
            for (uint32_t i = 0; i < count && !drawn; i++) {
                const double x = c.x + dx - chosen[i].x, z = c.z + dz - chosen[i].z;
                drawn = x >= 0 && x <= chosen[i].width && z >= 0 && z <= chosen[i].depth;
            }
            assert_true(drawn);
        }
    }
    heightmap_finish(&h);
}

static void near_patches_come_first_and_are_finer(void **state)
{
    (void)state;
    const patches_ground g = {.width = 2000, .height = 1000, .max_level = 7};
    const camera c = {100, 2, 50, 0, 0};
    const patches_view view = open_view(&c);
    const uint32_t count = patches_select(&g, &view, chosen);
    assert_true(count > 20);
    assert_int_equal(chosen[0].level, 7);
    for (uint32_t i = 0; i < count; i++) {
        const patch *p = &chosen[i];
        assert_true(i == 0 || p->distance >= chosen[i - 1].distance);
        assert_true(p->level == 7 || p->width <= PATCHES_DETAIL * p->distance + 1e-9);
    }
}

static void a_wrapping_map_covers_the_ground_across_its_seam(void **state)
{
    (void)state;
    const patches_ground g = {.width = 2000, .height = 1000, .wrap_x = true, .max_level = 5};
    const camera c = {990, 20, 0, 90, -20}; /* at the eastern edge, looking east */
    const patches_view view = view_of(&g, &c, 500);
    const uint32_t count = patches_select(&g, &view, chosen);
    bool beyond = false;
    for (uint32_t i = 0; i < count; i++) {
        beyond = beyond || (chosen[i].x >= 1000 && chosen[i].u < 0.25);
    }
    assert_true(beyond);
}

int main(void)
{
    rng = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heights_that_fit_stay_what_they_are),
        cmocka_unit_test(heights_beyond_the_limit_are_averaged),
        cmocka_unit_test(heights_are_bounded_in_all),
        cmocka_unit_test(a_sample_is_met_at_its_centre_and_lines_lie_between),
        cmocka_unit_test(a_wrapping_map_goes_on_at_its_other_edge),
        cmocka_unit_test(bounds_hold_every_height_of_their_rectangle),
        cmocka_unit_test(level_ground_shades_upright_and_a_slope_leans_downhill),
        cmocka_unit_test(impossible_rasters_are_refused),
        cmocka_unit_test(patches_tile_the_map_without_gap_or_overlap),
        cmocka_unit_test(what_the_camera_sees_is_drawn_and_within_the_budget_of_vertices),
        cmocka_unit_test(near_patches_come_first_and_are_finer),
        cmocka_unit_test(a_wrapping_map_covers_the_ground_across_its_seam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
