/* test_ramstore.c: the RAM tier put into a file and taken from it: the same pages in the same
 * order, nothing that is not what it was, and any file whatever is refused or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/ramstore.h"
#include "tests/scratch.h"
#include "tests/seed.h"
#include "tests/stream_rig.h"

#include <stdlib.h>
#include <string.h>
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
        rig_write_world(path, &(rig_world){600 + 200 * i, 500, 4, {TEXEL_BC1}});
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

static const ramtier_desc DESC = {.budget_bytes = 2 * MIB, .sync = ARENA_LOCKFREE};

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
        const ramtier_layer layer = {1 + i * 7919 % 9000, PAGEFILE_LZ4};
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
            const ramtier_layer layer = {1 + i * 31 % 9000, PAGEFILE_STORED};
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
                       locks = {.budget_bytes = 2 * MIB, .sync = ARENA_MUTEX};
    assert_int_equal(resume(path, 0, &DESC, &out, &resident), RAMSTORE_NONE);
    save(rt, path);
    assert_int_equal(resume(path, 1, &DESC, &out, &resident), RAMSTORE_OTHER_WORLD);
    assert_int_equal(resume(path, 0, &larger, &out, &resident), RAMSTORE_OTHER_BUDGET);
    assert_null(out);
    assert_int_not_equal(resume(path, 0, &locks, &out, &resident), RAMSTORE_OK);
    assert_null(out);
    free(resident.page_ids);
    assert_int_equal(resume(*state, 0, &DESC, &out, &resident),
                     RAMSTORE_CANNOT_READ); /* a folder */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_tier_has_the_same_pages_in_the_same_order),
        cmocka_unit_test(resumed_tier_goes_on_as_any),
        cmocka_unit_test(other_worlds_and_budgets_are_refused),
        cmocka_unit_test(what_cannot_be_written_leaves_what_was_there),
        cmocka_unit_test(any_file_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, make_worlds, close_worlds);
}
