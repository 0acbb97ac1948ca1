/* stream_wants.c: from feedback images to jobs: what the frame wanted, what of it is missing, and
 * which clusters to send for. What becomes of each page that an image wants, its own or an ancestor
 * of one:
 *
 *     feedback image ─▶ wants ─▶ requests (with ancestors)
 *                                   │
 *          PAGE_RESIDENT            ├──▶ touched: it stays in the atlas
 *          PAGE_QUEUED, _FAILED     ├──▶ counted as missing: on its way, or to be tried again
 *          PAGE_ABSENT              ├──▶ counted as missing, and sent for, most urgent first
 *          PAGE_CORRUPT             └──▶ left alone: its ancestor stands in for good
 *
 * A page is sent for while the atlas has open slots: free or stale, less those that pages on their
 * way will take. Siblings that are wanted and absent too go with it as a cluster, fewer of them
 * where staging is short. When a page is refused for want of a slot, the bias may make its texture
 * coarser.
 *
 * An image of the predicted camera sends likewise, but only into slots and tiles to spare, and
 * beyond these into RAM alone. stream.h has the picture of all stations. */
#include "engine/conductor/stream.h"

#include "engine/system/platform.h"

#include "buddy/tree.h"

/* ---- sending ---- */

static uint64_t all_pages(uint32_t order)
{
    return order == JOB_MAX_ORDER ? UINT64_MAX : (UINT64_C(1) << (1u << 2 * order)) - 1;
}

static void mark_queued(vt *v, const page_job *job)
{
    for (uint32_t i = 0; i < 1u << 2 * job->order; i++) {
        const vt_page p = page_of_cluster(job->page, i);
        pagestate_set(&stream_texture_of(v, p)->states, p, PAGE_QUEUED);
    }
    stream_note(v, STREAM_ASKED, page_pack(job->page), job->order);
}

/* Submits a job and marks its pages as queued; false: the queue is full. */
static bool submit(vt *v, page_job *job)
{
    job->wanted = all_pages(job->order);
    job->epoch = v->cut_epoch;
    job->number = v->jobs;
    if (!fetch_submit(v->fetch, job)) {
        return false;
    }
    v->jobs++;
    mark_queued(v, job);
    const uint32_t pages = 1u << 2 * job->order;
    if (job->tile == JOB_NO_TILE) {
        v->prefetches_in_flight += pages;
    } else {
        v->tiles_in_flight += pages;
    }
    return true;
}

bool stream_send_for(vt *v, vt_page corner, uint32_t order, bool ahead)
{
    page_job job = {.page = corner, .order = (uint8_t)order, .ahead = ahead};
    job.tile = gpu_staging_take(v->gpu, order);
    if (job.tile < 0) {
        return false;
    }
    if (!submit(v, &job)) {
        gpu_staging_give(v->gpu, job.tile, order);
        return false;
    }
    return true;
}

/* ---- clusters ---- */

/* The first page of the cluster of 2^order x 2^order pages that p is in. */
static vt_page cluster_corner(vt_page p, uint32_t order)
{
    p.x = (uint16_t)(p.x >> order << order);
    p.y = (uint16_t)(p.y >> order << order);
    return p;
}

/* Whether all pages of a cluster are wanted, and all are absent. */
static bool is_wanted_whole(vt *v, const requests *by, vt_page corner, uint32_t order)
{
    const stream_texture *t = stream_texture_of(v, corner);
    for (uint32_t i = 1u << 2 * order; i-- > 0;) { /* the last first: it may not exist */
        const vt_page p = page_of_cluster(corner, i);
        if (!page_exists(&t->info->shape, p) || pagestate_get(&t->states, p) != PAGE_ABSENT ||
            !requests_wants(by, p)) {
            return false;
        }
    }
    return true;
}

/* The order of the largest cluster round an absent page that may go as one, of at most `most`
 * pages. */
static uint32_t cluster_order(vt *v, const requests *by, vt_page p, uint32_t most)
{
    uint32_t order = 0;
    while (order < v->most_order && 4u << 2 * order <= most &&
           is_wanted_whole(v, by, cluster_corner(p, order + 1), order + 1)) {
        order++;
    }
    return order;
}

/* Sends for an absent page, with its siblings where these are wanted too, or with fewer of them
 * where staging has no room for so many. Returns the number of pages sent for; 0: staging or the
 * queue is full. */
static uint32_t send_cluster(vt *v, const requests *by, vt_page p, uint32_t most, bool ahead)
{
    uint32_t order = cluster_order(v, by, p, most);
    while (!stream_send_for(v, cluster_corner(p, order), order, ahead)) {
        if (order-- == 0) {
            return 0;
        }
    }
    return 1u << 2 * order;
}

