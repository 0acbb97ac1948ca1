/* The RAM tier: never over budget, contents intact, pinned pages safe, the oldest go first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/ram/ramtier.h"
#include "tests/rigs/seed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGES = 500,
    STEPS = 8000,
    MOST_PINNED = 4, /* by the random walk: they cannot break a 2 MiB arena so far that 128 KiB
                        in four pieces do not fit, so nothing is refused */
    THREADS = 4,
    SAME_PAGES = 200,
    THREAD_STEPS = 1500,
    MIB = 1 << 20,
    MOST_BYTES = 2 * TEXEL_PAGE_MAX_BYTES,
};

/* What the model knows of a page. */
typedef struct model_page {
    uint64_t used; /* order of use; 0: never held */
    uint32_t pins;
    ramtier_blob blob; /* while pinned */
} model_page;

static model_page model[PAGES];
static vt_sync sync; /* which allocator the arena has in this round */
static uint64_t sequence;
static uint64_t random_state;

static uint32_t id_of(uint32_t index)
{
    return page_pack((vt_page){.texture = 1,
                               .mip = (uint8_t)(index % 5),
                               .x = (uint16_t)(index / 5),
                               .y = (uint16_t)(index % 7)});
}

/* A page's layers are a function of its number alone: sizes as compressed tiles have them, and now
 * and then an incompressible one. */
static uint32_t layers_of(uint32_t index, ramtier_layer layers[VT_MAX_LAYERS])
{
    uint64_t state = index * 77u + 5;
    const uint32_t count = 1 + seed_below(&state, 2);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t limit = seed_below(&state, 20) ? 9000 : TEXEL_PAGE_MAX_BYTES;
        layers[i].bytes = 1 + seed_below(&state, limit);
        layers[i].codec = seed_below(&state, 2) ? PAGE_LZ4 : PAGE_STORED;
    }
    return count;
}

static uint8_t byte_of(uint32_t index, uint32_t at)
{
    return (uint8_t)((at * 2654435761u + index * 40503u) >> 13);
}

static uint32_t fill_page(uint32_t index, const ramtier_layer layers[], uint32_t layer_count,
                          uint8_t *data)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < layer_count; i++) {
        bytes += layers[i].bytes;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        data[i] = byte_of(index, i);
    }
    return bytes;
}

static bool insert(ramtier *rt, uint32_t index, uint8_t *data, ramtier_blob *out)
{
    ramtier_layer layers[VT_MAX_LAYERS];
    const uint32_t count = layers_of(index, layers);
    fill_page(index, layers, count, data);
    return ramtier_insert(rt, id_of(index), count, layers, data, out);
}

/* Whether a pinned page reads back as it was put. */
static bool is_intact(uint32_t index, const ramtier_blob *blob)
{
    ramtier_layer layers[VT_MAX_LAYERS];
    const uint32_t count = layers_of(index, layers);
    if (blob->layer_count != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (blob->layers[i].bytes != layers[i].bytes || blob->layers[i].codec != layers[i].codec) {
            return false;
        }
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < blob->piece_count; i++) {
        for (uint32_t k = 0; k < blob->pieces[i].bytes; k++) {
            if (blob->pieces[i].data[k] != byte_of(index, at++)) {
                return false;
            }
        }
    }
    return at == blob->bytes;
}

static void assert_well(ramtier *rt)
{
    const char *wrong = ramtier_check(rt);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static void assert_in_budget(ramtier *rt)
{
    ramtier_stats s;
    ramtier_get_stats(rt, &s);
    assert_true(s.used_bytes <= s.peak_bytes && s.peak_bytes <= s.budget_bytes);
    assert_true(s.payload_bytes <= s.used_bytes && s.arena_bytes < s.budget_bytes);
    assert_true(s.fragmentation >= 0 && s.fragmentation < 1);
}

/* Held pages that nobody pins are the most recently used ones, without a gap: a page is only
 * evicted after all that were used before it. */
static void assert_oldest_went_first(ramtier *rt)
{
    uint64_t oldest_held = UINT64_MAX;
    uint64_t newest_gone = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        const bool held = ramtier_has(rt, id_of(i));
        assert_true(held || model[i].pins == 0); /* pinned ones are held */
        if (held && model[i].pins == 0 && model[i].used < oldest_held) {
            oldest_held = model[i].used;
        }
        if (!held && model[i].used > newest_gone) {
            newest_gone = model[i].used;
        }
    }
    assert_true(newest_gone < oldest_held);
}

