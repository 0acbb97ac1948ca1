/* Page ids and the pyramid they form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/page/page.h"
#include "engine/page/texel.h"

static void ids_survive_packing(void **state)
{
    (void)state;
    const uint16_t sides[] = {0, 1, 1000, PAGE_MAX_GRID - 1};
    for (uint8_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        for (int i = 0; i < 16; i++) {
            const vt_page p = {(uint8_t)(1 + i * 4), mip, sides[i % 4], sides[i / 4]};
            const vt_page q = page_unpack(page_pack(p));
            assert_int_not_equal(page_pack(p), 0);
            assert_int_equal(q.texture, p.texture);
            assert_int_equal(q.mip, p.mip);
            assert_int_equal(q.x, p.x);
            assert_int_equal(q.y, p.y);
        }
    }
}

static void shapes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    vt_shape s = {0};
    assert_false(page_shape_make(0, 1, 4, &s));
    assert_false(page_shape_make(1, 0, 4, &s));
    assert_false(page_shape_make(1, 1, 0, &s));
    assert_false(page_shape_make(1, 1, 6, &s));
    assert_false(page_shape_make(PAGE_MAX_GRID * 120 + 1, 1, 4, &s));
    assert_false(page_shape_make(1, UINT32_MAX, 8, &s));
    assert_true(page_shape_make(PAGE_MAX_GRID * 120, 1, 4, &s));
    assert_int_equal(s.mips, VT_MAX_MIPS);
    assert_true(page_shape_make(131072, 131072, 8, &s)); /* what the project aims at */
}

/* The invariants of one shape: every mip halves, parents of pages that exist do, one page ends it.
 */
static void check_shape(const vt_shape *s)
{
    assert_int_equal(s->payload + 2 * s->border, VT_PAGE_TEXELS);
    assert_int_equal(s->grid_x & (s->grid_x - 1), 0);
    assert_int_equal(s->grid_y & (s->grid_y - 1), 0);
    assert_int_equal(page_columns(s, s->mips - 1) * page_rows(s, s->mips - 1), 1);
    uint32_t pages = 0;
    for (uint32_t mip = 0; mip < s->mips; mip++) {
        const uint32_t columns = page_columns(s, mip), rows = page_rows(s, mip);
        pages += columns * rows;
        assert_true(columns >= 1 && columns <= s->grid_x);
        assert_true(rows >= 1 && rows <= s->grid_y);
        assert_false(page_exists(s, (vt_page){0, (uint8_t)mip, (uint16_t)columns, 0}));
        assert_false(page_exists(s, (vt_page){0, (uint8_t)mip, 0, (uint16_t)rows}));
        if (mip + 1 < s->mips) {
            const vt_page last = {0, (uint8_t)mip, (uint16_t)(columns - 1), (uint16_t)(rows - 1)};
            assert_true(page_exists(s, page_parent(last)));
            assert_int_equal(page_columns(s, mip + 1), (columns + 1) / 2);
            assert_int_equal(page_rows(s, mip + 1), (rows + 1) / 2);
        }
    }
    assert_int_equal(page_count(s), pages);
}

static void every_mip_covers_the_one_below(void **state)
{
    (void)state;
    for (uint32_t width = 1; width < 3000; width += 61) {
        for (uint32_t height = 1; height < 3000; height += 97) {
            vt_shape s = {0};
            assert_true(page_shape_make(width, height, width % 2 == 0 ? 4 : 8, &s));
            check_shape(&s);
        }
    }
}

static void known_shape_has_known_pages(void **state)
{
    (void)state;
    vt_shape s = {0};
    assert_true(page_shape_make(16384, 8192, 4, &s));
    assert_int_equal(s.payload, 120);
    assert_int_equal(s.grid_x, 256);
    assert_int_equal(s.grid_y, 128);
    assert_int_equal(s.mips, 9);
    assert_int_equal(page_columns(&s, 0), 137);
    assert_int_equal(page_rows(&s, 0), 69);
    assert_int_equal(page_mip_width(&s, 3), 2048);
}

static void formats_have_their_bytes(void **state)
{
    (void)state;
    assert_int_equal(texel_page_bytes(VT_TEXEL_RGBA8), 65536);
    assert_int_equal(texel_page_bytes(VT_TEXEL_BC1), 8192);
    assert_int_equal(texel_page_bytes(VT_TEXEL_NONE), 0);
    assert_int_equal(texel_page_bytes((vt_texel_format)77), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_survive_packing),
        cmocka_unit_test(shapes_that_cannot_be_are_refused),
        cmocka_unit_test(every_mip_covers_the_one_below),
        cmocka_unit_test(known_shape_has_known_pages),
        cmocka_unit_test(formats_have_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
