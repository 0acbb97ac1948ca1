/* test_ring.c: io_uring that the kernel refuses, or that errs: what was asked for is read all the
 * same, and everything ends. The two functions of liburing that may fail are wrapped (see
 * CMakeLists.txt). Where there is no io_uring anyway, as in a container, these are tests of pread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/diskread.h"
#include "engine/system/platform.h"
#include "engine/vt.h"
#include "tests/rigs/engine/fetch_rig.h"
#include "tests/rigs/engine/stream_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
    DEPTH = 8,
    BYTES = 100 << 10, /* of the file that the first tests read */
    READS = 200,
    PATIENCE_S = 60, /* until a test says that something never came */
};

/* ---- what the ring does wrong ---- */

typedef enum fault_kind {
    RING_GOOD = 0,
    RING_REFUSED,   /* at create */
    RING_ERRS,      /* before it takes what was submitted */
    RING_ERRS_LATE, /* after it took it */
    RING_SAYS_EINTR,
    RING_SLEEPS,       /* says that it has taken what it has not */
    RING_READS_NOTHING /* answers each read with EINVAL */
} fault_kind;

/* Relaxed where readers' threads look: a call more or less makes no difference. */
static atomic_int kind;
static atomic_int good_calls; /* before it begins */

int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __real_io_uring_submit_and_wait(struct io_uring *ring, unsigned count);
int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    return atomic_load_explicit(&kind, memory_order_relaxed) == RING_REFUSED
               ? -EPERM
               : __real_io_uring_queue_init(entries, ring, flags);
}

static int read_nothing(struct io_uring *ring, unsigned count)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    const int result = __real_io_uring_submit_and_wait(ring, count);
    io_uring_for_each_cqe(ring, head, cqe)
    {
        cqe->res = -EINVAL;
    }
    return result;
}

int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    if (atomic_fetch_sub_explicit(&good_calls, 1, memory_order_relaxed) > 0) {
        return __real_io_uring_submit_and_wait(ring, count);
    }
    switch (atomic_load_explicit(&kind, memory_order_relaxed)) {
    case RING_ERRS:
        return -EIO;
    case RING_ERRS_LATE:
        (void)__real_io_uring_submit_and_wait(ring, 0);
        return -EIO;
    case RING_SAYS_EINTR:
        return -EINTR;
    case RING_SLEEPS:
        return 0;
    case RING_READS_NOTHING:
        return read_nothing(ring, count);
    default:
        return __real_io_uring_submit_and_wait(ring, count);
    }
}

static void break_ring(fault_kind how, int after_calls)
{
    atomic_store_explicit(&kind, (int)how, memory_order_relaxed);
    atomic_store_explicit(&good_calls, after_calls, memory_order_relaxed);
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
    uint8_t buffers[DEPTH][4096];
    diskread_range ranges[DEPTH]; /* bytes == 0: free */
    uint64_t random;
    uint32_t on_way;
} reads;

static void start_read(reads *r, int fd)
{
    uint32_t slot = seed_below(&r->random, DEPTH);
    while (r->ranges[slot].bytes != 0) {
        slot = (slot + 1) % DEPTH;
    }
    r->ranges[slot] = (diskread_range){.fd = fd,
                                       .buffer = r->buffers[slot],
                                       .bytes = 1 + seed_below(&r->random, sizeof r->buffers[0]),
                                       .offset = seed_below(&r->random, BYTES)};
    diskread_start(r->disk, slot, &r->ranges[slot]);
    r->on_way++;
}

static void end_read(reads *r)
{
    diskread_done done;
    diskread_wait(r->disk, &done);
    assert_in_range(done.slot, 0, DEPTH - 1);
    diskread_range *range = &r->ranges[done.slot];
    assert_true(range->bytes != 0); /* each ends once */
    const uint64_t left = BYTES - range->offset;
    assert_int_equal(done.result, range->bytes < left ? range->bytes : left);
    for (int64_t i = 0; i < done.result; i++) {
        assert_int_equal(r->buffers[done.slot][i], byte_at(range->offset + (uint64_t)i));
    }
    range->bytes = 0;
    r->on_way--;
}

/* Reads here and there, up to DEPTH at once. Returns what the ring was given up for. */
static int read_all(int fd, fault_kind how, int after_calls, uint64_t random)
{
    reads *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->random = random;
    break_ring(how, after_calls);
    r->disk = diskread_create(DEPTH, true);
    assert_non_null(r->disk);
    for (uint32_t i = 0; i < READS; i++) {
        while (r->on_way < DEPTH && seed_below(&r->random, 4) != 0) {
            start_read(r, fd);
        }
        if (r->on_way > 0) {
            end_read(r);
        }
    }
    while (r->on_way > 0) {
        end_read(r);
    }
    const int error = diskread_ring_error(r->disk);
    assert_true(error == 0 || !diskread_has_ring(r->disk));
    diskread_destroy(r->disk);
    free(r);
    break_ring(RING_GOOD, 0);
    return error;
}

