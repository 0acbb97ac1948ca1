/* vt_create.c: makes the three tiers within their budgets, and unmakes them. In this order, since
 * each step needs what the ones before it have decided:
 *
 *     defaults ─▶ page files ─▶ video memory ─▶ GLSL ─▶ RAM ─▶ work queues ─▶ pinned pages
 *                 shapes,        atlas, tables,           what the small      threads
 *                 formats        staging, feedback        parts leave
 *
 * What happens between create and close is in vt.c and stream.c. */
#include "engine/vt.h"

#include "engine/conductor/budget.h"
#include "engine/conductor/stream.h"
#include "engine/conductor/vt_suspend.h"
#include "engine/system/platform.h"

#include <shaders/embedded.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_DEPTH = BUDGET_MOST_TILES + STREAM_PREFETCHES,
    ENOUGH_FEEDBACK = 320 * 180, /* texels: those of a screen of 2560 x 1440 */
    SMALL_INDEX = 32 << 20,      /* bytes: read under any budget, to say which one would do */
};

#define MIB (1024.0 * 1024.0)

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

/* ---- from desc to what is in effect ---- */

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
    d->weight = d->weight > 0 ? d->weight : 1;
    if (d->deterministic) { /* with one worker a queue jobs end in the order of their beginning */
        d->read_workers = 1;
        d->decode_workers = 1;
    }
}

/* ---- page files ---- */

/* Opens a page file. *left: bytes of the RAM budget, or of SMALL_INDEX, that the files before it
 * have left for its index. */
static bool open_file(stream_texture *t, const char *path, uint64_t *left, const complaint *c)
{
    t->path = strdup(path ? path : "");
    if (!t->path) {
        return complain(c, "out of memory");
    }
    const pagefile_status status = pagefile_open_within(t->path, *left, &t->file);
    if (status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED) {
        return complain(c, "%s: %s: %s", t->path, pagefile_status_text(status), strerror(errno));
    }
    if (status == PAGEFILE_LARGE_INDEX) {
        return complain(c, "ram.budget: %s %s", t->path, pagefile_status_text(status));
    }
    if (status != PAGEFILE_OK) {
        return complain(c, "%s: %s", t->path, pagefile_status_text(status));
    }
    *left -= pagefile_memory_bytes(t->file);
    t->info = pagefile_get_info(t->file);
    return true;
}

static bool open_files(vt *v, const complaint *c)
{
    if (v->desc.other_count >= VT_MAX_TEXTURES) {
        return complain(c, "%u textures: %d is the most", v->desc.other_count + 1, VT_MAX_TEXTURES);
    }
    const uint64_t budget = v->desc.ram_budget_bytes;
    uint64_t left = budget > SMALL_INDEX ? budget : SMALL_INDEX;
    v->texture_count = v->desc.other_count + 1;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        if (!open_file(&v->textures[i], i == 0 ? v->desc.path : v->desc.others[i - 1].path, &left,
                       c)) {
            return false;
        }
    }
    v->desc.path = v->textures[0].path;
    return true;
}

static uint32_t count_pages(const vt *v)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        pages += page_count(&v->textures[i].info->shape);
    }
    return pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
}

/* ---- video memory ---- */

/* The format of an atlas' layer, given how it is stored. Where BC1 is wanted, a layer that is
 * stored in another BC format keeps it: BC1 would not be smaller, or would lose a channel. */
static vt_texel_format atlas_format(vt_format wanted, vt_texel_format stored)
{
    switch (wanted) {
    case VT_FORMAT_BC1:
        return stored == VT_TEXEL_RGBA8 ? VT_TEXEL_BC1 : stored;
    case VT_FORMAT_RGBA8:
        return VT_TEXEL_RGBA8;
    case VT_FORMAT_AUTO:
        break;
    }
    return stored;
}

/* The format in which the atlas would hold a layer as it is stored. Texels that came through JPEG
 * have lost more than BC1 loses, so they take no more room than it needs. */
static vt_texel_format natural_format(const vt_layer *layer)
{
    return layer->format == VT_TEXEL_RGBA8 && layer->lossy ? VT_TEXEL_BC1 : layer->format;
}

