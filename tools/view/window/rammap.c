#include "tools/view/window/rammap.h"

#include "buddy/tree.h"

#include <assert.h>
#include <string.h>

static const uint8_t BEYOND[4] = {0, 0, 0, 0}; /* what is not part of the arena */

void rammap_begin(rammap *m, uint32_t units)
{
    assert(units > 0);
    const uint32_t order = buddy_order_for(units); /* of a square, or two, round them all */
    uint32_t cells = order < 16 ? order : 16;      /* as a power of two */
    m->units = units;
    m->unit_order = order - cells;
    m->width = 1u << (cells + 1) / 2;
    m->height = 1u << cells / 2;
    memset(m->covered, 0, sizeof m->covered);
    memset(m->sums, 0, sizeof m->sums);
}

static void add_to_cell(rammap *m, uint32_t cell, uint32_t units, rammap_colour colour)
{
    m->covered[cell] += units;
    m->sums[cell][0] += units * colour.red;
    m->sums[cell][1] += units * colour.green;
    m->sums[cell][2] += units * colour.blue;
}

void rammap_add(rammap *m, buddy_block block, rammap_colour colour)
{
    const uint32_t first = block.offset >> m->unit_order;
    if (block.order <= m->unit_order) { /* a part of a cell, or all of it */
        add_to_cell(m, first, 1u << block.order, colour);
        return;
    }
    for (uint32_t i = 0; i < 1u << (block.order - m->unit_order); i++) {
        add_to_cell(m, first + i, 1u << m->unit_order, colour);
    }
}

/* The mean of the blocks' colours and of what is free. */
static uint8_t mix(uint32_t sum, uint32_t covered, uint32_t all, uint8_t free_value)
{
    return (uint8_t)(((uint64_t)sum + (uint64_t)(all - covered) * free_value) / all);
}

void rammap_end(rammap *m, rammap_colour free_colour)
{
    const uint32_t all = 1u << m->unit_order;
    for (uint32_t cell = 0; cell < m->width * m->height; cell++) {
        uint8_t *out = &m->rgba[(buddy_morton_y(cell) * m->width + buddy_morton_x(cell)) * 4];
        if ((uint64_t)cell << m->unit_order >= m->units) {
            memcpy(out, BEYOND, sizeof BEYOND);
            continue;
        }
        const uint32_t covered = m->covered[cell] < all ? m->covered[cell] : all;
        out[0] = mix(m->sums[cell][0], covered, all, free_colour.red);
        out[1] = mix(m->sums[cell][1], covered, all, free_colour.green);
        out[2] = mix(m->sums[cell][2], covered, all, free_colour.blue);
        out[3] = 255;
    }
}
