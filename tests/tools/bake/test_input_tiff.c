/* TIFFs of every kind of samples, against a model that knows each sample by its place; and what
 * else stands in such a file: other pictures, blocks that are left out, blocks that are too short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/picture_rig.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/inputs/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#define BLOCK 32 /* columns of a tile; its rows are half of that */

static uint64_t seed;
static crew *workers;

/* What a file says of its samples. */
typedef struct kind {
    uint16_t photometric, samples;
    uint16_t extra_count, extras[4];
    uint16_t alpha; /* 0: none */
    bool multiplied;
} kind;

static const kind KINDS[] = {
    {PHOTOMETRIC_MINISBLACK, 1, 0, {0}, 0, false},
    {PHOTOMETRIC_MINISBLACK, 2, 1, {EXTRASAMPLE_UNASSALPHA}, 1, false},
    {PHOTOMETRIC_MINISBLACK, 2, 1, {EXTRASAMPLE_ASSOCALPHA}, 1, true},
    {PHOTOMETRIC_MINISBLACK, 2, 1, {EXTRASAMPLE_UNSPECIFIED}, 0, false},
    {PHOTOMETRIC_MINISBLACK, 3, 2, {0, 0}, 0, false},
    {PHOTOMETRIC_MINISBLACK, 4, 3, {0, 0, EXTRASAMPLE_UNASSALPHA}, 3, false},
    {PHOTOMETRIC_MINISBLACK, 5, 4, {0, 0, 0, 0}, 0, false},
    {PHOTOMETRIC_MINISWHITE, 1, 0, {0}, 0, false},
    {PHOTOMETRIC_MINISWHITE, 2, 1, {EXTRASAMPLE_UNASSALPHA}, 1, false},
    {PHOTOMETRIC_MINISWHITE, 3, 2, {0, 0}, 0, false},
    {PHOTOMETRIC_RGB, 3, 0, {0}, 0, false},
    {PHOTOMETRIC_RGB, 4, 1, {EXTRASAMPLE_UNASSALPHA}, 3, false},
    {PHOTOMETRIC_RGB, 4, 1, {EXTRASAMPLE_ASSOCALPHA}, 3, true},
    {PHOTOMETRIC_RGB, 4, 1, {EXTRASAMPLE_UNSPECIFIED}, 0, false},
    {PHOTOMETRIC_RGB, 5, 2, {0, EXTRASAMPLE_UNASSALPHA}, 4, false},
    {PHOTOMETRIC_PALETTE, 1, 0, {0}, 0, false},
    {PHOTOMETRIC_PALETTE, 2, 1, {EXTRASAMPLE_UNASSALPHA}, 1, false},
    {PHOTOMETRIC_SEPARATED, 4, 0, {0}, 0, false},
    {PHOTOMETRIC_SEPARATED, 5, 1, {EXTRASAMPLE_UNASSALPHA}, 4, false},
};
#define KIND_COUNT ((int)(sizeof KINDS / sizeof *KINDS))

typedef struct plan {
    kind k;
    uint32_t bits, width, height, strip_rows;
    bool tiled, planar;
    const char *mode;
    int compression;
    uint64_t salt;
} plan;

static uint16_t map[3][256]; /* the palette */

/* ---- the model ---- */

static uint32_t sample_at(const plan *p, uint32_t x, uint32_t y, uint32_t s)
{
    uint64_t state = p->salt + ((uint64_t)y << 32 | x) * 8 + s;
    return (uint32_t)(seed_next(&state) & ((1u << p->bits) - 1));
}

/* 0 … 255, to the nearest. */
static int level(const plan *p, uint32_t sample)
{
    const uint32_t most = (1u << p->bits) - 1;
    return (int)((sample * 255 + most / 2) / most);
}

