/* picture_rig.c */
#include "tests/rigs/picture_rig.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>

enum { TILE = 16, PALETTE = 64 };

/* ---- pictures ---- */

rig_picture rig_make(uint32_t width, uint32_t height, bool alpha)
{
    rig_picture p = {width, height, malloc((size_t)width * height * 4)};
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *t = p.rgba + ((size_t)y * width + x) * 4;
            t[0] = (uint8_t)(128 + 100 * sin(x * 0.07 + y * 0.02));
            t[1] = (uint8_t)(128 + 100 * sin(y * 0.05 + 1));
            t[2] = (uint8_t)(128 + 100 * sin((x + y) * 0.03));
            t[3] = alpha ? (uint8_t)(x * 7 + y * 3) : 255;
        }
    }
    return p;
}

void rig_free(rig_picture *p)
{
    free(p->rgba);
    *p = (rig_picture){0};
}

/* Colour i of the palette. */
static void palette_at(int i, uint8_t *rgb)
{
    rgb[0] = (uint8_t)(i * 4 + 1);
    rgb[1] = (uint8_t)(255 - i * 3);
    rgb[2] = (uint8_t)(i * i);
}

void rig_reduce(rig_picture *p, rig_colours colours)
{
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        uint8_t *t = p->rgba + i * 4;
        if (colours == RIG_GREY || colours == RIG_GREY_ALPHA) {
            t[1] = t[2] = t[0];
        } else if (colours == RIG_PALETTE) {
            palette_at(t[0] % PALETTE, t);
        }
        t[3] = rig_has_alpha(colours) ? t[3] : 255;
    }
}

static int samples_of(rig_colours colours)
{
    static const int SAMPLES[] = {4, 3, 1, 1, 2};
    return SAMPLES[colours];
}

/* The index in the palette of a reduced texel. */
static uint8_t index_of(const uint8_t *texel)
{
    return (uint8_t)(texel[0] / 4);
}

static uint8_t sample_at(const rig_picture *p, uint32_t x, uint32_t y, rig_colours colours, int s)
{
    const uint8_t *t = p->rgba + ((size_t)y * p->width + x) * 4;
    if (colours == RIG_PALETTE) {
        return index_of(t);
    }
    return colours == RIG_GREY_ALPHA && s == 1 ? t[3] : t[s];
}

/* ---- PNG ---- */

static void write_png_rows(png_struct *png, const rig_picture *p, rig_png how)
{
    const int samples = samples_of(how.colours), bytes = how.depth / 8;
    uint8_t *all = malloc((size_t)p->width * p->height * (size_t)(samples * bytes));
    uint8_t **rows = malloc(p->height * sizeof *rows), *at = all;
    for (uint32_t y = 0; y < p->height; y++) {
        rows[y] = at;
        for (uint32_t i = 0; i < p->width * (uint32_t)samples; i++) {
            for (int b = 0; b < bytes; b++) { /* v * 257: both bytes are v */
                *at++ = sample_at(p, i / (uint32_t)samples, y, how.colours, (int)i % samples);
            }
        }
    }
    png_write_image(png, rows);
    free(rows);
    free(all);
}

static void write_png_extras(png_struct *png, png_info *info, const rig_picture *p, rig_png how)
{
    png_color colours[PALETTE];
    if (how.colours == RIG_PALETTE) {
        for (int i = 0; i < PALETTE; i++) {
            uint8_t rgb[3];
            palette_at(i, rgb);
            colours[i] = (png_color){rgb[0], rgb[1], rgb[2]};
        }
        png_set_PLTE(png, info, colours, PALETTE);
    }
    if (how.transparent) {
        const png_color_16 none = {0, p->rgba[0], p->rgba[1], p->rgba[2], 0};
        png_set_tRNS(png, info, NULL, 0, &none);
    }
}

