/* Who asked for what: the set of live blocks against a model, sums, the log, bounded memory. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/fault.h"
#include "buddy/track.h"
#include "buddy/track_log.h"
#include "painted.h"
#include "scratch.h"

static uint64_t seed;

static track *make(track_desc desc)
{
    track *t = track_create(&desc);
    assert_non_null(t);
    return t;
}

static void check(track *t)
{
    const char *wrong = track_check(t);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static track_stats stats_of(track *t)
{
    track_stats stats;
    track_get_stats(t, &stats);
    return stats;
}

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

static bool expect_block(void *context, const track_block *block)
{
    model *m = context;
    uint32_t i = model_find(m, block->pointer);
    assert_true(i < m->count);
    assert_int_equal(block->bytes, m->live[i].bytes);
    assert_int_equal(block->frame_count, 1);
    assert_ptr_equal(block->frames[0], m->live[i].site);
    assert_int_equal(block->thread, fault_thread());
    m->seen++;
    return true;
}

static void compare(track *t, model *m)
{
    check(t);
    m->seen = 0;
    track_walk(t, expect_block, m);
    assert_int_equal(m->seen, m->count);
}

static void model_alloc(track *t, model *m, uint64_t *random)
{
    const char *pointer = model_unused(m, random);
    size_t bytes = seed_below(random, 100000);
    const void *site = site_number(seed_below(random, 20));
    track_alloc(t, pointer, bytes, site);
    m->live[m->count].pointer = pointer;
    m->live[m->count].bytes = bytes;
    m->live[m->count++].site = site;
}

static void model_free(track *t, model *m, uint64_t *random)
{
    uint32_t i = seed_below(random, m->count);
    track_free(t, m->live[i].pointer);
    m->live[i] = m->live[--m->count];
}

/* Moves, stays, or fails. */
static void model_realloc(track *t, model *m, uint64_t *random)
{
    uint32_t i = seed_below(random, m->count), fate = seed_below(random, 3);
    const void *site = site_number(seed_below(random, 20));
    track_moving moving = track_realloc_begin(t, m->live[i].pointer);
    const char *now = fate == 0 ? m->live[i].pointer : fate == 1 ? model_unused(m, random) : NULL;
    size_t bytes = seed_below(random, 100000);
    track_realloc_end(t, moving, now, bytes, site);
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
    track *t = make((track_desc){.blocks = MODEL_MOST, .sites = 20});
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
    track_stats s = stats_of(t);
    assert_int_equal(s.forgotten + s.unknown + s.replaced + s.homeless, 0);
    assert_int_equal(s.sites, 20);
    track_destroy(t);
}

static void what_finds_no_room_is_counted_and_forgotten(void **state)
{
    (void)state;
    track *t = make((track_desc){.blocks = 100, .sites = 3});
    for (uint32_t i = 0; i < 150; i++) {
        track_alloc(t, &addresses[i], 10, site_number(i % 5));
    }
    track_stats s = stats_of(t);
    assert_int_equal(s.live_blocks, 100);
    assert_int_equal(s.live_bytes, 1000);
    assert_int_equal(s.forgotten, 50);
    assert_int_equal(s.sites, 3);
    assert_int_equal(s.homeless, 60);
    check(t);
    for (uint32_t i = 0; i < 150; i++) {
        track_free(t, &addresses[i]);
    }
    s = stats_of(t);
    assert_int_equal(s.live_blocks, 0);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.peak_bytes, 1000);
    assert_int_equal(s.unknown, 50);
    check(t);
    for (uint32_t i = 0; i < 100; i++) {
        track_alloc(t, &addresses[i], 10, site_number(i % 5));
    }
    assert_int_equal(stats_of(t).forgotten, 50);
    check(t);
    track_destroy(t);
}

static void an_address_handed_out_twice_is_one_block(void **state)
{
    (void)state;
    track *t = make((track_desc){.blocks = 10});
    track_alloc(t, addresses, 10, site_number(1));
    track_alloc(t, addresses, 20, site_number(2));
    track_stats s = stats_of(t);
    assert_int_equal(s.live_blocks, 1);
    assert_int_equal(s.live_bytes, 20);
    assert_int_equal(s.replaced, 1);
    check(t);
    track_destroy(t);
}

static void nothing_at_all_is_done_without_a_track(void **state)
{
    (void)state;
    track_alloc(NULL, addresses, 10, NULL);
    track_free(NULL, addresses);
    track_realloc_end(NULL, track_realloc_begin(NULL, addresses), addresses, 10, NULL);
    track_destroy(NULL);
    track *t = make((track_desc){.blocks = 10});
    track_alloc(t, NULL, 10, NULL);
    track_free(t, NULL);
    assert_int_equal(stats_of(t).unknown, 0);
    assert_int_equal(stats_of(t).allocs, 0);
    track_destroy(t);
    errno = 0;
    assert_null(track_create(&(track_desc){.frames = TRACK_FRAMES + 1}));
    assert_int_equal(errno, EINVAL);
}

