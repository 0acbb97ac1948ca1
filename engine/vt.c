/* vt.c: the public face: making the three tiers within their budgets, settings, statistics, and
 * what a program draws with. The frame's work is in stream.c. */
#include "engine/vt.h"

#include "engine/budget.h"
#include "engine/platform.h"
#include "engine/stream.h"

#include <shaders/embedded.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANE_DEPTH = BUDGET_MOST_TILES + STREAM_PREFETCHES };

static const double MIB = 1024.0 * 1024.0;

/* A line for the caller of vt_create. */
typedef struct complaint {
    char *line;
    uint32_t bytes;
} complaint;

static bool complain(const complaint *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool complain(const complaint *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->line, c->bytes, format, arguments);
    va_end(arguments);
    return false;
}

/* --- create: from desc to what is in effect --- */

static uint32_t default_decode_workers(void)
{
    const uint32_t cpus = platform_cpu_count();
    return cpus <= 2 ? 1 : cpus > 9 ? 8 : cpus - 1;
}

static void fill_in_defaults(vt_desc *d)
{
    d->ram_budget_bytes = d->ram_budget_bytes ? d->ram_budget_bytes : UINT64_C(256) << 20;
    d->vram_budget_bytes = d->vram_budget_bytes ? d->vram_budget_bytes : UINT64_C(64) << 20;
    d->read_workers = d->read_workers ? d->read_workers : 2;
    d->decode_workers = d->decode_workers ? d->decode_workers : default_decode_workers();
    d->anisotropy = d->anisotropy ? d->anisotropy : 1;
    d->screen_width = d->screen_width ? d->screen_width : 1280;
    d->screen_height = d->screen_height ? d->screen_height : 720;
    d->feedback_divisor = d->feedback_divisor ? d->feedback_divisor : 8;
    if (d->deterministic) { /* one worker a lane: jobs end in the order in which they began */
        d->read_workers = 1;
        d->decode_workers = 1;
    }
}

static bool open_file(vt *v, const complaint *c)
{
    v->path = strdup(v->desc.path ? v->desc.path : "");
    v->desc.path = v->path;
    if (!v->path) {
        return complain(c, "out of memory");
    }
    const pagefile_status status = pagefile_open(v->path, &v->file);
    if (status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED) {
        return complain(c, "%s: %s: %s", v->path, pagefile_status_text(status), strerror(errno));
    }
    if (status != PAGEFILE_OK) {
        return complain(c, "%s: %s", v->path, pagefile_status_text(status));
    }
    v->info = pagefile_get_info(v->file);
    return true;
}

static texel_format atlas_format(vt_format wanted, texel_format stored)
{
    switch (wanted) {
    case VT_FORMAT_BC1:
        return TEXEL_BC1;
    case VT_FORMAT_RGBA8:
        return TEXEL_RGBA8;
    case VT_FORMAT_AUTO:
        break;
    }
    return stored;
}

/* What the card is asked for, but for the atlas' size, which the budget decides. */
static void describe_gpu(vt *v, vt_format format)
{
    const vt_desc *d = &v->desc;
    gpu_desc *g = &v->gpu_desc;
    g->shape = v->info->shape;
    g->layer_count = v->info->layer_count;
    for (uint32_t i = 0; i < g->layer_count; i++) {
        g->formats[i] = atlas_format(format, v->info->layers[i].format);
        g->srgb[i] = v->info->layers[i].srgb;
    }
    g->feedback_width = (d->screen_width + d->feedback_divisor - 1) / d->feedback_divisor;
    g->feedback_height = (d->screen_height + d->feedback_divisor - 1) / d->feedback_divisor;
    g->anisotropy = d->anisotropy;
    g->audit = d->audit;
}

/* Filtering without anisotropy is compiled for, not branched for: a software renderer runs both
 * sides of a branch, and was seen to take 17 ms a frame instead of 10. */
static bool make_glsl(vt *v, const complaint *c)
{
    const char *define = v->desc.anisotropy == 1 ? "#define VT_ISOTROPIC\n" : "";
    if (asprintf(&v->glsl, "%s%s", define, shader_vt_glsl) < 0) {
        v->glsl = NULL;
        return complain(c, "out of memory");
    }
    return true;
}

/* A border of 4 texels has room for an anisotropic footprint of 4, one of 8 for 8. */
static void clamp_anisotropy(vt *v)
{
    if (v->desc.anisotropy > v->info->shape.border) {
        v->desc.anisotropy = v->info->shape.border;
    }
}

