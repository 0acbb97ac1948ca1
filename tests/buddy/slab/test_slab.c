/* Slabs: what they hand out is aligned, disjoint and keeps its bytes, no object loses more than an
 * eighth, what must not be taken back is refused by name, and what is empty goes back and merges.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/slab/private.h"
#include "buddy/slabs.h"
#include "tests/rigs/emulated.h"
#include "tests/rigs/mappings.h"
#include "tests/rigs/seed.h"

#define RANGE_BYTES ((size_t)256 << 20) /* small, so that the sanitizers find room for it */

static uint64_t seed;

static buddy_slabs *make(void)
{
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = RANGE_BYTES});
    assert_non_null(s);
    return s;
}

static void check(buddy_slabs *s)
{
    const char *fault = buddy_slabs_check(s);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

/* Everything was given back: then nothing is left but what the buddy has, in one piece. */
static void drop_empty(buddy_slabs *s)
{
    (void)buddy_slabs_trim(s);
    check(s);
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.slab_count, 0);
    assert_int_equal(stats.object_count, 0);
    assert_int_equal(stats.block_bytes, 0);
    assert_int_equal(stats.mapped_bytes, 0);
    assert_int_equal(stats.free_bytes, stats.capacity_bytes);
    for (uint32_t i = 0; i < stats.range_count; i++) {
        buddy *core = buddy_heap_core(s->ranges[i].heap);
        buddy_stats now;
        buddy_get_stats(core, &now);
        for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
            assert_int_equal(now.free_blocks[order], now.free_units >> order & 1);
        }
    }
    buddy_slabs_destroy(s);
}

/* The last line that the slab complained with. */
typedef struct complaint {
    char line[200];
    int count;
} complaint;

static void note(void *context, const char *line)
{
    complaint *c = context;
    c->count++;
    (void)snprintf(c->line, sizeof c->line, "%s", line);
}

static void refused(buddy_slabs *s, complaint *c, void *p, buddy_heap_status status)
{
    int count = c->count;
    assert_int_equal(buddy_slabs_free(s, p), status);
    assert_int_equal(c->count, count + 1);
    char address[32];
    (void)snprintf(address, sizeof address, "0x%" PRIxPTR, (uintptr_t)p);
    assert_non_null(strstr(c->line, address));
    assert_non_null(strstr(c->line, buddy_heap_status_text(status)));
    check(s);
}

/* ---- classes ---- */

static void no_object_loses_more_than_an_eighth(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= BUDDY_SLABS_OBJECT_MOST; bytes++) {
        uint32_t class = buddy_slabs_class(bytes), size = slab_class_bytes(class);
        assert_true(class < BUDDY_SLABS_CLASSES && size >= bytes);
        assert_int_equal(size % 16, 0);
        assert_true(class == 0 || slab_class_bytes(class - 1) < bytes);
        assert_true(size - bytes < 16 || (size - bytes) * 8 <= size);
    }
    assert_int_equal(buddy_slabs_class(0), 0);
    assert_int_equal(buddy_slabs_class(BUDDY_SLABS_OBJECT_MOST), BUDDY_SLABS_CLASSES - 1);
    assert_int_equal(slab_class_bytes(BUDDY_SLABS_CLASSES - 1), BUDDY_SLABS_OBJECT_MOST);
}

static void one_multiplication_tells_multiples(void **state)
{
    (void)state;
    for (uint32_t class = 0; class < BUDDY_SLABS_CLASSES; class ++) {
        uint32_t size = slab_class_bytes(class);
        uint32_t divide = (uint32_t)(((UINT64_C(1) << 32) + size - 1) / size);
        for (uint32_t within = 0; within < BUDDY_SLABS_CHUNK_BYTES; within++) {
            if (buddy_slab_is_multiple(within, divide) != (within % size == 0)) {
                fail_msg("%u of %u", within, size);
            }
        }
    }
}

/* ---- what is handed out ---- */

