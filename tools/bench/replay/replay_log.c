/* replay_log.c: twice through the log: to count, then to write the steps. Memory straight from the
 * system, so that it leaves no trace in the malloc that is measured. */
#include "tools/bench/replay/replay_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddy/track_log.h"
#include "engine/files/regular.h"

#define BYTES_MOST   (UINT64_C(1) << 40) /* of a block */
#define PLACES_FIRST 1024u               /* a power of two */

/* A block by its number in the log. */
typedef struct numbered {
    uint64_t bytes;
    uint32_t number; /* 0: nobody has this place */
    uint32_t index;  /* from 0 */
    uint32_t turn : 31, live : 1;
} numbered;

/* Blocks by their numbers, with open addressing: a log may have any numbers, and what it takes to
 * load it follows its records. At most half of the places are taken. */
typedef struct directory {
    numbered *places;
    uint64_t count; /* a power of two, or 0 */
    uint64_t key;   /* by chance, so that no log can be made whose numbers all want one place */
} directory;

typedef struct loader {
    const uint8_t *data;
    size_t bytes;
    uint32_t seats[TEAM_MOST]; /* the threads that sit there; 0: nobody */
    uint32_t last_thread, last_seat;
    directory blocks;
    bool one_thread;
    uint64_t live_bytes, live_rounded;
    replay_log *log;
    char *error;
} loader;

static bool fail(loader *l, const char *why)
{
    (void)snprintf(l->error, REPLAY_LINE, "%s", why);
    return false;
}

static bool fail_at(loader *l, uint64_t record, const char *why)
{
    (void)snprintf(l->error, REPLAY_LINE, "record %" PRIu64 " %s", record, why);
    return false;
}

static void *map(size_t bytes)
{
    void *start = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start != MAP_FAILED ? start : NULL;
}

static void unmap(const void *start, size_t bytes)
{
    if (start != NULL) {
        munmap((void *)(uintptr_t)start, bytes > 0 ? bytes : 1);
    }
}

/* ---- the file ---- */

/* Read, not mapped: a file that somebody cuts is then a bad log, and no signal. */
static bool read_whole(loader *l, int file, size_t bytes)
{
    uint8_t *data = map(bytes);
    size_t done = 0;
    ssize_t got = 1;
    l->data = data;
    l->bytes = bytes;
    while (data != NULL && done < bytes && got > 0) {
        got = read(file, data + done, bytes - done);
        done += got > 0 ? (size_t)got : 0;
    }
    if (data == NULL || got < 0) {
        return fail(l, data == NULL ? "not enough memory" : strerror(errno));
    }
    l->bytes = done;
    return true;
}

static bool read_file(loader *l, const char *path)
{
    struct stat about;
    int file = regular_fd(path, &about);
    if (file < 0) {
        return fail(l, file_text(errno));
    }
    bool good = read_whole(l, file, (size_t)about.st_size);
    close(file);
    return good;
}

/* ---- first time through ---- */

/* The seat of a thread: its own as long as there are any, in the order in which they come. */
static uint32_t seat_of(loader *l, uint32_t thread)
{
    if (l->one_thread || thread == l->last_thread) {
        return l->one_thread ? 0 : l->last_seat;
    }
    uint32_t seat = 0;
    while (seat < l->log->threads && l->seats[seat] != thread) {
        seat++;
    }
    if (seat == l->log->threads) {
        if (seat == TEAM_MOST) {
            seat = thread % TEAM_MOST;
        } else {
            l->seats[seat] = thread;
            l->log->threads++;
        }
    }
    l->last_thread = thread;
    l->last_seat = seat;
    return seat;
}

/* Counts the steps of each seat into begin, one further. */
static bool count_steps(loader *l)
{
    buddy_track_log_reader r;
    buddy_track_event e;
    buddy_track_log_status status = buddy_track_log_begin(&r, l->data, l->bytes);
    while (status == BUDDY_TRACK_LOG_OK &&
           (status = buddy_track_log_next(&r, &e)) == BUDDY_TRACK_LOG_OK) {
        if (e.bytes > BYTES_MOST) {
            return fail_at(l, r.records, "has a size that is too large");
        }
        l->log->begin[seat_of(l, e.thread) + 1]++;
    }
    if (status == BUDDY_TRACK_LOG_FOREIGN) {
        return fail(l, buddy_track_log_status_text(status));
    }
    if (status != BUDDY_TRACK_LOG_DONE) {
        char why[REPLAY_LINE];
        (void)snprintf(why, sizeof why, "after %" PRIu64 " records: the log %s", r.records,
                       buddy_track_log_status_text(status));
        return fail(l, why);
    }
    l->log->count = r.records;
    return r.records > 0 || fail(l, "has no records in it");
}

/* ---- blocks by number ---- */

/* The place that a number has or could have: there is always one that is free. */
static numbered *place_of(const directory *d, uint32_t number)
{
    uint64_t mixed = (number ^ d->key) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * (d->key | 1);
    uint64_t at = (mixed ^ mixed >> 32) & (d->count - 1);
    while (d->places[at].number != 0 && d->places[at].number != number) {
        at = (at + 1) & (d->count - 1);
    }
    return &d->places[at];
}