/* The largest atlas of `format` that the budget has room for; 0: none. */
static uint32_t fit_atlas(vt *v, vt_format format, uint64_t *least_bytes)
{
    const uint32_t pages = page_count(&v->info->shape);
    uint32_t side = gpu_max_slots();
    side = side > ATLAS_MAX_COLUMNS ? ATLAS_MAX_COLUMNS : side;
    /* The coarsest page and a place for others to come and go. */
    const uint32_t least = pages < 8 ? pages : 8;
    describe_gpu(v, format);
    return budget_fit_atlas(&v->gpu_desc, v->desc.vram_budget_bytes, least, pages, side,
                            least_bytes);
}

/* Slots that let a screen be sharp: it is covered by this many pages at one texel a pixel, and
 * views at a slant, two mips at a time, were seen to want seven times as many. */
static uint32_t slots_for_screen(const vt *v)
{
    const uint64_t pixels = (uint64_t)v->desc.screen_width * v->desc.screen_height;
    const uint32_t payload = v->info->shape.payload, pages = page_count(&v->info->shape);
    const uint64_t slots = 7 * pixels / (payload * payload);
    return slots < pages ? (uint32_t)slots : pages;
}

/* Left to us, the atlas holds pages as they are stored. A software renderer samples RGBA8 faster,
 * so there they are expanded, if the budget has room for it: sharp goes before fast. */
static uint32_t choose_atlas(vt *v, uint64_t *least_bytes)
{
    if (v->desc.format == VT_FORMAT_AUTO && gpu_is_software()) {
        const uint32_t slots = fit_atlas(v, VT_FORMAT_RGBA8, least_bytes);
        if (slots > 0 && slots >= slots_for_screen(v)) {
            return slots;
        }
    }
    return fit_atlas(v, v->desc.format, least_bytes);
}

static bool make_vram(vt *v, const complaint *c)
{
    clamp_anisotropy(v);
    const page_shape *shape = &v->info->shape;
    uint64_t least_bytes;
    const uint32_t slots = choose_atlas(v, &least_bytes);
    if (slots == 0) {
        return complain(c,
                        "vram.budget = %.2f MiB: too small for the coarsest mips of %s; "
                        "it needs at least %.2f MiB",
                        (double)v->desc.vram_budget_bytes / MIB, v->path,
                        (double)least_bytes / MIB);
    }
    v->pinned_mip = budget_first_pinned_mip(shape, slots);
    v->gpu = gpu_create(&v->gpu_desc, c->line, c->bytes);
    if (!v->gpu) {
        return false;
    }
    const atlas_desc ad = {v->gpu_desc.atlas_columns, v->gpu_desc.atlas_rows};
    v->atlas = atlas_create(&ad);
    v->table = pagetable_create(shape);
    return (v->atlas && v->table && fades_init(&v->fades, slots)) || complain(c, "out of memory");
}

static feedback_desc describe_feedback(const vt *v)
{
    return (feedback_desc){&v->info->shape, 1, STREAM_MAX_WANTS};
}

/* RAM that is neither the RAM tier's nor the card's. */
static uint64_t fixed_ram_bytes(const vt *v)
{
    const page_shape *shape = &v->info->shape;
    const atlas_desc ad = {v->gpu_desc.atlas_columns, v->gpu_desc.atlas_rows};
    const feedback_desc fd = describe_feedback(v);
    const uint32_t layers = v->info->layer_count;
    return sizeof *v + pagefile_memory_bytes(v->file) + pagestate_memory_bytes(shape) +
           atlas_memory_bytes(&ad) + pagetable_memory_bytes(shape) + feedback_memory_bytes(&fd) +
           requests_memory_bytes(shape, STREAM_MAX_WANTS) +
           fetch_memory_bytes(v->desc.read_workers, layers) +
           decode_memory_bytes(v->desc.decode_workers, layers) +
           (uint64_t)ad.columns * ad.rows * sizeof(fade) + 3 * LANE_DEPTH * sizeof(page_job);
}

static arena_sync sync_of(vt_sync sync)
{
    return sync == VT_SYNC_SPINLOCK ? ARENA_SPINLOCK
           : sync == VT_SYNC_MUTEX  ? ARENA_MUTEX
                                    : ARENA_LOCKFREE;
}

