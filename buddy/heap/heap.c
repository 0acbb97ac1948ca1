/* heap.c: making a heap, growing it, looking at it. Blocks are heap/blocks.c's. */
#include "buddy/heap.h"

#include <assert.h>
#include <errno.h>

#include "buddy/core/core.h"
#include "buddy/heap/body.h"

#define UNIT_BYTES_DEFAULT 64u /* a cache line, so that neighbours do not share one */
#define UNIT_BYTES_LEAST   16u
#define UNIT_BYTES_MOST    (UINT32_C(1) << 20)
#define LINE_BYTES         64u /* of a cache line; what the core's metadata is aligned to */
/* The first line of a page is where everybody's blocks begin: what a call looks at first would
 * share its set of the cache with all of them, and each write to a block would seem to be a write
 * to it. */
#define COLOUR_BYTES 832u
#define HUGE_BYTES   (UINT32_C(2) << 20)
/* Bytes that a heap grows by at a time, unless one block needs more: where all memory is locked,
 * all of them are filled at once. */
#define GROW_MOST (UINT64_C(32) << 20)

const char *buddy_heap_status_text(buddy_heap_status status)
{
#define X(name, text) text,
    static const char *const texts[] = {BUDDY_HEAP_STATUSES(X)};
#undef X
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

/* ---- sizes ---- */

static bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static buddy_heap_desc fill_in(const buddy_heap_desc *desc)
{
    buddy_heap_desc full = *desc;
    full.unit_bytes = full.unit_bytes != 0 ? full.unit_bytes : UNIT_BYTES_DEFAULT;
    full.max_bytes = full.max_bytes != 0 ? full.max_bytes : full.bytes;
    return full;
}

/* The number of units, or 0 when desc, with its defaults filled in, is impossible. */
static uint32_t count_units(const buddy_heap_desc *desc)
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

static buddy_heap *drop_table(region_table *table, int reason)
{
    region_table_finish(table);
    errno = reason;
    return NULL;
}

/* ---- what is open ---- */

/* Where the parts of the metadata lie, in bytes from its beginning. */
typedef struct parts {
    buddy_desc core;
    size_t core_at, marks_at, stocks_at, bytes;
} parts;

static parts plan(const buddy_heap_desc *desc)
{
    parts p = {.core = {.units = (uint32_t)(desc->max_bytes / desc->unit_bytes),
                        .start_units = (uint32_t)(desc->bytes / desc->unit_bytes),
                        .zeroed = true}};
    buddy_magazine_desc stocks = {.threads = desc->threads};
    p.core_at = COLOUR_BYTES + round_to_line(sizeof(buddy_heap));
    p.marks_at = p.core_at + round_to_line(buddy_sizeof(&p.core));
    p.stocks_at = p.marks_at + round_to_line(marks_bytes(p.core.units));
    size_t room = buddy_magazine_room(&stocks, &p.core); /* 0: no machine has it */
    p.bytes = room != 0 ? p.stocks_at + room : 0;
    return p;
}

/* Metadata that is being opened. */
typedef struct opening {
    const region_table *table;
    size_t core_at;
} opening;

static bool open_extent(void *context, core_extent e)
{
    const opening *o = context;
    size_t at = o->core_at;
    return region_table_open(o->table, at + e.from, at + e.before, at + e.to);
}

/* The metadata of units [from, to), where that of those below has been opened. A row of marks is
 * read until it ends, so one more byte than there are. */
static bool open_metadata(const region_table *t, const parts *p, uint32_t from, uint32_t to)
{
    opening o = {t, p->core_at};
    size_t before = from != 0 ? p->marks_at + marks_bytes(from) + 1 : p->marks_at;
    return core_extents(&p->core, from, to, open_extent, &o) &&
           region_table_open(t, p->marks_at, before, p->marks_at + marks_bytes(to) + 1);
}

/* The units [from, to) themselves, and what goes with them. */
static bool open_units(buddy_heap *h, uint32_t from, uint32_t to)
{
    const heap_place *place = &h->place;
    if (place->follow != NULL &&
        !place->follow(place->follow_context, (size_t)to << h->unit_shift)) {
        return false;
    }
    size_t bytes = (size_t)(to - from) << h->unit_shift;
    if (h->mapped && place->bare) {
        return region_extend(heap_address(h, from), bytes);
    }
    return !h->mapped || region_open(heap_address(h, from), bytes);
}

/* ---- growing ---- */

/* The units that are in play once there is a block of the order beyond `from`, and more than that,
 * so that small requests do not grow the heap each time. */
static uint32_t least_units(const buddy_heap *h, uint32_t from, uint32_t order)
{
    uint64_t size = UINT64_C(1) << order;
    uint64_t to = (from + size - 1) / size * size + size;
    return to < h->marks.units ? (uint32_t)to : h->marks.units;
}

static uint32_t more_units(const buddy_heap *h, uint32_t from, uint32_t least)
{
    uint64_t step = GROW_MOST >> h->unit_shift;
    step = from / 2 < step ? from / 2 : step;
    uint64_t to = from + step > least ? from + step : least;
    return to < h->marks.units ? (uint32_t)to : h->marks.units;
}

static bool bring_in(buddy_heap *h, uint32_t from, uint32_t to)
{
    parts p = plan(&h->desc);
    if (to == from || !open_metadata(&h->metadata, &p, from, to) || !open_units(h, from, to)) {
        return false;
    }
    if (h->desc.prefault) {
        region_prefault(heap_address(h, from), (size_t)(to - from) << h->unit_shift);
    }
    /* relaxed, both: see changing_bytes. Before the units can be taken. */
    atomic_store_explicit(&h->units_in_play, to, memory_order_relaxed);
    atomic_store_explicit(&h->changing_bytes, (size_t)to << h->unit_shift, memory_order_relaxed);
    buddy_release(h->core, from, to - from);
    return true;
}

/* Brings more units into play, for a request of `order`: half as many as there are, and at least
 * such a block; just that where the system refuses more. buddy_magazine_desc.grow: nobody else is
 * at work. */
static bool grow(void *context, uint32_t order)
{
    buddy_heap *h = context;
    /* relaxed: written here only, one thread at a time */
    uint32_t from = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    uint32_t least = least_units(h, from, order), more = more_units(h, from, least);
    return bring_in(h, from, more) || (more != least && bring_in(h, from, least));
}

/* ---- making one ---- */

/* The metadata, with everything in it but the region. NULL without memory. */
static buddy_heap *create_metadata(const buddy_heap_desc *desc, uint32_t units)
{
    parts p = plan(desc);
    region_table table;
    if (!region_table_init(&table, p.bytes)) {
        return NULL;
    }
    if (!open_metadata(&table, &p, 0, p.core.start_units) ||
        !region_table_open(&table, 0, 0, p.core_at) ||
        !region_table_open(&table, p.stocks_at, p.stocks_at, p.bytes)) {
        return drop_table(&table, errno);
    }
    buddy_heap *h = (buddy_heap *)(void *)(table.at + COLOUR_BYTES);
    h->metadata = table;
    h->desc = *desc;
    h->alone = desc->checks == BUDDY_HEAP_CHECKS_OFF;
    h->watched = desc->fault != NULL || desc->track != NULL;
    h->max_bytes = desc->max_bytes;
    h->unit_shift = word_highest(desc->unit_bytes);
    h->group_shift = h->unit_shift + MARKS_GROUP_ORDER;
    h->group_mask = ((size_t)1 << h->group_shift) - 1;
    h->stocks_bytes = p.bytes - p.stocks_at;
    /* relaxed, both: the caller publishes the heap */
    atomic_store_explicit(&h->units_in_play, p.core.start_units, memory_order_relaxed);
    atomic_store_explicit(&h->changing_bytes, desc->bytes, memory_order_relaxed);
    h->marks = (marks){(_Atomic uint8_t *)(table.at + p.marks_at), units, word_highest(units)};
    h->core = buddy_init(table.at + p.core_at, p.marks_at - p.core_at, &p.core);
    assert(h->core != NULL); /* desc is possible and a mapping is aligned */
    buddy_magazine_desc stocks = {
        .core = h->core, .threads = desc->threads, .grow = grow, .grow_context = h};
    h->stocks = buddy_magazine_init(table.at + p.stocks_at, h->stocks_bytes, &stocks);
    return h->stocks != NULL ? h : drop_table(&table, EAGAIN);
}

/* Addresses such that every block is aligned to its own size; where they are too scarce for that,
 * to huge pages. */
static void *reserve_region(const buddy_heap_desc *desc, uint32_t units)
{
    size_t largest = (size_t)desc->unit_bytes << word_highest(units);
    size_t alignment = desc->huge_pages && largest < HUGE_BYTES ? HUGE_BYTES : largest;
    void *memory = region_reserve(desc->max_bytes, alignment, false);
    if (memory == NULL && alignment > HUGE_BYTES) {
        memory = region_reserve(desc->max_bytes, HUGE_BYTES, false);
    }
    return memory;
}

/* Touches the metadata too, but for the stocks, which come with their threads; and not where it is
 * made for far more memory than there is in play. */
static void prefault_metadata(const buddy_heap *h)
{
    if (h->desc.bytes == h->max_bytes) {
        region_prefault(h->metadata.at, h->metadata.bytes - h->stocks_bytes);
    }
}

/* In memory of the caller's, or in `place`, which is then ours; of which what is in play is opened,
 * unless it is shut. */
static buddy_heap *create_at(const buddy_heap_desc *full, uint32_t units, const heap_place *place)
{
    buddy_heap *h = create_metadata(full, units);
    if (h == NULL) {
        return NULL;
    }
    h->place = *place;
    h->base = place->memory != NULL ? place->memory : full->memory;
    h->mapped = place->memory != NULL && !place->shut;
    if (!open_units(h, 0, (uint32_t)(full->bytes >> h->unit_shift))) {
        int reason = errno;
        h->mapped = false;
        buddy_heap_destroy(h);
        errno = reason;
        return NULL;
    }
    h->mapped = place->memory != NULL;
    h->desc.memory = h->base;
    h->base_alignment = (size_t)1 << word_lowest((uintptr_t)h->base);
    if (full->huge_pages) {
        region_huge_pages(h->base, full->max_bytes);
    }
    if (full->prefault) {
        region_prefault(h->base, full->bytes);
        prefault_metadata(h);
    }
    return h;
}

buddy_heap *heap_create_in(const buddy_heap_desc *desc, const heap_place *place)
{
    buddy_heap_desc full = fill_in(desc);
    heap_place own = *place;
    uint32_t units = count_units(&full);
    if (units == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (own.memory == NULL && full.memory == NULL) {
        own.memory = reserve_region(&full, units);
        if (own.memory == NULL) {
            return NULL;
        }
    }
    buddy_heap *h = create_at(&full, units, &own);
    if (h == NULL && own.memory != place->memory) {
        int reason = errno;
        region_unmap(own.memory, full.max_bytes);
        errno = reason;
    }
    return h;
}

buddy_heap *buddy_heap_create(const buddy_heap_desc *desc)
{
    static const heap_place anywhere;
    return heap_create_in(desc, &anywhere);
}

void buddy_heap_destroy(buddy_heap *h)
{
    if (h == NULL) {
        return;
    }
    buddy_magazine_finish(h->stocks);
    if (h->snapshot != NULL) {
        h->forget_snapshot(h->snapshot);
    }
    if (h->mapped) {
        /* relaxed: nobody is at work */
        size_t in_play = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
        region_unmap(h->base, h->place.bare ? in_play << h->unit_shift : h->max_bytes);
    }
    region_table metadata = h->metadata;
    region_table_finish(&metadata);
}

/* ---- looking ---- */

const buddy_heap_desc *buddy_heap_get_desc(const buddy_heap *h)
{
    return &h->desc;
}

buddy *buddy_heap_core(buddy_heap *h)
{
    return h->core;
}

void *buddy_heap_base(buddy_heap *h)
{
    return h->base;
}

bool buddy_heap_owns(const buddy_heap *h, const void *pointer)
{
    return heap_distance(h, pointer) < h->max_bytes;
}

buddy_heap_status buddy_heap_look_up(const buddy_heap *h, const void *pointer, size_t *bytes)
{
    uint32_t units;
    size_t distance = heap_distance(h, pointer);
    if (!buddy_heap_owns(h, pointer)) {
        return BUDDY_HEAP_FOREIGN;
    }
    if (distance % h->desc.unit_bytes != 0) {
        return BUDDY_HEAP_MISALIGNED;
    }
    uint32_t offset = (uint32_t)(distance >> h->unit_shift);
    if (!heap_is_in_play(h, offset)) {
        return BUDDY_HEAP_DOUBLE_FREE; /* nothing was ever there */
    }
    buddy_heap_status status = marks_read(&h->marks, offset, &units);
    if (status == BUDDY_HEAP_OK) {
        *bytes = (size_t)units << h->unit_shift;
    }
    return status;
}

size_t buddy_heap_usable_size(const buddy_heap *h, const void *pointer)
{
    size_t bytes = 0;
    (void)buddy_heap_look_up(h, pointer, &bytes);
    return bytes;
}

void buddy_heap_recall(buddy_heap *h)
{
    buddy_magazine_recall(h->stocks);
}

void buddy_heap_get_stats(const buddy_heap *h, buddy_heap_stats *out)
{
    *out = (buddy_heap_stats){0};
    buddy_get_stats(h->core, &out->core);
    buddy_magazine_get_stats(h->stocks, &out->stocks);
    /* relaxed: figures */
    out->refused = atomic_load_explicit(&h->refused, memory_order_relaxed);
    out->errors = atomic_load_explicit(&h->errors, memory_order_relaxed);
    size_t in_play = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    out->metadata_bytes = h->metadata.bytes - h->stocks_bytes + out->stocks.metadata_bytes;
    out->capacity_bytes = in_play << h->unit_shift;
    out->live_bytes = (size_t)out->stocks.live_units << h->unit_shift;
    out->stocked_bytes = (size_t)out->stocks.stocked_units << h->unit_shift;
    out->peak_bytes = (size_t)out->stocks.peak_units << h->unit_shift;
}

/* ---- check ---- */

/* Stops the walk at a block that has live units. */
static bool visit_dead(void *context, buddy_block block)
{
    const buddy_heap **live_in = context;
    if (marks_all_dead(&(*live_in)->marks, block)) {
        return true;
    }
    *live_in = NULL;
    return false;
}

const char *buddy_heap_check(const buddy_heap *h)
{
    const char *fault = buddy_check(h->core);
    fault = fault != NULL ? fault : buddy_magazine_check(h->stocks);
    uint64_t live;
    marks in_use = h->marks;
    /* relaxed: nobody is at work */
    in_use.units = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    fault = fault != NULL ? fault : marks_check(&in_use, &live);
    if (fault != NULL) {
        return fault;
    }
    buddy_magazine_stats stocks;
    buddy_magazine_get_stats(h->stocks, &stocks);
    if (live != stocks.live_units) {
        return "the count of live units differs from the marks";
    }
    const buddy_heap *walked = h;
    buddy_walk(h->core, visit_dead, &walked);
    if (walked == NULL) {
        return "a live block is free in the core";
    }
    buddy_magazine_walk(h->stocks, visit_dead, &walked);
    if (walked == NULL) {
        return "a live block lies in a stock";
    }
    return live + stocks.stocked_units <= in_use.units - buddy_free_units(h->core)
               ? NULL
               : "more units are live than taken";
}
