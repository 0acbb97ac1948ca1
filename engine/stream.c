/* stream.c: the conductor: once a frame it takes in what has arrived, looks at what the frame
 * wanted, and sends for what is missing. Reads top-down as a page travels; see stream.h for the
 * picture. */
#include "engine/stream.h"

#include "engine/platform.h"

#include <string.h>

/* --- on the workers' threads: jobs pass from lane to lane and end in arrivals --- */

void stream_decoded(void *context, const page_job *job)
{
    vt *v = context;
    arrivals_push(&v->arrivals, job);
}

void stream_fetched(void *context, const page_job *job)
{
    vt *v = context;
    if (job->result != JOB_DONE || job->tile == JOB_NO_TILE) {
        arrivals_push(&v->arrivals, job);
        return;
    }
    if (!decode_submit(v->decode, job)) { /* cannot be: the lane is as deep as there are tiles */
        page_job refused = *job;
        refused.result = JOB_NO_MEMORY;
        arrivals_push(&v->arrivals, &refused);
    }
}

/* --- the atlas: what leaves and what comes --- */

/* Slots last wanted before this image are free for the taking: not seen for two periods of the
 * feedback's jitter, or only before the last cut. */
static uint64_t stale_before(const vt *v)
{
    const uint64_t keep = 2 * (v->fine ? STREAM_FINE_JITTERS : STREAM_COARSE_JITTERS);
    const uint64_t kept = v->image > keep ? v->image - keep : 0;
    return v->cut_image > kept ? v->cut_image : kept;
}

/* Unmaps the page before its slot is handed to another. */
static void evict(vt *v, uint32_t slot)
{
    const vt_page p = page_unpack(atlas_page(v->atlas, slot));
    pagetable_unmap(v->table, p);
    fades_remove(&v->fades, p);
    pagestate_set(&v->states, p, PAGE_ABSENT);
    atlas_evict(v->atlas, slot);
    v->stats.pages.evicted++;
}

/* A free slot for the page, made free by eviction if need be; ATLAS_NONE: all are in use. */
static uint32_t find_slot(vt *v, uint32_t page_id)
{
    uint32_t slot = atlas_place(v->atlas, page_id, v->image);
    if (slot == ATLAS_NONE) {
        const uint32_t victim = atlas_victim(v->atlas, stale_before(v));
        if (victim != ATLAS_NONE) {
            evict(v, victim);
            slot = atlas_place(v->atlas, page_id, v->image);
        }
    }
    return slot;
}

/* Uploads a staged page and shows it. The eviction happens only now that its replacement is here.
 */
static void make_resident(vt *v, const page_job *job)
{
    const uint32_t slot = find_slot(v, page_pack(job->page));
    if (slot == ATLAS_NONE) {
        gpu_staging_give(v->gpu, job->tile);
        pagestate_set(&v->states, job->page, PAGE_ABSENT);
        v->stats.pages.cancelled++;
        return;
    }
    const uint32_t x = atlas_slot_x(slot), y = atlas_slot_y(slot);
    const bool pinned = job->page.mip >= v->pinned_mip;
    const bool arrives_slowly = !pinned && v->settings.fade_ms > 0;
    gpu_upload(v->gpu, job->tile, x, y, page_pack(job->page));
    pagetable_map(v->table, job->page, x, y, arrives_slowly ? 0 : 255);
    pagestate_set(&v->states, job->page, PAGE_RESIDENT);
    if (pinned) {
        atlas_pin(v->atlas, slot);
    } else if (arrives_slowly) {
        fades_add(&v->fades, job->page, v->now_ms);
    }
    v->stats.pages.uploaded++;
    v->stats.bytes.uploaded += gpu_tile_bytes(&v->gpu_desc);
}

/* --- arrivals --- */

static const char *what_failed(job_result result)
{
    switch (result) {
    case JOB_CORRUPT:
        return "is damaged and is drawn from coarser ones";
    case JOB_READ_FAILED:
        return "could not be read; it will be tried again";
    case JOB_NO_MEMORY:
        return "found no room in RAM; it will be tried again";
    case JOB_DONE:
        break;
    }
    return "is fine";
}

