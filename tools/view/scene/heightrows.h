/* heightrows.h: a raster of heights that comes row by row, and is made as small as it has to be:
 * each sample that is kept is the mean of those that lie in its place. So a raster larger than the
 * card's textures or than memory is drawn too, only not as finely.
 *
 *     heightrows_init ▸ heightrows_take, each row, top down ▸ heightrows_end
 *
 * Threads: one. */
#ifndef MEGABUDDY_TOOLS_VIEW_HEIGHTROWS_H
#define MEGABUDDY_TOOLS_VIEW_HEIGHTROWS_H

#include <stdbool.h>
#include <stdint.h>

/* Kept at most: as many as bake writes. With coarser copies, ranges and the card's two textures
 * they take 320 MiB. */
#define HEIGHTROWS_MOST (8192 * 4096)

/* row: of those kept, the one that is being added up; before the first and behind the last one sums
 * are zero. */
typedef struct heightrows {
    uint32_t from_width, from_height; /* samples as they come */
    uint32_t width, height;           /* as they are kept */
    uint32_t row;
    int64_t *sums;   /* of a row, from malloc */
    int16_t *metres; /* width x height, from malloc */
} heightrows;

/* For a raster of from_width x from_height (neither is 0), to be kept with at most most_side
 * samples a side and HEIGHTROWS_MOST in all. False: no memory; nothing is to be undone. */
bool heightrows_init(heightrows *h, uint32_t from_width, uint32_t from_height, uint32_t most_side);

/* The next row. context: the heightrows. */
void heightrows_take(void *context, uint32_t row, const int16_t *metres);

/* The raster, width x height, which is the caller's to free. NULL where init failed. */
int16_t *heightrows_end(heightrows *h);

#endif