static void every_size_can_be_had_and_used(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    for (size_t bytes = 0; bytes <= (size_t)5 << 20; bytes = bytes * 5 / 4 + 1) {
        unsigned char *p = buddy_slabs_alloc(s, bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        size_t usable = buddy_slabs_usable_size(s, p);
        assert_true(usable >= bytes);
        assert_true(usable - bytes < 16 || (usable - bytes) * 8 <= usable || usable == 16);
        memset(p, 0xa5, usable);
        assert_true(buddy_slabs_owns(s, p));
        check(s);
        assert_int_equal(bytes % 2 != 0 ? buddy_slabs_free(s, p)
                                        : buddy_slabs_free_sized(s, p, bytes),
                         BUDDY_HEAP_OK);
    }
    assert_null(buddy_slabs_alloc(s, SIZE_MAX));
    assert_null(buddy_slabs_alloc(s, SIZE_MAX / 2));
    drop_empty(s);
}

static void every_alignment_can_be_had(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    for (size_t alignment = 1; alignment <= (size_t)64 << 20; alignment *= 2) {
        for (size_t bytes = 0; bytes <= (size_t)3 << 20; bytes = bytes * 3 + 1) {
            unsigned char *p = buddy_slabs_aligned(s, alignment, bytes);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % alignment, 0);
            assert_true(buddy_slabs_usable_size(s, p) >= bytes);
            memset(p, 1, bytes);
            assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
        }
    }
    assert_null(buddy_slabs_aligned(s, 0, 16));
    assert_null(buddy_slabs_aligned(s, 48, 16));
    assert_null(buddy_slabs_aligned(s, 4096, SIZE_MAX - 100));
    drop_empty(s);
}

static void zeroed_is_zero_however_often_it_was_used(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    static const size_t sizes[] = {24, 5000, 30000, 40000, 100000, 900000, 3000000};
    for (size_t round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            unsigned char *p = buddy_slabs_zeroed(s, sizes[i]);
            assert_non_null(p);
            assert_true(p[0] == 0 && memcmp(p, p + 1, sizes[i] - 1) == 0);
            memset(p, 0xff, sizes[i]);
            assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
        }
        if (round == 2) {
            assert_true(buddy_slabs_trim(s) > 0);
        }
    }
    drop_empty(s);
}

static void a_range_that_is_used_up_is_followed_by_another(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    buddy_slabs *s = buddy_slabs_create(&(buddy_slabs_desc){.range_bytes = 4 << 20});
    assert_non_null(s);
    void *objects[COUNT];
    for (int i = 0; i < COUNT; i++) {
        objects[i] = buddy_slabs_alloc(s, i % 2 != 0 ? 30000 : 50000);
        assert_non_null(objects[i]);
        memset(objects[i], i, 30000);
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_true(stats.range_count >= 6);
    check(s);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(((unsigned char *)objects[i])[29999], i & 255);
        assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
    }
    drop_empty(s);
}

/* However it grows: and the rest costs nothing and cannot be touched. */
static void what_is_in_play_of_a_range_is_one_mapping(void **state)
{
    (void)state;
    if (is_emulated()) {
        skip(); /* what is mapped is the emulator's to say, and it does not say all */
    }
    enum { COUNT = 600 };
    buddy_slabs *s = make();
    void *objects[COUNT];
    for (int i = 0; i < COUNT; i++) {
        objects[i] = buddy_slabs_alloc(s, i % 3 == 0 ? 300000 : 20000);
        assert_non_null(objects[i]);
        memset(objects[i], i, 20000);
    }
    const slab_range *range = &s->ranges[0];
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.range_count, 1);
    assert_true(stats.capacity_bytes < range->bytes);
    mappings_sum sum = mappings_read(range->base, range->base + range->bytes);
    assert_int_equal(sum.within, stats.capacity_bytes);
    assert_int_equal(sum.count - sum.shut, 1);
    void *beyond = (void *)(range->base + range->bytes - 4096);
    assert_false(buddy_slabs_owns(s, beyond));
    assert_int_equal(buddy_slabs_free(s, beyond), BUDDY_HEAP_FOREIGN);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
    }
    drop_empty(s);
}

