#include "tests/rigs/engine/fake_gpu.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fake_gpu_card fake_gpu_found = {.max_slots = 128, .max_target_side = 16384, .software = true};

typedef struct image {
    uint32_t *ids;
    bool survey;
    uint64_t tag, frame; /* that gave it */
} image;

typedef enum tile_state { TILE_FREE = 0, TILE_TAKEN, TILE_READING } tile_state;

#define IMAGES (GPU_FEEDBACK_BUFFERS + 1)

struct gpu {
    gpu_desc desc;
    uint32_t delay;
    bool exhausted;
    fake_gpu_counts counts;
    gpu_frame frame;
    uint32_t *pages;                  /* by slot */
    uint8_t *texels;                  /* by slot */
    uint64_t *tables[GPU_MAX_TABLES]; /* by texture - 1 */
    uint8_t *staging;                 /* written by workers */
    tile_state *tiles;                /* by tile */
    uint64_t *tile_frames;            /* by tile: the frame that uploaded it */
    uint32_t *fed, *fed_survey;       /* one image each */
    image images[IMAGES];             /* a ring */
    uint32_t image_head, image_count, small_count;
    bool drawing, arrived;
};

/* ---- the card ---- */

bool gpu_load(vt_get_proc_address *loader, char *error, uint32_t error_bytes)
{
    (void)loader;
    (void)error;
    (void)error_bytes;
    return true;
}

uint32_t gpu_max_slots(void)
{
    return fake_gpu_found.max_slots;
}

uint32_t gpu_max_target_side(void)
{
    return fake_gpu_found.max_target_side;
}

bool gpu_is_software(void)
{
    return fake_gpu_found.software;
}

static uint32_t pixels(const gpu *g, bool survey)
{
    return survey ? g->desc.survey_width * g->desc.survey_height
                  : g->desc.feedback_width * g->desc.feedback_height;
}

static bool make_tables(gpu *g)
{
    for (uint32_t i = 0; i < g->desc.table_count; i++) {
        const gpu_table *t = &g->desc.tables[i];
        g->tables[i] = calloc((size_t)t->width * t->height, sizeof(uint64_t));
        if (!g->tables[i]) {
            return false;
        }
    }
    return true;
}

static bool make_images(gpu *g)
{
    const uint32_t small = pixels(g, false), survey = pixels(g, true);
    const uint32_t most = small > survey ? small : survey;
    g->fed = calloc(most, sizeof *g->fed);
    g->fed_survey = calloc(most, sizeof *g->fed);
    bool made = g->fed && g->fed_survey;
    for (uint32_t i = 0; i < IMAGES; i++) {
        g->images[i].ids = calloc(most, sizeof(uint32_t));
        made = made && g->images[i].ids;
    }
    return made;
}

static bool make_memory(gpu *g)
{
    const gpu_desc *d = &g->desc;
    const size_t slots = (size_t)d->atlas_columns * d->atlas_rows;
    g->pages = calloc(slots, sizeof *g->pages);
    g->texels = calloc(slots, gpu_tile_bytes(d));
    g->staging = calloc(d->staging_tiles, gpu_tile_bytes(d));
    g->tiles = calloc(d->staging_tiles, sizeof *g->tiles);
    g->tile_frames = calloc(d->staging_tiles, sizeof *g->tile_frames);
    return make_tables(g) && make_images(g) && g->pages && g->texels && g->staging && g->tiles &&
           g->tile_frames;
}

static bool has_targets(const gpu_desc *d)
{
    const uint32_t most = fake_gpu_found.max_target_side;
    return d->feedback_width <= most && d->feedback_height <= most && d->survey_width <= most &&
           d->survey_height <= most;
}

gpu *gpu_create(const gpu_desc *desc, char *error, uint32_t error_bytes)
{
    gpu *g = fake_gpu_found.refuses || !has_targets(desc) ? NULL : calloc(1, sizeof *g);
    if (!g) {
        snprintf(error, error_bytes, "the card refuses");
        return NULL;
    }
    g->desc = *desc;
    g->delay = 1;
    if (!make_memory(g)) {
        snprintf(error, error_bytes, "out of memory");
        gpu_destroy(g);
        return NULL;
    }
    return g;
}

