/* slab/classes.h: size classes, by arithmetic alone: from a class to its bytes. From bytes to their
 * class goes buddy_slabs_class in slabs.h. Private to buddy/slab; pure, any thread.
 *
 *     class    0   1  …  15 |  16  17  …  23 |  24  …  31 | …    71 | …    119
 *     bytes   16  32 … 256  | 288 320 … 512  | 576 … 1024 | … 32768 | … 2 MiB
 *
 * The first 72 are of objects, the others of blocks, which are whole pages.
 *
 * Classes lie 16 bytes apart up to 256, which is eight steps from 128 to 256 too; and eight to a
 * doubling above. Every class is a multiple of each power of two that the sizes it is for may all
 * be rounded up to, so that an alignment costs no more than rounding the size up to it. */
#ifndef BUDDY_SLAB_CLASSES_H
#define BUDDY_SLAB_CLASSES_H

#include <stdint.h>

#define SLAB_FINE_CLASSES 16u   /* the first ones, 16 bytes apart */
#define SLAB_SMALL_BYTES  8192u /* objects up to this lie in slabs of one chunk */

#define SLAB_BLOCK_CLASSES 48u                 /* above those of objects … */
#define SLAB_BLOCK_MOST    (UINT32_C(2) << 20) /* … up to this; larger blocks have no classes */

/* Bytes of an object of a class. */
static inline uint32_t slab_class_bytes(uint32_t class)
{
    if (class < SLAB_FINE_CLASSES) {
        return (class + 1) * 16;
    }
    uint32_t doubling = 8 + (class - SLAB_FINE_CLASSES) / 8;
    uint32_t step = class % 8 + 1; /* SLAB_FINE_CLASSES is a multiple of 8 */
    return (UINT32_C(1) << doubling) + (step << (doubling - 3));
}

#endif
