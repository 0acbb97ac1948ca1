/* test_writers.c: all that writes a file whole or not at all, held against what may stand in its
 * way: nothing is written through a link, nothing waits for a pipe, and a full disk leaves the old
 * file. One table of writers, one test a danger; then what replace.h alone promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/files/replace.h"
#include "tests/rigs/full_disk.h"
#include "tests/rigs/scratch.h"
#include "tools/bench/results.h"
#include "tools/picture/picture.h"
#include "tools/view/recorder.h"
#include "tools/view/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PART ".megabuddy-part"

#define PATIENCE_SECONDS 60 /* who waits for a pipe is ended, and the test fails */

/* ---- who writes ---- */

static bool write_plain(const char *folder, const char *name)
{
    return replace_write(scratch_path(folder, name), "new", 3);
}

static bool write_picture(const char *folder, const char *name)
{
    static const uint8_t rgba[4 * 16 * 16];
    return picture_write_png(scratch_path(folder, name), 16, 16, rgba);
}

static bool write_csv(const char *folder, const char *name)
{
    const bench_table table = {0};
    return bench_csv_write(scratch_path(folder, name), &table);
}

static bool write_report(const char *folder, const char *name)
{
    const report r = {.world = "w.mega", .path = "", .renderer = "a card"};
    const char *file;
    const bool good = report_write(&r, folder, &file);
    return good || strcmp(file, name) != 0;
}

static bool write_path(const char *folder, const char *name)
{
    char error[512];
    const camera at = {0, 10, 0, 0, 0};
    recorder *r = recorder_create(0);
    assert_true(recorder_add(r, 0, &at, false));
    const bool good = recorder_write(r, scratch_path(folder, name), "w.mega", error, sizeof error);
    recorder_destroy(r);
    return good;
}

/* Writes the file, false where it could not be written. */
static const struct writer {
    const char *name;
    bool (*write)(const char *folder, const char *name);
} WRITERS[] = {
    {"plain.txt", write_plain},    {"picture.png", write_picture}, {"figures.csv", write_csv},
    {"report.json", write_report}, {"report.html", write_report},  {"flight.path", write_path},
};

#define WRITER_COUNT ((int)(sizeof WRITERS / sizeof WRITERS[0]))

/* ---- what stands there ---- */

static const char *part_of(const char *folder, const char *name)
{
    char part[64];
    (void)snprintf(part, sizeof part, "%s" PART, name);
    return scratch_path(folder, part);
}

static void put(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void expect_text(const char *path, const char *text)
{
    size_t bytes = 0;
    uint8_t *is = scratch_read(path, &bytes);
    assert_non_null(is);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(is, text, bytes);
    free(is);
}

static void expect_new(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode) && st.st_size > 0);
    size_t bytes = 0;
    uint8_t *is = scratch_read(path, &bytes);
    assert_non_null(is);
    assert_true(bytes != 3 || memcmp(is, "old", 3) != 0);
    free(is);
}

static int begin(void **state)
{
    (void)alarm(PATIENCE_SECONDS);
    return scratch_make(state);
}

static int end(void **state)
{
    (void)alarm(0);
    return scratch_remove(state);
}

/* ---- the dangers ---- */

static void old_files_are_replaced_and_nothing_is_left(void **state)
{
    for (int i = 0; i < WRITER_COUNT; i++) {
        const char *path = scratch_path(*state, WRITERS[i].name);
        put(path, "old");
        assert_true(WRITERS[i].write(*state, WRITERS[i].name));
        expect_new(path);
        assert_int_not_equal(access(part_of(*state, WRITERS[i].name), F_OK), 0);
    }
}

static void a_link_at_the_temporary_name_is_not_written_through(void **state)
{
    char victim[SCRATCH_PATH_BYTES]; /* scratch_path's own lasts for few calls */
    (void)snprintf(victim, sizeof victim, "%s/victim", (const char *)*state);
    put(victim, "precious");
    for (int i = 0; i < WRITER_COUNT; i++) {
        const char *path = scratch_path(*state, WRITERS[i].name);
        const char *part = part_of(*state, WRITERS[i].name);
        put(path, "old");
        assert_int_equal(symlink(victim, part), 0);
        assert_false(WRITERS[i].write(*state, WRITERS[i].name));
        assert_int_equal(unlink(part), 0);
        assert_int_equal(link(victim, part), 0); /* nor through a hard one */
        assert_false(WRITERS[i].write(*state, WRITERS[i].name));
        assert_int_equal(unlink(part), 0);
        expect_text(path, "old");
        expect_text(victim, "precious");
    }
}

