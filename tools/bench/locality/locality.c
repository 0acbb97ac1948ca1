/* locality.c: `megabuddy bench locality`: what it is worth that a node is taken near the one
 * before.
 *
 *     for each case          so many nodes in lists, or in a tree
 *       for each round       all sources take turns: what the machine does meanwhile hits all
 *         for each source    beginning with another one in each round
 *           a trial in a process of its own
 *
 * then medians over rounds, a table to read, and the files asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/options.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/about.h"
#include "tools/bench/bench.h"
#include "tools/bench/locality/locality_trial.h"
#include "tools/bench/results.h"
#include "tools/commands.h"

enum { ROUNDS = 5, ROUNDS_QUICK = 3, ROUNDS_MOST = 99 };

#define WALK_NS       50e6 /* that walking takes at least, so that the clock does not matter */
#define WALK_NS_QUICK 10e6

typedef struct settings {
    const char *csv, *report;
    uint32_t rounds;
    uint32_t cases; /* bit i: CASES[i] is wanted */
    uint64_t seed;
    bool quick;
} settings;

typedef struct locality_case {
    const char *name;
    const locality_shape *shape;
    uint32_t nodes;
    bool quick;
} locality_case;

/* In the second-level cache of most processors, in the third, and beyond it. */
static const locality_case CASES[] = {
    {"list-16k", &LOCALITY_LIST, 16384, true},   {"list-128k", &LOCALITY_LIST, 131072, true},
    {"list-2m", &LOCALITY_LIST, 2097152, false}, {"tree-16k", &LOCALITY_TREE, 16384, true},
    {"tree-128k", &LOCALITY_TREE, 131072, true}, {"tree-1m", &LOCALITY_TREE, 1048576, false},
};

#define CASE_COUNT ((int)(sizeof CASES / sizeof CASES[0]))

static int fail(const char *what, const char *why)
{
    say_error("bench locality: %s: %s", what, why);
    return EXIT_FAILED;
}

static bool wanted(const settings *s, int i)
{
    return (s->cases >> i & 1) != 0;
}

/* ---- trials ---- */

static bool keep(bench_samples *all, const char *name, const char *source,
                 const locality_figures *f)
{
    const struct {
        const char *metric, *unit;
        double value;
    } rows[] = {
        {"walk_ns_per_node", "ns", f->walk_ns},
        {"churn_ns_per_pair", "ns", f->churn_ns},
        {"same_line_percent", "percent", f->same_line},
        {"same_page_percent", "percent", f->same_page},
        {"apart_bytes", "B", f->apart_bytes},
        {"span_bytes_per_node", "B", f->span_bytes},
    };
    const bench_row key = bench_key("locality", name, source, 1);
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && good; i++) {
        good = bench_samples_put(all, key, rows[i].metric, rows[i].unit, rows[i].value);
    }
    return good;
}

/* All sources, one after another. */
static int take_turns(const settings *s, const locality_case *c, uint32_t round,
                      bench_samples *samples)
{
    uint32_t count;
    const node_source *all = locality_sources(&count);
    for (uint32_t i = 0; i < count; i++) {
        const node_source *source = &all[(i + round) % count];
        locality_spec spec = {.shape = c->shape,
                              .source = source,
                              .nodes = c->nodes,
                              .seed = s->seed + round,
                              .time_ns = s->quick ? WALK_NS_QUICK : WALK_NS};
        locality_figures found;
        if (!locality_run(&spec, &found)) {
            return fail(c->name, "a trial failed; is there enough memory?");
        }
        if (!keep(samples, c->name, source->name, &found)) {
            return fail(c->name, "not enough memory for its figures");
        }
    }
    return EXIT_DONE;
}

static int run_cases(const settings *s, bench_samples *samples)
{
    progress bar;
    int code = EXIT_DONE;
    progress_begin(&bar, "bench locality", 0, false);
    for (int i = 0; i < CASE_COUNT; i++) {
        for (uint32_t round = 0; round < s->rounds && code == EXIT_DONE; round++) {
            progress_update(&bar, (uint64_t)i * s->rounds + round,
                            (uint64_t)CASE_COUNT * s->rounds);
            if (wanted(s, i)) {
                code = take_turns(s, &CASES[i], round, samples);
            }
        }
    }
    progress_end(&bar);
    return code;
}

/* ---- what comes of it ---- */

static double value(const bench_table *t, const char *name, const char *source, const char *metric)
{
    const bench_row *row = bench_table_find(t, name, source, metric, 1);
    return row != NULL ? row->median : 0;
}

