/* malloc/inside.h: memory for calls of malloc in the middle of a call of malloc. They come from a
 * library that wraps mmap or open and allocates in its wrapper, while the slabs or a thread's cache
 * are made, or at any call of the system after that; and from a handler of SIGABRT when malloc has
 * found that the program corrupts memory. The memory for them is a part of the library, so no call
 * is needed to get it. Private to libbuddy-malloc.so; any thread. No locks. Before it refuses a
 * request it lets the calls of other threads end.
 *
 *     room    [ unit 0 | unit 1 | …  ]     blocks of a buddy
 *     orders  [   3    |   0    | …  ]     order + 1 of the live block that begins with the unit */
#ifndef BUDDY_MALLOC_INSIDE_H
#define BUDDY_MALLOC_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

/* Enough for the loader to bring an unwinder, and little enough to be locked into memory. */
#define INSIDE_BYTES          ((size_t)256 << 10)
#define INSIDE_ALIGNMENT_MOST 4096u

/* Makes the room; a second time it does nothing. Before it there is none. */
void inside_make(void);

/* Aligned to `alignment`, a power of two, and to 16; its bytes are anything. NULL: no room. */
void *inside_alloc(size_t alignment, size_t bytes);

bool inside_owns(const void *pointer);

/* Precondition of both: inside_owns. False, and nothing is changed, where no live block begins. */
bool inside_free(void *pointer);
size_t inside_usable_size(const void *pointer); /* 0 there */

#endif
