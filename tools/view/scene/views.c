/* views.c: one program for all views that colour the ground by streaming, one for asking a pixel.
 *
 *     vt_get_slots ─▶ slotmap ─▶ texture ─▶ views.frag
 */
#include "tools/view/scene/views.h"

#include <glad/gl.h>
#include <shaders/embedded.h>

#include "shaders/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 1024,
    QUAD = 2, /* pixels a side that a card draws together: what derivatives are taken from */
    CHANNELS = 4,
};

const choice VIEWS_NAMES[VIEWS_COUNT + 1] = {
    {"final", VIEWS_FINAL},
    {"mips", VIEWS_MIPS},
    {"borders", VIEWS_BORDERS},
    {"age", VIEWS_AGE},
    {"heat", VIEWS_HEAT},
    {"wireframe", VIEWS_WIREFRAME},
    {NULL, 0},
};

struct views {
    scene *scene;
    vt *world;
    slotmap *map;
    vt_slot *slots;
    uint32_t columns, rows;
    GLuint texture;                        /* of the slot map */
    GLuint colours, pick;                  /* programs; 0: not needed yet */
    GLuint quad, quad_picture, quad_depth; /* what a pixel is drawn into; 0: likewise */
    char error[LINE_BYTES];
};

const char *views_name(views_kind kind)
{
    return choice_text(VIEWS_NAMES, (int)kind);
}

/* ---- create ---- */

