/* slab/private.h: what slabs are made of. Private to buddy/slab.
 *
 *     range   [ chunk 0 | chunk 1 | chunk 2 …  ]   a heap with pages for units, in chunks of 64 KiB
 *     slabs   [ slab  0 | slab  1 | slab  2 …  ]   a table: what the chunk at p is, is said by
 *                                                  slabs[(p - base) >> 16]
 *
 * The files, each of which calls those below it and none above:
 *
 *     slabs.c     making and ending; realloc, sizes, trim      inspect.c  figures, the check
 *        │                                                        │
 *     objects.c   what the fast paths of slabs.h leave: an object is asked for, or given back
 *        │
 *     blocks.c    what is larger than an object: whose turn it is to have such a block
 *        │
 *     threads.c   which thread has which cache: its first call, its end, fork
 *        │
 *     orphans.c   caches of ended threads, and what can be had from them
 *        │
 *     cache.c     a thread's slabs: current, listed, parked; new ones and empty ones
 *        │
 *     kept.c      freed blocks that a thread keeps        remote.c   frees by other threads
 *        │
 *     pages.c     pages of the ranges: from the buddy, back to it, and on to the system
 *        │
 *     ranges.c    where the ranges are, and which slab a pointer lies in
 *
 *     mapped.c    blocks that are mapped one by one       large.c    kept blocks beyond all classes
 *     none.c      what stands for a slab or a cache where there is none */
#ifndef BUDDY_SLAB_PRIVATE_H
#define BUDDY_SLAB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "buddy/heap/body.h"
#include "buddy/heap/place.h"
#include "buddy/slab/classes.h"
#include "buddy/slab/large.h"
#include "buddy/slab/mapped.h"
#include "buddy/slabs.h"
#include "buddy/system/at_work.h"
#include "buddy/system/region.h"

/* Addresses for a range, at least and at most. */
#define SLAB_RANGE_BYTES_LEAST ((size_t)4 << 20)
#if SIZE_MAX > UINT32_MAX
#define SLAB_RANGE_BYTES_MOST ((size_t)1 << 40)
#else
#define SLAB_RANGE_BYTES_MOST ((size_t)1 << 30)
#endif

#define SLAB_UNIT_BYTES    4096u /* of the heaps: a page */
#define SLAB_UNIT_SHIFT    12u
#define SLAB_MEDIUM_CHUNKS 4u                  /* of a slab for objects above SLAB_SMALL_BYTES */
#define SLAB_MAP_MOST      ((size_t)32 << 20)  /* larger blocks are always mapped one by one */
#define SLAB_KEPT_BYTES    ((size_t)512 << 10) /* of freed blocks that a thread keeps */
#define SLAB_OUTBOXES      32u /* slabs of others that a thread collects frees for at a time … */
#define SLAB_OUTBOX_MOST   32u /* … how many for each before they are sent … */
#define SLAB_OUTBOX_BYTES  8192u /* … and of how many bytes at most: they are of no use meanwhile */

_Static_assert(SLAB_UNIT_BYTES == 1u << SLAB_UNIT_SHIFT, "the same page");
_Static_assert(sizeof(buddy_slab_object) <= 16, "a free object has to fit into the smallest class");
_Static_assert(sizeof(buddy_slab) == 192, "three lines: found by a multiplication by three");

/* Of buddy_slab.remote: all objects are taken, and the owner waits to be told of the first that
 * comes back. An object's address is a multiple of 16. */
#define SLAB_PARKED ((uintptr_t)1)

enum { SLAB_NONE = 0, SLAB_FIRST = 1 }; /* of buddy_slab.kind */

/* Slabs of a class that may have objects, oldest first: those that have waited longest have got
 * most objects back. */
typedef struct slab_list {
    buddy_slab *first, *last;
} slab_list;

/* Objects of one slab of another thread's. */
typedef struct slab_outbox {
    buddy_slab *slab; /* NULL: empty */
    buddy_slab_object *first, *last;
    uint32_t count, bytes;
} slab_outbox;

/* A thread's cache. Never unmapped before the slabs are destroyed. */
typedef struct slab_cache {
    buddy_slabs_cache front; /* what a call looks at first */
    /* its thread only */
    slab_list lists[BUDDY_SLABS_CLASSES];
    slab_outbox outboxes[SLAB_OUTBOXES];
    buddy_slab_object *kept[SLAB_BLOCK_CLASSES]; /* freed blocks, linked through `next` */
    size_t kept_bytes;                           /* at most SLAB_KEPT_BYTES */
    uint32_t kept_turn;                          /* whose turn it is to be given back */
    uint32_t slab_count; /* that it owns, parked ones too; needs s->lock while it is an orphan */
    struct buddy_slabs *of;
    /* need s->lock */
    const void *thread;           /* which has it; NULL: it is an orphan */
    buddy_slabs_cache **attached; /* see buddy_slabs_attach; NULL: nothing is */
    struct slab_cache *next;      /* in s->caches */
    /* pushed by any thread: parked slabs of ours that got an object back */
    buddy_slab *returned BUDDY_SLABS_LINE;
} slab_cache;

