/* test_alloc.c: `megabuddy test alloc`: threads do random work on one allocator (alloc_worker.h),
 * this one watches, and at the end everything must have come back. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buddy/track.h"
#include "tools/alloctest/alloc_worker.h"
#include "tools/base/clock.h"
#include "tools/base/options.h"
#include "tools/base/say.h"
#include "tools/base/sync.h"
#include "tools/base/units.h"
#include "tools/bench/measure/draw.h"
#include "tools/commands.h"

#define THREADS_MOST 256u
#define SECONDS_MOST 86400.0
#define ARENA_LEAST  (UINT64_C(64) << 10)
#define ARENA_MOST   (UINT64_C(128) << 30) /* below 2^32 units; the memory is not ours to fill */
#define LOOK_NS      50000000              /* 50 ms: how often the watcher looks */

typedef struct options {
    uint32_t threads;
    uint64_t seed;
    double seconds;
    uint64_t arena_bytes;
    vt_sync sync;
    const char *track; /* NULL: nobody looks on */
} options;

/* What the watcher saw; it alone writes it. */
typedef struct watch {
    double elapsed_s;
    double fragmentation_sum, fragmentation_most; /* of `looks` looks: 1 - largest / free */
    uint32_t looks;
} watch;

static atomic_bool stop; /* set by the watcher and by Ctrl-C, read by all */

static bool complain(const char *what, const char *why)
{
    say_error("test alloc: %s: %s", what, why);
    return false;
}

/* ---- options ---- */

static bool take_seconds(void *into, const char *value)
{
    options *o = into;
    return units_parse_reals(value, ',', 1, 0, SECONDS_MOST, &o->seconds) && o->seconds > 0;
}

static const option_row ROWS[] = {
    {0, "threads", "N", OPTION_COUNT, offsetof(options, threads), .least = 1, .most = THREADS_MOST,
     .help = "threads, 1 to 256 (default: one a processor)"},
    {0, "seed", "S", OPTION_NUMBER, offsetof(options, seed),
     .wrong = "must be a number from 0 to 2^64 - 1",
     .help = "seed of the random numbers (default: from the clock; it is printed)"},
    {0, "seconds", "T", OPTION_TAKEN, .take = take_seconds,
     .wrong = "must be a number above 0, up to 86400",
     .help = "how long, up to 86400 (default: 3)"},
    {0, "arena", "SIZE", OPTION_SIZE, offsetof(options, arena_bytes), .least = ARENA_LEAST,
     .most = ARENA_MOST, .help = "memory to work on, 64 KiB to 128 GiB (default: 64 MiB)"},
    {0, "sync", "KIND", OPTION_CHOICE, offsetof(options, sync), .choices = SYNC_NAMES,
     .help = "how threads are kept apart: lockfree (default); spinlock or mutex: the scheme of the "
             "literature, a lock a level, with what waited there"},
    {0, "track", "FILE", OPTION_TEXT, offsetof(options, track),
     .help = "log every block to FILE, for megabuddy bench replay; with lockfree only"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "test alloc",
    .usage = {"[OPTION]…"},
    .about = "Tests the allocator on this machine: threads take and give back blocks at random, "
             "mark every unit they hold, and hold each answer against a list of their own. Ctrl-C "
             "ends it early.",
    .rows = ROWS,
    .end = "Exit codes: 0 all is well, 1 a fault was found, 2 wrong usage.",
};

static options default_options(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t clock = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = processors < 1 ? 1 : (uint32_t)processors;
    return (options){.threads = threads < THREADS_MOST ? threads : THREADS_MOST,
                     .seed = draw_next(&clock),
                     .seconds = 3,
                     .arena_bytes = UINT64_C(64) << 20,
                     .sync = VT_SYNC_LOCKFREE};
}

/* ---- watching ---- */

static void stop_on_signal(int number)
{
    (void)number;
    atomic_store_explicit(&stop, true, memory_order_relaxed); /* relaxed: see alloc_worker_run */
}

/* Ctrl-C once ends the test with its summary; a second time it kills. */
static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = stop_on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static uint64_t count_operations(const alloc_worker *workers, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += atomic_load_explicit(&workers[i].operations, memory_order_relaxed); /* a figure */
    }
    return sum;
}

static void look(watch *w, const subject_opened *tested)
{
    subject_counts stats;
    tested->ops->count(tested->state, &stats);
    if (stats.free_units == 0 || stats.largest_order == BUDDY_ORDERS) {
        return;
    }
    double largest = (double)(UINT64_C(1) << stats.largest_order);
    double fragmentation = 1.0 - largest / stats.free_units;
    fragmentation = fragmentation > 0 ? fragmentation : 0; /* counts of different instants */
    w->fragmentation_sum += fragmentation;
    if (fragmentation > w->fragmentation_most) {
        w->fragmentation_most = fragmentation;
    }
    w->looks++;
}

static void print_progress(const watch *w, const options *o, uint64_t operations)
{
    fprintf(stderr, "\r%5.1f of %.1f s  %8.2f million operations   ", w->elapsed_s, o->seconds,
            1e-6 * (double)operations);
}

