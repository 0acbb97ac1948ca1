/* From a page file through the RAM tier to staging, and every way in which that can end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/engine/fetch_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the tests ---- */

static const vt_texel_format EXPANDED[LAYERS] = {VT_TEXEL_RGBA8, VT_TEXEL_RGBA8};
static const vt_texel_format SWAPPED[LAYERS] = {VT_TEXEL_RGBA8, VT_TEXEL_BC1};

/* Sends every page of the file through, a staging area full at a time. */
static void send_all(rig *r, const vt_shape *s, const vt_texel_format wanted[LAYERS])
{
    for (uint32_t first = 0; first < page_count(s); first += TILES) {
        uint32_t sent = 0;
        r->ended_count = 0;
        for (uint32_t mip = 0; mip < s->mips; mip++) {
            for (uint32_t i = 0; i < page_columns(s, mip) * page_rows(s, mip); i++) {
                const vt_page p = {1, (uint8_t)mip, (uint16_t)(i % page_columns(s, mip)),
                                   (uint16_t)(i / page_columns(s, mip))};
                const uint32_t index = page_index(s, p);
                if (index >= first && index < first + TILES) {
                    submit(r, p, (int32_t)(index - first));
                    sent++;
                }
            }
        }
        drain(r);
        assert_int_equal(r->ended_count, sent);
        for (uint32_t i = 0; i < sent; i++) {
            assert_int_equal(job_arrived(&r->ended[i]), 1);
            assert_tile_shows(r, &r->ended[i], wanted);
        }
    }
}

static void every_page_arrives_in_every_format(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    const vt_texel_format *const all[] = {AS_STORED, EXPANDED, SWAPPED};
    for (uint32_t i = 0; i < 3; i++) {
        rig r;
        start(&r, path, 8 << 20, 2, all[i]);
        send_all(&r, &s, all[i]);
        fetch_stats fs;
        decode_stats ds;
        fetch_get_stats(r.fetch, &fs);
        decode_get_stats(r.decode, &ds);
        assert_int_equal(fs.pages_read, page_count(&s));
        assert_int_equal(ds.pages_decoded, page_count(&s));
        assert_int_equal(fs.corrupt + fs.failed + fs.no_memory + ds.corrupt + ds.missing, 0);
        assert_int_equal(fs.pending + ds.pending, 0);
        stop(&r);
    }
}

/* Counts the pages' layers that are stored with a codec. */
static uint32_t count_codec(const pagefile *file, uint32_t layer, page_codec codec)
{
    const vt_shape *s = &pagefile_get_info(file)->shape;
    uint32_t count = 0;
    for (uint32_t i = 0; i < page_columns(s, 0) * page_rows(s, 0); i++) {
        pagefile_entry e;
        const vt_page p = {0, 0, (uint16_t)(i % page_columns(s, 0)),
                           (uint16_t)(i / page_columns(s, 0))};
        assert_int_equal(pagefile_find(file, p, layer, &e), PAGEFILE_OK);
        count += e.codec == codec;
    }
    return count;
}

/* A layer of JPEG becomes RGBA8, and BC1 on the way; the other one comes from zstd. */
static void jpeg_and_zstd_arrive_in_every_format(void **state)
{
    const pagewriter_packing before[LAYERS] = {packing_of_rigs[0], packing_of_rigs[1]};
    const vt_texel_format *const all[] = {AS_STORED, SWAPPED};
    vt_shape s;
    packing_of_rigs[0] = (pagewriter_packing){PAGE_ZSTD, 0};
    packing_of_rigs[1] = (pagewriter_packing){PAGE_JPEG, 80};
    const char *path = write_world(*state, &s);
    for (uint32_t i = 0; i < 2; i++) {
        rig r;
        start(&r, path, 8 << 20, 2, all[i]);
        assert_true(count_codec(r.file, 0, PAGE_ZSTD) > 0);
        assert_int_equal(count_codec(r.file, 1, PAGE_JPEG), page_columns(&s, 0) * page_rows(&s, 0));
        send_all(&r, &s, all[i]);
        stop(&r);
    }
    memcpy(packing_of_rigs, before, sizeof before);
}