static void pipes_are_not_waited_for(void **state)
{
    for (int i = 0; i < WRITER_COUNT; i++) {
        const char *path = scratch_path(*state, WRITERS[i].name);
        const char *part = part_of(*state, WRITERS[i].name);
        struct stat st;
        put(path, "old");
        assert_int_equal(mkfifo(part, 0600), 0);
        assert_false(WRITERS[i].write(*state, WRITERS[i].name));
        expect_text(path, "old");
        assert_int_equal(unlink(part), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_false(WRITERS[i].write(*state, WRITERS[i].name));
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISFIFO(st.st_mode));
        assert_int_equal(unlink(path), 0);
    }
}

static void a_full_disk_leaves_the_old_file_and_nothing_else(void **state)
{
    for (int i = 0; i < WRITER_COUNT; i++) {
        const char *path = scratch_path(*state, WRITERS[i].name);
        put(path, "old");
        const int before = scratch_count(*state);
        assert_int_equal(full_disk_begin(2), 0);
        const bool written = WRITERS[i].write(*state, WRITERS[i].name);
        assert_int_equal(full_disk_end(), 0);
        /* report.json is the first of its two, and the second is not tried */
        if (strcmp(WRITERS[i].name, "report.html") != 0) {
            assert_false(written);
        }
        expect_text(path, "old");
        assert_int_equal(scratch_count(*state), before);
    }
}

static void the_rest_of_a_killed_run_goes(void **state)
{
    for (int i = 0; i < WRITER_COUNT; i++) {
        put(part_of(*state, WRITERS[i].name), "half");
        assert_true(WRITERS[i].write(*state, WRITERS[i].name));
        expect_new(scratch_path(*state, WRITERS[i].name));
        assert_int_not_equal(access(part_of(*state, WRITERS[i].name), F_OK), 0);
    }
}

static void a_link_as_the_name_stays_and_leads_to_the_new_file(void **state)
{
    const char *other = scratch_path(*state, "other");
    assert_int_equal(mkdir(other, 0700), 0);
    for (int i = 0; i < WRITER_COUNT; i++) {
        char to[64];
        struct stat st;
        (void)snprintf(to, sizeof to, "other/%s", WRITERS[i].name);
        (void)unlink(scratch_path(*state, WRITERS[i].name)); /* a report has written both */
        /* there is nothing at its end yet */
        assert_int_equal(symlink(to, scratch_path(*state, WRITERS[i].name)), 0);
        for (int round = 0; round < 2; round++) {
            assert_true(WRITERS[i].write(*state, WRITERS[i].name));
            assert_int_equal(lstat(scratch_path(*state, WRITERS[i].name), &st), 0);
            assert_true(S_ISLNK(st.st_mode));
            expect_new(scratch_path(*state, to));
            assert_int_not_equal(access(part_of(*state, WRITERS[i].name), F_OK), 0);
        }
    }
}

/* ---- replace.h alone ---- */

static void two_at_once_are_told(void **state)
{
    const char *path = scratch_path(*state, "both");
    replacement *first = replace_begin(&(replace_desc){.path = path});
    assert_non_null(first);
    assert_null(replace_begin(&(replace_desc){.path = path}));
    assert_int_equal(errno, EBUSY);
    assert_int_equal(write(replace_fd(first), "first", 5), 5);
    assert_true(replace_commit(first));
    expect_text(path, "first");
    assert_true(replace_write(path, "second", 6));
    expect_text(path, "second");
}

/* Stands for the C library's: another run does something just before. */
static void (*before_lock)(void);