void rig_write_png(const char *path, const rig_picture *p, rig_png how)
{
    static const int TYPES[] = {PNG_COLOR_TYPE_RGBA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_GRAY,
                                PNG_COLOR_TYPE_PALETTE, PNG_COLOR_TYPE_GRAY_ALPHA};
    FILE *file = fopen(path, "wb");
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, p->width, p->height, how.depth, TYPES[how.colours],
                 how.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    write_png_extras(png, info, p, how);
    png_write_info(png, info);
    write_png_rows(png, p, how);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

void rig_write_png_bomb(const char *path)
{
    FILE *file = fopen(path, "wb");
    uint8_t *row = calloc(65535, 4);
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_compression_buffer_size(png, 64); /* so that some of the rows get to the file */
    png_set_IHDR(png, info, 65535, 65535, 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int i = 0; i < 100; i++) {
        png_write_row(png, row);
    }
    png_destroy_write_struct(&png, &info);
    free(row);
    fclose(file);
}

void rig_write_heights_png(const char *path, uint32_t width, uint32_t height, rig_height value,
                           int depth)
{
    FILE *file = fopen(path, "wb");
    uint8_t *row = malloc((size_t)width * 2);
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, width, height, depth, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            const int v = value(x, y);
            if (depth == 16) {
                row[(size_t)x * 2] = (uint8_t)(v >> 8);
                row[(size_t)x * 2 + 1] = (uint8_t)v;
            } else {
                row[x] = (uint8_t)v;
            }
        }
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(row);
    fclose(file);
}

/* ---- JPEG ---- */

void rig_write_jpeg(const char *path, const rig_picture *p, bool progressive)
{
    FILE *file = fopen(path, "wb");
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = p->width;
    jpeg.image_height = p->height;
    jpeg.input_components = 4;
    jpeg.in_color_space = JCS_EXT_RGBX;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = p->rgba + (size_t)jpeg.next_scanline * p->width * 4;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

/* ---- TIFF ---- */

static void set_tiff_colours(TIFF *t, rig_tiff how)
{
    static const int PHOTOMETRIC[] = {PHOTOMETRIC_RGB, PHOTOMETRIC_RGB, PHOTOMETRIC_MINISBLACK,
                                      PHOTOMETRIC_PALETTE, PHOTOMETRIC_MINISBLACK};
    const uint16_t kind = how.multiplied ? EXTRASAMPLE_ASSOCALPHA : EXTRASAMPLE_UNASSALPHA;
    uint16_t map[3][256] = {{0}};
    const bool ycbcr = how.compression == COMPRESSION_JPEG && how.colours == RIG_RGB;
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, ycbcr ? PHOTOMETRIC_YCBCR : PHOTOMETRIC[how.colours]);
    if (ycbcr) {
        TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        TIFFSetField(t, TIFFTAG_JPEGQUALITY, 95);
    }
    if (how.white_first) {
        TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    }
    if (rig_has_alpha(how.colours)) {
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &kind);
    }
    if (how.colours == RIG_PALETTE) {
        for (int i = 0; i < PALETTE; i++) {
            uint8_t rgb[3];
            palette_at(i, rgb);
            for (int c = 0; c < 3; c++) {
                map[c][i] = (uint16_t)(rgb[c] * 257);
            }
        }
        TIFFSetField(t, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
    }
}

/* Samples of the block at x, y; beyond the picture zeros. plane: one of separate planes, or -1. */
static void cut_block(const rig_picture *p, rig_tiff how, const uint32_t at[4], int plane,
                      uint8_t *out)
{
    const int samples = plane < 0 ? samples_of(how.colours) : 1;
    for (uint32_t y = at[1]; y < at[1] + at[3]; y++) {
        for (uint32_t x = at[0]; x < at[0] + at[2]; x++) {
            const bool inside = x < p->width && y < p->height;
            for (int s = 0; s < samples; s++) {
                uint32_t v = inside ? sample_at(p, x, y, how.colours, plane < 0 ? s : plane) : 0;
                if (inside && how.multiplied && (plane < 0 ? s : plane) < 3) {
                    v = (v * p->rgba[((size_t)y * p->width + x) * 4 + 3] + 127) / 255;
                }
                v = how.white_first ? 255 - v : v;
                for (int b = 0; b < how.depth / 8; b++) {
                    *out++ = (uint8_t)v;
                }
            }
        }
    }
}