static void what_is_in_ram_is_not_read_again(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    const vt_page p = {1, 1, 2, 1};
    submit(&r, p, JOB_NO_TILE); /* ahead of need: only into RAM */
    drain(&r);
    assert_int_equal(r.ended[0].was_in_ram, 0);
    assert_int_equal(job_arrived(&r.ended[0]), 1);
    submit(&r, p, 3);
    drain(&r);
    assert_int_equal(r.ended_count, 2);
    assert_int_equal(r.ended[1].was_in_ram, 1);
    assert_tile_shows(&r, &r.ended[1], AS_STORED);
    fetch_stats fs;
    ramtier_stats rs;
    fetch_get_stats(r.fetch, &fs);
    ramtier_get_stats(r.ram, &rs);
    assert_int_equal(fs.pages_read, 1);
    assert_int_equal(rs.hits, 1);
    assert_int_equal(rs.misses, 1);
    stop(&r);
}

/* Random pages, most of them again and again, through a tier that holds a few: several workers
 * read, evict and unpack at once. */
static void a_small_tier_and_many_workers_show_no_wrong_texel(void **state)
{
    uint64_t random = seed_of_run();
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 1536 * 1024, 3, AS_STORED);
    for (uint32_t round = 0; round < 25; round++) {
        r.ended_count = 0;
        for (int32_t tile = 0; tile < TILES; tile++) {
            const uint32_t mip = seed_below(&random, 2);
            submit(&r,
                   (vt_page){1, (uint8_t)mip, (uint16_t)seed_below(&random, page_columns(&s, mip)),
                             (uint16_t)seed_below(&random, page_rows(&s, mip))},
                   tile);
        }
        drain(&r);
        assert_int_equal(r.ended_count, TILES);
        for (uint32_t i = 0; i < TILES; i++) {
            if (job_arrived(&r.ended[i]) == 1) {
                assert_tile_shows(&r, &r.ended[i], AS_STORED);
            } else { /* evicted before it was unpacked: may be tried again */
                assert_int_equal(r.ended[i].refused, 1);
            }
        }
    }
    ramtier_stats rs;
    ramtier_get_stats(r.ram, &rs);
    assert_true(rs.evicted > 0 && rs.peak_bytes <= rs.budget_bytes);
    stop(&r);
}

static void overwrite_byte(const char *path, uint64_t offset)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    assert_true(fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

static void a_damaged_page_and_one_that_is_not_there_are_corrupt(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    const vt_page bad = {1, 0, 3, 2};
    pagefile *file = NULL;
    pagefile_entry entry;
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    assert_int_equal(pagefile_find(file, bad, 1, &entry), PAGEFILE_OK);
    pagefile_close(file);
    overwrite_byte(path, entry.offset + entry.bytes / 2);

    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    submit(&r, bad, 0);
    submit(&r, (vt_page){1, 0, 100, 0}, 1); /* beyond the picture */
    submit(&r, (vt_page){2, 0, 0, 0}, 2);   /* no such texture */
    submit(&r, (vt_page){1, 0, 0, 0}, 3);   /* and a good one after them */
    drain(&r);
    assert_int_equal(r.ended_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(r.ended[i].corrupt, r.ended[i].tile == 3 ? 0 : 1);
    }
    assert_false(ramtier_has(r.ram, page_pack(bad)));
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.corrupt, 3);
    stop(&r);
}

static void a_file_cut_short_while_open_is_reported(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    const vt_info *info = pagefile_get_info(r.file);
    const vt_page p = {1, 0, 5, 5};
    assert_int_equal(truncate(path, (off_t)(PAGEFILE_HEADER_BYTES + info->index_bytes + 4096)), 0);
    submit(&r, p, 0);
    drain(&r);
    assert_int_equal(r.ended_count, 1);
    assert_int_equal(job_arrived(&r.ended[0]), 0);
    stop(&r);
}

/* Puts a descriptor that cannot be read in the place of the one that has `path` open. */
static void break_descriptor_of(const char *path)
{
    struct stat wanted;
    assert_int_equal(stat(path, &wanted), 0);
    const int blind = open("/dev/null", O_WRONLY | O_CLOEXEC);
    uint32_t broken = 0;
    for (int fd = 3; fd < 64; fd++) {
        struct stat s;
        if (fd != blind && fstat(fd, &s) == 0 && s.st_ino == wanted.st_ino &&
            s.st_dev == wanted.st_dev) {
            assert_int_equal(dup2(blind, fd), fd);
            broken++;
        }
    }
    assert_int_equal(broken, 1);
    close(blind);
}

static void a_disk_that_says_no_may_be_asked_again(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    break_descriptor_of(path);
    submit(&r, (vt_page){1, 0, 1, 1}, 0);
    drain(&r);
    assert_int_equal(r.ended_count, 1);
    assert_int_equal(r.ended[0].failed, 1);
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.failed, 1);
    assert_int_equal(fs.pages_read, 0);
    stop(&r);
}

