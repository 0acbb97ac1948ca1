/* patch.c: samples become points, and points become rows of texels:
 *
 *     samples   o       o       o       o        the raster's, far apart
 *     points    .   .   .   .   .   .   .   .    every `step` texels, by the cubic, or by a warp
 *     texels    ::::::::::::::::::::::::::::     between points, by the cubic again */
#include "tools/bake/made/patch.h"

#include "tools/bake/made/resample.h"
#include "tools/bake/made/wide.h"
#include "tools/bake/mips/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROUND 3 /* more points than cells: one before, two behind */

static int64_t floor_div(int64_t a, int64_t b)
{
    return (a >= 0 ? a : a - b + 1) / b;
}

/* The largest step that loses nothing: a sample is at least three and a half steps wide. */
static uint32_t step_of(const patch_raster *r)
{
    uint32_t step = PATCH_MAX_STEP;
    while (step > 1 && ((uint64_t)step * r->columns * 7 > (uint64_t)r->width * 2 ||
                        (uint64_t)step * r->rows * 7 > (uint64_t)r->height * 2 + 7 * step)) {
        step /= 2;
    }
    return step;
}

/* The number of samples under so many texels, with those that the cubic and a warp reach beyond. */
static uint32_t samples_under(const patch_raster *r, uint32_t texels, uint32_t samples, uint32_t of)
{
    return (uint32_t)(((float)texels + 2 * r->reach) * (float)samples / (float)of) + 8;
}

bool patch_open(patch *p, const patch_raster *r)
{
    const uint32_t step = step_of(r);
    const uint32_t columns = PATCH_MAX_WIDTH / step + 1 + ROUND;
    const uint32_t rows = PATCH_MAX_HEIGHT / step + 2 + ROUND;
    const uint32_t sample_columns =
        samples_under(r, PATCH_MAX_WIDTH + 3 * step, r->columns, r->width);
    const uint32_t sample_rows = samples_under(r, PATCH_MAX_HEIGHT + 3 * step, r->rows, r->height);
    *p =
        (patch){.step = step, .most = columns * rows, .most_samples = sample_columns * sample_rows};
    p->points[0] = malloc(((size_t)p->most * PATCH_CHANNELS + columns) * sizeof(float));
    p->samples = malloc(((size_t)p->most_samples + sample_columns) * sizeof *p->samples);
    for (uint32_t c = 1; c < PATCH_CHANNELS && p->points[0] != NULL; c++) {
        p->points[c] = p->points[0] + (size_t)c * p->most;
    }
    if (p->points[0] == NULL || p->samples == NULL) {
        patch_close(p);
        return false;
    }
    p->line = p->points[0] + (size_t)p->most * PATCH_CHANNELS;
    p->blended = p->samples + p->most_samples;
    return true;
}

void patch_close(patch *p)
{
    free(p->points[0]);
    free(p->samples);
    *p = (patch){0};
}

/* ---- points from samples ---- */

#define FRACTION 256 /* a warp is rounded to 256ths of a texel, so that places are integers */

static resample_tap tap_across(const patch_raster *r, int64_t x, float aside)
{
    return resample_tap_at(x * FRACTION + (int64_t)(aside * FRACTION), (int64_t)r->width * FRACTION,
                           r->columns, r->on_grid);
}

static resample_tap tap_down(const patch_raster *r, int64_t y, float aside)
{
    return resample_tap_at(y * FRACTION + (int64_t)(aside * FRACTION),
                           (int64_t)r->height * FRACTION, r->on_grid ? r->rows - 1 : r->rows,
                           r->on_grid);
}

/* Reads a row of samples, in runs of columns that are neighbours in the raster too. */
static void read_sample_row(const patch *p, const patch_raster *r, uint32_t row,
                            float (*out)[PATCH_CHANNELS])
{
    uint32_t done = 0;
    while (done < p->sample_columns) {
        const uint32_t x = chunk_nearest(p->first_column + done, r->columns, !r->clamp_x);
        const bool outside = r->clamp_x && p->first_column + done != (int64_t)x;
        const uint32_t left = outside ? 1 : r->columns - x, wanted = p->sample_columns - done;
        const uint32_t run = wanted < left ? wanted : left;
        r->read(r->context, x, row, run, out + done);
        done += run;
    }
}

