#include "tools/alloctest/alloc_subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buddy/levels.h"
#include "buddy/tree.h"

enum { LINE_BYTES = 64 };

/* Either h, or the other three. */
struct alloc_subject {
    buddy_heap *h;
    buddy_levels *l;
    void *metadata;
    unsigned char *memory;
};

static bool make_heap(alloc_subject *s, uint64_t arena_bytes, struct buddy_track *follower)
{
    s->h = buddy_heap_create(&(buddy_heap_desc){
        .bytes = (size_t)arena_bytes, .unit_bytes = ALLOC_UNIT_BYTES, .track = follower});
    return s->h != NULL;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static bool make_levels(alloc_subject *s, buddy_levels_sync sync, uint64_t arena_bytes)
{
    const buddy_levels_desc desc = {.units = (uint32_t)(arena_bytes / ALLOC_UNIT_BYTES),
                                    .sync = sync};
    size_t bytes = buddy_levels_sizeof(&desc);
    s->metadata = aligned_alloc(LINE_BYTES, whole_lines(bytes));
    s->memory = aligned_alloc(LINE_BYTES, whole_lines((size_t)arena_bytes));
    s->l = s->metadata != NULL ? buddy_levels_init(s->metadata, bytes, &desc) : NULL;
    return s->l != NULL && s->memory != NULL;
}

alloc_subject *alloc_subject_create(vt_sync sync, uint64_t arena_bytes,
                                    struct buddy_track *follower)
{
    errno = 0;
    alloc_subject *s = calloc(1, sizeof(*s));
    bool good = false;
    if (s != NULL) {
        good =
            sync == VT_SYNC_LOCKFREE
                ? make_heap(s, arena_bytes, follower)
                : make_levels(s, sync == VT_SYNC_MUTEX ? BUDDY_LEVELS_MUTEX : BUDDY_LEVELS_SPINLOCK,
                              arena_bytes);
    }
    if (!good) {
        int reason = errno != 0 ? errno : ENOMEM;
        alloc_subject_destroy(s);
        errno = reason;
        return NULL;
    }
    return s;
}

void alloc_subject_destroy(alloc_subject *s)
{
    if (s == NULL) {
        return;
    }
    buddy_heap_destroy(s->h);
    buddy_levels_finish(s->l);
    free(s->metadata);
    free(s->memory);
    free(s);
}

buddy_heap *alloc_subject_heap(alloc_subject *s)
{
    return s->h;
}

static uint32_t order_for(size_t bytes)
{
    return buddy_order_for((uint32_t)((bytes + ALLOC_UNIT_BYTES - 1) / ALLOC_UNIT_BYTES));
}

void *alloc_subject_take(alloc_subject *s, size_t bytes)
{
    if (s->h != NULL) {
        return buddy_heap_alloc(s->h, bytes);
    }
    uint32_t offset = buddy_levels_alloc(s->l, order_for(bytes));
    return offset != BUDDY_NONE ? s->memory + (size_t)offset * ALLOC_UNIT_BYTES : NULL;
}

bool alloc_subject_give(alloc_subject *s, void *block, size_t bytes)
{
    if (s->h != NULL) {
        return buddy_heap_free_sized(s->h, block, bytes) == BUDDY_HEAP_OK;
    }
    size_t distance = (size_t)((unsigned char *)block - s->memory);
    buddy_levels_free(s->l, (uint32_t)(distance / ALLOC_UNIT_BYTES), order_for(bytes));
    return true;
}

size_t alloc_subject_usable(const alloc_subject *s, const void *block, size_t bytes)
{
    return s->h != NULL ? buddy_heap_usable_size(s->h, block)
                        : (size_t)ALLOC_UNIT_BYTES << order_for(bytes);
}

static void get_heap_figures(alloc_subject *s, alloc_figures *out)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(s->h, &stats);
    *out = (alloc_figures){.units = stats.core.units,
                           .free_units = stats.core.free_units,
                           .largest_order = stats.core.largest_order,
                           .max_order = stats.core.max_order,
                           .peak_bytes = stats.peak_bytes,
                           .splits = stats.core.splits,
                           .merges = stats.core.merges,
                           .failed_cas = stats.core.failed_cas,
                           .recalls = stats.stocks.recalls,
                           .errors = stats.errors,
                           .metadata_bytes = stats.metadata_bytes};
}

static void get_levels_figures(alloc_subject *s, alloc_figures *out)
{
    buddy_levels_stats stats;
    buddy_levels_get_stats(s->l, &stats);
    *out = (alloc_figures){.units = stats.units,
                           .free_units = stats.free_units,
                           .largest_order = stats.largest_order,
                           .max_order = stats.max_order,
                           .splits = stats.splits,
                           .merges = stats.merges,
                           .metadata_bytes = stats.metadata_bytes,
                           .has_levels = true};
    memcpy(out->pending, stats.pending_high_water, sizeof(out->pending));
    memcpy(out->wasted, stats.wasted_splits, sizeof(out->wasted));
}

void alloc_subject_get(alloc_subject *s, alloc_figures *out)
{
    if (s->h != NULL) {
        get_heap_figures(s, out);
    } else {
        get_levels_figures(s, out);
    }
}

const char *alloc_subject_check(alloc_subject *s)
{
    if (s->h == NULL) {
        return buddy_levels_check(s->l);
    }
    buddy_heap_recall(s->h);
    return buddy_heap_check(s->h);
}
