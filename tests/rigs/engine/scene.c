#include "tests/rigs/engine/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SLOTS = 7, /* a side of the atlas */
    BLOCK = 4, /* texels of a BC1 block's side */
};

/* ---- what the texture shows ---- */

void scene_noisy(uint32_t mip, uint32_t x, uint32_t y, uint8_t rgba[4])
{
    const uint32_t noise = (x * 73856093u ^ y * 19349663u ^ mip * 83492791u) * 2654435761u;
    rgba[0] = (uint8_t)(x * 255 / (SCENE_WIDTH >> mip));
    rgba[1] = (uint8_t)(y * 255 / (SCENE_HEIGHT >> mip));
    rgba[2] = (uint8_t)(noise >> 24);
    rgba[3] = 255;
}

void scene_blocky(uint32_t mip, uint32_t x, uint32_t y, uint8_t rgba[4])
{
    scene_noisy(mip, x / BLOCK * BLOCK, y / BLOCK * BLOCK, rgba);
    rgba[0] &= 0xf8;
    rgba[1] &= 0xfc;
    rgba[2] &= 0xf8;
}

void scene_sloping(uint32_t mip, uint32_t x, uint32_t y, uint8_t rgba[4])
{
    (void)mip;
    rgba[0] = (uint8_t)(abs((int)(x % 60) - 30) * 8);
    rgba[1] = (uint8_t)(abs((int)(y % 60) - 30) * 8);
    rgba[2] = 0;
    rgba[3] = 255;
}

void scene_texel(const scene *s, uint32_t mip, int64_t x, int64_t y, uint8_t rgba[4])
{
    const int64_t width = page_mip_width(&s->shape, mip);
    const int64_t height = page_mip_height(&s->shape, mip);
    if (s->wrap_x) {
        x = (x + width) % width;
    }
    x = x < 0 ? 0 : x >= width ? width - 1 : x;
    y = y < 0 ? 0 : y >= height ? height - 1 : y;
    s->texels(mip, (uint32_t)x, (uint32_t)y, rgba);
}

/* One block of one colour: both ends the same, every texel the first. */
static void encode_block(const uint8_t rgba[4], uint8_t block[8])
{
    const unsigned rgb565 = (unsigned)(rgba[0] >> 3 << 11 | rgba[1] >> 2 << 5 | rgba[2] >> 3);
    block[0] = block[2] = (uint8_t)rgb565;
    block[1] = block[3] = (uint8_t)(rgb565 >> 8);
    memset(block + 4, 0, 4);
}

/* The rectangle at (left, top) in the scene's format. */
static void fill(const scene *s, uint32_t mip, int64_t left, int64_t top, uint32_t width,
                 uint32_t height, uint8_t *out)
{
    const bool bc1 = s->desc.formats[0] == VT_TEXEL_BC1;
    const uint32_t step = bc1 ? BLOCK : 1;
    for (uint32_t y = 0; y < height; y += step) {
        for (uint32_t x = 0; x < width; x += step) {
            uint8_t rgba[4];
            scene_texel(s, mip, left + x, top + y, rgba);
            if (bc1) {
                encode_block(rgba, out);
            } else {
                memcpy(out, rgba, 4);
            }
            out += bc1 ? 8 : 4;
        }
    }
}

/* ---- laying it out ---- */

static uint32_t slot_x(uint32_t index)
{
    return 2 * (index % 3) + 1;
}

static uint32_t slot_y(uint32_t index)
{
    return 2 * (index / 3) + 1;
}

static void upload(scene *s, uint32_t x, uint32_t y, const uint8_t *texels, uint32_t id)
{
    const int32_t tile = gpu_staging_take(s->g, 0);
    const uint32_t bytes = gpu_tile_bytes(&s->desc);
    assert_true(tile >= 0);
    memcpy(gpu_staging(s->g) + (size_t)tile * bytes, texels, bytes);
    gpu_upload(s->g, &(gpu_part){.tile = tile, .x = x, .y = y, .corner = page_unpack(id)});
    gpu_staging_sent(s->g, tile, 0);
    gpu_staging_fence(s->g, true);
}

static void poison(scene *s)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES]; /* black, alpha 0 */
    for (uint32_t slot = 0; slot < SLOTS * SLOTS; slot++) {
        upload(s, slot % SLOTS, slot / SLOTS, texels, 0);
    }
}

