/* The page file: what was put comes back, and whatever is wrong with a file is a status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pagefile.h"
#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tools/bake/writer/pagewriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 1000, HEIGHT = 300, LAYERS = 2 };

static const vt_texel_format FORMATS[LAYERS] = {VT_TEXEL_BC1, VT_TEXEL_RGBA8};

/* Texels that tell page and layer apart; half of the pages do not compress. */
static void fill_texels(vt_page p, uint32_t layer, uint8_t *texels)
{
    const size_t bytes = texel_page_bytes(FORMATS[layer]);
    uint32_t state = page_pack(p) * 2654435761u + layer + 1;
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525u + 1013904223u;
        texels[i] = (p.x + p.y) % 2 == 0 ? (uint8_t)(state >> 24) : (uint8_t)(page_pack(p) + layer);
    }
}

static pagewriter_desc make_desc(const char *path)
{
    pagewriter_desc desc = {
        .path = path,
        .kind = VT_TERRAIN,
        .wrap_x = true,
        .layer_count = LAYERS,
        .layers = {{VT_TEXEL_BC1, true, "albedo", false},
                   {VT_TEXEL_RGBA8, false, "normal-map1", true}},
    };
    assert_true(page_shape_make(WIDTH, HEIGHT, 4, &desc.shape));
    return desc;
}

static void put_page(pagewriter *w, vt_page p)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    pagewriter_packed packed[LAYERS];
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        fill_texels(p, layer, texels);
        packed[layer] = codecs_pack_lz4(FORMATS[layer], texels);
        assert_non_null(packed[layer].data);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        free(packed[layer].data);
    }
}

/* Calls for each page, finest mip first, from right to left. */
static void put_all(pagewriter *w, const vt_shape *shape)
{
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        for (uint32_t y = 0; y < page_rows(shape, mip); y++) {
            for (uint32_t x = page_columns(shape, mip); x-- > 0;) {
                put_page(w, (vt_page){0, (uint8_t)mip, (uint16_t)x, (uint16_t)y});
            }
        }
    }
}

static void write_world(const char *path)
{
    static const int16_t HEIGHTS[6] = {0, -1, 32767, -32768, 258, 8848};
    const pagewriter_desc desc = make_desc(path);
    pagewriter *w = NULL;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    put_all(w, &desc.shape);
    assert_int_equal(pagewriter_put_heights(w, HEIGHTS, 3, 2), PAGEFILE_OK);
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
}

static void checksum_is_crc32c(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void what_was_put_comes_back(void **state)
{
    const char *path = scratch_path(*state, "good.mega");
    write_world(path);
    pagefile *file = NULL;
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    const vt_info *info = pagefile_get_info(file);
    assert_int_equal(info->shape.width, WIDTH);
    assert_int_equal(info->shape.height, HEIGHT);
    assert_int_equal(info->shape.border, 4);
    assert_int_equal(info->kind, VT_TERRAIN);
    assert_true(info->wrap_x);
    assert_int_equal(info->layer_count, LAYERS);
    assert_string_equal(info->layers[1].name, "normal-map1");
    assert_true(info->layers[0].srgb);
    assert_false(info->layers[1].srgb);
    assert_true(info->layers[1].lossy && !info->layers[0].lossy);
    assert_int_equal(info->version, PAGEFILE_VERSION);
    assert_true(pagefile_memory_bytes(file) >= info->index_bytes);
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES],
        wanted[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t mip = 0; mip < info->shape.mips; mip++) {
        const uint32_t columns = page_columns(&info->shape, mip);
        for (uint32_t i = 0; i < columns * page_rows(&info->shape, mip); i++) {
            const vt_page p = {0, (uint8_t)mip, (uint16_t)(i % columns), (uint16_t)(i / columns)};
            for (uint32_t layer = 0; layer < LAYERS; layer++) {
                pagefile_entry entry;
                assert_int_equal(pagefile_find(file, p, layer, &entry), PAGEFILE_OK);
                assert_int_equal(entry.offset % PAGEFILE_ALIGN, 0);
                assert_int_equal(pagefile_read(file, &entry, stored), PAGEFILE_OK);
                assert_int_equal(
                    codecs_unpack(entry.codec, stored, entry.bytes, FORMATS[layer], got),
                    PAGEFILE_OK);
                fill_texels(p, layer, wanted);
                assert_memory_equal(got, wanted, texel_page_bytes(FORMATS[layer]));
            }
        }
    }
    pagefile_close(file);
}

