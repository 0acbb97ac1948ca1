/* Who asked for what: the set of live blocks against a model, sums, bounded memory. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/fault.h"
#include "tests/rigs/buddy/painted.h"
#include "tests/rigs/buddy/track_rig.h"

static uint64_t seed;

/* ---- a model: a list of what is live ---- */

enum { MODEL_MOST = 512, ADDRESSES = 2048 };

typedef struct model {
    uint32_t count;
    struct {
        const char *pointer;
        size_t bytes;
        const void *site;
    } live[MODEL_MOST];
    uint32_t seen;
} model;

static char addresses[ADDRESSES * 16];

static const void *site_number(uint32_t i)
{
    return (const void *)(uintptr_t)(0x1000 + 16 * i);
}

static uint32_t model_find(const model *m, const void *pointer)
{
    uint32_t i = 0;
    while (i < m->count && m->live[i].pointer != pointer) {
        i++;
    }
    return i;
}

static const char *model_unused(const model *m, uint64_t *random)
{
    const char *pointer;
    do {
        pointer = &addresses[16 * (size_t)seed_below(random, ADDRESSES)];
    } while (model_find(m, pointer) < m->count);
    return pointer;
}

static bool expect_block(void *context, const buddy_track_block *block)
{
    model *m = context;
    uint32_t i = model_find(m, block->pointer);
    assert_true(i < m->count);
    assert_int_equal(block->bytes, m->live[i].bytes);
    assert_int_equal(block->frame_count, 1);
    assert_ptr_equal(block->frames[0], m->live[i].site);
    assert_int_equal(block->thread, buddy_fault_thread());
    m->seen++;
    return true;
}

static void compare(buddy_track *t, model *m)
{
    track_expect_sound(t);
    m->seen = 0;
    buddy_track_walk(t, expect_block, m);
    assert_int_equal(m->seen, m->count);
}

static void model_alloc(buddy_track *t, model *m, uint64_t *random)
{
    const char *pointer = model_unused(m, random);
    size_t bytes = seed_below(random, 100000);
    const void *site = site_number(seed_below(random, 20));
    buddy_track_alloc(t, pointer, bytes, site);
    m->live[m->count].pointer = pointer;
    m->live[m->count].bytes = bytes;
    m->live[m->count++].site = site;
}

static void model_free(buddy_track *t, model *m, uint64_t *random)
{
    uint32_t i = seed_below(random, m->count);
    buddy_track_free(t, m->live[i].pointer);
    m->live[i] = m->live[--m->count];
}

/* Moves, stays, or fails. */
static void model_realloc(buddy_track *t, model *m, uint64_t *random)
{
    uint32_t i = seed_below(random, m->count), fate = seed_below(random, 3);
    const void *site = site_number(seed_below(random, 20));
    buddy_track_moving moving = buddy_track_realloc_begin(t, m->live[i].pointer);
    const char *now = fate == 0 ? m->live[i].pointer : fate == 1 ? model_unused(m, random) : NULL;
    size_t bytes = seed_below(random, 100000);
    buddy_track_realloc_end(t, moving, now, bytes, site);
    if (now != NULL) {
        m->live[i].pointer = now;
        m->live[i].bytes = bytes;
        m->live[i].site = site;
    }
}

static void any_history_leaves_the_blocks_of_the_model(void **state)
{
    (void)state;
    uint64_t random = seed;
    static model m;
    m.count = 0;
    buddy_track *t = track_make((buddy_track_desc){.blocks = MODEL_MOST, .sites = 20});
    for (int i = 0; i < 30000; i++) {
        uint32_t choice = seed_below(&random, 7);
        if (m.count < MODEL_MOST && (choice < 3 || m.count == 0)) {
            model_alloc(t, &m, &random);
        } else if (choice < 6) {
            model_free(t, &m, &random);
        } else {
            model_realloc(t, &m, &random);
        }
        if (i % 100 == 0) {
            compare(t, &m);
        }
    }
    buddy_track_stats s = track_stats_of(t);
    assert_int_equal(s.forgotten + s.unknown + s.replaced + s.homeless, 0);
    assert_int_equal(s.sites, 20);
    buddy_track_destroy(t);
}

static void what_finds_no_room_is_counted_and_forgotten(void **state)
{
    (void)state;
    buddy_track *t = track_make((buddy_track_desc){.blocks = 100, .sites = 3});
    for (uint32_t i = 0; i < 150; i++) {
        buddy_track_alloc(t, &addresses[i], 10, site_number(i % 5));
    }
    buddy_track_stats s = track_stats_of(t);
    assert_int_equal(s.live_blocks, 100);
    assert_int_equal(s.live_bytes, 1000);
    assert_int_equal(s.forgotten, 50);
    assert_int_equal(s.sites, 3);
    assert_int_equal(s.homeless, 60);
    track_expect_sound(t);
    for (uint32_t i = 0; i < 150; i++) {
        buddy_track_free(t, &addresses[i]);
    }
    s = track_stats_of(t);
    assert_int_equal(s.live_blocks, 0);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.peak_bytes, 1000);
    assert_int_equal(s.unknown, 50);
    track_expect_sound(t);
    for (uint32_t i = 0; i < 100; i++) {
        buddy_track_alloc(t, &addresses[i], 10, site_number(i % 5));
    }
    assert_int_equal(track_stats_of(t).forgotten, 50);
    track_expect_sound(t);
    buddy_track_destroy(t);
}