/* What a free object says of itself must not be taken for what a block says. */
static void a_block_may_lie_where_objects_were(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    buddy_slabs *s = make();
    static void *objects[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            objects[i] = buddy_slabs_alloc(s, 16 << round);
        }
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
        }
        for (int i = 0; i < 10; i++) {
            objects[i] = buddy_slabs_alloc(s, 40000 << i % 3);
        }
        for (int i = 0; i < 10; i++) {
            assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
        }
    }
    drop_empty(s);
}

static void a_large_buffer_that_comes_and_goes_keeps_its_pages(void **state)
{
    (void)state;
    complaint c = {.count = 0};
    buddy_slabs *s = buddy_slabs_create(
        &(buddy_slabs_desc){.range_bytes = RANGE_BYTES, .on_error = note, .on_error_context = &c});
    void *mapped = buddy_slabs_alloc(s, 5000000);
    assert_int_equal(buddy_slabs_free(s, mapped),
                     BUDDY_HEAP_OK); /* which teaches that such sizes come back */
    void *first = buddy_slabs_alloc(s, 5000000), *second = buddy_slabs_alloc(s, 4000000);
    assert_non_null(slab_range_of(s, first));
    assert_int_equal(buddy_slabs_free(s, first), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, second), BUDDY_HEAP_OK);
    refused(s, &c, first, BUDDY_HEAP_DOUBLE_FREE);
    assert_ptr_equal(buddy_slabs_alloc(s, 5000000), first);
    assert_ptr_equal(buddy_slabs_alloc(s, 4000000), second);
    assert_int_equal(buddy_slabs_free(s, first), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, second), BUDDY_HEAP_OK);
    void *many[SLAB_LARGE_CELLS + 4]; /* more than are kept, and the sanitizers' memory is dear */
    for (uint32_t i = 0; i < SLAB_LARGE_CELLS + 4; i++) {
        many[i] = buddy_slabs_alloc(s, 2200000);
        assert_non_null(many[i]);
    }
    for (uint32_t i = 0; i < SLAB_LARGE_CELLS + 4; i++) {
        assert_int_equal(buddy_slabs_free(s, many[i]), BUDDY_HEAP_OK);
    }
    drop_empty(s);
}

/* ---- resizing ---- */

static void contents_move_along(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    size_t bytes = 1;
    unsigned char *p = buddy_slabs_realloc(s, NULL, bytes);
    p[0] = 0;
    for (int i = 1; i < 260; i++) {
        size_t wanted = i < 130 ? bytes + bytes / 8 + 1 : bytes - bytes / 8 - (bytes > 1);
        p = buddy_slabs_realloc(s, p, wanted);
        assert_non_null(p);
        for (size_t at = 0; at < bytes && at < wanted; at += at / 4 + 1) {
            assert_int_equal(p[at], at & 255);
        }
        for (size_t at = 0; at < wanted; at += at / 4 + 1) {
            p[at] = (unsigned char)at;
        }
        bytes = wanted;
        bytes = bytes != 0 ? bytes : 1;
    }
    check(s);
    assert_null(buddy_slabs_realloc(s, p, SIZE_MAX / 2));
    assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
    drop_empty(s);
}

/* ---- against a model ---- */

typedef struct lot {
    unsigned char *at;
    size_t bytes;
    unsigned char fill;
} lot;

static size_t some_bytes(uint64_t *random)
{
    static const uint32_t most[] = {64, 64, 512, 512, 4096, 40000, 300000, 3000000};
    return seed_below(random, most[seed_below(random, 8)]);
}

static void verify(const lot *l)
{
    if (l->bytes != 0 && (l->at[0] != l->fill || memcmp(l->at, l->at + 1, l->bytes - 1) != 0)) {
        fail_msg("an object of %zu bytes was written to", l->bytes);
    }
}

