/* diskread.c: see diskread.h. Callers see whole reads: what the ring reads only in part, or not at
 * all, pread finishes.
 *
 *     diskread_start ──▶ queued ── submitted ──▶ taken by the kernel ── answer ──▶ done
 *                          │                                              │
 *                          └── there is no ring, or it was given up       └── short, or an error:
 *                              ──▶ pread ──▶ done                             pread ──▶ done
 *
 * A ring is given up when a call to it fails, or when very many calls in a row bring nothing. Reads
 * that the kernel has taken by then are still waited for: it may write to their buffers. */
#include "engine/disk/diskread.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Calls in a row that may bring nothing, as when signals interrupt them while the disk takes
     * its time. A ring that brings nothing for longer is given up. */
    MOST_IDLE_CALLS = 1000,
    NAP_NS = 500000, /* between two looks at a ring that can only be looked at */
};

/* started == queued + taken. Without a ring, diskread_wait reads what is in `queue`, oldest first;
 * with one, `queue` is what the kernel has not been given yet. */
struct diskread {
    bool uring;       /* reads go to the ring */
    bool has_mapping; /* there is a ring to undo, in use or given up */
    int error;        /* the errno for which it was given up; 0: it was not */
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

/* Gives the kernel all reads that were started, and waits for an answer. Returns 0 or an errno; the
 * kernel may have taken some reads in either case. */
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

/* Takes an answer of the ring; false: there is none. What the ring did not read to its end, pread
 * does, which also gives the best reason if it cannot. (A kernel that has rings but not this kind
 * of read answers each with EINVAL.) */
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

/* Waits for an answer of the ring. False: the ring is given up. */
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

/* Without a ring, or after it was given up: first takes what the ring has answered since, then
 * reads by pread what the kernel was not given, then looks again and again for what it still
 * has. */
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
