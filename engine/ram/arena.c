/* arena.c: the allocators behind one table of functions each: the lock-free core, and
 * buddy/levels.h, which stands for both of its locks. */
#include "engine/ram/arena.h"

#include "buddy/fault.h"
#include "buddy/levels.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 64,   /* the allocators want their metadata aligned to this */
    PAGE_BYTES = 4096, /* … and O_DIRECT the memory that it writes (ramstore.c) */
};

/* What differs between them. `at` is the metadata. */
typedef struct kind {
    size_t (*sizeof_metadata)(const arena_desc *desc);
    bool (*init)(void *at, size_t bytes, const arena_desc *desc);
    void (*finish)(void *at);
    uint32_t (*gather)(void *at, uint32_t units, buddy_block pieces[BUDDY_PIECES]);
    void (*free)(void *at, uint32_t offset, uint32_t order);
    void (*get_stats)(const void *at, arena_stats *out);
    void (*walk)(const void *at, bool (*visit)(void *context, buddy_block block), void *context);
    const char *(*check)(const void *at);
} kind;

struct arena {
    const kind *kind;
    vt_sync sync;
    uint8_t *base;
    void *at;
    buddy_fault *fault;
    size_t unit_bytes;
};

static uint32_t units_of(const arena_desc *desc)
{
    const uint64_t units = desc->bytes / desc->unit_bytes;
    return units < UINT32_MAX - 1 ? (uint32_t)units : 0;
}

/* ---- lock-free ---- */

static buddy_desc core_desc(const arena_desc *desc)
{
    return (buddy_desc){.units = units_of(desc)};
}

static size_t core_sizeof(const arena_desc *desc)
{
    const buddy_desc bd = core_desc(desc);
    return buddy_sizeof(&bd);
}

static bool core_init(void *at, size_t bytes, const arena_desc *desc)
{
    const buddy_desc bd = core_desc(desc);
    return buddy_init(at, bytes, &bd) != NULL;
}

static void core_finish(void *at)
{
    (void)at;
}

static uint32_t core_gather(void *at, uint32_t units, buddy_block pieces[BUDDY_PIECES])
{
    return buddy_gather(at, units, BUDDY_ANYWHERE, pieces);
}

static void core_free(void *at, uint32_t offset, uint32_t order)
{
    buddy_free(at, offset, order);
}

static void core_get_stats(const void *at, arena_stats *out)
{
    buddy_stats stats;
    buddy_get_stats(at, &stats);
    *out = (arena_stats){.free_units = stats.free_units,
                         .largest_order = stats.largest_order,
                         .metadata_bytes = stats.metadata_bytes};
}

static void core_walk(const void *at, bool (*visit)(void *context, buddy_block block),
                      void *context)
{
    buddy_walk(at, visit, context);
}

static const char *core_check(const void *at)
{
    return buddy_check(at);
}

/* ---- levels ---- */

static buddy_levels_desc describe_levels(const arena_desc *desc)
{
    return (buddy_levels_desc){.units = units_of(desc),
                               .sync = desc->sync == VT_SYNC_MUTEX ? BUDDY_LEVELS_MUTEX
                                                                   : BUDDY_LEVELS_SPINLOCK};
}

static size_t schemes_sizeof(const arena_desc *desc)
{
    const buddy_levels_desc ld = describe_levels(desc);
    return buddy_levels_sizeof(&ld);
}

static bool schemes_init(void *at, size_t bytes, const arena_desc *desc)
{
    const buddy_levels_desc ld = describe_levels(desc);
    return buddy_levels_init(at, bytes, &ld) != NULL;
}

static void schemes_finish(void *at)
{
    buddy_levels_finish(at);
}

static void give_pieces(void *at, const buddy_block pieces[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buddy_levels_free(at, pieces[i].offset, pieces[i].order);
    }
}

/* As buddy_gather, by the single blocks that levels know: a block for each binary digit of the
 * size; where one cannot be had, two halves of it, as long as BUDDY_PIECES are enough. */
static uint32_t schemes_gather(void *at, uint32_t units, buddy_block pieces[BUDDY_PIECES])
{
    const uint32_t size = buddy_gather_units(units);
    uint32_t total = (uint32_t)__builtin_popcount(size), taken = 0, halves = 0;
    for (uint32_t order = BUDDY_ORDERS; order-- > 0;) {
        uint32_t wanted = (size >> order & 1) + 2 * halves;
        for (halves = 0; wanted > 0; wanted--) {
            const uint32_t offset = buddy_levels_alloc(at, order);
            if (offset != BUDDY_NONE) {
                pieces[taken++] = (buddy_block){offset, order};
            } else if (order > 0 && total < BUDDY_PIECES) {
                halves++;
                total++;
            } else {
                give_pieces(at, pieces, taken);
                return 0;
            }
        }
    }
    return taken;
}

