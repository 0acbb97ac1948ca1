#include "tests/fake_gpu.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fake_gpu_card fake_gpu_found = {.max_slots = 128, .software = true};

typedef struct image {
    uint32_t *ids;
    uint64_t tag, frame; /* that gave it */
} image;

typedef enum tile_state { TILE_FREE = 0, TILE_TAKEN, TILE_READING } tile_state;

struct gpu {
    gpu_desc desc;
    uint32_t delay;
    bool exhausted;
    fake_gpu_counts counts;
    gpu_frame frame;
    uint32_t *pages;                    /* by slot */
    uint8_t *texels;                    /* by slot */
    uint32_t *table;                    /* levels one after the other */
    uint8_t *staging;                   /* written by workers */
    tile_state *tiles;                  /* by tile */
    uint64_t *tile_frames;              /* by tile: the frame that uploaded it */
    uint32_t *fed;                      /* one image */
    image images[GPU_FEEDBACK_BUFFERS]; /* a ring */
    uint32_t image_head, image_count;
    bool drawing, arrived;
};

/* --- the card --- */

uint32_t gpu_max_slots(void)
{
    return fake_gpu_found.max_slots;
}

bool gpu_is_software(void)
{
    return fake_gpu_found.software;
}

static uint32_t pixels(const gpu *g)
{
    return g->desc.feedback_width * g->desc.feedback_height;
}

static size_t table_index(const gpu *g, uint32_t mip, uint32_t x, uint32_t y)
{
    size_t at = 0;
    for (uint32_t m = 0; m < mip; m++) {
        at += (size_t)page_table_width(&g->desc.shape, m) * page_table_height(&g->desc.shape, m);
    }
    return at + (size_t)y * page_table_width(&g->desc.shape, mip) + x;
}

static bool make_memory(gpu *g)
{
    const gpu_desc *d = &g->desc;
    const size_t slots = (size_t)d->atlas_columns * d->atlas_rows;
    g->pages = calloc(slots, sizeof(*g->pages));
    g->texels = calloc(slots, gpu_tile_bytes(d));
    g->table = calloc(table_index(g, d->shape.mips, 0, 0), sizeof(*g->table));
    g->staging = calloc(d->staging_tiles, gpu_tile_bytes(d));
    g->tiles = calloc(d->staging_tiles, sizeof(*g->tiles));
    g->tile_frames = calloc(d->staging_tiles, sizeof(*g->tile_frames));
    g->fed = calloc(pixels(g), sizeof(*g->fed));
    bool made =
        g->pages && g->texels && g->table && g->staging && g->tiles && g->tile_frames && g->fed;
    for (uint32_t i = 0; i < GPU_FEEDBACK_BUFFERS; i++) {
        g->images[i].ids = calloc(pixels(g), sizeof(uint32_t));
        made = made && g->images[i].ids;
    }
    return made;
}

gpu *gpu_create(const gpu_desc *desc, char *error, uint32_t error_bytes)
{
    gpu *g = fake_gpu_found.refuses ? NULL : calloc(1, sizeof(*g));
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
    for (uint32_t i = 0; i < GPU_FEEDBACK_BUFFERS; i++) {
        free(g->images[i].ids);
    }
    free(g->pages);
    free(g->texels);
    free(g->table);
    free(g->staging);
    free(g->tiles);
    free(g->tile_frames);
    free(g->fed);
    free(g);
}

const gpu_desc *gpu_get_desc(const gpu *g)
{
    return &g->desc;
}

/* --- staging --- */

uint8_t *gpu_staging(const gpu *g)
{
    return g->staging;
}

int32_t gpu_staging_take(gpu *g)
{
    for (uint32_t tile = 0; tile < g->desc.staging_tiles && !g->exhausted; tile++) {
        if (g->tiles[tile] == TILE_FREE) {
            g->tiles[tile] = TILE_TAKEN;
            return (int32_t)tile;
        }
    }
    g->counts.refused++;
    return -1;
}

static void expect_taken(const gpu *g, int32_t tile)
{
    assert(tile >= 0 && (uint32_t)tile < g->desc.staging_tiles);
    assert(g->tiles[tile] == TILE_TAKEN);
    (void)g;
    (void)tile;
}

void gpu_staging_give(gpu *g, int32_t tile)
{
    expect_taken(g, tile);
    g->tiles[tile] = TILE_FREE;
}

