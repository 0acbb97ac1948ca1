/* Uses the installed allocator as its headers say. */
#include <buddy/heap.h>
#include <buddy/tree.h>

int main(void)
{
    heap *h = heap_create(&(heap_desc){.bytes = 1 << 20});
    void *p = h != NULL ? heap_alloc(h, 100) : NULL;
    bool good = p != NULL && heap_usable_size(h, p) == 128 && heap_free(h, p) == HEAP_OK &&
                heap_check(h) == NULL && tree_order_for(100) == 7;
    heap_destroy(h);
    return good ? 0 : 1;
}
