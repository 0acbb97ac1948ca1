/* slab/large.h: freed blocks of the buddy that are larger than any class, kept for the next request
 * of just that size: such buffers come and go, and fresh pages for them cost much. The buddy would
 * cut them up for others, and each next one would touch fresh pages beside those. Private to
 * buddy/; any thread.
 *
 *     cells   [ oldest | … | youngest | - | - ]    looked through; there are few
 */
#ifndef BUDDY_SLAB_LARGE_H
#define BUDDY_SLAB_LARGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_LARGE_CELLS 32u

typedef struct slab_large_cell {
    void *at;
    size_t bytes;
} slab_large_cell;

/* All need the lock. */
typedef struct slab_large {
    pthread_mutex_t lock;
    slab_large_cell cells[SLAB_LARGE_CELLS];
    uint32_t count;
} slab_large;

bool slab_large_init(slab_large *l); /* false: the system has no mutex to give */
void slab_large_finish(slab_large *l);

/* The youngest block of just `bytes`, which is then the caller's; NULL: none is kept. */
void *slab_large_take(slab_large *l, size_t bytes);

/* Keeps a block. Returns the one that has to go for it, or NULL. */
void *slab_large_keep(slab_large *l, void *at, size_t bytes);

/* Takes the oldest block out; NULL: there is none. */
void *slab_large_drop(slab_large *l);

#endif
