/* ramtier.c: an index behind one mutex, blocks from the arena, bytes copied outside the lock.
 *
 *     insert:  [lock: make room, take an entry]  gather, copy  [lock: publish, pinned]
 *     evict:   [lock: oldest unpinned entry out of the index, its blocks back]
 *     bring:   [lock: pinned, loading]     read          [lock: verified, or dropped]
 *
 * Between the two locks of an insert the entry belongs to its inserter alone: it is in no map and
 * no list, and its units are counted already, so the budget holds at every instant. A page of an
 * earlier run is brought, read from that run's file, when it is pinned for the first time:
 *
 *     unverified ── first pin ──▶ loading ─┬─ its checksum is right ──▶ like any other page
 *                                 others   │
 *                                 wait     └─ it is damaged ──▶ dropped once nobody has it
 * pinned */
#include "engine/ram/ramtier.h"

#include "engine/ram/ramtier_private.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEAST_BUDGET_BYTES = 128 * 1024, /* twice the largest page: index and metadata are the rest */
    BYTES_PER_PAGE = 2048,           /* a compressed page is rarely smaller: sizes the index */
    WATERMARK_PERCENT = 98,          /* of the arena: with less free, gathering often fails */
    GATHER_ROUNDS = 20,              /* 1 + 2 + 4 + … pages are evicted: more than there are */
};

/* ---- sizes ---- */

uint64_t ramtier_least_budget(void)
{
    return LEAST_BUDGET_BYTES;
}

uint32_t ramtier_max_pages_of(const ramtier_desc *desc)
{
    const uint64_t pages = desc->max_pages ? desc->max_pages : desc->budget_bytes / BYTES_PER_PAGE;
    return pages < UINT32_C(1) << 30 ? (uint32_t)pages : UINT32_C(1) << 30;
}

static arena_desc describe_arena(const ramtier_desc *desc, uint64_t bytes)
{
    return (arena_desc){.bytes = bytes / RAMTIER_UNIT_BYTES * RAMTIER_UNIT_BYTES,
                        .unit_bytes = RAMTIER_UNIT_BYTES,
                        .sync = desc->sync,
                        .prefault = desc->prefault,
                        .fault = desc->fault};
}

/* Bytes of the tier's own tables. */
static uint64_t index_bytes_of(const ramtier_desc *desc)
{
    const uint32_t pages = ramtier_max_pages_of(desc);
    return sizeof(ramtier) + ramindex_bytes(pages) + (uint64_t)pages * sizeof(uint32_t);
}

/* The largest arena that fits together with its metadata. The metadata of an arena that had all the
 * rest is taken off the rest: a smaller arena needs no more. bytes is 0 where none fits. */
static arena_desc choose_arena(const ramtier_desc *desc)
{
    const uint64_t index = index_bytes_of(desc);
    const uint64_t rest = desc->budget_bytes > index ? desc->budget_bytes - index : 0;
    const arena_desc most = describe_arena(desc, rest);
    const uint64_t metadata = arena_metadata_bytes(&most);
    return describe_arena(desc, metadata > 0 && metadata < rest ? rest - metadata : 0);
}

uint64_t ramtier_arena_bytes_of(const ramtier_desc *desc)
{
    return choose_arena(desc).bytes;
}

static bool fit_arena(ramtier *rt, const ramtier_desc *desc)
{
    const uint64_t index = index_bytes_of(desc);
    const arena_desc ad = choose_arena(desc);
    rt->arena = ad.bytes > 0 ? arena_create(&ad) : NULL;
    if (rt->arena == NULL) {
        return false;
    }
    rt->base = arena_base(rt->arena);
    rt->fixed_bytes = index + arena_metadata_bytes(&ad);
    rt->arena_units = (uint32_t)(ad.bytes / RAMTIER_UNIT_BYTES);
    rt->limit_units = (uint32_t)((uint64_t)rt->arena_units * WATERMARK_PERCENT / 100);
    return rt->fixed_bytes + ad.bytes <= desc->budget_bytes &&
           rt->limit_units >= TEXEL_PAGE_MAX_BYTES / RAMTIER_UNIT_BYTES;
}

