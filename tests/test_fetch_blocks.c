/* test_fetch_blocks.c: blocks of pages from a page file through the RAM tier to staging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fetch_rig.h"

/* Nothing outside of the pages that arrived is written. */
static uint32_t bytes_written(const rig *r)
{
    uint32_t written = 0;
    for (size_t i = 0; i < (size_t)BLOCK_TILES * TILE_BYTES; i++) {
        written += r->staging[i] != GUARD;
    }
    return written;
}

static void send_block(rig *r, const page_shape *s, uint64_t *random, uint32_t order)
{
    const uint32_t side = 1u << order, pages = 1u << 2 * order;
    const uint64_t all = pages == 64 ? UINT64_MAX : (UINT64_C(1) << pages) - 1;
    const uint8_t mip = (uint8_t)seed_below(random, 2);
    const vt_page corner = {1, mip,
                            (uint16_t)(seed_below(random, page_columns(s, mip)) / side * side),
                            (uint16_t)(seed_below(random, page_rows(s, mip)) / side * side)};
    page_job job = {.page = corner, .order = (uint8_t)order, .wanted = seed_next(random) & all};
    job.wanted = job.wanted ? job.wanted : 1;
    memset(r->staging, GUARD, (size_t)BLOCK_TILES * TILE_BYTES);
    r->ended_count = 0;
    assert_true(fetch_submit(r->fetch, &job));
    drain(r);
    assert_int_equal(r->ended_count, 1);
}

static void check_block(const rig *r, const page_shape *s)
{
    const page_job *job = &r->ended[0];
    uint32_t arrived = 0;
    for (uint32_t i = 0; i < 1u << 2 * job->order; i++) {
        const vt_page p = page_of_block(job->page, i);
        const bool wanted = job->wanted >> i & 1, here = job_arrived(job) >> i & 1;
        assert_int_equal(here, wanted && page_exists(s, p)); /* what lies beyond is corrupt */
        if (here) {
            assert_page_shows(r, job, i, AS_STORED);
            arrived++;
        }
    }
    const uint32_t page = (uint32_t)(texel_page_bytes(TEXEL_BC1) + texel_page_bytes(TEXEL_RGBA8));
    const uint32_t written = bytes_written(r);
    assert_true(written <= arrived * page); /* a texel may look like the guard */
    assert_true(written >= arrived * page * 49 / 50);
}

static void random_blocks_arrive_in_their_places(void **state)
{
    uint64_t random = seed_of_run();
    page_shape s;
    const char *path = write_world(*state, &s);
    for (int reader = 0; reader < 2; reader++) {
        rig r;
        reader_of_rigs = reader == 0 ? FETCH_AUTO : FETCH_PREAD;
        start(&r, path, 16 << 20, 2, AS_STORED);
        for (int round = 0; round < 60; round++) {
            send_block(&r, &s, &random, (uint32_t)round % 4);
            check_block(&r, &s);
            if (round % 7 == 0) {
                ramtier_flush(r.ram);
            }
        }
        stop(&r);
    }
    reader_of_rigs = FETCH_AUTO;
}

static void neighbours_are_read_in_one_request(void **state)
{
    page_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    const page_job job = {
        .page = {1, 1, 0, 0}, .order = 1, .tile = JOB_NO_TILE, .wanted = 0xf}; /* 4 in a row */
    assert_true(fetch_submit(r.fetch, &job));
    drain(&r);
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.pages_read, 4);
    assert_true(fs.requests < 4);
    stop(&r);
}

/* Jobs that were asked for before a cut end unread, unless they had begun. */
static void cancelled_jobs_end_unread(void **state)
{
    page_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    fetch_cancel(r.fetch, 7);
    for (uint16_t x = 0; x < 8; x++) {
        const page_job job = {.page = {1, 0, x, 0}, .tile = x, .wanted = 1, .epoch = 6u + x % 2};
        assert_true(fetch_submit(r.fetch, &job));
    }
    drain(&r);
    assert_int_equal(r.ended_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(r.ended[i].cancelled, r.ended[i].epoch == 6);
        assert_int_equal(job_arrived(&r.ended[i]), r.ended[i].epoch == 7);
    }
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.cancelled, 4);
    assert_int_equal(fs.pages_read, 4);
    stop(&r);
}

static void lanes_can_be_destroyed_with_jobs_in_flight(void **state)
{
    page_shape s;
    const char *path = write_world(*state, &s);
    for (int round = 0; round < 20; round++) {
        rig r;
        reader_of_rigs = round % 2 ? FETCH_PREAD : FETCH_AUTO;
        start(&r, path, 8 << 20, 2, AS_STORED);
        for (uint16_t i = 0; i < 20; i++) {
            submit(&r, (vt_page){1, 0, i % 8, i / 8}, i % TILES);
        }
        stop(&r); /* and its check */
    }
    reader_of_rigs = FETCH_AUTO;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_arrive_in_their_places),
        cmocka_unit_test(neighbours_are_read_in_one_request),
        cmocka_unit_test(cancelled_jobs_end_unread),
        cmocka_unit_test(lanes_can_be_destroyed_with_jobs_in_flight),
    };
    return cmocka_run_group_tests_name("fetch blocks", tests, scratch_make, scratch_remove);
}
