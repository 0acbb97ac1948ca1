/* pageload.h: one page straight from the file to texels, for looking at it. Any thread. */
#ifndef MEGABUDDY_TOOLS_PAGELOAD_H
#define MEGABUDDY_TOOLS_PAGELOAD_H

#include "engine/disk/pagefile.h"

/* Reads, checks and unpacks layer `layer` of page p to texel_page_bytes of its format. */
pagefile_status pageload_texels(const pagefile *file, vt_page p, uint32_t layer, uint8_t *texels);

/* The same, and turned into RGBA8: TEXEL_PAGE_MAX_BYTES at `rgba`. The layer "normal" gets its z.
 */
pagefile_status pageload_rgba(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba);

/* The same for somebody to look at: a layer of normals gets its z. */
pagefile_status pageload_shown(const pagefile *file, vt_page p, uint32_t layer, uint8_t *rgba);

#endif
