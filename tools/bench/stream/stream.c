/* stream.c: `megabuddy bench stream`: the command line and the plan.
 *
 *     for each round           all cases take turns: what the machine does meanwhile hits all
 *       for each case          a world of its own (stage.c)
 *
 * then medians over rounds, a table to read, and the files asked for. */
#include "tools/bench/stream/stream.h"

#include "engine/files/regular.h"
#include "tools/base/folder.h"
#include "tools/base/options.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/about.h"
#include "tools/bench/bench.h"
#include "tools/commands.h"
#include "tools/view/headless/measure.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MOST_ROUNDS = 99, MOST_FRAMES = 1000000, MOST_SIDE = 8192 };

/* Set by SIGINT and SIGTERM; the run ends after the frame, with what there is. */
static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

bool stage_is_interrupted(void)
{
    return interrupted != 0;
}

bool stream_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_error_list("bench stream: ", format, arguments);
    va_end(arguments);
    return false;
}

/* ---- frame times ---- */

bool stream_times_add(stream_times *t, double ms)
{
    if (t->count == t->capacity) {
        const uint32_t capacity = t->capacity ? 2 * t->capacity : 256;
        double *grown = realloc(t->ms, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        t->ms = grown;
        t->capacity = capacity;
    }
    t->ms[t->count++] = ms;
    return true;
}

double stream_percentile(const double *ms, uint32_t count, double share)
{
    double *copy = count > 0 ? malloc(count * sizeof *copy) : NULL;
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, ms, count * sizeof *copy);
    const double value = measure_percentile(copy, count, share);
    free(copy);
    return value;
}

const bench_row *stream_find(const bench_table *t, const char *name, const char *subject,
                             const char *metric)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const bench_row *row = &t->rows[i];
        if (strcmp(row->name, name) == 0 && strcmp(row->subject, subject) == 0 &&
            strcmp(row->metric, metric) == 0) {
            return row;
        }
    }
    return NULL;
}

/* ---- the command line ---- */

static bool take_case(void *into, const char *value)
{
    stream_options *o = into;
    for (uint32_t i = 0; i < STREAM_CASE_COUNT; i++) {
        if (strcmp(STREAM_CASES[i].name, value) == 0 && o->case_count < STREAM_MOST_CASES) {
            o->cases[o->case_count++] = &STREAM_CASES[i];
            return true;
        }
    }
    return false;
}

static bool take_size(void *into, const char *value)
{
    stream_options *o = into;
    uint32_t sides[2];
    if (!units_parse_counts(value, 'x', 2, 1, MOST_SIDE, sides)) {
        return false;
    }
    o->width = sides[0];
    o->height = sides[1];
    return true;
}

static void print_cases(void)
{
    puts("Cases:");
    for (uint32_t i = 0; i < STREAM_CASE_COUNT; i++) {
        printf("  %-14s %s\n", STREAM_CASES[i].name, STREAM_CASES[i].summary);
    }
}

