/* stream_arrive.c: the last leg of a page's way: from staging into the atlas and the page table,
 * and what has to leave for it. An ended job is taken from arrivals and comes apart:
 *
 *     pages that failed ──────▶ PAGE_FAILED, or PAGE_CORRUPT, and a line in the log
 *     pages that were cancelled ──▶ PAGE_ABSENT
 *     pages that arrived ──▶ their cluster looks for a square of slots, in this order:
 *           1  a free square                                               atlas_place
 *           2  a square whose pages are all stale: these are evicted       atlas_victim
 *           3  a square made free by moving a few pages aside              atlas_plan_moves
 *           4  none: the cluster is split in four, and each quarter looks for itself
 *     a single page that finds no slot is dropped: PAGE_ABSENT, and asked for again if still wanted
 *
 * A page is unmapped from the page table before its slot is given to another one. stream.h has the
 * picture of all stations. stream_wants.c and stream.c call this file, and it calls neither. */
#include "engine/conductor/stream.h"

#include "engine/system/platform.h"

#include "buddy/tree.h"

/* ---- what all of the conductor asks ---- */

stream_texture *stream_texture_of(vt *v, vt_page p)
{
    return &v->textures[p.texture - 1];
}

uint64_t stream_stale_before(const vt *v)
{
    const uint64_t keep = 2 * (v->fine ? STREAM_FINE_JITTERS : STREAM_COARSE_JITTERS);
    const uint64_t kept = v->image > keep ? v->image - keep : 0;
    return v->cut_image > kept ? v->cut_image : kept;
}

bool stream_is_after_cut(const vt *v)
{
    return v->cut_epoch > 0 && v->image < v->cut_image + STREAM_CUT_IMAGES;
}

void stream_note(vt *v, stream_event event, uint32_t page_id, uint32_t detail)
{
    /* FNV-1a over whole words: Fowler, Noll and Vo's offset and prime for 64 bits. */
    const uint64_t prime = 0x100000001b3;
    const uint32_t words[] = {(uint32_t)v->image, (uint32_t)event, page_id, detail};
    uint64_t hash = v->stats.events == 0 ? 0xcbf29ce484222325 : v->stats.events_hash;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * prime;
    }
    v->stats.events_hash = hash;
    v->stats.events++;
}

/* ---- what leaves, and what moves ---- */

/* Takes a page out of the page table and out of its slot, in this order, so that no entry ever
 * names a slot with another page's texels. */
static void evict(vt *v, uint32_t slot)
{
    const uint32_t id = atlas_page(v->atlas, slot);
    const vt_page p = page_unpack(id);
    stream_texture *t = stream_texture_of(v, p);
    pagetable_unmap(t->table, p);
    fades_remove(&v->fades, p);
    pagestate_set(&t->states, p, PAGE_ABSENT);
    atlas_evict(v->atlas, slot);
    v->stats.pages.evicted++;
    stream_note(v, STREAM_EVICTED, id, slot);
}

/* Evicts what lies in a square of slots. */
static void clear_square(vt *v, uint32_t first, uint32_t order)
{
    for (uint32_t slot = first; slot < first + (1u << 2 * order); slot++) {
        if (atlas_page(v->atlas, slot) != 0) {
            evict(v, slot);
        }
    }
}

void stream_flush(vt *v)
{
    const uint32_t cells = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_columns;
    for (uint32_t slot = 0; slot < cells; slot++) {
        if (atlas_page(v->atlas, slot) != 0 && !atlas_get_use(v->atlas, slot).pinned) {
            evict(v, slot);
        }
    }
    v->calm_images = 0; /* what was evicted is wanted again */
}

/* Copies a page to another slot. A page that lies there is evicted first. */
static void move(vt *v, atlas_move m)
{
    if (atlas_page(v->atlas, m.to) != 0) {
        evict(v, m.to);
    }
    const uint32_t id = atlas_page(v->atlas, m.from);
    const vt_page p = page_unpack(id);
    const uint32_t x = atlas_slot_x(m.to), y = atlas_slot_y(m.to);
    gpu_copy(v->gpu, atlas_slot_x(m.from), atlas_slot_y(m.from), x, y);
    pagetable_move(stream_texture_of(v, p)->table, p, x, y);
    atlas_move_page(v->atlas, m.from, m.to);
    v->stats.pages.moved++;
    stream_note(v, STREAM_MOVED, id, m.to);
}

/* Makes a square of free and stale slots by moving pages out of it, if at most a quarter of its
 * pages have to move: keeping a cluster of siblings together is worth that much. False: it takes
 * more. */
