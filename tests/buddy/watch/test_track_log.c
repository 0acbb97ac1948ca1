/* The log of a track, whole and hostile; its report; the environment; a fork. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/fault.h"
#include "tests/rigs/buddy/track_rig.h"
#include "tests/rigs/seed.h"

static uint64_t seed;
static char addresses[256];

/* Writes a log of a few records and reads it. */
static uint8_t *small_log(void **state, size_t *bytes)
{
    const char *path = scratch_path(*state, "small.log");
    buddy_track *t = track_make((buddy_track_desc){.blocks = 10});
    buddy_track_alloc(t, addresses + 9, 5, NULL); /* before the log: left out, and so is its end */
    assert_true(buddy_track_log_open(t, path));
    assert_false(buddy_track_log_open(t, path));
    assert_int_equal(errno, EBUSY);
    buddy_track_alloc(t, addresses, 300, NULL);
    buddy_track_free(t, addresses + 9);
    buddy_track_realloc_end(t, buddy_track_realloc_begin(t, addresses), addresses + 1, SIZE_MAX,
                            NULL);
    buddy_track_free(t, addresses + 1);
    assert_int_equal(track_stats_of(t).log_records, 3);
    assert_true(buddy_track_log_close(t));
    buddy_track_destroy(t);
    return scratch_read(path, bytes);
}

static void a_log_tells_what_was_done(void **state)
{
    static const buddy_track_operation operations[] = {BUDDY_TRACK_OP_ALLOC, BUDDY_TRACK_OP_REALLOC,
                                                       BUDDY_TRACK_OP_FREE};
    static const uint64_t sizes[] = {300, SIZE_MAX, 0};
    size_t bytes = 0;
    buddy_track_log_reader r;
    buddy_track_event e, first;
    uint8_t *data = small_log(state, &bytes);
    assert_int_equal(buddy_track_log_begin(&r, data, bytes), BUDDY_TRACK_LOG_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(buddy_track_log_next(&r, &e), BUDDY_TRACK_LOG_OK);
        first = i == 0 ? e : first;
        assert_int_equal(e.operation, operations[i]);
        assert_int_equal(e.bytes, sizes[i]);
        assert_int_equal(e.block, first.block);
        assert_int_equal(e.thread, buddy_fault_thread());
    }
    assert_int_equal(buddy_track_log_next(&r, &e), BUDDY_TRACK_LOG_DONE);
    free(data);
}

static buddy_track_log_status read_all(const uint8_t *data, size_t bytes)
{
    buddy_track_log_reader r;
    buddy_track_event e;
    buddy_track_log_status status = buddy_track_log_begin(&r, data, bytes);
    while (status == BUDDY_TRACK_LOG_OK) {
        status = buddy_track_log_next(&r, &e);
    }
    return status;
}

static void a_log_cut_anywhere_is_not_whole(void **state)
{
    size_t bytes = 0;
    uint8_t *data = small_log(state, &bytes);
    assert_int_equal(read_all(data, bytes), BUDDY_TRACK_LOG_DONE);
    assert_int_equal(read_all(data, 0), BUDDY_TRACK_LOG_FOREIGN);
    for (size_t cut = 1; cut < bytes; cut++) {
        uint8_t *part = malloc(cut); /* of its own, so that a sanitizer sees who reads on */
        memcpy(part, data, cut);
        assert_int_equal(read_all(part, cut), BUDDY_TRACK_LOG_TRUNCATED);
        free(part);
    }
    data[bytes] = 0; /* scratch_read leaves room for one */
    assert_int_equal(read_all(data, bytes + 1), BUDDY_TRACK_LOG_BAD_END);
    free(data);
}

static void no_log_at_all_crashes_the_reader(void **state)
{
    uint64_t random = seed;
    size_t bytes = 0;
    uint8_t *data = small_log(state, &bytes);
    for (int i = 0; i < 20000; i++) {
        uint8_t *bad = malloc(bytes);
        memcpy(bad, data, bytes);
        for (uint32_t k = seed_below(&random, 4); k < 4; k++) {
            bad[seed_below(&random, (uint32_t)bytes)] = (uint8_t)seed_next(&random);
        }
        assert_int_not_equal(read_all(bad, bytes), BUDDY_TRACK_LOG_OK);
        free(bad);
    }
    free(data);
}