/* What all textures' layer `i` is in the atlas: where they differ, RGBA8 holds any of them. */
static vt_layer common_layer(const vt *v, uint32_t i)
{
    vt_layer common = {.format = VT_TEXEL_NONE};
    for (uint32_t k = 0; k < v->texture_count; k++) {
        const vt_info *info = v->textures[k].info;
        if (i < info->layer_count) {
            const vt_layer *layer = &info->layers[i];
            const vt_texel_format format = natural_format(layer);
            const bool first = common.format == VT_TEXEL_NONE;
            common.srgb = first ? layer->srgb : common.srgb;
            common.format = first || common.format == format ? format : VT_TEXEL_RGBA8;
        }
    }
    return common;
}

static void describe_layers(vt *v, vt_format format)
{
    gpu_desc *g = &v->gpu_desc;
    g->layer_count = 0;
    for (uint32_t k = 0; k < v->texture_count; k++) {
        const uint32_t layers = v->textures[k].info->layer_count;
        g->layer_count = layers > g->layer_count ? layers : g->layer_count;
    }
    for (uint32_t i = 0; i < g->layer_count; i++) {
        const vt_layer layer = common_layer(v, i);
        g->formats[i] = atlas_format(format, layer.format);
        g->srgb[i] = layer.srgb;
    }
}

/* The feedback target, for budget_fit_divisor: how large it may become is limited by the card and
 * by `bytes`. */
static budget_target describe_target(const vt *v, uint32_t images, uint64_t bytes)
{
    return (budget_target){.screen_width = v->desc.screen_width,
                           .screen_height = v->desc.screen_height,
                           .images = images,
                           .side_limit = gpu_max_target_side(),
                           .bytes = bytes};
}

/* Sizes the target of the survey (the one feedback pass after a cut that looks at every pixel): as
 * fine as a sixth of the budget pays for, with ids, depths, and the ids once more on their way
 * back. */
static void describe_survey(vt *v)
{
    const vt_desc *d = &v->desc;
    const budget_target t = describe_target(v, 1, d->vram_budget_bytes / 6);
    const uint32_t divisor = budget_fit_divisor(&t, 1);
    const bool finer = divisor < d->feedback_divisor;
    v->gpu_desc.survey_width = finer ? budget_target_side(d->screen_width, divisor) : 0;
    v->gpu_desc.survey_height = finer ? budget_target_side(d->screen_height, divisor) : 0;
}

/* Describes what the card has to provide, but for the atlas' size, which the budget decides. */
static void describe_gpu(vt *v, vt_format format)
{
    const vt_desc *d = &v->desc;
    gpu_desc *g = &v->gpu_desc;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const vt_info *info = v->textures[i].info;
        v->gpu_tables[i] = (gpu_table){.shape = info->shape,
                                       .width = page_table_width(&info->shape),
                                       .height = page_table_height(&info->shape),
                                       .wrap_x = info->wrap_x};
    }
    g->tables = v->gpu_tables;
    g->table_count = v->texture_count;
    describe_layers(v, format);
    g->feedback_width = budget_target_side(d->screen_width, d->feedback_divisor);
    g->feedback_height = budget_target_side(d->screen_height, d->feedback_divisor);
    describe_survey(v);
    g->anisotropy = d->anisotropy;
    g->audit = d->audit;
}

/* Shaders are compiled for filtering without anisotropy rather than branching for it: a software
 * renderer executes both sides of a branch, and was seen to take 17 ms a frame instead of 10. */
static bool make_glsl(vt *v, const complaint *c)
{
    const char *isotropic = v->desc.anisotropy == 1 ? "#define VT_ISOTROPIC\n" : "";
    const char *rectangle = gpu_has_rectangles(&v->gpu_desc) ? "#define VT_RECTANGLE\n" : "";
    if (asprintf(&v->glsl, "%s%s%s", isotropic, rectangle, shader_vt_glsl) < 0) {
        v->glsl = NULL;
        return complain(c, "out of memory");
    }
    return true;
}

/* A border of 4 texels has room for an anisotropic footprint of 4, one of 8 for 8. */
static void clamp_anisotropy(vt *v)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const uint32_t border = v->textures[i].info->shape.border;
        v->desc.anisotropy = v->desc.anisotropy > border ? border : v->desc.anisotropy;
    }
}

