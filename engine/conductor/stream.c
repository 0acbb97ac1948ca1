/* stream.c: a frame of the conductor, and the pages that never leave the atlas.
 *
 *     vt_update
 *       │  after a cut   what was wanted before it is stale; jobs not read yet are cancelled
 *       ├▶ arrivals      stream_arrive.c: staged clusters become resident, within the budgets
 *       ├▶ feedback      stream_wants.c: images that came back; jobs for the pages they miss
 *       ├▶ fades         pages that have just come are blended in one step more
 *       └▶ table         what has changed in the page tables goes to the card
 *
 * While the streamer is frozen a frame only writes the table. Just after a cut the conductor also
 * decodes waiting jobs itself, since the next frame should be sharp rather than early. In
 * deterministic mode each frame begins by waiting for the workers. stream.h has the picture of all
 * stations. */
#include "engine/conductor/stream.h"

#include "engine/system/platform.h"
#include "engine/texels/convert.h"

#include <string.h>

/* ---- on the workers' threads: from one queue to the next, and at last to arrivals ---- */

void stream_decoded(void *context, const page_job *job)
{
    vt *v = context;
    arrivals_push(&v->arrivals, job);
}

void stream_fetched(void *context, const page_job *job)
{
    vt *v = context;
    if (job->tile == JOB_NO_TILE || job_arrived(job) == 0) {
        arrivals_push(&v->arrivals, job);
        return;
    }
    if (!decode_submit(v->decode, job)) { /* never: the queue is as deep as there are tiles */
        page_job refused = *job;
        refused.refused |= job_arrived(job);
        arrivals_push(&v->arrivals, &refused);
    }
}

/* ---- a frame ---- */

static void flush_table(vt *v, uint32_t texture)
{
    pagetable *table = v->textures[texture - 1].table;
    const uint32_t stride = page_table_width(&v->textures[texture - 1].info->shape);
    pagetable_rect r;
    while (pagetable_take_dirty(table, &r)) {
        const uint64_t *entries = pagetable_entries(table) + (uint64_t)r.y * stride + r.x;
        gpu_table_write(v->gpu, texture, r, entries, stride);
    }
}

static void flush_tables(vt *v)
{
    for (uint32_t i = 1; i <= v->texture_count; i++) {
        flush_table(v, i);
    }
}

static void wait_for_workers(vt *v)
{
    fetch_drain(v->fetch);
    decode_drain(v->decode);
    arrivals_sort(&v->arrivals);
}

/* Makes all that the camera saw before the cut stale, and has the next feedback pass look at every
 * pixel. */
static void cut(vt *v)
{
    v->cut_epoch++;
    v->cut_image = v->image + 1;
    v->calm_images = 0;
    v->fine = v->fine_refused = false;
    v->survey_due = true;
    fetch_cancel(v->fetch, v->cut_epoch);
}

/* Decodes waiting jobs on this thread, after a cut and for a few milliseconds: a software renderer
 * leaves the workers little of the processors, and the next frame should be sharp. */
static void help_workers(vt *v, uint64_t started_ns)
{
    const uint64_t until_ns = started_ns + STREAM_HELP_MS * UINT64_C(1000000);
    while (stream_is_after_cut(v) && platform_now_ns() < until_ns && decode_help(v->decode)) {
    }
}

static void step_fades(vt *v)
{
    pagetable *tables[VT_MAX_TEXTURES];
    for (uint32_t i = 0; i < v->texture_count; i++) {
        tables[i] = v->textures[i].table;
    }
    fades_step(&v->fades, tables, v->now_ms, (double)v->settings.fade_ms);
}

static void write_counters(const vt *v, uint64_t now_ns)
{
    float most_bias = 0;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        const float its = v->textures[i].bias.value;
        most_bias = its > most_bias ? its : most_bias;
    }
    fetch_stats fetched;
    fetch_get_stats(v->fetch, &fetched);
    vt_trace_counter(v->desc.trace, "mip bias", now_ns, (double)most_bias);
    vt_trace_counter(v->desc.trace, "missing", now_ns, v->stats.missing);
    vt_trace_counter(v->desc.trace, "reads pending", now_ns, fetched.pending);
    vt_trace_counter(v->desc.trace, "uploaded", now_ns, (double)v->stats.pages.uploaded);
}

/* Adds a part of the update to the trace; returns where the next one begins. */
static uint64_t trace_part(const vt *v, const char *name, uint64_t from_ns)
{
    return vt_trace_span(v->desc.trace, v->trace_row, name, from_ns, 0, v->image);
}

/* The part of a frame that freezing leaves out. */
static void step(vt *v, uint64_t started_ns)
{
    gpu_staging_fence(v->gpu, false);
    if (v->desc.deterministic) {
        wait_for_workers(v);
    }
    help_workers(v, started_ns);
    const uint64_t arrivals_ns = vt_trace_now(v->desc.trace);
    stream_take_in_arrivals(v, started_ns);
    const uint64_t feedback_ns = trace_part(v, "arrivals", arrivals_ns);
    stream_take_in_feedback(v);
    trace_part(v, "feedback", feedback_ns);
    step_fades(v);
}

