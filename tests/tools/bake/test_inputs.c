/* What a baker reads, against pictures known texel by texel: every reader, in odd steps, from the
 * middle, by random rectangles; and everything that may be wrong with files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/picture_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/rowband.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tiffio.h>

enum { WIDTH = 61, HEIGHT = 47 };

static uint64_t seed;
static crew *workers;

/* ---- reading ---- */

static void open_or_die(const char *path, source *out)
{
    char why[256] = "";
    if (!input_open(path, workers, out, why, sizeof why)) {
        fail_msg("%s: %s", path, why);
    }
}

static void assert_one_line(const char *why)
{
    assert_non_null(why);
    assert_true(strlen(why) > 3 && strlen(why) < 250);
    assert_null(strchr(why, '\n'));
}

/* How far `rect` of the source is from the picture: the largest difference; *squares adds up. */
static int compare(const source *s, const rig_picture *p, source_rect rect, double *squares)
{
    const size_t row_bytes = (size_t)rect.width * 4 + seed_below(&seed, 9);
    uint8_t *got = malloc(row_bytes * rect.height + 1);
    int worst = 0;
    s->fill(s->context, seed_below(&seed, crew_threads(workers)), rect, got, row_bytes);
    for (uint32_t y = 0; y < rect.height; y++) {
        for (uint32_t i = 0; i < rect.width * 4; i++) {
            const size_t at = ((size_t)(rect.y + y) * p->width + rect.x) * 4 + i;
            const int off = abs(got[y * row_bytes + i] - p->rgba[at]);
            worst = off > worst ? off : worst;
            *squares += (double)off * off;
        }
    }
    free(got);
    return worst;
}

static source_rect random_rect(uint32_t width, uint32_t first, uint32_t end)
{
    source_rect r = {seed_below(&seed, width), first + seed_below(&seed, end - first), 0, 0};
    r.width = 1 + seed_below(&seed, width - r.x);
    r.height = 1 + seed_below(&seed, end - r.y);
    return r;
}

/* Walks a source from `first` down in steps and windows of random size; returns the largest
 * difference to the picture. */
static int walk(const source *s, const rig_picture *p, uint32_t first, bool is_band)
{
    int worst = 0;
    double squares = 0;
    uint32_t end = first;
    const char *why = NULL;
    while (end < p->height || first < end) {
        end += seed_below(&seed, p->height / 3 + 1);
        end = end < p->height ? end : p->height;
        if (s->prepare != NULL && !s->prepare(s->context, first, end, &why)) {
            fail_msg("%s", why);
        }
        assert_true(!is_band || rowband_check(s));
        for (int i = 0; i < 3 && first < end; i++) {
            const int off = compare(s, p, random_rect(p->width, first, end), &squares);
            worst = off > worst ? off : worst;
        }
        first += seed_below(&seed, end - first + 1);
        first = end == p->height && seed_below(&seed, 3) == 0 ? end : first;
    }
    return worst;
}

/* The same file from the top, from the middle, and from its last row. */
static int read_thoroughly(const char *path, const rig_picture *p, bool has_alpha)
{
    int worst = 0;
    const uint32_t starts[] = {0, 1 + seed_below(&seed, p->height - 2), p->height - 1};
    for (size_t i = 0; i < 3; i++) {
        source s;
        open_or_die(path, &s);
        assert_int_equal(s.width, p->width);
        assert_int_equal(s.height, p->height);
        assert_int_equal(s.has_alpha, has_alpha);
        assert_false(s.wrap_x);
        const int off = walk(&s, p, starts[i], s.prepare != NULL && strchr(path, '{') == NULL);
        worst = off > worst ? off : worst;
        input_close(&s);
    }
    return worst;
}

/* Opens and reads all of a file that may be bad. Returns whether it could be read; if not, what was
 * said is one line. */
