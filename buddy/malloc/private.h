/* malloc/private.h: what the files of libbuddy-malloc.so tell each other.
 *
 * malloc.c          malloc and its family
 * malloc/inside.c   memory for who calls them from inside
 * malloc/figures.c  what programs ask about the whole: mallinfo, malloc_stats, malloc_trim */
#ifndef BUDDY_MALLOC_PRIVATE_H
#define BUDDY_MALLOC_PRIVATE_H

#include "buddy/slab/private.h"

#define EXPORTED    __attribute__((visibility("default")))
#define MALLOC_LINE 512u /* bytes of what is told, the end included */

/* The slab, which is made where there is none; NULL without memory, and for who is at work inside
 * it already. */
buddy_slabs *malloc_slab(void);

/* Writes one line with our name before it. Allocates nothing, and is no cancellation point. */
void malloc_tell(const char *line);

#endif
