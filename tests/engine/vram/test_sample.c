/* sample.glsl against computation: a tiny virtual texture must look like a plain mip-mapped texture
 * of the same texels, drawn by the same card. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shaders/embedded.h"
#include "tests/rigs/engine/scene.h"

#define MAX_PIXELS (400 * 300)

static float drawn[MAX_PIXELS * 4], wanted[MAX_PIXELS * 4];
static uint32_t ids[MAX_PIXELS];

/* ---- comparing ---- */

#define BODY(expression)                             \
    "in vec2 uv;\n"                                  \
    "layout(location = 0) out vec4 colour;\n"        \
    "layout(binding = 0) uniform sampler2D plain;\n" \
    "void main() { colour = " expression "; }\n"

static void draw_colours(const char *body, gl_rig_area area, uint32_t width, uint32_t height,
                         float *out)
{
    assert_true(width * height <= MAX_PIXELS);
    const GLuint program = gl_rig_program(body);
    gl_rig_draw_colours(program, area, width, height, out);
    glDeleteProgram(program);
}

/* Differences in levels of 255; fails on more than `most` anywhere, more than `mean` over all, or
 * texels from outside of a page. */
static void expect_same(uint32_t count, float most, float mean, const char *what)
{
    float worst = 0;
    double sum = 0;
    for (uint32_t i = 0; i < count * 4; i++) {
        const float difference = fabsf(drawn[i] - wanted[i]) * 255;
        worst = difference > worst ? difference : worst;
        sum += difference;
        if (i % 4 == 3 && !(drawn[i] > 0.999f)) {
            fail_msg("%s: pixel %u is %.3f opaque: it shows what lies beside its page", what, i / 4,
                     (double)drawn[i]);
        }
    }
    sum /= count * 4;
    print_message("    %s: worst %.2f, mean %.3f levels\n", what, (double)worst, sum);
    if (!(worst <= most && sum <= (double)mean)) {
        fail_msg("%s: worst %.2f of %.2f, mean %.3f of %.3f levels", what, (double)worst,
                 (double)most, sum, (double)mean);
    }
}

/* vt_sample and `body` over the same area. */
static void expect_like(const char *body, gl_rig_area area, uint32_t width, uint32_t height,
                        float most, float mean, const char *what)
{
    draw_colours(BODY("vt_sample(uv)"), area, width, height, drawn);
    draw_colours(body, area, width, height, wanted);
    expect_same(width * height, most, mean, what);
}

typedef struct view_case {
    const char *name;
    gl_rig_area area;
    uint32_t width, height;
} view_case;

static const view_case views[] = {
    {"a pixel a texel", {0, 0, 1, 1}, 360, 240},
    {"magnified over a corner of four pages", {0.31f, 0.47f, 0.05f, 0.06f}, 200, 200},
    {"between two mips", {0, 0, 1, 1}, 250, 170},
    {"upside down, mirrored and between mips", {1, 1, -1, -1}, 130, 90},
    {"the last mip", {0, 0, 1, 1}, 85, 60},
    {"smaller than the last mip", {0, 0, 1, 1}, 33, 21},
    {"narrow", {0, 0, 1, 1}, 100, 240},
    {"flat", {0, 0, 1, 1}, 360, 40},
    {"beyond the picture's edges", {-0.1f, -0.15f, 1.2f, 1.3f}, 300, 200},
    {"the bottom right corner, magnified", {0.98f, 0.98f, 0.03f, 0.03f}, 160, 160},
};

/* The card filters with 8 bits of fraction, from different places in the two textures: one level
 * for the rounding of either, and one for the mip's fraction, which it may round to 8 bits too. */
static const float most_levels = 3, mean_levels = 0.5f;

static void compare_views(const char *reference)
{
    for (size_t i = 0; i < sizeof(views) / sizeof views[0]; i++) {
        expect_like(reference, views[i].area, views[i].width, views[i].height, most_levels,
                    mean_levels, views[i].name);
    }
}

static void looks_like_a_plain_texture(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    compare_views(BODY("textureLod(plain, uv, vt_lod(uv))"));
    scene_close(&s);
}

/* The card's own level of detail, of which OpenGL lets it make an approximation. */
static void finds_the_level_of_detail_that_the_card_finds(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    for (size_t i = 0; i < sizeof(views) / sizeof views[0]; i++) {
        expect_like(BODY("texture(plain, uv)"), views[i].area, views[i].width, views[i].height, 16,
                    4, views[i].name);
    }
    scene_close(&s);
}

