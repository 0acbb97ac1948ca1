/* test_ramstore.c: the RAM tier put into a file and taken from it: the same pages in the same
 * order, nothing that is not what it was, and any file whatever is refused or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/conductor/ramstore.h"
#include "engine/page/crc32c.h"
#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/full_disk.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20, HOSTILE_ROUNDS = 400 };

static pagefile *worlds[2];

static int make_worlds(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const char *path = scratch_path(*state, i ? "b.mega" : "a.mega");
        rig_write_world(path, &(rig_world){600 + 200 * i, 500, 4, {VT_TEXEL_BC1}});
        if (pagefile_open(path, &worlds[i]) != PAGEFILE_OK) {
            return -1;
        }
    }
    return 0;
}

static int close_worlds(void **state)
{
    pagefile_close(worlds[0]);
    pagefile_close(worlds[1]);
    return scratch_remove(state);
}

static ramstore_world world_of(uint32_t i)
{
    static const pagefile *files[2][1];
    files[i][0] = worlds[i];
    return (ramstore_world){files[i], 1};
}

static const ramtier_desc DESC = {.budget_bytes = 2 * MIB, .sync = VT_SYNC_LOCKFREE};

static uint32_t id_of(uint32_t index)
{
    return page_pack((vt_page){1, (uint8_t)(index % 5), (uint16_t)(index / 5), 3});
}

static uint8_t byte_of(uint32_t index, uint32_t at)
{
    return (uint8_t)((at * 2654435761u + index * 40503u) >> 13);
}

/* Pages of every size, inserted in order; the tier forgets the first ones by itself. */
static ramtier *fill(uint32_t pages)
{
    static uint8_t data[TEXEL_PAGE_MAX_BYTES];
    ramtier *rt = ramtier_create(&DESC);
    assert_non_null(rt);
    for (uint32_t i = 0; i < pages; i++) {
        const ramtier_layer layer = {1 + i * 7919 % 9000, PAGE_LZ4};
        ramtier_blob blob;
        for (uint32_t k = 0; k < layer.bytes; k++) {
            data[k] = byte_of(i, k);
        }
        assert_true(ramtier_insert(rt, id_of(i), 1, &layer, data, &blob));
        ramtier_unpin(rt, &blob);
    }
    return rt;
}

/* Whether a page that is held is what was put in; unpinned again. */
static bool is_right(ramtier *rt, uint32_t index)
{
    ramtier_blob blob;
    if (!ramtier_pin(rt, id_of(index), &blob)) {
        return false;
    }
    bool right = blob.layer_count == 1 && blob.bytes == 1 + index * 7919 % 9000;
    uint32_t at = 0;
    for (uint32_t i = 0; i < blob.piece_count; i++) {
        for (uint32_t k = 0; k < blob.pieces[i].bytes; k++, at++) {
            right = right && blob.pieces[i].data[k] == byte_of(index, at);
        }
    }
    ramtier_unpin(rt, &blob);
    return right;
}

static void save(ramtier *rt, const char *path)
{
    uint32_t ids[] = {id_of(7), id_of(3)};
    const ramstore_resident resident = {ids, 2};
    const ramstore_world world = world_of(0);
    assert_true(ramstore_save(rt, &world, &resident, path));
}

static ramstore_status resume(const char *path, uint32_t of, const ramtier_desc *desc,
                              ramtier **out, ramstore_resident *resident)
{
    const ramstore_world world = world_of(of);
    return ramstore_resume(path, &world, desc, out, resident);
}

static void resumed_tier_has_the_same_pages_in_the_same_order(void **state)
{
    const char *path = scratch_path(*state, "same.ram");
    ramtier *before = fill(1000), *after;
    ramstore_resident resident;
    uint32_t count_before, count_after;
    ramtier_saved *rows_before = ramtier_list(before, &count_before);
    save(before, path);
    assert_int_equal(resume(path, 0, &DESC, &after, &resident), RAMSTORE_OK);
    assert_int_not_equal(access(path, F_OK), 0); /* used once */
    assert_int_equal(resident.count, 2);
    assert_int_equal(resident.page_ids[0], id_of(7));
    ramtier_saved *rows_after = ramtier_list(after, &count_after);
    assert_int_equal(count_before, count_after);
    assert_true(count_before > 100 && count_before < 1000);
    assert_memory_equal(rows_before, rows_after, count_before * sizeof *rows_before);
    assert_null(ramtier_check(after));
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(is_right(after, i), ramtier_has(before, id_of(i)));
    }
    free(rows_before);
    free(rows_after);
    free(resident.page_ids);
    ramtier_destroy(before);
    ramtier_destroy(after);
}

