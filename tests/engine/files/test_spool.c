/* A spool against an array of bytes: whatever is appended, padded, flushed, read back and opened
 * again, the file is those bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/files/spool.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 6 << 20, PIECE = 300000 };

static uint8_t model[MOST], piece[PIECE];

/* The flushed file is the model's first `bytes`, and ends there. */
static void assert_file(const spool *s, const char *path, uint64_t bytes, uint64_t *seed)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, bytes);
    const uint64_t first = bytes > 0 ? seed_below(seed, (uint32_t)bytes) : 0;
    const size_t length = (size_t)seed_below(seed, (uint32_t)(bytes - first) + 1);
    uint8_t *room = spool_allocate(spool_room(length));
    const uint8_t *got = spool_read(s, first, length, room);
    assert_non_null(got);
    assert_memory_equal(got, model + first, length);
    free(room);
}

static void random_work_in(const char *path, uint64_t *seed)
{
    uint64_t bytes = 0;
    spool s;
    assert_true(spool_open(&s, open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), 0));
    for (int step = 0; step < 150 && bytes < MOST - PIECE - SPOOL_ALIGN; step++) {
        const uint32_t choice = seed_below(seed, 10);
        if (choice < 6) {
            const size_t length = seed_below(seed, seed_below(seed, 8) ? 5000 : PIECE);
            for (size_t i = 0; i < length; i++) {
                piece[i] = (uint8_t)seed_next(seed);
            }
            assert_true(spool_append(&s, piece, length));
            memcpy(model + bytes, piece, length);
            bytes += length;
        } else if (choice == 6) {
            const size_t align = (size_t)1 << seed_below(seed, 13);
            assert_true(spool_pad(&s, align));
            while (bytes % align != 0) {
                model[bytes++] = 0;
            }
        } else {
            assert_true(spool_flush(&s));
            assert_file(&s, path, bytes, seed);
        }
        if (choice == 9) { /* what another process left, and more than it had counted */
            spool_close(&s);
            bytes -= bytes > 0 ? seed_below(seed, bytes < 9000 ? (uint32_t)bytes : 9000) : 0;
            assert_true(spool_open(&s, open(path, O_RDWR), bytes));
        }
        assert_int_equal(s.bytes, bytes);
    }
    assert_true(spool_flush(&s));
    if (bytes >= 2 * SPOOL_ALIGN) {
        uint8_t *front = spool_allocate(2 * SPOOL_ALIGN);
        memset(front, 0x5a, 2 * SPOOL_ALIGN);
        memset(model, 0x5a, 2 * SPOOL_ALIGN);
        assert_true(spool_overwrite(&s, front, 2 * SPOOL_ALIGN));
        free(front);
    }
    for (int i = 0; i < 20; i++) {
        assert_file(&s, path, bytes, seed);
    }
    spool_close(&s);
    unlink(path);
}

static void random_work_on_the_disk_and_in_memory(void **state)
{
    uint64_t seed = seed_of_run();
    char in_memory[64];
    snprintf(in_memory, sizeof in_memory, "/dev/shm/megabuddy-spool-%ld", (long)getpid());
    for (int round = 0; round < 6; round++) {
        random_work_in(scratch_path(*state, "spool"), &seed);
        if (access("/dev/shm", W_OK) == 0) { /* no O_DIRECT there on older kernels */
            random_work_in(in_memory, &seed);
        }
    }
}

static void a_full_disk_is_an_error(void **state)
{
    struct rlimit before, limit;
    spool s;
    const char *path = scratch_path(*state, "full");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){3 << 20, before.rlim_max};
    assert_true(spool_open(&s, open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), 0));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool done = true;
    for (int i = 0; i < 20 && done; i++) {
        done = spool_append(&s, piece, PIECE);
    }
    done = done && spool_flush(&s);
    const int why = errno;
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(done);
    assert_true(why == EFBIG || why == ENOSPC);
    spool_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_on_the_disk_and_in_memory),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
