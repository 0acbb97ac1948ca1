/* locality_sources.c: the heap and a typed pool, with hints and without, and the C library's
 * malloc.
 *
 * Ours have room for a quarter more nodes than are live at a time, so that there is a choice; a
 * malloc has all the memory there is. */
#include <stdlib.h>

#include "buddy/heap.h"
#include "buddy/pool.h"
#include "tools/bench/locality/locality_trial.h"

#define UNIT_BYTES 32u /* a node rounded up to a power of two, as glibc's chunk for it is */
#define PAGE_BYTES 4096u

BUDDY_POOL(node_pool, node);

static size_t with_room(size_t nodes)
{
    return nodes + nodes / 4;
}

static void *open_heap(uint32_t nodes)
{
    size_t bytes = (with_room(nodes) * UNIT_BYTES + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return buddy_heap_create(&(buddy_heap_desc){
        .bytes = bytes, .unit_bytes = UNIT_BYTES, .checks = BUDDY_HEAP_CHECKS_OFF});
}

static node *take_heap(void *self, const node *near)
{
    (void)near;
    return buddy_heap_alloc(self, sizeof(node));
}

static node *take_heap_near(void *self, const node *near)
{
    return buddy_heap_alloc_near(self, sizeof(node), near);
}

static void give_heap(void *self, node *n)
{
    (void)buddy_heap_free_sized(self, n, sizeof *n);
}

static void *open_pool(uint32_t nodes)
{
    return node_pool_create(&(buddy_pool_desc){.capacity = with_room(nodes)});
}

static node *take_pool(void *self, const node *near)
{
    (void)near;
    return node_pool_alloc(self);
}

static node *take_pool_near(void *self, const node *near)
{
    return node_pool_alloc_near(self, near);
}

static void give_pool(void *self, node *n)
{
    (void)node_pool_free(self, n);
}

static void *open_malloc(uint32_t nodes)
{
    static char self;
    (void)nodes;
    return &self;
}

static node *take_malloc(void *self, const node *near)
{
    (void)self, (void)near;
    return malloc(sizeof(node));
}

static void give_malloc(void *self, node *n)
{
    (void)self;
    free(n);
}

static const node_source SOURCES[] = {
    {"pool-near", open_pool, take_pool_near, give_pool}, {"pool", open_pool, take_pool, give_pool},
    {"heap-near", open_heap, take_heap_near, give_heap}, {"heap", open_heap, take_heap, give_heap},
    {"malloc", open_malloc, take_malloc, give_malloc},
};

const node_source *locality_sources(uint32_t *count)
{
    *count = sizeof SOURCES / sizeof SOURCES[0];
    return SOURCES;
}