static void schemes_free(void *at, uint32_t offset, uint32_t order)
{
    buddy_levels_free(at, offset, order);
}

static void schemes_get_stats(const void *at, arena_stats *out)
{
    buddy_levels_stats stats;
    buddy_levels_get_stats(at, &stats);
    *out = (arena_stats){.free_units = stats.free_units,
                         .largest_order = stats.largest_order,
                         .metadata_bytes = stats.metadata_bytes};
    for (uint32_t order = 0; order <= stats.max_order; order++) {
        if (stats.pending_high_water[order] > out->pending_high_water) {
            out->pending_high_water = stats.pending_high_water[order];
        }
    }
}

static void schemes_walk(const void *at, bool (*visit)(void *context, buddy_block block),
                         void *context)
{
    buddy_levels_walk(at, visit, context);
}

static const char *schemes_check(const void *at)
{
    return buddy_levels_check(at);
}

/* ---- either ---- */

static const kind LOCKFREE = {core_sizeof, core_init,      core_finish, core_gather,
                              core_free,   core_get_stats, core_walk,   core_check};
static const kind SCHEMES = {schemes_sizeof, schemes_init,      schemes_finish, schemes_gather,
                             schemes_free,   schemes_get_stats, schemes_walk,   schemes_check};

static const kind *kind_of(vt_sync sync)
{
    return sync == VT_SYNC_LOCKFREE ? &LOCKFREE : &SCHEMES;
}

uint64_t arena_metadata_bytes(const arena_desc *desc)
{
    const size_t metadata = units_of(desc) != 0 ? kind_of(desc->sync)->sizeof_metadata(desc) : 0;
    return metadata != 0 ? sizeof(arena) + metadata : 0;
}

/* Memory in whole multiples of `alignment`, which the system provides only as it is touched. */
static void *take_memory(size_t bytes, size_t alignment)
{
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

/* The arena and its metadata are separate memory: what is managed is never written to by its
 * allocator. */
arena *arena_create(const arena_desc *desc)
{
    const size_t metadata = units_of(desc) != 0 ? kind_of(desc->sync)->sizeof_metadata(desc) : 0;
    arena *a = metadata != 0 ? calloc(1, sizeof *a) : NULL;
    if (a == NULL) {
        return NULL;
    }
    a->kind = kind_of(desc->sync);
    a->base = take_memory((size_t)desc->bytes, PAGE_BYTES);
    void *at = a->base ? take_memory(metadata, LINE_BYTES) : NULL;
    if (at == NULL || !a->kind->init(at, metadata, desc)) {
        free(at);
        free(a->base);
        free(a);
        return NULL;
    }
    a->at = at;
    a->sync = desc->sync;
    a->fault = desc->fault;
    a->unit_bytes = desc->unit_bytes;
    if (desc->prefault) {
        memset(a->base, 0, (size_t)desc->bytes);
    }
    return a;
}

void arena_destroy(arena *a)
{
    if (a == NULL) {
        return;
    }
    a->kind->finish(a->at);
    free(a->at);
    free(a->base);
    free(a);
}

uint8_t *arena_base(const arena *a)
{
    return a->base;
}

/* A fault (buddy/fault.h) may refuse a request although there is room, which tests use to see that
 * the tier copes. */
uint32_t arena_gather(arena *a, uint32_t units, buddy_block pieces[BUDDY_PIECES])
{
    const bool struck =
        buddy_fault_strikes(a->fault, units * a->unit_bytes, __builtin_return_address(0));
    return struck ? 0 : a->kind->gather(a->at, units, pieces);
}

void arena_free(arena *a, buddy_block block)
{
    a->kind->free(a->at, block.offset, block.order);
}

bool arena_take_all(arena *a, const buddy_block blocks[], uint32_t count)
{
    return a->sync == VT_SYNC_LOCKFREE && buddy_take_all(a->at, blocks, count);
}

void arena_get_stats(const arena *a, arena_stats *out)
{
    a->kind->get_stats(a->at, out);
}

void arena_walk(const arena *a, bool (*visit)(void *context, buddy_block block), void *context)
{
    a->kind->walk(a->at, visit, context);
}

const char *arena_check(const arena *a)
{
    return a->kind->check(a->at);
}
