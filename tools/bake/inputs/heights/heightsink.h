/* heightsink.h: takes rows of heights as a reader has them, from the top down, and makes the
 * raster. Private to heights*.c. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_HEIGHTSINK_H
#define MEGABUDDY_TOOLS_BAKE_HEIGHTSINK_H

#include "tools/bake/inputs/heights/heights.h"

/* A sample of the raster is the average of those of `factor` x `factor` samples that have a height,
 * fewer at the right and the bottom. */
typedef struct heightsink {
    uint32_t width, height; /* samples that come */
    uint32_t orientation;   /* of them: tools/bake/inputs/turn.h */
    uint32_t factor;        /* a power of two */
    uint32_t next;          /* row that comes next */
    double *sums;           /* one a column of the raster */
    uint32_t *counts;       /* samples in each sum */
    heights raster;
} heightsink;

/* Readies a zeroed sink, whose orientation is set, or 0, for rows of this size. false: too large,
 * or no memory; `why` says so. What it holds is freed by heights_load. */
bool heightsink_begin(heightsink *s, uint32_t width, uint32_t height, char *why, size_t why_bytes);

/* Takes the next row, `width` metres; what is no number, or beyond 20 km, is void. */
void heightsink_row(heightsink *s, const float *metres);

/* The readers: each begins the sink and gives it all rows. */
bool heights_from_png(const char *path, heights_range range, heightsink *sink, char *why,
                      size_t why_bytes);
bool heights_from_tiff(const char *path, heights_range range, heightsink *sink, char *why,
                       size_t why_bytes);
bool heights_from_netcdf(const char *path, heightsink *sink, char *why, size_t why_bytes);

#endif
