/* slabs.h: malloc-like memory of all sizes on growing buddy heaps: for many threads, and with no
 * limit but the system's.
 *
 *     1 … 32 KiB   an object in a slab: a block of 64 KiB of the buddy (256 KiB for objects above
 *                  8 KiB) that holds objects of one size class
 *     … 2 MiB      a block of the buddy, cut to its class; a thread keeps some that it freed
 *     more         mapped from the system one by one. Where such sizes are seen to come and go,
 *                  blocks of the buddy up to 32 MiB, of which the last that were freed are kept
 *
 * Classes lie 16 bytes apart up to 256 bytes and eight to a doubling above that, so that an object
 * of more than 128 bytes loses at most an eighth. Every thread has a cache, and every slab belongs
 * to one cache, whose thread takes and gives objects with plain loads and stores:
 *
 *     owner           free: o -> o -> o            a stack in the objects themselves
 *     other threads   outbox (32 frees a slab)  -> one compare-and-swap -> remote: o -> o
 *
 * The owner takes the whole of `remote` when `free` is empty. A slab of which all objects are taken
 * is parked: its owner does not look at it until an object comes back. A slab that is empty goes
 * back to the buddy, where it merges; each class keeps one, so that a class which comes and goes
 * stays cheap. What is free in the buddy goes back to the system when it is much, or by
 * buddy_slabs_trim.
 *
 * Blocks lie in ranges of addresses, at places left to chance, of which only what is in play is
 * mapped. So a program that locks its memory locks what is in use, a core holds no more than that,
 * and a limit of addresses counts no more. Where another library has mapped something inside a
 * range, the range ends there. What is opened or mapped counts as memory: the system refuses what
 * the machine does not have, as it refuses the C library's malloc. No request is refused for which
 * there is room in a range, in the calling thread's cache or in the cache of a thread that has
 * ended. What another running thread keeps (objects, and up to half a megabyte of blocks) is not
 * taken away from it.
 *
 * Each slab is described outside its objects, in a table beside the range that is found by shifting
 * an address. So no pointer is followed before it is known to be one of ours. A free is refused,
 * and told in one line that names the pointer, where that is foreign, interior, or free already. A
 * double free of an object is seen until the object has been handed out again, unless something has
 * been written into its second word meanwhile, or two threads free it in the same nanoseconds.
 *
 * Threads: any, unless said otherwise. A thread gets its cache at its first call. When it ends, its
 * cache waits for the next new thread, and threads that are out of objects take slabs out of it. A
 * process may fork at any time: the child can go on, without the free objects of the threads that
 * it does not have. Nothing may be called from a signal handler. A handler may fork all the same;
 * but where it has interrupted a call of this thread, and there are other threads, the child may do
 * nothing here.
 *
 * In a plugin: see magazine.h, with caches in the place of stocks. The slabs are destroyed before
 * the plugin is unloaded, or their memory stays. (libbuddy-malloc.so is never unloaded: what it has
 * handed out may be freed at any time.) */
#ifndef BUDDY_SLABS_H
#define BUDDY_SLABS_H

#include "heap.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct buddy_slabs buddy_slabs;

#define BUDDY_SLABS_OBJECT_MOST 32768u /* bytes: the largest object; what is larger is a block */
#define BUDDY_SLABS_RANGES      64u    /* most ranges of addresses */

/* Addresses of a range, by default. Where there are only 2^32 of them the program wants some
 * too. */
#if SIZE_MAX > UINT32_MAX
#define BUDDY_SLABS_RANGE_BYTES ((size_t)64 << 30)
#else
#define BUDDY_SLABS_RANGE_BYTES ((size_t)64 << 20)
#endif

