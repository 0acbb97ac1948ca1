/* Mosaics of files, and rasters of heights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/picture_rig.h"
#include "tests/scratch.h"
#include "tests/seed.h"
#include "tools/bake/inputs/heights.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/mosaic.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tiffio.h>

/* ---- mosaics ---- */

enum { TILE_WIDTH = 32, TILE_HEIGHT = 24, COLUMNS = 5, ROWS = 4 };

static uint64_t seed;
static crew *workers;

/* A path that lasts to the next call: what scratch_path gives does not outlive many tiles. */
static const char *lasting(const void *state, const char *name)
{
    static char path[SCRATCH_PATH_BYTES];
    snprintf(path, sizeof path, "%s", scratch_path(state, name));
    return path;
}

/* The tile of a picture at a column and row. */
static rig_picture cut(const rig_picture *p, uint32_t column, uint32_t row, uint32_t tile_height)
{
    const uint32_t x = column * TILE_WIDTH, y = row * tile_height;
    rig_picture t = rig_make(p->width - x < TILE_WIDTH ? p->width - x : TILE_WIDTH,
                             p->height - y < tile_height ? p->height - y : tile_height, false);
    for (uint32_t i = 0; i < t.height; i++) {
        memcpy(t.rgba + (size_t)i * t.width * 4, p->rgba + ((size_t)(y + i) * p->width + x) * 4,
               (size_t)t.width * 4);
    }
    return t;
}

/* Writes a mosaic of PNGs of mixed kinds; names as printf's format of column and row. */
static void write_tiles(const char *folder, const char *format, const rig_picture *p,
                        uint32_t tile_height)
{
    mkdir(folder, 0700);
    for (uint32_t row = 0; row * tile_height < p->height; row++) {
        for (uint32_t column = 0; column * TILE_WIDTH < p->width; column++) {
            char name[64];
            rig_picture t = cut(p, column, row, tile_height);
            snprintf(name, sizeof name, format, column, row);
            rig_write_png(scratch_path(folder, name), &t,
                          (rig_png){RIG_RGBA, 8, seed_below(&seed, 4) == 0, false});
            rig_free(&t);
        }
    }
}

static rig_picture mosaic_picture(bool alpha)
{
    return rig_make(TILE_WIDTH * (COLUMNS - 1) + 17, TILE_HEIGHT * (ROWS - 1) + 9, alpha);
}

static void assert_same(const source *s, const rig_picture *p, source_rect r)
{
    uint8_t *got = malloc((size_t)r.width * r.height * 4);
    s->fill(s->context, seed_below(&seed, 3), r, got, (size_t)r.width * 4);
    for (uint32_t y = 0; y < r.height; y++) {
        assert_memory_equal(got + (size_t)y * r.width * 4,
                            p->rgba + ((size_t)(r.y + y) * p->width + r.x) * 4,
                            (size_t)r.width * 4);
    }
    free(got);
}

static void walk(const source *s, const rig_picture *p, uint32_t first, uint32_t step)
{
    const char *why = NULL;
    assert_int_equal(s->width, p->width);
    assert_int_equal(s->height, p->height);
    for (uint32_t end = first; end < p->height;) {
        end += 1 + seed_below(&seed, step);
        end = end < p->height ? end : p->height;
        if (!s->prepare(s->context, first, end, &why)) {
            fail_msg("%s", why);
        }
        assert_true(mosaic_check(s));
        for (int i = 0; i < 4; i++) {
            source_rect r = {seed_below(&seed, p->width), first + seed_below(&seed, end - first), 0,
                             0};
            r.width = 1 + seed_below(&seed, p->width - r.x);
            r.height = 1 + seed_below(&seed, end - r.y);
            assert_same(s, p, r);
        }
        first += seed_below(&seed, end - first);
    }
}

static void walk_file(const char *path, const rig_picture *p, uint32_t first, uint32_t step)
{
    source s;
    char why[256];
    if (!input_open(path, seed_below(&seed, 4) == 0 ? NULL : workers, &s, why, sizeof why)) {
        fail_msg("%s: %s", path, why);
    }
    walk(&s, p, first, step);
    input_close(&s);
}