static bool is_ring_to_be_had(void)
{
    diskread *d = diskread_create(1, true);
    const bool has = diskread_has_ring(d);
    diskread_destroy(d);
    return has;
}

static void whatever_the_ring_does_all_is_read(void **state)
{
    enum { ANY = -1 }; /* the answers may be there before the call that errs */
    static const struct {
        fault_kind kind;
        int error;
    } CASES[] = {{RING_GOOD, 0},         {RING_REFUSED, 0},        {RING_ERRS, EIO},
                 {RING_ERRS_LATE, ANY},  {RING_SAYS_EINTR, EINTR}, {RING_SLEEPS, EIO},
                 {RING_READS_NOTHING, 0}};
    const int fd = write_file(scratch_path(*state, "bytes"));
    const bool ring = is_ring_to_be_had();
    uint64_t random = seed_of_run();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int after = 0; after < 20; after += 1 + after / 3) {
            const int error = read_all(fd, CASES[i].kind, after, seed_next(&random));
            assert_true(CASES[i].error == ANY || error == (ring ? CASES[i].error : 0));
        }
    }
    close(fd);
}

/* ---- the threads that read ---- */

static uint32_t threads_named(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    uint32_t count = 0;
    assert_non_null(tasks);
    for (const struct dirent *e = readdir(tasks); e != NULL; e = readdir(tasks)) {
        char path[300], its[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f != NULL) { /* else it has just ended */
            its[fread(its, 1, sizeof its - 1, f)] = '\0';
            fclose(f);
        }
        count += strncmp(its, name, strlen(name)) == 0 && its[strlen(name)] == '\n';
    }
    closedir(tasks);
    return count;
}

/* Threads name themselves: waits until there are so many. */
static void expect_readers(uint32_t wanted)
{
    const uint64_t until_ns = platform_now_ns() + PATIENCE_S * UINT64_C(1000000000);
    while (threads_named("fetch") != wanted) {
        assert_true(platform_now_ns() < until_ns);
        usleep(1000);
    }
}

static void read_some_pages(rig *r)
{
    for (uint16_t x = 0; x < 8; x++) {
        submit(r, (vt_page){1, 0, x, 0}, JOB_NO_TILE);
    }
    drain(r);
    assert_int_equal(r->ended_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(job_arrived(&r->ended[i]), 1);
    }
}

static void without_a_ring_there_are_as_many_readers_as_asked_for(void **state)
{
    vt_shape s;
    rig r;
    const char *path = write_world(*state, &s);
    break_ring(RING_REFUSED, 0);
    start(&r, path, 16 << 20, 3, AS_STORED);
    expect_readers(3);
    read_some_pages(&r);
    stop(&r);
    break_ring(RING_GOOD, 0);
}

static void with_a_ring_there_is_one_reader(void **state)
{
    vt_shape s;
    rig r;
    const char *path = write_world(*state, &s);
    start(&r, path, 16 << 20, 3, AS_STORED);
    expect_readers(is_ring_to_be_had() ? 1 : 3);
    read_some_pages(&r);
    assert_int_equal(fetch_ring_error(r.fetch), 0);
    stop(&r);
}

/* ---- the whole streamer ---- */

static bool is_told(vt *v)
{
    char line[256];
    bool told = false;
    while (vt_take_message(v, line, sizeof line)) {
        assert_false(told); /* once is enough */
        told = strstr(line, "io_uring: Input/output error") != NULL;
        assert_true(told);
    }
    return told;
}

static void a_ring_that_errs_is_told_of_and_the_world_is_drawn(void **state)
{
    static const rig_window CAMERA = {.lod = 0, .x = 600, .y = 500, .wide = 4, .high = 4};
    const char *path = scratch_path(*state, "drawn.mega");
    rig_write_world(path, &(rig_world){.width = 1200, .height = 1000, .formats = {VT_TEXEL_RGBA8}});
    const bool ring = is_ring_to_be_had();
    for (int after = 0; after < 4; after++) {
        break_ring(RING_ERRS, after);
        vt *v = rig_create(&(vt_desc){
            .path = path, .vram_budget_bytes = 16 * RIG_MIB, .ram_budget_bytes = 16 * RIG_MIB});
        assert_true(rig_settle(v, CAMERA, 2000) < 2000);
        rig_expect_sound(v);
        assert_int_equal(is_told(v), ring);
        vt_destroy(v);
    }
    break_ring(RING_GOOD, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_ring_does_all_is_read),
        cmocka_unit_test(without_a_ring_there_are_as_many_readers_as_asked_for),
        cmocka_unit_test(with_a_ring_there_is_one_reader),
        cmocka_unit_test(a_ring_that_errs_is_told_of_and_the_world_is_drawn),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
