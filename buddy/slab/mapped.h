/* slab/mapped.h: blocks that are mapped from the system one by one, and a table of them, so that a
 * pointer is known before it is followed. Private to buddy/; any thread, under a lock of its own:
 * each call here goes with a call of the system that costs more.
 *
 *     cells   [ - | at, bytes | at, bytes | - | … ]   open addressing; a power of two of them
 */
#ifndef BUDDY_SLAB_MAPPED_H
#define BUDDY_SLAB_MAPPED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct slab_mapped_cell {
    void *at; /* NULL: nothing here */
    size_t bytes;
} slab_mapped_cell;

/* All need the lock. count <= cell_count / 2, so that a search ends. */
typedef struct slab_mapped {
    pthread_mutex_t lock;
    slab_mapped_cell *cells;
    size_t cell_count, count, bytes;
} slab_mapped;

bool slab_mapped_init(slab_mapped *m);   /* false: the system has no mutex to give */
void slab_mapped_finish(slab_mapped *m); /* unmaps all */

/* Zeroed memory; NULL when the system refuses. */
void *slab_mapped_alloc(slab_mapped *m, size_t alignment, size_t bytes);

/* The bytes that were given back; 0: no block begins there. */
size_t slab_mapped_free(slab_mapped *m, void *pointer);

/* The block with its contents in another size, moved by the system's page tables where that has to
 * be. NULL, and all is as it was, when the system refuses or no block begins there. */
void *slab_mapped_resize(slab_mapped *m, void *pointer, size_t bytes);

size_t slab_mapped_bytes(slab_mapped *m, const void *pointer); /* of that block; 0: none */

/* NULL when the table is whole, else a sentence. */
const char *slab_mapped_check(slab_mapped *m);

#endif
