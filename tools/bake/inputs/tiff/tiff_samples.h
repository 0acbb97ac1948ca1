/* tiff_samples.h: what the samples of a TIFF mean, and how rows of them become texels. Any thread.
 *
 * libtiff's own RGBA interface would do that too; but it misreads tiles that reach beyond the right
 * edge where a texel has more samples than colours, takes any further band for alpha, and loses the
 * alpha of grey. It is used only for what this file cannot decode (is_foreign). */
#ifndef MEGABUDDY_TOOLS_BAKE_TIFF_SAMPLES_H
#define MEGABUDDY_TOOLS_BAKE_TIFF_SAMPLES_H

#include "tools/bake/inputs/tiff/tiff_file.h"

#define TIFF_CHANNELS_MOST 5 /* four inks and alpha */

typedef struct tiff_samples {
    uint16_t photometric;
    uint16_t bits;     /* of a sample: 1, 2, 4, 8, 16 */
    uint16_t count;    /* samples a texel */
    bool planar;       /* each sample has blocks of its own */
    bool is_foreign;   /* YCbCr that no JPEG holds, Lab, Luv: by libtiff's RGBA interface, opaque */
    bool has_leftover; /* there are samples that are neither colours nor alpha */
    bool multiplied;   /* alpha is in the colours already */
    uint16_t alpha;    /* its sample; 0: none */
    uint16_t channels; /* samples that are wanted: the colours, then alpha */
    uint8_t palette[256][3];
} tiff_samples;

/* false: f->why says why the picture cannot be read. */
bool tiff_samples_of(tiff_file *f, tiff_samples *out);

/* Sample of channel i, below `channels`. */
static inline uint16_t tiff_samples_channel(const tiff_samples *s, uint16_t i)
{
    return s->alpha != 0 && i + 1 == s->channels ? s->alpha : i;
}

/* Bytes of a row of `width` texels of a block, or of one plane of it. */
size_t tiff_samples_row_bytes(const tiff_samples *s, uint32_t width);

/* Writes `width` texels, RGBA, straight alpha. rows[i] is the row that holds channel i: the same
 * one for all, unless planar. Precondition: not foreign. */
void tiff_samples_convert(const tiff_samples *s, const uint8_t *const rows[TIFF_CHANNELS_MOST],
                          uint32_t width, uint8_t *rgba);

#endif
