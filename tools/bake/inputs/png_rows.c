/* png_rows.c: rows are read as they are wanted; an interlaced file is unpacked whole, and its rows
 * are kept. */
#include "tools/bake/inputs/png_rows.h"

#include "tools/bake/inputs/png_file.h"
#include "tools/bake/inputs/rowband.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_INTERLACED_BYTES (UINT64_C(2) << 30)

typedef struct png_rows {
    png_file file;
    uint8_t *all; /* interlaced: RGBA, from its first read; else NULL */
} png_rows;

/* Unpacks an interlaced file. calloc takes memory only as rows are written, so a header that
 * promises much costs nothing. */
static bool read_all(png_rows *r)
{
    png_file *p = &r->file;
    r->all = calloc(p->height, (size_t)p->width * 4);
    if (r->all == NULL) {
        snprintf(p->why, sizeof p->why, "needs more memory than there is");
    }
    const bool done = r->all != NULL && png_file_read_interlaced(p, r->all, (size_t)p->width * 4);
    if (!done) {
        free(r->all); /* else the next read would take it for the picture */
        r->all = NULL;
    }
    return done;
}

static bool read_rows(void *context, uint32_t first, uint32_t count, uint8_t *rgba,
                      const char **why)
{
    png_rows *r = context;
    png_file *p = &r->file;
    const size_t row_bytes = (size_t)p->width * 4;
    *why = p->why;
    if (p->why[0] != '\0') {
        return false; /* libpng does not go on after an error */
    }
    if (!p->interlaced) { /* they come in order */
        return png_file_read(p, count, rgba, row_bytes);
    }
    if (r->all == NULL && !read_all(r)) {
        return false;
    }
    memcpy(rgba, r->all + first * row_bytes, count * row_bytes);
    return true;
}

static void close_rows(void *context)
{
    png_rows *r = context;
    png_file_close(&r->file);
    free(r->all);
    free(r);
}

static bool fits(png_file *p)
{
    const uint64_t bytes = (uint64_t)p->width * p->height * 4;
    if (!p->interlaced || bytes <= MOST_INTERLACED_BYTES) {
        return true;
    }
    snprintf(p->why, sizeof p->why,
             "is an interlaced PNG that would need %" PRIu64 " MiB at once, and not 2048 at most",
             bytes >> 20);
    return false;
}

bool png_rows_open(const char *path, source *out, char *why, size_t why_bytes)
{
    bool has_alpha = false;
    png_rows *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    png_file *p = &r->file;
    if (!png_file_open(p, path) || !fits(p) || !png_file_as_rgba(p, &has_alpha)) {
        snprintf(why, why_bytes, "%s", p->why);
        close_rows(r);
        return false;
    }
    *out = (source){.width = p->width, .height = p->height, .has_alpha = has_alpha};
    const rowband_reader reader = {1, !p->interlaced, read_rows, close_rows, r};
    if (!rowband_open(&reader, out)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}
