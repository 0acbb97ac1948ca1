/* tiff_rows.c: libtiff's RGBA interface block by block, but for grey, where it misreads
 * tiles that reach beyond the right edge, and loses alpha: those samples we take as they are.
 *
 * The interface gives rows from the bottom up, and colours with the alpha multiplied in. The latter
 * would cost bits where the file has straight alpha; so libtiff is told that it is multiplied in
 * already, and leaves it alone. */
#include "tools/bake/inputs/tiff_rows.h"

#include "tools/bake/inputs/firstfail.h"
#include "tools/bake/inputs/rowband.h"
#include "tools/bake/inputs/tiff_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the workers' blocks may take together; where they would take more, the caller is alone. */
static const uint64_t MAX_RASTER_BYTES = UINT64_C(256) << 20;

/* One worker's. */
typedef struct handle {
    tiff_file file;   /* opened at its first block, but for handle 0 */
    uint32_t *raster; /* one block */
} handle;

typedef struct tiff_rows {
    char *path;
    crew *workers; /* NULL: none */
    tiff_blocks blocks;
    uint32_t columns; /* of blocks */
    bool has_alpha, multiplied;
    bool grey;             /* of 8 or 16 bits: we unpack it ourselves */
    bool white_first;      /* grey: 0 is white */
    uint32_t grey_samples; /* 1, or 2 with alpha */
    uint32_t grey_bytes;   /* of a sample */
    uint32_t handle_count;
    handle *handles;
    firstfail *failures; /* one a worker */
    /* of the read that is going on */
    uint32_t first; /* row */
    uint8_t *rgba;
} tiff_rows;

/* ---- alpha ---- */

