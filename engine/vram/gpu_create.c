/* gpu_create.c: makes and unmakes what gpu.h promises, with OpenGL 4.5 core: direct state access,
 * immutable storage, memory that stays mapped. */
#include "engine/vram/gpu_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ATLAS_SIDE 256 /* slots: 8 bits a side in a table entry */

/* ---- what the card can do ---- */

uint32_t gpu_max_slots(void)
{
    GLint texels = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &texels);
    return (uint32_t)texels / VT_PAGE_TEXELS;
}

/* A target is drawn into as a whole, so it has to fit a texture, a renderbuffer and a viewport. */
uint32_t gpu_max_target_side(void)
{
    static const GLenum LIMITS[] = {GL_MAX_TEXTURE_SIZE, GL_MAX_RENDERBUFFER_SIZE};
    GLint viewport[2] = {0, 0};
    glGetIntegerv(GL_MAX_VIEWPORT_DIMS, viewport);
    GLint side = viewport[0] < viewport[1] ? viewport[0] : viewport[1];
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        GLint most = 0;
        glGetIntegerv(LIMITS[i], &most);
        side = most < side ? most : side;
    }
    return side > 0 ? (uint32_t)side : 0;
}

bool gpu_is_software(void)
{
    static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "SWR", "Software"};
    const char *renderer = (const char *)glGetString(GL_RENDERER);
    for (size_t i = 0; renderer && i < sizeof names / sizeof names[0]; i++) {
        if (strstr(renderer, names[i])) {
            return true;
        }
    }
    return false;
}

/* The anisotropy that is possible: its samples reach that many texels out of a page's payload, and
 * may not leave the narrowest border. */
static uint32_t possible_anisotropy(const gpu_desc *desc)
{
    if (desc->anisotropy <= 1) {
        return 1;
    }
    uint32_t most = desc->anisotropy;
    for (uint32_t i = 0; i < desc->table_count; i++) {
        const uint32_t border = desc->tables[i].shape.border;
        most = most < border ? most : border;
    }
    return most;
}

/* How OpenGL names a format of texels. */
GLenum gpu_internal_format(vt_texel_format format, bool srgb)
{
    switch (format) {
    case VT_TEXEL_RGBA8:
        return srgb ? GL_SRGB8_ALPHA8 : GL_RGBA8;
    case VT_TEXEL_BC1: /* pictures are opaque: the variant without the one-bit alpha */
        return srgb ? GL_COMPRESSED_SRGB_S3TC_DXT1_EXT : GL_COMPRESSED_RGB_S3TC_DXT1_EXT;
    case VT_TEXEL_BC3:
        return srgb ? GL_COMPRESSED_SRGB_ALPHA_S3TC_DXT5_EXT : GL_COMPRESSED_RGBA_S3TC_DXT5_EXT;
    case VT_TEXEL_BC4:
        return GL_COMPRESSED_RED_RGTC1;
    case VT_TEXEL_BC5:
        return GL_COMPRESSED_RG_RGTC2;
    case VT_TEXEL_NONE:
        break;
    }
    return GL_NONE;
}

/* NULL, or why the card cannot have an atlas of these formats. */
static const char *reject_formats(const gpu_desc *desc)
{
    if (desc->layer_count < 1 || desc->layer_count > VT_MAX_LAYERS) {
        return "the number of layers is out of range";
    }
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        const vt_texel_format format = desc->formats[layer];
        if (gpu_internal_format(format, false) == GL_NONE) {
            return "the atlas' texel format is unknown";
        }
        if ((format == VT_TEXEL_BC1 || format == VT_TEXEL_BC3) &&
            !(GLAD_GL_EXT_texture_compression_s3tc &&
              (GLAD_GL_EXT_texture_sRGB || !desc->srgb[layer]))) {
            return "the card has no BC1 and BC3 textures";
        }
    }
    return NULL;
}

/* NULL, or why the page tables cannot lie in textures. */
static const char *reject_tables(const gpu_desc *desc, uint32_t most_texels)
{
    if (desc->table_count < 1 || desc->table_count > GPU_MAX_TABLES) {
        return "the number of textures is out of range";
    }
    for (uint32_t i = 0; i < desc->table_count; i++) {
        const gpu_table *t = &desc->tables[i];
        if (t->shape.mips < 1 || t->shape.mips > VT_MAX_MIPS || t->width < 1 || t->height < 1 ||
            t->width > most_texels || t->height > most_texels) {
            return "the page table's size is out of range";
        }
    }
    return NULL;
}

/* Whether a feedback target may have that size. */
static bool is_target_size(uint32_t width, uint32_t height, uint32_t images)
{
    const uint32_t most = gpu_max_target_side();
    return width >= 1 && height >= 1 && width <= most && height <= most &&
           gpu_has_target_buffer((uint64_t)width * height, images);
}

