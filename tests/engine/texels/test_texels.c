/* test_texels.c: one page of texels from any format to any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/texels/bc1.h"
#include "engine/texels/convert.h"
#include "tests/rigs/seed.h"

#include <string.h>

/* ---- BC1 ---- */

/* One block on its own, by the definition, channel by channel. */
static void colours_texel(const uint8_t *block, uint32_t texel, bool always_four, uint8_t rgba[4])
{
    const uint32_t ends[2] = {block[0] + 256u * block[1], block[2] + 256u * block[3]};
    const uint32_t choice = block[4 + texel / 4] >> (2 * (texel % 4)) & 3;
    const bool has_four = always_four || ends[0] > ends[1];
    for (uint32_t channel = 0; channel < 3; channel++) {
        uint32_t c[2];
        for (uint32_t i = 0; i < 2; i++) {
            const uint32_t red = ends[i] / 2048, green = ends[i] / 32 % 64, blue = ends[i] % 32;
            const uint32_t expanded[3] = {red * 8 + red / 4, green * 4 + green / 16,
                                          blue * 8 + blue / 4};
            c[i] = expanded[channel];
        }
        const uint32_t four[4] = {c[0], c[1], (2 * c[0] + c[1]) / 3, (c[0] + 2 * c[1]) / 3};
        const uint32_t three[4] = {c[0], c[1], (c[0] + c[1]) / 2, 0};
        rgba[channel] = (uint8_t)(has_four ? four[choice] : three[choice]);
    }
    rgba[3] = !has_four && choice == 3 ? 0 : 255;
}

static void bc1_unpacks_by_the_definition(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t round = 0; round < 8; round++) {
        for (size_t i = 0; i < sizeof blocks; i++) {
            blocks[i] = (uint8_t)seed_next(&random);
        }
        memcpy(blocks, (const uint8_t[8]){0, 0, 0, 0, 0xe4, 0xe4, 0xe4, 0xe4}, 8); /* equal ends */
        memset(blocks + 8, 0xff, 8);
        bc1_unpack_rows(blocks, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
        for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
            const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
            uint8_t expected[4];
            colours_texel(blocks + 8 * (y / 4 * (VT_PAGE_TEXELS / 4) + x / 4), y % 4 * 4 + x % 4,
                          false, expected);
            assert_memory_equal(rgba + i * 4, expected, 4);
        }
    }
}

/* ---- BC3, BC4 and BC5: halves of three-bit choices ---- */

/* One texel of one half of a block, by the definition. */
static uint8_t half_texel(const uint8_t *half, uint32_t texel)
{
    uint32_t choice = 0;
    for (uint32_t i = 0; i < 3; i++) { /* three bits from bit 3 * texel on */
        const uint32_t at = 3 * texel + i;
        choice |= (uint32_t)(half[2 + at / 8] >> at % 8 & 1) << i;
    }
    const uint32_t a = half[0], b = half[1], parts = a > b ? 7 : 5;
    if (choice < 2) {
        return half[choice];
    }
    if (a <= b && choice >= 6) {
        return choice == 6 ? 0 : 255;
    }
    return (uint8_t)(((parts + 1 - choice) * a + (choice - 1) * b) / parts);
}

/* A texel of a block of one of the three. */
static void halves_texel(vt_texel_format format, const uint8_t *block, uint32_t texel,
                         uint8_t rgba[4])
{
    const uint8_t first = half_texel(block, texel);
    if (format == VT_TEXEL_BC4) {
        memset(rgba, first, 3);
        rgba[3] = 255;
        return;
    }
    if (format == VT_TEXEL_BC5) {
        rgba[0] = first;
        rgba[1] = half_texel(block + 8, texel);
        rgba[2] = rgba[3] = 255;
        return;
    }
    colours_texel(block + 8, texel, true, rgba);
    rgba[3] = first;
}