static void step(buddy_slabs *s, lot *l, uint64_t *random)
{
    uint32_t what = seed_below(random, 4);
    size_t bytes = some_bytes(random);
    if (l->at != NULL && what != 0) {
        verify(l);
        assert_int_equal(buddy_slabs_free(s, l->at), BUDDY_HEAP_OK);
        *l = (lot){0};
        return;
    }
    if (l->at != NULL) {
        size_t kept = bytes < l->bytes ? bytes : l->bytes;
        l->at = buddy_slabs_realloc(s, l->at, bytes);
        l->bytes = kept;
        verify(l);
    } else {
        l->at = what == 1   ? buddy_slabs_aligned(s, (size_t)1 << seed_below(random, 14), bytes)
                : what == 2 ? buddy_slabs_zeroed(s, bytes)
                            : buddy_slabs_alloc(s, bytes);
    }
    assert_non_null(l->at);
    l->bytes = bytes;
    l->fill = (unsigned char)seed_next(random);
    memset(l->at, l->fill, bytes);
}

static void random_use_agrees_with_a_model(void **state)
{
    (void)state;
    enum { LOTS = 500, STEPS = 8000 };
    buddy_slabs *s = make();
    static lot lots[LOTS];
    uint64_t random = seed;
    for (int i = 0; i < STEPS; i++) {
        step(s, &lots[seed_below(&random, LOTS)], &random);
        if (i % 199 == 0) {
            check(s);
        }
    }
    for (int i = 0; i < LOTS; i++) {
        if (lots[i].at != NULL) {
            verify(&lots[i]);
            assert_int_equal(buddy_slabs_free(s, lots[i].at), BUDDY_HEAP_OK);
        }
    }
    drop_empty(s);
}

/* Many slabs a class, emptied in an order of chance: each goes back as soon as it is empty. */
static void empty_slabs_go_back(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    buddy_slabs *s = make();
    static void *objects[COUNT];
    uint64_t random = seed;
    for (int i = 0; i < COUNT; i++) {
        objects[i] = buddy_slabs_alloc(s, 200);
        assert_non_null(objects[i]);
    }
    for (int i = COUNT - 1; i > 0; i--) {
        uint32_t j = seed_below(&random, (uint32_t)i + 1);
        void *swapped = objects[i];
        objects[i] = objects[j];
        objects[j] = swapped;
    }
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.object_count, COUNT);
    assert_true(stats.slab_count >= COUNT * 200 / BUDDY_SLABS_CHUNK_BYTES);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(buddy_slabs_free(s, objects[i]), BUDDY_HEAP_OK);
    }
    buddy_slabs_get_stats(s, &stats);
    assert_true(stats.slab_count <= 1); /* the current one stays */
    drop_empty(s);
}

/* ---- what is not taken back ---- */

