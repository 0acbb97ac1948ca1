/* synthetic.c: first a texel's height: noise for continents, ridges where a second noise wants
 * mountains, fine noise over all; then its colour, by height, latitude and a noise for rain. */
#include "tools/bake/made/synthetic.h"

#include "tools/bake/made/noise.h"
#include "tools/bake/made/relief.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    RASTER_WIDTH = 2048, /* of the page file; a power of two, so that all its octaves fit */
    RASTER_HEIGHT = RASTER_WIDTH / 2,
    RASTER_ROWS = 16, /* made at a time by one worker */
    SPAN = 512,       /* texels of a row made at once */
    LINE = SPAN + 2,  /* one more on either side */
    BASE_CELLS = 4,   /* across, of the coarsest octave: continents */
    BASE_OCTAVES = 5,
    RIDGE_CELLS = 32,
    RIDGE_OCTAVES = 3,
    MAX_OCTAVES = 16,
    LEAST_CELL = 4, /* texels; finer noise would flicker */
};

/* How the world looks. Found by trial. */
#define LAND_METRES   5200.0f
#define RIDGE_METRES  5600.0f
#define DETAIL_METRES 700.0f
#define SEA_LEVEL     0.08f /* of the continents' noise */
#define WORLD_METRES  40000000.0f
#define EXAGGERATION  18.0f /* of slopes, for the light */

typedef struct octaves {
    uint32_t count;
    noise_octave of[MAX_OCTAVES];
} octaves;

/* The noises for one width: those whose cells divide it. */
typedef struct recipe {
    uint32_t width;
    octaves base, ridges, where, detail, rain;
} recipe;

/* One worker's. */
typedef struct scratch {
    /* heights, a ring: row y is rows[y % 3]; [0] is the texel before the first */
    float rows[3][LINE];
    float a[LINE], b[LINE], c[LINE];
    float light[LINE];
} scratch;

struct synthetic {
    uint32_t width, height; /* texels */
    recipe at_world, at_raster;
    int16_t *raster;    /* RASTER_WIDTH * RASTER_HEIGHT */
    scratch *scratches; /* one a worker */
};

/* ---- preparing ---- */

/* Up to `most` octaves from `cells` on, each twice as fine as the one before and `fade` times as
 * strong. */
static octaves make_octaves(uint32_t width, uint32_t seed, uint32_t cells, uint32_t most,
                            float gain, float fade)
{
    octaves o = {0};
    while (o.count < most && width % cells == 0 && width / cells >= LEAST_CELL) {
        o.of[o.count] = (noise_octave){seed + o.count, cells, gain};
        o.count++;
        cells *= 2;
        gain *= fade;
    }
    return o;
}

static recipe make_recipe(uint32_t width)
{
    return (recipe){
        .width = width,
        .base = make_octaves(width, 101, BASE_CELLS, BASE_OCTAVES, 0.55f, 0.5f),
        .ridges = make_octaves(width, 201, RIDGE_CELLS, RIDGE_OCTAVES, 0.55f, 0.5f),
        .where = make_octaves(width, 301, 8, 2, 0.6f, 0.5f),
        .detail = make_octaves(width, 401, 64, MAX_OCTAVES, 0.5f, 0.6f),
        .rain = make_octaves(width, 501, 8, 5, 0.6f, 0.55f),
    };
}

/* ---- heights ---- */

/* Where a row of texels is made. */
typedef struct span {
    int64_t x;
    uint32_t y, count;
} span;

static void add_octaves(const octaves *o, uint32_t width, span at, float *row)
{
    memset(row, 0, at.count * sizeof *row);
    for (uint32_t i = 0; i < o->count; i++) {
        noise_add(&o->of[i], width, at.x, at.y, at.count, row);
    }
}

/* 1 on the line where the noise passes through 0, falling off on either side. */
static float ridge(float noise)
{
    const float off = noise < 0 ? -noise : noise;
    const float near = relief_clamp(1 - 1.8f * off, 0, 1);
    return near * near;
}

/* Metres from the four noises of a texel: land has its own height, and mountains where `where` asks
 * for them. */
