/* atlas.c: the buddy core over slots in Morton order, a map from page to slot, and the tree of
 * recency. Everything is allocated at create.
 *
 *     slot   free ── atlas_place ──▶ has a page ── atlas_evict ──▶ free
 *                    or a move         │    ▲       or a move
 *                                      ▼    │ atlas_touch: a newer key
 *                                      └────┘ atlas_pin: no victim any more
 *
 * A slot's key in the tree is its period and a count within it. So keys order slots as they were
 * used, and "wanted before a period" is a comparison with that period's first key. */
#include "engine/vram/atlas.h"

#include "engine/page/pagemap.h"
#include "engine/vram/recency.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUDDY_ALIGNMENT = 64, /* what buddy_init asks for */
    COUNT_BITS = 20,      /* of a key: uses within one period, more than any image has pages */
};

/* A slot of the grid, by its number in Morton order. page_id == 0: free, or beyond the last row. */
typedef struct atlas_slot {
    uint32_t page_id; /* 0: none */
    bool pinned;
    uint64_t key; /* of the last use, pinned or not */
} atlas_slot;

/* used == slots with a page; pinned <= used. The key of a slot in the tree is RECENCY_FREE without
 * a page, RECENCY_NEVER when it is pinned or beyond the last row, and its own key otherwise. The
 * map holds each used slot. */
struct atlas {
    uint32_t columns, rows; /* slots */
    uint32_t capacity;      /* slots with y < rows */
    uint32_t used, pinned;  /* slots */
    uint64_t newest_key;
    uint64_t placed, evicted, moved;
    uint64_t clusters[ATLAS_MAX_ORDER + 1];
    pagemap map;       /* from page to slot */
    atlas_slot *slots; /* columns * columns */
    recency recency;
    buddy *core;
};

static_assert((int)ATLAS_MAX_ORDER == (int)RECENCY_MAX_ORDER,
              "the tree knows every cluster's order");
static_assert((uint32_t)ATLAS_NONE == PAGEMAP_NONE, "what the map has not is nowhere");

static bool is_possible(const atlas_desc *desc)
{
    return desc->columns >= 1 && desc->columns <= ATLAS_MAX_COLUMNS &&
           (desc->columns & (desc->columns - 1)) == 0 && desc->rows >= 1 &&
           desc->rows <= desc->columns;
}

static buddy_desc core_desc(const atlas_desc *desc)
{
    return (buddy_desc){.units = desc->columns * desc->columns};
}

static uint32_t levels_of(const atlas_desc *desc)
{
    return buddy_order_for(desc->columns);
}

/* aligned_alloc wants whole multiples. */
static size_t core_bytes(const atlas_desc *desc)
{
    const buddy_desc core = core_desc(desc);
    return (buddy_sizeof(&core) + BUDDY_ALIGNMENT - 1) & ~(size_t)(BUDDY_ALIGNMENT - 1);
}

uint64_t atlas_memory_bytes(const atlas_desc *desc)
{
    if (!is_possible(desc)) {
        return 0;
    }
    return sizeof(atlas) + core_bytes(desc) +
           (uint64_t)desc->columns * desc->columns * sizeof(atlas_slot) +
           recency_bytes(levels_of(desc)) + pagemap_bytes(desc->columns * desc->rows);
}

/* ---- keys ---- */

static uint64_t first_key(uint64_t period)
{
    return period << COUNT_BITS;
}

/* The key of the next use in `period`. Only the newest period counts its uses; an earlier one gives
 * its first key, so that a page placed there, asked for ahead of its need, is the first of that
 * period to go. */
static uint64_t next_key(atlas *a, uint64_t period)
{
    const uint64_t first = first_key(period + 1); /* never RECENCY_FREE */
    if (first > a->newest_key) {
        a->newest_key = first;
        return first;
    }
    return a->newest_key >> COUNT_BITS == period + 1 ? ++a->newest_key : first;
}

/* Whether a key is of a use before `period`. */
static bool is_before(uint64_t key, uint64_t period)
{
    return key < first_key(period + 1);
}

/* Tells the tree what a slot's fields say. */
static void publish_key(atlas *a, uint32_t slot)
{
    const atlas_slot *s = &a->slots[slot];
    recency_set(&a->recency, slot,
                s->pinned         ? RECENCY_NEVER
                : s->page_id != 0 ? s->key
                                  : RECENCY_FREE);
}

