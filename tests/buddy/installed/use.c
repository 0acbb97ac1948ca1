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

static bool heap_works(void)
{
    heap *h = heap_create(&(heap_desc){.bytes = 1 << 20});
    void *p = h != NULL ? heap_alloc(h, 100) : NULL;
    bool good = p != NULL && heap_usable_size(h, p) == 128 && heap_free(h, p) == HEAP_OK &&
                heap_check(h) == NULL && tree_order_for(100) == 7;
    heap_destroy(h);
    return good;
}

static bool pool_works(void)
{
    doubles *all = doubles_create(&(pool_desc){.capacity = 100});
    double *row = all != NULL ? doubles_alloc_array(all, 13) : NULL;
    bool good =
        row != NULL && doubles_free_array(all, row, 13) == POOL_OK && doubles_check(all) == NULL;
    doubles_destroy(all);
    return good;
}

static bool levels_work(void)
{
    static _Alignas(64) unsigned char memory[65536];
    levels *l = levels_init(memory, sizeof(memory), &(levels_desc){.units = 100});
    bool good = l != NULL && levels_alloc(l, 3) != BUDDY_NONE && levels_check(l) == NULL;
    levels_finish(l);
    return good;
}

static bool watched_heap_works(void)
{
    track_stats stats;
    track *t = track_create(&(track_desc){.blocks = 10});
    fault *f = fault_create(&(fault_plan){.nth = 2});
    heap *h = heap_create(&(heap_desc){.bytes = 1 << 20, .fault = f, .track = t});
    bool good = heap_alloc(h, 100) != NULL && heap_alloc(h, 100) == NULL;
    track_get_stats(t, &stats);
    good = good && stats.live_bytes == 100 && track_log_status_text(TRACK_LOG_OK) != NULL;
    heap_destroy(h);
    fault_destroy(f);
    track_destroy(t);
    return good;
}

int main(void)
{
    return heap_works() && pool_works() && levels_work() && watched_heap_works() ? 0 : 1;
}
