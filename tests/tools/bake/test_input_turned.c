/* Pictures and heights that lie turned in their files, in each of the eight ways, against what the
 * numbers 1 to 8 are defined to mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/picture_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/inputs/exif.h"
#include "tools/bake/inputs/heights/heights.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/rowband.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tiffio.h>

enum { WIDTH = 83, HEIGHT = 147 }; /* more rows than are turned together */

static uint64_t seed;
static crew *workers;

/* Where the texel of the picture at x, y lies in its file, of width w and height h. */
static void place_in_file(uint32_t orientation, const uint32_t size[2], uint32_t *x, uint32_t *y)
{
    const uint32_t w = size[0], h = size[1];
    const uint32_t to[9][2] = {
        [1] = {*x, *y},
        [2] = {w - 1 - *x, *y},
        [3] = {w - 1 - *x, h - 1 - *y},
        [4] = {*x, h - 1 - *y},
        [5] = {*y, *x},
        [6] = {*y, h - 1 - *x},
        [7] = {w - 1 - *y, h - 1 - *x},
        [8] = {w - 1 - *y, *x},
    };
    *x = to[orientation][0];
    *y = to[orientation][1];
}

/* The picture that a file of `p` shows. */
static rig_picture shown(const rig_picture *p, uint32_t orientation)
{
    const uint32_t size[2] = {p->width, p->height};
    rig_picture out = *p;
    out.width = orientation >= 5 ? p->height : p->width;
    out.height = orientation >= 5 ? p->width : p->height;
    out.rgba = malloc((size_t)p->width * p->height * 4);
    for (uint32_t i = 0; i < p->width * p->height; i++) {
        uint32_t x = i % out.width, y = i / out.width;
        place_in_file(orientation, size, &x, &y);
        memcpy(out.rgba + (size_t)i * 4, p->rgba + ((size_t)y * p->width + x) * 4, 4);
    }
    return out;
}

/* ---- files ---- */

static size_t put(uint8_t *to, size_t at, uint32_t value, uint32_t bytes, bool little)
{
    for (uint32_t i = 0; i < bytes; i++) {
        to[at + (little ? i : bytes - 1 - i)] = (uint8_t)(value >> 8 * i);
    }
    return at + bytes;
}

/* Exif data of two entries. */
static size_t make_exif(uint8_t *to, uint32_t orientation, bool little)
{
    memcpy(to, little ? "II*\0" : "MM\0*", 4);
    size_t at = put(to, 4, 8, 4, little);
    at = put(to, at, 2, 2, little);
    at = put(to, at, 0x0103, 2, little); /* how it is packed: 6, as a short */
    at = put(to, at, 3, 2, little);
    at = put(to, at, 1, 4, little);
    at = put(to, put(to, at, 6, 2, little), 0, 2, little);
    at = put(to, at, 0x0112, 2, little);
    at = put(to, at, 3, 2, little);
    at = put(to, at, 1, 4, little);
    at = put(to, put(to, at, orientation, 2, little), 0, 2, little);
    return put(to, at, 0, 4, little);
}

static uint32_t png_checksum(const uint8_t *data, size_t bytes)
{
    uint32_t sum = ~0u;
    for (size_t i = 0; i < bytes * 8; i++) {
        sum ^= i % 8 == 0 ? data[i / 8] : 0;
        sum = sum >> 1 ^ (0xedb88320u & (0u - (sum & 1)));
    }
    return ~sum;
}

static size_t make_png_chunk(uint8_t *to, const uint8_t *exif, size_t bytes)
{
    put(to, 0, (uint32_t)bytes, 4, false);
    memcpy(to + 4, "eXIf", 4);
    memcpy(to + 8, exif, bytes);
    return put(to, 8 + bytes, png_checksum(to + 4, bytes + 4), 4, false);
}

static size_t make_jpeg_segment(uint8_t *to, const uint8_t *exif, size_t bytes)
{
    memcpy(to, "\xff\xe1", 2);
    put(to, 2, (uint32_t)bytes + 8, 2, false);
    memcpy(to + 4, "Exif\0", 6);
    memcpy(to + 10, exif, bytes);
    return bytes + 10;
}