static void halves_unpack_by_the_definition(void **state)
{
    (void)state;
    static const vt_texel_format FORMATS[] = {VT_TEXEL_BC3, VT_TEXEL_BC4, VT_TEXEL_BC5};
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t round = 0; round < 12; round++) {
        const vt_texel_format format = FORMATS[round % 3];
        const size_t block_bytes = texel_row_bytes(format) / (VT_PAGE_TEXELS / 4);
        for (size_t i = 0; i < sizeof blocks; i++) {
            blocks[i] = (uint8_t)seed_next(&random);
        }
        blocks[0] = blocks[1] = 77; /* equal ends */
        assert_true(texels_convert(format, blocks, VT_TEXEL_RGBA8, rgba, 4 * VT_PAGE_TEXELS));
        for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
            const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
            uint8_t expected[4];
            halves_texel(format, blocks + block_bytes * (y / 4 * (VT_PAGE_TEXELS / 4) + x / 4),
                         y % 4 * 4 + x % 4, expected);
            assert_memory_equal(rgba + i * 4, expected, 4);
        }
    }
}

/* Every pair of ends, by the eight choices: thirds, fifths and sevenths are rounded right. */
static void every_pair_of_ends_is_exact(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t first = 0; first < 256 * 256; first += sizeof blocks / 8) {
        for (uint32_t i = 0; i < sizeof blocks / 8; i++) {
            const uint8_t block[8] = {(uint8_t)((first + i) / 256),
                                      (uint8_t)(first + i),
                                      0x88,
                                      0xc6,
                                      0xfa,
                                      0x88,
                                      0xc6,
                                      0xfa};
            memcpy(blocks + i * 8, block, 8);
        }
        assert_true(texels_convert(VT_TEXEL_BC4, blocks, VT_TEXEL_RGBA8, rgba, 4 * VT_PAGE_TEXELS));
        for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
            const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
            const uint8_t *block = blocks + 8 * (y / 4 * (VT_PAGE_TEXELS / 4) + x / 4);
            assert_int_equal(rgba[i * 4], half_texel(block, y % 4 * 4 + x % 4));
        }
    }
}

/* ---- all of them ---- */

static const vt_texel_format ALL[] = {VT_TEXEL_RGBA8, VT_TEXEL_BC1, VT_TEXEL_BC5, VT_TEXEL_BC3,
                                      VT_TEXEL_BC4};
#define FORMATS ((int)(sizeof ALL / sizeof ALL[0]))

/* Choices 0, 1, 2 … 7 and again, of three bits each. */
#define EACH_OF_EIGHT 0x88, 0xc6, 0xfa, 0x88, 0xc6, 0xfa

/* Blocks worked out by hand, and their first eight texels. */
static const struct {
    vt_texel_format format;
    uint8_t block[16], texels[8][4];
} BY_HAND[] = {
    {VT_TEXEL_BC1, /* black and white, black first: three colours and a hole */
     {0x00, 0x00, 0xff, 0xff, 0xe4, 0xe4},
     {{0, 0, 0, 255},
      {255, 255, 255, 255},
      {127, 127, 127, 255},
      {0, 0, 0, 0},
      {0, 0, 0, 255},
      {255, 255, 255, 255},
      {127, 127, 127, 255},
      {0, 0, 0, 0}}},
    {VT_TEXEL_BC1, /* red and blue: four colours */
     {0x00, 0xf8, 0x1f, 0x00, 0xe4, 0x1b},
     {{255, 0, 0, 255},
      {0, 0, 255, 255},
      {170, 0, 85, 255},
      {85, 0, 170, 255},
      {85, 0, 170, 255},
      {170, 0, 85, 255},
      {0, 0, 255, 255},
      {255, 0, 0, 255}}},
    {VT_TEXEL_BC4, /* the larger first: six means */
     {255, 0, EACH_OF_EIGHT},
     {{255, 255, 255, 255},
      {0, 0, 0, 255},
      {218, 218, 218, 255},
      {182, 182, 182, 255},
      {145, 145, 145, 255},
      {109, 109, 109, 255},
      {72, 72, 72, 255},
      {36, 36, 36, 255}}},
    {VT_TEXEL_BC4, /* the smaller first: four means, 0 and 255 */
     {10, 210, EACH_OF_EIGHT},
     {{10, 10, 10, 255},
      {210, 210, 210, 255},
      {50, 50, 50, 255},
      {90, 90, 90, 255},
      {130, 130, 130, 255},
      {170, 170, 170, 255},
      {0, 0, 0, 255},
      {255, 255, 255, 255}}},
    {VT_TEXEL_BC5, /* one of each */
     {255, 0, EACH_OF_EIGHT, 10, 210, EACH_OF_EIGHT},
     {{255, 10, 255, 255},
      {0, 210, 255, 255},
      {218, 50, 255, 255},
      {182, 90, 255, 255},
      {145, 130, 255, 255},
      {109, 170, 255, 255},
      {72, 0, 255, 255},
      {36, 255, 255, 255}}},
    {VT_TEXEL_BC3, /* black first, and yet four colours */
     {255, 0, EACH_OF_EIGHT, 0x00, 0x00, 0xff, 0xff, 0xe4, 0xe4},
     {{0, 0, 0, 255},
      {255, 255, 255, 0},
      {85, 85, 85, 218},
      {170, 170, 170, 182},
      {0, 0, 0, 145},
      {255, 255, 255, 109},
      {85, 85, 85, 72},
      {170, 170, 170, 36}}},
};

