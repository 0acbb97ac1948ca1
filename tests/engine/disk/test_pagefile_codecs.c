/* Every codec gives back the page that it was given, and nothing else: whatever the stored bytes
 * are, a status or a page comes out. Buffers are as small as may be, so that the sanitizers' builds
 * see each byte too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/texels/unpack.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/seed.h"
#include "tools/bake/writer/pagewriter.h"

#include <string.h>
#include <turbojpeg.h>
#include <zstd.h>

static const vt_texel_format FORMATS[] = {VT_TEXEL_RGBA8, VT_TEXEL_BC1, VT_TEXEL_BC3, VT_TEXEL_BC4,
                                          VT_TEXEL_BC5};
#define FORMAT_COUNT ((int)(sizeof FORMATS / sizeof FORMATS[0]))

/* Each codec, and most of its levels. */
static const pagewriter_packing PACKINGS[] = {
    {PAGE_STORED, 0}, {PAGE_LZ4, 0},  {PAGE_LZ4, 1},  {PAGE_LZ4, 9},
    {PAGE_LZ4, 12},   {PAGE_ZSTD, 0}, {PAGE_ZSTD, 1}, {PAGE_ZSTD, 12},
    {PAGE_ZSTD, 19},  {PAGE_JPEG, 0}, {PAGE_JPEG, 1}, {PAGE_JPEG, 100},
};
#define PACKING_COUNT ((int)(sizeof PACKINGS / sizeof PACKINGS[0]))

/* One packer and one unpacker for all tests: what a page leaves in them must not show in the next.
 */
static packer *k;
static unpacker *u;

/* Bytes on the heap, exactly as many. */
static uint8_t *copy_of(const void *bytes, size_t count)
{
    uint8_t *copy = malloc(count > 0 ? count : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, count);
    return copy;
}

/* Unpacks from a copy of the stored bytes into `texels`, by way of a buffer of a page's size. */
static pagefile_status unpack(page_codec codec, const void *stored, size_t stored_bytes,
                              vt_texel_format format, uint8_t *texels)
{
    const size_t bytes = texel_page_bytes(format);
    uint8_t *from = copy_of(stored, stored_bytes), *to = malloc(bytes);
    assert_non_null(to);
    memset(to, 0x5a, bytes);
    const bool done = unpacker_run(u, codec, from, (uint32_t)stored_bytes, format, to);
    memcpy(texels, to, bytes);
    free(from);
    free(to);
    return done ? PAGEFILE_OK : PAGEFILE_BAD_PAGE;
}

/* A page that packs: slopes with a little noise; in bytes of any format. */
static void paint(uint8_t *texels, uint64_t *random)
{
    const uint32_t slope = 1 + seed_below(random, 4);
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        const uint32_t x = i / 4 % VT_PAGE_TEXELS, y = i / 4 / VT_PAGE_TEXELS;
        texels[i] = (uint8_t)(x / slope + y / 2 + i % 4 * 20 + (seed_below(random, 8) == 0));
    }
}

static void every_codec_gives_back_what_it_was_given(void **state)
{
    (void)state;
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < PACKING_COUNT * FORMAT_COUNT; i++) {
        const pagewriter_packing how = PACKINGS[i / FORMAT_COUNT];
        const vt_texel_format format = FORMATS[i % FORMAT_COUNT];
        if (how.codec == PAGE_JPEG) {
            continue; /* loses: below */
        }
        paint(texels, &random);
        pagewriter_packed packed = pagewriter_pack(k, format, texels, how);
        assert_non_null(packed.data);
        assert_int_equal(packed.codec, how.codec);
        assert_true(how.codec == PAGE_STORED || packed.bytes < texel_page_bytes(format));
        assert_int_equal(unpack(packed.codec, packed.data, packed.bytes, format, got), PAGEFILE_OK);
        assert_memory_equal(got, texels, texel_page_bytes(format));
        free(packed.data);
    }
}

/* Sum of squares of what is lost of red, green and blue; alpha has to be 255. */
static double lost(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        const double off = (double)a[i] - b[i];
        if (i % 4 == 3) {
            assert_int_equal(b[i], 255);
        } else {
            sum += off * off;
        }
    }
    return sum;
}

static void jpeg_keeps_more_the_better_it_is(void **state)
{
    (void)state;
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    const double most = 255.0 * 255 * VT_PAGE_TEXELS * VT_PAGE_TEXELS * 3;
    uint64_t random = seed_of_run();
    double worse = most;
    uint32_t smaller = 0;
    paint(texels, &random);
    for (int level = 25; level <= 100; level += 25) {
        pagewriter_packed packed =
            pagewriter_pack(k, VT_TEXEL_RGBA8, texels, (pagewriter_packing){PAGE_JPEG, level});
        assert_int_equal(packed.codec, PAGE_JPEG);
        assert_int_equal(unpack(PAGE_JPEG, packed.data, packed.bytes, VT_TEXEL_RGBA8, got),
                         PAGEFILE_OK);
        const double lost_here = lost(texels, got);
        assert_true(lost_here < worse && packed.bytes > smaller);
        worse = lost_here;
        smaller = packed.bytes;
        free(packed.data);
    }
    assert_true(worse < most / 10000); /* at quality 100: better than 40 dB */
}