/* Puts rows of three one behind the other. */
static void take_row(void *context, uint32_t row, const int16_t *metres)
{
    memcpy((int16_t *)context + (size_t)3 * row, metres, 3 * sizeof *metres);
}

static void heights_come_back(void **state)
{
    static const int16_t WANTED[6] = {0, -1, 32767, -32768, 258, 8848};
    const char *path = scratch_path(*state, "good.mega");
    write_world(path);
    pagefile *file = NULL;
    int16_t heights[6];
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    assert_int_equal(pagefile_get_info(file)->heights_width, 3);
    assert_int_equal(pagefile_get_info(file)->heights_height, 2);
    assert_int_equal(pagefile_scan_heights(file, take_row, heights), PAGEFILE_OK);
    assert_memory_equal(heights, WANTED, sizeof WANTED);
    assert_int_equal(pagefile_scan_heights(file, NULL, NULL), PAGEFILE_OK);
    pagefile_close(file);
}

/* Coarsest mip first, an aligned square of pages within its own range of the file. */
static void pages_lie_in_morton_order(void **state)
{
    const char *path = scratch_path(*state, "good.mega");
    write_world(path);
    pagefile *file = NULL;
    pagefile_entry a, b;
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    const vt_page order[] = {{0, 3, 0, 0}, {0, 2, 0, 0}, {0, 2, 1, 0}, {0, 1, 0, 0},
                             {0, 0, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, 1, 1},
                             {0, 0, 2, 0}, {0, 0, 0, 2}, {0, 0, 4, 0}};
    for (size_t i = 0; i + 1 < sizeof order / sizeof order[0]; i++) {
        assert_int_equal(pagefile_find(file, order[i], LAYERS - 1, &a), PAGEFILE_OK);
        assert_int_equal(pagefile_find(file, order[i + 1], 0, &b), PAGEFILE_OK);
        assert_true(a.offset + a.bytes <= b.offset);
    }
    pagefile_close(file);
}

static void pages_that_do_not_exist_are_refused(void **state)
{
    const char *path = scratch_path(*state, "good.mega");
    write_world(path);
    pagefile *file = NULL;
    pagefile_entry e;
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 9, 0}, 0, &e), PAGEFILE_NO_PAGE);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 0, 3}, 0, &e), PAGEFILE_NO_PAGE);
    assert_int_equal(pagefile_find(file, (vt_page){0, 15, 0, 0}, 0, &e), PAGEFILE_NO_PAGE);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 0, 0}, LAYERS, &e), PAGEFILE_NO_PAGE);
    pagefile_close(file);
}

/* Opens the good file after `bytes` at `offset` were replaced; the header's crc is put right when
 * `forged`, so that the field itself is what is tested. */
static pagefile_status open_patched(void **state, long offset, const void *bytes, size_t count,
                                    bool forged)
{
    const char *path = scratch_path(*state, "patched.mega");
    write_world(path);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, offset), (ssize_t)count);
    if (forged) {
        uint8_t header[PAGEFILE_HEADER_BYTES];
        assert_int_equal(pread(fd, header, sizeof header, 0), (ssize_t)sizeof header);
        format_put32(header + PAGEFILE_AT_CRC, format_header_crc(header));
        assert_int_equal(pwrite(fd, header, sizeof header, 0), (ssize_t)sizeof header);
    }
    close(fd);
    pagefile *file = NULL;
    const pagefile_status status = pagefile_open(path, &file);
    assert_true((file != NULL) == (status == PAGEFILE_OK));
    pagefile_close(file);
    return status;
}

static pagefile_status open_with_field(void **state, long at, uint64_t value, size_t bytes)
{
    uint8_t field[8];
    format_put64(field, value);
    return open_patched(state, at, field, bytes, true);
}

static void damaged_headers_are_refused(void **state)
{
    assert_int_equal(open_patched(state, 0, "PK", 2, false), PAGEFILE_NOT_OURS);
    assert_int_equal(open_patched(state, 8, "\x09", 1, false), PAGEFILE_BAD_VERSION);
    assert_int_equal(open_patched(state, 17, "\x09", 1, false), PAGEFILE_BAD_HEADER);
    assert_int_equal(open_patched(state, 250, "\x09", 1, false), PAGEFILE_BAD_HEADER);
    assert_int_equal(open_patched(state, PAGEFILE_HEADER_BYTES, "\x09", 1, false),
                     PAGEFILE_BAD_INDEX);
}