static uint32_t model_pinned(void)
{
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        pinned += model[i].pins > 0;
    }
    return pinned;
}

static void unpin(ramtier *rt, uint32_t index)
{
    assert_true(is_intact(index, &model[index].blob));
    ramtier_unpin(rt, &model[index].blob);
    if (--model[index].pins == 0) {
        model[index].used = ++sequence;
    }
}

static void step(ramtier *rt, uint8_t *data)
{
    const uint32_t index = seed_below(&random_state, PAGES);
    model_page *p = &model[index];
    const bool was_held = ramtier_has(rt, id_of(index));
    const uint32_t action = seed_below(&random_state, 10);
    if (p->pins > 0 && action < 8) {
        unpin(rt, index);
    } else if (action < 6) {
        assert_true(insert(rt, index, data, &p->blob));
        p->pins++;
        if (action < 5 || model_pinned() > MOST_PINNED) {
            unpin(rt, index);
        }
    } else if (action < 9) {
        assert_int_equal(ramtier_pin(rt, id_of(index), &p->blob), was_held);
        p->pins += was_held;
        if (was_held) {
            unpin(rt, index);
        }
    } else {
        assert_int_equal(ramtier_touch(rt, id_of(index)), was_held);
        p->used = was_held && p->pins == 0 ? ++sequence : p->used;
    }
}

static void random_work_keeps_budget_contents_and_order(void **state)
{
    (void)state;
    random_state = seed_of_run();
    memset(model, 0, sizeof model);
    uint8_t *data = malloc(MOST_BYTES);
    ramtier *rt = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 2 * MIB});
    assert_non_null(rt);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(rt, data);
        if (i % 200 == 0) {
            assert_well(rt);
            assert_in_budget(rt);
            assert_oldest_went_first(rt);
        }
    }
    ramtier_stats s;
    ramtier_get_stats(rt, &s);
    assert_true(s.evicted > 100 && s.refused == 0); /* the test is about being full */
    assert_true(s.peak_bytes > s.budget_bytes / 10 * 9);
    for (uint32_t i = 0; i < PAGES; i++) {
        while (model[i].pins > 0) {
            unpin(rt, i);
        }
    }
    ramtier_flush(rt);
    ramtier_get_stats(rt, &s);
    assert_int_equal(s.pages, 0);
    assert_int_equal(s.payload_bytes, 0);
    assert_int_equal(s.inserted, s.evicted);
    assert_well(rt);
    ramtier_destroy(rt);
    free(data);
}

/* One bit a page that is held after a fixed sequence, and the statistics. */
static ramtier_stats run_sequence(uint64_t seed, uint8_t held[PAGES])
{
    random_state = seed;
    memset(model, 0, sizeof model);
    uint8_t *data = malloc(MOST_BYTES);
    ramtier *rt = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 2 * MIB});
    assert_non_null(rt);
    for (uint32_t i = 0; i < 3000; i++) {
        step(rt, data);
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        held[i] = ramtier_has(rt, id_of(i));
        while (model[i].pins > 0) {
            unpin(rt, i);
        }
    }
    ramtier_stats s;
    ramtier_get_stats(rt, &s);
    ramtier_destroy(rt);
    free(data);
    return s;
}

static void the_same_sequence_gives_the_same_evictions(void **state)
{
    (void)state;
    const uint64_t seed = seed_of_run();
    static uint8_t held[2][PAGES];
    const ramtier_stats first = run_sequence(seed, held[0]);
    const ramtier_stats second = run_sequence(seed, held[1]);
    assert_memory_equal(held[0], held[1], PAGES);
    assert_int_equal(first.evicted, second.evicted);
    assert_int_equal(first.inserted, second.inserted);
    assert_int_equal(first.peak_bytes, second.peak_bytes);
    assert_true(first.fragmentation == second.fragmentation);
}

