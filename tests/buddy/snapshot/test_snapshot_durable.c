/* A heap that was saved survives a power cut: what takes the place of the last snapshot is on the
 * disk by then, and so is its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/snapshot.h"
#include "tests/rigs/durable.h"
#include "tests/rigs/scratch.h"

#include <stdlib.h>

static buddy_heap *make(unsigned char first)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20});
    assert_non_null(h);
    unsigned char *block = buddy_heap_alloc(h, 4096);
    assert_non_null(block);
    memset(block, first, 4096);
    return h;
}

static void what_replaces_a_snapshot_is_on_the_disk(void **state)
{
    const char *path = scratch_path(*state, "saved.heap");
    buddy_heap *h = make(1);
    for (int i = 0; i < 2; i++) { /* a new one, and over the old one */
        durable_begin();
        assert_int_equal(buddy_heap_save(h, path, NULL, 0), BUDDY_SNAPSHOT_OK);
        assert_int_equal(durable.renames, 1);
        assert_int_equal(durable.early_renames, 0);
        assert_int_equal(durable.stale_folders, 0);
    }
    buddy_heap_destroy(h);
}

static void what_cannot_be_brought_to_the_disk_replaces_nothing(void **state)
{
    const char *path = scratch_path(*state, "kept.heap");
    size_t before_bytes = 0, after_bytes = 0;
    buddy_heap *old = make(1), *new = make(2);
    assert_int_equal(buddy_heap_save(old, path, NULL, 0), BUDDY_SNAPSHOT_OK);
    uint8_t *before = scratch_read(path, &before_bytes);
    durable_begin();
    durable.sync_fails = true;
    assert_int_equal(buddy_heap_save(new, path, NULL, 0), BUDDY_SNAPSHOT_IO);
    assert_int_equal(durable.renames, 0);
    uint8_t *after = scratch_read(path, &after_bytes);
    assert_true(before != NULL && after != NULL && before_bytes == after_bytes);
    assert_memory_equal(before, after, before_bytes);
    free(before);
    free(after);
    buddy_heap_destroy(old);
    buddy_heap_destroy(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_replaces_a_snapshot_is_on_the_disk),
        cmocka_unit_test(what_cannot_be_brought_to_the_disk_replaces_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
