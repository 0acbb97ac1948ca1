#include "tools/view/scene/heightmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t at_least_1(uint32_t value)
{
    return value > 0 ? value : 1;
}

static uint32_t clamp_index(int64_t i, uint32_t count)
{
    return i < 0 ? 0 : i >= (int64_t)count ? count - 1 : (uint32_t)i;
}

/* The column i of a row, around the world or at the edge. */
static uint32_t column(const heightmap *h, int64_t i, uint32_t width)
{
    if (!h->wrap_x) {
        return clamp_index(i, width);
    }
    const int64_t rest = i % (int64_t)width;
    return (uint32_t)(rest < 0 ? rest + width : rest);
}

/* ---- making the levels ---- */

/* Sizes halve rounded down, as OpenGL's mips do. */
static bool make_coarser(heightmap *h)
{
    const uint32_t from = h->levels - 1;
    const heightmap_level a = h->size[from];
    const heightmap_level b = {at_least_1(a.width / 2), at_least_1(a.height / 2)};
    int16_t *out = malloc((size_t)b.width * b.height * sizeof *out);
    if (out == NULL) {
        return false;
    }
    const int16_t *in = h->metres[from];
    for (uint32_t y = 0; y < b.height; y++) {
        const int16_t *above = in + (size_t)clamp_index(2 * (int64_t)y, a.height) * a.width;
        const int16_t *below = in + (size_t)clamp_index(2 * (int64_t)y + 1, a.height) * a.width;
        for (uint32_t x = 0; x < b.width; x++) {
            const uint32_t left = clamp_index(2 * (int64_t)x, a.width);
            const uint32_t right = clamp_index(2 * (int64_t)x + 1, a.width);
            const int sum = above[left] + above[right] + below[left] + below[right];
            out[(size_t)y * b.width + x] = (int16_t)(sum / 4);
        }
    }
    h->size[h->levels] = b;
    h->metres[h->levels++] = out;
    return true;
}

static heightmap_range join(heightmap_range a, heightmap_range b)
{
    return (heightmap_range){a.least < b.least ? a.least : b.least,
                             a.most > b.most ? a.most : b.most};
}

static heightmap_range range_of_texels(const heightmap *h, uint32_t cell_x, uint32_t cell_y)
{
    const heightmap_level size = h->size[0];
    heightmap_range range = {INT16_MAX, INT16_MIN};
    for (uint32_t y = cell_y * HEIGHTMAP_CELL; y < size.height && y / HEIGHTMAP_CELL == cell_y;
         y++) {
        for (uint32_t x = cell_x * HEIGHTMAP_CELL; x < size.width && x / HEIGHTMAP_CELL == cell_x;
             x++) {
            const int16_t metres = h->metres[0][(size_t)y * size.width + x];
            range = join(range, (heightmap_range){metres, metres});
        }
    }
    return range;
}

static heightmap_range range_of_cells(const heightmap *h, uint32_t level, uint32_t x, uint32_t y)
{
    const heightmap_level size = h->range_size[level];
    heightmap_range range = {INT16_MAX, INT16_MIN};
    for (uint32_t j = 2 * y; j < size.height && j <= 2 * y + 1; j++) {
        for (uint32_t i = 2 * x; i < size.width && i <= 2 * x + 1; i++) {
            range = join(range, h->range[level][(size_t)j * size.width + i]);
        }
    }
    return range;
}

/* Makes the next level of ranges: from texels, then from the level before. */
static bool make_ranges(heightmap *h)
{
    const uint32_t level = h->range_levels;
    const uint32_t step = level == 0 ? HEIGHTMAP_CELL : 2;
    const heightmap_level from = level == 0 ? h->size[0] : h->range_size[level - 1];
    const heightmap_level to = {(from.width + step - 1) / step, (from.height + step - 1) / step};
    heightmap_range *out = malloc((size_t)to.width * to.height * sizeof *out);
    if (out == NULL) {
        return false;
    }
    for (uint32_t y = 0; y < to.height; y++) {
        for (uint32_t x = 0; x < to.width; x++) {
            out[(size_t)y * to.width + x] =
                level == 0 ? range_of_texels(h, x, y) : range_of_cells(h, level - 1, x, y);
        }
    }
    h->range_size[level] = to;
    h->range[level] = out;
    h->range_levels++;
    return true;
}

static bool is_single(heightmap_level size)
{
    return size.width == 1 && size.height == 1;
}