static bool survives(const char *path, crew *with, char *why, size_t why_bytes)
{
    source s;
    if (!input_open(path, with, &s, why, why_bytes)) {
        assert_one_line(why);
        return false;
    }
    uint8_t texel[4];
    bool good = true;
    for (uint32_t y = 0; y < s.height && good; y += 7) {
        const uint32_t end = y + 7 < s.height ? y + 7 : s.height;
        const char *wrong = NULL;
        good = s.prepare == NULL || s.prepare(s.context, y, end, &wrong);
        if (good) {
            s.fill(s.context, 0, (source_rect){s.width - 1, end - 1, 1, 1}, texel, 4);
        } else {
            assert_one_line(wrong);
            snprintf(why, why_bytes, "%s", wrong);
            assert_false(s.prepare(s.context, y, end, &wrong)); /* and it stays so */
        }
    }
    input_close(&s);
    return good;
}

static void expect_wrong(const char *path, const char *word)
{
    char why[256] = "";
    assert_false(survives(path, workers, why, sizeof why));
    if (strstr(why, word) == NULL) {
        fail_msg("%s: '%s' does not say '%s'", path, why, word);
    }
}

/* ---- each reader ---- */

static void every_kind_of_png_is_read_texel_by_texel(void **state)
{
    for (int kind = 0; kind < 4 * RIG_COLOURS; kind++) {
        const int flags = kind / RIG_COLOURS;
        const rig_png how = {(rig_colours)(kind % RIG_COLOURS), flags & 1 ? 16 : 8,
                             (flags & 2) != 0, false};
        if (how.colours == RIG_PALETTE && how.depth == 16) {
            continue;
        }
        rig_picture p = rig_make(WIDTH, HEIGHT, true);
        rig_reduce(&p, how.colours);
        const char *path = scratch_path(*state, "kind.png");
        rig_write_png(path, &p, how);
        assert_int_equal(read_thoroughly(path, &p, rig_has_alpha(how.colours)), 0);
        rig_free(&p);
    }
}

static void a_colour_of_a_png_may_be_transparent(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, false);
    const char *path = scratch_path(*state, "none.png");
    rig_write_png(path, &p, (rig_png){RIG_RGB, 8, false, true});
    for (size_t i = WIDTH * HEIGHT; i > 0; i--) {
        uint8_t *t = p.rgba + (i - 1) * 4;
        t[3] = memcmp(t, p.rgba, 3) == 0 ? 0 : 255;
    }
    assert_int_equal(read_thoroughly(path, &p, true), 0);
    rig_free(&p);
}

static void a_jpeg_is_read_as_well_as_it_can_be(void **state)
{
    for (int progressive = 0; progressive < 2; progressive++) {
        rig_picture p = rig_make(WIDTH * 3, HEIGHT * 3, false);
        const char *path = scratch_path(*state, "kind.jpg");
        rig_write_jpeg(path, &p, progressive != 0);
        assert_true(read_thoroughly(path, &p, false) < 40);
        source s;
        const char *why = NULL;
        double squares = 0;
        open_or_die(path, &s);
        assert_true(s.prepare(s.context, 0, s.height, &why));
        compare(&s, &p, (source_rect){0, 0, s.width, s.height}, &squares);
        const double psnr = 10 * log10(255.0 * 255 * s.width * s.height * 3 / squares);
        assert_true(psnr > 38);
        input_close(&s);
        rig_free(&p);
    }
}

/* Whatever libtiff is asked for, but what it cannot write: 16-bit palettes. */
static rig_tiff tiff_kind(uint32_t kind)
{
    static const int COMPRESSIONS[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_PACKBITS};
    const rig_colours colours = (rig_colours)(kind % RIG_COLOURS);
    const uint32_t flags = kind / RIG_COLOURS;
    return (rig_tiff){.colours = colours,
                      .depth = (flags & 1) != 0 && colours != RIG_PALETTE ? 16 : 8,
                      .tiled = (flags & 2) != 0,
                      .separate = (flags & 4) != 0 && colours <= RIG_RGB,
                      .white_first = (flags & 4) != 0 && colours == RIG_GREY,
                      .big = (flags & 8) != 0,
                      .compression = COMPRESSIONS[seed_below(&seed, 4)],
                      .strip_rows = 1 + seed_below(&seed, HEIGHT)};
}

