/* test_overlay_parts.c: what the overlay shows, without a window: the map of the arena, the log
 * that is never a flood, and the plots' history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/window/history.h"
#include "tools/view/window/journal.h"
#include "tools/view/window/rammap.h"

#include "buddy/tree.h"
#include "tests/rigs/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const rammap_colour FREE = {0, 0, 0};

/* ---- the map of the arena ---- */

static const uint8_t *texel(const rammap *m, uint32_t cell)
{
    return &m->rgba[(buddy_morton_y(cell) * m->width + buddy_morton_x(cell)) * 4];
}

static void block_of_even_order_is_a_square(void **state)
{
    (void)state;
    rammap *m = calloc(1, sizeof *m);
    assert_non_null(m);
    rammap_begin(m, 4096); /* a unit a cell: 64 x 64 */
    assert_int_equal(m->width * m->height, 4096);
    rammap_add(m, (buddy_block){1024, 8}, (rammap_colour){200, 100, 50}); /* 16 x 16 */
    rammap_end(m, FREE);
    uint32_t left = UINT32_MAX, right = 0, top = UINT32_MAX, bottom = 0, painted = 0;
    for (uint32_t y = 0; y < m->height; y++) {
        for (uint32_t x = 0; x < m->width; x++) {
            if (m->rgba[(y * m->width + x) * 4] == 200) {
                left = x < left ? x : left;
                right = x > right ? x : right;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
                painted++;
            }
        }
    }
    assert_int_equal(painted, 256);
    assert_int_equal(right - left, 15);
    assert_int_equal(bottom - top, 15);
    free(m);
}

/* Whatever the arena's size and its blocks: what a cell shows is the share of it that is taken. */
static void cells_show_their_share(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    rammap *m = calloc(1, sizeof *m);
    assert_non_null(m);
    for (int round = 0; round < 200; round++) {
        const uint32_t units = 1 + seed_below(&seed, 1u << (1 + round % 22));
        uint64_t taken = 0, shown = 0;
        rammap_begin(m, units);
        for (uint32_t at = 0; at < units;) {
            uint32_t order = seed_below(&seed, 12);
            while (at % (1u << order) != 0 || at + (1u << order) > units) {
                order--;
            }
            if (seed_below(&seed, 2)) {
                rammap_add(m, (buddy_block){at, order}, (rammap_colour){255, 255, 255});
                taken += 1u << order;
            }
            at += 1u << order;
        }
        rammap_end(m, FREE);
        for (uint32_t cell = 0; cell < m->width * m->height; cell++) {
            const uint8_t *t = texel(m, cell);
            const bool beyond = (uint64_t)cell << m->unit_order >= units;
            assert_int_equal(t[3], beyond ? 0 : 255);
            shown += t[0];
        }
        /* Each cell is rounded down by less than one part in 255. */
        const uint64_t cells = (uint64_t)m->width * m->height;
        assert_in_range(
            shown,
            (taken * 255 >> m->unit_order) > cells ? (taken * 255 >> m->unit_order) - cells : 0,
            taken * 255 >> m->unit_order);
    }
    free(m);
}

/* ---- the log ---- */

static void same_line_is_counted(void **state)
{
    (void)state;
    journal j = {.count = 0};
    journal_init(&j);
    assert_true(journal_add(&j, 1, "a page is bad"));
    for (int i = 0; i < 1000; i++) {
        assert_false(journal_add(&j, 2, "a page is bad"));
    }
    assert_int_equal(j.count, 1);
    assert_int_equal(journal_get(&j, 0)->times, 1001);
    assert_null(journal_get(&j, 1));
}

static void floods_are_dammed(void **state)
{
    (void)state;
    journal j = {.count = 0};
    char line[64];
    int printed = 0;
    journal_init(&j);
    for (int i = 0; i < 6000; i++) { /* a hundred a second for a minute */
        (void)snprintf(line, sizeof line, "page %d is bad", i);
        printed += journal_add(&j, i / 100.0, line);
    }
    assert_in_range(printed, JOURNAL_BURST, JOURNAL_BURST + 60);
    assert_int_equal(j.dropped, 6000 - printed);
    assert_non_null(journal_get(&j, JOURNAL_BURST));
    /* When it has been quiet, new lines come through at once. */
    assert_true(journal_add(&j, 100, "something else"));
    assert_string_equal(journal_get(&j, 0)->text, "something else");
}

static void old_lines_make_room(void **state)
{
    (void)state;
    journal j = {.count = 0};
    char line[64];
    journal_init(&j);
    for (int i = 0; i < 3 * JOURNAL_LINES; i++) {
        (void)snprintf(line, sizeof line, "line %d", i);
        assert_true(journal_add(&j, 10.0 * i, line));
    }
    assert_non_null(journal_get(&j, JOURNAL_LINES - 1));
    assert_null(journal_get(&j, JOURNAL_LINES));
    assert_string_equal(journal_get(&j, JOURNAL_LINES - 1)->text, "line 128");
}

static void long_lines_are_cut_and_still_known_again(void **state)
{
    (void)state;
    journal j = {.count = 0};
    char line[4 * JOURNAL_LINE_BYTES];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    journal_init(&j);
    assert_true(journal_add(&j, 0, line));
    assert_false(journal_add(&j, 0, line));
    assert_int_equal(strlen(journal_get(&j, 0)->text), JOURNAL_LINE_BYTES - 1);
}

/* ---- the plots ---- */

static void history_takes_differences(void **state)
{
    (void)state;
    history *h = calloc(1, sizeof *h);
    vt_stats s = {.mip_bias = 0.5f, .there_share = 0.25f};
    assert_non_null(h);
    for (uint32_t i = 1; i <= HISTORY_FRAMES + 10; i++) {
        s.pages.uploaded += i % 7;
        s.bytes.disk_read += 2048;
        history_add(h, i == 300 ? 99 : 20, &s);
    }
    assert_true(history_last(h, HISTORY_UPLOADS) == (HISTORY_FRAMES + 10) % 7);
    assert_true(history_last(h, HISTORY_READS) == 2);
    assert_true(history_last(h, HISTORY_WANTED) == 12.5f); /* half of a quarter, by the bias */
    assert_true(history_most(h, HISTORY_UPLOADS) == 6);
    /* Opened anew: the counters begin at 0 again, and that is no leap of 2^64. */
    s.pages.uploaded = 3;
    history_add(h, 20, &s);
    assert_true(history_last(h, HISTORY_UPLOADS) == 3);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_of_even_order_is_a_square),
        cmocka_unit_test(cells_show_their_share),
        cmocka_unit_test(same_line_is_counted),
        cmocka_unit_test(floods_are_dammed),
        cmocka_unit_test(old_lines_make_room),
        cmocka_unit_test(long_lines_are_cut_and_still_known_again),
        cmocka_unit_test(history_takes_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
