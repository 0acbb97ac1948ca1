/* mosaic.c: each tile is a source of its own, with a band of its rows; the mosaic decides which
 * tiles are open.
 *
 *     tiles above the rows that are wanted      closed for good
 *     tiles under them                          open; low ones are unpacked whole and their files
 *                                               closed, high ones give rows as they are wanted
 *     tiles below                               not open yet */
#include "tools/bake/inputs/mosaic.h"

#include "tools/bake/inputs/firstfail.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/tilenames.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tiles of at most so many rows are unpacked whole, and their files closed again: there may be
 * thousands of them in a row, and a process can have only so many files open. Of higher ones few
 * fit side by side. */
enum { WHOLE_ROWS = 512, PATH_BYTES = 4096 };

/* tiles of rows [0, closed_rows) are closed for good */
typedef struct mosaic {
    tilenames names;
    crew *workers; /* NULL: none */
    uint32_t width, height;
    uint32_t tile_width, tile_height; /* of all but the last column and row */
    bool has_alpha;
    uint8_t notes;
    source *tiles;        /* one a name; without fill: not open */
    uint32_t closed_rows; /* rows of tiles */
    uint32_t worker_count;
    firstfail *failures; /* one a worker */
    source *checked;     /* one a worker: alpha and notes of the tiles that it has looked at */
    /* of the prepare() that is under way */
    uint32_t first, end; /* rows */
    uint32_t first_row;  /* of tiles */
} mosaic;

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- one tile ---- */

static bool open_tile(const mosaic *m, uint32_t index, source *out, char *why, size_t why_bytes)
{
    char path[PATH_BYTES];
    const int length = snprintf(path, sizeof path, "%s%s", m->names.folder, m->names.names[index]);
    if (length >= PATH_BYTES) {
        snprintf(why, why_bytes, "has a path that is too long");
        return false;
    }
    return input_open_file(path, NULL, out, why, why_bytes); /* the workers are busy */
}

/* Whether an open tile has the size that its place asks for. */
static bool check_size(const mosaic *m, uint32_t index, const source *tile, char *why,
                       size_t why_bytes)
{
    const uint32_t x = index % m->names.columns * m->tile_width;
    const uint32_t y = index / m->names.columns * m->tile_height;
    const uint32_t width = smaller(m->tile_width, m->width - x);
    const uint32_t height = smaller(m->tile_height, m->height - y);
    if (tile->width == width && tile->height == height) {
        return true;
    }
    snprintf(why, why_bytes,
             "is %" PRIu32 " x %" PRIu32 " texels, where %" PRIu32 " x %" PRIu32 " belong",
             tile->width, tile->height, width, height);
    return false;
}

/* Makes the wanted rows of one tile ready. */
static bool prepare_tile(mosaic *m, uint32_t index, char *why, size_t why_bytes)
{
    source *tile = &m->tiles[index];
    const uint32_t top = index / m->names.columns * m->tile_height;
    const bool was_open = tile->fill != NULL;
    if (!was_open && (!open_tile(m, index, tile, why, why_bytes) ||
                      !check_size(m, index, tile, why, why_bytes))) {
        return false;
    }
    const bool whole = tile->height <= WHOLE_ROWS;
    if (tile->prepare == NULL || (whole && was_open)) {
        return true;
    }
    const uint32_t first = whole ? 0 : larger(m->first, top) - top;
    const uint32_t end = whole ? tile->height : smaller(m->end - top, tile->height);
    const char *wrong = NULL;
    if (!tile->prepare(tile->context, first, end, &wrong)) {
        snprintf(why, why_bytes, "%s", wrong);
        return false;
    }
    return true;
}

static void work(void *context, uint32_t worker, uint32_t piece)
{
    mosaic *m = context;
    firstfail *failure = &m->failures[worker];
    const uint32_t index = m->first_row * m->names.columns + piece;
    char why[256] = "";
    if (!failure->failed && !prepare_tile(m, index, why, sizeof why)) {
        firstfail_note(failure, index, m->names.names[index], why);
    }
}