int flock(int fd, int operation)
{
    void (*happens)(void) = before_lock;
    before_lock = NULL;
    if (happens != NULL) {
        happens();
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static const char *raced_part;

static void another_run_takes_it_for_a_rest(void)
{
    assert_int_equal(unlink(raced_part), 0);
    put(raced_part, "theirs");
}

static void who_loses_the_name_before_the_lock_is_told(void **state)
{
    const char *path = scratch_path(*state, "raced");
    raced_part = part_of(*state, "raced");
    before_lock = another_run_takes_it_for_a_rest;
    assert_null(replace_begin(&(replace_desc){.path = path}));
    assert_int_equal(errno, EBUSY);
    assert_null(before_lock);
    expect_text(raced_part, "theirs");
    assert_int_not_equal(access(path, F_OK), 0);
}

static void permissions_are_the_old_files(void **state)
{
    const char *path = scratch_path(*state, "mine");
    struct stat st;
    const mode_t before = umask(022);
    assert_true(replace_write(path, "a", 1));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(chmod(path, 0660), 0);
    assert_true(replace_write(path, "b", 1));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    umask(before);
}

static bool is_x(int fd)
{
    char c = 0;
    return read(fd, &c, 1) == 1 && c == 'x';
}

static void what_may_not_go_stays(void **state)
{
    const char *path = scratch_path(*state, "choosy");
    const replace_desc desc = {.path = path, .may_go = is_x};
    replacement *r = replace_begin(&desc);
    assert_non_null(r);
    assert_int_equal(write(replace_fd(r), "xa", 2), 2);
    assert_true(replace_commit(r));
    r = replace_begin(&desc); /* over one of its own */
    assert_non_null(r);
    assert_int_equal(write(replace_fd(r), "xb", 2), 2);
    put(path, "precious"); /* it has come in between */
    assert_false(replace_commit(r));
    assert_int_equal(errno, EMEDIUMTYPE);
    expect_text(path, "precious");
    assert_null(replace_begin(&desc));
    assert_int_equal(errno, EMEDIUMTYPE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(scratch_count(*state), 0);
}

static const char *looked_at; /* NULL: nothing happens */

/* As is_x, and no sooner has it looked than another program writes there. */
static bool is_x_for_now(int fd)
{
    const bool goes = is_x(fd);
    if (goes && looked_at != NULL) {
        put(part_of(looked_at, "theirs"), "precious");
        assert_int_equal(rename(part_of(looked_at, "theirs"), scratch_path(looked_at, "choosy")),
                         0);
        looked_at = NULL;
    }
    return goes;
}

static bool can_exchange(const char *folder)
{
    const char *one = scratch_path(folder, "one"), *two = scratch_path(folder, "two");
    put(one, "1");
    put(two, "2");
    const bool can = renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE) == 0;
    assert_int_equal(unlink(one), 0);
    assert_int_equal(unlink(two), 0);
    return can;
}

static void what_comes_after_the_look_stays(void **state)
{
    const char *path = scratch_path(*state, "choosy");
    if (!can_exchange(*state)) {
        skip();
    }
    put(path, "xa");
    replacement *r = replace_begin(&(replace_desc){.path = path, .may_go = is_x_for_now});
    assert_non_null(r);
    assert_int_equal(write(replace_fd(r), "xb", 2), 2);
    looked_at = *state;
    assert_false(replace_commit(r));
    assert_int_equal(errno, EMEDIUMTYPE);
    assert_null(looked_at);
    expect_text(path, "precious");
    assert_int_equal(scratch_count(*state), 1);
}

static void a_folder_that_cannot_be_synchronised_is_told(void **state)
{
    const char *path = scratch_path(*state, "unsure");
    struct rlimit before, none;
    replacement *r = replace_begin(&(replace_desc){.path = path});
    assert_non_null(r);
    assert_int_equal(write(replace_fd(r), "new", 3), 3);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool lasts = replace_commit(r);
    const int why = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(lasts);
    assert_int_equal(why, EMFILE);
    expect_text(path, "new");
}

static void errors_of_the_stream_are_kept(void **state)
{
    const char *path = scratch_path(*state, "long");
    static const char BYTES[100000];
    replacement *r = replace_begin(&(replace_desc){.path = path});
    assert_non_null(r);
    assert_int_equal(full_disk_begin(50000), 0);
    (void)fwrite(BYTES, 1, sizeof BYTES, replace_stream(r));
    assert_int_equal(full_disk_end(), 0);
    (void)fputs("there is room again", replace_stream(r));
    errno = 0;
    assert_false(replace_commit(r));
    assert_int_equal(errno, EFBIG);
    assert_int_equal(scratch_count(*state), 0);
    replace_drop(NULL);
}

static void names_that_are_none_are_refused(void **state)
{
    char error[512];
    assert_false(replace_write(*state, "", 0));
    assert_int_equal(errno, EISDIR);
    (void)snprintf(error, sizeof error, "%s/", (const char *)*state);
    assert_false(replace_write(error, "", 0));
    assert_int_equal(errno, EISDIR);
    assert_false(replace_write("", "", 0));
    assert_int_equal(errno, ENOENT);
    assert_false(replace_write(scratch_path(*state, "no/such"), "", 0));
    assert_int_equal(errno, ENOENT);
    const char *loop = scratch_path(*state, "loop");
    assert_int_equal(symlink("loop", loop), 0);
    assert_false(replace_write(loop, "", 0));
    assert_int_equal(errno, ELOOP);
    assert_int_equal(scratch_count(*state), 1);
}

/* ---- reading ---- */

static void only_regular_files_are_read(void **state)
{
    char why[128];
    size_t bytes = 0;
    const char *pipe_name = scratch_path(*state, "pipe"), *empty = scratch_path(*state, "empty"),
               *text = scratch_path(*state, "text"), *link_name = scratch_path(*state, "link");
    assert_int_equal(mkfifo(pipe_name, 0600), 0);
    put(empty, "");
    put(text, "0123456789");
    assert_int_equal(symlink("text", link_name), 0);
    assert_int_equal(regular_fd(pipe_name, NULL), -1);
    assert_string_equal(file_text(errno), "is not a regular file");
    assert_int_equal(regular_fd("/dev/zero", NULL), -1);
    assert_string_equal(file_text(errno), "is not a regular file");
    assert_int_equal(regular_fd(*state, NULL), -1);
    assert_string_equal(file_text(errno), "is a directory");
    assert_int_equal(regular_fd_at(AT_FDCWD, link_name, NULL), -1);
    assert_int_equal(errno, ELOOP);
    assert_null(regular_open(empty, why, sizeof why));
    assert_string_equal(why, "is empty");
    char *all = regular_read(link_name, 10, &bytes);
    assert_non_null(all);
    assert_int_equal(bytes, 10);
    assert_string_equal(all, "0123456789");
    free(all);
    assert_null(regular_read(text, 9, &bytes));
    assert_int_equal(errno, EFBIG);
    all = regular_read(empty, 0, &bytes);
    assert_non_null(all);
    assert_int_equal(bytes, 0);
    free(all);
}

static void what_is_read_waits_as_files_do(void **state)
{
    const char *text = scratch_path(*state, "flags");
    put(text, "x");
    const int fd = regular_fd(text, NULL);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(fd);
}

#define IN_ITS_OWN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ITS_OWN_FOLDER(old_files_are_replaced_and_nothing_is_left),
        IN_ITS_OWN_FOLDER(a_link_at_the_temporary_name_is_not_written_through),
        IN_ITS_OWN_FOLDER(pipes_are_not_waited_for),
        IN_ITS_OWN_FOLDER(a_full_disk_leaves_the_old_file_and_nothing_else),
        IN_ITS_OWN_FOLDER(the_rest_of_a_killed_run_goes),
        IN_ITS_OWN_FOLDER(a_link_as_the_name_stays_and_leads_to_the_new_file),
        IN_ITS_OWN_FOLDER(two_at_once_are_told),
        IN_ITS_OWN_FOLDER(who_loses_the_name_before_the_lock_is_told),
        IN_ITS_OWN_FOLDER(permissions_are_the_old_files),
        IN_ITS_OWN_FOLDER(what_may_not_go_stays),
        IN_ITS_OWN_FOLDER(what_comes_after_the_look_stays),
        IN_ITS_OWN_FOLDER(a_folder_that_cannot_be_synchronised_is_told),
        IN_ITS_OWN_FOLDER(errors_of_the_stream_are_kept),
        IN_ITS_OWN_FOLDER(names_that_are_none_are_refused),
        IN_ITS_OWN_FOLDER(only_regular_files_are_read),
        IN_ITS_OWN_FOLDER(what_is_read_waits_as_files_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
