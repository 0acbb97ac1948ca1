/* tiff_file.c */
#include "tools/bake/inputs/tiff_file.h"

#include "files/regular.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BLOCK_BYTES = 256 << 20 }; /* what a hostile header can make us take at once */

/* A damaged file's names of things may hold anything. */
static void make_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text >= ' ' && *text <= '~' ? *text : '?';
    }
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    tiff_file *f = user;
    (void)tiff;
    (void)module;
    if (f->why[0] == '\0') { /* the rest follows from it */
        const int at = snprintf(f->why, sizeof f->why, "is damaged or truncated: ");
        vsnprintf(f->why + at, sizeof f->why - (size_t)at, format, list);
        make_one_line(f->why);
    }
    return 1; /* and it goes no further */
}

/* Of warnings only libjpeg's matter: it fills in grey and goes on. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    if (module != NULL && strcmp(module, "JPEGLib") == 0) {
        on_error(tiff, user, module, format, list);
    }
    return 1;
}

uint16_t tiff_file_number(const tiff_file *f, uint32_t tag)
{
    uint16_t value = 0;
    TIFFGetFieldDefaulted(f->tiff, tag, &value);
    return value;
}

static bool measure(tiff_file *f)
{
    tiff_blocks *b = &f->blocks;
    TIFFGetField(f->tiff, TIFFTAG_IMAGEWIDTH, &b->width);
    TIFFGetField(f->tiff, TIFFTAG_IMAGELENGTH, &b->height);
    b->tiled = TIFFIsTiled(f->tiff) != 0;
    if (b->tiled) {
        TIFFGetField(f->tiff, TIFFTAG_TILEWIDTH, &b->block_width);
        TIFFGetField(f->tiff, TIFFTAG_TILELENGTH, &b->block_height);
    } else {
        b->block_width = b->width;
        TIFFGetFieldDefaulted(f->tiff, TIFFTAG_ROWSPERSTRIP, &b->block_height);
        b->block_height = b->block_height < b->height ? b->block_height : b->height;
    }
    return b->width > 0 && b->height > 0 && b->block_width > 0 && b->block_height > 0;
}

static bool fits(tiff_file *f)
{
    const uint64_t texels = (uint64_t)f->blocks.block_width * f->blocks.block_height;
    const uint64_t packed = f->blocks.tiled ? TIFFTileSize64(f->tiff) : TIFFStripSize64(f->tiff);
    const uint16_t turned = tiff_file_number(f, TIFFTAG_ORIENTATION);
    if (texels > MAX_BLOCK_BYTES / 4 || packed > MAX_BLOCK_BYTES || packed == 0) {
        snprintf(f->why, sizeof f->why,
                 "has a %s of %" PRIu32 " x %" PRIu32 " texels; at most 256 MiB can be read",
                 f->blocks.tiled ? "tile" : "strip", f->blocks.block_width, f->blocks.block_height);
        return false;
    }
    if (turned > ORIENTATION_TOPLEFT && turned <= ORIENTATION_LEFTBOT) {
        snprintf(f->why, sizeof f->why, "lies turned in its file (orientation %u)", turned);
        return false;
    }
    return true;
}

/* Whether libtiff reads these tiles from a mapping only: it holds the length of an unpacked tile
 * against that of its buffer, which without a mapping is a multiple of 1024. */
static bool needs_mapping(TIFF *tiff)
{
    uint16_t compression = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    return TIFFIsTiled(tiff) && compression == COMPRESSION_NONE && TIFFTileSize64(tiff) % 1024 != 0;
}

static void open_as(tiff_file *f, const char *path, const char *mode)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options != NULL) {
        TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, f);
        TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, f);
        TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_BLOCK_BYTES);
        f->tiff = TIFFOpenExt(path, mode, options);
        TIFFOpenOptionsFree(options);
    }
}

bool tiff_file_open(tiff_file *f, const char *path)
{
    memset(f, 0, sizeof *f);
    if (!regular_check(path, NULL, f->why, sizeof f->why)) {
        return false;
    }
    open_as(f, path, "rm"); /* m: no mapping, whose end may vanish under us */
    if (f->tiff != NULL && needs_mapping(f->tiff)) {
        tiff_file_close(f);
        open_as(f, path, "r");
    }
    if (f->tiff != NULL && measure(f) && fits(f)) {
        f->why[0] = '\0'; /* what libtiff could mend is mended */
        return true;
    }
    if (f->why[0] == '\0') {
        snprintf(f->why, sizeof f->why, "is no TIFF that can be read");
    }
    tiff_file_close(f);
    return false;
}

void tiff_file_close(tiff_file *f)
{
    if (f->tiff != NULL) {
        TIFFClose(f->tiff);
    }
    f->tiff = NULL;
}
