/* The nearest resident page at or above every page: random work against a model that looks for it
 * anew each time, and a copy that follows by dirty rectangles alone, as the GPU's does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vram/pagetable.h"
#include "tests/rigs/seed.h"

#include <string.h>

enum { STEPS = 3000, MODEL_ENTRIES = 64 * 64 * 2 };

/* By page: what a mapped page brings into its entry, 0 of others; and the table as the GPU has it.
 */
static uint64_t mapped[VT_MAX_MIPS][MODEL_ENTRIES];
static uint64_t gpu_copy[MODEL_ENTRIES * 2];
static bool slot_used[65536];
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    return seed_below(&random_state, limit);
}

static uint64_t *model_at(const vt_shape *s, vt_page p)
{
    return &mapped[p.mip][p.y * page_columns(s, p.mip) + p.x];
}

/* Goes up from *p to a mapped page; 0: there is none. */
static uint64_t nearest(const vt_shape *s, vt_page *p)
{
    while (*model_at(s, *p) == 0 && p->mip + 1u < s->mips) {
        *p = page_parent(*p);
    }
    return *model_at(s, *p);
}

/* The rule itself: the nearest mapped page, and behind it the nearest above that one. */
static uint64_t model_entry(const vt_shape *s, vt_page p)
{
    const uint64_t shown = nearest(s, &p);
    uint64_t above = 0;
    if (shown != 0 && p.mip + 1u < s->mips) {
        p = page_parent(p);
        above = nearest(s, &p);
    }
    if (above == 0) {
        return shown;
    }
    return shown | (above & 0xffff) << VT_ENTRY_COARSE_SLOT_SHIFT |
           (uint64_t)p.mip << (32 + VT_ENTRY_COARSE_MIP_SHIFT) |
           UINT64_C(1) << (32 + VT_ENTRY_COARSE_OK_SHIFT);
}

static void copy_dirty(pagetable *pt, const vt_shape *s)
{
    pagetable_rect r;
    const size_t stride = page_table_width(s);
    while (pagetable_take_dirty(pt, &r)) {
        assert_true(r.width > 0 && r.height > 0);
        assert_true(r.x + r.width <= stride && r.y + r.height <= page_table_height(s));
        for (uint32_t y = r.y; y < r.y + r.height; y++) {
            memcpy(&gpu_copy[y * stride + r.x], pagetable_entries(pt) + y * stride + r.x,
                   r.width * sizeof(uint64_t));
        }
    }
}

