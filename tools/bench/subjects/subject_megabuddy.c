/* subject_megabuddy.c: ours: the heap, and typed pools where the case asks for things of one type.
 * All that the benchmark calls of the allocator is in this file. */
#include "tools/bench/subjects/subject.h"

#include "buddy/heap.h"
#include "buddy/pool.h"
#include "tools/bench/measure/memory.h"

typedef struct record {
    unsigned char bytes[SUBJECT_RECORD_BYTES];
} record;

BUDDY_POOL(ints, int);
BUDDY_POOL(records, record);

static void count_core(subject_counts *out, const buddy_stats *core)
{
    *out = (subject_counts){.units = core->units,
                            .free_units = core->free_units,
                            .largest_order = core->largest_order,
                            .max_order = core->max_order,
                            .splits = core->splits,
                            .merges = core->merges,
                            .failed_cas = core->failed_cas};
}

/* ---- blocks: the heap ---- */

static void *heap_door_alloc(void *self, size_t bytes)
{
    return buddy_heap_alloc(self, bytes);
}

static void *heap_door_attempt(void *self, size_t bytes)
{
    return buddy_heap_try(self, bytes);
}

static void *heap_door_exact(void *self, size_t bytes)
{
    return buddy_heap_exact(self, bytes);
}

static void *heap_door_aligned(void *self, size_t alignment, size_t bytes)
{
    return buddy_heap_aligned(self, alignment, bytes);
}

static void *heap_door_near(void *self, size_t bytes, const void *other)
{
    return buddy_heap_alloc_near(self, bytes, other);
}

static bool heap_door_release(void *self, void *block, size_t bytes)
{
    return buddy_heap_free_sized(self, block, bytes) == BUDDY_HEAP_OK;
}

static buddy_heap_status heap_door_give(void *self, void *pointer)
{
    return buddy_heap_free(self, pointer);
}

static size_t heap_door_usable(void *self, const void *block, size_t bytes)
{
    (void)bytes;
    return buddy_heap_usable_size(self, block);
}

static void *heap_door_resize(void *self, void *block, size_t bytes)
{
    return buddy_heap_realloc(self, block, bytes);
}

static void heap_door_count(void *state, subject_counts *out)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(state, &stats);
    count_core(out, &stats.core);
    out->peak_bytes = stats.peak_bytes;
    out->recalls = stats.stocks.recalls;
    out->errors = stats.errors;
    out->metadata_bytes = stats.metadata_bytes;
    out->checked = buddy_heap_get_desc(state)->checks == BUDDY_HEAP_CHECKS_ON;
}

static const char *heap_door_check(void *state)
{
    buddy_heap_recall(state);
    return buddy_heap_check(state);
}

static void heap_door_close(void *state)
{
    buddy_heap_destroy(state);
}

static uint64_t heap_door_taken(void *state)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(state, &stats);
    return stats.live_bytes;
}

static const subject_ops HEAP_OPS = {.alloc = heap_door_alloc,
                                     .attempt = heap_door_attempt,
                                     .release = heap_door_release,
                                     .resize = heap_door_resize,
                                     .aligned = heap_door_aligned,
                                     .near = heap_door_near,
                                     .exact = heap_door_exact,
                                     .give = heap_door_give,
                                     .usable = heap_door_usable,
                                     .taken = heap_door_taken,
                                     .count = heap_door_count,
                                     .check = heap_door_check,
                                     .close = heap_door_close};
static const subject_ops EXACT_OPS = {.alloc = heap_door_exact,
                                      .release = heap_door_release,
                                      .count = heap_door_count,
                                      .taken = heap_door_taken};

static buddy_heap *open_heap(const subject_setup *setup, size_t unit_bytes,
                             buddy_heap_checks checks)
{
    return buddy_heap_create(&(buddy_heap_desc){.bytes = setup->arena_bytes,
                                                .unit_bytes = unit_bytes,
                                                .prefault = setup->prefault,
                                                .checks = checks,
                                                .track = setup->follower});
}

/* ---- pieces: a heap's gathered blocks ---- */

/* What a caller holds of a gathered block, or the next unused handle. */
typedef struct handle {
    struct handle *next;
    buddy_heap_piece pieces[BUDDY_PIECES];
    uint32_t count;
} handle;

typedef struct gathered {
    buddy_heap *h;
    handle *fresh, *unused;
} gathered;

static handle *next_handle(gathered *s)
{
    handle *one = s->unused;
    if (one == NULL) {
        return s->fresh++;
    }
    s->unused = one->next;
    return one;
}

static void unuse_handle(gathered *s, handle *one)
{
    one->next = s->unused;
    s->unused = one;
}

static void *gather_alloc(void *self, size_t bytes)
{
    gathered *s = self;
    handle *one = next_handle(s);
    one->count = buddy_heap_gather(s->h, bytes, one->pieces);
    if (one->count > 0) {
        return one;
    }
    unuse_handle(s, one);
    return NULL;
}

