/* malloc/private.h: what the files of libbuddy-malloc.so tell each other. Each calls those below it
 * and none above; all of them stand on the public headers of the slabs, of fault and of track.
 *
 *     figures.c   what programs ask about the whole: mallinfo, malloc_stats, malloc_trim
 *        │
 *     malloc.c    malloc and its family
 *        │
 *     inside.c    memory for calls of malloc in the middle of a call */
#ifndef BUDDY_MALLOC_PRIVATE_H
#define BUDDY_MALLOC_PRIVATE_H

#include "buddy/slabs.h"

#define EXPORTED    __attribute__((visibility("default")))
#define MALLOC_LINE 512u /* bytes of what is told, the end included */

/* The slabs, which are made where there are none; NULL without memory, and for a thread that is in
 * the middle of a call already. */
buddy_slabs *malloc_slabs(void);

/* Writes one line with our name before it. Allocates nothing, and is no cancellation point. */
void malloc_tell(const char *line);

#endif