/* The largest atlas of `format` that the budget has room for; 0: none. */
static uint32_t fit_atlas(vt *v, vt_format format, uint64_t *least_bytes)
{
    const uint32_t pages = count_pages(v);
    uint32_t side = gpu_max_slots();
    side = side > ATLAS_MAX_COLUMNS ? ATLAS_MAX_COLUMNS : side;
    /* the coarsest page of each texture, and seven for others to come and go */
    const uint32_t some = 7 + v->texture_count, least = pages < some ? pages : some;
    const uint32_t wish =
        v->desc.most_slots && v->desc.most_slots < pages ? v->desc.most_slots : pages;
    describe_gpu(v, format);
    return budget_fit_atlas(&v->gpu_desc, v->desc.vram_budget_bytes, least,
                            wish > least ? wish : least, side, least_bytes);
}

/* Slots with which a screen can be sharp. At one texel a pixel it is covered by pixels / payload^2
 * pages; views at a slant, with two mips at a time, were seen to want seven times as many. */
static uint32_t slots_for_screen(const vt *v)
{
    const uint64_t pixels = (uint64_t)v->desc.screen_width * v->desc.screen_height;
    const uint32_t payload = v->textures[0].info->shape.payload, pages = count_pages(v);
    const uint64_t slots = 7 * pixels / (payload * payload);
    return slots < pages ? (uint32_t)slots : pages;
}

/* With VT_FORMAT_AUTO the atlas holds pages as they are stored. A software renderer samples RGBA8
 * faster, so there they are expanded, but only if the budget has room for a sharp screen: sharp
 * goes before fast. */
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

/* Chooses the feedback target's size and the atlas. Feedback is as fine as was asked for, or as the
 * card allows; where a very large screen's target would leave no room for an atlas, it gets coarser
 * until there is. *least_bytes is what the coarsest one would need. */
static uint32_t choose_feedback_and_atlas(vt *v, uint64_t *least_bytes)
{
    const budget_target t = describe_target(v, GPU_FEEDBACK_BUFFERS, UINT64_MAX);
    uint32_t *divisor = &v->desc.feedback_divisor;
    *divisor = budget_fit_divisor(&t, *divisor);
    uint32_t slots = choose_atlas(v, least_bytes);
    while (slots == 0 &&
           v->gpu_desc.feedback_width * v->gpu_desc.feedback_height > ENOUGH_FEEDBACK) {
        *divisor *= 2;
        slots = choose_atlas(v, least_bytes);
    }
    return slots;
}

/* Divides the atlas' slots by the textures' weights. */
static void share_out(vt *v)
{
    float sum = v->desc.weight;
    for (uint32_t i = 0; i < v->desc.other_count; i++) {
        sum += v->desc.others[i].weight > 0 ? v->desc.others[i].weight : 1;
    }
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const float given = i == 0 ? v->desc.weight : v->desc.others[i - 1].weight;
        const float weight = given > 0 ? given : 1;
        stream_texture *t = &v->textures[i];
        t->share = (uint32_t)((float)v->slots * weight / sum);
        t->pinned_mip = budget_first_pinned_mip(&t->info->shape, t->share);
    }
}

/* The order of the largest cluster: at most an eighth of the staging ring, so that several can be
 * on their way at once. */
static uint32_t most_order(const gpu_desc *desc)
{
    uint32_t order = 0;
    while (order < JOB_MAX_ORDER && 4u << 2 * order <= desc->staging_tiles / 8) {
        order++;
    }
    return order;
}

static bool make_tables(vt *v)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        v->textures[i].table = pagetable_create(&v->textures[i].info->shape);
        if (!v->textures[i].table) {
            return false;
        }
    }
    return true;
}

