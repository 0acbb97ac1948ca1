/* earth.c: fills rectangles of the Earth, a row at a time.
 *
 *     samples of the heights ─ patch ─▶ metres, shore, range ─┐
 *     noise, coarse to fine ──────────▶ relief ───────────────┼─▶ heights ─▶ light ─┐
 *     the picture ─────────── patch ──▶ colours of land, ice ─┴─────────────────────┴─▶ paint
 *
 * A row needs the heights of the rows above and below it, for the light: a worker keeps three in a
 * ring. */
#include "tools/bake/made/earth.h"

#include "tools/bake/made/noise.h"
#include "tools/bake/made/normals.h"
#include "tools/bake/made/paint.h"
#include "tools/bake/made/patch.h"
#include "tools/bake/made/relief.h"
#include "tools/bake/made/wide.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPAN = 496,       /* texels of a row made at once; with the two beside them they fit a patch */
    LINE = SPAN + 16, /* room for a row: one more on either side */
    MAX_OCTAVES = 8,
    RELIEF_CELLS = 2048, /* across the world, of the coarsest relief: two samples of the heights */
    GRAIN_CELLS = 4096,
    WARP_CELLS = 4096,
    LEAST_CELL = 4, /* texels; finer noise would flicker */
};

/* Channels of the two rasters. */
enum { METRES, SHORE, RANGE };
enum { RED, GREEN, BLUE, ICE };

/* How the ground looks. Found by trial. */
#define EQUATOR_METRES NORMALS_WORLD_METRES
#define EXAGGERATION   NORMALS_EXAGGERATION /* of slopes, for the light */
#define DETAIL_SHARE   0.42f                /* of the range of heights around, as relief */
#define DETAIL_METRES  8.0f                 /* and so much everywhere, so that no plain is level */
#define COAST_SHARE    0.45f                /* of the range: how ragged coasts are */
#define COAST_METRES   6.0f
#define WARP_SHARE     0.45f /* of a texel of the picture: how far it is warped */
#define LEAST_WARPED   16.0f /* warped where a texel of it becomes so many */

typedef struct octaves {
    uint32_t count;
    noise_octave of[MAX_OCTAVES];
} octaves;

/* A row of heights; [0] is the texel before the first. */
typedef struct heights_row {
    float height[LINE], relief[LINE], metres[LINE], shore[LINE], range[LINE];
} heights_row;

/* One worker's. */
typedef struct scratch {
    patch heights, colours;
    heights_row rows[3]; /* a ring: row y is rows[y % 3] */
    float channel[4][LINE], grain[LINE], light[LINE];
} scratch;

struct earth {
    uint32_t width, height; /* texels; height == width / 2 */
    ground known;
    octaves relief, grain;
    noise_octave warp[2]; /* across and down */
    patch_raster heights, colours;
    uint32_t workers;
    scratch *scratches; /* one a worker */
};

/* ---- preparing ---- */

/* Octaves from `cells` on, each twice as fine as the one before, down to what texels can show. */
static octaves make_octaves(uint32_t width, uint32_t seed, uint32_t cells, float gain, float fade)
{
    octaves o = {0};
    while (o.count < MAX_OCTAVES && width % cells == 0 && width / cells >= LEAST_CELL) {
        o.of[o.count] = (noise_octave){seed + o.count, cells, gain};
        o.count++;
        cells *= 2;
        gain *= fade;
    }
    return o;
}

static void read_heights(const void *context, uint32_t column, uint32_t row, uint32_t count,
                         float (*out)[PATCH_CHANNELS])
{
    const earth *e = context;
    const ground_sample *s = &e->known.samples[(size_t)row * ETOPO_WIDTH + column];
    for (uint32_t i = 0; i < count; i++) {
        out[i][METRES] = s[i].metres;
        out[i][SHORE] = s[i].shore;
        out[i][RANGE] = s[i].range;
        out[i][3] = 0;
    }
}

static void read_colours(const void *context, uint32_t column, uint32_t row, uint32_t count,
                         float (*out)[PATCH_CHANNELS])
{
    const picture *p = &((const earth *)context)->known.colour;
    const uint8_t *rgba = p->rgba + ((size_t)row * p->width + column) * 4;
    for (uint32_t i = 0; i < count * 4; i++) {
        out[i / 4][i % 4] = rgba[i];
    }
}

/* Warps the picture where it is enlarged so much that its texels would show as squares: it is read
 * a little beside the place, by noise. */
static void warp_colours(const void *context, int64_t x, int64_t y, float out[2])
{
    const earth *e = context;
    const uint32_t row = y < 0 ? 0 : y < e->height ? (uint32_t)y : e->height - 1;
    for (uint32_t i = 0; i < 2; i++) {
        out[i] = 0;
        noise_add(&e->warp[i], e->width, x, row, 1, &out[i]);
    }
}