static const option_row ROWS[] = {
    {0, "quick", NULL, OPTION_FLAG, offsetof(stream_options, quick),
     .help = "a small world, the cases that matter, one round; half a minute"},
    {0, "case", "NAME", OPTION_TAKEN, .take = take_case, .wrong = "no such case",
     .help = "only this one; may be given several times"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(stream_options, rounds), .least = 1,
     .most = MOST_ROUNDS, .help = "default 5"},
    {0, "frames", "N", OPTION_COUNT, offsetof(stream_options, frames), .least = 1,
     .most = MOST_FRAMES, .help = "of each flight, instead of its own number"},
    {0, "size", "WxH", OPTION_TAKEN, .take = take_size,
     .wrong = "must be WIDTHxHEIGHT, each from 1 to 8192, for instance 1280x720",
     .help = "of the picture; default 1280x720"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(stream_options, csv),
     .help = "all figures, a row each"},
    {0, "report", "DIR", OPTION_TEXT, offsetof(stream_options, report),
     .help = "a page with everything: DIR/report.html, stream.csv beside it"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench stream",
    .usage = {"[WORLD.mega] [OPTION]…"},
    .about = "Flies a world along fixed paths without a window, and draws every frame of some of "
             "them once more with one ordinary texture: what does streaming cost, how soon is it "
             "sharp, does it rest? Without a world it bakes one of its own invention, 16384x8192 "
             "texels, in a temporary folder.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 failed, 2 wrong usage.",
    .print_more = print_cases,
    .surplus = "one world is enough",
    .operand_at = offsetof(stream_options, world),
};

/* What was not asked for. */
static void fill_in(stream_options *o)
{
    o->rounds = o->rounds ? o->rounds : o->quick ? 1 : 5;
    const bool all = o->case_count == 0;
    for (uint32_t i = 0; i < STREAM_CASE_COUNT && all; i++) {
        if (!o->quick || STREAM_CASES[i].quick_frames > 0) {
            o->cases[o->case_count++] = &STREAM_CASES[i];
        }
    }
}

/* ---- a world of our own ---- */

/* A world in a temporary folder. */
typedef struct made_world {
    char folder[FOLDER_BYTES], file[FOLDER_BYTES + 16];
    bool made;
} made_world;

static bool make_world(made_world *w, bool quick)
{
    if (!folder_make_temporary(w->folder)) {
        return stream_fail("%s: %s", w->folder, strerror(errno));
    }
    w->made = true;
    (void)snprintf(w->file, sizeof w->file, "%s/world.mega", w->folder);
    char bake[] = "bake", synthetic[] = "--synthetic", width[] = "--width", output[] = "-o";
    char size[8];
    (void)snprintf(size, sizeof size, "%d", quick ? 4096 : 16384);
    say_error("bench stream: baking a world of %s texels across", size);
    char *argv[] = {bake, synthetic, width, size, output, w->file, NULL};
    return bake_main(6, argv) == EXIT_DONE;
}

static void remove_world(made_world *w)
{
    if (w->made) {
        (void)unlink(w->file);
        (void)rmdir(w->folder);
    }
}

/* ---- the plan ---- */

typedef struct plan {
    stream_options o;
    bench_samples samples;
    stream_result results[STREAM_MOST_CASES]; /* by case */
    uint32_t failed;
} plan;

static void run_rounds(plan *p, stage *s)
{
    progress bar;
    const uint32_t all = p->o.rounds * p->o.case_count;
    progress_begin(&bar, "bench stream", 0, false);
    for (uint32_t i = 0; i < all && !interrupted; i++) {
        const uint32_t which = i % p->o.case_count;
        progress_update(&bar, i, all);
        p->failed +=
            !stage_run(s, p->o.cases[which], i / p->o.case_count, &p->samples, &p->results[which]);
    }
    progress_end(&bar);
}

/* The slowest frames are few: they are counted over all rounds together. */
static void add_pooled(plan *p, uint32_t which, const char *subject, const stream_times *t)
{
    if (t->count == 0) {
        return;
    }
    bench_row key = bench_key("stream", p->o.cases[which]->name, subject, 0);
    for (uint32_t i = 0; i < p->samples.count; i++) { /* as many workers as the others say */
        key.threads = p->samples.series[i].key.threads;
    }
    (void)bench_samples_put(&p->samples, key, "frame_p99_9", "ms",
                            stream_percentile(t->ms, t->count, 0.999));
    (void)bench_samples_put(&p->samples, key, "frames", "frames", t->count);
}

static bool write_files(const plan *p, const bench_table *t, const bench_about *about,
                        const char *renderer)
{
    const bool good = bench_write("stream", t, p->o.csv, p->o.report);
    return (p->o.report == NULL ||
            stream_page(p->o.report, t, &p->o, p->results, about, renderer)) &&
           good;
}

static bool tell(plan *p, const bench_about *about, const char *renderer)
{
    bench_table table;
    for (uint32_t i = 0; i < p->o.case_count; i++) {
        add_pooled(p, i, "megabuddy", &p->results[i].frames);
        add_pooled(p, i, "plain", &p->results[i].plain);
    }
    if (!bench_samples_table(&p->samples, &table)) {
        return stream_fail("no memory for the figures");
    }
    stream_table(&table, &p->o, renderer);
    const bool good = write_files(p, &table, about, renderer);
    bench_table_finish(&table);
    return good;
}

static void finish(plan *p)
{
    for (uint32_t i = 0; i < p->o.case_count; i++) {
        stream_result *r = &p->results[i];
        free(r->frames.ms);
        free(r->plain.ms);
        free(r->trace.frame.ms);
        free(r->trace.plain.ms);
    }
    bench_samples_finish(&p->samples);
}

static int run_plan(plan *p, int argc, char **argv)
{
    bench_about about;
    progress watch;
    char renderer[128] = "";
    about_machine(&about, argc, argv);
    about.rounds = p->o.rounds;
    about.quick = p->o.quick;
    progress_begin(&watch, "bench stream", 0, true);
    stage *s = stage_open(&p->o);
    if (s == NULL) {
        return EXIT_FAILED;
    }
    (void)snprintf(renderer, sizeof renderer, "%s", stage_renderer());
    run_rounds(p, s);
    stage_close(s);
    about.seconds = progress_seconds(&watch);
    const bool good = tell(p, &about, renderer) && p->failed == 0;
    if (interrupted) {
        (void)stream_fail("ended early: what stands above is what had been measured");
    }
    return good && !interrupted ? EXIT_DONE : EXIT_FAILED;
}

static void clear_traces(plan *p)
{
    for (uint32_t i = 0; i < STREAM_MOST_CASES; i++) {
        for (uint32_t k = 0; k < STREAM_PLACES * STREAM_AFTER; k++) {
            p->results[i].trace.sharp[k / STREAM_AFTER][k % STREAM_AFTER] = -1;
        }
    }
}

int bench_stream_main(int argc, char **argv)
{
    plan *p = calloc(1, sizeof *p);
    if (p == NULL) {
        (void)stream_fail("no memory for the plan");
        return EXIT_FAILED;
    }
    int code;
    p->o = (stream_options){.width = 1280, .height = 720};
    if (!options_read(&TABLE, argc, argv, &p->o, &code)) {
        free(p);
        return code;
    }
    fill_in(&p->o);
    code = EXIT_FAILED;
    made_world made = {.made = false};
    clear_traces(p);
    const bool may = bench_may_write("stream", p->o.csv) &&
                     (p->o.report == NULL || folder_make(p->o.report) ||
                      stream_fail("%s: %s", p->o.report, file_text(errno)));
    if (may && (p->o.world != NULL || make_world(&made, p->o.quick))) {
        p->o.world = p->o.world ? p->o.world : made.file;
        const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
        code = run_plan(p, argc, argv);
    }
    remove_world(&made);
    finish(p);
    free(p);
    return code;
}
