/* Slabs where the system says no: pages that it does not take back are not taken for zeros, what it
 * does not give is an ordinary refusal, and nothing is refused while it is free. The system's calls
 * are answered here: the program is linked with --wrap. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "buddy/slab/private.h"
#include "buddy/slabs.h"

#define MIB ((size_t)1 << 20)

/* ---- the system ---- */

void *__real_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t offset);
int __real_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice);
void *__real_mremap(void *at, size_t bytes, size_t wanted, int flags, ...);
void *__wrap_mremap(void *at, size_t bytes, size_t wanted, int flags, ...);
int __real_mprotect(void *at, size_t bytes, int access);
int __wrap_mprotect(void *at, size_t bytes, int access);

void __real_magazine_barrier(void);
void __wrap_magazine_barrier(void);

static _Atomic int barriers;
static _Atomic bool no_mapping, pages_stay;
static _Atomic size_t most_opened = SIZE_MAX; /* bytes at a time */
static void (*_Atomic while_discarding)(void);

void __wrap_magazine_barrier(void)
{
    barriers++;
    __real_magazine_barrier();
}

void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t offset)
{
    bool opens = at != NULL && access != PROT_NONE; /* a range grows */
    if (opens ? bytes > most_opened : no_mapping) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(at, bytes, access, flags, fd, offset);
}

void *__wrap_mremap(void *at, size_t bytes, size_t wanted, int flags, ...)
{
    if (no_mapping) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mremap(at, bytes, wanted, flags);
}

int __wrap_madvise(void *at, size_t bytes, int advice)
{
    if (advice == MADV_DONTNEED && while_discarding != NULL) {
        while_discarding();
    }
    if (advice == MADV_DONTNEED && pages_stay) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(at, bytes, advice);
}

int __wrap_mprotect(void *at, size_t bytes, int access)
{
    if (bytes > most_opened) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(at, bytes, access);
}

static void let_all_be(void)
{
    no_mapping = pages_stay = false;
    most_opened = SIZE_MAX;
    while_discarding = NULL;
}

static buddy_slabs *make(size_t range_bytes)
{
    let_all_be();
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = range_bytes});
    assert_non_null(s);
    return s;
}

static void drop(buddy_slabs *s)
{
    let_all_be();
    (void)buddy_slabs_trim(s);
    const char *fault = buddy_slabs_check(s);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    buddy_slabs_destroy(s);
}

static bool is_zero(const unsigned char *at, size_t bytes)
{
    return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

/* ---- what is not taken back ---- */

static void pages_that_stay_are_not_taken_for_zeros(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    buddy_slabs *s = make(256 * MIB);
    void *blocks[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = buddy_slabs_alloc(s, MIB);
            assert_non_null(blocks[i]);
            memset(blocks[i], 0xab, MIB);
        }
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(buddy_slabs_free(s, blocks[i]), BUDDY_HEAP_OK);
        }
        pages_stay = round != 1; /* as where they are locked; then not; then again */
        assert_true((buddy_slabs_trim(s) >= COUNT * MIB) == (round == 1));
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = buddy_slabs_zeroed(s, MIB);
            assert_true(is_zero(blocks[i], MIB));
        }
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(buddy_slabs_free(s, blocks[i]), BUDDY_HEAP_OK);
        }
    }
    drop(s);
}

/* ---- what is not given ---- */

/* Takes all that there is of a size, linked in the first word. */
static void *take_all(buddy_slabs *s, size_t bytes)
{
    void *last = NULL;
    for (void **block; (block = buddy_slabs_alloc(s, bytes)) != NULL; last = block) {
        *block = last;
    }
    return last;
}

static void give_all(buddy_slabs *s, void *last)
{
    while (last != NULL) {
        void *next = *(void **)last;
        assert_int_equal(buddy_slabs_free(s, last), BUDDY_HEAP_OK);
        last = next;
    }
}

