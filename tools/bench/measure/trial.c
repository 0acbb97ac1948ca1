/* trial.c: the child. */
#include "tools/bench/measure/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/ticks.h"
#include "tools/commands.h"

/* 0.5 s: long against a time slice, short enough for thousands of trials. */
#define LIMIT_MS       500u
#define LIMIT_QUICK_MS 80u

#define ALL_OPERATIONS UINT64_C(4000000) /* of all threads */
#define QUICK_DIVISOR  5u

/* ---- arguments ---- */

void trial_format(const trial_spec *spec, char texts[TRIAL_ARGUMENTS][TRIAL_TEXT])
{
    (void)snprintf(texts[0], TRIAL_TEXT, "%s", spec->name);
    (void)snprintf(texts[1], TRIAL_TEXT, "%s", spec->subject);
    const uint64_t numbers[] = {spec->threads,    spec->round,     spec->seed, spec->arena_bytes,
                                spec->size_least, spec->size_most, spec->quick};
    _Static_assert(sizeof numbers / sizeof numbers[0] + 2 == TRIAL_ARGUMENTS, "all of them");
    for (uint32_t i = 2; i < TRIAL_ARGUMENTS; i++) {
        (void)snprintf(texts[i], TRIAL_TEXT, "%" PRIu64, numbers[i - 2]);
    }
}

/* Points into argv. False: it is no spec. */
static bool trial_parse(int argc, char *const argv[], trial_spec *out)
{
    uint64_t numbers[TRIAL_ARGUMENTS];
    if (argc != (int)TRIAL_ARGUMENTS) {
        return false;
    }
    for (uint32_t i = 2; i < TRIAL_ARGUMENTS; i++) {
        char *end;
        errno = 0;
        numbers[i] = strtoull(argv[i], &end, 10);
        if (argv[i][0] < '0' || argv[i][0] > '9' || *end != '\0' || errno != 0) {
            return false;
        }
    }
    *out = (trial_spec){.name = argv[0],
                        .subject = argv[1],
                        .threads = (uint32_t)numbers[2],
                        .round = (uint32_t)numbers[3],
                        .seed = numbers[4],
                        .arena_bytes = numbers[5],
                        .size_least = (uint32_t)numbers[6],
                        .size_most = (uint32_t)numbers[7],
                        .quick = numbers[8] != 0};
    return true;
}

/* ---- what cases ask for ---- */

void trial_open(trial *t, subject_setup setup)
{
    setup.door = t->which->door;
    setup.threads = t->spec.threads;
    if (!t->who->open(t->who, &setup, &t->opened)) {
        trial_give_up("not enough memory");
    }
}

uint64_t trial_random(const trial *t, uint32_t seat)
{
    uint64_t state = t->spec.seed + t->spec.round * UINT64_C(0x10001) + seat;
    return draw_next(&state);
}

uint64_t trial_operations(const trial *t, uint64_t wanted)
{
    uint64_t share = ALL_OPERATIONS / t->spec.threads;
    uint64_t most = wanted < share ? wanted : share;
    return t->spec.quick ? most / QUICK_DIVISOR : most;
}

void trial_put_rate(trial *t, const char *metric, uint64_t wall_ns, uint64_t operations)
{
    trial_put(t, metric, "ns", (double)wall_ns / (double)operations);
}

void trial_put_bytes(trial *t, uint64_t wall_ns, uint64_t bytes)
{
    trial_put(t, "bytes_per_s", "B/s", (double)bytes * 1e9 / (double)wall_ns);
}

/* ---- the process ---- */

static bool write_all(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

_Noreturn void trial_give_up(const char *why)
{
    char line[FIGURES_CAUSE];
    int length = snprintf(line, sizeof line, "failed %s\n", why);
    (void)write_all(line, (size_t)length);
    _exit(EXIT_FAILED);
}

int trial_answer(const figures *f)
{
    static char line[FIGURES_LINE];
    return write_all(line, figures_format(f, line)) ? EXIT_DONE : EXIT_FAILED;
}

int trial_main(int argc, char **argv)
{
    static trial t;
    if (!trial_parse(argc, argv, &t.spec)) {
        return EXIT_USAGE;
    }
    t.which = case_find(t.spec.name);
    t.who = subject_find(t.spec.subject);
    t.limit_ns = (t.spec.quick ? LIMIT_QUICK_MS : LIMIT_MS) * NS_PER_MS;
    bool probe = strcmp(t.spec.name, TRIAL_PROBE) == 0;
    if (t.who == NULL || (t.which == NULL && !probe) || t.spec.threads == 0 ||
        t.spec.threads > TEAM_MOST) {
        return EXIT_USAGE;
    }
    if (!subject_malloc_is(t.who)) {
        trial_give_up("another malloc than meant is at work");
    }
    if (!probe) {
        t.which->run(&t);
        subject_measure(&t.opened, &t.found);
    }
    _exit(trial_answer(&t.found)); /* at once: what the subject still holds goes with the process */
}
