/* A disk that is slower than ours: the arithmetic of it on times that are given, and fetch going by
 * it; and the map of what was read. Times of real runs are bounded from below only: a busy machine
 * may take any time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pace.h"
#include "engine/system/platform.h"
#include "tests/rigs/engine/fetch_rig.h"

static const uint64_t MS = 1000000, SECOND = 1000000000;

/* ---- the arithmetic ---- */

static void without_a_pace_everything_is_due_at_once(void **state)
{
    (void)state;
    pace p;
    pace_init(&p);
    assert_false(pace_is_set(&p));
    const pace_promise promise = pace_begin(&p, 0, 1 << 20, 5 * SECOND);
    assert_true(pace_is_due(&p, &promise, 5 * SECOND));
    pace_finish(&p);
}

static void delays_overlap_and_the_pipe_is_shared(void **state)
{
    (void)state;
    pace p;
    pace_init(&p);
    pace_set(&p, 10 * MS, 0);
    assert_true(pace_is_set(&p));
    for (uint32_t i = 0; i < 5; i++) { /* five at once: all due together */
        assert_int_equal(pace_begin(&p, 0, 100000, SECOND).due_ns, SECOND + 10 * MS);
    }
    pace_set(&p, 10 * MS, 1000000);
    for (uint64_t i = 1; i <= 5; i++) { /* 100 KB of 1 MB/s: a tenth of a second after another */
        const uint64_t due_ns = pace_begin(&p, 0, 100000, SECOND).due_ns;
        assert_in_range(due_ns, SECOND + i * 100 * MS, SECOND + i * 100 * MS + i);
    }
    const uint64_t later_ns =
        60 * SECOND; /* the pipe has long been free, and the delay is longer */
    assert_int_equal(pace_begin(&p, 0, 10, later_ns).due_ns, later_ns + 10 * MS);
    pace_finish(&p);
}

static void another_pace_makes_due_what_was_promised(void **state)
{
    (void)state;
    pace p;
    pace_init(&p);
    pace_set(&p, SECOND, 1);
    const pace_promise promise = pace_begin(&p, 0, 1 << 20, SECOND);
    pace_set(&p, SECOND, 1); /* the same */
    assert_false(pace_is_due(&p, &promise, 2 * SECOND));
    assert_true(pace_is_due(&p, &promise, promise.due_ns));
    pace_set(&p, SECOND, 1 << 20);
    assert_true(pace_is_due(&p, &promise, 2 * SECOND));
    assert_in_range(pace_begin(&p, 0, 1 << 20, SECOND).due_ns, 2 * SECOND, 2 * SECOND + 1);
    pace_set(&p, 0, 0);
    assert_false(pace_is_set(&p));
    pace_finish(&p);
}

static void a_cut_frees_the_pipe(void **state)
{
    (void)state;
    pace p;
    pace_init(&p);
    pace_set(&p, 0, 1);
    pace_begin(&p, 0, 1 << 20, SECOND);
    pace_cut(&p, 1);
    assert_int_equal(pace_begin(&p, 0, 1 << 20, SECOND).due_ns, SECOND); /* stale: takes none */
    assert_in_range(pace_begin(&p, 1, 1, SECOND).due_ns, 2 * SECOND, 2 * SECOND + 1);
    pace_finish(&p);
}

/* ---- fetch ---- */

/* Sends the first `count` pages of the finest mip on their way into RAM, each a job. */
static void submit_row(rig *r, uint32_t count, uint32_t epoch)
{
    for (uint32_t i = 0; i < count; i++) {
        const page_job job = {.page = {1, 0, (uint16_t)(i % 8), (uint16_t)(i / 8)},
                              .tile = JOB_NO_TILE,
                              .epoch = epoch,
                              .wanted = 1};
        assert_true(fetch_submit(r->fetch, &job));
    }
}

static uint32_t ended(rig *r)
{
    pthread_mutex_lock(&r->mutex);
    const uint32_t count = r->ended_count;
    pthread_mutex_unlock(&r->mutex);
    return count;
}