static void blocks_made_by_hand_unpack_to_the_bit(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS], rgba[TEXEL_PAGE_MAX_BYTES];
    for (size_t i = 0; i < sizeof BY_HAND / sizeof BY_HAND[0]; i++) {
        memcpy(blocks, BY_HAND[i].block, 16);
        assert_true(
            texels_convert(BY_HAND[i].format, blocks, VT_TEXEL_RGBA8, rgba, 4 * VT_PAGE_TEXELS));
        assert_memory_equal(rgba, BY_HAND[i].texels[0], 16);
        assert_memory_equal(rgba + 4 * VT_PAGE_TEXELS, BY_HAND[i].texels[4], 16);
    }
}

/* Hills with some noise, different ones in each channel. */
static void paint(uint8_t *rgba, uint64_t *random)
{
    const uint32_t phase = seed_below(random, 128);
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        const uint32_t x = i / 4 % VT_PAGE_TEXELS + phase, y = i / 4 / VT_PAGE_TEXELS;
        const uint32_t hill = (x + i % 4 * 13) % 128 * (128 - (x + i % 4 * 13) % 128) / 32;
        rgba[i] = (uint8_t)(40 + hill + y / 2 + seed_below(random, 13));
    }
}

/* Peak signal over noise of the first `channels` channels, as a ratio of squares. */
static double quality(const uint8_t *a, const uint8_t *b, uint32_t channels)
{
    double sum = 0;
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        const double off = i % 4 < channels ? (double)a[i] - b[i] : 0;
        sum += off * off;
    }
    return 255.0 * 255 * VT_PAGE_TEXELS * VT_PAGE_TEXELS * channels / (sum + 1e-9);
}

static void packing_keeps_a_picture(void **state)
{
    (void)state;
    static const struct {
        vt_texel_format format;
        uint32_t channels; /* that it keeps */
        double least;      /* 10^(dB / 10) */
    } CASES[] = {
        {VT_TEXEL_BC1, 3, 3981},   /* 36 dB */
        {VT_TEXEL_BC3, 4, 5012},   /* 37 dB */
        {VT_TEXEL_BC4, 1, 100000}, /* 50 dB */
        {VT_TEXEL_BC5, 2, 100000}, /* 50 dB */
        {VT_TEXEL_RGBA8, 4, 1e9},
    };
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES], page[TEXEL_PAGE_MAX_BYTES];
    static uint8_t back[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const vt_texel_format format = CASES[i].format;
        paint(rgba, &random);
        assert_true(texels_convert(VT_TEXEL_RGBA8, rgba, format, page, texel_row_bytes(format)));
        assert_true(texels_convert(format, page, VT_TEXEL_RGBA8, back, 4 * VT_PAGE_TEXELS));
        const double got = quality(rgba, back, CASES[i].channels);
        if (got < CASES[i].least) {
            fail_msg("%s: signal over noise is %.0f", texel_format_name(format), got);
        }
    }
}

/* The alpha of a page does not show in BC1, not even where colours are so even that the packer
 * takes a short cut. */
