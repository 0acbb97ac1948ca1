/* vt.c: the public face: settings, statistics, and what a program draws with. Making and unmaking
 * is in vt_create.c, the frame's work in stream.c. */
#include "engine/vt.h"

#include "engine/conductor/stream.h"
#include "engine/disk/pace.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* ---- asking and setting ---- */

const vt_desc *vt_get_desc(const vt *v)
{
    return &v->desc;
}

const vt_info *vt_get_info(const vt *v)
{
    return v->textures[0].info;
}

vt_texel_format vt_atlas_format(const vt *v, uint32_t layer)
{
    assert(layer < v->gpu_desc.layer_count);
    return v->gpu_desc.formats[layer];
}

bool vt_scan_heights(const vt *v, vt_take_row *take, void *context, char *error,
                     uint32_t error_bytes)
{
    const pagefile_status status = pagefile_scan_heights(v->textures[0].file, take, context);
    if (status != PAGEFILE_OK) {
        (void)snprintf(error, error_bytes, "heights: the page file %s",
                       pagefile_status_text(status));
    }
    return status == PAGEFILE_OK;
}

uint32_t vt_texture_count(const vt *v)
{
    return v->texture_count;
}

const vt_info *vt_texture_info(const vt *v, uint32_t texture)
{
    assert(texture >= 1 && texture <= v->texture_count);
    return v->textures[texture - 1].info;
}

float vt_texture_bias(const vt *v, uint32_t texture)
{
    assert(texture >= 1 && texture <= v->texture_count);
    return v->textures[texture - 1].bias.value;
}

void vt_get_settings(const vt *v, vt_settings *out)
{
    *out = v->settings;
}

/* Settings may come from anywhere: NaN and negative times count as none. */
static uint64_t delay_ns(float ms)
{
    return ms > 0 ? (uint64_t)(fmin((double)ms, PACE_MOST_DELAY_MS) * 1e6) : 0;
}

/* Settings take effect with the next update; those of the disk at once. */
void vt_set_settings(vt *v, const vt_settings *settings)
{
    v->settings = *settings;
    fetch_set_pace(v->fetch, delay_ns(settings->disk_delay_ms), settings->disk_bytes_per_second);
}

void vt_update(vt *v, const vt_clock *clock)
{
    stream_update(v, clock);
}

/* Whether no texture is about to become finer again. */
static bool biases_rest(const vt *v)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const bias *b = &v->textures[i].bias;
        if (b->value > 0 && b->quiet < STREAM_BIAS_REST) {
            return false;
        }
    }
    return true;
}

/* Settled: a whole round of the jitter has found nothing missing, nothing fades any more, and no
 * bias will step down. */
bool vt_is_settled(const vt *v)
{
    static_assert(VT_SETTLE_IMAGES == STREAM_COARSE_JITTERS + STREAM_FINE_JITTERS,
                  "a round of coarse positions, then one of fine ones");
    const uint32_t enough = STREAM_COARSE_JITTERS + (v->fine_refused ? 0 : STREAM_FINE_JITTERS);
    return v->calm_images >= enough && v->fades.count == 0 && biases_rest(v);
}

/* ---- drawing ---- */

const char *vt_glsl(const vt *v)
{
    return v->glsl;
}

/* Screen pixels per feedback pixel, along a side, of the pass being drawn. */
static float feedback_scale(const vt *v)
{
    return v->surveying ? (float)v->desc.screen_width / (float)v->gpu_desc.survey_width
                        : (float)v->desc.feedback_divisor;
}

void vt_bind_texture(vt *v, uint32_t texture)
{
    assert(texture >= 1 && texture <= v->texture_count);
    const gpu_frame frame = {.texture = texture,
                             .mip_bias = v->textures[texture - 1].bias.value,
                             .feedback_scale = feedback_scale(v)};
    gpu_bind(v->gpu, &frame);
}

void vt_bind(vt *v)
{
    vt_bind_texture(v, 1);
}

/* The tag that comes back with the image says after which cut it was drawn, and of which kind it
 * is. */
bool vt_feedback_begin(vt *v, vt_feedback_kind kind)
{
    const bool survey = v->survey_due && kind == VT_FEEDBACK_NOW && v->gpu_desc.survey_width > 0;
    if (!gpu_feedback_begin(v->gpu, (uint64_t)v->cut_epoch << 8 | (uint64_t)kind, survey)) {
        return false;
    }
    v->surveying = survey;
    v->survey_due = v->survey_due && !survey;
    vt_bind(v);
    return true;
}

void vt_feedback_end(vt *v)
{
    gpu_feedback_end(v->gpu);
    if (!v->surveying) {
        v->jitter = (v->jitter + 1) % (v->fine ? STREAM_FINE_JITTERS : STREAM_COARSE_JITTERS);
    }
    v->surveying = false;
}

void vt_feedback_size(const vt *v, uint32_t *width, uint32_t *height)
{
    *width = v->surveying ? v->gpu_desc.survey_width : v->gpu_desc.feedback_width;
    *height = v->surveying ? v->gpu_desc.survey_height : v->gpu_desc.feedback_height;
}

bool vt_feedback_is_exact(const vt *v)
{
    return v->surveying || v->fine || stream_is_after_cut(v);
}

