/* diskread.c: see diskread.h. What the ring answers in part or not at all is finished by pread, so
 * that callers see whole reads. */
#include "engine/disk/diskread.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Calls in a row that bring nothing: signals that come while a disk takes its time. A ring that
     * goes on so for longer is of no use. */
    MOST_IDLE_CALLS = 1000,
    NAP_NS = 500000, /* between two looks at a ring that can only be looked at */
};

/* started == queued + taken. Without a ring `queue` is read by diskread_wait, oldest first; with
 * one it is what the kernel is yet to be given. */
struct diskread {
    bool uring;       /* reads go to the ring */
    bool has_mapping; /* the ring is to be undone: also after it was given up */
    int error;        /* what it was given up for, an errno; 0: it was not */
    struct io_uring ring;
    uint32_t depth;
    uint32_t started;
    uint32_t queue[DISKREAD_MAX_DEPTH]; /* slots, oldest first, a ring */
    uint32_t head, queued;
    uint32_t taken;                            /* by the kernel, and not answered yet */
    diskread_range ranges[DISKREAD_MAX_DEPTH]; /* by slot */
};

diskread *diskread_create(uint32_t depth, bool may_use_uring)
{
    assert(depth >= 1 && depth <= DISKREAD_MAX_DEPTH);
    diskread *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    d->depth = depth;
    d->uring = may_use_uring && io_uring_queue_init(depth, &d->ring, 0) == 0;
    d->has_mapping = d->uring;
    return d;
}

void diskread_destroy(diskread *d)
{
    if (d != NULL) {
        assert(d->started == 0);
        if (d->has_mapping) {
            io_uring_queue_exit(&d->ring);
        }
        free(d);
    }
}

bool diskread_has_ring(const diskread *d)
{
    return d->uring;
}

int diskread_ring_error(const diskread *d)
{
    return d->error;
}

void diskread_start(diskread *d, uint32_t slot, const diskread_range *range)
{
    assert(slot < d->depth && d->started < d->depth);
    d->ranges[slot] = *range;
    if (d->uring) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&d->ring); /* there are as many as slots */
        io_uring_prep_read(sqe, range->fd, range->buffer, (unsigned)range->bytes, range->offset);
        io_uring_sqe_set_data64(sqe, slot); /* diskread_wait submits all that were started */
    }
    d->queue[(d->head + d->queued++) % d->depth] = slot;
    d->started++;
}

/* Reads what is left of a range behind the first `got` bytes. */
static int64_t read_rest(const diskread_range *range, size_t got)
{
    while (got < range->bytes) {
        const ssize_t more = pread(range->fd, (char *)range->buffer + got, range->bytes - got,
                                   (off_t)(range->offset + got));
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more <= 0) {
            return more < 0 ? -(int64_t)errno : (int64_t)got;
        }
        got += (size_t)more;
    }
    return (int64_t)got;
}

static uint32_t take_from_queue(diskread *d)
{
    const uint32_t slot = d->queue[d->head];
    d->head = (d->head + 1) % d->depth;
    d->queued--;
    return slot;
}

/* Gives the kernel all that was started, and waits for an answer. Returns 0 or an errno; whatever
 * it is, the kernel may have taken some. */
static int submit(diskread *d)
{
    const int result = io_uring_submit_and_wait(&d->ring, 1);
    const uint32_t left = io_uring_sq_ready(&d->ring);
    while (d->queued > left) {
        (void)take_from_queue(d);
        d->taken++;
    }
    return result < 0 ? -result : 0;
}

/* What the ring did not read, or not to its end, pread does: it also says best why it cannot be. A
 * kernel that has rings but not this kind of read answers each with EINVAL. */
static bool take_answer(diskread *d, diskread_done *out)
{
    struct io_uring_cqe *cqe = NULL;
    if (io_uring_peek_cqe(&d->ring, &cqe) != 0) {
        return false;
    }
    const int result = cqe->res;
    out->slot = (uint32_t)io_uring_cqe_get_data64(cqe);
    io_uring_cqe_seen(&d->ring, cqe);
    d->taken--;
    const diskread_range *range = &d->ranges[out->slot];
    const size_t got = result > 0 ? (size_t)result : 0;
    out->result = result == 0 || got == range->bytes ? result : read_rest(range, got);
    return true;
}

/* False: the ring is given up. */
static bool wait_for_ring(diskread *d, diskread_done *out)
{
    int error = 0;
    for (int call = 0; call < MOST_IDLE_CALLS && (error == 0 || error == EINTR); call++) {
        error = submit(d);
        if (take_answer(d, out)) {
            return true;
        }
    }
    d->uring = false;
    d->error = error != 0 ? error : EIO;
    return false;
}

/* After a ring was given up, or without one: what the ring has answered since, then by pread what
 * it was not given, then what it still owes. */
static void wait_without_ring(diskread *d, diskread_done *out)
{
    static const struct timespec NAP = {.tv_nsec = NAP_NS};
    while (d->taken == 0 || !take_answer(d, out)) {
        if (d->queued > 0) {
            out->slot = take_from_queue(d);
            out->result = read_rest(&d->ranges[out->slot], 0);
            return;
        }
        (void)nanosleep(&NAP, NULL);
    }
}

void diskread_wait(diskread *d, diskread_done *out)
{
    assert(d->started > 0);
    if (!d->uring || !wait_for_ring(d, out)) {
        wait_without_ring(d, out);
    }
    d->started--;
}