static bool compact(vt *v, uint32_t order)
{
    atlas_move moves[ATLAS_CLUSTER_PAGES / 4];
    uint32_t square;
    const uint32_t most = (1u << 2 * order) / 4;
    const uint32_t count =
        atlas_plan_moves(v->atlas, order, stream_stale_before(v), moves, most, &square);
    for (uint32_t i = 0; i < count; i++) {
        move(v, moves[i]);
    }
    if (count > 0) {
        clear_square(v, square, order);
    }
    return count > 0;
}

/* ---- what comes ---- */

/* A part of a cluster: the 4^order pages from number `first` on, in Morton order. */
typedef struct part {
    uint32_t first, order;
} part;

static uint64_t pages_in(part p)
{
    const uint32_t pages = 1u << 2 * p.order;
    return (pages == 64 ? UINT64_MAX : (UINT64_C(1) << pages) - 1) << p.first;
}

static vt_page corner_of(const page_job *job, part p)
{
    vt_page corner = job->page;
    corner.x = (uint16_t)(corner.x + buddy_morton_x(p.first));
    corner.y = (uint16_t)(corner.y + buddy_morton_y(p.first));
    return corner;
}

/* The period that a job's pages count as last wanted in. Pages asked for ahead of their need get
 * one half-way to stale, so that they are evicted first if the need does not come. */
static uint64_t period_of(const vt *v, const page_job *job)
{
    const uint64_t stale = stream_stale_before(v);
    return job->ahead ? stale + (v->image - stale) / 2 : v->image;
}

/* The first slot of a square for a part of a cluster, made free by eviction or by moves if need be;
 * ATLAS_NONE: there is none. */
static uint32_t find_square(vt *v, const page_job *job, part p)
{
    const vt_page corner = corner_of(job, p);
    const uint64_t pages = (job_arrived(job) & pages_in(p)) >> p.first;
    const uint64_t period = period_of(v, job);
    uint32_t slot = atlas_place(v->atlas, corner, p.order, pages, period);
    if (slot == ATLAS_NONE) {
        const uint32_t victim = atlas_victim(v->atlas, p.order, stream_stale_before(v));
        if (victim != ATLAS_NONE) {
            clear_square(v, victim, p.order);
        }
        if (victim != ATLAS_NONE || (p.order > 0 && compact(v, p.order))) {
            slot = atlas_place(v->atlas, corner, p.order, pages, period);
        }
    }
    return slot;
}

/* Enters a page that has just been uploaded into the page table, and pins it or lets it fade in. */
static void make_resident(vt *v, vt_page p, uint32_t slot)
{
    stream_texture *t = stream_texture_of(v, p);
    const bool pinned = p.mip >= t->pinned_mip;
    const bool arrives_slowly = !pinned && v->settings.fade_ms > 0 && !stream_is_after_cut(v);
    pagetable_map(t->table, p, atlas_slot_x(slot), atlas_slot_y(slot), arrives_slowly ? 0 : 255);
    pagestate_set(&t->states, p, PAGE_RESIDENT);
    if (pinned) {
        atlas_pin(v->atlas, slot);
    } else if (arrives_slowly) {
        fades_add(&v->fades, p, v->now_ms);
    }
    v->stats.pages.uploaded++;
    v->stats.bytes.uploaded += gpu_tile_bytes(&v->gpu_desc);
    stream_note(v, STREAM_CAME, page_pack(p), slot);
}

/* Uploads a part of a cluster in one call, to a square of slots. */
static void upload(vt *v, const page_job *job, part p, uint32_t slot)
{
    const vt_page corner = corner_of(job, p);
    const gpu_part what = {.tile = job->tile,
                           .order = job->order,
                           .first = p.first,
                           .part_order = p.order,
                           .x = atlas_slot_x(slot),
                           .y = atlas_slot_y(slot),
                           .corner = corner};
    gpu_upload(v->gpu, &what);
    v->stats.clusters[p.order]++;
    const uint64_t arrived = job_arrived(job) >> p.first;
    for (uint32_t i = 0; i < 1u << 2 * p.order; i++) {
        if (arrived >> i & 1) {
            make_resident(v, page_of_cluster(corner, i), slot + i);
        }
    }
}

/* Gives up on pages that found no slot: they are absent again, and asked for again if they are
 * still wanted. */
static void drop(vt *v, const page_job *job, part p)
{
    for (uint32_t i = p.first; i < p.first + (1u << 2 * p.order); i++) {
        if (job_arrived(job) >> i & 1) {
            const vt_page page = page_of_cluster(job->page, i);
            pagestate_set(&stream_texture_of(v, page)->states, page, PAGE_ABSENT);
            v->stats.pages.cancelled++;
        }
    }
}

