/* plugin.c: heaps, pools and slabs in a plugin, in C. */
#include "tests/buddy/plugin/plugin.h"

#include <stddef.h>

#include "buddy/fault.h"
#include "buddy/heap.h"
#include "buddy/pool.h"
#include "buddy/slab.h"
#include "buddy/track.h"

typedef struct node {
    struct node *next;
    long value;
} node;

BUDDY_POOL(nodes, node);

static heap *the_heap, *watched_heap;
static nodes *the_pool;
static slab *the_slab;
static fault *the_fault;
static track *the_track;

static bool begin_watched(void)
{
    the_fault = fault_create(&(fault_plan){.nth = UINT64_MAX});
    the_track = track_create(&(track_desc){.blocks = 64, .sites = 16});
    if (the_fault != NULL && the_track != NULL) {
        watched_heap =
            heap_create(&(heap_desc){.bytes = 1 << 16, .fault = the_fault, .track = the_track});
    }
    return watched_heap != NULL;
}

static void end(void)
{
    heap_destroy(the_heap);
    nodes_destroy(the_pool);
    slab_destroy(the_slab);
    heap_destroy(watched_heap);
    track_destroy(the_track);
    fault_destroy(the_fault);
}

static bool begin(int parts)
{
    bool done = true;
    if ((parts & PLUGIN_HEAP) != 0) {
        the_heap = heap_create(&(heap_desc){.bytes = 1 << 16});
        done = done && the_heap != NULL;
    }
    if ((parts & PLUGIN_POOL) != 0) {
        the_pool = nodes_create(&(pool_desc){.capacity = 1000});
        done = done && the_pool != NULL;
    }
    if ((parts & PLUGIN_SLAB) != 0) {
        the_slab = slab_create(&(slab_desc){.range_bytes = (size_t)16 << 20});
        done = done && the_slab != NULL;
    }
    return done && ((parts & PLUGIN_WATCHED) == 0 || begin_watched());
}

static bool use_heap(heap *h)
{
    void *block = heap_alloc(h, 100);
    return block != NULL && heap_free(h, block) == HEAP_OK;
}

static bool use_pool(void)
{
    node *one = nodes_alloc(the_pool);
    return one != NULL && nodes_free(the_pool, one) == POOL_OK;
}

static bool use_slab(void)
{
    void *object = slab_alloc(the_slab, 100);
    return object != NULL && slab_free(the_slab, object) == HEAP_OK;
}

static bool use(void)
{
    return (the_heap == NULL || use_heap(the_heap)) && (the_pool == NULL || use_pool()) &&
           (the_slab == NULL || use_slab()) && (watched_heap == NULL || use_heap(watched_heap));
}

extern const plugin the_plugin;
const plugin the_plugin = {begin, use, end};