/* ---- create and destroy ---- */

/* Takes the slots beyond the last row out of play. What lies wholly beyond it is made of aligned
 * blocks: where a block begins at y >= rows, all of it lies there. */
static bool reserve_beyond_rows(atlas *a)
{
    const uint32_t end = a->columns * a->columns;
    uint32_t begin = 0;
    while (begin < end) {
        uint32_t stop = begin;
        while (stop < end && buddy_morton_y(stop) >= a->rows) {
            const uint32_t run = stop & (0u - stop); /* the largest block there; never at 0 */
            for (uint32_t slot = stop; slot < stop + run; slot++) {
                recency_set(&a->recency, slot, RECENCY_NEVER);
            }
            stop += run;
        }
        if (stop > begin && !buddy_reserve(a->core, begin, stop - begin)) {
            return false;
        }
        begin = stop + 1;
    }
    return true;
}

static bool init_parts(atlas *a, const atlas_desc *desc)
{
    const uint32_t cells = desc->columns * desc->columns;
    const buddy_desc core = core_desc(desc);
    void *at = aligned_alloc(BUDDY_ALIGNMENT, core_bytes(desc));
    a->core = at ? buddy_init(at, core_bytes(desc), &core) : NULL;
    a->slots = calloc(cells, sizeof *a->slots);
    if (a->core == NULL || a->slots == NULL ||
        !pagemap_init(&a->map, a->capacity, &a->slots[0].page_id, sizeof *a->slots) ||
        !recency_init(&a->recency, levels_of(desc))) {
        if (a->core == NULL) {
            free(at);
        }
        return false;
    }
    return reserve_beyond_rows(a);
}

atlas *atlas_create(const atlas_desc *desc)
{
    atlas *a = is_possible(desc) ? calloc(1, sizeof *a) : NULL;
    if (a == NULL) {
        return NULL;
    }
    a->columns = desc->columns;
    a->rows = desc->rows;
    a->capacity = desc->columns * desc->rows;
    if (!init_parts(a, desc)) {
        atlas_destroy(a);
        return NULL;
    }
    return a;
}

void atlas_destroy(atlas *a)
{
    if (a != NULL) {
        recency_finish(&a->recency);
        free(a->core);
        free(a->slots);
        pagemap_finish(&a->map);
        free(a);
    }
}

/* ---- what the conductor does ---- */

/* Fills a slot that the core has handed out. */
static void fill_slot(atlas *a, uint32_t slot, uint32_t page_id, uint64_t key)
{
    const uint32_t place = pagemap_place(&a->map, page_id);
    assert(pagemap_at(&a->map, place) == PAGEMAP_NONE);
    pagemap_put(&a->map, place, slot);
    a->slots[slot] = (atlas_slot){.page_id = page_id, .key = key};
    publish_key(a, slot);
    a->used++;
}

/* Empties a slot, without giving it back to the core. */
static void empty_slot(atlas *a, uint32_t slot)
{
    atlas_slot *s = &a->slots[slot];
    pagemap_remove(&a->map, pagemap_place(&a->map, s->page_id));
    a->pinned -= s->pinned;
    *s = (atlas_slot){.page_id = 0};
    publish_key(a, slot);
    a->used--;
}

uint32_t atlas_place(atlas *a, vt_page corner, uint32_t order, uint64_t pages, uint64_t period)
{
    assert(order <= ATLAS_MAX_ORDER && pages != 0 && corner.texture != 0);
    const uint32_t first = buddy_try(a->core, 2 * order, BUDDY_ANYWHERE);
    if (first == BUDDY_NONE) {
        return ATLAS_NONE;
    }
    for (uint32_t i = 0; i < UINT32_C(1) << 2 * order; i++) {
        if (pages >> i & 1) {
            fill_slot(a, first + i, page_pack(page_of_cluster(corner, i)), next_key(a, period));
            a->placed++;
        } else {
            buddy_free(a->core, first + i, 0); /* the core takes any part of a block back */
        }
    }
    a->clusters[order]++;
    return first;
}

uint32_t atlas_find(const atlas *a, uint32_t page_id)
{
    return page_id ? pagemap_find(&a->map, page_id) : ATLAS_NONE;
}

