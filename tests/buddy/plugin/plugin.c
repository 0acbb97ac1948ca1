/* plugin.c: heaps, pools and slabs in a plugin, in C. */
#include "tests/buddy/plugin/plugin.h"

#include <stddef.h>

#include "buddy/fault.h"
#include "buddy/heap.h"
#include "buddy/pool.h"
#include "buddy/slabs.h"
#include "buddy/track.h"

typedef struct node {
    struct node *next;
    long value;
} node;

BUDDY_POOL(nodes, node);

static buddy_heap *the_heap, *watched_heap;
static nodes *the_pool;
static buddy_slabs *the_slab;
static buddy_fault *the_fault;
static buddy_track *the_track;

static bool begin_watched(void)
{
    the_fault = buddy_fault_create(&(buddy_fault_plan){.nth = UINT64_MAX});
    the_track = buddy_track_create(&(buddy_track_desc){.blocks = 64, .sites = 16});
    if (the_fault != NULL && the_track != NULL) {
        watched_heap = buddy_heap_create(
            &(buddy_heap_desc){.bytes = 1 << 16, .fault = the_fault, .track = the_track});
    }
    return watched_heap != NULL;
}

static void end(void)
{
    buddy_heap_destroy(the_heap);
    nodes_destroy(the_pool);
    buddy_slabs_destroy(the_slab);
    buddy_heap_destroy(watched_heap);
    buddy_track_destroy(the_track);
    buddy_fault_destroy(the_fault);
}

static bool begin(int parts)
{
    bool done = true;
    if ((parts & PLUGIN_HEAP) != 0) {
        the_heap = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 16});
        done = done && the_heap != NULL;
    }
    if ((parts & PLUGIN_POOL) != 0) {
        the_pool = nodes_create(&(buddy_pool_desc){.capacity = 1000});
        done = done && the_pool != NULL;
    }
    if ((parts & PLUGIN_SLAB) != 0) {
        the_slab = buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = (size_t)16 << 20});
        done = done && the_slab != NULL;
    }
    return done && ((parts & PLUGIN_WATCHED) == 0 || begin_watched());
}

static bool use_heap(buddy_heap *h)
{
    void *block = buddy_heap_alloc(h, 100);
    return block != NULL && buddy_heap_free(h, block) == BUDDY_HEAP_OK;
}

static bool use_pool(void)
{
    node *one = nodes_alloc(the_pool);
    return one != NULL && nodes_free(the_pool, one) == BUDDY_POOL_OK;
}

static bool use_slab(void)
{
    void *object = buddy_slabs_alloc(the_slab, 100);
    return object != NULL && buddy_slabs_free(the_slab, object) == BUDDY_HEAP_OK;
}

static bool use(void)
{
    return (the_heap == NULL || use_heap(the_heap)) && (the_pool == NULL || use_pool()) &&
           (the_slab == NULL || use_slab()) && (watched_heap == NULL || use_heap(watched_heap));
}

extern const plugin the_plugin;
const plugin the_plugin = {begin, use, end};
