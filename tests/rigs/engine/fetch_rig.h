/* fetch_rig.h: a page file, a RAM tier, both queues and a staging area. Include after cmocka. */
#ifndef MEGABUDDY_TESTS_FETCH_RIG_H
#define MEGABUDDY_TESTS_FETCH_RIG_H

#include "engine/disk/fetch.h"
#include "engine/texels/convert.h"
#include "engine/texels/decode.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/writer/pagewriter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    LAYERS = 2,
    WIDTH = 1000,
    HEIGHT = 700,
    TILES = 12,
    MOST_PAGES = 128,
    TILE_BYTES = 2 * TEXEL_PAGE_MAX_BYTES,
    CLUSTER_TILES = 64, /* of a cluster of 8 x 8 */
    GUARD = 0xa5,
};

static const vt_texel_format STORED[LAYERS] = {VT_TEXEL_BC1, VT_TEXEL_RGBA8};

/* How worlds written from now on are packed. */
static pagewriter_packing packing_of_rigs[LAYERS] = {{PAGE_LZ4, 0}, {PAGE_LZ4, 0}};

/* Texels that tell page and layer apart. One page in three does not compress, so that both codecs
 * are met. */
static inline void fill_texels(vt_page p, uint32_t layer, uint8_t *texels)
{
    uint64_t state = page_pack(p) + layer;
    const bool noise = (p.x + p.y) % 3 == 0;
    for (size_t i = 0; i < texel_page_bytes(STORED[layer]); i++) {
        texels[i] =
            noise ? (uint8_t)seed_next(&state) : (uint8_t)(page_pack(p) * 7 + layer + i / 64);
    }
}

/* Those texels as they come out of the file: JPEG changes them. */
static inline void stored_texels(vt_page p, uint32_t layer, uint8_t *texels)
{
    fill_texels(p, layer, texels);
    if (packing_of_rigs[layer].codec == PAGE_JPEG) {
        pagewriter_packed packed = codecs_pack(STORED[layer], texels, packing_of_rigs[layer]);
        assert_int_equal(codecs_unpack(PAGE_JPEG, packed.data, packed.bytes, STORED[layer], texels),
                         PAGEFILE_OK);
        free(packed.data);
    }
}

static inline void put_page(pagewriter *w, vt_page p)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    pagewriter_packed packed[LAYERS];
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        fill_texels(p, layer, texels);
        packed[layer] = codecs_pack(STORED[layer], texels, packing_of_rigs[layer]);
        assert_non_null(packed[layer].data);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        free(packed[layer].data);
    }
}

/* ---- the rig: a file, a tier, both queues and a staging area ---- */

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

static inline void end(void *context, const page_job *job)
{
    rig *r = context;
    pthread_mutex_lock(&r->mutex);
    if (r->ended_count < MOST_PAGES) {
        r->ended[r->ended_count++] = *job;
    }
    pthread_mutex_unlock(&r->mutex);
}

static inline void go_on(void *context, const page_job *job)
{
    rig *r = context;
    if (job_arrived(job) == 0 || job->tile == JOB_NO_TILE || !decode_submit(r->decode, job)) {
        end(context, job);
    }
}

static inline const char *write_world(void *state, vt_shape *shape)
{
    const char *path = scratch_path(state, "world.mega");
    pagewriter_desc desc = {
        .path = path,
        .layer_count = LAYERS,
        .layers = {{STORED[0], true, "albedo", false}, {STORED[1], false, "rest", false}}};
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

static inline void start(rig *r, const char *path, uint64_t budget_bytes, uint32_t workers,
                         const vt_texel_format wanted[LAYERS])
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    assert_int_equal(pagefile_open(path, &r->file), PAGEFILE_OK);
    r->ram = ramtier_create(&(ramtier_desc){.budget_bytes = budget_bytes});
    r->staging = calloc(CLUSTER_TILES, TILE_BYTES);
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

static inline void stop(rig *r)
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

static inline void submit(rig *r, vt_page p, int32_t tile)
{
    const page_job job = {.page = p, .tile = tile, .wanted = 1};
    assert_true(fetch_submit(r->fetch, &job));
}

static inline void drain(rig *r)
{
    fetch_drain(r->fetch);
    decode_drain(r->decode);
}

/* Page i of a cluster lies in its place in every layer's rectangle. */
static inline void assert_page_shows(const rig *r, const page_job *job, uint32_t i,
                                     const vt_texel_format wanted[LAYERS])
{
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES];
    static uint8_t expected[TEXEL_PAGE_MAX_BYTES];
    const uint8_t *rectangle = r->staging + (size_t)job->tile * TILE_BYTES;
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        const size_t row = texel_row_bytes(wanted[layer]), rows = texel_page_rows(wanted[layer]);
        stored_texels(page_of_cluster(job->page, i), layer, stored);
        assert_true(texels_convert(STORED[layer], stored, wanted[layer], expected, row));
        for (size_t y = 0; y < rows; y++) {
            const size_t line = (buddy_morton_y(i) * rows + y) << job->order;
            assert_memory_equal(rectangle + line * row + buddy_morton_x(i) * row,
                                expected + y * row, row);
        }
        rectangle += rows * row << 2 * job->order;
    }
}

static inline void assert_tile_shows(const rig *r, const page_job *job,
                                     const vt_texel_format wanted[LAYERS])
{
    assert_page_shows(r, job, 0, wanted);
}

static const vt_texel_format AS_STORED[LAYERS] = {VT_TEXEL_BC1, VT_TEXEL_RGBA8};

#endif