/* ---- create and destroy ---- */

ramtier *ramtier_create(const ramtier_desc *desc)
{
    errno = EINVAL;
    ramtier *rt = desc->budget_bytes >= LEAST_BUDGET_BYTES ? calloc(1, sizeof *rt) : NULL;
    if (rt == NULL) {
        return NULL;
    }
    pthread_mutex_init(&rt->mutex, NULL); /* cannot fail on Linux with default traits */
    pthread_cond_init(&rt->loaded, NULL); /* likewise */
    rt->saved_fd = -1;
    rt->budget_bytes = desc->budget_bytes;
    rt->checksums = calloc(ramtier_max_pages_of(desc), sizeof *rt->checksums);
    const bool made = rt->checksums != NULL && fit_arena(rt, desc) &&
                      ramindex_init(&rt->index, ramtier_max_pages_of(desc));
    if (!made || !ramtier_restore(rt, desc)) {
        ramtier_destroy(rt);
        errno = made ? EBADMSG : ENOMEM;
        return NULL;
    }
    if (desc->saved != NULL) { /* ours from now on */
        rt->saved_fd = desc->saved_fd;
        rt->saved_at = desc->saved_at;
    }
    return rt;
}

void ramtier_destroy(ramtier *rt)
{
    if (rt == NULL) {
        return;
    }
    if (rt->saved_fd >= 0) {
        (void)close(rt->saved_fd); /* nothing was written */
    }
    arena_destroy(rt->arena);
    free(rt->checksums);
    ramindex_finish(&rt->index);
    pthread_cond_destroy(&rt->loaded);
    pthread_mutex_destroy(&rt->mutex);
    free(rt);
}

/* ---- room; all of it needs the mutex ---- */

/* Gives the blocks back to the arena and the entry to the free ones. Precondition: the entry is not
 * held. */
static void release(ramtier *rt, uint32_t index, uint32_t units)
{
    const ramindex_entry *e = &rt->index.entries[index];
    for (uint32_t i = 0; i < e->piece_count; i++) {
        arena_free(rt->arena, (buddy_block){e->offsets[i], e->orders[i]});
    }
    ramindex_give(&rt->index, index);
    rt->used_units -= units;
}

/* Evicts the least recently used page. False: all are pinned. */
static bool evict_oldest(ramtier *rt)
{
    const uint32_t index = ramindex_oldest(&rt->index);
    if (index == RAMINDEX_NONE) {
        return false;
    }
    ramindex_remove(&rt->index, index);
    release(rt, index, ramindex_units(&rt->index.entries[index]));
    rt->evicted++;
    return true;
}

/* Takes an entry and counts `units` as used, evicting until there is room for both. RAMINDEX_NONE:
 * refused. */
static uint32_t make_room(ramtier *rt, uint32_t units)
{
    if (units > rt->limit_units) {
        return RAMINDEX_NONE; /* evicting everything would not help */
    }
    while (rt->used_units > rt->limit_units - units) {
        if (!evict_oldest(rt)) {
            return RAMINDEX_NONE;
        }
    }
    uint32_t index = ramindex_take(&rt->index);
    if (index == RAMINDEX_NONE && evict_oldest(rt)) {
        index = ramindex_take(&rt->index);
    }
    if (index != RAMINDEX_NONE) {
        rt->used_units += units;
        rt->peak_units = rt->used_units > rt->peak_units ? rt->used_units : rt->peak_units;
    }
    return index;
}

/* ---- blobs ---- */

/* Needs the mutex. */
static void pin_entry(ramtier *rt, uint32_t index, ramtier_blob *out)
{
    ramindex_pin(&rt->index, index);
    ramtier_fill_blob(rt, index, out);
}