/* Puts bytes into a file at `at`, counted from its end where that is negative. */
static void insert(const char *path, long at, const uint8_t *more, size_t count)
{
    size_t bytes = 0;
    uint8_t *data = rig_read_file(path, &bytes);
    const size_t place = at >= 0 ? (size_t)at : bytes - (size_t)-at;
    uint8_t *all = malloc(bytes + count);
    memcpy(all, data, place);
    memcpy(all + place, more, count);
    memcpy(all + place + count, data + place, bytes - place);
    rig_write_file(path, all, bytes + count);
    free(all);
    free(data);
}

typedef enum sort {
    PNG_EARLY,
    PNG_LATE, /* behind the texels */
    PNG_INTERLACED,
    JPEG_PLAIN,
    JPEG_PROGRESSIVE,
    TIFF_STRIPS,
    TIFF_TILES,
    SORTS
} sort;

static void turn_tiff(const char *path, uint32_t orientation)
{
    TIFF *t = TIFFOpen(path, "r+");
    TIFFSetField(t, TIFFTAG_ORIENTATION, orientation);
    assert_int_equal(TIFFRewriteDirectory(t), 1);
    TIFFClose(t);
}

static void write_turned(const char *path, sort what, const rig_picture *p, uint32_t orientation)
{
    uint8_t exif[64], more[96];
    const bool little = seed_below(&seed, 2) != 0;
    const size_t bytes = make_exif(exif, orientation, little);
    if (what <= PNG_INTERLACED) {
        rig_write_png(path, p, (rig_png){RIG_RGBA, 8, what == PNG_INTERLACED, false});
        insert(path, what == PNG_LATE ? -12 : 33, more, make_png_chunk(more, exif, bytes));
    } else if (what <= JPEG_PROGRESSIVE) {
        rig_write_jpeg(path, p, what == JPEG_PROGRESSIVE);
        insert(path, seed_below(&seed, 2) == 0 ? 2 : 20, more, /* before or behind JFIF's */
               make_jpeg_segment(more, exif, bytes));
    } else {
        rig_write_tiff(path, p,
                       (rig_tiff){.depth = 8,
                                  .tiled = what == TIFF_TILES,
                                  .compression = COMPRESSION_LZW,
                                  .strip_rows = 7});
        turn_tiff(path, orientation);
    }
}

/* ---- reading ---- */

static bool open_input(const char *path, source *s)
{
    char why[256] = "";
    if (!input_open(path, workers, s, why, sizeof why)) {
        fail_msg("%s: %s", path, why);
    }
    return true;
}

/* All of a source, in steps of any size. */
static rig_picture read_on(const source *s, uint32_t first)
{
    rig_picture out = {s->width, s->height, calloc((size_t)s->width * s->height, 4)};
    const char *why = NULL;
    while (first < s->height) {
        const uint32_t end = first + 1 + seed_below(&seed, s->height - first);
        if (s->prepare != NULL && !s->prepare(s->context, first, end, &why)) {
            fail_msg("%s", why);
        }
        const source_rect rect = {0, first, s->width, end - first};
        s->fill(s->context, 0, rect, out.rgba + (size_t)first * s->width * 4, (size_t)s->width * 4);
        first = end;
    }
    return out;
}

static void assert_same_rows(const rig_picture *a, const rig_picture *b, uint32_t first)
{
    const size_t from = (size_t)first * a->width * 4;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->rgba + from, b->rgba + from, (size_t)a->width * a->height * 4 - from);
}

static void a_picture_stands_as_it_is_to_be_seen(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, true);
    const char *path = scratch_path(*state, "turned");
    for (uint32_t i = 0; i < SORTS * 8; i++) {
        const sort what = (sort)(i / 8);
        const uint32_t orientation = i % 8 + 1;
        source s;
        write_turned(path, what, &p, 1); /* what it holds, which a JPEG changes a little */
        open_input(path, &s);
        assert_int_equal(s.notes, 0);
        rig_picture plain = read_on(&s, 0), wanted = shown(&plain, orientation);
        input_close(&s);
        write_turned(path, what, &p, orientation);
        for (uint32_t k = 0; k < 2; k++) {
            const uint32_t first = k * seed_below(&seed, wanted.height);
            open_input(path, &s);
            assert_int_equal(s.notes, orientation > 1 ? SOURCE_TURNED : 0);
            rig_picture got = read_on(&s, first);
            assert_true(rowband_check(&s));
            assert_same_rows(&got, &wanted, first);
            input_close(&s);
            rig_free(&got);
        }
        rig_free(&plain);
        rig_free(&wanted);
    }
    rig_free(&p);
}