/* It goes on as any tier: pages come, the oldest go, and it can be saved again. */
static void resumed_tier_goes_on_as_any(void **state)
{
    const char *path = scratch_path(*state, "on.ram");
    ramtier *rt = fill(1000);
    static const uint8_t data[9000];
    for (int round = 0; round < 3; round++) {
        ramstore_resident resident;
        save(rt, path);
        ramtier_destroy(rt);
        assert_int_equal(resume(path, 0, &DESC, &rt, &resident), RAMSTORE_OK);
        free(resident.page_ids);
        for (uint32_t i = 0; i < 300; i++) {
            const ramtier_layer layer = {1 + i * 31 % 9000, PAGE_STORED};
            ramtier_blob blob;
            assert_true(ramtier_insert(rt, id_of(2000 + 300 * (uint32_t)round + i), 1, &layer, data,
                                       &blob));
            ramtier_unpin(rt, &blob);
        }
        assert_null(ramtier_check(rt));
    }
    ramtier_destroy(rt);
}

static void other_worlds_and_budgets_are_refused(void **state)
{
    const char *path = scratch_path(*state, "other.ram");
    ramtier *rt = fill(200), *out;
    ramstore_resident resident;
    const ramtier_desc larger = {.budget_bytes = 3 * MIB},
                       locks = {.budget_bytes = 2 * MIB, .sync = VT_SYNC_MUTEX};
    assert_int_equal(resume(path, 0, &DESC, &out, &resident), RAMSTORE_NONE);
    save(rt, path);
    assert_int_equal(resume(path, 1, &DESC, &out, &resident), RAMSTORE_OTHER_WORLD);
    assert_int_equal(resume(path, 0, &larger, &out, &resident), RAMSTORE_OTHER_BUDGET);
    assert_null(out);
    assert_int_not_equal(resume(path, 0, &locks, &out, &resident), RAMSTORE_OK);
    assert_null(out);
    free(resident.page_ids);
    assert_int_equal(resume(*state, 0, &DESC, &out, &resident), RAMSTORE_NOT_A_FILE);
    ramtier_destroy(rt);
}

static bool no_memory; /* for an arena */

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return no_memory ? NULL : __real_aligned_alloc(alignment, bytes);
}

static void out_of_memory_the_file_stays_for_the_next_run(void **state)
{
    const char *path = scratch_path(*state, "later.ram");
    ramtier *rt = fill(200);
    ramstore_resident resident;
    save(rt, path);
    ramtier_destroy(rt);
    no_memory = true;
    assert_int_equal(resume(path, 0, &DESC, &rt, &resident), RAMSTORE_NO_MEMORY);
    no_memory = false;
    assert_null(rt);
    free(resident.page_ids);
    assert_int_equal(resume(path, 0, &DESC, &rt, &resident), RAMSTORE_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_null(ramtier_check(rt));
    free(resident.page_ids);
    ramtier_destroy(rt);
}

static void what_cannot_be_written_leaves_what_was_there(void **state)
{
    const char *folder = scratch_path(*state, "absent/x.ram");
    ramtier *rt = fill(50);
    const ramstore_resident none = {NULL, 0};
    const ramstore_world world = world_of(0);
    assert_false(ramstore_save(rt, &world, &none, folder));
    ramtier_destroy(rt);
}

/* Writes a file of `count` bytes. */
static void put(const char *path, const uint8_t *bytes, size_t count)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, count, out), count);
    assert_int_equal(fclose(out), 0);
}

