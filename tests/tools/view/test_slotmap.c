/* test_slotmap.c: blocks that still lie together, and ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/scene/slotmap.h"

#include "engine/page/page.h"
#include "shaders/views.h"

#include <stdlib.h>

enum { COLUMNS = 16, ROWS = 11, SLOTS = COLUMNS * ROWS };

static uint32_t page_at(uint32_t mip, uint32_t x, uint32_t y)
{
    return page_pack((vt_page){1, (uint8_t)mip, (uint16_t)x, (uint16_t)y});
}

/* Puts the block of 2^order pages a side whose first page is (px, py) at slot (x, y). */
static void place(vt_slot slots[SLOTS], uint32_t order, uint32_t px, uint32_t py, uint32_t x,
                  uint32_t y)
{
    const uint32_t side = 1u << order;
    for (uint32_t i = 0; i < side * side; i++) {
        slots[(y + i / side) * COLUMNS + x + i % side].page_id =
            page_at(2, px + i % side, py + i / side);
    }
}

static uint8_t order_at(const slotmap *m, uint32_t x, uint32_t y)
{
    return slotmap_texels(m)[y * COLUMNS + x].order;
}

static void siblings_that_lie_together_are_a_block(void **state)
{
    (void)state;
    vt_slot slots[SLOTS] = {{0}};
    slotmap *m = slotmap_create(COLUMNS, ROWS);
    assert_non_null(m);
    place(slots, 3, 16, 8, 8, 0);
    place(slots, 1, 6, 2, 0, 4);
    slots[10 * COLUMNS].page_id = page_at(2, 5, 5); /* alone, in the last row */
    slotmap_update(m, slots, 0);
    assert_int_equal(order_at(m, 8, 0), 3);
    assert_int_equal(order_at(m, 15, 7), 3);
    assert_int_equal(order_at(m, 1, 5), 1);
    assert_int_equal(order_at(m, 2, 4), 0);
    assert_int_equal(order_at(m, 0, 10), 0);
    /* One leaves: its quarter and its eighth fall apart, the others stay what they are. */
    slots[8].page_id = 0;
    slotmap_update(m, slots, 1);
    assert_int_equal(order_at(m, 9, 0), 0);
    assert_int_equal(order_at(m, 10, 0), 1);
    assert_int_equal(order_at(m, 12, 0), 2);
    slotmap_destroy(m);
}

static void neighbours_that_are_no_siblings_are_no_block(void **state)
{
    (void)state;
    vt_slot slots[SLOTS] = {{0}};
    slotmap *m = slotmap_create(COLUMNS, ROWS);
    assert_non_null(m);
    place(slots, 1, 7, 2, 0, 0); /* side by side, but across the edge of two blocks */
    place(slots, 1, 6, 2, 4, 0);
    slots[5].page_id = page_at(3, 7, 2); /* of another mip */
    slotmap_update(m, slots, 0);
    assert_int_equal(order_at(m, 0, 0), 0);
    assert_int_equal(order_at(m, 4, 0), 0);
    slotmap_destroy(m);
}

static void age_counts_from_when_the_page_came(void **state)
{
    (void)state;
    vt_slot slots[SLOTS] = {{0}};
    slotmap *m = slotmap_create(COLUMNS, ROWS);
    assert_non_null(m);
    slots[3] = (vt_slot){page_at(0, 1, 1), 1000, true};
    slotmap_update(m, slots, 100);
    assert_int_equal(slotmap_texels(m)[3].age, 0);
    assert_int_equal(slotmap_texels(m)[3].unused, 255);
    assert_int_equal(slotmap_texels(m)[3].flags, SLOT_USED | SLOT_PINNED);
    slotmap_update(m, slots, 101);
    assert_int_equal(slotmap_texels(m)[3].age, 32);
    slotmap_update(m, slots, 100000);
    assert_int_equal(slotmap_texels(m)[3].age, 255);
    slots[3].page_id = page_at(0, 2, 1);
    slotmap_update(m, slots, 100001);
    assert_int_equal(slotmap_texels(m)[3].age, 0);
    slotmap_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siblings_that_lie_together_are_a_block),
        cmocka_unit_test(neighbours_that_are_no_siblings_are_no_block),
        cmocka_unit_test(age_counts_from_when_the_page_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