/* What a buddy_slabs_desc may set; zero is the default everywhere. */
typedef struct buddy_slabs_desc {
    /* Addresses of a range, which cost nothing until they are in play: a power of two from 4 MiB to
     * 1 TiB (1 GiB where addresses have 32 bits). 0: BUDDY_SLABS_RANGE_BYTES. It doubles after
     * every eight ranges. What the system refuses is tried again with half as many. */
    size_t range_bytes;
    /* Larger blocks are mapped one by one. 0: 2 MiB at first, and up to 32 MiB as mapped blocks are
     * seen to be freed, since what comes and goes pays more for its page faults than for its
     * bytes. */
    size_t map_bytes;
    /* So much goes from frees to the buddy before memory goes on to the system; twice as much, and
     * so on, where that happens again within a second or two. 0: 8 MiB. */
    size_t keep_bytes;
    /* Is called, on the thread that erred, with one line for each refused free. NULL: silent. */
    void (*on_error)(void *context, const char *line);
    void *on_error_context;
} buddy_slabs_desc;

/* Exact when others are at rest. */
typedef struct buddy_slabs_stats {
    uint64_t object_count;  /* live in slabs, with what lies in outboxes and remote lists */
    size_t object_bytes;    /* of these, by class */
    size_t slab_bytes;      /* of the slabs that they are in */
    uint32_t slab_count;    /* slabs */
    uint32_t cache_count;   /* threads that have a cache now */
    uint32_t orphan_count;  /* caches of ended threads that no thread has taken over */
    uint32_t range_count;   /* ranges in use */
    size_t block_bytes;     /* blocks of the buddy that are no slabs: live, or kept by a thread */
    uint64_t mapped_count;  /* blocks mapped one by one … */
    size_t mapped_bytes;    /* … and their bytes */
    size_t capacity_bytes;  /* in play in all ranges */
    size_t free_bytes;      /* free in all ranges */
    size_t discarded_bytes; /* given back to the system from the ranges, since create */
    uint64_t errors;        /* frees that were refused */
} buddy_slabs_stats;

/* Returns NULL when desc is impossible or the system gives no memory (errno says why). One
 * thread. */
buddy_slabs *buddy_slabs_create(const buddy_slabs_desc *desc);

/* NULL does nothing. Nobody may use the slabs or their objects any more. */
void buddy_slabs_destroy(buddy_slabs *s);

/* The desc in effect: defaults filled in. */
const buddy_slabs_desc *buddy_slabs_get_desc(const buddy_slabs *s);

/* At least `bytes` bytes, aligned to 16; 0 counts as 1. NULL when the system gives no more. */
static inline void *buddy_slabs_alloc(buddy_slabs *s, size_t bytes);

/* As buddy_slabs_alloc, all bytes zero: memory that is fresh from the system is not written to. */
void *buddy_slabs_zeroed(buddy_slabs *s, size_t bytes);

/* As buddy_slabs_alloc, aligned to `alignment` too. NULL as well when that is not a power of
 * two. */
void *buddy_slabs_aligned(buddy_slabs *s, size_t alignment, size_t bytes);

/* Makes what lies at `pointer` hold `bytes`: where it is if it fits and is not much too large, else
 * elsewhere, with its contents. NULL, and all is as it was, without memory or when the pointer is
 * not one of ours (told as in buddy_slabs_free). NULL as pointer: buddy_slabs_alloc. */
void *buddy_slabs_realloc(buddy_slabs *s, void *pointer, size_t bytes);

/* Gives it back. NULL is BUDDY_HEAP_OK. Any other answer than BUDDY_HEAP_OK has changed nothing. */
static inline buddy_heap_status buddy_slabs_free(buddy_slabs *s, void *pointer);

/* As buddy_slabs_free, and checks that what lies there was asked for with a size that this one
 * fits. Not for what buddy_slabs_aligned gave: its size is another one. */
buddy_heap_status buddy_slabs_free_sized(buddy_slabs *s, void *pointer, size_t bytes);

/* Bytes that may be used at a live pointer of ours; 0 where it cannot be one. */
size_t buddy_slabs_usable_size(buddy_slabs *s, const void *pointer);

/* Whether it points into a range or to the start of what was mapped. */
bool buddy_slabs_owns(buddy_slabs *s, const void *pointer);

/* Whether it points into a range. Takes no lock, so it may be asked in the middle of another
 * call. */
bool buddy_slabs_in_range(const buddy_slabs *s, const void *pointer);

/* Sends what the calling thread has collected of other threads' objects to their owners. */
void buddy_slabs_flush(buddy_slabs *s);