static void tiles_of_a_mosaic_are_turned_too(void **state)
{
    rig_picture p = rig_make(WIDTH, HEIGHT, true), tile = shown(&p, 6);
    for (uint32_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "tile_%u_%u.png", i % 2, i / 2);
        write_turned(scratch_path(*state, name), PNG_EARLY, &p, 6);
    }
    source s;
    open_input(*state, &s);
    assert_int_equal(s.width, 2 * HEIGHT);
    assert_int_equal(s.height, 2 * WIDTH);
    assert_int_equal(s.notes, SOURCE_TURNED);
    rig_picture got = read_on(&s, 0);
    for (uint32_t y = 0; y < got.height; y++) {
        const uint8_t *wanted = tile.rgba + (size_t)(y % WIDTH) * HEIGHT * 4;
        assert_memory_equal(got.rgba + (size_t)y * got.width * 4, wanted, HEIGHT * 4);
        assert_memory_equal(got.rgba + ((size_t)y * 2 + 1) * HEIGHT * 4, wanted, HEIGHT * 4);
    }
    input_close(&s);
    rig_free(&got);
    rig_free(&tile);
    rig_free(&p);
}

/* Of 66 MiB, but for one strip nothing: too much to be turned in memory. */
static void write_large(const char *path)
{
    enum { WIDE = 4200, HIGH = 4128, STRIP = 16 };
    uint8_t *strip = malloc((size_t)WIDE * STRIP);
    TIFF *t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, WIDE);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, HIGH);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(t, TIFFTAG_ORIENTATION, ORIENTATION_RIGHTTOP);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, STRIP);
    TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
    for (uint32_t i = 0; i < WIDE * STRIP; i++) {
        strip[i] = (uint8_t)(i % WIDE / STRIP + i / WIDE);
    }
    TIFFWriteEncodedStrip(t, 100, strip, (tmsize_t)WIDE * STRIP);
    TIFFClose(t);
    free(strip);
}

static void a_large_one_is_turned_in_a_file(void **state)
{
    const char *path = scratch_path(*state, "large.tif"), *why = NULL;
    const char *before = getenv("TMPDIR");
    char *kept = before != NULL ? strdup(before) : NULL;
    source s;
    uint8_t row[16][4];
    write_large(path);
    setenv("TMPDIR", scratch_path(*state, "nowhere"), 1);
    open_input(path, &s);
    assert_false(s.prepare(s.context, 0, 10, &why));
    assert_non_null(strstr(why, "turning it takes 66 MiB: No such file"));
    input_close(&s);
    setenv("TMPDIR", *state, 1);
    const int names = scratch_count(*state);
    open_input(path, &s);
    for (uint32_t y = 0; y < s.height; y += 999) {
        assert_true(s.prepare(s.context, y, y + 1, &why));
        assert_int_equal(scratch_count(*state), names); /* it has no name */
        s.fill(s.context, 0, (source_rect){4128 - 1616, y, 16, 1}, row[0], sizeof row);
        for (uint32_t x = 0; x < 16; x++) {
            assert_int_equal(row[x][0], (uint8_t)(y / 16 + 15 - x));
        }
    }
    input_close(&s);
    if (kept != NULL) {
        setenv("TMPDIR", kept, 1);
    } else {
        unsetenv("TMPDIR");
    }
    free(kept);
}

/* ---- heights ---- */

static int slope(uint32_t x, uint32_t y)
{
    return (int)(x * 7 + y * 300);
}

