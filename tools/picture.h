/* picture.h: reading a whole picture (JPEG, PNG, BMP, TGA, PSD, GIF, HDR, PIC, PNM), writing a PNG.
 */
#ifndef MEGABUDDY_TOOLS_PICTURE_H
#define MEGABUDDY_TOOLS_PICTURE_H

#include <stdbool.h>
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

/* Writes RGBA texels as a PNG. Returns false, with errno set, when the file cannot be written; then
 * nothing is left of it. */
bool picture_write_png(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba);

#endif
