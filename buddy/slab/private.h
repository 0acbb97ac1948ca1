/* slab/private.h: what slabs are made of, and the fast paths. Private to buddy/.
 *
 *     range   [ chunk 0 | chunk 1 | chunk 2 …  ]   a heap with pages for units, in chunks of 64 KiB
 *     heads   [ head  0 | head  1 | head  2 …  ]   a table: the head of the chunk at p is
 *                                                  heads[(p - base) >> 16]
 *
 * slab.c          making one, ranges, the public doors
 * slab/cache.c    a thread's slabs: refill, park, release
 * slab/remote.c   frees by other threads than the owner
 * slab/threads.c  which thread has which cache: first call, thread exit, fork
 * slab/blocks.c   what is larger than an object: blocks of the buddy
 * slab/large.c    the largest of them, kept for the next of the same size
 * slab/mapped.c   what is larger still: mapped by itself
 * slab/inspect.c  trim, figures, check */
#ifndef BUDDY_SLAB_PRIVATE_H
#define BUDDY_SLAB_PRIVATE_H

#include <pthread.h>

#include "buddy/heap/body.h"
#include "buddy/slab/classes.h"
#include "buddy/slab/large.h"
#include "buddy/slab/mapped.h"
#include "buddy/slabs.h"
#include "buddy/system/at_work.h"

/* Addresses for a range: by default and at most. Where there are 2^32 of them the program wants
 * some too, and eight of the first size still are few. */
#if SIZE_MAX > UINT32_MAX
#define SLAB_RANGE_BYTES      ((size_t)64 << 30)
#define SLAB_RANGE_BYTES_MOST ((size_t)1 << 40)
#else
#define SLAB_RANGE_BYTES      ((size_t)64 << 20)
#define SLAB_RANGE_BYTES_MOST ((size_t)1 << 30)
#endif

#define SLAB_LIKELY(condition) __builtin_expect(!!(condition), 1)

#define SLAB_UNIT_BYTES    4096u /* of the heaps: a page */
#define SLAB_CHUNK_SHIFT   16u
#define SLAB_CHUNK_BYTES   (UINT32_C(1) << SLAB_CHUNK_SHIFT)
#define SLAB_MEDIUM_CHUNKS 4u    /* of a slab for objects above SLAB_SMALL_BYTES */
#define SLAB_DIRECT_BYTES  1024u /* sizes up to this find their slab without computing a class */
#define SLAB_DIRECT        (SLAB_DIRECT_BYTES / 16 + 1)
#define SLAB_MAP_MOST      ((size_t)32 << 20)  /* larger blocks are always mapped by themselves */
#define SLAB_KEPT_BYTES    ((size_t)512 << 10) /* of freed blocks that a thread keeps for its next */
#define SLAB_OUTBOXES      32u /* slabs of others that a thread collects frees for at a time … */
#define SLAB_OUTBOX_MOST   32u /* … how many for each before they are sent … */
#define SLAB_OUTBOX_BYTES  8192u /* … and of how many bytes at most: they serve nobody meanwhile */

/* What lies in an object while it is free. */
typedef struct slab_object {
    struct slab_object *next;
    uintptr_t seal; /* slab_seal_of() where it is free, anything else where it is not */
} slab_object;

_Static_assert(sizeof(slab_object) <= 16, "a free object has to fit into the smallest class");

/* Of slab_head.remote: all objects are taken, and the owner waits to be told of the first that
 * comes back. An object's address is a multiple of 16. */
#define SLAB_PARKED ((uintptr_t)1)

/* A chunk's head. In a slab of several chunks the first has it; the others say how far back that
 * is. Three lines: what others may read, what the owner writes all the time, what others write. */
typedef struct slab_head {
    /* the owner where the fast path may be taken, else NULL; written by the owner */
    _Alignas(64) _Atomic(struct slab_cache *) local;
    _Atomic(struct slab_cache *) owner; /* changes only while its thread is gone, under s->lock */
    uint32_t object_bytes;
    uint32_t divide;   /* 2^32 / object_bytes, rounded up: see slab_is_object */
    uint32_t capacity; /* objects; these three are fixed while the slab is one, and so is … */
    _Atomic uint32_t class; /* … what they follow from, which figures read at any time */
    _Atomic uint32_t kind;  /* SLAB_NONE, SLAB_FIRST, or SLAB_FIRST + chunks back to the first */

    /* owner only. Objects that are free + used - current (others' remote ones count as used)
     * == those that have been carved */
    _Alignas(64) slab_object *free;
    _Atomic uint32_t used; /* objects taken, + 1 for the current slab of a class, so that a free
                              that makes it zero is one that has something to do */
    uint32_t end;          /* bytes from the start that have been carved into objects */
    struct slab_head *next,
        *previous;        /* in its cache's list of its class, unless current or parked */
    _Atomic bool current; /* read by others as a figure */
    bool parked;

    _Alignas(64) _Atomic uintptr_t remote; /* objects that others gave back; or SLAB_PARKED */
    struct slab_head *returned_next;       /* in owner->returned */
} slab_head;