static void bc1_drops_alpha(void **state)
{
    (void)state;
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES], one[8192], other[8192];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        rgba[i] = i % 4 == 3 ? 255 : (uint8_t)(i / 16 % 32 * 7 + i / 2048 * 5 + i % 4);
    }
    assert_true(texels_convert(VT_TEXEL_RGBA8, rgba, VT_TEXEL_BC1, one, 256));
    for (uint32_t i = 3; i < TEXEL_PAGE_MAX_BYTES; i += 4) {
        rgba[i] = (uint8_t)seed_next(&random);
    }
    assert_true(texels_convert(VT_TEXEL_RGBA8, rgba, VT_TEXEL_BC1, other, 256));
    assert_memory_equal(one, other, sizeof one);
    bc1_unpack_rows(one, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
    for (uint32_t i = 3; i < TEXEL_PAGE_MAX_BYTES; i += 4) {
        assert_int_equal(rgba[i], 255);
    }
}

/* From any format to any other, into rows that are wider apart than they are long: what lies
 * between them stays. Each is what RGBA8 in between would have given. */
static void every_format_becomes_every_other(void **state)
{
    (void)state;
    enum { APART = 3 * VT_PAGE_TEXELS * 4 };
    static uint8_t from[TEXEL_PAGE_MAX_BYTES], rgba[TEXEL_PAGE_MAX_BYTES];
    static uint8_t expected[TEXEL_PAGE_MAX_BYTES], wide[APART * VT_PAGE_TEXELS];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < FORMATS * FORMATS; i++) {
        const vt_texel_format a = ALL[i / FORMATS], b = ALL[i % FORMATS];
        const size_t row_bytes = texel_row_bytes(b);
        paint(rgba, &random);
        assert_true(texels_convert(VT_TEXEL_RGBA8, rgba, a, from, texel_row_bytes(a)));
        assert_true(texels_convert(a, from, VT_TEXEL_RGBA8, rgba, 4 * VT_PAGE_TEXELS));
        assert_true(texels_convert(VT_TEXEL_RGBA8, rgba, b, expected, row_bytes));
        memset(wide, 0xa5, sizeof wide);
        assert_true(texels_can_convert(a, b) && texels_convert(a, from, b, wide, APART));
        for (uint32_t y = 0; y < VT_PAGE_TEXELS; y++) {
            const size_t painted = y < texel_page_rows(b) ? row_bytes : 0;
            assert_memory_equal(wide + y * APART,
                                a == b ? from + y * painted : expected + y * painted, painted);
            for (size_t x = painted; x < APART; x++) {
                assert_int_equal(wide[y * APART + x], 0xa5);
            }
        }
    }
}

static void what_does_not_exist_is_not_converted(void **state)
{
    (void)state;
    static uint8_t page[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t i = 0; i < FORMATS; i++) {
        assert_false(texels_can_convert(ALL[i], VT_TEXEL_NONE));
        assert_false(texels_convert(VT_TEXEL_NONE, page, ALL[i], page, 512));
        assert_false(texels_convert(ALL[i], page, (vt_texel_format)6, page, 512));
    }
    assert_false(texels_convert(VT_TEXEL_NONE, page, VT_TEXEL_NONE, page, 512));
}

static void grey_is_even_and_opaque(void **state)
{
    (void)state;
    static uint8_t page[TEXEL_PAGE_MAX_BYTES], rgba[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t i = 0; i < FORMATS; i++) {
        texels_fill_grey(ALL[i], page, texel_row_bytes(ALL[i]));
        assert_true(texels_convert(ALL[i], page, VT_TEXEL_RGBA8, rgba, 4 * VT_PAGE_TEXELS));
        assert_in_range(rgba[0], 120, 136);
        assert_int_equal(rgba[3], 255);
        for (uint32_t k = 4; k < TEXEL_PAGE_MAX_BYTES; k++) {
            assert_int_equal(rgba[k], rgba[k - 4]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bc1_unpacks_by_the_definition),
        cmocka_unit_test(halves_unpack_by_the_definition),
        cmocka_unit_test(every_pair_of_ends_is_exact),
        cmocka_unit_test(blocks_made_by_hand_unpack_to_the_bit),
        cmocka_unit_test(packing_keeps_a_picture),
        cmocka_unit_test(bc1_drops_alpha),
        cmocka_unit_test(every_format_becomes_every_other),
        cmocka_unit_test(what_does_not_exist_is_not_converted),
        cmocka_unit_test(grey_is_even_and_opaque),
    };
    return cmocka_run_group_tests_name("texels", tests, NULL, NULL);
}
