/* slab.c: making a slab, its ranges, and the public doors. */
#include "slab_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "region.h"

#define RANGE_BYTES_LEAST  ((size_t)4 << 20)
#define RANGES_A_SIZE      8u /* then they double: many small ones would soon be all there may be */
#define START_BYTES        ((size_t)4 << 20) /* in play at first */
#define MAP_BYTES_DEFAULT  ((size_t)2 << 20)
#define KEEP_BYTES_DEFAULT ((size_t)8 << 20)
#define ERROR_LINE         160u

/* ---- ranges ---- */

static void finish_range(const slab_range *range)
{
    size_t chunks = range->bytes >> SLAB_CHUNK_SHIFT;
    heap_destroy(range->heap);
    region_unmap(range->heads, chunks * sizeof(slab_head));
    region_unmap((void *)(uintptr_t)range->dirty, chunks); // NOLINT(performance-no-int-to-ptr)
}

static bool init_range(slab_range *range, size_t bytes)
{
    size_t chunks = bytes >> SLAB_CHUNK_SHIFT;
    *range = (slab_range){.bytes = bytes};
    range->heap = heap_create(&(heap_desc){.bytes = START_BYTES,
                                           .max_bytes = bytes,
                                           .unit_bytes = SLAB_UNIT_BYTES,
                                           .threads = HEAP_NO_STOCKS});
    range->heads = region_map(chunks * sizeof(slab_head), sizeof(void *));
    range->dirty = region_map(chunks, 1);
    if (range->heap == NULL || range->heads == NULL || range->dirty == NULL) {
        finish_range(range);
        return false;
    }
    range->base = (uintptr_t)heap_base(range->heap);
    return true;
}

/* Addresses for the range after `count` others. */
static size_t next_range_bytes(const slab *s, uint32_t count)
{
    uint32_t doublings = count / RANGES_A_SIZE;
    return s->desc.range_bytes <= SLAB_RANGE_BYTES_MOST >> doublings
               ? s->desc.range_bytes << doublings
               : SLAB_RANGE_BYTES_MOST;
}

/* Needs the lock, or to be alone. */
static bool append_range(slab *s)
{
    uint32_t count = slab_range_count(s);
    size_t bytes = next_range_bytes(s, count);
    while (count < SLAB_RANGES && bytes >= RANGE_BYTES_LEAST) {
        if (init_range(&s->ranges[count], bytes)) {
            /* release: the range */
            atomic_store_explicit(&s->range_count, count + 1, memory_order_release);
            return true;
        }
        bytes /= 2; /* addresses are scarce: smaller ones leave some for others too */
    }
    return false;
}

bool slab_add_range(slab *s, uint32_t count)
{
    pthread_mutex_lock(&s->lock);
    bool done = slab_range_count(s) > count || append_range(s);
    pthread_mutex_unlock(&s->lock);
    return done;
}

const slab_range *slab_range_of(slab *s, const void *pointer)
{
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        if ((uintptr_t)pointer - s->ranges[i].base < s->ranges[i].bytes) {
            return &s->ranges[i];
        }
    }
    return NULL;
}

slab_head *slab_head_of(const slab_range *range, const void *pointer)
{
    slab_head *head = &range->heads[((uintptr_t)pointer - range->base) >> SLAB_CHUNK_SHIFT];
    /* relaxed: who has an object of it got it after this was written */
    uint32_t kind = atomic_load_explicit(&head->kind, memory_order_relaxed);
    return kind != SLAB_NONE ? head - (kind - SLAB_FIRST) : NULL;
}

uintptr_t slab_start(const slab_range *range, const slab_head *head)
{
    return range->base + ((size_t)(head - range->heads) << SLAB_CHUNK_SHIFT);
}

bool slab_is_object(const slab_range *range, const slab_head *head, const void *pointer)
{
    uint32_t within = (uint32_t)((uintptr_t)pointer - slab_start(range, head));
    bool multiple = within < SLAB_CHUNK_BYTES ? slab_is_multiple(within, head->divide)
                                              : within % head->object_bytes == 0;
    return multiple && within < head->capacity * head->object_bytes;
}

