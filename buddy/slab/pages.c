/* slab/pages.c: pages of the ranges: taken from the buddy, given back to it, and passed on to the
 * system when much of what the buddy has is free. */
#include "buddy/slab/private.h"

#include <time.h>

#include "buddy/core/words.h"

/* ---- what has been written to ---- */

/* The chunks that [at, at + bytes) lies in. */
static void chunks_of(const slab_range *range, uintptr_t at, size_t bytes, size_t *from, size_t *to)
{
    *from = (at - range->base) >> BUDDY_SLABS_CHUNK_SHIFT;
    *to = (at - range->base + bytes - 1) >> BUDDY_SLABS_CHUNK_SHIFT;
}

/* Marks the chunks as written to; whether none of them was. The block is ours, and so are its
 * pages; a chunk at its end may be another's too, who marks it all the same. */
static bool make_dirty(const slab_range *range, uintptr_t at, size_t bytes)
{
    size_t from, to;
    bool clean = true;
    chunks_of(range, at, bytes, &from, &to);
    for (size_t i = from; i <= to; i++) {
        /* relaxed: the buddy ordered us after the last owner of the pages, which are ours */
        clean = atomic_load_explicit(&range->dirty[i], memory_order_relaxed) == 0 && clean;
        atomic_store_explicit(&range->dirty[i], 1, memory_order_relaxed);
    }
    return clean;
}

/* ---- giving memory to the system ---- */

/* Discards dirty chunks. They are clean only if the system says so: it keeps what is locked in
 * memory. */
static size_t discard_chunks(const slab_range *range, size_t first, size_t end)
{
    uintptr_t at = range->base + (first << BUDDY_SLABS_CHUNK_SHIFT);
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    size_t bytes = region_discard((void *)at, (end - first) << BUDDY_SLABS_CHUNK_SHIFT);
    for (size_t i = first; i < end && bytes != 0; i++) {
        /* relaxed: the chunks are ours, so nobody else marks them */
        atomic_store_explicit(&range->dirty[i], 0, memory_order_relaxed);
    }
    return bytes;
}

/* Discards the dirty chunks of a free block that we hold: whole ones, since it has no less. */
static size_t discard_block(const slab_range *range, size_t from, size_t count)
{
    size_t bytes = 0;
    for (size_t i = from, end = from + count; i < end;) {
        size_t first = i;
        /* relaxed: the block is ours */
        while (i < end && atomic_load_explicit(&range->dirty[i], memory_order_relaxed) != 0) {
            i++;
        }
        bytes += i != first ? discard_chunks(range, first, i) : 0;
        i += i == first;
    }
    return bytes;
}

typedef struct discarding {
    buddy_slabs *s;
    const slab_range *range;
    buddy *core;
    size_t bytes;
} discarding;

/* Free blocks come largest first. Each is taken meanwhile, so that no thread writes into it. That
 * is done under the lock, since a request that is about to be refused may still have the block: see
 * ask_strictly. */
static bool visit_free(void *context, buddy_block block)
{
    discarding *d = context;
    uint32_t chunk_order = BUDDY_SLABS_CHUNK_SHIFT - word_lowest(SLAB_UNIT_BYTES);
    if (block.order < chunk_order) {
        return false;
    }
    pthread_mutex_lock(&d->s->discarding);
    if (buddy_try_at(d->core, block.offset, block.order)) {
        d->bytes += discard_block(d->range, block.offset >> chunk_order,
                                  (size_t)1 << (block.order - chunk_order));
        buddy_free(d->core, block.offset, block.order);
    }
    pthread_mutex_unlock(&d->s->discarding);
    return true;
}

/* They have been counted as spare. */
void slab_drop_large(buddy_slabs *s)
{
    void *block;
    while ((block = slab_large_drop(&s->large)) != NULL) {
        (void)buddy_heap_free(slab_range_of(s, block)->heap, block);
    }
}

size_t slab_discard(buddy_slabs *s)
{
    size_t bytes = 0;
    slab_drop_large(s);
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        discarding d = {s, &s->ranges[i], buddy_heap_core(s->ranges[i].heap), 0};
        buddy_walk(d.core, visit_free, &d);
        bytes += d.bytes;
    }
    /* relaxed: figures */
    atomic_store_explicit(&s->spare_bytes, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->discarded_bytes, bytes, memory_order_relaxed);
    return bytes;
}

/* A second since the last discard? Seconds as they tick: good enough for what is a guess. */
static bool is_long_ago(buddy_slabs *s)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* refused: it is second 0, a wrong guess */
    uint32_t second = (uint32_t)now.tv_sec;
    /* relaxed: of two who discard at once either may say when */
    return second - atomic_exchange_explicit(&s->discarded_at, second, memory_order_relaxed) > 1;
}

/* Counts what went to the buddy, and gives it on to the system when it is much. What comes and goes
 * all the time would be paid for by page faults: where the last discard was a moment ago, the next
 * one waits for twice as much. */
static void count_spare(buddy_slabs *s, size_t bytes)
{
    /* relaxed, all: figures */
    size_t spare = atomic_fetch_add_explicit(&s->spare_bytes, bytes, memory_order_relaxed) + bytes;
    size_t keep = atomic_load_explicit(&s->keep_bytes, memory_order_relaxed);
    if (spare < keep || spare - bytes >= keep) {
        return;
    }
    keep = is_long_ago(s) ? s->desc.keep_bytes : keep < SIZE_MAX / 2 ? 2 * keep : keep;
    atomic_store_explicit(&s->keep_bytes, keep, memory_order_relaxed);
    (void)slab_discard(s);
}

