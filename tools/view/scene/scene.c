/* scene.c: the ground is instances of one grid (patches.h chooses them), whose heights the vertex
 * shader reads from a texture; positions are relative to the camera, so that floats have digits to
 * spare near it. Colour, feedback and audit share the vertex shader: they see the same pixels. */
#include "tools/view/scene/scene.h"

#include "tools/view/scene/heightmap.h"
#include "tools/view/scene/heightrows.h"
#include "tools/view/scene/mat.h"
#include "tools/view/scene/patches.h"
#include "tools/view/scene/target.h"

#include <glad/gl.h>
#include <shaders/embedded.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CORNERS = PATCHES_CELLS + 3, /* along a side, the skirt's included; as in terrain.vert */
    INDICES = (CORNERS - 1) * (CORNERS - 1) * 6,
    BLOCK_BINDING = 0, /* SCENE_BLOCK_BINDING of scene.glsl */
    MOST_LEVELS = 8,   /* of patches: cells of 0.12 units */
    PROGRAMS = 4,      /* one a scene_mode */
    PLAIN_UNIT = 2,    /* of plain.glsl */
};

static const double BEND = 1.0 / (2 * 2600.0);          /* a globe of 2600 units radius */
static const double COARSE_DETAIL = 4 * PATCHES_DETAIL; /* cells of several pixels of feedback */
static const double LEAST_CLEARANCE = 0.4;              /* world units above the ground */
/* Farther away a pixel is as large as a sample of the relief, which then says as much as the
 * world's own normals: two samples of the atlas less. */
static const double CRISP_DISTANCE = 160;

/* The uniform block of scene.glsl, std140. */
typedef struct frame_block {
    mat4 projection;
    float ray_x[4], ray_y[4], ray_z[4];
    float sun[4];
    float altitude, bend, relief, lit;
    float crisp, unused[3];
} frame_block;

static_assert(sizeof(frame_block) == 160, "the layout of scene_block in scene.glsl");

/* What a patch's vertices need: the attributes of terrain.vert. */
typedef struct patch_instance {
    float place[4], map[4], detail[4];
} patch_instance;

static_assert(sizeof(patch_instance) == 48, "three attributes of four floats");

struct scene {
    scene_kind kind;
    heightmap heights;
    patches_ground ground;
    uint32_t drawn, near;             /* patches, last time; the first so many are near */
    GLuint programs[PROGRAMS], sky;   /* by scene_mode */
    GLuint crisp;                     /* colour, with the world's own normals; 0: it has none */
    GLuint relief, shade;             /* textures */
    GLuint plain;                     /* texture, the caller's; 0: none */
    GLuint block, instances, indices; /* buffers */
    GLuint vertices, nothing;         /* vertex arrays: the patches', the sky's */
    patch chosen[PATCHES_MAX];
    patch_instance upload[PATCHES_MAX];
};

/* ---- create: relief ---- */

/* Reads a world's heights, as finely as the card's textures allow. False: said why. */
static bool read_heights(heightrows *rows, const vt *world, char *error, uint32_t error_bytes)
{
    const vt_info *info = vt_get_info(world);
    GLint most = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &most);
    if (!heightrows_init(rows, info->heights_width, info->heights_height, (uint32_t)most)) {
        (void)snprintf(error, error_bytes,
                       "heights: the page file needs more memory than there is");
        return false;
    }
    const bool good = vt_scan_heights(world, heightrows_take, rows, error, error_bytes);
    if (!good) {
        free(heightrows_end(rows));
    }
    return good;
}