static void a_tier_full_of_pinned_pages_refuses_and_recovers(void **state)
{
    (void)state;
    static uint8_t data[TEXEL_PAGE_MAX_BYTES];
    const ramtier_layer layer = {.bytes = 8192, .codec = PAGE_STORED};
    ramtier *rt = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 256 * 1024});
    assert_non_null(rt);
    static ramtier_blob blobs[64];
    uint32_t count = 0;
    while (ramtier_insert(rt, id_of(count), 1, &layer, data, &blobs[count])) {
        count++;
        assert_true(count < 32);
    }
    assert_true(count >= 20);
    ramtier_stats s;
    ramtier_get_stats(rt, &s);
    assert_int_equal(s.refused, 1);
    assert_int_equal(s.evicted, 0);
    assert_well(rt);
    assert_false(ramtier_has(rt, id_of(count)));
    ramtier_unpin(rt, &blobs[0]);
    assert_true(ramtier_insert(rt, id_of(count), 1, &layer, data, &blobs[0]));
    assert_false(ramtier_has(rt, id_of(0)));
    for (uint32_t i = 0; i < count; i++) {
        ramtier_unpin(rt, &blobs[i]);
    }
    assert_well(rt);
    ramtier_destroy(rt);
}

static void a_page_larger_than_the_arena_is_refused_and_evicts_nothing(void **state)
{
    (void)state;
    static uint8_t data[4 * TEXEL_PAGE_MAX_BYTES];
    ramtier *rt = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 192 * 1024});
    assert_non_null(rt);
    const ramtier_layer small = {.bytes = 100, .codec = PAGE_STORED};
    ramtier_blob blob;
    assert_true(ramtier_insert(rt, id_of(1), 1, &small, data, &blob));
    ramtier_unpin(rt, &blob);
    const ramtier_layer large[4] = {{TEXEL_PAGE_MAX_BYTES, PAGE_STORED},
                                    {TEXEL_PAGE_MAX_BYTES, PAGE_STORED},
                                    {TEXEL_PAGE_MAX_BYTES, PAGE_STORED},
                                    {TEXEL_PAGE_MAX_BYTES, PAGE_STORED}};
    assert_false(ramtier_insert(rt, id_of(2), 4, large, data, &blob));
    assert_true(ramtier_has(rt, id_of(1)));
    assert_well(rt);
    ramtier_destroy(rt);
}

static void the_least_budget_holds_the_largest_page(void **state)
{
    (void)state;
    static uint8_t data[TEXEL_PAGE_MAX_BYTES];
    const uint64_t least = ramtier_least_budget();
    assert_null(ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 0}));
    assert_null(ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = least - 1}));
    assert_null(
        ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = least, .max_pages = 1 << 20}));
    ramtier *rt =
        ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = least, .prefault = true});
    assert_non_null(rt);
    const ramtier_layer small = {.bytes = 5000, .codec = PAGE_STORED};
    const ramtier_layer largest = {.bytes = TEXEL_PAGE_MAX_BYTES, .codec = PAGE_STORED};
    for (uint32_t i = 0; i < 100; i++) { /* whatever lies there before, and however scattered */
        ramtier_blob blob;
        assert_true(ramtier_insert(rt, id_of(i), 1, i % 9 ? &small : &largest, data, &blob));
        ramtier_unpin(rt, &blob);
    }
    assert_in_budget(rt);
    assert_well(rt);
    ramtier_destroy(rt);
    ramtier_destroy(NULL);
}

static void the_number_of_pages_is_bounded(void **state)
{
    (void)state;
    static const uint8_t data[64];
    ramtier *rt =
        ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = MIB, .max_pages = 10});
    assert_non_null(rt);
    const ramtier_layer layer = {.bytes = 64, .codec = PAGE_STORED};
    for (uint32_t i = 0; i < 100; i++) {
        ramtier_blob blob;
        assert_true(ramtier_insert(rt, id_of(i), 1, &layer, data, &blob));
        ramtier_unpin(rt, &blob);
    }
    ramtier_stats s;
    ramtier_get_stats(rt, &s);
    assert_int_equal(s.pages, 10);
    assert_int_equal(s.evicted, 90);
    assert_well(rt);
    ramtier_destroy(rt);
}