void gpu_destroy(gpu *g)
{
    if (!g) {
        return;
    }
    for (uint32_t i = 0; i < IMAGES; i++) {
        free(g->images[i].ids);
    }
    for (uint32_t i = 0; i < GPU_MAX_TABLES; i++) {
        free(g->tables[i]);
    }
    free(g->pages);
    free(g->texels);
    free(g->staging);
    free(g->tiles);
    free(g->tile_frames);
    free(g->fed);
    free(g->fed_survey);
    free(g);
}

/* ---- staging ---- */

uint8_t *gpu_staging(const gpu *g)
{
    return g->staging;
}

static bool are_tiles_free(const gpu *g, uint32_t first, uint32_t tiles)
{
    for (uint32_t i = first; i < first + tiles; i++) {
        if (g->tiles[i] != TILE_FREE) {
            return false;
        }
    }
    return true;
}

/* A cluster's tiles go from one state to another. */
static void change_tiles(gpu *g, int32_t tile, uint32_t order, tile_state to)
{
    assert(tile >= 0 && (uint32_t)tile + (1u << 2 * order) <= g->desc.staging_tiles);
    for (uint32_t i = 0; i < 1u << 2 * order; i++) {
        assert((g->tiles[(uint32_t)tile + i] == TILE_FREE) == (to == TILE_TAKEN));
        g->tiles[(uint32_t)tile + i] = to;
        g->tile_frames[(uint32_t)tile + i] = g->counts.frames;
    }
}

int32_t gpu_staging_take(gpu *g, uint32_t order)
{
    const uint32_t tiles = 1u << 2 * order;
    for (uint32_t tile = 0; tile + tiles <= g->desc.staging_tiles && !g->exhausted; tile += tiles) {
        if (are_tiles_free(g, tile, tiles)) {
            change_tiles(g, (int32_t)tile, order, TILE_TAKEN);
            return (int32_t)tile;
        }
    }
    g->counts.refused++;
    return -1;
}

void gpu_staging_give(gpu *g, int32_t tile, uint32_t order)
{
    change_tiles(g, tile, order, TILE_FREE);
}

void gpu_staging_sent(gpu *g, int32_t tile, uint32_t order)
{
    change_tiles(g, tile, order, TILE_READING);
}

/* Copies page i of a cluster out of its rectangles into a slot, layer after layer. */
static void copy_page(gpu *g, const gpu_part *part, uint32_t i, uint8_t *slot)
{
    const uint8_t *layer = g->staging + (size_t)part->tile * gpu_tile_bytes(&g->desc);
    for (uint32_t l = 0; l < g->desc.layer_count; l++) {
        const vt_texel_format format = g->desc.formats[l];
        const size_t row = texel_row_bytes(format), rows = texel_page_rows(format);
        const uint8_t *from =
            layer + (buddy_morton_y(i) * rows << part->order) * row + buddy_morton_x(i) * row;
        for (size_t y = 0; y < rows; y++) {
            memcpy(slot, from + (y << part->order) * row, row);
            slot += row;
        }
        layer += texel_page_bytes(format) << 2 * part->order;
    }
}

void gpu_upload(gpu *g, const gpu_part *part)
{
    assert(g->tiles[part->tile] == TILE_TAKEN);
    for (uint32_t i = 0; i < 1u << 2 * part->part_order; i++) {
        const uint32_t x = part->x + buddy_morton_x(i), y = part->y + buddy_morton_y(i);
        assert(x < g->desc.atlas_columns && y < g->desc.atlas_rows);
        const size_t slot = (size_t)y * g->desc.atlas_columns + x;
        g->pages[slot] = page_pack(page_of_cluster(part->corner, i));
        copy_page(g, part, part->first + i, g->texels + slot * gpu_tile_bytes(&g->desc));
    }
    g->counts.uploads++;
}