static void looks_like_a_plain_texture_in_srgb(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){.desc = {.srgb = {true}}});
    scene_place_mips(&s, 0);
    compare_views(BODY("textureLod(plain, uv, vt_lod(uv))"));
    scene_close(&s);
}

static void looks_like_a_plain_texture_in_bc1(void **state)
{
    (void)state;
    scene s =
        scene_open_small((scene){.desc = {.formats = {VT_TEXEL_BC1}}, .texels = scene_blocky});
    scene_place_mips(&s, 0);
    compare_views(BODY("textureLod(plain, uv, vt_lod(uv))"));
    scene_close(&s);
}

static void wraps_without_a_seam(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){.wrap_x = true});
    scene_place_mips(&s, 0);
    const char *reference = BODY("textureLod(plain, uv, vt_lod(uv))");
    expect_like(reference, (gl_rig_area){-0.6f, 0, 2.2f, 1}, 400, 240, most_levels, mean_levels,
                "two times round");
    expect_like(reference, (gl_rig_area){0.99f, 0.4f, 0.02f, 0.02f}, 200, 200, most_levels,
                mean_levels, "the seam, magnified");
    scene_close(&s);
}

static float lod_over_all(uint32_t width, uint32_t height)
{
    draw_colours(BODY("vec4(vt_lod(uv))"), (gl_rig_area){0, 0, 1, 1}, width, height, drawn);
    return drawn[0];
}

static void filters_anisotropically_like_a_plain_texture(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){.desc = {.anisotropy = 4}, .texels = scene_sloping});
    if (!GLAD_GL_EXT_texture_filter_anisotropic) { /* then there is nothing to compare with */
        scene_close(&s);
        skip();
    }
    scene_place_mips(&s, 0);
    assert_float_equal(lod_over_all(90, 240), 0, 1e-3); /* 4 texels by 1 */
    assert_float_equal(lod_over_all(45, 240), 1, 1e-3); /* 8 by 1: four times is the most */
    assert_float_equal(lod_over_all(360, 120), 0, 1e-3);
    /* How many samples a card takes, and where, is its own affair: within a texel of ours, which is
     * 8 levels, and a rounding. Noise would make that any number. */
    const char *reference = BODY("texture(plain, uv)");
    expect_like(reference, (gl_rig_area){0, 0, 1, 1}, 90, 240, 9, 1, "four to one");
    expect_like(reference, (gl_rig_area){0, 0, 1, 1}, 110, 240, 9, 1, "three to one");
    expect_like(reference, (gl_rig_area){0, 0, 1, 1}, 360, 70, 9, 1, "one to three");
    glTextureParameterf(s.plain, GL_TEXTURE_MAX_ANISOTROPY_EXT, 1);
    expect_like(BODY("textureLod(plain, uv, vt_lod(uv))"), (gl_rig_area){0, 0, 1, 1}, 300, 200,
                most_levels, mean_levels, "one to one");
    /* Footprints larger than a page: only that they stay inside, which the alpha tells. */
    const char *itself = BODY("vt_sample(uv)");
    const gl_rig_area beyond = {-0.2f, -0.2f, 1.4f, 1.4f};
    expect_like(itself, beyond, 3, 200, 0, 0, "a hundred and fifty to one");
    expect_like(itself, beyond, 400, 3, 0, 0, "one to a hundred and fifty");
    expect_like(itself, beyond, 5, 4, 0, 0, "smaller than the last mip");
    scene_close(&s);
}

static void can_be_compiled_without_anisotropy(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){.desc = {.anisotropy = 4}});
    scene_place_mips(&s, 0);
    if (GLAD_GL_EXT_texture_filter_anisotropic) {
        glTextureParameterf(s.plain, GL_TEXTURE_MAX_ANISOTROPY_EXT, 1);
    }
    gl_rig_define("#define VT_ISOTROPIC\n");
    assert_float_equal(lod_over_all(90, 240), 2, 1e-3); /* 4 texels by 1 */
    compare_views(BODY("textureLod(plain, uv, vt_lod(uv))"));
    gl_rig_define("");
    scene_close(&s);
}

/* ---- what is missing, and what is arriving ---- */

static const view_case page_1_0 = {
    "page 1 0", {122 / 360.f, 2 / 240.f, 116 / 360.f, 116 / 240.f}, 116, 116}; /* a pixel a texel */

static void expect_page_1_0(const char *reference, const char *what)
{
    expect_like(reference, page_1_0.area, page_1_0.width, page_1_0.height, most_levels, mean_levels,
                what);
}

