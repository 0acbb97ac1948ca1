/* paint.c: one loop without branches, so that each lane of a vector register works on a texel. */
#include "tools/bake/made/paint.h"

#include "tools/bake/made/wide.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a texel lie lowest first");

/* How the ground looks. Found by trial. */
#define LAND_LIGHT 0.80f /* share of the light that land shows */
#define SEA_LIGHT  0.30f /* the sea floor shines through a little */

static inline float clamp01(float v)
{
    v = v < 0 ? 0 : v;
    return v > 1 ? 1 : v;
}

static inline float lesser(float a, float b)
{
    return a < b ? a : b;
}

static inline float greater(float a, float b)
{
    return a > b ? a : b;
}

static inline float mix(float a, float b, float share)
{
    return a + share * (b - a);
}

static inline uint32_t byte(float v)
{
    v = v < 0 ? 0 : v;
    v = v > 255 ? 255 : v;
    return (uint32_t)(int32_t)(v + 0.5f);
}

typedef struct colour {
    float r, g, b;
} colour;

/* The colour of land: the picture's, with detail that the picture cannot show, derived from it and
 * from the relief: woods are mottled, valleys darker and greener, ridges bare, and where snow
 * begins it lies on ridges first. */
static inline colour land_colour(colour c, float relief, float rough, float grain)
{
    const float low = lesser(c.r, lesser(c.g, c.b));
    const float green = clamp01((c.g - greater(c.r, c.b) + 8) * (1.0f / 28));
    /* deserts are as bright as snow, but not as blue */
    const float white = clamp01((low - 95) * (1.0f / 90)) * clamp01((c.b - c.r + 34) * (1.0f / 22));
    const float height = relief * rough;
    const float mottle = 1 + grain * (0.07f + 0.13f * green * (1 - white));
    colour out = {c.r * mottle, c.g * mottle, c.b * mottle};

    const float valley = clamp01(-height * 1.8f) * (1 - white);
    out.r *= 1 - 0.30f * valley;
    out.g *= 1 - 0.16f * valley;
    out.b *= 1 - 0.26f * valley;

    const float bare = clamp01(height * 1.3f - 0.1f) * (1 - white) * 0.5f;
    const float lum = 0.35f * c.r + 0.55f * c.g + 0.10f * c.b + 26;
    out.r = mix(out.r, lum * 1.06f, bare);
    out.g = mix(out.g, lum * 0.98f, bare);
    out.b = mix(out.b, lum * 0.88f, bare);

    const float edge = 4 * white * (1 - white); /* only where snow begins */
    const float snow = clamp01((white - 0.5f) * 2.5f + height * 1.8f + grain * 0.5f + 0.5f);
    out.r = mix(out.r, mix(lum * 0.62f, 238, snow), edge * 0.75f);
    out.g = mix(out.g, mix(lum * 0.58f, 243, snow), edge * 0.75f);
    out.b = mix(out.b, mix(lum * 0.54f, 248, snow), edge * 0.75f);
    return out;
}

/* The colour of water, by its depth, since pictures show it nearly black; lighter in the shallows
 * by the shore. */
static inline colour water_colour(float metres, float shore, float relief)
{
    const float depth = clamp01(metres * (-1.0f / 5600));
    const float deep = depth * (2 - depth), shallow = clamp01(1 + shore * (1.0f / 70));
    const float ripple = 1 + 0.05f * relief;
    colour out = {mix(26, 6, deep), mix(82, 24, deep), mix(116, 60, deep)};
    out.r = mix(out.r, 64, shallow * shallow * 0.7f) * ripple;
    out.g = mix(out.g, 138, shallow * shallow * 0.7f) * ripple;
    out.b = mix(out.b, 146, shallow * shallow * 0.7f) * ripple;
    return out;
}

