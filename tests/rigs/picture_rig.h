/* picture_rig.h: pictures known texel by texel, and files of them, for tests of readers. One
 * thread. */
#ifndef MEGABUDDY_TESTS_PICTURE_RIG_H
#define MEGABUDDY_TESTS_PICTURE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rig_picture {
    uint32_t width, height;
    uint8_t *rgba; /* sRGB, straight alpha; from malloc */
} rig_picture;

typedef enum rig_colours {
    RIG_RGBA,
    RIG_RGB,
    RIG_GREY,
    RIG_PALETTE,
    RIG_GREY_ALPHA,
    RIG_COLOURS
} rig_colours;

/* Colours that change smoothly, which a JPEG keeps; alpha too, when it is wanted. */
rig_picture rig_make(uint32_t width, uint32_t height, bool alpha);
void rig_free(rig_picture *p);

/* Whether files of these colours have alpha. */
static inline bool rig_has_alpha(rig_colours colours)
{
    return colours == RIG_RGBA || colours == RIG_GREY_ALPHA;
}

/* Makes a picture one that a file of these colours can hold exactly. */
void rig_reduce(rig_picture *p, rig_colours colours);

typedef struct rig_png {
    rig_colours colours;
    int depth; /* 8 or 16 */
    bool interlaced;
    bool transparent; /* with a tRNS chunk: the first texel's colour is none (RGB) */
} rig_png;

typedef struct rig_tiff {
    rig_colours colours;
    int depth; /* 8 or 16 */
    bool big, tiled, separate;
    bool multiplied;  /* alpha is in the colours already */
    bool white_first; /* grey without alpha: 0 is white */
    int compression;  /* COMPRESSION_… */
    uint32_t strip_rows;
} rig_tiff;

void rig_write_png(const char *path, const rig_picture *p, rig_png how);
void rig_write_jpeg(const char *path, const rig_picture *p, bool progressive);
void rig_write_tiff(const char *path, const rig_picture *p, rig_tiff how);

/* A PNG that says it is 65535 texels a side, and has a few rows. */
void rig_write_png_bomb(const char *path);
/* A TIFF that says so, of strips of so many rows, and has one strip of nothing. */
void rig_write_tiff_bomb(const char *path, uint32_t strip_rows);

/* Heights by files: value(x, y) for each sample. */
typedef int (*rig_height)(uint32_t x, uint32_t y);
void rig_write_heights_png(const char *path, uint32_t width, uint32_t height, rig_height value,
                           int depth);
/* format: SAMPLEFORMAT_UINT, _INT (16 bits) or _IEEEFP (32). */
void rig_write_heights_tiff(const char *path, uint32_t width, uint32_t height, rig_height value,
                            int format);

/* All bytes of a file, and back. */
uint8_t *rig_read_file(const char *path, size_t *bytes);
void rig_write_file(const char *path, const uint8_t *data, size_t bytes);

#endif