/* Noise grows under LZ4 and zstd; JPEG stays JPEG, so that a lossy layer is of one kind. */
static void what_does_not_shrink_is_stored(void **state)
{
    (void)state;
    static uint8_t noise[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)seed_next(&random);
    }
    for (uint32_t i = 0; i < PACKING_COUNT; i++) {
        const bool jpeg = PACKINGS[i].codec == PAGE_JPEG;
        pagewriter_packed packed = pagewriter_pack(k, VT_TEXEL_RGBA8, noise, PACKINGS[i]);
        assert_int_equal(packed.codec, jpeg ? PAGE_JPEG : PAGE_STORED);
        assert_true(packed.bytes <= TEXEL_PAGE_MAX_BYTES);
        assert_int_equal(unpack(packed.codec, packed.data, packed.bytes, VT_TEXEL_RGBA8, got),
                         PAGEFILE_OK);
        assert_true(jpeg || memcmp(got, noise, sizeof noise) == 0);
        free(packed.data);
    }
}

/* Baked files must not depend on which worker packed what before. */
static void packing_does_not_remember(void **state)
{
    (void)state;
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], other[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < PACKING_COUNT; i++) {
        paint(texels, &random);
        paint(other, &random);
        const pagewriter_packing before = PACKINGS[seed_below(&random, PACKING_COUNT)];
        free(pagewriter_pack(k, VT_TEXEL_RGBA8, other, before).data);
        free(pagewriter_pack(k, VT_TEXEL_RGBA8, texels, before).data);
        pagewriter_packed used = pagewriter_pack(k, VT_TEXEL_RGBA8, texels, PACKINGS[i]);
        pagewriter_packed fresh = codecs_pack(VT_TEXEL_RGBA8, texels, PACKINGS[i]);
        assert_int_equal(used.bytes, fresh.bytes);
        assert_int_equal(used.checksum, fresh.checksum);
        assert_memory_equal(used.data, fresh.data, used.bytes);
        free(used.data);
        free(fresh.data);
    }
}

/* ---- what is not a page ---- */

static void anything_too_short_or_too_long_is_refused(void **state)
{
    (void)state;
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    static uint8_t longer[2 * TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    paint(texels, &random);
    for (uint32_t i = 0; i < PACKING_COUNT; i++) {
        pagewriter_packed p = pagewriter_pack(k, VT_TEXEL_RGBA8, texels, PACKINGS[i]);
        for (uint32_t bytes = 0; bytes < p.bytes; bytes += 1 + seed_below(&random, 200)) {
            assert_int_equal(unpack(p.codec, p.data, bytes, VT_TEXEL_RGBA8, got),
                             PAGEFILE_BAD_PAGE);
        }
        assert_int_equal(unpack(p.codec, p.data, p.bytes - 1, VT_TEXEL_RGBA8, got),
                         PAGEFILE_BAD_PAGE);
        memcpy(longer, p.data, p.bytes);
        for (uint32_t more = 1; more < 64; more += 1 + seed_below(&random, 9)) {
            longer[p.bytes + more - 1] = (uint8_t)seed_next(&random) & 0x7f;
            assert_int_equal(unpack(p.codec, longer, p.bytes + more, VT_TEXEL_RGBA8, got),
                             PAGEFILE_BAD_PAGE);
        }
        assert_int_equal(unpack(p.codec, longer, sizeof longer, VT_TEXEL_RGBA8, got),
                         PAGEFILE_BAD_PAGE);
        free(p.data);
    }
}

/* A page of another size, in bytes, than its layer's format has. */
static void pages_of_another_format_are_refused(void **state)
{
    (void)state;
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    paint(texels, &random);
    for (uint32_t i = 0; i < PACKING_COUNT; i++) {
        pagewriter_packed rgba = pagewriter_pack(k, VT_TEXEL_RGBA8, texels, PACKINGS[i]);
        for (uint32_t f = 1; f < FORMAT_COUNT; f++) {
            assert_int_equal(unpack(rgba.codec, rgba.data, rgba.bytes, FORMATS[f], got),
                             PAGEFILE_BAD_PAGE);
        }
        assert_false(unpacker_run(u, rgba.codec, rgba.data, rgba.bytes, VT_TEXEL_NONE, got));
        free(rgba.data);
    }
    assert_int_equal(unpack((page_codec)4, texels, 8192, VT_TEXEL_BC1, got), PAGEFILE_BAD_PAGE);
}

/* Bits flip; a page may come out, or none, and afterwards a good one still does. */
static void flipped_bits_end_in_a_status(void **state)
{
    (void)state;
    enum { ROUNDS = 150 };
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], good[TEXEL_PAGE_MAX_BYTES],
        got[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t i = 1; i < PACKING_COUNT; i++) {
        paint(texels, &random);
        uint32_t refused = 0;
        pagewriter_packed p = pagewriter_pack(k, VT_TEXEL_RGBA8, texels, PACKINGS[i]);
        assert_int_equal(unpack(p.codec, p.data, p.bytes, VT_TEXEL_RGBA8, good), PAGEFILE_OK);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint8_t *bad = copy_of(p.data, p.bytes);
            const uint32_t reach = round % 2 == 0 ? p.bytes : p.bytes < 700 ? p.bytes : 700;
            for (uint32_t flips = 1 + seed_below(&random, 8); flips > 0; flips--) {
                bad[seed_below(&random, reach)] ^= (uint8_t)(1u << seed_below(&random, 8));
            }
            refused += unpack(p.codec, bad, p.bytes, VT_TEXEL_RGBA8, got) != PAGEFILE_OK;
            free(bad);
        }
        assert_true(refused > 0);
        assert_int_equal(unpack(p.codec, p.data, p.bytes, VT_TEXEL_RGBA8, got), PAGEFILE_OK);
        assert_memory_equal(got, good, sizeof good);
        free(p.data);
    }
}

