/* bake.c: megabuddy bake: the command line, and the way from a source to a finished page file. */
#include "tools/bake/earth.h"
#include "tools/bake/pyramid.h"
#include "tools/bake/synthetic.h"
#include "tools/commands.h"
#include "tools/picture.h"
#include "tools/units.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    DEFAULT_BORDER = 4,
    DEFAULT_WIDTH = 16384, /* of --earth and --synthetic */
    MAX_THREADS = 256,
};

typedef struct options {
    const char *input, *output;
    const char *colour, *heights;
    bool earth, synthetic;
    bool wrap, no_lz4, quiet;
    uint32_t border, width, threads; /* width 0: the default */
    texel_format format;
} options;

/* What is baked, whatever it comes from. Exactly one of the three is not empty. */
typedef struct world {
    picture plain;
    earth *globe;
    synthetic *made;
    source input;
    pagefile_kind kind;
    const int16_t *heights; /* NULL: none */
    uint32_t heights_width, heights_height;
} world;

static volatile sig_atomic_t interrupted; /* written by the signal handler alone */

static void on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error, not the end of us */
}

static const char USAGE[] =
    "usage: megabuddy bake PICTURE -o WORLD.mega [OPTION]…\n"
    "       megabuddy bake --earth --colour PICTURE --heights ETOPO5.cdf -o WORLD.mega [OPTION]…\n"
    "       megabuddy bake --synthetic -o WORLD.mega [OPTION]…\n"
    "\n"
    "Makes a page file: every mip of the picture, cut into pages with their neighbours' border.\n"
    "\n"
    "  -o, --output FILE   the page file; replaced only when the new one is complete\n"
    "      --earth         the Earth: a world map (equirectangular, -180 degrees at the left),\n"
    "                      enlarged and shaded by the heights\n"
    "      --colour FILE   … its picture\n"
    "      --heights FILE  … its heights: ETOPO5 as netCDF\n"
    "      --synthetic     a made-up world, for which nothing is needed\n"
    "      --width N       texels across of --earth and --synthetic, twice the height; a multiple\n"
    "                      of 64 from 256 to 131072; default 16384\n"
    "      --border N      texels round a page, 4 or 8; default 4\n"
    "      --format F      texels in the file: bc1 or rgba8; default bc1\n"
    "      --no-lz4        do not pack the texels with LZ4\n"
    "      --wrap          the picture's left edge continues at its right one\n"
    "      --threads N     threads to work on; default: one a processor\n"
    "  -q, --quiet         no progress, no summary\n"
    "  -h, --help          this text\n"
    "\n"
    "The file is the same byte for byte whatever the number of threads. Ctrl-C leaves nothing\n"
    "behind and ends with 1. Exit codes: 0 done, 1 failed, 2 wrong usage.\n";

static int fail_usage(const char *what, const char *why)
{
    fprintf(stderr, "megabuddy: bake: %s: %s (megabuddy bake --help says more)\n", what, why);
    return EXIT_USAGE;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "megabuddy: bake: %s: %s\n", what, why);
    return EXIT_FAILED;
}

static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    char *end = NULL;
    if (*text < '0' || *text > '9') { /* strtoul would take a sign or a blank */
        return false;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < least || value > most) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

enum { OPT_EARTH = 256, OPT_COLOUR, OPT_HEIGHTS, OPT_SYNTHETIC, OPT_WIDTH, OPT_BORDER, OPT_FORMAT };
enum { OPT_NO_LZ4 = 512, OPT_WRAP, OPT_THREADS };

static const struct option LONG_OPTIONS[] = {
    {"output", required_argument, NULL, 'o'},
    {"earth", no_argument, NULL, OPT_EARTH},
    {"colour", required_argument, NULL, OPT_COLOUR},
    {"heights", required_argument, NULL, OPT_HEIGHTS},
    {"synthetic", no_argument, NULL, OPT_SYNTHETIC},
    {"width", required_argument, NULL, OPT_WIDTH},
    {"border", required_argument, NULL, OPT_BORDER},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"no-lz4", no_argument, NULL, OPT_NO_LZ4},
    {"wrap", no_argument, NULL, OPT_WRAP},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Options with a value that can be wrong. Returns EXIT_DONE when it is right. */
