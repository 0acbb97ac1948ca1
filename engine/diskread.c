/* diskread.c: see diskread.h. What the ring answers in part or not at all is finished by pread, so
 * that callers see whole reads. */
#include "engine/diskread.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

/* started: slots whose reads are on their way. Without a ring they are read by diskread_wait, in
 * the order in which they were started. */
struct diskread {
    bool uring;
    struct io_uring ring; /* when uring */
    uint32_t depth;
    uint32_t started;
    uint32_t queue[DISKREAD_MAX_DEPTH]; /* without a ring: slots, oldest first, a ring */
    uint32_t head;
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
    return d;
}

void diskread_destroy(diskread *d)
{
    if (d != NULL) {
        assert(d->started == 0);
        if (d->uring) {
            io_uring_queue_exit(&d->ring);
        }
        free(d);
    }
}

void diskread_start(diskread *d, uint32_t slot, const diskread_range *range)
{
    assert(slot < d->depth && d->started < d->depth);
    d->ranges[slot] = *range;
    if (d->uring) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&d->ring); /* there are as many as slots */
        io_uring_prep_read(sqe, range->fd, range->buffer, (unsigned)range->bytes, range->offset);
        io_uring_sqe_set_data64(sqe, slot); /* diskread_wait submits all that were started */
    } else {
        d->queue[(d->head + d->started) % d->depth] = slot;
    }
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

static void wait_for_ring(diskread *d, diskread_done *out)
{
    struct io_uring_cqe *cqe = NULL;
    while (io_uring_submit_and_wait(&d->ring, 1) < 0 || io_uring_peek_cqe(&d->ring, &cqe) != 0) {
        /* interrupted by a signal, or woken too early */
    }
    const int result = cqe->res;
    out->slot = (uint32_t)io_uring_cqe_get_data64(cqe);
    io_uring_cqe_seen(&d->ring, cqe);
    const diskread_range *range = &d->ranges[out->slot];
    const bool again = result == -EINTR || result == -EAGAIN;
    const bool partly = result > 0 && (size_t)result < range->bytes;
    out->result = again || partly ? read_rest(range, again ? 0 : (size_t)result) : result;
}

void diskread_wait(diskread *d, diskread_done *out)
{
    assert(d->started > 0);
    if (d->uring) {
        wait_for_ring(d, out);
    } else {
        out->slot = d->queue[d->head];
        d->head = (d->head + 1) % d->depth;
        out->result = read_rest(&d->ranges[out->slot], 0);
    }
    d->started--;
}