static bool make_ram(vt *v, const complaint *c)
{
    v->ram_fixed_bytes = fixed_ram_bytes(v);
    const uint64_t least = v->ram_fixed_bytes + ramtier_least_budget();
    if (v->desc.ram_budget_bytes < least) {
        return complain(c, "ram.budget = %.2f MiB: too small for %s; it needs at least %.2f MiB",
                        (double)v->desc.ram_budget_bytes / MIB, v->path, (double)least / MIB);
    }
    const ramtier_desc rd = {.budget_bytes = v->desc.ram_budget_bytes - v->ram_fixed_bytes,
                             .prefault = v->desc.ram_prefault,
                             .sync = sync_of(v->desc.ram_sync)};
    const feedback_desc fd = describe_feedback(v);
    v->ram = ramtier_create(&rd);
    v->feedback = feedback_create(&fd);
    v->requests = requests_create(&v->info->shape, STREAM_MAX_WANTS);
    return (v->ram && v->feedback && v->requests && pagestate_init(&v->states, &v->info->shape)) ||
           complain(c, "ram.budget = %.2f MiB: the system does not give that much",
                    (double)v->desc.ram_budget_bytes / MIB);
}

static bool make_lanes(vt *v, const complaint *c)
{
    const pagefile *const files[] = {v->file};
    decode_desc dd = {.ram = v->ram,
                      .layer_count = v->info->layer_count,
                      .staging = gpu_staging(v->gpu),
                      .tile_bytes = gpu_tile_bytes(&v->gpu_desc),
                      .workers = v->desc.decode_workers,
                      .depth = LANE_DEPTH,
                      .next = stream_decoded,
                      .context = v};
    for (uint32_t i = 0; i < v->info->layer_count; i++) {
        dd.stored[i] = v->info->layers[i].format;
        dd.wanted[i] = v->gpu_desc.formats[i];
    }
    const fetch_desc fd = {.files = files,
                           .file_count = 1,
                           .ram = v->ram,
                           .workers = v->desc.read_workers,
                           .depth = LANE_DEPTH,
                           .next = stream_fetched,
                           .context = v};
    if (!arrivals_init(&v->arrivals, LANE_DEPTH)) {
        return complain(c, "out of memory");
    }
    v->decode = decode_create(&dd);
    v->fetch = v->decode ? fetch_create(&fd) : NULL;
    return v->fetch || complain(c, "the worker threads could not be started");
}

vt *vt_create(const vt_desc *desc, char *error, uint32_t error_bytes)
{
    const complaint c = {error, error_bytes};
    vt *v = calloc(1, sizeof *v);
    if (!v) {
        complain(&c, "out of memory");
        return NULL;
    }
    v->desc = *desc;
    fill_in_defaults(&v->desc);
    v->settings = (vt_settings){
        .upload_ms = 2, .upload_bytes = UINT64_C(4) << 20, .fade_ms = 200, .bias_max = 4};
    if (!open_file(v, &c) || !make_vram(v, &c) || !make_glsl(v, &c) || !make_ram(v, &c) ||
        !make_lanes(v, &c)) {
        vt_destroy(v);
        return NULL;
    }
    stream_load_pinned(v);
    return v;
}

void vt_destroy(vt *v)
{
    if (!v) {
        return;
    }
    fetch_destroy(v->fetch); /* first: its jobs go on to decode */
    decode_destroy(v->decode);
    arrivals_finish(&v->arrivals);
    ramtier_destroy(v->ram);
    pagestate_finish(&v->states);
    requests_destroy(v->requests);
    feedback_destroy(v->feedback);
    fades_finish(&v->fades);
    pagetable_destroy(v->table);
    atlas_destroy(v->atlas);
    gpu_destroy(v->gpu);
    pagefile_close(v->file);
    free(v->glsl);
    free(v->path);
    free(v);
}

/* --- asking and setting --- */

const vt_desc *vt_get_desc(const vt *v)
{
    return &v->desc;
}

const pagefile_info *vt_get_info(const vt *v)
{
    return v->info;
}

const pagefile *vt_get_file(const vt *v)
{
    return v->file;
}

void vt_get_settings(const vt *v, vt_settings *out)
{
    *out = v->settings;
}

void vt_set_settings(vt *v, const vt_settings *settings)
{
    v->settings = *settings;
}

void vt_update(vt *v, const vt_clock *clock)
{
    stream_update(v, clock);
}

bool vt_is_settled(const vt *v)
{
    const uint32_t enough = STREAM_COARSE_JITTERS + (v->fine_refused ? 0 : STREAM_FINE_JITTERS);
    return v->calm_images >= enough && v->fades.count == 0;
}

/* --- drawing --- */

const char *vt_glsl(const vt *v)
{
    return v->glsl;
}