static void model_colours(const plan *p, uint32_t x, uint32_t y, int rgb[3])
{
    const uint32_t first = sample_at(p, x, y, 0);
    for (uint32_t c = 0; c < 3; c++) {
        const int black = 255 - level(p, sample_at(p, x, y, 3));
        switch (p->k.photometric) {
        case PHOTOMETRIC_MINISBLACK:
            rgb[c] = level(p, first);
            break;
        case PHOTOMETRIC_MINISWHITE:
            rgb[c] = 255 - level(p, first);
            break;
        case PHOTOMETRIC_PALETTE:
            rgb[c] = map[c][first] / 257;
            break;
        case PHOTOMETRIC_RGB:
            rgb[c] = level(p, sample_at(p, x, y, c));
            break;
        default:
            rgb[c] = (255 - level(p, sample_at(p, x, y, c))) * black / 255;
        }
    }
}

static void model(const plan *p, uint32_t x, uint32_t y, int rgba[4])
{
    rgba[3] = p->k.alpha != 0 ? level(p, sample_at(p, x, y, p->k.alpha)) : 255;
    model_colours(p, x, y, rgba);
    for (int c = 0; c < 3 && p->k.multiplied; c++) {
        const int v = rgba[3] == 0 ? 0 : (rgba[c] * 255 + rgba[3] / 2) / rgba[3];
        rgba[c] = v < 255 ? v : 255;
    }
}

/* ---- files ---- */

/* Puts a sample behind the others of its row, the high bits first where it is less than a byte. */
static void put_sample(const plan *p, uint8_t *row, size_t i, uint32_t v)
{
    const size_t bit = i * p->bits;
    const uint16_t word = (uint16_t)v;
    if (p->bits == 16) {
        memcpy(row + i * 2, &word, sizeof word);
    } else {
        row[bit / 8] = (uint8_t)(row[bit / 8] | v << (8 - p->bits - bit % 8));
    }
}

/* One block, or a plane of it. Beyond the picture stands what nobody may show. */
static void write_block(TIFF *t, const plan *p, uint32_t x, uint32_t y, uint16_t plane)
{
    const uint32_t width = p->tiled ? BLOCK : p->width;
    const uint32_t left = p->height - y;
    const uint32_t rows = p->tiled ? BLOCK / 2 : left < p->strip_rows ? left : p->strip_rows;
    const uint32_t samples = p->planar ? 1 : p->k.samples;
    const size_t row_bytes = ((size_t)width * samples * p->bits + 7) / 8;
    uint8_t *block = calloc(rows, row_bytes);
    for (uint32_t i = 0; i < width * rows * samples; i++) {
        const uint32_t texel = i / samples, column = texel % width, row = texel / width;
        const uint32_t s = p->planar ? plane : i % samples;
        put_sample(p, block + row * row_bytes, (size_t)column * samples + i % samples,
                   sample_at(p, x + column, y + row, s));
    }
    const tmsize_t bytes = (tmsize_t)(rows * row_bytes);
    const tmsize_t put =
        p->tiled ? TIFFWriteEncodedTile(t, TIFFComputeTile(t, x, y, 0, plane), block, bytes)
                 : TIFFWriteEncodedStrip(t, TIFFComputeStrip(t, y, plane), block, bytes);
    assert_int_equal(put, bytes);
    free(block);
}

static void set_fields(TIFF *t, const plan *p)
{
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, p->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, p->height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, p->bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, p->k.samples);
    TIFFSetField(t, TIFFTAG_COMPRESSION, p->compression);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, p->k.photometric);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, p->planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    if (p->k.extra_count > 0) {
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, p->k.extra_count, p->k.extras);
    }
    if (p->k.photometric == PHOTOMETRIC_PALETTE) {
        TIFFSetField(t, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
    }
    if (p->tiled) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, BLOCK);
        TIFFSetField(t, TIFFTAG_TILELENGTH, BLOCK / 2);
    } else {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, p->strip_rows);
    }
}

