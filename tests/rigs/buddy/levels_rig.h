/* levels_rig.h: levels to test on, with spinlocks and with mutexes. */
#ifndef MEGABUDDY_TESTS_LEVELS_RIG_H
#define MEGABUDDY_TESTS_LEVELS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "buddy/levels.h"

static const levels_sync SYNCS[] = {LEVELS_SPINLOCK, LEVELS_MUTEX};
#define SYNC_COUNT (sizeof(SYNCS) / sizeof(SYNCS[0]))

static inline levels *make_levels(uint32_t units, levels_sync sync)
{
    levels_desc desc = {.units = units, .sync = sync};
    size_t bytes = levels_sizeof(&desc);
    levels *l = levels_init(aligned_alloc(64, bytes), bytes, &desc);
    assert_non_null(l);
    return l;
}

static inline void drop_levels(levels *l)
{
    levels_finish(l);
    free(l);
}

#endif