/* ---- zstd ---- */

static size_t frame(uint8_t *out, size_t room, const void *bytes, size_t count)
{
    const size_t got = ZSTD_compress(out, room, bytes, count, 3);
    assert_false(ZSTD_isError(got));
    return got;
}

static void zstd_pages_are_one_frame(void **state)
{
    (void)state;
    static const uint8_t SKIPPED[12] = {0x50, 0x2a, 0x4d, 0x18, 4};
    static uint8_t texels[8192], got[8192], stored[16384];
    size_t bytes = frame(stored, sizeof stored, texels, 8192);
    assert_int_equal(unpack(PAGE_ZSTD, stored, bytes, VT_TEXEL_BC1, got), PAGEFILE_OK);
    memcpy(stored + bytes, SKIPPED, sizeof SKIPPED);
    assert_int_equal(unpack(PAGE_ZSTD, stored, bytes + sizeof SKIPPED, VT_TEXEL_BC1, got),
                     PAGEFILE_BAD_PAGE);
    bytes = frame(stored, sizeof stored, texels, 4096);
    bytes += frame(stored + bytes, sizeof stored - bytes, texels, 4096);
    assert_int_equal(unpack(PAGE_ZSTD, stored, bytes, VT_TEXEL_BC1, got), PAGEFILE_BAD_PAGE);
    memcpy(stored, SKIPPED, sizeof SKIPPED);
    assert_int_equal(unpack(PAGE_ZSTD, stored, sizeof SKIPPED, VT_TEXEL_BC1, got),
                     PAGEFILE_BAD_PAGE);
}

/* A kilobyte that would become a gigabyte, and a frame that wants a window of as much. */
static void zstd_takes_no_more_than_a_page(void **state)
{
    (void)state;
    enum { HUGE_BYTES = 16 << 20 };
    /* magic; no size, window of 2^(10 + 21); a last block of 8192 times 7 */
    static const uint8_t WINDOW[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x03, 0x00, 0x01, 7};
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    uint8_t *huge = calloc(1, HUGE_BYTES);
    assert_non_null(huge);
    const size_t bytes = frame(stored, sizeof stored, huge, HUGE_BYTES);
    free(huge);
    assert_true(bytes < 8192);
    assert_int_equal(unpack(PAGE_ZSTD, stored, bytes, VT_TEXEL_RGBA8, got), PAGEFILE_BAD_PAGE);
    (void)unpack(PAGE_ZSTD, WINDOW, sizeof WINDOW, VT_TEXEL_BC1, got);
}

/* ---- JPEG ---- */

typedef struct picture {
    int width, height, pixels, subsampling, flags;
} picture;

static size_t make_jpeg(const picture *p, uint8_t *out)
{
    static uint8_t texels[512 * 512 * 4];
    unsigned char *packed = NULL;
    unsigned long bytes = 0;
    tjhandle jpeg = tjInitCompress();
    assert_non_null(jpeg);
    for (uint32_t i = 0; i < sizeof texels; i++) {
        texels[i] = (uint8_t)(i / 16);
    }
    assert_int_equal(tjCompress2(jpeg, texels, p->width, 0, p->height, p->pixels, &packed, &bytes,
                                 p->subsampling, 90, p->flags),
                     0);
    assert_true(bytes <= TEXEL_PAGE_MAX_BYTES);
    memcpy(out, packed, bytes);
    tjFree(packed);
    tjDestroy(jpeg);
    return bytes;
}

