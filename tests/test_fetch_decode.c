/* From a page file through the RAM tier to staging, and every way in which that can end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/decode.h"
#include "engine/fetch.h"
#include "engine/pagewriter.h"
#include "tests/scratch.h"
#include "tests/seed.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LAYERS = 2,
    WIDTH = 1000,
    HEIGHT = 700,
    TILES = 12,
    MOST_PAGES = 128,
    TILE_BYTES = 2 * TEXEL_PAGE_MAX_BYTES,
    BLOCK_TILES = 64, /* of a block of 8 x 8 */
    GUARD = 0xa5,
};

static const texel_format STORED[LAYERS] = {TEXEL_BC1, TEXEL_RGBA8};

/* Texels that tell page and layer apart. One page in three does not compress, so that both codecs
 * are met. */
static void fill_texels(vt_page p, uint32_t layer, uint8_t *texels)
{
    uint64_t state = page_pack(p) + layer;
    const bool noise = (p.x + p.y) % 3 == 0;
    for (size_t i = 0; i < texel_page_bytes(STORED[layer]); i++) {
        texels[i] =
            noise ? (uint8_t)seed_next(&state) : (uint8_t)(page_pack(p) * 7 + layer + i / 64);
    }
}

static void put_page(pagewriter *w, vt_page p)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    pagewriter_packed packed[LAYERS];
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        fill_texels(p, layer, texels);
        packed[layer] = pagewriter_pack(STORED[layer], texels, true);
        assert_non_null(packed[layer].data);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        free(packed[layer].data);
    }
}

/* --- the rig: a file, a tier, both lanes and a staging area --- */

typedef struct rig {
    pagefile *file;
    ramtier *ram;
    fetch *fetch;
    decode *decode;
    uint8_t *staging;
    pthread_mutex_t mutex;
    page_job ended[MOST_PAGES]; /* under the mutex */
    uint32_t ended_count;
} rig;

static void end(void *context, const page_job *job)
{
    rig *r = context;
    pthread_mutex_lock(&r->mutex);
    if (r->ended_count < MOST_PAGES) {
        r->ended[r->ended_count++] = *job;
    }
    pthread_mutex_unlock(&r->mutex);
}

static void go_on(void *context, const page_job *job)
{
    rig *r = context;
    if (job_arrived(job) == 0 || job->tile == JOB_NO_TILE || !decode_submit(r->decode, job)) {
        end(context, job);
    }
}

static const char *write_world(void *state, page_shape *shape)
{
    const char *path = scratch_path(state, "world.mega");
    pagewriter_desc desc = {.path = path,
                            .layer_count = LAYERS,
                            .layers = {{STORED[0], true, "albedo"}, {STORED[1], false, "rest"}}};
    assert_true(page_shape_make(WIDTH, HEIGHT, 4, &desc.shape));
    pagewriter *w = NULL;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    for (uint8_t mip = 0; mip < desc.shape.mips; mip++) {
        for (uint16_t y = 0; y < page_rows(&desc.shape, mip); y++) {
            for (uint16_t x = 0; x < page_columns(&desc.shape, mip); x++) {
                put_page(w, (vt_page){1, mip, x, y});
            }
        }
    }
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
    *shape = desc.shape;
    return path;
}

static fetch_reader reader_of_rigs; /* how those started from now on read */

static void start(rig *r, const char *path, uint64_t budget_bytes, uint32_t workers,
                  const texel_format wanted[LAYERS])
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    assert_int_equal(pagefile_open(path, &r->file), PAGEFILE_OK);
    r->ram = ramtier_create(&(ramtier_desc){.budget_bytes = budget_bytes});
    r->staging = calloc(BLOCK_TILES, TILE_BYTES);
    assert_true(r->ram != NULL && r->staging != NULL);
    const decode_texture texture = {LAYERS, {STORED[0], STORED[1]}};
    decode_desc dd = {.ram = r->ram,
                      .textures = &texture,
                      .texture_count = 1,
                      .layer_count = LAYERS,
                      .staging = r->staging,
                      .tile_bytes = TILE_BYTES,
                      .workers = workers,
                      .depth = MOST_PAGES,
                      .next = end,
                      .context = r};
    memcpy(dd.wanted, wanted, sizeof STORED);
    r->decode = decode_create(&dd);
    assert_non_null(r->decode);
    const pagefile *const files[] = {r->file};
    r->fetch = fetch_create(&(fetch_desc){.files = files,
                                          .file_count = 1,
                                          .ram = r->ram,
                                          .reader = reader_of_rigs,
                                          .workers = workers,
                                          .depth = MOST_PAGES,
                                          .next = go_on,
                                          .context = r});
    assert_non_null(r->fetch);
}

static void stop(rig *r)
{
    fetch_destroy(r->fetch);
    decode_destroy(r->decode);
    const char *wrong = ramtier_check(r->ram);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    ramtier_destroy(r->ram);
    pagefile_close(r->file);
    free(r->staging);
    pthread_mutex_destroy(&r->mutex);
}

static void submit(rig *r, vt_page p, int32_t tile)
{
    const page_job job = {.page = p, .tile = tile, .wanted = 1};
    assert_true(fetch_submit(r->fetch, &job));
}

static void drain(rig *r)
{
    fetch_drain(r->fetch);
    decode_drain(r->decode);
}