static void run(mosaic *m, uint32_t count, crew_work *what)
{
    if (m->workers != NULL) {
        crew_run(m->workers, count, what, m);
    }
    for (uint32_t i = 0; m->workers == NULL && i < count; i++) {
        what(m, 0, i);
    }
}

/* ---- the source ---- */

static void close_tiles_above(mosaic *m, uint32_t row)
{
    for (; m->closed_rows < row; m->closed_rows++) {
        for (uint32_t x = 0; x < m->names.columns; x++) {
            input_close(&m->tiles[(size_t)m->closed_rows * m->names.columns + x]);
        }
    }
}

static bool prepare(void *context, uint32_t first, uint32_t end, const char **why)
{
    mosaic *m = context;
    assert(first <= end && end <= m->height);
    m->first = first;
    m->end = end;
    m->first_row = smaller(first / m->tile_height, m->names.rows - 1);
    close_tiles_above(m, m->first_row);
    const uint32_t end_row = (uint32_t)(((uint64_t)end + m->tile_height - 1) / m->tile_height);
    const uint32_t count = first < end ? (end_row - m->first_row) * m->names.columns : 0;
    run(m, count, work);
    const firstfail *failure = firstfail_of(m->failures, m->worker_count);
    *why = failure != NULL ? failure->why : NULL;
    return failure == NULL;
}

/* The part of `rect` that lies on the tile whose corner is at x, y. */
static source_rect part_of(const mosaic *m, source_rect rect, uint32_t x, uint32_t y)
{
    const uint32_t left = larger(rect.x, x), top = larger(rect.y, y);
    return (source_rect){left - x, top - y,
                         smaller(rect.x + rect.width - left, x + m->tile_width - left),
                         smaller(rect.y + rect.height - top, y + m->tile_height - top)};
}

static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const mosaic *m = context;
    if (rect.width == 0 || rect.height == 0) {
        return;
    }
    const uint32_t last_column = (rect.x + rect.width - 1) / m->tile_width;
    const uint32_t last_row = (rect.y + rect.height - 1) / m->tile_height;
    for (uint32_t row = rect.y / m->tile_height; row <= last_row; row++) {
        for (uint32_t column = rect.x / m->tile_width; column <= last_column; column++) {
            const uint32_t x = column * m->tile_width, y = row * m->tile_height;
            const source *tile = &m->tiles[(size_t)row * m->names.columns + column];
            const source_rect part = part_of(m, rect, x, y);
            uint8_t *to =
                rgba + (y + part.y - rect.y) * row_bytes + (size_t)(x + part.x - rect.x) * 4;
            tile->fill(tile->context, worker, part, to, row_bytes);
        }
    }
}

static void close_mosaic(void *context)
{
    mosaic *m = context;
    if (m->tiles != NULL) {
        close_tiles_above(m, m->names.rows);
    }
    tilenames_free(&m->names);
    free(m->tiles);
    free(m->failures);
    free(m->checked);
    free(m);
}

/* ---- opening ---- */

/* Reads a tile's header. On failure `why` is "FILE: WHY". */
static bool look_at(const mosaic *m, uint32_t index, source *out, char *why, size_t why_bytes)
{
    char wrong[256];
    if (!open_tile(m, index, out, wrong, sizeof wrong)) {
        snprintf(why, why_bytes, "%s: %s", m->names.names[index], wrong);
        return false;
    }
    input_close(&(source){.close = out->close, .context = out->context});
    return true;
}

/* Takes the sizes of tiles and picture from the headers of three corners. */
static bool measure(mosaic *m, char *why, size_t why_bytes)
{
    source tile, right, low;
    const uint32_t last_column = m->names.columns - 1, last_row = m->names.rows - 1;
    if (!look_at(m, 0, &tile, why, why_bytes) || !look_at(m, last_column, &right, why, why_bytes) ||
        !look_at(m, last_row * m->names.columns, &low, why, why_bytes)) {
        return false;
    }
    m->tile_width = tile.width;
    m->tile_height = tile.height;
    const uint64_t width =
        (uint64_t)m->tile_width * last_column + smaller(right.width, m->tile_width);
    const uint64_t height =
        (uint64_t)m->tile_height * last_row + smaller(low.height, m->tile_height);
    if (width > INT32_MAX || height > INT32_MAX) {
        snprintf(why, why_bytes, "is a mosaic of more than 2^31 texels a side");
        return false;
    }
    m->width = (uint32_t)width;
    m->height = (uint32_t)height;
    return true;
}