static void write_picture(TIFF *t, const plan *p)
{
    const uint32_t width = p->tiled ? BLOCK : p->width;
    const uint32_t rows = p->tiled ? BLOCK / 2 : p->strip_rows;
    set_fields(t, p);
    for (uint16_t plane = 0; plane < (p->planar ? p->k.samples : 1); plane++) {
        for (uint32_t y = 0; y < p->height; y += rows) {
            for (uint32_t x = 0; x < p->width; x += width) {
                write_block(t, p, x, y, plane);
            }
        }
    }
}

static void write_plan(const char *path, const plan *p)
{
    TIFF *t = TIFFOpen(path, p->mode);
    write_picture(t, p);
    TIFFClose(t);
}

static plan plan_of(const kind *k, uint32_t bits)
{
    static const int COMPRESSIONS[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_PACKBITS};
    static const char *const MODES[] = {"wl", "wb", "w8l", "w8b"}; /* both orders of bytes */
    return (plan){.k = *k,
                  .bits = bits,
                  .width = 1 + seed_below(&seed, 80),
                  .height = 1 + seed_below(&seed, 50),
                  .strip_rows = 1 + seed_below(&seed, 20),
                  .mode = MODES[seed_below(&seed, 4)],
                  .compression = COMPRESSIONS[seed_below(&seed, 4)],
                  .salt = seed_next(&seed)};
}

/* ---- reading ---- */

/* Opens and unpacks a file, and closes it; its texels, from malloc. *s keeps what it said. */
static uint8_t *read_all(const char *path, source *s)
{
    char why[256] = "";
    const char *wrong = NULL;
    if (!input_open(path, workers, s, why, sizeof why)) {
        fail_msg("%s: %s", path, why);
    }
    if (s->prepare != NULL && !s->prepare(s->context, 0, s->height, &wrong)) {
        fail_msg("%s: %s", path, wrong);
    }
    uint8_t *rgba = malloc((size_t)s->width * s->height * 4);
    s->fill(s->context, 0, (source_rect){0, 0, s->width, s->height}, rgba, (size_t)s->width * 4);
    input_close(&(source){.close = s->close, .context = s->context});
    return rgba;
}

/* The texel that is none of the model's; the number of texels when all are right. */
static uint32_t first_wrong(const plan *p, const uint8_t *rgba)
{
    for (uint32_t i = 0; i < p->width * p->height; i++) {
        int wanted[4];
        model(p, i % p->width, i / p->width, wanted);
        for (int c = 0; c < 4; c++) {
            if (rgba[i * 4 + (uint32_t)c] != wanted[c]) {
                return i;
            }
        }
    }
    return p->width * p->height;
}

static void assert_read(const char *path, const plan *p)
{
    source s;
    uint8_t *rgba = read_all(path, &s);
    const uint32_t wrong = first_wrong(p, rgba), count = p->width * p->height;
    const uint16_t colours = p->k.photometric == PHOTOMETRIC_RGB         ? 3
                             : p->k.photometric == PHOTOMETRIC_SEPARATED ? 4
                                                                         : 1;
    const bool has_leftover = p->k.samples > colours + (p->k.alpha != 0);
    if (wrong < count || s.has_alpha != (p->k.alpha != 0) || s.width != p->width ||
        ((s.notes & SOURCE_LEFTOVER) != 0) != has_leftover) {
        fail_msg("photometric %d, %d samples of %u bits, extras %d %d, %ux%u, tiled %d, planar %d, "
                 "compression %d, %s: texel %u, %u is wrong",
                 p->k.photometric, p->k.samples, p->bits, p->k.extras[0], p->k.extras[1], p->width,
                 p->height, p->tiled, p->planar, p->compression, p->mode, wrong % p->width,
                 wrong / p->width);
    }
    free(rgba);
}

