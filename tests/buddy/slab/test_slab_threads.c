/* Slabs among threads: objects that others free come back to their owner, what ended threads leave
 * is used again, and a process of many threads may fork at any time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/slab/private.h"
#include "buddy/slabs.h"
#include "tests/rigs/emulated.h"
#include "tests/rigs/seed.h"

#define RANGE_BYTES ((size_t)256 << 20)

static uint64_t seed;

static buddy_slabs *make(void)
{
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = RANGE_BYTES});
    assert_non_null(s);
    return s;
}

static void drop_empty(buddy_slabs *s)
{
    (void)buddy_slabs_trim(s);
    const char *fault = buddy_slabs_check(s);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.slab_count, 0);
    assert_int_equal(stats.free_bytes, stats.capacity_bytes);
    assert_int_equal(stats.errors, 0);
    buddy_slabs_destroy(s);
}

static void run(void *(*work)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- one gives, another frees ---- */

typedef struct pipe_line {
    buddy_slabs *s;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *slots[256];
    size_t put, got;
    size_t count;
} pipe_line;

/* Objects whose first word is their number. */
static void *produce(void *argument)
{
    pipe_line *l = argument;
    for (size_t i = 0; i < l->count; i++) {
        size_t *object = buddy_slabs_alloc(l->s, 16 + i % 600);
        if (object == NULL) {
            abort();
        }
        *object = i;
        pthread_mutex_lock(&l->lock);
        while (l->put - l->got == 256) {
            pthread_cond_wait(&l->changed, &l->lock);
        }
        l->slots[l->put++ % 256] = object;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

static void *consume(void *argument)
{
    pipe_line *l = argument;
    for (size_t i = 0; i < l->count; i++) {
        pthread_mutex_lock(&l->lock);
        while (l->put == l->got) {
            pthread_cond_wait(&l->changed, &l->lock);
        }
        size_t *object = l->slots[l->got++ % 256];
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
        if (*object != i || buddy_slabs_free(l->s, object) != BUDDY_HEAP_OK) {
            abort();
        }
    }
    return NULL;
}

static void objects_come_back_from_another_thread(void **state)
{
    (void)state;
    pipe_line l = {.s = make(), .count = 30000};
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    pthread_t producer, consumer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &l), 0);
    assert_int_equal(pthread_create(&consumer, NULL, consume, &l), 0);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(l.s, &stats);
    assert_true(stats.slab_count <= 3 * 32); /* as many as 800 objects need in 32 classes, not as
                                                30000 do */
    drop_empty(l.s);
    pthread_mutex_destroy(&l.lock);
    pthread_cond_destroy(&l.changed);
}

/* ---- two free the same ---- */

typedef struct one_free {
    buddy_slabs *s;
    void *pointer;
    bool flushes; /* what it freed is with its owner when the thread ends, or waits with it */
    buddy_heap_status status;
} one_free;

static void *free_one(void *argument)
{
    one_free *f = argument;
    f->status = buddy_slabs_free(f->s, f->pointer);
    if (f->flushes) {
        buddy_slabs_flush(f->s);
    }
    return NULL;
}

static buddy_heap_status free_elsewhere(buddy_slabs *s, void *pointer, bool flushes)
{
    one_free f = {s, pointer, flushes, BUDDY_HEAP_OK};
    run(free_one, &f);
    return f.status;
}

/* None of them has the object's slab; then its owner tries too. */
static void of_two_threads_that_free_the_same_one_is_refused(void **state)
{
    (void)state;
    static const size_t SIZES[] = {16, 200, 3000, 20000, 100000};
    buddy_slabs *s = make();
    uint64_t refusals = 0;
    for (size_t i = 0; i < 2 * sizeof SIZES / sizeof SIZES[0]; i++) {
        void *beside = buddy_slabs_alloc(s, SIZES[i / 2]),
             *object = buddy_slabs_alloc(s, SIZES[i / 2]);
        assert_int_equal(free_elsewhere(s, object, i % 2), BUDDY_HEAP_OK);
        assert_int_equal(free_elsewhere(s, object, i % 2), BUDDY_HEAP_DOUBLE_FREE);
        assert_int_equal(buddy_slabs_free(s, object), BUDDY_HEAP_DOUBLE_FREE);
        refusals += 2;
        assert_int_equal(buddy_slabs_free(s, beside), BUDDY_HEAP_OK);
        assert_null(buddy_slabs_check(s));
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.errors, refusals);
    buddy_slabs_destroy(s);
}