_Static_assert(sizeof(slab_head) == 192, "three lines: found by a multiplication by three");

enum { SLAB_NONE = 0, SLAB_FIRST = 1 };

/* Slabs of a class that may have objects, oldest first: those that have waited longest have got
 * most objects back. */
typedef struct slab_list {
    slab_head *first, *last;
} slab_list;

/* Objects of one slab of another thread's. */
typedef struct slab_outbox {
    slab_head *head; /* NULL: empty */
    slab_object *first, *last;
    uint32_t count, bytes;
} slab_outbox;

/* A thread's cache. Never unmapped before its slab is destroyed. */
typedef struct slab_cache {
    /* what a call looks at first */
    uintptr_t base; /* of the first range */
    size_t bytes;   /* of it, in play; grows as its thread comes to know of more */
    slab_head *heads;
    uintptr_t secret;
    /* its thread only */
    slab_head *direct[SLAB_DIRECT]; /* the current slab for a size in steps of 16 */
    slab_head *current[SLAB_CLASSES];
    slab_list lists[SLAB_CLASSES];
    slab_outbox outboxes[SLAB_OUTBOXES];
    slab_object *kept[SLAB_BLOCK_CLASSES]; /* freed blocks, linked through `next` */
    size_t kept_bytes;                     /* at most SLAB_KEPT_BYTES */
    uint32_t kept_turn;                    /* whose turn it is to be given back */
    uint32_t slabs; /* that it owns, parked ones too; or who holds s->lock while it is an orphan */
    struct buddy_slabs *of;
    /* need s->lock */
    const void *thread;       /* whose it is; NULL: an orphan's */
    struct slab_cache **door; /* the thread's own note of it, reset at its end; NULL: none */
    struct slab_cache *next;  /* in s->caches */
    /* pushed by any thread: parked slabs of ours that got an object back */
    _Alignas(64) _Atomic(slab_head *) returned;
} slab_cache;

typedef struct slab_range {
    uintptr_t base;
    size_t bytes;
    buddy_heap *heap;
    slab_head *heads;
    _Atomic uint8_t *dirty; /* a byte a chunk: whether it may hold anything but zeros */
    region_table heads_table, dirty_table; /* where those two lie, of which the chunks in play … */
    size_t open_chunks; /* … are open, or more; written by who grows the heap */
} slab_range;

struct buddy_slabs {
    buddy_slabs_desc desc; /* in effect */
    uint64_t id;           /* no other slab ever has the same; never 0 */
    uintptr_t secret;
    /* ranges [0, range_count) are fixed; both written under lock, the count last */
    slab_range ranges[BUDDY_SLABS_RANGES];
    _Atomic uint32_t range_count;
    _Atomic uint32_t range_hint; /* where a block was found last */
    slab_mapped mapped;
    slab_large large;
    /* held while a free block is not in its buddy because it is being given to the system. After
     * s->lock, before the locks of the heaps */
    pthread_mutex_t discarding;
    _Atomic size_t map_bytes;   /* desc.map_bytes, or what was learnt */
    _Atomic size_t spare_bytes; /* given to the buddy since the last discard, less what was taken */
    _Atomic size_t keep_bytes;  /* of spare_bytes, for now: desc.keep_bytes or a multiple */
    _Atomic uint32_t discarded_at; /* second of some clock */
    _Atomic size_t discarded_bytes;
    _Atomic uint64_t errors;
    _Alignas(64) pthread_mutex_t lock; /* caches, orphans, ranges */
    slab_cache *caches;                /* needs lock */
    _Atomic uint32_t orphans;          /* with slabs; written under lock */
    buddy_slabs *next, **link;         /* needs the lock of the list of all slabs */
};

extern slab_cache slab_nobody; /* of a thread that has none: has no object and owns no slab */