static void wrong_pointers_are_named_and_change_nothing(void **state)
{
    (void)state;
    complaint c = {.count = 0};
    buddy_slabs *s = buddy_slabs_create(
        &(buddy_slabs_desc){.range_bytes = RANGE_BYTES, .on_error = note, .on_error_context = &c});
    static const size_t sizes[] = {1, 48, 200, 3000, 20000};
    int local;
    refused(s, &c, &local, BUDDY_HEAP_FOREIGN);
    refused(s, &c, (void *)(uintptr_t)16, BUDDY_HEAP_FOREIGN);
    refused(s, &c, (void *)(s->ranges[0].base - 16), BUDDY_HEAP_FOREIGN);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *first = buddy_slabs_alloc(s, sizes[i]),
                      *second = buddy_slabs_alloc(s, sizes[i]);
        refused(s, &c, second + 1, BUDDY_HEAP_INTERIOR);
        refused(s, &c, second + 8, BUDDY_HEAP_INTERIOR);
        assert_int_equal(buddy_slabs_free(s, second), BUDDY_HEAP_OK);
        refused(s, &c, second, BUDDY_HEAP_DOUBLE_FREE);
        assert_int_equal(buddy_slabs_free(s, first), BUDDY_HEAP_OK);
        refused(s, &c, second, BUDDY_HEAP_DOUBLE_FREE);
        refused(s, &c, first, BUDDY_HEAP_DOUBLE_FREE);
    }
    unsigned char *never = buddy_slabs_alloc(s, 8192); /* of which a slab makes one at a time */
    refused(s, &c, never + 8192, BUDDY_HEAP_DOUBLE_FREE);
    unsigned char *block = buddy_slabs_alloc(s, 100000), *mapped = buddy_slabs_alloc(s, 5 << 20);
    refused(s, &c, block + 16, BUDDY_HEAP_MISALIGNED);
    refused(s, &c, block + 4096, BUDDY_HEAP_INTERIOR);
    refused(s, &c, mapped + 4096, BUDDY_HEAP_FOREIGN);
    assert_int_equal(buddy_slabs_free_sized(s, block, 50000), BUDDY_HEAP_WRONG_SIZE);
    assert_int_equal(buddy_slabs_free_sized(s, never, 50), BUDDY_HEAP_WRONG_SIZE);
    assert_null(buddy_slabs_realloc(s, mapped + 16, 10));
    assert_int_equal(buddy_slabs_free(s, never), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, block), BUDDY_HEAP_OK);
    assert_int_equal(buddy_slabs_free(s, mapped), BUDDY_HEAP_OK);
    refused(s, &c, block, BUDDY_HEAP_DOUBLE_FREE);
    refused(s, &c, mapped, BUDDY_HEAP_FOREIGN);
    assert_int_equal(buddy_slabs_free(s, NULL), BUDDY_HEAP_OK);
    buddy_slabs_stats stats;
    buddy_slabs_get_stats(s, &stats);
    assert_int_equal(stats.errors, c.count);
    drop_empty(s);
}

static void what_is_free_is_not_made_larger(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, 5000, 32768, 33000, 100000, 2 << 20, 3 << 20};
    complaint c = {.count = 0};
    buddy_slabs *s = buddy_slabs_create(
        &(buddy_slabs_desc){.range_bytes = RANGE_BYTES, .on_error = note, .on_error_context = &c});
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *p = buddy_slabs_alloc(s, sizes[i]), *beside = buddy_slabs_alloc(s, sizes[i]);
        assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
        assert_int_equal(buddy_slabs_usable_size(s, p), 0);
        assert_null(buddy_slabs_realloc(s, p, sizes[i])); /* a size that it had room for */
        assert_null(buddy_slabs_realloc(s, p, 2 * sizes[i]));
        assert_int_equal(c.count, 2 * (i + 1));
        assert_non_null(strstr(c.line, "realloc of 0x"));
        assert_int_equal(buddy_slabs_free(s, beside), BUDDY_HEAP_OK);
    }
    assert_null(buddy_slabs_realloc(s, &c, 10));
    assert_non_null(strstr(c.line, buddy_heap_status_text(BUDDY_HEAP_FOREIGN)));
    drop_empty(s);
}

/* ---- making one ---- */

static void impossible_descs_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const buddy_slabs_desc bad[] = {
        {.range_bytes = 1000}, {.range_bytes = 3 << 20}, {.range_bytes = SIZE_MAX / 2 + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        errno = 0;
        assert_null(buddy_slabs_create(&bad[i]));
        assert_int_equal(errno, EINVAL);
    }
    buddy_slabs_destroy(NULL);
    buddy_slabs *s = make();
    assert_int_equal(buddy_slabs_get_desc(s)->range_bytes, RANGE_BYTES);
    assert_int_equal(buddy_slabs_get_desc(s)->keep_bytes, 8 << 20);
    drop_empty(s);
}

/* ---- a cache at hand ---- */