static void every_kind_of_tiff_is_read_texel_by_texel(void **state)
{
    for (uint32_t kind = 0; kind < 16 * RIG_COLOURS; kind++) {
        const rig_tiff how = tiff_kind(kind);
        rig_picture p = rig_make(WIDTH, HEIGHT, true);
        rig_reduce(&p, how.colours);
        const char *path = scratch_path(*state, "kind.tif");
        rig_write_tiff(path, &p, how);
        if (read_thoroughly(path, &p, rig_has_alpha(how.colours)) != 0) {
            fail_msg("kind %u, compression %d, strips of %u", kind, how.compression,
                     how.strip_rows);
        }
        rig_free(&p);
    }
}

/* Colours under little alpha have lost bits: only their product can be compared. */
static void multiplied_alpha_is_taken_out(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, true);
    const char *path = scratch_path(*state, "product.tif");
    source s;
    const char *why = NULL;
    uint8_t t[4];
    rig_write_tiff(path, &p,
                   (rig_tiff){.depth = 8, .multiplied = true, .compression = 1, .strip_rows = 5});
    open_or_die(path, &s);
    assert_true(s.has_alpha && s.prepare(s.context, 0, HEIGHT, &why));
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t *wanted = p.rgba + (size_t)i * 4;
        s.fill(s.context, 0, (source_rect){i % WIDTH, i / WIDTH, 1, 1}, t, 4);
        assert_int_equal(t[3], wanted[3]);
        for (int c = 0; c < 3; c++) {
            assert_true(abs(t[c] * t[3] - wanted[c] * t[3]) <= 255);
        }
    }
    input_close(&s);
    rig_free(&p);
}

static void a_jpeg_in_a_tiff_is_read(void **state)
{
    for (int tiled = 0; tiled < 2; tiled++) {
        rig_picture p = rig_make(WIDTH * 2, HEIGHT * 2, false);
        const char *path = scratch_path(*state, "jpeg.tif");
        const rig_tiff how = {RIG_RGB, 8, .tiled = tiled != 0, .compression = COMPRESSION_JPEG,
                              .strip_rows = 16};
        rig_write_tiff(path, &p, how);
        assert_true(read_thoroughly(path, &p, false) < 70); /* zeros beyond the edge ring */
        rig_free(&p);
    }
}

static void anything_else_is_read_as_a_whole(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, false);
    const char *path = scratch_path(*state, "name.jpg"); /* and names say nothing */
    FILE *file = fopen(path, "wb");
    fprintf(file, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        fwrite(p.rgba + i * 4, 1, 3, file);
    }
    fclose(file);
    assert_int_equal(read_thoroughly(path, &p, false), 0);
    rig_free(&p);
}

/* What the workers of a crew share when each fills a row of its own. */
typedef struct rows {
    const source *from;
    uint8_t *rgba;
} rows;

static void fill_row(void *context, uint32_t worker, uint32_t y)
{
    const rows *r = context;
    const size_t row_bytes = (size_t)r->from->width * 4;
    r->from->fill(r->from->context, worker, (source_rect){0, y, r->from->width, 1},
                  r->rgba + y * row_bytes, row_bytes);
}

static void workers_fill_side_by_side(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT * 8, true);
    const char *path = scratch_path(*state, "crew.tif");
    const size_t bytes = (size_t)p.width * p.height * 4;
    rows r = {NULL, malloc(bytes)};
    source s;
    const char *why = NULL;
    rig_write_tiff(path, &p, (rig_tiff){.depth = 8, .tiled = true, .compression = COMPRESSION_LZW});
    open_or_die(path, &s);
    r.from = &s;
    assert_true(s.prepare(s.context, 0, s.height, &why));
    crew_run(workers, s.height, fill_row, &r);
    assert_memory_equal(r.rgba, p.rgba, bytes);
    input_close(&s);
    free(r.rgba);
    rig_free(&p);
}

