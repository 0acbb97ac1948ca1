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
    pool_desc desc = {};
    desc.capacity = 100;
    points *all = points_create(&desc);
    point *one = all ? points_alloc(all) : nullptr;
    bool good = one && points_index(all, one) < 100 && points_free(all, one) == POOL_OK;
    points_destroy(all);
    return good;
}

static heap_desc one_mebibyte()
{
    heap_desc desc = {};
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
    bool good = heap_owns(memory.get(), names[12].data()) && list.back().z == 3 && one->x == 4;
    all.destroy(one);
    return good && heap_check(memory.get()) == nullptr;
}

int main()
{
    heap_desc desc = one_mebibyte();
    heap *h = heap_create(&desc);
    void *p = h ? heap_aligned(h, 4096, 100) : nullptr;
    heap_recall(h); // the rest of the aligned block lies in this thread's stock
    bool good =
        p && buddy_free_units(heap_core(h)) == (1 << 20) / 64 - 2 && heap_free(h, p) == HEAP_OK;
    heap_destroy(h);
    return good && pool_works() && containers_work() ? 0 : 1;
}