/* ---- the frame's own image ---- */

/* Counts the slots of each texture that images from `since` on have wanted, or that are pinned.
 * Returns their sum. */
static uint32_t count_in_use(vt *v, uint64_t since)
{
    uint32_t counts[VT_MAX_TEXTURES], sum = 0;
    atlas_count_in_use(v->atlas, since, counts, v->texture_count);
    for (uint32_t i = 0; i < v->texture_count; i++) {
        v->textures[i].in_use = counts[i];
        sum += counts[i];
    }
    return sum;
}

/* Slots that are free or stale, less those that jobs in flight will take. */
static uint32_t count_open(vt *v)
{
    const uint32_t taken = count_in_use(v, stream_stale_before(v)) + v->tiles_in_flight;
    return taken < v->slots ? v->slots - taken : 0;
}

bool stream_has_open_slots(vt *v)
{
    return count_open(v) > 0;
}

/* Mips between what a page wants and what is shown in its place. */
static uint32_t lacking_mips(vt *v, vt_page p)
{
    const uint32_t shown = pagetable_shown_mip(stream_texture_of(v, p)->table, p);
    return shown - p.mip;
}

/* Makes requests of an image's wants. Returns the share of pixels that lack nothing. */
static float list_wants(vt *v, requests *r, const feedback_want *wants, uint32_t count)
{
    uint64_t pixels = 0, sharp = 0;
    requests_begin(r);
    for (uint32_t i = 0; i < count; i++) {
        const vt_page p = page_unpack(wants[i].page_id);
        const uint32_t lacking = lacking_mips(v, p);
        requests_add(r, p, wants[i].pixels, lacking);
        pixels += wants[i].pixels;
        sharp += lacking == 0 ? wants[i].pixels : 0;
    }
    return pixels > 0 ? (float)sharp / (float)pixels : 1;
}

/* Touches the pages that are resident and lists those that are missing. Pages are touched finest
 * mip first, so that among the pages of one image the finest are evicted first. */
static void sort_out(vt *v)
{
    const request *wanted;
    const uint32_t count = requests_list(v->requests, &wanted);
    for (uint32_t i = 0; i < v->texture_count; i++) {
        v->textures[i].missing = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const vt_page p = page_unpack(wanted[i].page_id);
        stream_texture *t = stream_texture_of(v, p);
        const page_state state = pagestate_get(&t->states, p);
        if (state == PAGE_RESIDENT) {
            atlas_touch(v->atlas, atlas_find(v->atlas, wanted[i].page_id), v->image);
        } else if (state != PAGE_CORRUPT) {
            t->missing++;
            requests_miss(v->requests, i);
        }
    }
}

/* Sends for what is missing, most urgent first, until `open` slots are used up. Returns whether a
 * page was refused for want of a slot. */
static bool send_for_missing(vt *v, uint32_t open)
{
    const request *missing;
    const uint32_t count = requests_missing(v->requests, &missing);
    bool refused = false, queue_full = false;
    for (uint32_t i = 0; i < count; i++) {
        const vt_page p = page_unpack(missing[i].page_id);
        if (pagestate_get(&stream_texture_of(v, p)->states, p) != PAGE_ABSENT) {
            continue;
        }
        if (open == 0) {
            refused = true;
        } else if (!queue_full) {
            const uint32_t sent = send_cluster(v, v->requests, p, open, false);
            queue_full = sent == 0;
            open -= sent;
        }
    }
    return refused;
}

/* ---- when the atlas is too small ---- */

/* Slots that a texture would like to have. */
static uint32_t demand_of(const stream_texture *t)
{
    return t->in_use + t->missing;
}

/* Lets each texture's bias take a step. A texture gets coarser when a page was refused and it wants
 * more than its share; it gets finer again when its share, or what the others leave, has room for
 * it. Returns whether a bias has changed. */
static bool step_biases(vt *v, bool refused)
{
    const uint64_t stale = stream_stale_before(v);
    uint32_t demand = 0;
    count_in_use(v, v->bias_image > stale ? v->bias_image : stale);
    for (uint32_t i = 0; i < v->texture_count; i++) {
        demand += demand_of(&v->textures[i]);
    }
    v->stats.vram.slots_wanted = demand;
    bool moved = false;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        stream_texture *t = &v->textures[i];
        const uint32_t own = demand_of(t), others = demand - own;
        const uint32_t left = others < v->slots ? v->slots - others : 0;
        t->bias.limit = v->settings.bias_max;
        moved |=
            bias_step(&t->bias, own, left > t->share ? left : t->share, refused && own > t->share);
    }
    return moved;
}

