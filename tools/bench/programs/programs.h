/* programs.h: real programs on which mallocs are tried: shell scripts, run in a folder of their
 * own.
 *
 * `prepare` runs once; `run` once a round and malloc, with $PRELOAD naming the library to be
 * preloaded into the program itself (empty: none), and prints what the program made of its work: it
 * has to be the same whatever the malloc. */
#ifndef MEGABUDDY_TOOLS_BENCH_PROGRAMS_H
#define MEGABUDDY_TOOLS_BENCH_PROGRAMS_H

#include <stdint.h>

typedef struct program {
    const char *name;
    const char *summary;
    const char *needs;   /* commands, separated by blanks */
    const char *package; /* Debian's, of what is most likely missing */
    const char *prepare, *run;
} program;

extern const program PROGRAMS[];
extern const uint32_t PROGRAM_COUNT;

#endif
