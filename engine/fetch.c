/* fetch.c: readers, each with a few jobs in hand and a buffer for every request that is on its way.
 *
 *     jobs in hand   [ job: todo pages, requests on their way ]  …        at most HANDS
 *     requests       [ run of neighbouring pages, buffer ]  …             at most the reader's
 * depth
 *
 * A reader goes round: as long as a buffer is free it starts the next run of the oldest job that
 * has any, taking new jobs when none has; then it waits for one request to end. */
#include "engine/fetch.h"

#include "engine/diskread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_WORKERS = 2,
    URING_DEPTH = 16, /* requests; more were seen to bring little */
    HANDS = 24,       /* jobs: a few more than requests, so that there is always a next one */
    LEAST_BUFFER = 128 << 10, /* of a request; a block of 4 x 4 pages of BC1 fits */
    MOST_GAP = 16 << 10,      /* between two pages that are read in one request */
};

/* A job in hand. free: wanted == 0. */
typedef struct hand {
    page_job job;
    uint64_t todo;     /* pages that no request has been started for */
    uint32_t requests; /* on their way */
    uint32_t turn;     /* of its taking: the least is the oldest */
} hand;

/* Pages of one job that lie side by side. free: pages == 0. */
typedef struct request {
    hand *hand;
    uint64_t pages;
    uint64_t begin, end; /* bytes in the file */
} request;

struct fetch {
    const pagefile *files[PAGE_MAX_TEXTURES]; /* by texture - 1 */
    uint32_t file_count;
    uint32_t depth; /* requests of each reader */
    uint32_t buffer_bytes;
    ramtier *ram;
    void (*next)(void *context, const page_job *job);
    void *context;
    uint8_t *buffers; /* reader k's request r begins at (k * depth + r) * buffer_bytes */
    diskread **disks; /* by reader */
    uint32_t readers;
    lane *lane;

    /* relaxed: a job that is cancelled a little late does no harm */
    atomic_uint epoch;

    /* statistics; any reader adds. Relaxed: figures to look at, nothing is ordered by them */
    atomic_uint_fast64_t pages_read, bytes_read, requests;
    atomic_uint_fast64_t corrupt, failed, no_memory, cancelled;
};

/* A reader's own, on its stack. */
typedef struct reader {
    fetch *fetch;
    lane *lane;
    diskread *disk;
    uint8_t *buffers;
    uint32_t depth, started; /* requests */
    uint32_t turns;
    bool stopping;
    hand hands[HANDS];
    request requests[URING_DEPTH];
} reader;

static_assert((int)URING_DEPTH <= (int)DISKREAD_MAX_DEPTH, "a slot of the disk's for each request");

/* --- sizes --- */

static uint32_t workers_of(uint32_t asked)
{
    return asked ? asked : DEFAULT_WORKERS;
}

/* A request holds at least one page of all layers, each aligned as the file has it. */
static uint32_t buffer_bytes_of(const fetch_desc *desc)
{
    uint32_t layers = 1;
    for (uint32_t i = 0; i < desc->file_count; i++) {
        const uint32_t its = pagefile_get_info(desc->files[i])->layer_count;
        layers = its > layers ? its : layers;
    }
    const uint32_t page = layers * (TEXEL_PAGE_MAX_BYTES + 16);
    return page > LEAST_BUFFER ? page : LEAST_BUFFER;
}

/* Threads, and requests of each. */
static uint32_t readers_of(const fetch_desc *desc)
{
    return desc->reader == FETCH_PREAD ? workers_of(desc->workers) : 1;
}

static uint32_t depth_of(const fetch_desc *desc)
{
    return desc->reader == FETCH_PREAD ? 1 : URING_DEPTH;
}

uint64_t fetch_memory_bytes(const fetch_desc *desc)
{
    return sizeof(fetch) + (uint64_t)readers_of(desc) * depth_of(desc) * buffer_bytes_of(desc);
}

/* --- counting --- */

/* n -> n + count; relaxed, see the struct */
static void add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* see the struct */
}