static void compare_with_model(pagetable *pt, const vt_shape *s)
{
    const char *wrong = pagetable_check(pt);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    copy_dirty(pt, s);
    for (uint32_t mip = 0; mip < s->mips; mip++) {
        for (uint32_t y = 0; y < page_rows(s, mip); y++) {
            for (uint32_t x = 0; x < page_columns(s, mip); x++) {
                const vt_page p = {1, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
                const uint64_t entry = model_entry(s, p);
                const size_t row = page_table_top(s, mip) + y;
                assert_true(pagetable_entry(pt, p) == entry);
                assert_true(gpu_copy[row * page_table_width(s) + page_table_left(s, mip) + x] ==
                            entry);
            }
        }
    }
}

static uint32_t pick_slot(void)
{
    uint32_t slot = random_below(65536);
    while (slot_used[slot]) {
        slot = random_below(65536);
    }
    slot_used[slot] = true;
    return slot;
}

static uint64_t own_bits(vt_page p, uint64_t slot, uint64_t fade)
{
    return fade << (32 + VT_ENTRY_FADE_SHIFT) | UINT64_C(1) << (32 + VT_ENTRY_OK_SHIFT) |
           (uint64_t)p.mip << (32 + VT_ENTRY_MIP_SHIFT) | slot;
}

static void change(pagetable *pt, vt_page p, uint64_t *own)
{
    const uint32_t fade = random_below(256);
    switch (random_below(4)) {
    case 0:
        *own = own_bits(p, *own & 0xffff, fade);
        pagetable_set_fade(pt, p, fade);
        break;
    case 1:
        slot_used[*own & 0xffff] = false;
        const uint32_t slot = pick_slot();
        *own = own_bits(p, slot, *own >> (32 + VT_ENTRY_FADE_SHIFT));
        pagetable_move(pt, p, slot & 255, slot >> 8);
        break;
    default:
        slot_used[*own & 0xffff] = false;
        *own = 0;
        pagetable_unmap(pt, p);
        break;
    }
}

static void step(pagetable *pt, const vt_shape *s)
{
    const uint8_t mip = (uint8_t)random_below(s->mips);
    const vt_page p = {1, mip, (uint16_t)random_below(page_columns(s, mip)),
                       (uint16_t)random_below(page_rows(s, mip))};
    uint64_t *own = model_at(s, p);
    assert_int_equal(pagetable_is_mapped(pt, p), *own != 0);
    if (*own == 0) {
        const uint32_t fade = random_below(256), slot = pick_slot();
        *own = own_bits(p, slot, fade);
        pagetable_map(pt, p, slot & 255, slot >> 8, fade);
    } else {
        change(pt, p, own);
    }
}

static pagetable *begin(uint32_t width, uint32_t height, uint32_t border, vt_shape *s)
{
    assert_true(page_shape_make(width, height, border, s));
    memset(mapped, 0, sizeof mapped);
    memset(slot_used, 0, sizeof slot_used);
    memset(gpu_copy, 0xee, sizeof gpu_copy);
    pagetable *pt = pagetable_create(s);
    assert_non_null(pt);
    return pt;
}

static void random_work_matches_the_model(uint32_t width, uint32_t height, uint32_t border)
{
    vt_shape s;
    pagetable *pt = begin(width, height, border, &s);
    compare_with_model(pt, &s);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(pt, &s);
        if (i % 50 == 0) {
            compare_with_model(pt, &s);
        }
    }
    compare_with_model(pt, &s);
    pagetable_destroy(pt);
}

static void random_work_on_many_shapes(void **state)
{
    (void)state;
    random_state = seed_of_run();
    random_work_matches_the_model(32 * 120, 32 * 120, 4);
    random_work_matches_the_model(3000, 1700, 4);    /* padding on both sides */
    random_work_matches_the_model(40 * 112, 100, 8); /* one page high */
    random_work_matches_the_model(200, 60 * 120, 4); /* two pages wide */
    random_work_matches_the_model(1, 1, 4);          /* a single page */
}

/* Every page has a place of its own, inside of the table. */
static void places_are_apart(uint32_t width, uint32_t height)
{
    static uint8_t taken[4096 * 2200];
    vt_shape s = {.mips = 0};
    assert_true(page_shape_make(width, height, 4, &s));
    const size_t stride = page_table_width(&s);
    assert_true(stride * page_table_height(&s) <= sizeof taken);
    memset(taken, 0, stride * page_table_height(&s));
    for (uint32_t mip = 0; mip < s.mips; mip++) {
        for (uint32_t y = 0; y < page_rows(&s, mip); y++) {
            for (uint32_t x = 0; x < page_columns(&s, mip); x++) {
                const size_t column = page_table_left(&s, mip) + x;
                const size_t row = page_table_top(&s, mip) + y;
                assert_true(column < stride && row < page_table_height(&s));
                assert_int_equal(taken[row * stride + column]++, 0);
            }
        }
    }
}

static void the_layout_gives_every_page_a_place_of_its_own(void **state)
{
    (void)state;
    for (uint32_t pages = 1; pages <= 70; pages++) {
        places_are_apart(120 * 3, 120 * pages);
        places_are_apart(120 * pages, 120 * (71 - pages));
        places_are_apart(120 * pages, 1);
    }
    places_are_apart(131072, 65536);
    places_are_apart(2048 * 120, 547 * 120);
    places_are_apart(1000 * 120, 2048 * 120);
}

static void nothing_resident_is_entry_zero_everywhere(void **state)
{
    (void)state;
    vt_shape s;
    pagetable *pt = begin(1000, 1000, 4, &s);
    for (uint32_t mip = 0; mip < s.mips; mip++) {
        assert_int_equal(pagetable_entry(pt, (vt_page){1, (uint8_t)mip, 0, 0}), 0);
        assert_false(pagetable_is_mapped(pt, (vt_page){1, (uint8_t)mip, 0, 0}));
    }
    assert_false(pagetable_is_mapped(pt, (vt_page){1, 15, 0, 0}));
    assert_false(pagetable_is_mapped(pt, (vt_page){1, 0, 2047, 2047}));
    pagetable_destroy(pt);
    pagetable_destroy(NULL);
}

