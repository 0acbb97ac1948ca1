/* case.h: what is measured: the list of cases. Each says at the top of its file exactly what it
 * does. A case opens the subject, runs a team of threads, and puts its figures into the trial. */
#ifndef MEGABUDDY_TOOLS_BENCH_CASE_H
#define MEGABUDDY_TOOLS_BENCH_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/bench/measure/team.h"
#include "tools/bench/measure/trial.h"
#include "tools/bench/subjects/subject.h"

/* Bytes of a buddy's unit, for all cases but those that say otherwise: the heap's default. */
#define CASE_UNIT_BYTES 64u

typedef struct bench_case {
    const char *name;
    const char *headline; /* the metric to print */
    subject_door door;
    bool bounded; /* only for subjects that have an arena */
    bool single;  /* on one thread only */
    bool quick;   /* one of those that matter most */
    void (*run)(trial *t);
} bench_case;

/* All there are, in the order of reports. */
const bench_case *case_list(uint32_t *count);
const bench_case *case_find(const char *name); /* NULL: no such */

/* Whether the subject takes part in the case on so many threads. */
bool case_applies(const bench_case *c, const subject *who, uint32_t threads);

/* case_article.c */
void case_article(trial *t);
void case_bulk(trial *t);
/* case_churn.c */
void case_churn(trial *t);
void case_churn_small(trial *t);
/* case_ring.c */
void case_ring(trial *t);
/* case_tiles.c */
void case_tiles(trial *t);
void case_full(trial *t);
/* case_fill.c */
void case_fill_64(trial *t);
void case_fill_4k(trial *t);
void case_fill_64k(trial *t);
/* case_occupancy.c */
void case_occupancy_powers(trial *t);
void case_occupancy_typed(trial *t);
void case_occupancy_mixed(trial *t);

#endif