static void *take_and_give_at_hand(void *context)
{
    buddy_slabs *s = context;
    static _Thread_local buddy_slabs_cache *cache = &buddy_slabs_no_cache;
    buddy_slabs_attach(s, &cache); /* there is none yet */
    assert_ptr_equal(cache, &buddy_slabs_no_cache);
    assert_null(buddy_slabs_take(cache, 48));
    void *first = buddy_slabs_alloc_slowly(s, 48);
    assert_non_null(first);
    assert_false(buddy_slabs_give(cache, first));
    assert_false(buddy_slabs_give_far(cache, first));
    buddy_slabs_attach(s, &cache);
    assert_ptr_not_equal(cache, &buddy_slabs_no_cache);
    void *second = buddy_slabs_take(cache, 48);
    assert_non_null(second);
    assert_true(buddy_slabs_give(cache, second));
    assert_false(buddy_slabs_give(cache, second));    /* free already */
    assert_false(buddy_slabs_give_far(cache, first)); /* its own */
    assert_true(buddy_slabs_give(cache, first));
    assert_null(buddy_slabs_take(cache, BUDDY_SLABS_OBJECT_MOST + 1));
    return NULL;
}

static void a_cache_at_hand_serves_its_thread(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_and_give_at_hand, s), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    static buddy_slabs_cache *own = &buddy_slabs_no_cache;
    void *object = buddy_slabs_alloc(s, 48);
    buddy_slabs_attach(s, &own);
    assert_true(buddy_slabs_in_range(s, object));
    assert_true(buddy_slabs_give(own, object));
    drop_empty(s);
}

/* ---- the check ---- */

static void damage_is_noticed(void **state)
{
    (void)state;
    buddy_slabs *s = make();
    buddy_slab_object *p = buddy_slabs_alloc(s, 32), *q = buddy_slabs_alloc(s, 32);
    assert_int_equal(buddy_slabs_free(s, p), BUDDY_HEAP_OK);
    check(s);
    uintptr_t seal = p->seal;
    p->seal++; /* written to after it was freed */
    assert_string_equal(buddy_slabs_check(s),
                        "a free object lies outside its slab, or has been written to");
    p->seal = seal;
    check(s);
    buddy_slab *slab = slab_of(&s->ranges[0], q);
    buddy_slab_set_used(slab, buddy_slab_used(slab) + 1);
    assert_string_equal(buddy_slabs_check(s), "a slab's objects are not all free or taken");
    buddy_slab_set_used(slab, buddy_slab_used(slab) - 1);
    slab_set_is_current(slab, false);
    assert_non_null(buddy_slabs_check(s));
    slab_set_is_current(slab, true);
    assert_int_equal(buddy_slabs_free(s, q), BUDDY_HEAP_OK);
    drop_empty(s);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_object_loses_more_than_an_eighth),
        cmocka_unit_test(one_multiplication_tells_multiples),
        cmocka_unit_test(every_size_can_be_had_and_used),
        cmocka_unit_test(every_alignment_can_be_had),
        cmocka_unit_test(zeroed_is_zero_however_often_it_was_used),
        cmocka_unit_test(a_range_that_is_used_up_is_followed_by_another),
        cmocka_unit_test(what_is_in_play_of_a_range_is_one_mapping),
        cmocka_unit_test(a_block_may_lie_where_objects_were),
        cmocka_unit_test(a_large_buffer_that_comes_and_goes_keeps_its_pages),
        cmocka_unit_test(contents_move_along),
        cmocka_unit_test(random_use_agrees_with_a_model),
        cmocka_unit_test(empty_slabs_go_back),
        cmocka_unit_test(wrong_pointers_are_named_and_change_nothing),
        cmocka_unit_test(what_is_free_is_not_made_larger),
        cmocka_unit_test(impossible_descs_are_refused_with_a_reason),
        cmocka_unit_test(a_cache_at_hand_serves_its_thread),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
