#include "engine/page/pagemap.h"

#include "engine/page/page.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t places_for(uint32_t capacity)
{
    return page_next_power_of_two(2 * capacity);
}

uint64_t pagemap_bytes(uint32_t capacity)
{
    return (uint64_t)places_for(capacity) * sizeof(uint32_t);
}

bool pagemap_init(pagemap *m, uint32_t capacity, const uint32_t *ids, size_t stride)
{
    assert(capacity >= 1 && capacity <= UINT32_C(1) << 30);
    const uint32_t places = places_for(capacity);
    *m = (pagemap){.places = calloc(places, sizeof *m->places),
                   .mask = places - 1,
                   .shift = 32 - buddy_order_for(places),
                   .stride = stride,
                   .ids = (const unsigned char *)ids};
    return m->places != NULL;
}

void pagemap_finish(pagemap *m)
{
    free(m->places);
    *m = (pagemap){.places = NULL};
}

/* Moves back those behind the place that probed past it, so that no gap remains between a number
 * and its home. */
void pagemap_remove(pagemap *m, uint32_t place)
{
    assert(m->places[place] != 0);
    uint32_t gap = place;
    for (uint32_t next = (gap + 1) & m->mask; m->places[next] != 0; next = (next + 1) & m->mask) {
        const uint32_t home = pagemap_home(m, pagemap_id(m, pagemap_at(m, next)));
        const uint32_t from_home = (next - home) & m->mask;
        const uint32_t from_gap = (next - gap) & m->mask;
        if (from_home >= from_gap) {
            m->places[gap] = m->places[next];
            gap = next;
        }
    }
    m->places[gap] = 0;
}

const char *pagemap_check(const pagemap *m, uint32_t count)
{
    uint32_t held = 0;
    for (uint32_t place = 0; place <= m->mask; place++) {
        if (m->places[place] == 0) {
            continue;
        }
        if (pagemap_place(m, pagemap_id(m, pagemap_at(m, place))) != place) {
            return "page map: a page is held twice, or is not found where it lies";
        }
        held++;
    }
    return held == count ? NULL : "page map: it holds more or fewer pages than there are";
}
