/* Watching a file while others write it, in every way that editors and programs have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/view/window/watch.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void rest(double seconds)
{
    const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static bool look(watch *w)
{
    const bool changed = watch_changed(w);
    if (watch_check(w) != NULL) {
        fail_msg("%s", watch_check(w));
    }
    return changed;
}

/* Whether it changes; then it has not changed once more. The time only bounds a hang. */
static bool changes(watch *w)
{
    for (int i = 0; i < 30000; i++) {
        if (look(w)) {
            assert_false(look(w));
            return true;
        }
        rest(0.01);
    }
    return false;
}

static int open_for(const char *path, int flags)
{
    const int file = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    return file;
}

static void put(int file, const char *text)
{
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
}

static void write_file(const char *path, const char *text)
{
    const int file = open_for(path, O_TRUNC);
    put(file, text);
    close(file);
}

static void rename_over(const char *path, const char *text)
{
    char other[2 * SCRATCH_PATH_BYTES];
    snprintf(other, sizeof other, "%.*s.new", SCRATCH_PATH_BYTES, path);
    write_file(other, text);
    assert_int_equal(rename(other, path), 0);
}

static void link_to(const char *target, const char *path)
{
    char other[2 * SCRATCH_PATH_BYTES];
    snprintf(other, sizeof other, "%.*s.link", SCRATCH_PATH_BYTES, path);
    assert_int_equal(symlink(target, other), 0);
    assert_int_equal(rename(other, path), 0);
}

/* A fresh file in a folder of its own, so that no test sees another's events. */
static const char *fresh(void *state, const char *folder)
{
    char path[SCRATCH_PATH_BYTES / 2];
    snprintf(path, sizeof path, "%s/a.conf", folder);
    assert_int_equal(mkdir(scratch_path(state, folder), 0700), 0);
    write_file(scratch_path(state, path), "a");
    return scratch_path(state, path);
}

/* A watch that found no room for inotify. */
static watch *open_without_events(const char *path)
{
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    watch *w = watch_open(path);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    return w;
}

static void sees_writing_in_place_when_it_is_closed(void **state)
{
    const char *path = fresh(*state, "inplace");
    watch *w = watch_open(path);
    assert_false(look(w));
    write_file(path, "b");
    assert_true(changes(w));
    const int file = open_for(path, O_APPEND);
    put(file, "c");
    assert_false(look(w)); /* half of it */
    put(file, "d");
    assert_false(look(w));
    close(file);
    assert_true(changes(w));
    watch_close(w);
}

static void sees_a_rename_over_it(void **state)
{
    const char *path = fresh(*state, "rename");
    watch *w = watch_open(path);
    for (int i = 0; i < 3; i++) {
        rename_over(path, "b");
        assert_true(changes(w));
    }
    watch_close(w);
}

static void sees_it_come_but_not_go(void **state)
{
    const char *path = fresh(*state, "come");
    char other[2 * SCRATCH_PATH_BYTES];
    snprintf(other, sizeof other, "%s.old", path);
    watch *w = watch_open(path);
    assert_int_equal(rename(path, other), 0); /* as editors keep the old one */
    assert_false(look(w));
    const int file = open_for(path, O_EXCL);
    assert_false(look(w));
    close(file);
    assert_true(changes(w));
    unlink(path);
    assert_false(look(w));
    assert_int_equal(link(other, path), 0); /* nobody closes a link */
    assert_true(changes(w));
    watch_close(w);
}

static void other_files_do_not_count(void **state)
{
    const char *path = fresh(*state, "others");
    watch *w = watch_open(path);
    for (int i = 0; i < 100; i++) {
        char other[2 * SCRATCH_PATH_BYTES];
        snprintf(other, sizeof other, "%s%d", path, i % 7);
        if (i % 3 == 0) {
            unlink(other);
        } else if (i % 3 == 1) {
            write_file(other, "b");
        } else {
            rename_over(other, "b");
        }
        assert_false(look(w));
    }
    watch_close(w);
}

static void any_number_of_writes_between_looks_is_one(void **state)
{
    const char *path = fresh(*state, "many");
    char other[2 * SCRATCH_PATH_BYTES];
    snprintf(other, sizeof other, "%s.other", path);
    watch *w = watch_open(path);
    for (int i = 0; i < 9000; i++) { /* the queue holds 16384 events */
        close(open_for(other, 0));   /* to close it is enough, and spares the disk */
        close(open_for(path, 0));
    }
    assert_true(changes(w));
    write_file(path, "c");
    assert_true(changes(w));
    watch_close(w);
}