/* Gives the scene its heights; a flat one where there are none. */
static bool make_heights(scene *s, const vt *world, char *error, uint32_t error_bytes)
{
    const vt_info *info = vt_get_info(world);
    heightrows rows = {.width = 1, .height = 1};
    if (s->kind != SCENE_TERRAIN || info->heights_width == 0) {
        rows.metres = calloc(1, sizeof *rows.metres);
    } else if (!read_heights(&rows, world, error, error_bytes)) {
        return false;
    }
    int16_t *metres = heightrows_end(&rows);
    if (metres == NULL ||
        !heightmap_init(&s->heights, metres, rows.width, rows.height, info->wrap_x)) {
        (void)snprintf(error, error_bytes,
                       "heights: %u x %u samples need more memory than there is", rows.width,
                       rows.height);
        return false;
    }
    return true;
}

static void lay_ground(scene *s, const vt_shape *shape, bool wrap_x)
{
    const bool terrain = s->kind == SCENE_TERRAIN;
    s->ground = (patches_ground){
        .width = CAMERA_WORLD_HEIGHT * shape->width / shape->height,
        .height = CAMERA_WORLD_HEIGHT,
        .wrap_x = terrain && wrap_x,
        .heights = terrain ? &s->heights : NULL,
        .metres_to_units = terrain ? SCENE_UNITS_PER_METRE : 0,
        .bend = terrain ? BEND : 0,
    };
    /* Cells of half a sample of the relief, so that its slopes look round; no finer. */
    const uint32_t samples = s->heights.size[0].height;
    uint32_t level = terrain ? 1 : 0;
    while (terrain && level < MOST_LEVELS && (uint32_t)PATCHES_CELLS << level < 2 * samples) {
        level++;
    }
    s->ground.max_level = level;
}