static void a_mosaic_is_one_picture(void **state)
{
    rig_picture p = mosaic_picture(true);
    const char *folder = lasting(*state, "mosaic");
    char pattern[600];
    write_tiles(folder, "t_%03u-%u.x", &p, TILE_HEIGHT);
    snprintf(pattern, sizeof pattern, "%s/t_{x}-{y}.x", folder);
    for (uint32_t i = 0; i < 20; i++) {
        walk_file(pattern, &p, i == 0 ? 0 : seed_below(&seed, p.height), 40);
    }
    rig_free(&p);
}

static void a_folder_is_searched_for_tiles(void **state)
{
    rig_picture p = mosaic_picture(true);
    const char *folder = lasting(*state, "folder");
    write_tiles(folder, "tile_%u_%u.tif", &p, TILE_HEIGHT); /* names say nothing of the format */
    walk_file(folder, &p, 0, 100);
    rig_free(&p);
}

static void tall_tiles_are_read_by_rows(void **state)
{
    rig_picture p = rig_make(TILE_WIDTH * 2, 1500, true);
    const char *folder = lasting(*state, "tall");
    write_tiles(folder, "tile_%u_%u.png", &p, 600);
    for (uint32_t i = 0; i < 4; i++) {
        walk_file(folder, &p, i == 0 ? 0 : seed_below(&seed, p.height), 300);
    }
    rig_free(&p);
}

/* Reads all of a mosaic, which must go wrong and say so. */
static void expect_wrong(const char *path, const char *wanted)
{
    source s;
    char why[256] = "";
    const char *wrong = why;
    if (input_open(path, workers, &s, why, sizeof why)) {
        const bool good = s.prepare(s.context, 0, s.height, &wrong);
        snprintf(why, sizeof why, "%s", good ? "nothing is wrong" : wrong);
        input_close(&s);
    }
    if (strstr(why, wanted) == NULL || strchr(why, '\n') != NULL) {
        fail_msg("%s: '%s' does not say '%s'", path, why, wanted);
    }
}

static void what_is_wrong_with_a_mosaic_names_the_file(void **state)
{
    rig_picture p = mosaic_picture(false);
    rig_picture small = rig_make(5, 5, false);
    const rig_png how = {RIG_RGB, 8, false, false};
    static const char *const PLACES[] = {"tile_0_0.png", "tile_4_0.png", "tile_2_2.png",
                                         "tile_4_3.png", "tile_0_3.png"};
    const char *folder = lasting(*state, "bad");
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        char path[600], wanted[64];
        write_tiles(folder, "tile_%u_%u.png", &p, TILE_HEIGHT);
        snprintf(path, sizeof path, "%s/%s", folder, PLACES[i]);
        unlink(path);
        snprintf(wanted, sizeof wanted, "%s: is missing", PLACES[i]);
        expect_wrong(folder, wanted);
        rig_write_file(path, (const uint8_t *)"no picture at all", 17);
        snprintf(wanted, sizeof wanted, "%s: ", PLACES[i]);
        expect_wrong(folder, wanted);
        if (i != 0 && i != 1 && i != 4) { /* those say what the size is */
            rig_write_png(path, &small, how);
            expect_wrong(folder, "is 5 x 5 texels, where");
        }
    }
    write_tiles(folder, "tile_%u_%u.png", &p, TILE_HEIGHT);
    rig_write_png(scratch_path(folder, "tile_02_2.png"), &small, how);
    expect_wrong(folder, "has the place of");
    unlink(scratch_path(folder, "tile_02_2.png"));
    rig_write_png(scratch_path(folder, "tile_999999999_999999999.png"), &small, how);
    expect_wrong(folder, "is missing");
    expect_wrong(scratch_path(folder, "{x}{y}.png"), "something between");
    expect_wrong(scratch_path(folder, "{x}/{y}.png"), "in its last part");
    expect_wrong(scratch_path(folder, "other_{x}_{y}.png"), "no file fits");
    expect_wrong("/nowhere/{x}_{y}.png", "No such file");
    rig_free(&p);
    rig_free(&small);
}

