/* png_file.h: reads one PNG from the top down, with libpng; all its errors come as text.
 *
 *     png_file_open ─ look at info ─ png_file_as_rgba or png_file_as_grey ─ png_file_read … ─ close
 *
 * One thread a file. libpng holds two rows; a header that promises more gets no more memory. */
#ifndef MEGABUDDY_TOOLS_BAKE_PNG_FILE_H
#define MEGABUDDY_TOOLS_BAKE_PNG_FILE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <png.h>

typedef struct png_file {
    png_struct *png;
    png_info *info;
    FILE *file;
    jmp_buf escape;
    uint32_t width, height; /* texels */
    uint32_t next;          /* row */
    int colour, depth;      /* as in the header: PNG_COLOR_TYPE_…, bits of a sample */
    bool interlaced;
    char why[160]; /* of the last failure */
} png_file;

/* Opens a PNG up to its first texels. false: why says what is wrong, and nothing is open. */
bool png_file_open(png_file *p, const char *path);
void png_file_close(png_file *p);

/* From now on rows are RGBA, 8 bits, straight alpha. *has_alpha: some texel may not be opaque.
 * Precondition, here and below: no row has been read. */
bool png_file_as_rgba(png_file *p, bool *has_alpha);

/* From now on rows are grey samples without alpha: of 16 bits, the high byte first, where depth is
 * 16; else of 8. The file must be grey. */
bool png_file_as_grey(png_file *p);

/* Reads the next `count` rows, row_bytes apart. After the last row it checks the end of the file
 * too. Precondition: the file is not interlaced. */
bool png_file_read(png_file *p, uint32_t count, uint8_t *rows, size_t row_bytes);

/* Reads all rows of an interlaced file; no row is complete before all have been read. */
bool png_file_read_interlaced(png_file *p, uint8_t *rows, size_t row_bytes);

#endif