/* ---- making one ---- */

static bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static slab_desc fill_in(const slab_desc *desc)
{
    slab_desc full = *desc;
    full.range_bytes = full.range_bytes != 0 ? full.range_bytes : SLAB_RANGE_BYTES;
    full.keep_bytes = full.keep_bytes != 0 ? full.keep_bytes : KEEP_BYTES_DEFAULT;
    return full;
}

/* Something that no program writes by chance. */
static uintptr_t make_secret(const slab *s)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mixed = ((uint64_t)now.tv_nsec << 20 ^ (uintptr_t)s) * UINT64_C(0x9e3779b97f4a7c15);
    return (uintptr_t)mixed | 1; /* odd: no seal is 0, nor a pointer */
}

static slab *fail(slab *s, int reason)
{
    region_unmap(s, sizeof(slab));
    errno = reason;
    return NULL;
}

slab *slab_create(const slab_desc *desc)
{
    slab_desc full = fill_in(desc);
    if (!is_power_of_two(full.range_bytes) || full.range_bytes < RANGE_BYTES_LEAST ||
        full.range_bytes > SLAB_RANGE_BYTES_MOST) {
        errno = EINVAL;
        return NULL;
    }
    slab *s = region_map(sizeof(slab), sizeof(void *));
    if (s == NULL) {
        return NULL;
    }
    s->desc = full;
    s->secret = make_secret(s);
    /* relaxed: the caller publishes it */
    atomic_store_explicit(&s->map_bytes, full.map_bytes != 0 ? full.map_bytes : MAP_BYTES_DEFAULT,
                          memory_order_relaxed);
    atomic_store_explicit(&s->keep_bytes, full.keep_bytes, memory_order_relaxed);
    if (!append_range(s)) {
        return fail(s, ENOMEM);
    }
    if (!slab_mapped_init(&s->mapped)) {
        goto no_mapped;
    }
    if (!slab_large_init(&s->large)) {
        goto no_large;
    }
    if (slab_register(s)) { /* after the first heap: see before_fork */
        return s;
    }
    slab_large_finish(&s->large);
no_large:
    slab_mapped_finish(&s->mapped);
no_mapped:
    finish_range(&s->ranges[0]);
    return fail(s, EAGAIN);
}

void slab_destroy(slab *s)
{
    if (s == NULL) {
        return;
    }
    slab_unregister(s);
    for (slab_cache *cache = s->caches, *next; cache != NULL; cache = next) {
        next = cache->next;
        region_unmap(cache, sizeof(*cache));
    }
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        finish_range(&s->ranges[i]);
    }
    slab_mapped_finish(&s->mapped);
    slab_large_finish(&s->large);
    region_unmap(s, sizeof(*s));
}

const slab_desc *slab_get_desc(const slab *s)
{
    return &s->desc;
}

/* ---- the doors ---- */