/* ---- arithmetic ---- */

/* What an object that is free says in its second word. Depends on where it lies, so that a copy of
 * it elsewhere says nothing. */
static inline uintptr_t slab_seal_of(uintptr_t secret, const void *object)
{
    return secret ^ (uintptr_t)object;
}

/* Whether `within`, bytes from the start of a slab's first chunk, is a multiple of its object's
 * size: n * ceil(2^32 / d) wraps round to less than ceil(2^32 / d) just for multiples of d, as long
 * as n times the rounding error stays below, which a test tries for all n and all classes.
 * Source: D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct computation", Software:
 * Practice and Experience 49(6), 2019. */
static inline bool slab_is_multiple(uint32_t within, uint32_t divide)
{
    return within * divide < divide;
}

static inline uint32_t slab_chunks(uint32_t object_bytes)
{
    return object_bytes <= SLAB_SMALL_BYTES ? 1 : SLAB_MEDIUM_CHUNKS;
}

static inline slab_cache *slab_local(const slab_head *head)
{
    /* relaxed: compared with the caller itself; only the caller writes itself there */
    return atomic_load_explicit(&head->local, memory_order_relaxed);
}

static inline uint32_t slab_used(const slab_head *head)
{
    return atomic_load_explicit(&head->used, memory_order_relaxed); /* relaxed: the owner's own */
}

static inline void slab_set_used(slab_head *head, uint32_t used)
{
    /* relaxed: others read it as a figure only */
    atomic_store_explicit(&head->used, used, memory_order_relaxed);
}

/* relaxed, these three: the owner's own, figures to others */

static inline uint32_t slab_class(const slab_head *head)
{
    return atomic_load_explicit(&head->class, memory_order_relaxed);
}

static inline bool slab_is_current(const slab_head *head)
{
    return atomic_load_explicit(&head->current, memory_order_relaxed);
}

static inline void slab_set_is_current(slab_head *head, bool current)
{
    atomic_store_explicit(&head->current, current, memory_order_relaxed);
}

/* ---- the fast paths ---- */

buddy_heap_status slab_free_slowly(buddy_slabs *s, slab_cache *cache, void *pointer);
void *slab_alloc_slowly(buddy_slabs *s, slab_cache *cache, size_t bytes);

/* An object of the slab; NULL where the owner has to look further. */
static inline void *slab_pop(slab_head *head)
{
    slab_object *object = head->free;
    if (!SLAB_LIKELY(object != NULL)) {
        return NULL;
    }
    head->free = object->next;
    object->seal = 0;
    slab_set_used(head, slab_used(head) + 1);
    return object;
}

/* An object for `bytes` from the thread's own current slab; NULL where the slow path has to be
 * taken. */
static inline void *slab_take(slab_cache *cache, size_t bytes)
{
    if (SLAB_LIKELY(bytes <= SLAB_DIRECT_BYTES)) {
        return slab_pop(cache->direct[(bytes + 15) / 16]);
    }
    if (SLAB_LIKELY(bytes <= BUDDY_SLABS_OBJECT_MOST)) {
        return slab_pop(cache->current[slab_class_of(bytes)]);
    }
    return NULL;
}

/* Collects an object of another thread's slab for its owner; false where slab_free_slowly has to
 * look, and then nothing has changed. */
bool slab_give_far(slab_cache *cache, void *pointer);

/* Gives an object back to the thread's own slab; false where the slow path has to be taken, and
 * then nothing has changed: another thread's slab, one that is parked, the last object of one that
 * is not current, no object at all, one that is free. */
static inline bool slab_give(slab_cache *cache, void *pointer)
{
    uintptr_t distance = (uintptr_t)pointer - cache->base;
    if (!SLAB_LIKELY(distance < cache->bytes)) {
        return false;
    }
    slab_head *head = &cache->heads[distance >> SLAB_CHUNK_SHIFT];
    uint32_t within = (uint32_t)distance & (SLAB_CHUNK_BYTES - 1);
    if (!SLAB_LIKELY(slab_local(head) == cache) ||
        !SLAB_LIKELY(slab_is_multiple(within, head->divide) && within < head->end)) {
        return false;
    }
    slab_object *object = pointer;
    uintptr_t seal = slab_seal_of(cache->secret, object);
    uint32_t used = slab_used(head) - 1;
    if (!SLAB_LIKELY(object->seal != seal && used != 0)) {
        return false;
    }
    object->next = head->free;
    object->seal = seal;
    head->free = object;
    slab_set_used(head, used);
    return true;
}

