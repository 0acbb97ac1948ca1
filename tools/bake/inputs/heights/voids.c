/* voids.c: a hole is filled from coarser copies of the raster. The raster is halved again and
 * again, a sample being the mean of those heights that are there, until no copy has holes; then
 * each finer one is filled by interpolation:
 *
 *     raster ──▶ half ──▶ quarter ──▶ … ──▶ no holes
 *     filled ◀── filled ◀── filled ◀────────────┘ */
#include "tools/bake/inputs/heights/voids.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEVELS = 16, /* 8192 halved to 1, and a few more */
    SWEEPS = 16, /* a void that winds more often than that is not taken for sea */
};

/* ---- the sea ---- */

/* Makes sample i sea if it is void and the one before it is sea, or if there is none before it. */
static bool wash(int16_t *metres, bool *sea, size_t i, const bool *before)
{
    const bool floods = metres[i] == VOIDS_NONE && !sea[i] && (before == NULL || *before);
    sea[i] = sea[i] || floods;
    return floods;
}

/* Spreads the sea through a row: from the row above (or below), then from the left, then from the
 * right. */
static bool wash_row(const heights *h, bool *sea, uint32_t y, bool downwards)
{
    const size_t first = (size_t)y * h->width;
    const bool is_edge = y == (downwards ? 0 : h->height - 1);
    const size_t before = is_edge ? first : downwards ? first - h->width : first + h->width;
    bool changed = false;
    for (uint32_t x = 0; x < h->width; x++) {
        const size_t i = first + x;
        changed |= wash(h->metres, sea, i, is_edge ? NULL : &sea[before + x]);
        changed |= wash(h->metres, sea, i, x == 0 ? NULL : &sea[i - 1]);
    }
    for (uint32_t x = h->width; x > 0; x--) {
        const size_t i = first + x - 1;
        changed |= wash(h->metres, sea, i, x == h->width ? NULL : &sea[i + 1]);
    }
    return changed;
}

static bool fill_sea(heights *h)
{
    const size_t count = (size_t)h->width * h->height;
    bool *sea = calloc(count, sizeof *sea), changed = true;
    for (int sweep = 0; sea != NULL && sweep < SWEEPS && (changed || sweep < 2); sweep++) {
        changed = false;
        for (uint32_t i = 0; i < h->height; i++) {
            const bool down = sweep % 2 == 0;
            changed |= wash_row(h, sea, down ? i : h->height - 1 - i, down);
        }
    }
    for (size_t i = 0; sea != NULL && i < count; i++) {
        h->metres[i] = sea[i] ? 0 : h->metres[i];
    }
    free(sea);
    return sea != NULL;
}

/* ---- holes ---- */

static bool has_voids(const heights *h)
{
    bool found = false;
    for (size_t i = 0; i < (size_t)h->width * h->height && !found; i++) {
        found = h->metres[i] == VOIDS_NONE;
    }
    return found;
}

/* The mean of four samples of `fine`, fewer at its right and bottom; void if all of them are. */
static int16_t mean_of(const heights *fine, uint32_t x, uint32_t y)
{
    int sum = 0, count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t at_x = x * 2 + i % 2, at_y = y * 2 + i / 2;
        const bool inside = at_x < fine->width && at_y < fine->height;
        const int16_t v = inside ? fine->metres[(size_t)at_y * fine->width + at_x] : VOIDS_NONE;
        sum += v != VOIDS_NONE ? v : 0;
        count += v != VOIDS_NONE;
    }
    return (int16_t)(count > 0 ? sum / count : VOIDS_NONE);
}

static bool halve(const heights *fine, heights *out)
{
    *out = (heights){.width = (fine->width + 1) / 2, .height = (fine->height + 1) / 2};
    out->metres = malloc((size_t)out->width * out->height * sizeof *out->metres);
    for (uint32_t y = 0; out->metres != NULL && y < out->height; y++) {
        for (uint32_t x = 0; x < out->width; x++) {
            out->metres[(size_t)y * out->width + x] = mean_of(fine, x, y);
        }
    }
    return out->metres != NULL;
}

/* The coarser sample beside i / 2 that sample i of the finer raster is nearest to. */
static uint32_t beside(uint32_t i, uint32_t count)
{
    const uint32_t at = i / 2;
    if (i % 2 == 0) {
        return at > 0 ? at - 1 : 0;
    }
    return at + 1 < count ? at + 1 : at;
}

/* The coarser raster interpolated at a sample of the finer one: in each direction three quarters of
 * the nearest sample and one quarter of its neighbour. */
static int16_t enlarged(const heights *coarse, uint32_t x, uint32_t y)
{
    const int16_t *near = coarse->metres + (size_t)(y / 2) * coarse->width;
    const int16_t *far = coarse->metres + (size_t)beside(y, coarse->height) * coarse->width;
    const uint32_t x0 = x / 2, x1 = beside(x, coarse->width);
    return (int16_t)((9 * near[x0] + 3 * near[x1] + 3 * far[x0] + far[x1]) / 16);
}

static void fill_from(heights *fine, const heights *coarse)
{
    int16_t *at = fine->metres;
    for (uint32_t y = 0; y < fine->height; y++) {
        for (uint32_t x = 0; x < fine->width; x++, at++) {
            *at = *at == VOIDS_NONE ? enlarged(coarse, x, y) : *at;
        }
    }
}

/* levels[0] is the raster itself; at least one of its samples has a height. */
static bool fill_holes(heights levels[LEVELS])
{
    int last = 0;
    bool enough = true;
    while (enough && last + 1 < LEVELS && has_voids(&levels[last])) {
        enough = halve(&levels[last], &levels[last + 1]);
        last++;
    }
    for (int i = last; enough && i > 0; i--) {
        fill_from(&levels[i - 1], &levels[i]);
    }
    for (int i = 1; i <= last; i++) {
        free(levels[i].metres);
    }
    return enough;
}

bool voids_fill(heights *h)
{
    if (!has_voids(h)) {
        return true;
    }
    /* a void that is not the sea has heights around it, so there is one */
    heights levels[LEVELS] = {0};
    const bool done = fill_sea(h);
    levels[0] = *h;
    return done && fill_holes(levels);
}
