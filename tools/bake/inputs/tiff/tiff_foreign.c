/* tiff_foreign.c: libtiff's RGBA interface reads tiles that are not compressed only from a mapping:
 * it compares their length with that of its buffer, which without a mapping is a multiple of 1024.
 * With a mapping this process would end by a signal when somebody cuts the file. So such tiles are
 * read here, and that interface only converts them. */
#include "tools/bake/inputs/tiff/tiff_foreign.h"

#include <stdio.h>
#include <string.h>

#define PLANES 3 /* planes of a tile whose samples are stored apart */

static bool is_stored_tile(const tiff_file *f)
{
    return f->blocks.tiled && tiff_file_number(f, TIFFTAG_COMPRESSION) == COMPRESSION_NONE;
}

static bool is_planar(const tiff_file *f)
{
    return tiff_file_number(f, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
}

static size_t texels_of(const tiff_file *f)
{
    return (size_t)f->blocks.block_width * f->blocks.block_height;
}

size_t tiff_foreign_bytes(const tiff_file *f)
{
    const size_t tile = is_stored_tile(f) ? (size_t)TIFFTileSize64(f->tiff) : 0;
    return texels_of(f) * sizeof(uint32_t) + tile * (is_planar(f) ? PLANES : 1);
}

static bool read_tile(tiff_file *f, const uint32_t at[2], uint8_t *stored)
{
    const size_t bytes = (size_t)TIFFTileSize64(f->tiff);
    bool done = true;
    for (uint16_t i = 0; i < (is_planar(f) ? PLANES : 1) && done; i++) {
        done = tiff_file_read(f, at, i, stored + i * bytes, bytes);
    }
    return done;
}

/* Converts a tile, its last row first in `texels`, as the interface does when it reads by
 * itself. */
static void convert(const tiff_file *f, TIFFRGBAImage *image, uint8_t *stored, uint32_t *texels)
{
    const uint32_t width = f->blocks.block_width, height = f->blocks.block_height;
    const size_t bytes = (size_t)TIFFTileSize64(f->tiff);
    uint32_t *last = texels + (size_t)(height - 1) * width;
    const int32_t skew = -2 * (int32_t)width;
    if (image->isContig) {
        image->put.contig(image, last, 0, 0, width, height, 0, skew, stored);
    } else {
        image->put.separate(image, last, 0, 0, width, height, 0, skew, stored, stored + bytes,
                            stored + 2 * bytes, NULL);
    }
}

static bool read_stored(tiff_file *f, const uint32_t at[2], uint32_t *texels)
{
    uint8_t *stored = (uint8_t *)(texels + texels_of(f));
    char refusal[1024] = "";
    TIFFRGBAImage image;
    if (tiff_file_is_absent(f, at, 0)) {
        memset(texels, 0, texels_of(f) * sizeof *texels);
        return true;
    }
    if (!read_tile(f, at, stored)) {
        return false;
    }
    if (TIFFRGBAImageBegin(&image, f->tiff, 1, refusal) == 0) {
        snprintf(f->why, sizeof f->why, "cannot be read: %.110s", refusal);
        return false;
    }
    convert(f, &image, stored, texels);
    TIFFRGBAImageEnd(&image);
    return f->why[0] == '\0';
}

bool tiff_foreign_read(tiff_file *f, const uint32_t at[2], uint32_t *room)
{
    if (is_stored_tile(f)) {
        return read_stored(f, at, room);
    }
    const bool done = f->blocks.tiled ? TIFFReadRGBATileExt(f->tiff, at[0], at[1], room, 1) != 0
                                      : TIFFReadRGBAStripExt(f->tiff, at[1], room, 1) != 0;
    if (!done && f->why[0] == '\0') {
        snprintf(f->why, sizeof f->why, "is damaged or truncated");
    }
    return f->why[0] == '\0';
}
