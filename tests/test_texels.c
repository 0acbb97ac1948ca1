/* test_texels.c: one page of texels from a compressed format to RGBA8 and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/bc1.h"
#include "engine/bc5.h"
#include "engine/decode.h"
#include "tests/seed.h"

#include <string.h>

/* --- BC1 --- */

/* One block on its own, by the definition, channel by channel. */
static void block_texel(const uint8_t *block, uint32_t texel, uint8_t rgba[4])
{
    const uint32_t ends[2] = {block[0] + 256u * block[1], block[2] + 256u * block[3]};
    const uint32_t choice = block[4 + texel / 4] >> (2 * (texel % 4)) & 3;
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
        rgba[channel] = (uint8_t)(ends[0] > ends[1] ? four[choice] : three[choice]);
    }
    rgba[3] = ends[0] <= ends[1] && choice == 3 ? 0 : 255;
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
        bc1_unpack_page(blocks, rgba);
        for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
            const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
            uint8_t expected[4];
            block_texel(blocks + 8 * (y / 4 * (VT_PAGE_TEXELS / 4) + x / 4), y % 4 * 4 + x % 4,
                        expected);
            assert_memory_equal(rgba + i * 4, expected, 4);
        }
    }
}

static void packing_to_bc1_comes_close(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    static uint8_t back[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
        const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
        const uint8_t texel[4] = {(uint8_t)(x * 2), (uint8_t)(y * 2), (uint8_t)(255 - x), 255};
        memcpy(rgba + i * 4, texel, 4);
    }
    assert_true(decode_convert(TEXEL_RGBA8, rgba, TEXEL_BC1, blocks, 256));
    assert_true(decode_convert(TEXEL_BC1, blocks, TEXEL_RGBA8, back, 512));
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        assert_in_range(back[i] + 12, rgba[i], rgba[i] + 24);
    }
    assert_false(decode_convert(TEXEL_NONE, rgba, TEXEL_BC1, blocks, 256));
    assert_false(decode_convert(TEXEL_NONE, rgba, TEXEL_NONE, blocks, 256));
}

/* --- BC5 --- */

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

static void bc5_unpacks_by_the_definition(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    uint64_t random = seed_of_run();
    for (uint32_t round = 0; round < 8; round++) {
        for (size_t i = 0; i < sizeof blocks; i++) {
            blocks[i] = (uint8_t)seed_next(&random);
        }
        blocks[0] = blocks[1] = 77; /* equal ends */
        bc5_unpack_page(blocks, rgba, 4 * VT_PAGE_TEXELS);
        for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
            const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
            const uint8_t *block = blocks + 16 * (y / 4 * (VT_PAGE_TEXELS / 4) + x / 4);
            const uint32_t texel = y % 4 * 4 + x % 4;
            const uint8_t expected[4] = {half_texel(block, texel), half_texel(block + 8, texel),
                                         255, 255};
            assert_memory_equal(rgba + i * 4, expected, 4);
        }
    }
}

static void packing_to_bc5_comes_close(void **state)
{
    (void)state;
    static uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES], back[TEXEL_PAGE_MAX_BYTES];
    for (uint32_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
        const uint32_t x = i % VT_PAGE_TEXELS, y = i / VT_PAGE_TEXELS;
        const uint8_t texel[4] = {(uint8_t)(x * 2), (uint8_t)(255 - y), 255, 255};
        memcpy(rgba + i * 4, texel, 4);
    }
    assert_true(decode_convert(TEXEL_RGBA8, rgba, TEXEL_BC5, blocks, 512));
    assert_true(decode_convert(TEXEL_BC5, blocks, TEXEL_RGBA8, back, 512));
    for (uint32_t i = 0; i < TEXEL_PAGE_MAX_BYTES; i++) {
        assert_in_range(back[i] + 2, rgba[i], rgba[i] + 4);
    }
    assert_false(decode_convert(TEXEL_BC5, blocks, TEXEL_BC1, back, 256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bc1_unpacks_by_the_definition),
        cmocka_unit_test(packing_to_bc1_comes_close),
        cmocka_unit_test(bc5_unpacks_by_the_definition),
        cmocka_unit_test(packing_to_bc5_comes_close),
    };
    return cmocka_run_group_tests_name("texels", tests, NULL, NULL);
}
