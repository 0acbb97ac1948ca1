/* heights.c: chooses the reader of a file, and averages its rows to the raster. */
#include "tools/bake/inputs/heights/heights.h"

#include "engine/files/regular.h"
#include "tools/bake/inputs/heights/heightsink.h"
#include "tools/bake/inputs/heights/voids.h"
#include "tools/bake/inputs/turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 8 /* bytes that tell one format from another */

/* Chooses the factor by which the raster is smaller than the file, so that it fits the page file.
 * The limits are those of the turned raster. */
bool heightsink_begin(heightsink *s, uint32_t width, uint32_t height, char *why, size_t why_bytes)
{
    if (width > HEIGHTS_MAX_SIDE || height > HEIGHTS_MAX_SIDE || width == 0 || height == 0) {
        snprintf(why, why_bytes, "has %lu x %lu heights; at most %d a side can be read",
                 (unsigned long)width, (unsigned long)height, HEIGHTS_MAX_SIDE);
        return false;
    }
    const bool swaps = turn_swaps(s->orientation);
    const uint32_t most[2] = {swaps ? HEIGHTS_MAX_HEIGHT : HEIGHTS_MAX_WIDTH,
                              swaps ? HEIGHTS_MAX_WIDTH : HEIGHTS_MAX_HEIGHT};
    s->width = width;
    s->height = height;
    s->factor = 1;
    while ((width - 1) / s->factor + 1 > most[0] || (height - 1) / s->factor + 1 > most[1]) {
        s->factor *= 2;
    }
    s->raster.width = (width - 1) / s->factor + 1;
    s->raster.height = (height - 1) / s->factor + 1;
    const size_t samples = (size_t)s->raster.width * s->raster.height;
    s->raster.metres = malloc(samples * sizeof *s->raster.metres);
    s->sums = calloc(s->raster.width, sizeof *s->sums);
    s->counts = calloc(s->raster.width, sizeof *s->counts);
    if (s->raster.metres == NULL || s->sums == NULL || s->counts == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}

/* Writes row y of the raster from the sums, and sets these to zero. */
static void put_row(heightsink *s, uint32_t y)
{
    int16_t *out = s->raster.metres + (size_t)y * s->raster.width;
    for (uint32_t x = 0; x < s->raster.width; x++) {
        const double mean = s->counts[x] > 0 ? s->sums[x] / s->counts[x] : VOIDS_NONE;
        out[x] = (int16_t)(mean < 0 ? mean - 0.5 : mean + 0.5);
        s->sums[x] = 0;
        s->counts[x] = 0;
    }
}

/* Adds a row to the sums; after `factor` rows, or the last one, they become a row of the raster. */
void heightsink_row(heightsink *s, const float *metres)
{
    assert(s->next < s->height);
    for (uint32_t x = 0; x < s->width; x++) {
        const bool is_height = metres[x] > -20000 && metres[x] < 20000; /* NaN is not */
        s->sums[x / s->factor] += is_height ? (double)metres[x] : 0;
        s->counts[x / s->factor] += is_height;
        s->raster.voids += !is_height;
    }
    s->next++;
    if (s->next % s->factor == 0 || s->next == s->height) {
        put_row(s, (s->next - 1) / s->factor);
    }
}

/* Turns the raster as its orientation says. false: no memory. */
static bool turn_raster(heightsink *s)
{
    heights *r = &s->raster;
    const bool swaps = turn_swaps(s->orientation);
    const uint32_t size[2] = {r->width, r->height}, width = size[swaps ? 1 : 0];
    int16_t *turned = malloc((size_t)size[0] * size[1] * sizeof *turned);
    for (uint32_t i = 0; turned != NULL && i < size[0] * size[1]; i++) {
        uint32_t x = i % size[0], y = i / size[0];
        turn_place(s->orientation, size, &x, &y);
        turned[(size_t)y * width + x] = r->metres[i];
    }
    if (turned != NULL) {
        free(r->metres);
        *r = (heights){width, size[swaps ? 0 : 1], turned, r->voids, r->notes | SOURCE_TURNED};
    }
    return turned != NULL;
}

/* The raster, turned and without voids, when all rows have come; else, and without `out`, all is
 * freed. false: there is no memory for it. */
static bool heightsink_finish(heightsink *s, heights *out)
{
    const bool is_turned = s->orientation > 1;
    bool done = true;
    if (out != NULL && s->next == s->height) {
        done = voids_fill(&s->raster) && (!is_turned || turn_raster(s));
        if (done) {
            *out = s->raster;
            s->raster.metres = NULL;
        }
    }
    free(s->raster.metres);
    free(s->sums);
    free(s->counts);
    *s = (heightsink){0};
    return done;
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
    if (!heightsink_finish(&sink, done ? out : NULL)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return done;
}

void heights_free(heights *h)
{
    free(h->metres);
    *h = (heights){0};
}
