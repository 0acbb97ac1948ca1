/* programs.c: `megabuddy bench programs`: programs that nobody here wrote, on our malloc and on
 * others.
 *
 *     program ─ prepare, once ─▶ rounds: each malloc in turn ─ run ─▶ seconds, peak memory, output
 *
 * Every program runs in a folder of its own, as a child; its peak is that of the largest process.
 */
#include "tools/bench/programs/programs.h"

#include "tools/base/folder.h"
#include "tools/base/options.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/bench/bench.h"
#include "tools/bench/measure/spawn.h"
#include "tools/bench/measure/ticks.h"
#include "tools/bench/results.h"
#include "tools/bench/subjects/subject.h"
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SUBJECTS_MOST = 8,
    PROGRAMS_MOST = 16,
    PATH_BYTES = 4096,
    OUTPUT_BYTES = 4096, /* of what a program prints that is compared */
    DEFAULT_ROUNDS = 5,
    QUICK_ROUNDS = 2,
};

static const double MIB = 1 << 20;

/* A malloc to run on. */
typedef struct rider {
    const char *name;
    char library[PATH_BYTES]; /* ""; none */
} rider;

typedef struct plan {
    const program *programs[PROGRAMS_MOST];
    uint32_t program_count, rounds;
    rider riders[SUBJECTS_MOST];
    uint32_t rider_count;
    const char *csv;
    bool quick;
    char folder[FOLDER_BYTES]; /* of all, in which each program has its own */
    char first[OUTPUT_BYTES];  /* what the program printed on the first malloc */
    uint32_t failed;
    uint64_t done; /* runs */
    bench_samples samples;
} plan;

static bool complain(const char *what, const char *why)
{
    say_error("bench programs: %s: %s", what, why);
    return false;
}

/* ---- what there is to run ---- */

static bool has_command(const char *name, size_t length)
{
    const char *path = getenv("PATH");
    char file[PATH_BYTES];
    for (const char *at = path ? path : "/usr/bin:/bin"; *at != '\0';) {
        const size_t folder = strcspn(at, ":");
        (void)snprintf(file, sizeof file, "%.*s/%.*s", (int)folder, at, (int)length, name);
        if (access(file, X_OK) == 0) {
            return true;
        }
        at += folder + (at[folder] == ':');
    }
    return false;
}

static bool has_all(const char *names)
{
    while (*names != '\0') {
        const size_t length = strcspn(names, " ");
        if (!has_command(names, length)) {
            return false;
        }
        names += length + (names[length] == ' ');
    }
    return true;
}

static void add_rider(plan *p, const char *name, const char *library)
{
    rider *r = &p->riders[p->rider_count++];
    r->name = name;
    (void)snprintf(r->library, sizeof r->library, "%s", library);
}

/* glibc first: it is what the others are compared with. */
static void find_riders(plan *p)
{
    static const char *const OTHERS[] = {"buddy-malloc", "jemalloc", "mimalloc", "tcmalloc"};
    add_rider(p, "glibc", "");
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0] && !spawn_interrupted(); i++) {
        const subject *who = subject_find(OTHERS[i]);
        const char *library = who != NULL ? spawn_library(who) : NULL;
        if (library != NULL) {
            add_rider(p, who->name, library);
        } else if (who != NULL) {
            say_error("bench programs: %s: left out: Debian's package is %s", who->name,
                      who->package);
        }
    }
}

/* ---- a script as a child ---- */

_Noreturn static void become_script(const char *text, const char *folder, const char *preload,
                                    int output)
{
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(text), NULL};
    if (chdir(folder) != 0 || setenv("PRELOAD", preload, 1) != 0 || words[2] == NULL) {
        _exit(127);
    }
    unsetenv("LD_PRELOAD");
    (void)setpgid(0, 0); /* so that an interrupt can end all of it */
    dup2(output, STDOUT_FILENO);
    execv("/bin/sh", words);
    _exit(127);
}

/* Reads what the script prints, as much as is compared; the rest is read and dropped. */
static void hear(int from, char output[OUTPUT_BYTES])
{
    char rest[1024];
    size_t length = 0;
    for (;;) {
        const bool room = length < OUTPUT_BYTES - 1;
        const ssize_t got = room ? read(from, output + length, OUTPUT_BYTES - 1 - length)
                                 : read(from, rest, sizeof rest);
        if (got == 0 || (got < 0 && (errno != EINTR || spawn_interrupted()))) {
            break;
        }
        length += room && got > 0 ? (size_t)got : 0;
    }
    output[length] = '\0';
}

