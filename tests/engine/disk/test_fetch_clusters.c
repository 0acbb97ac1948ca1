/* test_fetch_clusters.c: clusters of pages from a page file through the RAM tier to staging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/fetch_rig.h"

#include <stdio.h>
#include <unistd.h>

/* Nothing outside of the pages that arrived is written. */
static uint32_t bytes_written(const rig *r)
{
    uint32_t written = 0;
    for (size_t i = 0; i < (size_t)CLUSTER_TILES * TILE_BYTES; i++) {
        written += r->staging[i] != GUARD;
    }
    return written;
}

static void send_cluster(rig *r, const vt_shape *s, uint64_t *random, uint32_t order)
{
    const uint32_t side = 1u << order, pages = 1u << 2 * order;
    const uint64_t all = pages == 64 ? UINT64_MAX : (UINT64_C(1) << pages) - 1;
    const uint8_t mip = (uint8_t)seed_below(random, 2);
    const vt_page corner = {1, mip,
                            (uint16_t)(seed_below(random, page_columns(s, mip)) / side * side),
                            (uint16_t)(seed_below(random, page_rows(s, mip)) / side * side)};
    page_job job = {.page = corner, .order = (uint8_t)order, .wanted = seed_next(random) & all};
    job.wanted = job.wanted ? job.wanted : 1;
    memset(r->staging, GUARD, (size_t)CLUSTER_TILES * TILE_BYTES);
    r->ended_count = 0;
    assert_true(fetch_submit(r->fetch, &job));
    drain(r);
    assert_int_equal(r->ended_count, 1);
}

static void check_cluster(const rig *r, const vt_shape *s)
{
    const page_job *job = &r->ended[0];
    uint32_t arrived = 0;
    for (uint32_t i = 0; i < 1u << 2 * job->order; i++) {
        const vt_page p = page_of_cluster(job->page, i);
        const bool wanted = job->wanted >> i & 1, here = job_arrived(job) >> i & 1;
        assert_int_equal(here, wanted && page_exists(s, p)); /* what lies beyond is corrupt */
        if (here) {
            assert_page_shows(r, job, i, AS_STORED);
            arrived++;
        }
    }
    const uint32_t page =
        (uint32_t)(texel_page_bytes(VT_TEXEL_BC1) + texel_page_bytes(VT_TEXEL_RGBA8));
    const uint32_t written = bytes_written(r);
    assert_true(written <= arrived * page); /* a texel may look like the guard */
    assert_true(written >= arrived * page * 49 / 50);
}

