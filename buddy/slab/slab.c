/* slab.c: making a slab, its ranges, and the public doors. */
#include "buddy/slab/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#define RANGE_BYTES_LEAST  ((size_t)4 << 20)
#define RANGES_A_SIZE      8u /* then they double: many small ones would soon be all there may be */
#define START_BYTES        ((size_t)4 << 20) /* in play at first */
#define MAP_BYTES_DEFAULT  ((size_t)2 << 20)
#define KEEP_BYTES_DEFAULT ((size_t)8 << 20)
#define ERROR_LINE         160u

/* ---- ranges ---- */

/* Also one that is half made. */
static void finish_range(slab_range *range)
{
    buddy_heap_destroy(range->heap);
    region_table_finish(&range->heads_table);
    region_table_finish(&range->dirty_table);
}

/* heap_place.follow: the heads of the chunks that come into play. */
static bool open_chunks(void *context, size_t bytes)
{
    slab_range *range = context;
    size_t old = range->open_chunks, chunks = (bytes + SLAB_CHUNK_BYTES - 1) >> SLAB_CHUNK_SHIFT;
    bool done = region_table_open(&range->heads_table, 0, old * sizeof(slab_head),
                                  chunks * sizeof(slab_head)) &&
                region_table_open(&range->dirty_table, 0, old, chunks);
    if (done && chunks > old) {
        range->open_chunks = chunks;
    }
    return done;
}

static bool init_tables(slab_range *range)
{
    size_t chunks = range->bytes >> SLAB_CHUNK_SHIFT;
    if (!region_table_init(&range->heads_table, chunks * sizeof(slab_head)) ||
        !region_table_init(&range->dirty_table, chunks)) {
        return false;
    }
    range->heads = (slab_head *)(void *)range->heads_table.at;
    range->dirty = (_Atomic uint8_t *)range->dirty_table.at;
    return true;
}

static bool init_heap_at(slab_range *range, void *memory, bool bare)
{
    heap_place place = {
        .memory = memory, .bare = bare, .follow = open_chunks, .follow_context = range};
    buddy_heap_desc desc = {.bytes = START_BYTES,
                            .max_bytes = range->bytes,
                            .unit_bytes = SLAB_UNIT_BYTES,
                            .threads = BUDDY_HEAP_NO_STOCKS};
    range->base = (uintptr_t)memory;
    range->heap = memory != NULL ? heap_create_in(&desc, &place) : NULL;
    return range->heap != NULL;
}

/* At a place by chance: a whole range would be aligned to itself in few places only, and no block
 * of a range has to be aligned to more than SLAB_MAP_MOST. Nothing is mapped before it is in play;
 * where others come to lie in a range, it does not grow beyond that, and another one is made. Where
 * there is no such place all of it is reserved. */
static bool init_heap(slab_range *range)
{
    size_t alignment = range->bytes < SLAB_MAP_MOST ? range->bytes : SLAB_MAP_MOST;
    if (range->bytes > START_BYTES &&
        init_heap_at(range, region_place(range->bytes, alignment), true)) {
        return true;
    }
    void *reserved = region_reserve(range->bytes, alignment, true);
    bool done = init_heap_at(range, reserved, false);
    region_unmap(done ? NULL : reserved, range->bytes);
    return done;
}

static bool init_range(slab_range *range, size_t bytes)
{
    *range = (slab_range){.bytes = bytes};
    bool done = init_tables(range) && init_heap(range);
    if (!done) {
        finish_range(range);
    }
    return done;
}

/* Addresses for the range after `count` others. */
static size_t next_range_bytes(const buddy_slabs *s, uint32_t count)
{
    uint32_t doublings = count / RANGES_A_SIZE;
    return s->desc.range_bytes <= SLAB_RANGE_BYTES_MOST >> doublings
               ? s->desc.range_bytes << doublings
               : SLAB_RANGE_BYTES_MOST;
}

