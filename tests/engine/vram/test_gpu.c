/* The graphics card, asked from outside: what gpu.c makes, where uploads land, what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vram/gpu_private.h"
#include "shaders/embedded.h"
#include "tests/rigs/engine/gpu_rig.h"
#include "tests/rigs/seed.h"

#define MAX_NAMES 512

static uint64_t seed; /* of this run */

/* ---- sizes ---- */

static uint64_t level_bytes(GLuint texture, GLint level)
{
    static const GLenum components[] = {GL_TEXTURE_RED_SIZE, GL_TEXTURE_GREEN_SIZE,
                                        GL_TEXTURE_BLUE_SIZE, GL_TEXTURE_ALPHA_SIZE,
                                        GL_TEXTURE_DEPTH_SIZE};
    GLint width = 0, height = 0, compressed = 0, bits = 0;
    glGetTextureLevelParameteriv(texture, level, GL_TEXTURE_WIDTH, &width);
    glGetTextureLevelParameteriv(texture, level, GL_TEXTURE_HEIGHT, &height);
    glGetTextureLevelParameteriv(texture, level, GL_TEXTURE_COMPRESSED, &compressed);
    if (compressed) {
        GLint bytes = 0;
        glGetTextureLevelParameteriv(texture, level, GL_TEXTURE_COMPRESSED_IMAGE_SIZE, &bytes);
        return (uint64_t)bytes;
    }
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
        GLint some = 0;
        glGetTextureLevelParameteriv(texture, level, components[i], &some);
        bits += some;
    }
    return (uint64_t)width * (uint64_t)height * (uint64_t)bits / 8;
}

static uint64_t texture_bytes(GLuint texture)
{
    GLint levels = 0;
    uint64_t bytes = 0;
    glGetTextureParameteriv(texture, GL_TEXTURE_IMMUTABLE_LEVELS, &levels);
    for (GLint level = 0; level < levels; level++) {
        bytes += level_bytes(texture, level);
    }
    return bytes;
}

static uint64_t renderbuffer_bytes(GLuint renderbuffer)
{
    GLint width = 0, height = 0, bits = 0;
    glGetNamedRenderbufferParameteriv(renderbuffer, GL_RENDERBUFFER_WIDTH, &width);
    glGetNamedRenderbufferParameteriv(renderbuffer, GL_RENDERBUFFER_HEIGHT, &height);
    glGetNamedRenderbufferParameteriv(renderbuffer, GL_RENDERBUFFER_DEPTH_SIZE, &bits);
    return (uint64_t)width * (uint64_t)height * (uint64_t)bits / 8;
}

/* All that this context holds: drivers count names up from 1. */
static uint64_t bytes_on_the_card(void)
{
    uint64_t bytes = 0;
    for (GLuint name = 1; name < MAX_NAMES; name++) {
        if (glIsTexture(name)) {
            bytes += texture_bytes(name);
        }
        if (glIsRenderbuffer(name)) {
            bytes += renderbuffer_bytes(name);
        }
        if (glIsBuffer(name)) {
            GLint64 size = 0;
            glGetNamedBufferParameteri64v(name, GL_BUFFER_SIZE, &size);
            bytes += (uint64_t)size;
        }
    }
    return bytes;
}

static void counts_every_byte_that_it_makes(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, columns, rows, tiles, feedback_width, survey_width;
    } cases[] = {
        {1000, 500, 4, 2, 3, 20, 0}, {120, 120, 1, 1, 1, 1, 1}, {240, 121, 8, 3, 40, 161, 320}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gpu_desc desc = small_desc();
        shape_tables(cases[i].width, cases[i].height);
        desc.atlas_columns = cases[i].columns;
        desc.atlas_rows = cases[i].rows;
        desc.staging_tiles = cases[i].tiles;
        desc.feedback_width = cases[i].feedback_width;
        desc.survey_width = desc.survey_height = cases[i].survey_width;
        const uint64_t before = bytes_on_the_card();
        gpu *g = create(&desc);
        assert_int_equal(bytes_on_the_card() - before, gpu_bytes(&desc));
        destroy(g);
        assert_int_equal(bytes_on_the_card(), before);
    }
}

/* ---- what it refuses ---- */