static void random_clusters_arrive_in_their_places(void **state)
{
    uint64_t random = seed_of_run();
    vt_shape s;
    const char *path = write_world(*state, &s);
    for (int reader = 0; reader < 2; reader++) {
        rig r;
        reader_of_rigs = reader == 0 ? FETCH_AUTO : FETCH_PREAD;
        start(&r, path, 16 << 20, 2, AS_STORED);
        for (int round = 0; round < 60; round++) {
            send_cluster(&r, &s, &random, (uint32_t)round % 4);
            check_cluster(&r, &s);
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
    vt_shape s;
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
    vt_shape s;
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
    vt_shape s;
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

/* ---- layers that lie anywhere ---- */

enum { FILES_BUFFER = LAYERS * (TEXEL_PAGE_MAX_BYTES + 16), FAR = 300 << 10 };

/* Where layer 1 of a page comes to lie behind the beginning of its layer 0; or before it. */
static int64_t place_layer_1(uint64_t *random, const uint32_t bytes[LAYERS])
{
    switch (seed_below(random, 6)) {
    case 0: /* side by side */
        return bytes[0];
    case 1: /* both just fill the buffer of a request */
        return FILES_BUFFER - bytes[1];
    case 2: /* one byte too many */
        return FILES_BUFFER - bytes[1] + 1;
    case 3: /* before it, and just fitting */
        return (int64_t)bytes[0] - FILES_BUFFER;
    case 4: /* before it */
        return -(int64_t)(bytes[1] + seed_below(random, FAR));
    default: /* behind it */
        return bytes[0] + seed_below(random, FAR);
    }
}

/* Gives each page's data other places in the file: as the format allows, and nobody writes it. */
static void scatter(const char *path, uint64_t *random)
{
    size_t bytes;
    uint8_t *old = scratch_read(path, &bytes);
    FILE *f = fopen(path, "r+b");
    assert_true(old != NULL && f != NULL);
    uint8_t *index = old + format_get64(old + PAGEFILE_AT_INDEX_OFFSET);
    const uint64_t index_bytes = format_get64(old + PAGEFILE_AT_INDEX_BYTES);
    uint64_t end = bytes;
    for (uint8_t *at = index; at < index + index_bytes; at += LAYERS * PAGEFILE_ENTRY_BYTES) {
        uint8_t *second = at + PAGEFILE_ENTRY_BYTES;
        const uint32_t sizes[LAYERS] = {format_get32(at + 8), format_get32(second + 8)};
        const uint64_t from[LAYERS] = {format_get64(at), format_get64(second)};
        const uint64_t begin = end + 2 * FAR;
        const uint64_t to[LAYERS] = {begin, begin + (uint64_t)place_layer_1(random, sizes)};
        for (uint32_t i = 0; i < LAYERS; i++) {
            format_put64(at + i * PAGEFILE_ENTRY_BYTES, to[i]);
            assert_int_equal(fseek(f, (long)to[i], SEEK_SET), 0);
            assert_int_equal(fwrite(old + from[i], 1, sizes[i], f), sizes[i]);
            end = to[i] + sizes[i] > end ? to[i] + sizes[i] : end;
        }
    }
    format_put64(old + PAGEFILE_AT_FILE_BYTES, end);
    format_put32(old + PAGEFILE_AT_INDEX_CRC, crc32c(0, index, (size_t)index_bytes));
    format_put32(old + PAGEFILE_AT_CRC, format_header_crc(old));
    rewind(f);
    assert_int_equal(fwrite(old, 1, (size_t)(index - old) + index_bytes, f),
                     (size_t)(index - old) + index_bytes);
    assert_int_equal(fclose(f), 0);
    free(old);
}

static void layers_are_found_wherever_they_lie(void **state)
{
    uint64_t random = seed_of_run();
    vt_shape s;
    const char *path = write_world(*state, &s);
    scatter(path, &random);
    for (int reader = 0; reader < 2; reader++) {
        rig r;
        reader_of_rigs = reader == 0 ? FETCH_AUTO : FETCH_PREAD;
        start(&r, path, 16 << 20, 2, AS_STORED);
        for (int round = 0; round < 40; round++) {
            if (round == 30) { /* each layer is held back for itself */
                fetch_set_pace(r.fetch, 1000000, 0);
            }
            ramtier_flush(r.ram);
            send_cluster(&r, &s, &random, (uint32_t)round % 4);
            check_cluster(&r, &s);
        }
        stop(&r);
    }
    reader_of_rigs = FETCH_AUTO;
}

/* A file that somebody cuts under us: the page whose first layer is still there is damaged too. */
static void a_cut_between_layers_is_damage(void **state)
{
    uint64_t random = seed_of_run();
    vt_shape s;
    const char *path = write_world(*state, &s);
    scatter(path, &random);
    rig r;
    start(&r, path, 16 << 20, 2, AS_STORED);
    pagefile_entry layers[LAYERS];
    const vt_page p = {1, (uint8_t)(s.mips - 1), 0, 0}; /* the last one in the index */
    for (uint32_t i = 0; i < LAYERS; i++) {
        assert_int_equal(pagefile_find(r.file, p, i, &layers[i]), PAGEFILE_OK);
    }
    const uint64_t begin =
        layers[0].offset > layers[1].offset ? layers[0].offset : layers[1].offset;
    assert_int_equal(truncate(path, (off_t)begin + 1), 0);
    submit(&r, p, JOB_NO_TILE);
    drain(&r);
    assert_int_equal(r.ended_count, 1);
    assert_int_equal(r.ended[0].corrupt, 1);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_clusters_arrive_in_their_places),
        cmocka_unit_test(neighbours_are_read_in_one_request),
        cmocka_unit_test(cancelled_jobs_end_unread),
        cmocka_unit_test(lanes_can_be_destroyed_with_jobs_in_flight),
        cmocka_unit_test(layers_are_found_wherever_they_lie),
        cmocka_unit_test(a_cut_between_layers_is_damage),
    };
    return cmocka_run_group_tests_name("fetch clusters", tests, scratch_make, scratch_remove);
}