static void every_sample_of_every_kind_comes_to_its_place(void **state)
{
    static const uint32_t BITS[] = {8, 16, 4, 2, 1};
    const char *path = scratch_path(*state, "kind.tif");
    for (uint32_t i = 0; i < KIND_COUNT * 5 * 4; i++) {
        plan p = plan_of(&KINDS[i % KIND_COUNT], BITS[i / KIND_COUNT % 5]);
        p.tiled = (i / (KIND_COUNT * 5) & 1) != 0;
        p.planar = (i / (KIND_COUNT * 5) & 2) != 0 && p.k.samples > 1;
        if (p.bits == 16 && p.k.photometric == PHOTOMETRIC_PALETTE) {
            continue;
        }
        write_plan(path, &p);
        assert_read(path, &p);
    }
}

/* Y, Cb, Cr of 2 x 2 texels together, which libtiff's own interface takes apart. */
static void colours_of_television_come_by_libtiff(void **state)
{
    enum { WIDE = BLOCK * 2 + 5, HIGH = 2 * BLOCK + 3, TILE_BYTES = BLOCK * BLOCK * 3 / 2 };
    const char *path = scratch_path(*state, "ycbcr.tif");
    uint8_t tile[TILE_BYTES];
    source s;
    TIFF *t = TIFFOpen(path, "w");
    set_fields(t, &(plan){.k = KINDS[10],
                          .bits = 8,
                          .width = WIDE,
                          .height = HIGH,
                          .tiled = true,
                          .compression = COMPRESSION_NONE});
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_YCBCR);
    TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, 2, 2);
    TIFFSetField(t, TIFFTAG_TILELENGTH, BLOCK);
    for (uint32_t i = 0; i < 9; i++) {
        for (uint32_t b = 0; b < TILE_BYTES; b++) {
            const uint32_t x = i % 3 * BLOCK + b / 6 % (BLOCK / 2) * 2 + b % 6 % 2;
            const uint32_t y = i / 3 * BLOCK + b / 6 / (BLOCK / 2) * 2 + b % 6 / 2;
            tile[b] = (uint8_t)(b % 6 < 4 ? x * 2 + y : 128);
        }
        assert_int_equal(TIFFWriteEncodedTile(t, i, tile, TILE_BYTES), TILE_BYTES);
    }
    TIFFClose(t);
    uint8_t *rgba = read_all(path, &s);
    assert_int_equal(s.width, WIDE);
    for (uint32_t i = 0; i < WIDE * HIGH; i++) {
        const int wanted = (int)(i % WIDE * 2 + i / WIDE);
        assert_in_range(rgba[(size_t)i * 4], wanted - (wanted > 0), wanted + 1);
        assert_int_equal(rgba[(size_t)i * 4], rgba[(size_t)i * 4 + 2]);
        assert_int_equal(rgba[(size_t)i * 4 + 3], 255);
    }
    free(rgba);
}

/* What is stored as it is and what is compressed reach libtiff's conversion in different ways. */
static void stored_tiles_are_converted_as_compressed_ones(void **state)
{
    static const kind FOREIGN[] = {{PHOTOMETRIC_YCBCR, 3, 0, {0}, 0, false},
                                   {PHOTOMETRIC_CIELAB, 3, 0, {0}, 0, false}};
    const char *path = scratch_path(*state, "foreign.tif");
    for (uint32_t i = 0; i < 6; i++) {
        plan p = plan_of(&FOREIGN[i % 3 / 2], 8);
        uint8_t *rgba[2];
        p.tiled = true;
        p.planar = i % 3 == 1; /* YCbCr only */
        for (uint32_t packed = 0; packed < 2; packed++) {
            source s;
            p.compression = packed ? COMPRESSION_LZW : COMPRESSION_NONE;
            TIFF *t = TIFFOpen(path, p.mode);
            if (i % 3 < 2) {
                TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
            }
            write_picture(t, &p);
            TIFFClose(t);
            rgba[packed] = read_all(path, &s);
        }
        assert_memory_equal(rgba[0], rgba[1], (size_t)p.width * p.height * 4);
        free(rgba[0]);
        free(rgba[1]);
    }
}

/* ---- more than one picture ---- */

static plan small_plan(uint32_t width, uint32_t height)
{
    plan p = plan_of(&KINDS[10], 8);
    p.width = width;
    p.height = height;
    p.tiled = false;
    p.mode = "w";
    return p;
}