static bool gather_release(void *self, void *block, size_t bytes)
{
    gathered *s = self;
    handle *one = block;
    (void)bytes;
    for (uint32_t i = 0; i < one->count; i++) {
        (void)buddy_heap_free(s->h, one->pieces[i].start);
    }
    unuse_handle(s, one);
    return true;
}

static void gather_count(void *state, subject_counts *out)
{
    heap_door_count(((const gathered *)state)->h, out);
}

static uint64_t gather_taken(void *state)
{
    return heap_door_taken(((const gathered *)state)->h);
}

static const subject_ops GATHER_OPS = {
    .alloc = gather_alloc, .release = gather_release, .count = gather_count, .taken = gather_taken};

static bool open_gathered(const subject_setup *setup, subject_opened *out)
{
    gathered *s = memory_touched(sizeof *s);
    s->h = open_heap(setup, setup->unit_bytes, BUDDY_HEAP_CHECKS_ON);
    /* one a unit, and one that is in hand when memory is full */
    s->fresh = memory_untouched((setup->arena_bytes / setup->unit_bytes + 1) * sizeof(handle));
    *out = (subject_opened){.ops = &GATHER_OPS, .state = s};
    return s->h != NULL;
}

/* ---- things of one type: pools ---- */

static void count_pool(subject_counts *out, const buddy_pool_stats *stats, bool checked)
{
    count_core(out, &stats->core);
    out->metadata_bytes = stats->metadata_bytes;
    out->checked = checked;
}

static void *ints_door_alloc(void *self, size_t bytes)
{
    (void)bytes;
    return ints_alloc(self);
}

static bool ints_door_release(void *self, void *object, size_t bytes)
{
    (void)bytes;
    return ints_free(self, object) == BUDDY_POOL_OK;
}

static uint32_t ints_door_alloc_bulk(void *self, size_t bytes, uint32_t count, void *objects[])
{
    (void)bytes;
    return ints_alloc_bulk(self, count, (int **)objects);
}

static void ints_door_release_bulk(void *self, size_t bytes, uint32_t count, void *objects[])
{
    (void)bytes;
    (void)ints_free_bulk(self, count, (int *const *)objects);
}

static void ints_door_count(void *state, subject_counts *out)
{
    buddy_pool_stats stats;
    ints_get_stats(state, &stats);
    count_pool(out, &stats, ints_get_desc(state)->checked);
}

static const subject_ops INTS_OPS = {.alloc = ints_door_alloc,
                                     .release = ints_door_release,
                                     .alloc_bulk = ints_door_alloc_bulk,
                                     .release_bulk = ints_door_release_bulk,
                                     .count = ints_door_count};

static void *records_door_alloc(void *self, size_t bytes)
{
    (void)bytes;
    return records_alloc(self);
}

static bool records_door_release(void *self, void *object, size_t bytes)
{
    (void)bytes;
    return records_free(self, object) == BUDDY_POOL_OK;
}

static void records_door_count(void *state, subject_counts *out)
{
    buddy_pool_stats stats;
    records_get_stats(state, &stats);
    count_pool(out, &stats, records_get_desc(state)->checked);
}

static const subject_ops RECORDS_OPS = {
    .alloc = records_door_alloc, .release = records_door_release, .count = records_door_count};

/* ---- any ---- */

static bool open_ints(const subject_setup *setup, bool checked, subject_opened *out)
{
    size_t capacity = (size_t)setup->arena_bytes / sizeof(int);
    out->ops = &INTS_OPS;
    out->state = ints_create(
        &(buddy_pool_desc){.capacity = capacity, .prefault = setup->prefault, .checked = checked});
    return out->state != NULL;
}

static bool open_records(const subject_setup *setup, subject_opened *out)
{
    out->ops = &RECORDS_OPS;
    out->state =
        records_create(&(buddy_pool_desc){.capacity = setup->arena_bytes / sizeof(record)});
    return out->state != NULL;
}

static bool open_blocks(const subject_setup *setup, buddy_heap_checks checks, subject_opened *out)
{
    /* A heap marks blocks of four units and more by plain stores. */
    const uint32_t unit = setup->heap_unit_bytes;
    out->ops = &HEAP_OPS;
    out->state = open_heap(setup, unit > 0 ? unit : setup->unit_bytes / 4, checks);
    return out->state != NULL;
}

static bool open_exact(const subject_setup *setup, subject_opened *out)
{
    out->ops = &EXACT_OPS;
    out->state = open_heap(setup, setup->unit_bytes, BUDDY_HEAP_CHECKS_ON);
    return out->state != NULL;
}

bool subject_megabuddy_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    bool checked = who->flavour == MEGABUDDY_CHECKED;
    switch (setup->door) {
    case DOOR_INTS:
        return open_ints(setup, checked, out);
    case DOOR_RECORDS:
        return open_records(setup, out);
    case DOOR_GATHER:
        return open_gathered(setup, out);
    case DOOR_EXACT:
        return open_exact(setup, out);
    case DOOR_BLOCKS:
        break;
    }
    return open_blocks(setup, checked ? BUDDY_HEAP_CHECKS_ON : BUDDY_HEAP_CHECKS_OFF, out);
}