/* What the samples of a file are, and which of those behind the colours is alpha, if any. */
static void classify(tiff_rows *t, const tiff_file *f)
{
    uint16_t extras = 0, *kinds = NULL;
    const uint16_t photometric = tiff_file_number(f, TIFFTAG_PHOTOMETRIC);
    const uint16_t samples = tiff_file_number(f, TIFFTAG_SAMPLESPERPIXEL);
    const uint16_t bits = tiff_file_number(f, TIFFTAG_BITSPERSAMPLE);
    const uint16_t planes = tiff_file_number(f, TIFFTAG_PLANARCONFIG);
    TIFFGetFieldDefaulted(f->tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
    const uint16_t kind = extras > 0 ? kinds[0] : EXTRASAMPLE_UNSPECIFIED;
    t->white_first = photometric == PHOTOMETRIC_MINISWHITE;
    t->grey = (bits == 8 || bits == 16) &&
              (photometric == PHOTOMETRIC_MINISBLACK || t->white_first) &&
              (samples == 1 || (samples == 2 && planes == PLANARCONFIG_CONTIG));
    t->grey_samples = samples;
    t->grey_bytes = bits / 8;
    t->has_alpha = (photometric == PHOTOMETRIC_RGB && samples > 3) ||
                   (t->grey && samples == 2 && kind != EXTRASAMPLE_UNSPECIFIED);
    t->multiplied = t->has_alpha && kind == EXTRASAMPLE_ASSOCALPHA;
}

/* Sets the kind of alpha of an open file to the one that makes libtiff leave it alone. */
static void leave_alpha(const tiff_rows *t, tiff_file *f)
{
    uint16_t told[16] = {EXTRASAMPLE_ASSOCALPHA}, extras = 0, *kinds = NULL;
    if (t->has_alpha && !t->multiplied && !t->grey) {
        TIFFGetFieldDefaulted(f->tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
        extras = extras < 1 ? 1 : extras;
        TIFFSetField(f->tiff, TIFFTAG_EXTRASAMPLES, extras < 16 ? extras : 16, told);
    }
}

static uint8_t divide(uint32_t value, uint32_t alpha)
{
    const uint32_t v = alpha == 0 ? 0 : (value * 255 + alpha / 2) / alpha;
    return (uint8_t)(v < 255 ? v : 255);
}

/* Sample i of a row of grey, in 8 bits. */
static uint32_t grey_at(const tiff_rows *t, const uint8_t *row, size_t i)
{
    uint16_t v = 0;
    if (t->grey_bytes == 1) {
        return row[i];
    }
    memcpy(&v, row + i * 2, sizeof v); /* libtiff has put its bytes right */
    return (v + 128u) / 257;
}

static void convert_grey_row(const tiff_rows *t, const uint8_t *from, uint32_t width, uint8_t *to)
{
    for (uint32_t x = 0; x < width; x++, to += 4) {
        const size_t at = (size_t)x * t->grey_samples;
        const uint32_t alpha = t->has_alpha ? grey_at(t, from, at + 1) : 255;
        const uint32_t sample = grey_at(t, from, at);
        const uint32_t v = t->white_first ? 255 - sample : sample;
        to[0] = to[1] = to[2] = t->multiplied ? divide(v, alpha) : (uint8_t)v;
        to[3] = (uint8_t)alpha;
    }
}

static void convert_rgba_row(const tiff_rows *t, const uint32_t *from, uint32_t width, uint8_t *to)
{
    for (uint32_t x = 0; x < width; x++, to += 4) {
        const uint32_t v = from[x];
        const uint32_t alpha = t->has_alpha ? TIFFGetA(v) : 255;
        to[0] = t->multiplied ? divide(TIFFGetR(v), alpha) : (uint8_t)TIFFGetR(v);
        to[1] = t->multiplied ? divide(TIFFGetG(v), alpha) : (uint8_t)TIFFGetG(v);
        to[2] = t->multiplied ? divide(TIFFGetB(v), alpha) : (uint8_t)TIFFGetB(v);
        to[3] = (uint8_t)alpha;
    }
}

/* The first `width` texels of row `row` of a raster. */
static void convert_row(const tiff_rows *t, const uint32_t *raster, uint32_t row, uint32_t width,
                        uint8_t *to)
{
    const size_t first = (size_t)row * t->blocks.block_width;
    if (t->grey) {
        const uint8_t *samples = (const void *)raster;
        convert_grey_row(t, samples + first * t->grey_samples * t->grey_bytes, width, to);
    } else {
        convert_rgba_row(t, raster + first, width, to);
    }
}

/* ---- blocks ---- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_same(const tiff_blocks *a, const tiff_blocks *b)
{
    return a->width == b->width && a->height == b->height && a->tiled == b->tiled &&
           a->block_width == b->block_width && a->block_height == b->block_height;
}

static bool open_handle(tiff_rows *t, handle *h)
{
    if (h->file.tiff == NULL) {
        if (!tiff_file_open(&h->file, t->path)) {
            return false;
        }
        if (!is_same(&h->file.blocks, &t->blocks)) {
            snprintf(h->file.why, sizeof h->file.why, "has changed while it was read");
            tiff_file_close(&h->file);
            return false;
        }
        leave_alpha(t, &h->file);
    }
    if (h->raster == NULL) {
        const size_t texels = (size_t)t->blocks.block_width * t->blocks.block_height;
        h->raster = malloc(texels * sizeof *h->raster);
    }
    if (h->raster == NULL) {
        snprintf(h->file.why, sizeof h->file.why, "needs more memory than there is");
    }
    return h->raster != NULL;
}

/* Reads the samples of a block of grey, at most as large as its RGBA texels, into the raster.
 */
static bool read_samples(const tiff_rows *t, handle *h, uint32_t x, uint32_t y)
{
    TIFF *tiff = h->file.tiff;
    const tiff_blocks *b = &t->blocks;
    const uint32_t rows = b->tiled ? b->block_height : smaller(b->block_height, b->height - y);
    const tmsize_t bytes =
        (tmsize_t)((size_t)b->block_width * rows * t->grey_samples * t->grey_bytes);
    return bytes ==
           (b->tiled
                ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, 0), h->raster, bytes)
                : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, 0), h->raster, bytes));
}

/* Whether the raster holds the block; a complaint is a failure even when libtiff goes on. */
static bool read_raster(const tiff_rows *t, handle *h, uint32_t x, uint32_t y)
{
    TIFF *tiff = h->file.tiff;
    const bool tiled = t->blocks.tiled;
    bool done = false;
    if (t->grey) {
        done = read_samples(t, h, x, y);
    } else {
        done = tiled ? TIFFReadRGBATileExt(tiff, x, y, h->raster, 1) != 0
                     : TIFFReadRGBAStripExt(tiff, y, h->raster, 1) != 0;
    }
    if (!done && h->file.why[0] == '\0') {
        snprintf(h->file.why, sizeof h->file.why, "is damaged or truncated");
    }
    return done && h->file.why[0] == '\0';
}

