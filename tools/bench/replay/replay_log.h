/* replay_log.h: a log of buddy/track_log.h as steps to be played: checked, sorted by thread, with
 * blocks numbered from 0. One thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_REPLAY_LOG_H
#define MEGABUDDY_TOOLS_BENCH_REPLAY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/bench/measure/team.h"

#define REPLAY_LINE 160u /* bytes of an error's text, the end included */

/* One call. `turn`: how many steps of the log before this one are about the same block, by whatever
 * thread: a step waits for its turn. */
typedef struct replay_step {
    uint32_t block, turn;
    uint64_t bytes : 60, operation : 4; /* a buddy_track_operation */
} replay_step;

typedef struct replay_log {
    replay_step *steps; /* of the first thread, of the second …, each in the order of the log */
    uint64_t count;
    uint32_t threads;
    uint64_t begin[TEAM_MOST + 1]; /* of a thread's steps; the next one's is its end */
    uint32_t blocks;
    uint64_t peak_bytes;    /* asked for and live at once, at most */
    uint64_t rounded_bytes; /* the same, each block rounded up to a power of two */
    size_t mapped_bytes;    /* of steps */
} replay_log;

/* Reads a log for the threads that it had, or for one. Threads beyond TEAM_MOST share seats. False,
 * with a text, when it cannot be read, is not whole, frees what was never allocated, or wants more
 * memory than this machine has. */
bool replay_log_load(const char *path, bool one_thread, replay_log *out, char error[REPLAY_LINE]);
void replay_log_unload(replay_log *log);

#endif
