/* Uses the installed allocator as its headers say. */
#include <buddy/fault.h>
#include <buddy/heap.h>
#include <buddy/levels.h>
#include <buddy/magazine.h>
#include <buddy/pool.h>
#include <buddy/track.h>
#include <buddy/track_log.h>
#include <buddy/tree.h>

BUDDY_POOL(doubles, double);

/* Names that are private to the library are the program's own. */
int region_map(void);
int core_extents(void);

int region_map(void)
{
    return 1;
}

int core_extents(void)
{
    return 2;
}

static bool heap_works(void)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20});
    void *p = h != NULL ? buddy_heap_alloc(h, 100) : NULL;
    bool good = p != NULL && buddy_heap_usable_size(h, p) == 128 &&
                buddy_heap_free(h, p) == BUDDY_HEAP_OK && buddy_heap_check(h) == NULL &&
                buddy_order_for(100) == 7;
    buddy_heap_destroy(h);
    return good;
}

static bool pool_works(void)
{
    doubles *all = doubles_create(&(buddy_pool_desc){.capacity = 100});
    double *row = all != NULL ? doubles_alloc_array(all, 13) : NULL;
    bool good = row != NULL && doubles_free_array(all, row, 13) == BUDDY_POOL_OK &&
                doubles_check(all) == NULL;
    doubles_destroy(all);
    return good;
}

static bool levels_work(void)
{
    static _Alignas(64) unsigned char memory[65536];
    buddy_levels *l = buddy_levels_init(memory, sizeof memory, &(buddy_levels_desc){.units = 100});
    bool good =
        l != NULL && buddy_levels_alloc(l, 3) != BUDDY_NONE && buddy_levels_check(l) == NULL;
    buddy_levels_finish(l);
    return good;
}

static bool watched_heap_works(void)
{
    buddy_track_stats stats;
    buddy_track *t = buddy_track_create(&(buddy_track_desc){.blocks = 10});
    buddy_fault *f = buddy_fault_create(&(buddy_fault_plan){.nth = 2});
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .fault = f, .track = t});
    bool good = buddy_heap_alloc(h, 100) != NULL && buddy_heap_alloc(h, 100) == NULL;
    buddy_track_get_stats(t, &stats);
    good =
        good && stats.live_bytes == 100 && buddy_track_log_status_text(BUDDY_TRACK_LOG_OK) != NULL;
    buddy_heap_destroy(h);
    buddy_fault_destroy(f);
    buddy_track_destroy(t);
    return good;
}

int main(void)
{
    return region_map() + core_extents() == 3 && heap_works() && pool_works() && levels_work() &&
                   watched_heap_works()
               ? 0
               : 1;
}
