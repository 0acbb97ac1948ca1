/* A world survives a power cut: what gets its name is on the disk by then, and so is what a
 * checkpoint speaks of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/durable.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tools/bake/writer/pagewriter.h"

#include <stdlib.h>

static vt_shape shape;

static pagewriter *begin(const char *path)
{
    pagewriter_desc desc = {
        .path = path, .layer_count = 1, .layers = {{.format = VT_TEXEL_BC1}}, .identity = 7};
    pagewriter *w = NULL;
    snprintf(desc.layers[0].name, sizeof desc.layers[0].name, "albedo");
    assert_true(page_shape_make(500, 300, 4, &desc.shape));
    shape = desc.shape;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    return w;
}

static void put_mip(pagewriter *w, uint8_t mip)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    for (uint16_t y = 0; y < page_rows(&shape, mip); y++) {
        for (uint16_t x = 0; x < page_columns(&shape, mip); x++) {
            pagewriter_packed packed = codecs_pack_lz4(VT_TEXEL_BC1, texels);
            assert_non_null(packed.data);
            assert_int_equal(pagewriter_put(w, (vt_page){0, mip, x, y}, &packed), PAGEFILE_OK);
            free(packed.data);
        }
    }
}

static pagewriter *write_all_pages(const char *path)
{
    pagewriter *w = begin(path);
    for (uint8_t mip = 0; mip < shape.mips; mip++) {
        put_mip(w, mip);
    }
    return w;
}

static void a_world_that_has_its_name_is_on_the_disk(void **state)
{
    const char *path = scratch_path(*state, "world.mega");
    for (int i = 0; i < 2; i++) { /* a new one, and over the old one */
        durable_begin();
        assert_int_equal(pagewriter_commit(write_all_pages(path)), PAGEFILE_OK);
        assert_int_equal(durable.renames, 1);
        assert_int_equal(durable.early_renames, 0);
        assert_int_equal(durable.stale_folders, 0);
    }
}

static void a_world_that_cannot_be_brought_to_the_disk_gets_no_name(void **state)
{
    const char *path = scratch_path(*state, "absent.mega");
    pagewriter *w = write_all_pages(path);
    durable_begin();
    durable.sync_fails = true;
    assert_int_equal(pagewriter_commit(w), PAGEFILE_WRITE_FAILED);
    assert_int_equal(durable.renames, 0);
    assert_int_equal(access(path, F_OK), -1);
}

/* All that was put, too: a checkpoint says how long the files are that pages lie in. */
static void what_a_checkpoint_speaks_of_is_on_the_disk(void **state)
{
    static const uint8_t OF_BAKER[100] = {1};
    const pagewriter_part part = {OF_BAKER, sizeof OF_BAKER};
    durable_begin();
    pagewriter *w = begin(scratch_path(*state, "resumed.mega"));
    for (uint8_t mip = 0; mip < 2; mip++) {
        put_mip(w, mip);
        assert_int_equal(pagewriter_checkpoint(w, &part, 1), PAGEFILE_OK);
        assert_int_equal(durable.renames, mip + 1);
        assert_int_equal(durable.early_renames + durable.dirty_others, 0);
    }
    durable.sync_fails = true;
    assert_int_equal(pagewriter_checkpoint(w, &part, 1), PAGEFILE_WRITE_FAILED);
    assert_int_equal(durable.renames, 2);
    pagewriter_abort(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_world_that_has_its_name_is_on_the_disk),
        cmocka_unit_test(a_world_that_cannot_be_brought_to_the_disk_gets_no_name),
        cmocka_unit_test(what_a_checkpoint_speaks_of_is_on_the_disk),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