typedef struct slab_range {
    uintptr_t base;
    size_t bytes;
    buddy_heap *heap;
    buddy_slab *slabs;
    _Atomic uint8_t *dirty; /* a byte a chunk: whether it may hold anything but zeros */
    region_table slabs_table, dirty_table; /* where those two lie, of which the chunks in play … */
    size_t open_chunks; /* … are open, or more; written by the thread that grows the heap */
} slab_range;

struct buddy_slabs {
    buddy_slabs_front front;
    buddy_slabs_desc desc; /* in effect */
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

/* ---- fields of a slab that more than one thread looks at ---- */

static inline uint32_t slab_chunks(uint32_t object_bytes)
{
    return object_bytes <= SLAB_SMALL_BYTES ? 1 : SLAB_MEDIUM_CHUNKS;
}

/* The cache that begins with `front`; NULL: none. */
static inline slab_cache *slab_cache_of(buddy_slabs_cache *front)
{
    return (slab_cache *)(void *)front;
}

static inline slab_cache *slab_owner(const buddy_slab *slab)
{
    /* relaxed: others compare it with themselves, or know that it cannot change meanwhile */
    return slab_cache_of(__atomic_load_n(&slab->owner, __ATOMIC_RELAXED));
}

/* `cache`: the owner where the fast path may be taken, else NULL. */
static inline void slab_set_local(buddy_slab *slab, slab_cache *cache)
{
    /* relaxed: only the owner compares it with itself */
    __atomic_store_n(&slab->local, cache != NULL ? &cache->front : NULL, __ATOMIC_RELAXED);
}

static inline uint32_t slab_kind(const buddy_slab *slab)
{
    /* relaxed: a thread that has an object of it got that after this was written */
    return __atomic_load_n(&slab->kind, __ATOMIC_RELAXED);
}

/* relaxed, these three: the owner's own, figures to others */

static inline uint32_t slab_class(const buddy_slab *slab)
{
    return __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED);
}

static inline bool slab_is_current(const buddy_slab *slab)
{
    return __atomic_load_n(&slab->current, __ATOMIC_RELAXED);
}

static inline void slab_set_is_current(buddy_slab *slab, bool current)
{
    __atomic_store_n(&slab->current, current, __ATOMIC_RELAXED);
}

/* ---- none.c ---- */

extern buddy_slab slab_none; /* has no object */

/* ---- ranges.c ---- */

static inline uint32_t slab_range_count(const buddy_slabs *s)
{
    /* acquire: the ranges that it counts */
    return atomic_load_explicit(&s->range_count, memory_order_acquire);
}

bool slab_append_range(buddy_slabs *s);              /* needs s->lock, or to be alone */
bool slab_add_range(buddy_slabs *s, uint32_t count); /* unless there are more than `count` by now */
void slab_finish_ranges(buddy_slabs *s);

/* The range that a pointer lies in; NULL: it lies in what none has open. */
const slab_range *slab_range_of(const buddy_slabs *s, const void *pointer);

/* The range whose table the slab is in. */
const slab_range *slab_range_with(const buddy_slabs *s, const buddy_slab *slab);

/* The slab that a pointer into a range lies in; NULL: in none. */
buddy_slab *slab_of(const slab_range *range, const void *pointer);
uintptr_t slab_start(const slab_range *range, const buddy_slab *slab);

/* Whether `pointer` is where an object of a slab begins. */
bool slab_is_object(const slab_range *range, const buddy_slab *slab, const void *pointer);

/* ---- pages.c ---- */

/* What is asked for: more than an object. */
typedef struct slab_wish {
    size_t alignment, bytes;
} slab_wish;

/* Whether a range may have that: more than half of one is better mapped by itself. */
bool slab_fits(const slab_range *range, const slab_wish *w);

void *slab_chunks_alloc(buddy_slabs *s, uint32_t chunks, const slab_range **range);
void slab_chunks_free(buddy_slabs *s, const slab_range *range, uintptr_t at, size_t bytes);

/* A block of any range, of new ones too; says whether it is zero. NULL: there is none. */
void *slab_pages_alloc(buddy_slabs *s, const slab_wish *w, bool *zeroed);
buddy_heap_status slab_pages_free(buddy_slabs *s, const slab_range *range, void *pointer);

/* A block of the ranges there are, for ourselves; NULL: none has it. May be called with s->lock
 * held. */
void *slab_pages_within(buddy_slabs *s, size_t bytes);

/* Of just these bytes, which are more than any class has, where one is kept; NULL: none is. */
void *slab_take_large(buddy_slabs *s, size_t bytes);
void slab_keep_large(buddy_slabs *s, buddy_slab_object *block, size_t bytes); /* it is live */
void slab_drop_large(buddy_slabs *s); /* gives all that are kept to the buddy */

