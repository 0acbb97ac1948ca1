/* test_atlas.c: which page lies in which slot: random work against a model that keeps everything in
 * plain arrays and looks at every square. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vram/atlas.h"
#include "tests/rigs/seed.h"

#include <string.h>

enum { MOST_CELLS = 32 * 32, STEPS = 6000, SIDE = 32 /* pages of the world, a side */ };

/* What the model knows of a slot; page_id == 0: free. */
typedef struct model_slot {
    uint32_t page_id;
    uint64_t wanted, use; /* period; order of use within it; what is placed late is as the first */
    bool pinned;
} model_slot;

static model_slot model[MOST_CELLS];
static atlas_desc shape;
static uint64_t newest,
    uses; /* the latest period there was any use in, and how many came after its first */
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    return seed_below(&random_state, limit);
}

static uint32_t cells(void)
{
    return shape.columns * shape.columns;
}

static uint32_t model_find(uint32_t page_id)
{
    uint32_t slot = 0;
    while (slot < cells() && model[slot].page_id != page_id) {
        slot++;
    }
    return slot < cells() ? slot : ATLAS_NONE;
}

static bool is_later(const model_slot *a, const model_slot *b)
{
    return a->wanted != b->wanted ? a->wanted > b->wanted : a->use > b->use;
}

/* A square of slots, looked at one by one. */
typedef struct square {
    bool usable; /* nothing in it is pinned or beyond the last row */
    uint32_t in_use, taken;
    const model_slot *latest; /* NULL: all of it is free */
} square;

static square look_at(uint32_t first, uint32_t order, uint64_t period)
{
    square s = {.usable = true};
    for (uint32_t slot = first; slot < first + (1u << 2 * order); slot++) {
        const model_slot *m = &model[slot];
        s.usable &= buddy_morton_y(slot) < shape.rows && !m->pinned;
        s.in_use += m->page_id != 0 && (m->pinned || m->wanted >= period);
        s.taken += m->page_id != 0;
        if (m->page_id != 0 && (s.latest == NULL || is_later(m, s.latest))) {
            s.latest = m;
        }
    }
    return s;
}

