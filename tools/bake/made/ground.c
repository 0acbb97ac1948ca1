/* ground.c: separates land and sea, in the heights and in the picture.
 *
 *     heights ─▶ ocean: what lies below 0 and is connected with the open sea
 *             ─▶ shore: the height, but above 0 in dry basins ─▶ samples
 *     picture ─▶ is a texel sea? by heights, depth and colour ─▶ alpha 0, else 255
 *             ─▶ land's colours grow over the sea's texels     ─▶ alpha becomes how much ice it
 * has */
#include "tools/bake/made/ground.h"

#include "tools/bake/made/relief.h"
#include "tools/bake/mips/srgb.h"

#include <stdlib.h>
#include <string.h>

/* How land and sea are told apart. Found by looking at coasts, lakes, ice and deserts below the
 * sea. */
enum {
    SHELF_METRES = -60, /* deeper sea is sea whatever it looks like: it may be ice */
    COAST_METRES = 20,  /* what is higher is land: coasts look dark too */
    LOW_LAND = 6,       /* metres of shore, at least, of dry land below the sea */
};

typedef struct preparation {
    ground *g;
    const int16_t *metres;
    bool *ocean; /* of each sample: whether it is sea */
} preparation;

static uint32_t clamp_row(int64_t y, uint32_t rows)
{
    return y < 0 ? 0 : y < rows ? (uint32_t)y : rows - 1;
}

static int brightest_of_two(const uint8_t *rgba)
{
    return rgba[0] > rgba[1] ? rgba[0] : rgba[1];
}

/* Open water is dark and blue in pictures. */
static bool looks_wet(const uint8_t *rgba)
{
    return rgba[2] > brightest_of_two(rgba) - 4 && brightest_of_two(rgba) < 65;
}

/* ---- heights ---- */

static const uint8_t *picture_at(const picture *p, uint32_t column, uint32_t row)
{
    const uint32_t x = (uint32_t)((uint64_t)column * p->width / ETOPO_WIDTH);
    const uint32_t y = (uint32_t)((uint64_t)row * p->height / ETOPO_HEIGHT);
    return p->rgba + ((size_t)y * p->width + x) * 4;
}

/* The flood fill of the ocean begins here: off Ghana. */
enum { BEGIN_X = ETOPO_WIDTH / 2, BEGIN_Y = ETOPO_HEIGHT / 2 };

/* Marks the ocean: what lies at or below 0 and is connected with the open sea. The rest below 0 is
 * dry basins or lakes. */
static bool *find_ocean(const int16_t *metres)
{
    const size_t count = (size_t)ETOPO_WIDTH * ETOPO_HEIGHT;
    bool *ocean = calloc(count, sizeof *ocean);
    uint32_t *stack = malloc(count * sizeof *stack);
    if (ocean == NULL || stack == NULL) {
        free(ocean);
        free(stack);
        return NULL;
    }
    size_t depth = 1;
    stack[0] = BEGIN_Y * ETOPO_WIDTH + BEGIN_X;
    ocean[stack[0]] = true;
    while (depth > 0) {
        const uint32_t at = stack[--depth], x = at % ETOPO_WIDTH, y = at / ETOPO_WIDTH;
        for (uint32_t i = 0; i < 9; i++) {
            const uint32_t near = clamp_row((int64_t)y - 1 + i / 3, ETOPO_HEIGHT) * ETOPO_WIDTH +
                                  (x + ETOPO_WIDTH - 1 + i % 3) % ETOPO_WIDTH;
            if (!ocean[near] && metres[near] <= 0) {
                ocean[near] = true;
                stack[depth++] = near;
            }
        }
    }
    free(stack);
    return ocean;
}

/* The shore of a sample: its height, but above 0 in a dry basin, by more where the ground is rough,
 * since coasts are made ragged by that much. */
static int shore_of(int metres, int range, bool ocean, const uint8_t *rgba)
{
    return metres <= 0 && !ocean && !looks_wet(rgba) ? LOW_LAND + range / 2 : metres;
}

