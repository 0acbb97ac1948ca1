/* team.h: threads that begin together, and how long they took together. */
#ifndef MEGABUDDY_TOOLS_BENCH_TEAM_H
#define MEGABUDDY_TOOLS_BENCH_TEAM_H

#include <stdint.h>

#define TEAM_MOST 256u /* threads */
#define TEAM_LINE \
    128u /* bytes; what threads write lies this far apart: processors fetch pairs of \
            64-byte lines */

typedef struct team team;

/* What a thread does; seat counts from 0. */
typedef void team_work(team *t, uint32_t seat, void *context);

/* Runs work on `threads` new threads and returns when all have returned. Gives the trial up when
 * the system has no more threads. */
void team_run(uint32_t threads, team_work *work, void *context);

/* Waits until all threads of the team are here; what they wrote before is then visible. */
void team_meet(team *t);

/* When a thread began and ended a timed stretch. */
typedef struct team_span {
    uint64_t begin_ns, end_ns;
} team_span;

/* From the first to begin to the last to end. spans: `count` of them, `stride` bytes apart. */
uint64_t team_wall_ns(const team_span *spans, uint32_t count, uint32_t stride);

#endif