static void read_samples(patch *p, const patch_raster *r)
{
    const int64_t step = p->step;
    const float reach = r->reach;
    const int64_t right = (p->left + p->columns - 1) * step, bottom = (p->top + p->rows - 1) * step;
    p->first_column = tap_across(r, p->left * step, -reach).first;
    p->first_row = tap_down(r, p->top * step, -reach).first;
    p->sample_columns = (uint32_t)(tap_across(r, right, reach).first + 4 - p->first_column);
    p->sample_rows = (uint32_t)(tap_down(r, bottom, reach).first + 4 - p->first_row);
    assert(p->sample_columns * p->sample_rows <= p->most_samples);
    for (uint32_t row = 0; row < p->sample_rows; row++) {
        const int64_t y = p->first_row + row;
        const uint32_t from = y < 0 ? 0 : y < r->rows ? (uint32_t)y : r->rows - 1;
        read_sample_row(p, r, from, p->samples + (size_t)row * p->sample_columns);
    }
}

static void put_point(patch *p, uint32_t i, const float point[PATCH_CHANNELS])
{
    for (uint32_t c = 0; c < PATCH_CHANNELS; c++) {
        p->points[c][i] = point[c];
    }
}

/* The weighted sum of four neighbouring samples. */
static inline void weigh(float (*at)[PATCH_CHANNELS], const float weight[4],
                         float out[PATCH_CHANNELS])
{
    for (uint32_t c = 0; c < PATCH_CHANNELS; c++) {
        out[c] = at[0][c] * weight[0] + at[1][c] * weight[1] + at[2][c] * weight[2] +
                 at[3][c] * weight[3];
    }
}

/* Blends four rows of samples to one, for all points of a row. */
WIDE static void blend_samples(float (*rows)[PATCH_CHANNELS], uint32_t columns,
                               const float weight[4], float (*restrict out)[PATCH_CHANNELS])
{
    const float *a = rows[0], *b = rows[columns];
    const float *c = rows[2 * (size_t)columns], *d = rows[3 * (size_t)columns];
    float *to = out[0];
    for (uint32_t i = 0; i < columns * PATCH_CHANNELS; i++) {
        to[i] = a[i] * weight[0] + b[i] * weight[1] + c[i] * weight[2] + d[i] * weight[3];
    }
}

static void read_straight(patch *p, const patch_raster *r)
{
    for (uint32_t row = 0; row < p->rows; row++) {
        const resample_tap down = tap_down(r, (p->top + row) * p->step, 0);
        blend_samples(p->samples + (size_t)(down.first - p->first_row) * p->sample_columns,
                      p->sample_columns, down.weight, p->blended);
        for (uint32_t i = 0; i < p->columns; i++) {
            float point[PATCH_CHANNELS];
            const resample_tap across = tap_across(r, (p->left + i) * p->step, 0);
            weigh(p->blended + (across.first - p->first_column), across.weight, point);
            put_point(p, row * p->columns + i, point);
        }
    }
}

static void read_warped(patch *p, const patch_raster *r)
{
    for (uint32_t i = 0; i < p->columns * p->rows; i++) {
        const int64_t x = (p->left + i % p->columns) * p->step;
        const int64_t y = (p->top + i / p->columns) * p->step;
        float aside[2], rows[4][PATCH_CHANNELS], point[PATCH_CHANNELS];
        r->warp(r->context, x, y, aside);
        const resample_tap across = tap_across(r, x, aside[0]), down = tap_down(r, y, aside[1]);
        float(*at)[PATCH_CHANNELS] = p->samples +
                                     (size_t)(down.first - p->first_row) * p->sample_columns +
                                     (across.first - p->first_column);
        for (uint32_t k = 0; k < 4; k++) {
            weigh(at + (size_t)k * p->sample_columns, across.weight, rows[k]);
        }
        weigh(rows, down.weight, point);
        put_point(p, i, point);
    }
}

void patch_fill(patch *p, const patch_raster *r, int64_t x, int64_t y, uint32_t width,
                uint32_t height)
{
    const int64_t step = p->step;
    p->left = floor_div(x, step) - 1;
    p->top = floor_div(y, step) - 1;
    p->columns = (uint32_t)(floor_div(x + width - 1, step) + ROUND - p->left);
    p->rows = (uint32_t)(floor_div(y + height - 1, step) + ROUND - p->top);
    assert(p->columns * p->rows <= p->most);
    read_samples(p, r);
    if (r->warp != NULL) {
        read_warped(p, r);
    } else {
        read_straight(p, r);
    }
}

