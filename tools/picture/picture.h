/* picture.h: reading a whole picture (JPEG, PNG, BMP, TGA, PSD, GIF, HDR, PIC, PNM), writing a PNG
 * with texts in it, and JPEGs for pages. Any thread. */
#ifndef MEGABUDDY_TOOLS_PICTURE_H
#define MEGABUDDY_TOOLS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* rgba holds width * height * 4 bytes, rows top down, sRGB and alpha; from malloc. */
typedef struct picture {
    uint32_t width, height; /* texels */
    uint8_t *rgba;
} picture;

/* Reads the picture at `path`. On failure returns false, *out is empty and *why says in a few words
 * what is wrong (constant text, or errno's). Bounded by stb_image: 2^31 bytes unpacked. */
bool picture_load(const char *path, picture *out, const char **why);
void picture_free(picture *p);

/* Makes *out a copy of p that is at most `width_most` texels wide, each texel the mean of those it
 * covers. False: no memory, *out is empty. Precondition: p has texels, width_most is not 0. */
bool picture_shrink(const picture *p, uint32_t width_most, picture *out);

/* A text that a PNG carries, as `exiftool` and `identify -verbose` show it. The key: 1 to
 * PICTURE_KEY_MOST printable ASCII characters, no blank at either end. The value: any text; what is
 * neither UTF-8 nor a line feed becomes U+FFFD. */
typedef struct picture_text {
    const char *key, *value;
} picture_text;

#define PICTURE_KEY_MOST 79

/* Writes RGBA texels as a PNG. Returns false, with errno set, when the file cannot be written; then
 * nothing is left of it. The picture is packed in memory first, so that an older file of this name
 * survives when memory is what lacks. Precondition: sides from 1 to 2^31 - 1. */
bool picture_write_png(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba);
bool picture_write_png_with(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba,
                            const picture_text *texts, uint32_t count);

/* The picture without its alpha as a JPEG of that quality (1 … 100), from malloc; *bytes says how
 * long it is. NULL: no memory, or a side is above 65535. */
uint8_t *picture_to_jpeg(const picture *p, int quality, size_t *bytes);

#endif