static uint64_t bit(uint32_t i)
{
    return UINT64_C(1) << i;
}

static uint64_t count_of(uint64_t pages)
{
    return (uint64_t)__builtin_popcountll(pages);
}

/* --- a page --- */

/* Where a page's layers lie. */
typedef struct extent {
    pagefile_entry layers[VT_MAX_LAYERS];
    uint32_t layer_count;
    uint64_t begin, end; /* bytes in the file, all of them */
} extent;

static bool find_page(const fetch *f, vt_page p, extent *out)
{
    if (p.texture == 0 || p.texture > f->file_count) {
        return false;
    }
    const pagefile *file = f->files[p.texture - 1];
    *out = (extent){.layer_count = pagefile_get_info(file)->layer_count, .begin = UINT64_MAX};
    for (uint32_t i = 0; i < out->layer_count; i++) {
        const pagefile_entry *entry = &out->layers[i];
        if (pagefile_find(file, p, i, &out->layers[i]) != PAGEFILE_OK) {
            return false;
        }
        out->begin = entry->offset < out->begin ? entry->offset : out->begin;
        out->end =
            entry->offset + entry->bytes > out->end ? entry->offset + entry->bytes : out->end;
    }
    return true;
}

/* Checks the layers of a page that lie at `bytes` as in the file, and moves them together in front.
 * Layers may lie in any order: they are gathered in `joined`. */
static bool join_layers(const extent *e, const uint8_t *bytes, uint8_t *joined)
{
    for (uint32_t i = 0; i < e->layer_count; i++) {
        const uint8_t *layer = bytes + (e->layers[i].offset - e->begin);
        if (!pagefile_is_intact(&e->layers[i], layer)) {
            return false;
        }
        memcpy(joined, layer, e->layers[i].bytes);
        joined += e->layers[i].bytes;
    }
    return true;
}

/* Brings a page that has been read into the RAM tier. */
static void insert_page(fetch *f, page_job *job, uint32_t i, const extent *e, const uint8_t *bytes)
{
    uint8_t joined[VT_MAX_LAYERS * TEXEL_PAGE_MAX_BYTES];
    ramtier_layer layers[VT_MAX_LAYERS];
    uint64_t sum = 0;
    const bool apart = e->layer_count > 1; /* one layer is used where it lies */
    const bool intact =
        apart ? join_layers(e, bytes, joined) : pagefile_is_intact(&e->layers[0], bytes);
    if (!intact) {
        job->corrupt |= bit(i);
        return;
    }
    for (uint32_t k = 0; k < e->layer_count; k++) {
        layers[k] = (ramtier_layer){.bytes = e->layers[k].bytes, .codec = e->layers[k].codec};
        sum += e->layers[k].bytes;
    }
    ramtier_blob blob;
    if (!ramtier_insert(f->ram, page_pack(page_of_block(job->page, i)), e->layer_count, layers,
                        apart ? joined : bytes, &blob)) {
        job->refused |= bit(i);
        return;
    }
    ramtier_unpin(f->ram, &blob); /* the newest now; decode pins it again */
    add(&f->pages_read, 1);
    add(&f->bytes_read, sum);
}

/* --- jobs in hand --- */

static bool is_free(const hand *h)
{
    return h->job.wanted == 0;
}

static void end_job(reader *r, hand *h)
{
    fetch *f = r->fetch;
    const page_job job = h->job;
    h->job.wanted = 0;
    add(&f->corrupt, count_of(job.corrupt));
    add(&f->failed, count_of(job.failed));
    add(&f->no_memory, count_of(job.refused));
    add(&f->cancelled, count_of(job.cancelled));
    f->next(f->context, &job);
    lane_end(r->lane);
}

static void end_if_done(reader *r, hand *h)
{
    if (h->todo == 0 && h->requests == 0) {
        end_job(r, h);
    }
}

