/* One bit of a page that has changed on its way from the disk: nobody sees wrong texels. Pages are
 * stored unpacked here, so that no decoder notices what the checksum should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/fetch.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/writer/pagewriter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLUMNS = 4, ROWS = 2, CLUSTER = 4 /* pages of a cluster of 2 x 2 */ };

static uint64_t seed;
static page_job ended; /* written by the reader, read after fetch_drain */

static void end(void *context, const page_job *job)
{
    (void)context;
    ended = *job;
}

static void put_page(pagewriter *w, vt_page p, uint32_t layers)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    pagewriter_packed packed[VT_MAX_LAYERS];
    for (uint32_t i = 0; i < layers; i++) {
        memset(texels, (int)(page_pack(p) + i), sizeof texels);
        packed[i] = codecs_pack(VT_TEXEL_RGBA8, texels, (pagewriter_packing){PAGE_STORED, 0});
        assert_non_null(packed[i].data);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t i = 0; i < layers; i++) {
        free(packed[i].data);
    }
}

static const char *write_world(void *state, uint32_t layers)
{
    const char *path = scratch_path(state, "world.mega");
    pagewriter_desc desc = {.path = path, .layer_count = layers};
    pagewriter *w = NULL;
    for (uint32_t i = 0; i < layers; i++) {
        desc.layers[i].format = VT_TEXEL_RGBA8;
        snprintf(desc.layers[i].name, sizeof desc.layers[i].name, "layer %u", i);
    }
    assert_true(page_shape_make(COLUMNS * 120, ROWS * 120, 4, &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    for (uint8_t mip = 0; mip < desc.shape.mips; mip++) {
        for (uint16_t y = 0; y < page_rows(&desc.shape, mip); y++) {
            for (uint16_t x = 0; x < page_columns(&desc.shape, mip); x++) {
                put_page(w, (vt_page){1, mip, x, y}, layers);
            }
        }
    }
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
    return path;
}

/* Changes a bit of a layer of a page, any; again, and it is as it was. */
static void flip(const char *path, const pagefile_entry *entry, uint32_t bit)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    const off_t at = (off_t)(entry->offset + bit / 8);
    uint8_t byte = 0;
    assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Reads the first cluster of mip 0 into a RAM tier. Returns which of its pages are corrupt. */
static uint64_t read_cluster(const pagefile *file)
{
    const pagefile *const files[] = {file};
    ramtier *ram = ramtier_create(&(ramtier_desc){.budget_bytes = 8 << 20});
    fetch *f = fetch_create(
        &(fetch_desc){.files = files, .file_count = 1, .ram = ram, .workers = 1, .next = end});
    const page_job job = {
        .page = {1, 0, 0, 0}, .order = 1, .tile = JOB_NO_TILE, .wanted = (1u << CLUSTER) - 1};
    assert_true(ram != NULL && f != NULL && fetch_submit(f, &job));
    fetch_drain(f);
    assert_int_equal(ended.failed | ended.refused | ended.cancelled, 0);
    for (uint32_t i = 0; i < CLUSTER; i++) {
        const bool arrived = job_arrived(&ended) >> i & 1;
        assert_int_equal(ramtier_has(ram, page_pack(page_of_cluster(job.page, i))), arrived);
    }
    fetch_destroy(f);
    ramtier_destroy(ram);
    return ended.corrupt;
}

static void a_changed_bit_is_noticed_in_any_layer(void **state)
{
    for (uint32_t layers = 1; layers <= VT_MAX_LAYERS; layers++) {
        const char *path = write_world(*state, layers);
        pagefile *file = NULL;
        assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
        assert_int_equal(read_cluster(file), 0);
        for (uint32_t i = 0; i < 4 * layers; i++) {
            const uint32_t page = seed_below(&seed, CLUSTER);
            pagefile_entry entry;
            assert_int_equal(pagefile_find(file, page_of_cluster((vt_page){1, 0, 0, 0}, page),
                                           i % layers, &entry),
                             PAGEFILE_OK);
            assert_int_equal(entry.codec, PAGE_STORED);
            const uint32_t bit = seed_below(&seed, entry.bytes * 8);
            flip(path, &entry, bit);
            assert_int_equal(read_cluster(file), UINT64_C(1) << page);
            flip(path, &entry, bit);
        }
        assert_int_equal(read_cluster(file), 0);
        pagefile_close(file);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_bit_is_noticed_in_any_layer),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