static void refuses_what_cannot_be_made(void **state)
{
    (void)state;
    const gpu_table nothing = {.width = 1, .height = 1};
    gpu_desc bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = small_desc();
    }
    bad[0].atlas_columns = 0;
    bad[1].atlas_rows = 257;
    bad[2].layer_count = 0;
    bad[3].layer_count = VT_MAX_LAYERS + 1;
    bad[4].formats[1] = VT_TEXEL_NONE;
    bad[5].staging_tiles = 0;
    bad[6].staging_tiles = UINT32_MAX;
    bad[7].feedback_width = 0;
    bad[8].feedback_height = 1 << 20;
    bad[9].tables = &nothing;
    bad[10].table_count = 0;
    bad[11].survey_width = 1 << 20;
    for (size_t i = 0; i < 12; i++) {
        char error[256] = "";
        if (gpu_create(&bad[i], error, sizeof error)) {
            fail_msg("case %zu was made", i);
        }
        assert_true(strlen(error) > 0);
        assert_null(strchr(error, '\n'));
    }
    gpu_destroy(NULL);
    gl_rig_expect_quiet();
}

/* ---- uploads ---- */

/* Fills `copy` and the tile: the mapped memory itself is for writing only. */
static void random_tile(const gpu *g, const gpu_desc *desc, int32_t tile, uint8_t *copy)
{
    const uint32_t bytes = gpu_tile_bytes(desc);
    for (uint32_t i = 0; i < bytes; i++) {
        copy[i] = (uint8_t)seed_next(&seed);
    }
    memcpy(gpu_staging(g) + (size_t)tile * bytes, copy, bytes);
}

static GLuint texture_labelled(const char *label, GLint format)
{
    for (GLuint name = 1; name < MAX_NAMES; name++) {
        char text[64] = "";
        GLint internal = 0;
        if (!glIsTexture(name)) {
            continue;
        }
        glGetObjectLabel(GL_TEXTURE, name, sizeof text, NULL, text);
        glGetTextureLevelParameteriv(name, 0, GL_TEXTURE_INTERNAL_FORMAT, &internal);
        if (strcmp(text, label) == 0 && internal == format) {
            return name;
        }
    }
    fail_msg("no texture is labelled %s with format 0x%x", label, (unsigned)format);
    return 0;
}

/* Compares both layers of slot (x, y) with the tile that was uploaded there. */
static void expect_slot(uint32_t x, uint32_t y, const uint8_t *tile)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const GLint left = (GLint)x * VT_PAGE_TEXELS, top = (GLint)y * VT_PAGE_TEXELS;
    const GLsizei bc1_bytes = (GLsizei)texel_page_bytes(VT_TEXEL_BC1);
    glGetTextureSubImage(texture_labelled("atlas", GL_SRGB8_ALPHA8), 0, left, top, 0,
                         VT_PAGE_TEXELS, VT_PAGE_TEXELS, 1, GL_RGBA, GL_UNSIGNED_BYTE,
                         sizeof texels, texels);
    assert_memory_equal(texels, tile, sizeof texels);
    glGetCompressedTextureSubImage(texture_labelled("atlas", GL_COMPRESSED_SRGB_S3TC_DXT1_EXT), 0,
                                   left, top, 0, VT_PAGE_TEXELS, VT_PAGE_TEXELS, 1, bc1_bytes,
                                   texels);
    assert_memory_equal(texels, tile + TEXEL_PAGE_MAX_BYTES, bc1_bytes);
}

/* Sends a page by itself. */
static void send(gpu *g, int32_t tile, uint32_t x, uint32_t y)
{
    const vt_page page = {1, 0, (uint16_t)x, (uint16_t)y};
    gpu_upload(g, &(gpu_part){.tile = tile, .x = x, .y = y, .corner = page});
    gpu_staging_sent(g, tile, 0);
}

