/* heights_png.c: heights from a grey PNG. */
#include "tools/bake/inputs/exif.h"
#include "tools/bake/inputs/heights/heightsink.h"
#include "tools/bake/inputs/png_file.h"

#include <math.h>
#include <stdlib.h>

/* Makes metres of a row of samples; a sample `none` is void. */
static void convert(const png_file *p, heights_range range, int none, const uint8_t *row,
                    float *metres)
{
    const double span = (double)range.high - range.low;
    const double most = p->depth == 16 ? 65535 : 255;
    for (uint32_t x = 0; x < p->width; x++) {
        const size_t at = (size_t)x * 2;
        const int sample = p->depth == 16 ? row[at] * 256 + row[at + 1] : row[x];
        metres[x] = sample == none ? NAN : (float)(range.low + sample / most * span);
    }
}

/* The sample value that means no height, as png_file_as_grey gives it; -1: there is none. */
static int void_sample(const png_file *p)
{
    png_color_16 *key = NULL;
    if (png_get_tRNS(p->png, p->info, NULL, NULL, &key) == 0 || key == NULL) {
        return -1;
    }
    return p->depth < 8 ? key->gray * 255 / ((1 << p->depth) - 1) : key->gray;
}

static bool read_rows(png_file *p, heights_range range, heightsink *sink)
{
    uint8_t *row = malloc((size_t)p->width * 2);
    float *metres = malloc(p->width * sizeof *metres);
    const int none = void_sample(p);
    bool read = row != NULL && metres != NULL;
    if (!read) {
        snprintf(p->why, sizeof p->why, "needs more memory than there is");
    }
    for (uint32_t y = 0; y < p->height && read; y++) {
        read = png_file_read(p, 1, row, 0);
        if (read) {
            convert(p, range, none, row, metres);
            heightsink_row(sink, metres);
        }
    }
    free(row);
    free(metres);
    return read;
}

/* Interlaced files are refused: they would have to be kept whole. */
bool heights_from_png(const char *path, heights_range range, heightsink *sink, char *why,
                      size_t why_bytes)
{
    png_file p;
    bool done = false;
    if (!png_file_open(&p, path)) {
        snprintf(why, why_bytes, "%s", p.why);
        return false;
    }
    if ((p.colour & (PNG_COLOR_MASK_COLOR | PNG_COLOR_MASK_PALETTE)) != 0 || p.interlaced) {
        snprintf(why, why_bytes, "%s",
                 p.interlaced ? "is interlaced: heights must not be" : "is not grey");
        png_file_close(&p);
        return false;
    }
    sink->orientation = exif_of_png(fileno(p.file));
    if (heightsink_begin(sink, p.width, p.height, why, why_bytes)) {
        done = png_file_as_grey(&p) && read_rows(&p, range, sink);
        if (!done) {
            snprintf(why, why_bytes, "%s", p.why);
        }
    }
    png_file_close(&p);
    return done;
}
