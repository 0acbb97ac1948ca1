#include "tools/view/window/maps.h"

#include "tools/view/window/rammap.h"

#include <glad/gl.h>
#include <shaders/embedded.h>

#include "shaders/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATLAS_PIXELS = 256, /* along the longer side of the atlas' map */
    DISK_COLUMNS = 64,  /* of the map of the file, row by row */
    DISK_ROWS = VT_DISK_CELLS / DISK_COLUMNS,
};

static const double EVERY_SECONDS = 0.25; /* between two drawings of a map */
static const double HEAT_SECONDS = 1.5;   /* a read glows for so long, to 1/e */

static const rammap_colour FREE = {22, 27, 34};
static const rammap_colour PINNED = {255, 255, 255};

struct maps {
    vt *world;
    views *views;
    GLuint disk, ram, atlas; /* textures */
    GLuint into, nothing;    /* framebuffer of the atlas' map; a vertex array without vertices */
    GLuint program;
    bool failed; /* the program cannot be had */
    double due;
    double last; /* seconds; of the update before */
    uint32_t atlas_width, atlas_height, ram_width, ram_height;
    uint32_t read_kib[VT_DISK_CELLS]; /* at the update before */
    float glow[VT_DISK_CELLS];        /* 0 … 1 */
    rammap rammap;
    /* of the walk under way */
    bool by_age;
    uint32_t walked, pages;
};

