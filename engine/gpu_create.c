/* gpu_create.c: making and unmaking what gpu.h promises, with OpenGL 4.5 core: direct state access,
 * immutable storage, memory that stays mapped. */
#include "engine/gpu_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ATLAS_SIDE = 256,     /* slots: 8 bits a side in a table entry */
    MAX_FEEDBACK_SIDE = 4096, /* texels: an eighth of any screen there is */
};

/* --- what the card can do --- */

uint32_t gpu_max_slots(void)
{
    GLint texels = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &texels);
    return (uint32_t)texels / VT_PAGE_TEXELS;
}

bool gpu_is_software(void)
{
    static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "SWR", "Software"};
    const char *renderer = (const char *)glGetString(GL_RENDERER);
    for (size_t i = 0; renderer && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strstr(renderer, names[i])) {
            return true;
        }
    }
    return false;
}

/* Its samples reach that many texels out of a page's payload. */
static uint32_t possible_anisotropy(const gpu_desc *desc)
{
    if (desc->anisotropy <= 1) {
        return 1;
    }
    return desc->anisotropy < desc->shape.border ? desc->anisotropy : desc->shape.border;
}

GLenum gpu_internal_format(texel_format format, bool srgb)
{
    switch (format) {
    case TEXEL_RGBA8:
        return srgb ? GL_SRGB8_ALPHA8 : GL_RGBA8;
    case TEXEL_BC1: /* pictures are opaque: the variant without the one-bit alpha */
        return srgb ? GL_COMPRESSED_SRGB_S3TC_DXT1_EXT : GL_COMPRESSED_RGB_S3TC_DXT1_EXT;
    case TEXEL_NONE:
        break;
    }
    return GL_NONE;
}

/* NULL, or why these formats can't be had here. */
static const char *reject_formats(const gpu_desc *desc)
{
    if (desc->layer_count < 1 || desc->layer_count > VT_MAX_LAYERS) {
        return "the number of layers is out of range";
    }
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        const bool bc1 = desc->formats[layer] == TEXEL_BC1;
        if (gpu_internal_format(desc->formats[layer], false) == GL_NONE) {
            return "the atlas' texel format is unknown";
        }
        if (bc1 && !(GLAD_GL_EXT_texture_compression_s3tc &&
                     (GLAD_GL_EXT_texture_sRGB || !desc->srgb[layer]))) {
            return "the card has no BC1 textures";
        }
    }
    return NULL;
}

/* NULL, or why this can't be made. */
static const char *reject(const gpu_desc *desc)
{
    const char *why = reject_formats(desc);
    if (why) {
        return why;
    }
    const uint32_t slots = gpu_max_slots();
    GLint texels = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &texels);
    if (desc->atlas_columns < 1 || desc->atlas_rows < 1 || desc->atlas_columns > MAX_ATLAS_SIDE ||
        desc->atlas_rows > MAX_ATLAS_SIDE) {
        return "the atlas' size is out of range";
    }
    if (desc->atlas_columns > slots || desc->atlas_rows > slots) {
        return "the atlas is larger than the card's textures may be";
    }
    if (desc->shape.mips < 1 || desc->shape.mips > PAGE_MAX_MIPS ||
        desc->shape.grid_x > (uint32_t)texels || desc->shape.grid_y > (uint32_t)texels) {
        return "the page table's size is out of range";
    }
    if (desc->feedback_width < 1 || desc->feedback_height < 1 ||
        desc->feedback_width > MAX_FEEDBACK_SIDE || desc->feedback_height > MAX_FEEDBACK_SIDE) {
        return "the feedback target's size is out of range";
    }
    const uint64_t ring_bytes = (uint64_t)desc->staging_tiles * gpu_tile_bytes(desc);
    if (desc->staging_tiles < 1 || ring_bytes > INT32_MAX) {
        return "the staging ring's size is out of range";
    }
    return NULL;
}

/* --- making and unmaking --- */

