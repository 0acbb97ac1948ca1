/* plain.h: a world as one ordinary mip-mapped texture, all of it on the card: the yardstick for
 * what streaming costs. Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_PLAIN_H
#define MEGABUDDY_TOOLS_VIEW_PLAIN_H

#include "engine/vt.h"

#define PLAIN_MOST_BYTES (UINT64_C(1) << 30) /* of such a texture; a larger one is not tried */

/* Whether layer 0 of texture 1 fits into one texture of this card, in the atlas' texel format. */
bool plain_fits(const vt *world);

/* Loads it, filtered as the streamer filters: trilinear, or anisotropic if the world's settings say
 * so. Returns the texture's name; 0: `error` has one line. Shows progress when it takes long. */
uint32_t plain_load(const vt *world, char *error, uint32_t error_bytes);

#endif