static void set_filters(GLuint texture, bool wrap_x)
{
    glTextureParameteri(texture, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
    glTextureParameteri(texture, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    glTextureParameteri(texture, GL_TEXTURE_WRAP_S, wrap_x ? GL_REPEAT : GL_CLAMP_TO_EDGE);
    glTextureParameteri(texture, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
}

static bool make_textures(scene *s)
{
    const heightmap *h = &s->heights;
    const heightmap_level size = h->size[0];
    uint8_t *shade = malloc((size_t)size.width * size.height * 2);
    if (shade == NULL) {
        return false;
    }
    glCreateTextures(GL_TEXTURE_2D, 1, &s->relief);
    glCreateTextures(GL_TEXTURE_2D, 1, &s->shade);
    set_filters(s->relief, h->wrap_x);
    set_filters(s->shade, h->wrap_x);
    const GLsizei levels = (GLsizei)h->levels;
    glTextureStorage2D(s->relief, levels, GL_R16_SNORM, (GLsizei)size.width, (GLsizei)size.height);
    glTextureStorage2D(s->shade, levels, GL_RG8, (GLsizei)size.width, (GLsizei)size.height);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1); /* rows of 16-bit samples may have odd counts */
    for (GLint i = 0; i < levels; i++) {
        const GLsizei width = (GLsizei)h->size[i].width, height = (GLsizei)h->size[i].height;
        glTextureSubImage2D(s->relief, i, 0, 0, width, height, GL_RED, GL_SHORT, h->metres[i]);
        heightmap_shade(h, (uint32_t)i, SCENE_UNITS_PER_METRE, s->ground.width, s->ground.height,
                        shade);
        glTextureSubImage2D(s->shade, i, 0, 0, width, height, GL_RG, GL_UNSIGNED_BYTE, shade);
    }
    glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    free(shade);
    return true;
}

/* ---- create: mesh and programs ---- */

static void fill_indices(uint16_t *index)
{
    for (uint32_t y = 0; y + 1 < CORNERS; y++) {
        for (uint32_t x = 0; x + 1 < CORNERS; x++) {
            const uint16_t a = (uint16_t)(y * CORNERS + x), b = (uint16_t)(a + 1);
            const uint16_t c = (uint16_t)(a + CORNERS), d = (uint16_t)(c + 1);
            /* The diagonal goes through the even corners (the grid's begin at 1 of these numbers),
             * as it does in the parent's grid. Counter-clockwise from above. */
            const uint16_t cell[6] = {a, c, d, a, d, b};
            memcpy(index, cell, sizeof cell);
            index += 6;
        }
    }
}

static bool make_mesh(scene *s)
{
    uint16_t *index = malloc(INDICES * sizeof *index);
    if (index == NULL) {
        return false;
    }
    fill_indices(index);
    glCreateBuffers(1, &s->indices);
    glNamedBufferStorage(s->indices, INDICES * sizeof *index, index, 0);
    free(index);
    glCreateBuffers(1, &s->instances);
    glNamedBufferStorage(s->instances, sizeof s->upload, NULL, GL_DYNAMIC_STORAGE_BIT);
    glCreateBuffers(1, &s->block);
    glNamedBufferStorage(s->block, sizeof(frame_block), NULL, GL_DYNAMIC_STORAGE_BIT);

    glCreateVertexArrays(1, &s->nothing);
    glCreateVertexArrays(1, &s->vertices);
    glVertexArrayElementBuffer(s->vertices, s->indices);
    glVertexArrayVertexBuffer(s->vertices, 0, s->instances, 0, sizeof(patch_instance));
    glVertexArrayBindingDivisor(s->vertices, 0, 1);
    for (GLuint i = 0; i < 3; i++) {
        glEnableVertexArrayAttrib(s->vertices, i);
        glVertexArrayAttribFormat(s->vertices, i, 4, GL_FLOAT, GL_FALSE, i * 16);
        glVertexArrayAttribBinding(s->vertices, i, 0);
    }
    return true;
}

static bool make_programs(scene *s, const char *vt_text, char *error, uint32_t error_bytes)
{
    const char *const ground[4] = {shader_scene_glsl, shader_terrain_vert};
    const char *const colour[4] = {vt_text, shader_scene_glsl, shader_terrain_frag};
    const char *const feedback[4] = {vt_text, shader_feedback_frag};
    const char *const audit[4] = {vt_text, shader_audit_frag};
    const char *const above[4] = {shader_scene_glsl, shader_sky_vert};
    const char *const sky[4] = {shader_scene_glsl, shader_sky_frag};
    s->programs[SCENE_COLOUR] = target_program(ground, colour, error, error_bytes);
    s->programs[SCENE_FEEDBACK] =
        s->programs[SCENE_COLOUR] ? target_program(ground, feedback, error, error_bytes) : 0;
    s->programs[SCENE_AUDIT] =
        s->programs[SCENE_FEEDBACK] ? target_program(ground, audit, error, error_bytes) : 0;
    s->sky = s->programs[SCENE_AUDIT] ? target_program(above, sky, error, error_bytes) : 0;
    return s->sky != 0;
}

/* Whether the world's second layer has the ground's normals. */
static bool terrain_normals(const scene *s, const vt_info *info)
{
    return s->kind == SCENE_TERRAIN && info->layer_count > 1 &&
           info->layers[1].format == VT_TEXEL_BC5 && strcmp(info->layers[1].name, "normal") == 0;
}

static bool make_crisp_program(scene *s, const char *vt_text, char *error, uint32_t error_bytes)
{
    const char *const ground[4] = {shader_scene_glsl, shader_terrain_vert};
    const char *const crisp[4] = {"#define TERRAIN_NORMALS\n", vt_text, shader_scene_glsl,
                                  shader_terrain_frag};
    s->crisp = target_program(ground, crisp, error, error_bytes);
    return s->crisp != 0;
}

scene *scene_create(const vt *world, scene_kind kind, char *error, uint32_t error_bytes)
{
    const vt_info *info = vt_get_info(world);
    scene *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)snprintf(error, error_bytes, "scene: no memory");
        return NULL;
    }
    const bool terrain = info->kind == VT_TERRAIN;
    s->kind = kind != SCENE_AUTO ? kind : terrain ? SCENE_TERRAIN : SCENE_PICTURE;
    if (!make_heights(s, world, error, error_bytes)) {
        goto fail;
    }
    lay_ground(s, &info->shape, info->wrap_x);
    if (!make_textures(s) || !make_mesh(s)) {
        (void)snprintf(error, error_bytes, "scene: no memory");
        goto fail;
    }
    if (!make_programs(s, vt_glsl(world), error, error_bytes) ||
        (terrain_normals(s, info) && !make_crisp_program(s, vt_glsl(world), error, error_bytes))) {
        goto fail;
    }
    return s;
fail:
    scene_destroy(s);
    return NULL;
}