static bool has_free_square(uint32_t order)
{
    for (uint32_t first = 0; first + (1u << 2 * order) <= cells(); first += 1u << 2 * order) {
        const square s = look_at(first, order, 0);
        if (s.usable && s.taken == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a is strictly cheaper to clear. */
static bool is_cheaper(const square *a, const square *b)
{
    return b->latest != NULL && (a->latest == NULL || is_later(b->latest, a->latest));
}

static uint32_t model_victim(uint32_t order, uint64_t period)
{
    uint32_t best = ATLAS_NONE;
    square cheapest = {.usable = false};
    for (uint32_t first = 0; first + (1u << 2 * order) <= cells(); first += 1u << 2 * order) {
        const square s = look_at(first, order, period);
        if (s.usable && s.in_use == 0 && (best == ATLAS_NONE || is_cheaper(&s, &cheapest))) {
            best = first;
            cheapest = s;
        }
    }
    return best;
}

static void assert_well(const atlas *a)
{
    const char *wrong = atlas_check(a);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    for (uint32_t slot = 0; slot < cells(); slot++) {
        assert_int_equal(atlas_page(a, slot), model[slot].page_id);
    }
}

static void mark(model_slot *m, uint64_t period)
{
    uses = period > newest ? 0 : uses + (period == newest);
    newest = period > newest ? period : newest;
    const model_slot late = {.wanted = period, .use = period == newest ? uses : 0};
    if (m->page_id == 0 || is_later(&late, m)) {
        m->wanted = late.wanted;
        m->use = late.use;
    }
}

static void place(atlas *a, uint64_t period)
{
    const uint32_t order = random_below(ATLAS_MAX_ORDER + 1), side = 1u << order;
    const vt_page corner = {(uint8_t)(1 + random_below(3)), (uint8_t)random_below(3),
                            (uint16_t)(random_below(SIDE) / side * side),
                            (uint16_t)(random_below(SIDE) / side * side)};
    uint64_t pages = random_below(3) == 0 ? seed_next(&random_state) : UINT64_MAX;
    for (uint32_t i = 0; i < 64; i++) {
        const bool fits = i < side * side;
        if (!fits || model_find(page_pack(page_of_cluster(corner, i))) != ATLAS_NONE) {
            pages &= ~(UINT64_C(1) << i);
        }
    }
    if (pages == 0) {
        return;
    }
    const bool possible = has_free_square(order);
    const uint32_t first = atlas_place(a, corner, order, pages, period);
    assert_int_equal(first != ATLAS_NONE, possible);
    for (uint32_t i = 0; i < side * side && possible; i++) {
        assert_int_equal(model[first + i].page_id, 0);
        if (pages >> i & 1) {
            mark(&model[first + i], period);
            model[first + i].page_id = page_pack(page_of_cluster(corner, i));
        }
    }
}

static void evict(atlas *a, uint32_t slot)
{
    if (model[slot].page_id != 0) {
        atlas_evict(a, slot);
        memset(&model[slot], 0, sizeof model[slot]);
    }
}

/* Clears the cheapest square of an order, as the conductor does; a cluster then fits. */
static void clear_victim(atlas *a, uint64_t period)
{
    const uint32_t order = random_below(ATLAS_MAX_ORDER + 1);
    const uint32_t victim = atlas_victim(a, order, period);
    assert_int_equal(victim, model_victim(order, period));
    for (uint32_t i = 0; i < 1u << 2 * order && victim != ATLAS_NONE; i++) {
        evict(a, victim + i);
    }
    assert_true(victim == ATLAS_NONE || has_free_square(order));
}

static void move(atlas *a, uint32_t from, uint32_t to)
{
    evict(a, to);
    atlas_move_page(a, from, to);
    model[to] = model[from];
    memset(&model[from], 0, sizeof model[from]);
}

/* Follows a plan: a square of that order is empty of pages in use then. */
static void compact(atlas *a, uint64_t period)
{
    const uint32_t order = 1 + random_below(ATLAS_MAX_ORDER), most = 1u << 2 * order;
    atlas_move moves[ATLAS_CLUSTER_PAGES];
    uint32_t first = 0;
    if (atlas_victim(a, order, period) != ATLAS_NONE) {
        return; /* there is no need */
    }
    const uint32_t count = atlas_plan_moves(a, order, period, moves, most, &first);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(model[moves[i].from].page_id, 0);
        move(a, moves[i].from, moves[i].to);
    }
    assert_true(count == 0 || look_at(first, order, period).in_use == 0);
}

static void touch(atlas *a, uint64_t period)
{
    for (int i = 0; i < 10; i++) {
        const uint32_t slot = random_below(cells());
        if (model[slot].page_id != 0) {
            atlas_touch(a, slot, period);
            mark(&model[slot], period);
        }
    }
}

static void check_counts(const atlas *a, uint64_t period)
{
    uint32_t counts[3], right[3] = {0};
    atlas_count_in_use(a, period, counts, 3);
    for (uint32_t slot = 0; slot < cells(); slot++) {
        const model_slot *m = &model[slot];
        if (m->page_id != 0 && (m->pinned || m->wanted >= period)) {
            right[page_unpack(m->page_id).texture - 1]++;
        }
    }
    assert_memory_equal(counts, right, sizeof right);
}

static void step(atlas *a, uint64_t now)
{
    const uint64_t period = random_below(8) ? now : now - now / 4; /* now and then a late one */
    const uint64_t stale = now > 20 ? now - random_below(20) : 0;
    const uint32_t slot = random_below(cells());
    switch (random_below(8)) {
    case 0:
    case 1:
        place(a, period);
        break;
    case 2:
        clear_victim(a, stale);
        break;
    case 3:
        compact(a, stale);
        break;
    case 4:
        if (model[slot].page_id != 0 && random_below(20) == 0) {
            atlas_pin(a, slot);
            model[slot].pinned = true;
        }
        break;
    case 5:
        if (random_below(4) == 0) {
            evict(a, slot);
        }
        break;
    default:
        touch(a, period);
        break;
    }
    check_counts(a, stale);
}

static atlas *begin(uint32_t columns, uint32_t rows)
{
    shape = (atlas_desc){columns, rows};
    memset(model, 0, sizeof model);
    newest = uses = 0;
    atlas *a = atlas_create(&shape);
    assert_non_null(a);
    return a;
}

static void random_work_on_many_shapes(void **state)
{
    (void)state;
    static const atlas_desc shapes[] = {{1, 1}, {2, 1}, {4, 3}, {8, 8}, {16, 11}, {32, 9}};
    random_state = seed_of_run();
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        atlas *a = begin(shapes[i].columns, shapes[i].rows);
        for (uint32_t n = 0; n < STEPS; n++) {
            const uint64_t now = 1 + n / 30;
            step(a, now);
            if (n % 40 == 0) {
                assert_well(a);
            }
        }
        assert_well(a);
        atlas_destroy(a);
    }
}

static void full_atlas_of_pinned_pages_has_no_victim(void **state)
{
    (void)state;
    atlas *a = begin(4, 4);
    for (uint16_t i = 0; i < 16; i++) {
        atlas_pin(a, atlas_place(a, (vt_page){1, 0, i, 0}, 0, 1, 5));
    }
    atlas_move moves[4];
    uint32_t first;
    for (uint32_t order = 0; order <= ATLAS_MAX_ORDER; order++) {
        assert_int_equal(atlas_victim(a, order, UINT32_MAX), ATLAS_NONE);
        assert_int_equal(atlas_place(a, (vt_page){1, 1, 0, 0}, order, 1, 6), ATLAS_NONE);
        assert_int_equal(atlas_plan_moves(a, order, UINT32_MAX, moves, 4, &first), 0);
    }
    atlas_destroy(a);
    atlas_destroy(NULL);
}

static void among_pages_of_one_period_the_first_touched_goes_first(void **state)
{
    (void)state;
    atlas *a = begin(4, 4);
    uint32_t slots[3];
    for (uint16_t i = 0; i < 3; i++) {
        slots[i] = atlas_place(a, (vt_page){1, 0, i, 0}, 0, 1, 1);
    }
    for (uint32_t slot = 0; slot < 16; slot++) { /* the others never leave */
        if (atlas_page(a, slot) == 0) {
            atlas_pin(a, atlas_place(a, (vt_page){2, 0, (uint16_t)slot, 0}, 0, 1, 1));
        }
    }
    atlas_touch(a, slots[1], 9);
    atlas_touch(a, slots[2], 9);
    atlas_touch(a, slots[0], 9);
    const uint32_t order_of_going[3] = {slots[1], slots[2], slots[0]};
    for (int i = 0; i < 3; i++) {
        const uint32_t victim = atlas_victim(a, 0, 10);
        assert_int_equal(victim, order_of_going[i]);
        atlas_pin(a, victim);
    }
    assert_int_equal(atlas_victim(a, 0, 10), ATLAS_NONE);
    atlas_destroy(a);
}

static void what_was_wanted_in_a_period_is_not_stale_then(void **state)
{
    (void)state;
    atlas *a = begin(1, 1);
    atlas_place(a, (vt_page){1, 0, 0, 0}, 0, 1, 7);
    assert_int_equal(atlas_victim(a, 0, 7), ATLAS_NONE);
    assert_int_equal(atlas_victim(a, 0, 8), 0);
    atlas_touch(a, 0, 3); /* a late one changes nothing */
    assert_int_equal(atlas_victim(a, 0, 7), ATLAS_NONE);
    atlas_destroy(a);
}

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    static const atlas_desc bad[] = {{0, 0}, {3, 1}, {4, 0}, {4, 5}, {512, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(atlas_create(&bad[i]));
        assert_int_equal(atlas_memory_bytes(&bad[i]), 0);
    }
}

static void statistics_say_what_is_where(void **state)
{
    (void)state;
    atlas *a = begin(8, 8);
    atlas_stats s;
    atlas_get_stats(a, &s);
    assert_true(s.slots == 64 && s.used == 0 && s.fragmentation == 0);
    const uint32_t first = atlas_place(a, (vt_page){1, 0, 8, 8}, 2, UINT64_MAX, 1);
    atlas_pin(a, first);
    atlas_get_stats(a, &s);
    assert_true(s.used == 16 && s.pinned == 1 && s.placed == 16 && s.clusters[2] == 1);
    assert_true(s.fragmentation > 0.6 && s.fragmentation < 0.7); /* 48 are free, 16 in one square */
    atlas_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_on_many_shapes),
        cmocka_unit_test(full_atlas_of_pinned_pages_has_no_victim),
        cmocka_unit_test(among_pages_of_one_period_the_first_touched_goes_first),
        cmocka_unit_test(what_was_wanted_in_a_period_is_not_stale_then),
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(statistics_say_what_is_where),
    };
    return cmocka_run_group_tests_name("atlas", tests, NULL, NULL);
}