/* Sleeps and looks until time is up, Ctrl-C, or a worker has nothing more to do. */
static void watch_workers(watch *w, const options *o, const subject_opened *tested,
                          const alloc_worker *workers, const atomic_uint *ended)
{
    bool tty = isatty(STDERR_FILENO);
    double begin_s = clock_s();
    /* relaxed: flags only; joining the threads orders the rest */
    while (!atomic_load_explicit(&stop, memory_order_relaxed) &&
           atomic_load_explicit(ended, memory_order_relaxed) == 0 && w->elapsed_s < o->seconds) {
        double left_s = o->seconds - w->elapsed_s;
        struct timespec pause = {0, left_s < 1e-9 * LOOK_NS ? (long)(1e9 * left_s) : LOOK_NS};
        nanosleep(&pause, NULL);
        w->elapsed_s = clock_s() - begin_s;
        look(w, tested);
        if (tty) {
            print_progress(w, o, count_operations(workers, o->threads));
        }
    }
    if (tty) {
        fputs("\r\033[K", stderr); /* the summary takes its place */
    }
}

/* ---- running ---- */

typedef struct crew {
    alloc_worker *workers;
    pthread_t *threads;
    uint32_t count; /* started */
    atomic_uint ended;
} crew;

typedef struct seat {
    crew *c;
    alloc_worker *w;
} seat;

static void *work(void *context)
{
    seat own = *(seat *)context;
    free(context);
    alloc_worker_run(own.w);
    atomic_fetch_add_explicit(&own.c->ended, 1, memory_order_relaxed); /* see watch_workers */
    return NULL;
}

static bool start_worker(crew *c, const subject_opened *tested, const options *o, uint64_t *random)
{
    alloc_worker *w = &c->workers[c->count];
    w->ops = tested->ops;
    w->self = subject_enter(tested, c->count);
    w->stop = &stop;
    w->random = draw_next(random);
    w->share_bytes = (size_t)o->arena_bytes / o->threads;
    seat *s = malloc(sizeof *s);
    if (s == NULL) {
        return false;
    }
    *s = (seat){c, w};
    if (pthread_create(&c->threads[c->count], NULL, work, s) != 0) {
        free(s);
        return false;
    }
    c->count++;
    return true;
}

/* Starts the workers, watches, and waits for them. False when there was no memory or no thread. */
static bool run_crew(crew *c, const subject_opened *tested, const options *o, watch *w)
{
    uint64_t random = o->seed;
    bool started = true;
    while (started && c->count < o->threads) {
        started = start_worker(c, tested, o, &random);
    }
    if (started) {
        watch_workers(w, o, tested, c->workers, &c->ended);
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (uint32_t i = 0; i < c->count; i++) {
        pthread_join(c->threads[i], NULL);
    }
    return started;
}

/* ---- judging ---- */

/* Says what is wrong, if anything. */
static bool judge(const crew *c, const char *fault, const subject_counts *stats)
{
    uint64_t wrong_frees = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        wrong_frees += c->workers[i].wrong_frees;
        if (c->workers[i].fault != NULL) {
            char who[32];
            (void)snprintf(who, sizeof who, "thread %" PRIu32, i);
            return complain(who, c->workers[i].fault);
        }
    }
    if (fault != NULL) {
        return complain("invariant broken", fault);
    }
    if (stats->free_units != stats->units) {
        return complain("at the end", "not all memory has come back");
    }
    if (stats->errors != wrong_frees) {
        return complain("at the end", "wrong frees and refused frees differ in number");
    }
    return true;
}

/* What waited at the levels of the article's schemes: those where anything did. */
static void print_levels(const subject_counts *stats)
{
    for (uint32_t order = 0; order <= stats->max_order; order++) {
        if (stats->pending[order] != 0 || stats->wasted[order] != 0) {
            printf("level %-2" PRIu32 "           %" PRIu32 " requests waited at once, %" PRIu64
                   " splits were wasted\n",
                   order, stats->pending[order], stats->wasted[order]);
        }
    }
}

static void print_allocator(const subject_counts *stats)
{
    char text[UNITS_TEXT];
    if (stats->peak_bytes != 0) {
        printf("peak               %s handed out or in threads' stocks\n",
               units_format_bytes(stats->peak_bytes, text));
    }
    printf("splits, merges     %" PRIu64 ", %" PRIu64 "\n", stats->splits, stats->merges);
    if (stats->has_levels) {
        print_levels(stats);
    } else {
        printf("failed CAS         %" PRIu64 "\n", stats->failed_cas);
        printf("recalls            %" PRIu64 "\n", stats->recalls);
    }
    printf("metadata           %s, %.2f bits a unit\n",
           units_format_bytes(stats->metadata_bytes, text),
           8.0 * (double)stats->metadata_bytes / stats->units);
}