/* Gives back what is not in use: the empty slabs of the calling thread and of ended threads to the
 * buddy, and the buddy's free memory to the system. Returns the bytes that went to the system. */
size_t buddy_slabs_trim(buddy_slabs *s);

void buddy_slabs_get_stats(buddy_slabs *s, buddy_slabs_stats *out);
const char *buddy_slabs_check(buddy_slabs *s); /* NULL when all is well. Others must be at rest. */

/* ---- a cache at hand ----
 *
 * For an allocator above this one, such as a malloc, that is called so often that even finding the
 * thread's cache shows. It keeps a pointer a thread, and asks the cache itself first:
 *
 *     static _Thread_local buddy_slabs_cache *cache = &buddy_slabs_no_cache;
 *
 *     void *at = buddy_slabs_take(cache, bytes);
 *     if (at == NULL) {
 *         at = buddy_slabs_alloc_slowly(s, bytes);
 *         buddy_slabs_attach(s, &cache);
 *     }
 *     …
 *     if (!buddy_slabs_give(cache, at) && !buddy_slabs_give_far(cache, at)) {
 *         status = buddy_slabs_free_slowly(s, at);
 *     }
 */

typedef struct buddy_slabs_cache buddy_slabs_cache;

/* The cache of a thread that has none: what is asked of it fails. */
extern buddy_slabs_cache buddy_slabs_no_cache;

/* Writes the calling thread's cache to *at_hand, if it has one by now; when the thread ends,
 * &buddy_slabs_no_cache is written there. One such pointer a thread. */
void buddy_slabs_attach(buddy_slabs *s, buddy_slabs_cache **at_hand);

/* An object for `bytes` from the cache's own slab; NULL where buddy_slabs_alloc_slowly has to be
 * asked. Its thread only. */
static inline void *buddy_slabs_take(buddy_slabs_cache *cache, size_t bytes);

/* Gives an object back to a slab of the cache's own; false where it is none, and then nothing has
 * changed. Its thread only. */
static inline bool buddy_slabs_give(buddy_slabs_cache *cache, void *pointer);

/* Collects an object of another thread's slab for that thread; false where buddy_slabs_free_slowly
 * has to be asked, and then nothing has changed. Its thread only. */
bool buddy_slabs_give_far(buddy_slabs_cache *cache, void *pointer);

/* What buddy_slabs_alloc and buddy_slabs_free do where these fail. */
void *buddy_slabs_alloc_slowly(buddy_slabs *s, size_t bytes);
buddy_heap_status buddy_slabs_free_slowly(buddy_slabs *s, void *pointer);

/* ---- the fast path ----
 *
 * Users have no need of what follows; it is in the header because a call costs as much as what is
 * done. The atomic builtins of gcc and clang stand for <stdatomic.h>, which C++17 does not have. */

#define BUDDY_SLABS_LIKELY(condition) __builtin_expect(!!(condition), 1)

#define BUDDY_SLABS_CLASSES 72u /* of objects; see slab/classes.h */
#define BUDDY_SLABS_ENTRIES 8u  /* slabs in use by one thread whose caches it finds at once */

/* A range is cut into chunks of 64 KiB; a slab is one of them, or four. */
#define BUDDY_SLABS_CHUNK_SHIFT 16u
#define BUDDY_SLABS_CHUNK_BYTES (UINT32_C(1) << BUDDY_SLABS_CHUNK_SHIFT)

/* Sizes up to this find their slab without computing a class. */
#define BUDDY_SLABS_DIRECT_BYTES 1024u
#define BUDDY_SLABS_DIRECT       (BUDDY_SLABS_DIRECT_BYTES / 16 + 1)

#define BUDDY_SLABS_LINE __attribute__((aligned(64))) /* begins a cache line */

/* What lies in an object while it is free. */
typedef struct buddy_slab_object {
    struct buddy_slab_object *next;
    uintptr_t seal; /* buddy_slab_seal() where it is free, anything else where it is not */
} buddy_slab_object;

/* A slab; one for each chunk of a range. In a slab of several chunks the first one's counts; the
 * others say how far back that is. Three cache lines: what other threads may read, what the owner
 * writes all the time, what other threads write. */