static void memory_that_the_system_does_not_give_is_refused_until_it_does(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    buddy_slabs_stats before, after;
    void *first = buddy_slabs_alloc(s, MIB); /* so that there is a cache */
    buddy_slabs_get_stats(s, &before);
    no_mapping = true;
    most_opened = 0;
    void *all = take_all(s, 300000);
    buddy_slabs_get_stats(s, &after);
    assert_int_equal(after.capacity_bytes, before.capacity_bytes);
    assert_int_equal(after.range_count, 1);
    assert_null(buddy_slabs_zeroed(s, 8 * MIB));
    assert_null(buddy_slabs_realloc(s, first, 40 * MIB));
    most_opened = MIB; /* less than a heap likes to grow by */
    void *one = buddy_slabs_alloc(s, 700000);
    assert_non_null(one);
    buddy_slabs_get_stats(s, &after);
    assert_true(after.capacity_bytes <= before.capacity_bytes + 2 * MIB);
    assert_int_equal(buddy_slabs_free(s, one), BUDDY_HEAP_OK);
    give_all(s, all);
    assert_int_equal(buddy_slabs_free(s, first), BUDDY_HEAP_OK);
    drop(s);
}

static void a_slab_grows_and_refuses_without_barriers(void **state)
{
    (void)state;
    barriers = 0;
    buddy_slabs *s = make(256 * MIB);
    void *block = buddy_slabs_alloc(s, MIB);
    for (int i = 0; i < 20; i++) {
        void *next = buddy_slabs_alloc(s, MIB);
        assert_non_null(next);
        *(void **)next = block;
        block = next;
    }
    assert_int_equal(barriers, 0);
    for (int i = 0; i < 20; i++) {
        void *next = *(void **)block;
        assert_int_equal(buddy_slabs_free(s, block), BUDDY_HEAP_OK);
        block = next;
    }
    assert_int_equal(buddy_slabs_free(s, block), BUDDY_HEAP_OK);
    drop(s);
}

/* A range has a place only; what others map in it stays theirs. */
static void where_others_lie_a_range_ends_and_another_follows(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    void *next = (void *)(s->ranges[0].base + stats.capacity_bytes);
    unsigned char *theirs =
        __real_mmap(next, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(theirs != MAP_FAILED); /* elsewhere where addresses are reserved: see region.h */
    memset(theirs, 7, MIB);
    void *blocks[20];
    for (int i = 0; i < 20; i++) {
        blocks[i] = buddy_slabs_zeroed(s, MIB);
        assert_non_null(blocks[i]);
        assert_true(is_zero(blocks[i], MIB));
    }
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.range_count, theirs == next ? 2 : 1);
    assert_false(buddy_slabs_owns(s, theirs));
    assert_int_equal(buddy_slabs_free(s, theirs), BUDDY_HEAP_FOREIGN);
    assert_true(theirs[0] == 7 && memcmp(theirs, theirs + 1, MIB - 1) == 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(buddy_slabs_free(s, blocks[i]), BUDDY_HEAP_OK);
    }
    drop(s);
    assert_true(theirs[0] == 7 && theirs[MIB - 1] == 7);
    assert_int_equal(munmap(theirs, MIB), 0);
}

static void what_cannot_be_mapped_is_taken_from_the_ranges(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    char *p = buddy_slabs_alloc(s, 5 * MIB);
    assert_null(slab_range_of(s, p));
    strcpy(p, "what lies there");
    no_mapping = true;
    p = buddy_slabs_realloc(s, p, 300 * MIB) == NULL ? p : NULL; /* more than there is of ranges */
    assert_non_null(p);
    char *q = buddy_slabs_alloc(s, 40000);
    q = buddy_slabs_realloc(s, q, 6 * MIB);
    assert_non_null(slab_range_of(s, q));
    assert_string_equal(p, "what lies there");
    assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, q), BUDDY_HEAP_OK);
    drop(s);
}

/* ---- what is free is not refused ---- */

/* All that the ranges have is taken, and the system gives no more. */
static void *run_full(buddy_slabs *s)
{
    no_mapping = true;
    most_opened = 0;
    return take_all(s, 60000);
}

static void what_a_thread_keeps_serves_its_other_sizes(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    void *objects[200];
    for (int i = 0; i < 200; i++) {
        objects[i] = buddy_slabs_alloc(s, 1000);
        assert_non_null(objects[i]);
    }
    void *all = run_full(s);
    assert_null(buddy_slabs_alloc(s, 60000));
    for (int i = 0; i < 200; i++) { /* the last slab stays their class's */
        assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
    }
    void *blocks[5];
    for (int i = 0; i < 4; i++) {
        blocks[i] = buddy_slabs_alloc(s, 60000);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(buddy_slabs_free(s, blocks[i]), BUDDY_HEAP_OK);
    }
    void *object =
        buddy_slabs_alloc(s, 20000); /* of a slab of four chunks, which are kept as blocks */
    assert_non_null(object);
    assert_int_equal(buddy_slabs_free(s, object), BUDDY_HEAP_OK);
    give_all(s, all);
    drop(s);
}

