/* replay_log.c: twice through the log: to count, then to write the steps. Memory straight from the
 * system, so that it leaves no trace in the malloc that is measured. */
#include "tools/bench/replay_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddy/track_log.h"
#include "engine/files/regular.h"

#define BYTES_MOST   (UINT64_C(1) << 40) /* of a block */
#define NUMBERS_MOST (UINT64_C(1) << 30) /* of a block, as the log has it */

/* A block by its number in the log. */
typedef struct numbered {
    uint64_t bytes;
    uint32_t index; /* from 1; 0: not seen yet */
    uint32_t turn : 31, live : 1;
} numbered;

typedef struct loader {
    const uint8_t *data;
    size_t bytes;
    uint32_t numbers;          /* of blocks: one more than the highest */
    uint32_t seats[TEAM_MOST]; /* the threads that sit there; 0: nobody */
    uint32_t last_thread, last_seat;
    numbered *table;
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
    track_log_reader r;
    track_event e;
    track_log_status status = track_log_begin(&r, l->data, l->bytes);
    while (status == TRACK_LOG_OK && (status = track_log_next(&r, &e)) == TRACK_LOG_OK) {
        if (e.block >= NUMBERS_MOST || e.bytes > BYTES_MOST) {
            return fail_at(l, r.records, "has a block or a size that is too large");
        }
        l->numbers = e.block >= l->numbers ? e.block + 1 : l->numbers;
        l->log->begin[seat_of(l, e.thread) + 1]++;
    }
    if (status == TRACK_LOG_FOREIGN) {
        return fail(l, track_log_status_text(status));
    }
    if (status != TRACK_LOG_DONE) {
        char why[REPLAY_LINE];
        (void)snprintf(why, sizeof(why), "after %" PRIu64 " records: the log %s", r.records,
                       track_log_status_text(status));
        return fail(l, why);
    }
    l->log->count = r.records;
    return r.records > 0 || fail(l, "has no records in it");
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
static bool make_step(loader *l, const track_event *e, uint64_t record, replay_step *out)
{
    numbered *n = &l->table[e->block];
    if (n->live == (e->operation == TRACK_OP_ALLOC)) {
        return fail_at(l, record,
                       n->live ? "allocates a block that is live already"
                               : "is about a block that is not live");
    }
    if (n->turn == INT32_MAX) {
        return fail_at(l, record, "is one too many of its block");
    }
    if (n->index == 0) {
        n->index = ++l->log->blocks;
    }
    *out = (replay_step){.block = n->index - 1,
                         .turn = n->turn,
                         .bytes = e->bytes,
                         .operation = (uint64_t)e->operation & 15};
    bool lives = e->operation != TRACK_OP_FREE;
    count_bytes(l, n, e->bytes, lives);
    n->turn = (n->turn + 1u) & INT32_MAX;
    n->live = lives;
    n->bytes = e->bytes;
    return true;
}

static bool make_steps(loader *l)
{
    uint64_t next[TEAM_MOST];
    track_log_reader r;
    track_event e;
    memcpy(next, l->log->begin, sizeof(next));
    (void)track_log_begin(&r, l->data, l->bytes);
    while (track_log_next(&r, &e) == TRACK_LOG_OK) {
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
    l->table = map(l->numbers * sizeof(numbered));
    if (log->steps == NULL || l->table == NULL) {
        return fail(l, "not enough memory");
    }
    return make_steps(l) && fits_machine(l);
}

bool replay_log_load(const char *path, bool one_thread, replay_log *out, char error[REPLAY_LINE])
{
    loader l = {.one_thread = one_thread, .log = out, .error = error};
    *out = (replay_log){.threads = one_thread};
    bool good = load(&l, path);
    unmap(l.table, l.numbers * sizeof(numbered));
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
