/* budget.c: see budget.h. */
#include "engine/conductor/budget.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The most rows of `columns` slots that fit; 0 where not even one does. gpu_bytes grows with the
 * rows, so the search halves the interval. */
static uint32_t most_rows(gpu_desc desc, uint64_t budget_bytes, uint32_t columns)
{
    uint32_t fits = 0,
             limit = columns + 1; /* fits rows fit, limit rows do not or are not allowed */
    desc.atlas_columns = columns;
    while (limit - fits > 1) {
        desc.atlas_rows = fits + (limit - fits) / 2;
        if (gpu_bytes(&desc) <= budget_bytes) {
            fits = desc.atlas_rows;
        } else {
            limit = desc.atlas_rows;
        }
    }
    return fits;
}

/* The widest atlas first: it holds the most, and a narrower one replaces it only when it holds as
 * many, being nearer to a square and so better for large clusters. */
static uint32_t fit_slots(gpu_desc *desc, uint64_t budget_bytes, uint32_t most_slots,
                          uint32_t side_limit)
{
    uint32_t best = 0;
    for (uint32_t columns = 1; columns <= side_limit; columns *= 2) {
        uint32_t rows = most_rows(*desc, budget_bytes, columns);
        rows = smaller(rows, (most_slots + columns - 1) / columns);
        if (rows * columns > best && best < most_slots) {
            best = rows * columns;
            desc->atlas_columns = columns;
            desc->atlas_rows = rows;
        }
    }
    return best;
}

/* A fifth of the budget goes to staging, within limits: after a cut a screen of pages is on its
 * way. */
static uint32_t staging_tiles(const gpu_desc *desc, uint64_t budget_bytes)
{
    const uint64_t tiles = budget_bytes / 5 / gpu_tile_bytes(desc);
    if (tiles < BUDGET_LEAST_TILES) {
        return BUDGET_LEAST_TILES;
    }
    return tiles > BUDGET_MOST_TILES ? BUDGET_MOST_TILES : (uint32_t)tiles;
}

static uint64_t bytes_needed(gpu_desc desc, uint32_t slots)
{
    desc.staging_tiles = BUDGET_LEAST_TILES;
    desc.atlas_columns = page_next_power_of_two(slots);
    while (desc.atlas_columns / 2 * (desc.atlas_columns / 2) >= slots) {
        desc.atlas_columns /= 2;
    }
    desc.atlas_rows = (slots + desc.atlas_columns - 1) / desc.atlas_columns;
    return gpu_bytes(&desc);
}

uint32_t budget_fit_atlas(gpu_desc *desc, uint64_t budget_bytes, uint32_t least_slots,
                          uint32_t most_slots, uint32_t side_limit, uint64_t *least_bytes)
{
    *least_bytes = bytes_needed(*desc, least_slots);
    desc->staging_tiles = staging_tiles(desc, budget_bytes);
    uint32_t slots = fit_slots(desc, budget_bytes, most_slots, side_limit);
    if (slots < least_slots) {
        desc->staging_tiles = BUDGET_LEAST_TILES;
        slots = fit_slots(desc, budget_bytes, most_slots, side_limit);
    }
    return slots >= least_slots ? slots : 0;
}

uint32_t budget_target_side(uint32_t pixels, uint32_t divisor)
{
    return (uint32_t)(((uint64_t)pixels + divisor - 1) / divisor);
}

static bool fits(const budget_target *t, uint32_t divisor)
{
    const uint32_t width = budget_target_side(t->screen_width, divisor);
    const uint32_t height = budget_target_side(t->screen_height, divisor);
    const uint64_t texels = (uint64_t)width * height;
    return texels == 1 || (width <= t->side_limit && height <= t->side_limit &&
                           texels <= UINT32_MAX && /* so that the products below do not wrap */
                           gpu_target_bytes(texels, t->images) <= t->bytes &&
                           gpu_has_target_buffer(texels, t->images));
}

uint32_t budget_fit_divisor(const budget_target *target, uint32_t first)
{
    uint64_t divisor = first;
    while (divisor < UINT32_MAX / 2 && !fits(target, (uint32_t)divisor)) {
        divisor *= 2;
    }
    return (uint32_t)divisor;
}

uint32_t budget_pages_from_mip(const vt_shape *shape, uint32_t first)
{
    return page_count(shape) - shape->first_page[first];
}

uint32_t budget_first_pinned_mip(const vt_shape *shape, uint32_t slots)
{
    uint32_t first = shape->mips - 1;
    while (first > 0 && budget_pages_from_mip(shape, first - 1) <= slots / 8) {
        first--;
    }
    return first;
}