void gpu_copy(gpu *g, uint32_t from_x, uint32_t from_y, uint32_t to_x, uint32_t to_y)
{
    const size_t from = (size_t)from_y * g->desc.atlas_columns + from_x;
    const size_t to = (size_t)to_y * g->desc.atlas_columns + to_x;
    const uint32_t bytes = gpu_tile_bytes(&g->desc);
    assert(from != to);
    g->pages[to] = g->pages[from];
    memcpy(g->texels + to * bytes, g->texels + from * bytes, bytes);
    g->counts.copies++;
}

void gpu_staging_fence(gpu *g, bool wait)
{
    for (uint32_t tile = 0; tile < g->desc.staging_tiles; tile++) {
        const bool passed = wait || g->counts.frames >= g->tile_frames[tile] + g->delay;
        if (g->tiles[tile] == TILE_READING && passed) {
            g->tiles[tile] = TILE_FREE;
        }
    }
    g->counts.frames++;
}

/* ---- page tables and drawing ---- */

void gpu_table_write(gpu *g, uint32_t texture, pagetable_rect rect, const uint64_t *entries,
                     uint32_t stride)
{
    assert(texture >= 1 && texture <= g->desc.table_count && rect.width <= stride);
    const gpu_table *t = &g->desc.tables[texture - 1];
    assert(rect.x + rect.width <= t->width && rect.y + rect.height <= t->height);
    for (uint32_t row = 0; row < rect.height; row++) {
        memcpy(&g->tables[texture - 1][(size_t)(rect.y + row) * t->width + rect.x],
               entries + (size_t)row * stride, rect.width * sizeof *entries);
    }
    g->counts.table_writes++;
    g->counts.table_entries += (uint64_t)rect.width * rect.height;
}

void gpu_bind(gpu *g, const gpu_frame *frame)
{
    g->frame = *frame;
    g->counts.binds++;
}

/* ---- feedback ---- */

bool gpu_feedback_begin(gpu *g, uint64_t tag, bool survey)
{
    assert(!g->drawing && (!survey || g->desc.survey_width > 0));
    const uint32_t surveys = g->image_count - g->small_count;
    if (survey ? surveys == 1 : g->small_count == GPU_FEEDBACK_BUFFERS) {
        return false;
    }
    image *next = &g->images[(g->image_head + g->image_count) % IMAGES];
    memcpy(next->ids, survey ? g->fed_survey : g->fed, pixels(g, survey) * sizeof *next->ids);
    next->tag = tag;
    next->survey = survey;
    g->drawing = true;
    return true;
}

void gpu_feedback_end(gpu *g)
{
    assert(g->drawing);
    image *drawn = &g->images[(g->image_head + g->image_count) % IMAGES];
    drawn->frame = g->counts.frames;
    g->image_count++;
    g->small_count += !drawn->survey;
    g->drawing = false;
    g->counts.feedback_passes++;
    g->counts.surveys += drawn->survey;
}

bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out)
{
    const image *oldest = &g->images[g->image_head];
    if (g->image_count == 0 || (!wait && g->counts.frames < oldest->frame + g->delay)) {
        return false;
    }
    const gpu_desc *d = &g->desc;
    g->arrived = true;
    *out = (gpu_feedback){.ids = oldest->ids,
                          .width = oldest->survey ? d->survey_width : d->feedback_width,
                          .height = oldest->survey ? d->survey_height : d->feedback_height,
                          .tag = oldest->tag};
    return true;
}

void gpu_feedback_done(gpu *g)
{
    assert(g->arrived);
    g->arrived = false;
    g->small_count -= !g->images[g->image_head].survey;
    g->image_head = (g->image_head + 1) % IMAGES;
    g->image_count--;
}

const char *gpu_check(const gpu *g)
{
    return g->image_count <= IMAGES ? NULL : "the feedback ring overflows";
}

/* ---- the test's side ---- */

static void feed(uint32_t *to, uint32_t size, const uint32_t *ids, uint32_t count)
{
    assert(count <= size || size == 0);
    memset(to, 0, size * sizeof *to);
    memcpy(to, ids, (count < size ? count : size) * sizeof *ids);
}