typedef struct buddy_slab {
    /* the owner where the fast path may be taken, else NULL; written by the owner */
    struct buddy_slabs_cache *local;
    /* changes only when the owner's thread has ended, under the lock of the slabs */
    struct buddy_slabs_cache *owner;
    uint32_t object_bytes;
    uint32_t divide;     /* 2^32 / object_bytes, rounded up: see buddy_slab_is_multiple */
    uint32_t capacity;   /* objects; these three are fixed while the slab is one, and so is … */
    uint32_t size_class; /* … what they follow from, which figures read at any time */
    uint32_t kind;       /* SLAB_NONE, SLAB_FIRST, or SLAB_FIRST + chunks back to the first */

    /* Owner only. Objects that are free + used - current (what others gave back counts as used) are
     * those that have been carved. */
    buddy_slab_object *free BUDDY_SLABS_LINE;
    /* objects taken, and one more in the current slab of a class, so that a free that makes it zero
     * is one that has something to do; read by others as a figure */
    uint32_t used;
    uint32_t end; /* bytes from the start that have been carved into objects */
    /* in the list of its class in its cache, unless it is current or parked */
    struct buddy_slab *next, *previous;
    bool current; /* read by others as a figure */
    bool parked;

    /* objects that others gave back; or SLAB_PARKED */
    uintptr_t remote BUDDY_SLABS_LINE;
    struct buddy_slab *returned_next; /* in slab_cache.returned of its owner */
} buddy_slab;

/* What a thread's cache begins with. Its thread only. */
struct buddy_slabs_cache {
    uintptr_t base;    /* of the first range */
    size_t bytes;      /* of it, in play; grows as the thread comes to know of more */
    buddy_slab *slabs; /* of it, one a chunk */
    uintptr_t secret;
    buddy_slab *direct[BUDDY_SLABS_DIRECT]; /* the current slab for a size in steps of 16 */
    buddy_slab *current[BUDDY_SLABS_CLASSES];
};

/* What a buddy_slabs begins with. */
typedef struct buddy_slabs_front {
    uint64_t id; /* no others ever have the same; never 0 */
} buddy_slabs_front;

/* Which cache a thread has in which slabs. */
typedef struct buddy_slabs_entry {
    uint64_t id; /* of the slabs; 0: none */
    buddy_slabs_cache *cache;
} buddy_slabs_entry;

extern BUDDY_MAGAZINE_THREAD_LOCAL buddy_slabs_entry buddy_slabs_entries[BUDDY_SLABS_ENTRIES]
    __attribute__((tls_model("initial-exec")));

/* The class for `bytes`. Precondition: bytes is at most 2 MiB. */
static inline uint32_t buddy_slabs_class(size_t bytes)
{
    if (bytes <= 256) {
        return (uint32_t)((bytes - (bytes != 0)) >> 4);
    }
    uint64_t last = bytes - 1;
    uint32_t doubling = 63 - (uint32_t)__builtin_clzll(last); /* 8 … 20 */
    return 16 + (doubling - 8) * 8 + (uint32_t)(last >> (doubling - 3) & 7);
}

/* What an object that is free says in its second word. Depends on where it lies, so that a copy of
 * it elsewhere says nothing. */
static inline uintptr_t buddy_slab_seal(uintptr_t secret, const void *object)
{
    return secret ^ (uintptr_t)object;
}

/* Whether `within`, bytes from the start of a slab's first chunk, is a multiple of its object's
 * size: n * ceil(2^32 / d) wraps round to less than ceil(2^32 / d) just for multiples of d, as long
 * as n times the rounding error stays below, which a test tries for all n and all classes. Source:
 * D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct computation", Software: Practice and
 * Experience 49(6), 2019. */
static inline bool buddy_slab_is_multiple(uint32_t within, uint32_t divide)
{
    return within * divide < divide;
}

static inline uint32_t buddy_slab_used(const buddy_slab *slab)
{
    return __atomic_load_n(&slab->used, __ATOMIC_RELAXED); /* relaxed: the owner's own */
}