static gpu_frame describe_frame(const vt *v)
{
    return (gpu_frame){.texture = STREAM_TEXTURE,
                       .mip_bias = v->bias.value,
                       .feedback_scale = (float)v->desc.feedback_divisor,
                       .wrap_x = v->info->wrap_x};
}

void vt_bind(vt *v)
{
    const gpu_frame frame = describe_frame(v);
    gpu_bind(v->gpu, &frame);
}

bool vt_feedback_begin(vt *v, vt_feedback_kind kind)
{
    if (!gpu_feedback_begin(v->gpu, v->cut_epoch << 8 | (uint64_t)kind)) {
        return false;
    }
    vt_bind(v);
    return true;
}

void vt_feedback_end(vt *v)
{
    gpu_feedback_end(v->gpu);
    v->jitter = (v->jitter + 1) % (v->fine ? STREAM_FINE_JITTERS : STREAM_COARSE_JITTERS);
}

void vt_feedback_size(const vt *v, uint32_t *width, uint32_t *height)
{
    *width = v->gpu_desc.feedback_width;
    *height = v->gpu_desc.feedback_height;
}

/* Position n of an 8 x 8 grid, ordered so that any 4 in a row, and any 16 that begin at a multiple
 * of 16, are spread evenly: each pair of bits of n, from the lowest, picks a quarter of what the
 * last one picked. B. E. Bayer, "An optimum method for two-level rendition of continuous-tone
 * pictures", ICC 1973. */
static void ordered_position(uint32_t n, uint32_t *x, uint32_t *y)
{
    *x = (n & 1) << 2 | (n >> 2 & 1) << 1 | (n >> 4 & 1);
    *y = ((n ^ n >> 1) & 1) << 2 | ((n >> 2 ^ n >> 3) & 1) << 1 | ((n >> 4 ^ n >> 5) & 1);
}

void vt_feedback_jitter(const vt *v, float *x, float *y)
{
    static_assert(STREAM_FINE_JITTERS == 64, "as many as the grid has");
    uint32_t column, row;
    ordered_position(v->jitter, &column, &row);
    *x = ((float)column + 0.5f) / 8 - 0.5f; /* the middle of a screen pixel when the divisor is 8 */
    *y = ((float)row + 0.5f) / 8 - 0.5f;
}

/* --- watching --- */

static void fill_in_ram(vt *v, vt_stats *out)
{
    ramtier_stats ram;
    ramtier_get_stats(v->ram, &ram);
    out->ram.budget_bytes = v->desc.ram_budget_bytes;
    out->ram.used_bytes = v->ram_fixed_bytes + ram.used_bytes;
    out->ram.peak_bytes = v->ram_fixed_bytes + ram.peak_bytes;
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
    out->mip_bias = v->bias.value;
    out->mip_bias_peak = v->bias.peak;
    fill_in_ram(v, out);
    fill_in_vram(v, out);
}

const buddy *vt_ram_map(const vt *v)
{
    return ramtier_core(v->ram);
}

const buddy *vt_vram_map(const vt *v)
{
    return atlas_core(v->atlas);
}

bool vt_take_message(vt *v, char *line, uint32_t bytes)
{
    return log_take(&v->log, line, bytes);
}

/* Every slot's page is mapped and marked resident, and nothing else is. */
static const char *check_residency(const vt *v)
{
    const uint32_t cells = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_columns;
    uint32_t in_atlas = 0, resident = 0;
    for (uint32_t slot = 0; slot < cells; slot++) {
        const uint32_t id = atlas_page(v->atlas, slot);
        if (id == 0) {
            continue;
        }
        in_atlas++;
        if (!pagetable_is_mapped(v->table, page_unpack(id))) {
            return "a page in the atlas is not mapped";
        }
        if (pagestate_get(&v->states, page_unpack(id)) != PAGE_RESIDENT) {
            return "a page in the atlas is not marked resident";
        }
    }
    for (uint32_t i = 0; i < page_count(&v->info->shape); i++) {
        resident += v->states.states[i] == PAGE_RESIDENT;
    }
    return in_atlas == resident ? NULL : "a resident page is not in the atlas";
}

const char *vt_check(vt *v)
{
    fetch_drain(v->fetch);
    decode_drain(v->decode);
    const char *wrong = atlas_check(v->atlas);
    wrong = wrong ? wrong : pagetable_check(v->table);
    wrong = wrong ? wrong : ramtier_check(v->ram);
    wrong = wrong ? wrong : gpu_check(v->gpu);
    return wrong ? wrong : check_residency(v);
}