static void read_block(void *context, uint32_t worker, uint32_t index)
{
    tiff_rows *t = context;
    const tiff_blocks *b = &t->blocks;
    handle *h = &t->handles[worker];
    const uint32_t x = index % t->columns * b->block_width;
    const uint32_t y = t->first + index / t->columns * b->block_height;
    const uint32_t width = smaller(b->block_width, b->width - x);
    const uint32_t rows = smaller(b->block_height, b->height - y);
    const uint32_t bottom = b->tiled ? b->block_height : rows;
    firstfail *failure = &t->failures[worker];
    if (failure->failed) { /* its blocks come in order: this one is not the first */
        return;
    }
    if (!open_handle(t, h) || !read_raster(t, h, x, y)) {
        firstfail_note(failure, index, NULL, h->file.why);
        return;
    }
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t from = t->grey ? i : bottom - 1 - i;
        uint8_t *to = t->rgba + ((size_t)(y - t->first + i) * b->width + x) * 4;
        convert_row(t, h->raster, from, width, to);
    }
}

static bool read_rows(void *context, uint32_t first, uint32_t count, uint8_t *rgba,
                      const char **why)
{
    tiff_rows *t = context;
    const uint32_t rows =
        (uint32_t)(((uint64_t)count + t->blocks.block_height - 1) / t->blocks.block_height);
    t->first = first;
    t->rgba = rgba;
    if (t->workers != NULL) {
        crew_run(t->workers, rows * t->columns, read_block, t);
    }
    for (uint32_t i = 0; t->workers == NULL && i < rows * t->columns; i++) {
        read_block(t, 0, i);
    }
    const firstfail *failure = firstfail_of(t->failures, t->handle_count);
    *why = failure != NULL ? failure->why : NULL;
    return failure == NULL;
}

/* ---- opening and closing ---- */

static void close_rows(void *context)
{
    tiff_rows *t = context;
    for (uint32_t i = 0; t->handles != NULL && i < t->handle_count; i++) {
        tiff_file_close(&t->handles[i].file);
        free(t->handles[i].raster);
    }
    free(t->handles);
    free(t->failures);
    free(t->path);
    free(t);
}

static tiff_rows *create(const char *path, crew *workers)
{
    tiff_rows *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->workers = workers;
    t->handle_count = workers != NULL ? crew_threads(workers) : 1;
    t->handles = calloc(t->handle_count, sizeof *t->handles);
    t->failures = calloc(t->handle_count, sizeof *t->failures);
    t->path = strdup(path);
    if (t->handles == NULL || t->failures == NULL || t->path == NULL) {
        close_rows(t);
        return NULL;
    }
    return t;
}

static bool open_first(tiff_rows *t, char *why, size_t why_bytes)
{
    char refusal[1024] = "";
    tiff_file *f = &t->handles[0].file;
    if (!tiff_file_open(f, t->path)) {
        snprintf(why, why_bytes, "%s", f->why);
        return false;
    }
    classify(t, f);
    leave_alpha(t, f);
    if (TIFFRGBAImageOK(f->tiff, refusal) == 0) {
        snprintf(why, why_bytes, "is a TIFF of a kind that cannot be read: %s", refusal);
        return false;
    }
    t->blocks = f->blocks;
    t->columns =
        (uint32_t)(((uint64_t)t->blocks.width + t->blocks.block_width - 1) / t->blocks.block_width);
    if ((uint64_t)t->blocks.block_width * t->blocks.block_height * 4 >
        MAX_RASTER_BYTES / t->handle_count) {
        t->workers = NULL;
    }
    return true;
}

bool tiff_rows_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes)
{
    tiff_rows *t = create(path, workers);
    if (t == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    if (!open_first(t, why, why_bytes)) {
        close_rows(t);
        return false;
    }
    *out =
        (source){.width = t->blocks.width, .height = t->blocks.height, .has_alpha = t->has_alpha};
    const rowband_reader reader = {t->blocks.block_height, false, read_rows, close_rows, t};
    if (!rowband_open(&reader, out)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}
