/* Reads that a disk answers in part, or not yet: what callers get is whole. The ring is one of this
 * test's own, so that it answers as it is told to, with the kernel's or without: the functions of
 * liburing that enter the kernel are wrapped, and so is pread (see CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/diskread.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

enum {
    DEPTH = 8,
    BYTES = 100 << 10, /* of the file */
    MOST = 4096,       /* of a read */
    READS = 400,
    GUARD = 0xee, /* in buffers before they are read to */
    ENTRIES = 64, /* of the ring */
};

static uint64_t seed;

/* How whoever reads is answered: one in so many times; 0: never. */
static struct {
    uint32_t partly;      /* some of the bytes */
    uint32_t again;       /* EAGAIN or EINTR, of a read */
    uint32_t interrupted; /* EINTR, of the call that waits */
} answers;
static uint32_t given; /* of those answers */

static bool happens(uint32_t one_in)
{
    const bool does = one_in > 0 && seed_below(&seed, one_in) == 0;
    given += does;
    return does;
}

/* ---- pread ---- */

ssize_t __real_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);

ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    if (happens(answers.again)) {
        errno = EINTR; /* a file that may block is not asked again by pread: EAGAIN is an error */
        return -1;
    }
    const size_t part =
        bytes > 1 && happens(answers.partly) ? 1 + seed_below(&seed, (uint32_t)bytes - 1) : bytes;
    return __real_pread(fd, buffer, part, offset);
}

/* ---- the ring ---- */

static struct {
    struct io_uring_sqe asked[ENTRIES];
    struct io_uring_sqe taken[ENTRIES]; /* and not answered yet */
    uint32_t taken_count;
    struct io_uring_cqe answered[ENTRIES];
    unsigned asked_head, asked_tail, answered_head, answered_tail, flags, mask, entries;
} ring_memory;

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
void __wrap_io_uring_queue_exit(struct io_uring *ring);
int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    assert_true(entries <= ENTRIES && flags == 0);
    memset(&ring_memory, 0, sizeof ring_memory);
    memset(ring, 0, sizeof *ring);
    ring_memory.mask = ENTRIES - 1;
    ring_memory.entries = ENTRIES;
    ring->ring_fd = -1;
    ring->sq = (struct io_uring_sq){.khead = &ring_memory.asked_head,
                                    .ktail = &ring_memory.asked_tail,
                                    .kflags = &ring_memory.flags,
                                    .kring_mask = &ring_memory.mask,
                                    .kring_entries = &ring_memory.entries,
                                    .sqes = ring_memory.asked,
                                    .ring_mask = ENTRIES - 1,
                                    .ring_entries = ENTRIES};
    ring->cq = (struct io_uring_cq){.khead = &ring_memory.answered_head,
                                    .ktail = &ring_memory.answered_tail,
                                    .kflags = &ring_memory.flags,
                                    .kring_mask = &ring_memory.mask,
                                    .kring_entries = &ring_memory.entries,
                                    .cqes = ring_memory.answered,
                                    .ring_mask = ENTRIES - 1,
                                    .ring_entries = ENTRIES};
    return 0;
}

void __wrap_io_uring_queue_exit(struct io_uring *ring)
{
    (void)ring;
}

static int32_t answer(const struct io_uring_sqe *read)
{
    uint32_t bytes = read->len;
    assert_int_equal(read->opcode, IORING_OP_READ);
    if (happens(answers.again)) {
        return seed_below(&seed, 2) == 0 ? -EAGAIN : -EINTR;
    }
    if (bytes > 1 && happens(answers.partly)) {
        bytes = 1 + seed_below(&seed, bytes - 1);
    }
    return (int32_t)__real_pread(read->fd, (void *)(uintptr_t)read->addr, bytes, (off_t)read->off);
}

/* Takes all that was asked. Returns how many that is. */
static unsigned take(struct io_uring *ring)
{
    const unsigned count = ring->sq.sqe_tail - ring->sq.sqe_head;
    for (; ring->sq.sqe_head != ring->sq.sqe_tail; ring->sq.sqe_head++) {
        assert_true(ring_memory.taken_count < ENTRIES);
        ring_memory.taken[ring_memory.taken_count++] =
            ring_memory.asked[ring->sq.sqe_head % ENTRIES];
    }
    ring_memory.asked_head = ring_memory.asked_tail = ring->sq.sqe_tail;
    return count;
}

