/* replay.c: `megabuddy bench replay LOG`: plays a log of a program's blocks (buddy/track_log.h) on
 * any allocator.
 *
 *     for each round           all allocators take turns
 *       for each allocator     beginning with another one in each round
 *         a process of its own (replay_play.h)
 *
 * then medians over the rounds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/options.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/bench.h"
#include "tools/bench/measure/spawn.h"
#include "tools/bench/replay/replay_log.h"
#include "tools/bench/replay/replay_play.h"
#include "tools/bench/results.h"
#include "tools/commands.h"

#define ALLOCATORS  16u /* at most */
#define ROUNDS      5u
#define ROUNDS_MOST 99u

/* Who is measured where nobody is named. */
static const char *const EVERYBODY[] = {"megabuddy", "glibc", "jemalloc", "mimalloc", "tcmalloc"};
#define EVERYBODY_COUNT ((int)(sizeof EVERYBODY / sizeof EVERYBODY[0]))

typedef struct plan {
    const char *path, *name; /* of the log; without folders */
    const char *csv;
    const subject *subjects[ALLOCATORS];
    const char *libraries[ALLOCATORS]; /* to be preloaded */
    uint32_t subject_count, rounds, failed;
    bool one_thread;
    replay_log log; /* without its steps */
    bench_samples samples;
    progress bar;
} plan;

static bool complain(const char *what, const char *why)
{
    say_error("bench replay: %s: %s", what, why);
    return false;
}

/* ---- options ---- */

static bool take_allocator(void *into, const char *value)
{
    plan *p = into;
    const subject *who = subject_find(value);
    if (who == NULL || who->open == subject_list_open || who->open == subject_empty_open ||
        p->subject_count == ALLOCATORS) {
        return false;
    }
    p->subjects[p->subject_count++] = who;
    return true;
}

static const choice THREADS[] = {{REPLAY_AS_LOGGED, false}, {"1", true}, {NULL, 0}};

static bool take_threads(void *into, const char *value)
{
    plan *p = into;
    int one;
    const bool good = choice_find(THREADS, value, &one);
    p->one_thread = good && one;
    return good;
}

static const option_row ROWS[] = {
    {0, "allocator", "LIST", OPTION_LIST, offsetof(plan, subject_count), .take = take_allocator,
     .wrong = "no such allocator, or too many",
     .help = "with commas between them: megabuddy, megabuddy-checked, glibc, jemalloc, mimalloc, "
             "tcmalloc, levels-spinlock, levels-mutex (default: megabuddy, and of glibc to "
             "tcmalloc those there are)"},
    {0, "threads", "N", OPTION_TAKEN, .take = take_threads, .wrong = "must be log or 1",
     .help = "log: as many as the program had (default); 1: one plays all"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(plan, rounds), .least = 1, .most = ROUNDS_MOST,
     .help = "1 to 99 (default: 5)"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(plan, csv), .help = "write all figures to FILE"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench replay",
    .usage = {"[OPTION]… LOG"},
    .about =
        "Plays a log of all that a program allocated and freed, as BUDDY_TRACK or megabuddy test "
        "alloc --track write it, on allocators: with the threads that it had, as fast as they "
        "go, each call in its turn of its block, and every page of a block written to once. Each "
        "run is a process of its own, and the rounds of all allocators take turns. What is told "
        "is the median over rounds: time of the whole by number of calls, and the most memory "
        "that the process took above what it had before.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 failed or ended early, 2 wrong usage.",
    .surplus = "one log is enough",
    .operand_at = offsetof(plan, path),
};

/* The log's name without its folders. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- playing ---- */

/* Leaves out those whose library is not there, and says so. */
static void find_libraries(plan *p)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->subject_count && !spawn_interrupted(); i++) {
        const subject *who = p->subjects[i];
        const char *library = who->symbol != NULL ? spawn_library(who) : NULL;
        if (who->symbol == NULL || library != NULL) {
            p->libraries[kept] = library;
            p->subjects[kept++] = who;
        } else {
            say_error("bench replay: %s: left out: Debian's package is %s", who->name,
                      who->package);
        }
    }
    p->subject_count = kept;
}

