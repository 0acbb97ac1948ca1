#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/engine/stream_rig.h"

#include "tests/rigs/engine/codecs.h"

#include "tools/bake/writer/pagewriter.h"

#include "tests/rigs/engine/fake_gpu.h"

#include <stdlib.h>
#include <unistd.h>

const uint64_t RIG_MIB = 1 << 20;
double rig_clock_ms;

/* ---- worlds ---- */

static pagewriter_packed pack(vt_page p, vt_texel_format format)
{
    static uint32_t texels[VT_PAGE_TEXELS * VT_PAGE_TEXELS];
    for (size_t i = 0; i < VT_PAGE_TEXELS * VT_PAGE_TEXELS; i++) {
        texels[i] = page_pack(p) ^ (uint32_t)(i * 2654435761u & 0xff00u); /* so LZ4 has some work */
    }
    texels[0] = page_pack(p);
    const pagewriter_packed packed = codecs_pack_lz4(format, texels);
    assert_non_null(packed.data);
    return packed;
}

static void put_page(pagewriter *w, vt_page p, const pagewriter_desc *desc)
{
    pagewriter_packed packed[VT_MAX_LAYERS];
    for (uint32_t i = 0; i < desc->layer_count; i++) {
        packed[i] = pack(p, desc->layers[i].format);
    }
    assert_int_equal(pagewriter_put(w, p, packed), PAGEFILE_OK);
    for (uint32_t i = 0; i < desc->layer_count; i++) {
        free(packed[i].data);
    }
}

void rig_write_world(const char *path, const rig_world *world)
{
    pagewriter_desc desc = {.path = path};
    pagewriter *w;
    for (uint32_t i = 0; i < VT_MAX_LAYERS && world->formats[i] != VT_TEXEL_NONE; i++) {
        desc.layers[desc.layer_count++] =
            (vt_layer){.format = world->formats[i], .srgb = i == 0, .name = "layer"};
    }
    assert_true(page_shape_make(world->width, world->height, world->border ? world->border : 4,
                                &desc.shape));
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    for (uint8_t mip = 0; mip < desc.shape.mips; mip++) {
        for (uint16_t y = 0; y < page_rows(&desc.shape, mip); y++) {
            for (uint16_t x = 0; x < page_columns(&desc.shape, mip); x++) {
                put_page(w, (vt_page){1, mip, x, y}, &desc);
            }
        }
    }
    assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
}

uint64_t rig_vram_for(uint32_t slots)
{
    return (uint64_t)slots * TEXEL_PAGE_MAX_BYTES * 3 / 2 + RIG_MIB / 2;
}

vt *rig_create(const vt_desc *desc)
{
    char error[512] = "";
    vt *v = vt_create(desc, error, sizeof error);
    if (!v) {
        fail_msg("%s", error);
    }
    return v;
}

/* ---- a camera and its frames ---- */

uint32_t rig_image(const vt *v, rig_window w, uint32_t ids[RIG_MOST_IDS])
{
    const uint32_t texture = w.texture ? w.texture : 1;
    const vt_shape *s = &v->textures[texture - 1].info->shape;
    float level = w.lod + v->textures[texture - 1].bias.value;
    level = level > (float)(s->mips - 1) ? (float)(s->mips - 1) : level;
    const uint32_t mip = (uint32_t)level, page = s->payload << mip;
    const uint32_t wide = w.wide * s->payload << (uint32_t)w.lod;
    const uint32_t high = w.high * s->payload << (uint32_t)w.lod;
    const uint32_t left = w.x > wide / 2 ? w.x - wide / 2 : 0;
    const uint32_t top = w.y > high / 2 ? w.y - high / 2 : 0;
    uint32_t count = 0;
    for (uint32_t y = top / page; y < page_rows(s, mip) && y * page < top + high; y++) {
        for (uint32_t x = left / page; x < page_columns(s, mip) && x * page < left + wide; x++) {
            const vt_page p = {(uint8_t)texture, (uint8_t)mip, (uint16_t)x, (uint16_t)y};
            for (int i = 0; i < 4 && count < RIG_MOST_IDS; i++) {
                ids[count++] = page_pack(p);
            }
        }
    }
    return count;
}

void rig_frame_of(vt *v, const rig_window windows[], uint32_t count, bool cut)
{
    static uint32_t ids[4 * RIG_MOST_IDS];
    uint32_t pixels = 0;
    assert_true(count <= 4);
    rig_clock_ms += 16;
    vt_update(v, &(vt_clock){.now_ms = rig_clock_ms, .cut = cut});
    for (uint32_t i = 0; i < count; i++) {
        pixels += rig_image(v, windows[i], ids + pixels);
    }
    fake_gpu_feed(v->gpu, ids, pixels);
    fake_gpu_feed_survey(v->gpu, ids, pixels);
    if (vt_feedback_begin(v, VT_FEEDBACK_NOW)) {
        vt_feedback_end(v);
    }
    vt_bind(v);
    const char *wrong = fake_gpu_check_picture(v->gpu, false);
    if (wrong) {
        fail_msg("frame at %.0f ms: %s", rig_clock_ms, wrong);
    }
}

void rig_frame(vt *v, rig_window w, bool cut)
{
    rig_frame_of(v, &w, 1, cut);
}

bool rig_workers_rest(vt *v)
{
    vt_stats s;
    vt_get_stats(v, &s);
    return s.fetch_pending + s.decode_pending == 0;
}

int rig_settle(vt *v, rig_window w, int most)
{
    for (int frame = 0; frame < most; frame += rig_workers_rest(v)) {
        rig_frame(v, w, false);
        if (vt_is_settled(v)) {
            return frame;
        }
        usleep(200);
    }
    return most;
}

void rig_expect_sound(vt *v)
{
    const char *wrong = vt_check(v);
    vt_stats s;
    if (wrong) {
        fail_msg("%s", wrong);
    }
    vt_get_stats(v, &s);
    assert_true(s.ram.peak_bytes <= s.ram.budget_bytes);
    assert_true(s.vram.peak_bytes <= s.vram.budget_bytes);
    assert_true(s.vram.slots_used <= s.vram.slots);
}
