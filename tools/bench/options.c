/* options.c: what is asked for. */
#include "tools/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/team.h"

#define ROUNDS_MOST 99u
#define ARENA_LEAST (UINT64_C(4) << 20)  /* a few of the largest tiles for each of many threads */
#define ARENA_MOST  (UINT64_C(64) << 30) /* below 2^32 units */
#define ARENA_STEP  (UINT64_C(1) << 20)
#define SIZE_LEAST  8u /* what is written into a block */
#define SIZE_MOST   (UINT32_C(1) << 20)
#define WORD_MOST   40u /* letters of a name in a list */

static const uint32_t THREADS[] = {1, 2, 4, 8, 16}, THREADS_QUICK[] = {1, 2};
enum { ROUNDS = 5, ROUNDS_QUICK = 3 };

/* 64 MiB when it has to be quick: touching the arena takes longer than the trial else. */
static const uint64_t ARENA = UINT64_C(256) << 20, ARENA_QUICK = UINT64_C(64) << 20;

bool options_complain(const char *what, const char *why)
{
    say_error("bench alloc: %s: %s", what, why);
    return false;
}

/* ---- help ---- */

static void print_cases(void)
{
    uint32_t count;
    const bench_case *all = case_list(&count);
    fputs("\ncases, with * those of --quick:\n ", stdout);
    for (uint32_t i = 0; i < count; i++) {
        printf(" %s%s", all[i].name, all[i].quick ? "*" : "");
        fputs(i == 6 ? "\n " : "", stdout);
    }
}

static void print_subjects(void)
{
    uint32_t count;
    const subject *all = subject_list(&count);
    fputs("\n\nsubjects:\n ", stdout);
    for (uint32_t i = 0; i < count; i++) {
        printf(" %s", all[i].name);
        fputs(i == 5 ? "\n " : "", stdout);
    }
}

void options_print_help(void)
{
    puts("usage: megabuddy bench alloc [OPTION]…\n"
         "\n"
         "Measures the allocator beside others. Each trial (one case, one subject, one number of\n"
         "threads) is a process of its own, all subjects are called through the same table of\n"
         "functions, and the rounds of all subjects take turns; what is told is the median over\n"
         "rounds. limit-list is a free list a thread, the limit of what is possible; limit-empty\n"
         "does nothing and shows what the harness itself takes. Others' libraries are preloaded\n"
         "where they are installed. Ctrl-C ends it early.\n"
         "\n"
         "  --quick          the cases that matter, 1 and 2 threads, 3 rounds, short trials,\n"
         "                   64 MiB: less than 40 s\n"
         "  --csv FILE       write all figures to FILE\n"
         "  --report DIR     write a page to read, DIR/index.html, and DIR/alloc.csv\n"
         "  --cases LIST     only these, with commas between them\n"
         "  --subjects LIST  only these\n"
         "  --threads LIST   numbers of threads, each 1 to 256 (default: 1,2,4,8,16)\n"
         "  --rounds N       1 to 99 (default: 5)\n"
         "  --seed S         seed of the random numbers (default: 1)\n"
         "  --arena SIZE     memory to work on, 4 MiB to 64 GiB (default: 256 MiB)\n"
         "  --sizes MIN-MAX  of blocks in the case churn, 8 B to 1 MiB (default: 64-4KiB)\n"
         "  --help           this text");
    print_cases();
    print_subjects();
    puts("\n\nExit codes: 0 done, 1 failed or ended early, 2 wrong usage.");
}

/* ---- single values ---- */

static bool set_rounds(bench_options *o, const char *text)
{
    uint64_t number;
    if (!units_parse_count(text, 1, ROUNDS_MOST, &number)) {
        return options_complain(text, "--rounds is a number from 1 to 99");
    }
    o->rounds = (uint32_t)number;
    return true;
}

static bool set_arena(bench_options *o, const char *text)
{
    uint64_t bytes;
    if (!units_parse_bytes(text, &bytes) || bytes < ARENA_LEAST || bytes > ARENA_MOST) {
        return options_complain(text, "--arena is a size from 4 MiB to 64 GiB, in " UNITS_KNOWN);
    }
    o->arena_bytes = bytes / ARENA_STEP * ARENA_STEP;
    return true;
}

static bool parse_size(const char *text, uint32_t *out)
{
    uint64_t bytes;
    if (!units_parse_bytes(text, &bytes) || bytes < SIZE_LEAST || bytes > SIZE_MOST) {
        return false;
    }
    *out = (uint32_t)bytes;
    return true;
}

static bool set_sizes(bench_options *o, const char *text)
{
    char least[WORD_MOST + 1];
    size_t length = strcspn(text, "-");
    bool good = text[length] == '-' && length <= WORD_MOST;
    if (good) {
        (void)snprintf(least, sizeof(least), "%.*s", (int)length, text);
        good = parse_size(least, &o->size_least) && parse_size(text + length + 1, &o->size_most) &&
               o->size_least <= o->size_most;
    }
    return good || options_complain(text, "--sizes is MIN-MAX from 8 B to 1 MiB, such as 64-4KiB");
}