static void impossible_fields_are_refused(void **state)
{
    static const struct {
        long at;
        uint64_t value;
        size_t bytes;
    } CASES[] = {
        {PAGEFILE_AT_WIDTH, 0, 4},
        {PAGEFILE_AT_WIDTH, 0xffffffffu, 4},
        {PAGEFILE_AT_HEIGHT, 0, 4},
        {PAGEFILE_AT_BORDER, 5, 4},
        {PAGEFILE_AT_MIPS, 3, 4},
        {PAGEFILE_AT_KIND, 7, 4},
        {PAGEFILE_AT_LAYERS, 0, 4},
        {PAGEFILE_AT_LAYERS, 5, 4},
        {PAGEFILE_AT_LAYERS, 1, 4}, /* does not fit the index */
        {PAGEFILE_AT_LAYER, 9, 4},
        {PAGEFILE_AT_INDEX_OFFSET, 0, 8},
        {PAGEFILE_AT_INDEX_OFFSET, UINT64_MAX - 8, 8},
        {PAGEFILE_AT_INDEX_BYTES, UINT64_MAX, 8},
        {PAGEFILE_AT_INDEX_BYTES, 24, 8},
        {PAGEFILE_AT_HEIGHTS_WIDTH, 0, 4},
        {PAGEFILE_AT_HEIGHTS_WIDTH, 30000, 4}, /* more than the stored bytes can hold */
        {PAGEFILE_AT_HEIGHTS_HEIGHT, 0xffffffffu, 4},
        {PAGEFILE_AT_HEIGHTS_OFFSET, UINT64_MAX - 4, 8},
        {PAGEFILE_AT_HEIGHTS_BYTES, UINT64_MAX, 8},
        {PAGEFILE_AT_HEIGHTS_BYTES, 0, 8},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const pagefile_status status =
            open_with_field(state, CASES[i].at, CASES[i].value, CASES[i].bytes);
        if (status != PAGEFILE_BAD_HEADER) {
            fail_msg("case %zu: %s", i, pagefile_status_text(status));
        }
    }
    assert_int_equal(open_with_field(state, PAGEFILE_AT_FILE_BYTES, UINT64_MAX, 8),
                     PAGEFILE_TRUNCATED);
}

/* Makes the good file one of version 1, with `value` at `at` of header or index. */
static pagefile_status open_as_version_1(void **state, long at, uint32_t value, pagefile **file)
{
    const char *path = scratch_path(*state, "old.mega");
    write_world(path);
    const int fd = open(path, O_RDWR);
    static uint8_t head[PAGEFILE_HEADER_BYTES + 4096];
    assert_int_equal(pread(fd, head, sizeof head, 0), (ssize_t)sizeof head);
    const size_t index_bytes = (size_t)format_get64(head + PAGEFILE_AT_INDEX_BYTES);
    assert_true(index_bytes <= 4096);
    format_put32(head + at, value);
    format_put32(head + PAGEFILE_AT_VERSION, 1);
    format_put32(head + PAGEFILE_AT_INDEX_CRC,
                 crc32c(0, head + PAGEFILE_HEADER_BYTES, index_bytes));
    format_put32(head + PAGEFILE_AT_CRC, format_header_crc(head));
    assert_int_equal(pwrite(fd, head, sizeof head, 0), (ssize_t)sizeof head);
    close(fd);
    return pagefile_open(path, file);
}

static void version_1_is_read_and_has_what_it_had(void **state)
{
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES],
        wanted[TEXEL_PAGE_MAX_BYTES];
    const long flags = PAGEFILE_AT_LAYER + PAGEFILE_LAYER_BYTES + 4;
    const vt_page p = {0, 0, 1, 0};
    pagefile *file = NULL;
    pagefile_entry e;
    assert_int_equal(open_as_version_1(state, flags, 3, &file), PAGEFILE_OK);
    const vt_info *info = pagefile_get_info(file);
    assert_int_equal(info->version, 1);
    assert_true(info->layers[1].srgb && !info->layers[1].lossy);
    assert_int_equal(pagefile_find(file, p, 1, &e), PAGEFILE_OK);
    assert_int_equal(e.codec, PAGE_LZ4);
    assert_int_equal(pagefile_read(file, &e, stored), PAGEFILE_OK);
    assert_int_equal(codecs_unpack(e.codec, stored, e.bytes, FORMATS[1], got), PAGEFILE_OK);
    fill_texels(p, 1, wanted);
    assert_memory_equal(got, wanted, TEXEL_PAGE_MAX_BYTES);
    pagefile_close(file);
}

