/* fetch_reader.c: a reader's thread. It has a few jobs in hand, and a buffer for each of its
 * requests.
 *
 *     job        queue ─▶ in hand: pages in RAM are done, the others are `todo`
 *                           │ its next run of neighbouring pages becomes a request, as long as
 *                           ▼ a buffer is free
 *     request    free ─▶ [held back by the pace ─▶] at the disk ─▶ read: each page is checked and
 *                  ▲              ▲                     │          copied into RAM ─┐
 *                  │              └─ the next layer, if ┘                           │
 *                  │                 they lie apart                                 │
 *                  └────────────────────────────────────────────────────────────────┘
 *     job        no `todo` and no request left ─▶ fetch.next
 *
 * A reader goes round: as long as a buffer is free it starts the next run of the oldest job that
 * has one, taking new jobs when none has; then it waits for one request to end. While a pace is set
 * (a slow disk on demand), requests are held back before they go to the disk; a held request whose
 * job is stale is dropped, and its pages are cancelled. */
#include "engine/disk/fetch_private.h"

#include "engine/system/platform.h"

#include <assert.h>
#include <string.h>

enum {
    HANDS = 24,          /* jobs: a few more than requests, so that there is always a next one */
    MOST_GAP = 16 << 10, /* between two pages that are read in one request */
};

/* A job in hand; a free place has wanted == 0. */
typedef struct hand {
    page_job job;
    uint64_t todo;     /* pages that no request has been started for */
    uint32_t requests; /* on their way */
    uint32_t turn;     /* counts jobs as they are taken: the least is the oldest */
} hand;

/* Pages of one job that lie side by side in the file; or one page whose layers lie so far apart
 * that the buffer cannot hold what is between them, and which are read one by one. A free place has
 * pages == 0. */
typedef struct request {
    hand *hand;
    uint64_t pages;
    uint64_t begin, end; /* bytes in the file, of what the disk reads now */
    bool apart;          /* read layer by layer, and joined in the buffer */
    uint32_t layer;      /* where apart: the one that is being read */
    uint32_t filled;     /* where apart: bytes of those before it */
    uint64_t from_ns;    /* for the trace: when it was started */
    bool held;           /* the pace holds it back until promise.due_ns */
    pace_promise promise;
} request;

/* A reader's own, on its stack. */
typedef struct reader {
    fetch *fetch;
    workqueue *queue;
    diskread *disk;
    uint8_t *buffers;
    uint32_t depth, started; /* requests */
    uint32_t held;           /* of those started */
    uint32_t turns;
    uint32_t wakes; /* workqueue_rest's */
    bool stopping;
    uint32_t row;                     /* in the trace: what the thread does … */
    uint32_t rows[FETCH_URING_DEPTH]; /* … and what each request does, which overlap */
    hand hands[HANDS];
    request requests[FETCH_URING_DEPTH];
} reader;

static_assert((int)FETCH_URING_DEPTH <= (int)DISKREAD_MAX_DEPTH,
              "a slot of the disk's for each request");

/* ---- counting ---- */

/* n -> n + count; relaxed, see the struct */
static void add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static uint64_t bit(uint32_t i)
{
    return UINT64_C(1) << i;
}

static uint64_t count_of(uint64_t pages)
{
    return (uint64_t)__builtin_popcountll(pages);
}

/* ---- a page ---- */

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

/* Checks the layers of a page that lie at `bytes` as in the file, and copies them one after the
 * other to `joined`: in the file they may lie in any order. */
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

/* Checks a page that has been read and copies it into the RAM tier. */
static void insert_page(fetch *f, page_job *job, uint32_t i, const extent *e, const uint8_t *bytes)
{
    uint8_t joined[VT_MAX_LAYERS * TEXEL_PAGE_MAX_BYTES];
    ramtier_layer layers[VT_MAX_LAYERS];
    uint64_t sum = 0;
    const bool apart = e->layer_count > 1; /* a single layer is used where it lies */
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
    if (!ramtier_insert(f->ram, page_pack(page_of_cluster(job->page, i)), e->layer_count, layers,
                        apart ? joined : bytes, &blob)) {
        job->refused |= bit(i);
        return;
    }
    ramtier_unpin(f->ram, &blob); /* it is the most recently used now; decode will pin it again */
    add(&f->pages_read, 1);
    add(&f->bytes_read, sum);
}

/* ---- jobs in hand ---- */

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
    workqueue_end(r->queue);
}

static void end_if_done(reader *r, hand *h)
{
    if (h->todo == 0 && h->requests == 0) {
        end_job(r, h);
    }
}

static bool is_stale(const fetch *f, const hand *h)
{
    return h->job.epoch !=
           atomic_load_explicit(&f->epoch, memory_order_relaxed); /* see the struct */
}

/* Takes pages off a new job's todo that need not be read: those that are in RAM already, and all of
 * them when the job is stale. */
static void look_over(fetch *f, hand *h)
{
    if (is_stale(f, h)) {
        h->job.cancelled |= h->todo;
        h->todo = 0;
    }
    for (uint64_t rest = h->todo; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (ramtier_touch(f->ram, page_pack(page_of_cluster(h->job.page, i)))) {
            h->job.was_in_ram |= bit(i);
            h->todo &= ~bit(i);
        }
    }
}

