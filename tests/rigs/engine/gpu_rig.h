/* gpu_rig.h: a small card for the tests of gpu.h. Include after cmocka. */
#ifndef MEGABUDDY_TESTS_GPU_RIG_H
#define MEGABUDDY_TESTS_GPU_RIG_H

#include "engine/vram/gpu.h"
#include "tests/rigs/engine/gl_rig.h"

#include <stdint.h>

#include <cmocka.h>

enum { FEEDBACK_WIDTH = 20, FEEDBACK_HEIGHT = 12 };

static gpu_table tables[2];

static inline void shape_tables(uint32_t width, uint32_t height)
{
    for (uint32_t i = 0; i < 2; i++) {
        vt_shape *shape = &tables[i].shape;
        assert_true(page_shape_make(width, height / (i + 1), 4, shape));
        tables[i].width = page_table_width(shape);
        tables[i].height = page_table_height(shape);
    }
}

/* An RGBA8 layer and a BC1 layer, 4 x 2 slots, two textures. */
static inline gpu_desc small_desc(void)
{
    const gpu_desc desc = {
        .tables = tables,
        .table_count = 2,
        .atlas_columns = 4,
        .atlas_rows = 2,
        .layer_count = 2,
        .formats = {VT_TEXEL_RGBA8, VT_TEXEL_BC1},
        .srgb = {true, true},
        .staging_tiles = 3,
        .feedback_width = FEEDBACK_WIDTH,
        .feedback_height = FEEDBACK_HEIGHT,
        .anisotropy = 1,
    };
    shape_tables(1000, 500); /* 9 x 5 pages */
    return desc;
}

static inline gpu *create(const gpu_desc *desc)
{
    char error[256] = "";
    gpu *g = gpu_create(desc, error, sizeof error);
    if (!g) {
        fail_msg("gpu_create: %s", error);
    }
    return g;
}

static inline void destroy(gpu *g)
{
    assert_null(gpu_check(g));
    gpu_destroy(g);
    gl_rig_expect_quiet();
}

/* ---- a feedback pass whose pixel (x, y) is base + 1000 y + x ---- */

static const char ids_by_place[] =
    "in vec2 uv;\n"
    "layout(location = 0) out uint id;\n"
    "layout(location = 1) uniform uint base;\n"
    "void main() { id = base + uint(gl_FragCoord.y) * 1000u + uint(gl_FragCoord.x); }\n";

static inline void draw_feedback(gpu *g, GLuint program, uint32_t base, uint64_t tag, bool survey)
{
    assert_true(gpu_feedback_begin(g, tag, survey));
    glProgramUniform1ui(program, 1, base);
    gl_rig_draw(program, (gl_rig_area){0, 0, 1, 1});
    gpu_feedback_end(g);
}

#endif
