/* slab/slabs.c: making and ending slabs, and what is asked of them that is not in the fast path. */
#include "buddy/slab/private.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#define MAP_BYTES_DEFAULT  ((size_t)2 << 20)
#define KEEP_BYTES_DEFAULT ((size_t)8 << 20)

/* ---- making one ---- */

static bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static buddy_slabs_desc fill_in(const buddy_slabs_desc *desc)
{
    buddy_slabs_desc full = *desc;
    full.range_bytes = full.range_bytes != 0 ? full.range_bytes : BUDDY_SLABS_RANGE_BYTES;
    full.keep_bytes = full.keep_bytes != 0 ? full.keep_bytes : KEEP_BYTES_DEFAULT;
    return full;
}

/* Something that no program writes by chance: from the random bytes that the system gives each
 * process at its start. No call is needed for them, which could ask for memory. */
static uintptr_t make_secret(const buddy_slabs *s)
{
    uint64_t random = 0;
    const void *given = (const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr)
    if (given != NULL) {
        memcpy(&random, given, sizeof random);
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
    if (!is_power_of_two(full.range_bytes) || full.range_bytes < SLAB_RANGE_BYTES_LEAST ||
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
    if (!slab_append_range(s)) {
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
    slab_finish_ranges(s);
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
            region_unmap(cache, sizeof *cache);
        }
    }
    slab_finish_ranges(s);
    slab_mapped_finish(&s->mapped);
    slab_large_finish(&s->large);
    pthread_mutex_destroy(&s->discarding);
    region_unmap(s, sizeof *s);
}

const buddy_slabs_desc *buddy_slabs_get_desc(const buddy_slabs *s)
{
    return &s->desc;
}

/* ---- taking and giving ---- */

static void *alloc_block(buddy_slabs *s, size_t alignment, size_t bytes, bool *zeroed)
{
    slab_cache *cache = slab_cache_here(s);
    cache = cache != NULL ? cache : slab_claim(s);
    at_work_begin();
    void *at = slab_block_alloc(s, cache, &(slab_wish){alignment, bytes}, zeroed);
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

/* What buddy_slabs_alloc makes of a size: a class, or whole pages. */
static size_t size_given(size_t bytes)
{
    return bytes <= SLAB_BLOCK_MOST ? slab_class_bytes(buddy_slabs_class(bytes))
                                    : region_bytes(bytes);
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
static bool is_carved(buddy_slabs *s, const slab_range *range, const buddy_slab *slab,
                      const void *pointer)
{
    return slab_owner(slab) != slab_cache_here(s) ||
           (uintptr_t)pointer - slab_start(range, slab) < slab->end;
}

/* The bytes of what may be an object or a block of a range, free ones included. */
static buddy_heap_status look_up_place(buddy_slabs *s, const slab_range *range, const void *pointer,
                                       size_t *bytes)
{
    const buddy_slab *slab = slab_of(range, pointer);
    if (slab == NULL) {
        return buddy_heap_look_up(range->heap, pointer, bytes);
    }
    if (!slab_is_object(range, slab, pointer)) {
        return BUDDY_HEAP_INTERIOR;
    }
    *bytes = slab->object_bytes;
    return is_carved(s, range, slab, pointer) ? BUDDY_HEAP_OK : BUDDY_HEAP_DOUBLE_FREE;
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
    const buddy_slab_object *object = pointer;
    bool is_free = status == BUDDY_HEAP_OK && object->seal == buddy_slab_seal(s->secret, object);
    return is_free ? BUDDY_HEAP_DOUBLE_FREE : status;
}

size_t buddy_slabs_usable_size(buddy_slabs *s, const void *pointer)
{
    size_t bytes = 0;
    return look_up(s, pointer, &bytes) == BUDDY_HEAP_OK ? bytes : 0;
}

bool buddy_slabs_in_range(const buddy_slabs *s, const void *pointer)
{
    return slab_range_of(s, pointer) != NULL;
}

bool buddy_slabs_owns(buddy_slabs *s, const void *pointer)
{
    return buddy_slabs_in_range(s, pointer) || mapped_bytes(s, pointer) != 0;
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
 * since what grows once grows again, and that is then the system's page tables' work, not a
 * copy. */
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

/* ---- giving back ---- */

void buddy_slabs_flush(buddy_slabs *s)
{
    slab_cache *cache = slab_cache_here(s);
    if (cache != NULL) {
        slab_send_all(cache);
    }
}

size_t buddy_slabs_trim(buddy_slabs *s)
{
    slab_cache *cache = slab_cache_here(s);
    at_work_begin();
    slab_yield(s, cache);
    size_t bytes = slab_discard(s);
    at_work_end();
    return bytes;
}