static void prepare_row(void *context, uint32_t worker, uint32_t y)
{
    const preparation *p = context;
    (void)worker;
    for (uint32_t x = 0; x < ETOPO_WIDTH; x++) {
        int low = INT16_MAX, high = INT16_MIN;
        for (int i = 0; i < 9; i++) {
            const uint32_t column = (x + ETOPO_WIDTH - 1 + (uint32_t)i % 3) % ETOPO_WIDTH;
            const uint32_t row = clamp_row((int64_t)y - 1 + i / 3, ETOPO_HEIGHT);
            const int metres = p->metres[(size_t)row * ETOPO_WIDTH + column];
            low = metres < low ? metres : low;
            high = metres > high ? metres : high;
        }
        const int metres = p->metres[(size_t)y * ETOPO_WIDTH + x];
        p->g->samples[(size_t)y * ETOPO_WIDTH + x] = (ground_sample){
            (int16_t)metres,
            (int16_t)shore_of(metres, high - low, p->ocean[(size_t)y * ETOPO_WIDTH + x],
                              picture_at(&p->g->colour, x, y)),
            (uint16_t)(high - low),
        };
    }
}

/* Metres above the sea, 0 at it and below. */
static int land_at(const int16_t *metres, uint32_t x, uint32_t y)
{
    const int here = metres[(size_t)y * ETOPO_WIDTH + x % ETOPO_WIDTH];
    return here > 0 ? here : 0;
}

/* Makes the page file's raster: every second sample, weighted 1 2 1 with its neighbours in both
 * directions. Texel i of the raster has its centre at sample 2 i + 1. */
static void fill_raster(int16_t *raster, const int16_t *metres)
{
    static const int WEIGHTS[3] = {1, 2, 1};
    for (uint32_t i = 0; i < GROUND_RASTER_WIDTH * GROUND_RASTER_HEIGHT; i++) {
        const uint32_t x = i % GROUND_RASTER_WIDTH * 2, y = i / GROUND_RASTER_WIDTH * 2;
        int sum = 8; /* half of the weights' 16: rounds to nearest */
        for (uint32_t k = 0; k < 9; k++) {
            sum += WEIGHTS[k % 3] * WEIGHTS[k / 3] * land_at(metres, x + k % 3, y + k / 3);
        }
        raster[i] = (int16_t)(sum / 16);
    }
}

/* ---- colours ---- */

/* Halves the picture while it has at least twice the texels that are wanted: the cubic alone would
 * alias. */
static bool shrink(picture *p, uint32_t width)
{
    while (p->width >= 2 * width && p->height >= 2) {
        picture half = {(p->width + 1) / 2, (p->height + 1) / 2, NULL};
        half.rgba = malloc((size_t)half.width * half.height * 4);
        if (half.rgba == NULL) {
            return false;
        }
        for (uint32_t y = 0; y < half.height; y++) {
            const uint32_t below = clamp_row((int64_t)2 * y + 1, p->height);
            srgb_halve_rows(p->rgba + (size_t)2 * y * p->width * 4,
                            p->rgba + (size_t)below * p->width * 4, p->width,
                            half.rgba + (size_t)y * half.width * 4);
        }
        picture_free(p);
        *p = half;
    }
    return true;
}

/* Marks each texel of the picture: alpha 255 is land, whose colour is kept; 0 is sea. */
static void mark_sea(void *context, uint32_t worker, uint32_t y)
{
    const preparation *p = context;
    picture *c = &p->g->colour;
    const uint32_t row =
        (uint32_t)(((uint64_t)y * 2 + 1) * (ETOPO_HEIGHT - 1) / (2ull * c->height));
    (void)worker;
    for (uint32_t x = 0; x < c->width; x++) {
        uint8_t *rgba = c->rgba + ((size_t)y * c->width + x) * 4;
        const uint32_t column = (uint32_t)(((uint64_t)x * 2 + 1) * ETOPO_WIDTH / (2ull * c->width));
        const size_t sample = (size_t)row * ETOPO_WIDTH + column;
        const int metres = p->metres[sample];
        const bool deep = metres < SHELF_METRES && p->ocean[sample];
        const bool sea = deep || (metres <= COAST_METRES && looks_wet(rgba));
        rgba[3] = sea ? 0 : 255;
    }
}

/* Halves a picture, averaging only the texels that are land. */
static picture halve_known(const picture *p)
{
    picture half = {(p->width + 1) / 2, (p->height + 1) / 2, NULL};
    half.rgba = calloc((size_t)half.width * half.height, 4);
    for (uint32_t i = 0; half.rgba != NULL && i < half.width * half.height; i++) {
        const uint32_t x = i % half.width * 2, y = i / half.width * 2;
        uint32_t sum[3] = {0, 0, 0}, known = 0;
        for (uint32_t k = 0; k < 4; k++) {
            const uint32_t column = clamp_row((int64_t)x + k % 2, p->width);
            const uint32_t row = clamp_row((int64_t)y + k / 2, p->height);
            const uint8_t *rgba = p->rgba + ((size_t)row * p->width + column) * 4;
            for (int c = 0; c < 3 && rgba[3] != 0; c++) {
                sum[c] += rgba[c];
            }
            known += rgba[3] != 0;
        }
        uint8_t *out = half.rgba + (size_t)i * 4;
        for (int c = 0; c < 3 && known > 0; c++) {
            out[c] = (uint8_t)((sum[c] + known / 2) / known);
        }
        out[3] = known > 0 ? 255 : 0;
    }
    return half;
}