static void take_in_failure(vt *v, const page_job *job)
{
    if (job->tile != JOB_NO_TILE) {
        gpu_staging_give(v->gpu, job->tile);
    }
    if (job->result == JOB_CORRUPT) {
        pagestate_set(&v->states, job->page, PAGE_CORRUPT);
        v->stats.pages.corrupt++;
    } else {
        pagestate_fail(&v->states, job->page, v->image + STREAM_RETRY_IMAGES);
        v->stats.pages.failed++;
    }
    log_add(&v->log, "%s: page %u,%u,%u %s", v->path, job->page.mip, job->page.x, job->page.y,
            what_failed(job->result));
}

static void take_in(vt *v, const page_job *job)
{
    if (job->tile == JOB_NO_TILE) {
        v->prefetches_in_flight--;
    } else {
        v->tiles_in_flight--;
    }
    if (job->result != JOB_DONE) {
        take_in_failure(v, job);
    } else if (job->tile == JOB_NO_TILE) {
        pagestate_set(&v->states, job->page, PAGE_ABSENT); /* in RAM now, wherever it goes next */
    } else {
        make_resident(v, job);
    }
}

/* Uploads what is staged, as far as this frame's budgets go; one page always goes. */
static void take_in_arrivals(vt *v, uint64_t started_ns)
{
    const uint64_t first_byte = v->stats.bytes.uploaded;
    page_job job;
    while (arrivals_take(&v->arrivals, &job)) {
        take_in(v, &job);
        const double spent_ms = (double)(platform_now_ns() - started_ns) / 1e6;
        if (v->stats.bytes.uploaded - first_byte >= v->settings.upload_bytes ||
            (!v->desc.deterministic && spent_ms >= (double)v->settings.upload_ms)) {
            break;
        }
    }
}

/* --- feedback and requests --- */

/* Sends a job on its way; false: the lane is full. */
static bool submit(vt *v, vt_page p, int32_t tile)
{
    const page_job job = {.page = p, .tile = tile};
    if (!fetch_submit(v->fetch, &job)) {
        return false;
    }
    pagestate_set(&v->states, p, PAGE_QUEUED);
    if (tile == JOB_NO_TILE) {
        v->prefetches_in_flight++;
    } else {
        v->tiles_in_flight++;
    }
    return true;
}

/* Sends for a page with a staging tile; false: no tile or no place in the lane. */
static bool submit_with_tile(vt *v, vt_page p)
{
    const int32_t tile = gpu_staging_take(v->gpu);
    if (tile < 0) {
        return false;
    }
    if (!submit(v, p, tile)) {
        gpu_staging_give(v->gpu, tile);
        return false;
    }
    return true;
}

/* Marks what is wanted and resident as used, least urgent first, so that among pages of one image
 * the finest are the first to go. */
static void touch_wanted(vt *v, const request *wanted, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;) {
        const uint32_t slot = atlas_find(v->atlas, wanted[i].page_id);
        if (slot != ATLAS_NONE) {
            atlas_touch(v->atlas, slot, v->image);
        }
    }
}

/* How the atlas' slots stand: those that the last images wanted (or that are pinned), and those
 * that a page could come into. */
typedef struct room {
    uint32_t in_use; /* slots */
    uint32_t open;   /* slots: free or stale, less those that jobs in flight will take */
} room;

static room count_room(const vt *v)
{
    const uint64_t before = stale_before(v);
    const uint32_t cells = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_columns;
    const uint32_t slots = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_rows;
    room r = {0, 0};
    for (uint32_t slot = 0; slot < cells; slot++) {
        const uint32_t id = atlas_page(v->atlas, slot);
        r.in_use += id != 0 && (page_unpack(id).mip >= v->pinned_mip ||
                                atlas_last_wanted(v->atlas, slot) >= before);
    }
    const uint32_t taken = r.in_use + v->tiles_in_flight;
    r.open = taken < slots ? slots - taken : 0;
    return r;
}