static void large_blocks_that_are_kept_serve_other_sizes(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    assert_int_equal(buddy_slabs_free(s, buddy_slabs_alloc(s, 5 * MIB)),
                     BUDDY_HEAP_OK); /* mapped: it learns */
    void *large = buddy_slabs_alloc(s, 5 * MIB);
    assert_non_null(slab_range_of(s, large));
    void *all = run_full(s);
    assert_int_equal(buddy_slabs_free(s, large), BUDDY_HEAP_OK);
    assert_int_equal(s->large.count, 1);
    large = buddy_slabs_alloc(s, 3 * MIB);
    assert_non_null(large);
    assert_int_equal(buddy_slabs_free(s, large), BUDDY_HEAP_OK);
    give_all(s, all);
    drop(s);
}

static _Atomic bool may_ask;

static void *ask_later(void *context)
{
    while (!may_ask) {
        sched_yield();
    }
    void *object = buddy_slabs_alloc(context, 100);
    return object != NULL && buddy_slabs_free(context, object) == BUDDY_HEAP_OK ? context : NULL;
}

static void a_new_thread_is_served_from_what_is_free(void **state)
{
    (void)state;
    buddy_slabs *s = make(256 * MIB);
    may_ask = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_later, s), 0);
    void *block = buddy_slabs_alloc(s, MIB), *all = run_full(s), *served;
    assert_int_equal(buddy_slabs_free(s, block), BUDDY_HEAP_OK);
    may_ask = true;
    pthread_join(thread, &served);
    assert_ptr_equal(served, s);
    give_all(s, all);
    drop(s);
}

/* ---- on its way to the system ---- */

static buddy_slabs *given;
static _Atomic bool is_here, is_out, answered;
static _Atomic uint64_t refused_before;

static uint64_t refused(buddy_slabs *s)
{
    buddy_heap_stats stats;
    buddy_heap_get_stats(s->ranges[0].heap, &stats);
    return stats.refused;
}

/* A block is out. Waits until the other thread has found nothing, or got an answer. */
static void hold_the_block(void)
{
    while_discarding = NULL;
    refused_before = refused(given);
    is_out = true;
    while (refused(given) == refused_before && !answered) {
        sched_yield();
    }
}

static void *ask_meanwhile(void *context)
{
    buddy_slabs *s = context;
    is_here = buddy_slabs_free(s, buddy_slabs_alloc(s, 100)) == BUDDY_HEAP_OK; /* it has a cache */
    while (!is_out) {
        sched_yield();
    }
    void *block = buddy_slabs_alloc(s, 300000);
    answered = true;
    return block;
}

static void a_block_on_its_way_to_the_system_is_waited_for(void **state)
{
    (void)state;
    given = make(256 * MIB);
    is_here = is_out = answered = false;
    void *block = buddy_slabs_alloc(given, MIB);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_meanwhile, given), 0);
    memset(block, 1, MIB);
    while (!is_here) {
        sched_yield();
    }
    void *all = run_full(given);
    assert_int_equal(buddy_slabs_free(given, block), BUDDY_HEAP_OK); /* the only one that is free */
    while_discarding = hold_the_block;
    (void)buddy_slabs_trim(given);
    void *other;
    pthread_join(thread, &other);
    assert_true(is_out);
    assert_non_null(other);
    assert_int_equal(buddy_slabs_free(given, other), BUDDY_HEAP_OK);
    give_all(given, all);
    drop(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_stay_are_not_taken_for_zeros),
        cmocka_unit_test(memory_that_the_system_does_not_give_is_refused_until_it_does),
        cmocka_unit_test(a_slab_grows_and_refuses_without_barriers),
        cmocka_unit_test(where_others_lie_a_range_ends_and_another_follows),
        cmocka_unit_test(what_cannot_be_mapped_is_taken_from_the_ranges),
        cmocka_unit_test(what_a_thread_keeps_serves_its_other_sizes),
        cmocka_unit_test(large_blocks_that_are_kept_serve_other_sizes),
        cmocka_unit_test(a_new_thread_is_served_from_what_is_free),
        cmocka_unit_test(a_block_on_its_way_to_the_system_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
