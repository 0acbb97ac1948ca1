/* unpack.c: one decoder a codec. Each is asked for exactly one page, and may give nothing else. */
#include "engine/texels/unpack.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <zstd.h>

enum {
    /* ZSTD_sizeof_DCtx says 94 KiB with version 1.5.4, and unpacking in one go adds nothing. */
    ZSTD_BYTES = 128 << 10,
    /* Seen: 27 KiB for a picture of one pass, and 119 for a progressive one, of which all
     * coefficients are kept. */
    JPEG_BYTES = 160 << 10,
    /* A warning means that the picture is not whole: stop. And limit the scans: a page could hold
     * thousands of them, each of which is decoded in full. */
    JPEG_FLAGS = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS | TJFLAG_ACCURATEDCT,
};

struct unpacker {
    ZSTD_DCtx *zstd;
    tjhandle jpeg; /* NULL: the last one was dropped; has_jpeg makes another */
};

/* Stored bytes, and where they should go. */
typedef struct unpacking {
    const uint8_t *stored;
    uint32_t stored_bytes;
    uint8_t *texels;
    size_t bytes;
} unpacking;

static bool has_jpeg(unpacker *u)
{
    if (u->jpeg == NULL) {
        u->jpeg = tjInitDecompress();
    }
    return u->jpeg != NULL;
}

static void drop_jpeg(unpacker *u)
{
    if (u->jpeg != NULL) {
        tjDestroy(u->jpeg);
        u->jpeg = NULL;
    }
}

unpacker *unpacker_create(void)
{
    unpacker *u = calloc(1, sizeof *u);
    if (u == NULL) {
        return NULL;
    }
    u->zstd = ZSTD_createDCtx();
    if (u->zstd == NULL || !has_jpeg(u)) {
        unpacker_destroy(u);
        return NULL;
    }
    return u;
}

void unpacker_destroy(unpacker *u)
{
    if (u == NULL) {
        return;
    }
    ZSTD_freeDCtx(u->zstd);
    drop_jpeg(u);
    free(u);
}

uint64_t unpacker_memory_bytes(void)
{
    return sizeof(unpacker) + ZSTD_BYTES + JPEG_BYTES;
}

static bool copy(const unpacking *p)
{
    if (p->stored_bytes != p->bytes) {
        return false;
    }
    memcpy(p->texels, p->stored, p->bytes);
    return true;
}

static bool unpack_lz4(const unpacking *p)
{
    const int got = LZ4_decompress_safe((const char *)p->stored, (char *)p->texels,
                                        (int)p->stored_bytes, (int)p->bytes);
    return got == (int)p->bytes;
}

/* Unpacks a zstd frame. The decoder uses the texels themselves as its window, so a frame that asks
 * for a large one gets no memory. The library would also accept several frames, skippable frames
 * and frames of zstd's old formats, whose decoders are not maintained any more: only one frame of
 * today's format is a page. */
static bool unpack_zstd(unpacker *u, const unpacking *p)
{
    static const uint8_t MAGIC[4] = {0x28, 0xb5, 0x2f, 0xfd};
    if (p->stored_bytes < sizeof MAGIC || memcmp(p->stored, MAGIC, sizeof MAGIC) != 0 ||
        ZSTD_findFrameCompressedSize(p->stored, p->stored_bytes) != p->stored_bytes) {
        return false;
    }
    return ZSTD_decompressDCtx(u->zstd, p->texels, p->bytes, p->stored, p->stored_bytes) ==
           p->bytes;
}

/* Whether it is a picture of a page's size. After a failure here TurboJPEG 2.1.5 was seen to go on
 * with the next picture in the middle of this one's header, and to fail for good: so the handle is
 * dropped. */
static bool has_header_of_page(unpacker *u, const unpacking *p)
{
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(u->jpeg, p->stored, p->stored_bytes, &width, &height, &subsampling,
                            &colours) != 0) {
        drop_jpeg(u);
        return false;
    }
    return width == VT_PAGE_TEXELS && height == VT_PAGE_TEXELS;
}

/* Unpacks a JPEG. What has anything behind the picture's end mark is not a page. */
static bool unpack_jpeg(unpacker *u, const unpacking *p)
{
    static const uint8_t END[2] = {0xff, 0xd9};
    if (p->stored_bytes < sizeof END ||
        memcmp(p->stored + p->stored_bytes - sizeof END, END, sizeof END) != 0 || !has_jpeg(u) ||
        !has_header_of_page(u, p)) {
        return false;
    }
    return tjDecompress2(u->jpeg, p->stored, p->stored_bytes, p->texels, VT_PAGE_TEXELS, 0,
                         VT_PAGE_TEXELS, TJPF_RGBA, JPEG_FLAGS) == 0;
}

bool unpacker_run(unpacker *u, page_codec codec, const void *stored, uint32_t stored_bytes,
                  vt_texel_format format, void *texels)
{
    const unpacking p = {stored, stored_bytes, texels, texel_page_bytes(format)};
    bool done = false;
    if (p.bytes == 0 || stored_bytes > TEXEL_PAGE_MAX_BYTES) {
        return false;
    }
    switch (codec) {
    case PAGE_STORED:
        done = copy(&p);
        break;
    case PAGE_LZ4:
        done = unpack_lz4(&p);
        break;
    case PAGE_ZSTD:
        done = unpack_zstd(u, &p);
        break;
    case PAGE_JPEG:
        done = format == VT_TEXEL_RGBA8 && unpack_jpeg(u, &p);
        break;
    }
    return done;
}
