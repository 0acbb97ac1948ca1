/* voids.h: gives heights to samples that have none: beyond the edge of what was measured, at sea,
 * in a mountain's radar shadow. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_VOIDS_H
#define MEGABUDDY_TOOLS_BAKE_VOIDS_H

#include "tools/bake/inputs/heights/heights.h"

#define VOIDS_NONE INT16_MIN /* metres of a sample that has no height */

/* Gives every sample a height: voids that reach the raster's edge are taken for the sea, 0; holes
 * inside are filled smoothly from what lies around them. false: no memory, and nothing is
 * changed. */
bool voids_fill(heights *h);

#endif
