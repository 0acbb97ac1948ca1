/* earth.c: rows of the Earth. Each row is made from rows of the sources around it: heights of three
 * neighbouring rows for the slope, four rows of the picture for its colour. */
#include "tools/bake/earth.h"

#include "tools/bake/etopo.h"
#include "tools/bake/noise.h"
#include "tools/bake/relief.h"
#include "tools/bake/resample.h"
#include "tools/bake/srgb.h"
#include "tools/picture.h"

#include <stdlib.h>
#include <string.h>

enum {
    RASTER_WIDTH = ETOPO_WIDTH / 2, /* of the page file: 10 minutes of arc, 4.4 MiB */
    RASTER_HEIGHT = ETOPO_HEIGHT / 2,
    DETAIL_OCTAVES = 3,
};

/* How the ground looks. Found by looking at it. */
static const float EQUATOR_METRES = 40075016;
static const float EXAGGERATION = 7;     /* of slopes, for the light */
static const float DETAIL_SHARE = 0.45f; /* of the heights' range around, as made-up relief */
static const float LAND_LIGHT = 0.75f;   /* how much of the light is taken over */
static const float SEA_LIGHT = 0.35f;    /* the sea floor shines through a little */
static const float SHORE_METRES = 60;    /* what is higher is no sea, however it looks */
static const float GRAIN_SHARE = 0.08f;  /* brightness of made-up ground cover */
static const float SHELF_COLOUR[3] = {30, 92, 122};
static const float ABYSS_COLOUR[3] = {5, 22, 54};

/* One worker's rows. Each is the worker's alone while it makes rows. */
typedef struct scratch {
    float *samples;  /* one row of heights, padded */
    float *ranges;   /* one row of how much heights differ around, padded */
    float *colours;  /* one row of the picture, padded, RGB_ per sample */
    float *rows[3];  /* heights with detail, a ring: row y is rows[y % 3] */
    float *noise[3]; /* the detail, -1 … 1, a ring likewise */
    float *light, *colour;
} scratch;

struct earth {
    uint32_t width, height; /* texels; height == width / 2 */
    picture colour;
    int16_t *metres;  /* ETOPO_WIDTH * ETOPO_HEIGHT */
    uint16_t *ranges; /* the same; highest less lowest of a sample and its 8 neighbours */
    int16_t *raster;  /* RASTER_WIDTH * RASTER_HEIGHT */
    resample_tap *height_taps, *colour_taps; /* across, one a texel */
    noise_octave detail[DETAIL_OCTAVES];
    scratch *scratches; /* one a worker */
    float *memory;      /* of all of them */
};

static uint32_t clamp_row(int64_t y, uint32_t rows)
{
    return y < 0 ? 0 : y < rows ? (uint32_t)y : rows - 1;
}

/* ---- preparing ---- */

static void find_ranges(void *context, uint32_t worker, uint32_t y)
{
    const earth *e = context;
    (void)worker;
    for (uint32_t x = 0; x < ETOPO_WIDTH; x++) {
        int low = INT16_MAX, high = INT16_MIN;
        for (int i = 0; i < 9; i++) {
            const uint32_t column = (x + ETOPO_WIDTH - 1 + (uint32_t)i % 3) % ETOPO_WIDTH;
            const uint32_t row = clamp_row((int64_t)y - 1 + i / 3, ETOPO_HEIGHT);
            const int metres = e->metres[(size_t)row * ETOPO_WIDTH + column];
            low = metres < low ? metres : low;
            high = metres > high ? metres : high;
        }
        e->ranges[(size_t)y * ETOPO_WIDTH + x] = (uint16_t)(high - low);
    }
}

/* Metres above the sea; below it, and at it, 0. */
static int land_at(const earth *e, uint32_t x, uint32_t y)
{
    const int metres = e->metres[(size_t)y * ETOPO_WIDTH + x % ETOPO_WIDTH];
    return metres > 0 ? metres : 0;
}

/* Every second sample, weighted 1 2 1 with its neighbours each way: texel i of the raster has its
 * centre at sample 2 i + 1. */