/* Where a flip hurts: header, rows and residents lie at the ends, pages between them. */
static size_t somewhere(uint64_t *seed, size_t count)
{
    const size_t tail = count < 40000 ? count : 40000;
    return seed_below(seed, 3) == 0   ? seed_below(seed, 200)
           : seed_below(seed, 2) == 0 ? count - 1 - seed_below(seed, (uint32_t)tail)
                                      : seed_below(seed, (uint32_t)count);
}

static long most_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* Puts a number into the header of a file, and a checksum that agrees. */
static void set_count(const char *path, off_t at, uint32_t count)
{
    enum { CRC_AT = 116 }; /* the header's last field */
    uint8_t head[CRC_AT + 4];
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    uint32_t crc = crc32c(0, head, CRC_AT);
    assert_memory_equal(head + CRC_AT, &crc, sizeof crc);
    memcpy(head + at, &count, sizeof count);
    crc = crc32c(0, head, CRC_AT);
    memcpy(head + CRC_AT, &crc, sizeof crc);
    rewind(f);
    assert_int_equal(fwrite(head, 1, sizeof head, f), sizeof head);
    assert_int_equal(fclose(f), 0);
}

/* A file without bytes behind most of its length asks for no more than a tier has. */
static void a_sparse_file_cannot_ask_for_more_than_a_tier_holds(void **state)
{
    enum { PAGES_AT = 32, RESIDENT_AT = 36, MANY = 1 << 20, LENGTH = 1 << 30, MOST_KIB = 16 << 10 };
    static const struct {
        off_t at;
        uint32_t count;
    } asked[] = {{PAGES_AT, MANY}, {RESIDENT_AT, 16 * MANY}};
    const char *path = scratch_path(*state, "sparse.ram");
    ramtier *rt = fill(300), *out;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        ramstore_resident resident;
        save(rt, path);
        set_count(path, asked[i].at, asked[i].count);
        assert_int_equal(truncate(path, LENGTH), 0);
        const long before = most_kib();
        assert_int_equal(resume(path, 0, &DESC, &out, &resident), RAMSTORE_DAMAGED);
        assert_in_range(most_kib() - before, 0, MOST_KIB);
        assert_null(out);
        free(resident.page_ids);
        (void)unlink(path);
    }
    ramtier_destroy(rt);
}

/* Bits flipped and ends cut off anywhere: refused, or a sound tier whose every page is right. */
static void any_file_is_refused_or_harmless(void **state)
{
    const char *path = scratch_path(*state, "hostile.ram");
    uint64_t seed = seed_of_run();
    ramtier *rt = fill(300);
    size_t count = 0;
    save(rt, path);
    ramtier_destroy(rt);
    uint8_t *whole = scratch_read(path, &count);
    assert_non_null(whole);
    uint32_t taken = 0, damaged = 0;
    for (int round = 0; round < HOSTILE_ROUNDS; round++) {
        uint8_t *bytes = malloc(count);
        assert_non_null(bytes);
        memcpy(bytes, whole, count);
        const bool cut = seed_below(&seed, 4) == 0;
        const size_t kept = cut ? seed_below(&seed, (uint32_t)count) : count;
        for (uint32_t flips = cut ? 0 : 1 + seed_below(&seed, 3); flips > 0; flips--) {
            bytes[somewhere(&seed, count)] ^= (uint8_t)(1u << seed_below(&seed, 8));
        }
        put(path, bytes, kept);
        free(bytes);
        ramstore_resident resident;
        ramtier *out;
        if (resume(path, 0, &DESC, &out, &resident) == RAMSTORE_OK) {
            ramtier_stats stats;
            taken++;
            assert_null(ramtier_check(out));
            for (uint32_t i = 0; i < 300; i++) {
                const bool held = ramtier_has(out, id_of(i)), right = is_right(out, i);
                assert_true(right || !held || !ramtier_has(out, id_of(i))); /* dropped, or right */
            }
            ramtier_get_stats(out, &stats);
            damaged += stats.damaged > 0;
            assert_null(ramtier_check(out));
            ramtier_destroy(out);
        }
        free(resident.page_ids);
        (void)unlink(path);
    }
    free(whole);
    assert_in_range(taken, 1, HOSTILE_ROUNDS - 1);
    assert_true(damaged > 0);
}