/* What the directories of a file say, and which of them is the picture. */
typedef struct pages {
    struct {
        uint32_t width, kind;
    } page[4];
    uint32_t count, wanted;
    bool has_others;
} pages;

static void the_largest_picture_that_is_no_copy_is_read(void **state)
{
    static const pages FILES[] = {
        {{{20, FILETYPE_REDUCEDIMAGE}, {60, 0}}, 2, 1, false}, /* a thumbnail first */
        {{{60, 0}, {30, FILETYPE_REDUCEDIMAGE}, {15, FILETYPE_REDUCEDIMAGE}}, 3, 0, false},
        {{{20, 0}, {60, 0}}, 2, 1, true}, /* one that does not say so */
        {{{60, FILETYPE_PAGE}, {60, FILETYPE_PAGE}}, 2, 0, true},
        {{{60, FILETYPE_REDUCEDIMAGE}, {30, 0}}, 2, 1, false},
        {{{40, 0}, {40, FILETYPE_MASK}}, 2, 0, true},
        {{{70, FILETYPE_MASK}, {40, 0}, {20, FILETYPE_MASK | FILETYPE_REDUCEDIMAGE}}, 3, 1, true},
        {{{40, FILETYPE_REDUCEDIMAGE}}, 1, 0, false},
    };
    const char *path = scratch_path(*state, "pages.tif");
    for (size_t f = 0; f < sizeof FILES / sizeof *FILES; f++) {
        plan wanted = {.bits = 8};
        TIFF *t = TIFFOpen(path, "w");
        for (uint32_t i = 0; i < FILES[f].count; i++) {
            const plan p = small_plan(FILES[f].page[i].width, 30);
            wanted = i == FILES[f].wanted ? p : wanted;
            TIFFSetField(t, TIFFTAG_SUBFILETYPE, FILES[f].page[i].kind);
            write_picture(t, &p);
            assert_int_equal(TIFFWriteDirectory(t), 1);
        }
        TIFFClose(t);
        source s;
        uint8_t *rgba = read_all(path, &s);
        assert_int_equal(s.width, wanted.width);
        assert_int_equal(first_wrong(&wanted, rgba), wanted.width * wanted.height);
        assert_int_equal((s.notes & SOURCE_OTHERS) != 0, FILES[f].has_others);
        free(rgba);
    }
}