static void check_tile(void *context, uint32_t worker, uint32_t index)
{
    mosaic *m = context;
    firstfail *failure = &m->failures[worker];
    source tile = {0};
    char why[256] = "";
    if (failure->failed) {
        return;
    }
    if (!open_tile(m, index, &tile, why, sizeof why) ||
        !check_size(m, index, &tile, why, sizeof why)) {
        firstfail_note(failure, index, m->names.names[index], why);
    }
    m->checked[worker].has_alpha |= tile.has_alpha;
    m->checked[worker].notes |= tile.notes;
    input_close(&tile);
}

/* Reads every tile's header: any may have the wrong size, or alpha. */
static bool check_tiles(mosaic *m, char *why, size_t why_bytes)
{
    run(m, m->names.columns * m->names.rows, check_tile);
    const firstfail *failure = firstfail_of(m->failures, m->worker_count);
    if (failure != NULL) {
        snprintf(why, why_bytes, "%s", failure->why);
        return false;
    }
    for (uint32_t i = 0; i < m->worker_count; i++) {
        m->has_alpha = m->has_alpha || m->checked[i].has_alpha;
        m->notes |= m->checked[i].notes;
    }
    return true;
}

static bool allocate(mosaic *m)
{
    m->worker_count = m->workers != NULL ? crew_threads(m->workers) : 1;
    m->tiles = calloc((size_t)m->names.columns * m->names.rows, sizeof *m->tiles);
    m->failures = calloc(m->worker_count, sizeof *m->failures);
    m->checked = calloc(m->worker_count, sizeof *m->checked);
    return m->tiles != NULL && m->failures != NULL && m->checked != NULL;
}

bool mosaic_open(const char *pattern, crew *workers, source *out, char *why, size_t why_bytes)
{
    mosaic *m = calloc(1, sizeof *m);
    if (m == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    m->workers = workers;
    if (!tilenames_find(pattern, &m->names, why, why_bytes) || !measure(m, why, why_bytes)) {
        close_mosaic(m);
        return false;
    }
    if (!allocate(m)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        close_mosaic(m);
        return false;
    }
    if (!check_tiles(m, why, why_bytes)) {
        close_mosaic(m);
        return false;
    }
    *out = (source){.width = m->width,
                    .height = m->height,
                    .has_alpha = m->has_alpha,
                    .notes = m->notes,
                    .prepare = prepare,
                    .fill = fill,
                    .close = close_mosaic,
                    .context = m};
    return true;
}

bool mosaic_open_folder(const char *folder, crew *workers, source *out, char *why, size_t why_bytes)
{
    static const char *const ENDINGS[] = {"png", "jpg", "jpeg", "tif", "tiff"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        char pattern[PATH_BYTES];
        const int length =
            snprintf(pattern, sizeof pattern, "%s/tile_{x}_{y}.%s", folder, ENDINGS[i]);
        if (length < PATH_BYTES && tilenames_any(pattern)) {
            return mosaic_open(pattern, workers, out, why, why_bytes);
        }
    }
    snprintf(why, why_bytes, "is a folder without a tile_{x}_{y}.png, .jpg or .tif");
    return false;
}

bool mosaic_check(const source *s)
{
    const mosaic *m = s->context;
    const size_t count = (size_t)m->names.columns * m->names.rows;
    bool good = s->fill == fill && m->closed_rows <= m->names.rows && m->tile_width > 0 &&
                m->tile_height > 0 && m->width > (m->names.columns - 1) * m->tile_width &&
                m->height > (m->names.rows - 1) * m->tile_height;
    for (size_t i = 0; i < count && good; i++) {
        const bool open = m->tiles[i].fill != NULL;
        good = !open || i / m->names.columns >= m->closed_rows;
    }
    return good;
}