static void shows_the_nearest_ancestor_of_a_missing_page(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    scene_forget(&s, 0, 1, 0);
    expect_page_1_0(BODY("textureLod(plain, uv, 1.0)"), "its parent");
    scene_forget(&s, 1, 0, 0);
    expect_page_1_0(BODY("textureLod(plain, uv, 2.0)"), "its grandparent");
    expect_like(BODY("textureLod(plain, uv, 0.0)"),
                (gl_rig_area){2 / 360.f, 2 / 240.f, 116 / 360.f, 116 / 240.f}, 116, 116,
                most_levels, mean_levels, "its neighbour, which is there");
    scene_close(&s);
}

static void fades_from_the_ancestor_to_the_page(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    scene_set_fade(&s, 0, 1, 0, 0);
    expect_page_1_0(BODY("textureLod(plain, uv, 1.0)"), "just arrived");
    scene_set_fade(&s, 0, 1, 0, 64);
    expect_page_1_0(
        BODY("mix(textureLod(plain, uv, 1.0), textureLod(plain, uv, 0.0), 64.0 / 255.0)"),
        "a quarter arrived");
    scene_set_fade(&s, 0, 1, 0, 255);
    expect_page_1_0(BODY("textureLod(plain, uv, 0.0)"), "arrived");
    scene_forget(&s, 0, 1, 0);
    scene_set_fade(&s, 1, 0, 0, 128);
    expect_page_1_0(
        BODY("mix(textureLod(plain, uv, 2.0), textureLod(plain, uv, 1.0), 128.0 / 255.0)"),
        "an ancestor half arrived");
    scene_forget(&s, 1, 0, 0);
    scene_set_fade(&s, 2, 0, 0, 0);
    expect_page_1_0(BODY("textureLod(plain, uv, 2.0)"), "the last mip has nothing to fade from");
    scene_close(&s);
}

static void bias_makes_everything_coarser(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    scene_bind(&s, 0.75f, 1);
    compare_views(BODY("textureLod(plain, uv, log2(max(length(dFdx(uv * vt_size)), "
                       "length(dFdy(uv * vt_size)))) + 0.75)"));
    scene_close(&s);
}

/* ---- large pictures ---- */

/* The far end of a picture of the largest width, against a texture of that page alone. */
static void is_precise_at_the_far_end_of_a_large_picture(void **state)
{
    (void)state;
    const uint32_t width = 131072, height = 240;
    scene s = scene_open((scene){.texels = scene_sloping}, width, height);
    const uint32_t last = page_columns(&s.shape, 0) - 1;
    for (uint32_t x = last - 2; x <= last; x++) {
        scene_place(&s, 0, x, 0, 255);
        scene_place(&s, 0, x, 1, 255);
    }
    scene_write_table(&s);
    const double left = width - 240;
    const gl_rig_area far = {(float)(left / width), 0, (float)(240.0 / width), 1};
    draw_colours(BODY("vt_sample(uv)"), far, 400, 240, drawn);
    for (uint32_t i = 0; i < 400 * 240; i++) {
        /* Bilinear filtering of scene_sloping() by hand. */
        const double x = left + (i % 400 + 0.5) * 240 / 400 - 0.5, whole = floor(x);
        uint8_t here[4], next[4];
        scene_texel(&s, 0, (int64_t)whole, i / 400, here);
        scene_texel(&s, 0, (int64_t)whole + 1, i / 400, next);
        for (int c = 0; c < 4; c++) {
            wanted[i * 4 + (uint32_t)c] =
                (float)((here[c] + (next[c] - here[c]) * (x - whole)) / 255);
        }
    }
    /* uv has 24 bits, so a place is off by up to 2^-7 texel, a few times over: 8 levels a texel. */
    expect_same(400 * 240, 1.5f, 0.5f, "131072 texels wide");
    scene_close(&s);
}

/* ---- feedback ---- */

static void draw_ids(const char *body, gl_rig_area area, uint32_t width, uint32_t height)
{
    assert_true(width * height <= MAX_PIXELS);
    const GLuint program = gl_rig_program(body);
    gl_rig_draw_ids(program, area, width, height, ids);
    glDeleteProgram(program);
}

static uint32_t clamp_page(double texel, uint32_t payload, uint32_t count)
{
    const double page = floor(texel / payload);
    return page < 0 ? 0 : page >= count ? count - 1 : (uint32_t)page;
}

