/* A file system without locks, or whose lock server is gone: what cannot be locked is not said to
 * be another program's, and nothing is left behind. Linked with --wrap=flock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buddy/snapshot.h"
#include "tools/bake/writer/pagewriter.h"

#include "tests/rigs/scratch.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

static int lock_error; /* what flock fails with */

int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = lock_error;
    return -1;
}

static bool is_there(void **state, const char *name)
{
    return access(scratch_path(*state, name), F_OK) == 0;
}

static pagefile_status create_world(void **state)
{
    pagewriter_desc desc = {.path = scratch_path(*state, "world.mega"),
                            .layer_count = 1,
                            .layers = {{.format = VT_TEXEL_BC1, .name = "albedo"}}};
    pagewriter *w = NULL;
    assert_true(page_shape_make(64, 64, 4, &desc.shape));
    const pagefile_status status = pagewriter_create(&desc, &w);
    const int why = errno;
    pagewriter_abort(w);
    errno = why;
    return status;
}

static void a_world_says_why_it_cannot_be_locked(void **state)
{
    lock_error = ENOLCK;
    assert_int_equal(create_world(state), PAGEFILE_WRITE_FAILED);
    assert_int_equal(errno, ENOLCK);
    assert_false(is_there(state, "world.mega.part"));
    lock_error = EWOULDBLOCK;
    assert_int_equal(create_world(state), PAGEFILE_BUSY);
    assert_true(is_there(state, "world.mega.part")); /* who has it locked works in it */
    assert_int_equal(rmdir(scratch_path(*state, "world.mega.part")), 0);
}

static void a_heap_says_why_it_cannot_be_locked(void **state)
{
    const char *path = scratch_path(*state, "saved.heap");
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 16});
    assert_non_null(h);
    lock_error = ENOLCK;
    assert_int_equal(buddy_heap_save(h, path, NULL, 0), BUDDY_SNAPSHOT_IO);
    assert_int_equal(errno, ENOLCK);
    assert_false(is_there(state, "saved.heap.part"));
    lock_error = EWOULDBLOCK;
    assert_int_equal(buddy_heap_save(h, path, NULL, 0), BUDDY_SNAPSHOT_BUSY);
    buddy_heap_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_world_says_why_it_cannot_be_locked, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_heap_says_why_it_cannot_be_locked, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