/* ---- what may be wrong ---- */

static const char *const FILES[] = {"a.png", "b.png", "c.jpg", "d.jpg", "e.tif", "f.tif", "g.tif"};
#define FILE_KINDS ((int)(sizeof FILES / sizeof *FILES))

/* One small file of each sort. */
static void write_files(const void *state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, true);
    rig_write_png(scratch_path(state, FILES[0]), &p, (rig_png){RIG_RGBA, 8, false, false});
    rig_write_png(scratch_path(state, FILES[1]), &p, (rig_png){RIG_RGB, 16, true, false});
    rig_write_jpeg(scratch_path(state, FILES[2]), &p, false);
    rig_write_jpeg(scratch_path(state, FILES[3]), &p, true);
    rig_write_tiff(scratch_path(state, FILES[4]), &p,
                   (rig_tiff){.depth = 8, .compression = COMPRESSION_LZW, .strip_rows = 5});
    rig_write_tiff(
        scratch_path(state, FILES[5]), &p,
        (rig_tiff){
            .depth = 16, .big = true, .tiled = true, .compression = COMPRESSION_ADOBE_DEFLATE});
    rig_write_tiff(scratch_path(state, FILES[6]), &p,
                   (rig_tiff){RIG_RGB, 8, .compression = COMPRESSION_JPEG, .strip_rows = 16});
    rig_free(&p);
}

static void a_truncated_file_is_one_clear_line(void **state)
{
    write_files(*state);
    for (int kind = 0; kind < FILE_KINDS; kind++) {
        size_t bytes = 0;
        uint8_t *data = rig_read_file(scratch_path(*state, FILES[kind]), &bytes);
        char cut[SCRATCH_PATH_BYTES];
        snprintf(cut, sizeof cut, "%s", scratch_path(*state, "cut"));
        for (int i = 0; i < 60; i++) {
            const size_t left = i < 10 ? bytes - 1 - (size_t)i : seed_below(&seed, (uint32_t)bytes);
            char why[256] = "";
            rig_write_file(cut, data, left);
            if (survives(cut, workers, why, sizeof why)) {
                fail_msg("%s: %zu of %zu bytes were read", FILES[kind], left, bytes);
            }
        }
        free(data);
    }
}

/* What a PNG holds has checksums, interlaced or not: a byte that is another is no other picture. */
static void a_byte_of_a_png_that_is_another_is_noticed(void **state)
{
    write_files(*state);
    for (int kind = 0; kind < 2; kind++) {
        size_t bytes = 0;
        uint8_t *data = rig_read_file(scratch_path(*state, FILES[kind]), &bytes);
        for (int i = 0; i < 60; i++) {
            char why[256] = "";
            uint8_t *byte = data + 60 + seed_below(&seed, (uint32_t)bytes - 90); /* of the texels */
            *byte ^= 0x10;
            rig_write_file(scratch_path(*state, "other.png"), data, bytes);
            assert_false(survives(scratch_path(*state, "other.png"), workers, why, sizeof why));
            *byte ^= 0x10;
        }
        free(data);
    }
}

static void flipped_bytes_do_no_harm(void **state)
{
    int survived = 0;
    write_files(*state);
    for (int kind = 0; kind < FILE_KINDS; kind++) {
        size_t bytes = 0;
        uint8_t *data = rig_read_file(scratch_path(*state, FILES[kind]), &bytes);
        char bad[SCRATCH_PATH_BYTES];
        snprintf(bad, sizeof bad, "%s", scratch_path(*state, "bad"));
        for (int i = 0; i < 150; i++) {
            char why[256] = "";
            /* half of them where the headers are: a TIFF has them at its end */
            const uint32_t at = seed_below(&seed, i % 2 == 0 ? (uint32_t)bytes : 200);
            uint8_t *byte = kind >= 4 && i % 2 != 0 ? data + bytes - 1 - at : data + at;
            const uint8_t was = *byte;
            *byte = (uint8_t)seed_next(&seed);
            rig_write_file(bad, data, bytes);
            survived += survives(bad, i % 3 == 0 ? NULL : workers, why, sizeof why);
            *byte = was;
        }
        free(data);
    }
    assert_true(survived < FILE_KINDS * 150);
}

