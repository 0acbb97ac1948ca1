/* heap.c: making a heap, growing it, looking at it. Blocks are heap_blocks.c's. */
#include "heap.h"

#include <assert.h>
#include <errno.h>

#include "heap_private.h"
#include "region.h"

#define UNIT_BYTES_DEFAULT 64u /* a cache line, so that neighbours do not share one */
#define UNIT_BYTES_LEAST   16u
#define UNIT_BYTES_MOST    (UINT32_C(1) << 20)
#define LINE_BYTES         64u /* of a cache line; what the core's metadata is aligned to */
/* The first line of a page is where everybody's blocks begin: what a call looks at first would
 * share its set of the cache with all of them, and each write to a block would seem to be a write
 * to it. */
#define COLOUR_BYTES 832u
#define HUGE_BYTES   (UINT32_C(2) << 20)

const char *heap_status_text(heap_status status)
{
#define X(name, text) text,
    static const char *const texts[] = {HEAP_STATUSES(X)};
#undef X
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown status";
}

/* ---- making one ---- */

static bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static heap_desc fill_in(const heap_desc *desc)
{
    heap_desc full = *desc;
    full.unit_bytes = full.unit_bytes != 0 ? full.unit_bytes : UNIT_BYTES_DEFAULT;
    full.max_bytes = full.max_bytes != 0 ? full.max_bytes : full.bytes;
    return full;
}

/* The number of units, or 0 when desc, with its defaults filled in, is impossible. */
static uint32_t count_units(const heap_desc *desc)
{
    if (!is_power_of_two(desc->unit_bytes) || desc->unit_bytes < UNIT_BYTES_LEAST ||
        desc->unit_bytes > UNIT_BYTES_MOST || desc->bytes % desc->unit_bytes != 0 ||
        desc->max_bytes % desc->unit_bytes != 0 || desc->bytes == 0 ||
        desc->bytes > desc->max_bytes || (uintptr_t)desc->memory % desc->unit_bytes != 0) {
        return 0;
    }
    size_t units = desc->max_bytes / desc->unit_bytes;
    return units < UINT32_MAX ? (uint32_t)units : 0;
}

