/* gpu.c: the traffic of gpu.h: uploads, page table, binding, feedback. Fences are polled and
 * nothing is waited for unless the caller says so. An error of ours would be heard as a debug
 * message. */
#include "engine/gpu_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* --- fences --- */

static flight take_off(uint32_t tiles, uint64_t tag)
{
    return (flight){
        .fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0), .tiles = tiles, .tag = tag};
}

/* Whether the card has passed the fence, which is deleted then. A fence that fails, as it does when
 * the context is lost, counts as passed, so that nobody waits for it for ever. */
static bool has_landed(flight *f, bool wait)
{
    const GLuint64 second_ns = 1000000000;
    if (!f->fence) { /* asked before, or could not be made: then wait for everything */
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

/* --- staging --- */

uint8_t *gpu_staging(const gpu *g)
{
    return g->staging.memory;
}

int32_t gpu_staging_take(gpu *g)
{
    staging *s = &g->staging;
    if (s->free_count == 0) {
        return -1;
    }
    s->taken++;
    return s->free[--s->free_count];
}

void gpu_staging_give(gpu *g, int32_t tile)
{
    staging *s = &g->staging;
    assert(tile >= 0 && (uint32_t)tile < s->tile_count && s->taken > 0);
    s->taken--;
    s->free[s->free_count++] = tile;
}

static void queue_tile(staging *s, int32_t tile)
{
    assert(tile >= 0 && (uint32_t)tile < s->tile_count && s->taken > 0);
    s->taken--;
    s->queued[(s->queued_head + s->queued_count++) % s->tile_count] = tile;
    s->unfenced++;
}

/* Copies a layer of a page from `offset` in the bound unpack buffer to texel (x, y) of the atlas.
 */
static void copy_layer(const gpu *g, uint32_t layer, uint32_t x, uint32_t y, size_t offset)
{
    const texel_format format = g->desc.formats[layer];
    const void *from = (const void *)(uintptr_t)offset;
    if (format == TEXEL_BC1) {
        glCompressedTextureSubImage2D(g->atlas[layer], 0, (GLint)x, (GLint)y, VT_PAGE_TEXELS,
                                      VT_PAGE_TEXELS,
                                      gpu_internal_format(format, g->desc.srgb[layer]),
                                      (GLsizei)texel_page_bytes(format), from);
    } else {
        glTextureSubImage2D(g->atlas[layer], 0, (GLint)x, (GLint)y, VT_PAGE_TEXELS, VT_PAGE_TEXELS,
                            GL_RGBA, GL_UNSIGNED_BYTE, from);
    }
}

void gpu_upload(gpu *g, int32_t tile, uint32_t x, uint32_t y, uint32_t page_id)
{
    assert(x < g->desc.atlas_columns && y < g->desc.atlas_rows);
    queue_tile(&g->staging, tile);
    size_t offset = (size_t)tile * g->staging.tile_bytes;
    glBindBuffer(GL_PIXEL_UNPACK_BUFFER, g->staging.buffer);
    for (uint32_t layer = 0; layer < g->desc.layer_count; layer++) {
        copy_layer(g, layer, x * VT_PAGE_TEXELS, y * VT_PAGE_TEXELS, offset);
        offset += texel_page_bytes(g->desc.formats[layer]);
    }
    glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    if (g->audit) {
        glClearTexSubImage(g->audit, 0, (GLint)x * VT_AUDIT_TEXELS, (GLint)y * VT_AUDIT_TEXELS, 0,
                           VT_AUDIT_TEXELS, VT_AUDIT_TEXELS, 1, GL_RED_INTEGER, GL_UNSIGNED_INT,
                           &page_id);
    }
}

/* The oldest flight's tiles are free again. */
static void land_tiles(staging *s)
{
    const uint32_t tiles = s->flights[s->flight_head].tiles;
    for (uint32_t i = 0; i < tiles; i++) {
        s->free[s->free_count++] = s->queued[s->queued_head];
        s->queued_head = (s->queued_head + 1) % s->tile_count;
    }
    s->queued_count -= tiles;
    s->flight_head = (s->flight_head + 1) % s->tile_count;
    s->flight_count--;
}

void gpu_staging_fence(gpu *g, bool wait)
{
    staging *s = &g->staging;
    if (s->unfenced > 0) {
        s->flights[(s->flight_head + s->flight_count++) % s->tile_count] = take_off(s->unfenced, 0);
        s->unfenced = 0;
    }
    while (s->flight_count > 0 && has_landed(&s->flights[s->flight_head], wait)) {
        land_tiles(s);
    }
}

/* --- page table --- */

void gpu_table_write(gpu *g, uint32_t mip, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                     const uint32_t *entries, uint32_t stride)
{
    assert(mip < g->desc.shape.mips && width <= stride);
    assert(x + width <= page_table_width(&g->desc.shape, mip));
    assert(y + height <= page_table_height(&g->desc.shape, mip));
    glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)stride);
    glTextureSubImage2D(g->table, (GLint)mip, (GLint)x, (GLint)y, (GLsizei)width, (GLsizei)height,
                        GL_RED_INTEGER, GL_UNSIGNED_INT, entries);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
}

/* --- drawing with it --- */

