/* options.h: the command line of `bench alloc`. */
#ifndef MEGABUDDY_TOOLS_BENCH_OPTIONS_H
#define MEGABUDDY_TOOLS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/bench/alloc/case.h"
#include "tools/bench/subjects/subject.h"

#define OPTIONS_LIST 32u /* of cases, subjects or numbers of threads, at most */

typedef struct bench_options {
    const bench_case *cases[OPTIONS_LIST];
    const subject *subjects[OPTIONS_LIST];
    uint32_t threads[OPTIONS_LIST];
    uint32_t case_count, subject_count, thread_count;
    uint32_t rounds;
    uint64_t seed, arena_bytes;
    uint32_t size_least, size_most; /* of churn */
    const char *csv, *report;       /* NULL: none wanted */
    bool quick;
} bench_options;

/* Reads the command line. False: it is over, as options_read of tools/base says. */
bool bench_options_read(int argc, char **argv, bench_options *out, int *code);

#endif
