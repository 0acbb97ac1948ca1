/* codecs.h: a page packed or unpacked where no packer or unpacker is at hand. */
#ifndef MEGABUDDY_TESTS_CODECS_H
#define MEGABUDDY_TESTS_CODECS_H

#include "engine/texels/unpack.h"
#include "tools/bake/writer/pagewriter.h"

#include <stdlib.h>

/* data is NULL when there is no memory. */
static inline pagewriter_packed codecs_pack(vt_texel_format format, const void *texels,
                                            pagewriter_packing how)
{
    pagewriter_packed packed = {.data = NULL};
    packer *k = packer_create();
    if (k != NULL) {
        packed = pagewriter_pack(k, format, texels, how);
    }
    packer_destroy(k);
    return packed;
}

static inline pagewriter_packed codecs_pack_lz4(vt_texel_format format, const void *texels)
{
    return codecs_pack(format, texels, (pagewriter_packing){PAGE_LZ4, 0});
}

static inline pagefile_status codecs_unpack(page_codec codec, const void *stored,
                                            uint32_t stored_bytes, vt_texel_format format,
                                            void *texels)
{
    pagefile_status status = PAGEFILE_NO_MEMORY;
    unpacker *u = unpacker_create();
    if (u != NULL) {
        status = unpacker_run(u, codec, stored, stored_bytes, format, texels) ? PAGEFILE_OK
                                                                              : PAGEFILE_BAD_PAGE;
    }
    unpacker_destroy(u);
    return status;
}

#endif
