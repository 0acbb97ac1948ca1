/* Rasters of heights, from every kind of file; samples that have none; bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/picture_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/inputs/heights/heights.h"
#include "tools/bake/inputs/heights/voids.h"

#include <math.h>
#include <netcdf.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

static uint64_t seed;

/* A path that lasts to the next call. */
static const char *lasting(const void *state, const char *name)
{
    static char path[SCRATCH_PATH_BYTES];
    snprintf(path, sizeof path, "%s", scratch_path(state, name));
    return path;
}

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

/* ---- samples that have no height ---- */

enum { HOLED_WIDTH = 71, HOLED_HEIGHT = 53 };

/* Sea in a corner, from which a creek goes in; a hole within; single samples. */
static bool is_hole(uint32_t x, uint32_t y)
{
    const bool is_sea = x + y < 20 || (y == 10 && x < 40);
    return is_sea || (x > 50 && x < 60 && y > 20 && y < 35) || (x == 30 && y == 40);
}

static bool is_sea(uint32_t x, uint32_t y)
{
    return x + y < 20 || (y == 10 && x < 40);
}

static const double VOID = -9999; /* also what 0 of a grey picture's range must not become */

static int plane(uint32_t x, uint32_t y)
{
    return (int)(1000 + 10 * x + 20 * y);
}

static int holed(uint32_t x, uint32_t y)
{
    return is_hole(x, y) ? (int)VOID : plane(x, y);
}

/* With numbers that have no sign; in a picture the void is 7. */
static int holed_grey(uint32_t x, uint32_t y)
{
    return is_hole(x, y) ? 7 : plane(x, y);
}

static uint64_t count_holes(void)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HOLED_WIDTH * HOLED_HEIGHT; i++) {
        count += is_hole(i % HOLED_WIDTH, i / HOLED_WIDTH);
    }
    return count;
}

/* Sea is 0, heights are what they were, and a hole is between those around it. */
static void assert_filled(const char *path, heights_range range)
{
    heights h;
    char why[256];
    if (!heights_load(path, range, &h, why, sizeof why)) {
        fail_msg("%s", why);
    }
    assert_int_equal(h.width, HOLED_WIDTH);
    assert_int_equal(h.height, HOLED_HEIGHT);
    assert_int_equal(h.voids, count_holes());
    for (uint32_t i = 0; i < HOLED_WIDTH * HOLED_HEIGHT; i++) {
        const uint32_t x = i % HOLED_WIDTH, y = i / HOLED_WIDTH;
        const int off = h.metres[i] - (is_sea(x, y) ? 0 : plane(x, y));
        assert_in_range(off + 100, is_hole(x, y) ? 0 : 100,
                        is_hole(x, y) && !is_sea(x, y) ? 200 : 100);
    }
    heights_free(&h);
}

/* Adds GDAL's field to a file, or any other text of that number. */
static void set_nodata(const char *path, const char *text)
{
    static char name[] = "GDAL_NODATA";
    const TIFFFieldInfo field = {42113, -1, -1, TIFF_ASCII, FIELD_CUSTOM, 1, 0, name};
    TIFF *t = TIFFOpen(path, "r+");
    assert_int_equal(TIFFMergeFieldInfo(t, &field, 1), 0);
    assert_int_equal(TIFFSetField(t, 42113, text), 1);
    assert_int_equal(TIFFRewriteDirectory(t), 1);
    TIFFClose(t);
}

static void a_tiff_says_what_means_no_height(void **state)
{
    const char *path = lasting(*state, "nodata.tif");
    const heights_range as_is = {0, 65535};
    rig_write_heights_tiff(path, HOLED_WIDTH, HOLED_HEIGHT, holed, SAMPLEFORMAT_INT);
    set_nodata(path, "-9999");
    assert_filled(path, as_is);
    rig_write_heights_tiff(path, HOLED_WIDTH, HOLED_HEIGHT, holed_grey, SAMPLEFORMAT_UINT);
    set_nodata(path, "7");
    assert_filled(path, as_is);
    rig_write_heights_tiff(path, HOLED_WIDTH, HOLED_HEIGHT, holed, SAMPLEFORMAT_IEEEFP);
    set_nodata(path, "-9998.75 "); /* the rig adds a quarter */
    assert_filled(path, as_is);
    static const char *const NONSENSE[] = {"", "none", "1e999", "-"};
    for (size_t i = 0; i < 4; i++) {
        rig_write_heights_tiff(path, 20, 20, plane, SAMPLEFORMAT_INT);
        set_nodata(path, NONSENSE[i]);
        assert_heights(path, 20, 20, plane, 0);
    }
}

