/* pageload.c: find, read, unpack, in one go. */
#include "tools/picture/pageload.h"

#include "engine/texels/convert.h"
#include "engine/texels/unpack.h"

#include <math.h>
#include <string.h>

static pagefile_status unpack(const pagefile_entry *entry, const uint8_t *stored,
                              vt_texel_format format, uint8_t *texels)
{
    unpacker *u = unpacker_create(); /* a few microseconds; reading took longer */
    if (u == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    const bool done = unpacker_run(u, entry->codec, stored, entry->bytes, format, texels);
    unpacker_destroy(u);
    return done ? PAGEFILE_OK : PAGEFILE_BAD_PAGE;
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

/* A normal has its x and y in the file; z is what is left of a unit vector. */
static void rebuild_normals(uint8_t *rgba)
{
    for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++, rgba += 4) {
        const float x = ((float)rgba[0] - 128) / 127, y = ((float)rgba[1] - 128) / 127;
        const float rest = 1 - x * x - y * y;
        rgba[2] = (uint8_t)((rest > 0 ? sqrtf(rest) : 0) * 127 + 128.5f);
    }
}

pagefile_status pageload_rgba(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba)
{
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const pagefile_status status = pageload_texels(file, p, layer, texels);
    if (status == PAGEFILE_OK) {
        const vt_texel_format format = pagefile_get_info(file)->layers[layer].format;
        texels_convert(format, texels, VT_TEXEL_RGBA8, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
    }
    return status;
}

pagefile_status pageload_shown(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba)
{
    const pagefile_status status = pageload_rgba(file, p, layer, rgba);
    if (status == PAGEFILE_OK) {
        const vt_layer *l = &pagefile_get_info(file)->layers[layer];
        if (l->format == VT_TEXEL_BC5 && strcmp(l->name, "normal") == 0) {
            rebuild_normals(rgba);
        }
    }
    return status;
}