static void an_address_handed_out_twice_is_one_block(void **state)
{
    (void)state;
    buddy_track *t = track_make((buddy_track_desc){.blocks = 10});
    buddy_track_alloc(t, addresses, 10, site_number(1));
    buddy_track_alloc(t, addresses, 20, site_number(2));
    buddy_track_stats s = track_stats_of(t);
    assert_int_equal(s.live_blocks, 1);
    assert_int_equal(s.live_bytes, 20);
    assert_int_equal(s.replaced, 1);
    track_expect_sound(t);
    buddy_track_destroy(t);
}

static void nothing_at_all_is_done_without_a_track(void **state)
{
    (void)state;
    buddy_track_alloc(NULL, addresses, 10, NULL);
    buddy_track_free(NULL, addresses);
    buddy_track_realloc_end(NULL, buddy_track_realloc_begin(NULL, addresses), addresses, 10, NULL);
    buddy_track_destroy(NULL);
    buddy_track *t = track_make((buddy_track_desc){.blocks = 10});
    buddy_track_alloc(t, NULL, 10, NULL);
    buddy_track_free(t, NULL);
    assert_int_equal(track_stats_of(t).unknown, 0);
    assert_int_equal(track_stats_of(t).allocs, 0);
    buddy_track_destroy(t);
    errno = 0;
    assert_null(buddy_track_create(&(buddy_track_desc){.frames = BUDDY_TRACK_FRAMES + 1}));
    assert_int_equal(errno, EINVAL);
}

/* ---- threads ---- */

enum { WORKERS = 4, PLACES = 64, STEPS = 20000 };

/* Blocks in places that all share: what one takes another frees. */
typedef struct shared {
    buddy_heap *h;
    buddy_track *t;
    _Atomic(void *) places[PLACES];
} shared;

typedef struct worker {
    shared *all;
    uint64_t random;
} worker;