static void wait_for_requests(rig *r, uint64_t count)
{
    fetch_stats fs;
    do {
        fetch_get_stats(r->fetch, &fs);
    } while (fs.requests < count);
}

static void requests_take_at_least_the_delay_and_arrive(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 3, AS_STORED);
    fetch_set_pace(r.fetch, 30 * MS, 0);
    const uint64_t from_ns = platform_now_ns();
    submit_row(&r, 20, 0); /* more than a reader's depth */
    drain(&r);
    assert_true(platform_now_ns() - from_ns >= 30 * MS);
    assert_int_equal(r.ended_count, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(job_arrived(&r.ended[i]), 1);
    }
    stop(&r);
}

static void all_requests_together_take_at_least_their_bytes_by_the_rate(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    const uint64_t rate = 4 << 20;
    rig r;
    start(&r, path, 8 << 20, 3, AS_STORED);
    fetch_set_pace(r.fetch, 0, rate);
    const uint64_t from_ns = platform_now_ns();
    submit_row(&r, 24, 0);
    drain(&r);
    const uint64_t took_ns = platform_now_ns() - from_ns;
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.pages_read, 24);
    assert_true(took_ns >= fs.bytes_read * SECOND / rate);
    stop(&r);
}

static void destroying_ends_what_is_held_back(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 2, AS_STORED);
    fetch_set_pace(r.fetch, 100000 * SECOND, 1); /* who waits for it hangs */
    submit_row(&r, 40, 0);
    wait_for_requests(&r, 1);
    stop(&r);
    assert_true(r.ended_count > 0);
    for (uint32_t i = 0; i < r.ended_count; i++) {
        assert_int_equal(r.ended[i].cancelled, 1);
    }
}

static void a_cut_ends_what_is_held_back_for_the_old_camera(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 2, AS_STORED);
    fetch_set_pace(r.fetch, 0, 1); /* a page takes hours */
    submit_row(&r, 40, 0);
    wait_for_requests(&r, 1);
    fetch_cancel(r.fetch, 1);
    drain(&r);
    assert_int_equal(r.ended_count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(r.ended[i].cancelled, 1);
    }
    fetch_set_pace(r.fetch, 5 * MS, 0);
    r.ended_count = 0;
    submit_row(&r, 8, 1);
    drain(&r);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(job_arrived(&r.ended[i]), 1);
    }
    stop(&r);
}

static void a_job_comes_in_while_others_are_held_back(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 2, AS_STORED);
    submit_row(&r, 1, 0);
    drain(&r);
    fetch_set_pace(r.fetch, 3600 * SECOND, 0);
    const page_job slow = {.page = {1, 0, 3, 3}, .tile = JOB_NO_TILE, .wanted = 1};
    assert_true(fetch_submit(r.fetch, &slow));
    wait_for_requests(&r, 2);
    for (uint32_t i = 1; i <= 20; i++) { /* in RAM: needs no request */
        submit_row(&r, 1, 0);
        while (ended(&r) < 1 + i) {
        }
    }
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_true(fs.pending >= 1);  /* the slow one is not among those that ended */
    fetch_set_pace(r.fetch, 0, 0); /* and the slow one goes at once */
    drain(&r);
    assert_int_equal(r.ended_count, 22);
    assert_int_equal(job_arrived(&r.ended[21]), 1);
    stop(&r);
}

/* Changes the pace and cuts at random while jobs come and go: each job ends once, arrived or
 * cancelled. */
static void paces_and_cuts_at_random_lose_no_job(void **state)
{
    uint64_t random = seed_of_run();
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 1536 * 1024, 3, AS_STORED);
    uint32_t epoch = 0, sent = 0, jobs = 0;
    for (uint32_t round = 0; round < 60; round++) {
        const uint32_t count = 1 + seed_below(&random, 8);
        if (sent + count > MOST_PAGES) {
            fetch_set_pace(r.fetch, 0, 0);
            drain(&r);
            assert_int_equal(r.ended_count, sent);
            r.ended_count = sent = 0;
        }
        fetch_set_pace(r.fetch, seed_below(&random, 3) * MS,
                       (uint64_t)seed_below(&random, 2) << 24);
        submit_row(&r, count, epoch);
        sent += count;
        jobs += count;
        if (seed_below(&random, 4) == 0) {
            fetch_cancel(r.fetch, ++epoch);
        }
    }
    drain(&r);
    assert_int_equal(r.ended_count, sent);
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_true(fs.pages_read + fs.cancelled <= jobs);
    assert_int_equal(fs.pending + fs.corrupt + fs.failed, 0);
    stop(&r);
}