static void a_picture_below_its_thumbnail_is_found(void **state)
{
    const char *path = scratch_path(*state, "below.tif");
    for (uint32_t i = 0; i < 2; i++) { /* the second time there is a larger one behind both */
        const plan small = small_plan(20, 15), below = small_plan(80, 60);
        const plan behind = small_plan(90, 70);
        uint64_t place = 0;
        TIFF *t = TIFFOpen(path, "w");
        TIFFSetField(t, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
        TIFFSetField(t, TIFFTAG_SUBIFD, 1, &place); /* libtiff puts the next directory there */
        write_picture(t, &small);
        assert_int_equal(TIFFWriteDirectory(t), 1);
        write_picture(t, &below);
        assert_int_equal(TIFFWriteDirectory(t), 1);
        if (i == 1) {
            write_picture(t, &behind);
            assert_int_equal(TIFFWriteDirectory(t), 1);
        }
        TIFFClose(t);
        assert_read(path, i == 1 ? &behind : &below);
    }
}

/* ---- blocks ---- */

/* Where a field's value lies in a little-endian classic TIFF of one directory. */
static uint8_t *entry_of(uint8_t *data, uint16_t tag)
{
    uint32_t at = 0;
    uint16_t entries = 0, found = 0;
    memcpy(&at, data + 4, sizeof at);
    memcpy(&entries, data + at, sizeof entries);
    for (uint8_t *entry = data + at + 2; entries > 0; entries--, entry += 12) {
        memcpy(&found, entry, sizeof found);
        if (found == tag) {
            return entry + 8;
        }
    }
    return NULL;
}

static void a_block_that_a_sparse_file_leaves_out_is_empty(void **state)
{
    const char *path = scratch_path(*state, "sparse.tif");
    for (uint32_t i = 0; i < 4; i++) {
        source s;
        plan p = small_plan(BLOCK * 3 - 7, BLOCK / 2 + 5);
        const bool has_alpha = (i & 1) != 0;
        p.tiled = true;
        p.k = KINDS[has_alpha ? 11 : 10];
        p.bits = (i & 2) != 0 ? 16 : 8;
        TIFF *t = TIFFOpen(path, "wl");
        set_fields(t, &p);
        write_block(t, &p, BLOCK, 0, 0);
        TIFFClose(t);
        uint8_t *rgba = read_all(path, &s);
        for (uint32_t at = 0; at < p.width * p.height; at++) {
            const uint32_t x = at % p.width, y = at / p.width;
            int wanted[4] = {0, 0, 0, has_alpha ? 0 : 255};
            if (x / BLOCK == 1 && y < BLOCK / 2) {
                model(&p, x, y, wanted);
            }
            for (uint32_t c = 0; c < 4; c++) {
                assert_int_equal(rgba[at * 4 + c], wanted[c]);
            }
        }
        free(rgba);
    }
}

/* Opens and reads all of a file that may not be readable. */
static void expect_wrong(const char *path, const char *word)
{
    source s;
    char why[256] = "";
    const char *wrong = why;
    if (input_open(path, workers, &s, why, sizeof why)) {
        const bool good = s.prepare(s.context, 0, s.height, &wrong);
        snprintf(why, sizeof why, "%s", good ? "nothing is wrong" : wrong);
        input_close(&s);
    }
    if (strstr(why, word) == NULL || strchr(why, '\n') != NULL) {
        fail_msg("%s: '%s' does not say '%s'", path, why, word);
    }
}

/* Half a place is no sparse block but a damaged file. */
static void a_block_without_bytes_is_damaged(void **state)
{
    const char *path = scratch_path(*state, "half.tif");
    plan p = small_plan(40, 30);
    size_t bytes = 0;
    p.mode = "wl";
    p.strip_rows = 30;
    p.compression = COMPRESSION_LZW;
    write_plan(path, &p);
    uint8_t *data = rig_read_file(path, &bytes);
    uint32_t size = 0;
    memcpy(&size, entry_of(data, TIFFTAG_STRIPBYTECOUNTS), sizeof size);
    size /= 2;
    memcpy(entry_of(data, TIFFTAG_STRIPBYTECOUNTS), &size, sizeof size);
    rig_write_file(path, data, bytes);
    expect_wrong(path, "damaged");
    free(data);
}

static void write_large(const char *path, const plan *p)
{
    TIFF *t = TIFFOpen(path, p->mode);
    if (p->k.photometric == PHOTOMETRIC_YCBCR) {
        TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
    }
    write_picture(t, p);
    TIFFClose(t);
}

/* It costs the picture, and nothing ends by a signal. */
static void a_file_that_is_cut_while_open_is_damaged(void **state)
{
    static const kind KINDS_CUT[] = {{PHOTOMETRIC_RGB, 3, 0, {0}, 0, false},
                                     {PHOTOMETRIC_YCBCR, 3, 0, {0}, 0, false}};
    static const char *const MODES[] = {"wl", "wb"};
    const char *path = scratch_path(*state, "cut.tif");
    for (uint32_t i = 0; i < 8; i++) {
        char why[256] = "";
        const char *wrong = NULL;
        source s;
        plan p = plan_of(&KINDS_CUT[i & 1], (i & 2) != 0 && (i & 1) == 0 ? 16 : 8);
        p.width = p.height = 200; /* more than a page of memory */
        p.mode = MODES[i >> 2];
        p.tiled = true;
        p.compression = COMPRESSION_NONE;
        write_large(path, &p);
        assert_true(input_open(path, NULL, &s, why, sizeof why));
        rig_write_file(path, (const uint8_t *)"II", 2);
        assert_false(s.prepare(s.context, 0, s.height, &wrong));
        assert_non_null(strstr(wrong, "damaged or truncated"));
        assert_null(strchr(wrong, '\n'));
        input_close(&s);
    }
}

static void what_is_no_colour_is_refused(void **state)
{
    const char *path = scratch_path(*state, "refused.tif");
    plan p = plan_of(&KINDS[10], 8);
    TIFF *t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_INT);
    write_picture(t, &p);
    TIFFClose(t);
    expect_wrong(path, "signs");
    p.k = KINDS[17];
    t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_INKSET, INKSET_MULTIINK);
    write_picture(t, &p);
    TIFFClose(t);
    expect_wrong(path, "not CMYK");
}