static void a_symlink_is_followed(void **state)
{
    const char *path = fresh(*state, "link");
    const char *target = fresh(*state, "target"), *second = fresh(*state, "second");
    link_to(target, path);
    watch *w = watch_open(path);
    write_file(target, "b");
    assert_true(changes(w));
    link_to(second, path);
    assert_true(changes(w));
    write_file(target, "c"); /* not ours any more */
    assert_false(look(w));
    rename_over(second, "d");
    assert_true(changes(w));
    rename_over(path, "e"); /* a file in the link's place */
    assert_true(changes(w));
    write_file(second, "f");
    assert_false(look(w));
    watch_close(w);
}

/* A folder as Kubernetes mounts settings: a.conf -> data/a.conf, data -> one -> two … */
static void a_link_on_the_way_may_be_swapped(void **state)
{
    (void)fresh(*state, "kube");
    (void)fresh(*state, "kube/one");
    (void)fresh(*state, "kube/two");
    link_to("one", scratch_path(*state, "kube/data"));
    link_to("data/a.conf", scratch_path(*state, "kube/a.conf"));
    watch *w = watch_open(scratch_path(*state, "kube/a.conf"));
    assert_false(look(w));
    link_to("two", scratch_path(*state, "kube/data"));
    assert_true(changes(w));
    unlink(scratch_path(*state, "kube/one/a.conf"));
    rmdir(scratch_path(*state, "kube/one"));
    assert_false(look(w));
    link_to("two", scratch_path(*state, "kube/elsewhere")); /* not on our way */
    assert_false(look(w));
    write_file(scratch_path(*state, "kube/two/a.conf"), "b");
    assert_true(changes(w));
    watch_close(w);
}

static void a_folder_may_be_absent_and_come(void **state)
{
    watch *w = watch_open(scratch_path(*state, "later/a.conf"));
    assert_non_null(w);
    assert_false(look(w));
    (void)fresh(*state, "later");
    assert_true(changes(w));
    watch_close(w);
}

static void a_folder_may_be_replaced(void **state)
{
    const char *path = fresh(*state, "swapped");
    watch *w = watch_open(path);
    assert_int_equal(rename(scratch_path(*state, "swapped"), scratch_path(*state, "put away")), 0);
    assert_false(look(w));
    (void)fresh(*state, "swapped");
    assert_true(changes(w));
    watch_close(w);
}

static void a_link_may_lead_nowhere_yet(void **state)
{
    const char *path = fresh(*state, "dangling");
    link_to(scratch_path(*state, "nowhere/a.conf"), path);
    watch *w = watch_open(path);
    assert_false(look(w));
    (void)fresh(*state, "nowhere");
    assert_true(changes(w));
    watch_close(w);
}

static void without_events_stamps_tell(void **state)
{
    const char *path = fresh(*state, "stamps");
    watch *w = open_without_events(path);
    assert_non_null(w);
    assert_false(look(w));
    rename_over(path, "b");
    assert_true(changes(w));
    unlink(path);
    const int file = open_for(path, O_EXCL);
    for (int i = 0; i < 16; i++) { /* as long as it grows */
        put(file, "longer");
        assert_false(look(w));
        rest(0.1);
    }
    close(file);
    assert_true(changes(w));
    watch_close(w);
}

static void random_doings_are_seen_each(void **state)
{
    uint64_t seed = seed_of_run();
    const char *path = fresh(*state, "random");
    char other[2 * SCRATCH_PATH_BYTES];
    snprintf(other, sizeof other, "%s.other", path);
    watch *w = watch_open(path);
    for (int i = 0; i < 2000; i++) {
        bool expected = false;
        for (uint32_t k = seed_below(&seed, 4); k > 0; k--) {
            const uint32_t what = seed_below(&seed, 6);
            expected = expected || what < 2;
            what == 0   ? write_file(path, "b")
            : what == 1 ? rename_over(path, "c")
            : what == 2 ? write_file(other, "d")
            : what == 3 ? rename_over(other, "e")
                        : (void)unlink(what == 4 ? path : other);
        }
        assert_true(expected ? changes(w) : !look(w));
    }
    watch_close(w);
}

static void nothing_is_no_change(void **state)
{
    (void)state;
    assert_false(watch_changed(NULL));
    watch_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_writing_in_place_when_it_is_closed),
        cmocka_unit_test(sees_a_rename_over_it),
        cmocka_unit_test(sees_it_come_but_not_go),
        cmocka_unit_test(other_files_do_not_count),
        cmocka_unit_test(any_number_of_writes_between_looks_is_one),
        cmocka_unit_test(a_symlink_is_followed),
        cmocka_unit_test(a_link_on_the_way_may_be_swapped),
        cmocka_unit_test(a_folder_may_be_absent_and_come),
        cmocka_unit_test(a_folder_may_be_replaced),
        cmocka_unit_test(a_link_may_lead_nowhere_yet),
        cmocka_unit_test(without_events_stamps_tell),
        cmocka_unit_test(random_doings_are_seen_each),
        cmocka_unit_test(nothing_is_no_change),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
