/* Which format the atlas has, given how pages are stored and what was asked for (on a fake GPU). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/engine/fake_gpu.h"
#include "tests/rigs/engine/stream_rig.h"
#include "tests/rigs/scratch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A world of one page, whose layer is stored in `format`, or by way of JPEG. */
static const char *write_world(void **state, const char *name, vt_texel_format format, bool lossy)
{
    static const uint8_t TEXELS[TEXEL_PAGE_MAX_BYTES];
    const char *path = scratch_path(*state, name);
    const pagewriter_packing how = {lossy ? PAGE_JPEG : PAGE_ZSTD, 0};
    pagewriter_desc desc = {.path = path,
                            .layer_count = 1,
                            .layers = {{.format = format, .name = "a", .lossy = lossy}}};
    pagewriter_packed packed = codecs_pack(format, TEXELS, how);
    pagewriter *w = NULL;
    assert_non_null(packed.data);
    assert_true(page_shape_make(100, 100, 4, &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    assert_int_equal(pagewriter_put(w, (vt_page){0, 0, 0, 0}, &packed), PAGEFILE_OK);
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
    free(packed.data);
    return path;
}

static vt_texel_format atlas_of(const char *path, const char *other, vt_format wanted)
{
    const vt_source others = {.path = other};
    vt *v = rig_create(&(vt_desc){.path = path,
                                  .others = &others,
                                  .other_count = other != NULL,
                                  .format = wanted,
                                  .vram_budget_bytes = 16 * RIG_MIB,
                                  .ram_budget_bytes = 16 * RIG_MIB});
    const vt_texel_format format = vt_atlas_format(v, 0);
    vt_destroy(v);
    return format;
}

static void the_atlas_is_as_stored_or_as_asked_for(void **state)
{
    static const struct {
        vt_texel_format stored;
        bool lossy;
        vt_texel_format left_to_us, in_blocks;
    } CASES[] = {
        {VT_TEXEL_RGBA8, false, VT_TEXEL_RGBA8, VT_TEXEL_BC1},
        {VT_TEXEL_RGBA8, true, VT_TEXEL_BC1, VT_TEXEL_BC1},
        {VT_TEXEL_BC1, false, VT_TEXEL_BC1, VT_TEXEL_BC1},
        {VT_TEXEL_BC3, false, VT_TEXEL_BC3, VT_TEXEL_BC3},
        {VT_TEXEL_BC4, false, VT_TEXEL_BC4, VT_TEXEL_BC4},
        {VT_TEXEL_BC5, false, VT_TEXEL_BC5, VT_TEXEL_BC5},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const char *path = write_world(state, "one.mega", CASES[i].stored, CASES[i].lossy);
        fake_gpu_found.software = false;
        assert_int_equal(atlas_of(path, NULL, VT_FORMAT_AUTO), CASES[i].left_to_us);
        assert_int_equal(atlas_of(path, NULL, VT_FORMAT_BC1), CASES[i].in_blocks);
        assert_int_equal(atlas_of(path, NULL, VT_FORMAT_RGBA8), VT_TEXEL_RGBA8);
        fake_gpu_found.software = true;
        assert_int_equal(atlas_of(path, NULL, VT_FORMAT_AUTO), VT_TEXEL_RGBA8);
    }
}

/* Where formats differ RGBA8 holds them all; but JPEG and BC1 meet in BC1. */
static void textures_that_differ_share_an_atlas(void **state)
{
    const char *const bc1 = write_world(state, "bc1.mega", VT_TEXEL_BC1, false);
    const char *const bc3 = write_world(state, "bc3.mega", VT_TEXEL_BC3, false);
    const char *const plain = write_world(state, "plain.mega", VT_TEXEL_RGBA8, false);
    const char *const jpeg = write_world(state, "jpeg.mega", VT_TEXEL_RGBA8, true);
    fake_gpu_found.software = false;
    assert_int_equal(atlas_of(jpeg, bc1, VT_FORMAT_AUTO), VT_TEXEL_BC1);
    assert_int_equal(atlas_of(bc1, jpeg, VT_FORMAT_AUTO), VT_TEXEL_BC1);
    assert_int_equal(atlas_of(jpeg, plain, VT_FORMAT_AUTO), VT_TEXEL_RGBA8);
    assert_int_equal(atlas_of(jpeg, bc3, VT_FORMAT_AUTO), VT_TEXEL_RGBA8);
    assert_int_equal(atlas_of(bc3, plain, VT_FORMAT_BC1), VT_TEXEL_BC1); /* BC3 is packed anew */
    fake_gpu_found.software = true;
}

/* ---- screens of any size ---- */

static void any_screen_has_feedback(void **state)
{
    static const struct {
        uint32_t width, height, divisor, most_side, budget_mib;
    } CASES[] = {
        {10240, 1440, 0, 8192, 2048}, {1440, 10240, 0, 8192, 2048},  {10240, 1440, 1, 8192, 1024},
        {16384, 16384, 0, 16384, 64}, {16384, 16384, 1, 16384, 512}, {1, 1, 0, 16384, 64},
        {1, 16384, 1, 16384, 64},     {65535, 65535, 0, 4096, 64},
    };
    const char *path = scratch_path(*state, "screens.mega");
    rig_write_world(path, &(rig_world){.width = 1000, .height = 800, .formats = {VT_TEXEL_RGBA8}});
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fake_gpu_found.max_target_side = CASES[i].most_side;
        vt *v = rig_create(&(vt_desc){.path = path,
                                      .screen_width = CASES[i].width,
                                      .screen_height = CASES[i].height,
                                      .feedback_divisor = CASES[i].divisor,
                                      .vram_budget_bytes = CASES[i].budget_mib * RIG_MIB});
        uint32_t width, height;
        vt_feedback_size(v, &width, &height);
        const uint32_t divisor = vt_get_desc(v)->feedback_divisor;
        assert_int_equal(width, (CASES[i].width + divisor - 1) / divisor);
        assert_int_equal(height, (CASES[i].height + divisor - 1) / divisor);
        vt_update(v, &(vt_clock){.now_ms = 1, .cut = true});
        assert_true(vt_feedback_begin(v, VT_FEEDBACK_NOW)); /* the survey's, if there is one */
        vt_feedback_size(v, &width, &height);
        assert_true(width >= 1 && width <= CASES[i].most_side);
        assert_true(height >= 1 && height <= CASES[i].most_side);
        vt_feedback_end(v);
        rig_expect_sound(v);
        vt_destroy(v);
    }
    fake_gpu_found.max_target_side = 16384;
}

/* ---- a header that asks for much ---- */

/* A file of 135 MB, all of it a hole, that says that it is an index: there is no memory for it, nor
 * a look at it, in a budget of 16 MiB. */
static void an_index_larger_than_the_budget_is_not_read(void **state)
{
    const char *path = scratch_path(*state, "index.mega");
    uint8_t header[PAGEFILE_HEADER_BYTES] = {0};
    char error[512] = "";
    vt_shape s;
    assert_true(page_shape_make(2048 * 120, 2048 * 120, 4, &s));
    const uint64_t bytes = (uint64_t)page_count(&s) * PAGEFILE_ENTRY_BYTES;
    memcpy(header, PAGEFILE_MAGIC, PAGEFILE_MAGIC_BYTES);
    format_put32(header + PAGEFILE_AT_VERSION, PAGEFILE_VERSION);
    format_put32(header + PAGEFILE_AT_WIDTH, s.width);
    format_put32(header + PAGEFILE_AT_HEIGHT, s.height);
    format_put32(header + PAGEFILE_AT_BORDER, s.border);
    format_put32(header + PAGEFILE_AT_MIPS, s.mips);
    format_put32(header + PAGEFILE_AT_LAYERS, 1);
    format_put64(header + PAGEFILE_AT_FILE_BYTES, sizeof header + bytes);
    format_put64(header + PAGEFILE_AT_INDEX_OFFSET, sizeof header);
    format_put64(header + PAGEFILE_AT_INDEX_BYTES, bytes);
    format_put32(header + PAGEFILE_AT_LAYER, VT_TEXEL_BC1);
    format_put32(header + PAGEFILE_AT_CRC, format_header_crc(header));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(header, sizeof header, 1, f), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(truncate(path, (off_t)(sizeof header + bytes)), 0);
    assert_null(
        vt_create(&(vt_desc){.path = path, .ram_budget_bytes = 16 * RIG_MIB}, error, sizeof error));
    assert_non_null(strstr(error, "ram.budget: "));
    assert_non_null(strstr(error, "larger index than the budget"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_screen_has_feedback),
        cmocka_unit_test(an_index_larger_than_the_budget_is_not_read),
        cmocka_unit_test(the_atlas_is_as_stored_or_as_asked_for),
        cmocka_unit_test(textures_that_differ_share_an_atlas),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