static void a_page_of_mip_0_dirties_one_entry(void **state)
{
    (void)state;
    vt_shape s;
    pagetable *pt = begin(32 * 120, 32 * 120, 4, &s);
    copy_dirty(pt, &s);
    pagetable_map(pt, (vt_page){1, 0, 17, 9}, 3, 4, 255);
    pagetable_rect r;
    assert_true(pagetable_take_dirty(pt, &r));
    assert_true(r.x == 17 && r.y == 9 && r.width == 1 && r.height == 1);
    assert_false(pagetable_take_dirty(pt, &r));
    pagetable_set_fade(pt, (vt_page){1, 0, 17, 9}, 255); /* no change */
    assert_false(pagetable_take_dirty(pt, &r));
    pagetable_destroy(pt);
}

static void what_pages_between_hide_is_not_dirty(void **state)
{
    (void)state;
    vt_shape s;
    pagetable *pt = begin(32 * 120, 32 * 120, 4, &s);
    pagetable_map(pt, (vt_page){1, 2, 1, 1}, 0, 0, 255);
    for (uint16_t i = 0; i < 4; i++) {
        pagetable_map(pt, (vt_page){1, 1, 2 + i % 2, 2 + i / 2}, i, 1, 255);
    }
    for (uint16_t i = 0; i < 16; i++) {
        pagetable_map(pt, (vt_page){1, 0, 4 + i % 4, 4 + i / 4}, i, 2, 255);
    }
    copy_dirty(pt, &s);
    pagetable_move(pt, (vt_page){1, 2, 1, 1}, 9, 9); /* mip 1 fades to it, mip 0 to mip 1 */
    pagetable_rect r;
    uint32_t entries = 0;
    while (pagetable_take_dirty(pt, &r)) {
        entries += r.width * r.height;
    }
    assert_int_equal(entries, 1 + 4);
    pagetable_destroy(pt);
}

static void far_changes_stay_apart_and_near_ones_are_joined(void **state)
{
    (void)state;
    vt_shape s;
    pagetable *pt = begin(64 * 120, 64 * 120, 4, &s);
    copy_dirty(pt, &s);
    pagetable_map(pt, (vt_page){1, 0, 0, 0}, 0, 0, 255);
    pagetable_map(pt, (vt_page){1, 0, 1, 1}, 1, 0, 255);
    pagetable_map(pt, (vt_page){1, 0, 63, 63}, 2, 0, 255);
    pagetable_rect r;
    uint32_t rects = 0;
    uint32_t entries = 0;
    while (pagetable_take_dirty(pt, &r)) {
        rects++;
        entries += r.width * r.height;
    }
    assert_int_equal(rects, 2);
    assert_int_equal(entries, 4 + 1);
    pagetable_destroy(pt);
}

static void the_check_sees_a_slot_that_two_pages_share(void **state)
{
    (void)state;
    vt_shape s;
    pagetable *pt = begin(1000, 1000, 4, &s);
    pagetable_map(pt, (vt_page){1, 0, 0, 0}, 5, 5, 255);
    assert_null(pagetable_check(pt));
    pagetable_map(pt, (vt_page){1, 0, 1, 0}, 5, 5, 255);
    assert_non_null(pagetable_check(pt));
    pagetable_destroy(pt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_on_many_shapes),
        cmocka_unit_test(the_layout_gives_every_page_a_place_of_its_own),
        cmocka_unit_test(nothing_resident_is_entry_zero_everywhere),
        cmocka_unit_test(a_page_of_mip_0_dirties_one_entry),
        cmocka_unit_test(what_pages_between_hide_is_not_dirty),
        cmocka_unit_test(far_changes_stay_apart_and_near_ones_are_joined),
        cmocka_unit_test(the_check_sees_a_slot_that_two_pages_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
