/* baking.c: `megabuddy bench bake`: what a bake costs beside what it cannot do without.
 *
 *     for each round, in turns
 *         pipeline     a window of the Earth, from its source to a page file
 *         synthesis    its texels alone
 *         encoder      its pages, made beforehand, to BC1
 *         packing      the same, and LZ4 on top
 *
 * The window is cut out of a world of 131072 texels, so that every texel has as much detail made up
 * as the largest world's. */
#include "tools/bake/mips/chunk.h"
#include "tools/bake/mips/pyramid.h"
#include "tools/bake/world.h"
#include "tools/base/clock.h"
#include "tools/base/folder.h"
#include "tools/base/options.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/bench.h"
#include "tools/bench/results.h"
#include "tools/commands.h"

#include "engine/texels/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WORLD_WIDTH = 131072,
    WINDOW_WIDTH = 8192,
    WINDOW_HEIGHT = 4096,
    QUICK_WIDTH = 2048,
    QUICK_HEIGHT = 1024,
    WINDOW_X = 94208, /* the middle of the window: sea, plains, mountains, deserts of Asia */
    WINDOW_Y = 24576,
    BORDER = 4,
    ROUNDS = 5,
    QUICK_ROUNDS = 3,
    MOST_ROUNDS = 99,
    PATH_BYTES = 4096,
};

typedef struct settings {
    const char *csv, *report;
    uint32_t rounds, threads;
    bool quick;
} settings;

/* A part of a larger source. */
typedef struct window {
    source whole;
    uint32_t x, y;
} window;

/* What all subjects work on. */
typedef struct workload {
    crew *workers;
    world earth;
    window cut;
    source input; /* the window as a source */
    vt_shape shape;
    uint32_t pages; /* of mip 0 */
    uint8_t *rgba;  /* of all of them */
    struct worker {
        packer *pack;
        uint8_t blocks[TEXEL_PAGE_MAX_BYTES];
        uint8_t page[TEXEL_PAGE_MAX_BYTES];
    } * own;
    bool packs;
    const char *name;
} workload;

static int fail(const char *what, const char *why)
{
    say_error("bench bake: %s: %s", what, why);
    return EXIT_FAILED;
}

/* ---- the workload ---- */

static void fill_window(void *context, uint32_t worker, source_rect rect, uint8_t *rgba,
                        size_t row_bytes)
{
    const window *w = context;
    rect.x += w->x;
    rect.y += w->y;
    w->whole.fill(w->whole.context, worker, rect, rgba, row_bytes);
}

static void page_chunk(const workload *l, uint32_t index, chunk *b)
{
    const uint32_t columns = page_columns(&l->shape, 0);
    *b = (chunk){
        .left = (int64_t)(index % columns) * l->shape.payload - BORDER,
        .top = (int64_t)(index / columns) * l->shape.payload - BORDER,
        .width = VT_PAGE_TEXELS,
        .height = VT_PAGE_TEXELS,
        .rgba = l->rgba + (size_t)index * TEXEL_PAGE_MAX_BYTES,
        .row_bytes = VT_PAGE_TEXELS * 4,
    };
}

static void make_page(void *context, uint32_t worker, uint32_t index)
{
    const workload *l = context;
    chunk b;
    page_chunk(l, index, &b);
    chunk_fill(&l->input, worker, &b);
}

