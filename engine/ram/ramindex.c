/* ramindex.c: a map from page to entry, and an intrusive list. */
#include "engine/ram/ramindex.h"

#include <assert.h>
#include <stdlib.h>

#define NONE RAMINDEX_NONE

uint64_t ramindex_bytes(uint32_t capacity)
{
    return (uint64_t)capacity * sizeof(ramindex_entry) + pagemap_bytes(capacity);
}

bool ramindex_init(ramindex *ix, uint32_t capacity)
{
    *ix = (ramindex){.capacity = capacity, .newest = NONE, .oldest = NONE};
    ix->entries = calloc(capacity, sizeof *ix->entries);
    if (ix->entries == NULL ||
        !pagemap_init(&ix->map, capacity, &ix->entries[0].page_id, sizeof *ix->entries)) {
        return false;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        ix->entries[i].next = i + 1 < capacity ? i + 1 : NONE;
    }
    return true;
}

void ramindex_finish(ramindex *ix)
{
    free(ix->entries);
    pagemap_finish(&ix->map);
    *ix = (ramindex){.entries = NULL};
}

uint32_t ramindex_find(const ramindex *ix, uint32_t page_id)
{
    return pagemap_find(&ix->map, page_id);
}

/* ---- the list of use ---- */

/* The list of use is doubly linked through the entries, so that any of them is moved or removed in
 * one step. */
static void list_remove(ramindex *ix, uint32_t index)
{
    ramindex_entry *e = &ix->entries[index];
    *(e->newer == NONE ? &ix->newest : &ix->entries[e->newer].older) = e->older;
    *(e->older == NONE ? &ix->oldest : &ix->entries[e->older].newer) = e->newer;
    e->newer = e->older = NONE;
}

static void list_add(ramindex *ix, uint32_t index)
{
    ramindex_entry *e = &ix->entries[index];
    e->newer = NONE;
    e->older = ix->newest;
    *(ix->newest == NONE ? &ix->oldest : &ix->entries[ix->newest].newer) = index;
    ix->newest = index;
}

void ramindex_pin(ramindex *ix, uint32_t index)
{
    if (ix->entries[index].pins++ == 0) {
        list_remove(ix, index);
    }
}

void ramindex_unpin(ramindex *ix, uint32_t index)
{
    assert(index < ix->capacity && ix->entries[index].pins > 0);
    if (--ix->entries[index].pins == 0) {
        list_add(ix, index);
    }
}

void ramindex_touch(ramindex *ix, uint32_t index)
{
    if (ix->entries[index].pins == 0) {
        list_remove(ix, index);
        list_add(ix, index);
    }
}

/* ---- entries ---- */

uint32_t ramindex_take(ramindex *ix)
{
    const uint32_t index = ix->first_free;
    if (index != NONE) {
        ix->first_free = ix->entries[index].next;
    }
    return index;
}

void ramindex_give(ramindex *ix, uint32_t index)
{
    ix->entries[index].pins = 0;
    ix->entries[index].next = ix->first_free;
    ix->first_free = index;
}

void ramindex_add(ramindex *ix, uint32_t index)
{
    ramindex_entry *e = &ix->entries[index];
    const uint32_t place = pagemap_place(&ix->map, e->page_id);
    assert(pagemap_at(&ix->map, place) == PAGEMAP_NONE);
    pagemap_put(&ix->map, place, index);
    e->newer = e->older = NONE;
    e->pins = 1;
    ix->pages++;
    ix->payload_bytes += e->bytes;
}

void ramindex_remove(ramindex *ix, uint32_t index)
{
    const ramindex_entry *e = &ix->entries[index];
    assert(e->pins == 0);
    pagemap_remove(&ix->map, pagemap_place(&ix->map, e->page_id));
    list_remove(ix, index);
    ix->pages--;
    ix->payload_bytes -= e->bytes;
}

uint32_t ramindex_units(const ramindex_entry *e)
{
    uint32_t units = 0;
    for (uint32_t i = 0; i < e->piece_count; i++) {
        units += UINT32_C(1) << e->orders[i];
    }
    return units;
}

void ramindex_walk(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                   void *context)
{
    for (uint32_t place = 0; place < pagemap_places(&ix->map); place++) {
        const uint32_t i = pagemap_at(&ix->map, place);
        if (i != PAGEMAP_NONE) {
            visit(context, &ix->entries[i]);
        }
    }
}

void ramindex_walk_by_use(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                          void *context)
{
    for (uint32_t i = ix->newest; i != NONE; i = ix->entries[i].older) {
        visit(context, &ix->entries[i]);
    }
}

/* ---- check ---- */

static void add_bytes(void *context, const ramindex_entry *e)
{
    *(uint64_t *)context += e->bytes;
}

static const char *check_payload(const ramindex *ix)
{
    uint64_t payload = 0;
    ramindex_walk(ix, add_bytes, &payload);
    return payload == ix->payload_bytes ? NULL : "RAM tier: the count of bytes is wrong";
}

static const char *check_free(const ramindex *ix)
{
    uint32_t count = 0;
    for (uint32_t i = ix->first_free; i != NONE; i = ix->entries[i].next) {
        if (++count > ix->capacity) {
            return "RAM tier: the free entries have no end";
        }
    }
    return count + ix->pages == ix->capacity ? NULL : "RAM tier: an entry is lost";
}

static const char *check_list(const ramindex *ix)
{
    uint32_t length = 0;
    uint32_t newer = NONE;
    for (uint32_t i = ix->newest; i != NONE; i = ix->entries[i].older) {
        const ramindex_entry *e = &ix->entries[i];
        if (e->pins != 0 || e->newer != newer || ramindex_find(ix, e->page_id) != i ||
            ++length > ix->pages) {
            return "RAM tier: the list of use is broken";
        }
        newer = i;
    }
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < ix->capacity; i++) {
        pinned += ix->entries[i].pins != 0;
    }
    return newer == ix->oldest && length + pinned == ix->pages
               ? NULL
               : "RAM tier: the list of use misses a page";
}

const char *ramindex_check(const ramindex *ix)
{
    const char *wrong = pagemap_check(&ix->map, ix->pages);
    wrong = wrong ? wrong : check_payload(ix);
    wrong = wrong ? wrong : check_free(ix);
    return wrong ? wrong : check_list(ix);
}
