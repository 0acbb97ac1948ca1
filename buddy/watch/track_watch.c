/* watch/track_watch.c: sums over all, the timeline, walks and the check. */
#include <string.h>

#include "buddy/watch/track_private.h"

/* ---- what is live, and when ---- */

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(most, memory_order_relaxed); /* relaxed: figures */
    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               most, &seen, value, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* When all points are taken, two become one. */
static void halve(track_timeline *l)
{
    for (uint32_t i = 0; i < BUDDY_TRACK_POINTS / 2; i++) {
        uint64_t a = l->points[2 * i], b = l->points[2 * i + 1];
        l->points[i] = a > b ? a : b;
    }
    l->count = BUDDY_TRACK_POINTS / 2;
    l->stretch_ns *= 2;
}

/* Puts down the stretches that have ended; in those after the first nothing happened, or what is
 * live would have come by. Needs the mutex. */
static void put_points(track_timeline *l, uint64_t age_ns, uint64_t live)
{
    uint64_t next_ns = atomic_load_explicit(&l->next_ns, memory_order_relaxed); /* of the mutex */
    while (age_ns >= next_ns) {
        if (l->count == BUDDY_TRACK_POINTS) {
            halve(l);
        }
        uint64_t most = atomic_exchange_explicit(&l->most, live, memory_order_relaxed);
        l->points[l->count++] = most > live ? most : live;
        next_ns = (l->count + UINT64_C(1)) * l->stretch_ns;
    }
    atomic_store_explicit(&l->next_ns, next_ns, memory_order_relaxed);
}

/* As put_points, unless another thread is at it. */
static void put_points_if_free(track_timeline *l, uint64_t age_ns, uint64_t live)
{
    at_work_begin();
    if (pthread_mutex_trylock(&l->mutex) == 0) {
        put_points(l, age_ns, live);
        pthread_mutex_unlock(&l->mutex);
    }
    at_work_end();
}

void track_count_live(buddy_track *t, size_t gained, size_t lost, uint64_t now_ns)
{
    /* relaxed: figures; each of live_bytes' own values is seen by who made it, so the peak is
     * exact */
    uint64_t change = (uint64_t)gained - lost;
    uint64_t before = atomic_fetch_add_explicit(&t->live_bytes, change, memory_order_relaxed);
    uint64_t live = before + change, age_ns = now_ns - t->born_ns;
    track_timeline *l = &t->timeline;
    if (age_ns >= atomic_load_explicit(&l->next_ns, memory_order_relaxed)) {
        put_points_if_free(l, age_ns, before);
    }
    raise_to(&t->peak_bytes, live);
    raise_to(&l->most, live);
}

uint32_t track_get_timeline(buddy_track *t, uint64_t points[BUDDY_TRACK_POINTS],
                            uint64_t *stretch_ns)
{
    track_timeline *l = &t->timeline;
    uint64_t age_ns = track_now_ns() - t->born_ns;
    at_work_lock(&l->mutex);
    put_points(l, age_ns, atomic_load_explicit(&t->live_bytes, memory_order_relaxed));
    memcpy(points, l->points, sizeof l->points);
    *stretch_ns = l->stretch_ns;
    uint32_t count = l->count;
    at_work_unlock(&l->mutex);
    return count;
}

void track_count_end(buddy_track *t, uint64_t lifetime_ns)
{
    uint32_t class = 0;
    for (uint64_t limit = 1000; class + 1 < BUDDY_TRACK_LIFETIMES && lifetime_ns >= limit;
         limit *= 10) {
        class ++;
    }
    atomic_fetch_add_explicit(&t->lifetimes[class], 1, memory_order_relaxed); /* a figure */
}

/* ---- looking ---- */

static void add_part(const track_part *part, buddy_track_stats *out)
{
    out->allocs += part->allocs;
    out->frees += part->frees;
    out->reallocs += part->reallocs;
    out->unknown += part->unknown;
    out->replaced += part->replaced;
}