static void heights_are_turned_too(void **state)
{
    const char *path = scratch_path(*state, "heights");
    const uint32_t size[2] = {61, 37};
    for (uint32_t i = 0; i < 16; i++) {
        const uint32_t orientation = i / 2 + 1;
        heights h;
        uint8_t exif[64], more[96];
        char why[256];
        if (i % 2 == 0) {
            rig_write_heights_tiff(path, size[0], size[1], slope, SAMPLEFORMAT_INT);
            turn_tiff(path, orientation);
        } else {
            rig_write_heights_png(path, size[0], size[1], slope, 16);
            insert(path, 33, more, make_png_chunk(more, exif, make_exif(exif, orientation, true)));
        }
        assert_true(heights_load(path, (heights_range){0, 65535}, &h, why, sizeof why));
        assert_int_equal(h.width, size[orientation >= 5]);
        assert_int_equal(h.height, size[orientation < 5]);
        assert_int_equal(h.notes, orientation > 1 ? SOURCE_TURNED : 0);
        for (uint32_t at = 0; at < h.width * h.height; at++) {
            uint32_t x = at % h.width, y = at / h.width;
            place_in_file(orientation, size, &x, &y);
            assert_int_equal(h.metres[at], slope(x, y));
        }
        heights_free(&h);
    }
}

/* ---- what may be wrong ---- */

static uint32_t ask(const char *path, uint32_t (*of)(int fd))
{
    const int fd = open(path, O_RDONLY);
    const uint32_t orientation = of(fd);
    close(fd);
    assert_in_range(orientation, 1, 8);
    return orientation;
}

static void numbers_that_are_none_are_passed_over(void **state)
{
    static const uint32_t NONE[] = {0, 9, 255, 65535};
    rig_picture p = rig_make(20, 10, true);
    const char *path = scratch_path(*state, "none");
    for (uint32_t i = 0; i < 4 * 2; i++) {
        write_turned(path, i % 2 == 0 ? PNG_EARLY : JPEG_PLAIN, &p, NONE[i / 2]);
        assert_int_equal(ask(path, i % 2 == 0 ? exif_of_png : exif_of_jpeg), 1);
    }
    rig_free(&p);
}

static void damaged_exif_does_no_harm(void **state)
{
    rig_picture p = rig_make(20, 10, true);
    const char *path = scratch_path(*state, "exif");
    for (uint32_t i = 0; i < 2; i++) {
        size_t bytes = 0;
        uint32_t (*of)(int fd) = i == 0 ? exif_of_png : exif_of_jpeg;
        write_turned(path, i == 0 ? PNG_EARLY : JPEG_PLAIN, &p, 7);
        uint8_t *data = rig_read_file(path, &bytes);
        assert_int_equal(ask(path, of), 7);
        for (uint32_t k = 0; k < 250; k++) {
            const uint32_t at = seed_below(&seed, 110);
            const uint8_t was = data[at];
            data[at] = (uint8_t)seed_next(&seed);
            rig_write_file(path, data, k % 2 == 0 ? bytes : seed_below(&seed, 120));
            ask(path, of);
            data[at] = was;
        }
        free(data);
    }
    rig_free(&p);
}

/* Zeros are empty chunks: a file of nothing else would be read for hours. */
static void chunks_without_end_are_not_followed(void **state)
{
    enum { CHUNK_BYTES = 12, MANY = 1 << 20 };
    const char *path = scratch_path(*state, "chunks");
    uint8_t exif[64], chunk[96];
    const size_t bytes = make_png_chunk(chunk, exif, make_exif(exif, 6, true));
    const int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, chunk, bytes, 8 + 20 * CHUNK_BYTES), bytes);
    assert_int_equal(ask(path, exif_of_png), 6);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, chunk, bytes, 8 + (off_t)MANY * CHUNK_BYTES), bytes);
    assert_int_equal(ask(path, exif_of_png), 1);
    close(fd);
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
        cmocka_unit_test(a_picture_stands_as_it_is_to_be_seen),
        cmocka_unit_test(tiles_of_a_mosaic_are_turned_too),
        cmocka_unit_test(a_large_one_is_turned_in_a_file),
        cmocka_unit_test(heights_are_turned_too),
        cmocka_unit_test(numbers_that_are_none_are_passed_over),
        cmocka_unit_test(damaged_exif_does_no_harm),
        cmocka_unit_test(chunks_without_end_are_not_followed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
