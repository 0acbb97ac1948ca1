/* tiff_file.h: one TIFF or BigTIFF that is open for reading, with libtiff; all its errors come as
 * text, and no handler is global. One thread a file; a file may be open many times.
 *
 * A file may hold many pictures. The one that is read is the largest of those that are neither
 * reduced copies nor masks, the first of equals: a thumbnail may come before the picture that it
 * was made of. A *block* here is a strip or a tile, as GDAL has it. */
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
    bool has_others;      /* there are more pages or masks, which are not read */
    bool has_nodata;      /* one sample value means "nothing" (GDAL_NODATA) */
    double nodata;        /* … that value, as the file has it; may be NaN */
    char why[160];        /* the first thing that went wrong */
} tiff_file;

/* Opens the file. It is read and never mapped, since somebody may cut it at any time. A strip or
 * tile of more than 256 MiB is refused. false: `why` says what is wrong, and nothing is open. */
bool tiff_file_open(tiff_file *f, const char *path);
void tiff_file_close(tiff_file *f);

/* A field of one 16-bit number, or its default. */
uint16_t tiff_file_number(const tiff_file *f, uint32_t tag);

/* Rows of the block that begins at row y: those of a whole tile, or of the last strip those that
 * are left. */
uint32_t tiff_file_rows(const tiff_file *f, uint32_t y);

/* Whether a sparse file leaves the block out. */
bool tiff_file_is_absent(const tiff_file *f, const uint32_t at[2], uint16_t plane);

/* Reads the samples of the block at x, y to `out`, unpacked, in the machine's byte order. `plane`
 * is the sample where each sample has blocks of its own (PLANARCONFIG_SEPARATE), else 0. A block
 * that a sparse file leaves out becomes nodata, or zeros. false: the block does not have exactly
 * `bytes`, or libtiff complains even if it would go on; `why` says so. */
bool tiff_file_read(tiff_file *f, const uint32_t at[2], uint16_t plane, void *out, size_t bytes);

#endif
