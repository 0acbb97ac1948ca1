/* watch/track_log.c: the log: a buffer behind a lock on its way into a file, and the reader. */
#include "buddy/track_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buddy/system/kernel.h"
#include "buddy/watch/caller.h"
#include "buddy/watch/track_private.h"

#define NUMBER_BYTES   10u /* of a number of 64 bits, seven a byte */
#define OPERATION_BITS 2u

_Static_assert(BUDDY_TRACK_OP_END < 1 << OPERATION_BITS, "an operation fits beside the thread");
_Static_assert(sizeof BUDDY_TRACK_LOG_MAGIC == BUDDY_TRACK_LOG_MAGIC_BYTES + 1,
               "the name and the version");
_Static_assert(4 * NUMBER_BYTES <= TRACK_LOG_WORST, "a record fits");

/* ---- writing; each needs the writer's mutex ---- */

/* After a write that failed the rest of the log is dropped: a log with a hole says nothing. */
static void flush(track_writer *w)
{
    for (uint32_t done = 0; done < w->filled && w->error == 0;) {
        /* not by write: a thread may not be cancelled in its malloc */
        long written = kernel_call(SYS_write, w->file, (long)(uintptr_t)(w->room + done),
                                   (long)(w->filled - done), 0);
        if (written < 0 && written != -EINTR) {
            w->error = (int)-written;
        }
        done += written > 0 ? (uint32_t)written : 0;
    }
    w->bytes += w->error == 0 ? w->filled : 0;
    w->filled = 0;
}