static void uploads_land_in_their_slots_and_nowhere_else(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    const uint32_t bytes = gpu_tile_bytes(&desc);
    uint8_t *copies = malloc((size_t)bytes * 8);
    assert_non_null(copies);
    for (uint32_t slot = 0; slot < 8; slot++) { /* more slots than tiles: they come round */
        const int32_t tile = gpu_staging_take(g, 0);
        assert_true(tile >= 0);
        random_tile(g, &desc, tile, copies + (size_t)slot * bytes);
        send(g, tile, slot % 4, slot / 4);
        gpu_staging_fence(g, true);
    }
    for (uint32_t slot = 0; slot < 8; slot++) {
        expect_slot(slot % 4, slot / 4, copies + (size_t)slot * bytes);
    }
    gpu_copy(g, 0, 0, 3, 1);
    expect_slot(3, 1, copies);
    expect_slot(2, 1, copies + (size_t)6 * bytes);
    free(copies);
    destroy(g);
}

/* Puts a page's layers into their places in a cluster's rectangles. */
static void lay_page(const gpu_desc *desc, uint32_t order, uint32_t page, const uint8_t *texels,
                     uint8_t *cluster)
{
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        const size_t row = texel_row_bytes(desc->formats[layer]);
        const size_t rows = texel_page_rows(desc->formats[layer]);
        for (size_t y = 0; y < rows; y++) {
            const size_t at =
                ((buddy_morton_y(page) * rows + y) << order) * row + buddy_morton_x(page) * row;
            memcpy(cluster + at, texels, row);
            texels += row;
        }
        cluster += (rows * row) << 2 * order;
    }
}

/* A cluster of 2 x 2 as a whole, then again in two of its quarters. */
static void clusters_and_their_parts_land_page_by_page(void **state)
{
    (void)state;
    gpu_desc desc = small_desc();
    desc.staging_tiles = 5;
    gpu *g = create(&desc);
    const uint32_t bytes = gpu_tile_bytes(&desc);
    uint8_t *pages = malloc((size_t)bytes * 4);
    assert_non_null(pages);
    const int32_t tile = gpu_staging_take(g, 1);
    assert_int_equal(tile, 0);
    for (uint32_t i = 0; i < 4 * bytes; i++) {
        pages[i] = (uint8_t)seed_next(&seed);
    }
    for (uint32_t i = 0; i < 4; i++) {
        lay_page(&desc, 1, i, pages + (size_t)i * bytes, gpu_staging(g) + (size_t)tile * bytes);
    }
    const vt_page corner = {1, 0, 0, 0};
    gpu_upload(g, &(gpu_part){.tile = tile, .order = 1, .part_order = 1, .corner = corner});
    gpu_upload(g, &(gpu_part){.tile = tile, .order = 1, .first = 1, .x = 3, .corner = corner});
    gpu_upload(g,
               &(gpu_part){.tile = tile, .order = 1, .first = 2, .x = 2, .y = 1, .corner = corner});
    gpu_staging_sent(g, tile, 1);
    gpu_staging_fence(g, true);
    for (uint32_t i = 0; i < 4; i++) {
        expect_slot(buddy_morton_x(i), buddy_morton_y(i), pages + (size_t)i * bytes);
    }
    expect_slot(3, 0, pages + (size_t)1 * bytes);
    expect_slot(2, 1, pages + (size_t)2 * bytes);
    free(pages);
    destroy(g);
}