uint32_t atlas_page(const atlas *a, uint32_t slot)
{
    assert(slot < a->columns * a->columns);
    return a->slots[slot].page_id;
}

void atlas_touch(atlas *a, uint32_t slot, uint64_t period)
{
    assert(atlas_page(a, slot) != 0);
    atlas_slot *s = &a->slots[slot];
    const uint64_t key = next_key(a, period);
    if (key > s->key) {
        s->key = key;
        publish_key(a, slot);
    }
}

void atlas_pin(atlas *a, uint32_t slot)
{
    assert(atlas_page(a, slot) != 0);
    a->pinned += !a->slots[slot].pinned;
    a->slots[slot].pinned = true;
    publish_key(a, slot);
}

atlas_use atlas_get_use(const atlas *a, uint32_t slot)
{
    assert(slot < a->columns * a->columns);
    const atlas_slot *s = &a->slots[slot];
    const uint64_t next = s->key >> COUNT_BITS; /* first_key(period + 1) and on */
    return (atlas_use){.period = next > 0 ? next - 1 : 0, .pinned = s->pinned};
}

uint32_t atlas_victim(const atlas *a, uint32_t order, uint64_t period)
{
    uint64_t key;
    const uint32_t first = recency_cheapest(&a->recency, order, &key);
    return is_before(key, period) ? first : ATLAS_NONE;
}

void atlas_evict(atlas *a, uint32_t slot)
{
    assert(atlas_page(a, slot) != 0);
    empty_slot(a, slot);
    buddy_free(a->core, slot, 0);
    a->evicted++;
}

/* Whether a slot's page has to stay. */
static bool is_in_use(const atlas *a, uint32_t slot, uint64_t period)
{
    const atlas_slot *s = &a->slots[slot];
    return s->page_id != 0 && (s->pinned || !is_before(s->key, period));
}

void atlas_count_in_use(const atlas *a, uint64_t period, uint32_t counts[], uint32_t textures)
{
    for (uint32_t i = 0; i < textures; i++) {
        counts[i] = 0;
    }
    for (uint32_t slot = 0; slot < a->columns * a->columns; slot++) {
        if (is_in_use(a, slot, period)) {
            const uint32_t texture = page_unpack(a->slots[slot].page_id).texture;
            assert(texture <= textures);
            counts[texture - 1]++;
        }
    }
}

/* ---- compaction ---- */

/* Whether a page may be moved to a slot: it is free, or stale. */
static bool is_open(const atlas *a, uint32_t slot, uint64_t period)
{
    return buddy_morton_y(slot) < a->rows && !is_in_use(a, slot, period);
}

/* Pages in use in a square, which would have to move out of it; more than `most` when there are too
 * many, or one of them cannot move. */
static uint32_t pages_to_move(const atlas *a, uint32_t first, uint32_t order, uint64_t period,
                              uint32_t most)
{
    uint32_t pages = 0;
    for (uint32_t slot = first; slot < first + (1u << 2 * order) && pages <= most; slot++) {
        if (recency_get(&a->recency, slot) == RECENCY_NEVER) {
            return most + 1;
        }
        pages += is_in_use(a, slot, period);
    }
    return pages;
}

uint32_t atlas_plan_moves(const atlas *a, uint32_t order, uint64_t period, atlas_move moves[],
                          uint32_t max_moves, uint32_t *square)
{
    const uint32_t cells = a->columns * a->columns, pages = 1u << 2 * order;
    uint32_t fewest = max_moves + 1;
    for (uint32_t first = 0; first + pages <= cells && fewest > 1; first += pages) {
        const uint32_t here = pages_to_move(a, first, order, period, fewest - 1);
        if (here < fewest) {
            fewest = here;
            *square = first;
        }
    }
    if (fewest == 0 || fewest > max_moves) {
        return 0;
    }
    uint32_t count = 0, to = 0;
    for (uint32_t slot = *square; slot < *square + pages; slot++) {
        if (!is_in_use(a, slot, period)) {
            continue;
        }
        while (to < cells && (to - *square < pages || !is_open(a, to, period))) {
            to++; /* to - *square wraps round below the square */
        }
        if (to == cells) {
            return 0; /* nowhere to go */
        }
        moves[count++] = (atlas_move){.from = slot, .to = to++};
    }
    return count;
}

