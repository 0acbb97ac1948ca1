/* tiff_file.c: see tiff_file.h. */
#include "tools/bake/inputs/tiff/tiff_file.h"

#include "engine/files/regular.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BLOCK_BYTES = 256 << 20, /* what a hostile header can make us allocate at once */
    MAX_PICTURES = 256,          /* of a file, that are looked at */
    TAG_NODATA = 42113,          /* GDAL's, a number as text */
};

/* libtiff's messages quote the file, and a damaged one may hold any bytes. */
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
    if (f->why[0] == '\0') { /* later ones follow from it */
        const int at = snprintf(f->why, sizeof f->why, "is damaged or truncated: ");
        vsnprintf(f->why + at, sizeof f->why - (size_t)at, format, list);
        make_one_line(f->why);
    }
    return 1; /* no other handler is called */
}

/* Of all warnings only libjpeg's matter, for which it fills in grey and goes on. Its module names
 * are those of JPEG and of the older way to put a JPEG into a TIFF. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    if (module != NULL && (strcmp(module, "JPEGLib") == 0 || strcmp(module, "LibJpeg") == 0)) {
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
    if (texels > MAX_BLOCK_BYTES / 4 || packed > MAX_BLOCK_BYTES || packed == 0) {
        snprintf(f->why, sizeof f->why,
                 "has a %s of %" PRIu32 " x %" PRIu32 " texels; at most 256 MiB can be read",
                 f->blocks.tiled ? "tile" : "strip", f->blocks.block_width, f->blocks.block_height);
        return false;
    }
    return true;
}

/* ---- which picture ---- */

/* The best of the pictures that were looked at. */
typedef struct choice {
    uint64_t offset; /* of its directory */
    double texels;   /* 0: none yet */
    bool is_copy;    /* a reduced copy or a mask: there was nothing else */
    uint32_t pictures, looked;
} choice;

