/* verify.c: megabuddy verify: reads every page of a page file, with all processors, and says which
 * are bad. */
#include "tools/commands.h"
#include "tools/crew.h"
#include "tools/pageload.h"
#include "tools/progress.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_PAGES = 4096,  /* between two looks at the progress bar */
    BAR_DELAY_MS = 2000, /* what is quicker needs no bar */
    LISTED_PAGES = 100,  /* bad pages named; the rest are counted */
};

static const char USAGE[] =
    "usage: megabuddy verify WORLD.mega [--threads N] [--quiet]\n"
    "\n"
    "Reads, checks and unpacks every page and the heights, and names those that are bad.\n"
    "\n"
    "  -t, --threads N   threads to work on; default: one a processor\n"
    "  -q, --quiet       only errors\n"
    "  -h, --help        this text\n"
    "\n"
    "Exit codes: 0 all good, 1 something is bad or cannot be read, 2 wrong usage.\n";

typedef struct options {
    const char *path;
    uint32_t threads;
    bool quiet;
} options;

/* One batch of pages, row-major, finest mip first. */
typedef struct batch {
    const pagefile *file;
    uint32_t mip;
    uint32_t first;    /* page of the mip */
    uint8_t *statuses; /* one a page and layer: a pagefile_status; written by the crew */
    int *errnos;       /* the same */
} batch;

static int fail_usage(const char *what, const char *why)
{
    fprintf(stderr, "megabuddy: verify: %s: %s (megabuddy verify --help says more)\n", what, why);
    return EXIT_USAGE;
}

static int fail(const char *what, pagefile_status status, int why)
{
    const bool system = status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED;
    fprintf(stderr, "megabuddy: verify: %s: %s%s%s\n", what, pagefile_status_text(status),
            system ? ": " : "", system ? strerror(why) : "");
    return EXIT_FAILED;
}

static vt_page page_of(const page_shape *s, uint32_t mip, uint32_t number)
{
    const uint32_t columns = page_columns(s, mip);
    return (vt_page){0, (uint8_t)mip, (uint16_t)(number % columns), (uint16_t)(number / columns)};
}

static void check_page(void *context, uint32_t worker, uint32_t index)
{
    const batch *b = context;
    const pagefile_info *info = pagefile_get_info(b->file);
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    (void)worker;
    for (uint32_t layer = 0; layer < info->layer_count; layer++) {
        const vt_page p = page_of(&info->shape, b->mip, b->first + index);
        const uint32_t at = index * info->layer_count + layer;
        b->statuses[at] = (uint8_t)pageload_texels(b->file, p, layer, texels);
        b->errnos[at] = errno;
    }
}

/* Names the bad ones of a batch, in order. Returns how many there are. */
static uint32_t report_batch(const options *o, const batch *b, uint32_t count, uint32_t bad_before)
{
    const pagefile_info *info = pagefile_get_info(b->file);
    uint32_t bad = 0;
    for (uint32_t i = 0; i < count * info->layer_count; i++) {
        if (b->statuses[i] == PAGEFILE_OK) {
            continue;
        }
        if (bad_before + bad < LISTED_PAGES) {
            char what[512];
            const vt_page p = page_of(&info->shape, b->mip, b->first + i / info->layer_count);
            snprintf(what, sizeof what, "%s: page %u,%u,%u layer %" PRIu32, o->path, p.mip, p.x,
                     p.y, i % info->layer_count);
            (void)fail(what, (pagefile_status)b->statuses[i], b->errnos[i]);
        }
        bad++;
    }
    return bad;
}

/* Checks all pages. Returns how many are bad. */
static uint32_t check_pages(const options *o, const pagefile *file, crew *workers, batch *b)
{
    const page_shape *s = &pagefile_get_info(file)->shape;
    uint32_t bad = 0, done = 0;
    progress bar;
    progress_begin(&bar, "verify", BAR_DELAY_MS, o->quiet);
    for (b->mip = 0; b->mip < s->mips; b->mip++) {
        const uint32_t pages = page_columns(s, b->mip) * page_rows(s, b->mip);
        for (b->first = 0; b->first < pages; b->first += BATCH_PAGES) {
            const uint32_t left = pages - b->first;
            const uint32_t count = left < BATCH_PAGES ? left : BATCH_PAGES;
            crew_run(workers, count, check_page, b);
            progress_end(&bar);
            bad += report_batch(o, b, count, bad);
            done += count;
            progress_update(&bar, done, page_count(s));
        }
    }
    progress_end(&bar);
    return bad;
}

static int check_heights(const options *o, const pagefile *file)
{
    int16_t *heights = NULL;
    if (pagefile_get_info(file)->heights_width == 0) {
        return EXIT_DONE;
    }
    const pagefile_status status = pagefile_read_heights(file, &heights);
    if (status != PAGEFILE_OK) {
        char what[512];
        snprintf(what, sizeof what, "%s: heights", o->path);
        return fail(what, status, errno);
    }
    free(heights);
    return EXIT_DONE;
}

static int check_all(const options *o, const pagefile *file, crew *workers, batch *b)
{
    const int heights = check_heights(o, file);
    const uint32_t bad = check_pages(o, file, workers, b);
    const uint32_t all =
        page_count(&pagefile_get_info(file)->shape) * pagefile_get_info(file)->layer_count;
    if (bad > 0) {
        fprintf(stderr, "megabuddy: verify: %s: %" PRIu32 " of %" PRIu32 " pages are bad\n",
                o->path, bad, all);
        return EXIT_FAILED;
    }
    if (!o->quiet && heights == EXIT_DONE) {
        printf("%s: all %" PRIu32 " pages are good\n", o->path, all);
    }
    return heights;
}

static int verify(const options *o, const pagefile *file)
{
    const size_t results = (size_t)BATCH_PAGES * VT_MAX_LAYERS;
    batch b = {.file = file, .statuses = malloc(results), .errnos = malloc(results * sizeof(int))};
    crew *workers = crew_create(o->threads);
    const int done = b.statuses != NULL && b.errnos != NULL && workers != NULL
                         ? check_all(o, file, workers, &b)
                         : fail(o->path, PAGEFILE_NO_MEMORY, 0);
    crew_destroy(workers);
    free(b.statuses);
    free(b.errnos);
    return done;
}

static int take_threads(const char *text, options *o)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > 256) {
        return fail_usage("--threads", "must be from 1 to 256");
    }
    o->threads = (uint32_t)value;
    return EXIT_DONE;
}

static int parse_options(int argc, char **argv, options *o, bool *asked_help)
{
    static const struct option LONG_OPTIONS[] = {
        {"threads", required_argument, NULL, 't'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":t:qh", LONG_OPTIONS, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return fail_usage(argv[optind - 1], option == ':' ? "needs a value" : "no such option");
        }
        if (option == 'h') {
            fputs(USAGE, stdout);
            *asked_help = true;
            return EXIT_DONE;
        }
        if (option == 'q') {
            o->quiet = true;
        } else if (take_threads(optarg, o) != EXIT_DONE) {
            return EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        return fail_usage("input", "give one page file");
    }
    o->path = argv[optind];
    return EXIT_DONE;
}

int verify_main(int argc, char **argv)
{
    options o = {0};
    bool asked_help = false;
    pagefile *file = NULL;
    int done = parse_options(argc, argv, &o, &asked_help);
    if (done != EXIT_DONE || asked_help) {
        return done;
    }
    const pagefile_status status = pagefile_open(o.path, &file);
    if (status != PAGEFILE_OK) {
        return fail(o.path, status, errno);
    }
    done = verify(&o, file);
    pagefile_close(file);
    return done;
}