static int open_world(workload *l, uint32_t threads)
{
    options o = {.earth = true, .width = WORLD_WIDTH, .threads = threads, .border = BORDER};
    l->workers = crew_create(threads);
    if (l->workers == NULL) {
        return fail("threads", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    l->name = "earth-131072";
    if (world_open(&o, l->workers, &l->earth) == EXIT_DONE) {
        return EXIT_DONE;
    }
    say_error("bench bake: going on with the made-up world");
    o.earth = false;
    o.synthetic = true;
    l->name = "made-up-131072";
    return world_open(&o, l->workers, &l->earth);
}

static int open_workload(workload *l, const settings *s)
{
    const uint32_t width = s->quick ? QUICK_WIDTH : WINDOW_WIDTH;
    const uint32_t height = s->quick ? QUICK_HEIGHT : WINDOW_HEIGHT;
    const int done = open_world(l, s->threads);
    if (done != EXIT_DONE) {
        return done;
    }
    l->cut = (window){l->earth.colour, WINDOW_X - width / 2, WINDOW_Y - height / 2};
    l->input = (source){.width = width, .height = height, .fill = fill_window, .context = &l->cut};
    (void)page_shape_make(width, height, BORDER, &l->shape);
    l->pages = page_columns(&l->shape, 0) * page_rows(&l->shape, 0);
    l->rgba = malloc((size_t)l->pages * TEXEL_PAGE_MAX_BYTES);
    l->own = calloc(crew_threads(l->workers), sizeof *l->own);
    bool enough = l->rgba != NULL && l->own != NULL;
    for (uint32_t i = 0; enough && i < crew_threads(l->workers); i++) {
        l->own[i].pack = packer_create();
        enough = l->own[i].pack != NULL;
    }
    if (!enough) {
        return fail("pages", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    crew_run(l->workers, l->pages, make_page, l);
    return EXIT_DONE;
}

static void close_workload(workload *l)
{
    for (uint32_t i = 0; l->own != NULL && i < crew_threads(l->workers); i++) {
        packer_destroy(l->own[i].pack);
    }
    free(l->own);
    free(l->rgba);
    world_close(&l->earth);
    crew_destroy(l->workers);
}

/* ---- the subjects: each returns nanoseconds of one thread for a texel; 0: failed ---- */

static double per_texel(const workload *l, double seconds, double texels)
{
    return seconds * 1e9 * crew_threads(l->workers) / texels;
}

static pagefile_status bake_to(workload *l, const char *path)
{
    const pagewriter_desc file = {
        .path = path,
        .shape = l->shape,
        .layer_count = 1,
        .layers = {{.format = VT_TEXEL_BC1, .srgb = true, .name = "albedo"}},
    };
    pagewriter *writer = NULL;
    pagefile_status status = pagewriter_create(&file, &writer);
    if (status != PAGEFILE_OK) {
        return status;
    }
    const pyramid_desc desc = {
        .shape = l->shape,
        .layer_count = 1,
        .layers = {{l->input, HALVE_SRGB, VT_TEXEL_BC1, {PAGE_LZ4, 0}}},
        .workers = l->workers,
        .writer = writer,
    };
    status = pyramid_bake(&desc).status;
    if (status == PAGEFILE_OK) {
        return pagewriter_commit(writer);
    }
    pagewriter_abort(writer);
    return status;
}

static double run_pipeline(workload *l)
{
    char folder[FOLDER_BYTES], path[FOLDER_BYTES + 16];
    if (!folder_make_temporary(folder)) {
        fail(folder, strerror(errno));
        return 0;
    }
    snprintf(path, sizeof path, "%s/world.mega", folder);
    const double began = clock_s();
    const pagefile_status status = bake_to(l, path);
    const double seconds = clock_s() - began;
    (void)unlink(path);
    (void)rmdir(folder);
    if (status != PAGEFILE_OK) {
        fail(path, pagefile_status_text(status));
        return 0;
    }
    return per_texel(l, seconds, (double)page_count(&l->shape) * VT_PAGE_TEXELS * VT_PAGE_TEXELS);
}

static double run_synthesis(workload *l)
{
    const double began = clock_s();
    crew_run(l->workers, l->pages, make_page, l);
    return per_texel(l, clock_s() - began, (double)l->pages * VT_PAGE_TEXELS * VT_PAGE_TEXELS);
}

static void encode_page(void *context, uint32_t worker, uint32_t index)
{
    const workload *l = context;
    struct worker *own = &l->own[worker];
    texels_convert(VT_TEXEL_RGBA8, l->rgba + (size_t)index * TEXEL_PAGE_MAX_BYTES, VT_TEXEL_BC1,
                   own->blocks, texel_row_bytes(VT_TEXEL_BC1));
    if (l->packs) {
        free(
            pagewriter_pack(own->pack, VT_TEXEL_BC1, own->blocks, (pagewriter_packing){PAGE_LZ4, 0})
                .data);
    }
}

static double run_encoder(workload *l)
{
    const double began = clock_s();
    crew_run(l->workers, l->pages, encode_page, l);
    return per_texel(l, clock_s() - began, (double)l->pages * VT_PAGE_TEXELS * VT_PAGE_TEXELS);
}

static double run_packing(workload *l)
{
    l->packs = true;
    const double ns = run_encoder(l);
    l->packs = false;
    return ns;
}

typedef struct subject {
    const char *name;
    double (*run)(workload *l);
    const char *what;
} subject;

static const subject SUBJECTS[] = {
    {"pipeline", run_pipeline, "from the source to the page file, all mips"},
    {"synthesis", run_synthesis, "the texels alone"},
    {"encoder", run_encoder, "BC1 alone"},
    {"packing", run_packing, "BC1 and LZ4"},
};

#define SUBJECT_COUNT ((int)(sizeof SUBJECTS / sizeof SUBJECTS[0]))

/* ---- the plan ---- */

static bool run_rounds(workload *l, uint32_t rounds, bench_samples *samples)
{
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUBJECT_COUNT; i++) {
            const bench_row key =
                bench_key("bake", l->name, SUBJECTS[i].name, crew_threads(l->workers));
            const double ns = SUBJECTS[i].run(l);
            if (ns <= 0 ||
                !bench_samples_put(samples, key, "mtexels_per_s", "Mtexel/s", 1e3 / ns)) {
                return false;
            }
        }
    }
    return true;
}

static void show(const workload *l, const bench_table *t)
{
    const uint32_t threads = crew_threads(l->workers);
    const bench_row *pipeline = bench_table_find(t, l->name, "pipeline", "mtexels_per_s", threads);
    printf("%s, a window of %u x %u texels, %u threads; million texels a second and thread\n\n",
           l->name, l->shape.width, l->shape.height, threads);
    for (int i = 0; i < SUBJECT_COUNT; i++) {
        const bench_row *row =
            bench_table_find(t, l->name, SUBJECTS[i].name, "mtexels_per_s", threads);
        printf("  %-10s %7.1f  (%.1f to %.1f)  %5.1f ns a texel  %s", SUBJECTS[i].name, row->median,
               row->min, row->max, 1e3 / row->median, SUBJECTS[i].what);
        if (i > 0) {
            printf("; the pipeline keeps %.0f %% of it", 100 * pipeline->median / row->median);
        }
        putchar('\n');
    }
}

static int report(const settings *s, const workload *l, const bench_samples *samples)
{
    bench_table table;
    if (!bench_samples_table(samples, &table)) {
        return fail("figures", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    show(l, &table);
    const bool good = bench_write("bake", &table, s->csv, s->report);
    bench_table_finish(&table);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int run(const settings *s)
{
    workload l = {0};
    bench_samples samples = {0};
    int done = open_workload(&l, s);
    if (done == EXIT_DONE) {
        done = run_rounds(&l, s->rounds, &samples) ? report(s, &l, &samples) : EXIT_FAILED;
    }
    bench_samples_finish(&samples);
    if (l.workers != NULL) {
        close_workload(&l);
    }
    return done;
}

/* ---- the command line ---- */

static const option_row ROWS[] = {
    {0, "quick", NULL, OPTION_FLAG, offsetof(settings, quick), .help = "a small window, 3 rounds"},
    {0, "rounds", "N", OPTION_COUNT, offsetof(settings, rounds), .least = 1, .most = MOST_ROUNDS,
     .help = "default 5"},
    {0, "threads", "N", OPTION_COUNT, offsetof(settings, threads), .least = 1, .most = 256,
     .help = "default: one a processor"},
    {0, "csv", "FILE", OPTION_TEXT, offsetof(settings, csv), .help = "all figures, a row each"},
    {0, "report", "DIR", OPTION_TEXT, offsetof(settings, report), .help = "DIR/bake.csv"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bench bake",
    .usage = {"[OPTION]…"},
    .about = "Bakes a window of the Earth at 131072 texels across, and times beside it what such a "
             "bake cannot do without: the encoder alone. Needs the pictures that tools/demo "
             "fetches; without them the made-up world takes the Earth's place.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 failed, 2 wrong usage.",
};

int bench_bake_main(int argc, char **argv)
{
    settings s = {0};
    int code;
    if (!options_read(&TABLE, argc, argv, &s, &code)) {
        return code;
    }
    s.rounds = s.rounds > 0 ? s.rounds : s.quick ? QUICK_ROUNDS : ROUNDS;
    return bench_may_write("bake", s.csv) ? run(&s) : EXIT_FAILED;
}