static void jpegs_of_any_kind_but_one_size_are_read(void **state)
{
    (void)state;
    static const struct {
        picture picture;
        pagefile_status status;
    } CASES[] = {
        {{128, 128, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_OK},
        {{128, 128, TJPF_RGBA, TJSAMP_444, 0}, PAGEFILE_OK},
        {{128, 128, TJPF_RGBA, TJSAMP_422, 0}, PAGEFILE_OK},
        {{128, 128, TJPF_RGBA, TJSAMP_444, TJFLAG_PROGRESSIVE}, PAGEFILE_OK},
        {{128, 128, TJPF_GRAY, TJSAMP_GRAY, 0}, PAGEFILE_OK},
        {{128, 128, TJPF_CMYK, TJSAMP_444, 0}, PAGEFILE_BAD_PAGE},
        {{128, 127, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_BAD_PAGE},
        {{129, 128, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_BAD_PAGE},
        {{1, 1, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_BAD_PAGE},
        {{64, 256, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_BAD_PAGE},
        {{512, 512, TJPF_RGBA, TJSAMP_420, 0}, PAGEFILE_BAD_PAGE},
    };
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const size_t bytes = make_jpeg(&CASES[i].picture, stored);
        const pagefile_status status = unpack(PAGE_JPEG, stored, bytes, VT_TEXEL_RGBA8, got);
        if (status != CASES[i].status) {
            fail_msg("case %zu: %s", i, pagefile_status_text(status));
        }
        assert_true(status != PAGEFILE_OK || (got[3] == 255 && got[sizeof got - 1] == 255));
        assert_int_equal(unpack(PAGE_JPEG, stored, bytes, VT_TEXEL_BC1, got), PAGEFILE_BAD_PAGE);
    }
}

/* A picture whose header says 128 x 128, of a file that ends there. */
static void jpegs_without_a_picture_are_refused(void **state)
{
    (void)state;
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    const picture whole = {128, 128, TJPF_RGBA, TJSAMP_420, 0};
    const size_t bytes = make_jpeg(&whole, stored);
    for (size_t cut = 2; cut + 2 < bytes; cut += 37) {
        uint8_t *bad = copy_of(stored, cut + 2);
        bad[cut] = 0xff;
        bad[cut + 1] = 0xd9;
        assert_int_equal(unpack(PAGE_JPEG, bad, cut + 2, VT_TEXEL_RGBA8, got), PAGEFILE_BAD_PAGE);
        free(bad);
    }
}

/* A header that breaks off within a marker must not stay in the way of the next page. */
static void a_bad_header_does_not_spoil_the_next_page(void **state)
{
    (void)state;
    static const uint8_t BAD[] = {0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0xff, 0xff, 0xd9};
    static uint8_t stored[TEXEL_PAGE_MAX_BYTES], got[TEXEL_PAGE_MAX_BYTES];
    const picture whole = {128, 128, TJPF_RGBA, TJSAMP_420, 0};
    const size_t bytes = make_jpeg(&whole, stored);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(unpack(PAGE_JPEG, BAD, sizeof BAD, VT_TEXEL_RGBA8, got),
                         PAGEFILE_BAD_PAGE);
        assert_int_equal(unpack(PAGE_JPEG, stored, bytes, VT_TEXEL_RGBA8, got), PAGEFILE_OK);
    }
}

static int set_up(void **state)
{
    (void)state;
    k = packer_create();
    u = unpacker_create();
    return k != NULL && u != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    packer_destroy(k);
    unpacker_destroy(u);
    packer_destroy(NULL);
    unpacker_destroy(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_gives_back_what_it_was_given),
        cmocka_unit_test(jpeg_keeps_more_the_better_it_is),
        cmocka_unit_test(what_does_not_shrink_is_stored),
        cmocka_unit_test(packing_does_not_remember),
        cmocka_unit_test(anything_too_short_or_too_long_is_refused),
        cmocka_unit_test(pages_of_another_format_are_refused),
        cmocka_unit_test(flipped_bits_end_in_a_status),
        cmocka_unit_test(zstd_pages_are_one_frame),
        cmocka_unit_test(zstd_takes_no_more_than_a_page),
        cmocka_unit_test(jpegs_of_any_kind_but_one_size_are_read),
        cmocka_unit_test(jpegs_without_a_picture_are_refused),
        cmocka_unit_test(a_bad_header_does_not_spoil_the_next_page),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