/* Takes jobs from the queue until one needs reading; NULL: there is none, or no place in hand. */
static hand *take_job(reader *r)
{
    hand *h = r->hands;
    while (h < r->hands + HANDS && !is_free(h)) {
        h++;
    }
    while (h < r->hands + HANDS && !r->stopping) {
        const workqueue_answer answer = workqueue_begin(r->queue, &h->job, r->started == 0);
        r->stopping = answer == WORKQUEUE_STOPS;
        if (answer != WORKQUEUE_JOB) {
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

/* ---- requests ---- */

static request begin_run(const fetch *f, hand *h, const extent *e, uint32_t i)
{
    request run = {.hand = h, .pages = bit(i), .begin = e->begin, .end = e->end};
    if (e->end - e->begin > f->buffer_bytes) {
        run.apart = true;
        run.begin = e->layers[0].offset;
        run.end = run.begin + e->layers[0].bytes;
    }
    return run;
}

/* Adds page i to a run if it lies close behind the run and the buffer has room. */
static bool extend(const fetch *f, request *run, const extent *e, uint32_t i)
{
    const bool close = !run->apart && e->begin >= run->end && e->begin - run->end <= MOST_GAP &&
                       e->end - run->begin <= f->buffer_bytes;
    if (close) {
        run->pages |= bit(i);
        run->end = e->end;
    }
    return close;
}

/* Takes the next run of neighbouring pages off a job's todo. Pages that the file does not have are
 * marked as corrupt. False: nothing is left to read. */
static bool cut_run(const fetch *f, hand *h, request *run)
{
    *run = (request){.hand = h};
    for (uint64_t rest = h->todo; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        extent e;
        if (!find_page(f, page_of_cluster(h->job.page, i), &e)) {
            h->job.corrupt |= bit(i);
        } else if (run->pages == 0) {
            *run = begin_run(f, h, &e, i);
        } else if (!extend(f, run, &e, i)) {
            return true;
        }
        h->todo &= ~bit(i);
    }
    return run->pages != 0;
}

static void send_to_disk(reader *r, uint32_t slot)
{
    const request *run = &r->requests[slot];
    const pagefile *file = r->fetch->files[run->hand->job.page.texture - 1];
    uint8_t *buffer = r->buffers + (size_t)slot * r->fetch->buffer_bytes;
    const diskread_range range = {.fd = pagefile_descriptor(file),
                                  .buffer = buffer + run->filled,
                                  .bytes = (size_t)(run->end - run->begin),
                                  .offset = run->begin};
    diskread_start(r->disk, slot, &range);
}

static void hold_back(reader *r, request *run)
{
    run->held = true;
    run->promise =
        pace_begin(&r->fetch->pace, run->hand->job.epoch, run->end - run->begin, platform_now_ns());
    r->held++;
}

/* Sends a request to the disk, or holds it back until the pace lets it go. */
static void send_for(reader *r, uint32_t slot)
{
    request *run = &r->requests[slot];
    add(&r->fetch->requests, 1);
    run->from_ns = vt_trace_now(r->fetch->trace);
    if (pace_is_set(&r->fetch->pace)) {
        hold_back(r, run);
    } else {
        send_to_disk(r, slot);
    }
}

static void start_request(reader *r, hand *h)
{
    uint32_t slot = 0;
    while (r->requests[slot].pages != 0) {
        slot++;
    }
    if (!cut_run(r->fetch, h, &r->requests[slot])) {
        end_if_done(r, h);
        return;
    }
    h->requests++;
    r->started++;
    send_for(r, slot);
}

/* Of a page whose layers are read one by one: counts the one that has been read, and sends for the
 * next. False: all are there, or this one came short. */
static bool read_next_layer(reader *r, uint32_t slot, int64_t result)
{
    request *run = &r->requests[slot];
    const uint32_t i = (uint32_t)__builtin_ctzll(run->pages);
    extent e;
    if (result < (int64_t)(run->end - run->begin) ||
        !find_page(r->fetch, page_of_cluster(run->hand->job.page, i), &e)) {
        return false;
    }
    run->filled += e.layers[run->layer++].bytes;
    if (run->layer == e.layer_count) {
        return false;
    }
    run->begin = e.layers[run->layer].offset;
    run->end = run->begin + e.layers[run->layer].bytes;
    send_for(r, slot);
    return true;
}

/* Changes the places of a page's layers from those in the file to those in the buffer of the
 * request that has read them. */
static void move_to_buffer(const request *run, extent *e)
{
    uint64_t filled = 0;
    for (uint32_t i = 0; i < e->layer_count; i++) {
        pagefile_entry *layer = &e->layers[i];
        layer->offset = run->apart ? filled : layer->offset - run->begin;
        filled += layer->bytes;
    }
    e->begin = run->apart ? 0 : e->begin - run->begin;
    e->end = run->apart ? filled : e->end - run->begin;
}

/* Copies the pages of a request into RAM, of which `got` bytes are in the buffer (or a negative
 * errno), and marks those that did not come. After a disk error a page may be asked for again
 * (failed); if the file has become shorter it may not (corrupt). */
static void take_in_pages(reader *r, const request *run, const uint8_t *bytes, int64_t got)
{
    fetch *f = r->fetch;
    page_job *job = &run->hand->job;
    for (uint64_t rest = run->pages; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        const vt_page page = page_of_cluster(job->page, i);
        extent e;
        if (got < 0) {
            job->failed |= bit(i);
            continue;
        }
        const bool found = find_page(f, page, &e);
        if (found) {
            move_to_buffer(run, &e);
        }
        if (!found || e.end > (uint64_t)got) {
            job->corrupt |= bit(i);
            continue;
        }
        const uint64_t from_ns = vt_trace_now(f->trace);
        insert_page(f, job, i, &e, bytes + e.begin);
        vt_trace_span(f->trace, r->row, "insert", from_ns, page_pack(page), e.end - e.begin);
    }
}

static void end_request(reader *r, request *run)
{
    run->pages = 0;
    r->started--;
    run->hand->requests--;
    end_if_done(r, run->hand);
}

/* Remembers that io_uring was given up, for fetch_ring_error. */
static void watch_ring(reader *r)
{
    const int error = diskread_ring_error(r->disk);
    if (error != 0) {
        /* relaxed: see the struct */
        atomic_store_explicit(&r->fetch->ring_error, error, memory_order_relaxed);
    }
}

static void take_in_request(reader *r)
{
    fetch *f = r->fetch;
    diskread_done done;
    diskread_wait(r->disk, &done);
    watch_ring(r);
    request *run = &r->requests[done.slot];
    const vt_page page = run->hand->job.page;
    const uint64_t got = done.result > 0 ? (uint64_t)done.result : 0;
    vt_trace_span(f->trace, r->rows[done.slot], "read", run->from_ns, page_pack(page), got);
    if (page.texture == 1) {
        diskmap_add(&f->map, run->begin, got);
    }
    if (run->apart && read_next_layer(r, done.slot, done.result)) {
        return;
    }
    const int64_t filled = run->apart && done.result >= 0 ? run->filled : done.result;
    take_in_pages(r, run, r->buffers + (size_t)done.slot * f->buffer_bytes, filled);
    end_request(r, run);
}

/* ---- requests that are held back ---- */

/* Ends a request that is held back, and cancels what else its job would read. */
static void drop_request(reader *r, request *run)
{
    hand *h = run->hand;
    h->job.cancelled |= run->pages | h->todo;
    h->todo = 0;
    end_request(r, run);
}

/* Sends held requests to the disk whose time has come. Those of stale jobs are dropped, and all of
 * them when the queue stops. */
static void release_held(reader *r)
{
    const uint64_t now_ns = platform_now_ns();
    for (uint32_t slot = 0; slot < r->depth; slot++) {
        request *run = &r->requests[slot];
        if (run->pages == 0 || !run->held) {
            continue;
        }
        const bool dropped = r->stopping || is_stale(r->fetch, run->hand);
        if (!dropped && !pace_is_due(&r->fetch->pace, &run->promise, now_ns)) {
            continue;
        }
        run->held = false;
        r->held--;
        if (dropped) {
            drop_request(r, run);
        } else {
            send_to_disk(r, slot);
        }
    }
}

/* Waits until the first held request is due, a job comes that can be started, or somebody wakes the
 * queue. */
static void rest(reader *r)
{
    uint64_t until_ns = UINT64_MAX;
    for (uint32_t slot = 0; slot < r->depth; slot++) {
        const request *run = &r->requests[slot];
        if (run->pages != 0 && run->held && run->promise.due_ns < until_ns) {
            until_ns = run->promise.due_ns;
        }
    }
    r->stopping =
        workqueue_rest(r->queue, r->started < r->depth, until_ns, &r->wakes) == WORKQUEUE_STOPS ||
        r->stopping;
}

/* ---- a reader's thread ---- */

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
        if (r->held > 0) {
            release_held(r);
        }
        if (r->started > r->held) {
            take_in_request(r);
        } else if (r->held > 0) {
            rest(r);
        }
    }
}

/* Each request's buffer has a row of its own in the trace, since the spans of a row may not
 * overlap. */
static void name_rows(reader *r, uint32_t worker)
{
    char name[VT_TRACE_NAME_BYTES];
    (void)snprintf(name, sizeof name, "fetch %u", worker + 1);
    r->row = vt_trace_row(r->fetch->trace, name);
    for (uint32_t i = 0; i < r->depth; i++) {
        (void)snprintf(name, sizeof name, "disk %u", worker * r->depth + i + 1);
        r->rows[i] = vt_trace_row(r->fetch->trace, name);
    }
}

void fetch_serve(void *context, uint32_t worker, workqueue *q)
{
    fetch *f = context;
    reader r = {.fetch = f,
                .queue = q,
                .disk = f->disks[worker],
                .buffers = f->buffers + (size_t)worker * f->depth * f->buffer_bytes,
                .depth = f->depth};
    name_rows(&r, worker);
    go_round(&r);
}