/* The nearest placed page at or above *page, which becomes that page; SCENE_MAX_PLACED: there is
 * none. */
static uint32_t nearest(const scene *s, vt_page *page)
{
    for (;; *page = page_parent(*page)) {
        for (uint32_t i = 0; i < s->placed_count; i++) {
            const vt_page p = s->placed[i].page;
            if (p.mip == page->mip && p.x == page->x && p.y == page->y) {
                return i;
            }
        }
        if (page->mip + 1u >= s->shape.mips) {
            return SCENE_MAX_PLACED;
        }
    }
}

static uint64_t slot_of(uint32_t index)
{
    return slot_x(index) | slot_y(index) << 8;
}

static uint64_t entry_for(const scene *s, vt_page page)
{
    const uint32_t shown = nearest(s, &page);
    if (shown == SCENE_MAX_PLACED) {
        return 0;
    }
    uint64_t entry = slot_of(shown) | (uint64_t)page.mip << 32 | UINT64_C(1) << 40 |
                     (uint64_t)s->placed[shown].fade << 56;
    if (page.mip + 1u < s->shape.mips) {
        page = page_parent(page);
        const uint32_t behind = nearest(s, &page);
        entry |= behind < SCENE_MAX_PLACED
                     ? slot_of(behind) << 16 | (uint64_t)page.mip << 36 | UINT64_C(1) << 41
                     : 0;
    }
    return entry;
}

static void write_mip(scene *s, uint32_t mip)
{
    const uint32_t width = page_columns(&s->shape, mip), height = page_rows(&s->shape, mip);
    uint64_t *entries = calloc((size_t)width * height, sizeof *entries);
    assert_non_null(entries);
    for (uint32_t i = 0; i < width * height; i++) {
        entries[i] = entry_for(s, (vt_page){SCENE_TEXTURE, (uint8_t)mip, (uint16_t)(i % width),
                                            (uint16_t)(i / width)});
    }
    const pagetable_rect all = {page_table_left(&s->shape, mip), page_table_top(&s->shape, mip),
                                width, height};
    gpu_table_write(s->g, SCENE_TEXTURE, all, entries, width);
    free(entries);
}

void scene_write_table(scene *s)
{
    for (uint32_t mip = 0; mip < s->shape.mips; mip++) {
        write_mip(s, mip);
    }
}

void scene_place(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t fade)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const vt_page page = {SCENE_TEXTURE, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
    const uint32_t index = s->placed_count++;
    assert_true(index < SCENE_MAX_PLACED);
    s->placed[index] = (scene_placed){page, fade};
    fill(s, mip, (int64_t)x * s->shape.payload - SCENE_BORDER,
         (int64_t)y * s->shape.payload - SCENE_BORDER, VT_PAGE_TEXELS, VT_PAGE_TEXELS, texels);
    upload(s, slot_x(index), slot_y(index), texels, page_pack(page));
}

void scene_place_mips(scene *s, uint32_t first)
{
    for (uint32_t mip = first; mip < s->shape.mips; mip++) {
        for (uint32_t y = 0; y < page_rows(&s->shape, mip); y++) {
            for (uint32_t x = 0; x < page_columns(&s->shape, mip); x++) {
                scene_place(s, mip, x, y, 255);
            }
        }
    }
    scene_write_table(s);
}

static scene_placed *find_placed(scene *s, uint32_t mip, uint32_t x, uint32_t y)
{
    for (uint32_t i = 0; i < s->placed_count; i++) {
        const vt_page p = s->placed[i].page;
        if (p.mip == mip && p.x == x && p.y == y) {
            return &s->placed[i];
        }
    }
    fail_msg("page %u %u %u was not placed", mip, x, y);
    return NULL;
}

void scene_forget(scene *s, uint32_t mip, uint32_t x, uint32_t y)
{
    find_placed(s, mip, x, y)->page.mip = UINT8_MAX;
    scene_write_table(s);
}

void scene_set_fade(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t fade)
{
    find_placed(s, mip, x, y)->fade = fade;
    scene_write_table(s);
}

void scene_swap_texels(scene *s, uint32_t mip, uint32_t x, uint32_t y, uint32_t id)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const uint32_t index = (uint32_t)(find_placed(s, mip, x, y) - s->placed);
    upload(s, slot_x(index), slot_y(index), texels, id);
}