typedef struct outcome {
    double seconds, peak_mib;
    int code;
    char output[OUTPUT_BYTES];
} outcome;

/* Runs a script and waits for it. False: it could not be started, or was interrupted. */
static bool run_script(const char *text, const char *folder, const char *preload, outcome *out)
{
    int ends[2], status = 0;
    struct rusage used;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return complain("pipe", strerror(errno));
    }
    const uint64_t from = clock_ns();
    const pid_t child = fork();
    if (child == 0) {
        become_script(text, folder, preload, ends[1]);
    }
    (void)close(ends[1]);
    hear(ends[0], out->output);
    (void)close(ends[0]);
    if (child < 0) {
        return complain("fork", strerror(errno));
    }
    if (spawn_interrupted()) {
        (void)kill(-child, SIGTERM);
    }
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
    }
    out->seconds = (double)(clock_ns() - from) / NS_PER_S;
    out->peak_mib = (double)used.ru_maxrss * 1024 / MIB;
    out->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return !spawn_interrupted();
}

/* ---- a program ---- */

static bool note(plan *p, const program *what, const rider *who, const char *metric,
                 const char *unit, double value)
{
    const bench_row key = bench_key("programs", what->name, who->name, 0);
    return bench_samples_put(&p->samples, key, metric, unit, value);
}

/* One run; counted as failed when it ended badly or printed something else than on glibc. */
static bool run_once(plan *p, const program *what, const rider *who, const char *folder)
{
    outcome out;
    if (!run_script(what->run, folder, who->library, &out)) {
        return false;
    }
    if (p->first[0] == '\0') {
        (void)snprintf(p->first, sizeof p->first, "%s", out.output);
    }
    if (out.code != 0 || strcmp(out.output, p->first) != 0) {
        char why[128];
        (void)snprintf(why, sizeof why,
                       out.code != 0 ? "exit code %d" : "prints something else than on glibc",
                       out.code);
        say_error("bench programs: %s on %s: %s", what->name, who->name, why);
        p->failed++;
        return true;
    }
    return note(p, what, who, "seconds", "s", out.seconds) &&
           note(p, what, who, "peak_mib", "MiB", out.peak_mib);
}

static bool run_program(plan *p, const program *what, progress *bar)
{
    char folder[PATH_BYTES + 32];
    outcome prepared;
    (void)snprintf(folder, sizeof folder, "%s/%s", p->folder, what->name);
    if (mkdir(folder, 0700) != 0) {
        return complain(folder, strerror(errno));
    }
    if (!run_script(what->prepare, folder, "", &prepared)) {
        return false;
    }
    if (prepared.code != 0) {
        say_error("bench programs: %s: left out: it cannot be prepared; Debian's "
                  "package is %s",
                  what->name, what->package);
        return true;
    }
    p->first[0] = '\0';
    for (uint32_t round = 0; round < p->rounds; round++) {
        for (uint32_t i = 0; i < p->rider_count; i++) {
            /* Nobody is always the first of a round. */
            const rider *who = &p->riders[round == 0 ? i : (i + round) % p->rider_count];
            if (!run_once(p, what, who, folder)) {
                return false;
            }
            progress_update(bar, ++p->done,
                            (uint64_t)p->program_count * p->rounds * p->rider_count);
        }
    }
    return true;
}

/* ---- the table ---- */

static const bench_row *find(const bench_table *t, const char *name, const char *who,
                             const char *metric)
{
    return bench_table_find(t, name, who, metric, 0);
}

static void show_metric(const plan *p, const bench_table *t, const char *metric, int digits)
{
    printf("%-10s", "");
    for (uint32_t i = 0; i < p->rider_count; i++) {
        printf("%13s", p->riders[i].name);
    }
    printf("   ours / glibc  ours / best\n");
    for (uint32_t k = 0; k < p->program_count; k++) {
        const char *name = p->programs[k]->name;
        const bench_row *glibc = find(t, name, "glibc", metric);
        const bench_row *ours = find(t, name, "buddy-malloc", metric);
        double best = 0;
        if (glibc == NULL || ours == NULL) {
            continue;
        }
        printf("%-10s", name);
        for (uint32_t i = 0; i < p->rider_count; i++) {
            const bench_row *row = find(t, name, p->riders[i].name, metric);
            printf("%13.*f", digits, row ? row->median : 0);
            best = row && (best <= 0 || row->median < best) ? row->median : best;
        }
        printf("%15.2f%13.2f\n", ours->median / glibc->median, ours->median / best);
    }
}

