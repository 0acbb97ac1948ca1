/* watch/track_sites.c: call sites: a table that only grows, found without a lock. */
#include <assert.h>
#include <execinfo.h>
#include <string.h>

#include "buddy/watch/track_private.h"

#define OWN_FRAMES 6u /* of the track and the allocator, above the one who asked, at most */
#define PROBES     64u

/* Who asked, innermost first: `site` alone, or the stack from there on. An unwinder that does not
 * come by `site` knows nothing better than it. */
static uint32_t walk_stack(const buddy_track *t, const void *site,
                           const void *frames[BUDDY_TRACK_FRAMES])
{
    void *all[BUDDY_TRACK_FRAMES + OWN_FRAMES];
    uint32_t found = 0, from = 0;
    if (t->desc.frames > 1) {
        found = (uint32_t)backtrace(all, (int)(t->desc.frames + OWN_FRAMES));
    }
    while (from < found && all[from] != site) {
        from++;
    }
    if (from == found) {
        frames[0] = site;
        return site != NULL;
    }
    uint32_t count = found - from < t->desc.frames ? found - from : t->desc.frames;
    memcpy(frames, all + from, count * sizeof frames[0]);
    return count;
}

/* Two stacks with the same 64 bits are taken for one. Never 0. */
static uint64_t hash_frames(const void *const frames[], uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash != 0 ? hash : 1;
}

/* The place of a key, or the first unused one, in *place; 0: neither is near. True: it is there. */
static bool look_up(const buddy_track *t, uint64_t key, uint32_t *place)
{
    for (uint32_t i = 0; i < PROBES && i <= t->site_mask; i++) {
        *place = 1 + (((uint32_t)key + i) & t->site_mask);
        /* acquire: with the key come the frames; pairs with add_place */
        uint64_t there = atomic_load_explicit(&t->places[*place].key, memory_order_acquire);
        if (there == key || there == 0) {
            return there == key;
        }
    }
    *place = 0;
    return false;
}

static uint32_t add_place(buddy_track *t, uint64_t key, const void *const frames[], uint32_t count)
{
    uint32_t place;
    at_work_lock(&t->sites_mutex);
    uint32_t sites = atomic_load_explicit(&t->sites, memory_order_relaxed); /* of the mutex */
    bool there = look_up(t, key, &place); /* another thread may have been quicker */
    if (!there && sites == t->desc.sites) {
        place = 0;
    }
    if (!there && place != 0) {
        memcpy(t->places[place].frames, frames, count * sizeof frames[0]);
        t->places[place].frame_count = count;
        atomic_store_explicit(&t->sites, sites + 1, memory_order_relaxed);
        /* unused -> this site's; release: see look_up */
        atomic_store_explicit(&t->places[place].key, key, memory_order_release);
    }
    at_work_unlock(&t->sites_mutex);
    return place;
}

uint32_t track_find_place(buddy_track *t, const void *site)
{
    const void *frames[BUDDY_TRACK_FRAMES];
    uint32_t count = walk_stack(t, site, frames), place;
    uint64_t key = hash_frames(frames, count);
    if (!look_up(t, key, &place)) {
        place = place != 0 ? add_place(t, key, frames, count) : 0;
    }
    if (place == 0) {
        atomic_fetch_add_explicit(&t->homeless, 1, memory_order_relaxed); /* a figure */
    }
    return place;
}

/* ---- sums: relaxed, figures all of them ---- */

static uint64_t add(_Atomic uint64_t *sum, uint64_t value)
{
    return atomic_fetch_add_explicit(sum, value, memory_order_relaxed) + value;
}

void track_place_gains(buddy_track *t, uint32_t place, size_t bytes)
{
    track_place *p = &t->places[place];
    uint64_t live = add(&p->live_bytes, bytes);
    uint64_t peak = atomic_load_explicit(&p->peak_bytes, memory_order_relaxed);
    while (live > peak &&
           !atomic_compare_exchange_weak_explicit(&p->peak_bytes, &peak, live, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    add(&p->live_blocks, 1);
    add(&p->allocs, 1);
    add(&p->bytes, bytes);
}

void track_place_loses(buddy_track *t, uint32_t place, size_t bytes)
{
    add(&t->places[place].live_bytes, UINT64_C(0) - bytes);
    add(&t->places[place].live_blocks, UINT64_MAX);
}

void track_place_ends(buddy_track *t, uint32_t place, uint64_t lifetime_ns)
{
    add(&t->places[place].ended, 1);
    add(&t->places[place].lifetime_ns, lifetime_ns);
}

/* ---- walking ---- */

static buddy_track_site describe(const track_place *p)
{
    return (buddy_track_site){
        .frames = p->frames,
        .frame_count = p->frame_count,
        .live_bytes = atomic_load_explicit(&p->live_bytes, memory_order_relaxed),
        .live_blocks = atomic_load_explicit(&p->live_blocks, memory_order_relaxed),
        .peak_bytes = atomic_load_explicit(&p->peak_bytes, memory_order_relaxed),
        .allocs = atomic_load_explicit(&p->allocs, memory_order_relaxed),
        .bytes = atomic_load_explicit(&p->bytes, memory_order_relaxed),
        .ended = atomic_load_explicit(&p->ended, memory_order_relaxed),
        .lifetime_ns = atomic_load_explicit(&p->lifetime_ns, memory_order_relaxed)};
}

void buddy_track_walk_sites(const buddy_track *t,
                            bool (*visit)(void *context, const buddy_track_site *site),
                            void *context)
{
    buddy_track_site homeless = describe(&t->places[0]);
    bool goes_on = homeless.allocs == 0 || visit(context, &homeless);
    for (uint32_t i = 1; goes_on && i <= t->site_mask + 1; i++) {
        /* acquire: see look_up */
        if (atomic_load_explicit(&t->places[i].key, memory_order_acquire) != 0) {
            buddy_track_site site = describe(&t->places[i]);
            goes_on = visit(context, &site);
        }
    }
}
