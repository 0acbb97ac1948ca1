/* unpack.h: from the stored bytes of a page's layer back to its texels, whatever the codec.
 *
 * Decoders need memory of their own. An unpacker holds it, so that unpacking a page allocates
 * nothing (but for the rows of a JPEG, which its library takes from the system page by page). Each
 * worker has an unpacker. Stored bytes are not trusted: anybody can write a file with right
 * checksums.
 *
 * Threads: an unpacker is one thread's at a time; different ones at once. */
#ifndef MEGABUDDY_ENGINE_UNPACK_H
#define MEGABUDDY_ENGINE_UNPACK_H

#include "engine/page/codec.h"
#include "engine/page/texel.h"

#include <stdbool.h>

typedef struct unpacker unpacker;

unpacker *unpacker_create(void);    /* NULL: no memory */
void unpacker_destroy(unpacker *u); /* NULL does nothing */

/* Bytes that an unpacker holds at most, while it unpacks: part of the RAM budget. Pure. */
uint64_t unpacker_memory_bytes(void);

/* Unpacks stored bytes to the texels of `format`: exactly texel_page_bytes(format) at `texels`.
 * False, and then those bytes may be anything: the stored bytes do not decode to just that, or a
 * JPEG is not of a page's size or not for VT_TEXEL_RGBA8. */
bool unpacker_run(unpacker *u, page_codec codec, const void *stored, uint32_t stored_bytes,
                  vt_texel_format format, void *texels);

#endif
