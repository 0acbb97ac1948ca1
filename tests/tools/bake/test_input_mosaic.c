/* Mosaics of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/picture_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/mosaic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The tile's texels back to their place. */
static void paste(rig_picture *p, const rig_picture *t, uint32_t column, uint32_t row)
{
    for (uint32_t i = 0; i < t->height; i++) {
        const size_t to = ((size_t)row * TILE_HEIGHT + i) * p->width + (size_t)column * TILE_WIDTH;
        memcpy(p->rgba + to * 4, t->rgba + (size_t)i * t->width * 4, (size_t)t->width * 4);
    }
}

/* What a file whose first colour is none shows. */
static void make_transparent(rig_picture *t, rig_png how)
{
    for (size_t i = (size_t)t->width * t->height; how.transparent && i > 0; i--) {
        uint8_t *texel = t->rgba + (i - 1) * 4;
        texel[3] = memcmp(texel, t->rgba, 3) == 0 ? 0 : 255;
    }
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

/* Any tile may be the one with alpha, or with colours, or with a colour that is none. */
static void alpha_of_any_tile_is_kept(void **state)
{
    static const rig_png KINDS[] = {{RIG_RGBA, 8, false, false},
                                    {RIG_GREY_ALPHA, 16, false, false},
                                    {RIG_RGBA, 8, true, false},
                                    {RIG_RGB, 8, false, true}};
    const char *folder = lasting(*state, "late");
    mkdir(folder, 0700);
    for (uint32_t with = 0; with <= COLUMNS * ROWS; with++) { /* the last time none has */
        rig_picture p = mosaic_picture(false);
        source s;
        char why[256];
        for (uint32_t i = 0; i < COLUMNS * ROWS; i++) {
            const rig_png opaque = {(rig_colours)(RIG_RGB + i % 3), 8, i % 7 == 0, false};
            const rig_png how = i == with ? KINDS[with % 4] : opaque;
            char name[64];
            rig_picture t = cut(&p, i % COLUMNS, i / COLUMNS, TILE_HEIGHT);
            for (size_t at = 0; i == with && at < (size_t)t.width * t.height; at++) {
                t.rgba[at * 4 + 3] = (uint8_t)(at % 255);
            }
            rig_reduce(&t, how.colours);
            snprintf(name, sizeof name, "tile_%u_%u.png", i % COLUMNS, i / COLUMNS);
            rig_write_png(scratch_path(folder, name), &t, how);
            make_transparent(&t, how);
            paste(&p, &t, i % COLUMNS, i / COLUMNS);
            rig_free(&t);
        }
        assert_true(input_open(folder, with % 3 == 0 ? NULL : workers, &s, why, sizeof why));
        assert_int_equal(s.has_alpha, with < COLUMNS * ROWS);
        walk(&s, &p, 0, 60);
        input_close(&s);
        rig_free(&p);
    }
}

static int begin(void **state)
{
    seed = seed_of_run();
    workers = crew_create(3);
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
        cmocka_unit_test(alpha_of_any_tile_is_kept),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