static bool open_scratches(earth *e, uint32_t workers)
{
    bool enough = true;
    e->workers = workers;
    e->scratches = calloc(workers, sizeof *e->scratches);
    for (uint32_t i = 0; i < workers && e->scratches != NULL; i++) {
        scratch *s = &e->scratches[i];
        enough = patch_open(&s->heights, &e->heights) && enough;
        enough = patch_open(&s->colours, &e->colours) && enough;
    }
    return e->scratches != NULL && enough;
}

static bool prepare(earth *e, crew *workers)
{
    e->relief = make_octaves(e->width, 11, RELIEF_CELLS, 0.55f, 0.62f);
    e->grain = make_octaves(e->width, 51, GRAIN_CELLS, 0.55f, 0.75f);
    if (e->grain.count == 0) { /* a small world: as fine as it can be */
        e->grain = make_octaves(e->width, 51, e->width / LEAST_CELL, 0.55f, 0.75f);
    }
    e->heights = (patch_raster){
        .width = e->width,
        .height = e->height,
        .columns = ETOPO_WIDTH,
        .rows = ETOPO_HEIGHT,
        .on_grid = true,
        .read = read_heights,
        .context = e,
    };
    e->colours = (patch_raster){
        .width = e->width,
        .height = e->height,
        .columns = e->known.colour.width,
        .rows = e->known.colour.height,
        .read = read_colours,
        .context = e,
    };
    const float enlarged = (float)e->width / (float)e->known.colour.width;
    if (enlarged >= LEAST_WARPED && e->width / WARP_CELLS > LEAST_CELL) {
        e->warp[0] = (noise_octave){901, WARP_CELLS, WARP_SHARE * enlarged};
        e->warp[1] = (noise_octave){902, WARP_CELLS, WARP_SHARE * enlarged};
        e->colours.warp = warp_colours;
        e->colours.reach = 2 * WARP_SHARE * enlarged;
    }
    return open_scratches(e, crew_threads(workers));
}

earth *earth_create(const ground_desc *desc, ground_failure *failure)
{
    earth *e = calloc(1, sizeof *e);
    *failure = (ground_failure){"--earth", "needs more memory than there is"};
    if (e == NULL) {
        return NULL;
    }
    e->width = desc->width;
    e->height = desc->width / 2;
    if (!ground_open(&e->known, desc, failure)) {
        free(e);
        return NULL;
    }
    if (!prepare(e, desc->workers)) {
        *failure = (ground_failure){"--earth", "needs more memory than there is"};
        earth_destroy(e);
        return NULL;
    }
    return e;
}

void earth_destroy(earth *e)
{
    if (e == NULL) {
        return;
    }
    for (uint32_t i = 0; i < e->workers && e->scratches != NULL; i++) {
        patch_close(&e->scratches[i].heights);
        patch_close(&e->scratches[i].colours);
    }
    free(e->scratches);
    ground_close(&e->known);
    free(e);
}

/* ---- rows ---- */

static void add_octaves(const octaves *o, uint32_t width, int64_t x, uint32_t y, uint32_t count,
                        float *out)
{
    memset(out, 0, count * sizeof *out);
    for (uint32_t i = 0; i < o->count; i++) {
        noise_add(&o->of[i], width, x, y, count, out);
    }
}

/* Heights from the samples and the relief, which is stronger where the ground is rough, and has
 * sharper ridges than valleys. */
WIDE static void finish_heights(heights_row *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const float n = r->relief[i], fold = 0.35f - (n < 0 ? -n : n);
        const float shaped = 0.7f * n + 0.3f * fold;
        const float range = r->range[i] < 0 ? 0 : r->range[i]; /* the cubic may fall below 0 */
        r->height[i] = r->metres[i] + (DETAIL_SHARE * range + DETAIL_METRES) * shaped;
        r->shore[i] += (COAST_SHARE * range + COAST_METRES) * n;
        r->range[i] = range;
    }
}

/* Makes texels [x - 1, x + count + 1) of a row of heights; beyond the poles the last row again. */
static void make_heights(const earth *e, scratch *s, int64_t x, int64_t row, uint32_t count)
{
    heights_row *r = &s->rows[(row + 3) % 3];
    const uint32_t y = row < 0 ? 0 : row < e->height ? (uint32_t)row : e->height - 1;
    const uint32_t all = count + 2;
    patch_row(&s->heights, METRES, x - 1, y, all, r->metres);
    patch_row(&s->heights, SHORE, x - 1, y, all, r->shore);
    patch_row(&s->heights, RANGE, x - 1, y, all, r->range);
    add_octaves(&e->relief, e->width, x - 1, y, all, r->relief);
    finish_heights(r, all);
}

/* Paints a row of texels. Where a row is all sea, the noise and the colours that would not show are
 * not computed. */
