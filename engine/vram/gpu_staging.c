/* gpu_staging.c: the staging tiles of gpu.h, and their way into the atlas. Tiles come from a buddy,
 * so that those of a cluster lie side by side.
 *
 *     tile   free ── take ──▶ taken: a worker fills it ── sent ──▶ queued: the card reads it
 *              ▲                │ give                                │ the fence behind the
 *              └────────────────┴─────────────────────────────────────┘ frame's uploads has
 * passed */
#include "engine/vram/gpu_private.h"

#include <assert.h>

/* ---- fences ---- */

flight gpu_take_off(void)
{
    return (flight){.fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)};
}

bool gpu_has_landed(flight *f, bool wait)
{
    const GLuint64 second_ns = 1000000000;
    if (!f->fence) { /* it has passed before, or could not be made: wait for everything */
        glFinish();
        return true;
    }
    GLenum answer;
    do {
        const GLbitfield flush = f->flushed ? 0 : GL_SYNC_FLUSH_COMMANDS_BIT;
        answer = glClientWaitSync(f->fence, flush, wait ? second_ns : 0);
        f->flushed = true;
    } while (wait && answer == GL_TIMEOUT_EXPIRED);
    if (answer == GL_TIMEOUT_EXPIRED) {
        return false;
    }
    glDeleteSync(f->fence);
    f->fence = NULL;
    return true;
}

/* ---- tiles ---- */

uint8_t *gpu_staging(const gpu *g)
{
    return g->staging.memory;
}

int32_t gpu_staging_take(gpu *g, uint32_t order)
{
    staging *s = &g->staging;
    assert(order <= GPU_MAX_ORDER);
    const uint32_t tile = buddy_try(s->tiles, 2 * order, BUDDY_ANYWHERE);
    if (tile == BUDDY_NONE) {
        return -1;
    }
    s->taken += 1u << 2 * order;
    return (int32_t)tile;
}

void gpu_staging_give(gpu *g, int32_t tile, uint32_t order)
{
    staging *s = &g->staging;
    assert(tile >= 0 && (uint32_t)tile < s->tile_count && s->taken >= 1u << 2 * order);
    s->taken -= 1u << 2 * order;
    buddy_free(s->tiles, (uint32_t)tile, 2 * order);
}

/* A cluster's tiles stay taken from the buddy while the card may still read them: they wait in a
 * queue for the fence behind their last copy. */
void gpu_staging_sent(gpu *g, int32_t tile, uint32_t order)
{
    staging *s = &g->staging;
    assert(tile >= 0 && (uint32_t)tile < s->tile_count && s->taken >= 1u << 2 * order);
    s->taken -= 1u << 2 * order;
    s->queued[(s->queued_head + s->queued_count++) % s->tile_count] =
        (staging_cluster){tile, order};
    s->unfenced++;
}

/* Frees the tiles of the oldest flight. */
static void land(staging *s)
{
    const uint32_t clusters = s->flights[s->flight_head].clusters;
    for (uint32_t i = 0; i < clusters; i++) {
        const staging_cluster cluster = s->queued[s->queued_head];
        buddy_free(s->tiles, (uint32_t)cluster.tile, 2 * cluster.order);
        s->queued_head = (s->queued_head + 1) % s->tile_count;
    }
    s->queued_count -= clusters;
    s->flight_head = (s->flight_head + 1) % s->tile_count;
    s->flight_count--;
}

void gpu_staging_fence(gpu *g, bool wait)
{
    staging *s = &g->staging;
    if (s->unfenced > 0) {
        flight *f = &s->flights[(s->flight_head + s->flight_count++) % s->tile_count];
        *f = gpu_take_off();
        f->clusters = s->unfenced;
        s->unfenced = 0;
    }
    while (s->flight_count > 0 && gpu_has_landed(&s->flights[s->flight_head], wait)) {
        land(s);
    }
}

/* ---- uploads ---- */

/* Where a part lies in its cluster's rectangle of one layer, and its size; texels. */
typedef struct area {
    uint32_t x, y, side; /* in the rectangle, whose rows are `stride` wide */
    uint32_t stride;
    uint32_t to_x, to_y; /* in the atlas */
} area;

static area area_of(const gpu_part *part)
{
    return (area){
        .x = buddy_morton_x(part->first) * VT_PAGE_TEXELS,
        .y = buddy_morton_y(part->first) * VT_PAGE_TEXELS,
        .side = VT_PAGE_TEXELS << part->part_order,
        .stride = VT_PAGE_TEXELS << part->order,
        .to_x = part->x * VT_PAGE_TEXELS,
        .to_y = part->y * VT_PAGE_TEXELS,
    };
}