/* Needs the lock, or to be alone. */
static bool append_range(buddy_slabs *s)
{
    uint32_t count = slab_range_count(s);
    size_t bytes = next_range_bytes(s, count);
    while (count < BUDDY_SLABS_RANGES && bytes >= RANGE_BYTES_LEAST) {
        if (init_range(&s->ranges[count], bytes)) {
            /* release: the range */
            atomic_store_explicit(&s->range_count, count + 1, memory_order_release);
            return true;
        }
        bytes /= 2; /* addresses are scarce: smaller ones leave some for others too */
    }
    return false;
}

bool slab_add_range(buddy_slabs *s, uint32_t count)
{
    at_work_lock(&s->lock);
    bool done = slab_range_count(s) > count || append_range(s);
    at_work_unlock(&s->lock);
    return done;
}

const slab_range *slab_range_of(buddy_slabs *s, const void *pointer)
{
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        if ((uintptr_t)pointer - s->ranges[i].base < slab_open_bytes(&s->ranges[i])) {
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

static buddy_slabs_desc fill_in(const buddy_slabs_desc *desc)
{
    buddy_slabs_desc full = *desc;
    full.range_bytes = full.range_bytes != 0 ? full.range_bytes : SLAB_RANGE_BYTES;
    full.keep_bytes = full.keep_bytes != 0 ? full.keep_bytes : KEEP_BYTES_DEFAULT;
    return full;
}

/* Something that no program writes by chance: from the random bytes that the system gives each
 * process at its start, for which nobody has to be called who may want memory. */
static uintptr_t make_secret(const buddy_slabs *s)
{
    uint64_t random = 0;
    const void *given = (const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr)
    if (given != NULL) {
        memcpy(&random, given, sizeof(random));
    }
    uint64_t mixed = (random ^ (uintptr_t)s) * UINT64_C(0x9e3779b97f4a7c15);
    return (uintptr_t)(mixed ^ mixed >> 32) | 1; /* odd: no seal is 0, nor a pointer */
}

static buddy_slabs *fail(buddy_slabs *s, int reason)
{
    region_unmap(s, sizeof(buddy_slabs));
    errno = reason;
    return NULL;
}

buddy_slabs *buddy_slabs_create(const buddy_slabs_desc *desc)
{
    buddy_slabs_desc full = fill_in(desc);
    if (!is_power_of_two(full.range_bytes) || full.range_bytes < RANGE_BYTES_LEAST ||
        full.range_bytes > SLAB_RANGE_BYTES_MOST) {
        errno = EINVAL;
        return NULL;
    }
    buddy_slabs *s = region_map(sizeof(buddy_slabs), sizeof(void *));
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
    if (pthread_mutex_init(&s->discarding, NULL) != 0) {
        goto no_discarding;
    }
    if (slab_register(s)) { /* after the first heap: see before_fork */
        return s;
    }
    pthread_mutex_destroy(&s->discarding);
no_discarding:
    slab_large_finish(&s->large);
no_large:
    slab_mapped_finish(&s->mapped);
no_mapped:
    finish_range(&s->ranges[0]);
    return fail(s, EAGAIN);
}

void buddy_slabs_destroy(buddy_slabs *s)
{
    if (s == NULL) {
        return;
    }
    slab_unregister(s);
    for (slab_cache *cache = s->caches, *next; cache != NULL; cache = next) {
        next = cache->next;
        if (slab_range_of(s, cache) == NULL) { /* else it goes with its range */
            region_unmap(cache, sizeof(*cache));
        }
    }
    uint32_t count = slab_range_count(s);
    for (uint32_t i = 0; i < count; i++) {
        finish_range(&s->ranges[i]);
    }
    slab_mapped_finish(&s->mapped);
    slab_large_finish(&s->large);
    pthread_mutex_destroy(&s->discarding);
    region_unmap(s, sizeof(*s));
}

const buddy_slabs_desc *buddy_slabs_get_desc(const buddy_slabs *s)
{
    return &s->desc;
}

/* ---- the doors ---- */

buddy_heap_status slab_complain(buddy_slabs *s, const char *what, const void *pointer,
                                buddy_heap_status status)
{
    atomic_fetch_add_explicit(&s->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    if (s->desc.on_error != NULL) {
        char line[ERROR_LINE];
        (void)snprintf(line, sizeof(line), "%s of 0x%" PRIxPTR ": %s", what, (uintptr_t)pointer,
                       buddy_heap_status_text(status));
        s->desc.on_error(s->desc.on_error_context, line);
    }
    return status;
}

void *buddy_slabs_alloc(buddy_slabs *s, size_t bytes)
{
    slab_cache *cache = slab_cache_here(s);
    void *object = slab_take(cache, bytes);
    return SLAB_LIKELY(object != NULL) ? object : slab_alloc_slowly(s, cache, bytes);
}

static void *alloc_block(buddy_slabs *s, size_t alignment, size_t bytes, bool *zeroed)
{
    at_work_begin();
    void *at = slab_block_alloc(s, slab_cache_here(s), &(slab_wish){alignment, bytes}, zeroed);
    at_work_end();
    return at;
}

void *buddy_slabs_zeroed(buddy_slabs *s, size_t bytes)
{
    bool zeroed = false;
    void *at = bytes <= BUDDY_SLABS_OBJECT_MOST ? buddy_slabs_alloc(s, bytes)
                                                : alloc_block(s, 16, bytes, &zeroed);
    if (at != NULL && !zeroed) {
        memset(at, 0, bytes);
    }
    return at;
}

void *buddy_slabs_aligned(buddy_slabs *s, size_t alignment, size_t bytes)
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
    return rounded <= BUDDY_SLABS_OBJECT_MOST ? buddy_slabs_alloc(s, rounded)
                                              : alloc_block(s, alignment, bytes, &zeroed);
}

buddy_heap_status buddy_slabs_free(buddy_slabs *s, void *pointer)
{
    slab_cache *cache = slab_cache_here(s);
    return SLAB_LIKELY(slab_give(cache, pointer)) ? BUDDY_HEAP_OK
                                                  : slab_free_slowly(s, cache, pointer);
}

/* What buddy_slabs_alloc makes of a size: a class, or whole pages. */
static size_t size_given(size_t bytes)
{
    return bytes <= SLAB_BLOCK_MOST ? slab_class_bytes(slab_class_of(bytes)) : region_bytes(bytes);
}

buddy_heap_status buddy_slabs_free_sized(buddy_slabs *s, void *pointer, size_t bytes)
{
    if (pointer != NULL) {
        size_t held = buddy_slabs_usable_size(s, pointer);
        if (held != 0 && held != size_given(bytes)) {
            return slab_complain(s, "free", pointer, BUDDY_HEAP_WRONG_SIZE);
        }
    }
    return buddy_slabs_free(s, pointer);
}

/* ---- looking ---- */

/* Of what was mapped by itself; 0: nothing was there. */
static size_t mapped_bytes(buddy_slabs *s, const void *pointer)
{
    at_work_begin();
    size_t bytes = slab_mapped_bytes(&s->mapped, pointer);
    at_work_end();
    return bytes;
}

/* Whether it has been handed out, as far as its owner is the caller, who alone may ask. */
static bool is_carved(buddy_slabs *s, const slab_range *range, const slab_head *head,
                      const void *pointer)
{
    /* relaxed: compared with ourselves */
    return atomic_load_explicit(&head->owner, memory_order_relaxed) != slab_cache_here(s) ||
           (uintptr_t)pointer - slab_start(range, head) < head->end;
}

/* The bytes of what may be an object or a block of a range, free ones included. */
static buddy_heap_status look_up_place(buddy_slabs *s, const slab_range *range, const void *pointer,
                                       size_t *bytes)
{
    const slab_head *head = slab_head_of(range, pointer);
    if (head == NULL) {
        return buddy_heap_look_up(range->heap, pointer, bytes);
    }
    if (!slab_is_object(range, head, pointer)) {
        return BUDDY_HEAP_INTERIOR;
    }
    *bytes = head->object_bytes;
    return is_carved(s, range, head, pointer) ? BUDDY_HEAP_OK : BUDDY_HEAP_DOUBLE_FREE;
}

/* BUDDY_HEAP_OK, and the bytes of what is live at `pointer`; else why it cannot be. */
static buddy_heap_status look_up(buddy_slabs *s, const void *pointer, size_t *bytes)
{
    const slab_range *range = slab_range_of(s, pointer);
    if (range == NULL) {
        *bytes = mapped_bytes(s, pointer);
        return *bytes != 0 ? BUDDY_HEAP_OK : BUDDY_HEAP_FOREIGN;
    }
    buddy_heap_status status = look_up_place(s, range, pointer, bytes);
    const slab_object *object = pointer;
    bool is_free = status == BUDDY_HEAP_OK && object->seal == slab_seal_of(s->secret, object);
    return is_free ? BUDDY_HEAP_DOUBLE_FREE : status;
}

size_t buddy_slabs_usable_size(buddy_slabs *s, const void *pointer)
{
    size_t bytes = 0;
    return look_up(s, pointer, &bytes) == BUDDY_HEAP_OK ? bytes : 0;
}

bool buddy_slabs_owns(buddy_slabs *s, const void *pointer)
{
    return slab_range_of(s, pointer) != NULL || mapped_bytes(s, pointer) != 0;
}

/* ---- realloc ---- */

static void *alloc_mapped(buddy_slabs *s, size_t bytes)
{
    at_work_begin();
    void *at = slab_mapped_alloc(&s->mapped, 16, bytes);
    at_work_end();
    return at;
}

static void *resize_mapped(buddy_slabs *s, void *pointer, size_t bytes)
{
    at_work_begin();
    void *at = slab_mapped_resize(&s->mapped, pointer, bytes);
    at_work_end();
    return at;
}

/* Elsewhere, with as much of the contents as both hold. What has no class is mapped by itself,
 * since what grows once grows again, and that is then the system's page tables' work, not a copy.
 */
static void *move(buddy_slabs *s, void *pointer, size_t held, size_t bytes)
{
    void *moved = bytes > SLAB_BLOCK_MOST ? alloc_mapped(s, bytes) : NULL;
    moved = moved != NULL
                ? moved
                : buddy_slabs_alloc(s, bytes); /* which may have what the system has not */
    if (moved != NULL) {
        memcpy(moved, pointer, held < bytes ? held : bytes);
        (void)buddy_slabs_free(s, pointer);
    }
    return moved;
}

void *buddy_slabs_realloc(buddy_slabs *s, void *pointer, size_t bytes)
{
    if (pointer == NULL) {
        return buddy_slabs_alloc(s, bytes);
    }
    size_t held = 0;
    buddy_heap_status status = look_up(s, pointer, &held);
    if (status != BUDDY_HEAP_OK) {
        (void)slab_complain(s, "realloc", pointer, status);
        return NULL;
    }
    /* Half is worth a copy: less would be copied back as soon as it grows. */
    if (bytes <= held && bytes >= held / 2) {
        return pointer;
    }
    void *resized = slab_range_of(s, pointer) == NULL && bytes > BUDDY_SLABS_OBJECT_MOST
                        ? resize_mapped(s, pointer, bytes)
                        : NULL;
    return resized != NULL ? resized : move(s, pointer, held, bytes);
}

void buddy_slabs_flush(buddy_slabs *s)
{
    slab_cache *cache = slab_cache_here(s);
    if (cache != &slab_nobody) {
        slab_send_all(cache);
    }
}

size_t buddy_slabs_trim(buddy_slabs *s)
{
    slab_cache *cache = slab_cache_here(s);
    at_work_begin();
    if (cache != &slab_nobody) {
        slab_send_all(cache);
        slab_cache_sweep(cache);
    }
    slab_sweep_orphans(s);
    size_t bytes = slab_discard(s);
    at_work_end();
    return bytes;
}
