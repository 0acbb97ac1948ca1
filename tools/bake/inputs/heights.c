/* heights.c: which reader, and the raster that it fills. */
#include "tools/bake/inputs/heights.h"

#include "files/regular.h"
#include "tools/bake/inputs/heightsink.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 8 }; /* bytes that tell one format from another */

bool heightsink_begin(heightsink *s, uint32_t width, uint32_t height, char *why, size_t why_bytes)
{
    if (width > HEIGHTS_MAX_SIDE || height > HEIGHTS_MAX_SIDE || width == 0 || height == 0) {
        snprintf(why, why_bytes, "has %lu x %lu heights; at most %d a side can be read",
                 (unsigned long)width, (unsigned long)height, HEIGHTS_MAX_SIDE);
        return false;
    }
    *s = (heightsink){.width = width, .height = height, .factor = 1};
    while ((width - 1) / s->factor + 1 > HEIGHTS_MAX_WIDTH ||
           (height - 1) / s->factor + 1 > HEIGHTS_MAX_HEIGHT) {
        s->factor *= 2;
    }
    s->raster.width = (width - 1) / s->factor + 1;
    s->raster.height = (height - 1) / s->factor + 1;
    const size_t samples = (size_t)s->raster.width * s->raster.height;
    s->raster.metres = malloc(samples * sizeof *s->raster.metres);
    s->sums = calloc(s->raster.width, sizeof *s->sums);
    if (s->raster.metres == NULL || s->sums == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}

static double sane(float metres)
{
    return metres > -20000 && metres < 20000 ? (double)metres : 0;
}

/* Row y of the raster, from sums over `rows` rows, which begin anew. */
static void put_row(heightsink *s, uint32_t y, uint32_t rows)
{
    int16_t *out = s->raster.metres + (size_t)y * s->raster.width;
    for (uint32_t x = 0; x < s->raster.width; x++) {
        const uint32_t left = s->width - x * s->factor;
        const uint32_t columns = left < s->factor ? left : s->factor;
        const double mean = s->sums[x] / ((double)rows * columns);
        out[x] = (int16_t)(mean < 0 ? mean - 0.5 : mean + 0.5);
        s->sums[x] = 0;
    }
}

void heightsink_row(heightsink *s, const float *metres)
{
    assert(s->next < s->height);
    for (uint32_t x = 0; x < s->width; x++) {
        s->sums[x / s->factor] += sane(metres[x]);
    }
    s->next++;
    const uint32_t rows = (s->next - 1) % s->factor + 1;
    if (rows == s->factor || s->next == s->height) {
        put_row(s, (s->next - 1) / s->factor, rows);
    }
}

void heightsink_finish(heightsink *s, heights *out)
{
    if (out != NULL && s->next == s->height) {
        *out = s->raster;
        s->raster.metres = NULL;
    }
    free(s->raster.metres);
    free(s->sums);
    *s = (heightsink){0};
}

static bool is_netcdf(const uint8_t *head)
{
    return (memcmp(head, "CDF", 3) == 0 && (head[3] == 1 || head[3] == 2 || head[3] == 5)) ||
           memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static bool is_tiff(const uint8_t *head)
{
    return (head[0] == 'I' && head[1] == 'I') || (head[0] == 'M' && head[1] == 'M');
}

bool heights_load(const char *path, heights_range range, heights *out, char *why, size_t why_bytes)
{
    uint8_t head[HEAD];
    heightsink sink = {0};
    bool done = false;
    *out = (heights){0};
    if (!regular_head(path, head, sizeof head, why, why_bytes)) {
        return false;
    }
    if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0) {
        done = heights_from_png(path, range, &sink, why, why_bytes);
    } else if (is_tiff(head)) {
        done = heights_from_tiff(path, range, &sink, why, why_bytes);
    } else if (is_netcdf(head)) {
        done = heights_from_netcdf(path, &sink, why, why_bytes);
    } else {
        snprintf(why, why_bytes, "is no PNG, TIFF or netCDF file");
    }
    heightsink_finish(&sink, done ? out : NULL);
    return done;
}

void heights_free(heights *h)
{
    free(h->metres);
    *h = (heights){0};
}