/* ---- rows from points ---- */

/* Blends four rows of points to one. */
WIDE static void blend_rows(const float *rows, uint32_t columns, float f, float *restrict line)
{
    const float weight[4] = {
        ((-0.5f * f + 1) * f - 0.5f) * f,
        (1.5f * f - 2.5f) * f * f + 1,
        ((-1.5f * f + 2) * f + 0.5f) * f,
        (0.5f * f - 0.5f) * f * f,
    };
    for (uint32_t i = 0; i < columns; i++) {
        line[i] = weight[0] * rows[i] + weight[1] * rows[columns + i] +
                  weight[2] * rows[2 * columns + i] + weight[3] * rows[3 * columns + i];
    }
}

/* Makes texels [from, end) of the cell between line[1] and line[2]. */
static void expand_part(const float *line, uint32_t step, uint32_t from, uint32_t end, float *out)
{
    float c[4];
    resample_cubic(line[0], line[1], line[2], line[3], c);
    for (uint32_t k = from; k < end; k++) {
        const float f = ((float)k + 0.5f) / (float)step;
        out[k - from] = ((c[0] * f + c[1]) * f + c[2]) * f + c[3];
    }
}

/* Makes whole cells, with a loop of constant length for each step. Where a cell is at least as long
 * as a register, the inner loop goes over its texels, else over cells. */
#define EXPAND_LONG(size)                                                                \
    WIDE static void expand_##size(const float *restrict line, uint32_t cells,           \
                                   float *restrict out)                                  \
    {                                                                                    \
        for (uint32_t i = 0; i < cells; i++) {                                           \
            float c[4];                                                                  \
            resample_cubic(line[i], line[i + 1], line[i + 2], line[i + 3], c);           \
            for (uint32_t k = 0; k < (size); k++) {                                      \
                const float f = ((float)k + 0.5f) / (float)(size);                       \
                out[(size_t)i * (size) + k] = ((c[0] * f + c[1]) * f + c[2]) * f + c[3]; \
            }                                                                            \
        }                                                                                \
    }
#define EXPAND_SHORT(size)                                                               \
    WIDE static void expand_##size(const float *restrict line, uint32_t cells,           \
                                   float *restrict out)                                  \
    {                                                                                    \
        for (uint32_t k = 0; k < (size); k++) {                                          \
            const float f = ((float)k + 0.5f) / (float)(size);                           \
            for (uint32_t i = 0; i < cells; i++) {                                       \
                float c[4];                                                              \
                resample_cubic(line[i], line[i + 1], line[i + 2], line[i + 3], c);       \
                out[(size_t)i * (size) + k] = ((c[0] * f + c[1]) * f + c[2]) * f + c[3]; \
            }                                                                            \
        }                                                                                \
    }
EXPAND_LONG(16)
EXPAND_LONG(8)
EXPAND_SHORT(4)
EXPAND_SHORT(2)
EXPAND_SHORT(1)

static void expand_cells(const float *line, uint32_t step, uint32_t cells, float *out)
{
    switch (step) {
    case 16:
        expand_16(line, cells, out);
        break;
    case 8:
        expand_8(line, cells, out);
        break;
    case 4:
        expand_4(line, cells, out);
        break;
    case 2:
        expand_2(line, cells, out);
        break;
    default:
        expand_1(line, cells, out);
        break;
    }
}

void patch_row(const patch *p, uint32_t channel, int64_t x, int64_t y, uint32_t count, float *out)
{
    const int64_t step = p->step;
    const int64_t row = floor_div(y, step), column = floor_div(x, step);
    assert(row > p->top && row + 2 < p->top + (int64_t)p->rows && column > p->left);
    const float f = ((float)(y - row * step) + 0.5f) / (float)step;
    blend_rows(p->points[channel] + (size_t)(row - 1 - p->top) * p->columns, p->columns, f,
               p->line);
    const float *line = p->line + (column - 1 - p->left);
    const uint32_t skip = (uint32_t)(x - column * step);
    if (skip > 0) {
        const uint32_t end = skip + count < p->step ? skip + count : p->step;
        expand_part(line++, p->step, skip, end, out);
        out += end - skip;
        count -= end - skip;
    }
    const uint32_t whole = count / p->step;
    expand_cells(line, p->step, whole, out);
    expand_part(line + whole, p->step, 0, count % p->step, out + (size_t)whole * p->step);
}