/* ---- insert ---- */

/* Takes the blocks for a taken entry. What is free may lie in pieces that are too small: then a few
 * more pages are evicted, twice as many each time. Without the mutex. */
static bool gather(ramtier *rt, ramindex_entry *e, uint32_t units)
{
    buddy_block blocks[BUDDY_PIECES];
    uint32_t count = 0;
    for (uint32_t round = 0; round < GATHER_ROUNDS; round++) {
        count = arena_gather(rt->arena, units, blocks);
        if (count > 0) {
            break;
        }
        bool evicted = false;
        pthread_mutex_lock(&rt->mutex);
        for (uint32_t i = 0; i < UINT32_C(1) << round && evict_oldest(rt); i++) {
            evicted = true;
        }
        pthread_mutex_unlock(&rt->mutex);
        if (!evicted) {
            break;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        e->offsets[i] = blocks[i].offset;
        e->orders[i] = (uint8_t)blocks[i].order;
    }
    e->piece_count = (uint8_t)count;
    return count > 0;
}

static void copy_in(ramtier *rt, const ramindex_entry *e, const uint8_t *data)
{
    uint32_t rest = e->bytes;
    for (uint32_t i = 0; i < e->piece_count && rest > 0; i++) {
        const uint32_t block_bytes = RAMTIER_UNIT_BYTES << e->orders[i];
        const uint32_t bytes = rest < block_bytes ? rest : block_bytes;
        memcpy(rt->base + (size_t)e->offsets[i] * RAMTIER_UNIT_BYTES, data, bytes);
        data += bytes;
        rest -= bytes;
    }
}

/* Makes the page held, pinned once. Where another thread has inserted the same page meanwhile, that
 * one is pinned and ours dropped. False: the other one is of an earlier run, and a thread that has
 * it pinned is finding it damaged; ours is dropped too. Needs the mutex. */
static bool publish(ramtier *rt, uint32_t index, uint32_t units, ramtier_blob *out)
{
    const uint32_t other = ramindex_find(&rt->index, rt->index.entries[index].page_id);
    if (other == RAMINDEX_NONE) {
        ramindex_add(&rt->index, index);
        rt->inserted++;
        ramtier_fill_blob(rt, index, out);
        return true;
    }
    release(rt, index, units);
    const bool good = !rt->index.entries[other].unverified;
    if (good) {
        pin_entry(rt, other, out);
    }
    return good;
}

static uint32_t units_for(uint32_t layer_count, const ramtier_layer layers[])
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < layer_count; i++) {
        bytes += layers[i].bytes;
    }
    return buddy_gather_units((bytes + RAMTIER_UNIT_BYTES - 1) / RAMTIER_UNIT_BYTES);
}

bool ramtier_insert(ramtier *rt, uint32_t page_id, uint32_t layer_count,
                    const ramtier_layer layers[], const void *data, ramtier_blob *out)
{
    assert(page_id != 0 && layer_count >= 1 && layer_count <= VT_MAX_LAYERS);
    const uint32_t units = units_for(layer_count, layers);
    assert(units > 0);
    if (ramtier_pin(rt, page_id, out)) {
        return true;
    }
    pthread_mutex_lock(&rt->mutex);
    const uint32_t index = make_room(rt, units);
    rt->refused += index == RAMINDEX_NONE;
    pthread_mutex_unlock(&rt->mutex);
    if (index == RAMINDEX_NONE) {
        return false;
    }
    ramindex_entry *e = &rt->index.entries[index];
    ramtier_describe(e, page_id, layer_count, layers);
    const bool gathered = gather(rt, e, units);
    if (gathered) {
        copy_in(rt, e, data);
    }
    pthread_mutex_lock(&rt->mutex);
    const bool held = gathered && publish(rt, index, units, out);
    if (!gathered) {
        release(rt, index, units);
    }
    rt->refused += !held;
    pthread_mutex_unlock(&rt->mutex);
    return held;
}

