/* pool_rig.h: a pool of ints to test on, and how a test of it ends. */
#ifndef MEGABUDDY_TESTS_POOL_RIG_H
#define MEGABUDDY_TESTS_POOL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/pool.h"

BUDDY_POOL(ints, int);

static inline void expect_whole(const char *fault)
{
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

/* All has been given back. */
static inline void drop_ints(ints *p)
{
    buddy_pool_stats stats;
    ints_recall(p);
    ints_get_stats(p, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.core.free_units, stats.capacity);
    expect_whole(ints_check(p));
    ints_destroy(p);
}

#endif