static void print_work(const crew *c, const options *o, const watch *w)
{
    char text[UNITS_TEXT];
    uint64_t allocs = 0, frees = 0, refused = 0, wrong = 0, timed = 0, timed_ns = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        allocs += c->workers[i].allocs;
        frees += c->workers[i].frees;
        refused += c->workers[i].refused;
        wrong += c->workers[i].wrong_frees;
        timed += c->workers[i].timed;
        timed_ns += c->workers[i].timed_ns;
    }
    printf("threads            %" PRIu32 ", %s\n", o->threads,
           choice_text(SYNC_NAMES, (int)o->sync));
    printf("arena              %s in units of %u B\n", units_format_bytes(o->arena_bytes, text),
           ALLOC_UNIT_BYTES);
    printf("seed               %" PRIu64 "\n", o->seed);
    printf("seconds            %.2f%s\n", w->elapsed_s,
           w->elapsed_s < o->seconds ? " (stopped early)" : "");
    printf("blocks taken       %" PRIu64 "\n", allocs);
    printf("blocks given back  %" PRIu64 "\n", frees);
    printf("requests refused   %" PRIu64 "\n", refused);
    printf("wrong frees        %" PRIu64 " tried\n", wrong);
    printf("time of a call     %.0f ns, clock included\n",
           timed > 0 ? (double)timed_ns / (double)timed : 0.0);
    printf("fragmentation      %.3f on average, %.3f at most\n",
           w->looks > 0 ? w->fragmentation_sum / w->looks : 0.0, w->fragmentation_most);
}

/* Runs the test on an allocator that stands. Returns the exit code. */
static int test_subject(const subject_opened *tested, const options *o)
{
    watch w = {0};
    crew c = {.workers = calloc(o->threads, sizeof(alloc_worker)),
              .threads = calloc(o->threads, sizeof(pthread_t))};
    int code = EXIT_FAILED;
    if (c.workers == NULL || c.threads == NULL || !run_crew(&c, tested, o, &w)) {
        complain("cannot start", "not enough memory or threads");
    } else {
        const char *fault = tested->ops->check(tested->state);
        subject_counts stats;
        tested->ops->count(tested->state, &stats);
        print_work(&c, o, &w);
        print_allocator(&stats);
        bool good = judge(&c, fault, &stats);
        printf("result             %s\n", good ? "all is well" : "A FAULT WAS FOUND");
        code = good ? EXIT_DONE : EXIT_FAILED;
    }
    free(c.workers);
    free(c.threads);
    return code;
}

/* What it is called in the benchmarks. */
static const subject *find_subject(vt_sync sync)
{
    return subject_find(sync == VT_SYNC_MUTEX      ? "levels-mutex"
                        : sync == VT_SYNC_SPINLOCK ? "levels-spinlock"
                                                   : "megabuddy-checked");
}

static int run_test(const options *o, buddy_track *follower)
{
    subject_opened tested;
    const subject *who = find_subject(o->sync);
    errno = 0;
    if (!who->open(who,
                   &(subject_setup){.arena_bytes = o->arena_bytes,
                                    .unit_bytes = ALLOC_UNIT_BYTES,
                                    .heap_unit_bytes = ALLOC_UNIT_BYTES,
                                    .threads = o->threads,
                                    .follower = follower},
                   &tested)) {
        char text[UNITS_TEXT];
        complain(units_format_bytes(o->arena_bytes, text), strerror(errno != 0 ? errno : ENOMEM));
        return EXIT_FAILED;
    }
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    catch_interrupt();
    int code = test_subject(&tested, o);
    if (tested.ops->close != NULL) {
        tested.ops->close(tested.state);
    }
    return code;
}

/* The test, and a log of it in o->track. */
static int run_logged(const options *o)
{
    buddy_track *t =
        buddy_track_create(&(buddy_track_desc){.blocks = o->threads * ALLOC_WORKER_LIVE});
    if (t == NULL || !buddy_track_log_open(t, o->track)) {
        complain(o->track, strerror(errno));
        buddy_track_destroy(t);
        return EXIT_FAILED;
    }
    int code = run_test(o, t);
    if (!buddy_track_log_close(t)) {
        complain(o->track, strerror(errno));
        code = EXIT_FAILED;
    }
    buddy_track_destroy(t);
    return code;
}

/* argv[0] is "alloc". */
static int test_alloc_main(int argc, char **argv)
{
    options o = default_options();
    int code;
    if (!options_read(&TABLE, argc, argv, &o, &code)) {
        return code;
    }
    if (o.track != NULL && o.sync != VT_SYNC_LOCKFREE) {
        return options_refuse(&TABLE, "--track", "follows a heap, which is --sync lockfree");
    }
    o.arena_bytes -= o.arena_bytes % ALLOC_UNIT_BYTES;
    return o.track != NULL ? run_logged(&o) : run_test(&o, NULL);
}

int test_main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("usage: megabuddy test alloc [OPTION]…\n\nmegabuddy test alloc --help says more.");
        return EXIT_DONE;
    }
    if (argc < 2 || strcmp(argv[1], "alloc") != 0) {
        say_error("test: %s: the tests are: alloc", argc < 2 ? "which one?" : argv[1]);
        return EXIT_USAGE;
    }
    return test_alloc_main(argc - 1, argv + 1);
}
