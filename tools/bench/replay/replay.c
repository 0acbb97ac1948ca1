/* replay.c: `megabuddy bench replay LOG`: plays a log of a program's blocks (buddy/track_log.h) on
 * any allocator.
 *
 *     for each round           all allocators take turns
 *       for each allocator     beginning with another one in each round
 *         a process of its own (replay_play.h)
 *
 * then medians over the rounds. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/files/regular.h"
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
#define WORD_MOST   32u

typedef struct plan {
    const char *path, *name; /* of the log; without folders */
    const char *csv;
    const subject *subjects[ALLOCATORS];
    const char *libraries[ALLOCATORS]; /* to be preloaded */
    uint32_t subject_count, rounds, failed;
    bool one_thread, help;
    replay_log log; /* without its steps */
    bench_samples samples;
    progress bar;
} plan;

static bool complain(const char *what, const char *why)
{
    say_error("bench replay: %s: %s", what, why);
    return false;
}

static void print_help(void)
{
    puts("usage: megabuddy bench replay [OPTION]… LOG\n"
         "\n"
         "Plays a log of all that a program allocated and freed, as BUDDY_TRACK or\n"
         "megabuddy test alloc --track write it, on allocators: with the threads that it had, as\n"
         "fast as they go, each call in its turn of its block, and every page of a block written\n"
         "to once. Each run is a process of its own, and the rounds of all allocators take turns.\n"
         "What is told is the median over rounds: time of the whole by number of calls, and the\n"
         "most memory that the process took above what it had before.\n"
         "\n"
         "  --allocator LIST  with commas between them: megabuddy, megabuddy-checked, glibc,\n"
         "                    jemalloc, mimalloc, tcmalloc, levels-spinlock, levels-mutex\n"
         "                    (default: megabuddy, and of glibc to tcmalloc those there are)\n"
         "  --threads N       log: as many as the program had (default); 1: one plays all\n"
         "  --rounds N        1 to 99 (default: 5)\n"
         "  --csv FILE        write all figures to FILE\n"
         "  --help            this text\n"
         "\n"
         "Exit codes: 0 done, 1 failed or ended early, 2 wrong usage.");
}

/* ---- options ---- */

static bool add_allocator(plan *p, const char *name)
{
    const subject *who = subject_find(name);
    if (who == NULL || who->open == subject_list_open || who->open == subject_empty_open) {
        return complain(name, "no such allocator; --help lists them");
    }
    if (p->subject_count == ALLOCATORS) {
        return complain(name, "too many allocators");
    }
    p->subjects[p->subject_count++] = who;
    return true;
}

static bool add_allocators(plan *p, const char *list)
{
    size_t length;
    p->subject_count = 0;
    do {
        char word[WORD_MOST + 1];
        length = strcspn(list, ",");
        (void)snprintf(word, sizeof(word), "%.*s", (int)(length < WORD_MOST ? length : WORD_MOST),
                       list);
        if (!add_allocator(p, word)) {
            return false;
        }
        list += length + 1;
    } while (list[-1] != '\0');
    return true;
}

static bool set_option(plan *p, int option, const char *text)
{
    uint64_t number;
    switch (option) {
    case 'a':
        return add_allocators(p, text);
    case 't':
        p->one_thread = strcmp(text, "1") == 0;
        return p->one_thread || strcmp(text, REPLAY_AS_LOGGED) == 0 ||
               complain(text, "--threads is log or 1");
    case 'r':
        if (!units_parse_count(text, 1, ROUNDS_MOST, &number)) {
            return complain(text, "--rounds is a number from 1 to 99");
        }
        p->rounds = (uint32_t)number;
        return true;
    case 'v':
        p->csv = text;
        return true;
    default:
        p->help = true;
        return true;
    }
}

static bool take_path(plan *p, int argc, char **argv)
{
    if (optind + 1 != argc) {
        return optind == argc ? complain("which log?", "see megabuddy bench replay --help")
                              : complain(argv[optind + 1], "not expected; see --help");
    }
    const char *slash = strrchr(argv[optind], '/');
    p->path = argv[optind];
    p->name = slash != NULL ? slash + 1 : p->path;
    return true;
}

/* False, after a line on stderr, when the command line is wrong. */
static bool parse_options(plan *p, int argc, char **argv)
{
    static const struct option known[] = {
        {"allocator", required_argument, NULL, 'a'},
        {"threads", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},
        {"csv", required_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0; /* we say it ourselves */
    optind = 1;
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return complain(argv[optind - 1],
                            option == ':' ? "needs a value" : "no such option; see --help");
        }
        if (!set_option(p, option, optarg)) {
            return false;
        }
    }
    return p->help || take_path(p, argc, argv);
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
    bench_row key = {.bench = "replay", .threads = p->log.threads};
    (void)snprintf(key.name, sizeof(key.name), "%.23s", p->name);
    (void)snprintf(key.subject, sizeof(key.subject), "%s", who->name);
    for (uint32_t i = 0; i < found->count; i++) {
        memcpy(key.metric, found->all[i].metric, sizeof(key.metric));
        memcpy(key.unit, found->all[i].unit, sizeof(key.unit));
        if (!bench_samples_add(&p->samples, &key, found->all[i].value)) {
            return false;
        }
    }
    return true;
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
    bool good =
        p->csv == NULL || bench_csv_write(p->csv, &table) || complain(p->csv, file_text(errno));
    bench_table_finish(&table);
    if (spawn_interrupted()) {
        return complain(p->path, "ended early");
    }
    return good && p->failed == 0;
}

static bool replay(plan *p)
{
    static const char everybody[] = "megabuddy,glibc,jemalloc,mimalloc,tcmalloc";
    char error[REPLAY_LINE];
    if (!replay_log_load(p->path, p->one_thread, &p->log, error)) {
        return complain(p->path, error);
    }
    replay_log_unload(&p->log);
    if (p->csv != NULL && !bench_csv_possible(p->csv)) {
        return complain(p->csv, file_text(errno));
    }
    if (p->subject_count == 0 && !add_allocators(p, everybody)) {
        return false;
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
    if (!parse_options(&p, argc, argv)) {
        return EXIT_USAGE;
    }
    if (p.help) {
        print_help();
        return EXIT_DONE;
    }
    return replay(&p) ? EXIT_DONE : EXIT_FAILED;
}
