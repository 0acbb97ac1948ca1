#include "tools/view/scene/slotmap.h"

#include "shaders/views.h"

#include "engine/page/page.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define MOST_ORDER 3 /* of a cluster: 8x8 pages */

struct slotmap {
    uint32_t columns, rows;
    uint32_t *page_ids; /* at the last update */
    double *came;       /* seconds; when the slot's page was first seen there */
    slotmap_texel *texels;
};

slotmap *slotmap_create(uint32_t columns, uint32_t rows)
{
    const size_t slots = (size_t)columns * rows;
    slotmap *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->columns = columns;
    m->rows = rows;
    m->page_ids = calloc(slots, sizeof *m->page_ids);
    m->came = calloc(slots, sizeof *m->came);
    m->texels = calloc(slots, sizeof *m->texels);
    if (m->page_ids == NULL || m->came == NULL || m->texels == NULL) {
        slotmap_destroy(m);
        return NULL;
    }
    return m;
}

void slotmap_destroy(slotmap *m)
{
    if (m != NULL) {
        free(m->page_ids);
        free(m->came);
        free(m->texels);
        free(m);
    }
}

static uint8_t at_most_255(double value)
{
    return (uint8_t)fmin(fmax(value, 0), 255);
}

static void update_slot(slotmap *m, uint32_t i, const vt_slot *slot, double now)
{
    if (slot->page_id != m->page_ids[i]) {
        m->page_ids[i] = slot->page_id;
        m->came[i] = now;
    }
    m->texels[i] = (slotmap_texel){
        .age = at_most_255(SLOT_AGE_SCALE * log2(1 + fmax(now - m->came[i], 0))),
        .unused = at_most_255(slot->unused_for),
        .flags = (uint8_t)((slot->page_id ? SLOT_USED : 0) | (slot->pinned ? SLOT_PINNED : 0)),
    };
}

/* Whether the page at slot (x, y) is sibling number (dx, dy) of a cluster whose first page is at
 * `corner`. */
static bool is_sibling(const slotmap *m, vt_page corner, uint32_t slot, uint32_t dx, uint32_t dy)
{
    if (m->page_ids[slot] == 0) {
        return false;
    }
    const vt_page p = page_unpack(m->page_ids[slot]);
    return p.texture == corner.texture && p.mip == corner.mip && p.x == corner.x + dx &&
           p.y == corner.y + dy;
}

/* Whether the square at (x, y), 2^order slots a side, holds a cluster of that order. */
static bool is_cluster(const slotmap *m, uint32_t x, uint32_t y, uint32_t order)
{
    const uint32_t side = 1u << order, first = y * m->columns + x;
    if (x + side > m->columns || y + side > m->rows || m->page_ids[first] == 0) {
        return false;
    }
    const vt_page corner = page_unpack(m->page_ids[first]);
    if (corner.x % side != 0 || corner.y % side != 0) {
        return false;
    }
    for (uint32_t i = 0; i < side * side; i++) {
        const uint32_t dx = i % side, dy = i / side;
        if (!is_sibling(m, corner, first + dy * m->columns + dx, dx, dy)) {
            return false;
        }
    }
    return true;
}

static void mark_clusters(slotmap *m, uint32_t order)
{
    const uint32_t side = 1u << order;
    for (uint32_t y = 0; y < m->rows; y += side) {
        for (uint32_t x = 0; x < m->columns; x += side) {
            if (!is_cluster(m, x, y, order)) {
                continue;
            }
            for (uint32_t i = 0; i < side * side; i++) {
                m->texels[(y + i / side) * m->columns + x + i % side].order = (uint8_t)order;
            }
        }
    }
}

void slotmap_update(slotmap *m, const vt_slot slots[], double now)
{
    for (uint32_t i = 0; i < m->columns * m->rows; i++) {
        update_slot(m, i, &slots[i], now);
    }
    for (uint32_t order = 1; order <= MOST_ORDER; order++) { /* the largest has the last word */
        mark_clusters(m, order);
    }
}

const slotmap_texel *slotmap_texels(const slotmap *m)
{
    return m->texels;
}