/* Chooses the jitter. It goes on to every pixel when the coarse positions find nothing missing any
 * more. The slivers that it finds then are worth a few pixels each, so they get only slots that
 * nothing has wanted for long; where there are none the jitter goes back to the coarse positions
 * until the camera moves. So a still camera comes to rest in a small atlas too. */
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

static uint32_t count_missing(const vt *v)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        missing += v->textures[i].missing;
    }
    return missing;
}

/* The frame's own image: marks what it wants as used, sends for what is missing, and measures the
 * demand against the atlas. */
static void take_in_wants(vt *v, const feedback_want *wants, uint32_t count)
{
    v->image++;
    for (uint32_t i = 0; i < v->texture_count; i++) {
        pagestate_retry(&v->textures[i].states, v->image);
    }
    v->stats.there_share = list_wants(v, v->requests, wants, count);
    sort_out(v);
    v->stats.missing = count_missing(v);
    const bool refused = send_for_missing(v, count_open(v));
    const bool moved = step_biases(v, refused && !v->fine);
    const bool calm = v->stats.missing == 0 && v->tiles_in_flight == 0 && !moved;
    v->calm_images = calm ? v->calm_images + 1 : 0;
    choose_jitter(v, refused);
}

/* ---- the image of the camera that is expected soon ---- */

/* Lists what the predicted image wants and is absent. */
static uint32_t miss_predicted(vt *v, const feedback_want *wants, uint32_t count,
                               const request **out)
{
    const request *wanted;
    (void)list_wants(v, v->predicted, wants, count);
    const uint32_t pages = requests_list(v->predicted, &wanted);
    for (uint32_t i = 0; i < pages; i++) {
        const vt_page p = page_unpack(wanted[i].page_id);
        if (pagestate_get(&stream_texture_of(v, p)->states, p) == PAGE_ABSENT) {
            requests_miss(v->predicted, i);
        }
    }
    return requests_missing(v->predicted, out);
}

/* How many pages may come into the atlas before they are wanted: an eighth of its slots is left for
 * surprises, and half of the staging tiles for what is wanted now. */
static uint32_t room_ahead(vt *v)
{
    const uint32_t open = count_open(v), tiles = v->gpu_desc.staging_tiles / 2;
    const uint32_t slots = open > v->slots / 8 ? open - v->slots / 8 : 0;
    const uint32_t staging = tiles > v->tiles_in_flight ? tiles - v->tiles_in_flight : 0;
    return slots < staging ? slots : staging;
}

/* Brings what the predicted image wants into the atlas while that has room to spare, then into RAM;
 * nothing while pages of the frame's own image have not been sent for yet. */
static void take_in_prediction(vt *v, const feedback_want *wants, uint32_t count)
{
    if (v->stats.missing > v->tiles_in_flight) {
        return;
    }
    const request *missing;
    const uint32_t pages = miss_predicted(v, wants, count, &missing);
    uint32_t open = room_ahead(v);
    for (uint32_t i = 0; i < pages; i++) {
        const vt_page p = page_unpack(missing[i].page_id);
        if (pagestate_get(&stream_texture_of(v, p)->states, p) != PAGE_ABSENT) {
            continue; /* it was sent for with a sibling */
        }
        if (open > 0) {
            const uint32_t sent = send_cluster(v, v->predicted, p, open, true);
            open = sent > 0 ? open - sent : 0;
        } else if (v->prefetches_in_flight >= STREAM_PREFETCHES) {
            return;
        } else if (!ramtier_has(v->ram, missing[i].page_id) &&
                   !submit(v, &(page_job){.page = p, .tile = JOB_NO_TILE})) {
            return;
        }
    }
}

/* ---- feedback ---- */

static void take_in_image(vt *v, const gpu_feedback *image)
{
    const uint64_t started_ns = platform_now_ns();
    const feedback_want *wants;
    const uint32_t pixels = image->width * image->height;
    const uint32_t count = feedback_analyze(v->feedback, image->ids, pixels, &wants);
    if ((image->tag & 0xff) == VT_FEEDBACK_NOW) {
        take_in_wants(v, wants, count);
    } else {
        take_in_prediction(v, wants, count);
    }
    v->stats.feedback_images++;
    v->stats.feedback_ms = (double)(platform_now_ns() - started_ns) / 1e6;
}

void stream_take_in_feedback(vt *v)
{
    gpu_feedback image;
    while (gpu_feedback_poll(v->gpu, v->desc.deterministic, &image)) {
        if (image.tag >> 8 == v->cut_epoch) { /* what was drawn before a cut is stale */
            take_in_image(v, &image);
        }
        gpu_feedback_done(v->gpu);
    }
}
