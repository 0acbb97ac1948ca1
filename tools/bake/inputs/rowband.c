/* rowband.c: a ring of rows. Row y lies in place y % capacity; the capacity is a multiple of the
 * reader's chunk of rows, so a chunk never wraps.
 *
 *     0 ……… begin ━━━━━━━━━━━ end ……………… height
 *           forgotten  held    │ read_on: the next rows       prepare(first, end) moves both
 *                              ▼
 *                            reader */
#include "tools/bake/inputs/rowband.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* begin <= end <= height; end - begin <= capacity; begin and capacity are multiples of the chunk */
typedef struct rowband {
    rowband_reader reader;
    bool open; /* the reader has not been closed */
    uint32_t height;
    size_t row_bytes;
    uint32_t begin, end; /* rows that are held */
    uint32_t capacity;   /* rows */
    uint8_t *rows;
    const char *failure; /* of the reader, which is not called again; NULL: none */
} rowband;

static uint8_t *row_at(const rowband *b, uint32_t y)
{
    return b->rows + (size_t)(y % b->capacity) * b->row_bytes;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Makes room for `rows`; those that are held move to their new places. */
static bool reserve(rowband *b, uint64_t rows)
{
    const uint64_t capacity = (rows + b->reader.chunk - 1) / b->reader.chunk * b->reader.chunk;
    if (capacity <= b->capacity) {
        return true;
    }
    if (b->begin == b->end) { /* nothing to move: free the old memory first */
        free(b->rows);
        b->rows = NULL;
        b->capacity = 0;
    }
    uint8_t *bigger = NULL;
    if (capacity <= UINT32_MAX && capacity <= SIZE_MAX / b->row_bytes) {
        bigger = malloc((size_t)capacity * b->row_bytes);
    }
    if (bigger == NULL) {
        return false;
    }
    for (uint32_t y = b->begin; y < b->end; y++) {
        memcpy(bigger + (size_t)(y % capacity) * b->row_bytes, row_at(b, y), b->row_bytes);
    }
    free(b->rows);
    b->rows = bigger;
    b->capacity = (uint32_t)capacity;
    return true;
}

static void close_reader(rowband *b)
{
    if (b->open) {
        b->reader.close(b->reader.context);
    }
    b->open = false;
}

/* Reads the rows from `end` to `to`, in pieces that do not wrap in the ring; they are held then. */
static bool read_on(rowband *b, uint32_t to)
{
    while (b->end < to) {
        const uint32_t count = smaller(to - b->end, b->capacity - b->end % b->capacity);
        const char *why = NULL;
        if (!b->reader.read(b->reader.context, b->end, count, row_at(b, b->end), &why)) {
            b->failure = why;
            return false;
        }
        b->end += count;
    }
    if (b->end == b->height) {
        close_reader(b);
    }
    return true;
}

/* Moves on to row `to`, which lies beyond all that is held, reading the rows before it if the
 * reader gives them only in order. */
static bool skip(rowband *b, uint32_t to)
{
    b->begin = b->end;
    if (!reserve(b, 1)) {
        return false;
    }
    while (b->reader.in_order && b->end < to) {
        if (!read_on(b, b->end + smaller(to - b->end, b->capacity))) {
            return false;
        }
        b->begin = b->end;
    }
    b->begin = b->end = to;
    return true;
}

/* Holds rows [begin, end), both at the edges of chunks. */
static bool hold(rowband *b, uint32_t begin, uint32_t end)
{
    if (begin < b->end) {
        b->begin = begin;
    } else if (!skip(b, begin)) {
        return false;
    }
    return reserve(b, end - b->begin) && read_on(b, end);
}

static bool prepare(void *context, uint32_t first, uint32_t end, const char **why)
{
    rowband *b = context;
    const uint32_t chunk = b->reader.chunk;
    const uint32_t begin = first - first % chunk;
    const uint32_t tail = (chunk - end % chunk) % chunk; /* rows to the edge of a chunk */
    assert(first <= end && end <= b->height && begin >= b->begin);
    if (b->failure == NULL && !hold(b, begin, end + smaller(tail, b->height - end)) &&
        b->failure == NULL) {
        b->failure = "needs more memory than there is";
    }
    *why = b->failure;
    return b->failure == NULL;
}

static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const rowband *b = context;
    (void)worker;
    assert(rect.y >= b->begin && rect.height <= b->end - rect.y);
    for (uint32_t y = 0; y < rect.height; y++) {
        memcpy(rgba + y * row_bytes, row_at(b, rect.y + y) + (size_t)rect.x * 4,
               (size_t)rect.width * 4);
    }
}

static void close_band(void *context)
{
    rowband *b = context;
    close_reader(b);
    free(b->rows);
    free(b);
}

bool rowband_open(const rowband_reader *reader, source *out)
{
    assert(reader->chunk > 0 && out->width > 0 && out->height > 0);
    rowband *b = calloc(1, sizeof *b);
    if (b == NULL) {
        reader->close(reader->context);
        return false;
    }
    b->reader = *reader;
    b->open = true;
    b->height = out->height;
    b->row_bytes = (size_t)out->width * 4;
    out->prepare = prepare;
    out->fill = fill;
    out->close = close_band;
    out->context = b;
    return true;
}

bool rowband_check(const source *s)
{
    const rowband *b = s->context;
    return s->fill == fill && b->begin <= b->end && b->end <= b->height &&
           b->end - b->begin <= b->capacity && b->begin % b->reader.chunk == 0 &&
           b->capacity % b->reader.chunk == 0 && (b->rows != NULL) == (b->capacity != 0);
}
