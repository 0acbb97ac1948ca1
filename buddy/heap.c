/* heap.c: sizes and pointers to blocks of the core and back.
 *
 *     region    [ unit 0 | unit 1 | …                       ]   mapped, or the caller's
 *     metadata  [ struct heap | core | marks, 2 bits a unit ]   one mapping of its own */
#include "heap.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "heap_marks.h"
#include "region.h"
#include "tree.h"

#define UNIT_BYTES_DEFAULT 64u /* a cache line, so that neighbours do not share one */
#define UNIT_BYTES_LEAST   16u
#define UNIT_BYTES_MOST    (UINT32_C(1) << 20)
#define LINE_BYTES         64u /* of a cache line; what the core's metadata is aligned to */
#define HUGE_BYTES         (UINT32_C(2) << 20)
#define ERROR_LINE         160u

struct heap {
    /* fixed at create */
    heap_desc desc; /* in effect */
    unsigned char *base;
    size_t base_alignment; /* the largest power of two that base is a multiple of */
    uint32_t unit_shift;
    uint32_t units, max_order;
    buddy *core;
    marks marks;
    size_t metadata_bytes; /* of the mapping that begins with this struct */
    bool mapped;           /* the region is ours */
    /* written by any thread; live_units + units free in the core + units taken through the core
     * directly == units, at rest */
    _Alignas(LINE_BYTES) _Atomic uint64_t live_units;
    _Atomic uint64_t peak_units;
    _Atomic uint64_t refused, errors;
};

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

/* The number of units, or 0 when desc, with its defaults filled in, is impossible. */
static uint32_t count_units(const heap_desc *desc)
{
    if (!is_power_of_two(desc->unit_bytes) || desc->unit_bytes < UNIT_BYTES_LEAST ||
        desc->unit_bytes > UNIT_BYTES_MOST || desc->bytes % desc->unit_bytes != 0 ||
        (uintptr_t)desc->memory % desc->unit_bytes != 0) {
        return 0;
    }
    size_t units = desc->bytes / desc->unit_bytes;
    return units < UINT32_MAX ? (uint32_t)units : 0;
}

static size_t round_to_line(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* The metadata, with everything in it but the region. NULL without memory. */
static heap *create_metadata(const heap_desc *desc, uint32_t units)
{
    buddy_desc core = {.units = units};
    size_t core_at = round_to_line(sizeof(heap));
    size_t core_bytes = buddy_sizeof(&core);
    size_t marks_at = core_at + round_to_line(core_bytes);
    size_t bytes = marks_at + (size_t)marks_words(units) * sizeof(uint64_t);
    unsigned char *memory = region_map(bytes, LINE_BYTES);
    if (memory == NULL) {
        return NULL;
    }
    heap *h = (heap *)(void *)memory;
    h->desc = *desc;
    h->units = units;
    h->max_order = word_highest(units);
    h->unit_shift = word_highest(desc->unit_bytes);
    h->metadata_bytes = region_bytes(bytes);
    h->core = buddy_init(memory + core_at, core_bytes, &core);
    assert(h->core != NULL); /* desc is possible and a mapping is aligned */
    h->marks = (marks){.words = (word_atomic *)(void *)(memory + marks_at),
                       .units = units,
                       .max_order = h->max_order};
    return h;
}

/* Maps the region so that every block is aligned to its own size; where address space is too scarce
 * for that, to huge pages. */
static void *map_region(const heap *h)
{
    size_t largest = h->desc.unit_bytes << h->max_order;
    size_t alignment = h->desc.huge_pages && largest < HUGE_BYTES ? HUGE_BYTES : largest;
    void *memory = region_map(h->desc.bytes, alignment);
    if (memory == NULL && alignment > HUGE_BYTES) {
        memory = region_map(h->desc.bytes, HUGE_BYTES);
    }
    return memory;
}

heap *heap_create(const heap_desc *desc)
{
    heap_desc full = *desc;
    full.unit_bytes = full.unit_bytes != 0 ? full.unit_bytes : UNIT_BYTES_DEFAULT;
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
        region_huge_pages(h->base, full.bytes);
    }
    if (full.prefault) {
        region_prefault(h->base, full.bytes);
    }
    return h;
}

void heap_destroy(heap *h)
{
    if (h == NULL) {
        return;
    }
    if (h->mapped) {
        region_unmap(h->base, h->desc.bytes);
    }
    region_unmap(h, h->metadata_bytes);
}

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

/* ---- taking ---- */

/* The order of the block for `bytes`; more than max_order when there is none so large. */
static uint32_t order_for(const heap *h, size_t bytes)
{
    size_t last = bytes > 0 ? (bytes - 1) >> h->unit_shift : 0; /* unit of the last byte */
    return last < h->units ? tree_order_for((uint32_t)last + 1) : BUDDY_ORDERS;
}

