/* subject_levels.c: the scheme with a lock a level, over an arena like ours. */
#include "tools/bench/subjects/subject.h"

#include <string.h>

#include "buddy/levels.h"
#include "tools/bench/measure/memory.h"

typedef struct leveled {
    buddy_levels *l;
    unsigned char *base;
    uint32_t unit_shift;
} leveled;

static uint32_t order_of(const leveled *s, size_t bytes)
{
    const size_t last = bytes > 0 ? (bytes - 1) >> s->unit_shift : 0; /* unit of the last byte */
    return last > 0 ? 64 - (uint32_t)__builtin_clzll(last) : 0;
}

static void *alloc(void *self, size_t bytes)
{
    leveled *s = self;
    const uint32_t offset = buddy_levels_alloc(s->l, order_of(s, bytes));
    return offset != BUDDY_NONE ? s->base + ((size_t)offset << s->unit_shift) : NULL;
}

static bool release(void *self, void *block, size_t bytes)
{
    leveled *s = self;
    const size_t offset = (size_t)((unsigned char *)block - s->base) >> s->unit_shift;
    buddy_levels_free(s->l, (uint32_t)offset, order_of(s, bytes));
    return true;
}

static size_t usable(void *self, const void *block, size_t bytes)
{
    const leveled *s = self;
    (void)block;
    return (size_t)1 << (order_of(s, bytes) + s->unit_shift);
}

static void count(void *state, subject_counts *out)
{
    const leveled *s = state;
    buddy_levels_stats stats;
    buddy_levels_get_stats(s->l, &stats);
    *out = (subject_counts){.units = stats.units,
                            .free_units = stats.free_units,
                            .largest_order = stats.largest_order,
                            .max_order = stats.max_order,
                            .splits = stats.splits,
                            .merges = stats.merges,
                            .metadata_bytes = stats.metadata_bytes,
                            .has_levels = true};
    memcpy(out->pending, stats.pending_high_water, sizeof out->pending);
    memcpy(out->wasted, stats.wasted_splits, sizeof out->wasted);
}

static const char *check(void *state)
{
    return buddy_levels_check(((const leveled *)state)->l);
}

bool subject_levels_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    static const subject_ops ops = {
        .alloc = alloc, .release = release, .usable = usable, .count = count, .check = check};
    const uint64_t units = setup->arena_bytes / setup->unit_bytes;
    const buddy_levels_desc desc = {
        .units = (uint32_t)units,
        .sync = who->flavour == SUBJECT_LEVELS_SPIN ? BUDDY_LEVELS_SPINLOCK : BUDDY_LEVELS_MUTEX};
    const size_t bytes = units < BUDDY_NONE ? buddy_levels_sizeof(&desc) : 0;
    leveled *s = memory_ask(sizeof *s);
    void *metadata = memory_ask(bytes), *base = memory_ask(setup->arena_bytes);
    if (bytes == 0 || s == NULL || metadata == NULL || base == NULL) {
        return false;
    }
    memory_touch(metadata, bytes);
    if (setup->prefault) {
        memory_touch(base, setup->arena_bytes);
    }
    *s = (leveled){.l = buddy_levels_init(metadata, bytes, &desc),
                   .base = base,
                   .unit_shift = (uint32_t)__builtin_ctz(setup->unit_bytes)};
    *out = (subject_opened){.ops = &ops, .state = s};
    return s->l != NULL;
}