static bool keep_figures(plan *p, const subject *who, const figures *found)
{
    const bench_row key = bench_key("replay", p->name, who->name, p->log.threads);
    return bench_samples_put_all(&p->samples, key, found);
}

static void play(plan *p, uint32_t index)
{
    figures found;
    char cause[FIGURES_CAUSE] = "not enough memory for its figures";
    const subject *who = p->subjects[index];
    const char *words[] = {
        "bench", "replay", TRIAL_OPTION, who->name, p->one_thread ? "1" : REPLAY_AS_LOGGED,
        p->path, NULL};
    bool good = spawn_words(words, p->libraries[index], false, &found, cause) &&
                keep_figures(p, who, &found);
    if (!good && !spawn_interrupted()) {
        p->failed++;
        progress_end(&p->bar);
        complain(who->name, cause);
    }
}

static void play_all(plan *p)
{
    uint32_t total = p->rounds * p->subject_count;
    progress_begin(&p->bar, "bench replay", 0, false);
    for (uint32_t i = 0; i < total && !spawn_interrupted(); i++) {
        uint32_t round = i / p->subject_count;
        progress_update(&p->bar, i, total);
        play(p, (i + round) % p->subject_count);
    }
    progress_end(&p->bar);
}

/* ---- telling ---- */

static void print_subject(const plan *p, const bench_table *t, const char *name, const char *who)
{
    char text[UNITS_TEXT];
    const bench_row *ns = bench_table_find(t, name, who, "ns_per_op", p->log.threads);
    const bench_row *rss = bench_table_find(t, name, who, "peak_rss", p->log.threads);
    const bench_row *refused = bench_table_find(t, name, who, "refused", p->log.threads);
    if (ns == NULL) {
        return;
    }
    printf("%-18s %8.1f   %-12s %.0f\n", who, ns->median,
           rss != NULL ? units_format_bytes((uint64_t)rss->median, text) : "-",
           refused != NULL ? refused->median : 0);
}

static void print_table(const plan *p, const bench_table *t)
{
    char text[UNITS_TEXT];
    say_line(stdout, "%s: %" PRIu64 " calls, %" PRIu32 " thread%s, at most %s live", p->name,
             p->log.count, p->log.threads, p->log.threads == 1 ? "" : "s",
             units_format_bytes(p->log.peak_bytes, text));
    puts("\nallocator           ns/call   peak memory  refused");
    for (uint32_t i = 0; i < p->subject_count && t->count > 0; i++) {
        print_subject(p, t, t->rows[0].name, p->subjects[i]->name);
    }
}

static bool tell(plan *p)
{
    bench_table table;
    if (!bench_samples_table(&p->samples, &table)) {
        return complain("figures", "not enough memory");
    }
    print_table(p, &table);
    const bool good = bench_write("replay", &table, p->csv, NULL);
    bench_table_finish(&table);
    if (spawn_interrupted()) {
        return complain(p->path, "ended early");
    }
    return good && p->failed == 0;
}

static bool replay(plan *p)
{
    char error[REPLAY_LINE];
    const bool all = p->subject_count == 0;
    if (!replay_log_load(p->path, p->one_thread, &p->log, error)) {
        return complain(p->path, error);
    }
    replay_log_unload(&p->log);
    if (!bench_may_write("replay", p->csv)) {
        return false;
    }
    for (uint32_t i = 0; i < EVERYBODY_COUNT && all; i++) {
        p->subjects[p->subject_count++] = subject_find(EVERYBODY[i]);
    }
    spawn_catch_interrupts();
    find_libraries(p);
    if (p->subject_count == 0) {
        return false; /* each was told of */
    }
    play_all(p);
    bool good = tell(p);
    bench_samples_finish(&p->samples);
    return good;
}

int bench_replay_main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], TRIAL_OPTION) == 0) {
        return replay_play_main(argc - 2, argv + 2);
    }
    plan p = {.rounds = ROUNDS};
    int code;
    if (!options_read(&TABLE, argc, argv, &p, &code)) {
        return code;
    }
    if (p.path == NULL) {
        return options_refuse(&TABLE, "which log?", "none is given");
    }
    p.name = base_name(p.path);
    return replay(&p) ? EXIT_DONE : EXIT_FAILED;
}
