/* hostile.h: what anybody may do with a page file that somebody hands them: open it, look up every
 * page, read it, unpack it. Used by the fuzzer and by the test that runs everywhere. */
#ifndef MEGABUDDY_TESTS_HOSTILE_H
#define MEGABUDDY_TESTS_HOSTILE_H

#include "engine/texels/unpack.h"

#include <stdlib.h>

#define HOSTILE_MAX_PAGES 512 /* looked at in one file, so that one input stays quick */

/* Returns how many layers of pages came out whole. Whatever the file holds, this must return. */
static inline uint32_t hostile_read_all(const char *path)
{
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], texels[TEXEL_PAGE_MAX_BYTES];
    pagefile *file = NULL;
    uint32_t whole = 0, looked = 0;
    if (pagefile_open(path, &file) != PAGEFILE_OK) {
        return 0;
    }
    unpacker *u = unpacker_create();
    if (u == NULL) {
        abort();
    }
    const vt_info *info = pagefile_get_info(file);
    const uint32_t layers = info->layer_count;
    for (uint32_t mip = 0; mip < info->shape.mips; mip++) {
        const uint32_t columns = page_columns(&info->shape, mip);
        const uint32_t count = columns * page_rows(&info->shape, mip) * layers;
        for (uint32_t i = 0; i < count && looked < HOSTILE_MAX_PAGES; i++, looked++) {
            const vt_page p = {0, (uint8_t)mip, (uint16_t)(i / layers % columns),
                               (uint16_t)(i / layers / columns)};
            const vt_texel_format format = info->layers[i % layers].format;
            pagefile_entry e;
            whole += pagefile_find(file, p, i % layers, &e) == PAGEFILE_OK &&
                     (pagefile_read(file, &e, stored) == PAGEFILE_OK ||
                      i % 2 == 0) && /* what has a bad checksum must unpack safely too */
                     unpacker_run(u, e.codec, stored, e.bytes, format, texels);
        }
    }
    (void)pagefile_scan_heights(file, NULL, NULL);
    unpacker_destroy(u);
    pagefile_close(file);
    return whole;
}

#endif
