/* subjects.c: the list. */
#include "tools/bench/subjects/subject.h"

#include <stdio.h>
#include <string.h>

#define BLOCKS (1u << DOOR_BLOCKS)
#define INTS   (1u << DOOR_INTS)
#define ALL    (BLOCKS | INTS | 1u << DOOR_RECORDS | 1u << DOOR_GATHER | 1u << DOOR_EXACT)

static const subject SUBJECTS[] = {
    {.name = "megabuddy",
     .doors = ALL,
     .bounded = true,
     .flavour = MEGABUDDY_UNCHECKED,
     .open = subject_megabuddy_open},
    {.name = "megabuddy-checked",
     .doors = BLOCKS | INTS,
     .bounded = true,
     .flavour = MEGABUDDY_CHECKED,
     .open = subject_megabuddy_open},
    {.name = "glibc", .doors = BLOCKS | INTS, .open = subject_malloc_open},
    {.name = "jemalloc",
     .doors = BLOCKS | INTS,
     .open = subject_malloc_open,
     .libraries = {"libjemalloc.so.2"},
     .symbol = "mallctl",
     .package = "libjemalloc2"},
    {.name = "mimalloc",
     .doors = BLOCKS | INTS,
     .open = subject_malloc_open,
     .libraries = {"libmimalloc.so.2.0", "libmimalloc.so.2"},
     .symbol = "mi_version",
     .package = "libmimalloc2.0"},
    {.name = "tcmalloc",
     .doors = BLOCKS | INTS,
     .open = subject_malloc_open,
     .libraries = {"libtcmalloc_minimal.so.4"},
     .symbol = "tc_version",
     .package = "libtcmalloc-minimal4"},
    {.name = "buddy-malloc",
     .doors = BLOCKS | INTS,
     .open = subject_malloc_open,
     .libraries = {"libbuddy-malloc.so"},
     .symbol = "buddy_malloc_name",
     .package = "none: cmake --build makes it",
     .is_ours = true},
    {.name = "levels-spinlock",
     .doors = BLOCKS | INTS,
     .bounded = true,
     .flavour = SUBJECT_LEVELS_SPIN,
     .open = subject_levels_open},
    {.name = "levels-mutex",
     .doors = BLOCKS | INTS,
     .bounded = true,
     .flavour = SUBJECT_LEVELS_MUTEX,
     .open = subject_levels_open},
    {.name = "limit-list", .doors = BLOCKS | INTS, .open = subject_list_open},
    {.name = "limit-empty", .doors = BLOCKS | INTS, .open = subject_empty_open},
};

const subject *subject_list(uint32_t *count)
{
    *count = sizeof SUBJECTS / sizeof SUBJECTS[0];
    return SUBJECTS;
}

const subject *subject_find(const char *name)
{
    uint32_t count;
    const subject *all = subject_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

/* ---- what they counted, as figures ---- */

static void put_levels(figures *out, const subject_counts *counts)
{
    double most = 0, wasted = 0;
    for (uint32_t order = 0; order <= counts->max_order; order++) {
        char name[32];
        const double pending = (double)counts->pending[order];
        (void)snprintf(name, sizeof name, "pending_high_water_level%u", order);
        figures_put(out, name, "count", pending);
        most = pending > most ? pending : most;
        wasted += (double)counts->wasted[order];
    }
    figures_put(out, "pending_high_water", "count", most);
    figures_put(out, "wasted_splits", "count", wasted);
}

void subject_measure(const subject_opened *opened, figures *out)
{
    subject_counts counts = {.units = 0};
    if (opened->ops->count == NULL) {
        return;
    }
    opened->ops->count(opened->state, &counts);
    if (counts.has_levels) {
        put_levels(out, &counts);
    } else {
        figures_put(out, "failed_cas", "count", (double)counts.failed_cas);
    }
    figures_put(out, "metadata_bits_per_unit", "bit",
                8.0 * (double)counts.metadata_bytes / counts.units);
    if (!counts.has_levels) {
        figures_put(out, "checks", "bool", counts.checked);
    }
}
