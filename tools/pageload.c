/* pageload.c: find, read, unpack, in one go. */
#include "tools/pageload.h"

#include "engine/bc1.h"
#include "engine/bc5.h"

pagefile_status pageload_texels(const pagefile *file, vt_page p, uint32_t layer, uint8_t *texels)
{
    pagefile_entry entry;
    uint8_t stored[TEXEL_PAGE_MAX_BYTES];
    pagefile_status status = pagefile_find(file, p, layer, &entry);
    if (status == PAGEFILE_OK) {
        status = pagefile_read(file, &entry, stored);
    }
    if (status == PAGEFILE_OK) {
        const texel_format format = pagefile_get_info(file)->layers[layer].format;
        status = pagefile_unpack(entry.codec, stored, entry.bytes, format, texels);
    }
    return status;
}

pagefile_status pageload_rgba(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba)
{
    uint8_t blocks[TEXEL_PAGE_MAX_BYTES];
    const pagefile_info *info = pagefile_get_info(file);
    if (layer >= info->layer_count) {
        return PAGEFILE_NO_PAGE;
    }
    const texel_format format = info->layers[layer].format;
    if (format == TEXEL_RGBA8) {
        return pageload_texels(file, p, layer, rgba);
    }
    const pagefile_status status = pageload_texels(file, p, layer, blocks);
    if (status == PAGEFILE_OK) {
        const size_t row_bytes = texel_row_bytes(TEXEL_RGBA8);
        (format == TEXEL_BC5 ? bc5_unpack_page : bc1_unpack_rows)(blocks, rgba, row_bytes);
    }
    return status;
}