static bool make_vram(vt *v, const complaint *c)
{
    if (!gpu_load(v->desc.get_proc_address, c->line, c->bytes)) {
        return false;
    }
    clamp_anisotropy(v);
    uint64_t least_bytes;
    v->slots = choose_feedback_and_atlas(v, &least_bytes);
    if (v->slots == 0) {
        return complain(c,
                        "vram.budget = %.2f MiB: too small for the coarsest mips of %s; "
                        "it needs at least %.2f MiB",
                        (double)v->desc.vram_budget_bytes / MIB, v->textures[0].path,
                        (double)least_bytes / MIB);
    }
    v->slots = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_rows;
    v->most_order = most_order(&v->gpu_desc);
    share_out(v);
    v->gpu = gpu_create(&v->gpu_desc, c->line, c->bytes);
    if (!v->gpu) {
        return false;
    }
    const atlas_desc ad = {v->gpu_desc.atlas_columns, v->gpu_desc.atlas_rows};
    v->atlas = atlas_create(&ad);
    return (v->atlas && make_tables(v) && fades_init(&v->fades, v->slots)) ||
           complain(c, "out of memory");
}

/* ---- RAM ---- */

/* The shapes of all textures, in the two forms that stations take. */
typedef struct shapes {
    vt_shape list[VT_MAX_TEXTURES];
    const vt_shape *pointers[VT_MAX_TEXTURES]; /* into the page files' infos */
} shapes;

static void list_shapes(const vt *v, shapes *out)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        out->list[i] = v->textures[i].info->shape;
        out->pointers[i] = &v->textures[i].info->shape;
    }
}

static feedback_desc describe_feedback(const vt *v, const shapes *s)
{
    return (feedback_desc){s->list, v->texture_count, STREAM_MAX_WANTS};
}

static requests_desc describe_requests(const vt *v, const shapes *s)
{
    return (requests_desc){s->pointers, v->texture_count, STREAM_MAX_WANTS};
}

static fetch_desc describe_fetch(vt *v, const pagefile *files[VT_MAX_TEXTURES])
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        files[i] = v->textures[i].file;
    }
    return (fetch_desc){.files = files,
                        .file_count = v->texture_count,
                        .ram = v->ram,
                        .workers = v->desc.read_workers,
                        .reader = v->desc.deterministic ? FETCH_PREAD : FETCH_AUTO,
                        .depth = QUEUE_DEPTH,
                        .next = stream_fetched,
                        .context = v,
                        .trace = v->desc.trace};
}

static uint64_t bytes_of_textures(const vt *v)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const stream_texture *t = &v->textures[i];
        bytes += pagefile_memory_bytes(t->file) + pagestate_memory_bytes(&t->info->shape) +
                 pagetable_memory_bytes(&t->info->shape);
    }
    return bytes;
}

/* RAM that is neither the RAM tier's nor the card's. */
static uint64_t fixed_ram_bytes(vt *v)
{
    shapes s;
    const pagefile *files[VT_MAX_TEXTURES];
    list_shapes(v, &s);
    const atlas_desc ad = {v->gpu_desc.atlas_columns, v->gpu_desc.atlas_rows};
    const feedback_desc fd = describe_feedback(v, &s);
    const requests_desc rd = describe_requests(v, &s);
    const fetch_desc reads = describe_fetch(v, files);
    return sizeof *v + bytes_of_textures(v) + atlas_memory_bytes(&ad) + feedback_memory_bytes(&fd) +
           2 * requests_memory_bytes(&rd) + fetch_memory_bytes(&reads) +
           decode_memory_bytes(v->desc.decode_workers) + (uint64_t)v->slots * sizeof(fade) +
           3 * QUEUE_DEPTH * sizeof(page_job);
}

static bool make_states(vt *v)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        if (!pagestate_init(&v->textures[i].states, &v->textures[i].info->shape)) {
            return false;
        }
    }
    return true;
}

static bool make_ram(vt *v, ramstore_resident *resident, const complaint *c)
{
    v->ram_fixed_bytes = fixed_ram_bytes(v);
    const uint64_t least = v->ram_fixed_bytes + ramtier_least_budget();
    if (v->desc.ram_budget_bytes < least) {
        return complain(c, "ram.budget = %.2f MiB: too small for %s; it needs at least %.2f MiB",
                        (double)v->desc.ram_budget_bytes / MIB, v->textures[0].path,
                        (double)least / MIB);
    }
    shapes s;
    list_shapes(v, &s);
    const ramtier_desc td = {.budget_bytes = v->desc.ram_budget_bytes - v->ram_fixed_bytes,
                             .prefault = v->desc.ram_prefault,
                             .sync = v->desc.ram_sync,
                             .fault = v->desc.fault};
    const feedback_desc fd = describe_feedback(v, &s);
    const requests_desc rd = describe_requests(v, &s);
    v->ram = suspend_open_tier(v, &td, resident);
    v->feedback = feedback_create(&fd);
    v->requests = requests_create(&rd);
    v->predicted = requests_create(&rd);
    return (v->ram && v->feedback && v->requests && v->predicted && make_states(v)) ||
           complain(c, "ram.budget = %.2f MiB: the system does not give that much",
                    (double)v->desc.ram_budget_bytes / MIB);
}

