/* heights_tiff.c: heights from a grey TIFF. Its strips or tiles (both are "blocks" here) are read
 * one row of blocks at a time into a band as wide as the picture, as metres:
 *
 *   block (samples as stored) ──metres_at──▶ band (float) ──heightsink_row──▶ sink */
#include "tools/bake/inputs/heights/heightsink.h"
#include "tools/bake/inputs/tiff/tiff_file.h"
#include "tools/bake/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What a sample is. */
typedef enum sample_kind {
    SAMPLE_8,
    SAMPLE_16,
    SAMPLE_METRES,
    SAMPLE_FLOAT,
    SAMPLE_NONE
} sample_kind;

typedef struct grey_tiff {
    tiff_file file;
    sample_kind kind;
    uint32_t sample_bytes;
    heights_range range;
    uint8_t *block;
    float *band; /* one row of them, as wide as the picture */
} grey_tiff;

/* Which of the kinds of heights.h the file's samples are. */
static sample_kind kind_of(const tiff_file *f)
{
    const uint16_t format = tiff_file_number(f, TIFFTAG_SAMPLEFORMAT);
    const uint16_t bits = tiff_file_number(f, TIFFTAG_BITSPERSAMPLE);
    if (tiff_file_number(f, TIFFTAG_SAMPLESPERPIXEL) != 1 ||
        tiff_file_number(f, TIFFTAG_PHOTOMETRIC) != PHOTOMETRIC_MINISBLACK) {
        return SAMPLE_NONE;
    }
    if (format == SAMPLEFORMAT_INT && bits == 16) {
        return SAMPLE_METRES;
    }
    if (format == SAMPLEFORMAT_IEEEFP && bits == 32) {
        return SAMPLE_FLOAT;
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
        return SAMPLE_NONE;
    }
    return bits == 8 ? SAMPLE_8 : bits == 16 ? SAMPLE_16 : SAMPLE_NONE;
}

/* Sample i of the strip or tile, as it is stored. */
static double sample_at(const grey_tiff *g, size_t i)
{
    const void *block = g->block;
    switch (g->kind) {
    case SAMPLE_8:
        return g->block[i];
    case SAMPLE_16:
        return ((const uint16_t *)block)[i];
    case SAMPLE_METRES:
        return ((const int16_t *)block)[i];
    default:
        return ((const float *)block)[i];
    }
}

/* Whether the sample is the value that the file has for "no height here". GDAL writes that value
 * with more digits than a float has, so it is rounded to a float first. */
static bool is_void(const grey_tiff *g, double sample)
{
    const double nodata = g->kind == SAMPLE_FLOAT ? (float)g->file.nodata : g->file.nodata;
    return g->file.has_nodata && sample == nodata;
}

/* The height of sample i of the strip or tile; NaN where the file has none. */
static float metres_at(const grey_tiff *g, size_t i)
{
    const double span = (double)g->range.high - g->range.low;
    const double sample = sample_at(g, i);
    if (is_void(g, sample)) {
        return NAN;
    }
    switch (g->kind) {
    case SAMPLE_8:
        return (float)(g->range.low + sample / 255.0 * span);
    case SAMPLE_16:
        return (float)(g->range.low + sample / 65535.0 * span);
    default:
        return (float)sample;
    }
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Reads the strip or tile at x, y to its place in the band. */
static bool read_block(grey_tiff *g, uint32_t x, uint32_t y)
{
    const tiff_blocks *b = &g->file.blocks;
    const uint32_t width = smaller(b->block_width, b->width - x);
    const uint32_t rows = smaller(b->block_height, b->height - y);
    const size_t bytes = (size_t)b->block_width * tiff_file_rows(&g->file, y) * g->sample_bytes;
    if (!tiff_file_read(&g->file, (uint32_t[2]){x, y}, 0, g->block, bytes)) {
        return false;
    }
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < width; i++) {
            g->band[(size_t)row * b->width + x + i] =
                metres_at(g, (size_t)row * b->block_width + i);
        }
    }
    return true;
}

/* Gives all rows to the sink, from the top. */
static bool read_rows(grey_tiff *g, heightsink *sink)
{
    const tiff_blocks *b = &g->file.blocks;
    for (uint32_t y = 0; y < b->height; y += smaller(b->block_height, b->height - y)) {
        for (uint32_t x = 0; x < b->width; x += smaller(b->block_width, b->width - x)) {
            if (!read_block(g, x, y)) {
                return false;
            }
        }
        for (uint32_t row = 0; row < smaller(b->block_height, b->height - y); row++) {
            heightsink_row(sink, g->band + (size_t)row * b->width);
        }
    }
    return true;
}

static bool allocate(grey_tiff *g)
{
    const tiff_blocks *b = &g->file.blocks;
    g->block = malloc((size_t)b->block_width * b->block_height * g->sample_bytes);
    g->band = malloc((size_t)b->width * smaller(b->block_height, b->height) * sizeof *g->band);
    if (g->block == NULL || g->band == NULL) {
        snprintf(g->file.why, sizeof g->file.why, "needs more memory than there is");
        return false;
    }
    return true;
}

bool heights_from_tiff(const char *path, heights_range range, heightsink *sink, char *why,
                       size_t why_bytes)
{
    grey_tiff g = {.range = range};
    bool done = false;
    if (!tiff_file_open(&g.file, path)) {
        snprintf(why, why_bytes, "%s", g.file.why);
        return false;
    }
    g.kind = kind_of(&g.file);
    g.sample_bytes = g.kind == SAMPLE_8 ? 1 : g.kind == SAMPLE_FLOAT ? 4 : 2;
    sink->orientation = g.file.orientation;
    sink->raster.notes = g.file.has_others ? SOURCE_OTHERS : 0;
    if (g.kind == SAMPLE_NONE) {
        snprintf(why, why_bytes, "is not grey of 8 or 16 bits, nor floats");
    } else if (heightsink_begin(sink, g.file.blocks.width, g.file.blocks.height, why, why_bytes)) {
        done = allocate(&g) && read_rows(&g, sink);
        if (!done) {
            snprintf(why, why_bytes, "%s", g.file.why);
        }
    }
    free(g.block);
    free(g.band);
    tiff_file_close(&g.file);
    return done;
}