/* Sends for what is wanted and absent, most urgent first, while there is room for it. Returns
 * whether something was refused for want of a slot. */
static bool request_missing(vt *v, const request *wanted, uint32_t count, uint32_t open)
{
    bool refused = false, lanes_full = false;
    v->stats.missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        const vt_page p = page_unpack(wanted[i].page_id);
        const page_state state = pagestate_get(&v->states, p);
        v->stats.missing += state != PAGE_RESIDENT && state != PAGE_CORRUPT;
        if (state != PAGE_ABSENT) {
            continue;
        }
        if (open == 0) {
            refused = true;
        } else if (!lanes_full) {
            lanes_full = !submit_with_tile(v, p);
            open -= !lanes_full;
        }
    }
    return refused;
}

/* Whether the jitter should look at every pixel. It begins to when all that the coarse positions
 * see is there. What it finds besides is worth a few pixels: it gets slots that nothing else has
 * wanted for long, and where there are none that is the end of it, so that a still camera in a
 * small atlas comes to rest. */
static void choose_jitter(vt *v, bool refused)
{
    if (v->fine && refused) {
        v->fine = false;
        v->fine_refused = true;
    } else if (v->stats.missing > STREAM_MOVED_PAGES) {
        v->fine = v->fine_refused = false;
    } else if (!v->fine_refused && v->calm_images >= STREAM_COARSE_JITTERS) {
        v->fine = true;
    }
}

/* The frame's own image: what it wants is kept, sent for, and measured against the atlas. */
static void take_in_wants(vt *v, const feedback_want *wants, uint32_t count)
{
    const request *wanted;
    const uint32_t pages = requests_order(v->requests, wants, count, &wanted);
    v->image++;
    pagestate_retry(&v->states, v->image);
    touch_wanted(v, wanted, pages);
    const room r = count_room(v);
    const bool refused = request_missing(v, wanted, pages, r.open);
    v->stats.vram.slots_wanted = r.in_use + v->stats.missing;
    const uint32_t slots = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_rows;
    v->bias.limit = v->settings.bias_max;
    const bool moved = bias_step(&v->bias, r.in_use + v->stats.missing, slots, refused && !v->fine);
    const bool calm = v->stats.missing == 0 && v->tiles_in_flight == 0 && !moved;
    v->calm_images = calm ? v->calm_images + 1 : 0;
    choose_jitter(v, refused);
}

/* An image of the camera that is expected soon: what it wants is brought into RAM, when nothing
 * more urgent waits. */
static void take_in_prediction(vt *v, const feedback_want *wants, uint32_t count)
{
    const request *wanted;
    const uint32_t pages = requests_order(v->requests, wants, count, &wanted);
    if (v->stats.missing > v->tiles_in_flight) {
        return;
    }
    for (uint32_t i = 0; i < pages && v->prefetches_in_flight < STREAM_PREFETCHES; i++) {
        const vt_page p = page_unpack(wanted[i].page_id);
        if (pagestate_get(&v->states, p) == PAGE_ABSENT &&
            !ramtier_has(v->ram, wanted[i].page_id) && !submit(v, p, JOB_NO_TILE)) {
            return;
        }
    }
}

static void take_in_feedback(vt *v)
{
    gpu_feedback image;
    while (gpu_feedback_poll(v->gpu, v->desc.deterministic, &image)) {
        const uint64_t started_ns = platform_now_ns();
        const uint64_t epoch = image.tag >> 8;
        if (epoch == v->cut_epoch) {
            const feedback_want *wants;
            const uint32_t count =
                feedback_analyze(v->feedback, image.ids, image.width * image.height, &wants);
            if ((image.tag & 0xff) == VT_FEEDBACK_NOW) {
                take_in_wants(v, wants, count);
            } else {
                take_in_prediction(v, wants, count);
            }
            v->stats.feedback_images++;
            v->stats.feedback_ms = (double)(platform_now_ns() - started_ns) / 1e6;
        }
        gpu_feedback_done(v->gpu);
    }
}

