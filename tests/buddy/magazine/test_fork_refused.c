/* A system that has no memory for handlers of fork: what could not keep its promise about forking
 * is not made. Each case has a process of its own, since the system is asked once in each. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/buddy.h"
#include "buddy/heap.h"
#include "buddy/magazine.h"
#include "buddy/slabs.h"

static int granted; /* times more that the system has memory */

/* Instead of the C library's, which is linked into each program and so can be replaced. */
int pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    (void)before;
    (void)parent;
    (void)child;
    return granted-- > 0 ? 0 : ENOMEM;
}

static bool makes_heap(void)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20});
    bool made = h != NULL || errno == 0;
    buddy_heap_destroy(h);
    return made;
}

static bool makes_slab(void)
{
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){0});
    bool made = s != NULL || errno == 0;
    buddy_slabs_destroy(s);
    return made;
}

static bool makes_magazine(void)
{
    static _Alignas(64) char core_room[1 << 12], room[1 << 16];
    buddy *core = buddy_init(core_room, sizeof core_room, &(buddy_desc){.units = 64});
    buddy_magazine_desc desc = {.core = core, .threads = 1};
    assert_non_null(core);
    assert_in_range(buddy_magazine_sizeof(&desc), 1, sizeof room);
    buddy_magazine *m = buddy_magazine_init(room, sizeof room, &desc);
    if (m != NULL) {
        buddy_magazine_finish(m);
    }
    return m != NULL;
}

/* Whether it is made, twice the same, where the system has memory for so many handlers. */
static bool is_made(bool (*makes)(void), int handlers)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        granted = handlers;
        errno = 0;
        bool first = makes();
        errno = 0;
        _exit(makes() == first ? first : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 0, 1);
    return WEXITSTATUS(status) != 0;
}

static void nothing_is_made_that_could_hang_a_child(void **state)
{
    (void)state;
    assert_false(is_made(makes_magazine, 0));
    assert_true(is_made(makes_magazine, 1));
    assert_false(is_made(makes_heap, 0));
    assert_true(is_made(makes_heap, 1));
    assert_false(is_made(makes_slab, 0));
    assert_false(is_made(makes_slab, 1)); /* its heap's, and not its own */
    assert_true(is_made(makes_slab, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_made_that_could_hang_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