static float height_of(float base, float ridges, float where, float detail)
{
    const float land = base - SEA_LEVEL + 0.05f * detail; /* which makes coasts ragged */
    if (land <= 0) {
        return land * 9000 + detail * 60; /* down to some 5 km */
    }
    const float rise = land * land * LAND_METRES + land * 1500;
    const float mountains =
        ridge(ridges) * relief_ramp(where, -0.25f, 0.3f) * relief_ramp(land, 0.01f, 0.16f);
    const float rough = 0.06f + mountains + rise * (1.0f / 2500);
    return rise + mountains * RIDGE_METRES + rough * detail * DETAIL_METRES;
}

static void make_heights(const recipe *r, scratch *s, span at, float *row)
{
    add_octaves(&r->base, r->width, at, row);
    add_octaves(&r->ridges, r->width, at, s->a);
    add_octaves(&r->where, r->width, at, s->b);
    add_octaves(&r->detail, r->width, at, s->c);
    for (uint32_t x = 0; x < at.count; x++) {
        row[x] = height_of(row[x], s->a[x], s->b[x], s->c[x]);
    }
}

static void make_raster_rows(void *context, uint32_t worker, uint32_t index)
{
    const synthetic *s = context;
    scratch *own = &s->scratches[worker];
    for (uint32_t y = index * RASTER_ROWS; y < (index + 1) * RASTER_ROWS; y++) {
        for (uint32_t x = 0; x < RASTER_WIDTH; x += SPAN) {
            make_heights(&s->at_raster, own, (span){x, y, SPAN}, own->rows[0]);
            for (uint32_t i = 0; i < SPAN; i++) {
                const float metres = relief_clamp(own->rows[0][i], 0, 32000);
                s->raster[(size_t)y * RASTER_WIDTH + x + i] = (int16_t)(metres + 0.5f);
            }
        }
    }
}

/* ---- colours ---- */

static void mix(float *colour, const float *with, float share)
{
    for (int c = 0; c < 3; c++) {
        colour[c] += share * (with[c] - colour[c]);
    }
}

/* rain: about -1 … 1. cold: 0 at the equator, 1 at the poles, and more with height. */
static void land_colour(float metres, float rain, float cold, float steep, float *colour)
{
    static const float FOREST[3] = {38, 68, 28}, MEADOW[3] = {96, 112, 54},
                       SAND[3] = {202, 172, 120};
    static const float ROCK[3] = {112, 102, 92}, TUNDRA[3] = {122, 114, 88},
                       SNOW[3] = {240, 244, 248};
    static const float BEACH[3] = {214, 200, 160};
    memcpy(colour, MEADOW, 3 * sizeof *colour);
    mix(colour, FOREST, relief_ramp(rain, -0.05f, 0.35f));
    mix(colour, SAND, relief_ramp(-rain, 0.02f, 0.35f) * (1 - relief_ramp(cold, 0.35f, 0.6f)));
    mix(colour, TUNDRA, relief_ramp(cold, 0.5f, 0.72f));
    mix(colour, ROCK, relief_ramp(metres, 1500, 3400) * 0.85f);
    mix(colour, ROCK, relief_ramp(steep, 0.25f, 0.6f) * 0.5f);
    mix(colour, SNOW, relief_ramp(cold, 0.74f, 0.86f));
    mix(colour, BEACH, 1 - relief_ramp(metres, 5, 35));
}

static void sea_colour(float metres, float cold, float *colour)
{
    static const float SHELF[3] = {52, 132, 150}, OPEN[3] = {18, 74, 116}, ABYSS[3] = {6, 26, 62};
    static const float ICE[3] = {214, 228, 236};
    memcpy(colour, SHELF, 3 * sizeof *colour);
    mix(colour, OPEN, relief_ramp(-metres, 0, 900));
    mix(colour, ABYSS, relief_ramp(-metres, 600, 4200));
    mix(colour, ICE, relief_ramp(cold, 0.9f, 0.95f));
}

