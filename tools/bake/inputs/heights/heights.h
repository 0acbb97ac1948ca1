/* heights.h: a raster of heights for the page file, from a file of one of these kinds:
 *
 *     PNG, TIFF   grey, 8 or 16 bits without sign: `range` says what 0 and the largest number mean
 *     TIFF        grey, 16 bits with sign, or 32-bit floats: metres
 *     netCDF      the largest variable of two dimensions: metres, after its scale_factor and
 *                 add_offset. By its coordinates, rows are put from north to south and, where they
 *                 go all round, columns from -180 degrees; without any they stay as they lie
 *
 * A sample has no height (is void) if it is no number, beyond 20 km, or what the file says means
 * none: GDAL_NODATA in a TIFF, tRNS in a PNG, _FillValue and missing_value in netCDF, all of them
 * as they are stored. tools/bake/inputs/heights/voids.h says what a void becomes. A raster that
 * lies turned in its file (Exif, TIFF) is turned.
 *
 * One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_HEIGHTS_H
#define MEGABUDDY_TOOLS_BAKE_HEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEIGHTS_MAX_SIDE = 32768, /* of a file */
    HEIGHTS_MAX_WIDTH = 8192, /* of a raster: at most 64 MiB in the page file */
    HEIGHTS_MAX_HEIGHT = 4096,
};

typedef struct heights_range {
    float low, high; /* metres of 0 and of 65535 (255 where there are 8 bits) */
} heights_range;

typedef struct heights {
    uint32_t width, height; /* samples */
    int16_t *metres;        /* width * height, rows top down; from malloc */
    uint64_t voids;         /* samples of the file that had no height */
    uint8_t notes;          /* tools/bake/source.h */
} heights;

/* Reads the file. A raster larger than HEIGHTS_MAX_WIDTH x HEIGHTS_MAX_HEIGHT is halved by
 * averaging until it fits, while it is read, so memory is that of the result. On failure returns
 * false, *out is empty, and `why` says what is wrong. */
bool heights_load(const char *path, heights_range range, heights *out, char *why, size_t why_bytes);
void heights_free(heights *h);

#endif
