/* region.h: memory from the operating system: the one place in buddy/ that maps, advises and
 * touches it. Private to buddy/; any thread.
 *
 *     region_map       [ may be used                                     ]
 *     region_reserve   [ opened by region_open |  addresses, no access   ]
 *     region_place     [ opened by region_extend | nothing is mapped     ]
 *     region_table     [ opened |     |  opened |     ]                     the same, in pieces
 *
 * What is reserved and not opened costs addresses and nothing else, even where a program locks all
 * its memory (mlockall) or leaves a core. What has only a place does not even count as addresses,
 * by which the system judges whether a program may lock its memory; but others may be quicker. */
#ifndef BUDDY_REGION_H
#define BUDDY_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maps `bytes` of zeroed memory, which costs address space only until it is touched, aligned to
 * `alignment`, a power of two. NULL, with errno set, when the system refuses. */
void *region_map(size_t bytes, size_t alignment);

/* As region_map, for memory that is asked for to be used: the system refuses what it could not
 * have, by its own measure (vm.overcommit_memory). */
void *region_map_counted(size_t bytes, size_t alignment);

/* Addresses of `bytes`, aligned to `alignment`, a power of two; nobody may touch them. Where they
 * lie is left to chance, in 2^46 / alignment places on a machine with 47 bits of addresses.
 * `counted`: what is opened of them counts as in region_map_counted. NULL, with errno set, when the
 * system refuses. */
void *region_reserve(size_t bytes, size_t alignment, bool counted);

/* A place for `bytes` as region_reserve chooses them, of which nothing is mapped yet. NULL where
 * places are not left to chance: close to each other they would be in each other's way. */
void *region_place(size_t bytes, size_t alignment);

/* Maps the pages [memory, memory + bytes) of such a place, counted. False, with errno set, when the
 * system refuses, or when something lies there by now; then nothing has changed. */
bool region_extend(void *memory, size_t bytes);

/* As region_reserve, at just this address, a multiple of the page, and not counted. EEXIST where
 * something lies there already. */
void *region_reserve_at(void *address, size_t bytes);

/* Lets the pages that these bytes of a reservation lie in be used; those that were open stay as
 * they are. False, with errno set, when the system refuses; then nothing has changed. */
bool region_open(void *memory, size_t bytes);

/* Zeros, of which parts are opened, each from its beginning on. */
typedef struct region_table {
    unsigned char *at; /* NULL: none; aligned to a page */
    size_t bytes;
    unsigned char *open; /* a byte a step, in a mapping before it: 1, it is mapped. NULL: it is
                            reserved as a whole */
} region_table;

bool region_table_init(region_table *t, size_t bytes); /* false, with errno set: refused */
void region_table_finish(region_table *t);             /* none: does nothing */

/* Lets [from, to) be used, of which [from, opened) has been opened before. False, with errno set,
 * when the system refuses. */
bool region_table_open(const region_table *t, size_t from, size_t opened, size_t to);

/* Puts what the file has from `offset` on, a multiple of the page, in the place of the first
 * `bytes` of a mapping, which begin a page. What is written there stays in memory. False, with
 * errno set, when the system refuses. */
bool region_map_file(void *memory, size_t bytes, int fd, uint64_t offset);

/* Lets everybody read a mapping, and nobody write to it any more. False, with errno set, when the
 * system refuses. */
bool region_protect(void *memory, size_t bytes);

/* Gives back `bytes` of addresses and what lies there. NULL does nothing. */
void region_unmap(void *memory, size_t bytes);

/* What region_map really takes for `bytes`: whole pages. */
size_t region_bytes(size_t bytes);

/* Touches every page without changing what it holds, so that no later access faults. Nobody else
 * may write to the memory meanwhile. */
void region_prefault(void *memory, size_t bytes);

/* Asks for transparent huge pages; a kernel without them does nothing. */
void region_huge_pages(void *memory, size_t bytes);

/* Makes the whole pages inside `bytes` at `memory` zero and gives them back to the system until
 * they are touched again. Returns the bytes that this was done to: all of those pages, or 0 where
 * the system refuses (pages that are locked stay), and then any of them may hold what they held. */
size_t region_discard(void *memory, size_t bytes);

/* What region_map returned for `bytes`, with its contents, in another size, elsewhere if need be.
 * NULL, and nothing has changed, when the system refuses. */
void *region_resize(void *memory, size_t bytes, size_t wanted);

#endif
