/* heat.h: the difference of two pictures in colours that grow hotter, from black for none over red
 * to white. Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_HEAT_H
#define MEGABUDDY_TOOLS_VIEW_HEAT_H

#include <stddef.h>
#include <stdint.h>

#define HEAT_AMPLIFIED_MOST 64

/* The colour of a heat from 0 to 255, RGB. */
void heat_colour(uint8_t heat, uint8_t rgb[3]);

/* Draws how much a and b (RGBA) differ, for each pixel the largest of its three channels, amplified
 * by a power of two, 1 … HEAT_AMPLIFIED_MOST: the largest that leaves 999 in 1000 of the pixels
 * that differ below white. Pixels whose verdict is VT_AUDIT_NOTHING are grey: nothing is compared
 * there. `out`: RGBA; it may be a or b. Returns the amplification; 0: no pixel differs. */
uint32_t heat_draw(const uint8_t *a, const uint8_t *b, const uint8_t *verdicts, size_t pixels,
                   uint8_t *out);

#endif
