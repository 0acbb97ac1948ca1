/* verify.c: megabuddy verify: reads every page of a page file, with all processors, and says which
 * are bad. */
#include "tools/base/crew.h"
#include "tools/base/options.h"
#include "tools/base/progress.h"
#include "tools/base/say.h"
#include "tools/commands.h"

#include "engine/disk/pagefile.h"
#include "engine/texels/unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLUSTER_PAGES = PAGEFILE_CLUSTER * PAGEFILE_CLUSTER,
    BATCH_CLUSTERS = 64,    /* between two looks at the progress bar */
    EXTENT_BYTES = 4 << 20, /* of a cluster, at most, to be read at once */
    BAR_DELAY_MS = 2000,    /* what is quicker needs no bar */
    LISTED_PAGES = 100,     /* bad pages named; the rest are counted */
};

typedef struct options {
    const char *path;
    uint32_t threads;
    bool quiet;
} options;

/* A worker's own. */
typedef struct reader {
    unpacker *unpack;
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    uint8_t stored[EXTENT_BYTES]; /* what lies side by side, read at once */
} reader;

/* A batch of clusters of one mip, row by row: the order in which a page file has them. */
typedef struct batch {
    const pagefile *file;
    reader *readers; /* one a worker */
    uint32_t mip;
    uint32_t first;    /* cluster of the mip */
    uint8_t *statuses; /* a cluster's pages in Morton order, a page's layers: a pagefile_status */
    int *errnos;       /* the same */
} batch;

static int fail(const char *what, pagefile_status status, int why)
{
    const bool system = status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED;
    say_error("verify: %s: %s%s%s", what, pagefile_status_text(status), system ? ": " : "",
              system ? strerror(why) : "");
    return EXIT_FAILED;
}

static uint32_t clusters_across(const vt_shape *s, uint32_t mip)
{
    return (page_columns(s, mip) + PAGEFILE_CLUSTER - 1) / PAGEFILE_CLUSTER;
}

static uint32_t clusters_down(const vt_shape *s, uint32_t mip)
{
    return (page_rows(s, mip) + PAGEFILE_CLUSTER - 1) / PAGEFILE_CLUSTER;
}

/* Page i, in Morton order, of a cluster of the batch. It need not exist. */
static vt_page page_of(const batch *b, uint32_t cluster, uint32_t i)
{
    const uint32_t across = clusters_across(&pagefile_get_info(b->file)->shape, b->mip);
    const uint32_t x = (b->first + cluster) % across, y = (b->first + cluster) / across;
    const vt_page corner = {0, (uint8_t)b->mip, (uint16_t)(x * PAGEFILE_CLUSTER),
                            (uint16_t)(y * PAGEFILE_CLUSTER)};
    return page_of_cluster(corner, i);
}

/* What is known of a cluster's pages: where each layer of each lies. */
typedef struct extent {
    uint32_t count;
    uint32_t at[CLUSTER_PAGES * VT_MAX_LAYERS]; /* in the batch's arrays */
    pagefile_entry entries[CLUSTER_PAGES * VT_MAX_LAYERS];
    uint32_t layers[CLUSTER_PAGES * VT_MAX_LAYERS];
    uint64_t first, end, sum; /* bytes of the file in which they lie; and their own */
} extent;

static void look_up(const batch *b, uint32_t cluster, extent *e)
{
    const vt_info *info = pagefile_get_info(b->file);
    *e = (extent){.first = UINT64_MAX};
    for (uint32_t i = 0; i < CLUSTER_PAGES * info->layer_count; i++) {
        const uint32_t layer = i % info->layer_count;
        const uint32_t at = cluster * CLUSTER_PAGES * info->layer_count + i;
        const vt_page p = page_of(b, cluster, i / info->layer_count);
        pagefile_entry *entry = &e->entries[e->count];
        b->statuses[at] = PAGEFILE_OK;
        if (!page_exists(&info->shape, p)) {
            continue;
        }
        b->statuses[at] = (uint8_t)pagefile_find(b->file, p, layer, entry);
        if (b->statuses[at] == PAGEFILE_OK) {
            e->first = entry->offset < e->first ? entry->offset : e->first;
            e->end = entry->offset + entry->bytes > e->end ? entry->offset + entry->bytes : e->end;
            e->sum += entry->bytes;
            e->at[e->count] = at;
            e->layers[e->count++] = layer;
        }
    }
}