/* ---- what stands where it is to go ---- */

/* A file that is whole, and where a byte of its header is to be spoilt. */
static void put_suspended(const char *path, long spoilt)
{
    size_t count = 0;
    ramtier *rt = fill(50);
    (void)unlink(path);
    save(rt, path);
    ramtier_destroy(rt);
    uint8_t *bytes = scratch_read(path, &count);
    assert_non_null(bytes);
    if (spoilt >= 0) {
        bytes[spoilt] ^= 1;
    }
    put(path, bytes, count);
    free(bytes);
}

/* Neither taken up nor removed nor written over. */
static void expect_left_alone(const char *path, ramstore_status why)
{
    size_t before = 0, after = 0;
    ramtier *rt = fill(50), *out;
    ramstore_resident resident;
    const ramstore_resident none = {NULL, 0};
    const ramstore_world world = world_of(0);
    uint8_t *is = scratch_read(path, &before);
    assert_int_equal(resume(path, 0, &DESC, &out, &resident), why);
    assert_null(out);
    free(resident.page_ids);
    assert_false(ramstore_possible(path));
    assert_int_equal(errno, EMEDIUMTYPE);
    assert_false(ramstore_save(rt, &world, &none, path));
    assert_int_equal(errno, EMEDIUMTYPE);
    uint8_t *still = scratch_read(path, &after);
    assert_non_null(is);
    assert_non_null(still);
    assert_int_equal(before, after);
    assert_memory_equal(is, still, before);
    free(is);
    free(still);
    ramtier_destroy(rt);
}

