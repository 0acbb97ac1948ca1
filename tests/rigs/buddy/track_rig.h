/* track_rig.h: tracks for tests, and what must hold of them and of their logs. Include after
 * cmocka.
 */
#ifndef MEGABUDDY_TESTS_TRACK_RIG_H
#define MEGABUDDY_TESTS_TRACK_RIG_H

#include <stdlib.h>

#include "buddy/track.h"
#include "buddy/track_log.h"
#include "tests/rigs/scratch.h"

static inline track *track_make(track_desc desc)
{
    track *t = track_create(&desc);
    assert_non_null(t);
    return t;
}

static inline void track_expect_sound(track *t)
{
    const char *wrong = track_check(t);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static inline track_stats track_stats_of(track *t)
{
    track_stats stats;
    track_get_stats(t, &stats);
    return stats;
}

/* Every event makes sense where it stands, and in the end so many are live. Returns when that was,
 * in nanoseconds of the log's own time. */
static inline uint64_t track_expect_log(const char *path, uint32_t live)
{
    size_t bytes = 0;
    uint8_t *data = scratch_read(path, &bytes);
    uint8_t *held = calloc(100000, 1);
    track_log_reader r;
    track_event e;
    track_log_status status = track_log_begin(&r, data, bytes);
    uint64_t last_ns = 0;
    while (status == TRACK_LOG_OK && (status = track_log_next(&r, &e)) == TRACK_LOG_OK) {
        assert_true(e.block < 100000);
        assert_int_equal(held[e.block], e.operation != TRACK_OP_ALLOC);
        held[e.block] = e.operation != TRACK_OP_FREE;
        live += e.operation == TRACK_OP_FREE;
        live -= e.operation == TRACK_OP_ALLOC;
        assert_true(e.time_ns >= last_ns);
        last_ns = e.time_ns;
    }
    assert_string_equal(track_log_status_text(status), track_log_status_text(TRACK_LOG_DONE));
    assert_int_equal(live, 0);
    free(held);
    free(data);
    return last_ns;
}

#endif