/* If the job brings the coarsest page, for which grey stood in, evicts the grey. The page takes its
 * place before the card sees the table again. */
static void end_stand_in(vt *v, const page_job *job)
{
    stream_texture *t = stream_texture_of(v, job->page);
    if (t->stands_in && job->page.mip == t->info->shape.mips - 1 && job_arrived(job) != 0) {
        evict(v, atlas_find(v->atlas, page_pack(job->page)));
        t->stands_in = false;
    }
}

void stream_make_resident(vt *v, const page_job *job)
{
    end_stand_in(v, job);
    /* a stack: at each order three parts wait */
    part parts[3 * JOB_MAX_ORDER + 1] = {{0, job->order}};
    uint32_t count = 1;
    while (count > 0) {
        const part p = parts[--count];
        if ((job_arrived(job) & pages_in(p)) == 0) {
            continue;
        }
        const uint32_t slot = find_square(v, job, p);
        if (slot != ATLAS_NONE) {
            upload(v, job, p, slot);
        } else if (p.order == 0) {
            drop(v, job, p);
        } else { /* split in four parts of half the side */
            for (uint32_t i = 4; i-- > 0;) {
                parts[count++] = (part){p.first + (i << 2 * (p.order - 1)), p.order - 1};
            }
        }
    }
    gpu_staging_sent(v->gpu, job->tile, job->order);
}

/* ---- ended jobs ---- */

typedef struct failure {
    uint64_t pages; /* of the job */
    const char *why;
} failure;

static void take_in_failure(vt *v, const page_job *job, failure f)
{
    for (uint32_t i = 0; i < 1u << 2 * job->order; i++) {
        if ((f.pages >> i & 1) == 0) {
            continue;
        }
        const vt_page p = page_of_cluster(job->page, i);
        stream_texture *t = stream_texture_of(v, p);
        if (job->corrupt >> i & 1) {
            pagestate_set(&t->states, p, PAGE_CORRUPT);
            v->stats.pages.corrupt++;
        } else {
            pagestate_fail(&t->states, p, v->image + STREAM_RETRY_IMAGES);
            v->stats.pages.failed++;
        }
        log_add(&v->log, "%s: page %u,%u,%u %s", t->path, p.mip, p.x, p.y, f.why);
    }
}

static void set_absent(vt *v, const page_job *job, uint64_t pages)
{
    for (uint32_t i = 0; i < 1u << 2 * job->order; i++) {
        if (pages >> i & 1) {
            const vt_page p = page_of_cluster(job->page, i);
            pagestate_set(&stream_texture_of(v, p)->states, p, PAGE_ABSENT);
        }
    }
}

static void take_in_failures(vt *v, const page_job *job)
{
    const failure failures[] = {
        {job->corrupt, "is damaged and is drawn from coarser ones"},
        {job->failed, "could not be read; it will be tried again"},
        {job->refused, "found no room in RAM; it will be tried again"},
    };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        take_in_failure(v, job, failures[i]);
    }
    set_absent(v, job, job->cancelled);
    v->stats.pages.cancelled += (uint64_t)__builtin_popcountll(job->cancelled);
}

static void take_in(vt *v, const page_job *job)
{
    const uint32_t pages = (uint32_t)__builtin_popcountll(job->wanted);
    take_in_failures(v, job);
    if (job->tile == JOB_NO_TILE) {
        v->prefetches_in_flight -= pages;
        set_absent(v, job, job_arrived(job)); /* they lie in RAM now, and may be asked for again */
        return;
    }
    v->tiles_in_flight -= pages;
    stream_make_resident(v, job);
}

void stream_take_in_all(vt *v)
{
    page_job job;
    while (arrivals_take(&v->arrivals, &job)) {
        take_in(v, &job);
    }
}

void stream_take_in_arrivals(vt *v, uint64_t started_ns)
{
    const uint64_t first_byte = v->stats.bytes.uploaded;
    const uint64_t bytes = v->settings.upload_bytes;
    const uint32_t times = stream_is_after_cut(v) ? STREAM_CUT_BUDGETS : 1;
    page_job job;
    while (arrivals_take(&v->arrivals, &job)) {
        take_in(v, &job);
        const double spent_ms = (double)(platform_now_ns() - started_ns) / 1e6;
        if ((v->stats.bytes.uploaded - first_byte) / times >= bytes ||
            (!v->desc.deterministic && spent_ms >= (double)v->settings.upload_ms * times)) {
            return;
        }
    }
}