/* ---- everybody frees everything ---- */

enum { PLACES = 512, SWAPPERS = 4, SWAPS = 15000 };

typedef struct market {
    buddy_slabs *s;
    _Atomic(unsigned char *) places[PLACES];
    _Atomic uint64_t seeds;
} market;

/* An object: its size in four bytes, then a pattern that follows from it. */
static unsigned char *bring(buddy_slabs *s, uint64_t *random)
{
    uint32_t bytes = 16 + seed_below(random, 1u << (4 + seed_below(random, 14)));
    unsigned char *object = buddy_slabs_alloc(s, bytes);
    if (object == NULL) {
        abort();
    }
    memset(object, (unsigned char)bytes, bytes);
    memcpy(object, &bytes, sizeof bytes);
    return object;
}

static void take_away(buddy_slabs *s, unsigned char *object)
{
    uint32_t bytes;
    memcpy(&bytes, object, sizeof bytes);
    for (uint32_t i = sizeof bytes; i < bytes; i++) {
        if (object[i] != (unsigned char)bytes) {
            abort();
        }
    }
    if (buddy_slabs_free(s, object) != BUDDY_HEAP_OK) {
        abort();
    }
}

static void *swap(void *argument)
{
    market *m = argument;
    uint64_t random = atomic_fetch_add_explicit(&m->seeds, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < emulated_share(SWAPS); i++) {
        unsigned char *object = seed_below(&random, 3) != 0 ? bring(m->s, &random) : NULL;
        /* acquire and release: what is written into the objects */
        object = atomic_exchange_explicit(&m->places[seed_below(&random, PLACES)], object,
                                          memory_order_acq_rel);
        if (object != NULL) {
            take_away(m->s, object);
        }
    }
    return NULL;
}

static void everybody_frees_what_anybody_has_brought(void **state)
{
    (void)state;
    static market m;
    memset(&m, 0, sizeof m);
    m.s = make();
    m.seeds = seed;
    for (int round = 0; round < 2; round++) {
        pthread_t threads[SWAPPERS];
        for (int i = 0; i < SWAPPERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, swap, &m), 0);
        }
        for (int i = 0; i < SWAPPERS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_null(buddy_slabs_check(m.s));
    }
    for (int i = 0; i < PLACES; i++) {
        if (m.places[i] != NULL) {
            take_away(m.s, m.places[i]);
        }
    }
    buddy_slabs_flush(m.s);
    drop_empty(m.s);
}

/* ---- parked slabs ---- */

enum { FULL = 3 * 64, EIGHTH = 8 }; /* three slabs of 1 KiB objects */

typedef struct holder {
    buddy_slabs *s;
    void *objects[FULL];
} holder;

static void *free_some(void *argument)
{
    holder *h = argument;
    for (int i = 0; i < FULL; i += EIGHTH) {
        if (buddy_slabs_free(h->s, h->objects[i]) != BUDDY_HEAP_OK) {
            abort();
        }
    }
    buddy_slabs_flush(h->s);
    return NULL;
}