/* Position n of an 8 x 8 grid, in an order in which any 4 in a row, and any 16 that begin at a
 * multiple of 16, are spread evenly: each pair of bits of n, from the lowest, picks a quarter of
 * the square that the pair before has picked. B. E. Bayer, "An optimum method for two-level
 * rendition of continuous-tone pictures", ICC 1973. */
static void ordered_position(uint32_t n, uint32_t *x, uint32_t *y)
{
    *x = (n & 1) << 2 | (n >> 2 & 1) << 1 | (n >> 4 & 1);
    *y = ((n ^ n >> 1) & 1) << 2 | ((n >> 2 ^ n >> 3) & 1) << 1 | ((n >> 4 ^ n >> 5) & 1);
}

void vt_feedback_jitter(const vt *v, float *x, float *y)
{
    static_assert(STREAM_FINE_JITTERS == 64, "as many as the grid has");
    uint32_t column, row;
    if (v->surveying) {
        *x = *y = 0; /* every pixel, in its middle */
        return;
    }
    ordered_position(v->jitter, &column, &row);
    *x = ((float)column + 0.5f) / 8 - 0.5f; /* the middle of a screen pixel when the divisor is 8 */
    *y = ((float)row + 0.5f) / 8 - 0.5f;
}

/* ---- watching ---- */

static void fill_in_ram(vt *v, vt_stats *out)
{
    ramtier_stats ram;
    ramtier_get_stats(v->ram, &ram);
    out->ram.budget_bytes = v->desc.ram_budget_bytes;
    out->ram.used_bytes = v->ram_fixed_bytes + ram.used_bytes;
    out->ram.peak_bytes = v->ram_fixed_bytes + ram.peak_bytes;
    out->ram.payload_bytes = ram.payload_bytes;
    out->ram.pages = ram.pages;
    out->ram.fragmentation = ram.fragmentation;
    out->ram.hits = ram.hits;
    out->ram.pending_high_water = ram.pending_high_water;
    out->ram.misses = ram.misses;
}

static void fill_in_vram(vt *v, vt_stats *out)
{
    atlas_stats slots;
    atlas_get_stats(v->atlas, &slots);
    out->vram.budget_bytes = v->desc.vram_budget_bytes;
    out->vram.used_bytes = gpu_bytes(&v->gpu_desc);
    out->vram.peak_bytes = out->vram.used_bytes; /* all is made at create */
    out->vram.slots = slots.slots;
    out->vram.slots_used = slots.used;
    out->vram.slots_pinned = slots.pinned;
    out->vram.fragmentation = slots.fragmentation;
}

void vt_get_stats(vt *v, vt_stats *out)
{
    fetch_stats fetched;
    decode_stats decoded;
    fetch_get_stats(v->fetch, &fetched);
    decode_get_stats(v->decode, &decoded);
    *out = v->stats;
    out->pages.read = fetched.pages_read;
    out->pages.decoded = decoded.pages_decoded;
    out->bytes.disk_read = fetched.bytes_read;
    out->fetch_pending = fetched.pending;
    out->decode_pending = decoded.pending;
    out->fading = v->fades.count;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        out->mip_bias = fmaxf(out->mip_bias, v->textures[i].bias.value);
        out->mip_bias_peak = fmaxf(out->mip_bias_peak, v->textures[i].bias.peak);
    }
    fill_in_ram(v, out);
    fill_in_vram(v, out);
}

bool vt_take_message(vt *v, char *line, uint32_t bytes)
{
    return log_take(&v->log, line, bytes);
}

/* Checks that each slot's page is mapped and marked resident; counts them. */
static const char *check_slots(vt *v, uint32_t *in_atlas)
{
    const uint32_t cells = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_columns;
    for (uint32_t slot = 0; slot < cells; slot++) {
        const uint32_t id = atlas_page(v->atlas, slot);
        if (id == 0) {
            continue;
        }
        const stream_texture *t = stream_texture_of(v, page_unpack(id));
        (*in_atlas)++;
        if (!pagetable_is_mapped(t->table, page_unpack(id))) {
            return "a page in the atlas is not mapped";
        }
        if (t->stands_in && page_unpack(id).mip == t->info->shape.mips - 1) {
            (*in_atlas)--; /* grey: the page itself is yet to come */
        } else if (pagestate_get(&t->states, page_unpack(id)) != PAGE_RESIDENT) {
            return "a page in the atlas is not marked resident";
        }
    }
    return NULL;
}

/* As many pages are marked resident as lie in the atlas, and every page table follows its rule. */
static const char *check_residency(vt *v)
{
    uint32_t in_atlas = 0, resident = 0;
    const char *wrong = check_slots(v, &in_atlas);
    for (uint32_t k = 0; k < v->texture_count; k++) {
        const stream_texture *t = &v->textures[k];
        for (uint32_t i = 0; i < page_count(&t->info->shape); i++) {
            resident += t->states.states[i] == PAGE_RESIDENT;
        }
        wrong = wrong ? wrong : pagetable_check(t->table);
    }
    return wrong || in_atlas == resident ? wrong : "a resident page is not in the atlas";
}

const char *vt_check(vt *v)
{
    fetch_drain(v->fetch);
    decode_drain(v->decode);
    const char *wrong = atlas_check(v->atlas);
    wrong = wrong ? wrong : ramtier_check(v->ram);
    wrong = wrong ? wrong : gpu_check(v->gpu);
    return wrong ? wrong : check_residency(v);
}
