/* convert.h: one page of texels from any format to any other. The streamer's workers convert where
 * the atlas is not in the format of the page file, tools where they look at a page or bake one.
 * Pure; any thread. */
#ifndef MEGABUDDY_ENGINE_CONVERT_H
#define MEGABUDDY_ENGINE_CONVERT_H

#include "engine/page/texel.h"

#include <stdbool.h>

/* Whether texels_convert can: whether both formats exist. */
bool texels_can_convert(vt_texel_format from, vt_texel_format to);

/* Converts the page at `source`, texel_page_bytes(from) of it. `target` has texel_page_rows rows,
 * of texels or of BC blocks, that are `row_bytes` apart; it is written once and never read, so it
 * may be write-combined memory. Returns false, and writes nothing, when there is no way.
 *
 * Unpacking is exact, packing loses. A channel that a format does not have is dropped, and comes
 * back as a default: alpha as 255, the blue of BC5 as 255, the green and blue of BC4 as its red.
 * From one compressed format to another it goes through RGBA8, with 64 KiB of stack. */
bool texels_convert(vt_texel_format from, const void *source, vt_texel_format to, void *target,
                    size_t row_bytes);

/* A page of mid grey, opaque; in BC5 a normal that stands upright. Rows as above. */
void texels_fill_grey(vt_texel_format format, void *target, size_t row_bytes);

#endif