static int take_value(int option, const char *value, options *o)
{
    switch (option) {
    case OPT_WIDTH:
        if (!parse_number(value, 256, 131072, &o->width) || o->width % 64 != 0) {
            return fail_usage("--width", "must be a multiple of 64 from 256 to 131072");
        }
        return EXIT_DONE;
    case OPT_BORDER:
        if (!parse_number(value, 4, 8, &o->border) || (o->border != 4 && o->border != 8)) {
            return fail_usage("--border", "must be 4 or 8");
        }
        return EXIT_DONE;
    case OPT_THREADS:
        if (!parse_number(value, 1, MAX_THREADS, &o->threads)) {
            return fail_usage("--threads", "must be from 1 to 256");
        }
        return EXIT_DONE;
    case OPT_FORMAT:
        o->format = strcmp(value, "bc1") == 0     ? TEXEL_BC1
                    : strcmp(value, "rgba8") == 0 ? TEXEL_RGBA8
                                                  : TEXEL_NONE;
        return o->format == TEXEL_NONE ? fail_usage("--format", "must be bc1 or rgba8") : EXIT_DONE;
    default:
        return EXIT_USAGE; /* not reached: parse_options has dealt with it */
    }
}

static int take_option(int option, const char *value, options *o)
{
    switch (option) {
    case 'o':
        o->output = value;
        return EXIT_DONE;
    case 'q':
        o->quiet = true;
        return EXIT_DONE;
    case OPT_EARTH:
        o->earth = true;
        return EXIT_DONE;
    case OPT_COLOUR:
        o->colour = value;
        return EXIT_DONE;
    case OPT_HEIGHTS:
        o->heights = value;
        return EXIT_DONE;
    case OPT_SYNTHETIC:
        o->synthetic = true;
        return EXIT_DONE;
    case OPT_NO_LZ4:
        o->no_lz4 = true;
        return EXIT_DONE;
    case OPT_WRAP:
        o->wrap = true;
        return EXIT_DONE;
    default:
        return take_value(option, value, o);
    }
}

/* Whether the options go together. */
static int check_options(const options *o, int inputs)
{
    const bool made = o->earth || o->synthetic;
    if (o->earth && o->synthetic) {
        return fail_usage("--earth", "does not go with --synthetic");
    }
    if (made && inputs > 0) {
        return fail_usage(o->input, "an input picture does not go with --earth or --synthetic");
    }
    if (!made && inputs == 0) {
        return fail_usage("input", "no picture given");
    }
    if (inputs > 1) {
        return fail_usage("input", "more than one picture given; one world is baked from one");
    }
    if (o->output == NULL || *o->output == '\0') {
        return fail_usage("output", "no page file given; -o WORLD.mega");
    }
    if (o->earth && (o->colour == NULL || o->heights == NULL)) {
        return fail_usage("--earth", "needs --colour PICTURE and --heights ETOPO5.cdf");
    }
    if (!o->earth && (o->colour != NULL || o->heights != NULL)) {
        return fail_usage("--colour and --heights", "go with --earth only");
    }
    if (!made && o->width != 0) {
        return fail_usage("--width", "goes with --earth or --synthetic only");
    }
    return EXIT_DONE;
}

/* Reads the command line. *asked_help: the text was printed, nothing else is to be done. */
static int parse_options(int argc, char **argv, options *o, bool *asked_help)
{
    int option = 0;
    *asked_help = false;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:qh", LONG_OPTIONS, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return fail_usage(argv[optind - 1], option == ':' ? "needs a value" : "no such option");
        }
        if (option == 'h') {
            fputs(USAGE, stdout);
            *asked_help = true;
            return EXIT_DONE;
        }
        const int status = take_option(option, optarg, o);
        if (status != EXIT_DONE) {
            return status;
        }
    }
    o->input = argv[optind]; /* NULL when there is none */
    return check_options(o, argc - optind);
}

/* ---- sources ---- */

static void picture_rows(void *context, uint32_t worker, uint32_t first, uint32_t count,
                         uint8_t *rgba)
{
    (void)worker;
    const picture *p = context;
    const size_t row_bytes = (size_t)p->width * 4;
    memcpy(rgba, p->rgba + first * row_bytes, count * row_bytes);
}

static int open_picture(const options *o, world *w)
{
    const char *why = NULL;
    if (!picture_load(o->input, &w->plain, &why)) {
        return fail(o->input, why);
    }
    w->input = (source){w->plain.width, w->plain.height, o->wrap, picture_rows, &w->plain};
    return EXIT_DONE;
}

static int open_earth(const options *o, crew *workers, world *w)
{
    const earth_desc desc = {o->colour, o->heights, o->width, workers};
    earth_failure why = {0};
    w->globe = earth_create(&desc, &why);
    if (w->globe == NULL) {
        return fail(why.what, why.why);
    }
    w->input = earth_source(w->globe);
    w->heights = earth_heights(w->globe, &w->heights_width, &w->heights_height);
    w->kind = PAGEFILE_TERRAIN;
    return EXIT_DONE;
}