static void fill_raster(earth *e)
{
    static const int WEIGHTS[3] = {1, 2, 1};
    for (uint32_t i = 0; i < RASTER_WIDTH * RASTER_HEIGHT; i++) {
        const uint32_t x = i % RASTER_WIDTH * 2, y = i / RASTER_WIDTH * 2;
        int sum = 8; /* half of the weights' 16: rounds to nearest */
        for (uint32_t k = 0; k < 9; k++) {
            sum += WEIGHTS[k % 3] * WEIGHTS[k / 3] * land_at(e, x + k % 3, y + k / 3);
        }
        e->raster[i] = (int16_t)(sum / 16);
    }
}

/* Halves the picture while it has at least twice the texels wanted: the cubic alone would alias. */
static bool shrink_colour(earth *e)
{
    while (e->colour.width >= 2 * e->width && e->colour.height >= 2) {
        const picture *big = &e->colour;
        picture half = {(big->width + 1) / 2, (big->height + 1) / 2, NULL};
        half.rgba = malloc((size_t)half.width * half.height * 4);
        if (half.rgba == NULL) {
            return false;
        }
        for (uint32_t y = 0; y < half.height; y++) {
            const uint32_t below = clamp_row((int64_t)2 * y + 1, big->height);
            srgb_halve_rows(big->rgba + (size_t)2 * y * big->width * 4,
                            big->rgba + (size_t)below * big->width * 4, big->width,
                            half.rgba + (size_t)y * half.width * 4);
        }
        picture_free(&e->colour);
        e->colour = half;
    }
    return true;
}

static bool allocate_scratches(earth *e, uint32_t count)
{
    const size_t samples = ETOPO_WIDTH + 2 * RESAMPLE_PAD;
    const size_t colours = ((size_t)e->colour.width + 2 * RESAMPLE_PAD) * 4;
    const size_t width = e->width;
    const size_t each = 2 * samples + colours + 11 * width;
    e->scratches = calloc(count, sizeof *e->scratches);
    e->memory = calloc(count, each * sizeof *e->memory);
    if (e->scratches == NULL || e->memory == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        float *at = e->memory + i * each;
        scratch *s = &e->scratches[i];
        s->samples = at;
        s->ranges = (at += samples);
        s->colours = (at += samples);
        s->rows[0] = (at += colours);
        s->rows[1] = (at += width);
        s->rows[2] = (at += width);
        s->noise[0] = (at += width);
        s->noise[1] = (at += width);
        s->noise[2] = (at += width);
        s->light = (at += width);
        s->colour = at + width; /* four a texel */
    }
    return true;
}

static bool allocate(earth *e, uint32_t workers)
{
    e->ranges = malloc((size_t)ETOPO_WIDTH * ETOPO_HEIGHT * sizeof *e->ranges);
    e->raster = malloc((size_t)RASTER_WIDTH * RASTER_HEIGHT * sizeof *e->raster);
    e->height_taps = malloc(e->width * sizeof *e->height_taps);
    e->colour_taps = malloc(e->width * sizeof *e->colour_taps);
    return e->ranges != NULL && e->raster != NULL && e->height_taps != NULL &&
           e->colour_taps != NULL && allocate_scratches(e, workers);
}

static void prepare(earth *e, crew *workers)
{
    for (uint32_t x = 0; x < e->width; x++) {
        e->height_taps[x] = resample_tap_at(x, e->width, ETOPO_WIDTH, true);
        e->colour_taps[x] = resample_tap_at(x, e->width, e->colour.width, false);
    }
    for (uint32_t i = 0; i < DETAIL_OCTAVES; i++) { /* hills of 16, 8 and 4 texels */
        e->detail[i] = (noise_octave){11 + i, e->width / (16u >> i), 0.6f / (float)(1u << i)};
    }
    crew_run(workers, ETOPO_HEIGHT, find_ranges, e);
    fill_raster(e);
}

