/* results.h: the figures of a benchmark, one row a figure, and what they were measured on. */
#ifndef MEGABUDDY_TOOLS_BENCH_RESULTS_H
#define MEGABUDDY_TOOLS_BENCH_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

/* One figure: the median over the rounds, and the extremes. */
typedef struct bench_row {
    char bench[16];
    char name[24]; /* of the case */
    char subject[24];
    char metric[32];
    char unit[16];
    uint32_t threads;
    double median, min, max; /* in `unit` */
    uint32_t rounds;
} bench_row;

typedef struct bench_table {
    bench_row *rows;
    uint32_t count, capacity;
} bench_table;

/* The machine and the run. */
typedef struct bench_about {
    char cpu[128];
    char kernel[128];
    char compiler[64];
    char date[32];
    uint32_t cpus, rounds;
    uint64_t seed, arena_bytes;
    bool quick;
    double seconds; /* that the run took */
    char argv[256]; /* the command line */
} bench_about;

#endif