/* Reads all of it in one go where it lies together, as this program writes it: NULL where it does
 * not, or where the disk does not give it, and then each page speaks for itself. */
static const uint8_t *read_extent(const batch *b, const extent *e, reader *r)
{
    if (e->count == 0 || e->end - e->first > EXTENT_BYTES || e->end - e->first > 2 * e->sum) {
        return NULL;
    }
    const size_t bytes = (size_t)(e->end - e->first);
    const ssize_t got = pread(pagefile_descriptor(b->file), r->stored, bytes, (off_t)e->first);
    return got == (ssize_t)bytes ? r->stored : NULL;
}

static pagefile_status check_layer(const batch *b, const extent *e, uint32_t i, const uint8_t *all,
                                   reader *r)
{
    uint8_t alone[TEXEL_PAGE_MAX_BYTES];
    const pagefile_entry *entry = &e->entries[i];
    const uint8_t *stored = alone;
    pagefile_status status = PAGEFILE_OK;
    if (all != NULL) {
        stored = all + (entry->offset - e->first);
        status = pagefile_is_intact(entry, stored) ? PAGEFILE_OK : PAGEFILE_BAD_CHECKSUM;
    } else {
        status = pagefile_read(b->file, entry, alone);
    }
    const vt_texel_format format = pagefile_get_info(b->file)->layers[e->layers[i]].format;
    if (status == PAGEFILE_OK &&
        !unpacker_run(r->unpack, entry->codec, stored, entry->bytes, format, r->texels)) {
        status = PAGEFILE_BAD_PAGE;
    }
    return status;
}

static void check_cluster(void *context, uint32_t worker, uint32_t index)
{
    const batch *b = context;
    reader *r = &b->readers[worker];
    extent e;
    look_up(b, index, &e);
    const uint8_t *all = read_extent(b, &e, r);
    for (uint32_t i = 0; i < e.count; i++) {
        b->statuses[e.at[i]] = (uint8_t)check_layer(b, &e, i, all, r);
        b->errnos[e.at[i]] = errno;
    }
}

/* Names the bad ones of a batch, in the file's order. Returns how many there are. */
static uint32_t report_batch(const options *o, const batch *b, uint32_t clusters,
                             uint32_t bad_before)
{
    const uint32_t layers = pagefile_get_info(b->file)->layer_count;
    uint32_t bad = 0;
    for (uint32_t i = 0; i < clusters * CLUSTER_PAGES * layers; i++) {
        if (b->statuses[i] == PAGEFILE_OK) {
            continue;
        }
        if (bad_before + bad < LISTED_PAGES) {
            char what[512];
            const vt_page p = page_of(b, i / (CLUSTER_PAGES * layers), i / layers % CLUSTER_PAGES);
            snprintf(what, sizeof what, "%s: page %u,%u,%u layer %" PRIu32, o->path, p.mip, p.x,
                     p.y, i % layers);
            (void)fail(what, (pagefile_status)b->statuses[i], b->errnos[i]);
        }
        bad++;
    }
    return bad;
}

/* Checks all pages, coarsest mip first, as they lie in the file. Returns how many are bad. */
static uint32_t check_pages(const options *o, const pagefile *file, crew *workers, batch *b)
{
    const vt_shape *s = &pagefile_get_info(file)->shape;
    uint32_t bad = 0, done = 0, all = 0;
    progress bar;
    progress_begin(&bar, "verify", BAR_DELAY_MS, o->quiet);
    for (uint32_t mip = 0; mip < s->mips; mip++) {
        all += clusters_across(s, mip) * clusters_down(s, mip);
    }
    for (uint32_t mip = s->mips; mip-- > 0;) {
        const uint32_t clusters = clusters_across(s, mip) * clusters_down(s, mip);
        b->mip = mip;
        for (b->first = 0; b->first < clusters; b->first += BATCH_CLUSTERS) {
            const uint32_t left = clusters - b->first;
            const uint32_t count = left < BATCH_CLUSTERS ? left : BATCH_CLUSTERS;
            crew_run(workers, count, check_cluster, b);
            const uint32_t more = report_batch(o, b, count, bad);
            if (more > 0) {
                progress_end(&bar);
            }
            bad += more;
            done += count;
            progress_update(&bar, done, all);
        }
    }
    progress_end(&bar);
    return bad;
}

