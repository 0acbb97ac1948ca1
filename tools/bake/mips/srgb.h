/* srgb.h: averages sRGB texels in linear light, by tables, the same on every machine. Any
 * thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_SRGB_H
#define MEGABUDDY_TOOLS_BAKE_SRGB_H

#include <stdint.h>

#define SRGB_ONE (1 << 22) /* linear 1.0: two bits of room for a sum of four in 24 */

/* An sRGB byte as linear light, 0 … SRGB_ONE, rounded to nearest. */
uint32_t srgb_decode(uint8_t value);

/* The sRGB byte nearest to a sum of four linear values, 0 … 4 * SRGB_ONE: nearest on the encoded
 * scale, halves up. */
uint8_t srgb_encode_sum(uint32_t sum_of_four);

/* Halves two rows of `width` RGBA texels to one of (width + 1) / 2: 2x2 box, RGB in linear light
 * and by alpha where that differs, alpha as it is; an odd last column counts twice. */
void srgb_halve_rows(const uint8_t *above, const uint8_t *below, uint32_t width, uint8_t *out);

#endif