/* ---- lists ---- */

/* Adds one word to its list; false after a line on stderr. */
typedef bool add_word(bench_options *o, const char *word);

static bool add_case(bench_options *o, const char *word)
{
    const bench_case *found = case_find(word);
    if (found == NULL || o->case_count == OPTIONS_LIST) {
        return options_complain(word, "no such case; --help lists them");
    }
    o->cases[o->case_count++] = found;
    return true;
}

static bool add_subject(bench_options *o, const char *word)
{
    const subject *found = subject_find(word);
    if (found == NULL || o->subject_count == OPTIONS_LIST) {
        return options_complain(word, "no such subject; --help lists them");
    }
    o->subjects[o->subject_count++] = found;
    return true;
}

static bool add_threads(bench_options *o, const char *word)
{
    uint64_t number;
    if (!units_parse_count(word, 1, TEAM_MOST, &number) || o->thread_count == OPTIONS_LIST) {
        return options_complain(word, "--threads are numbers from 1 to 256, such as 1,2,4");
    }
    o->threads[o->thread_count++] = (uint32_t)number;
    return true;
}

static bool add_all(bench_options *o, const char *list, add_word *add)
{
    while (true) {
        char word[WORD_MOST + 1];
        size_t length = strcspn(list, ",");
        (void)snprintf(word, sizeof(word), "%.*s", (int)(length < WORD_MOST ? length : WORD_MOST),
                       list);
        if (!add(o, word)) {
            return false;
        }
        if (list[length] == '\0') {
            return true;
        }
        list += length + 1;
    }
}

/* ---- all of it ---- */

static bool set_option(bench_options *o, int option, const char *text)
{
    switch (option) {
    case 'q':
        o->quick = true;
        return true;
    case 'v':
        o->csv = text;
        return true;
    case 'p':
        o->report = text;
        return true;
    case 'c':
        o->case_count = 0;
        return add_all(o, text, add_case);
    case 'u':
        o->subject_count = 0;
        return add_all(o, text, add_subject);
    case 't':
        o->thread_count = 0;
        return add_all(o, text, add_threads);
    case 'r':
        return set_rounds(o, text);
    case 's':
        return units_parse_count(text, 0, UINT64_MAX, &o->seed) ||
               options_complain(text, "--seed is a number from 0 to 2^64 - 1");
    case 'a':
        return set_arena(o, text);
    case 'z':
        return set_sizes(o, text);
    default:
        o->help = true;
        return true;
    }
}

static void default_cases(bench_options *o)
{
    uint32_t count;
    const bench_case *all = case_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (!o->quick || all[i].quick) {
            o->cases[o->case_count++] = &all[i];
        }
    }
}

static void default_subjects(bench_options *o)
{
    uint32_t count;
    const subject *all = subject_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (!all[i].is_ours) {
            o->subjects[o->subject_count++] = &all[i];
        }
    }
}

static void default_threads(bench_options *o)
{
    const uint32_t *all = o->quick ? THREADS_QUICK : THREADS;
    o->thread_count = o->quick ? sizeof THREADS_QUICK / sizeof *all : sizeof THREADS / sizeof *all;
    memcpy(o->threads, all, o->thread_count * sizeof *all);
}

/* What was not said. */
static void fill_in(bench_options *o)
{
    if (o->case_count == 0) {
        default_cases(o);
    }
    if (o->subject_count == 0) {
        default_subjects(o);
    }
    if (o->thread_count == 0) {
        default_threads(o);
    }
    if (o->rounds == 0) {
        o->rounds = o->quick ? ROUNDS_QUICK : ROUNDS;
    }
    if (o->arena_bytes == 0) {
        o->arena_bytes = o->quick ? ARENA_QUICK : ARENA;
    }
}

bool options_parse(int argc, char **argv, bench_options *out)
{
    static const struct option known[] = {
        {"quick", no_argument, NULL, 'q'},          {"csv", required_argument, NULL, 'v'},
        {"report", required_argument, NULL, 'p'},   {"cases", required_argument, NULL, 'c'},
        {"subjects", required_argument, NULL, 'u'}, {"threads", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},   {"seed", required_argument, NULL, 's'},
        {"arena", required_argument, NULL, 'a'},    {"sizes", required_argument, NULL, 'z'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    *out = (bench_options){.seed = 1, .size_least = 64, .size_most = 4096};
    int option;
    opterr = 0; /* we say it ourselves */
    optind = 1;
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return options_complain(argv[optind - 1],
                                    option == ':' ? "needs a value" : "no such option; see --help");
        }
        if (!set_option(out, option, optarg)) {
            return false;
        }
    }
    fill_in(out);
    return optind == argc || options_complain(argv[optind], "not expected; see --help");
}