/* NULL, or why this can't be made. */
static const char *reject(const gpu_desc *desc)
{
    GLint texels = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &texels);
    const char *why = reject_formats(desc);
    why = why ? why : reject_tables(desc, (uint32_t)texels);
    if (why) {
        return why;
    }
    const uint32_t slots = gpu_max_slots();
    if (desc->atlas_columns < 1 || desc->atlas_rows < 1 || desc->atlas_columns > MAX_ATLAS_SIDE ||
        desc->atlas_rows > MAX_ATLAS_SIDE) {
        return "the atlas' size is out of range";
    }
    if (desc->atlas_columns > slots || desc->atlas_rows > slots) {
        return "the atlas is larger than the card's textures may be";
    }
    if (!is_target_size(desc->feedback_width, desc->feedback_height, GPU_FEEDBACK_BUFFERS) ||
        (desc->survey_width > 0 && !is_target_size(desc->survey_width, desc->survey_height, 1))) {
        return "the feedback target's size is out of range";
    }
    const uint64_t ring_bytes = (uint64_t)desc->staging_tiles * gpu_tile_bytes(desc);
    if (desc->staging_tiles < 1 || ring_bytes > INT32_MAX) {
        return "the staging ring's size is out of range";
    }
    return NULL;
}

/* ---- making and unmaking ---- */

/* A texture of one level. Pages have borders, so clamping never shows; it only keeps the atlas'
 * outermost texels from mixing with those of the opposite edge. */
