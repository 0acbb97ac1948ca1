/* vt_shared.h: the constants and bit layouts that C and GLSL must agree on. Included by both, so it
 * holds only #define lines that mean the same in either language. */
#ifndef MEGABUDDY_SHARED_H
#define MEGABUDDY_SHARED_H

/* A page as stored, payload and border on both sides, in texels. */
#define VT_PAGE_TEXELS 128

/* A packed page id, as the feedback pass writes it and the CPU queues it; 0 is "no page".
 *   31      26 25   22 21        11 10         0
 *   | texture | mip   | y          | x          |
 * texture counts from 1, so no page packs to 0. 11 bits a side: 2048 pages of 112 texels reach
 * 229,376 texels, beyond the 131,072 that the project aims at. */
#define VT_ID_X_BITS        11
#define VT_ID_Y_BITS        11
#define VT_ID_MIP_BITS      4
#define VT_ID_TEXTURE_BITS  6
#define VT_ID_Y_SHIFT       11
#define VT_ID_MIP_SHIFT     22
#define VT_ID_TEXTURE_SHIFT 26

/* An entry of the page table (RG32UI, one texel a page, all mips in one level: page/page.h has
 * the layout). It names the slot of the nearest resident page at or above its own, and of the nearest
 * one above that (coarser), from which it fades in. First and second word:
 *   31            16 15             0      31    24 23  10    9         8    7        4 3    0
 *   | coarser slot  | slot           |     | fade  | 0    | coarser ok | ok | coarser mip | mip |
 * A slot is y << 8 | x. ok: 1 when there is such a page; mip: that page's; fade: 0 when it has just
 * arrived, 255 when it has faded in. */
#define VT_ENTRY_SLOT_SHIFT        0
#define VT_ENTRY_COARSE_SLOT_SHIFT 16
#define VT_ENTRY_MIP_SHIFT         0
#define VT_ENTRY_COARSE_MIP_SHIFT  4
#define VT_ENTRY_OK_SHIFT          8
#define VT_ENTRY_COARSE_OK_SHIFT   9
#define VT_ENTRY_FADE_SHIFT        24

/* Texture units and the uniform block binding that vt_bind() uses. */
#define VT_UNIT_TABLE    8
#define VT_UNIT_AUDIT    9
#define VT_UNIT_ATLAS    10 /* layer i is bound to unit VT_UNIT_ATLAS + i */
#define VT_BLOCK_BINDING 7
#define VT_MAX_LAYERS    4

/* The audit texture has so many texels a side for each slot; each holds the id of the page there. */
#define VT_AUDIT_TEXELS 8

/* What vt_audit() says of a pixel. */
#define VT_AUDIT_NOTHING 0 /* no textured surface */
#define VT_AUDIT_HOLE    1 /* textured, and no ancestor resident */
#define VT_AUDIT_WRONG   2 /* shows another page's texels */
#define VT_AUDIT_COARSER 3 /* right, but coarser than the mip it wanted */
#define VT_AUDIT_SHARP   4 /* right, at the mip it wanted */

#endif