static void look_at(const tiff_file *f, choice *best)
{
    uint32_t width = 0, height = 0, kind = 0;
    TIFFGetField(f->tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(f->tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(f->tiff, TIFFTAG_SUBFILETYPE, &kind);
    const double texels = (double)width * height;
    const bool is_copy = (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
    const bool is_better =
        best->is_copy != is_copy ? best->is_copy : texels > best->texels; /* the first of equals */
    best->looked++;
    best->pictures += !is_copy || kind == FILETYPE_MASK; /* a copy's mask is no loss */
    if (best->texels == 0 || is_better) {
        best->offset = TIFFCurrentDirOffset(f->tiff);
        best->texels = texels;
        best->is_copy = is_copy;
    }
}

/* Looks at the pictures below the current one (its sub-IFDs), and returns to it. */
static bool look_below(tiff_file *f, choice *best)
{
    uint16_t count = 0;
    const void *list = NULL;
    uint64_t offsets[16];
    const uint64_t here = TIFFCurrentDirOffset(f->tiff);
    if (TIFFGetField(f->tiff, TIFFTAG_SUBIFD, &count, &list) == 0 || count == 0) {
        return true;
    }
    count = count < 16 ? count : 16;
    memcpy(offsets, list, count * sizeof *offsets); /* the list is freed with its directory */
    for (uint16_t i = 0; i < count; i++) {
        if (TIFFSetSubDirectory(f->tiff, offsets[i]) != 0) {
            look_at(f, best);
        }
    }
    return TIFFSetSubDirectory(f->tiff, here) != 0;
}

/* Goes to the picture that is to be read. Damage in other pictures does not matter, unless all that
 * could be read are copies: then the picture itself may be what is damaged. */
static bool choose(tiff_file *f)
{
    choice best = {0};
    bool more = true;
    while (more && best.looked < MAX_PICTURES) {
        look_at(f, &best);
        more = look_below(f, &best) && TIFFReadDirectory(f->tiff) != 0;
    }
    if (best.is_copy && f->why[0] != '\0') {
        return false;
    }
    f->why[0] = '\0';
    f->has_others = best.pictures > 1;
    return TIFFSetSubDirectory(f->tiff, best.offset) != 0;
}

/* ---- what stands beside the picture ---- */

/* Reads GDAL_NODATA. libtiff does not know this field, and hands out its text with the length. */
static void read_nodata(tiff_file *f)
{
    uint32_t count = 0;
    const char *text = NULL;
    char number[64], *end = NULL;
    const TIFFField *field = TIFFFindField(f->tiff, TAG_NODATA, TIFF_ASCII);
    if (field == NULL || TIFFFieldPassCount(field) == 0 ||
        TIFFFieldReadCount(field) != TIFF_VARIABLE2 ||
        TIFFGetField(f->tiff, TAG_NODATA, &count, &text) == 0 || count >= sizeof number) {
        return;
    }
    memcpy(number, text, count);
    number[count] = '\0';
    f->nodata = strtod(number, &end);
    f->has_nodata = end != number;
}

/* Reads the orientation, and hides it from libtiff: its RGBA interface would turn only some of the
 * pictures, and those only half. turn.c turns them all. */
static void read_orientation(tiff_file *f)
{
    const uint16_t found = tiff_file_number(f, TIFFTAG_ORIENTATION);
    f->orientation = found > ORIENTATION_LEFTBOT ? ORIENTATION_TOPLEFT : found;
    f->orientation = f->orientation == 0 ? ORIENTATION_TOPLEFT : f->orientation;
    if (f->orientation != ORIENTATION_TOPLEFT) {
        TIFFSetField(f->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    }
}

/* Has libjpeg make RGB of the colours that it stores, before the size of a strip or tile is asked
 * for. */
static void unpack_jpeg_as_rgb(tiff_file *f)
{
    if (tiff_file_number(f, TIFFTAG_COMPRESSION) == COMPRESSION_JPEG &&
        tiff_file_number(f, TIFFTAG_PHOTOMETRIC) == PHOTOMETRIC_YCBCR &&
        tiff_file_number(f, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_CONTIG) {
        TIFFSetField(f->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
}

static bool prepare(tiff_file *f)
{
    if (!choose(f)) {
        return false;
    }
    read_nodata(f);
    read_orientation(f);
    unpack_jpeg_as_rgb(f);
    return measure(f) && fits(f);
}

static void open_with_options(tiff_file *f, const char *path)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options != NULL) {
        TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, f);
        TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, f);
        TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_BLOCK_BYTES);
        f->tiff = TIFFOpenExt(path, "rm", options); /* m: not mapped, as the end may vanish */
        TIFFOpenOptionsFree(options);
    }
}

bool tiff_file_open(tiff_file *f, const char *path)
{
    memset(f, 0, sizeof *f);
    if (!regular_check(path, NULL, f->why, sizeof f->why)) {
        return false;
    }
    open_with_options(f, path);
    if (f->tiff != NULL && prepare(f)) {
        f->why[0] = '\0'; /* what libtiff could repair does not matter */
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

/* ---- blocks ---- */

uint32_t tiff_file_rows(const tiff_file *f, uint32_t y)
{
    const tiff_blocks *b = &f->blocks;
    const uint32_t left = b->height - y;
    return b->tiled || b->block_height < left ? b->block_height : left;
}

/* Fills a strip or tile that the file leaves out with the sample that means nothing. */
static void fill_empty(const tiff_file *f, void *out, size_t bytes)
{
    const uint16_t bits = tiff_file_number(f, TIFFTAG_BITSPERSAMPLE);
    const bool is_whole = f->has_nodata && fabs(f->nodata) <= 65535; /* NaN is not */
    memset(out, is_whole && bits == 8 ? (int)f->nodata : 0, bytes);
    for (size_t i = 0; is_whole && bits == 16 && i < bytes / 2; i++) {
        ((uint16_t *)out)[i] = (uint16_t)(int)f->nodata;
    }
    for (size_t i = 0; f->has_nodata && bits == 32 && i < bytes / 4; i++) {
        ((float *)out)[i] = (float)f->nodata;
    }
}

static uint32_t index_of(const tiff_file *f, const uint32_t at[2], uint16_t plane)
{
    return f->blocks.tiled ? TIFFComputeTile(f->tiff, at[0], at[1], 0, plane)
                           : TIFFComputeStrip(f->tiff, at[1], plane);
}

bool tiff_file_is_absent(const tiff_file *f, const uint32_t at[2], uint16_t plane)
{
    const uint32_t index = index_of(f, at, plane);
    return TIFFGetStrileByteCount(f->tiff, index) == 0 && TIFFGetStrileOffset(f->tiff, index) == 0;
}

bool tiff_file_read(tiff_file *f, const uint32_t at[2], uint16_t plane, void *out, size_t bytes)
{
    const uint32_t index = index_of(f, at, plane);
    if (tiff_file_is_absent(f, at, plane)) {
        fill_empty(f, out, bytes);
        return f->why[0] == '\0';
    }
    memset(out, 0, bytes); /* libtiff does not write what a smaller JPEG does not cover */
    const tmsize_t got = f->blocks.tiled
                             ? TIFFReadEncodedTile(f->tiff, index, out, (tmsize_t)bytes)
                             : TIFFReadEncodedStrip(f->tiff, index, out, (tmsize_t)bytes);
    if (got != (tmsize_t)bytes && f->why[0] == '\0') {
        snprintf(f->why, sizeof f->why, "is damaged or truncated");
    }
    return f->why[0] == '\0';
}
