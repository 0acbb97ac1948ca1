/* noise.c: gradient noise along a row of texels. Inside a cell, what each lattice line (the
 * vertical edge between two cells) contributes is linear in x: two numbers. So a row first computes
 * these for its lines, and a texel then costs a few multiplications between the lines at its left
 * and right. Both are loops over arrays. */
#include "tools/bake/made/noise.h"

#include "tools/bake/made/wide.h"

#include <assert.h>
#include <stddef.h>

enum {
    MAX_LINES = NOISE_MAX_SPAN / 2 + 4, /* two texels a cell or more, and a part at each end */
    MAX_PLACES = 128,                   /* texels of a cell that are computed together */
};

/* The lattice lines of one row of texels, from left to right: line i contributes offset + slope *
 * (distance from it, in cells). */
typedef struct lines {
    float offset[MAX_LINES], slope[MAX_LINES];
} lines;

static inline float smoothstep(float t)
{
    return t * t * t * (t * (t * 6 - 15) + 10); /* its second derivative is 0 at both ends */
}

/* A gradient component of 16 bits, -1 … 1. */
static inline float component(uint32_t bits)
{
    return (float)((int32_t)(bits & 0xffffu) - 32768) * (1.0f / 32768);
}

/* Where a row of texels crosses the lattice. */
typedef struct crossing {
    uint32_t seed;
    uint32_t row;    /* of cells */
    float fy, blend; /* the place between its upper and its lower corners, linear and smoothed */
    float gain;
} crossing;

/* Computes lines [first, first + count), all of them on one side of the seam. */
WIDE static void pull_lines(const crossing *c, uint32_t first, uint32_t count, float *offset,
                            float *slope)
{
    const float fy = c->fy, blend = c->blend, gain = c->gain;
    const uint32_t seed = c->seed, row = c->row;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t above = noise_hash(seed, first + i, row);
        const uint32_t below = noise_hash(seed, first + i, row + 1);
        const float offset_above = component(above >> 16) * fy;
        const float offset_below = component(below >> 16) * (fy - 1);
        offset[i] = gain * (offset_above + blend * (offset_below - offset_above));
        slope[i] = gain * (component(above) + blend * (component(below) - component(above)));
    }
}

/* A cell: left + slope * fx is what the left line contributes; where the right line has full
 * weight, it is lift + turn * fx more. */
typedef struct cell {
    float left, slope, lift, turn;
} cell;

static inline cell cell_between(const float *offset, const float *slope)
{
    return (cell){offset[0], slope[0], offset[1] - slope[1] - offset[0], slope[1] - slope[0]};
}

static inline float at_place(cell c, float fx, float smooth)
{
    return c.left + c.slope * fx + smooth * (c.lift + c.turn * fx);
}

/* Adds texels [from, end) of one cell of `size` texels, which begins at sum. */
WIDE static void add_part(const float *offset, const float *slope, uint32_t size, uint32_t from,
                          uint32_t end, float *sum)
{
    const cell c = cell_between(offset, slope);
    const float part = 1.0f / (float)size;
    for (uint32_t i = from; i < end; i++) {
        const float fx = ((float)i + 0.5f) * part;
        sum[i] += at_place(c, fx, smoothstep(fx));
    }
}

/* Adds whole cells of two texels. Where a cell is shorter than a register the loop goes over
 * cells. */
WIDE static void add_cells_of_2(const float *restrict offset, const float *restrict slope,
                                uint32_t cells, float *restrict sum)
{
    const float smooth[2] = {smoothstep(0.25f), smoothstep(0.75f)};
    for (uint32_t i = 0; i < cells; i++) {
        const cell c = cell_between(offset + i, slope + i);
        sum[2 * i] += at_place(c, 0.25f, smooth[0]);
        sum[2 * i + 1] += at_place(c, 0.75f, smooth[1]);
    }
}

WIDE static void add_cells_of_4(const float *restrict offset, const float *restrict slope,
                                uint32_t cells, float *restrict sum)
{
    const float smooth[4] = {smoothstep(0.125f), smoothstep(0.375f), smoothstep(0.625f),
                             smoothstep(0.875f)};
    for (uint32_t i = 0; i < cells; i++) {
        const cell c = cell_between(offset + i, slope + i);
        sum[4 * i] += at_place(c, 0.125f, smooth[0]);
        sum[4 * i + 1] += at_place(c, 0.375f, smooth[1]);
        sum[4 * i + 2] += at_place(c, 0.625f, smooth[2]);
        sum[4 * i + 3] += at_place(c, 0.875f, smooth[3]);
    }
}

/* The same for longer cells, up to MAX_PLACES texels at a time. */
WIDE static void add_long_cells(const float *restrict offset, const float *restrict slope,
                                uint32_t size, uint32_t cells, float *restrict sum)
{
    float fx[MAX_PLACES], smooth[MAX_PLACES];
    const float step = 1.0f / (float)size;
    for (uint32_t first = 0; first < size; first += MAX_PLACES) {
        const uint32_t places = size - first < MAX_PLACES ? size - first : MAX_PLACES;
        for (uint32_t k = 0; k < places; k++) {
            fx[k] = ((float)(first + k) + 0.5f) * step;
            smooth[k] = smoothstep(fx[k]);
        }
        for (uint32_t i = 0; i < cells; i++) {
            const cell c = cell_between(offset + i, slope + i);
            float *out = sum + (size_t)i * size + first;
            for (uint32_t k = 0; k < places; k++) {
                out[k] += at_place(c, fx[k], smooth[k]);
            }
        }
    }
}

static void add_cells(const float *offset, const float *slope, uint32_t size, uint32_t cells,
                      float *sum)
{
    if (size == 2) {
        add_cells_of_2(offset, slope, cells, sum);
    } else if (size == 4) {
        add_cells_of_4(offset, slope, cells, sum);
    } else {
        add_long_cells(offset, slope, size, cells, sum);
    }
}

/* Computes the lines from number `first` on; behind the last one the lattice begins again. */
static void find_lines(const crossing *c, uint32_t cells, uint32_t first, uint32_t count,
                       lines *out)
{
    uint32_t done = 0;
    while (done < count) {
        const uint32_t at = (first + done) % cells;
        const uint32_t here = count - done < cells - at ? count - done : cells - at;
        pull_lines(c, at, here, out->offset + done, out->slope + done);
        done += here;
    }
}

void noise_add(const noise_octave *octave, uint32_t width, int64_t x, uint32_t y, uint32_t count,
               float *sum)
{
    const uint32_t size = width / octave->cells;
    assert(size > 1 && size * octave->cells == width && count <= NOISE_MAX_SPAN);
    const uint32_t start = (uint32_t)((x + width) % width), skip = start % size;
    const float fy = ((float)(y % size) + 0.5f) / (float)size;
    const crossing c = {
        octave->seed,        y / size, fy, smoothstep(fy),
        octave->gain * 1.5f, /* without it gradient noise stays within about 2/3 */
    };
    lines l;
    find_lines(&c, octave->cells, start / size, (skip + count + size - 1) / size + 1, &l);
    const float *offset = l.offset, *slope = l.slope;
    if (skip > 0) { /* begins within a cell */
        const uint32_t end = skip + count < size ? skip + count : size;
        add_part(offset++, slope++, size, skip, end, sum - skip);
        sum += end - skip;
        count -= end - skip;
    }
    const uint32_t whole = count / size;
    add_cells(offset, slope, size, whole, sum);
    add_part(offset + whole, slope + whole, size, 0, count % size, sum + (size_t)whole * size);
}