/* What is taken again need not be given back; never below zero. */
static void uncount_spare(buddy_slabs *s, size_t bytes)
{
    /* relaxed: a figure */
    size_t spare = atomic_load_explicit(&s->spare_bytes, memory_order_relaxed);
    while (spare != 0 && !atomic_compare_exchange_weak_explicit(
                             &s->spare_bytes, &spare, spare > bytes ? spare - bytes : 0,
                             memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* ---- blocks of the buddy ---- */

static void *ask(const slab_range *range, const slab_wish *w)
{
    return w->alignment > SLAB_UNIT_BYTES ? buddy_heap_aligned(range->heap, w->alignment, w->bytes)
                                          : buddy_heap_exact(range->heap, w->bytes);
}

bool slab_fits(const slab_range *range, const slab_wish *w)
{
    return w->bytes <= range->bytes / 2 && w->alignment <= range->bytes / 2;
}

/* From any range, from the one that had some last on. Returns it, NULL: none has it. */
static const slab_range *ask_all(buddy_slabs *s, const slab_wish *w, void **at)
{
    uint32_t count = slab_range_count(s);
    /* relaxed: a hint */
    uint32_t hint = atomic_load_explicit(&s->range_hint, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t which = (hint + i) % count;
        *at = slab_fits(&s->ranges[which], w) ? ask(&s->ranges[which], w) : NULL;
        if (*at != NULL) {
            if (i != 0) {
                atomic_store_explicit(&s->range_hint, which, memory_order_relaxed);
            }
            return &s->ranges[which];
        }
    }
    return NULL;
}

/* As ask_all, while no block is on its way to the system: each heap's "no" is exact (see
 * buddy_magazine_alloc), and nobody else takes blocks past the heaps. */
static const slab_range *ask_strictly(buddy_slabs *s, const slab_wish *w, void **at)
{
    pthread_mutex_lock(&s->discarding);
    const slab_range *range = ask_all(s, w, at);
    pthread_mutex_unlock(&s->discarding);
    return range;
}

/* As ask_all; adds ranges for as long as the system has addresses, if another one would help: it is
 * hardly smaller than the last. */
static const slab_range *take(buddy_slabs *s, const slab_wish *w, void **at)
{
    const slab_range *range;
    uint32_t count;
    do {
        count = slab_range_count(s);
        range = ask_all(s, w, at);
    } while (range == NULL && slab_fits(&s->ranges[count - 1], w) && slab_add_range(s, count));
    return range != NULL ? range : ask_strictly(s, w, at);
}

void *slab_chunks_alloc(buddy_slabs *s, uint32_t chunks, const slab_range **range)
{
    void *at = NULL;
    slab_wish w = {.alignment = BUDDY_SLABS_CHUNK_BYTES,
                   .bytes = (size_t)chunks * BUDDY_SLABS_CHUNK_BYTES};
    *range = take(s, &w, &at);
    if (*range != NULL) {
        (void)make_dirty(*range, (uintptr_t)at, w.bytes);
        uncount_spare(s, w.bytes);
    }
    return at;
}

void slab_chunks_free(buddy_slabs *s, const slab_range *range, uintptr_t at, size_t bytes)
{
    (void)buddy_heap_free(range->heap, (void *)at); // NOLINT(performance-no-int-to-ptr)
    count_spare(s, bytes);
}

buddy_heap_status slab_pages_free(buddy_slabs *s, const slab_range *range, void *pointer)
{
    size_t bytes = buddy_heap_usable_size(range->heap, pointer);
    buddy_heap_status status = buddy_heap_free(range->heap, pointer);
    if (status == BUDDY_HEAP_OK) {
        count_spare(s, bytes);
    }
    return status;
}

/* Whatever was free here before must not speak for the block. Looked at first, since a page that is
 * only read takes no memory. */
static void clear_seal(void *at)
{
    buddy_slab_object *block = at;
    if (block->seal != 0) {
        block->seal = 0;
    }
}

/* What was taken from a range is about to be used. Returns whether it is zero. */
static bool begin_block(buddy_slabs *s, const slab_range *range, void *at)
{
    size_t bytes = buddy_heap_usable_size(range->heap, at);
    bool zeroed = make_dirty(range, (uintptr_t)at, bytes);
    uncount_spare(s, bytes);
    clear_seal(at);
    return zeroed;
}

void *slab_pages_alloc(buddy_slabs *s, const slab_wish *w, bool *zeroed)
{
    void *at = NULL;
    const slab_range *range = take(s, w, &at);
    if (range != NULL) {
        *zeroed = begin_block(s, range, at);
    }
    return at;
}

void *slab_pages_within(buddy_slabs *s, size_t bytes)
{
    void *at = NULL;
    const slab_range *range = ask_strictly(s, &(slab_wish){SLAB_UNIT_BYTES, bytes}, &at);
    if (range != NULL) {
        (void)begin_block(s, range, at);
    }
    return at;
}

/* ---- blocks beyond all classes ---- */

void *slab_take_large(buddy_slabs *s, size_t bytes)
{
    size_t whole = (bytes + SLAB_UNIT_BYTES - 1) / SLAB_UNIT_BYTES * SLAB_UNIT_BYTES;
    buddy_slab_object *block = slab_large_take(&s->large, whole);
    if (block != NULL) {
        block->seal = 0;
        uncount_spare(s, whole);
    }
    return block;
}

void slab_keep_large(buddy_slabs *s, buddy_slab_object *block, size_t bytes)
{
    block->seal = buddy_slab_seal(s->secret, block);
    void *oldest = slab_large_keep(&s->large, block, bytes);
    if (oldest != NULL) {
        (void)buddy_heap_free(slab_range_of(s, oldest)->heap,
                              oldest); /* counted when it was kept */
    }
    count_spare(s, bytes);
}