static bool make_places(directory *d, uint64_t count)
{
    d->places = map(count * sizeof(numbered));
    d->count = d->places != NULL ? count : 0;
    return d->places != NULL;
}

/* Twice as many places. False: no memory, and all is as it was. */
static bool grow(directory *d)
{
    directory larger = {.key = d->key};
    if (!make_places(&larger, 2 * d->count)) {
        return false;
    }
    for (uint64_t i = 0; i < d->count; i++) {
        if (d->places[i].number != 0) {
            *place_of(&larger, d->places[i].number) = d->places[i];
        }
    }
    unmap(d->places, d->count * sizeof(numbered));
    *d = larger;
    return true;
}

/* The block that has a number, which may be new. NULL: no memory. */
static numbered *find_block(loader *l, uint32_t number)
{
    directory *d = &l->blocks;
    numbered *n = place_of(d, number);
    if (n->number == number) {
        return n;
    }
    if (l->log->blocks >= d->count / 2) {
        if (!grow(d)) {
            return NULL;
        }
        n = place_of(d, number);
    }
    *n = (numbered){.number = number, .index = l->log->blocks++};
    return n;
}

/* ---- second time through ---- */

static uint64_t power_of_two_from(uint64_t least)
{
    uint64_t power = 16; /* the least that an allocator hands out, or so */
    while (power < least) {
        power *= 2;
    }
    return power;
}

static void count_bytes(loader *l, const numbered *n, uint64_t bytes, bool lives)
{
    replay_log *log = l->log;
    l->live_bytes -= n->live ? n->bytes : 0;
    l->live_rounded -= n->live ? power_of_two_from(n->bytes) : 0;
    l->live_bytes += lives ? bytes : 0;
    l->live_rounded += lives ? power_of_two_from(bytes) : 0;
    log->peak_bytes = l->live_bytes > log->peak_bytes ? l->live_bytes : log->peak_bytes;
    log->rounded_bytes =
        l->live_rounded > log->rounded_bytes ? l->live_rounded : log->rounded_bytes;
}

/* Turns an event into a step; false when it makes no sense where it stands. */
static bool make_step(loader *l, const buddy_track_event *e, uint64_t record, replay_step *out)
{
    numbered *n = find_block(l, e->block);
    if (n == NULL) {
        return fail(l, "not enough memory");
    }
    if (n->live == (e->operation == BUDDY_TRACK_OP_ALLOC)) {
        return fail_at(l, record,
                       n->live ? "allocates a block that is live already"
                               : "is about a block that is not live");
    }
    if (n->turn == INT32_MAX) {
        return fail_at(l, record, "is one too many of its block");
    }
    *out = (replay_step){.block = n->index,
                         .turn = n->turn,
                         .bytes = e->bytes,
                         .operation = (uint64_t)e->operation & 15};
    bool lives = e->operation != BUDDY_TRACK_OP_FREE;
    count_bytes(l, n, e->bytes, lives);
    n->turn = (n->turn + 1u) & INT32_MAX;
    n->live = lives;
    n->bytes = e->bytes;
    return true;
}

static bool make_steps(loader *l)
{
    uint64_t next[TEAM_MOST];
    buddy_track_log_reader r;
    buddy_track_event e;
    memcpy(next, l->log->begin, sizeof next);
    (void)buddy_track_log_begin(&r, l->data, l->bytes);
    while (buddy_track_log_next(&r, &e) == BUDDY_TRACK_LOG_OK) {
        if (!make_step(l, &e, r.records, &l->log->steps[next[seat_of(l, e.thread)]++])) {
            return false;
        }
    }
    return true;
}

/* All that is live is touched, so it has to be there. */
static bool fits_machine(loader *l)
{
    uint64_t there = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return l->log->peak_bytes <= there / 2 ||
           fail(l, "wants more than half of this machine's memory at once");
}

static bool load(loader *l, const char *path)
{
    replay_log *log = l->log;
    if (!read_file(l, path) || !count_steps(l)) {
        return false;
    }
    for (uint32_t i = 0; i < TEAM_MOST; i++) {
        log->begin[i + 1] += log->begin[i];
    }
    log->mapped_bytes = log->count * sizeof(replay_step);
    log->steps = map(log->mapped_bytes);
    if (log->steps == NULL || !make_places(&l->blocks, PLACES_FIRST)) {
        return fail(l, "not enough memory");
    }
    return make_steps(l) && fits_machine(l);
}

bool replay_log_load(const char *path, bool one_thread, replay_log *out, char error[REPLAY_LINE])
{
    loader l = {.one_thread = one_thread, .log = out, .error = error};
    l.blocks.key = (uintptr_t)&l; /* where the system has nothing better, or not yet */
    (void)getrandom(&l.blocks.key, sizeof l.blocks.key, GRND_NONBLOCK);
    *out = (replay_log){.threads = one_thread};
    bool good = load(&l, path);
    unmap(l.blocks.places, l.blocks.count * sizeof(numbered));
    unmap(l.data, l.bytes);
    if (!good) {
        replay_log_unload(out);
    }
    return good;
}

void replay_log_unload(replay_log *log)
{
    unmap(log->steps, log->mapped_bytes);
    log->steps = NULL;
}