/* Answers one of those taken, whichever. */
static void answer_one(void)
{
    const uint32_t i = seed_below(&seed, ring_memory.taken_count);
    const struct io_uring_sqe read = ring_memory.taken[i];
    ring_memory.taken[i] = ring_memory.taken[--ring_memory.taken_count];
    ring_memory.answered[ring_memory.answered_tail++ % ENTRIES] =
        (struct io_uring_cqe){.user_data = read.user_data, .res = answer(&read)};
}

int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    if (happens(answers.interrupted)) {
        return -EINTR;
    }
    const unsigned submitted = take(ring);
    while (ring_memory.taken_count > 0 &&
           (ring_memory.answered_tail - ring_memory.answered_head < count ||
            seed_below(&seed, 4) == 0)) {
        answer_one();
    }
    return (int)submitted;
}

/* ---- reads ---- */

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 251);
}

static int write_file(const char *path)
{
    static uint8_t bytes[BYTES];
    for (uint32_t i = 0; i < BYTES; i++) {
        bytes[i] = byte_at(i);
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, BYTES), BYTES);
    return fd;
}

typedef struct reads {
    diskread *disk;
    uint8_t buffers[DEPTH][MOST];
    diskread_range ranges[DEPTH];
} reads;

static void start_read(reads *r, uint32_t slot, int fd)
{
    memset(r->buffers[slot], GUARD, MOST);
    r->ranges[slot] = (diskread_range){.fd = fd,
                                       .buffer = r->buffers[slot],
                                       .bytes = 1 + seed_below(&seed, MOST),
                                       .offset = seed_below(&seed, BYTES)};
    diskread_start(r->disk, slot, &r->ranges[slot]);
}

/* Up to where the file ends, and not a byte more. */
static void expect_whole(const reads *r, const diskread_done *done)
{
    const diskread_range *range = &r->ranges[done->slot];
    const uint64_t left = BYTES - range->offset, wanted = range->bytes < left ? range->bytes : left;
    assert_int_equal(done->result, wanted);
    for (uint64_t i = 0; i < MOST; i++) {
        assert_int_equal(r->buffers[done->slot][i],
                         i < wanted ? byte_at(range->offset + i) : GUARD);
    }
}

/* Reads here and there, DEPTH at once; each slot that ends is used again. */
static void expect_all_whole(int fd, bool may_use_uring)
{
    static reads r;
    diskread_done done;
    given = 0;
    r.disk = diskread_create(DEPTH, may_use_uring);
    assert_non_null(r.disk);
    for (uint32_t slot = 0; slot < DEPTH; slot++) {
        start_read(&r, slot, fd);
    }
    for (uint32_t i = 0; i < READS; i++) {
        diskread_wait(r.disk, &done);
        expect_whole(&r, &done);
        start_read(&r, done.slot, fd);
    }
    for (uint32_t i = 0; i < DEPTH; i++) {
        diskread_wait(r.disk, &done);
        expect_whole(&r, &done);
    }
    diskread_destroy(r.disk);
}

static void short_and_interrupted_reads_are_finished(void **state)
{
    const int fd = write_file(scratch_path(*state, "bytes"));
    for (int uring = 0; uring < 2; uring++) {
        answers.partly = answers.again = answers.interrupted = 0;
        expect_all_whole(fd, uring);
        answers.partly = 3;
        expect_all_whole(fd, uring);
        assert_true(given > READS / 10);
        answers.partly = 0;
        answers.again = 3;
        expect_all_whole(fd, uring);
        assert_true(given > READS / 10);
        answers.partly = answers.interrupted = 3;
        expect_all_whole(fd, uring);
        assert_true(given > READS / 10);
    }
    close(fd);
}

int main(void)
{
    alarm(300); /* who waits for ever has lost an answer */
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_and_interrupted_reads_are_finished),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
