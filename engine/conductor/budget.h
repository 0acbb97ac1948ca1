/* budget.h: how the two budgets are divided: bytes of RAM and VRAM become a RAM tier, an atlas, a
 * staging ring and all the small things between. Budgets are hard and count everything, so the big
 * parts get what the small ones leave. Pure; called by the conductor at create. */
#ifndef MEGABUDDY_ENGINE_BUDGET_H
#define MEGABUDDY_ENGINE_BUDGET_H

#include "engine/vram/gpu.h"

/* The least staging tiles to stream with, and the most that help: a frame's worth of arrivals. */
enum { BUDGET_LEAST_TILES = 4, BUDGET_MOST_TILES = 512 };

/* Chooses atlas_columns, atlas_rows and staging_tiles of `desc` (the rest is given) so that
 * gpu_bytes(desc) <= budget_bytes, with as many slots as fit, up to `most_slots`. `side_limit` is
 * the most slots a side that the card takes. Returns the slots, or 0 when not even `least_slots`
 * fit; *least_bytes then says what would. */
uint32_t budget_fit_atlas(gpu_desc *desc, uint64_t budget_bytes, uint32_t least_slots,
                          uint32_t most_slots, uint32_t side_limit, uint64_t *least_bytes);

/* A feedback target sees every divisor-th pixel of a screen's rows and columns. */
typedef struct budget_target {
    uint32_t screen_width, screen_height; /* pixels; at least 1 */
    uint32_t images;                      /* of it, on their way back at once */
    uint32_t side_limit;                  /* texels that the card takes */
    uint64_t bytes;                       /* for all of it */
} budget_target;

/* The least divisor that keeps the target within its limits: `first`, or `first` doubled as often
 * as it takes. A target of one texel is always taken to fit. */
uint32_t budget_fit_divisor(const budget_target *target, uint32_t first);

/* Texels of the target along a side of so many pixels. */
uint32_t budget_target_side(uint32_t pixels, uint32_t divisor);

/* The finest mip whose pages, and all coarser ones', are pinned: as many whole mips as fit into an
 * eighth of `slots`, at least the last one. */
uint32_t budget_first_pinned_mip(const vt_shape *shape, uint32_t slots);

/* Pages from mip `first` to the last. */
uint32_t budget_pages_from_mip(const vt_shape *shape, uint32_t first);

#endif