void buddy_track_get_stats(const buddy_track *shown, buddy_track_stats *out)
{
    buddy_track *t =
        (buddy_track *)(uintptr_t)shown; /* locking is no change that the caller could see */
    *out = (buddy_track_stats){0};
    for (uint32_t i = 0; i < TRACK_PARTS; i++) {
        at_work_lock(&t->parts[i].mutex);
        add_part(&t->parts[i], out);
        at_work_unlock(&t->parts[i].mutex);
    }
    /* relaxed: figures */
    out->live_bytes = atomic_load_explicit(&t->live_bytes, memory_order_relaxed);
    out->peak_bytes = atomic_load_explicit(&t->peak_bytes, memory_order_relaxed);
    out->forgotten = atomic_load_explicit(&t->forgotten, memory_order_relaxed);
    out->homeless = atomic_load_explicit(&t->homeless, memory_order_relaxed);
    out->sites = atomic_load_explicit(&t->sites, memory_order_relaxed);
    out->live_blocks = out->allocs - out->forgotten - out->frees - out->replaced;
    for (uint32_t i = 0; i < BUDDY_TRACK_LIFETIMES; i++) {
        out->lifetimes[i] = atomic_load_explicit(&t->lifetimes[i], memory_order_relaxed);
    }
    at_work_lock(&t->writer.mutex);
    out->log_records = t->writer.records;
    out->log_bytes = t->writer.bytes;
    at_work_unlock(&t->writer.mutex);
}

static buddy_track_block describe(const buddy_track *t, const track_record *r, uint64_t now_ns)
{
    const track_place *p = &t->places[r->site];
    return (buddy_track_block){.pointer = r->pointer,
                               .bytes = r->bytes,
                               .thread = r->thread,
                               .age_ns = now_ns > r->born_ns ? now_ns - r->born_ns : 0,
                               .frames = p->frames,
                               .frame_count = p->frame_count};
}

void buddy_track_walk(buddy_track *t, bool (*visit)(void *context, const buddy_track_block *block),
                      void *context)
{
    bool goes_on = true;
    uint64_t now_ns = track_now_ns();
    for (uint32_t bucket = 0; goes_on && bucket <= t->bucket_mask; bucket++) {
        track_part *part = track_part_of(t, bucket);
        at_work_lock(&part->mutex);
        uint32_t number = t->buckets[bucket];
        for (; goes_on && number != 0; number = t->records[number].next) {
            buddy_track_block block = describe(t, &t->records[number], now_ns);
            goes_on = visit(context, &block);
        }
        at_work_unlock(&part->mutex);
    }
}

/* ---- check ---- */

typedef struct tally {
    uint64_t bytes, blocks;
} tally;

static bool tally_block(void *context, const buddy_track_block *block)
{
    tally *sum = context;
    sum->bytes += block->bytes;
    sum->blocks++;
    return true;
}

static bool tally_site(void *context, const buddy_track_site *site)
{
    tally *sum = context;
    sum->bytes += site->live_bytes;
    sum->blocks += site->live_blocks;
    return site->peak_bytes >= site->live_bytes;
}

/* Records without a block; more than there are where a list runs in a circle. */
static uint64_t count_unused(const buddy_track *t)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < TRACK_PARTS; i++) {
        const track_part *part = &t->parts[i];
        count += part->fresh <= t->desc.blocks
                     ? (t->desc.blocks - part->fresh) / TRACK_PARTS + UINT64_C(1)
                     : 0;
        for (uint32_t n = part->unused; n != 0 && count <= t->desc.blocks; n = t->records[n].next) {
            count++;
        }
    }
    return count;
}

const char *buddy_track_check(buddy_track *t)
{
    tally blocks = {0}, sites = {0};
    buddy_track_stats stats;
    buddy_track_get_stats(t, &stats);
    buddy_track_walk(t, tally_block, &blocks);
    buddy_track_walk_sites(t, tally_site, &sites);
    if (blocks.bytes != stats.live_bytes || blocks.blocks != stats.live_blocks) {
        return "the sums of what is live differ from the records";
    }
    if (sites.bytes != blocks.bytes || sites.blocks != blocks.blocks) {
        return "the sums of the sites differ from the records";
    }
    if (blocks.blocks + count_unused(t) != t->desc.blocks) {
        return "a record is neither a block's nor unused";
    }
    return stats.peak_bytes >= stats.live_bytes ? NULL : "more is live than there ever was";
}