/* --- the frame --- */

static void flush_table(vt *v)
{
    pagetable_rect r;
    while (pagetable_take_dirty(v->table, &r)) {
        const uint32_t stride = page_table_width(&v->info->shape, r.mip);
        const uint32_t *entries = pagetable_level(v->table, r.mip) + (uint64_t)r.y * stride + r.x;
        gpu_table_write(v->gpu, r.mip, r.x, r.y, r.width, r.height, entries, stride);
    }
}

static void wait_for_workers(vt *v)
{
    fetch_drain(v->fetch);
    decode_drain(v->decode);
}

void stream_update(vt *v, const vt_clock *clock)
{
    const uint64_t started_ns = platform_now_ns();
    v->now_ms = clock->now_ms;
    if (clock->cut) {
        v->cut_epoch++;
        v->cut_image = v->image + 1;
        v->calm_images = 0;
        v->fine = v->fine_refused = false;
    }
    if (!v->settings.frozen) {
        gpu_staging_fence(v->gpu, false);
        if (v->desc.deterministic) {
            wait_for_workers(v);
        }
        take_in_arrivals(v, started_ns);
        take_in_feedback(v);
        fades_step(&v->fades, v->table, v->now_ms, (double)v->settings.fade_ms);
    }
    flush_table(v);
    gpu_staging_fence(v->gpu, v->desc.deterministic);
    v->stats.update_ms = (double)(platform_now_ns() - started_ns) / 1e6;
    if (v->stats.update_ms > v->stats.update_longest_ms) {
        v->stats.update_longest_ms = v->stats.update_ms;
    }
}

/* --- pinned pages --- */

/* Something to stand in when even the coarsest page is damaged: mid grey, so there is no hole. */
static void fill_grey(const vt *v, int32_t tile)
{
    uint8_t *at = gpu_staging(v->gpu) + (size_t)tile * gpu_tile_bytes(&v->gpu_desc);
    for (uint32_t layer = 0; layer < v->gpu_desc.layer_count; layer++) {
        const size_t bytes = texel_page_bytes(v->gpu_desc.formats[layer]);
        memset(at, 0x80, bytes); /* RGBA8: grey; BC1: both end points 0x8080, a dull one */
        at += bytes;
    }
}

static void show_grey(vt *v, vt_page p)
{
    const int32_t tile = gpu_staging_take(v->gpu);
    if (tile >= 0) {
        fill_grey(v, tile);
        make_resident(v, &(page_job){.page = p, .tile = tile});
    }
}

/* Waits for all in flight and takes it in. */
static void settle_workers(vt *v)
{
    page_job job;
    wait_for_workers(v);
    while (arrivals_take(&v->arrivals, &job)) {
        take_in(v, &job);
    }
    gpu_staging_fence(v->gpu, true);
}

void stream_load_pinned(vt *v)
{
    const page_shape *shape = &v->info->shape;
    for (uint32_t mip = shape->mips; mip-- > v->pinned_mip;) {
        const uint32_t columns = page_columns(shape, mip), pages = columns * page_rows(shape, mip);
        for (uint32_t i = 0; i < pages; i++) {
            const vt_page p = {STREAM_TEXTURE, (uint8_t)mip, (uint16_t)(i % columns),
                               (uint16_t)(i / columns)};
            if (!submit_with_tile(v, p)) {
                settle_workers(v);
                submit_with_tile(v, p);
            }
        }
    }
    settle_workers(v);
    const vt_page root = {STREAM_TEXTURE, (uint8_t)(shape->mips - 1), 0, 0};
    if (pagestate_get(&v->states, root) != PAGE_RESIDENT) {
        show_grey(v, root);
    }
    flush_table(v);
    gpu_staging_fence(v->gpu, true);
}