static void tell_of_ring(vt *v)
{
    const int error = fetch_ring_error(v->fetch);
    if (error != 0 && !v->ring_told) {
        v->ring_told = true;
        log_add(&v->log, "io_uring: %s; files are read by pread from now on", strerror(error));
    }
}

void stream_update(vt *v, const vt_clock *clock)
{
    const uint64_t started_ns = platform_now_ns();
    v->now_ms = clock->now_ms;
    if (clock->cut) {
        if (v->desc.deterministic) {
            wait_for_workers(v); /* else it would be chance how much of it is cancelled */
        }
        cut(v);
    }
    if (!v->settings.frozen) {
        step(v, started_ns);
    }
    tell_of_ring(v);
    const uint64_t table_ns = vt_trace_now(v->desc.trace);
    flush_tables(v);
    trace_part(v, "table", table_ns);
    gpu_staging_fence(v->gpu, v->desc.deterministic);
    if (v->desc.trace != NULL) {
        write_counters(v, trace_part(v, "vt_update", started_ns));
    }
    v->stats.update_ms = (double)(platform_now_ns() - started_ns) / 1e6;
    if (v->stats.update_ms > v->stats.update_longest_ms) {
        v->stats.update_longest_ms = v->stats.update_ms;
    }
}

/* ---- pinned pages ---- */

/* Mid grey, which stands in for a coarsest page that is damaged or cannot be read, so that there is
 * no hole. */
static void fill_grey(const vt *v, int32_t tile)
{
    uint8_t *at = gpu_staging(v->gpu) + (size_t)tile * gpu_tile_bytes(&v->gpu_desc);
    for (uint32_t layer = 0; layer < v->gpu_desc.layer_count; layer++) {
        const vt_texel_format format = v->gpu_desc.formats[layer];
        texels_fill_grey(format, at, texel_row_bytes(format));
        at += texel_page_bytes(format);
    }
}

static void put_grey(vt *v, vt_page p)
{
    const int32_t tile = gpu_staging_take(v->gpu, 0);
    if (tile >= 0) {
        fill_grey(v, tile);
        stream_make_resident(v, &(page_job){.page = p, .tile = tile, .wanted = 1});
    }
}

/* Waits for all jobs in flight and makes what they bring resident. */
static void settle_workers(vt *v)
{
    wait_for_workers(v);
    stream_take_in_all(v);
    gpu_staging_fence(v->gpu, true);
}

static void load_pinned_of(vt *v, uint32_t texture)
{
    stream_texture *t = &v->textures[texture - 1];
    const vt_shape *shape = &t->info->shape;
    for (uint32_t mip = shape->mips; mip-- > t->pinned_mip;) {
        const uint32_t columns = page_columns(shape, mip), pages = columns * page_rows(shape, mip);
        for (uint32_t i = 0; i < pages; i++) {
            const vt_page p = {(uint8_t)texture, (uint8_t)mip, (uint16_t)(i % columns),
                               (uint16_t)(i / columns)};
            if (!stream_send_for(v, p, 0, false)) {
                settle_workers(v);
                stream_send_for(v, p, 0, false);
            }
        }
    }
    settle_workers(v);
    const vt_page root = {(uint8_t)texture, (uint8_t)(shape->mips - 1), 0, 0};
    const page_state state = pagestate_get(&t->states, root);
    if (state != PAGE_RESIDENT) {
        put_grey(v, root);
    }
    if (state == PAGE_FAILED) { /* it will be asked for again, and then replaces the grey */
        t->stands_in = true;
        pagestate_set(&t->states, root, state);
    }
}

/* Whether a page may be loaded although nobody has asked for it: it exists, is absent and lies in
 * RAM. */
static bool can_come(vt *v, vt_page p)
{
    return p.texture >= 1 && p.texture <= v->texture_count &&
           page_exists(&stream_texture_of(v, p)->info->shape, p) &&
           pagestate_get(&stream_texture_of(v, p)->states, p) == PAGE_ABSENT &&
           ramtier_has(v->ram, page_pack(p));
}

void stream_load_resident(vt *v, const uint32_t page_ids[], uint32_t count)
{
    atlas_stats pinned;
    atlas_get_stats(v->atlas, &pinned);
    uint32_t room = v->slots - pinned.used;
    const float fade_ms = v->settings.fade_ms;
    v->settings.fade_ms = 0; /* nobody has seen what was there before */
    for (uint32_t i = 0; i < count && room > 0; i++) {
        const vt_page p = page_unpack(page_ids[i]);
        if (!can_come(v, p)) {
            continue;
        }
        if (!stream_send_for(v, p, 0, false)) {
            settle_workers(v);
            stream_send_for(v, p, 0, false);
        }
        room--;
    }
    settle_workers(v);
    v->settings.fade_ms = fade_ms;
    flush_tables(v);
    gpu_staging_fence(v->gpu, true);
}

void stream_load_pinned(vt *v)
{
    for (uint32_t i = 1; i <= v->texture_count; i++) {
        load_pinned_of(v, i);
    }
    flush_tables(v);
    gpu_staging_fence(v->gpu, true);
}