/* ---- use ---- */

/* Reads a pinned page of an earlier run, which the caller has marked as loading. False: it is
 * damaged, and is dropped when nobody has it pinned any more; a thread that waited for it tries to
 * read it itself. */
static bool bring(ramtier *rt, const ramtier_blob *blob)
{
    const uint32_t index = blob->entry;
    const bool good = ramtier_load(rt, blob);
    pthread_mutex_lock(&rt->mutex);
    ramindex_entry *e = &rt->index.entries[index];
    e->loading = false;
    e->unverified = !good;
    pthread_cond_broadcast(&rt->loaded);
    if (!good) {
        rt->damaged++;
        ramindex_unpin(&rt->index, index);
        if (e->pins == 0) {
            ramindex_remove(&rt->index, index);
            release(rt, index, ramindex_units(e));
        }
    }
    pthread_mutex_unlock(&rt->mutex);
    return good;
}

bool ramtier_pin(ramtier *rt, uint32_t page_id, ramtier_blob *out)
{
    pthread_mutex_lock(&rt->mutex);
    const uint32_t index = ramindex_find(&rt->index, page_id);
    bool known = true;
    if (index != RAMINDEX_NONE) {
        ramindex_entry *e = &rt->index.entries[index];
        pin_entry(rt, index, out); /* so that the entry stays this page's while we wait */
        while (e->loading) {
            pthread_cond_wait(&rt->loaded, &rt->mutex);
        }
        known = !e->unverified;
        e->loading = !known;
    }
    pthread_mutex_unlock(&rt->mutex);
    return index != RAMINDEX_NONE && (known || bring(rt, out));
}

void ramtier_unpin(ramtier *rt, const ramtier_blob *blob)
{
    pthread_mutex_lock(&rt->mutex);
    ramindex_unpin(&rt->index, blob->entry);
    pthread_mutex_unlock(&rt->mutex);
}

bool ramtier_touch(ramtier *rt, uint32_t page_id)
{
    pthread_mutex_lock(&rt->mutex);
    const uint32_t index = ramindex_find(&rt->index, page_id);
    if (index != RAMINDEX_NONE) {
        ramindex_touch(&rt->index, index);
    }
    *(index != RAMINDEX_NONE ? &rt->hits : &rt->misses) += 1;
    pthread_mutex_unlock(&rt->mutex);
    return index != RAMINDEX_NONE;
}

bool ramtier_has(ramtier *rt, uint32_t page_id)
{
    pthread_mutex_lock(&rt->mutex);
    const bool held = ramindex_find(&rt->index, page_id) != RAMINDEX_NONE;
    pthread_mutex_unlock(&rt->mutex);
    return held;
}

void ramtier_flush(ramtier *rt)
{
    pthread_mutex_lock(&rt->mutex);
    while (evict_oldest(rt)) {
    }
    pthread_mutex_unlock(&rt->mutex);
}

/* ---- watching ---- */

/* Passes on the entries that are pinned, or those that are not. */
typedef struct walk {
    void (*visit)(void *context, const ramtier_held *held);
    void *context;
    bool pinned;
} walk;

static void pass_on(void *context, const ramindex_entry *e)
{
    const walk *w = context;
    if ((e->pins > 0) != w->pinned) {
        return;
    }
    ramtier_held held = {.page_id = e->page_id,
                         .bytes = e->bytes,
                         .piece_count = e->piece_count,
                         .pinned = w->pinned};
    for (uint32_t i = 0; i < e->piece_count; i++) {
        held.pieces[i] = (buddy_block){e->offsets[i], e->orders[i]};
    }
    w->visit(w->context, &held);
}

