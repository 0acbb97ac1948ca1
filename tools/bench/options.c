/* options.c: what is asked for. */
#include "tools/bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/options.h"
#include "tools/base/units.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/team.h"

#define ARENA_LEAST (UINT64_C(4) << 20)  /* a few of the largest tiles for each of many threads */
#define ARENA_MOST  (UINT64_C(64) << 30) /* below 2^32 units */
#define ARENA_STEP  (UINT64_C(1) << 20)
#define SIZE_LEAST  8u /* what is written into a block */
#define SIZE_MOST   (UINT32_C(1) << 20)
#define NAMES_BYTES 1024u /* of all cases, or all subjects */
#define SIZE_BYTES  40u   /* of a size as it is written */

static const uint32_t THREADS[] = {1, 2, 4, 8, 16}, THREADS_QUICK[] = {1, 2};
enum { ROUNDS = 5, ROUNDS_QUICK = 3 };

/* 64 MiB when it has to be quick: touching the arena takes longer than the trial else. */
static const uint64_t ARENA = UINT64_C(256) << 20, ARENA_QUICK = UINT64_C(64) << 20;

/* ---- help ---- */

/* Appends a name to a text of names. */
static void add_name(char text[NAMES_BYTES], const char *name, const char *mark)
{
    const size_t used = strlen(text);
    (void)snprintf(text + used, NAMES_BYTES - used, "%s%s%s", used > 0 ? " " : "", name, mark);
}

static void print_names(void)
{
    uint32_t count;
    char text[NAMES_BYTES] = "";
    const bench_case *cases = case_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        add_name(text, cases[i].name, cases[i].quick ? "*" : "");
    }
    puts("cases, with * those of --quick:");
    options_print(text, 2);
    const subject *subjects = subject_list(&count);
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        add_name(text, subjects[i].name, "");
    }
    puts("\nsubjects:");
    options_print(text, 2);
}

/* ---- single values ---- */

static bool parse_size(const char *text, uint32_t *out)
{
    uint64_t bytes;
    if (!units_parse_bytes(text, &bytes) || bytes < SIZE_LEAST || bytes > SIZE_MOST) {
        return false;
    }
    *out = (uint32_t)bytes;
    return true;
}

static bool take_sizes(void *into, const char *value)
{
    bench_options *o = into;
    char least[SIZE_BYTES];
    const size_t length = strcspn(value, "-");
    if (value[length] != '-' || length >= sizeof least) {
        return false;
    }
    (void)snprintf(least, sizeof least, "%.*s", (int)length, value);
    return parse_size(least, &o->size_least) && parse_size(value + length + 1, &o->size_most) &&
           o->size_least <= o->size_most;
}

/* ---- words of lists ---- */

static bool take_case(void *into, const char *value)
{
    bench_options *o = into;
    const bench_case *found = case_find(value);
    if (found == NULL || o->case_count == OPTIONS_LIST) {
        return false;
    }
    o->cases[o->case_count++] = found;
    return true;
}

static bool take_subject(void *into, const char *value)
{
    bench_options *o = into;
    const subject *found = subject_find(value);
    if (found == NULL || o->subject_count == OPTIONS_LIST) {
        return false;
    }
    o->subjects[o->subject_count++] = found;
    return true;
}

static bool take_threads(void *into, const char *value)
{
    bench_options *o = into;
    uint64_t number;
    if (!units_parse_count(value, 1, TEAM_MOST, &number) || o->thread_count == OPTIONS_LIST) {
        return false;
    }
    o->threads[o->thread_count++] = (uint32_t)number;
    return true;
}

/* ---- all of it ---- */

static const option_row ROWS[] = {
    {0, "quick", NULL, OPTION_FLAG, offsetof(bench_options, quick),
     .help = "the cases that matter, 1 and 2 threads, 3 rounds, short trials, 64 MiB: less than "
             "40 s"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(bench_options, csv),
     .help = "write all figures to FILE"},
    {0, "report", "DIR", OPTION_TEXT, offsetof(bench_options, report),
     .help = "write a page to read, DIR/index.html, and DIR/alloc.csv"},
    {0, "cases", "LIST", OPTION_LIST, offsetof(bench_options, case_count), .take = take_case,
     .wrong = "no such case", .help = "only these, with commas between them"},
    {0, "subjects", "LIST", OPTION_LIST, offsetof(bench_options, subject_count),
     .take = take_subject, .wrong = "no such subject", .help = "only these"},
    {0, "threads", "LIST", OPTION_LIST, offsetof(bench_options, thread_count), .take = take_threads,
     .wrong = "must be numbers from 1 to 256, such as 1,2,4",
     .help = "numbers of threads, each 1 to 256 (default: 1,2,4,8,16)"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(bench_options, rounds), .least = 1, .most = 99,
     .help = "1 to 99 (default: 5)"},
    {0, "seed", "S", OPTION_NUMBER, offsetof(bench_options, seed),
     .wrong = "must be a number from 0 to 2^64 - 1",
     .help = "seed of the random numbers (default: 1)"},
    {0, "arena", "SIZE", OPTION_SIZE, offsetof(bench_options, arena_bytes), .least = ARENA_LEAST,
     .most = ARENA_MOST, .help = "memory to work on, 4 MiB to 64 GiB (default: 256 MiB)"},
    {0, "sizes", "MIN-MAX", OPTION_TAKEN, .take = take_sizes,
     .wrong = "must be MIN-MAX from 8 B to 1 MiB, such as 64-4KiB",
     .help = "of blocks in the case churn, 8 B to 1 MiB (default: 64-4KiB)"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench alloc",
    .usage = {"[OPTION]…"},
    .about = "Measures the allocator beside others. Each trial (one case, one subject, one number "
             "of threads) is a process of its own, all subjects are called through the same table "
             "of functions, and the rounds of all subjects take turns; what is told is the median "
             "over rounds. limit-list is a free list a thread, the limit of what is possible; "
             "limit-empty does nothing and shows what the harness itself takes. Others' libraries "
             "are preloaded where they are installed. Ctrl-C ends it early.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 failed or ended early, 2 wrong usage.",
    .print_more = print_names,
};

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
    o->arena_bytes -= o->arena_bytes % ARENA_STEP;
}

bool bench_options_read(int argc, char **argv, bench_options *out, int *code)
{
    *out = (bench_options){.seed = 1, .size_least = 64, .size_most = 4096};
    if (!options_read(&TABLE, argc, argv, out, code)) {
        return false;
    }
    fill_in(out);
    return true;
}