static void paint_line(const earth *e, scratch *s, int64_t x, uint32_t y, uint32_t count,
                       uint8_t *rgba)
{
    const float slope_scale = EXAGGERATION * (float)e->width / EQUATOR_METRES;
    const heights_row *here = &s->rows[y % 3];
    paint_row row = {
        .count = count,
        .texel_samples = (float)ETOPO_WIDTH / (float)e->width,
        .metres = here->height + 1,
        .shore = here->shore + 1,
        .range = here->range + 1,
        .red = s->channel[RED],
        .green = s->channel[GREEN],
        .blue = s->channel[BLUE],
        .ice = s->channel[ICE],
        .relief = here->relief + 1,
        .grain = s->grain,
        .light = s->light,
    };
    relief_light_row(s->rows[(y + 2) % 3].height + 1, here->height + 1,
                     s->rows[(y + 1) % 3].height + 1, count, slope_scale, s->light);
    const bool sea = paint_is_sea(&row);
    patch_row(&s->colours, ICE, x, y, count, s->channel[ICE]);
    if (sea && paint_is_free_of_ice(&row)) {
        row.ice = NULL;
        paint_sea(&row, rgba);
        return;
    }
    add_octaves(&e->grain, e->width, x, y, count, s->grain);
    if (sea) {
        paint_sea(&row, rgba);
        return;
    }
    for (uint32_t c = 0; c < ICE; c++) {
        patch_row(&s->colours, c, x, y, count, s->channel[c]);
    }
    paint_texels(&row, rgba);
}

static void normal_line(const earth *e, const scratch *s, uint32_t y, uint32_t count, uint8_t *rgba)
{
    const float scale = 0.5f * EXAGGERATION * (float)e->width / EQUATOR_METRES;
    normals_row(s->rows[(y + 2) % 3].height + 1, s->rows[y % 3].height + 1,
                s->rows[(y + 1) % 3].height + 1, count, scale, rgba);
}

/* What a fill makes of the rows of heights: colours or normals. */
typedef enum product { COLOURS, NORMALS } product;

static void fill_span(const earth *e, scratch *s, source_rect rect, product what, uint8_t *rgba,
                      size_t row_bytes)
{
    const int64_t x = rect.x, top = rect.y;
    patch_fill(&s->heights, &e->heights, x - 1, top - 1, rect.width + 2, rect.height + 2);
    if (what == COLOURS) {
        patch_fill(&s->colours, &e->colours, x, top, rect.width, rect.height);
    }
    make_heights(e, s, x, top - 1, rect.width);
    make_heights(e, s, x, top, rect.width);
    for (uint32_t y = rect.y; y < rect.y + rect.height; y++, rgba += row_bytes) {
        make_heights(e, s, x, (int64_t)y + 1, rect.width);
        if (what == COLOURS) {
            paint_line(e, s, x, y, rect.width, rgba);
        } else {
            normal_line(e, s, y, rect.width, rgba);
        }
    }
}

#define ROWS (PATCH_MAX_HEIGHT - 2)

/* Fills a rectangle in pieces that the patches can hold. */
static void fill(const earth *e, scratch *s, source_rect rect, product what, uint8_t *rgba,
                 size_t row_bytes)
{
    for (uint32_t y = 0; y < rect.height; y += ROWS) {
        for (uint32_t x = 0; x < rect.width; x += SPAN) {
            const source_rect piece = {rect.x + x, rect.y + y,
                                       rect.width - x < SPAN ? rect.width - x : SPAN,
                                       rect.height - y < ROWS ? rect.height - y : ROWS};
            fill_span(e, s, piece, what, rgba + y * row_bytes + (size_t)x * 4, row_bytes);
        }
    }
}

static void fill_colours(void *context, uint32_t worker, source_rect rect, uint8_t *rgba,
                         size_t row_bytes)
{
    const earth *e = context;
    fill(e, &e->scratches[worker], rect, COLOURS, rgba, row_bytes);
}

static void fill_normals(void *context, uint32_t worker, source_rect rect, uint8_t *rgba,
                         size_t row_bytes)
{
    const earth *e = context;
    fill(e, &e->scratches[worker], rect, NORMALS, rgba, row_bytes);
}

source earth_source(earth *e)
{
    return (source){
        .width = e->width, .height = e->height, .wrap_x = true, .fill = fill_colours, .context = e};
}

source earth_normals(earth *e)
{
    return (source){
        .width = e->width, .height = e->height, .wrap_x = true, .fill = fill_normals, .context = e};
}

const int16_t *earth_heights(const earth *e, uint32_t *width, uint32_t *height)
{
    *width = GROUND_RASTER_WIDTH;
    *height = GROUND_RASTER_HEIGHT;
    return e->known.raster;
}
