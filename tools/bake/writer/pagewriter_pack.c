/* pagewriter_pack.c: each codec packs into memory of the packer; the result is then copied to
 * memory of just its size, since a baker holds many pages at a time. */
#include "tools/bake/writer/pagewriter.h"

#include "engine/disk/pagefile_format.h"

#include <assert.h>
#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <zstd.h>

enum {
    ZSTD_LEVEL = 3,    /* zstd's own default */
    ZSTD_MOST = 19,    /* the levels above are for windows larger than a page */
    JPEG_QUALITY = 90, /* losses are hard to see, and half the bytes of quality 100 are saved */
    JPEG_MOST = 100,
};

struct packer {
    ZSTD_CCtx *zstd;
    tjhandle jpeg;
    void *lz4;                            /* room for either state of LZ4 */
    uint8_t packed[TEXEL_PAGE_MAX_BYTES]; /* the page at hand */
};

packer *packer_create(void)
{
    packer *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    const int fast = LZ4_sizeofState(), slow = LZ4_sizeofStateHC();
    k->lz4 = malloc((size_t)(fast > slow ? fast : slow));
    k->zstd = ZSTD_createCCtx();
    k->jpeg = tjInitCompress();
    if (k->lz4 == NULL || k->zstd == NULL || k->jpeg == NULL) {
        packer_destroy(k);
        return NULL;
    }
    return k;
}

void packer_destroy(packer *k)
{
    if (k == NULL) {
        return;
    }
    free(k->lz4);
    ZSTD_freeCCtx(k->zstd);
    if (k->jpeg != NULL) {
        tjDestroy(k->jpeg);
    }
    free(k);
}

/* The functions below return the bytes that they put into k->packed; 0: packing made the page no
 * smaller. */

/* Both modes of LZ4 clear their state first, 16 or 256 KiB: otherwise a page's packed bytes would
 * depend on the page before. */
static size_t pack_lz4(packer *k, const void *texels, size_t bytes, int level)
{
    assert(level >= 0 && level <= LZ4HC_CLEVEL_MAX);
    char *packed = (char *)k->packed;
    const int raw = (int)bytes;
    const int got = level == 0
                        ? LZ4_compress_fast_extState(k->lz4, texels, packed, raw, raw - 1, 1)
                        : LZ4_compress_HC_extStateHC(k->lz4, texels, packed, raw, raw - 1, level);
    return got > 0 ? (size_t)got : 0;
}

static size_t pack_zstd(packer *k, const void *texels, size_t bytes, int level)
{
    assert(level >= 0 && level <= ZSTD_MOST);
    const int wanted = level ? level : ZSTD_LEVEL;
    if (ZSTD_isError(ZSTD_CCtx_setParameter(k->zstd, ZSTD_c_compressionLevel, wanted))) {
        return 0;
    }
    const size_t got = ZSTD_compress2(k->zstd, k->packed, bytes - 1, texels, bytes);
    return ZSTD_isError(got) ? 0 : got;
}

static size_t pack_jpeg(packer *k, const void *texels, int quality)
{
    assert(quality >= 0 && quality <= JPEG_MOST);
    unsigned char *packed = k->packed;
    unsigned long got = sizeof k->packed;
    assert(tjBufSize(VT_PAGE_TEXELS, VT_PAGE_TEXELS, TJSAMP_420) <= sizeof k->packed);
    const int failed = tjCompress2(k->jpeg, texels, VT_PAGE_TEXELS, 0, VT_PAGE_TEXELS, TJPF_RGBX,
                                   &packed, &got, TJSAMP_420, quality ? quality : JPEG_QUALITY,
                                   TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT);
    return failed ? 0 : got;
}

static size_t pack(packer *k, const void *texels, size_t bytes, pagewriter_packing how)
{
    switch (how.codec) {
    case PAGE_LZ4:
        return pack_lz4(k, texels, bytes, how.level);
    case PAGE_ZSTD:
        return pack_zstd(k, texels, bytes, how.level);
    case PAGE_JPEG:
        return pack_jpeg(k, texels, how.level);
    case PAGE_STORED:
        break;
    }
    return 0;
}

pagewriter_packed pagewriter_pack(packer *k, vt_texel_format format, const void *texels,
                                  pagewriter_packing how)
{
    assert(texel_page_bytes(format) > 0);
    assert(how.codec != PAGE_JPEG || format == VT_TEXEL_RGBA8);
    const size_t raw = texel_page_bytes(format), got = pack(k, texels, raw, how);
    pagewriter_packed packed = {.codec = got > 0 ? how.codec : PAGE_STORED,
                                .bytes = (uint32_t)(got > 0 ? got : raw)};
    if (got == 0 && how.codec == PAGE_JPEG) {
        return packed; /* no memory: a lossy layer has no other pages */
    }
    packed.data = malloc(packed.bytes);
    if (packed.data != NULL) {
        memcpy(packed.data, got > 0 ? k->packed : texels, packed.bytes);
        packed.checksum = crc32c(0, packed.data, packed.bytes);
    }
    return packed;
}