/* Gives texels without a colour that of the level above. */
static void fill_unknown(picture *p, const picture *half)
{
    for (uint32_t i = 0; i < p->width * p->height; i++) {
        uint8_t *rgba = p->rgba + (size_t)i * 4;
        if (rgba[3] == 0) {
            const uint32_t x = i % p->width / 2, y = i / p->width / 2;
            memcpy(rgba, half->rgba + ((size_t)y * half->width + x) * 4, 3);
        }
    }
}

#define LEVELS 20 /* halvings: more than the widest picture takes to a texel */

/* Lets land grow over the sea: each texel of the sea gets the colour of the nearest land, from ever
 * coarser copies of the picture. */
static bool grow_land(picture *p)
{
    picture levels[LEVELS] = {{0}};
    int count = 0;
    const picture *below = p;
    bool enough = true;
    while (count < LEVELS && below->width > 1 && enough) {
        levels[count] = halve_known(below);
        enough = levels[count].rgba != NULL;
        below = &levels[count++];
    }
    for (int i = count - 1; i >= 0 && enough; i--) {
        fill_unknown(i > 0 ? &levels[i - 1] : p, &levels[i]);
    }
    for (int i = 0; i < count; i++) {
        free(levels[i].rgba);
    }
    return enough;
}

/* Finds ice: what is bright and not brown, on land too, so that the ice of the sea beside it can go
 * on from there. The colours are still the picture's. */
static uint8_t *find_ice(const picture *p)
{
    const size_t count = (size_t)p->width * p->height;
    uint8_t *ice = malloc(count);
    for (size_t i = 0; ice != NULL && i < count; i++) {
        const uint8_t *rgba = p->rgba + i * 4;
        const float bright = (float)(rgba[0] < rgba[1] ? rgba[0] : rgba[1]);
        const float blue = (float)rgba[2] - (float)rgba[0];
        ice[i] = relief_byte(255 * relief_ramp(bright, 50, 150) * relief_ramp(blue, -30, -10));
    }
    return ice;
}

static bool split_colours(preparation *p, crew *workers)
{
    picture *c = &p->g->colour;
    crew_run(workers, c->height, mark_sea, p);
    uint8_t *ice = find_ice(c);
    const bool done = ice != NULL && grow_land(c);
    for (size_t i = 0; done && i < (size_t)c->width * c->height; i++) {
        c->rgba[i * 4 + 3] = ice[i];
    }
    free(ice);
    return done;
}

/* ---- for the caller ---- */

bool ground_open(ground *g, const ground_desc *desc, ground_failure *failure)
{
    *g = (ground){0};
    *failure = (ground_failure){desc->colour_path, NULL};
    if (!picture_load(desc->colour_path, &g->colour, &failure->why)) {
        return false;
    }
    failure->what = desc->heights_path;
    int16_t *metres = etopo_load(desc->heights_path, &failure->why);
    if (metres == NULL) {
        ground_close(g);
        return false;
    }
    preparation p = {g, metres, find_ocean(metres)};
    g->samples = malloc((size_t)ETOPO_WIDTH * ETOPO_HEIGHT * sizeof *g->samples);
    g->raster = malloc((size_t)GROUND_RASTER_WIDTH * GROUND_RASTER_HEIGHT * sizeof *g->raster);
    bool enough = p.ocean != NULL && g->samples != NULL && g->raster != NULL &&
                  shrink(&g->colour, desc->width);
    if (enough) {
        crew_run(desc->workers, ETOPO_HEIGHT, prepare_row, &p);
        fill_raster(g->raster, metres);
        enough = split_colours(&p, desc->workers);
    }
    free(p.ocean);
    free(metres);
    if (!enough) {
        ground_close(g);
        *failure = (ground_failure){"--earth", "needs more memory than there is"};
    }
    return enough;
}

void ground_close(ground *g)
{
    picture_free(&g->colour);
    free(g->samples);
    free(g->raster);
    *g = (ground){0};
}