/* ---- the map ---- */

static void a_map_has_every_byte_in_its_cell(void **state)
{
    (void)state;
    uint64_t random = seed_of_run();
    static uint64_t expected[DISKMAP_CELLS];
    static uint32_t kib[DISKMAP_CELLS];
    static diskmap m;
    const uint64_t sizes[] = {1, 1000, 1024, 5000, 123457, 1 << 20};
    for (uint32_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const uint64_t file = sizes[k];
        memset(expected, 0, sizeof expected);
        diskmap_init(&m, file);
        for (uint32_t round = 0; round < 200; round++) {
            const uint64_t from = seed_below(&random, (uint32_t)file + 2);
            const uint64_t bytes = seed_below(&random, (uint32_t)file / 8 + 2);
            diskmap_add(&m, from, bytes);
            for (uint64_t b = from; b < from + bytes && b < file; b++) {
                uint64_t cell = b * DISKMAP_CELLS / file;
                while ((cell + 1) * file / DISKMAP_CELLS <= b) {
                    cell++;
                }
                expected[cell]++;
            }
        }
        diskmap_get(&m, kib);
        for (uint32_t i = 0; i < DISKMAP_CELLS; i++) {
            assert_int_equal(atomic_load_explicit(&m.cells[i], memory_order_relaxed), expected[i]);
            assert_int_equal(kib[i], expected[i] / 1024);
        }
    }
}

/* Single pages, whose layers lie side by side: what was read is what was stored. */
static void the_map_of_a_fetch_sums_up_to_what_it_read(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 2, AS_STORED);
    submit_row(&r, 40, 0);
    drain(&r);
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    static uint32_t kib[DISKMAP_CELLS];
    fetch_get_disk_map(r.fetch, kib);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < DISKMAP_CELLS; i++) {
        sum += kib[i];
    }
    assert_int_equal(fs.pages_read, 40);
    const uint64_t most_padding = 16 * LAYERS * fs.pages_read; /* layers are aligned */
    assert_true(sum << 10 <= fs.bytes_read + most_padding);
    assert_true((sum + DISKMAP_CELLS) << 10 > fs.bytes_read); /* each cell lost less than a KiB */
    assert_true(sum > 0);
    stop(&r);
}

/* ---- both kinds of readers ---- */

static int with_pread(void **state)
{
    (void)state;
    reader_of_rigs = FETCH_PREAD;
    return 0;
}

static int with_auto(void **state)
{
    (void)state;
    reader_of_rigs = FETCH_AUTO;
    return 0;
}

#define BOTH(test)                                          \
    {#test, test, with_auto, NULL, NULL},                   \
    {                                                       \
#test " (pread)", test, with_pread, with_auto, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_pace_everything_is_due_at_once),
        cmocka_unit_test(delays_overlap_and_the_pipe_is_shared),
        cmocka_unit_test(another_pace_makes_due_what_was_promised),
        cmocka_unit_test(a_cut_frees_the_pipe),
        cmocka_unit_test(a_map_has_every_byte_in_its_cell),
        BOTH(requests_take_at_least_the_delay_and_arrive),
        BOTH(all_requests_together_take_at_least_their_bytes_by_the_rate),
        BOTH(destroying_ends_what_is_held_back),
        BOTH(a_cut_ends_what_is_held_back_for_the_old_camera),
        BOTH(a_job_comes_in_while_others_are_held_back),
        BOTH(paces_and_cuts_at_random_lose_no_job),
        BOTH(the_map_of_a_fetch_sums_up_to_what_it_read),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