static void write_blocks(TIFF *t, const rig_picture *p, rig_tiff how, int plane)
{
    const uint32_t width = how.tiled ? TILE : p->width;
    const uint32_t rows = how.tiled ? TILE : how.strip_rows;
    const uint16_t sample = plane < 0 ? 0 : (uint16_t)plane;
    const size_t texel = (size_t)samples_of(how.colours) * (size_t)how.depth / 8;
    uint8_t *block = malloc(width * rows * texel);
    for (uint32_t y = 0; y < p->height; y += rows) {
        for (uint32_t x = 0; x < p->width; x += width) {
            const uint32_t left = p->height - y;
            const uint32_t high = how.tiled || left > rows ? rows : left;
            const uint32_t at[4] = {x, y, width, high};
            const tmsize_t bytes =
                (tmsize_t)(width * high * texel / (plane < 0 ? 1 : samples_of(how.colours)));
            cut_block(p, how, at, plane, block);
            if (how.tiled) {
                TIFFWriteEncodedTile(t, TIFFComputeTile(t, x, y, 0, sample), block, bytes);
            } else {
                TIFFWriteEncodedStrip(t, TIFFComputeStrip(t, y, sample), block, bytes);
            }
        }
    }
    free(block);
}

void rig_write_tiff(const char *path, const rig_picture *p, rig_tiff how)
{
    TIFF *t = TIFFOpen(path, how.big ? "w8" : "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, p->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, p->height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, how.depth);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples_of(how.colours));
    TIFFSetField(t, TIFFTAG_COMPRESSION, how.compression);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG,
                 how.separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    set_tiff_colours(t, how);
    if (how.tiled) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, TILE);
        TIFFSetField(t, TIFFTAG_TILELENGTH, TILE);
    } else {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, how.strip_rows);
    }
    for (int plane = 0; how.separate && plane < samples_of(how.colours); plane++) {
        write_blocks(t, p, how, plane);
    }
    if (!how.separate) {
        write_blocks(t, p, how, -1);
    }
    TIFFClose(t);
}

void rig_write_tiff_bomb(const char *path, uint32_t strip_rows)
{
    uint8_t nothing[16] = {0};
    TIFF *t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, 65535);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, 65535);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, strip_rows);
    TIFFWriteRawStrip(t, 0, nothing, sizeof nothing);
    TIFFClose(t);
}

static void put_height(uint8_t *row, uint32_t x, int value, int format)
{
    if (format == SAMPLEFORMAT_IEEEFP) {
        ((float *)(void *)row)[x] = (float)value + 0.25f;
    } else {
        ((uint16_t *)(void *)row)[x] = (uint16_t)value;
    }
}

void rig_write_heights_tiff(const char *path, uint32_t width, uint32_t height, rig_height value,
                            int format)
{
    const int bits = format == SAMPLEFORMAT_IEEEFP ? 32 : 16;
    uint8_t *row = malloc((size_t)width * 4);
    TIFF *t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, format);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 3);
    TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            put_height(row, x, value(x, y), format);
        }
        TIFFWriteScanline(t, row, y, 0);
    }
    TIFFClose(t);
    free(row);
}

/* ---- bytes ---- */

uint8_t *rig_read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    assert(file != NULL);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*bytes + 1);
    *bytes = fread(data, 1, *bytes, file);
    fclose(file);
    return data;
}

void rig_write_file(const char *path, const uint8_t *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert(file != NULL);
    fwrite(data, 1, bytes, file);
    fclose(file);
}