bool heightmap_init(heightmap *h, int16_t *metres, uint32_t width, uint32_t height, bool wrap_x)
{
    *h = (heightmap){.wrap_x = wrap_x};
    if (width == 0 || height == 0 || width > 65536 || height > 65536) {
        free(metres);
        return false;
    }
    h->metres[0] = metres;
    h->size[0] = (heightmap_level){width, height};
    h->levels = 1;
    bool good = true;
    while (good && !is_single(h->size[h->levels - 1])) {
        good = make_coarser(h);
    }
    do {
        good = good && make_ranges(h);
    } while (good && !is_single(h->range_size[h->range_levels - 1]));
    if (!good) {
        heightmap_finish(h);
    }
    return good;
}

void heightmap_finish(heightmap *h)
{
    for (uint32_t i = 0; i < HEIGHTMAP_LEVELS; i++) {
        free(h->metres[i]);
        free(h->range[i]);
    }
    *h = (heightmap){.wrap_x = false};
}

/* ---- asking ---- */

double heightmap_at(const heightmap *h, double u, double v)
{
    const heightmap_level size = h->size[0];
    const double x = u * size.width - 0.5, y = v * size.height - 0.5;
    if (!(fabs(x) < 1e9 && fabs(y) < 1e9)) {
        return 0; /* not a place */
    }
    const int64_t ix = (int64_t)floor(x), iy = (int64_t)floor(y);
    const double fx = x - (double)ix, fy = y - (double)iy;
    const uint32_t left = column(h, ix, size.width), right = column(h, ix + 1, size.width);
    const int16_t *above = h->metres[0] + (size_t)clamp_index(iy, size.height) * size.width;
    const int16_t *below = h->metres[0] + (size_t)clamp_index(iy + 1, size.height) * size.width;
    return (above[left] * (1 - fx) + above[right] * fx) * (1 - fy) +
           (below[left] * (1 - fx) + below[right] * fx) * fy;
}

heightmap_range heightmap_bounds(const heightmap *h, double u0, double v0, double u1, double v1)
{
    /* the coarsest copies average texels of the whole neighbourhood: one texel more on each side */
    const heightmap_level size = h->size[0];
    const double texels = fmax((u1 - u0) * size.width, (v1 - v0) * size.height) + 2;
    uint32_t level = 0;
    while (level + 1 < h->range_levels && texels > 2.0 * (double)(HEIGHTMAP_CELL << level)) {
        level++;
    }
    const double cell = (double)(HEIGHTMAP_CELL << level);
    const heightmap_level cells = h->range_size[level];
    const uint32_t x0 = clamp_index((int64_t)floor((u0 * size.width - 1) / cell), cells.width);
    const uint32_t x1 = clamp_index((int64_t)floor((u1 * size.width + 1) / cell), cells.width);
    const uint32_t y0 = clamp_index((int64_t)floor((v0 * size.height - 1) / cell), cells.height);
    const uint32_t y1 = clamp_index((int64_t)floor((v1 * size.height + 1) / cell), cells.height);
    heightmap_range range = {INT16_MAX, INT16_MIN};
    for (uint32_t y = y0; y <= y1; y++) {
        for (uint32_t x = x0; x <= x1; x++) {
            range = join(range, h->range[level][(size_t)y * cells.width + x]);
        }
    }
    return range;
}

void heightmap_shade(const heightmap *h, uint32_t level, double metres_to_units, double map_width,
                     double map_height, uint8_t *normals)
{
    const heightmap_level size = h->size[level];
    const double slope_x = metres_to_units * size.width / (2 * map_width);
    const double slope_z = metres_to_units * size.height / (2 * map_height);
    const int16_t *metres = h->metres[level];
    for (uint32_t y = 0; y < size.height; y++) {
        const int16_t *row = metres + (size_t)y * size.width;
        const int16_t *above =
            metres + (size_t)clamp_index((int64_t)y - 1, size.height) * size.width;
        const int16_t *below =
            metres + (size_t)clamp_index((int64_t)y + 1, size.height) * size.width;
        for (uint32_t x = 0; x < size.width; x++) {
            const uint32_t left = column(h, (int64_t)x - 1, size.width);
            const uint32_t right = column(h, (int64_t)x + 1, size.width);
            const double nx = (row[left] - row[right]) * slope_x;
            const double nz = (above[x] - below[x]) * slope_z;
            const double scale = 127 / sqrt(nx * nx + nz * nz + 1);
            uint8_t *out = normals + ((size_t)y * size.width + x) * 2;
            out[0] = (uint8_t)lrint(128 + nx * scale);
            out[1] = (uint8_t)lrint(128 + nz * scale);
        }
    }
}