views *views_create(scene *s, vt *world)
{
    views *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->scene = s;
    v->world = world;
    vt_atlas_size(world, &v->columns, &v->rows);
    v->map = slotmap_create(v->columns, v->rows);
    v->slots = calloc((size_t)v->columns * v->rows, sizeof *v->slots);
    if (v->map == NULL || v->slots == NULL) {
        views_destroy(v);
        return NULL;
    }
    glCreateTextures(GL_TEXTURE_2D, 1, &v->texture);
    glTextureStorage2D(v->texture, 1, GL_RGBA8UI, (GLsizei)v->columns, (GLsizei)v->rows);
    glTextureParameteri(v->texture, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTextureParameteri(v->texture, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    return v;
}

void views_destroy(views *v)
{
    if (v == NULL) {
        return;
    }
    slotmap_destroy(v->map);
    free(v->slots);
    glDeleteTextures(1, &v->texture);
    glDeleteProgram(v->colours);
    glDeleteProgram(v->pick);
    glDeleteFramebuffers(1, &v->quad);
    glDeleteTextures(1, &v->quad_picture);
    glDeleteRenderbuffers(1, &v->quad_depth);
    free(v);
}

const char *views_error(const views *v)
{
    return v->error;
}

/* ---- the slot map ---- */

const slotmap_texel *views_slots(views *v, double now)
{
    vt_get_slots(v->world, v->slots);
    slotmap_update(v->map, v->slots, now);
    const slotmap_texel *texels = slotmap_texels(v->map);
    glTextureSubImage2D(v->texture, 0, 0, 0, (GLsizei)v->columns, (GLsizei)v->rows, GL_RGBA_INTEGER,
                        GL_UNSIGNED_BYTE, texels);
    return texels;
}

uint32_t views_slot_texture(const views *v)
{
    return v->texture;
}

/* ---- drawing ---- */

static bool need_colours(views *v)
{
    const char *const text[4] = {vt_glsl(v->world), shader_views_h, shader_views_frag};
    if (v->colours == 0) {
        v->colours = scene_program(text, v->error, sizeof v->error);
    }
    return v->colours != 0;
}

static void draw_final(const views *v, const views_frame *f)
{
    const scene_frame frame = {.at = f->at, .width = f->to->width, .height = f->to->height};
    scene_draw(v->scene, v->world, &frame, SCENE_COLOUR);
}

/* Draws the ground as seen from f, in a part of the picture `width` pixels wide from `x` on. */
static void draw_part(const views *v, const views_frame *f, int view, uint32_t x, uint32_t width)
{
    const scene_frame frame = {.at = f->at, .width = width, .height = f->to->height};
    glViewport((GLint)x, 0, (GLsizei)width, (GLsizei)f->to->height);
    glProgramUniform1i(v->colours, VIEW_LOCATION, view);
    scene_draw_with(v->scene, v->world, &frame, v->colours, view == VIEW_WIREFRAME);
    glViewport(0, 0, (GLsizei)f->to->width, (GLsizei)f->to->height);
}

static void clear(const target *to)
{
    static const GLfloat BACKGROUND[4] = {0.012f, 0.013f, 0.016f, 1}; /* as round a picture */
    glEnable(GL_FRAMEBUFFER_SRGB);
    glClearNamedFramebufferfv(to->framebuffer, GL_COLOR, 0, BACKGROUND);
    glDisable(GL_FRAMEBUFFER_SRGB);
}

bool views_draw(views *v, const views_frame *f)
{
    v->error[0] = '\0';
    if (f->kind == VIEWS_FINAL || !need_colours(v)) {
        draw_final(v, f);
        return f->kind == VIEWS_FINAL;
    }
    const uint32_t width = f->to->width, half = width / 2;
    (void)views_slots(v, f->now);
    glBindTextureUnit(VIEW_UNIT_SLOTS, v->texture);
    if (f->kind == VIEWS_WIREFRAME) {
        draw_final(v, f);
        draw_part(v, f, VIEW_WIREFRAME, 0, width);
        return true;
    }
    clear(f->to);
    if (f->kind == VIEWS_MIPS) {
        draw_part(v, f, VIEW_WANTED, 0, half > 1 ? half - 1 : 1); /* two pixels between them */
        draw_part(v, f, VIEW_GOT, half + 1, width > half + 1 ? width - half - 1 : 1);
    } else {
        const int view = f->kind == VIEWS_BORDERS ? VIEW_BORDERS
                         : f->kind == VIEWS_AGE   ? VIEW_AGE
                                                  : VIEW_HEAT;
        draw_part(v, f, view, 0, width);
    }
    return true;
}

/* ---- asking a pixel ---- */

static bool need_pick(views *v)
{
    const char *const text[4] = {vt_glsl(v->world), shader_pick_frag};
    if (v->pick != 0) {
        return true;
    }
    v->pick = scene_program(text, v->error, sizeof v->error);
    glCreateTextures(GL_TEXTURE_2D, 1, &v->quad_picture);
    glTextureStorage2D(v->quad_picture, 1, GL_RGBA32UI, QUAD, QUAD);
    glCreateRenderbuffers(1, &v->quad_depth);
    glNamedRenderbufferStorage(v->quad_depth, GL_DEPTH_COMPONENT32F, QUAD, QUAD);
    glCreateFramebuffers(1, &v->quad);
    glNamedFramebufferTexture(v->quad, GL_COLOR_ATTACHMENT0, v->quad_picture, 0);
    glNamedFramebufferRenderbuffer(v->quad, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, v->quad_depth);
    return v->pick != 0;
}

/* Draws the quad of pixels that has this one in it, as it is in the whole picture. */
static void draw_quad(views *v, const camera *at, const views_pixel *pixel)
{
    static const GLuint NOTHING[CHANNELS] = {0, 0, 0, 0};
    static const GLfloat FARTHEST = 1;
    const uint32_t row = pixel->height - 1 - pixel->y; /* OpenGL's go bottom up */
    const GLint x = (GLint)(pixel->x / QUAD * QUAD), y = (GLint)(row / QUAD * QUAD);
    const scene_frame frame = {.at = at, .width = pixel->width, .height = pixel->height};
    glBindFramebuffer(GL_FRAMEBUFFER, v->quad);
    glDepthMask(GL_TRUE);
    glClearNamedFramebufferfv(v->quad, GL_DEPTH, 0, &FARTHEST);
    glClearNamedFramebufferuiv(v->quad, GL_COLOR, 0, NOTHING);
    glViewport(-x, -y, (GLsizei)pixel->width, (GLsizei)pixel->height);
    scene_draw_with(v->scene, v->world, &frame, v->pick, false);
}

bool views_pick(views *v, const camera *at, const views_pixel *pixel, views_seen *out)
{
    GLuint texels[QUAD * QUAD * CHANNELS];
    v->error[0] = '\0';
    if (pixel->x >= pixel->width || pixel->y >= pixel->height || !need_pick(v)) {
        return false;
    }
    draw_quad(v, at, pixel);
    glGetTextureImage(v->quad_picture, 0, GL_RGBA_INTEGER, GL_UNSIGNED_INT, sizeof texels, texels);
    const uint32_t row = pixel->height - 1 - pixel->y;
    const GLuint *texel = &texels[(row % QUAD * QUAD + pixel->x % QUAD) * CHANNELS];
    *out = (views_seen){.pixel = {.wanted_id = texel[0],
                                  .shown_mip = texel[1] & 255,
                                  .arrived = (texel[1] & 256) != 0},
                        .slot_x = texel[3] & 255,
                        .slot_y = texel[3] >> 8 & 255};
    memcpy(&out->pixel.lod, &texel[2], sizeof out->pixel.lod);
    return texel[0] != 0;
}
