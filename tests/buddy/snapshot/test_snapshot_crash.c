/* Saves that fail or die half-way: whatever happens, the file that was there before stays whole. */
#include "tests/rigs/buddy/snapshot_rig.h"
#include "tests/rigs/emulated.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define UNITS 40000u

static uint64_t seed;
static char part_path[PATH_MAX + 8];

static buddy_heap *make(void)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = UNITS * 64, .threads = 1});
    assert_non_null(h);
    return h;
}

/* A heap of which every word is `version`. */
static void fill_version(unsigned char *block, size_t bytes, uint64_t version)
{
    for (size_t at = 0; at < bytes; at += sizeof version) {
        memcpy(block + at, &version, sizeof version);
    }
}

/* The version in the file; every word of it must be the same. */
static uint64_t read_version(size_t bytes)
{
    buddy_heap *g = rig_open(NULL);
    const unsigned char *block = buddy_snapshot_root_of(g, "block");
    uint64_t first, word;
    memcpy(&first, block, sizeof first);
    for (size_t at = 0; at < bytes; at += sizeof word) {
        memcpy(&word, block + at, sizeof word);
        assert_int_equal(word, first);
    }
    buddy_heap_destroy(g);
    return first;
}

/* ---- killed ---- */

/* The child's part: `done` is shared memory. It goes when the parent does, stopped or not. */
static void save_for_ever(buddy_heap *h, unsigned char *block, size_t bytes, _Atomic uint64_t *done)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        _exit(1);
    }
    for (uint64_t version = 1;; version++) {
        fill_version(block, bytes, version);
        if (buddy_heap_save(h, rig_path, &(buddy_snapshot_root){"block", block}, 1) !=
            BUDDY_SNAPSHOT_OK) {
            _exit(1);
        }
        atomic_store(done, version);
    }
}

/* Stops the child; whether it stands in the middle of a save. Before its first was done, the half
 * file may be the one that the child before it left. */
static bool stopped_half_way(pid_t child, _Atomic uint64_t *done)
{
    int how;
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, &how, WUNTRACED), child);
    assert_true(WIFSTOPPED(how));
    return atomic_load(done) > 0 && rig_exists(part_path);
}

/* A child that is killed in the middle of a save, each time at another place. */
static void save_and_be_killed(buddy_heap *h, unsigned char *block, size_t bytes, uint64_t *random)
{
    static _Atomic uint64_t *done;
    if (done == NULL) {
        done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(done != MAP_FAILED);
    }
    atomic_store(done, 0);
    pid_t child = fork();
    if (child == 0) {
        save_for_ever(h, block, bytes, done);
    }
    while (!stopped_half_way(child, done)) {
        assert_int_equal(kill(child, SIGCONT), 0);
        usleep(seed_below(random, 3000));
    }
    int how;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
}

static void a_save_that_is_killed_leaves_a_whole_file(void **state)
{
    (void)state;
    const size_t bytes = 1 << 20;
    uint64_t random = seed;
    buddy_heap *h = make();
    unsigned char *block = buddy_heap_alloc(h, bytes);
    fill_version(block, bytes, 0);
    rig_save(h, &(buddy_snapshot_root){"block", block}, 1);
    const uint32_t rounds = is_emulated() ? 20 : 60;
    for (uint32_t round = 0; round < rounds; round++) {
        save_and_be_killed(h, block, bytes, &random);
        (void)read_version(bytes);
    }
    rig_save(h, &(buddy_snapshot_root){"block", block}, 1);
    assert_false(rig_exists(part_path)); /* what they left is not in the way */
    assert_int_equal(read_version(bytes), 0);
    buddy_heap_destroy(h);
}

/* ---- no room ---- */

static buddy_heap *big;
static buddy_snapshot_root big_root;
static rlim_t limit;

static int save_with_a_limit(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit}) != 0) {
        return 2;
    }
    errno = 0;
    buddy_snapshot_status status = buddy_heap_save(big, rig_path, &big_root, 1);
    return status == BUDDY_SNAPSHOT_IO && errno == EFBIG && !rig_exists(part_path) ? 0 : 1;
}