heap_status slab_complain(slab *s, const void *pointer, heap_status status)
{
    atomic_fetch_add_explicit(&s->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    if (s->desc.on_error != NULL) {
        char line[ERROR_LINE];
        (void)snprintf(line, sizeof(line), "free of 0x%" PRIxPTR ": %s", (uintptr_t)pointer,
                       heap_status_text(status));
        s->desc.on_error(s->desc.on_error_context, line);
    }
    return status;
}

void *slab_alloc(slab *s, size_t bytes)
{
    slab_cache *cache = slab_cache_here(s);
    void *object = slab_take(cache, bytes);
    return SLAB_LIKELY(object != NULL) ? object : slab_alloc_slowly(s, cache, bytes);
}

void *slab_zeroed(slab *s, size_t bytes)
{
    bool zeroed = false;
    void *at = bytes <= SLAB_OBJECT_MOST
                   ? slab_alloc(s, bytes)
                   : slab_block_alloc(s, slab_cache_here(s), &(slab_wish){16, bytes}, &zeroed);
    if (at != NULL && !zeroed) {
        memset(at, 0, bytes);
    }
    return at;
}

void *slab_aligned(slab *s, size_t alignment, size_t bytes)
{
    bool zeroed;
    if (!is_power_of_two(alignment)) {
        return NULL;
    }
    bytes += bytes == 0;
    size_t rounded = (bytes + alignment - 1) & ~(alignment - 1);
    if (rounded < bytes) {
        return NULL;
    }
    /* A class that a multiple of the alignment falls into is a multiple of it itself. */
    return rounded <= SLAB_OBJECT_MOST
               ? slab_alloc(s, rounded)
               : slab_block_alloc(s, slab_cache_here(s), &(slab_wish){alignment, bytes}, &zeroed);
}

heap_status slab_free(slab *s, void *pointer)
{
    slab_cache *cache = slab_cache_here(s);
    return SLAB_LIKELY(slab_give(cache, pointer)) ? HEAP_OK : slab_free_slowly(s, cache, pointer);
}

/* What slab_alloc makes of a size: a class, or whole pages. */
static size_t size_given(size_t bytes)
{
    return bytes <= SLAB_BLOCK_MOST ? slab_class_bytes(slab_class_of(bytes)) : region_bytes(bytes);
}

heap_status slab_free_sized(slab *s, void *pointer, size_t bytes)
{
    if (pointer != NULL) {
        size_t held = slab_usable_size(s, pointer);
        if (held != 0 && held != size_given(bytes)) {
            return slab_complain(s, pointer, HEAP_WRONG_SIZE);
        }
    }
    return slab_free(s, pointer);
}

size_t slab_usable_size(slab *s, const void *pointer)
{
    const slab_range *range = slab_range_of(s, pointer);
    if (range == NULL) {
        return slab_mapped_bytes(&s->mapped, pointer);
    }
    const slab_head *head = slab_head_of(range, pointer);
    if (head == NULL) {
        return heap_usable_size(range->heap, pointer);
    }
    return slab_is_object(range, head, pointer) ? head->object_bytes : 0;
}

bool slab_owns(slab *s, const void *pointer)
{
    return slab_range_of(s, pointer) != NULL || slab_mapped_bytes(&s->mapped, pointer) != 0;
}

/* Elsewhere, with as much of the contents as both hold. What has no class is mapped by itself,
 * since what grows once grows again, and that is then the system's page tables' work, not a copy.
 */
static void *move(slab *s, void *pointer, size_t held, size_t bytes)
{
    void *moved =
        bytes <= SLAB_BLOCK_MOST ? slab_alloc(s, bytes) : slab_mapped_alloc(&s->mapped, 16, bytes);
    if (moved != NULL) {
        memcpy(moved, pointer, held < bytes ? held : bytes);
        (void)slab_free(s, pointer);
    }
    return moved;
}

void *slab_realloc(slab *s, void *pointer, size_t bytes)
{
    if (pointer == NULL) {
        return slab_alloc(s, bytes);
    }
    size_t held = slab_usable_size(s, pointer);
    if (held == 0) {
        (void)slab_complain(s, pointer, HEAP_FOREIGN);
        return NULL;
    }
    /* Half is worth a copy: less would be copied back as soon as it grows. */
    if (bytes <= held && bytes >= held / 2) {
        return pointer;
    }
    if (slab_range_of(s, pointer) == NULL && bytes > SLAB_OBJECT_MOST) {
        return slab_mapped_resize(&s->mapped, pointer, bytes);
    }
    return move(s, pointer, held, bytes);
}

void slab_flush(slab *s)
{
    slab_cache *cache = slab_cache_here(s);
    if (cache != &slab_nobody) {
        slab_send_all(cache);
    }
}

size_t slab_trim(slab *s)
{
    slab_cache *cache = slab_cache_here(s);
    if (cache != &slab_nobody) {
        slab_send_all(cache);
        slab_cache_sweep(cache);
    }
    slab_sweep_orphans(s);
    return slab_discard(s);
}
