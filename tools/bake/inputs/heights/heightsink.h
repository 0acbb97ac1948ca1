/* heightsink.h: takes rows of heights from a reader, from the top down, and makes the raster.
 * Private to heights*.c. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_HEIGHTSINK_H
#define MEGABUDDY_TOOLS_BAKE_HEIGHTSINK_H

#include "tools/bake/inputs/heights/heights.h"

/* A sample of the raster is the average of a square of `factor` x `factor` samples, fewer at the
 * right and the bottom; those without a height do not count. */
typedef struct heightsink {
    uint32_t width, height; /* samples that come */
    uint32_t orientation;   /* of them: tools/bake/inputs/turn.h */
    uint32_t factor;        /* a power of two */
    uint32_t next;          /* row that comes next */
    double *sums;           /* one a column of the raster */
    uint32_t *counts;       /* samples in each sum */
    heights raster;
} heightsink;

/* Prepares a zeroed sink, in which only the orientation may be set, for rows of this size. false:
 * it is too large, or there is no memory; `why` says which. heights_load frees what the sink
 * holds. */
bool heightsink_begin(heightsink *s, uint32_t width, uint32_t height, char *why, size_t why_bytes);

/* Takes the next row, `width` metres; NaN and what is beyond 20 km is void. */
void heightsink_row(heightsink *s, const float *metres);

/* The readers: each begins the sink and gives it all rows. */
bool heights_from_png(const char *path, heights_range range, heightsink *sink, char *why,
                      size_t why_bytes);
bool heights_from_tiff(const char *path, heights_range range, heightsink *sink, char *why,
                       size_t why_bytes);
bool heights_from_netcdf(const char *path, heightsink *sink, char *why, size_t why_bytes);

#endif