static GLuint make_texture_of(GLenum target, GLenum format, GLsizei width, GLsizei height)
{
    GLuint name = 0;
    glCreateTextures(target, 1, &name);
    glTextureStorage2D(name, 1, format, width, height);
    glTextureParameteri(name, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTextureParameteri(name, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    return name;
}

static GLuint make_texture(GLenum format, uint32_t width, uint32_t height, const char *label)
{
    const GLuint name = make_texture_of(GL_TEXTURE_2D, format, (GLsizei)width, (GLsizei)height);
    /* Integer textures are incomplete with any other filter: every fetch would give 0. */
    glTextureParameteri(name, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTextureParameteri(name, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glObjectLabel(GL_TEXTURE, name, -1, label);
    return name;
}

/* A buffer of immutable storage, so that it can stay mapped while the card uses it. */
static GLuint make_buffer(uint32_t bytes, GLbitfield flags, const char *label)
{
    GLuint name = 0;
    glCreateBuffers(1, &name);
    glNamedBufferStorage(name, bytes, NULL, flags);
    glObjectLabel(GL_BUFFER, name, -1, label);
    return name;
}

/* One layer of the atlas. Bilinear filtering is the card's; trilinear and anisotropic filtering are
 * done by hand in sample.glsl, so there are no mips. */
static void make_atlas(gpu *g, uint32_t layer)
{
    const gpu_desc *d = &g->desc;
    const GLuint name = make_texture_of(
        g->atlas_target, gpu_internal_format(d->formats[layer], d->srgb[layer]),
        (GLsizei)(d->atlas_columns * VT_PAGE_TEXELS), (GLsizei)(d->atlas_rows * VT_PAGE_TEXELS));
    glTextureParameteri(name, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    glTextureParameteri(name, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    if (d->formats[layer] == VT_TEXEL_BC4) { /* grey, as in an atlas of RGBA8 */
        glTextureParameteri(name, GL_TEXTURE_SWIZZLE_G, GL_RED);
        glTextureParameteri(name, GL_TEXTURE_SWIZZLE_B, GL_RED);
    }
    glObjectLabel(GL_TEXTURE, name, -1, "atlas");
    g->atlas[layer] = name;
}

static void make_table(gpu *g, uint32_t i)
{
    const gpu_table *described = &g->desc.tables[i];
    table *t = &g->tables[i];
    t->entries = make_texture(GL_RG32UI, described->width, described->height, "page table");
    glClearTexImage(t->entries, 0, GL_RG_INTEGER, GL_UNSIGNED_INT, NULL); /* to 0 */
    t->block_buffer = make_buffer(GPU_BLOCK_BYTES, GL_DYNAMIC_STORAGE_BIT, "vt_block");
    glNamedBufferSubData(t->block_buffer, 0, GPU_BLOCK_BYTES, &t->block);
}

static void make_textures(gpu *g)
{
    const gpu_desc *d = &g->desc;
    for (uint32_t layer = 0; layer < d->layer_count; layer++) {
        make_atlas(g, layer);
    }
    for (uint32_t i = 0; i < d->table_count; i++) {
        make_table(g, i);
    }
    if (d->audit) {
        g->audit = make_texture(GL_R32UI, d->atlas_columns * VT_AUDIT_TEXELS,
                                d->atlas_rows * VT_AUDIT_TEXELS, "audit");
        glClearTexImage(g->audit, 0, GL_RED_INTEGER, GL_UNSIGNED_INT, NULL);
    }
}

/* Bytes of the metadata of the staging tiles' buddy. */
static size_t staging_metadata_bytes(const gpu_desc *desc)
{
    const size_t bytes = buddy_sizeof(&(buddy_desc){.units = desc->staging_tiles});
    return (bytes + 63) & ~(size_t)63; /* whole multiples of its alignment, for aligned_alloc */
}

/* The staging ring: one mapped buffer, the buddy that hands its tiles out, and rings for what is on
 * its way to the atlas. */
static bool make_staging(gpu *g)
{
    staging *s = &g->staging;
    s->tile_count = g->desc.staging_tiles;
    s->tile_bytes = gpu_tile_bytes(&g->desc);
    s->queued = calloc(s->tile_count, sizeof *s->queued);
    s->flights = calloc(s->tile_count, sizeof *s->flights);
    const size_t metadata = staging_metadata_bytes(&g->desc);
    void *at = aligned_alloc(64, metadata);
    if (!s->queued || !s->flights || !at) {
        free(at);
        return false;
    }
    s->tiles = buddy_init(at, metadata, &(buddy_desc){.units = s->tile_count});
    const GLbitfield flags = GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT;
    const uint32_t bytes = s->tile_count * s->tile_bytes;
    s->buffer = make_buffer(bytes, flags, "staging");
    s->memory = glMapNamedBufferRange(s->buffer, 0, bytes, flags);
    return s->memory != NULL;
}

/* A target of width x height, and buffers for so many images. */
static bool make_target(feedback_target *t, uint32_t width, uint32_t height, uint32_t images)
{
    t->width = width;
    t->height = height;
    t->images = images;
    t->ids = make_texture(GL_R32UI, width, height, "feedback");
    glCreateRenderbuffers(1, &t->depth);
    glNamedRenderbufferStorage(t->depth, GL_DEPTH_COMPONENT32F, (GLsizei)width, (GLsizei)height);
    glCreateFramebuffers(1, &t->framebuffer);
    glNamedFramebufferTexture(t->framebuffer, GL_COLOR_ATTACHMENT0, t->ids, 0);
    glNamedFramebufferRenderbuffer(t->framebuffer, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, t->depth);
    const GLbitfield flags = GL_MAP_READ_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT;
    t->image_bytes = width * height * 4;
    t->buffer = make_buffer(t->image_bytes * images, flags, "feedback readback");
    t->memory = glMapNamedBufferRange(t->buffer, 0, t->image_bytes * images, flags);
    return t->memory &&
           glCheckNamedFramebufferStatus(t->framebuffer, GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
}

static bool make_feedback(gpu *g)
{
    const gpu_desc *d = &g->desc;
    feedback_target *targets = g->feedback.targets;
    return make_target(&targets[FEEDBACK_SMALL], d->feedback_width, d->feedback_height,
                       GPU_FEEDBACK_BUFFERS) &&
           (d->survey_width == 0 ||
            make_target(&targets[FEEDBACK_SURVEY], d->survey_width, d->survey_height, 1));
}

/* The first OpenGL error since it was last asked, GL_NO_ERROR if none. Bounded, since a lost
 * context reports errors for ever. */
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
    gpu *g = calloc(1, sizeof *g);
    if (!g) {
        snprintf(error, error_bytes, "out of memory");
        return NULL;
    }
    g->desc = *desc;
    g->desc.anisotropy = possible_anisotropy(desc);
    g->atlas_target = gpu_has_rectangles(desc) ? GL_TEXTURE_RECTANGLE : GL_TEXTURE_2D;
    take_error(); /* errors of the caller's */
    make_textures(g);
    const bool mapped = make_staging(g) && make_feedback(g);
    if (take_error() != GL_NO_ERROR || !mapped) {
        snprintf(error, error_bytes, "the card has no room for %llu bytes of textures and buffers",
                 (unsigned long long)gpu_bytes(desc));
        gpu_destroy(g);
        return NULL;
    }
    return g;
}

static void destroy_target(feedback_target *t)
{
    glDeleteFramebuffers(1, &t->framebuffer);
    glDeleteRenderbuffers(1, &t->depth);
    glDeleteTextures(1, &t->ids);
    glDeleteBuffers(1, &t->buffer);
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
        glDeleteSync(f->flights[(f->head + i) % (GPU_FEEDBACK_BUFFERS + 1)].fence);
    }
    for (uint32_t i = 0; i < FEEDBACK_TARGETS; i++) {
        destroy_target(&f->targets[i]);
    }
    for (uint32_t i = 0; i < g->desc.table_count; i++) {
        glDeleteTextures(1, &g->tables[i].entries);
        glDeleteBuffers(1, &g->tables[i].block_buffer);
    }
    glDeleteBuffers(1, &s->buffer); /* unmaps it too */
    glDeleteTextures(1, &g->audit);
    glDeleteTextures(VT_MAX_LAYERS, g->atlas);
    free(s->tiles);
    free(s->queued);
    free(s->flights);
    free(g);
}
