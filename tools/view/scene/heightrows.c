/* heightrows.c: see heightrows.h. */
#include "tools/view/scene/heightrows.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

/* Sizes that fit: first the sides, then the larger one is halved until there is room for all. */
static void choose_size(heightrows *h, uint32_t most_side)
{
    h->width = at_most(h->from_width, most_side);
    h->height = at_most(h->from_height, most_side);
    while ((uint64_t)h->width * h->height > HEIGHTROWS_MOST) {
        uint32_t *larger = h->width >= h->height ? &h->width : &h->height;
        *larger = (*larger + 1) / 2;
    }
}

bool heightrows_init(heightrows *h, uint32_t from_width, uint32_t from_height, uint32_t most_side)
{
    assert(from_width > 0 && from_height > 0 && most_side > 0);
    *h = (heightrows){.from_width = from_width, .from_height = from_height};
    choose_size(h, most_side);
    h->sums = calloc(h->width, sizeof *h->sums);
    h->metres = malloc((size_t)h->width * h->height * sizeof *h->metres);
    if (h->sums == NULL || h->metres == NULL) {
        free(heightrows_end(h));
        return false;
    }
    return true;
}

/* The first of `from` samples that lies in place i of `to`. */
static uint32_t first_in(uint64_t i, uint32_t from, uint32_t to)
{
    return (uint32_t)(i * from / to);
}

static void add_row(heightrows *h, const int16_t *metres)
{
    for (uint32_t x = 0; x < h->width; x++) {
        const uint32_t end = first_in((uint64_t)x + 1, h->from_width, h->width);
        for (uint32_t i = first_in(x, h->from_width, h->width); i < end; i++) {
            h->sums[x] += metres[i];
        }
    }
}

/* To the nearest, halves away from zero. */
static int16_t mean_of(int64_t sum, uint32_t count)
{
    const int64_t half = count / 2;
    return (int16_t)((sum + (sum < 0 ? -half : half)) / (int64_t)count);
}

static void keep_row(heightrows *h, uint32_t rows)
{
    int16_t *out = h->metres + (size_t)h->row * h->width;
    for (uint32_t x = 0; x < h->width; x++) {
        const uint32_t columns = first_in((uint64_t)x + 1, h->from_width, h->width) -
                                 first_in(x, h->from_width, h->width);
        out[x] = mean_of(h->sums[x], columns * rows);
        h->sums[x] = 0;
    }
}

void heightrows_take(void *context, uint32_t row, const int16_t *metres)
{
    heightrows *h = context;
    const uint32_t begin = first_in(h->row, h->from_height, h->height);
    const uint32_t end = first_in((uint64_t)h->row + 1, h->from_height, h->height);
    assert(row >= begin && row < end);
    add_row(h, metres);
    if (row + 1 == end) {
        keep_row(h, end - begin);
        h->row++;
    }
}

int16_t *heightrows_end(heightrows *h)
{
    int16_t *metres = h->metres;
    free(h->sums);
    h->sums = NULL;
    h->metres = NULL;
    return metres;
}