/* Takes just this free slot: takes the free block that it is in, and gives the block's other parts
 * back. */
static void take_slot(atlas *a, uint32_t slot)
{
    uint32_t order = 0;
    while (!buddy_try_at(a->core, slot >> order << order, order)) {
        order++;
        assert(order < BUDDY_ORDERS); /* it is not free */
    }
    while (order-- > 0) {
        buddy_free(a->core, (slot >> order ^ 1u) << order, order);
    }
}

void atlas_move_page(atlas *a, uint32_t from, uint32_t to)
{
    assert(atlas_page(a, from) != 0 && atlas_page(a, to) == 0);
    const atlas_slot moved = a->slots[from];
    take_slot(a, to);
    empty_slot(a, from);
    fill_slot(a, to, moved.page_id, moved.key);
    if (moved.pinned) {
        atlas_pin(a, to);
    }
    buddy_free(a->core, from, 0);
    a->moved++;
}

/* ---- watching ---- */

void atlas_get_stats(const atlas *a, atlas_stats *out)
{
    buddy_stats core;
    buddy_get_stats(a->core, &core);
    *out = (atlas_stats){.slots = a->capacity,
                         .used = a->used,
                         .pinned = a->pinned,
                         .placed = a->placed,
                         .evicted = a->evicted,
                         .moved = a->moved};
    memcpy(out->clusters, a->clusters, sizeof out->clusters);
    if (core.free_units > 0 && core.largest_order < BUDDY_ORDERS) {
        const uint32_t square = core.largest_order & ~1u; /* an odd order is two squares */
        out->fragmentation = 1.0 - (double)(UINT64_C(1) << square) / core.free_units;
    }
}

static const char *check_slot(const atlas *a, uint32_t slot)
{
    const atlas_slot *s = &a->slots[slot];
    const bool beyond = buddy_morton_y(slot) >= a->rows;
    const uint64_t key = beyond || s->pinned ? RECENCY_NEVER : s->page_id ? s->key : RECENCY_FREE;
    if (recency_get(&a->recency, slot) != key) {
        return "atlas: the tree has another key for a slot";
    }
    if (s->page_id == 0) {
        return s->pinned ? "atlas: a slot without a page is pinned" : NULL;
    }
    if (beyond) {
        return "atlas: a page lies beyond the last row";
    }
    return pagemap_find(&a->map, s->page_id) == slot ? NULL
                                                     : "atlas: a page is not found at its slot";
}

static const char *check_slots(const atlas *a)
{
    uint32_t used = 0, pinned = 0;
    for (uint32_t i = 0; i < a->columns * a->columns; i++) {
        const char *wrong = check_slot(a, i);
        if (wrong != NULL) {
            return wrong;
        }
        used += a->slots[i].page_id != 0;
        pinned += a->slots[i].pinned;
    }
    return used == a->used && pinned == a->pinned ? NULL : "atlas: the counts of slots are wrong";
}

/* What the walk over free blocks has seen. */
typedef struct free_walk {
    const atlas *a;
    uint32_t free; /* slots */
    bool clash;
} free_walk;

static bool visit_free_block(void *context, buddy_block block)
{
    free_walk *walk = context;
    for (uint32_t i = 0; i < UINT32_C(1) << block.order; i++) {
        const uint32_t slot = block.offset + i;
        walk->clash |= walk->a->slots[slot].page_id != 0 || buddy_morton_y(slot) >= walk->a->rows;
        walk->free++;
    }
    return !walk->clash;
}

static const char *check_core(const atlas *a)
{
    const char *wrong = buddy_check(a->core);
    if (wrong != NULL) {
        return wrong;
    }
    free_walk walk = {.a = a};
    buddy_walk(a->core, visit_free_block, &walk);
    if (walk.clash) {
        return "atlas: a slot is free and holds a page, or lies beyond the last row";
    }
    return walk.free + a->used == a->capacity ? NULL : "atlas: a slot is neither free nor used";
}

const char *atlas_check(const atlas *a)
{
    const char *wrong = check_slots(a);
    wrong = wrong ? wrong : pagemap_check(&a->map, a->used);
    wrong = wrong ? wrong : recency_check(&a->recency);
    return wrong ? wrong : check_core(a);
}
