/* normals.c: interpolates the heights between the samples with the cubic, and takes the slopes of
 * that. */
#include "tools/bake/made/normals.h"

#include "tools/bake/made/patch.h"
#include "tools/bake/mips/halve.h"

#include <math.h>
#include <stdlib.h>

enum {
    SPAN = 496, /* texels of a row made at once; with the two beside them they fit a patch */
    ROWS = PATCH_MAX_HEIGHT - 2,
    LINE = SPAN + 2,
};

/* One worker's. */
typedef struct scratch {
    patch heights;
    float rows[3][LINE]; /* a ring: row y is rows[y % 3]; [0] is the texel before the first */
} scratch;

struct normals {
    normals_desc desc;
    patch_raster raster;
    scratch *scratches; /* one a worker */
};

static void read_heights(const void *context, uint32_t column, uint32_t row, uint32_t count,
                         float (*out)[PATCH_CHANNELS])
{
    const normals *n = context;
    const int16_t *metres = n->desc.metres + (size_t)row * n->desc.columns + column;
    for (uint32_t i = 0; i < count; i++) {
        out[i][0] = metres[i];
        out[i][1] = out[i][2] = out[i][3] = 0;
    }
}

normals *normals_create(const normals_desc *desc)
{
    normals *n = calloc(1, sizeof *n);
    if (n == NULL) {
        return NULL;
    }
    n->desc = *desc;
    n->raster = (patch_raster){
        .width = desc->width,
        .height = desc->height,
        .columns = desc->columns,
        .rows = desc->rows,
        .clamp_x = !desc->wrap_x,
        .read = read_heights,
        .context = n,
    };
    n->scratches = calloc(desc->workers, sizeof *n->scratches);
    bool enough = n->scratches != NULL;
    for (uint32_t i = 0; i < desc->workers && enough; i++) {
        enough = patch_open(&n->scratches[i].heights, &n->raster);
    }
    if (!enough) {
        normals_destroy(n);
        return NULL;
    }
    return n;
}

void normals_destroy(normals *n)
{
    if (n == NULL) {
        return;
    }
    for (uint32_t i = 0; i < n->desc.workers && n->scratches != NULL; i++) {
        patch_close(&n->scratches[i].heights);
    }
    free(n->scratches);
    free(n);
}

void normals_row(const float *north, const float *here, const float *south, uint32_t count,
                 float scale, uint8_t *rgba)
{
    const float *west = here - 1, *east = here + 1;
    for (uint32_t i = 0; i < count; i++) {
        const float x = (west[i] - east[i]) * scale, y = (north[i] - south[i]) * scale;
        const float part = 1 / sqrtf(x * x + y * y + 1);
        halve_put_normal(x * part, y * part, part, rgba + (size_t)i * 4);
    }
}

/* Puts a row of heights into the ring; beyond top and bottom the patch repeats its last row. */
static void make_row(scratch *s, int64_t x, int64_t row, uint32_t count)
{
    patch_row(&s->heights, 0, x - 1, row, count + 2, s->rows[(row + 3) % 3]);
}

static void fill_piece(const normals *n, scratch *s, source_rect rect, uint8_t *rgba,
                       size_t row_bytes)
{
    const float scale = 0.5f * NORMALS_EXAGGERATION * (float)n->desc.width / NORMALS_WORLD_METRES;
    const int64_t x = rect.x, top = rect.y;
    patch_fill(&s->heights, &n->raster, x - 1, top - 1, rect.width + 2, rect.height + 2);
    make_row(s, x, top - 1, rect.width);
    make_row(s, x, top, rect.width);
    for (uint32_t y = rect.y; y < rect.y + rect.height; y++, rgba += row_bytes) {
        make_row(s, x, (int64_t)y + 1, rect.width);
        normals_row(s->rows[(y + 2) % 3] + 1, s->rows[y % 3] + 1, s->rows[(y + 1) % 3] + 1,
                    rect.width, scale, rgba);
    }
}

static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const normals *n = context;
    for (uint32_t y = 0; y < rect.height; y += ROWS) {
        for (uint32_t x = 0; x < rect.width; x += SPAN) {
            const source_rect piece = {rect.x + x, rect.y + y,
                                       rect.width - x < SPAN ? rect.width - x : SPAN,
                                       rect.height - y < ROWS ? rect.height - y : ROWS};
            fill_piece(n, &n->scratches[worker], piece, rgba + y * row_bytes + (size_t)x * 4,
                       row_bytes);
        }
    }
}

source normals_source(normals *n)
{
    return (source){.width = n->desc.width,
                    .height = n->desc.height,
                    .wrap_x = n->desc.wrap_x,
                    .fill = fill,
                    .context = n};
}