/* What is stale, or in RAM already, is not read. */
static void look_over(fetch *f, hand *h)
{
    if (h->job.epoch !=
        atomic_load_explicit(&f->epoch, memory_order_relaxed)) { /* see the struct */
        h->job.cancelled |= h->todo;
        h->todo = 0;
    }
    for (uint64_t rest = h->todo; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (ramtier_touch(f->ram, page_pack(page_of_block(h->job.page, i)))) {
            h->job.was_in_ram |= bit(i);
            h->todo &= ~bit(i);
        }
    }
}

/* Takes jobs until one needs reading; NULL: there is none. */
static hand *take_job(reader *r)
{
    hand *h = r->hands;
    while (h < r->hands + HANDS && !is_free(h)) {
        h++;
    }
    while (h < r->hands + HANDS && !r->stopping) {
        const lane_answer answer = lane_begin(r->lane, &h->job, r->started == 0);
        r->stopping = answer == LANE_STOPS;
        if (answer != LANE_JOB) {
            h->job.wanted = 0;
            return NULL;
        }
        h->todo = h->job.wanted;
        h->requests = 0;
        h->turn = r->turns++;
        look_over(r->fetch, h);
        if (h->todo != 0) {
            return h;
        }
        end_job(r, h);
    }
    return NULL;
}

/* The oldest job in hand that has pages to read, or a new one. */
static hand *next_hand(reader *r)
{
    hand *oldest = NULL;
    for (hand *h = r->hands; h < r->hands + HANDS; h++) {
        if (!is_free(h) && h->todo != 0 && (oldest == NULL || h->turn < oldest->turn)) {
            oldest = h;
        }
    }
    return oldest ? oldest : take_job(r);
}

/* --- requests --- */

/* Adds page i to a run where it lies close behind it and fits. */
static bool extend(const fetch *f, request *run, const extent *e, uint32_t i)
{
    const bool close = e->begin >= run->end && e->begin - run->end <= MOST_GAP &&
                       e->end - run->begin <= f->buffer_bytes;
    if (close) {
        run->pages |= bit(i);
        run->end = e->end;
    }
    return close;
}

/* Cuts the next run of neighbouring pages off a job's todo. Pages that do not exist, or whose
 * layers lie too far apart to be ours, end here. False: nothing is left to read. */
static bool cut_run(const fetch *f, hand *h, request *run)
{
    *run = (request){.hand = h};
    for (uint64_t rest = h->todo; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        extent e;
        if (!find_page(f, page_of_block(h->job.page, i), &e) || e.end - e.begin > f->buffer_bytes) {
            h->job.corrupt |= bit(i);
        } else if (run->pages == 0) {
            *run = (request){h, bit(i), e.begin, e.end};
        } else if (!extend(f, run, &e, i)) {
            return true;
        }
        h->todo &= ~bit(i);
    }
    return run->pages != 0;
}

static void start_request(reader *r, hand *h)
{
    uint32_t slot = 0;
    while (r->requests[slot].pages != 0) {
        slot++;
    }
    request *run = &r->requests[slot];
    if (!cut_run(r->fetch, h, run)) {
        end_if_done(r, h);
        return;
    }
    const pagefile *file = r->fetch->files[h->job.page.texture - 1];
    const diskread_range range = {.fd = pagefile_descriptor(file),
                                  .buffer = r->buffers + (size_t)slot * r->fetch->buffer_bytes,
                                  .bytes = (size_t)(run->end - run->begin),
                                  .offset = run->begin};
    diskread_start(r->disk, slot, &range);
    h->requests++;
    r->started++;
    add(&r->fetch->requests, 1);
}

/* A disk that says no may be asked again; a file that has got shorter stays so. */
static void take_in_request(reader *r, uint32_t slot, int64_t result)
{
    request *run = &r->requests[slot];
    page_job *job = &run->hand->job;
    const uint8_t *bytes = r->buffers + (size_t)slot * r->fetch->buffer_bytes;
    for (uint64_t rest = run->pages; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        extent e;
        if (result < 0) {
            job->failed |= bit(i);
        } else if (!find_page(r->fetch, page_of_block(job->page, i), &e) ||
                   e.end - run->begin > (uint64_t)result) {
            job->corrupt |= bit(i);
        } else {
            insert_page(r->fetch, job, i, &e, bytes + (e.begin - run->begin));
        }
    }
    run->pages = 0;
    run->hand->requests--;
    end_if_done(r, run->hand);
}

