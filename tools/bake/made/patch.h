/* patch.h: a piece of a raster, enlarged many times. The raster is read with the cubic at the
 * points of a coarse grid, every `step` texels; rows of texels are then made from those points with
 * the cubic again, which is smooth and costs next to nothing a texel. The grid belongs to the world
 * and not to the piece, so a texel is the same in every piece.
 *
 * Threads: a patch is one thread's. */
#ifndef MEGABUDDY_TOOLS_BAKE_PATCH_H
#define MEGABUDDY_TOOLS_BAKE_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATCH_CHANNELS = 4,
    PATCH_MAX_STEP = 16,    /* texels */
    PATCH_MAX_WIDTH = 512,  /* texels of a piece */
    PATCH_MAX_HEIGHT = 258, /* and rows */
};

/* What is enlarged, and to how many texels. */
typedef struct patch_raster {
    uint32_t width, height; /* texels of the world */
    uint32_t columns, rows; /* samples; rows are clamped, columns wrap */
    bool clamp_x;           /* columns are clamped too */
    bool on_grid; /* samples lie on their cells' corners (resample.h); one row more: both poles */
    /* Writes the channels of `count` samples of a row, all inside. */
    void (*read)(const void *context, uint32_t column, uint32_t row, uint32_t count,
                 float (*out)[PATCH_CHANNELS]);
    /* How far beside its place point (x, y) is read; all in texels. NULL: not at all. */
    void (*warp)(const void *context, int64_t x, int64_t y, float out[2]);
    float reach; /* texels; the most that warp gives */
    const void *context;
} patch_raster;

typedef struct patch {
    uint32_t step;          /* texels between points */
    int64_t left, top;      /* the first point's number: it lies at texel left * step */
    uint32_t columns, rows; /* points */
    uint32_t most;          /* columns * rows at most */
    float *points[PATCH_CHANNELS];
    float *line; /* one row of points, blended, one channel */
    /* samples [first_column, …) of rows [first_row, …), for reading points */
    int64_t first_column, first_row;
    uint32_t sample_columns, sample_rows, most_samples;
    float (*samples)[PATCH_CHANNELS];
    float (*blended)[PATCH_CHANNELS]; /* one row of them */
} patch;

bool patch_open(patch *p, const patch_raster *r); /* false: no memory */
void patch_close(patch *p);

/* Reads the points that texels [x, x + width) of rows [y, y + height) need; x and y may be
 * negative. */
void patch_fill(patch *p, const patch_raster *r, int64_t x, int64_t y, uint32_t width,
                uint32_t height);

/* One channel of texels [x, x + count) of row y, all of them within what was filled. */
void patch_row(const patch *p, uint32_t channel, int64_t x, int64_t y, uint32_t count, float *out);

#endif
