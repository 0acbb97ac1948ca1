/* codec.h: how the bytes of a page are packed, on disk and in RAM; texels/unpack.h undoes it. */
#ifndef MEGABUDDY_ENGINE_CODEC_H
#define MEGABUDDY_ENGINE_CODEC_H

/* Values are part of the page file: never renumber. */
typedef enum page_codec {
    PAGE_STORED = 0, /* as they are */
    PAGE_LZ4 = 1,    /* one block; the fast and the slow packer write the same format */
    PAGE_ZSTD = 2,   /* one frame, without a dictionary */
    PAGE_JPEG = 3,   /* a whole picture of 128 x 128, in a layer of VT_TEXEL_RGBA8; alpha is 255 */
} page_codec;

#endif
