/* Uses the installed allocator as its headers say. */
#include <buddy/heap.h>
#include <buddy/levels.h>
#include <buddy/magazine.h>
#include <buddy/pool.h>
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

int main(void)
{
    return heap_works() && pool_works() && levels_work() ? 0 : 1;
}
