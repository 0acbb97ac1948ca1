/* Page files that were damaged on purpose, some thousands of them: opening and reading must end in
 * a status, never in a crash nor in a read or write outside (which the sanitizers' builds see). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/engine/hostile.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/writer/pagewriter.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 2000, LAYERS = 4 };

static const vt_texel_format FORMATS[LAYERS] = {VT_TEXEL_BC1, VT_TEXEL_BC4, VT_TEXEL_BC3,
                                                VT_TEXEL_RGBA8};
static const page_codec CODECS[LAYERS] = {PAGE_LZ4, PAGE_LZ4, PAGE_ZSTD, PAGE_JPEG};

static uint8_t *good;
static size_t good_bytes;

static void put_page(pagewriter *w, vt_page p)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    for (size_t i = 0; i < sizeof texels; i++) {
        texels[i] = (uint8_t)(i / 7 + p.x);
    }
    pagewriter_packed packed[LAYERS];
    for (uint32_t i = 0; i < LAYERS; i++) {
        const bool plain = i == 0 && p.x == 0;
        const pagewriter_packing how = {plain ? PAGE_STORED : CODECS[i], 0};
        packed[i] = codecs_pack(FORMATS[i], texels, how);
        assert_non_null(packed[i].data);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t i = 0; i < LAYERS; i++) {
        free(packed[i].data);
    }
}

static void write_good(const char *path)
{
    static int16_t heights[50 * 30];
    pagewriter_desc desc = {.path = path, .layer_count = LAYERS};
    for (uint32_t i = 0; i < LAYERS; i++) {
        desc.layers[i] = (vt_layer){.format = FORMATS[i], .name = "a"};
    }
    pagewriter *w = NULL;
    assert_true(page_shape_make(241, 119, 4, &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    for (uint32_t mip = 0; mip < desc.shape.mips; mip++) {
        for (uint32_t x = 0; x < page_columns(&desc.shape, mip); x++) {
            put_page(w, (vt_page){0, (uint8_t)mip, (uint16_t)x, 0});
        }
    }
    for (int i = 0; i < 50 * 30; i++) {
        heights[i] = (int16_t)(i * i);
    }
    assert_int_equal(pagewriter_put_heights(w, heights, 50, 30), PAGEFILE_OK);
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
}

static void load_good(const char *path)
{
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    good_bytes = (size_t)lseek(fd, 0, SEEK_END);
    good = malloc(good_bytes);
    assert_int_equal(pread(fd, good, good_bytes, 0), (ssize_t)good_bytes);
    close(fd);
}

static void save(const char *path, const uint8_t *data, size_t bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
}

/* Overwrites some bytes, mostly in header and index, with values that like to break things. */
static void damage(uint8_t *data, size_t bytes, uint64_t *seed)
{
    static const uint8_t NASTY[] = {0x00, 0xff, 0x7f, 0x80, 0x01, 0xfe};
    const uint32_t times = 1 + seed_below(seed, 6);
    for (uint32_t i = 0; i < times; i++) {
        const uint32_t reach = seed_below(seed, 3) == 0   ? (uint32_t)bytes
                               : seed_below(seed, 2) == 0 ? 600
                                                          : PAGEFILE_HEADER_BYTES;
        const uint32_t at = seed_below(seed, reach);
        const uint32_t run = 1 + seed_below(seed, 8);
        const uint8_t value = seed_below(seed, 2) == 0 ? NASTY[seed_below(seed, sizeof NASTY)]
                                                       : (uint8_t)seed_next(seed);
        for (uint32_t k = at; k < at + run && k < bytes; k++) {
            data[k] = value;
        }
    }
}

/* Makes the checksums of header and index fit what stands there now. */
static void forge(uint8_t *data, size_t bytes)
{
    const uint64_t at = format_get64(data + PAGEFILE_AT_INDEX_OFFSET);
    const uint64_t length = format_get64(data + PAGEFILE_AT_INDEX_BYTES);
    memcpy(data, PAGEFILE_MAGIC, PAGEFILE_MAGIC_BYTES);
    if (data[PAGEFILE_AT_VERSION] != 1) {
        format_put32(data + PAGEFILE_AT_VERSION, PAGEFILE_VERSION);
    }
    if (at <= bytes && length <= bytes - at) {
        format_put32(data + PAGEFILE_AT_INDEX_CRC, crc32c(0, data + at, (size_t)length));
    }
    format_put32(data + PAGEFILE_AT_CRC, format_header_crc(data));
}

static void the_good_file_is_read_whole(void **state)
{
    assert_int_equal(hostile_read_all(scratch_path(*state, "good.mega")), LAYERS * (3 + 2 + 1));
}

static void damaged_files_end_in_a_status(void **state)
{
    const char *path = scratch_path(*state, "bad.mega");
    uint64_t seed = seed_of_run();
    uint8_t *data = malloc(good_bytes);
    uint32_t opened = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t bytes = good_bytes;
        memcpy(data, good, good_bytes);
        damage(data, bytes, &seed);
        if (seed_below(&seed, 4) != 0) {
            forge(data, bytes);
        }
        if (seed_below(&seed, 4) == 0) {
            bytes = seed_below(&seed, (uint32_t)good_bytes + 1);
        }
        save(path, data, bytes);
        opened += hostile_read_all(path) > 0;
    }
    assert_true(opened > ROUNDS / 100); /* else the damage never came past the header */
    assert_true(opened < ROUNDS);
    free(data);
}

static void every_truncation_is_noticed(void **state)
{
    const char *path = scratch_path(*state, "short.mega");
    for (size_t bytes = 0; bytes < good_bytes; bytes += bytes < 1200 ? 1 : 97) {
        save(path, good, bytes);
        assert_int_equal(hostile_read_all(path), 0);
    }
}

static int set_up(void **state)
{
    if (scratch_make(state) != 0) {
        return -1;
    }
    const char *path = scratch_path(*state, "good.mega");
    write_good(path);
    load_good(path);
    return 0;
}

static int tear_down(void **state)
{
    free(good);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_file_is_read_whole),
        cmocka_unit_test(damaged_files_end_in_a_status),
        cmocka_unit_test(every_truncation_is_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