/* Compares ids with what the page pyramid says, computed in doubles; near a line between pages
 * either is right. Returns the number of pixels looked at. */
static uint32_t expect_feedback(const scene *s, const view_case *v, uint32_t mip)
{
    const vt_shape *shape = &s->shape;
    uint32_t looked_at = 0;
    for (uint32_t i = 0; i < v->width * v->height; i++) {
        const double across = (i % v->width + 0.5) / v->width;
        const double down = ((double)(i / v->width) + 0.5) / v->height;
        const double x = ldexp((v->area.u + v->area.width * across) * shape->width, -(int)mip);
        const double y = ldexp((v->area.v + v->area.height * down) * shape->height, -(int)mip);
        const double off_x = fabs(x / shape->payload - round(x / shape->payload));
        const double off_y = fabs(y / shape->payload - round(y / shape->payload));
        if (off_x * shape->payload < 0.1 || off_y * shape->payload < 0.1) {
            continue;
        }
        looked_at++;
        const vt_page want = {SCENE_TEXTURE, (uint8_t)mip,
                              (uint16_t)clamp_page(x, shape->payload, page_columns(shape, mip)),
                              (uint16_t)clamp_page(y, shape->payload, page_rows(shape, mip))};
        if (ids[i] != page_pack(want)) {
            const vt_page got = page_unpack(ids[i]);
            fail_msg("%s, pixel %u: page %u %u %u, not %u %u %u", v->name, i, got.mip, got.x, got.y,
                     mip, want.x, want.y);
        }
    }
    return looked_at;
}