/* Changes the size in a JPEG's header. */
static void swell(const char *from, const char *to)
{
    size_t bytes = 0;
    uint8_t *data = rig_read_file(from, &bytes);
    for (size_t i = 0; i + 9 < bytes; i++) {
        if (data[i] == 0xff && (data[i + 1] == 0xc0 || data[i + 1] == 0xc2)) {
            memset(data + i + 5, 0xfe, 4); /* 65278: libjpeg takes no more than 65500 */
            break;
        }
    }
    rig_write_file(to, data, bytes);
    free(data);
}

static void a_header_that_promises_much_gets_nothing(void **state)
{
    write_files(*state);
    rig_write_png_bomb(scratch_path(*state, "bomb.png"));
    expect_wrong(scratch_path(*state, "bomb.png"), "truncated");
    swell(scratch_path(*state, FILES[2]), scratch_path(*state, "bomb.jpg"));
    expect_wrong(scratch_path(*state, "bomb.jpg"), "JPEG");
    swell(scratch_path(*state, FILES[3]), scratch_path(*state, "bomb.jpg"));
    expect_wrong(scratch_path(*state, "bomb.jpg"), "MiB at once");
    rig_write_tiff_bomb(scratch_path(*state, "bomb.tif"), 65535);
    expect_wrong(scratch_path(*state, "bomb.tif"), "at most 256 MiB");
    rig_write_tiff_bomb(scratch_path(*state, "bomb.tif"), 1);
    expect_wrong(scratch_path(*state, "bomb.tif"), "damaged or truncated");
}

static void what_is_no_picture_is_said_so(void **state)
{
    expect_wrong(scratch_path(*state, "absent.png"), "No such file");
    rig_write_file(scratch_path(*state, "empty.png"), (const uint8_t *)"", 0);
    expect_wrong(scratch_path(*state, "empty.png"), "is empty");
    assert_int_equal(mkfifo(scratch_path(*state, "pipe.png"), 0600), 0);
    expect_wrong(scratch_path(*state, "pipe.png"), "not a regular file");
    mkdir(scratch_path(*state, "folder"), 0700);
    expect_wrong(scratch_path(*state, "folder"), "without a tile");
    for (int i = 0; i < 50; i++) {
        uint8_t noise[300];
        char why[256];
        static const char MAGICS[4][9] = {"\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe0", "II*\0\x08",
                                          "MM\0+\0\x08"};
        for (size_t b = 0; b < sizeof noise; b++) {
            noise[b] = (uint8_t)seed_next(&seed);
        }
        memcpy(noise, MAGICS[i % 4], i % 4 == 0 ? 8 : 4);
        rig_write_file(scratch_path(*state, "noise"), noise, sizeof noise);
        assert_false(survives(scratch_path(*state, "noise"), workers, why, sizeof why));
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
        cmocka_unit_test(every_kind_of_png_is_read_texel_by_texel),
        cmocka_unit_test(a_colour_of_a_png_may_be_transparent),
        cmocka_unit_test(a_jpeg_is_read_as_well_as_it_can_be),
        cmocka_unit_test(every_kind_of_tiff_is_read_texel_by_texel),
        cmocka_unit_test(multiplied_alpha_is_taken_out),
        cmocka_unit_test(a_jpeg_in_a_tiff_is_read),
        cmocka_unit_test(anything_else_is_read_as_a_whole),
        cmocka_unit_test(workers_fill_side_by_side),
        cmocka_unit_test(a_truncated_file_is_one_clear_line),
        cmocka_unit_test(a_byte_of_a_png_that_is_another_is_noticed),
        cmocka_unit_test(flipped_bytes_do_no_harm),
        cmocka_unit_test(a_header_that_promises_much_gets_nothing),
        cmocka_unit_test(what_is_no_picture_is_said_so),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