static void make_plain(scene *s)
{
    const gpu_desc *d = &s->desc;
    const bool bc1 = d->formats[0] == VT_TEXEL_BC1;
    const GLenum format = bc1          ? GL_COMPRESSED_RGB_S3TC_DXT1_EXT
                          : d->srgb[0] ? GL_SRGB8_ALPHA8
                                       : GL_RGBA8;
    uint8_t *texels = malloc((size_t)SCENE_WIDTH * SCENE_HEIGHT * 4);
    assert_non_null(texels);
    glCreateTextures(GL_TEXTURE_2D, 1, &s->plain);
    glTextureStorage2D(s->plain, (GLsizei)s->shape.mips, format, SCENE_WIDTH, SCENE_HEIGHT);
    for (uint32_t mip = 0; mip < s->shape.mips; mip++) {
        const uint32_t width = page_mip_width(&s->shape, mip);
        const uint32_t height = page_mip_height(&s->shape, mip);
        fill(s, mip, 0, 0, width, height, texels);
        if (bc1) {
            const uint32_t blocks = (width + BLOCK - 1) / BLOCK * ((height + BLOCK - 1) / BLOCK);
            glCompressedTextureSubImage2D(s->plain, (GLint)mip, 0, 0, (GLsizei)width,
                                          (GLsizei)height, format, (GLsizei)blocks * 8, texels);
        } else {
            glTextureSubImage2D(s->plain, (GLint)mip, 0, 0, (GLsizei)width, (GLsizei)height,
                                GL_RGBA, GL_UNSIGNED_BYTE, texels);
        }
    }
    free(texels);
    glTextureParameteri(s->plain, GL_TEXTURE_WRAP_S, s->wrap_x ? GL_REPEAT : GL_CLAMP_TO_EDGE);
    glTextureParameteri(s->plain, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    glTextureParameteri(s->plain, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
    if (d->anisotropy > 1 && GLAD_GL_EXT_texture_filter_anisotropic) {
        glTextureParameterf(s->plain, GL_TEXTURE_MAX_ANISOTROPY_EXT, (float)d->anisotropy);
    }
    glBindTextureUnit(0, s->plain);
}

void scene_bind(scene *s, float bias, float feedback_scale)
{
    gpu_bind(
        s->g,
        &(gpu_frame){.texture = SCENE_TEXTURE, .mip_bias = bias, .feedback_scale = feedback_scale});
}

scene scene_open(scene s, uint32_t width, uint32_t height)
{
    s.desc.atlas_columns = s.desc.atlas_rows = SLOTS;
    s.desc.layer_count = 1;
    s.desc.formats[0] = s.desc.formats[0] ? s.desc.formats[0] : VT_TEXEL_RGBA8;
    s.desc.staging_tiles = 1;
    s.desc.feedback_width = s.desc.feedback_height = 16;
    s.desc.audit = true;
    s.texels = s.texels ? s.texels : scene_noisy;
    assert_true(page_shape_make(width, height, SCENE_BORDER, &s.shape));
    s.tables = calloc(SCENE_TEXTURE, sizeof *s.tables);
    assert_non_null(s.tables);
    for (uint32_t i = 0; i < SCENE_TEXTURE; i++) {
        s.tables[i] = (gpu_table){.shape = s.shape,
                                  .width = page_table_width(&s.shape),
                                  .height = page_table_height(&s.shape),
                                  .wrap_x = s.wrap_x};
    }
    s.desc.tables = s.tables;
    s.desc.table_count = SCENE_TEXTURE;
    gl_rig_set_rectangles(gpu_has_rectangles(&s.desc));
    char error[256] = "";
    s.g = gpu_create(&s.desc, error, sizeof error);
    if (!s.g) {
        fail_msg("gpu_create: %s", error);
    }
    poison(&s);
    scene_write_table(&s);
    scene_bind(&s, 0, 1);
    return s;
}

scene scene_open_small(scene s)
{
    s = scene_open(s, SCENE_WIDTH, SCENE_HEIGHT);
    make_plain(&s);
    return s;
}

void scene_close(scene *s)
{
    glDeleteTextures(1, &s->plain);
    gpu_destroy(s->g);
    free(s->tables);
    gl_rig_expect_quiet();
}