/* Uploads one layer of a part. Its rectangle begins at `offset` in the bound unpack buffer. */
static void copy_layer(const gpu *g, uint32_t layer, const area *a, size_t offset)
{
    const vt_texel_format format = g->desc.formats[layer];
    const bool blocks = format != VT_TEXEL_RGBA8;
    const uint32_t texels = blocks ? 4 : 1; /* texels a side of a unit: a texel, or a BC block */
    const size_t unit_bytes = texel_row_bytes(format) / (VT_PAGE_TEXELS / texels);
    const size_t row_bytes = (size_t)a->stride / texels * unit_bytes;
    const size_t at = offset + a->y / texels * row_bytes + a->x / texels * unit_bytes;
    const void *from = (const void *)(uintptr_t)at;
    const GLint x = (GLint)a->to_x, y = (GLint)a->to_y;
    const GLsizei side = (GLsizei)a->side;
    glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)a->stride);
    if (blocks) {
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_WIDTH, 4);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_HEIGHT, 4);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_DEPTH, 1);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_SIZE, (GLint)unit_bytes);
        glCompressedTextureSubImage2D(
            g->atlas[layer], 0, x, y, side, side, gpu_internal_format(format, g->desc.srgb[layer]),
            (GLsizei)((size_t)(a->side / 4) * (a->side / 4) * unit_bytes), from);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_WIDTH, 0);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_HEIGHT, 0);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_DEPTH, 0);
        glPixelStorei(GL_UNPACK_COMPRESSED_BLOCK_SIZE, 0);
    } else {
        glTextureSubImage2D(g->atlas[layer], 0, x, y, side, side, GL_RGBA, GL_UNSIGNED_BYTE, from);
    }
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
}

/* Writes each page's id to its slot of the audit texture, where vt_audit() looks it up. */
static void mark_audit(const gpu *g, const gpu_part *part)
{
    for (uint32_t i = 0; i < 1u << 2 * part->part_order; i++) {
        const uint32_t id = page_pack(page_of_cluster(part->corner, i));
        const GLint x = (GLint)(part->x + buddy_morton_x(i)) * VT_AUDIT_TEXELS;
        const GLint y = (GLint)(part->y + buddy_morton_y(i)) * VT_AUDIT_TEXELS;
        glClearTexSubImage(g->audit, 0, x, y, 0, VT_AUDIT_TEXELS, VT_AUDIT_TEXELS, 1,
                           GL_RED_INTEGER, GL_UNSIGNED_INT, &id);
    }
}

void gpu_upload(gpu *g, const gpu_part *part)
{
    assert(part->x + (1u << part->part_order) <= g->desc.atlas_columns);
    assert(part->y + (1u << part->part_order) <= g->desc.atlas_rows);
    assert(part->part_order <= part->order && part->order <= GPU_MAX_ORDER);
    const area a = area_of(part);
    size_t offset = (size_t)part->tile * g->staging.tile_bytes;
    glBindBuffer(GL_PIXEL_UNPACK_BUFFER, g->staging.buffer);
    for (uint32_t layer = 0; layer < g->desc.layer_count; layer++) {
        copy_layer(g, layer, &a, offset);
        offset += texel_page_bytes(g->desc.formats[layer]) << 2 * part->order;
    }
    glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    if (g->audit) {
        mark_audit(g, part);
    }
}

/* Copies a square of `side` texels from one slot to another of the same texture. */
static void copy_square(GLuint texture, GLenum target, const GLint from[2], const GLint to[2],
                        GLsizei side)
{
    glCopyImageSubData(texture, target, 0, from[0] * side, from[1] * side, 0, texture, target, 0,
                       to[0] * side, to[1] * side, 0, side, side, 1);
}

void gpu_copy(gpu *g, uint32_t from_x, uint32_t from_y, uint32_t to_x, uint32_t to_y)
{
    const GLint from[2] = {(GLint)from_x, (GLint)from_y}, to[2] = {(GLint)to_x, (GLint)to_y};
    for (uint32_t layer = 0; layer < g->desc.layer_count; layer++) {
        copy_square(g->atlas[layer], g->atlas_target, from, to, VT_PAGE_TEXELS);
    }
    if (g->audit) {
        copy_square(g->audit, GL_TEXTURE_2D, from, to, VT_AUDIT_TEXELS);
    }
}