/* The numbers of a picture stand for other heights: what is compared is what is stored. */
static void no_height_is_told_before_numbers_become_metres(void **state)
{
    const char *path = lasting(*state, "range.tif");
    heights h;
    char why[256];
    rig_write_heights_tiff(path, HOLED_WIDTH, HOLED_HEIGHT, holed_grey, SAMPLEFORMAT_UINT);
    set_nodata(path, "7");
    assert_true(heights_load(path, (heights_range){-500, 8000}, &h, why, sizeof why));
    assert_int_equal(h.voids, count_holes());
    assert_int_equal(h.metres[0], 0);
    assert_int_equal(h.metres[70], lround(-500 + plane(70, 0) / 65535.0 * 8500));
    heights_free(&h);
}

/* Grey PNGs say it by a colour that is none. */
static void a_png_says_what_means_no_height(void **state)
{
    const char *path = lasting(*state, "none.png");
    const png_color_16 none = {.gray = 7};
    FILE *file = fopen(path, "wb");
    uint8_t row[HOLED_WIDTH * 2];
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, HOLED_WIDTH, HOLED_HEIGHT, 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_tRNS(png, info, NULL, 0, &none);
    png_write_info(png, info);
    for (uint32_t y = 0; y < HOLED_HEIGHT; y++) {
        for (uint32_t x = 0; x < HOLED_WIDTH; x++) {
            row[x * 2] = (uint8_t)(holed_grey(x, y) >> 8);
            row[x * 2 + 1] = (uint8_t)holed_grey(x, y);
        }
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    assert_filled(path, (heights_range){0, 65535});
}

/* One variable of shorts that are half metres above 10: stored = (metres - 10) * 2. */
static void write_packed_netcdf(const char *path, const char *attribute)
{
    int file, dims[2], z;
    short row[HOLED_WIDTH];
    const float scale = 0.5f, offset = 10;
    const short none = -9999, unwritten = NC_FILL_SHORT;
    const short hole = attribute != NULL ? none : unwritten;
    assert_int_equal(nc_create(path, NC_CLOBBER, &file), NC_NOERR);
    nc_def_dim(file, "row", HOLED_HEIGHT, &dims[0]);
    nc_def_dim(file, "column", HOLED_WIDTH, &dims[1]);
    nc_def_var(file, "z", NC_SHORT, 2, dims, &z);
    nc_put_att_float(file, z, "scale_factor", NC_FLOAT, 1, &scale);
    nc_put_att_float(file, z, "add_offset", NC_FLOAT, 1, &offset);
    if (attribute != NULL) {
        nc_put_att_short(file, z, attribute, NC_SHORT, 1, &none);
    }
    nc_enddef(file);
    for (size_t y = 0; y < HOLED_HEIGHT; y++) {
        const size_t start[2] = {y, 0}, count[2] = {1, HOLED_WIDTH};
        for (uint32_t x = 0; x < HOLED_WIDTH; x++) {
            row[x] = is_hole(x, (uint32_t)y) ? hole : (short)((plane(x, (uint32_t)y) - 10) * 2);
        }
        nc_put_vara_short(file, z, start, count, row);
    }
    assert_int_equal(nc_close(file), NC_NOERR);
}

static void netcdf_says_what_its_numbers_mean(void **state)
{
    static const char *const WAYS[] = {"_FillValue", "missing_value", NULL};
    const char *path = lasting(*state, "packed.nc");
    for (size_t i = 0; i < 3; i++) {
        write_packed_netcdf(path, WAYS[i]);
        assert_filled(path, (heights_range){0, 1});
    }
}

static int not_a_number(uint32_t x, uint32_t y)
{
    return is_hole(x, y) ? 30000 : plane(x, y); /* beyond all heights */
}

static void what_is_no_height_at_all_is_void(void **state)
{
    const char *path = lasting(*state, "beyond.tif");
    rig_write_heights_tiff(path, HOLED_WIDTH, HOLED_HEIGHT, not_a_number, SAMPLEFORMAT_INT);
    assert_filled(path, (heights_range){0, 1});
}

/* A sparse file's missing blocks are nodata where it has that, and 0 where not. */
static void missing_blocks_are_void(void **state)
{
    const char *path = lasting(*state, "sparse.tif");
    for (int i = 0; i < 2; i++) {
        int16_t strip[64 * 16];
        heights h;
        char why[256];
        TIFF *t = TIFFOpen(path, "w");
        TIFFSetField(t, TIFFTAG_IMAGEWIDTH, 64);
        TIFFSetField(t, TIFFTAG_IMAGELENGTH, 48);
        TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 16);
        TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_INT);
        TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
        TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 16);
        for (int k = 0; k < 64 * 16; k++) {
            strip[k] = 300;
        }
        TIFFWriteEncodedStrip(t, 1, strip, sizeof strip);
        TIFFClose(t);
        if (i == 1) {
            set_nodata(path, "-32768");
        }
        assert_true(heights_load(path, RANGE, &h, why, sizeof why));
        assert_int_equal(h.voids, i == 1 ? 64 * 32 : 0);
        assert_int_equal(h.metres[0], 0);
        assert_int_equal(h.metres[64 * 16], 300);
        assert_int_equal(h.metres[64 * 48 - 1], 0);
        heights_free(&h);
    }
}

