// The headers work in C++ too.
#include <buddy/heap.h>
#include <buddy/tree.h>

int main()
{
    heap_desc desc = {};
    desc.bytes = 1 << 20;
    heap *h = heap_create(&desc);
    void *p = h ? heap_aligned(h, 4096, 100) : nullptr;
    heap_recall(h); // the rest of the aligned block lies in this thread's stock
    bool good =
        p && buddy_free_units(heap_core(h)) == (1 << 20) / 64 - 2 && heap_free(h, p) == HEAP_OK;
    heap_destroy(h);
    return good ? 0 : 1;
}
