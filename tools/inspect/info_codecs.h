/* info_codecs.h: what a world would be in each format and codec. One thread. */
#ifndef MEGABUDDY_TOOLS_INFO_CODECS_H
#define MEGABUDDY_TOOLS_INFO_CODECS_H

#include "engine/disk/pagefile.h"

#define INFO_CODECS_PAGES 256 /* a sample that takes a few seconds */

/* Prints a table: bytes, decibels and rates of each format and packing, over a sample of at most
 * `pages` pages of a layer, spread over the world, half of them of mip 0. Decibels are against the
 * texels that the file has. */
pagefile_status info_codecs_print(const pagefile *file, uint32_t layer, uint32_t pages);

#endif