static void a_tier_without_room_ends_a_job_with_no_memory(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, ramtier_least_budget(), 1, AS_STORED);
    ramtier_blob blob;
    const ramtier_layer layer = {.bytes = 60000, .codec = PAGE_STORED};
    static const uint8_t data[60000];
    assert_true(ramtier_insert(r.ram, UINT32_MAX, 1, &layer, data, &blob));
    submit(&r, (vt_page){1, 0, 0, 0}, 0); /* noise: 72 KiB */
    drain(&r);
    assert_int_equal(r.ended[0].refused, 1);
    fetch_stats fs;
    fetch_get_stats(r.fetch, &fs);
    assert_int_equal(fs.no_memory, 1);
    ramtier_unpin(r.ram, &blob);
    stop(&r);
}

/* Decode alone, given what no fetch would give it. */
static void decode_refuses_what_does_not_unpack(void **state)
{
    vt_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    static uint8_t junk[TEXEL_PAGE_MAX_BYTES];
    memset(junk, 0xf7, sizeof junk);
    const ramtier_layer layers[LAYERS] = {{500, PAGE_LZ4}, {700, PAGE_LZ4}};
    ramtier_blob blob;
    assert_true(ramtier_insert(r.ram, page_pack((vt_page){1, 0, 0, 0}), 2, layers, junk, &blob));
    ramtier_unpin(r.ram, &blob);
    assert_true(ramtier_insert(r.ram, page_pack((vt_page){1, 0, 1, 0}), 1, layers, junk, &blob));
    ramtier_unpin(r.ram, &blob);
    const ramtier_layer three[] = {{(uint32_t)texel_page_bytes(STORED[0]), PAGE_STORED},
                                   {(uint32_t)texel_page_bytes(STORED[1]), PAGE_STORED},
                                   {100, PAGE_STORED}};
    static uint8_t good[3 * TEXEL_PAGE_MAX_BYTES];
    assert_true(ramtier_insert(r.ram, page_pack((vt_page){1, 0, 3, 0}), 3, three, good, &blob));
    ramtier_unpin(r.ram, &blob);
    for (uint16_t x = 0; x < 4; x++) { /* junk; a layer too few; not in RAM; one too many */
        const page_job job = {.page = {1, 0, x, 0}, .tile = x, .wanted = 1};
        assert_true(decode_submit(r.decode, &job));
    }
    drain(&r);
    assert_int_equal(r.ended_count, 4);
    assert_int_equal(r.ended[0].corrupt, 1);
    assert_int_equal(r.ended[1].corrupt, 1);
    assert_int_equal(r.ended[2].refused, 1);
    assert_int_equal(r.ended[3].corrupt, 1);
    decode_stats ds;
    decode_get_stats(r.decode, &ds);
    assert_int_equal(ds.corrupt, 3);
    assert_int_equal(ds.missing, 1);
    assert_int_equal(ds.pages_decoded, 0);
    stop(&r);
}

static void impossible_lanes_are_refused(void **state)
{
    (void)state;
    const decode_texture texture = {1, {VT_TEXEL_BC1}};
    decode_desc dd = {.textures = &texture,
                      .texture_count = 1,
                      .layer_count = 1,
                      .wanted = {VT_TEXEL_RGBA8},
                      .tile_bytes = TEXEL_PAGE_MAX_BYTES - 1,
                      .next = end};
    assert_null(decode_create(&dd)); /* the tile is too small */
    dd.tile_bytes = TEXEL_PAGE_MAX_BYTES;
    dd.wanted[0] = VT_TEXEL_NONE;
    assert_null(decode_create(&dd));
    dd.layer_count = VT_MAX_LAYERS + 1;
    assert_null(decode_create(&dd));
    decode_destroy(NULL);
    fetch_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_arrives_in_every_format),
        cmocka_unit_test(jpeg_and_zstd_arrive_in_every_format),
        cmocka_unit_test(what_is_in_ram_is_not_read_again),
        cmocka_unit_test(a_small_tier_and_many_workers_show_no_wrong_texel),
        cmocka_unit_test(a_damaged_page_and_one_that_is_not_there_are_corrupt),
        cmocka_unit_test(a_file_cut_short_while_open_is_reported),
        cmocka_unit_test(a_disk_that_says_no_may_be_asked_again),
        cmocka_unit_test(a_tier_without_room_ends_a_job_with_no_memory),
        cmocka_unit_test(decode_refuses_what_does_not_unpack),
        cmocka_unit_test(impossible_lanes_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