static int open_synthetic(const options *o, crew *workers, world *w)
{
    w->made = synthetic_create(o->width, workers);
    if (w->made == NULL) {
        return fail("--synthetic", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    w->input = synthetic_source(w->made);
    w->heights = synthetic_heights(w->made, &w->heights_width, &w->heights_height);
    w->kind = PAGEFILE_TERRAIN;
    return EXIT_DONE;
}

static int world_open(const options *o, crew *workers, world *w)
{
    if (o->earth) {
        return open_earth(o, workers, w);
    }
    return o->synthetic ? open_synthetic(o, workers, w) : open_picture(o, w);
}

static void world_close(world *w)
{
    picture_free(&w->plain);
    earth_destroy(w->globe);
    synthetic_destroy(w->made);
}

/* ---- baking ---- */

static int fail_output(const options *o, pagefile_status status)
{
    char why[256];
    if (interrupted) {
        return fail(o->output, "interrupted; nothing was written");
    }
    const bool system = status == PAGEFILE_WRITE_FAILED || status == PAGEFILE_READ_FAILED;
    snprintf(why, sizeof why, "%s%s%s", pagefile_status_text(status), system ? ": " : "",
             system ? strerror(errno) : "");
    return fail(o->output, why);
}

static int summarise(const options *o, const page_shape *shape, const progress *bar)
{
    struct stat st = {0};
    char size[UNITS_TEXT];
    if (o->quiet || stat(o->output, &st) != 0) {
        return EXIT_DONE;
    }
    printf("%s: %" PRIu32 " x %" PRIu32 " texels, %" PRIu32 " mips, %" PRIu32
           " pages, %s, %.1f s\n",
           o->output, shape->width, shape->height, shape->mips, page_count(shape),
           units_format_bytes((uint64_t)st.st_size, size), progress_seconds(bar));
    return EXIT_DONE;
}

/* Fills an open writer and commits it, or aborts. */
static pagefile_status fill(const options *o, const world *w, const page_shape *shape,
                            crew *workers, pagewriter *writer, progress *bar)
{
    const pyramid_desc desc = {
        .input = w->input,
        .shape = *shape,
        .format = o->format,
        .compress = !o->no_lz4,
        .workers = workers,
        .writer = writer,
        .bar = bar,
        .cancelled = &interrupted,
    };
    pagefile_status status = PAGEFILE_OK;
    if (w->heights != NULL) {
        status = pagewriter_put_heights(writer, w->heights, w->heights_width, w->heights_height);
    }
    if (status == PAGEFILE_OK) {
        status = pyramid_bake(&desc);
    }
    if (status == PAGEFILE_OK && interrupted) {
        status = PAGEFILE_WRITE_FAILED;
    }
    if (status != PAGEFILE_OK) {
        const int why = errno;
        pagewriter_abort(writer);
        errno = why;
        return status;
    }
    return pagewriter_commit(writer);
}

/* Opens the source, then the writer: a bad name for the output is known before the long work. */
static int bake(const options *o, crew *workers, world *w, progress *bar)
{
    page_shape shape;
    int done = world_open(o, workers, w);
    if (done != EXIT_DONE) {
        return done;
    }
    if (!page_shape_make(w->input.width, w->input.height, o->border, &shape)) {
        return fail(o->input, "is larger than a page file can hold");
    }
    const pagewriter_desc desc = {
        .path = o->output,
        .shape = shape,
        .kind = w->kind,
        .wrap_x = w->input.wrap_x,
        .layer_count = 1,
        .layers = {{o->format, true, "albedo"}},
    };
    pagewriter *writer = NULL;
    pagefile_status status = pagewriter_create(&desc, &writer);
    if (status == PAGEFILE_OK) {
        status = fill(o, w, &shape, workers, writer, bar);
    }
    progress_end(bar);
    return status == PAGEFILE_OK ? summarise(o, &shape, bar) : fail_output(o, status);
}

/* Whether both names stand for one file that exists: baking would replace its own input. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return a != NULL && stat(a, &first) == 0 && stat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

int bake_main(int argc, char **argv)
{
    options o = {.border = DEFAULT_BORDER, .format = TEXEL_BC1};
    bool asked_help = false;
    int done = parse_options(argc, argv, &o, &asked_help);
    if (done != EXIT_DONE || asked_help) {
        return done;
    }
    if (same_file(o.input, o.output) || same_file(o.colour, o.output) ||
        same_file(o.heights, o.output)) {
        return fail_usage(o.output, "is the input as well");
    }
    if (o.width == 0) {
        o.width = DEFAULT_WIDTH;
    }
    catch_signals();
    crew *workers = crew_create(o.threads);
    if (workers == NULL) {
        return fail("threads", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    world w = {0};
    progress bar;
    progress_begin(&bar, "bake", 0, o.quiet);
    done = bake(&o, workers, &w, &bar);
    world_close(&w);
    crew_destroy(workers);
    return done;
}