/* The layer of normals. */
static void two_channel_layers_hold_what_was_uploaded(void **state)
{
    (void)state;
    static uint8_t texels[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    static uint8_t copy[TEXEL_PAGE_MAX_BYTES * 2];
    gpu_desc desc = small_desc();
    desc.formats[1] = VT_TEXEL_BC5;
    desc.srgb[1] = false;
    gpu *g = create(&desc);
    const int32_t tile = gpu_staging_take(g, 0);
    random_tile(g, &desc, tile, copy);
    send(g, tile, 2, 1);
    gpu_staging_fence(g, true);
    glGetCompressedTextureSubImage(texture_labelled("atlas", GL_COMPRESSED_RG_RGTC2), 0,
                                   2 * VT_PAGE_TEXELS, VT_PAGE_TEXELS, 0, VT_PAGE_TEXELS,
                                   VT_PAGE_TEXELS, 1, sizeof texels, texels);
    assert_memory_equal(texels, copy + TEXEL_PAGE_MAX_BYTES, sizeof texels);
    destroy(g);
}

static void tiles_return_once_the_card_has_read_them(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    int32_t tiles[3];
    for (int i = 0; i < 3; i++) {
        tiles[i] = gpu_staging_take(g, 0);
        assert_in_range(tiles[i], 0, 2);
    }
    assert_int_equal(gpu_staging_take(g, 0), -1);
    gpu_staging_give(g, tiles[1], 0); /* a job that came to nothing */
    assert_int_equal(gpu_staging_take(g, 0), tiles[1]);
    send(g, tiles[0], 0, 0);
    assert_int_equal(gpu_staging_take(g, 0), -1); /* not before it was fenced */
    gpu_staging_fence(g, true);
    assert_int_equal(gpu_staging_take(g, 0), tiles[0]);
    assert_null(gpu_check(g));
    destroy(g);
}

#define MOST_HELD 90

/* Clusters that the test has taken. */
typedef struct held_cluster {
    int32_t tile;
    uint32_t order;
} held_cluster;

static void do_something(gpu *g, held_cluster held[MOST_HELD], uint32_t *count)
{
    const uint32_t order = seed_below(&seed, 4);
    int32_t tile;
    switch (seed_below(&seed, 4)) {
    case 0:
        tile = gpu_staging_take(g, order);
        if (tile >= 0) {
            assert_int_equal(tile % (1 << 2 * order), 0);
            held[(*count)++] = (held_cluster){tile, order};
        }
        break;
    case 1:
        if (*count > 0) {
            (*count)--;
            gpu_staging_give(g, held[*count].tile, held[*count].order);
        }
        break;
    case 2:
        if (*count > 0) { /* one page of it is enough */
            (*count)--;
            const held_cluster b = held[*count];
            gpu_upload(g, &(gpu_part){.tile = b.tile, .order = b.order, .corner = {1, 0, 0, 0}});
            gpu_staging_sent(g, b.tile, b.order);
        }
        break;
    default:
        gpu_staging_fence(g, seed_below(&seed, 8) == 0);
        break;
    }
}

static void books_balance_whatever_is_done(void **state)
{
    (void)state;
    gpu_desc desc = small_desc();
    desc.staging_tiles = MOST_HELD;
    gpu *g = create(&desc);
    held_cluster held[MOST_HELD];
    uint32_t count = 0;
    for (int step = 0; step < 600; step++) {
        do_something(g, held, &count);
        const char *why = gpu_check(g);
        if (why) {
            fail_msg("%s after step %d", why, step);
        }
    }
    while (count > 0) {
        count--;
        gpu_staging_give(g, held[count].tile, held[count].order);
    }
    gpu_staging_fence(g, true);
    for (uint32_t i = 0; i < MOST_HELD; i++) {
        assert_true(gpu_staging_take(g, 0) >= 0); /* no tile was lost */
    }
    assert_int_equal(gpu_staging_take(g, 0), -1);
    destroy(g);
}

/* ---- page tables ---- */

static void table_rectangles_land_with_their_stride(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    const uint64_t only = UINT64_C(0x123456789abcdef0);
    gpu *g = create(&desc);
    uint64_t source[8 * 11], level[32 * 32];
    const uint32_t width = tables[0].width, height = tables[0].height;
    for (uint32_t i = 0; i < 8 * 11; i++) {
        source[i] = (UINT64_C(1) << 40) + i;
    }
    gpu_table_write(g, 1, (pagetable_rect){3, 1, 4, 2}, source, 11);
    gpu_table_write(g, 2, (pagetable_rect){0, 0, 1, 1}, &only, 1);
    GLuint found = 0;
    for (GLuint name = 1; name < MAX_NAMES && !found; name++) { /* the first of the two */
        char text[64] = "";
        if (glIsTexture(name)) {
            glGetObjectLabel(GL_TEXTURE, name, sizeof text, NULL, text);
            found = strcmp(text, "page table") == 0 ? name : 0;
        }
    }
    assert_true(found != 0 && width * height <= 32 * 32);
    glGetTextureImage(found, 0, GL_RG_INTEGER, GL_UNSIGNED_INT, sizeof(level), level);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            const bool inside = x >= 3 && x < 7 && y >= 1 && y < 3;
            const uint64_t right = inside ? source[(y - 1) * 11 + (x - 3)] : 0;
            assert_true(level[y * width + x] == right);
        }
    }
    glGetTextureImage(found + 1, 0, GL_RG_INTEGER, GL_UNSIGNED_INT, sizeof(level), level);
    assert_true(level[0] == only);
    destroy(g);
}