static void a_save_that_finds_no_room_leaves_the_old_file(void **state)
{
    (void)state;
    const size_t bytes = 1 << 20;
    big = make();
    unsigned char *block = buddy_heap_alloc(big, bytes);
    big_root = (buddy_snapshot_root){"block", block};
    fill_version(block, bytes, 77);
    rig_save(big, &big_root, 1);
    fill_version(block, bytes, 78);
    for (limit = 0; limit < bytes; limit += 100000) {
        assert_int_equal(rig_in_child(save_with_a_limit), 0);
        assert_int_equal(read_version(bytes), 77);
    }
    buddy_heap_destroy(big);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

/* Puts a disk of 512 KiB in the folder's place, for this process only: in name spaces of its own.
 * False where the system does not let us. */
static bool mount_small_disk(void)
{
    char user[40], group[40];
    (void)snprintf(user, sizeof user, "0 %u 1", (unsigned)getuid());
    (void)snprintf(group, sizeof group, "0 %u 1", (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", user) &&
           write_text("/proc/self/gid_map", group) &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", rig_folder, "tmpfs", 0, "size=512k") == 0;
}

/* 0: as it should be; 77: this system lets us mount nothing. */
static int save_to_a_full_disk(void)
{
    if (!mount_small_disk()) {
        return 77;
    }
    errno = 0;
    buddy_snapshot_status status = buddy_heap_save(big, rig_path, &big_root, 1);
    bool told = status == BUDDY_SNAPSHOT_IO && errno == ENOSPC;
    return told && !rig_exists(part_path) && !rig_exists(rig_path) ? 0 : 1;
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    big = make();
    unsigned char *block = buddy_heap_alloc(big, 1 << 20);
    fill_version(block, 1 << 20, 5);
    big_root = (buddy_snapshot_root){"block", block};
    int code = rig_in_child(save_to_a_full_disk);
    buddy_heap_destroy(big);
    if (code == 77) {
        skip();
    }
    assert_int_equal(code, 0);
}

/* ---- what stands in the way ---- */

static void expect_save(const char *path, buddy_snapshot_status wanted)
{
    buddy_heap *h = make();
    rig_expect(buddy_heap_save(h, path, NULL, 0), wanted);
    rig_check(h);
    buddy_heap_destroy(h);
}

static void what_is_no_plain_file_stays(void **state)
{
    (void)state;
    expect_save("/dev/full", BUDDY_SNAPSHOT_NOT_PLAIN);
    expect_save(rig_folder, BUDDY_SNAPSHOT_NOT_PLAIN);
    char victim[PATH_MAX + 8];
    (void)snprintf(victim, sizeof victim, "%s.victim", rig_path);
    int fd = open(victim, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "whole", 5), 5);
    assert_int_equal(symlink(victim, part_path), 0);
    expect_save(rig_path, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(unlink(part_path), 0);
    assert_int_equal(symlink("/dev/full", part_path), 0);
    expect_save(rig_path, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(unlink(part_path), 0);
    assert_int_equal(mkfifo(part_path, 0600), 0);
    expect_save(rig_path, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(unlink(part_path), 0);
    assert_int_equal(link(victim, part_path), 0); /* another name of a file that is somebody's */
    expect_save(rig_path, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(unlink(part_path), 0);
    struct stat info;
    if (geteuid() == 0) { /* another user's; who is not root cannot make one */
        close(open(part_path, O_CREAT | O_WRONLY, 0666));
        assert_int_equal(chown(part_path, 1, 1), 0);
        expect_save(rig_path, BUDDY_SNAPSHOT_NOT_PLAIN);
        assert_int_equal(unlink(part_path), 0);
    }
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 5);
    close(fd);
    assert_int_equal(unlink(victim), 0);
}

static void paths_that_cannot_be_are_told(void **state)
{
    (void)state;
    static char endless[2 * PATH_MAX];
    memset(endless, 'x', sizeof endless - 1);
    expect_save(endless, BUDDY_SNAPSHOT_IO);
    expect_save("/nowhere/at/all", BUDDY_SNAPSHOT_IO);
    assert_int_equal(errno, ENOENT);
    expect_save("", BUDDY_SNAPSHOT_IO);
}

static void two_saves_to_one_path_do_not_mix(void **state)
{
    (void)state;
    int fd = open(part_path, O_CREAT | O_RDWR, 0600); /* as a save that is under way */
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(write(fd, "half", 4), 4);
    expect_save(rig_path, BUDDY_SNAPSHOT_BUSY);
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(info.st_nlink, 1);
    close(fd);
    expect_save(rig_path, BUDDY_SNAPSHOT_OK);
}

/* Stands for the C library's: it lets something happen just before. */
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

/* Another save is done: what we have just opened as PATH.part is PATH now. */
static void another_save_ends(void)
{
    assert_int_equal(rename(part_path, rig_path), 0);
}

static void a_save_that_ends_between_open_and_lock_is_not_written_over(void **state)
{
    (void)state;
    int fd = open(part_path, O_CREAT | O_RDWR, 0600);
    assert_int_equal(write(fd, "theirs", 6), 6);
    before_lock = another_save_ends;
    expect_save(rig_path, BUDDY_SNAPSHOT_OK);
    assert_null(before_lock);
    struct stat info; /* the file that was theirs is whole, whoever still has it open */
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 6);
    close(fd);
    buddy_heap_destroy(rig_open(NULL));
}

static int save_often(void)
{
    buddy_heap *h = make();
    void *block = buddy_heap_alloc(h, 300000);
    fill_version(block, 300000, (uint64_t)getpid());
    for (uint32_t i = 0; i < 40; i++) {
        buddy_snapshot_status status =
            buddy_heap_save(h, rig_path, &(buddy_snapshot_root){"block", block}, 1);
        if (status != BUDDY_SNAPSHOT_OK && status != BUDDY_SNAPSHOT_BUSY) {
            return 1;
        }
    }
    return 0;
}

static void processes_that_save_at_once_leave_one_whole_file(void **state)
{
    (void)state;
    pid_t children[3];
    for (uint32_t i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(save_often());
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        int how;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_int_equal(how, 0);
    }
    (void)read_version(300000 / 8 * 8);
    assert_false(rig_exists(part_path));
}

/* ---- roots that cannot be saved ---- */

static void impossible_roots_are_refused_and_the_old_file_stays(void **state)
{
    (void)state;
    buddy_heap *h = make();
    unsigned char *block = buddy_heap_alloc(h, 100), *freed = buddy_heap_alloc(h, 1 << 16);
    assert_int_equal(buddy_heap_free(h, freed), BUDDY_HEAP_OK);
    fill_version(block, 96, 3);
    rig_save(h, &(buddy_snapshot_root){"block", block}, 1);
    char name[BUDDY_SNAPSHOT_NAME_BYTES + 1] = {0};
    memset(name, 'n', BUDDY_SNAPSHOT_NAME_BYTES);
    const buddy_snapshot_root bad[] = {{"", block},     {NULL, block}, {name, block},
                                       {"a", freed},    {"b", &h},     {"c", block + 128},
                                       {"d", block - 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rig_expect(buddy_heap_save(h, rig_path, &bad[i], 1), BUDDY_SNAPSHOT_BAD_ROOT);
    }
    const buddy_snapshot_root twice[] = {{"x", block}, {"y", block}, {"x", NULL}};
    rig_expect(buddy_heap_save(h, rig_path, twice, 3), BUDDY_SNAPSHOT_BAD_ROOT);
    rig_expect(buddy_heap_save(h, rig_path, twice, BUDDY_SNAPSHOT_ROOTS_MOST + 1),
               BUDDY_SNAPSHOT_BAD_ROOT);
    assert_false(rig_exists(part_path));
    assert_int_equal(read_version(96), 3);
    name[BUDDY_SNAPSHOT_NAME_BYTES - 1] = 0; /* the longest */
    const buddy_snapshot_root good[] = {{name, block + 99}, {"y", block}, {"x", block}};
    rig_save(h, good, 3);
    buddy_heap *g = rig_open(NULL);
    assert_int_equal(buddy_snapshot_offset(g, buddy_snapshot_root_of(g, name)),
                     buddy_snapshot_offset(h, block + 99));
    assert_non_null(buddy_snapshot_root_of(g, "x"));
    assert_non_null(buddy_snapshot_root_of(g, "y"));
    assert_null(buddy_snapshot_root_of(g, "z"));
    buddy_heap_destroy(g);
    buddy_heap_destroy(h);
}

static int begin(void **state)
{
    int code = rig_begin(state);
    (void)snprintf(part_path, sizeof part_path, "%s.part", rig_path);
    return code;
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_save_that_is_killed_leaves_a_whole_file),
        cmocka_unit_test(a_save_that_finds_no_room_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(what_is_no_plain_file_stays),
        cmocka_unit_test(paths_that_cannot_be_are_told),
        cmocka_unit_test(two_saves_to_one_path_do_not_mix),
        cmocka_unit_test(a_save_that_ends_between_open_and_lock_is_not_written_over),
        cmocka_unit_test(processes_that_save_at_once_leave_one_whole_file),
        cmocka_unit_test(impossible_roots_are_refused_and_the_old_file_stays),
    };
    return cmocka_run_group_tests(tests, begin, rig_end);
}