static void a_parked_slab_is_told_of(void **state)
{
    (void)state;
    holder h = {.s = make()};
    for (int i = 0; i < FULL; i++) {
        h.objects[i] = buddy_slabs_alloc(h.s, 1024);
        assert_non_null(h.objects[i]);
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(h.s, &stats);
    uint32_t slabs = stats.slab_count;
    assert_int_equal(slabs, 3);
    run(free_some, &h);
    assert_null(buddy_slabs_check(h.s));
    for (int i = 0; i < FULL; i += EIGHTH) {
        h.objects[i] = buddy_slabs_alloc(h.s, 1024);
    }
    buddy_slabs_get_stats(h.s, &stats);
    assert_int_equal(stats.slab_count, slabs);
    for (int i = 0; i < FULL; i++) {
        assert_int_equal(buddy_slabs_free(h.s, h.objects[i]), BUDDY_HEAP_OK);
    }
    drop_empty(h.s);
}

/* ---- the end of a thread ---- */

static void *leave_half(void *argument)
{
    holder *h = argument;
    for (int i = 0; i < FULL; i++) {
        h->objects[i] = buddy_slabs_alloc(h->s, 1024);
    }
    for (int i = 0; i < FULL; i += 2) {
        if (buddy_slabs_free(h->s, h->objects[i]) != BUDDY_HEAP_OK) {
            abort();
        }
    }
    return NULL;
}

static void what_an_ended_thread_left_is_used_again(void **state)
{
    (void)state;
    holder h = {.s = make()};
    void *first = buddy_slabs_alloc(h.s, 16); /* so that the main thread has a cache of its own */
    run(leave_half, &h);
    assert_null(buddy_slabs_check(h.s));
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(h.s, &stats);
    uint32_t slabs = stats.slab_count;
    assert_int_equal(stats.orphan_count, 1);
    for (int i = 0; i < FULL; i += 2) {
        h.objects[i] = buddy_slabs_alloc(h.s, 1024);
        assert_non_null(h.objects[i]);
    }
    buddy_slabs_get_stats(h.s, &stats);
    assert_int_equal(stats.slab_count, slabs);
    assert_null(buddy_slabs_check(h.s));
    for (int i = 0; i < FULL; i++) {
        assert_int_equal(buddy_slabs_free(h.s, h.objects[i]), BUDDY_HEAP_OK);
    }
    assert_int_equal(buddy_slabs_free(h.s, first), BUDDY_HEAP_OK);
    drop_empty(h.s);
}

static void *take_and_give(void *argument)
{
    buddy_slabs *s = argument;
    void *objects[100];
    for (int i = 0; i < 100; i++) {
        objects[i] = buddy_slabs_alloc(s, (size_t)i * 100);
    }
    for (int i = 0; i < 100; i++) {
        if (buddy_slabs_free(s, objects[i]) != BUDDY_HEAP_OK) {
            abort();
        }
    }
    return NULL;
}

static void threads_one_after_another_share_a_cache(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    for (int i = 0; i < 50; i++) {
        run(take_and_give, s);
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.cache_count, 0);
    assert_int_equal(stats.orphan_count, 1);
    assert_int_equal(stats.slab_count, 0);
    drop_empty(s);
}

/* ---- fork ---- */

typedef struct forking {
    market m;
    _Atomic bool enough;
} forking;

static void *swap_until_enough(void *argument)
{
    forking *f = argument;
    uint64_t random = atomic_fetch_add_explicit(&f->m.seeds, 1, memory_order_relaxed);
    /* relaxed: a request to stop */
    while (!atomic_load_explicit(&f->enough, memory_order_relaxed)) {
        unsigned char *object = bring(f->m.s, &random);
        object = atomic_exchange_explicit(&f->m.places[seed_below(&random, PLACES)], object,
                                          memory_order_acq_rel);
        if (object != NULL) {
            take_away(f->m.s, object);
        }
    }
    return NULL;
}

/* What the child does: frees what others brought, and brings and frees its own. */
static void be_a_child(forking *f)
{
    (void)alarm(300);
    uint64_t random = seed;
    for (int i = 0; i < PLACES; i++) {
        unsigned char *object = atomic_load_explicit(&f->m.places[i], memory_order_relaxed);
        if (object != NULL) {
            take_away(f->m.s, object);
        }
        f->m.places[i] = bring(f->m.s, &random);
    }
    for (int i = 0; i < PLACES; i++) {
        take_away(f->m.s, f->m.places[i]);
    }
    (void)buddy_slabs_trim(f->m.s);
    _exit(0);
}

static void a_child_of_many_threads_goes_on(void **state)
{
    (void)state;
    if (is_emulated()) {
        skip(); /* see emulated.h */
    }
    static forking f;
    memset(&f, 0, sizeof f);
    f.m.s = make();
    f.m.seeds = seed;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, swap_until_enough, &f), 0);
    }
    for (int i = 0; i < 30; i++) {
        take_away(f.m.s, bring(f.m.s, &(uint64_t){(uint64_t)i}));
        buddy_slabs_stats stats;
        buddy_slabs_get_stats(f.m.s, &stats); /* figures may be had at any time */
        assert_true(stats.cache_count <= 3);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            be_a_child(&f);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store_explicit(&f.enough, true, memory_order_relaxed);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < PLACES; i++) {
        if (f.m.places[i] != NULL) {
            take_away(f.m.s, f.m.places[i]);
        }
    }
    drop_empty(f.m.s);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_back_from_another_thread),
        cmocka_unit_test(of_two_threads_that_free_the_same_one_is_refused),
        cmocka_unit_test(everybody_frees_what_anybody_has_brought),
        cmocka_unit_test(a_parked_slab_is_told_of),
        cmocka_unit_test(what_an_ended_thread_left_is_used_again),
        cmocka_unit_test(threads_one_after_another_share_a_cache),
        cmocka_unit_test(a_child_of_many_threads_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