/* ---- in flight ---- */

static void can_be_destroyed_with_work_in_flight(void **state)
{
    (void)state;
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    const GLuint program = gl_rig_program(ids_by_place);
    draw_feedback(g, program, 1, 1, false);
    send(g, gpu_staging_take(g, 0), 0, 0);
    gpu_staging_fence(g, false);
    glDeleteProgram(program);
    destroy(g);
}

static void leaves_pixel_transfer_state_alone(void **state)
{
    (void)state;
    static const GLenum zero[] = {GL_PIXEL_UNPACK_BUFFER_BINDING, GL_PIXEL_PACK_BUFFER_BINDING,
                                  GL_UNPACK_ROW_LENGTH, GL_PACK_ROW_LENGTH};
    const gpu_desc desc = small_desc();
    gpu *g = create(&desc);
    const uint64_t entry = 1;
    send(g, gpu_staging_take(g, 0), 0, 0);
    gpu_table_write(g, 1, (pagetable_rect){0, 0, 1, 1}, &entry, 1);
    assert_true(gpu_feedback_begin(g, 1, false));
    gpu_feedback_end(g);
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        GLint value = -1;
        glGetIntegerv(zero[i], &value);
        assert_int_equal(value, 0);
    }
    GLint alignment = 0;
    glGetIntegerv(GL_UNPACK_ALIGNMENT, &alignment);
    assert_int_equal(alignment, 4);
    destroy(g);
}

/* ---- the card itself ---- */

/* As the shader has it: of the uniform block of texture 1. */
static float anisotropy_in_effect(gpu *g)
{
    GLint buffer = 0;
    float anisotropy = -1;
    gpu_bind(g, &(gpu_frame){.texture = 1});
    glGetIntegeri_v(GL_UNIFORM_BUFFER_BINDING, VT_BLOCK_BINDING, &buffer);
    glGetNamedBufferSubData((GLuint)buffer, offsetof(gpu_block, anisotropy), sizeof anisotropy,
                            &anisotropy);
    return anisotropy;
}

static void anisotropy_is_what_the_border_allows(void **state)
{
    (void)state;
    static const struct {
        uint32_t wanted, got;
    } cases[] = {{0, 1}, {1, 1}, {3, 3}, {4, 4}, {5, 4}, {4096, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gpu_desc desc = small_desc();
        desc.anisotropy = cases[i].wanted;
        gpu *g = create(&desc);
        assert_true(anisotropy_in_effect(g) == (float)cases[i].got);
        destroy(g);
    }
}

static void knows_how_large_an_atlas_may_be(void **state)
{
    (void)state;
    assert_true(gpu_max_target_side() >= 8192 && gpu_max_target_side() <= 65536);
    assert_true(gpu_max_slots() >= 16384 / VT_PAGE_TEXELS); /* OpenGL 4.5 promises 16384 texels */
}

static void embedded_shaders_compile(void **state)
{
    (void)state;
    glDeleteProgram(gl_rig_program(shader_feedback_frag));
    glDeleteProgram(gl_rig_program(shader_audit_frag));
    gl_rig_expect_quiet();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_every_byte_that_it_makes),
        cmocka_unit_test(refuses_what_cannot_be_made),
        cmocka_unit_test(uploads_land_in_their_slots_and_nowhere_else),
        cmocka_unit_test(clusters_and_their_parts_land_page_by_page),
        cmocka_unit_test(two_channel_layers_hold_what_was_uploaded),
        cmocka_unit_test(tiles_return_once_the_card_has_read_them),
        cmocka_unit_test(books_balance_whatever_is_done),
        cmocka_unit_test(table_rectangles_land_with_their_stride),
        cmocka_unit_test(can_be_destroyed_with_work_in_flight),
        cmocka_unit_test(leaves_pixel_transfer_state_alone),
        cmocka_unit_test(anisotropy_is_what_the_border_allows),
        cmocka_unit_test(knows_how_large_an_atlas_may_be),
        cmocka_unit_test(embedded_shaders_compile),
    };
    seed = seed_of_run();
    if (!gl_rig_open()) {
        return GL_RIG_SKIPPED;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gl_rig_close();
    return failed;
}