uint32_t scene_program(const char *const fragment[4], char *error, uint32_t error_bytes)
{
    const char *const ground[4] = {shader_scene_glsl, shader_terrain_vert};
    return target_program(ground, fragment, error, error_bytes);
}

bool scene_set_plain(scene *s, uint32_t texture, char *error, uint32_t error_bytes)
{
    const char *const ground[4] = {shader_scene_glsl, shader_terrain_vert};
    const char *const plain[4] = {shader_plain_glsl, shader_scene_glsl, shader_terrain_frag};
    assert(s->plain == 0);
    s->plain = texture;
    s->programs[SCENE_PLAIN] = target_program(ground, plain, error, error_bytes);
    return s->programs[SCENE_PLAIN] != 0;
}

void scene_destroy(scene *s)
{
    if (s == NULL) {
        return;
    }
    heightmap_finish(&s->heights);
    for (int i = 0; i < PROGRAMS; i++) {
        glDeleteProgram(s->programs[i]);
    }
    glDeleteProgram(s->sky);
    glDeleteProgram(s->crisp);
    glDeleteTextures(1, &s->relief);
    glDeleteTextures(1, &s->shade);
    glDeleteBuffers(1, &s->block);
    glDeleteBuffers(1, &s->instances);
    glDeleteBuffers(1, &s->indices);
    glDeleteVertexArrays(1, &s->vertices);
    glDeleteVertexArrays(1, &s->nothing);
    free(s);
}

/* ---- the ground under the camera ---- */

scene_kind scene_get_kind(const scene *s)
{
    return s->kind;
}

uint32_t scene_patches(const scene *s)
{
    return s->drawn;
}

double scene_ground(const scene *s, double x, double z)
{
    if (s->kind != SCENE_TERRAIN) {
        return 0;
    }
    const double u = x / s->ground.width + 0.5, v = z / s->ground.height + 0.5;
    return heightmap_at(&s->heights, u, v) * SCENE_UNITS_PER_METRE;
}

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

camera scene_keep_above(const scene *s, const camera *c)
{
    const double half_width = s->ground.width / 2, half_height = s->ground.height / 2;
    camera kept = *c;
    if (s->ground.wrap_x) {
        kept.x -= s->ground.width * floor(kept.x / s->ground.width + 0.5);
    } else {
        kept.x = clamp(kept.x, -half_width, half_width);
    }
    kept.z = clamp(kept.z, -half_height, half_height);
    kept.y = clamp(kept.y, scene_ground(s, kept.x, kept.z) + LEAST_CLEARANCE, 4000);
    return kept;
}

/* ---- drawing ---- */

/* The highest summit, world units; at least 0. */
static double highest(const scene *s)
{
    return fmax(s->heights.range[s->heights.range_levels - 1]->most, 0) * s->ground.metres_to_units;
}

/* How far the ground can be seen: to the horizon, and beyond it as far as mountains stand out. */
static double sight(const scene *s, const camera *c)
{
    const double corner = hypot(s->ground.width, s->ground.height) + c->y;
    if (s->ground.bend <= 0) {
        return corner;
    }
    const double horizon = sqrt(fmax(c->y, 0) / s->ground.bend) + sqrt(highest(s) / s->ground.bend);
    const double drop = c->y + s->ground.bend * horizon * horizon; /* down to the ground there */
    return s->ground.wrap_x ? hypot(horizon, drop) : fmin(hypot(horizon, drop), corner);
}

