/* views.h: what C and GLSL must agree on for the views of the viewer: their numbers, and the
 * texture that says who lies in which slot of the atlas. Only #define lines, like vt_shared.h. */
#ifndef MEGABUDDY_VIEWS_H
#define MEGABUDDY_VIEWS_H

/* How the ground is coloured. */
#define VIEW_FINAL     0
#define VIEW_WANTED    1 /* by the mip that each pixel wants */
#define VIEW_GOT       2 /* by the mip that it shows */
#define VIEW_BORDERS   3 /* edges of pages, and of the clusters that they lie in */
#define VIEW_AGE       4 /* how long ago its page came into the atlas */
#define VIEW_HEAT      5 /* how many mips it lacks */
#define VIEW_WIREFRAME 6 /* edges of the mesh, over the final picture */

/* A texel of the slot map, RGBA8UI, one a slot of the atlas. */
#define SLOT_ORDER  x /* the largest square of siblings that it is part of: 2^order slots a side */
#define SLOT_AGE    y /* since its page came: SLOT_AGE_SCALE * log2(1 + seconds), at most 255 */
#define SLOT_UNUSED z /* feedback images since the page was last wanted, at most 255 */
#define SLOT_FLAGS  w
#define SLOT_USED   1u
#define SLOT_PINNED 2u

#define SLOT_AGE_SCALE 32.0

/* Texture unit of the slot map, and locations of uniforms: of views.frag, of map.frag. */
#define VIEW_UNIT_SLOTS    3
#define VIEW_LOCATION      0
#define MAP_LOCATION_SCALE 0
#define MAP_LOCATION_AGE   1

/* A colour a mip, sRGB, beginning anew after eight: neighbours differ in hue and in lightness. */
#define VIEW_TINTS  8
#define VIEW_TINT_0 0.93, 0.25, 0.22
#define VIEW_TINT_1 0.98, 0.60, 0.18
#define VIEW_TINT_2 0.95, 0.88, 0.30
#define VIEW_TINT_3 0.40, 0.78, 0.35
#define VIEW_TINT_4 0.25, 0.80, 0.80
#define VIEW_TINT_5 0.25, 0.50, 0.92
#define VIEW_TINT_6 0.55, 0.35, 0.85
#define VIEW_TINT_7 0.90, 0.45, 0.75

/* Mips that a pixel lacks, sRGB: 1, 2, 3 and more. */
#define VIEW_LACKS_1 0.96, 0.85, 0.25
#define VIEW_LACKS_2 0.97, 0.55, 0.15
#define VIEW_LACKS_3 0.85, 0.12, 0.15

#endif
