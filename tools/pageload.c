/* pageload.c: find, read, unpack, in one go. */
#include "tools/pageload.h"

#include "engine/convert.h"
#include "engine/unpack.h"

static pagefile_status unpack(const pagefile_entry *entry, const uint8_t *stored,
                              texel_format format, uint8_t *texels)
{
    unpacker *u = unpacker_create(); /* a few microseconds; reading took longer */
    if (u == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    const pagefile_status status =
        unpacker_run(u, entry->codec, stored, entry->bytes, format, texels);
    unpacker_destroy(u);
    return status;
}

pagefile_status pageload_texels(const pagefile *file, vt_page p, uint32_t layer, uint8_t *texels)
{
    pagefile_entry entry;
    uint8_t stored[TEXEL_PAGE_MAX_BYTES];
    pagefile_status status = pagefile_find(file, p, layer, &entry);
    if (status == PAGEFILE_OK) {
        status = pagefile_read(file, &entry, stored);
    }
    if (status == PAGEFILE_OK) {
        status = unpack(&entry, stored, pagefile_get_info(file)->layers[layer].format, texels);
    }
    return status;
}

pagefile_status pageload_rgba(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba)
{
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const pagefile_status status = pageload_texels(file, p, layer, texels);
    if (status == PAGEFILE_OK) {
        const texel_format format = pagefile_get_info(file)->layers[layer].format;
        texels_convert(format, texels, TEXEL_RGBA8, rgba, texel_row_bytes(TEXEL_RGBA8));
    }
    return status;
}