static void alpha_below_an_opaque_first_row_is_left_out(void **state)
{
    rig_picture p = mosaic_picture(false), low = rig_make(TILE_WIDTH, TILE_HEIGHT, true);
    const char *folder = lasting(*state, "late");
    source s;
    char why[256];
    mkdir(folder, 0700);
    for (uint32_t i = 0; i < COLUMNS * ROWS; i++) {
        char name[64];
        rig_picture t = cut(&p, i % COLUMNS, i / COLUMNS, TILE_HEIGHT);
        snprintf(name, sizeof name, "tile_%u_%u.png", i % COLUMNS, i / COLUMNS);
        rig_write_png(scratch_path(folder, name), &t, (rig_png){RIG_RGB, 8, false, false});
        rig_free(&t);
    }
    rig_write_png(scratch_path(folder, "tile_1_2.png"), &low, (rig_png){RIG_RGBA, 8, false, false});
    for (uint32_t y = 0; y < TILE_HEIGHT; y++) {
        for (uint32_t x = 0; x < TILE_WIDTH; x++) {
            uint8_t *to = p.rgba + ((y + 2 * TILE_HEIGHT) * (size_t)p.width + x + TILE_WIDTH) * 4;
            memcpy(to, low.rgba + ((size_t)y * TILE_WIDTH + x) * 4, 3);
        }
    }
    assert_true(input_open(folder, workers, &s, why, sizeof why));
    assert_false(s.has_alpha);
    walk(&s, &p, 0, 60);
    input_close(&s);
    rig_free(&p);
    rig_free(&low);
}

/* ---- heights ---- */

static const heights_range RANGE = {-1000, 5553.5f}; /* 0.1 metre a step of 65535 */

static int slope(uint32_t x, uint32_t y)
{
    return (int)(x * 613 + y * 307) % 60000;
}

static int low_slope(uint32_t x, uint32_t y)
{
    return (int)(x * 13 + y * 37) % 255;
}

static int signed_slope(uint32_t x, uint32_t y)
{
    return (int)(x * 13 + y * 37) % 8000 - 4000;
}

/* What a sample of slope() and the like stands for. */
static double metres_of(int value, double steps)
{
    return RANGE.low + value / steps * ((double)RANGE.high - RANGE.low);
}

static heights load(const char *path)
{
    heights h;
    char why[256];
    if (!heights_load(path, RANGE, &h, why, sizeof why)) {
        fail_msg("%s: %s", path, why);
    }
    return h;
}

/* steps 0: metres as they are. */
static void assert_heights(const char *path, uint32_t width, uint32_t height, rig_height value,
                           double steps)
{
    heights h = load(path);
    assert_int_equal(h.width, width);
    assert_int_equal(h.height, height);
    for (uint32_t i = 0; i < width * height; i++) {
        const int v = value(i % width, i / width);
        const double wanted = steps > 0 ? metres_of(v, steps) : v;
        assert_true(h.metres[i] - wanted < 0.51 && wanted - h.metres[i] < 0.51);
    }
    heights_free(&h);
}

static void heights_come_from_grey_pictures(void **state)
{
    const char *path = lasting(*state, "heights");
    rig_write_heights_png(path, 71, 53, slope, 16);
    assert_heights(path, 71, 53, slope, 65535);
    rig_write_heights_png(path, 71, 53, low_slope, 8);
    assert_heights(path, 71, 53, low_slope, 255);
    rig_write_heights_tiff(path, 71, 53, slope, SAMPLEFORMAT_UINT);
    assert_heights(path, 71, 53, slope, 65535);
    rig_write_heights_tiff(path, 71, 53, signed_slope, SAMPLEFORMAT_INT);
    assert_heights(path, 71, 53, signed_slope, 0);
    rig_write_heights_tiff(path, 71, 53, signed_slope, SAMPLEFORMAT_IEEEFP);
    assert_heights(path, 71, 53, signed_slope, 0);
    rig_picture p = rig_make(40, 33, false);
    rig_reduce(&p, RIG_GREY);
    rig_write_tiff(path, &p, (rig_tiff){RIG_GREY, 8, .tiled = true, .compression = 1});
    heights h = load(path);
    for (uint32_t i = 0; i < 40 * 33; i++) {
        const double off = h.metres[i] - metres_of(p.rgba[(size_t)i * 4], 255);
        assert_true(off < 0.51 && off > -0.51);
    }
    heights_free(&h);
    rig_free(&p);
}

