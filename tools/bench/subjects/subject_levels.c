/* subject_levels.c: the scheme with a lock a level, over an arena like ours. */
#include "tools/bench/subjects/subject.h"

#include <stdio.h>

#include "buddy/levels.h"
#include "tools/bench/measure/memory.h"

typedef struct leveled {
    buddy_levels *l;
    unsigned char *base;
    uint32_t unit_shift;
} leveled;

static uint32_t order_of(const leveled *s, size_t bytes)
{
    size_t last = bytes > 0 ? (bytes - 1) >> s->unit_shift : 0; /* unit of the last byte */
    return last > 0 ? 64 - (uint32_t)__builtin_clzll(last) : 0;
}

static void *alloc(void *self, size_t bytes)
{
    leveled *s = self;
    uint32_t offset = buddy_levels_alloc(s->l, order_of(s, bytes));
    return offset != BUDDY_NONE ? s->base + ((size_t)offset << s->unit_shift) : NULL;
}

static void release(void *self, void *block, size_t bytes)
{
    leveled *s = self;
    size_t offset = (size_t)((unsigned char *)block - s->base) >> s->unit_shift;
    buddy_levels_free(s->l, (uint32_t)offset, order_of(s, bytes));
}

static void measure(void *state, figures *out)
{
    const leveled *s = state;
    buddy_levels_stats stats;
    double most = 0, wasted = 0;
    buddy_levels_get_stats(s->l, &stats);
    for (uint32_t order = 0; order <= stats.max_order; order++) {
        char name[32];
        double pending = (double)stats.pending_high_water[order];
        (void)snprintf(name, sizeof(name), "pending_high_water_level%u", order);
        figures_put(out, name, "count", pending);
        most = pending > most ? pending : most;
        wasted += (double)stats.wasted_splits[order];
    }
    figures_put(out, "pending_high_water", "count", most);
    figures_put(out, "wasted_splits", "count", wasted);
    figures_put(out, "metadata_bits_per_unit", "bit",
                8.0 * (double)stats.metadata_bytes / (double)stats.units);
}

bool subject_levels_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    static const subject_ops ops = {.alloc = alloc, .release = release, .measure = measure};
    leveled *s = memory_touched(sizeof(*s));
    uint64_t units = setup->arena_bytes / setup->unit_bytes;
    if (units >= BUDDY_NONE) {
        return false;
    }
    buddy_levels_desc desc = {.units = (uint32_t)units,
                              .sync = who->flavour == SUBJECT_LEVELS_SPIN ? BUDDY_LEVELS_SPINLOCK
                                                                          : BUDDY_LEVELS_MUTEX};
    size_t bytes = buddy_levels_sizeof(&desc);
    s->unit_shift = (uint32_t)__builtin_ctz(setup->unit_bytes);
    s->base = memory_untouched(setup->arena_bytes);
    s->l = bytes > 0 ? buddy_levels_init(memory_touched(bytes), bytes, &desc) : NULL;
    if (setup->prefault) {
        memory_touch(s->base, setup->arena_bytes);
    }
    *out = (subject_opened){.ops = &ops, .state = s};
    return s->l != NULL;
}