/* ---- threads ---- */

enum { WORKERS = 4, PLACES = 64, STEPS = 20000 };

/* Blocks in places that all share: what one takes another frees. */
typedef struct shared {
    heap *h;
    track *t;
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
            mine = heap_alloc(all->h, 1 + seed_below(&w->random, 1000));
        } else if (seed_below(&w->random, 3) == 0) {
            void *now = heap_realloc(all->h, mine, 1 + seed_below(&w->random, 4000));
            mine = now != NULL ? now : mine;
        } else {
            assert_int_equal(heap_free(all->h, mine), HEAP_OK);
            mine = NULL;
        }
        void *other = mine != NULL ? atomic_exchange(place, mine) : NULL;
        if (other != NULL) {
            assert_int_equal(heap_free(all->h, other), HEAP_OK);
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

static bool is_live(void *context, const track_block *block)
{
    shared *all = context;
    for (int i = 0; i < PLACES; i++) {
        if (all->places[i] == block->pointer) {
            assert_true(heap_usable_size(all->h, block->pointer) >= block->bytes);
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

/* Every event makes sense where it stands, and in the end so many are live. Returns when that was,
 * in nanoseconds of the log's own time. */
static uint64_t expect_log(const char *path, uint32_t live)
{
    size_t bytes = 0;
    uint8_t *data = scratch_read(path, &bytes);
    uint8_t *held = calloc(100000, 1);
    track_log_reader r;
    track_event e;
    track_log_status status = track_log_begin(&r, data, bytes);
    uint64_t last_ns = 0;
    while (status == TRACK_LOG_OK && (status = track_log_next(&r, &e)) == TRACK_LOG_OK) {
        assert_true(e.block < 100000);
        assert_int_equal(held[e.block], e.operation != TRACK_OP_ALLOC);
        held[e.block] = e.operation != TRACK_OP_FREE;
        live += e.operation == TRACK_OP_FREE;
        live -= e.operation == TRACK_OP_ALLOC;
        assert_true(e.time_ns >= last_ns);
        last_ns = e.time_ns;
    }
    assert_string_equal(track_log_status_text(status), track_log_status_text(TRACK_LOG_DONE));
    assert_int_equal(live, 0);
    free(held);
    free(data);
    return last_ns;
}

static void threads_that_free_each_others_blocks_are_followed(void **state)
{
    static shared all;
    const char *path = scratch_path(*state, "threads.log");
    for (uint32_t frames = 1; frames <= 8; frames += 7) {
        memset(&all, 0, sizeof(all));
        all.t = make((track_desc){.blocks = 4096, .frames = frames});
        all.h = heap_create(&(heap_desc){.bytes = 8 << 20, .track = all.t});
        uint64_t began_ns = now_ns();
        assert_true(track_log_open(all.t, path));
        run_workers(&all);
        assert_true(track_log_close(all.t));
        check(all.t);
        assert_null(heap_check(all.h));
        track_stats s = stats_of(all.t);
        assert_int_equal(s.live_blocks, count_live(&all));
        assert_int_equal(s.forgotten + s.unknown + s.replaced, 0);
        track_walk(all.t, is_live, &all);
        assert_true(expect_log(path, count_live(&all)) <= now_ns() - began_ns);
        heap_destroy(all.h);
        track_destroy(all.t);
    }
}

/* ---- under a heap ---- */

static void all_doors_of_a_heap_are_told(void **state)
{
    (void)state;
    track *t = make((track_desc){.blocks = 1000});
    heap *h = heap_create(&(heap_desc){.bytes = 1 << 20, .track = t});
    heap_piece pieces[BUDDY_PIECES];
    void *blocks[20];
    blocks[0] = heap_alloc(h, 64);
    blocks[1] = heap_try(h, 64);
    blocks[2] = heap_alloc_near(h, 64, blocks[0]);
    blocks[3] = heap_aligned(h, 4096, 64);
    blocks[4] = heap_exact(h, 300);
    blocks[5] = heap_realloc(h, NULL, 64);
    assert_int_equal(heap_alloc_bulk(h, 64, 10, blocks + 6), 10);
    uint32_t gathered = heap_gather(h, 3000, pieces);
    size_t held = 0;
    for (uint32_t i = 0; i < gathered; i++) {
        held += pieces[i].bytes;
    }
    assert_int_equal(stats_of(t).live_blocks, 16 + gathered);
    assert_int_equal(stats_of(t).live_bytes, 15 * 64 + 300 + held);
    blocks[0] = heap_realloc(h, blocks[0], 9000);
    blocks[0] = heap_realloc(h, blocks[0], 100);
    assert_int_equal(stats_of(t).reallocs, 2);
    assert_int_equal(stats_of(t).live_bytes, 14 * 64 + 100 + 300 + held);
    assert_int_not_equal(heap_free(h, (char *)blocks[0] + 1), HEAP_OK);
    assert_int_equal(heap_free_sized(h, blocks[4], 300), HEAP_OK);
    assert_int_equal(heap_free_bulk(h, 4, blocks), HEAP_OK);
    assert_int_not_equal(heap_free(h, blocks[0]), HEAP_OK);
    assert_int_equal(stats_of(t).live_blocks, 11 + gathered);
    assert_int_equal(stats_of(t).unknown, 0);
    check(t);
    heap_destroy(h);
    track_destroy(t);
}

static __attribute__((noinline)) void *ask_from_within(heap *h)
{
    void *block = heap_alloc(h, 777);
    __asm__ volatile("" : : "r"(block) : "memory"); /* so that it is no tail call */
    return block;
}

static bool expect_deep(void *context, const track_site *site)
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
        track *t = make((track_desc){.blocks = 100, .frames = frames});
        heap *h = heap_create(&(heap_desc){.bytes = 1 << 20, .track = t});
        ask_from_within(h);
        track_walk_sites(t, expect_deep, &found);
        assert_int_equal(found, frames);
        heap_destroy(h);
        track_destroy(t);
    }
}

/* ---- the log ---- */

/* Writes a log of a few records and reads it. */
static uint8_t *small_log(void **state, size_t *bytes)
{
    const char *path = scratch_path(*state, "small.log");
    track *t = make((track_desc){.blocks = 10});
    track_alloc(t, addresses + 9, 5, NULL); /* before the log: left out, and so is its end */
    assert_true(track_log_open(t, path));
    assert_false(track_log_open(t, path));
    assert_int_equal(errno, EBUSY);
    track_alloc(t, addresses, 300, NULL);
    track_free(t, addresses + 9);
    track_realloc_end(t, track_realloc_begin(t, addresses), addresses + 1, SIZE_MAX, NULL);
    track_free(t, addresses + 1);
    assert_int_equal(stats_of(t).log_records, 3);
    assert_true(track_log_close(t));
    track_destroy(t);
    return scratch_read(path, bytes);
}

static void a_log_tells_what_was_done(void **state)
{
    static const track_operation operations[] = {TRACK_OP_ALLOC, TRACK_OP_REALLOC, TRACK_OP_FREE};
    static const uint64_t sizes[] = {300, SIZE_MAX, 0};
    size_t bytes = 0;
    track_log_reader r;
    track_event e, first;
    uint8_t *data = small_log(state, &bytes);
    assert_int_equal(track_log_begin(&r, data, bytes), TRACK_LOG_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(track_log_next(&r, &e), TRACK_LOG_OK);
        first = i == 0 ? e : first;
        assert_int_equal(e.operation, operations[i]);
        assert_int_equal(e.bytes, sizes[i]);
        assert_int_equal(e.block, first.block);
        assert_int_equal(e.thread, fault_thread());
    }
    assert_int_equal(track_log_next(&r, &e), TRACK_LOG_DONE);
    free(data);
}

static track_log_status read_all(const uint8_t *data, size_t bytes)
{
    track_log_reader r;
    track_event e;
    track_log_status status = track_log_begin(&r, data, bytes);
    while (status == TRACK_LOG_OK) {
        status = track_log_next(&r, &e);
    }
    return status;
}

static void a_log_cut_anywhere_is_not_whole(void **state)
{
    size_t bytes = 0;
    uint8_t *data = small_log(state, &bytes);
    assert_int_equal(read_all(data, bytes), TRACK_LOG_DONE);
    assert_int_equal(read_all(data, 0), TRACK_LOG_FOREIGN);
    for (size_t cut = 1; cut < bytes; cut++) {
        uint8_t *part = malloc(cut); /* of its own, so that a sanitizer sees who reads on */
        memcpy(part, data, cut);
        assert_int_equal(read_all(part, cut), TRACK_LOG_TRUNCATED);
        free(part);
    }
    data[bytes] = 0; /* scratch_read leaves room for one */
    assert_int_equal(read_all(data, bytes + 1), TRACK_LOG_BAD_END);
    free(data);
}

static void no_log_at_all_crashes_the_reader(void **state)
{
    uint64_t random = seed;
    size_t bytes = 0;
    uint8_t *data = small_log(state, &bytes);
    for (int i = 0; i < 20000; i++) {
        uint8_t *bad = malloc(bytes);
        memcpy(bad, data, bytes);
        for (uint32_t k = seed_below(&random, 4); k < 4; k++) {
            bad[seed_below(&random, (uint32_t)bytes)] = (uint8_t)seed_next(&random);
        }
        assert_int_not_equal(read_all(bad, bytes), TRACK_LOG_OK);
        free(bad);
    }
    free(data);
}

static void a_log_that_cannot_be_written_says_so(void **state)
{
    track *t = make((track_desc){.blocks = 10});
    assert_false(track_log_open(t, scratch_path(*state, "no/such/folder")));
    assert_int_equal(errno, ENOENT);
    assert_true(track_log_close(t));
    if (track_log_open(t, "/dev/full")) {
        for (int i = 0; i < 100000; i++) {
            track_alloc(t, addresses, 10, NULL);
            track_free(t, addresses);
        }
        assert_false(track_log_close(t));
        assert_int_equal(errno, ENOSPC);
    }
    track_destroy(t);
}

/* ---- report, environment, fork ---- */

static void the_report_names_what_is_left(void **state)
{
    const char *path = scratch_path(*state, "report.txt");
    size_t bytes = 0;
    track *t = make((track_desc){.blocks = 1000, .report = path, .sites = 20});
    const char *where = (const char *)(uintptr_t)getenv;
    track_alloc(t, addresses, 12345, where + 5);
    for (uint32_t i = 0; i < 100; i++) {
        track_alloc(t, addresses + 16 + i, 100, site_number(i));
        track_free(t, addresses + 16 + i);
    }
    assert_true(track_end(t));
    assert_true(track_end(t));
    track_destroy(t);
    char *text = (char *)scratch_read(path, &bytes);
    text[bytes] = '\0';
    assert_non_null(strstr(text, "12.1 KiB in 1 blocks"));
    assert_non_null(strstr(text, "101 allocs, 100 frees"));
    char *leaks = strstr(text, "leaks");
    assert_non_null(leaks);
    assert_non_null(strstr(leaks, "getenv+0x5"));
    free(text);
}

static void the_environment_makes_one_or_says_why_not(void **state)
{
    char error[TRACK_LINE], text[SCRATCH_PATH_BYTES + 32], name[32];
    static const char *const bad[] = {
        "frames=9",     "frames=0", "blocks=many",   "log=",       "nothing=1",
        "frames=1,log", "",         "/no/such/file", "sites=0x10", "log=/no/such/file"};
    unsetenv(TRACK_ENVIRONMENT);
    assert_null(track_from_environment(error));
    assert_string_equal(error, "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv(TRACK_ENVIRONMENT, bad[i], 1);
        assert_null(track_from_environment(error));
        assert_true(strlen(error) > 0);
    }
    (void)snprintf(text, sizeof(text), "log=%s,frames=2,blocks=10",
                   scratch_path(*state, "env-%p.log"));
    setenv(TRACK_ENVIRONMENT, text, 1);
    track *t = track_from_environment(error);
    unsetenv(TRACK_ENVIRONMENT);
    assert_string_equal(error, "");
    assert_non_null(t);
    track_destroy(t);
    (void)snprintf(name, sizeof(name), "env-%ld.log", (long)getpid());
    expect_log(scratch_path(*state, name), 0);
}

static void a_forked_child_leaves_the_log_alone(void **state)
{
    const char *path = scratch_path(*state, "fork.log");
    track *t = make((track_desc){.blocks = 1000});
    assert_true(track_log_open(t, path));
    track_alloc(t, addresses, 10, NULL);
    track_before_fork(t);
    pid_t child = fork();
    track_after_fork(t, child == 0);
    if (child == 0) {
        track_free(t, addresses);
        track_alloc(t, addresses + 1, 10, NULL);
        bool good = track_check(t) == NULL && track_end(t);
        _exit(good ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    track_free(t, addresses);
    assert_true(track_log_close(t));
    track_destroy(t);
    expect_log(path, 0);
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
        cmocka_unit_test(a_stack_begins_with_who_asked),
        cmocka_unit_test(a_log_tells_what_was_done),
        cmocka_unit_test(a_log_cut_anywhere_is_not_whole),
        cmocka_unit_test(no_log_at_all_crashes_the_reader),
        cmocka_unit_test(a_log_that_cannot_be_written_says_so),
        cmocka_unit_test(the_report_names_what_is_left),
        cmocka_unit_test(the_environment_makes_one_or_says_why_not),
        cmocka_unit_test(a_forked_child_leaves_the_log_alone),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