/* Page i of a block lies in its place in every layer's rectangle. */
static void assert_page_shows(const rig *r, const page_job *job, uint32_t i,
                              const texel_format wanted[LAYERS])
{
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES];
    static uint8_t expected[TEXEL_PAGE_MAX_BYTES];
    const uint8_t *rectangle = r->staging + (size_t)job->tile * TILE_BYTES;
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        const size_t row = texel_row_bytes(wanted[layer]), rows = texel_page_rows(wanted[layer]);
        fill_texels(page_of_block(job->page, i), layer, stored);
        assert_true(decode_convert(STORED[layer], stored, wanted[layer], expected, row));
        for (size_t y = 0; y < rows; y++) {
            const size_t line = (morton_y(i) * rows + y) << job->order;
            assert_memory_equal(rectangle + line * row + morton_x(i) * row, expected + y * row,
                                row);
        }
        rectangle += rows * row << 2 * job->order;
    }
}

static void assert_tile_shows(const rig *r, const page_job *job, const texel_format wanted[LAYERS])
{
    assert_page_shows(r, job, 0, wanted);
}

/* --- the tests --- */

static const texel_format AS_STORED[LAYERS] = {TEXEL_BC1, TEXEL_RGBA8};
static const texel_format EXPANDED[LAYERS] = {TEXEL_RGBA8, TEXEL_RGBA8};
static const texel_format SWAPPED[LAYERS] = {TEXEL_RGBA8, TEXEL_BC1};

/* Sends every page of the file through, a staging area full at a time. */
static void send_all(rig *r, const page_shape *s, const texel_format wanted[LAYERS])
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
    page_shape s;
    const char *path = write_world(*state, &s);
    const texel_format *const all[] = {AS_STORED, EXPANDED, SWAPPED};
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

static void what_is_in_ram_is_not_read_again(void **state)
{
    page_shape s;
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
    page_shape s;
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
    page_shape s;
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
    page_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    const pagefile_info *info = pagefile_get_info(r.file);
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
    page_shape s;
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
    page_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, ramtier_least_budget(), 1, AS_STORED);
    ramtier_blob blob;
    const ramtier_layer layer = {.bytes = 60000, .codec = PAGEFILE_STORED};
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
    page_shape s;
    const char *path = write_world(*state, &s);
    rig r;
    start(&r, path, 8 << 20, 1, AS_STORED);
    static uint8_t junk[TEXEL_PAGE_MAX_BYTES];
    memset(junk, 0xf7, sizeof junk);
    const ramtier_layer layers[LAYERS] = {{500, PAGEFILE_LZ4}, {700, PAGEFILE_LZ4}};
    ramtier_blob blob;
    assert_true(ramtier_insert(r.ram, page_pack((vt_page){1, 0, 0, 0}), 2, layers, junk, &blob));
    ramtier_unpin(r.ram, &blob);
    assert_true(ramtier_insert(r.ram, page_pack((vt_page){1, 0, 1, 0}), 1, layers, junk, &blob));
    ramtier_unpin(r.ram, &blob);
    for (uint16_t x = 0; x < 3; x++) { /* junk; a layer too few; not in RAM */
        const page_job job = {.page = {1, 0, x, 0}, .tile = x, .wanted = 1};
        assert_true(decode_submit(r.decode, &job));
    }
    drain(&r);
    assert_int_equal(r.ended_count, 3);
    assert_int_equal(r.ended[0].corrupt, 1);
    assert_int_equal(r.ended[1].corrupt, 1);
    assert_int_equal(r.ended[2].refused, 1);
    decode_stats ds;
    decode_get_stats(r.decode, &ds);
    assert_int_equal(ds.corrupt, 2);
    assert_int_equal(ds.missing, 1);
    assert_int_equal(ds.pages_decoded, 0);
    stop(&r);
}

static void impossible_lanes_are_refused(void **state)
{
    (void)state;
    const decode_texture texture = {1, {TEXEL_BC1}};
    decode_desc dd = {.textures = &texture,
                      .texture_count = 1,
                      .layer_count = 1,
                      .wanted = {TEXEL_RGBA8},
                      .tile_bytes = TEXEL_PAGE_MAX_BYTES - 1,
                      .next = end};
    assert_null(decode_create(&dd)); /* the tile is too small */
    dd.tile_bytes = TEXEL_PAGE_MAX_BYTES;
    dd.wanted[0] = TEXEL_NONE;
    assert_null(decode_create(&dd));
    dd.layer_count = VT_MAX_LAYERS + 1;
    assert_null(decode_create(&dd));
    decode_destroy(NULL);
    fetch_destroy(NULL);
}

/* --- blocks --- */

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
        cmocka_unit_test(every_page_arrives_in_every_format),
        cmocka_unit_test(what_is_in_ram_is_not_read_again),
        cmocka_unit_test(a_small_tier_and_many_workers_show_no_wrong_texel),
        cmocka_unit_test(a_damaged_page_and_one_that_is_not_there_are_corrupt),
        cmocka_unit_test(a_file_cut_short_while_open_is_reported),
        cmocka_unit_test(a_disk_that_says_no_may_be_asked_again),
        cmocka_unit_test(a_tier_without_room_ends_a_job_with_no_memory),
        cmocka_unit_test(decode_refuses_what_does_not_unpack),
        cmocka_unit_test(impossible_lanes_are_refused),
        cmocka_unit_test(random_blocks_arrive_in_their_places),
        cmocka_unit_test(neighbours_are_read_in_one_request),
        cmocka_unit_test(cancelled_jobs_end_unread),
        cmocka_unit_test(lanes_can_be_destroyed_with_jobs_in_flight),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
