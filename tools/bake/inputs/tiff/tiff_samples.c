/* tiff_samples.c: makes RGBA of a row of samples. Each channel is copied, in a loop over the row,
 * to its byte of every texel (take); then one more loop makes RGB of what the channels mean
 * (finish_…). */
#include "tools/bake/inputs/tiff/tiff_samples.h"

#include <stdio.h>
#include <string.h>

/* ---- what there is ---- */

/* Old files may leave the photometric interpretation out; the number of samples tells it. */
static uint16_t photometric_of(const tiff_file *f)
{
    uint16_t photometric = 0;
    if (TIFFGetField(f->tiff, TIFFTAG_PHOTOMETRIC, &photometric) != 0) {
        return photometric;
    }
    return tiff_file_number(f, TIFFTAG_SAMPLESPERPIXEL) < 3 ? PHOTOMETRIC_MINISBLACK
                                                            : PHOTOMETRIC_RGB;
}

/* How many of a texel's samples are colours. 0: only libtiff can decode them. */
static uint16_t colours_of(const tiff_file *f, tiff_samples *s)
{
    const bool is_jpeg = tiff_file_number(f, TIFFTAG_COMPRESSION) == COMPRESSION_JPEG;
    if (s->photometric == PHOTOMETRIC_YCBCR && is_jpeg && !s->planar && s->count == 3) {
        s->photometric = PHOTOMETRIC_RGB; /* tiff_file_open has asked libjpeg for that */
    }
    switch (s->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_PALETTE:
        return 1;
    case PHOTOMETRIC_RGB:
        return 3;
    case PHOTOMETRIC_SEPARATED:
        return 4;
    default:
        return 0;
    }
}

/* 16 bits to 8, rounded. */
static uint8_t to_8(uint32_t v)
{
    return (uint8_t)((v + 128) / 257);
}

/* Reads the palette. Some writers store 8 bits where 16 belong. */
static bool read_palette(tiff_file *f, tiff_samples *s)
{
    uint16_t *map[3] = {NULL};
    bool is_deep = false;
    if (TIFFGetField(f->tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]) == 0 || s->bits > 8) {
        return false;
    }
    for (uint32_t i = 0; i < 3u << s->bits; i++) {
        is_deep = is_deep || map[i % 3][i / 3] > 255;
    }
    for (uint32_t i = 0; i < 3u << s->bits; i++) {
        const uint16_t v = map[i % 3][i / 3];
        s->palette[i / 3][i % 3] = is_deep ? to_8(v) : (uint8_t)v;
    }
    return true;
}

/* Finds the alpha channel. Only a sample that is declared as alpha is taken for it: a fourth band
 * may be infrared. */