static int check_heights(const options *o, const pagefile *file)
{
    const pagefile_status status = pagefile_scan_heights(file, NULL, NULL);
    if (status != PAGEFILE_OK && status != PAGEFILE_NO_PAGE) {
        char what[512];
        snprintf(what, sizeof what, "%s: heights", o->path);
        return fail(what, status, errno);
    }
    return EXIT_DONE;
}

static int check_all(const options *o, const pagefile *file, crew *workers, batch *b)
{
    const int heights = check_heights(o, file);
    const uint32_t bad = check_pages(o, file, workers, b);
    const uint32_t all =
        page_count(&pagefile_get_info(file)->shape) * pagefile_get_info(file)->layer_count;
    if (bad > 0) {
        say_error("verify: %s: %" PRIu32 " of %" PRIu32 " pages are bad", o->path, bad, all);
        return EXIT_FAILED;
    }
    if (!o->quiet && heights == EXIT_DONE) {
        say_line(stdout, "%s: all %" PRIu32 " pages are good", o->path, all);
    }
    return heights;
}

static bool open_readers(batch *b, uint32_t count)
{
    b->readers = calloc(count, sizeof *b->readers);
    bool enough = b->readers != NULL;
    for (uint32_t i = 0; i < count && enough; i++) {
        b->readers[i].unpack = unpacker_create();
        enough = b->readers[i].unpack != NULL;
    }
    return enough;
}

static void close_readers(batch *b, uint32_t count)
{
    for (uint32_t i = 0; i < count && b->readers != NULL; i++) {
        unpacker_destroy(b->readers[i].unpack);
    }
    free(b->readers);
}

static int verify(const options *o, const pagefile *file)
{
    const size_t results = (size_t)BATCH_CLUSTERS * CLUSTER_PAGES * VT_MAX_LAYERS;
    crew *workers = crew_create(o->threads);
    if (workers == NULL) {
        return fail(o->path, PAGEFILE_NO_MEMORY, 0);
    }
    const uint32_t threads = crew_threads(workers);
    batch b = {.file = file, .statuses = malloc(results), .errnos = malloc(results * sizeof(int))};
    const int done = open_readers(&b, threads) && b.statuses != NULL && b.errnos != NULL
                         ? check_all(o, file, workers, &b)
                         : fail(o->path, PAGEFILE_NO_MEMORY, 0);
    close_readers(&b, threads);
    crew_destroy(workers);
    free(b.statuses);
    free(b.errnos);
    return done;
}

static const option_row ROWS[] = {
    {'t', "threads", "N", OPTION_COUNT, offsetof(options, threads), .least = 1, .most = 256,
     .help = "threads to work on; default: one a processor"},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(options, quiet), .help = "only errors"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "verify",
    .usage = {"WORLD.mega [OPTION]…"},
    .about = "Reads, checks and unpacks every page and the heights, and names those that are bad.",
    .rows = ROWS,
    .end = "Exit codes: 0 all good, 1 something is bad or cannot be read, 2 wrong usage.",
    .surplus = "give one page file",
    .operand_at = offsetof(options, path),
};

int verify_main(int argc, char **argv)
{
    options o = {0};
    pagefile *file = NULL;
    int done;
    if (!options_read(&TABLE, argc, argv, &o, &done)) {
        return done;
    }
    if (o.path == NULL) {
        return options_refuse(&TABLE, "input", "give one page file");
    }
    const pagefile_status status = pagefile_open(o.path, &file);
    if (status != PAGEFILE_OK) {
        return fail(o.path, status, errno);
    }
    done = verify(&o, file);
    pagefile_close(file);
    return done;
}
