/* alloc.c: `megabuddy bench alloc`: the plan.
 *
 *     for each case            so that a case is complete as early as can be
 *       for each round         all subjects take turns: what the machine does meanwhile hits all
 *         for each number of threads
 *           for each subject   beginning with another one in each round
 *             a trial in a process of its own
 *
 * then medians over rounds, a table to read, and the files asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/about.h"
#include "tools/bench/bench.h"
#include "tools/bench/measure/spawn.h"
#include "tools/bench/options.h"
#include "tools/bench/report/report.h"
#include "tools/bench/results.h"
#include "tools/bench/show.h"
#include "tools/commands.h"

typedef struct plan {
    bench_options o;
    const char *libraries[OPTIONS_LIST]; /* of o.subjects, to be preloaded */
    uint32_t total, begun, failed;       /* trials */
    bench_samples samples;
    progress bar;
} plan;

/* ---- what there is to do ---- */

/* Leaves out the subjects whose library is not there, and says so. */
static void find_libraries(plan *p)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->o.subject_count; i++) {
        const subject *who = p->o.subjects[i];
        const char *library = who->symbol != NULL ? spawn_library(who) : NULL;
        if (who->symbol == NULL || library != NULL) {
            p->libraries[kept] = library;
            p->o.subjects[kept++] = who;
        } else if (!spawn_interrupted()) {
            say_error("bench alloc: %s: left out: no %s that can be preloaded; Debian's "
                      "package is %s",
                      who->name, who->libraries[0], who->package);
        }
    }
    p->o.subject_count = kept;
}

/* The numbers of threads for a case: one, or those asked for. */
static uint32_t thread_counts(const plan *p, const bench_case *c, const uint32_t **counts)
{
    static const uint32_t one = 1;
    *counts = c->single ? &one : p->o.threads;
    return c->single ? 1 : p->o.thread_count;
}

static uint32_t count_trials(const plan *p, const bench_case *c)
{
    uint32_t count = 0;
    const uint32_t *threads;
    for (uint32_t i = thread_counts(p, c, &threads); i > 0; i--) {
        for (uint32_t j = 0; j < p->o.subject_count; j++) {
            count += case_applies(c, p->o.subjects[j], threads[i - 1]);
        }
    }
    return count;
}

/* ---- trials ---- */

static bool keep_figures(plan *p, const trial_spec *spec, const figures *found)
{
    const bench_row key = bench_key("alloc", spec->name, spec->subject, spec->threads);
    return bench_samples_put_all(&p->samples, key, found);
}

static void tell_failure(plan *p, const trial_spec *spec, const char *cause)
{
    p->failed++;
    progress_end(&p->bar);
    say_error("bench alloc: %s, %s, %u thread%s: %s", spec->name, spec->subject, spec->threads,
              spec->threads == 1 ? "" : "s", cause);
}

static void run_trial(plan *p, uint32_t subject_index, trial_spec spec)
{
    figures found;
    char cause[FIGURES_CAUSE];
    spec.subject = p->o.subjects[subject_index]->name;
    progress_update(&p->bar, p->begun, p->total);
    bool good = spawn_trial(&spec, p->libraries[subject_index], false, &found, cause);
    if (spawn_interrupted()) {
        return;
    }
    p->begun++;
    if (!good) {
        tell_failure(p, &spec, cause);
    } else if (!keep_figures(p, &spec, &found)) {
        tell_failure(p, &spec, "not enough memory for its figures");
    }
}

/* All subjects with one number of threads. */
static void take_turns(plan *p, const bench_case *c, const trial_spec *spec)
{
    for (uint32_t i = 0; i < p->o.subject_count && !spawn_interrupted(); i++) {
        uint32_t index = (i + spec->round) % p->o.subject_count;
        if (case_applies(c, p->o.subjects[index], spec->threads)) {
            run_trial(p, index, *spec);
        }
    }
}

static void run_round(plan *p, const bench_case *c, uint32_t round)
{
    const uint32_t *threads;
    uint32_t count = thread_counts(p, c, &threads);
    for (uint32_t i = 0; i < count; i++) {
        trial_spec spec = {.name = c->name,
                           .threads = threads[i],
                           .round = round,
                           .seed = p->o.seed,
                           .arena_bytes = p->o.arena_bytes,
                           .size_least = p->o.size_least,
                           .size_most = p->o.size_most,
                           .quick = p->o.quick};
        take_turns(p, c, &spec);
    }
}

static void run_all(plan *p)
{
    for (uint32_t i = 0; i < p->o.case_count; i++) {
        p->total += count_trials(p, p->o.cases[i]) * p->o.rounds;
    }
    progress_begin(&p->bar, "bench alloc", 0, false);
    for (uint32_t i = 0; i < p->o.case_count; i++) {
        for (uint32_t round = 0; round < p->o.rounds; round++) {
            run_round(p, p->o.cases[i], round);
        }
    }
    progress_end(&p->bar);
}

/* ---- what comes of it ---- */

static bool complain(const char *what, const char *why)
{
    say_error("bench alloc: %s: %s", what, why);
    return false;
}

static bool tell(const plan *p, const bench_table *t, const bench_about *about)
{
    show_table(t, p->o.cases, p->o.case_count, about);
    bool good = p->o.report == NULL || bench_report_write(p->o.report, t, about);
    good = bench_write("alloc", t, p->o.csv, good ? p->o.report : NULL) && good;
    if (spawn_interrupted()) {
        char text[64];
        (void)snprintf(text, sizeof text, "%u of %u trials were run", p->begun, p->total);
        return complain("ended early", text);
    }
    return good && p->failed == 0;
}

static int run_plan(plan *p, int argc, char **argv)
{
    bench_about about;
    bench_table table;
    about_machine(&about, argc, argv);
    about.rounds = p->o.rounds;
    about.seed = p->o.seed;
    about.arena_bytes = p->o.arena_bytes;
    about.quick = p->o.quick;
    spawn_catch_interrupts();
    find_libraries(p);
    run_all(p);
    about.seconds = progress_seconds(&p->bar);
    bool good = bench_samples_table(&p->samples, &table) ? tell(p, &table, &about)
                                                         : complain("figures", "not enough memory");
    bench_table_finish(&table);
    bench_samples_finish(&p->samples);
    return good ? EXIT_DONE : EXIT_FAILED;
}

int bench_alloc_main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], TRIAL_OPTION) == 0) {
        return trial_main(argc - 2, argv + 2);
    }
    plan p = {.total = 0};
    int code;
    if (!bench_options_read(argc, argv, &p.o, &code)) {
        return code;
    }
    return bench_may_write("alloc", p.o.csv) ? run_plan(&p, argc, argv) : EXIT_FAILED;
}