/* ---- the work queues ---- */

static bool make_queues(vt *v, const complaint *c)
{
    decode_texture textures[VT_MAX_TEXTURES];
    const pagefile *files[VT_MAX_TEXTURES];
    decode_desc dd = {.ram = v->ram,
                      .textures = textures,
                      .texture_count = v->texture_count,
                      .layer_count = v->gpu_desc.layer_count,
                      .staging = gpu_staging(v->gpu),
                      .tile_bytes = gpu_tile_bytes(&v->gpu_desc),
                      .workers = v->desc.decode_workers,
                      .depth = QUEUE_DEPTH,
                      .next = stream_decoded,
                      .context = v,
                      .trace = v->desc.trace};
    memcpy(dd.wanted, v->gpu_desc.formats, sizeof dd.wanted);
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const vt_info *info = v->textures[i].info;
        textures[i] = (decode_texture){.layer_count = info->layer_count};
        for (uint32_t k = 0; k < info->layer_count; k++) {
            textures[i].stored[k] = info->layers[k].format;
        }
    }
    if (!arrivals_init(&v->arrivals, QUEUE_DEPTH)) {
        return complain(c, "out of memory");
    }
    const fetch_desc fd = describe_fetch(v, files);
    v->decode = decode_create(&dd);
    v->fetch = v->decode ? fetch_create(&fd) : NULL;
    return v->fetch || complain(c, "the worker threads could not be started");
}

/* ---- all of it ---- */

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
    v->trace_row = vt_trace_row(v->desc.trace, VT_TRACE_CONDUCTOR);
    v->settings = (vt_settings){
        .upload_ms = 2, .upload_bytes = UINT64_C(4) << 20, .fade_ms = 200, .bias_max = 4};
    ramstore_resident resident = {NULL, 0};
    if (!(suspend_name(v) || complain(&c, "out of memory")) || !open_files(v, &c) ||
        !make_vram(v, &c) || !make_glsl(v, &c) || !make_ram(v, &resident, &c) ||
        !make_queues(v, &c)) {
        free(resident.page_ids);
        vt_destroy(v);
        return NULL;
    }
    v->desc.others = NULL; /* the caller's, and not needed any more */
    stream_load_pinned(v);
    stream_load_resident(v, resident.page_ids, resident.count);
    free(resident.page_ids);
    v->is_complete = true;
    return v;
}

static void finish_texture(stream_texture *t)
{
    pagestate_finish(&t->states);
    pagetable_destroy(t->table);
    pagefile_close(t->file);
    free(t->path);
}

void vt_destroy(vt *v)
{
    (void)vt_close(v, NULL, 0);
}

bool vt_close(vt *v, char *error, uint32_t error_bytes)
{
    if (!v) {
        return true;
    }
    bool suspended = true;
    fetch_destroy(v->fetch); /* first: its jobs go on to decode */
    decode_destroy(v->decode);
    arrivals_finish(&v->arrivals);
    if (v->suspend != NULL && v->is_complete) {
        suspended = suspend_save(v, error, error_bytes);
    }
    ramtier_destroy(v->ram);
    requests_destroy(v->requests);
    requests_destroy(v->predicted);
    feedback_destroy(v->feedback);
    fades_finish(&v->fades);
    atlas_destroy(v->atlas);
    gpu_destroy(v->gpu);
    for (uint32_t i = 0; i < v->texture_count; i++) {
        finish_texture(&v->textures[i]);
    }
    free(v->glsl);
    free(v->suspend);
    free(v);
    return suspended;
}