/* Reads all of what may be damaged; when it is noticed, it is said in one line. */
static void survive(const char *path)
{
    source s;
    char why[256] = "";
    const char *wrong = why;
    bool good = input_open(path, workers, &s, why, sizeof why);
    if (good) {
        const uint32_t end = s.height < 200 ? s.height : 200;
        good = s.width > 100000 || s.prepare(s.context, 0, end, &wrong);
        good = good || strchr(wrong, '\n') == NULL;
        input_close(&s);
    }
    assert_true(good || (why[0] != '\0' && strchr(why, '\n') == NULL));
}

static void flipped_bytes_do_no_harm(void **state)
{
    const char *path = scratch_path(*state, "good.tif"), *bad = scratch_path(*state, "bad.tif");
    for (uint32_t k = 0; k < KIND_COUNT; k++) {
        size_t bytes = 0;
        plan p = plan_of(&KINDS[k], 8);
        const plan small = small_plan(5, 5);
        p.tiled = k % 2 != 0;
        p.planar = k % 3 == 0 && p.k.samples > 1;
        TIFF *t = TIFFOpen(path, k % 2 == 0 ? "wl" : "w8l");
        write_picture(t, &p);
        TIFFWriteDirectory(t);
        write_picture(t, &small);
        TIFFClose(t);
        uint8_t *data = rig_read_file(path, &bytes);
        for (int i = 0; i < 60; i++) {
            const uint32_t most = bytes < 500 ? (uint32_t)bytes : 500; /* directories lie last */
            uint8_t *byte = data + (i % 4 == 0 ? seed_below(&seed, (uint32_t)bytes)
                                               : bytes - 1 - seed_below(&seed, most));
            const uint8_t was = *byte;
            *byte = (uint8_t)(i % 2 == 0 ? seed_next(&seed) : 1u << seed_below(&seed, 8) ^ was);
            rig_write_file(bad, data, bytes);
            survive(bad);
            *byte = was;
        }
        free(data);
    }
}

static int begin(void **state)
{
    seed = seed_of_run();
    workers = crew_create(3);
    TIFFSetErrorHandler(NULL); /* of the writers; the readers have their own */
    TIFFSetWarningHandler(NULL);
    for (uint32_t i = 0; i < 3 * 256; i++) {
        map[i / 256][i % 256] = (uint16_t)(seed_below(&seed, 256) * 257);
    }
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
        cmocka_unit_test(every_sample_of_every_kind_comes_to_its_place),
        cmocka_unit_test(colours_of_television_come_by_libtiff),
        cmocka_unit_test(stored_tiles_are_converted_as_compressed_ones),
        cmocka_unit_test(the_largest_picture_that_is_no_copy_is_read),
        cmocka_unit_test(a_picture_below_its_thumbnail_is_found),
        cmocka_unit_test(a_block_that_a_sparse_file_leaves_out_is_empty),
        cmocka_unit_test(a_block_without_bytes_is_damaged),
        cmocka_unit_test(a_file_that_is_cut_while_open_is_damaged),
        cmocka_unit_test(what_is_no_colour_is_refused),
        cmocka_unit_test(flipped_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
