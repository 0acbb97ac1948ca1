/* region.h: memory from the operating system: the one place in buddy/ that maps, advises and
 * touches it. Private to buddy/; any thread. */
#ifndef BUDDY_REGION_H
#define BUDDY_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maps `bytes` of zeroed memory, which costs address space only until it is touched, aligned to
 * `alignment`, a power of two. NULL, with errno set, when the system refuses. */
void *region_map(size_t bytes, size_t alignment);

/* As region_map, at just this address, a multiple of the page. EEXIST where something lies there
 * already. */
void *region_map_at(void *address, size_t bytes);

/* Puts what the file has from `offset` on, a multiple of the page, in the place of the first
 * `bytes` of a mapping, which begin a page. What is written there stays in memory. False, with
 * errno set, when the system refuses. */
bool region_map_file(void *memory, size_t bytes, int fd, uint64_t offset);

/* Lets nobody write to a mapping any more. False, with errno set, when the system refuses. */
bool region_protect(void *memory, size_t bytes);

/* Gives back what region_map returned for `bytes`. NULL does nothing. */
void region_unmap(void *memory, size_t bytes);

/* What region_map really takes for `bytes`: whole pages. */
size_t region_bytes(size_t bytes);

/* Touches every page without changing what it holds, so that no later access faults. Nobody else
 * may write to the memory meanwhile. */
void region_prefault(void *memory, size_t bytes);

/* Asks for transparent huge pages; a kernel without them does nothing. */
void region_huge_pages(void *memory, size_t bytes);

/* Makes the whole pages inside `bytes` at `memory` zero and gives them back to the system until
 * they are touched again. Returns the bytes that this was done to. */
size_t region_discard(void *memory, size_t bytes);

/* What region_map returned for `bytes`, with its contents, in another size, elsewhere if need be.
 * NULL, and nothing has changed, when the system refuses. */
void *region_resize(void *memory, size_t bytes, size_t wanted);

#endif