static void *work(void *context)
{
    worker *w = context;
    shared *all = w->all;
    for (int i = 0; i < STEPS; i++) {
        _Atomic(void *) *place = &all->places[seed_below(&w->random, PLACES)];
        void *mine = atomic_exchange(place, NULL);
        if (mine == NULL) {
            mine = buddy_heap_alloc(all->h, 1 + seed_below(&w->random, 1000));
        } else if (seed_below(&w->random, 3) == 0) {
            void *now = buddy_heap_realloc(all->h, mine, 1 + seed_below(&w->random, 4000));
            mine = now != NULL ? now : mine;
        } else {
            assert_int_equal(buddy_heap_free(all->h, mine), BUDDY_HEAP_OK);
            mine = NULL;
        }
        void *other = mine != NULL ? atomic_exchange(place, mine) : NULL;
        if (other != NULL) {
            assert_int_equal(buddy_heap_free(all->h, other), BUDDY_HEAP_OK);
        }
    }
    return NULL;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void run_workers(shared *all)
{
    pthread_t threads[WORKERS];
    worker workers[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker){all, seed + i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static bool is_live(void *context, const buddy_track_block *block)
{
    shared *all = context;
    for (int i = 0; i < PLACES; i++) {
        if (all->places[i] == block->pointer) {
            assert_true(buddy_heap_usable_size(all->h, block->pointer) >= block->bytes);
            return true;
        }
    }
    fail_msg("a block that nobody has");
    return false;
}

static uint32_t count_live(const shared *all)
{
    uint32_t live = 0;
    for (int i = 0; i < PLACES; i++) {
        live += all->places[i] != NULL;
    }
    return live;
}

static void threads_that_free_each_others_blocks_are_followed(void **state)
{
    static shared all;
    const char *path = scratch_path(*state, "threads.log");
    for (uint32_t frames = 1; frames <= 8; frames += 7) {
        memset(&all, 0, sizeof all);
        all.t = track_make((buddy_track_desc){.blocks = 4096, .frames = frames});
        all.h = buddy_heap_create(&(buddy_heap_desc){.bytes = 8 << 20, .track = all.t});
        uint64_t began_ns = now_ns();
        assert_true(buddy_track_log_open(all.t, path));
        run_workers(&all);
        assert_true(buddy_track_log_close(all.t));
        track_expect_sound(all.t);
        assert_null(buddy_heap_check(all.h));
        buddy_track_stats s = track_stats_of(all.t);
        assert_int_equal(s.live_blocks, count_live(&all));
        assert_int_equal(s.forgotten + s.unknown + s.replaced, 0);
        buddy_track_walk(all.t, is_live, &all);
        assert_true(track_expect_log(path, count_live(&all)) <= now_ns() - began_ns);
        buddy_heap_destroy(all.h);
        buddy_track_destroy(all.t);
    }
}

/* ---- under a heap ---- */

static void all_doors_of_a_heap_are_told(void **state)
{
    (void)state;
    buddy_track *t = track_make((buddy_track_desc){.blocks = 1000});
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .track = t});
    buddy_heap_piece pieces[BUDDY_PIECES];
    void *blocks[20];
    blocks[0] = buddy_heap_alloc(h, 64);
    blocks[1] = buddy_heap_try(h, 64);
    blocks[2] = buddy_heap_alloc_near(h, 64, blocks[0]);
    blocks[3] = buddy_heap_aligned(h, 4096, 64);
    blocks[4] = buddy_heap_exact(h, 300);
    blocks[5] = buddy_heap_realloc(h, NULL, 64);
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 10, blocks + 6), 10);
    uint32_t gathered = buddy_heap_gather(h, 3000, pieces);
    size_t held = 0;
    for (uint32_t i = 0; i < gathered; i++) {
        held += pieces[i].bytes;
    }
    assert_int_equal(track_stats_of(t).live_blocks, 16 + gathered);
    assert_int_equal(track_stats_of(t).live_bytes, 15 * 64 + 300 + held);
    blocks[0] = buddy_heap_realloc(h, blocks[0], 9000);
    blocks[0] = buddy_heap_realloc(h, blocks[0], 100);
    assert_int_equal(track_stats_of(t).reallocs, 2);
    assert_int_equal(track_stats_of(t).live_bytes, 14 * 64 + 100 + 300 + held);
    assert_int_not_equal(buddy_heap_free(h, (char *)blocks[0] + 1), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free_sized(h, blocks[4], 300), BUDDY_HEAP_OK);
    assert_int_equal(buddy_heap_free_bulk(h, 4, blocks), BUDDY_HEAP_OK);
    assert_int_not_equal(buddy_heap_free(h, blocks[0]), BUDDY_HEAP_OK);
    assert_int_equal(track_stats_of(t).live_blocks, 11 + gathered);
    assert_int_equal(track_stats_of(t).unknown, 0);
    track_expect_sound(t);
    buddy_heap_destroy(h);
    buddy_track_destroy(t);
}

/* How many blocks are live stands in the report, and a file that takes nothing is told. */
static void a_report_goes_where_it_is_told(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    buddy_track *t = track_make((buddy_track_desc){.blocks = 100});
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .track = t});
    assert_non_null(buddy_heap_alloc(h, 300));
    FILE *out = open_memstream(&text, &bytes);
    assert_true(buddy_track_report(t, out));
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "live"));
    free(text);
    out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_int_equal(setvbuf(out, NULL, _IONBF, 0), 0);
    assert_false(buddy_track_report(t, out));
    (void)fclose(out);
    buddy_heap_destroy(h);
    buddy_track_destroy(t);
}

static __attribute__((noinline)) void *ask_from_within(buddy_heap *h)
{
    void *block = buddy_heap_alloc(h, 777);
    __asm__ volatile("" : : "r"(block) : "memory"); /* so that it is no tail call */
    return block;
}

static bool expect_deep(void *context, const buddy_track_site *site)
{
    *(uint32_t *)context = site->frame_count;
    const char *begin = (const char *)(uintptr_t)ask_from_within;
    assert_in_range((uintptr_t)site->frames[0], (uintptr_t)begin, (uintptr_t)begin + 200);
    return true;
}

static void a_stack_begins_with_who_asked(void **state)
{
    (void)state;
    for (uint32_t frames = 1; frames <= 4; frames += 3) {
        uint32_t found = 0;
        buddy_track *t = track_make((buddy_track_desc){.blocks = 100, .frames = frames});
        buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .track = t});
        ask_from_within(h);
        buddy_track_walk_sites(t, expect_deep, &found);
        assert_int_equal(found, frames);
        buddy_heap_destroy(h);
        buddy_track_destroy(t);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_leaves_the_blocks_of_the_model),
        cmocka_unit_test(what_finds_no_room_is_counted_and_forgotten),
        cmocka_unit_test(an_address_handed_out_twice_is_one_block),
        cmocka_unit_test(nothing_at_all_is_done_without_a_track),
        cmocka_unit_test(threads_that_free_each_others_blocks_are_followed),
        cmocka_unit_test(all_doors_of_a_heap_are_told),
        cmocka_unit_test(a_report_goes_where_it_is_told),
        cmocka_unit_test(a_stack_begins_with_who_asked),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