static void feedback_names_the_page_that_a_pixel_wants(void **state)
{
    (void)state;
    scene s = scene_open((scene){0}, 131072, 50001);
    static const struct {
        view_case view;
        float scale, bias;
        uint32_t mip;
    } cases[] = {
        {{"all of it", {0, 0, 1, 1}, 300, 120}, 1, 0, 8},             /* 2^8.77 texels a pixel */
        {{"all of it, an eighth", {0, 0, 1, 1}, 300, 120}, 8, 0, 5},  /* 8.77 - 3 */
        {{"all of it, biased", {0, 0, 1, 1}, 300, 120}, 1, 0.5f, 9},  /* 8.77 + 0.5 */
        {{"beyond the edges", {-1, -1, 3, 3}, 300, 120}, 1024, 0, 0}, /* 10.4 - 10 */
        {{"smaller than the last mip", {0, 0, 1, 1}, 10, 4}, 1, 0, 11},
        {{"magnified", {0.75f, 0.5f, 0.01f, 0.01f}, 300, 300}, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene_bind(&s, cases[i].bias, cases[i].scale);
        const view_case *v = &cases[i].view;
        draw_ids(shader_feedback_frag, v->area, v->width, v->height);
        assert_true(expect_feedback(&s, v, cases[i].mip) > v->width * v->height / 2);
    }
    scene_close(&s);
}

static void feedback_is_right_at_the_very_corners(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_bind(&s, 0, 1024); /* mip 0 however coarse the derivatives */
    draw_ids(shader_feedback_frag, (gl_rig_area){-0.5f, -0.5f, 2, 2}, 2, 2); /* uv 0 and 1 */
    for (uint32_t i = 0; i < 4; i++) {
        const vt_page want = {SCENE_TEXTURE, 0, i % 2 ? 2 : 0, i / 2};
        assert_int_equal(ids[i], page_pack(want));
    }
    draw_ids("in vec2 uv; out uint id; void main() { id = vt_feedback(vec2(0.5)); }",
             (gl_rig_area){0, 0, 1, 1}, 4, 4); /* no derivatives at all */
    assert_int_equal(ids[5], page_pack((vt_page){SCENE_TEXTURE, 0, 1, 1}));
    scene_close(&s);
}

/* ---- audit ---- */

/* What vt_audit says all over page (x, y) of mip 0, which it must say everywhere there. Fifteen
 * texels on sixteen pixels: at one to one rounding decides whether the next mip is looked at. */
static void expect_audit(const scene *s, uint32_t x, uint32_t y, uint32_t verdict, const char *what)
{
    const float payload = (float)s->shape.payload;
    draw_ids(shader_audit_frag,
             (gl_rig_area){(float)x * payload / SCENE_WIDTH, (float)y * payload / SCENE_HEIGHT,
                           payload / SCENE_WIDTH, payload / SCENE_HEIGHT},
             128, 128);
    for (uint32_t i = 0; i < 128 * 128; i++) {
        if (ids[i] != verdict) {
            fail_msg("%s: pixel %u of page %u %u: verdict %u, not %u", what, i, x, y, ids[i],
                     verdict);
        }
    }
}

static void audit_tells_sharp_from_coarser_from_a_hole(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    expect_audit(&s, 1, 0, VT_AUDIT_HOLE, "nothing there");
    scene_place_mips(&s, 0);
    expect_audit(&s, 1, 0, VT_AUDIT_SHARP, "all there");
    scene_set_fade(&s, 0, 1, 0, 254);
    expect_audit(&s, 1, 0, VT_AUDIT_COARSER, "not quite faded in");
    expect_audit(&s, 0, 0, VT_AUDIT_SHARP, "its neighbour");
    scene_forget(&s, 0, 1, 0);
    expect_audit(&s, 1, 0, VT_AUDIT_COARSER, "its parent");
    expect_audit(&s, 2, 1, VT_AUDIT_SHARP, "far from it");
    scene_bind(&s, 1.5f, 1);
    expect_audit(&s, 2, 1, VT_AUDIT_COARSER, "under a bias");
    scene_close(&s);
}

static void audit_finds_wrong_pages(void **state)
{
    (void)state;
    scene s = scene_open_small((scene){0});
    scene_place_mips(&s, 0);
    scene_swap_texels(&s, 0, 1, 0, page_pack((vt_page){SCENE_TEXTURE, 0, 2, 0}));
    expect_audit(&s, 1, 0, VT_AUDIT_WRONG, "its neighbour's texels");
    expect_audit(&s, 2, 0, VT_AUDIT_SHARP, "the neighbour itself");
    scene_swap_texels(&s, 0, 2, 0, page_pack((vt_page){SCENE_TEXTURE + 1, 0, 2, 0}));
    expect_audit(&s, 2, 0, VT_AUDIT_WRONG, "another texture's texels");
    scene_swap_texels(&s, 1, 0, 0, 0);
    expect_audit(&s, 0, 0, VT_AUDIT_SHARP, "a wrong parent that is not looked at");
    scene_set_fade(&s, 0, 0, 0, 100);
    expect_audit(&s, 0, 0, VT_AUDIT_WRONG, "a wrong parent while the page fades in");
    scene_forget(&s, 0, 0, 0);
    expect_audit(&s, 0, 0, VT_AUDIT_WRONG, "a wrong parent in its stead");
    scene_close(&s);
}

/* At every scale, over all edges and page borders: no pixel of a complete texture is not sharp. */
static void audit_finds_nothing_wrong_with_a_complete_texture(void **state)
{
    (void)state;
    for (uint32_t wrap = 0; wrap < 2; wrap++) {
        scene s = scene_open_small((scene){.wrap_x = wrap == 1});
        scene_place_mips(&s, 0);
        for (size_t i = 0; i < sizeof(views) / sizeof views[0]; i++) {
            draw_ids(shader_audit_frag, views[i].area, views[i].width, views[i].height);
            for (uint32_t p = 0; p < views[i].width * views[i].height; p++) {
                if (ids[p] != VT_AUDIT_SHARP) {
                    fail_msg("%s: pixel %u: verdict %u", views[i].name, p, ids[p]);
                }
            }
        }
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_like_a_plain_texture),
        cmocka_unit_test(finds_the_level_of_detail_that_the_card_finds),
        cmocka_unit_test(looks_like_a_plain_texture_in_srgb),
        cmocka_unit_test(looks_like_a_plain_texture_in_bc1),
        cmocka_unit_test(wraps_without_a_seam),
        cmocka_unit_test(filters_anisotropically_like_a_plain_texture),
        cmocka_unit_test(can_be_compiled_without_anisotropy),
        cmocka_unit_test(shows_the_nearest_ancestor_of_a_missing_page),
        cmocka_unit_test(fades_from_the_ancestor_to_the_page),
        cmocka_unit_test(bias_makes_everything_coarser),
        cmocka_unit_test(is_precise_at_the_far_end_of_a_large_picture),
        cmocka_unit_test(feedback_names_the_page_that_a_pixel_wants),
        cmocka_unit_test(feedback_is_right_at_the_very_corners),
        cmocka_unit_test(audit_tells_sharp_from_coarser_from_a_hole),
        cmocka_unit_test(audit_finds_wrong_pages),
        cmocka_unit_test(audit_finds_nothing_wrong_with_a_complete_texture),
    };
    if (!gl_rig_open()) {
        return GL_RIG_SKIPPED;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gl_rig_close();
    return failed;
}