static int finish(plan *p)
{
    bench_table table;
    if (!bench_samples_table(&p->samples, &table)) {
        (void)complain("results", "no memory");
        return EXIT_FAILED;
    }
    printf("seconds, medians of %u rounds\n", p->rounds);
    show_metric(p, &table, "seconds", 3);
    printf("\npeak memory of the largest process, MiB\n");
    show_metric(p, &table, "peak_mib", 1);
    const bool good = bench_write("programs", &table, p->csv, NULL) && p->failed == 0;
    bench_table_finish(&table);
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* ---- the command line ---- */

static bool take_case(void *into, const char *value)
{
    plan *p = into;
    for (uint32_t i = 0; i < PROGRAM_COUNT && p->program_count < PROGRAMS_MOST; i++) {
        if (strcmp(PROGRAMS[i].name, value) == 0) {
            p->programs[p->program_count++] = &PROGRAMS[i];
            return true;
        }
    }
    return false;
}

static void print_programs(void)
{
    puts("Programs:");
    for (uint32_t i = 0; i < PROGRAM_COUNT; i++) {
        printf("  %-8s %s\n", PROGRAMS[i].name, PROGRAMS[i].summary);
    }
}

static const option_row ROWS[] = {
    {0, "quick", NULL, OPTION_FLAG, offsetof(plan, quick), .help = "two rounds"},
    {0, "case", "NAME", OPTION_TAKEN, .take = take_case, .wrong = "no such program",
     .help = "only this program; may be given several times"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(plan, rounds), .least = 1, .most = 100,
     .help = "default 5"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(plan, csv), .help = "all figures, a row each"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench programs",
    .usage = {"[OPTION]…"},
    .about = "Runs programs that nobody here wrote on glibc's malloc, on ours "
             "(libbuddy-malloc.so), and on jemalloc, mimalloc and tcmalloc where they are "
             "installed, in turns, and compares what they print: it has to be the same. "
             "tools/programs installs them all.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 one failed or differed, 2 wrong usage.",
    .print_more = print_programs,
};

/* All that can be run, where none was named. */
static void choose_programs(plan *p)
{
    const bool all = p->program_count == 0;
    for (uint32_t i = 0; i < PROGRAM_COUNT && all; i++) {
        p->programs[p->program_count++] = &PROGRAMS[i];
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->program_count; i++) {
        if (has_all(p->programs[i]->needs)) {
            p->programs[kept++] = p->programs[i];
        } else {
            say_error("bench programs: %s: left out: it is not installed; Debian's "
                      "package is %s",
                      p->programs[i]->name, p->programs[i]->package);
        }
    }
    p->program_count = kept;
}

static void remove_folder(const char *folder)
{
    outcome ignored;
    (void)run_script("rm -rf ./* ./.[!.]*\n", folder, "", &ignored);
    (void)rmdir(folder);
}

static int run(plan *p)
{
    progress bar;
    spawn_catch_interrupts();
    choose_programs(p);
    find_riders(p);
    if (p->program_count == 0 || !folder_make_temporary(p->folder)) {
        (void)complain("nothing to run", "install what is missing with tools/programs");
        return EXIT_FAILED;
    }
    progress_begin(&bar, "bench programs", 0, false);
    bool good = true;
    for (uint32_t i = 0; i < p->program_count && good; i++) {
        good = run_program(p, p->programs[i], &bar);
    }
    progress_end(&bar);
    remove_folder(p->folder);
    return good ? finish(p) : EXIT_FAILED;
}

int bench_programs_main(int argc, char **argv)
{
    plan *p = calloc(1, sizeof *p);
    if (p == NULL) {
        (void)complain("plan", "no memory");
        return EXIT_FAILED;
    }
    int code;
    if (options_read(&TABLE, argc, argv, p, &code)) {
        p->rounds = p->rounds > 0 ? p->rounds : p->quick ? QUICK_ROUNDS : DEFAULT_ROUNDS;
        code = bench_may_write("programs", p->csv) ? run(p) : EXIT_FAILED;
    }
    bench_samples_finish(&p->samples);
    free(p);
    return code;
}