void ramtier_walk(ramtier *rt, void (*visit)(void *context, const ramtier_held *held),
                  void *context)
{
    walk w = {visit, context, false};
    pthread_mutex_lock(&rt->mutex);
    ramindex_walk_by_use(&rt->index, pass_on, &w);
    w.pinned = true;
    ramindex_walk(&rt->index, pass_on, &w);
    pthread_mutex_unlock(&rt->mutex);
}

const uint8_t *ramtier_base(const ramtier *rt)
{
    return rt->base;
}

uint64_t ramtier_arena_bytes(const ramtier *rt)
{
    return (uint64_t)rt->arena_units * RAMTIER_UNIT_BYTES;
}

void ramtier_get_stats(ramtier *rt, ramtier_stats *out)
{
    arena_stats core;
    arena_get_stats(rt->arena, &core);
    double fragmentation = 0;
    if (core.free_units > 0 && core.largest_order < BUDDY_ORDERS) {
        fragmentation = 1.0 - (double)(UINT64_C(1) << core.largest_order) / core.free_units;
        fragmentation = fragmentation > 0 ? fragmentation : 0; /* counted while others work */
    }
    pthread_mutex_lock(&rt->mutex);
    *out = (ramtier_stats){
        .budget_bytes = rt->budget_bytes,
        .used_bytes = rt->fixed_bytes + (uint64_t)rt->used_units * RAMTIER_UNIT_BYTES,
        .peak_bytes = rt->fixed_bytes + (uint64_t)rt->peak_units * RAMTIER_UNIT_BYTES,
        .arena_bytes = (uint64_t)rt->arena_units * RAMTIER_UNIT_BYTES,
        .payload_bytes = rt->index.payload_bytes,
        .pages = rt->index.pages,
        .hits = rt->hits,
        .misses = rt->misses,
        .inserted = rt->inserted,
        .evicted = rt->evicted,
        .refused = rt->refused,
        .damaged = rt->damaged,
        .fragmentation = fragmentation,
        .pending_high_water = core.pending_high_water,
    };
    pthread_mutex_unlock(&rt->mutex);
}

/* ---- check ---- */

/* One byte a unit: 1 once a page or a free block has claimed it. */
typedef struct claims {
    uint8_t *units;
    uint64_t count;
    bool twice;
} claims;

static bool claim_block(void *context, buddy_block block)
{
    claims *c = context;
    for (uint32_t i = 0; i < UINT32_C(1) << block.order; i++) {
        c->twice |= c->units[block.offset + i] != 0;
        c->units[block.offset + i] = 1;
        c->count++;
    }
    return true;
}

static void claim_entry(void *context, const ramindex_entry *e)
{
    for (uint32_t i = 0; i < e->piece_count; i++) {
        claim_block(context, (buddy_block){e->offsets[i], e->orders[i]});
    }
}

static const char *check_units(const ramtier *rt)
{
    claims c = {.units = calloc(rt->arena_units, 1)};
    if (c.units == NULL) {
        return "RAM tier: no memory to check it";
    }
    ramindex_walk(&rt->index, claim_entry, &c);
    const uint64_t used = c.count;
    arena_walk(rt->arena, claim_block, &c);
    free(c.units);
    if (c.twice) {
        return "RAM tier: a unit has two owners";
    }
    if (c.count != rt->arena_units) {
        return "RAM tier: a unit is neither free nor a page's";
    }
    return used == rt->used_units ? NULL : "RAM tier: the count of used units is wrong";
}

const char *ramtier_check(ramtier *rt)
{
    pthread_mutex_lock(&rt->mutex);
    const char *wrong = ramindex_check(&rt->index);
    wrong = wrong ? wrong : arena_check(rt->arena);
    wrong = wrong ? wrong : check_units(rt);
    if (wrong == NULL && rt->peak_units > rt->limit_units) {
        wrong = "RAM tier: went over its watermark";
    }
    pthread_mutex_unlock(&rt->mutex);
    return wrong;
}