/* The colour of the sea: water with floes of ice on it. */
static inline colour sea_colour(float metres, float shore, float ice, float relief, float grain)
{
    colour out = water_colour(metres, shore, relief);
    const float whole = clamp01(ice * (1.0f / 60)), white = 1 + 0.05f * grain;
    const float floe =
        clamp01((ice * (1.0f / 255) - 0.45f) * 5 + grain * 1.1f + relief * 0.8f + 0.3f) * whole;
    out.r = mix(out.r, 214 * white, floe);
    out.g = mix(out.g, 226 * white, floe);
    out.b = mix(out.b, 236 * white, floe);
    return out;
}

/* How bright a texel is that shows only `share` of the light. */
static inline float shine_of(float light, float share)
{
    const float shine = 1 + share * (light - 1);
    return lesser(greater(shine, 0.4f), 1.45f);
}

static inline void put_texel(colour c, float shine, uint8_t *rgba)
{
    const uint32_t texel =
        byte(c.r * shine) | byte(c.g * shine) << 8 | byte(c.b * shine) << 16 | 0xff000000u;
    memcpy(rgba, &texel, sizeof texel);
}

/* The width of the coast, in metres of height: as the slope of the heights makes it, and at least
 * about a texel. */
static inline float coast_metres(float range, float slope)
{
    return range * slope + 1.5f;
}

WIDE void paint_texels(const paint_row *row, uint8_t *restrict rgba)
{
    const float *metres = row->metres, *shore = row->shore, *range = row->range;
    const float *red = row->red, *green = row->green, *blue = row->blue, *ice = row->ice;
    const float *relief = row->relief, *grain = row->grain, *light = row->light;
    const float slope = row->texel_samples * 0.5f;
    for (uint32_t x = 0; x < row->count; x++) {
        const float rough = clamp01(range[x] * (1.0f / 700));
        const float is_land = clamp01(0.5f + shore[x] / coast_metres(range[x], slope));
        const colour land =
            land_colour((colour){red[x], green[x], blue[x]}, relief[x], rough, grain[x]);
        const colour sea = sea_colour(metres[x], shore[x], ice[x], relief[x], grain[x]);
        const colour both = {mix(sea.r, land.r, is_land), mix(sea.g, land.g, is_land),
                             mix(sea.b, land.b, is_land)};
        put_texel(both, shine_of(light[x], mix(SEA_LIGHT, LAND_LIGHT, is_land)),
                  rgba + 4 * (size_t)x);
    }
}

WIDE bool paint_is_sea(const paint_row *row)
{
    const float *shore = row->shore, *range = row->range;
    const float slope = row->texel_samples * 0.5f;
    uint32_t dry = 0;
    for (uint32_t x = 0; x < row->count; x++) {
        dry |= shore[x] / coast_metres(range[x], slope) > -0.5f ? 1u : 0u;
    }
    return dry == 0;
}

WIDE bool paint_is_free_of_ice(const paint_row *row)
{
    const float *ice = row->ice;
    uint32_t some = 0;
    for (uint32_t x = 0; x < row->count; x++) {
        some |= ice[x] > 0 ? 1u : 0u;
    }
    return some == 0;
}

WIDE static void paint_water(const paint_row *row, uint8_t *restrict rgba)
{
    const float *metres = row->metres, *shore = row->shore, *relief = row->relief;
    const float *light = row->light;
    for (uint32_t x = 0; x < row->count; x++) {
        put_texel(water_colour(metres[x], shore[x], relief[x]), shine_of(light[x], SEA_LIGHT),
                  rgba + 4 * (size_t)x);
    }
}

WIDE static void paint_icy_water(const paint_row *row, uint8_t *restrict rgba)
{
    const float *metres = row->metres, *shore = row->shore, *relief = row->relief;
    const float *ice = row->ice, *grain = row->grain, *light = row->light;
    for (uint32_t x = 0; x < row->count; x++) {
        put_texel(sea_colour(metres[x], shore[x], ice[x], relief[x], grain[x]),
                  shine_of(light[x], SEA_LIGHT), rgba + 4 * (size_t)x);
    }
}

void paint_sea(const paint_row *row, uint8_t *rgba)
{
    (row->ice == NULL ? paint_water : paint_icy_water)(row, rgba);
}
