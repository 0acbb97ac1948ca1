/* tiff_rows.c: the workers read the blocks (strips or tiles) of a row side by side, each to its
 * place in the rows. */
#include "tools/bake/inputs/tiff/tiff_rows.h"

#include "tools/bake/inputs/firstfail.h"
#include "tools/bake/inputs/rowband.h"
#include "tools/bake/inputs/tiff/tiff_foreign.h"
#include "tools/bake/inputs/tiff/tiff_samples.h"
#include "tools/bake/inputs/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most that the workers' blocks may take together; where they would take more, the caller works
 * alone. */
#define MAX_RASTER_BYTES (UINT64_C(256) << 20)

/* One worker's. */
typedef struct handle {
    tiff_file file; /* opened at its first block, but for handle 0 */
    uint8_t *raster;
} handle;

typedef struct tiff_rows {
    char *path;
    crew *workers; /* NULL: none */
    tiff_blocks blocks;
    tiff_samples samples;
    uint32_t columns;    /* of blocks */
    size_t raster_bytes; /* a block: its samples, its planes in turn, or as tiff_foreign.h has it */
    uint32_t handle_count;
    handle *handles;
    firstfail *failures; /* one a worker */
    /* of the read that is under way */
    uint32_t first; /* row */
    uint8_t *rgba;
} tiff_rows;

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

/* Whether a file that was opened again is still divided into the same blocks. */
static bool is_as_it_was(const tiff_rows *t, const tiff_file *f)
{
    return is_same(&f->blocks, &t->blocks) &&
           (!t->samples.is_foreign || tiff_foreign_bytes(f) == t->raster_bytes);
}

static bool open_handle(tiff_rows *t, handle *h)
{
    if (h->file.tiff == NULL) {
        if (!tiff_file_open(&h->file, t->path)) {
            return false;
        }
        if (!is_as_it_was(t, &h->file)) {
            snprintf(h->file.why, sizeof h->file.why, "has changed while it was read");
            tiff_file_close(&h->file);
            return false;
        }
    }
    if (h->raster == NULL) {
        h->raster = malloc(t->raster_bytes);
    }
    if (h->raster == NULL) {
        snprintf(h->file.why, sizeof h->file.why, "needs more memory than there is");
    }
    return h->raster != NULL;
}

/* Bytes of `rows` rows of an unpacked block, or of one of its planes. */
static size_t plane_bytes(const tiff_rows *t, uint32_t rows)
{
    return tiff_samples_row_bytes(&t->samples, t->blocks.block_width) * rows;
}

static bool read_samples(const tiff_rows *t, handle *h, const uint32_t at[2])
{
    const tiff_samples *s = &t->samples;
    const size_t bytes = plane_bytes(t, tiff_file_rows(&h->file, at[1]));
    bool done = true;
    for (uint16_t i = 0; i < (s->planar ? s->channels : 1) && done; i++) {
        const uint16_t plane = s->planar ? tiff_samples_channel(s, i) : 0;
        done = tiff_file_read(&h->file, at, plane, h->raster + i * bytes, bytes);
    }
    return done;
}

static void convert_foreign_row(const uint32_t *texels, uint32_t width, uint8_t *to)
{
    for (uint32_t x = 0; x < width; x++, to += 4) {
        to[0] = (uint8_t)TIFFGetR(texels[x]);
        to[1] = (uint8_t)TIFFGetG(texels[x]);
        to[2] = (uint8_t)TIFFGetB(texels[x]);
        to[3] = 255;
    }
}

/* Converts the first `width` texels of row `row` of a block that has `rows`. */
static void convert_row(const tiff_rows *t, const uint8_t *raster, const uint32_t row_of_rows[2],
                        uint32_t width, uint8_t *to)
{
    const tiff_samples *s = &t->samples;
    const uint32_t row = row_of_rows[0], rows = row_of_rows[1];
    const uint8_t *of[TIFF_CHANNELS_MOST];
    if (s->is_foreign) { /* its rows go from the bottom up */
        const uint32_t *texels = (const void *)raster;
        convert_foreign_row(texels + (size_t)(rows - 1 - row) * t->blocks.block_width, width, to);
        return;
    }
    for (uint16_t i = 0; i < s->channels; i++) {
        of[i] = raster + (s->planar ? i * plane_bytes(t, rows) : 0) + plane_bytes(t, row);
    }
    tiff_samples_convert(s, of, width, to);
}

static void read_block(void *context, uint32_t worker, uint32_t index)
{
    tiff_rows *t = context;
    const tiff_blocks *b = &t->blocks;
    handle *h = &t->handles[worker];
    const uint32_t at[2] = {index % t->columns * b->block_width,
                            t->first + index / t->columns * b->block_height};
    const uint32_t width = smaller(b->block_width, b->width - at[0]);
    const uint32_t rows = smaller(b->block_height, b->height - at[1]);
    firstfail *failure = &t->failures[worker];
    if (failure->failed) { /* its blocks come in order, so an earlier one has failed */
        return;
    }
    if (!open_handle(t, h) ||
        !(t->samples.is_foreign ? tiff_foreign_read(&h->file, at, (void *)h->raster)
                                : read_samples(t, h, at))) {
        firstfail_note(failure, index, NULL, h->file.why);
        return;
    }
    for (uint32_t row = 0; row < rows; row++) {
        uint8_t *to = t->rgba + ((size_t)(at[1] - t->first + row) * b->width + at[0]) * 4;
        convert_row(t, h->raster, (uint32_t[2]){row, tiff_file_rows(&h->file, at[1])}, width, to);
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

/* Bytes that a worker needs to unpack a block. */
static size_t raster_bytes(const tiff_rows *t)
{
    const tiff_samples *s = &t->samples;
    return s->is_foreign ? tiff_foreign_bytes(&t->handles[0].file)
                         : plane_bytes(t, t->blocks.block_height) * (s->planar ? s->channels : 1);
}

static bool open_first(tiff_rows *t, char *why, size_t why_bytes)
{
    tiff_file *f = &t->handles[0].file;
    if (!tiff_file_open(f, t->path) || !tiff_samples_of(f, &t->samples)) {
        snprintf(why, why_bytes, "%s", f->why);
        return false;
    }
    t->blocks = f->blocks;
    t->columns =
        (uint32_t)(((uint64_t)t->blocks.width + t->blocks.block_width - 1) / t->blocks.block_width);
    t->raster_bytes = raster_bytes(t);
    if (t->raster_bytes > MAX_RASTER_BYTES / t->handle_count) {
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
    const tiff_file *f = &t->handles[0].file;
    *out = (source){.width = t->blocks.width,
                    .height = t->blocks.height,
                    .has_alpha = t->samples.alpha != 0,
                    .notes = (f->has_others ? SOURCE_OTHERS : 0) |
                             (t->samples.has_leftover ? SOURCE_LEFTOVER : 0)};
    const uint32_t orientation = f->orientation;
    const rowband_reader reader = {t->blocks.block_height, false, read_rows, close_rows, t};
    if (!rowband_open(&reader, out)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return turn_open(orientation, out, why, why_bytes);
}