static GLuint make_texture(GLenum format, uint32_t levels, uint32_t width, uint32_t height,
                           const char *label)
{
    GLuint name = 0;
    glCreateTextures(GL_TEXTURE_2D, 1, &name);
    glTextureStorage2D(name, (GLsizei)levels, format, (GLsizei)width, (GLsizei)height);
    glTextureParameteri(name, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTextureParameteri(name, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    /* Integer textures are incomplete with any other filter: every fetch would give 0. */
    glTextureParameteri(name, GL_TEXTURE_MIN_FILTER,
                        levels > 1 ? GL_NEAREST_MIPMAP_NEAREST : GL_NEAREST);
    glTextureParameteri(name, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glObjectLabel(GL_TEXTURE, name, -1, label);
    return name;
}

static GLuint make_buffer(uint32_t bytes, GLbitfield flags, const char *label)
{
    GLuint name = 0;
    glCreateBuffers(1, &name);
    glNamedBufferStorage(name, bytes, NULL, flags);
    glObjectLabel(GL_BUFFER, name, -1, label);
    return name;
}

static void make_atlas(gpu *g, uint32_t layer)
{
    const gpu_desc *d = &g->desc;
    const GLenum format = gpu_internal_format(d->formats[layer], d->srgb[layer]);
    const GLuint name = make_texture(format, 1, d->atlas_columns * VT_PAGE_TEXELS,
                                     d->atlas_rows * VT_PAGE_TEXELS, "atlas");
    glTextureParameteri(name, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    glTextureParameteri(name, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    g->atlas[layer] = name;
}

static void make_textures(gpu *g)
{
    static const uint32_t nothing = 0;
    const gpu_desc *d = &g->desc;
    for (uint32_t layer = 0; layer < d->layer_count; layer++) {
        make_atlas(g, layer);
    }
    g->table = make_texture(GL_R32UI, d->shape.mips, d->shape.grid_x, d->shape.grid_y, "table");
    for (uint32_t mip = 0; mip < d->shape.mips; mip++) {
        glClearTexImage(g->table, (GLint)mip, GL_RED_INTEGER, GL_UNSIGNED_INT, &nothing);
    }
    if (d->audit) {
        g->audit = make_texture(GL_R32UI, 1, d->atlas_columns * VT_AUDIT_TEXELS,
                                d->atlas_rows * VT_AUDIT_TEXELS, "audit");
        glClearTexImage(g->audit, 0, GL_RED_INTEGER, GL_UNSIGNED_INT, &nothing);
    }
}

static void make_block(gpu *g)
{
    g->block_buffer = make_buffer(GPU_BLOCK_BYTES, GL_DYNAMIC_STORAGE_BIT, "vt_block");
    glNamedBufferSubData(g->block_buffer, 0, GPU_BLOCK_BYTES, &g->block);
}

static bool make_staging(gpu *g)
{
    staging *s = &g->staging;
    s->tile_count = g->desc.staging_tiles;
    s->tile_bytes = gpu_tile_bytes(&g->desc);
    s->free = calloc(s->tile_count, sizeof(*s->free));
    s->queued = calloc(s->tile_count, sizeof(*s->queued));
    s->flights = calloc(s->tile_count, sizeof(*s->flights));
    if (!s->free || !s->queued || !s->flights) {
        return false;
    }
    for (uint32_t i = 0; i < s->tile_count; i++) {
        s->free[i] = (int32_t)(s->tile_count - 1 - i); /* the first tile comes first */
    }
    s->free_count = s->tile_count;
    const GLbitfield flags = GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT;
    const uint32_t bytes = s->tile_count * s->tile_bytes;
    s->buffer = make_buffer(bytes, flags, "staging");
    s->memory = glMapNamedBufferRange(s->buffer, 0, bytes, flags);
    return s->memory != NULL;
}

static bool make_feedback(gpu *g)
{
    feedback_ring *f = &g->feedback;
    const GLsizei width = (GLsizei)g->desc.feedback_width;
    const GLsizei height = (GLsizei)g->desc.feedback_height;
    f->ids = make_texture(GL_R32UI, 1, g->desc.feedback_width, g->desc.feedback_height, "feedback");
    glCreateRenderbuffers(1, &f->depth);
    glNamedRenderbufferStorage(f->depth, GL_DEPTH_COMPONENT32F, width, height);
    glCreateFramebuffers(1, &f->framebuffer);
    glNamedFramebufferTexture(f->framebuffer, GL_COLOR_ATTACHMENT0, f->ids, 0);
    glNamedFramebufferRenderbuffer(f->framebuffer, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, f->depth);
    const GLbitfield flags = GL_MAP_READ_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT;
    f->image_bytes = g->desc.feedback_width * g->desc.feedback_height * 4;
    f->buffer = make_buffer(f->image_bytes * GPU_FEEDBACK_BUFFERS, flags, "feedback readback");
    f->memory = glMapNamedBufferRange(f->buffer, 0, f->image_bytes * GPU_FEEDBACK_BUFFERS, flags);
    return f->memory &&
           glCheckNamedFramebufferStatus(f->framebuffer, GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
}

/* The first OpenGL error since it was last asked, GL_NO_ERROR if none; bounded, since a lost
 * context goes on reporting. */
static GLenum take_error(void)
{
    const GLenum first = glGetError();
    for (int i = 0; i < 16 && glGetError() != GL_NO_ERROR; i++) {
    }
    return first;
}

gpu *gpu_create(const gpu_desc *desc, char *error, uint32_t error_bytes)
{
    const char *why = reject(desc);
    if (why) {
        snprintf(error, error_bytes, "%s", why);
        return NULL;
    }
    gpu *g = calloc(1, sizeof(*g));
    if (!g) {
        snprintf(error, error_bytes, "out of memory");
        return NULL;
    }
    g->desc = *desc;
    g->desc.anisotropy = possible_anisotropy(desc);
    take_error(); /* somebody else's */
    make_textures(g);
    make_block(g);
    const bool mapped = make_staging(g) && make_feedback(g);
    if (take_error() != GL_NO_ERROR || !mapped) {
        snprintf(error, error_bytes, "the card has no room for %llu bytes of textures and buffers",
                 (unsigned long long)gpu_bytes(desc));
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
    staging *s = &g->staging;
    feedback_ring *f = &g->feedback;
    for (uint32_t i = 0; i < s->flight_count; i++) {
        glDeleteSync(s->flights[(s->flight_head + i) % s->tile_count].fence);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        glDeleteSync(f->flights[(f->head + i) % GPU_FEEDBACK_BUFFERS].fence);
    }
    const GLuint buffers[] = {s->buffer, f->buffer, g->block_buffer};
    const GLuint textures[] = {g->table, g->audit, f->ids};
    glDeleteFramebuffers(1, &f->framebuffer);
    glDeleteRenderbuffers(1, &f->depth);
    glDeleteBuffers(sizeof(buffers) / sizeof(buffers[0]), buffers); /* unmaps them too */
    glDeleteTextures(sizeof(textures) / sizeof(textures[0]), textures);
    glDeleteTextures(VT_MAX_LAYERS, g->atlas);
    free(s->free);
    free(s->queued);
    free(s->flights);
    free(g);
}

const gpu_desc *gpu_get_desc(const gpu *g)
{
    return &g->desc;
}