/* Relaxed: figures. */
static void count_live(heap *h, uint64_t units)
{
    uint64_t live = atomic_fetch_add_explicit(&h->live_units, units, memory_order_relaxed) + units;
    uint64_t peak = atomic_load_explicit(&h->peak_units, memory_order_relaxed);
    while (live > peak &&
           !atomic_compare_exchange_weak_explicit(&h->peak_units, &peak, live, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static void *refuse(heap *h)
{
    atomic_fetch_add_explicit(&h->refused, 1, memory_order_relaxed); /* relaxed: a figure */
    return NULL;
}

/* Turns a block that the core has handed out into a pointer. */
static void *hand_out(heap *h, uint32_t offset, uint32_t order)
{
    if (offset == BUDDY_NONE) {
        return refuse(h);
    }
    marks_set(&h->marks, (buddy_block){offset, order});
    count_live(h, UINT64_C(1) << order);
    return h->base + ((size_t)offset << h->unit_shift);
}

static void *alloc_near(heap *h, size_t bytes, uint32_t near)
{
    uint32_t order = order_for(h, bytes);
    return hand_out(h, order <= h->max_order ? buddy_alloc(h->core, order, near) : BUDDY_NONE,
                    order);
}

void *heap_alloc(heap *h, size_t bytes)
{
    return alloc_near(h, bytes, BUDDY_ANYWHERE);
}

void *heap_try(heap *h, size_t bytes)
{
    uint32_t order = order_for(h, bytes);
    uint32_t offset = BUDDY_NONE;
    if (order <= h->max_order) {
        offset = buddy_try(h->core, order, BUDDY_ANYWHERE);
    }
    return hand_out(h, offset, order);
}

static size_t distance(const heap *h, const void *pointer)
{
    return (size_t)((uintptr_t)pointer - (uintptr_t)h->base);
}

void *heap_alloc_near(heap *h, size_t bytes, const void *near)
{
    uint32_t unit = BUDDY_ANYWHERE;
    if (heap_owns(h, near)) {
        unit = (uint32_t)(distance(h, near) >> h->unit_shift);
    }
    return alloc_near(h, bytes, unit);
}

void *heap_aligned(heap *h, size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment) || alignment > h->base_alignment) {
        return NULL;
    }
    uint32_t order = order_for(h, bytes);
    uint32_t whole = order_for(h, alignment); /* such a block is aligned; we keep its beginning */
    if (whole <= order) {
        return alloc_near(h, bytes, BUDDY_ANYWHERE);
    }
    if (whole > h->max_order) {
        return refuse(h);
    }
    uint32_t offset = buddy_alloc(h->core, whole, BUDDY_ANYWHERE);
    for (; offset != BUDDY_NONE && whole > order; whole--) {
        buddy_free(h->core, offset + (UINT32_C(1) << (whole - 1)), whole - 1);
    }
    return hand_out(h, offset, order);
}

/* ---- giving back ---- */

static heap_status complain(heap *h, const void *pointer, heap_status status)
{
    if (status == HEAP_OK) {
        return status;
    }
    atomic_fetch_add_explicit(&h->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    if (h->desc.on_error != NULL) {
        char line[ERROR_LINE];
        (void)snprintf(line, sizeof(line), "free of 0x%" PRIxPTR ": %s", (uintptr_t)pointer,
                       heap_status_text(status));
        h->desc.on_error(h->desc.on_error_context, line);
    }
    return status;
}

static heap_status give_back(heap *h, const void *pointer, uint32_t expected_order)
{
    if (!heap_owns(h, pointer)) {
        return HEAP_FOREIGN;
    }
    size_t bytes = distance(h, pointer);
    if (bytes % h->desc.unit_bytes != 0) {
        return HEAP_MISALIGNED;
    }
    uint32_t order, offset = (uint32_t)(bytes >> h->unit_shift);
    heap_status status = marks_clear(&h->marks, offset, expected_order, &order);
    if (status == HEAP_OK) {
        /* relaxed: a figure; before the core has the block, so that nobody counts it twice */
        atomic_fetch_sub_explicit(&h->live_units, UINT64_C(1) << order, memory_order_relaxed);
        buddy_free(h->core, offset, order);
    }
    return status;
}

heap_status heap_free(heap *h, void *pointer)
{
    if (pointer == NULL) {
        return HEAP_OK;
    }
    return complain(h, pointer, give_back(h, pointer, MARKS_ANY_ORDER));
}

heap_status heap_free_sized(heap *h, void *pointer, size_t bytes)
{
    if (pointer == NULL) {
        return HEAP_OK;
    }
    return complain(h, pointer, give_back(h, pointer, order_for(h, bytes)));
}

/* ---- looking ---- */

size_t heap_usable_size(const heap *h, const void *pointer)
{
    uint32_t order;
    if (!heap_owns(h, pointer) || distance(h, pointer) % h->desc.unit_bytes != 0) {
        return 0;
    }
    uint32_t offset = (uint32_t)(distance(h, pointer) >> h->unit_shift);
    if (marks_read(&h->marks, offset, &order) != HEAP_OK) {
        return 0;
    }
    return h->desc.unit_bytes << order;
}

bool heap_owns(const heap *h, const void *pointer)
{
    return (uintptr_t)pointer >= (uintptr_t)h->base && distance(h, pointer) < h->desc.bytes;
}

void heap_get_stats(const heap *h, heap_stats *out)
{
    buddy_get_stats(h->core, &out->core);
    out->capacity_bytes = h->desc.bytes;
    out->metadata_bytes = h->metadata_bytes;
    /* relaxed: figures */
    uint64_t live = atomic_load_explicit(&h->live_units, memory_order_relaxed);
    uint64_t peak = atomic_load_explicit(&h->peak_units, memory_order_relaxed);
    out->live_bytes = (size_t)live << h->unit_shift;
    out->peak_bytes = (size_t)peak << h->unit_shift;
    out->refused = atomic_load_explicit(&h->refused, memory_order_relaxed);
    out->errors = atomic_load_explicit(&h->errors, memory_order_relaxed);
}

/* Stops the walk at a free block that has live units. */
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
    uint64_t live;
    fault = fault != NULL ? fault : marks_check(&h->marks, &live);
    if (fault != NULL) {
        return fault;
    }
    if (live != atomic_load_explicit(&h->live_units, memory_order_relaxed)) {
        return "the count of live units differs from the marks";
    }
    const heap *walked = h;
    buddy_walk(h->core, visit_dead, &walked);
    if (walked == NULL) {
        return "a live block is free in the core";
    }
    return live <= h->units - buddy_free_units(h->core) ? NULL : "more units are live than taken";
}
