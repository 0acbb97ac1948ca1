/* libFuzzer on the page file's reader. The input is the file; its checksums are put right first, or
 * no mutation would ever come past them. An input too short to be one is replaced by a good file of
 * a few kilobytes, so that no corpus is needed. */
#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/engine/hostile.h"
#include "tools/bake/writer/pagewriter.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t room);

#define SEED_ROOM 16384

/* Writes a world of five pages and a layer a codec, all of one colour, and heights, to `path`. */
static void write_seed(const char *path)
{
    static const int16_t HEIGHTS[12] = {1, 2, 3};
    static const uint8_t TEXELS[TEXEL_PAGE_MAX_BYTES];
    pagewriter_desc desc = {.path = path,
                            .layer_count = 3,
                            .layers = {{VT_TEXEL_BC1, true, "a", false},
                                       {VT_TEXEL_BC3, true, "b", false},
                                       {VT_TEXEL_RGBA8, true, "c", true}}};
    pagewriter_packed packed[3] = {
        codecs_pack_lz4(VT_TEXEL_BC1, TEXELS),
        codecs_pack(VT_TEXEL_BC3, TEXELS, (pagewriter_packing){PAGE_ZSTD, 0}),
        codecs_pack(VT_TEXEL_RGBA8, TEXELS, (pagewriter_packing){PAGE_JPEG, 0})};
    pagewriter *w = NULL;
    if (!page_shape_make(150, 150, 4, &desc.shape) || pagewriter_create(&desc, &w) != PAGEFILE_OK) {
        abort();
    }
    for (uint32_t i = 0; i < 5; i++) {
        const vt_page p = {0, (uint8_t)(i / 4), (uint16_t)(i % 2), (uint16_t)(i / 2 % 2)};
        if (pagewriter_put(w, p, packed) != PAGEFILE_OK) {
            abort();
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        free(packed[i].data);
    }
    if (pagewriter_put_heights(w, HEIGHTS, 4, 3) != PAGEFILE_OK ||
        pagewriter_commit(w) != PAGEFILE_OK) {
        abort();
    }
}

/* The good file's bytes; made once. */
static size_t seed_file(const uint8_t **out)
{
    static uint8_t seed[SEED_ROOM];
    static size_t bytes;
    *out = seed;
    if (bytes > 0) {
        return bytes;
    }
    char path[64];
    snprintf(path, sizeof path, "/tmp/megabuddy-fuzz-%ld.mega", (long)getpid());
    write_seed(path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, seed, sizeof seed) : -1;
    unlink(path);
    if (got < PAGEFILE_HEADER_BYTES) {
        abort();
    }
    close(fd);
    bytes = (size_t)got;
    return bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    const uint8_t *good = NULL;
    const size_t good_bytes = seed_file(&good);
    (void)seed;
    if (bytes < PAGEFILE_HEADER_BYTES && room >= good_bytes) {
        memcpy(data, good, good_bytes);
        bytes = good_bytes;
    }
    return LLVMFuzzerMutate(data, bytes, room);
}

static void put_checksums_right(uint8_t *copy, size_t bytes)
{
    if (bytes < PAGEFILE_HEADER_BYTES) {
        return;
    }
    const uint64_t at = format_get64(copy + PAGEFILE_AT_INDEX_OFFSET);
    const uint64_t length = format_get64(copy + PAGEFILE_AT_INDEX_BYTES);
    memcpy(copy, PAGEFILE_MAGIC, PAGEFILE_MAGIC_BYTES);
    if (copy[PAGEFILE_AT_VERSION] != 1) {
        format_put32(copy + PAGEFILE_AT_VERSION, PAGEFILE_VERSION);
    }
    if (at <= bytes && length <= bytes - at) {
        format_put32(copy + PAGEFILE_AT_INDEX_CRC, crc32c(0, copy + at, (size_t)length));
    }
    format_put32(copy + PAGEFILE_AT_CRC, format_header_crc(copy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char path[64];
    uint8_t *copy = malloc(bytes + 1);
    const int fd = memfd_create("input.mega", MFD_CLOEXEC);
    if (copy != NULL && fd >= 0) {
        memcpy(copy, data, bytes);
        put_checksums_right(copy, bytes);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (write(fd, copy, bytes) == (ssize_t)bytes) {
            (void)hostile_read_all(path);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(copy);
    return 0;
}
