/* track_rig.h: tracks for tests, and what must hold of them and of their logs. Include after
 * cmocka. */
#ifndef MEGABUDDY_TESTS_TRACK_RIG_H
#define MEGABUDDY_TESTS_TRACK_RIG_H

#include <stdlib.h>

#include "buddy/track.h"
#include "buddy/track_log.h"
#include "tests/rigs/scratch.h"

static inline buddy_track *track_make(buddy_track_desc desc)
{
    buddy_track *t = buddy_track_create(&desc);
    assert_non_null(t);
    return t;
}

static inline void track_expect_sound(buddy_track *t)
{
    const char *wrong = buddy_track_check(t);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static inline buddy_track_stats track_stats_of(buddy_track *t)
{
    buddy_track_stats stats;
    buddy_track_get_stats(t, &stats);
    return stats;
}

/* Every event makes sense where it stands, and in the end so many are live. Returns when that was,
 * in nanoseconds of the log's own time. */
static inline uint64_t track_expect_log(const char *path, uint32_t live)
{
    size_t bytes = 0;
    uint8_t *data = scratch_read(path, &bytes);
    uint8_t *held = calloc(100000, 1);
    buddy_track_log_reader r;
    buddy_track_event e;
    buddy_track_log_status status = buddy_track_log_begin(&r, data, bytes);
    uint64_t last_ns = 0;
    while (status == BUDDY_TRACK_LOG_OK &&
           (status = buddy_track_log_next(&r, &e)) == BUDDY_TRACK_LOG_OK) {
        assert_true(e.block < 100000);
        assert_int_equal(held[e.block], e.operation != BUDDY_TRACK_OP_ALLOC);
        held[e.block] = e.operation != BUDDY_TRACK_OP_FREE;
        live += e.operation == BUDDY_TRACK_OP_FREE;
        live -= e.operation == BUDDY_TRACK_OP_ALLOC;
        assert_true(e.time_ns >= last_ns);
        last_ns = e.time_ns;
    }
    assert_string_equal(buddy_track_log_status_text(status),
                        buddy_track_log_status_text(BUDDY_TRACK_LOG_DONE));
    assert_int_equal(live, 0);
    free(held);
    free(data);
    return last_ns;
}

#endif
