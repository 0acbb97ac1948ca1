/* stream.c: `megabuddy bench stream`: the command line and the plan.
 *
 *     for each round           all cases take turns: what the machine does meanwhile hits all
 *       for each case          a world of its own (stage.c)
 *
 * then medians over rounds, a table to read, and the files asked for. */
#include "tools/bench/stream/stream.h"

#include "engine/files/regular.h"
#include "tools/base/folder.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/about.h"
#include "tools/bench/bench.h"
#include "tools/commands.h"
#include "tools/view/headless/measure.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MOST_ROUNDS = 99, MOST_FRAMES = 1000000, MOST_SIDE = 8192 };

static const char USAGE[] =
    "usage: megabuddy bench stream [WORLD.mega] [OPTION]…\n"
    "\n"
    "Flies a world along fixed paths without a window, and draws every frame of some of them once\n"
    "more with one ordinary texture: what does streaming cost, how soon is it sharp, does it "
    "rest?\n"
    "Without a world it bakes one of its own invention, 16384x8192 texels, in a temporary folder.\n"
    "\n"
    "      --quick        a small world, the cases that matter, one round; half a minute\n"
    "      --case NAME    only this one; may be given several times\n"
    "      --rounds N     default 5\n"
    "      --frames N     of each flight, instead of its own number\n"
    "      --size WxH     of the picture; default 1280x720\n"
    "      --csv FILE     all figures, a row each\n"
    "      --report DIR   a page with everything: DIR/report.html, stream.csv beside it\n"
    "  -h, --help         this text\n"
    "\n"
    "Cases:\n";

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

/* --- frame times --- */

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

/* --- the command line --- */

static bool add_case(stream_options *o, const char *name)
{
    for (uint32_t i = 0; i < STREAM_CASE_COUNT; i++) {
        if (strcmp(STREAM_CASES[i].name, name) == 0 && o->case_count < STREAM_MOST_CASES) {
            o->cases[o->case_count++] = &STREAM_CASES[i];
            return true;
        }
    }
    return stream_fail("--case %s: no such case; see megabuddy bench stream --help", name);
}

static bool parse_number(const char *option, const char *text, uint64_t most, uint32_t *out)
{
    uint64_t value;
    if (!units_parse_count(text, 1, most, &value)) {
        return stream_fail("%s %s: must be a number from 1 to %llu", option, text,
                           (unsigned long long)most);
    }
    *out = (uint32_t)value;
    return true;
}

static bool parse_size(const char *text, stream_options *o)
{
    char width[16] = "", height[16] = "";
    return (sscanf(text, "%15[0-9]x%15[0-9]", width, height) == 2 &&
            parse_number("--size", width, MOST_SIDE, &o->width) &&
            parse_number("--size", height, MOST_SIDE, &o->height)) ||
           stream_fail("--size %s: must be WIDTHxHEIGHT, for instance 1280x720", text);
}

static bool take_option(int option, const char *value, stream_options *o)
{
    switch (option) {
    case 'q':
        o->quick = true;
        return true;
    case 'k':
        return add_case(o, value);
    case 'r':
        return parse_number("--rounds", value, MOST_ROUNDS, &o->rounds);
    case 'f':
        return parse_number("--frames", value, MOST_FRAMES, &o->frames);
    case 's':
        return parse_size(value, o);
    case 'c':
        o->csv = value;
        return true;
    case 'd':
        o->report = value;
        return true;
    default:
        o->help = true;
        return true;
    }
}

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

static bool parse_options(int argc, char **argv, stream_options *o)
{
    static const struct option names[] = {{"quick", no_argument, NULL, 'q'},
                                          {"case", required_argument, NULL, 'k'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"frames", required_argument, NULL, 'f'},
                                          {"size", required_argument, NULL, 's'},
                                          {"csv", required_argument, NULL, 'c'},
                                          {"report", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;
    *o = (stream_options){.width = 1280, .height = 720};
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", names, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return stream_fail("%s: %s", argv[optind - 1],
                               option == ':' ? "needs a value" : "no such option");
        }
        if (!take_option(option, optarg, o)) {
            return false;
        }
    }
    o->world = optind < argc ? argv[optind] : NULL;
    if (argc - optind > 1) {
        return stream_fail("%s: one world is enough", argv[optind + 1]);
    }
    fill_in(o);
    return true;
}

static void print_help(void)
{
    (void)fputs(USAGE, stdout);
    for (uint32_t i = 0; i < STREAM_CASE_COUNT; i++) {
        printf("  %-14s %s\n", STREAM_CASES[i].name, STREAM_CASES[i].summary);
    }
    puts("\nExit codes: 0 done, 1 failed, 2 wrong usage.");
}

/* --- a world of our own --- */

/* A world in a temporary folder. */
typedef struct made_world {
    char folder[PATH_BYTES], file[PATH_BYTES + 16];
    bool made;
} made_world;

static bool make_world(made_world *w, bool quick)
{
    const char *temporary = secure_getenv("TMPDIR");
    (void)snprintf(w->folder, sizeof w->folder, "%s/megabuddy-XXXXXX",
                   temporary != NULL && *temporary != '\0' ? temporary : "/tmp");
    if (mkdtemp(w->folder) == NULL) {
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

/* --- the plan --- */

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
    bench_row key = {.bench = "stream", .metric = "frame_p99_9", .unit = "ms"};
    (void)snprintf(key.name, sizeof key.name, "%s", p->o.cases[which]->name);
    (void)snprintf(key.subject, sizeof key.subject, "%s", subject);
    for (uint32_t i = 0; i < p->samples.count; i++) { /* as many workers as the others say */
        key.threads = p->samples.series[i].key.threads;
    }
    (void)bench_samples_add(&p->samples, &key, stream_percentile(t->ms, t->count, 0.999));
    (void)snprintf(key.metric, sizeof key.metric, "frames");
    (void)snprintf(key.unit, sizeof key.unit, "frames");
    (void)bench_samples_add(&p->samples, &key, t->count);
}

static bool write_files(const plan *p, const bench_table *t, const bench_about *about,
                        const char *renderer)
{
    char path[PATH_BYTES];
    bool good = p->o.csv == NULL || bench_csv_write(p->o.csv, t) ||
                stream_fail("%s: %s", p->o.csv, file_text(errno));
    if (p->o.report != NULL) {
        (void)snprintf(path, sizeof path, "%s/stream.csv", p->o.report);
        good = (bench_csv_write(path, t) || stream_fail("%s: %s", path, file_text(errno))) && good;
        good = stream_page(p->o.report, t, &p->o, p->results, about, renderer) && good;
    }
    return good;
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
    if (p == NULL || !parse_options(argc, argv, &p->o)) {
        free(p);
        return EXIT_USAGE;
    }
    if (p->o.help) {
        print_help();
        free(p);
        return EXIT_DONE;
    }
    int code = EXIT_FAILED;
    made_world made = {.made = false};
    clear_traces(p);
    if (p->o.csv != NULL && !bench_csv_possible(p->o.csv)) {
        (void)stream_fail("%s: %s", p->o.csv, file_text(errno));
    } else if (p->o.report != NULL && !folder_make(p->o.report)) {
        (void)stream_fail("%s: %s", p->o.report, file_text(errno));
    } else if (p->o.world != NULL || make_world(&made, p->o.quick)) {
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