static bool load(earth *e, const earth_desc *desc, earth_failure *failure)
{
    *failure = (earth_failure){desc->colour_path, NULL};
    if (!picture_load(desc->colour_path, &e->colour, &failure->why)) {
        return false;
    }
    failure->what = desc->heights_path;
    e->metres = etopo_load(desc->heights_path, &failure->why);
    if (e->metres == NULL) {
        return false;
    }
    *failure = (earth_failure){"--earth", "needs more memory than there is"};
    return shrink_colour(e) && allocate(e, crew_threads(desc->workers));
}

earth *earth_create(const earth_desc *desc, earth_failure *failure)
{
    earth *e = calloc(1, sizeof *e);
    if (e == NULL) {
        *failure = (earth_failure){"--earth", "needs more memory than there is"};
        return NULL;
    }
    e->width = desc->width;
    e->height = desc->width / 2;
    if (!load(e, desc, failure)) {
        earth_destroy(e);
        return NULL;
    }
    prepare(e, desc->workers);
    return e;
}

void earth_destroy(earth *e)
{
    if (e == NULL) {
        return;
    }
    picture_free(&e->colour);
    free(e->metres);
    free(e->ranges);
    free(e->raster);
    free(e->height_taps);
    free(e->colour_taps);
    free(e->scratches);
    free(e->memory);
    free(e);
}

/* ---- rows ---- */

/* Repeats a row's ends beyond its other ends, `parts` floats a sample. */
static void pad_row(float *row, uint32_t samples, uint32_t parts)
{
    const size_t pad = (size_t)RESAMPLE_PAD * parts, length = (size_t)samples * parts;
    for (size_t i = 0; i < pad; i++) { /* one by one: a picture may be narrower than the pad */
        row[pad + length + i] = row[pad + i % length];
        row[pad - 1 - i] = row[pad + length - 1 - i % length];
    }
}

static float across(const float *padded, const resample_tap *tap)
{
    const float *at = padded + RESAMPLE_PAD + tap->first;
    return at[0] * tap->weight[0] + at[1] * tap->weight[1] + at[2] * tap->weight[2] +
           at[3] * tap->weight[3];
}

/* Heights of row y: between the samples, with made-up relief where the ground is rough. */
static void make_heights(const earth *e, scratch *s, int64_t row)
{
    const uint32_t y = clamp_row(row, e->height);
    float *out = s->rows[(row + 3) % 3], *noise = s->noise[(row + 3) % 3];
    const resample_tap down = resample_tap_at(y, e->height, ETOPO_HEIGHT - 1, true);
    memset(s->samples, 0, (ETOPO_WIDTH + 2 * RESAMPLE_PAD) * sizeof *s->samples);
    for (int k = 0; k < 4; k++) {
        const uint32_t from = clamp_row(down.first + k, ETOPO_HEIGHT);
        const int16_t *metres = e->metres + (size_t)from * ETOPO_WIDTH;
        for (uint32_t x = 0; x < ETOPO_WIDTH; x++) {
            s->samples[RESAMPLE_PAD + x] += down.weight[k] * metres[x];
        }
    }
    const uint16_t *near =
        e->ranges + (size_t)clamp_row(down.first + 1, ETOPO_HEIGHT) * ETOPO_WIDTH;
    const uint16_t *far = e->ranges + (size_t)clamp_row(down.first + 2, ETOPO_HEIGHT) * ETOPO_WIDTH;
    const float blend = down.weight[2] + down.weight[3]; /* about linear */
    for (uint32_t x = 0; x < ETOPO_WIDTH; x++) {
        s->ranges[RESAMPLE_PAD + x] = near[x] + blend * ((float)far[x] - (float)near[x]);
    }
    pad_row(s->samples, ETOPO_WIDTH, 1);
    pad_row(s->ranges, ETOPO_WIDTH, 1);
    memset(noise, 0, e->width * sizeof *noise);
    for (int i = 0; i < DETAIL_OCTAVES; i++) {
        noise_add_row(&e->detail[i], e->width, y, noise);
    }
    for (uint32_t x = 0; x < e->width; x++) {
        const resample_tap *tap = &e->height_taps[x];
        out[x] = across(s->samples, tap) + DETAIL_SHARE * across(s->ranges, tap) * noise[x];
    }
}

