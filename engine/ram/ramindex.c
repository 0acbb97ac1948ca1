/* ramindex.c: chains in a table as large as the entries, and an intrusive list. */
#include "engine/ram/ramindex.h"

#include "buddy/tree.h"

#include <assert.h>
#include <stdlib.h>

#define NONE RAMINDEX_NONE

uint64_t ramindex_bytes(uint32_t capacity)
{
    return (uint64_t)capacity * sizeof(ramindex_entry) +
           (uint64_t)page_next_power_of_two(capacity) * sizeof(uint32_t);
}

bool ramindex_init(ramindex *ix, uint32_t capacity)
{
    assert(capacity >= 1 && capacity <= UINT32_C(1) << 30);
    const uint32_t chain_count = page_next_power_of_two(capacity);
    *ix = (ramindex){.capacity = capacity,
                     .chain_count = chain_count,
                     .chain_shift = 31 - buddy_order_for(chain_count),
                     .newest = NONE,
                     .oldest = NONE};
    ix->entries = calloc(capacity, sizeof *ix->entries);
    ix->chains = calloc(chain_count, sizeof *ix->chains);
    if (ix->entries == NULL || ix->chains == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < chain_count; i++) {
        ix->chains[i] = NONE;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        ix->entries[i].next = i + 1 < capacity ? i + 1 : NONE;
    }
    return true;
}

void ramindex_finish(ramindex *ix)
{
    free(ix->entries);
    free(ix->chains);
    *ix = (ramindex){.entries = NULL};
}

/* Fibonacci hashing: 2^32 over the golden ratio; the highest bits depend on all of the id. Halved,
 * so that the shift to a single chain stays below 32. */
static uint32_t *chain_of(const ramindex *ix, uint32_t page_id)
{
    return &ix->chains[(page_id * 0x9e3779b1u >> 1) >> ix->chain_shift];
}

uint32_t ramindex_find(const ramindex *ix, uint32_t page_id)
{
    uint32_t index = *chain_of(ix, page_id);
    while (index != NONE && ix->entries[index].page_id != page_id) {
        index = ix->entries[index].next;
    }
    return index;
}

/* ---- the list of use ---- */

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
    assert(ramindex_find(ix, e->page_id) == NONE);
    uint32_t *chain = chain_of(ix, e->page_id);
    e->next = *chain;
    *chain = index;
    e->newer = e->older = NONE;
    e->pins = 1;
    ix->pages++;
    ix->payload_bytes += e->bytes;
}

void ramindex_remove(ramindex *ix, uint32_t index)
{
    const ramindex_entry *e = &ix->entries[index];
    assert(e->pins == 0);
    uint32_t *link = chain_of(ix, e->page_id);
    while (*link != index) {
        link = &ix->entries[*link].next;
    }
    *link = e->next;
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
    for (uint32_t chain = 0; chain < ix->chain_count; chain++) {
        for (uint32_t i = ix->chains[chain]; i != NONE; i = ix->entries[i].next) {
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

static const char *check_chains(const ramindex *ix)
{
    uint32_t pages = 0;
    uint64_t payload = 0;
    for (uint32_t chain = 0; chain < ix->chain_count; chain++) {
        for (uint32_t i = ix->chains[chain]; i != NONE; i = ix->entries[i].next) {
            if (++pages > ix->capacity) {
                return "RAM tier: a chain has no end";
            }
            if (ramindex_find(ix, ix->entries[i].page_id) != i) {
                return "RAM tier: a page is held twice, or in the wrong chain";
            }
            payload += ix->entries[i].bytes;
        }
    }
    return pages == ix->pages && payload == ix->payload_bytes
               ? NULL
               : "RAM tier: the count of pages or of their bytes is wrong";
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
    const char *wrong = check_chains(ix);
    wrong = wrong ? wrong : check_free(ix);
    return wrong ? wrong : check_list(ix);
}
