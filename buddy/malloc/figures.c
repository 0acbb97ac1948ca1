/* malloc/figures.c: what programs ask about the whole of their memory. From inside: nothing. */
#include <malloc.h>
#include <stdio.h>

#include "buddy/malloc/private.h"

EXPORTED int malloc_trim(size_t pad)
{
    (void)pad;
    buddy_slabs *s = malloc_slabs();
    return s != NULL && buddy_slabs_trim(s) != 0;
}

static buddy_slabs_stats get_stats(void)
{
    buddy_slabs_stats stats = {0};
    buddy_slabs *s = malloc_slabs();
    if (s != NULL) {
        buddy_slabs_get_stats(s, &stats);
    }
    return stats;
}

EXPORTED struct mallinfo2 mallinfo2(void)
{
    buddy_slabs_stats stats = get_stats();
    size_t live = stats.object_bytes + stats.block_bytes;
    return (struct mallinfo2){.arena = stats.capacity_bytes,
                              .ordblks = 1,
                              .hblks = (size_t)stats.mapped_count,
                              .hblkhd = stats.mapped_bytes,
                              .uordblks = live,
                              .fordblks = stats.capacity_bytes - live,
                              .keepcost = stats.free_bytes};
}

/* As far as an int reaches. */
static int narrow(size_t bytes)
{
    return bytes < INT32_MAX ? (int)bytes : INT32_MAX;
}

EXPORTED struct mallinfo mallinfo(void)
{
    struct mallinfo2 all = mallinfo2();
    return (struct mallinfo){.arena = narrow(all.arena),
                             .ordblks = narrow(all.ordblks),
                             .hblks = narrow(all.hblks),
                             .hblkhd = narrow(all.hblkhd),
                             .uordblks = narrow(all.uordblks),
                             .fordblks = narrow(all.fordblks),
                             .keepcost = narrow(all.keepcost)};
}

EXPORTED void malloc_stats(void)
{
    buddy_slabs_stats stats = get_stats();
    char line[MALLOC_LINE / 2];
    (void)snprintf(line, sizeof line,
                   "%llu objects of %zu bytes in %u slabs of %zu; blocks %zu; mapped %llu of %zu; "
                   "in play %zu, free %zu; caches %u, orphans %u",
                   (unsigned long long)stats.object_count, stats.object_bytes, stats.slab_count,
                   stats.slab_bytes, stats.block_bytes, (unsigned long long)stats.mapped_count,
                   stats.mapped_bytes, stats.capacity_bytes, stats.free_bytes, stats.cache_count,
                   stats.orphan_count);
    malloc_tell(line);
}