/* ---- threads ---- */

static ramtier *shared;
static atomic_uint damaged; /* pages that did not read back */

static void *work(void *argument)
{
    uint64_t state = *(const uint64_t *)argument;
    uint8_t *data = malloc(MOST_BYTES);
    for (uint32_t i = 0; i < THREAD_STEPS; i++) {
        const uint32_t index = seed_below(&state, 120); /* few, so that threads meet */
        ramtier_blob blob;
        const bool pinned = seed_below(&state, 2) ? insert(shared, index, data, &blob)
                                                  : ramtier_pin(shared, id_of(index), &blob);
        if (pinned) {
            atomic_fetch_add(&damaged, !is_intact(index, &blob));
            ramtier_unpin(shared, &blob);
        }
        if (i % 64 == 0) {
            ramtier_stats s;
            ramtier_get_stats(shared, &s);
            atomic_fetch_add(&damaged, s.used_bytes > s.budget_bytes);
        }
        if (i % 500 == 0) {
            ramtier_flush(shared);
        }
    }
    free(data);
    return NULL;
}

static void many_threads_see_whole_pages_within_the_budget(void **state)
{
    (void)state;
    const uint64_t seed = seed_of_run();
    shared = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 768 * 1024});
    assert_non_null(shared);
    atomic_store(&damaged, 0);
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    for (uint32_t t = 0; t < THREADS; t++) {
        seeds[t] = seed + t * 1000003u;
        assert_int_equal(pthread_create(&threads[t], NULL, work, &seeds[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    assert_int_equal(atomic_load(&damaged), 0);
    assert_well(shared);
    assert_in_budget(shared);
    ramtier_destroy(shared);
}

/* All threads bring the same page at the same moment, each time another one. */
static pthread_barrier_t barrier;

static void *bring_the_same(void *argument)
{
    (void)argument;
    static const uint8_t data[MOST_BYTES];
    const ramtier_layer layers[2] = {{TEXEL_PAGE_MAX_BYTES, PAGE_STORED},
                                     {TEXEL_PAGE_MAX_BYTES, PAGE_STORED}};
    for (uint32_t i = 0; i < SAME_PAGES; i++) {
        ramtier_blob blob;
        pthread_barrier_wait(&barrier);
        if (ramtier_insert(shared, id_of(i), 2, layers, data, &blob)) {
            ramtier_unpin(shared, &blob);
        } else {
            atomic_fetch_add(&damaged, 1);
        }
    }
    return NULL;
}

static void a_page_that_many_threads_bring_at_once_is_held_once(void **state)
{
    (void)state;
    shared = ramtier_create(&(ramtier_desc){.sync = sync, .budget_bytes = 8 * MIB});
    assert_non_null(shared);
    atomic_store(&damaged, 0);
    pthread_barrier_init(&barrier, NULL, THREADS);
    pthread_t threads[THREADS];
    for (uint32_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, bring_the_same, NULL), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    pthread_barrier_destroy(&barrier);
    ramtier_stats s;
    ramtier_get_stats(shared, &s);
    assert_int_equal(atomic_load(&damaged), 0);
    assert_int_equal(s.inserted, SAME_PAGES);
    assert_well(shared);
    ramtier_destroy(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_keeps_budget_contents_and_order),
        cmocka_unit_test(the_same_sequence_gives_the_same_evictions),
        cmocka_unit_test(a_tier_full_of_pinned_pages_refuses_and_recovers),
        cmocka_unit_test(a_page_larger_than_the_arena_is_refused_and_evicts_nothing),
        cmocka_unit_test(the_least_budget_holds_the_largest_page),
        cmocka_unit_test(the_number_of_pages_is_bounded),
        cmocka_unit_test(a_page_that_many_threads_bring_at_once_is_held_once),
        cmocka_unit_test(many_threads_see_whole_pages_within_the_budget),
    };
    int failed = 0;
    for (sync = VT_SYNC_LOCKFREE; sync <= VT_SYNC_MUTEX; sync++) {
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