static int ramp(uint32_t x, uint32_t y)
{
    (void)y;
    return (int)x;
}

static void a_large_raster_is_averaged_until_it_fits(void **state)
{
    const char *path = lasting(*state, "wide.tif");
    rig_write_heights_tiff(path, 20001, 7, ramp, SAMPLEFORMAT_INT); /* sane: below 20 km */
    heights h = load(path);
    assert_int_equal(h.width, 5001);
    assert_int_equal(h.height, 2);
    for (uint32_t i = 0; i < 4999; i++) {
        const int off = h.metres[i] * 2 - (int)(i * 8 + 3); /* the mean of four, doubled */
        assert_true(off == 1 || off == 0 || off == -1);
        assert_int_equal(h.metres[i], h.metres[5001 + i]);
    }
    assert_int_equal(h.metres[5000], 0); /* 20000 is beyond what is sane */
    heights_free(&h);
}

/* A classic netCDF file: rows of a degree from south or north, columns from `west`. */
static void write_netcdf(const char *path, bool south_first, double west, int mode)
{
    enum { W = 36, H = 19 };
    int file, dims[2], lat, lon, z, small;
    double x[W], y[H];
    short v[H][W];
    for (int i = 0; i < W; i++) {
        x[i] = west + i * 10;
    }
    for (int i = 0; i < H; i++) {
        y[i] = south_first ? i * 10 - 90 : 90 - i * 10;
        for (int j = 0; j < W; j++) {
            const double from_west = x[j] >= 180 ? x[j] - 360 : x[j];
            v[i][j] = (short)(y[i] * 20 + from_west);
        }
    }
    v[0][0] = -32000; /* the fill value */
    const short fill = -32000;
    assert_int_equal(nc_create(path, NC_CLOBBER | mode, &file), NC_NOERR);
    nc_def_dim(file, "lat", H, &dims[0]);
    nc_def_dim(file, "lon", W, &dims[1]);
    nc_def_var(file, "lat", NC_DOUBLE, 1, &dims[0], &lat);
    nc_def_var(file, "lon", NC_DOUBLE, 1, &dims[1], &lon);
    nc_def_var(file, "small", NC_BYTE, 1, &dims[1], &small);
    nc_def_var(file, "z", NC_SHORT, 2, dims, &z);
    nc_put_att_short(file, z, "_FillValue", NC_SHORT, 1, &fill);
    nc_enddef(file);
    nc_put_var_double(file, lat, y);
    nc_put_var_double(file, lon, x);
    nc_put_var_short(file, z, &v[0][0]);
    assert_int_equal(nc_close(file), NC_NOERR);
}

static void heights_of_netcdf_lie_north_up_and_from_minus_180(void **state)
{
    static const double WESTS[] = {-180, 0, -30};
    const char *path = lasting(*state, "grid.nc");
    for (int i = 0; i < 12; i++) {
        write_netcdf(path, i % 2 == 0, WESTS[i / 2 % 3], i < 6 ? 0 : NC_NETCDF4);
        heights h = load(path);
        int holes = 0;
        assert_int_equal(h.width, 36);
        assert_int_equal(h.height, 19);
        for (int at = 0; at < 36 * 19; at++) {
            const int wanted = (90 - at / 36 * 10) * 20 + at % 36 * 10 - 180;
            holes += h.metres[at] != wanted;
            assert_true(h.metres[at] == wanted || h.metres[at] == 0);
        }
        assert_true(holes <= 1); /* the missing one */
        heights_free(&h);
    }
}

static void expect_no_heights(const char *path, const char *wanted)
{
    heights h;
    char why[256] = "";
    assert_false(heights_load(path, RANGE, &h, why, sizeof why));
    assert_null(h.metres);
    if (strstr(why, wanted) == NULL || strchr(why, '\n') != NULL || why[0] == '\0') {
        fail_msg("%s: '%s' does not say '%s'", path, why, wanted);
    }
}