/* Any raster, any voids: heights stay, the sea is 0, and holes lie between the lowest and the
 * highest of all. */
static void whatever_is_void_is_filled(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        heights h = {.width = 1 + seed_below(&seed, 40), .height = 1 + seed_below(&seed, 40)};
        const uint32_t count = h.width * h.height, dense = 1 + seed_below(&seed, 100);
        h.metres = malloc(count * sizeof *h.metres);
        int16_t *before = malloc(count * sizeof *before);
        for (uint32_t i = 0; i < count; i++) {
            const bool is_void = seed_below(&seed, 100) < dense;
            h.metres[i] = (int16_t)(is_void ? VOIDS_NONE : 500 + (int)seed_below(&seed, 100));
        }
        memcpy(before, h.metres, count * sizeof *before);
        assert_true(voids_fill(&h));
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t x = i % h.width, y = i / h.width;
            const bool at_edge = x == 0 || y == 0 || x == h.width - 1 || y == h.height - 1;
            if (before[i] != VOIDS_NONE) {
                assert_int_equal(h.metres[i], before[i]);
            } else if (at_edge) {
                assert_int_equal(h.metres[i], 0);
            } else {
                assert_in_range(h.metres[i], 0, 599);
            }
        }
        free(before);
        free(h.metres);
    }
}

static int begin(void **state)
{
    seed = seed_of_run();
    TIFFSetErrorHandler(NULL); /* of the writers; the readers have their own */
    TIFFSetWarningHandler(NULL);
    return scratch_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heights_come_from_grey_pictures),
        cmocka_unit_test(a_large_raster_is_averaged_until_it_fits),
        cmocka_unit_test(heights_of_netcdf_lie_north_up_and_from_minus_180),
        cmocka_unit_test(bad_heights_are_one_clear_line),
        cmocka_unit_test(damaged_heights_do_no_harm),
        cmocka_unit_test(a_tiff_says_what_means_no_height),
        cmocka_unit_test(no_height_is_told_before_numbers_become_metres),
        cmocka_unit_test(a_png_says_what_means_no_height),
        cmocka_unit_test(netcdf_says_what_its_numbers_mean),
        cmocka_unit_test(what_is_no_height_at_all_is_void),
        cmocka_unit_test(missing_blocks_are_void),
        cmocka_unit_test(whatever_is_void_is_filled),
    };
    return cmocka_run_group_tests(tests, begin, scratch_remove);
}