static void find_alpha(const tiff_file *f, tiff_samples *s, uint16_t colours)
{
    uint16_t extras = 0, *kinds = NULL;
    TIFFGetFieldDefaulted(f->tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
    for (uint16_t i = 0; i < extras && s->alpha == 0; i++) {
        const uint32_t sample = (uint32_t)s->count - extras + i;
        if ((kinds[i] == EXTRASAMPLE_ASSOCALPHA || kinds[i] == EXTRASAMPLE_UNASSALPHA) &&
            sample >= colours && sample < s->count) {
            s->alpha = (uint16_t)sample;
            s->multiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA &&
                            s->photometric != PHOTOMETRIC_PALETTE; /* whose indices never are */
        }
    }
    s->channels = (uint16_t)(colours + (s->alpha != 0));
    s->has_leftover = s->count > s->channels;
}

static bool refuse(tiff_file *f, const char *why)
{
    snprintf(f->why, sizeof f->why, "is a TIFF of a kind that cannot be read: %.110s", why);
    return false;
}

/* Leaves the file to libtiff's own conversion (tiff_foreign.c), if that can read it. */
static bool accept_foreign(tiff_file *f, tiff_samples *s)
{
    char refusal[1024] = "";
    s->is_foreign = true;
    return TIFFRGBAImageOK(f->tiff, refusal) != 0 || refuse(f, refusal);
}

bool tiff_samples_of(tiff_file *f, tiff_samples *s)
{
    const uint16_t format = tiff_file_number(f, TIFFTAG_SAMPLEFORMAT);
    *s = (tiff_samples){
        .photometric = photometric_of(f),
        .bits = tiff_file_number(f, TIFFTAG_BITSPERSAMPLE),
        .count = tiff_file_number(f, TIFFTAG_SAMPLESPERPIXEL),
        .planar = tiff_file_number(f, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE,
    };
    const uint16_t colours = colours_of(f, s);
    if (colours == 0) {
        return accept_foreign(f, s);
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
        return refuse(f, "its numbers have signs or points, as heights have and colours have not");
    }
    if (s->bits > 16 || s->bits == 0 || (s->bits & (s->bits - 1)) != 0) {
        return refuse(f, "its samples are not of 1, 2, 4, 8 or 16 bits");
    }
    if (s->photometric == PHOTOMETRIC_SEPARATED &&
        tiff_file_number(f, TIFFTAG_INKSET) != INKSET_CMYK) {
        return refuse(f, "its inks are not CMYK");
    }
    if (s->count < colours) {
        return refuse(f, "it has fewer samples than colours");
    }
    if (s->photometric == PHOTOMETRIC_PALETTE && !read_palette(f, s)) {
        return refuse(f, "its palette is missing, or of more than 256 colours");
    }
    find_alpha(f, s, colours);
    return true;
}

/* ---- samples ---- */

size_t tiff_samples_row_bytes(const tiff_samples *s, uint32_t width)
{
    const uint64_t samples = (uint64_t)width * (s->planar ? 1 : s->count);
    return (size_t)((samples * s->bits + 7) / 8);
}

/* Copies samples of less than a byte, each times `scale`, to every fourth byte of `to`. The
 * functions below do the same for larger samples. */
static void take_small(const tiff_samples *s, const uint8_t *row, size_t first, uint32_t scale,
                       uint32_t width, uint8_t *to)
{
    const size_t step = s->planar ? 1 : s->count;
    const uint32_t most = (1u << s->bits) - 1;
    for (uint32_t x = 0; x < width; x++) {
        const size_t bit = (first + x * step) * s->bits;
        const uint32_t v = row[bit / 8] >> (8 - s->bits - bit % 8);
        to[(size_t)x * 4] = (uint8_t)((v & most) * scale);
    }
}

static void take_bytes(const tiff_samples *s, const uint8_t *row, size_t first, uint32_t width,
                       uint8_t *to)
{
    const size_t step = s->planar ? 1 : s->count;
    for (uint32_t x = 0; x < width; x++) {
        to[(size_t)x * 4] = row[first + x * step];
    }
}

static void take_words(const tiff_samples *s, const uint8_t *row, size_t first, uint32_t width,
                       uint8_t *to)
{
    const size_t step = s->planar ? 1 : s->count;
    for (uint32_t x = 0; x < width; x++) {
        uint16_t v = 0;
        memcpy(&v, row + (first + x * step) * 2, sizeof v); /* libtiff has swapped its bytes */
        to[(size_t)x * 4] = to_8(v);
    }
}

/* Copies a channel as 0 … 255, whatever its bits; the indices of a palette stay as they are. */
static void take(const tiff_samples *s, const uint8_t *row, uint16_t channel, uint32_t width,
                 uint8_t *to)
{
    const size_t first = s->planar ? 0 : tiff_samples_channel(s, channel);
    if (s->bits == 8) {
        take_bytes(s, row, first, width, to);
    } else if (s->bits == 16) {
        take_words(s, row, first, width, to);
    } else {
        const bool is_index = s->photometric == PHOTOMETRIC_PALETTE && channel == 0;
        take_small(s, row, first, is_index ? 1 : 255u / ((1u << s->bits) - 1), width, to);
    }
}

/* ---- colours ---- */

static void finish_grey(bool white_first, uint32_t width, uint8_t *rgba)
{
    for (uint8_t *t = rgba; t < rgba + (size_t)width * 4; t += 4) {
        t[0] = white_first ? (uint8_t)(255 - t[0]) : t[0];
        t[1] = t[2] = t[0];
    }
}

static void finish_palette(const tiff_samples *s, uint32_t width, uint8_t *rgba)
{
    for (uint8_t *t = rgba; t < rgba + (size_t)width * 4; t += 4) {
        memcpy(t, s->palette[t[0]], 3);
    }
}

/* Makes RGB of inks. Until now the byte of alpha has held black. */
static void finish_inks(uint32_t width, uint8_t *rgba)
{
    for (uint8_t *t = rgba; t < rgba + (size_t)width * 4; t += 4) {
        for (int c = 0; c < 3; c++) {
            t[c] = (uint8_t)((255 - t[3]) * (255 - t[c]) / 255);
        }
    }
}

/* Undoes a multiplication with alpha. */
static uint8_t divide(uint32_t value, uint32_t alpha)
{
    const uint32_t v = alpha == 0 ? 0 : (value * 255 + alpha / 2) / alpha;
    return (uint8_t)(v < 255 ? v : 255);
}

/* Texels without alpha become opaque; colours that are stored times alpha are divided by it. */
static void finish_alpha(const tiff_samples *s, uint32_t width, uint8_t *rgba)
{
    for (uint8_t *t = rgba; t < rgba + (size_t)width * 4; t += 4) {
        t[3] = s->alpha != 0 ? t[3] : 255;
        for (int c = 0; s->multiplied && c < 3; c++) {
            t[c] = divide(t[c], t[3]);
        }
    }
}

void tiff_samples_convert(const tiff_samples *s, const uint8_t *const rows[TIFF_CHANNELS_MOST],
                          uint32_t width, uint8_t *rgba)
{
    const uint16_t colours = (uint16_t)(s->channels - (s->alpha != 0));
    for (uint16_t i = 0; i < colours; i++) {
        take(s, rows[i], i, width, rgba + i);
    }
    if (colours == 1 && s->photometric == PHOTOMETRIC_PALETTE) {
        finish_palette(s, width, rgba);
    } else if (colours == 1) {
        finish_grey(s->photometric == PHOTOMETRIC_MINISWHITE, width, rgba);
    } else if (colours == 4) {
        finish_inks(width, rgba);
    }
    if (s->alpha != 0) {
        take(s, rows[colours], colours, width, rgba + 3);
    }
    finish_alpha(s, width, rgba);
}
