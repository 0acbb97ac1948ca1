#include "buddy/slab/large.h"

#include <string.h>

bool slab_large_init(slab_large *l)
{
    l->count = 0;
    return pthread_mutex_init(&l->lock, NULL) == 0;
}

void slab_large_finish(slab_large *l)
{
    pthread_mutex_destroy(&l->lock);
}

/* Takes a cell out, and the younger ones move down. Needs the lock. */
static void *take_out(slab_large *l, uint32_t i)
{
    void *at = l->cells[i].at;
    l->count--;
    memmove(&l->cells[i], &l->cells[i + 1], (l->count - i) * sizeof l->cells[0]);
    return at;
}

void *slab_large_take(slab_large *l, size_t bytes)
{
    void *at = NULL;
    pthread_mutex_lock(&l->lock);
    uint32_t i = l->count;
    while (i > 0 && l->cells[i - 1].bytes != bytes) {
        i--;
    }
    if (i > 0) {
        at = take_out(l, i - 1);
    }
    pthread_mutex_unlock(&l->lock);
    return at;
}

void *slab_large_keep(slab_large *l, void *at, size_t bytes)
{
    pthread_mutex_lock(&l->lock);
    void *oldest = l->count == SLAB_LARGE_CELLS ? take_out(l, 0) : NULL;
    l->cells[l->count++] = (slab_large_cell){at, bytes};
    pthread_mutex_unlock(&l->lock);
    return oldest;
}

void *slab_large_drop(slab_large *l)
{
    pthread_mutex_lock(&l->lock);
    void *oldest = l->count != 0 ? take_out(l, 0) : NULL;
    pthread_mutex_unlock(&l->lock);
    return oldest;
}