void fake_gpu_feed(gpu *g, const uint32_t *ids, uint32_t count)
{
    feed(g->fed, pixels(g, false), ids, count);
}

void fake_gpu_feed_survey(gpu *g, const uint32_t *ids, uint32_t count)
{
    feed(g->fed_survey, pixels(g, true), ids, count);
}

void fake_gpu_set_delay(gpu *g, uint32_t frames)
{
    g->delay = frames;
}

void fake_gpu_set_exhausted(gpu *g, bool exhausted)
{
    g->exhausted = exhausted;
}

uint32_t fake_gpu_slot_page(const gpu *g, uint32_t x, uint32_t y)
{
    return g->pages[(size_t)y * g->desc.atlas_columns + x];
}

const uint8_t *fake_gpu_slot_texels(const gpu *g, uint32_t x, uint32_t y)
{
    return g->texels + ((size_t)y * g->desc.atlas_columns + x) * gpu_tile_bytes(&g->desc);
}

uint64_t fake_gpu_entry(const gpu *g, vt_page p)
{
    const gpu_table *t = &g->desc.tables[p.texture - 1];
    const size_t row = page_table_top(&t->shape, p.mip) + p.y;
    return g->tables[p.texture - 1][row * t->width + page_table_left(&t->shape, p.mip) + p.x];
}

const gpu_frame *fake_gpu_frame(const gpu *g)
{
    return &g->frame;
}

fake_gpu_counts fake_gpu_get_counts(const gpu *g)
{
    return g->counts;
}

/* Whether `slot` holds the page of `mip` that lies over p. */
static const char *check_slot(const gpu *g, vt_page p, uint32_t slot, uint32_t mip)
{
    const uint32_t x = slot & 255, y = slot >> 8 & 255, above = mip - p.mip;
    if (x >= g->desc.atlas_columns || y >= g->desc.atlas_rows) {
        return "an entry points outside of the atlas";
    }
    const vt_page there = page_unpack(fake_gpu_slot_page(g, x, y));
    if (there.texture == 0) {
        return "an entry points at a slot that was never filled";
    }
    if (above > VT_MAX_MIPS || there.texture != p.texture || there.mip != mip ||
        there.x != p.x >> above || there.y != p.y >> above) {
        return "an entry points at another page's texels";
    }
    return NULL;
}

static const char *check_entry(const gpu *g, vt_page p, bool holes)
{
    const uint64_t entry = fake_gpu_entry(g, p);
    const uint32_t slots = (uint32_t)entry, what = (uint32_t)(entry >> 32);
    if ((what >> VT_ENTRY_OK_SHIFT & 1) == 0) {
        return holes ? NULL : "a page has no resident ancestor";
    }
    const uint32_t mip = what >> VT_ENTRY_MIP_SHIFT & 15;
    const char *wrong = check_slot(g, p, slots >> VT_ENTRY_SLOT_SHIFT, mip);
    if (wrong == NULL && (what >> VT_ENTRY_COARSE_OK_SHIFT & 1) != 0) {
        const uint32_t coarser = what >> VT_ENTRY_COARSE_MIP_SHIFT & 15;
        wrong = coarser > mip ? check_slot(g, p, slots >> VT_ENTRY_COARSE_SLOT_SHIFT, coarser)
                              : "an entry's coarser page is not coarser";
    }
    return wrong;
}

static const char *check_texture(const gpu *g, uint32_t texture, bool holes)
{
    const vt_shape *shape = &g->desc.tables[texture - 1].shape;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        for (uint32_t y = 0; y < page_rows(shape, mip); y++) {
            for (uint32_t x = 0; x < page_columns(shape, mip); x++) {
                const vt_page p = {(uint8_t)texture, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
                const char *why = check_entry(g, p, holes);
                if (why) {
                    return why;
                }
            }
        }
    }
    return NULL;
}

const char *fake_gpu_check_picture(const gpu *g, bool holes)
{
    const char *why = NULL;
    for (uint32_t i = 1; i <= g->desc.table_count && !why; i++) {
        why = check_texture(g, i, holes);
    }
    return why;
}