static inline void buddy_slab_set_used(buddy_slab *slab, uint32_t used)
{
    __atomic_store_n(&slab->used, used, __ATOMIC_RELAXED); /* relaxed: a figure to others */
}

/* An object of the slab; NULL where the owner has to look further. */
static inline void *buddy_slab_pop(buddy_slab *slab)
{
    buddy_slab_object *object = slab->free;
    if (!BUDDY_SLABS_LIKELY(object != NULL)) {
        return NULL;
    }
    slab->free = object->next;
    object->seal = 0;
    buddy_slab_set_used(slab, buddy_slab_used(slab) + 1);
    return object;
}

static inline void *buddy_slabs_take(buddy_slabs_cache *cache, size_t bytes)
{
    if (BUDDY_SLABS_LIKELY(bytes <= BUDDY_SLABS_DIRECT_BYTES)) {
        return buddy_slab_pop(cache->direct[(bytes + 15) / 16]);
    }
    if (BUDDY_SLABS_LIKELY(bytes <= BUDDY_SLABS_OBJECT_MOST)) {
        return buddy_slab_pop(cache->current[buddy_slabs_class(bytes)]);
    }
    return NULL;
}

/* False for another thread's slab, one that is parked, the last object of one that is not current,
 * what is no object, and an object that is free. */
static inline bool buddy_slabs_give(buddy_slabs_cache *cache, void *pointer)
{
    uintptr_t distance = (uintptr_t)pointer - cache->base;
    if (!BUDDY_SLABS_LIKELY(distance < cache->bytes)) {
        return false;
    }
    buddy_slab *slab = &cache->slabs[distance >> BUDDY_SLABS_CHUNK_SHIFT];
    uint32_t within = (uint32_t)distance & (BUDDY_SLABS_CHUNK_BYTES - 1);
    /* relaxed: compared with the caller itself; only the caller writes itself there */
    if (!BUDDY_SLABS_LIKELY(__atomic_load_n(&slab->local, __ATOMIC_RELAXED) == cache) ||
        !BUDDY_SLABS_LIKELY(buddy_slab_is_multiple(within, slab->divide) && within < slab->end)) {
        return false;
    }
    buddy_slab_object *object = (buddy_slab_object *)pointer;
    uintptr_t seal = buddy_slab_seal(cache->secret, object);
    uint32_t used = buddy_slab_used(slab) - 1;
    if (!BUDDY_SLABS_LIKELY(object->seal != seal && used != 0)) {
        return false;
    }
    object->next = slab->free;
    object->seal = seal;
    slab->free = object;
    buddy_slab_set_used(slab, used);
    return true;
}

/* The calling thread's entry for these slabs, or for others with the same place. */
static inline const buddy_slabs_entry *buddy_slabs_entry_of(const buddy_slabs_front *front)
{
    return &buddy_slabs_entries[front->id % BUDDY_SLABS_ENTRIES];
}

static inline void *buddy_slabs_alloc(buddy_slabs *s, size_t bytes)
{
    const buddy_slabs_front *front = (const buddy_slabs_front *)s;
    const buddy_slabs_entry *entry = buddy_slabs_entry_of(front);
    void *at =
        BUDDY_SLABS_LIKELY(entry->id == front->id) ? buddy_slabs_take(entry->cache, bytes) : NULL;
    return BUDDY_SLABS_LIKELY(at != NULL) ? at : buddy_slabs_alloc_slowly(s, bytes);
}

static inline buddy_heap_status buddy_slabs_free(buddy_slabs *s, void *pointer)
{
    const buddy_slabs_front *front = (const buddy_slabs_front *)s;
    const buddy_slabs_entry *entry = buddy_slabs_entry_of(front);
    bool done = BUDDY_SLABS_LIKELY(entry->id == front->id) &&
                (BUDDY_SLABS_LIKELY(buddy_slabs_give(entry->cache, pointer)) ||
                 buddy_slabs_give_far(entry->cache, pointer));
    return BUDDY_SLABS_LIKELY(done) ? BUDDY_HEAP_OK : buddy_slabs_free_slowly(s, pointer);
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