void gpu_upload(gpu *g, int32_t tile, uint32_t x, uint32_t y, uint32_t page_id)
{
    expect_taken(g, tile);
    assert(x < g->desc.atlas_columns && y < g->desc.atlas_rows);
    const size_t slot = (size_t)y * g->desc.atlas_columns + x;
    const uint32_t bytes = gpu_tile_bytes(&g->desc);
    g->pages[slot] = page_id;
    memcpy(g->texels + slot * bytes, g->staging + (size_t)tile * bytes, bytes);
    g->tiles[tile] = TILE_READING;
    g->tile_frames[tile] = g->counts.frames;
    g->counts.uploads++;
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

/* --- page table and drawing --- */

void gpu_table_write(gpu *g, uint32_t mip, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                     const uint32_t *entries, uint32_t stride)
{
    assert(mip < g->desc.shape.mips && width <= stride);
    assert(x + width <= page_table_width(&g->desc.shape, mip));
    assert(y + height <= page_table_height(&g->desc.shape, mip));
    for (uint32_t row = 0; row < height; row++) {
        memcpy(&g->table[table_index(g, mip, x, y + row)], entries + (size_t)row * stride,
               width * sizeof(*entries));
    }
    g->counts.table_writes++;
    g->counts.table_entries += (uint64_t)width * height;
}

void gpu_bind(gpu *g, const gpu_frame *frame)
{
    g->frame = *frame;
    g->counts.binds++;
}

/* --- feedback --- */

bool gpu_feedback_begin(gpu *g, uint64_t tag)
{
    assert(!g->drawing);
    if (g->image_count == GPU_FEEDBACK_BUFFERS) {
        return false;
    }
    image *next = &g->images[(g->image_head + g->image_count) % GPU_FEEDBACK_BUFFERS];
    memcpy(next->ids, g->fed, pixels(g) * sizeof(*next->ids));
    next->tag = tag;
    g->drawing = true;
    return true;
}

void gpu_feedback_end(gpu *g)
{
    assert(g->drawing);
    g->images[(g->image_head + g->image_count) % GPU_FEEDBACK_BUFFERS].frame = g->counts.frames;
    g->image_count++;
    g->drawing = false;
    g->counts.feedback_passes++;
}

bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out)
{
    const image *oldest = &g->images[g->image_head];
    if (g->image_count == 0 || (!wait && g->counts.frames < oldest->frame + g->delay)) {
        return false;
    }
    g->arrived = true;
    *out =
        (gpu_feedback){oldest->ids, g->desc.feedback_width, g->desc.feedback_height, oldest->tag};
    return true;
}

void gpu_feedback_done(gpu *g)
{
    assert(g->arrived);
    g->arrived = false;
    g->image_head = (g->image_head + 1) % GPU_FEEDBACK_BUFFERS;
    g->image_count--;
}

const char *gpu_check(const gpu *g)
{
    return g->image_count <= GPU_FEEDBACK_BUFFERS ? NULL : "the feedback ring overflows";
}

/* --- the test's side --- */

void fake_gpu_feed(gpu *g, const uint32_t *ids, uint32_t count)
{
    assert(count <= pixels(g));
    memset(g->fed, 0, pixels(g) * sizeof(*g->fed));
    memcpy(g->fed, ids, count * sizeof(*ids));
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

uint32_t fake_gpu_table(const gpu *g, uint32_t mip, uint32_t x, uint32_t y)
{
    return g->table[table_index(g, mip, x, y)];
}

const gpu_frame *fake_gpu_frame(const gpu *g)
{
    return &g->frame;
}

fake_gpu_counts fake_gpu_get_counts(const gpu *g)
{
    return g->counts;
}

static const char *check_entry(const gpu *g, uint32_t mip, uint32_t x, uint32_t y, bool holes)
{
    const uint32_t entry = fake_gpu_table(g, mip, x, y);
    if ((entry >> VT_ENTRY_OK_SHIFT & 1) == 0) {
        return holes ? NULL : "a page has no resident ancestor";
    }
    const uint32_t slot_x = entry & 255, slot_y = entry >> VT_ENTRY_Y_SHIFT & 255;
    if (slot_x >= g->desc.atlas_columns || slot_y >= g->desc.atlas_rows) {
        return "an entry points outside of the atlas";
    }
    const uint32_t above = (entry >> VT_ENTRY_MIP_SHIFT & 15) - mip;
    const vt_page there = page_unpack(fake_gpu_slot_page(g, slot_x, slot_y));
    if (there.texture == 0) {
        return "an entry points at a slot that was never filled";
    }
    if (above > g->desc.shape.mips || there.mip != mip + above || there.x != x >> above ||
        there.y != y >> above) {
        return "an entry points at another page's texels";
    }
    return NULL;
}

const char *fake_gpu_check_picture(const gpu *g, bool holes)
{
    const page_shape *shape = &g->desc.shape;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        for (uint32_t y = 0; y < page_rows(shape, mip); y++) {
            for (uint32_t x = 0; x < page_columns(shape, mip); x++) {
                const char *why = check_entry(g, mip, x, y, holes);
                if (why) {
                    return why;
                }
            }
        }
    }
    return NULL;
}