static void put_number(track_writer *w, uint64_t value)
{
    while (value >= 0x80) {
        w->room[w->filled++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    w->room[w->filled++] = (uint8_t)value;
}

static void put_event(track_writer *w, const buddy_track_event *e)
{
    if (w->filled > TRACK_LOG_ROOM - TRACK_LOG_WORST) {
        flush(w);
    }
    put_number(w, (uint64_t)e->thread << OPERATION_BITS | (uint64_t)e->operation);
    put_number(w, e->block);
    if (e->operation != BUDDY_TRACK_OP_FREE) {
        put_number(w, e->bytes);
    }
    /* clocks are read before the lock, so a later record may have the earlier time */
    uint64_t delta_ns = e->time_ns > w->last_ns ? e->time_ns - w->last_ns : 0;
    put_number(w, delta_ns);
    w->last_ns += delta_ns;
    w->records++;
}

void track_log_write(buddy_track *t, buddy_track_operation operation, uint32_t number,
                     uint64_t now_ns)
{
    track_writer *w = &t->writer;
    track_record *r = &t->records[number];
    if (!atomic_load_explicit(&w->open, memory_order_relaxed)) { /* relaxed: the mutex decides */
        return;
    }
    int reason = errno; /* hooks may be called between a function and the look at its errno */
    at_work_lock(&w->mutex);
    bool open = atomic_load_explicit(&w->open, memory_order_relaxed);
    if (open && operation == BUDDY_TRACK_OP_ALLOC) {
        r->log = w->number;
    }
    if (open && r->log == w->number) {
        put_event(w, &(buddy_track_event){operation, caller_number(), number, r->bytes, now_ns});
    }
    at_work_unlock(&w->mutex);
    errno = reason;
}

/* ---- opening and closing ---- */

/* The path with the number of the process in the place of "%p". False: too long. */
static bool expand(const char *path, char out[BUDDY_TRACK_PATH])
{
    const char *mark = strstr(path, "%p");
    int head = mark != NULL ? (int)(mark - path) : (int)strlen(path);
    int length = mark != NULL ? snprintf(out, BUDDY_TRACK_PATH, "%.*s%ld%s", head, path,
                                         (long)getpid(), mark + 2)
                              : snprintf(out, BUDDY_TRACK_PATH, "%s", path);
    return length >= 0 && length < (int)BUDDY_TRACK_PATH;
}

static bool refuse(int reason)
{
    errno = reason;
    return false;
}

static bool open_log(buddy_track *t, const char *path)
{
    char name[BUDDY_TRACK_PATH];
    track_writer *w = &t->writer;
    if (!expand(path, name)) {
        return refuse(ENAMETOOLONG);
    }
    at_work_lock(&w->mutex);
    bool taken = atomic_load_explicit(&w->open, memory_order_relaxed);
    int file = taken ? -1 : track_file_create(name);
    int reason = taken ? EBUSY : errno;
    if (file >= 0) {
        w->file = file;
        w->error = 0;
        w->number++;
        w->records = w->bytes = 0;
        w->last_ns = track_now_ns();
        memcpy(w->room, BUDDY_TRACK_LOG_MAGIC, BUDDY_TRACK_LOG_MAGIC_BYTES);
        w->filled = BUDDY_TRACK_LOG_MAGIC_BYTES;
        atomic_store_explicit(&w->open, true, memory_order_relaxed); /* see track_log_write */
    }
    at_work_unlock(&w->mutex);
    return file >= 0 || refuse(reason);
}

static bool close_log(buddy_track *t, const char *unused)
{
    (void)unused;
    track_writer *w = &t->writer;
    int reason = 0;
    at_work_lock(&w->mutex);
    if (atomic_load_explicit(&w->open, memory_order_relaxed)) {
        atomic_store_explicit(&w->open, false, memory_order_relaxed);
        flush(w);
        put_number(w, BUDDY_TRACK_OP_END);
        put_number(w, w->records);
        flush(w);
        reason = close(w->file) != 0 && w->error == 0 ? errno : w->error;
    }
    at_work_unlock(&w->mutex);
    return reason == 0 || refuse(reason);
}

bool buddy_track_log_open(buddy_track *t, const char *path)
{
    return track_uncancelled(open_log, t, path);
}

bool buddy_track_log_close(buddy_track *t)
{
    return track_uncancelled(close_log, t, NULL);
}

/* ---- reading ---- */

const char *buddy_track_log_status_text(buddy_track_log_status status)
{
#define X(name, text) text,
    static const char *const texts[] = {BUDDY_TRACK_LOG_STATUSES(X)};
#undef X
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

buddy_track_log_status buddy_track_log_begin(buddy_track_log_reader *r, const void *data,
                                             size_t bytes)
{
    *r = (buddy_track_log_reader){.at = data, .end = (const uint8_t *)data + bytes};
    size_t there = bytes < BUDDY_TRACK_LOG_MAGIC_BYTES ? bytes : BUDDY_TRACK_LOG_MAGIC_BYTES;
    if (there == 0 || memcmp(data, BUDDY_TRACK_LOG_MAGIC, there) != 0) {
        return BUDDY_TRACK_LOG_FOREIGN;
    }
    r->at += there;
    return there == BUDDY_TRACK_LOG_MAGIC_BYTES ? BUDDY_TRACK_LOG_OK : BUDDY_TRACK_LOG_TRUNCATED;
}

static buddy_track_log_status take_number(buddy_track_log_reader *r, uint64_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < NUMBER_BYTES; i++) {
        if (r->at == r->end) {
            return BUDDY_TRACK_LOG_TRUNCATED;
        }
        uint8_t byte = *r->at++;
        if (i == NUMBER_BYTES - 1 && byte > 1) {
            break; /* the 64th bit is the only one left */
        }
        *out |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            return BUDDY_TRACK_LOG_OK;
        }
    }
    return BUDDY_TRACK_LOG_BAD_NUMBER;
}

/* What is behind the head of the last record. */
static buddy_track_log_status take_end(buddy_track_log_reader *r, uint64_t thread)
{
    uint64_t records;
    buddy_track_log_status status = take_number(r, &records);
    if (status != BUDDY_TRACK_LOG_OK) {
        return status;
    }
    bool fits = thread == 0 && records == r->records && r->at == r->end;
    return fits ? BUDDY_TRACK_LOG_DONE : BUDDY_TRACK_LOG_BAD_END;
}

buddy_track_log_status buddy_track_log_next(buddy_track_log_reader *r, buddy_track_event *out)
{
    uint64_t head, block = 0, bytes = 0, delta_ns = 0;
    buddy_track_log_status status = take_number(r, &head);
    if (status != BUDDY_TRACK_LOG_OK) {
        return status;
    }
    buddy_track_operation operation = (buddy_track_operation)(head & ((1 << OPERATION_BITS) - 1));
    uint64_t thread = head >> OPERATION_BITS;
    if (operation == BUDDY_TRACK_OP_END) {
        return take_end(r, thread);
    }
    status = take_number(r, &block);
    if (status == BUDDY_TRACK_LOG_OK && operation != BUDDY_TRACK_OP_FREE) {
        status = take_number(r, &bytes);
    }
    status = status == BUDDY_TRACK_LOG_OK ? take_number(r, &delta_ns) : status;
    if (status != BUDDY_TRACK_LOG_OK) {
        return status;
    }
    if (thread == 0 || thread > UINT32_MAX || block == 0 || block > UINT32_MAX) {
        return BUDDY_TRACK_LOG_BAD_RECORD;
    }
    r->records++;
    r->time_ns += delta_ns;
    *out = (buddy_track_event){operation, (uint32_t)thread, (uint32_t)block, bytes, r->time_ns};
    return BUDDY_TRACK_LOG_OK;
}