static void go_round(reader *r)
{
    for (;;) {
        hand *h;
        while (r->started < r->depth && (h = next_hand(r)) != NULL) {
            start_request(r, h);
        }
        if (r->started == 0) {
            return; /* nothing is in hand, and there is no more */
        }
        diskread_done done;
        diskread_wait(r->disk, &done);
        r->started--;
        take_in_request(r, done.slot, done.result);
    }
}

static void serve(void *context, uint32_t worker, lane *l)
{
    fetch *f = context;
    reader r = {.fetch = f,
                .lane = l,
                .disk = f->disks[worker],
                .buffers = f->buffers + (size_t)worker * f->depth * f->buffer_bytes,
                .depth = f->depth};
    go_round(&r);
}

/* --- the conductor's side --- */

static bool make_readers(fetch *f, const fetch_desc *desc)
{
    f->readers = readers_of(desc);
    f->buffers = calloc((size_t)f->readers * f->depth, f->buffer_bytes);
    f->disks = calloc(f->readers, sizeof *f->disks);
    bool made = f->buffers != NULL && f->disks != NULL;
    for (uint32_t i = 0; i < f->readers && made; i++) {
        f->disks[i] = diskread_create(f->depth, desc->reader == FETCH_AUTO);
        made = f->disks[i] != NULL;
    }
    return made;
}

fetch *fetch_create(const fetch_desc *desc)
{
    assert(desc->file_count >= 1 && desc->file_count <= PAGE_MAX_TEXTURES);
    fetch *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < desc->file_count; i++) {
        f->files[i] = desc->files[i];
    }
    f->file_count = desc->file_count;
    f->depth = depth_of(desc);
    f->buffer_bytes = buffer_bytes_of(desc);
    f->ram = desc->ram;
    f->next = desc->next;
    f->context = desc->context;
    if (make_readers(f, desc)) {
        f->lane = lane_create(&(lane_desc){.name = "fetch",
                                           .workers = f->readers,
                                           .depth = desc->depth,
                                           .serve = serve,
                                           .context = f});
    }
    if (f->lane == NULL) {
        fetch_destroy(f);
        return NULL;
    }
    return f;
}

void fetch_destroy(fetch *f)
{
    if (f != NULL) {
        lane_destroy(f->lane);
        for (uint32_t i = 0; i < f->readers && f->disks != NULL; i++) {
            diskread_destroy(f->disks[i]);
        }
        free(f->disks);
        free(f->buffers);
        free(f);
    }
}

bool fetch_submit(fetch *f, const page_job *job)
{
    assert(job->wanted != 0 && job->order <= JOB_MAX_ORDER);
    return lane_submit(f->lane, job);
}

void fetch_cancel(fetch *f, uint32_t epoch)
{
    atomic_store_explicit(&f->epoch, epoch, memory_order_relaxed); /* see the struct */
}

bool fetch_place(fetch *f, vt_page p, uint32_t *ahead)
{
    return lane_place(f->lane, p, ahead);
}

void fetch_drain(fetch *f)
{
    lane_drain(f->lane);
}

void fetch_get_stats(const fetch *f, fetch_stats *out)
{
    *out = (fetch_stats){
        .pages_read = read_counter(&f->pages_read),
        .bytes_read = read_counter(&f->bytes_read),
        .requests = read_counter(&f->requests),
        .corrupt = read_counter(&f->corrupt),
        .failed = read_counter(&f->failed),
        .no_memory = read_counter(&f->no_memory),
        .cancelled = read_counter(&f->cancelled),
        .pending = lane_pending(f->lane),
    };
}