static void set_vector(float out[4], vec3 v, double scale)
{
    out[0] = (float)(v.x * scale);
    out[1] = (float)(v.y * scale);
    out[2] = (float)(v.z * scale);
    out[3] = 0;
}

static void fill_block(const scene *s, const scene_frame *frame, double aspect, const mat4 *all,
                       frame_block *block)
{
    const camera *c = frame->at;
    vec3 right, up, forward;
    mat_camera_axes(c->yaw, c->pitch, &right, &up, &forward);
    block->projection = *all;
    set_vector(block->ray_x, right, CAMERA_TAN_HALF_FIELD * aspect);
    set_vector(block->ray_y, up, CAMERA_TAN_HALF_FIELD);
    set_vector(block->ray_z, forward, 1);
    set_vector(block->sun, vec3_unit((vec3){-0.64f, 0.44f, -0.62f}), 1); /* north-west, as baked */
    block->altitude = (float)c->y;
    block->bend = (float)s->ground.bend;
    block->relief = (float)s->ground.metres_to_units;
    block->lit = s->kind == SCENE_TERRAIN ? 1 : 0;
    block->crisp = (float)CRISP_DISTANCE;
}

static void fill_instance(const scene *s, const patch *p, const camera *c, double detail,
                          patch_instance *out)
{
    const double cell = fmax(p->width, p->depth) / PATCHES_CELLS;
    const double sample = s->ground.height / s->heights.size[0].height;
    const double mip = fmax(log2(cell / sample), 0);
    const double side = fmax(p->width, p->depth);
    const patch_instance instance = {
        {(float)(p->x - c->x), (float)(p->z - c->z), (float)p->width, (float)p->depth},
        {(float)p->u, (float)p->v, (float)p->du, (float)p->dv},
        {(float)mip, s->kind == SCENE_TERRAIN ? (float)fmin(cell, 8) : 0,
         (float)(1.35 * side / detail), (float)(2.0 * side / detail)},
    };
    *out = instance;
    if (p->level == 0) { /* nothing coarser to turn into */
        out->detail[2] = 1e30f;
        out->detail[3] = 2e30f;
    }
}

/* Chooses the patches and uploads them with the frame's block. */
static void prepare(scene *s, const scene_frame *frame)
{
    const camera *c = frame->at;
    const double aspect =
        frame->aspect > 0 ? frame->aspect : (double)frame->width / (double)frame->height;
    /* Nothing is nearer than the ground below, and from above the summits nothing but that. */
    const double nearest = fmax(c->y - highest(s), LEAST_CLEARANCE) * 0.1;
    const double detail = frame->coarse ? COARSE_DETAIL : PATCHES_DETAIL;
    patches_view view = {
        .x = c->x, .y = c->y, .z = c->z, .far_distance = sight(s, c), .detail = detail};
    const mat4 turn = mat_view(c->yaw, c->pitch);
    const mat4 lens =
        mat_perspective(CAMERA_TAN_HALF_FIELD, aspect, nearest, view.far_distance * 1.1 + 10,
                        2 * frame->shift_x / frame->width, 2 * frame->shift_y / frame->height);
    const mat4 all = mat_multiply(&lens, &turn);
    mat_frustum(&all, view.planes);
    s->drawn = patches_select(&s->ground, &view, s->chosen);
    s->near = 0;
    for (uint32_t i = 0; i < s->drawn; i++) {
        fill_instance(s, &s->chosen[i], c, detail, &s->upload[i]);
        if (s->chosen[i].distance < CRISP_DISTANCE) { /* nearest come first */
            s->near = i + 1;
        }
    }
    if (s->drawn > 0) {
        glNamedBufferSubData(s->instances, 0, (GLsizeiptr)(s->drawn * sizeof *s->upload),
                             s->upload);
    }
    frame_block block = {0};
    fill_block(s, frame, aspect, &all, &block);
    glNamedBufferSubData(s->block, 0, sizeof block, &block);
}

