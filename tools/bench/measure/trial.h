/* trial.h: one case, one subject, one number of threads, once: in a process of its own, so that no
 * subject finds the heap as another left it.
 *
 *     parent:  spawn ──► megabuddy bench alloc --trial CASE SUBJECT … ──► a line of figures
 *     child:   trial_main: opens the subject, lets the case run, writes the line
 *
 * What is in this file happens in the child, but for the arguments, which both must agree on. */
#ifndef MEGABUDDY_TOOLS_BENCH_TRIAL_H
#define MEGABUDDY_TOOLS_BENCH_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/bench/measure/figures.h"
#include "tools/bench/subjects/subject.h"

#define TRIAL_OPTION    "--trial" /* what makes a child of it */
#define TRIAL_PROBE     "probe"   /* in place of a case: is the subject there at all? */
#define TRIAL_ARGUMENTS 9u        /* the strings of a trial_spec */
#define TRIAL_TEXT      24u       /* bytes of each, the end included */

/* What the parent tells the child. */
typedef struct trial_spec {
    const char *name; /* of the case, or TRIAL_PROBE */
    const char *subject;
    uint32_t threads, round;
    uint64_t seed, arena_bytes;
    uint32_t size_least, size_most; /* of churn */
    bool quick;
} trial_spec;

/* The spec as arguments, of which trial_main makes it again. */
void trial_format(const trial_spec *spec, char texts[TRIAL_ARGUMENTS][TRIAL_TEXT]);

struct bench_case;

/* A trial that runs. Threads of the case read it. */
typedef struct trial {
    trial_spec spec;
    const struct bench_case *which;
    const subject *who;
    subject_opened opened; /* by trial_open */
    uint64_t limit_ns;     /* a timed stretch ends when it took that long, whatever is left to do */
    figures found;
} trial;

/* Opens the subject with the door of the case and the threads of the trial, which it fills in.
 * Gives the trial up when there is no memory. */
void trial_open(trial *t, subject_setup setup);

/* The state of a generator: the same for all subjects, different for each seat and round. */
uint64_t trial_random(const trial *t, uint32_t seat);

/* Operations that a thread does at most when a case would like to do `wanted`: less with many
 * threads, which share the processors, and when it has to be quick. */
uint64_t trial_operations(const trial *t, uint64_t wanted);

static inline void trial_put(trial *t, const char *metric, const char *unit, double value)
{
    figures_put(&t->found, metric, unit, value);
}

/* ns_per_op and, where bytes were counted, bytes_per_s. */
void trial_put_rate(trial *t, const char *metric, uint64_t wall_ns, uint64_t operations);
void trial_put_bytes(trial *t, uint64_t wall_ns, uint64_t bytes);

/* Ends the process with a line that says why there are no figures. Any thread. */
_Noreturn void trial_give_up(const char *why);

/* Writes the figures where the parent reads them. Returns the exit code. */
int trial_answer(const figures *f);

/* The child. Returns, with the exit code, only when the arguments are wrong. */
int trial_main(int argc, char **argv);

#endif