static gpu_block make_block_for(const gpu *g, const gpu_frame *frame)
{
    const gpu_desc *d = &g->desc;
    return (gpu_block){
        .size = {(float)d->shape.width, (float)d->shape.height},
        .atlas_texel = {1.0f / (float)(d->atlas_columns * VT_PAGE_TEXELS),
                        1.0f / (float)(d->atlas_rows * VT_PAGE_TEXELS)},
        .payload = (float)d->shape.payload,
        .border = (float)d->shape.border,
        .bias = frame->mip_bias,
        .feedback_lod = frame->feedback_scale > 0 ? log2f(frame->feedback_scale) : 0,
        .last_page = {(int32_t)page_columns(&d->shape, 0) - 1,
                      (int32_t)page_rows(&d->shape, 0) - 1},
        .mips = (int32_t)d->shape.mips,
        .anisotropy = (float)d->anisotropy,
        .texture = frame->texture,
        .wrap_x = frame->wrap_x,
    };
}

void gpu_bind(gpu *g, const gpu_frame *frame)
{
    const gpu_block block = make_block_for(g, frame);
    if (memcmp(&block, &g->block, sizeof(block)) != 0) { /* mostly it is the last frame's */
        g->block = block;
        glNamedBufferSubData(g->block_buffer, 0, sizeof(block), &block);
    }
    glBindBufferBase(GL_UNIFORM_BUFFER, VT_BLOCK_BINDING, g->block_buffer);
    glBindTextureUnit(VT_UNIT_TABLE, g->table);
    glBindTextureUnit(VT_UNIT_AUDIT, g->audit ? g->audit : g->table);
    for (uint32_t layer = 0; layer < VT_MAX_LAYERS; layer++) {
        /* Layers that there are not get the first, so that no sampler is without a texture. */
        glBindTextureUnit(VT_UNIT_ATLAS + layer, g->atlas[layer < g->desc.layer_count ? layer : 0]);
    }
}

/* --- feedback --- */

bool gpu_feedback_begin(gpu *g, uint64_t tag)
{
    feedback_ring *f = &g->feedback;
    assert(!f->drawing);
    if (f->count == GPU_FEEDBACK_BUFFERS) {
        return false;
    }
    static const GLuint no_page[4] = {0};
    static const GLfloat far_away = 1;
    f->drawing = true;
    f->tag = tag;
    glBindFramebuffer(GL_FRAMEBUFFER, f->framebuffer);
    glViewport(0, 0, (GLsizei)g->desc.feedback_width, (GLsizei)g->desc.feedback_height);
    glDisable(GL_SCISSOR_TEST);
    glDisable(GL_BLEND);
    glColorMask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    glDepthMask(GL_TRUE);
    glClearNamedFramebufferuiv(f->framebuffer, GL_COLOR, 0, no_page);
    glClearNamedFramebufferfv(f->framebuffer, GL_DEPTH, 0, &far_away);
    return true;
}

void gpu_feedback_end(gpu *g)
{
    feedback_ring *f = &g->feedback;
    assert(f->drawing);
    const uint32_t image = (f->head + f->count) % GPU_FEEDBACK_BUFFERS;
    glBindFramebuffer(GL_FRAMEBUFFER, f->framebuffer); /* the caller may have looked elsewhere */
    glBindBuffer(GL_PIXEL_PACK_BUFFER, f->buffer);
    glReadPixels(0, 0, (GLsizei)g->desc.feedback_width, (GLsizei)g->desc.feedback_height,
                 GL_RED_INTEGER, GL_UNSIGNED_INT, (void *)((uintptr_t)image * f->image_bytes));
    glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    f->flights[image] = take_off(0, f->tag);
    f->count++;
    f->drawing = false;
}

bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out)
{
    feedback_ring *f = &g->feedback;
    if (f->count == 0) {
        return false;
    }
    if (!f->arrived && !has_landed(&f->flights[f->head], wait)) {
        return false;
    }
    f->arrived = true;
    *out = (gpu_feedback){
        .ids = (const uint32_t *)(const void *)(f->memory + (size_t)f->head * f->image_bytes),
        .width = g->desc.feedback_width,
        .height = g->desc.feedback_height,
        .tag = f->flights[f->head].tag,
    };
    return true;
}

void gpu_feedback_done(gpu *g)
{
    feedback_ring *f = &g->feedback;
    assert(f->arrived);
    f->arrived = false;
    f->head = (f->head + 1) % GPU_FEEDBACK_BUFFERS;
    f->count--;
}

/* --- checking --- */

const char *gpu_check(const gpu *g)
{
    const staging *s = &g->staging;
    uint32_t in_flight = 0;
    for (uint32_t i = 0; i < s->flight_count; i++) {
        const flight *f = &s->flights[(s->flight_head + i) % s->tile_count];
        if (f->tiles == 0) {
            return "a flight carries no tile";
        }
        in_flight += f->tiles;
    }
    if (s->free_count + s->taken + s->queued_count != s->tile_count) {
        return "staging tiles are lost";
    }
    if (in_flight + s->unfenced != s->queued_count) {
        return "staging tiles are queued without a fence";
    }
    if (g->feedback.count > GPU_FEEDBACK_BUFFERS || (g->feedback.arrived && !g->feedback.count)) {
        return "the feedback ring holds more or less than its images";
    }
    return NULL;
}