/* Gives the buddy's free chunks to the system; returns the bytes. */
size_t slab_discard(buddy_slabs *s);

/* ---- kept.c ---- */

/* The list of blocks of `bytes` that a thread keeps; NULL: such are not kept. */
static inline buddy_slab_object **slab_kept_list(slab_cache *cache, size_t bytes)
{
    if (cache == NULL || bytes <= BUDDY_SLABS_OBJECT_MOST || bytes > SLAB_KEPT_BYTES / 4) {
        return NULL;
    }
    uint32_t class = buddy_slabs_class(bytes);
    return slab_class_bytes(class) == bytes ? &cache->kept[class - BUDDY_SLABS_CLASSES] : NULL;
}

/* Gives blocks back until another one of `bytes` may be kept. */
void slab_make_kept_room(slab_cache *cache, size_t bytes);
void slab_drop_kept(slab_cache *cache); /* gives all that it keeps to the buddy */

/* ---- remote.c ---- */

void slab_collect(buddy_slab *slab); /* what others gave back becomes free. Owner; not parked */
bool slab_park(buddy_slab *slab);    /* false: others gave something back, now collected */

/* Ends a parking. False: another thread has just done so, and slab_returned will have the slab. */
bool slab_unpark(slab_cache *cache, buddy_slab *slab);

/* Takes the list of the cache's slabs that were parked and got objects back, linked through
 * `returned_next`. Each is then to be told by slab_leave_park. */
buddy_slab *slab_returned(slab_cache *cache);
void slab_leave_park(slab_cache *cache, buddy_slab *slab);

/* Gives an object back to a slab of another thread's. cache NULL: the calling thread has none. */
buddy_heap_status slab_give_remote(slab_cache *cache, buddy_slab *slab, buddy_slab_object *object,
                                   uintptr_t secret);

void slab_send_all(slab_cache *cache);

/* ---- cache.c ---- */

void slab_cache_init(slab_cache *cache, buddy_slabs *s);

/* Puts the current slab, which has no object left, aside. False: it has got some meanwhile. */
bool slab_cache_set_aside(slab_cache *cache, uint32_t class);
void slab_cache_receive(slab_cache *cache); /* its slabs that were parked and got objects back */

/* The next slab of the class that has objects, in no list; NULL: none has. */
buddy_slab *slab_cache_next(slab_cache *cache, uint32_t class);
buddy_slab *slab_cache_make(slab_cache *cache, uint32_t class); /* a new one; NULL: no memory */

/* Makes a slab that is in no list the current one of its class. False: it has no object. */
bool slab_cache_use(slab_cache *cache, buddy_slab *slab);

/* The owner gives an object back where buddy_slabs_give does not. */
buddy_heap_status slab_cache_give(slab_cache *cache, buddy_slab *slab, buddy_slab_object *object);
void slab_cache_sweep(slab_cache *cache); /* gives all empty slabs back, current ones too */

/* ---- orphans.c ---- */

/* Where an orphan's slabs may change, or a cache becomes one or ends being one: says that it is to
 * be counted, or is not any more. Need s->lock. */
void slab_orphan_begins(slab_cache *cache);
void slab_orphan_ends(slab_cache *cache);

buddy_slab *slab_adopt(slab_cache *cache,
                       uint32_t class); /* an orphan's slab; NULL: none has any */
void slab_sweep_orphans(buddy_slabs *s);

/* Before a request is refused: gives to the buddy what is free, but kept for later, and not in the
 * hands of another thread that is at work. cache: the calling thread's, or NULL. */
void slab_yield(buddy_slabs *s, slab_cache *cache);

/* ---- threads.c ---- */

/* The calling thread's cache; NULL: it has none yet. */
static inline slab_cache *slab_cache_here(const buddy_slabs *s)
{
    const buddy_slabs_entry *entry = buddy_slabs_entry_of(&s->front);
    return BUDDY_SLABS_LIKELY(entry->id == s->front.id) ? slab_cache_of(entry->cache) : NULL;
}

/* A cache for a thread that has none; NULL: no memory for one. */
slab_cache *slab_claim(buddy_slabs *s);

/* The same, but NULL too at the end of a thread, which would leave the cache behind. */
slab_cache *slab_claim_to_free(buddy_slabs *s);

bool slab_register(buddy_slabs *s); /* false: the system has no mutex to give */
void slab_unregister(buddy_slabs *s);

/* ---- blocks.c ---- */

void *slab_block_alloc(buddy_slabs *s, slab_cache *cache, const slab_wish *wish, bool *zeroed);
buddy_heap_status slab_block_free(buddy_slabs *s, slab_cache *cache, const slab_range *range,
                                  void *pointer);

/* ---- objects.c ---- */

/* Counts and tells a free that was refused. Returns its status. */
buddy_heap_status slab_complain(buddy_slabs *s, const char *what, const void *pointer,
                                buddy_heap_status status);

#endif