static size_t round_to_line(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* Brings more units into play, for a request of `order`: half as many as there are, and at least
 * such a block. magazine_desc.grow: nobody else is at work. */
static bool grow(void *context, uint32_t order)
{
    heap *h = context;
    /* relaxed: written here only, one thread at a time */
    uint32_t from = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    uint64_t size = UINT64_C(1) << order;
    uint64_t to = (from + size - 1) / size * size + size;
    uint64_t half = from + (uint64_t)from / 2;
    to = to > half ? to : half;
    to = to < h->marks.units ? to : h->marks.units;
    if (to == from) {
        return false;
    }
    if (h->desc.prefault) {
        region_prefault(heap_address(h, from), (size_t)(to - from) << h->unit_shift);
    }
    buddy_release(h->core, from, (uint32_t)to - from);
    atomic_store_explicit(&h->units_in_play, (uint32_t)to, memory_order_relaxed);
    return true;
}

/* The metadata, with everything in it but the region. NULL without memory. */
static heap *create_metadata(const heap_desc *desc, uint32_t units)
{
    uint32_t start = (uint32_t)(desc->bytes / desc->unit_bytes);
    buddy_desc core = {.units = units, .start_units = start, .zeroed = true};
    size_t heap_at = COLOUR_BYTES;
    size_t core_at = heap_at + round_to_line(sizeof(heap));
    size_t marks_at = core_at + round_to_line(buddy_sizeof(&core));
    size_t stocks_at = marks_at + round_to_line(marks_bytes(units));
    magazine_desc stocks = {.threads = desc->threads, .grow = grow};
    size_t stocks_bytes = magazine_room(&stocks, &core);
    size_t bytes = stocks_at + stocks_bytes; /* each is less than half of all addresses */
    unsigned char *memory = region_map(stocks_bytes != 0 ? bytes : 0, LINE_BYTES);
    if (memory == NULL) {
        return NULL;
    }
    heap *h = (heap *)(void *)(memory + heap_at);
    h->desc = *desc;
    h->alone = desc->checks == HEAP_CHECKS_OFF;
    h->watched = desc->fault != NULL || desc->track != NULL;
    h->max_bytes = desc->max_bytes;
    h->changing_bytes = desc->max_bytes;
    h->unit_shift = word_highest(desc->unit_bytes);
    h->group_shift = h->unit_shift + MARKS_GROUP_ORDER;
    h->group_mask = ((size_t)1 << h->group_shift) - 1;
    h->metadata_bytes = region_bytes(bytes);
    /* relaxed: the caller publishes the heap */
    atomic_store_explicit(&h->units_in_play, start, memory_order_relaxed);
    h->marks = (marks){(_Atomic uint8_t *)(memory + marks_at), units, word_highest(units)};
    h->core = buddy_init(memory + core_at, marks_at - core_at, &core);
    assert(h->core != NULL); /* desc is possible and a mapping is aligned */
    stocks.core = h->core;
    stocks.grow_context = h;
    h->stocks_bytes = stocks_bytes;
    h->stocks = magazine_init(memory + stocks_at, stocks_bytes, &stocks);
    if (h->stocks == NULL) {
        region_unmap(memory, h->metadata_bytes);
        errno = EAGAIN;
        return NULL;
    }
    return h;
}

/* Maps the region so that every block is aligned to its own size; where address space is too scarce
 * for that, to huge pages. */
static void *map_region(const heap *h)
{
    size_t largest = h->desc.unit_bytes << h->marks.max_order;
    size_t alignment = h->desc.huge_pages && largest < HUGE_BYTES ? HUGE_BYTES : largest;
    void *memory = region_map(h->max_bytes, alignment);
    if (memory == NULL && alignment > HUGE_BYTES) {
        memory = region_map(h->max_bytes, HUGE_BYTES);
    }
    return memory;
}

/* Touches the metadata too, but for the stocks, which come with their threads; and not where it is
 * made for far more memory than there is in play. */
static void prefault_metadata(heap *h)
{
    if (h->desc.bytes == h->max_bytes) {
        region_prefault((unsigned char *)h - COLOUR_BYTES, h->metadata_bytes - h->stocks_bytes);
    }
}

heap *heap_create(const heap_desc *desc)
{
    heap_desc full = fill_in(desc);
    uint32_t units = count_units(&full);
    if (units == 0) {
        errno = EINVAL;
        return NULL;
    }
    heap *h = create_metadata(&full, units);
    if (h == NULL) {
        return NULL;
    }
    h->mapped = full.memory == NULL;
    h->base = h->mapped ? map_region(h) : full.memory;
    if (h->base == NULL) {
        int reason = errno;
        heap_destroy(h);
        errno = reason;
        return NULL;
    }
    h->desc.memory = h->base;
    h->base_alignment = (size_t)1 << word_lowest((uintptr_t)h->base);
    if (full.huge_pages) {
        region_huge_pages(h->base, full.max_bytes);
    }
    if (full.prefault) {
        region_prefault(h->base, full.bytes);
        prefault_metadata(h);
    }
    return h;
}

void heap_destroy(heap *h)
{
    if (h == NULL) {
        return;
    }
    magazine_finish(h->stocks);
    if (h->snapshot != NULL) {
        h->forget_snapshot(h->snapshot);
    }
    if (h->mapped) {
        region_unmap(h->base, h->max_bytes);
    }
    region_unmap((unsigned char *)h - COLOUR_BYTES, h->metadata_bytes);
}

/* ---- looking ---- */

const heap_desc *heap_get_desc(const heap *h)
{
    return &h->desc;
}

buddy *heap_core(heap *h)
{
    return h->core;
}

void *heap_base(heap *h)
{
    return h->base;
}

bool heap_owns(const heap *h, const void *pointer)
{
    return heap_distance(h, pointer) < h->max_bytes;
}

size_t heap_usable_size(const heap *h, const void *pointer)
{
    uint32_t units;
    if (!heap_owns(h, pointer) || heap_distance(h, pointer) % h->desc.unit_bytes != 0) {
        return 0;
    }
    uint32_t offset = (uint32_t)(heap_distance(h, pointer) >> h->unit_shift);
    if (marks_read(&h->marks, offset, &units) != HEAP_OK) {
        return 0;
    }
    return (size_t)units << h->unit_shift;
}

void heap_flush(heap *h)
{
    magazine_flush(h->stocks);
}

void heap_recall(heap *h)
{
    magazine_recall(h->stocks);
}

void heap_get_stats(const heap *h, heap_stats *out)
{
    *out = (heap_stats){0};
    buddy_get_stats(h->core, &out->core);
    magazine_get_stats(h->stocks, &out->stocks);
    /* relaxed: figures */
    out->refused = atomic_load_explicit(&h->refused, memory_order_relaxed);
    out->errors = atomic_load_explicit(&h->errors, memory_order_relaxed);
    size_t in_play = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    out->metadata_bytes = h->metadata_bytes - h->stocks_bytes + out->stocks.metadata_bytes;
    out->capacity_bytes = in_play << h->unit_shift;
    out->live_bytes = (size_t)out->stocks.live_units << h->unit_shift;
    out->stocked_bytes = (size_t)out->stocks.stocked_units << h->unit_shift;
    out->peak_bytes = (size_t)out->stocks.peak_units << h->unit_shift;
}

/* ---- check ---- */

/* Stops the walk at a block that has live units. */
static bool visit_dead(void *context, buddy_block block)
{
    const heap **live_in = context;
    if (marks_all_dead(&(*live_in)->marks, block)) {
        return true;
    }
    *live_in = NULL;
    return false;
}

const char *heap_check(const heap *h)
{
    const char *fault = buddy_check(h->core);
    fault = fault != NULL ? fault : magazine_check(h->stocks);
    uint64_t live;
    fault = fault != NULL ? fault : marks_check(&h->marks, &live);
    if (fault != NULL) {
        return fault;
    }
    magazine_stats stocks;
    magazine_get_stats(h->stocks, &stocks);
    if (live != stocks.live_units) {
        return "the count of live units differs from the marks";
    }
    const heap *walked = h;
    buddy_walk(h->core, visit_dead, &walked);
    if (walked == NULL) {
        return "a live block is free in the core";
    }
    magazine_walk(h->stocks, visit_dead, &walked);
    if (walked == NULL) {
        return "a live block lies in a stock";
    }
    uint32_t in_play = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    return live + stocks.stocked_units <= in_play - buddy_free_units(h->core)
               ? NULL
               : "more units are live than taken";
}
