/* gpu.c: the work of gpu.h frame by frame, but for staging (gpu_staging.c): page tables, binding,
 * feedback. Fences are polled; nothing waits for one unless the caller says so. OpenGL calls are
 * not checked one by one: an error would come as a debug message. */
#include "engine/vram/gpu_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- page tables ---- */

void gpu_table_write(gpu *g, uint32_t texture, pagetable_rect rect, const uint64_t *entries,
                     uint32_t stride)
{
    assert(texture >= 1 && texture <= g->desc.table_count && rect.width <= stride);
    assert(rect.x + rect.width <= g->desc.tables[texture - 1].width);
    assert(rect.y + rect.height <= g->desc.tables[texture - 1].height);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)stride);
    glTextureSubImage2D(g->tables[texture - 1].entries, 0, (GLint)rect.x, (GLint)rect.y,
                        (GLsizei)rect.width, (GLsizei)rect.height, GL_RG_INTEGER, GL_UNSIGNED_INT,
                        entries);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
}

/* ---- drawing with it ---- */

/* What sample.glsl has to know to draw with this texture in this frame. */
static gpu_block make_block_for(const gpu *g, const gpu_frame *frame)
{
    const gpu_desc *d = &g->desc;
    const gpu_table *t = &d->tables[frame->texture - 1];
    return (gpu_block){
        .size = {(float)t->shape.width, (float)t->shape.height},
        .atlas_texel = {1.0f / (float)(d->atlas_columns * VT_PAGE_TEXELS),
                        1.0f / (float)(d->atlas_rows * VT_PAGE_TEXELS)},
        .payload = (float)t->shape.payload,
        .border = (float)t->shape.border,
        .bias = frame->mip_bias,
        .feedback_lod = frame->feedback_scale > 0 ? log2f(frame->feedback_scale) : 0,
        .grid = {(int32_t)page_columns(&t->shape, 0), (int32_t)page_rows(&t->shape, 0)},
        .mips = (int32_t)t->shape.mips,
        .anisotropy = (float)d->anisotropy,
        .texture = frame->texture,
        .wrap_x = t->wrap_x,
    };
}

void gpu_bind(gpu *g, const gpu_frame *frame)
{
    assert(frame->texture >= 1 && frame->texture <= g->desc.table_count);
    table *t = &g->tables[frame->texture - 1];
    const gpu_block block = make_block_for(g, frame);
    if (memcmp(&block, &t->block, sizeof block) != 0) { /* it seldom changes from frame to frame */
        t->block = block;
        glNamedBufferSubData(t->block_buffer, 0, sizeof block, &block);
    }
    glBindBufferBase(GL_UNIFORM_BUFFER, VT_BLOCK_BINDING, t->block_buffer);
    glBindTextureUnit(VT_UNIT_TABLE, t->entries);
    glBindTextureUnit(VT_UNIT_AUDIT, g->audit ? g->audit : t->entries);
    for (uint32_t layer = 0; layer < VT_MAX_LAYERS; layer++) {
        /* Units of layers that the atlas does not have get the first one, so that no sampler is
         * without a texture. */
        glBindTextureUnit(VT_UNIT_ATLAS + layer, g->atlas[layer < g->desc.layer_count ? layer : 0]);
    }
}

/* ---- feedback ---- */

bool gpu_feedback_begin(gpu *g, uint64_t tag, bool survey)
{
    feedback_ring *f = &g->feedback;
    assert(!f->drawing && (!survey || g->desc.survey_width > 0));
    f->target = survey ? FEEDBACK_SURVEY : FEEDBACK_SMALL;
    const feedback_target *t = &f->targets[f->target];
    if (t->used == t->images) {
        return false;
    }
    static const GLuint no_page[4] = {0};
    static const GLfloat far_away = 1;
    f->drawing = true;
    f->tag = tag;
    glBindFramebuffer(GL_FRAMEBUFFER, t->framebuffer);
    glViewport(0, 0, (GLsizei)t->width, (GLsizei)t->height);
    glDisable(GL_SCISSOR_TEST);
    glDisable(GL_BLEND);
    glColorMask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    glDepthMask(GL_TRUE);
    glClearNamedFramebufferuiv(t->framebuffer, GL_COLOR, 0, no_page);
    glClearNamedFramebufferfv(t->framebuffer, GL_DEPTH, 0, &far_away);
    return true;
}