/* The picture's colours of row y, four floats a texel. */
static void make_colours(const earth *e, scratch *s, uint32_t y)
{
    const picture *p = &e->colour;
    const resample_tap down = resample_tap_at(y, e->height, p->height, false);
    const size_t length = (size_t)p->width * 4;
    float *row = s->colours + (size_t)RESAMPLE_PAD * 4;
    memset(row, 0, length * sizeof *row);
    for (int k = 0; k < 4; k++) {
        const uint8_t *from = p->rgba + clamp_row(down.first + k, p->height) * length;
        for (size_t i = 0; i < length; i++) {
            row[i] += down.weight[k] * from[i];
        }
    }
    pad_row(s->colours, p->width, 4);
    for (uint32_t x = 0; x < e->width; x++) {
        const resample_tap *tap = &e->colour_taps[x];
        const float *at = row + (int64_t)tap->first * 4;
        for (int c = 0; c < 4; c++) {
            s->colour[4 * (size_t)x + (size_t)c] =
                at[c] * tap->weight[0] + at[4 + c] * tap->weight[1] + at[8 + c] * tap->weight[2] +
                at[12 + c] * tap->weight[3];
        }
    }
}

/* How much of a texel is open sea, 0 … 1: it lies low, and the picture shows it dark and blue. Both
 * are asked, since picture and heights disagree by some texels along coasts, and ice floats. */
static float sea_share(const float *colour, float metres)
{
    if (metres > SHORE_METRES) {
        return 0;
    }
    const float brightest = colour[0] > colour[1] ? colour[0] : colour[1];
    return relief_ramp(colour[2] - brightest, -14, 6) * (1 - relief_ramp(brightest, 40, 90)) *
           relief_ramp(-metres, -SHORE_METRES, 15);
}

/* What a texel of the picture becomes: open sea is coloured by its depth, since pictures show it
 * nearly black; land gets light and grain. */
static void paint(const float *colour, float metres, float light, float grain, uint8_t *out)
{
    const float sea = sea_share(colour, metres);
    const float depth = relief_ramp(-metres, 0, 5200);
    const float share = LAND_LIGHT + sea * (SEA_LIGHT - LAND_LIGHT);
    const float shine =
        relief_clamp(1 + share * (light - 1), 0.45f, 1.4f) * (1 + (1 - sea) * GRAIN_SHARE * grain);
    for (int c = 0; c < 3; c++) {
        const float water = SHELF_COLOUR[c] + depth * (ABYSS_COLOUR[c] - SHELF_COLOUR[c]);
        out[c] = relief_byte((colour[c] + sea * (water - colour[c])) * shine);
    }
    out[3] = 255;
}

static void make_rows(void *context, uint32_t worker, uint32_t first, uint32_t count, uint8_t *rgba)
{
    const earth *e = context;
    scratch *s = &e->scratches[worker];
    const float slope_scale = EXAGGERATION * (float)e->width / EQUATOR_METRES;
    make_heights(e, s, (int64_t)first - 1);
    make_heights(e, s, first);
    for (uint32_t y = first; y < first + count; y++) {
        const float *here = s->rows[y % 3];
        make_heights(e, s, (int64_t)y + 1);
        relief_light_row(s->rows[(y + 2) % 3], here, s->rows[(y + 1) % 3], e->width, slope_scale,
                         s->light);
        make_colours(e, s, y);
        for (uint32_t x = 0; x < e->width; x++, rgba += 4) {
            paint(s->colour + 4 * (size_t)x, here[x], s->light[x], s->noise[y % 3][x], rgba);
        }
    }
}

source earth_source(earth *e)
{
    return (source){e->width, e->height, true, make_rows, e};
}

const int16_t *earth_heights(const earth *e, uint32_t *width, uint32_t *height)
{
    *width = RASTER_WIDTH;
    *height = RASTER_HEIGHT;
    return e->raster;
}
