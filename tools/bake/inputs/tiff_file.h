/* tiff_file.h: one TIFF or BigTIFF open for reading, with libtiff; all its errors come as text, and
 * nothing of it is global. One thread a file; a file may be open many times. */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_FILE_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tiffio.h>

/* How the first picture of the file is cut. */
typedef struct tiff_blocks {
    uint32_t width, height; /* texels */
    bool tiled;             /* else strips, which are as wide as the picture */
    uint32_t block_width, block_height;
} tiff_blocks;

typedef struct tiff_file {
    TIFF *tiff;
    tiff_blocks blocks;
    char why[160]; /* the first thing that went wrong */
} tiff_file;

/* Opens the file. A strip or tile of more than 256 MiB, or a picture that lies turned in its file,
 * is refused. false: why says what is wrong, and nothing is open. */
bool tiff_file_open(tiff_file *f, const char *path);
void tiff_file_close(tiff_file *f);

/* A field of one 16-bit number, or its default. */
uint16_t tiff_file_number(const tiff_file *f, uint32_t tag);

#endif