static void truncate_often(const void *state, const char *path)
{
    size_t bytes = 0;
    uint8_t *data = rig_read_file(path, &bytes);
    char short_path[SCRATCH_PATH_BYTES];
    snprintf(short_path, sizeof short_path, "%s", scratch_path(state, "short"));
    for (uint32_t i = 0; i < 60; i++) {
        /* a byte or three may pad the end of what is whole */
        const uint32_t left = i < 20 ? (uint32_t)bytes - 4 - i : seed_below(&seed, (uint32_t)bytes);
        rig_write_file(short_path, data, left < bytes - 4 ? left : bytes - 4);
        expect_no_heights(short_path, "");
    }
    free(data);
}

static void flip_often(const void *state, const char *path)
{
    size_t bytes = 0;
    uint8_t *data = rig_read_file(path, &bytes);
    for (int i = 0; i < 100; i++) {
        heights h;
        char why[256];
        uint8_t *byte = &data[seed_below(&seed, (uint32_t)bytes)];
        const uint8_t was = *byte;
        *byte = (uint8_t)seed_next(&seed);
        rig_write_file(scratch_path(state, "bad-bytes"), data, bytes);
        if (heights_load(scratch_path(state, "bad-bytes"), RANGE, &h, why, sizeof why)) {
            heights_free(&h);
        }
        *byte = was;
    }
    free(data);
}

static void bad_heights_are_one_clear_line(void **state)
{
    rig_picture p = rig_make(40, 33, false);
    const char *path = lasting(*state, "bad-heights");
    expect_no_heights(scratch_path(*state, "absent"), "No such file");
    expect_no_heights(*state, "is a directory");
    rig_write_file(path, (const uint8_t *)"text, and nothing else", 22);
    expect_no_heights(path, "no PNG, TIFF or netCDF");
    rig_write_png(path, &p, (rig_png){RIG_RGB, 8, false, false});
    expect_no_heights(path, "is not grey");
    rig_reduce(&p, RIG_GREY);
    rig_write_png(path, &p, (rig_png){RIG_GREY, 8, true, false});
    expect_no_heights(path, "interlaced");
    rig_write_tiff(path, &p, (rig_tiff){RIG_RGB, 8, .compression = 1, .strip_rows = 3});
    expect_no_heights(path, "is not grey");
    rig_write_heights_png(path, 32769, 2, ramp, 16);
    expect_no_heights(path, "at most 32768");
    rig_free(&p);
}

static void damaged_heights_do_no_harm(void **state)
{
    const char *path = lasting(*state, "harmless");
    rig_write_heights_png(path, 40, 33, slope, 16);
    truncate_often(*state, path);
    flip_often(*state, path);
    rig_write_heights_tiff(path, 40, 33, slope, SAMPLEFORMAT_UINT);
    truncate_often(*state, path);
    flip_often(*state, path);
    static const int MODES[] = {0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4};
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        write_netcdf(path, true, 0, MODES[i]);
        truncate_often(*state, path);
        if (MODES[i] != NC_NETCDF4) { /* libhdf5 answers for itself */
            flip_often(*state, path);
        }
    }
}

static int begin(void **state)
{
    seed = seed_of_run();
    workers = crew_create(3);
    TIFFSetErrorHandler(NULL); /* of the writers; the readers have their own */
    TIFFSetWarningHandler(NULL);
    return scratch_make(state);
}

static int end(void **state)
{
    crew_destroy(workers);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mosaic_is_one_picture),
        cmocka_unit_test(a_folder_is_searched_for_tiles),
        cmocka_unit_test(tall_tiles_are_read_by_rows),
        cmocka_unit_test(what_is_wrong_with_a_mosaic_names_the_file),
        cmocka_unit_test(alpha_below_an_opaque_first_row_is_left_out),
        cmocka_unit_test(heights_come_from_grey_pictures),
        cmocka_unit_test(a_large_raster_is_averaged_until_it_fits),
        cmocka_unit_test(heights_of_netcdf_lie_north_up_and_from_minus_180),
        cmocka_unit_test(bad_heights_are_one_clear_line),
        cmocka_unit_test(damaged_heights_do_no_harm),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
