/* tiff_file.h: one TIFF or BigTIFF open for reading, with libtiff; all its errors come as text, and
 * nothing of it is global. One thread a file; a file may be open many times.
 *
 * A file may hold many pictures. Read is the largest of those that are neither smaller copies of
 * another nor masks, the first of equals: a thumbnail may stand before what it was made of. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_FILE_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tiffio.h>

/* How the picture is cut. */
typedef struct tiff_blocks {
    uint32_t width, height; /* texels, as they lie in the file */
    bool tiled;             /* else strips, which are as wide as the picture */
    uint32_t block_width, block_height;
} tiff_blocks;

typedef struct tiff_file {
    TIFF *tiff;
    tiff_blocks blocks;
    uint16_t orientation; /* 1 … 8: tools/bake/inputs/turn.h */
    bool has_others;      /* pages or masks besides, which are not read */
    bool has_nodata;      /* a sample may mean that there is none (GDAL_NODATA) */
    double nodata;        /* … that one, as it stands in the file; NaN is one too */
    char why[160];        /* the first thing that went wrong */
} tiff_file;

/* Opens the file, which is read and never mapped: it may be cut at any time. A strip or tile of
 * more than 256 MiB is refused. false: why says what is wrong, and nothing is open. */
bool tiff_file_open(tiff_file *f, const char *path);
void tiff_file_close(tiff_file *f);

/* A field of one 16-bit number, or its default. */
uint16_t tiff_file_number(const tiff_file *f, uint32_t tag);

/* Rows of the block that begins at row y: of a tile all, of the last strip those that are left. */
uint32_t tiff_file_rows(const tiff_file *f, uint32_t y);

/* Whether a sparse file leaves the block out. */
bool tiff_file_is_absent(const tiff_file *f, const uint32_t at[2], uint16_t plane);

/* Reads the samples of the block at x, y, unpacked, in the machine's order of bytes, to `out`.
 * `plane` is the sample where each has blocks of its own (PLANARCONFIG_SEPARATE), else 0. A block
 * that a sparse file leaves out is nodata, or else zeros. false: it does not have exactly `bytes`,
 * or libtiff complains even though it would go on; why says so. */
bool tiff_file_read(tiff_file *f, const uint32_t at[2], uint16_t plane, void *out, size_t bytes);

#endif
