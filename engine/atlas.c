/* atlas.c: the buddy core over slots in Morton order, a table from page to slot, and a list in
 * order of use. Everything is allocated at create. */
#include "engine/atlas.h"

#include <assert.h>
#include <stdlib.h>

enum { BUDDY_ALIGNMENT = 64 }; /* what buddy_init asks for */

/* A slot of the grid, at its place in Morton order. page_id == 0: free, or beyond the last row. */
typedef struct atlas_slot {
    uint64_t last_wanted;  /* period */
    uint32_t page_id;      /* 0: none */
    uint32_t newer, older; /* neighbours in the list; ATLAS_NONE at its ends and off it */
    bool pinned;           /* a pinned slot is not in the list */
} atlas_slot;

/* used == slots with a page; pinned <= used; the list holds used - pinned slots, last_wanted never
 * rises from newest to oldest, and equal ones stand in order of use. The table holds each used slot
 * once, reachable from its page's home without a gap. */
struct atlas {
    uint32_t columns, rows; /* slots */
    uint32_t capacity;      /* slots with y < rows */
    uint32_t used, pinned;  /* slots */
    uint64_t placed, evicted;
    uint32_t newest, oldest; /* ends of the list */
    uint32_t table_mask;     /* places of the table, a power of two, minus 1 */
    uint32_t table_shift;    /* from a 32-bit hash to a place */
    uint32_t *table;         /* slots by hashed page id; ATLAS_NONE: empty */
    atlas_slot *slots;       /* columns * columns */
    buddy *core;
};

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

/* Twice the slots that can be used: chains stay short. */
static uint32_t table_places(const atlas_desc *desc)
{
    return page_next_power_of_two(2 * desc->columns * desc->rows);
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
           (uint64_t)table_places(desc) * sizeof(uint32_t);
}

/* --- the table from page to slot: open addressing with linear probing --- */

/* Fibonacci hashing: 2^32 over the golden ratio; the highest bits depend on all of the id. */
static uint32_t home_of(const atlas *a, uint32_t page_id)
{
    return page_id * 0x9e3779b1u >> a->table_shift;
}

/* The place that holds page_id, or the empty one where it would go. */
static uint32_t table_place(const atlas *a, uint32_t page_id)
{
    uint32_t place = home_of(a, page_id);
    while (a->table[place] != ATLAS_NONE && a->slots[a->table[place]].page_id != page_id) {
        place = (place + 1) & a->table_mask;
    }
    return place;
}

/* Empties a place and moves back those behind it that probed past it, so that no gap remains
 * between a slot and its home. */
static void table_remove(atlas *a, uint32_t place)
{
    uint32_t gap = place;
    for (uint32_t next = (gap + 1) & a->table_mask; a->table[next] != ATLAS_NONE;
         next = (next + 1) & a->table_mask) {
        const uint32_t home = home_of(a, a->slots[a->table[next]].page_id);
        const uint32_t from_home = (next - home) & a->table_mask;
        const uint32_t from_gap = (next - gap) & a->table_mask;
        if (from_home >= from_gap) {
            a->table[gap] = a->table[next];
            gap = next;
        }
    }
    a->table[gap] = ATLAS_NONE;
}

/* --- the list in order of use --- */

static void list_remove(atlas *a, uint32_t slot)
{
    atlas_slot *s = &a->slots[slot];
    *(s->newer == ATLAS_NONE ? &a->newest : &a->slots[s->newer].older) = s->older;
    *(s->older == ATLAS_NONE ? &a->oldest : &a->slots[s->older].newer) = s->newer;
    s->newer = s->older = ATLAS_NONE;
}

/* Puts a slot before all that were not wanted later than it: at the head, as long as periods come
 * in order. */
static void list_insert(atlas *a, uint32_t slot)
{
    atlas_slot *s = &a->slots[slot];
    s->newer = ATLAS_NONE;
    s->older = a->newest;
    while (s->older != ATLAS_NONE && a->slots[s->older].last_wanted > s->last_wanted) {
        s->newer = s->older;
        s->older = a->slots[s->older].older;
    }
    *(s->newer == ATLAS_NONE ? &a->newest : &a->slots[s->newer].older) = slot;
    *(s->older == ATLAS_NONE ? &a->oldest : &a->slots[s->older].newer) = slot;
}

/* --- create and destroy --- */

/* Takes the slots beyond the last row out of play. Runs of Morton order that lie wholly beyond it
 * are aligned blocks: when a block begins at y >= rows, all of it does. */
