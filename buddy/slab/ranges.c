/* slab/ranges.c: ranges of addresses, each with a heap for its pages and a table of its slabs; and
 * which of them a pointer lies in. */
#include "buddy/slab/private.h"

#define RANGES_A_SIZE 8u /* then they double: many small ones would soon be all there may be */
#define START_BYTES   ((size_t)4 << 20) /* in play at first */

/* ---- making one ---- */

/* Also one that is half made. */
static void finish_range(slab_range *range)
{
    buddy_heap_destroy(range->heap);
    region_table_finish(&range->slabs_table);
    region_table_finish(&range->dirty_table);
}

/* heap_place.follow: the slabs of the chunks that come into play. */
static bool open_chunks(void *context, size_t bytes)
{
    slab_range *range = context;
    size_t old = range->open_chunks,
           chunks = (bytes + BUDDY_SLABS_CHUNK_BYTES - 1) >> BUDDY_SLABS_CHUNK_SHIFT;
    bool done = region_table_open(&range->slabs_table, 0, old * sizeof(buddy_slab),
                                  chunks * sizeof(buddy_slab)) &&
                region_table_open(&range->dirty_table, 0, old, chunks);
    if (done && chunks > old) {
        range->open_chunks = chunks;
    }
    return done;
}

static bool init_tables(slab_range *range)
{
    size_t chunks = range->bytes >> BUDDY_SLABS_CHUNK_SHIFT;
    if (!region_table_init(&range->slabs_table, chunks * sizeof(buddy_slab)) ||
        !region_table_init(&range->dirty_table, chunks)) {
        return false;
    }
    range->slabs = (buddy_slab *)(void *)range->slabs_table.at;
    range->dirty = (_Atomic uint8_t *)range->dirty_table.at;
    return true;
}

static bool init_heap_at(slab_range *range, void *memory, bool bare)
{
    heap_place place = {
        .memory = memory, .bare = bare, .follow = open_chunks, .follow_context = range};
    buddy_heap_desc desc = {.bytes = START_BYTES,
                            .max_bytes = range->bytes,
                            .unit_bytes = SLAB_UNIT_BYTES,
                            .threads = BUDDY_HEAP_NO_STOCKS};
    range->base = (uintptr_t)memory;
    range->heap = memory != NULL ? heap_create_in(&desc, &place) : NULL;
    return range->heap != NULL;
}

/* At a place by chance: a whole range would be aligned to itself in few places only, and no block
 * of a range has to be aligned to more than SLAB_MAP_MOST. Nothing is mapped before it is in play;
 * where others come to lie in a range, it does not grow beyond that, and another one is made. Where
 * there is no such place all of it is reserved. */
static bool init_heap(slab_range *range)
{
    size_t alignment = range->bytes < SLAB_MAP_MOST ? range->bytes : SLAB_MAP_MOST;
    if (range->bytes > START_BYTES &&
        init_heap_at(range, region_place(range->bytes, alignment), true)) {
        return true;
    }
    void *reserved = region_reserve(range->bytes, alignment, true);
    bool done = init_heap_at(range, reserved, false);
    region_unmap(done ? NULL : reserved, range->bytes);
    return done;
}

static bool init_range(slab_range *range, size_t bytes)
{
    *range = (slab_range){.bytes = bytes};
    bool done = init_tables(range) && init_heap(range);
    if (!done) {
        finish_range(range);
    }
    return done;
}

/* Addresses for the range after `count` others. */
static size_t next_range_bytes(const buddy_slabs *s, uint32_t count)
{
    uint32_t doublings = count / RANGES_A_SIZE;
    return s->desc.range_bytes <= SLAB_RANGE_BYTES_MOST >> doublings
               ? s->desc.range_bytes << doublings
               : SLAB_RANGE_BYTES_MOST;
}

bool slab_append_range(buddy_slabs *s)
{
    uint32_t count = slab_range_count(s);
    size_t bytes = next_range_bytes(s, count);
    while (count < BUDDY_SLABS_RANGES && bytes >= SLAB_RANGE_BYTES_LEAST) {
        if (init_range(&s->ranges[count], bytes)) {
            /* release: the range */
            atomic_store_explicit(&s->range_count, count + 1, memory_order_release);
            return true;
        }
        bytes /= 2; /* addresses are scarce: smaller ones leave some for others too */
    }
    return false;
}

bool slab_add_range(buddy_slabs *s, uint32_t count)
{
    at_work_lock(&s->lock);
    bool done = slab_range_count(s) > count || slab_append_range(s);
    at_work_unlock(&s->lock);
    return done;
}

void slab_finish_ranges(buddy_slabs *s)
{
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        finish_range(&s->ranges[i]);
    }
}

/* ---- finding ---- */

const slab_range *slab_range_of(const buddy_slabs *s, const void *pointer)
{
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        if ((uintptr_t)pointer - s->ranges[i].base < heap_bytes_in_play(s->ranges[i].heap)) {
            return &s->ranges[i];
        }
    }
    return NULL;
}

const slab_range *slab_range_with(const buddy_slabs *s, const buddy_slab *slab)
{
    uint32_t count = slab_range_count(s), i = 0;
    while (i + 1 < count && (uintptr_t)slab - (uintptr_t)s->ranges[i].slabs >=
                                (s->ranges[i].bytes >> BUDDY_SLABS_CHUNK_SHIFT) * sizeof *slab) {
        i++;
    }
    return &s->ranges[i];
}

buddy_slab *slab_of(const slab_range *range, const void *pointer)
{
    buddy_slab *slab = &range->slabs[((uintptr_t)pointer - range->base) >> BUDDY_SLABS_CHUNK_SHIFT];
    uint32_t kind = slab_kind(slab);
    return kind != SLAB_NONE ? slab - (kind - SLAB_FIRST) : NULL;
}

uintptr_t slab_start(const slab_range *range, const buddy_slab *slab)
{
    return range->base + ((size_t)(slab - range->slabs) << BUDDY_SLABS_CHUNK_SHIFT);
}

bool slab_is_object(const slab_range *range, const buddy_slab *slab, const void *pointer)
{
    uint32_t within = (uint32_t)((uintptr_t)pointer - slab_start(range, slab));
    bool multiple = within < BUDDY_SLABS_CHUNK_BYTES ? buddy_slab_is_multiple(within, slab->divide)
                                                     : within % slab->object_bytes == 0;
    return multiple && within < slab->capacity * slab->object_bytes;
}