/* Starts the copy of the target into the next of its buffers. The fence behind it tells when the
 * image has come, so that nobody has to wait for the card. */
void gpu_feedback_end(gpu *g)
{
    feedback_ring *f = &g->feedback;
    feedback_target *t = &f->targets[f->target];
    assert(f->drawing);
    glBindFramebuffer(GL_FRAMEBUFFER, t->framebuffer); /* the caller may have bound another one */
    glBindBuffer(GL_PIXEL_PACK_BUFFER, t->buffer);
    glReadPixels(0, 0, (GLsizei)t->width, (GLsizei)t->height, GL_RED_INTEGER, GL_UNSIGNED_INT,
                 (void *)((uintptr_t)t->next * t->image_bytes));
    glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    flight *way = &f->flights[(f->head + f->count) % (GPU_FEEDBACK_BUFFERS + 1)];
    *way = gpu_take_off();
    way->tag = f->tag;
    way->target = f->target;
    t->next = (t->next + 1) % t->images;
    t->used++;
    f->count++;
    f->drawing = false;
}

/* Images are handed out in the order of their passes, those of the small target and of the survey
 * alike: only the oldest flight is looked at. */
bool gpu_feedback_poll(gpu *g, bool wait, gpu_feedback *out)
{
    feedback_ring *f = &g->feedback;
    if (f->count == 0) {
        return false;
    }
    flight *oldest = &f->flights[f->head];
    if (!f->arrived && !gpu_has_landed(oldest, wait)) {
        return false;
    }
    f->arrived = true;
    const feedback_target *t = &f->targets[oldest->target];
    const uint32_t image = (t->next + t->images - t->used) % t->images; /* the oldest one used */
    const uint8_t *ids = t->memory + (size_t)image * t->image_bytes;
    *out = (gpu_feedback){
        .ids = (const uint32_t *)(const void *)ids,
        .width = t->width,
        .height = t->height,
        .tag = oldest->tag,
    };
    return true;
}

void gpu_feedback_done(gpu *g)
{
    feedback_ring *f = &g->feedback;
    assert(f->arrived);
    f->arrived = false;
    f->targets[f->flights[f->head].target].used--;
    f->head = (f->head + 1) % (GPU_FEEDBACK_BUFFERS + 1);
    f->count--;
}

/* ---- checking ---- */

/* Every tile is free in the buddy, taken or queued, and every queued cluster is in a flight or
 * waits for the next fence. */
static const char *check_staging(const staging *s)
{
    buddy_stats tiles;
    uint32_t in_flight = 0, queued = 0;
    for (uint32_t i = 0; i < s->flight_count; i++) {
        const flight *f = &s->flights[(s->flight_head + i) % s->tile_count];
        if (f->clusters == 0) {
            return "a flight carries no cluster";
        }
        in_flight += f->clusters;
    }
    for (uint32_t i = 0; i < s->queued_count; i++) {
        queued += 1u << 2 * s->queued[(s->queued_head + i) % s->tile_count].order;
    }
    if (in_flight + s->unfenced != s->queued_count) {
        return "staging clusters are queued without a fence";
    }
    buddy_get_stats(s->tiles, &tiles);
    return tiles.free_units + s->taken + queued == s->tile_count ? buddy_check(s->tiles)
                                                                 : "staging tiles are lost";
}

static const char *check_feedback(const feedback_ring *f)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < FEEDBACK_TARGETS; i++) {
        if (f->targets[i].used > f->targets[i].images) {
            return "a feedback target holds more than its images";
        }
        used += f->targets[i].used;
    }
    return used == f->count && (f->count > 0 || !f->arrived)
               ? NULL
               : "the feedback ring holds more or less than its images";
}

const char *gpu_check(const gpu *g)
{
    const char *wrong = check_staging(&g->staging);
    return wrong ? wrong : check_feedback(&g->feedback);
}