static bool reserve_beyond_rows(atlas *a)
{
    const uint32_t end = a->columns * a->columns;
    uint32_t begin = 0;
    while (begin < end) {
        uint32_t stop = begin;
        while (stop < end && morton_y(stop) >= a->rows) {
            stop += stop & (0u - stop); /* the largest block that begins there; never at 0 */
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
    a->table = calloc(table_places(desc), sizeof *a->table);
    if (a->core == NULL || a->slots == NULL || a->table == NULL) {
        if (a->core == NULL) {
            free(at);
        }
        return false;
    }
    for (uint32_t i = 0; i < cells; i++) {
        a->slots[i].newer = a->slots[i].older = ATLAS_NONE;
    }
    for (uint32_t i = 0; i <= a->table_mask; i++) {
        a->table[i] = ATLAS_NONE;
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
    a->newest = a->oldest = ATLAS_NONE;
    a->table_mask = table_places(desc) - 1;
    a->table_shift = 32 - tree_order_for(a->table_mask + 1);
    if (!init_parts(a, desc)) {
        atlas_destroy(a);
        return NULL;
    }
    return a;
}

void atlas_destroy(atlas *a)
{
    if (a != NULL) {
        free(a->core);
        free(a->slots);
        free(a->table);
        free(a);
    }
}

/* --- what the conductor does --- */

uint32_t atlas_place(atlas *a, uint32_t page_id, uint64_t period)
{
    assert(page_id != 0);
    const uint32_t place = table_place(a, page_id);
    assert(a->table[place] == ATLAS_NONE);
    const uint32_t slot = buddy_try(a->core, 0, BUDDY_ANYWHERE);
    if (slot == BUDDY_NONE) {
        return ATLAS_NONE;
    }
    a->table[place] = slot;
    a->slots[slot].page_id = page_id;
    a->slots[slot].last_wanted = period;
    a->slots[slot].pinned = false;
    list_insert(a, slot);
    a->used++;
    a->placed++;
    return slot;
}

uint32_t atlas_find(const atlas *a, uint32_t page_id)
{
    return page_id ? a->table[table_place(a, page_id)] : ATLAS_NONE;
}

uint32_t atlas_page(const atlas *a, uint32_t slot)
{
    assert(slot < a->columns * a->columns);
    return a->slots[slot].page_id;
}

uint64_t atlas_last_wanted(const atlas *a, uint32_t slot)
{
    assert(atlas_page(a, slot) != 0);
    return a->slots[slot].last_wanted;
}

void atlas_touch(atlas *a, uint32_t slot, uint64_t period)
{
    assert(atlas_page(a, slot) != 0);
    atlas_slot *s = &a->slots[slot];
    if (period > s->last_wanted) {
        s->last_wanted = period;
    }
    if (!s->pinned) {
        list_remove(a, slot);
        list_insert(a, slot);
    }
}

void atlas_pin(atlas *a, uint32_t slot)
{
    assert(atlas_page(a, slot) != 0);
    if (!a->slots[slot].pinned) {
        list_remove(a, slot);
        a->slots[slot].pinned = true;
        a->pinned++;
    }
}

uint32_t atlas_victim(const atlas *a, uint64_t period)
{
    const bool found = a->oldest != ATLAS_NONE && a->slots[a->oldest].last_wanted < period;
    return found ? a->oldest : ATLAS_NONE;
}

void atlas_evict(atlas *a, uint32_t slot)
{
    assert(atlas_page(a, slot) != 0);
    atlas_slot *s = &a->slots[slot];
    table_remove(a, table_place(a, s->page_id));
    if (s->pinned) {
        a->pinned--;
    } else {
        list_remove(a, slot);
    }
    s->page_id = 0;
    s->pinned = false;
    buddy_free(a->core, slot, 0);
    a->used--;
    a->evicted++;
}

/* --- watching --- */

void atlas_get_stats(const atlas *a, atlas_stats *out)
{
    buddy_stats core;
    buddy_get_stats(a->core, &core);
    *out = (atlas_stats){.slots = a->capacity,
                         .used = a->used,
                         .pinned = a->pinned,
                         .placed = a->placed,
                         .evicted = a->evicted};
    if (core.free_units > 0 && core.largest_order < BUDDY_ORDERS) {
        out->fragmentation = 1.0 - (double)(UINT64_C(1) << core.largest_order) / core.free_units;
    }
}

const buddy *atlas_core(const atlas *a)
{
    return a->core;
}

static const char *check_slots(const atlas *a)
{
    uint32_t used = 0;
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < a->columns * a->columns; i++) {
        const atlas_slot *s = &a->slots[i];
        if (s->page_id == 0) {
            if (s->pinned || s->newer != ATLAS_NONE || s->older != ATLAS_NONE) {
                return "atlas: a slot without a page is pinned or in the list";
            }
            continue;
        }
        if (morton_y(i) >= a->rows) {
            return "atlas: a page lies beyond the last row";
        }
        if (a->table[table_place(a, s->page_id)] != i) {
            return "atlas: a page is not found at its slot";
        }
        used++;
        pinned += s->pinned;
    }
    return used == a->used && pinned == a->pinned ? NULL : "atlas: the counts of slots are wrong";
}

static const char *check_table(const atlas *a)
{
    uint32_t entries = 0;
    for (uint32_t place = 0; place <= a->table_mask; place++) {
        entries += a->table[place] != ATLAS_NONE;
    }
    return entries == a->used ? NULL : "atlas: the table holds what no slot holds";
}

static const char *check_list(const atlas *a)
{
    uint32_t length = 0;
    uint32_t newer = ATLAS_NONE;
    for (uint32_t i = a->newest; i != ATLAS_NONE; i = a->slots[i].older) {
        const atlas_slot *s = &a->slots[i];
        if (s->page_id == 0 || s->pinned || s->newer != newer || ++length > a->used) {
            return "atlas: the list is broken";
        }
        if (newer != ATLAS_NONE && a->slots[newer].last_wanted < s->last_wanted) {
            return "atlas: the list is not in order of use";
        }
        newer = i;
    }
    return newer == a->oldest && length == a->used - a->pinned ? NULL
                                                               : "atlas: the list misses a slot";
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
        walk->clash |= walk->a->slots[slot].page_id != 0 || morton_y(slot) >= walk->a->rows;
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
    wrong = wrong ? wrong : check_table(a);
    wrong = wrong ? wrong : check_list(a);
    return wrong ? wrong : check_core(a);
}