static void show_case(const bench_table *t, const locality_case *c)
{
    uint32_t count;
    const node_source *all = locality_sources(&count);
    printf("\n%-11s  walk   churn  same line  same page     apart  span\n", c->name);
    for (uint32_t i = 0; i < count; i++) {
        const char *who = all[i].name;
        printf("  %-9s %5.2f  %6.1f  %7.1f %%  %7.1f %%  %8.0f  %4.1f\n", who,
               value(t, c->name, who, "walk_ns_per_node"),
               value(t, c->name, who, "churn_ns_per_pair"),
               value(t, c->name, who, "same_line_percent"),
               value(t, c->name, who, "same_page_percent"), value(t, c->name, who, "apart_bytes"),
               value(t, c->name, who, "span_bytes_per_node"));
    }
}

static void show(const settings *s, const bench_table *t, const bench_about *about)
{
    about_print(about);
    printf("seed %" PRIu64 ", %" PRIu32 " rounds; medians over rounds; --help says what they are\n",
           s->seed, s->rounds);
    for (int i = 0; i < CASE_COUNT; i++) {
        if (wanted(s, i)) {
            show_case(t, &CASES[i]);
        }
    }
}

static int run(const settings *s, int argc, char **argv)
{
    bench_samples samples = {0};
    bench_table table = {0};
    bench_about about;
    about_machine(&about, argc, argv);
    int code = run_cases(s, &samples);
    if (code == EXIT_DONE && !bench_samples_table(&samples, &table)) {
        code = fail("figures", "not enough memory");
    }
    if (code == EXIT_DONE) {
        show(s, &table, &about);
        code = bench_write("locality", &table, s->csv, s->report) ? EXIT_DONE : EXIT_FAILED;
    }
    bench_table_finish(&table);
    bench_samples_finish(&samples);
    return code;
}

/* ---- the command line ---- */

static bool take_case(void *into, const char *value)
{
    settings *s = into;
    int i = 0;
    while (i < CASE_COUNT && strcmp(CASES[i].name, value) != 0) {
        i++;
    }
    s->cases |= i < CASE_COUNT ? UINT32_C(1) << i : 0;
    return i < CASE_COUNT;
}

static const option_row ROWS[] = {
    {0, "quick", NULL, OPTION_FLAG, offsetof(settings, quick),
     .help = "what fits into caches, 3 rounds: 5 seconds; all of it takes two minutes"},
    {0, "cases", "LIST", OPTION_LIST, offsetof(settings, cases), .take = take_case,
     .wrong = "no such case",
     .help = "only these, with commas between them: list-16k, list-128k, list-2m, tree-16k, "
             "tree-128k, tree-1m"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(settings, rounds), .least = 1, .most = ROUNDS_MOST,
     .help = "1 to 99 (default: 5)"},
    {0, "seed", "S", OPTION_NUMBER, offsetof(settings, seed),
     .wrong = "must be a number from 0 to 2^64 - 1",
     .help = "seed of the random numbers (default: 1)"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(settings, csv), .help = "write all figures to FILE"},
    {0, "report", "DIR", OPTION_TEXT, offsetof(settings, report), .help = "write DIR/locality.csv"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench locality",
    .usage = {"[OPTION]…"},
    .about =
        "Takes small nodes near the node before them, and anywhere, and walks what they make up. "
        "list: 16 lists, appended to in turns of chance; then four times a quarter of all nodes "
        "leave by chance, and as many come in behind nodes drawn by chance. tree: a search tree "
        "of random keys, churned twice; walked by looking up keys. The number behind it: nodes, "
        "of 24 bytes. Sources: a typed pool and the heap (32 bytes a node), each with hints "
        "(-near) and without, with room for a quarter more than is live; malloc: the C "
        "library's, or one that is preloaded. Each trial is a process of its own, rounds take "
        "turns, medians over rounds are told.",
    .rows = ROWS,
    .end = "Figures: walk, ns a node in the quickest lap of a trial; churn, ns for a node that "
           "leaves and one that comes, finding its place included; neighbours in one cache line "
           "and in one page of 4 KiB, percent; median distance of neighbours, bytes; memory from "
           "the first node to the last, bytes a node.\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage.",
};

/* What was not said. */
static void fill_in(settings *s)
{
    if (s->rounds == 0) {
        s->rounds = s->quick ? ROUNDS_QUICK : ROUNDS;
    }
    bool all = s->cases == 0;
    for (int i = 0; i < CASE_COUNT && all; i++) {
        s->cases |= (uint32_t)(CASES[i].quick || !s->quick) << i;
    }
}

int bench_locality_main(int argc, char **argv)
{
    settings s = {.seed = 1};
    int code;
    if (!options_read(&TABLE, argc, argv, &s, &code)) {
        return code;
    }
    fill_in(&s);
    return bench_may_write("locality", s.csv) ? run(&s, argc, argv) : EXIT_FAILED;
}