static void paint(float metres, float rain, float polar, float light, uint8_t *out)
{
    float colour[3];
    const float steep = light < 1 ? 1 - light : light - 1;
    const float cold = polar + 0.12f * rain + relief_clamp(metres, 0, 9000) * (1.0f / 11000);
    if (metres > 0) {
        land_colour(metres, rain, cold, steep, colour);
    } else {
        sea_colour(metres, cold, colour);
    }
    const float share = metres > 0 ? 0.85f : 0.25f;
    const float shine = relief_clamp(1 + share * (light - 1), 0.4f, 1.4f);
    for (int c = 0; c < 3; c++) {
        out[c] = relief_byte(colour[c] * shine);
    }
    out[3] = 255;
}

/* Puts texels [x - 1, x + count + 1) of a row of heights into the ring; beyond the poles the last
 * row again. */
static void make_ring_row(const synthetic *s, scratch *own, int64_t x, int64_t row, uint32_t count)
{
    const uint32_t y = row < 0 ? 0 : row < s->height ? (uint32_t)row : s->height - 1;
    make_heights(&s->at_world, own, (span){x - 1, y, count + 2}, own->rows[(row + 3) % 3]);
}

static void fill_span(const synthetic *s, scratch *own, source_rect rect, uint8_t *rgba,
                      size_t row_bytes)
{
    const float slope_scale = EXAGGERATION * (float)s->width / WORLD_METRES;
    make_ring_row(s, own, rect.x, (int64_t)rect.y - 1, rect.width);
    make_ring_row(s, own, rect.x, rect.y, rect.width);
    for (uint32_t y = rect.y; y < rect.y + rect.height; y++, rgba += row_bytes) {
        const float *here = own->rows[y % 3] + 1;
        const float middle = ((float)y + 0.5f) * 2 / (float)s->height - 1;
        const float polar = middle * middle * 0.55f + (middle < 0 ? -middle : middle) * 0.45f;
        make_ring_row(s, own, rect.x, (int64_t)y + 1, rect.width);
        relief_light_row(own->rows[(y + 2) % 3] + 1, here, own->rows[(y + 1) % 3] + 1, rect.width,
                         slope_scale, own->light);
        add_octaves(&s->at_world.rain, s->width, (span){rect.x, y, rect.width}, own->a);
        for (uint32_t x = 0; x < rect.width; x++) {
            paint(here[x], own->a[x], polar, own->light[x], rgba + (size_t)x * 4);
        }
    }
}

static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const synthetic *s = context;
    for (uint32_t x = 0; x < rect.width; x += SPAN) {
        const uint32_t count = rect.width - x < SPAN ? rect.width - x : SPAN;
        fill_span(s, &s->scratches[worker], (source_rect){rect.x + x, rect.y, count, rect.height},
                  rgba + (size_t)x * 4, row_bytes);
    }
}

/* ---- the world ---- */

synthetic *synthetic_create(uint32_t width, crew *workers)
{
    assert(width > 0 && width % 64 == 0);
    synthetic *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->width = width;
    s->height = width / 2;
    s->at_world = make_recipe(width);
    s->at_raster = make_recipe(RASTER_WIDTH);
    s->raster = malloc((size_t)RASTER_WIDTH * RASTER_HEIGHT * sizeof *s->raster);
    s->scratches = calloc(crew_threads(workers), sizeof *s->scratches);
    if (s->raster == NULL || s->scratches == NULL) {
        synthetic_destroy(s);
        return NULL;
    }
    crew_run(workers, RASTER_HEIGHT / RASTER_ROWS, make_raster_rows, s);
    return s;
}

void synthetic_destroy(synthetic *s)
{
    if (s == NULL) {
        return;
    }
    free(s->raster);
    free(s->scratches);
    free(s);
}

source synthetic_source(synthetic *s)
{
    return (source){
        .width = s->width, .height = s->height, .wrap_x = true, .fill = fill, .context = s};
}

const int16_t *synthetic_heights(const synthetic *s, uint32_t *width, uint32_t *height)
{
    *width = RASTER_WIDTH;
    *height = RASTER_HEIGHT;
    return s->raster;
}