/* ---- between the files ---- */

/* What is asked of slab/blocks.c. */
typedef struct slab_wish {
    size_t alignment, bytes;
} slab_wish;

/* slab.c */
buddy_heap_status slab_complain(buddy_slabs *s, const char *what, const void *pointer,
                                buddy_heap_status status);
const slab_range *slab_range_of(buddy_slabs *s,
                                const void *pointer); /* NULL: in what none has open */
bool slab_add_range(buddy_slabs *s, uint32_t count); /* unless there are more than `count` by now */
static inline uint32_t slab_range_count(const buddy_slabs *s)
{
    /* acquire: the ranges that it counts */
    return atomic_load_explicit(&s->range_count, memory_order_acquire);
}

/* Bytes from the range's base that are in play. Beyond, there are no heads, and others may lie. */
static inline size_t slab_open_bytes(const slab_range *range)
{
    /* relaxed: it only grows, and who was given an object was given it later */
    return atomic_load_explicit(&range->heap->changing_bytes, memory_order_relaxed);
}

/* The head of the slab that a pointer into a range lies in; NULL: in none. */
slab_head *slab_head_of(const slab_range *range, const void *pointer);
uintptr_t slab_start(const slab_range *range, const slab_head *head);

/* Whether `pointer` is where an object of a slab begins. */
bool slab_is_object(const slab_range *range, const slab_head *head, const void *pointer);

/* slab/cache.c */
void slab_cache_init(slab_cache *cache, buddy_slabs *s);
void slab_list_append(slab_list *list, slab_head *head);
void slab_list_remove(slab_list *list, slab_head *head);
void slab_release(buddy_slabs *s, slab_head *head);   /* to the buddy. It is empty and in no list */
void slab_settle(slab_cache *cache, slab_head *head); /* in no list: goes where it belongs */
slab_head *slab_next_listed(slab_cache *cache, uint32_t class); /* has objects; in no list */
void slab_cache_sweep(slab_cache *cache); /* gives all empty slabs back, current ones too */

/* slab/remote.c */
void slab_collect(slab_head *head);   /* what others gave back becomes free. Owner; not parked */
void slab_receive(slab_cache *cache); /* settles the slabs that were parked and got objects back */
bool slab_park(slab_head *head);      /* false: others gave something back, now collected */
void slab_unpark(slab_cache *cache, slab_head *head);
buddy_heap_status slab_give_remote(slab_cache *cache, slab_head *head, slab_object *object,
                                   uintptr_t secret);
void slab_send_all(slab_cache *cache);

/* slab/threads.c */
slab_cache *slab_claim(buddy_slabs *s); /* the calling thread's cache; NULL: no memory for one */
slab_cache *
slab_claim_to_free(buddy_slabs *s); /* the same, but slab_nobody where there is none, and at
                                            the end of a thread, who would leave it behind */
slab_cache *slab_cache_here(const buddy_slabs *s); /* the same, slab_nobody where it has none yet */
slab_head *slab_adopt(slab_cache *cache, uint32_t class); /* an ended thread's slab; NULL: none */
void slab_sweep_orphans(buddy_slabs *s);
bool slab_register(buddy_slabs *s); /* false: the system has no mutex to give */
void slab_unregister(buddy_slabs *s);

/* slab/blocks.c */
void *slab_chunks_alloc(buddy_slabs *s, uint32_t chunks, const slab_range **range);
void slab_chunks_free(buddy_slabs *s, const slab_range *range, uintptr_t at, size_t bytes);
void *slab_block_alloc(buddy_slabs *s, slab_cache *cache, const slab_wish *wish, bool *zeroed);
buddy_heap_status slab_block_free(buddy_slabs *s, slab_cache *cache, const slab_range *range,
                                  void *pointer);
void slab_drop_kept(slab_cache *cache); /* gives the blocks that it keeps to the buddy */

/* Before a request is refused: gives to the buddy what is free, but kept for later, and not in the
 * hands of another thread that is at work. */
void slab_yield(buddy_slabs *s, slab_cache *cache);

/* A block of pages of the ranges there are, for ourselves; NULL: none has it. May be called with
 * s->lock held. */
void *slab_block_within(buddy_slabs *s, size_t bytes);
size_t
slab_discard(buddy_slabs *s); /* gives the buddy's free chunks to the system; returns the bytes */

#endif
