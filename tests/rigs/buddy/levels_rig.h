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

static const buddy_levels_sync SYNCS[] = {BUDDY_LEVELS_SPINLOCK, BUDDY_LEVELS_MUTEX};
#define SYNC_COUNT (sizeof SYNCS / sizeof SYNCS[0])

static inline buddy_levels *make_levels(uint32_t units, buddy_levels_sync sync)
{
    buddy_levels_desc desc = {.units = units, .sync = sync};
    size_t bytes = buddy_levels_sizeof(&desc);
    buddy_levels *l = buddy_levels_init(aligned_alloc(64, bytes), bytes, &desc);
    assert_non_null(l);
    return l;
}

static inline void drop_levels(buddy_levels *l)
{
    buddy_levels_finish(l);
    free(l);
}

#endif