static void a_log_that_cannot_be_written_says_so(void **state)
{
    buddy_track *t = track_make((buddy_track_desc){.blocks = 10});
    assert_false(buddy_track_log_open(t, scratch_path(*state, "no/such/folder")));
    assert_int_equal(errno, ENOENT);
    assert_true(buddy_track_log_close(t));
    struct rlimit before, little = {100000, 0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_true(buddy_track_log_open(t, scratch_path(*state, "full.log")));
    for (int i = 0; i < 100000; i++) {
        buddy_track_alloc(t, addresses, 10, NULL);
        buddy_track_free(t, addresses);
    }
    bool closed = buddy_track_log_close(t);
    int reason = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(closed);
    assert_int_equal(reason, EFBIG);
    buddy_track_destroy(t);
}

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void expect_text(const char *path, const char *text)
{
    size_t bytes = 0;
    uint8_t *data = scratch_read(path, &bytes);
    assert_non_null(data);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(data, text, bytes);
    free(data);
}

/* Begins a log and a report of that name. Whether both could be written, and why not. */
static bool write_both(const char *path, int *reason)
{
    buddy_track *t = track_make((buddy_track_desc){.blocks = 10, .report = path});
    bool good = buddy_track_log_open(t, path);
    *reason = errno;
    good = buddy_track_end(t) && good;
    buddy_track_destroy(t);
    return good;
}

static void nothing_is_written_but_new_files(void **state)
{
    static const char text[] = "somebody's own\n";
    const char *target = scratch_path(*state, "target"), *name = scratch_path(*state, "name");
    int reason;
    write_text(target, text);
    assert_int_equal(symlink(target, name), 0);
    assert_false(write_both(name, &reason));
    assert_int_equal(reason, ELOOP);
    expect_text(target, text);
    assert_int_equal(unlink(name), 0);

    assert_int_equal(symlink(scratch_path(*state, "absent"), name), 0);
    assert_false(write_both(name, &reason));
    assert_int_equal(access(scratch_path(*state, "absent"), F_OK), -1);
    assert_int_equal(unlink(name), 0);

    assert_int_equal(mkfifo(name, 0600), 0); /* which nobody reads: to open it would be to wait */
    assert_false(write_both(name, &reason));
    assert_int_equal(reason, EOPNOTSUPP);
    assert_int_equal(unlink(name), 0);

    assert_int_equal(mkdir(name, 0700), 0);
    assert_false(write_both(name, &reason));
    assert_int_equal(reason, EISDIR);
    assert_int_equal(rmdir(name), 0);

    assert_int_equal(link(target, name), 0); /* another name of the same file */
    assert_true(write_both(name, &reason));
    expect_text(target, text);
    assert_true(write_both(name, &reason)); /* and once more, in the place of the last */
}

/* ---- report, environment, fork ---- */

static void the_report_names_what_is_left(void **state)
{
    const char *path = scratch_path(*state, "report.txt");
    size_t bytes = 0;
    buddy_track *t = track_make((buddy_track_desc){.blocks = 1000, .report = path, .sites = 20});
    const char *where = (const char *)(uintptr_t)getenv;
    buddy_track_alloc(t, addresses, 12345, where + 5);
    for (uint32_t i = 0; i < 100; i++) {
        buddy_track_alloc(t, addresses + 16 + i, 100, (const void *)(uintptr_t)(0x1000 + 16 * i));
        buddy_track_free(t, addresses + 16 + i);
    }
    assert_true(buddy_track_end(t));
    assert_true(buddy_track_end(t));
    buddy_track_destroy(t);
    char *text = (char *)scratch_read(path, &bytes);
    text[bytes] = '\0';
    assert_non_null(strstr(text, "12.1 KiB in 1 blocks"));
    assert_non_null(strstr(text, "101 allocs, 100 frees"));
    char *leaks = strstr(text, "leaks");
    assert_non_null(leaks);
    assert_non_null(strstr(leaks, "getenv+0x5"));
    free(text);
}

static void the_environment_makes_one_or_says_why_not(void **state)
{
    char error[BUDDY_TRACK_LINE], text[SCRATCH_PATH_BYTES + 32], name[32];
    static const char *const bad[] = {
        "frames=9",     "frames=0", "blocks=many",   "log=",       "nothing=1",
        "frames=1,log", "",         "/no/such/file", "sites=0x10", "log=/no/such/file"};
    unsetenv(BUDDY_TRACK_ENVIRONMENT);
    assert_null(buddy_track_from_environment(error));
    assert_string_equal(error, "");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv(BUDDY_TRACK_ENVIRONMENT, bad[i], 1);
        assert_null(buddy_track_from_environment(error));
        assert_true(strlen(error) > 0);
    }
    (void)snprintf(text, sizeof text, "log=%s,frames=2,blocks=10",
                   scratch_path(*state, "env-%p.log"));
    setenv(BUDDY_TRACK_ENVIRONMENT, text, 1);
    buddy_track *t = buddy_track_from_environment(error);
    unsetenv(BUDDY_TRACK_ENVIRONMENT);
    assert_string_equal(error, "");
    assert_non_null(t);
    buddy_track_destroy(t);
    (void)snprintf(name, sizeof name, "env-%ld.log", (long)getpid());
    track_expect_log(scratch_path(*state, name), 0);
}

static void a_forked_child_leaves_the_log_alone(void **state)
{
    const char *path = scratch_path(*state, "fork.log");
    buddy_track *t = track_make((buddy_track_desc){.blocks = 1000});
    assert_true(buddy_track_log_open(t, path));
    buddy_track_alloc(t, addresses, 10, NULL);
    buddy_track_before_fork(t);
    pid_t child = fork();
    buddy_track_after_fork(t, child == 0);
    if (child == 0) {
        buddy_track_free(t, addresses);
        buddy_track_alloc(t, addresses + 1, 10, NULL);
        bool good = buddy_track_check(t) == NULL && buddy_track_end(t);
        _exit(good ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    buddy_track_free(t, addresses);
    assert_true(buddy_track_log_close(t));
    buddy_track_destroy(t);
    track_expect_log(path, 0);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_tells_what_was_done),
        cmocka_unit_test(a_log_cut_anywhere_is_not_whole),
        cmocka_unit_test(no_log_at_all_crashes_the_reader),
        cmocka_unit_test(a_log_that_cannot_be_written_says_so),
        cmocka_unit_test(nothing_is_written_but_new_files),
        cmocka_unit_test(the_report_names_what_is_left),
        cmocka_unit_test(the_environment_makes_one_or_says_why_not),
        cmocka_unit_test(a_forked_child_leaves_the_log_alone),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