static void version_1_has_no_more_than_it_had(void **state)
{
    pagefile *file = NULL;
    pagefile_entry e;
    const long codec = PAGEFILE_HEADER_BYTES + PAGEFILE_ENTRY_BYTES + 16; /* page 0, layer 1 */
    for (uint32_t i = PAGE_ZSTD; i <= PAGE_JPEG; i++) {
        assert_int_equal(open_as_version_1(state, codec, i, &file), PAGEFILE_OK);
        assert_int_equal(pagefile_find(file, (vt_page){0, 0, 0, 0}, 1, &e), PAGEFILE_BAD_INDEX);
        pagefile_close(file);
    }
    for (uint32_t i = VT_TEXEL_BC3; i <= VT_TEXEL_BC4; i++) {
        assert_int_equal(open_as_version_1(state, PAGEFILE_AT_LAYER, i, &file),
                         PAGEFILE_BAD_HEADER);
    }
    assert_int_equal(open_patched(state, 8, "\0", 1, true), PAGEFILE_BAD_VERSION);
}

static void unterminated_layer_name_is_refused(void **state)
{
    assert_int_equal(open_patched(state, PAGEFILE_AT_LAYER + 8, "abcdefghijkl", 12, true),
                     PAGEFILE_BAD_HEADER);
}

/* An index whose checksum is right may still lie: each entry is checked when it is looked up. */
static void entries_outside_the_file_are_refused(void **state)
{
    const char *path = scratch_path(*state, "patched.mega");
    write_world(path);
    const int fd = open(path, O_RDWR);
    uint8_t header[PAGEFILE_HEADER_BYTES];
    assert_int_equal(pread(fd, header, sizeof header, 0), (ssize_t)sizeof header);
    const size_t bytes = (size_t)format_get64(header + PAGEFILE_AT_INDEX_BYTES);
    uint8_t *index = malloc(bytes);
    assert_int_equal(pread(fd, index, bytes, PAGEFILE_HEADER_BYTES), (ssize_t)bytes);
    format_put64(index, UINT64_MAX - 16);      /* page 0, layer 0 */
    format_put32(index + 24 + 8, UINT32_MAX);  /* page 0, layer 1 */
    format_put32(index + 48 + 8, 0);           /* page 1, layer 0 */
    format_put32(index + 72 + 16, 9);          /* page 1, layer 1 */
    format_put64(index + 96, 0);               /* page 2, layer 0: in the header */
    format_put32(index + 144 + 16, PAGE_JPEG); /* page 3, layer 0: of BC1 */
    /* page 4, layer 0: inside the file, but larger than any page and so than any buffer */
    format_put64(index + 192, PAGEFILE_HEADER_BYTES);
    format_put32(index + 192 + 8, TEXEL_PAGE_MAX_BYTES + 1);
    assert_true(format_get64(header + PAGEFILE_AT_FILE_BYTES) > 2 * TEXEL_PAGE_MAX_BYTES);
    assert_int_equal(pwrite(fd, index, bytes, PAGEFILE_HEADER_BYTES), (ssize_t)bytes);
    format_put32(header + PAGEFILE_AT_INDEX_CRC, crc32c(0, index, bytes));
    format_put32(header + PAGEFILE_AT_CRC, format_header_crc(header));
    assert_int_equal(pwrite(fd, header, sizeof header, 0), (ssize_t)sizeof header);
    close(fd);
    free(index);
    pagefile *file = NULL;
    pagefile_entry e;
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    for (uint32_t i = 0; i < 5; i++) {
        const vt_page p = {0, 0, (uint16_t)(i / 2), 0};
        assert_int_equal(pagefile_find(file, p, i % 2, &e), PAGEFILE_BAD_INDEX);
    }
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 3, 0}, 0, &e), PAGEFILE_BAD_INDEX);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 3, 0}, 1, &e), PAGEFILE_OK);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 4, 0}, 0, &e), PAGEFILE_BAD_INDEX);
    pagefile_close(file);
}

static void truncated_files_are_refused(void **state)
{
    const char *path = scratch_path(*state, "short.mega");
    struct stat st;
    pagefile *file = NULL;
    write_world(path);
    assert_int_equal(stat(path, &st), 0);
    const long sizes[] = {st.st_size - 1, st.st_size / 2, 300, 256, 255, 8, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(pagefile_open(path, &file),
                         sizes[i] < 256 ? PAGEFILE_TOO_SHORT : PAGEFILE_TRUNCATED);
        assert_null(file);
    }
}