static void what_is_not_ours_is_left_alone(void **state)
{
    char path[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/alone.ram", (const char *)*state);
    static const uint8_t text[] = "A letter, a thesis.", magic[] = "MEGARAM\n and a letter";
    put(path, text, sizeof text);
    expect_left_alone(path, RAMSTORE_NOT_ONE);
    put(path, magic, sizeof magic);
    expect_left_alone(path, RAMSTORE_NOT_ONE);
    put_suspended(path, 0); /* its magic */
    expect_left_alone(path, RAMSTORE_NOT_ONE);
    put_suspended(path, 60); /* its header's checksum is another then */
    expect_left_alone(path, RAMSTORE_NOT_ONE);
    expect_left_alone(scratch_path(*state, "a.mega"), RAMSTORE_NOT_ONE); /* the world itself */
    assert_int_equal(unlink(path), 0);
    if (geteuid() == 0) { /* who is not, cannot give files away */
        put_suspended(path, -1);
        assert_int_equal(chown(path, 1, 1), 0);
        expect_left_alone(path, RAMSTORE_FOREIGN);
        assert_int_equal(unlink(path), 0);
    }
}

/* A file that is no regular one is neither waited for nor replaced. */
static void pipes_and_devices_are_left_alone(void **state)
{
    struct stat st;
    ramtier *rt = fill(50), *out;
    ramstore_resident resident;
    const ramstore_resident none = {NULL, 0};
    const ramstore_world world = world_of(0);
    char path[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/pipe.ram", (const char *)*state);
    (void)alarm(60);
    assert_int_equal(mkfifo(path, 0600), 0);
    const char *const names[] = {path, "/dev/null", "/dev/zero", *state};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(resume(names[i], 0, &DESC, &out, &resident), RAMSTORE_NOT_A_FILE);
        assert_false(ramstore_possible(names[i]));
        assert_false(ramstore_save(rt, &world, &none, names[i]));
    }
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    (void)alarm(0);
    ramtier_destroy(rt);
}

static void an_older_run_and_an_empty_file_are_written_over(void **state)
{
    char path[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/over.ram", (const char *)*state);
    ramtier *rt = fill(100), *out;
    ramstore_resident resident;
    put(path, (const uint8_t *)"", 0);
    assert_int_equal(resume(path, 0, &DESC, &out, &resident), RAMSTORE_NONE);
    assert_true(ramstore_possible(path));
    save(rt, path); /* over the empty one */
    save(rt, path); /* over that */
    assert_int_equal(resume(path, 0, &DESC, &out, &resident), RAMSTORE_OK);
    free(resident.page_ids);
    ramtier_destroy(out);
    ramtier_destroy(rt);
}

/* Nothing is written through what was planted at the name of the temporary. */
static void a_link_is_followed_as_the_name_and_not_beside_it(void **state)
{
    static const uint8_t text[] = "precious";
    char name[SCRATCH_PATH_BYTES], to[SCRATCH_PATH_BYTES], part[SCRATCH_PATH_BYTES + 16];
    struct stat st;
    size_t count = 0;
    ramtier *rt = fill(100), *out;
    ramstore_resident resident;
    (void)snprintf(name, sizeof name, "%s/name.ram", (const char *)*state);
    (void)snprintf(to, sizeof to, "%s/to.ram", (const char *)*state);
    (void)snprintf(part, sizeof part, "%s.megabuddy-part", to);
    assert_int_equal(symlink("to.ram", name), 0);
    save(rt, name);
    assert_int_equal(lstat(name, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(lstat(to, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(resume(name, 0, &DESC, &out, &resident), RAMSTORE_OK);
    free(resident.page_ids);
    ramtier_destroy(out);
    assert_int_not_equal(access(to, F_OK), 0); /* used once */

    const char *victim = scratch_path(*state, "victim");
    put(victim, text, sizeof text);
    assert_int_equal(symlink("victim", part), 0);
    const ramstore_resident none = {NULL, 0};
    const ramstore_world world = world_of(0);
    assert_false(ramstore_save(rt, &world, &none, name));
    uint8_t *is = scratch_read(victim, &count);
    assert_non_null(is);
    assert_int_equal(count, sizeof text);
    free(is);
    assert_int_equal(unlink(part), 0);
    ramtier_destroy(rt);
}

static void a_full_disk_leaves_what_was_there(void **state)
{
    char path[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/full.ram", (const char *)*state);
    ramtier *rt = fill(100);
    size_t before = 0, after = 0;
    const ramstore_resident none = {NULL, 0};
    const ramstore_world world = world_of(0);
    save(rt, path);
    const int names = scratch_count(*state);
    uint8_t *old = scratch_read(path, &before);
    assert_int_equal(full_disk_begin(8192), 0);
    const bool saved = ramstore_save(rt, &world, &none, path);
    const int why = errno;
    assert_int_equal(full_disk_end(), 0);
    assert_false(saved);
    assert_int_equal(why, EFBIG);
    assert_int_equal(scratch_count(*state), names);
    uint8_t *is = scratch_read(path, &after);
    assert_non_null(old);
    assert_non_null(is);
    assert_int_equal(before, after);
    assert_memory_equal(old, is, before);
    free(old);
    free(is);
    assert_int_equal(unlink(path), 0);
    ramtier_destroy(rt);
}

/* ---- while it is open ---- */

/* Resumes, but keeps another name of the file. */
static ramtier *resume_and_keep(const char *path, const char *other)
{
    ramtier *rt;
    ramstore_resident resident;
    (void)unlink(other);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(resume(path, 0, &DESC, &rt, &resident), RAMSTORE_OK);
    free(resident.page_ids);
    return rt;
}

/* Whoever cuts it costs the pages in it: the others are right, and nothing ends by a signal. */
static void a_file_that_is_cut_while_open_loses_pages(void **state)
{
    char path[SCRATCH_PATH_BYTES], other[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/cut.ram", (const char *)*state);
    (void)snprintf(other, sizeof other, "%s/other.ram", (const char *)*state);
    ramtier *rt = fill(300);
    save(rt, path);
    ramtier_destroy(rt);
    rt = resume_and_keep(path, other);
    assert_int_equal(truncate(other, 1 << 19), 0);
    uint32_t right = 0, lost = 0;
    for (uint32_t i = 0; i < 300; i++) {
        const bool held = ramtier_has(rt, id_of(i)), is = is_right(rt, i);
        right += is;
        lost += held && !is;
        assert_int_equal(ramtier_has(rt, id_of(i)), is);
    }
    ramtier_stats stats;
    ramtier_get_stats(rt, &stats);
    assert_true(right > 0 && lost > 0);
    assert_int_equal(stats.damaged, lost);
    assert_null(ramtier_check(rt));
    ramtier_destroy(rt);
    assert_int_equal(unlink(other), 0);
}

/* A page nobody has looked at is suspended again as it was; one that is gone is not. */
static void pages_never_used_are_suspended_again(void **state)
{
    char path[SCRATCH_PATH_BYTES], other[SCRATCH_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/again.ram", (const char *)*state);
    (void)snprintf(other, sizeof other, "%s/other.ram", (const char *)*state);
    for (int cut = 0; cut < 2; cut++) {
        ramtier *rt = fill(300);
        save(rt, path);
        ramtier_destroy(rt);
        rt = resume_and_keep(path, other);
        assert_true(is_right(rt, 250)); /* one of them */
        assert_int_equal(truncate(other, cut ? 1 << 19 : 3 << 20), 0);
        save(rt, path);
        ramtier_destroy(rt);
        rt = resume_and_keep(path, other);
        uint32_t right = 0;
        for (uint32_t i = 0; i < 300; i++) {
            const bool held = ramtier_has(rt, id_of(i));
            assert_int_equal(is_right(rt, i), held);
            right += held;
        }
        assert_in_range(right, 20, cut ? 299 : 300);
        assert_true(cut || right == 300);
        assert_true(is_right(rt, 250));
        ramtier_destroy(rt);
    }
    assert_int_equal(unlink(other), 0);
}

typedef struct reader {
    ramtier *rt;
    uint32_t first, right;
} reader;

static void *read_all_pages(void *context)
{
    reader *r = context;
    for (uint32_t i = 0; i < 300; i++) {
        r->right += is_right(r->rt, (r->first + i) % 300);
    }
    return NULL;
}

/* Threads that want the same page the first time: one brings it, the others wait for it. */
static void many_threads_bring_the_same_pages(void **state)
{
    enum { THREADS = 4 };
    const char *path = scratch_path(*state, "threads.ram");
    ramtier *rt = fill(300);
    ramstore_resident resident;
    pthread_t threads[THREADS];
    reader readers[THREADS];
    save(rt, path);
    ramtier_destroy(rt);
    assert_int_equal(resume(path, 0, &DESC, &rt, &resident), RAMSTORE_OK);
    free(resident.page_ids);
    for (uint32_t i = 0; i < THREADS; i++) {
        readers[i] = (reader){rt, i / 2 * 150, 0}; /* pairs at the same pages */
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_pages, &readers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readers[i].right, 300);
    }
    assert_null(ramtier_check(rt));
    ramtier_destroy(rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_tier_has_the_same_pages_in_the_same_order),
        cmocka_unit_test(resumed_tier_goes_on_as_any),
        cmocka_unit_test(other_worlds_and_budgets_are_refused),
        cmocka_unit_test(out_of_memory_the_file_stays_for_the_next_run),
        cmocka_unit_test(what_cannot_be_written_leaves_what_was_there),
        cmocka_unit_test(a_sparse_file_cannot_ask_for_more_than_a_tier_holds),
        cmocka_unit_test(any_file_is_refused_or_harmless),
        cmocka_unit_test(what_is_not_ours_is_left_alone),
        cmocka_unit_test(pipes_and_devices_are_left_alone),
        cmocka_unit_test(an_older_run_and_an_empty_file_are_written_over),
        cmocka_unit_test(a_link_is_followed_as_the_name_and_not_beside_it),
        cmocka_unit_test(a_full_disk_leaves_what_was_there),
        cmocka_unit_test(a_file_that_is_cut_while_open_loses_pages),
        cmocka_unit_test(pages_never_used_are_suspended_again),
        cmocka_unit_test(many_threads_bring_the_same_pages),
    };
    return cmocka_run_group_tests(tests, make_worlds, close_worlds);
}