static GLuint make_texture(uint32_t width, uint32_t height)
{
    GLuint texture = 0;
    glCreateTextures(GL_TEXTURE_2D, 1, &texture);
    glTextureStorage2D(texture, 1, GL_RGBA8, (GLsizei)width, (GLsizei)height);
    glTextureParameteri(texture, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    glTextureParameteri(texture, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glTextureParameteri(texture, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTextureParameteri(texture, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    return texture;
}

/* ---- create ---- */

static void make_atlas_map(maps *m)
{
    uint32_t columns, rows;
    vt_atlas_size(m->world, &columns, &rows);
    m->atlas_width = ATLAS_PIXELS;
    m->atlas_height = (uint32_t)fmax((double)ATLAS_PIXELS * rows / columns, 1);
    m->atlas = make_texture(m->atlas_width, m->atlas_height);
    glCreateFramebuffers(1, &m->into);
    glNamedFramebufferTexture(m->into, GL_COLOR_ATTACHMENT0, m->atlas, 0);
    glCreateVertexArrays(1, &m->nothing);
}

maps *maps_create(vt *world, views *all)
{
    maps *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    uint32_t unit_bytes;
    m->world = world;
    m->views = all;
    m->disk = make_texture(DISK_COLUMNS, DISK_ROWS);
    rammap_begin(&m->rammap, vt_ram_units(world, &unit_bytes));
    m->ram_width = m->rammap.width;
    m->ram_height = m->rammap.height;
    m->ram = make_texture(m->ram_width, m->ram_height);
    make_atlas_map(m);
    vt_get_disk_map(world, m->read_kib);
    return m;
}

void maps_destroy(maps *m)
{
    if (m == NULL) {
        return;
    }
    const GLuint textures[] = {m->disk, m->ram, m->atlas};
    glDeleteTextures(3, textures);
    glDeleteFramebuffers(1, &m->into);
    glDeleteVertexArrays(1, &m->nothing);
    glDeleteProgram(m->program);
    free(m);
}

/* ---- the file ---- */

static void colour_cell(uint32_t kib, float glow, uint8_t rgba[4])
{
    const float known = kib == 0 ? 0 : fminf(0.35f + 0.08f * log2f(1 + (float)kib), 1);
    rgba[0] = (uint8_t)(22 + glow * 233);
    rgba[1] = (uint8_t)(27 + 90 * known * (1 - glow) + glow * 150);
    rgba[2] = (uint8_t)(34 + 140 * known * (1 - glow) + glow * 30);
    rgba[3] = 255;
}

static void update_disk(maps *m, double seconds)
{
    uint32_t kib[VT_DISK_CELLS];
    uint8_t rgba[VT_DISK_CELLS * 4];
    const float rest = expf(-(float)(seconds / HEAT_SECONDS));
    vt_get_disk_map(m->world, kib);
    for (uint32_t i = 0; i < VT_DISK_CELLS; i++) {
        m->glow[i] = kib[i] != m->read_kib[i] ? 1 : m->glow[i] * rest;
        m->read_kib[i] = kib[i];
        colour_cell(kib[i], m->glow[i], &rgba[4 * i]);
    }
    glTextureSubImage2D(m->disk, 0, 0, 0, DISK_COLUMNS, DISK_ROWS, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
}

/* ---- RAM ---- */

static rammap_colour tint(uint32_t order)
{
    static const float TINTS[VIEW_TINTS][3] = {{VIEW_TINT_0}, {VIEW_TINT_1}, {VIEW_TINT_2},
                                               {VIEW_TINT_3}, {VIEW_TINT_4}, {VIEW_TINT_5},
                                               {VIEW_TINT_6}, {VIEW_TINT_7}};
    const float *srgb = TINTS[order % VIEW_TINTS];
    return (rammap_colour){(uint8_t)(srgb[0] * 255), (uint8_t)(srgb[1] * 255),
                           (uint8_t)(srgb[2] * 255)};
}

/* Warm where just used, cold where next to go. */
static rammap_colour age_colour(double old)
{
    return (rammap_colour){(uint8_t)(255 - 225 * old), (uint8_t)(190 - 140 * old),
                           (uint8_t)(90 + 20 * old)};
}

static void add_page(void *context, const vt_held_page *page)
{
    maps *m = context;
    const double old = m->pages > 0 ? (double)m->walked / m->pages : 0;
    m->walked++;
    for (uint32_t i = 0; i < page->piece_count; i++) {
        const rammap_colour colour = page->pinned ? PINNED
                                     : m->by_age  ? age_colour(old < 1 ? old : 1)
                                                  : tint(page->pieces[i].order);
        rammap_add(&m->rammap, page->pieces[i], colour);
    }
}

static void update_ram(maps *m, bool by_age)
{
    vt_stats stats;
    vt_get_stats(m->world, &stats);
    m->by_age = by_age;
    m->walked = 0;
    m->pages = stats.ram.pages;
    rammap_begin(&m->rammap, m->rammap.units);
    vt_walk_ram(m->world, add_page, m);
    rammap_end(&m->rammap, FREE);
    glTextureSubImage2D(m->ram, 0, 0, 0, (GLsizei)m->ram_width, (GLsizei)m->ram_height, GL_RGBA,
                        GL_UNSIGNED_BYTE, m->rammap.rgba);
}

/* ---- the atlas ---- */

static bool need_program(maps *m)
{
    const char *const vertex[4] = {shader_map_vert};
    const char *const fragment[4] = {vt_glsl(m->world), shader_views_h, shader_map_frag};
    char error[256];
    if (m->program == 0 && !m->failed) {
        m->program = target_program(vertex, fragment, error, sizeof error);
        m->failed = m->program == 0;
    }
    return m->program != 0;
}

static void update_atlas(maps *m, double now, bool by_age)
{
    uint32_t columns, rows;
    if (!need_program(m)) {
        return;
    }
    vt_atlas_size(m->world, &columns, &rows);
    (void)views_slots(m->views, now);
    vt_bind(m->world);
    glBindTextureUnit(VIEW_UNIT_SLOTS, views_slot_texture(m->views));
    glProgramUniform2f(m->program, MAP_LOCATION_SCALE, (float)columns / (float)m->atlas_width,
                       (float)rows / (float)m->atlas_height);
    glProgramUniform1i(m->program, MAP_LOCATION_AGE, by_age);
    glBindFramebuffer(GL_FRAMEBUFFER, m->into);
    glViewport(0, 0, (GLsizei)m->atlas_width, (GLsizei)m->atlas_height);
    glDisable(GL_DEPTH_TEST);
    glDisable(GL_BLEND);
    glUseProgram(m->program);
    glBindVertexArray(m->nothing);
    glDrawArrays(GL_TRIANGLES, 0, 3);
    glBindVertexArray(0);
    glUseProgram(0);
}

void maps_update(maps *m, double now, maps_style style)
{
    if (now < m->due) {
        return;
    }
    update_disk(m, now - m->last);
    update_ram(m, style.ram_by_age);
    update_atlas(m, now, style.atlas_by_age);
    m->last = now;
    m->due = now + EVERY_SECONDS;
}

maps_picture maps_disk(const maps *m)
{
    return (maps_picture){m->disk, DISK_COLUMNS, DISK_ROWS};
}

maps_picture maps_ram(const maps *m)
{
    return (maps_picture){m->ram, m->ram_width, m->ram_height};
}

maps_picture maps_atlas(const maps *m)
{
    return (maps_picture){m->program ? m->atlas : 0, m->atlas_width, m->atlas_height};
}