static void a_file_truncated_after_opening_is_a_status(void **state)
{
    static uint8_t buffer[TEXEL_PAGE_MAX_BYTES];
    const char *path = scratch_path(*state, "short.mega");
    pagefile *file = NULL;
    pagefile_entry e;
    write_world(path);
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 0, 0}, 0, &e), PAGEFILE_OK);
    assert_int_equal(pagefile_read(file, &e, buffer), PAGEFILE_TRUNCATED);
    pagefile_close(file);
}

static void a_flipped_bit_in_a_page_is_found(void **state)
{
    static uint8_t buffer[TEXEL_PAGE_MAX_BYTES];
    const char *path = scratch_path(*state, "flipped.mega");
    pagefile *file = NULL;
    pagefile_entry e;
    write_world(path);
    assert_int_equal(pagefile_open(path, &file), PAGEFILE_OK);
    assert_int_equal(pagefile_find(file, (vt_page){0, 0, 4, 1}, 1, &e), PAGEFILE_OK);
    const int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, buffer, 1, (off_t)e.offset + 7), 1);
    buffer[0] ^= 16;
    assert_int_equal(pwrite(fd, buffer, 1, (off_t)e.offset + 7), 1);
    close(fd);
    assert_int_equal(pagefile_read(file, &e, buffer), PAGEFILE_BAD_CHECKSUM);
    pagefile_close(file);
}

static void things_that_are_not_files_are_refused(void **state)
{
    pagefile *file = NULL;
    assert_int_equal(pagefile_open(scratch_path(*state, "absent.mega"), &file),
                     PAGEFILE_CANNOT_OPEN);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(pagefile_open("/", &file), PAGEFILE_NOT_A_FILE);
    assert_int_equal(pagefile_open("/dev/zero", &file), PAGEFILE_NOT_A_FILE);
    const char *fifo = scratch_path(*state, "fifo.mega");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(pagefile_open(fifo, &file), PAGEFILE_NOT_A_FILE);
}

/* Until the commit there is a folder of unfinished work and no file; after an abort not even that.
 */
static void nothing_is_left_by_an_abort(void **state)
{
    const char *path = scratch_path(*state, "dir/world.mega");
    const char *directory = scratch_path(*state, "dir");
    assert_int_equal(mkdir(directory, 0700), 0);
    const pagewriter_desc desc = make_desc(path);
    pagewriter *w = NULL;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    put_all(w, &desc.shape);
    assert_int_equal(scratch_count(directory), 1);
    assert_int_equal(access(path, F_OK), -1);
    pagewriter_abort(w);
    assert_int_equal(scratch_count(directory), 0);
    write_world(path);
    assert_int_equal(scratch_count(directory), 1);
    pagewriter_abort(NULL);
}

static void the_target_is_replaced_only_by_a_commit(void **state)
{
    const char *path = scratch_path(*state, "old.mega");
    pagewriter *w = NULL;
    struct stat before, after;
    write_world(path);
    assert_int_equal(stat(path, &before), 0);
    const pagewriter_desc desc = make_desc(path);
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    put_all(w, &desc.shape);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_not_equal(before.st_size, after.st_size); /* this one has no heights */
}

static void targets_that_cannot_be_written_are_refused(void **state)
{
    pagewriter *w = NULL;
    pagewriter_desc desc = make_desc(scratch_path(*state, "absent/world.mega"));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_WRITE_FAILED);
    assert_int_equal(errno, ENOENT);
    desc.path = "/dev/null";
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_NOT_A_FILE);
    desc.path = "/";
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_NOT_A_FILE);
    assert_null(w);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(pagefile_status_text(PAGEFILE_TRUNCATED), "is truncated");
    assert_non_null(pagefile_status_text((pagefile_status)999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_crc32c),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(heights_come_back),
        cmocka_unit_test(pages_lie_in_morton_order),
        cmocka_unit_test(pages_that_do_not_exist_are_refused),
        cmocka_unit_test(damaged_headers_are_refused),
        cmocka_unit_test(impossible_fields_are_refused),
        cmocka_unit_test(version_1_is_read_and_has_what_it_had),
        cmocka_unit_test(version_1_has_no_more_than_it_had),
        cmocka_unit_test(unterminated_layer_name_is_refused),
        cmocka_unit_test(entries_outside_the_file_are_refused),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(a_file_truncated_after_opening_is_a_status),
        cmocka_unit_test(a_flipped_bit_in_a_page_is_found),
        cmocka_unit_test(things_that_are_not_files_are_refused),
        cmocka_unit_test(nothing_is_left_by_an_abort),
        cmocka_unit_test(the_target_is_replaced_only_by_a_commit),
        cmocka_unit_test(targets_that_cannot_be_written_are_refused),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
