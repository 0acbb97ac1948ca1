/* spawn.h: runs a trial in a process of its own. One thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_SPAWN_H
#define MEGABUDDY_TOOLS_BENCH_SPAWN_H

#include <stdbool.h>

#include "tools/bench/measure/figures.h"
#include "tools/bench/measure/trial.h"

/* Runs this very program with the spec, and with `preload` as LD_PRELOAD (NULL: with none), and
 * waits for its figures. False with a cause when it could not be started, failed, or took longer
 * than any trial may. An interrupt ends it at once, with a cause. `quiet`: its stderr is dropped.
 */
bool spawn_trial(const trial_spec *spec, const char *preload, bool quiet, figures *out,
                 char cause[FIGURES_CAUSE]);

/* The same with any words for its command line, NULL behind the last. */
bool spawn_words(const char *const words[], const char *preload, bool quiet, figures *out,
                 char cause[FIGURES_CAUSE]);

/* The library of a peer that loads and is what it is said to be; NULL when none is. NULL too for a
 * subject that needs none: see subject.symbol. */
const char *spawn_library(const subject *who);

/* From now on SIGINT and SIGTERM do not kill, but end the trial that runs. */
void spawn_catch_interrupts(void);
bool spawn_interrupted(void);

#endif