static void draw_patches(GLuint program, uint32_t first, uint32_t count)
{
    if (count > 0) {
        glUseProgram(program);
        glDrawElementsInstancedBaseInstance(GL_TRIANGLES, INDICES, GL_UNSIGNED_SHORT, NULL,
                                            (GLsizei)count, first);
    }
}

/* Binds what all passes share, the patches of this frame chosen. */
static void begin_draw(scene *s, vt *world, const scene_frame *frame)
{
    prepare(s, frame);
    vt_bind(world);
    glBindBufferBase(GL_UNIFORM_BUFFER, BLOCK_BINDING, s->block);
    glBindTextureUnit(0, s->relief);
    glBindTextureUnit(1, s->shade);
    glEnable(GL_DEPTH_TEST);
    glDepthFunc(GL_LEQUAL); /* the sky lies at the farthest depth there is */
    glDepthMask(GL_TRUE);
    glDisable(GL_BLEND);
}

/* Draws the first `near` patches with the program for what is near, the others with `program`. */
static void draw_ground(const scene *s, GLuint program, uint32_t near)
{
    if (s->kind == SCENE_TERRAIN) {
        glEnable(GL_CULL_FACE);
    }
    glBindVertexArray(s->vertices);
    draw_patches(s->crisp, 0, near);
    draw_patches(program, near, s->drawn - near);
    glDisable(GL_CULL_FACE);
}

static void end_draw(void)
{
    glDisable(GL_FRAMEBUFFER_SRGB);
    glBindVertexArray(0);
    glUseProgram(0);
}

void scene_draw(scene *s, vt *world, const scene_frame *frame, scene_mode mode)
{
    begin_draw(s, world, frame);
    const bool colour = mode == SCENE_COLOUR || mode == SCENE_PLAIN;
    if (colour) {
        glEnable(GL_FRAMEBUFFER_SRGB);
    }
    if (mode == SCENE_PLAIN) {
        glBindTextureUnit(PLAIN_UNIT, s->plain);
    }
    const uint32_t near = mode == SCENE_COLOUR && s->crisp != 0 ? s->near : 0;
    draw_ground(s, s->programs[mode], near);
    if (colour) {
        glUseProgram(s->sky);
        glBindVertexArray(s->nothing);
        glDrawArrays(GL_TRIANGLES, 0, 3);
    }
    end_draw();
}

void scene_draw_with(scene *s, vt *world, const scene_frame *frame, uint32_t program, bool lines)
{
    begin_draw(s, world, frame);
    glEnable(GL_FRAMEBUFFER_SRGB);
    if (lines) {
        glEnable(GL_BLEND);
        glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
        glPolygonMode(GL_FRONT_AND_BACK, GL_LINE);
        glEnable(GL_POLYGON_OFFSET_LINE);
        glPolygonOffset(-1, -1); /* in front of the faces that they are the edges of */
    }
    draw_ground(s, program, 0);
    glPolygonMode(GL_FRONT_AND_BACK, GL_FILL);
    glDisable(GL_POLYGON_OFFSET_LINE);
    glDisable(GL_BLEND);
    end_draw();
}

void scene_draw_into(scene *s, vt *world, const camera *at, const target *to, scene_mode mode)
{
    const scene_frame frame = {.at = at, .width = to->width, .height = to->height};
    target_begin(to);
    scene_draw(s, world, &frame, mode);
}

void scene_feedback(scene *s, vt *world, const camera *at, uint32_t width, uint32_t height,
                    vt_feedback_kind kind)
{
    if (!vt_feedback_begin(world, kind)) {
        return;
    }
    scene_frame frame = {.at = at, .aspect = (double)width / height};
    float x, y;
    vt_feedback_size(world, &frame.width, &frame.height);
    vt_feedback_jitter(world, &x, &y);
    frame.shift_x = x;
    frame.shift_y = y;
    frame.coarse = !vt_feedback_is_exact(world);
    scene_draw(s, world, &frame, SCENE_FEEDBACK);
    vt_feedback_end(world);
}
