// The headers work in C++ too.
#include <buddy/fault.h>
#include <buddy/heap.h>
#include <buddy/levels.h>
#include <buddy/pool.h>
#include <buddy/stl.hpp>
#include <buddy/track.h>
#include <buddy/track_log.h>
#include <buddy/tree.h>

#include <list>
#include <string>
#include <vector>

struct point {
    float x, y, z;
};

BUDDY_POOL(points, point);

static bool pool_works()
{
    buddy_pool_desc desc = {};
    desc.capacity = 100;
    points *all = points_create(&desc);
    point *one = all ? points_alloc(all) : nullptr;
    bool good = one && points_index(all, one) < 100 && points_free(all, one) == BUDDY_POOL_OK;
    points_destroy(all);
    return good;
}

static buddy_heap_desc one_mebibyte()
{
    buddy_heap_desc desc = {};
    desc.bytes = 1 << 20;
    return desc;
}

static bool containers_work()
{
    buddy::resource memory(one_mebibyte());
    buddy::pool<point> all(100);
    std::pmr::vector<std::pmr::string> names(13, "too long to lie in the string itself", &memory);
    std::list<point, buddy::allocator<point>> list(13, point{1, 2, 3}, memory.get());
    point *one = all.make(point{4, 5, 6});
    bool good =
        buddy_heap_owns(memory.get(), names[12].data()) && list.back().z == 3 && one->x == 4;
    all.destroy(one);
    return good && buddy_heap_check(memory.get()) == nullptr;
}

int main()
{
    buddy_heap_desc desc = one_mebibyte();
    buddy_heap *h = buddy_heap_create(&desc);
    void *p = h ? buddy_heap_aligned(h, 4096, 100) : nullptr;
    buddy_heap_recall(h); // the rest of the aligned block lies in this thread's stock
    bool good = p && buddy_free_units(buddy_heap_core(h)) == (1 << 20) / 64 - 2 &&
                buddy_heap_free(h, p) == BUDDY_HEAP_OK;
    buddy_heap_destroy(h);
    return good && pool_works() && containers_work() ? 0 : 1;
}
