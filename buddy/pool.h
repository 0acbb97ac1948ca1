/* pool.h: objects of one type, exactly as large as they are: a typed pool on top of the buddy core.
 *
 *     BUDDY_POOL(nodes, struct node);             // once, at file scope: the type `nodes`
 *
 *     nodes *all = nodes_create(&(buddy_pool_desc){.capacity = 100000});
 *     struct node *one = nodes_alloc(all), *many = nodes_alloc_array(all, 13);
 *     nodes_free_array(all, many, 13);
 *     nodes_free(all, one);
 *
 * The core's unit is one object, sizeof(type) bytes, whatever that is: object i lies at base + i *
 * sizeof(type), and nothing lies between two. An array of 2^k objects is a block of order k; one of
 * n objects is cut from the next power of two, and what is left over is given back at once. Frees
 * know the type and the count, so that no record of them is kept, and nothing is written into the
 * objects. Every thread has a stock (magazine.h): most calls touch memory of its own only.
 *
 * An object also has an index, its place in the pool: a name of 32 bits that stays.
 *
 * Refused at every free, for the price of one multiplication: a pointer that is foreign or is not
 * the start of an object. With desc.checked a bit an object says whether it is live, and what is
 * free already is refused too, until it has been handed out again; else a double free is the
 * caller's bug.
 *
 * Threads: any, unless said otherwise. The fast paths are lock-free. In a plugin: as heap.h says of
 * heaps. In C++ objects come as they are in C: not constructed; buddy::pool of stl.hpp constructs
 * them. */
#ifndef BUDDY_POOL_H
#define BUDDY_POOL_H

#include "magazine.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* X(name, text): what a free can say. */
#define BUDDY_POOL_STATUSES(X)                                            \
    X(BUDDY_POOL_OK, "done")                                              \
    X(BUDDY_POOL_FOREIGN, "the pointer does not belong to this pool")     \
    X(BUDDY_POOL_MISALIGNED, "the pointer is not the start of an object") \
    X(BUDDY_POOL_OVERRUN, "the array would end outside the pool")         \
    X(BUDDY_POOL_DOUBLE_FREE, "the object is free already")

#define X(name, text) name,
typedef enum buddy_pool_status { BUDDY_POOL_STATUSES(X) } buddy_pool_status;
#undef X

const char *buddy_pool_status_text(buddy_pool_status status);

/* As desc.threads: every call goes to the core. */
#define BUDDY_POOL_NO_STOCKS BUDDY_MAGAZINE_NO_THREADS

typedef struct buddy_pool_desc {
    size_t capacity;  /* objects, 1 … 2^32 - 2; all of them can be live at once */
    void *memory;     /* NULL: the pool maps its own; else the caller's, capacity * sizeof(type)
                         bytes aligned as the type, kept until destroy */
    bool prefault;    /* touch every page at once, so that no later access faults */
    bool huge_pages;  /* ask for transparent huge pages where the kernel has them */
    bool checked;     /* refuse double frees: a bit an object, an atomic read-modify-write a call */
    uint32_t threads; /* most that have a stock at a time; 0: see buddy_magazine_desc;
                         BUDDY_POOL_NO_STOCKS */
} buddy_pool_desc;

typedef struct buddy_pool_stats {
    buddy_stats core; /* in which what lies in stocks is not free */
    buddy_magazine_stats stocks;
    uint32_t capacity;     /* objects */
    uint32_t live;         /* objects handed out: exact when others are at rest */
    size_t object_bytes;   /* sizeof(type) */
    size_t metadata_bytes; /* core, live bits and stocks, outside the objects; without the stocks
                              that no thread has had yet: they are not touched */
    uint64_t refused;      /* requests that found no room */
    uint64_t errors;       /* frees that were refused */
} buddy_pool_stats;

/* Declares the pool type `name` of objects of `type` (a name that makes a pointer when * follows),
 * and these functions:
 *
 * name *name_create(const buddy_pool_desc *desc)
 *     NULL when desc is impossible or the system gives no memory (errno says why). One thread.
 * void name_destroy(name *p)
 *     NULL does nothing. Nobody may use the pool or its objects any more.
 *
 * type *name_alloc(name *p)
 * type *name_try(name *p)
 *     One object, not initialised; NULL when there is none. name_alloc is strict: it takes objects
 *     back from other threads' stocks before it says no. name_try never disturbs others.
 * type *name_alloc_near(name *p, const type *near)
 *     As name_alloc, near `near` (an object of the pool; else anywhere): see buddy_try_near.
 * buddy_pool_status name_free(name *p, type *object)
 *     NULL is BUDDY_POOL_OK. Any other answer than BUDDY_POOL_OK has changed nothing.
 *
 * type *name_alloc_array(name *p, uint32_t count)
 *     `count` objects side by side; 0 counts as 1. Strict. NULL when there is no room: that is a
 *     free run of the next power of two, of which the rest is given back.
 * type *name_alloc_array_near(name *p, uint32_t count, const type *near)
 *     As name_alloc_array, near `near` (an object of the pool; else anywhere).
 * buddy_pool_status name_free_array(name *p, type *array, uint32_t count)
 *     Gives them back. A part of an array may be given back by itself, at either end or in the
 *     middle, since its neighbours need no record.
 *
 * uint32_t name_alloc_bulk(name *p, uint32_t count, type *out[])
 *     `count` objects that need not be neighbours. Writes them and returns how many: fewer than
 *     count when the pool is full. Strict.
 * buddy_pool_status name_free_bulk(name *p, uint32_t count, type *const in[])
 *     Gives them back; ascending neighbours are quickest. Returns BUDDY_POOL_OK, or the first other
 *     answer; the rest is given back all the same.
 *
 * uint32_t name_index(const name *p, const type *object)
 *     Its index; BUDDY_NONE when it is not the start of an object of the pool. Pure.
 * type *name_at(const name *p, uint32_t index)
 *     The reverse; NULL when there is no such object. Pure. Says nothing about whether it is live.
 *
 * type *name_next(const name *p, const type *after)
 *     The first live object behind `after` (an object of the pool, live or not; NULL: the first of
 *     all); NULL when there is none. Precondition: desc.checked.
 * void name_walk(name *p, bool (*visit)(void *context, type *object), void *context)
 *     Calls visit for every live object, ascending, until it returns false. Precondition:
 *     desc.checked. visit may free the object and any other, and take new ones.
 *     While other threads are at work: what is live during the whole walk is visited once, and what
 *     is taken or freed meanwhile once or not at all. Nobody is kept out, so it is for the caller
 *     to see that what is visited is not freed, and not still being filled, by another thread.
 *
 * void name_flush(name *p), void name_recall(name *p)
 *     Return what lies in stocks to the core: the calling thread's, or everybody's.
 * const buddy_pool_desc *name_get_desc(const name *p)
 * void name_get_stats(const name *p, buddy_pool_stats *out)
 * const char *name_check(const name *p)
 *     NULL when all is well, else a sentence. Others must be at rest. */
#define BUDDY_POOL(name, type)                                                                    \
    typedef struct name name;                                                                     \
    BUDDY_POOL_FUNCTION name *name##_create(const buddy_pool_desc *desc)                          \
    {                                                                                             \
        return (name *)buddy_pool_create(desc, sizeof(type), BUDDY_POOL_ALIGNOF(type));           \
    }                                                                                             \
    BUDDY_POOL_FUNCTION void name##_destroy(name *p)                                              \
    {                                                                                             \
        buddy_pool_destroy((buddy_pool *)p);                                                      \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_alloc(name *p)                                               \
    {                                                                                             \
        return (type *)buddy_pool_alloc((buddy_pool *)p, sizeof(type));                           \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_try(name *p)                                                 \
    {                                                                                             \
        return (type *)buddy_pool_try((buddy_pool *)p, sizeof(type));                             \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_alloc_near(name *p, const type *near)                        \
    {                                                                                             \
        return (type *)buddy_pool_alloc_near((buddy_pool *)p, near);                              \
    }                                                                                             \
    BUDDY_POOL_FUNCTION buddy_pool_status name##_free(name *p, type *object)                      \
    {                                                                                             \
        return buddy_pool_free((buddy_pool *)p, object, sizeof(type));                            \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_alloc_array(name *p, uint32_t count)                         \
    {                                                                                             \
        return (type *)buddy_pool_alloc_array((buddy_pool *)p, count);                            \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_alloc_array_near(name *p, uint32_t count, const type *near)  \
    {                                                                                             \
        return (type *)buddy_pool_alloc_array_near((buddy_pool *)p, near, count);                 \
    }                                                                                             \
    BUDDY_POOL_FUNCTION buddy_pool_status name##_free_array(name *p, type *array, uint32_t count) \
    {                                                                                             \
        return buddy_pool_free_array((buddy_pool *)p, array, count);                              \
    }                                                                                             \
    BUDDY_POOL_FUNCTION uint32_t name##_alloc_bulk(name *p, uint32_t count, type *out[])          \
    {                                                                                             \
        return buddy_pool_alloc_bulk((buddy_pool *)p, count, out);                                \
    }                                                                                             \
    BUDDY_POOL_FUNCTION buddy_pool_status name##_free_bulk(name *p, uint32_t count,               \
                                                           type *const in[])                      \
    {                                                                                             \
        return buddy_pool_free_bulk((buddy_pool *)p, count, in);                                  \
    }                                                                                             \
    BUDDY_POOL_FUNCTION uint32_t name##_index(const name *p, const type *object)                  \
    {                                                                                             \
        return buddy_pool_index((const buddy_pool *)p, object, sizeof(type));                     \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_at(const name *p, uint32_t index)                            \
    {                                                                                             \
        return (type *)buddy_pool_at((const buddy_pool *)p, index, sizeof(type));                 \
    }                                                                                             \
    BUDDY_POOL_FUNCTION type *name##_next(const name *p, const type *after)                       \
    {                                                                                             \
        return (type *)buddy_pool_next((const buddy_pool *)p, after);                             \
    }                                                                                             \
    BUDDY_POOL_FUNCTION void name##_walk(name *p, bool (*visit)(void *context, type *object),     \
                                         void *context)                                           \
    {                                                                                             \
        type *object = name##_next(p, NULL);                                                      \
        while (object != NULL && visit(context, object)) {                                        \
            object = name##_next(p, object);                                                      \
        }                                                                                         \
    }                                                                                             \
    BUDDY_POOL_FUNCTION void name##_flush(name *p)                                                \
    {                                                                                             \
        buddy_magazine_flush(((buddy_pool *)p)->stocks);                                          \
    }                                                                                             \
    BUDDY_POOL_FUNCTION void name##_recall(name *p)                                               \
    {                                                                                             \
        buddy_magazine_recall(((buddy_pool *)p)->stocks);                                         \
    }                                                                                             \
    BUDDY_POOL_FUNCTION const buddy_pool_desc *name##_get_desc(const name *p)                     \
    {                                                                                             \
        return buddy_pool_get_desc((const buddy_pool *)p);                                        \
    }                                                                                             \
    BUDDY_POOL_FUNCTION void name##_get_stats(const name *p, buddy_pool_stats *out)               \
    {                                                                                             \
        buddy_pool_get_stats((const buddy_pool *)p, out);                                         \
    }                                                                                             \
    BUDDY_POOL_FUNCTION const char *name##_check(const name *p)                                   \
    {                                                                                             \
        return buddy_pool_check((const buddy_pool *)p);                                           \
    }                                                                                             \
    BUDDY_POOL_STATIC_ASSERT(BUDDY_POOL_ALIGNOF(type) <= BUDDY_POOL_ALIGNMENT_MOST,               \
                             "aligned more than a page is")

/* ---- below the macro ----
 *
 * Users have no need of what follows. The functions above are a thin coat over these, which know no
 * type. The size comes along as a constant where it makes a difference. */

#define BUDDY_POOL_ALIGNMENT_MOST 4096u /* a mapping is aligned to pages, and no page is smaller */

/* unused: who includes a pool seldom needs all of it */
#define BUDDY_POOL_FUNCTION static inline __attribute__((unused))

#ifdef __cplusplus
#define BUDDY_POOL_ALIGNOF       alignof
#define BUDDY_POOL_STATIC_ASSERT static_assert
#else
#define BUDDY_POOL_ALIGNOF       _Alignof
#define BUDDY_POOL_STATIC_ASSERT _Static_assert
#endif

/* What a pool begins with. Fixed at create. */
typedef struct buddy_pool {
    unsigned char *base; /* of object 0 */
    buddy_magazine *stocks;
    uint32_t capacity; /* objects */
    uint32_t quick; /* objects that need no more than the stocks: capacity; 0 where live bits have
                       to be looked after */
} buddy_pool;

buddy_pool *buddy_pool_create(const buddy_pool_desc *desc, size_t object_bytes, size_t alignment);
void buddy_pool_destroy(buddy_pool *p);
void *buddy_pool_alloc_slowly(buddy_pool *p);
void *buddy_pool_try_slowly(buddy_pool *p);
void *buddy_pool_alloc_near(buddy_pool *p, const void *near);
buddy_pool_status buddy_pool_free_slowly(buddy_pool *p, const void *object);
void *buddy_pool_alloc_array(buddy_pool *p, uint32_t count);
void *buddy_pool_alloc_array_near(buddy_pool *p, const void *near, uint32_t count);
void *buddy_pool_next(const buddy_pool *p, const void *after);
buddy_pool_status buddy_pool_free_array(buddy_pool *p, const void *array, uint32_t count);

/* out, in: arrays of pointers to whatever type; they are written and read as bytes. */
uint32_t buddy_pool_alloc_bulk(buddy_pool *p, uint32_t count, void *out);
buddy_pool_status buddy_pool_free_bulk(buddy_pool *p, uint32_t count, const void *in);

const buddy_pool_desc *buddy_pool_get_desc(const buddy_pool *p);
void buddy_pool_get_stats(const buddy_pool *p, buddy_pool_stats *out);
const char *buddy_pool_check(const buddy_pool *p);

/* x with odd * x == 1 modulo 2^64, by Newton's method: each step doubles the bits that are right,
 * of which the first guess has five. A constant where `odd` is one. */
static inline uint64_t buddy_pool_inverse(uint64_t odd)
{
    uint64_t x = 3 * odd ^ 2;
    x *= 2 - odd * x;
    x *= 2 - odd * x;
    x *= 2 - odd * x;
    return x * (2 - odd * x);
}

/* `distance` turned by the inverse of (odd << shift): the quotient where there is no rest. That is
 * one to one, so where there is a rest, or the distance is beyond the end, something else comes out
 * than any quotient in the pool. */
static inline uint64_t buddy_pool_divide(uint64_t distance, uint64_t inverse, uint32_t shift)
{
    uint64_t product = distance * inverse;
    return product >> shift | product << (-shift & 63);
}

/* Which object that is; p->capacity or more where it is none. */
static inline uint64_t buddy_pool_place(const buddy_pool *p, const void *object,
                                        size_t object_bytes)
{
    uint32_t shift = (uint32_t)__builtin_ctzll(object_bytes);
    uint64_t distance = (uintptr_t)object - (uintptr_t)p->base;
    return buddy_pool_divide(distance, buddy_pool_inverse(object_bytes >> shift), shift);
}

static inline void *buddy_pool_alloc(buddy_pool *p, size_t object_bytes)
{
    uint32_t offset = BUDDY_NONE;
    if (!BUDDY_MAGAZINE_LIKELY(p->quick != 0 && buddy_magazine_take_own(p->stocks, 0, &offset))) {
        return buddy_pool_alloc_slowly(p);
    }
    return p->base + offset * object_bytes;
}

static inline void *buddy_pool_try(buddy_pool *p, size_t object_bytes)
{
    uint32_t offset = BUDDY_NONE;
    if (!BUDDY_MAGAZINE_LIKELY(p->quick != 0 && buddy_magazine_take_own(p->stocks, 0, &offset))) {
        return buddy_pool_try_slowly(p);
    }
    return p->base + offset * object_bytes;
}

static inline buddy_pool_status buddy_pool_free(buddy_pool *p, const void *object,
                                                size_t object_bytes)
{
    uint64_t place = buddy_pool_place(p, object, object_bytes);
    if (!BUDDY_MAGAZINE_LIKELY(place < p->quick &&
                               buddy_magazine_give_own(p->stocks, (uint32_t)place, 0))) {
        return buddy_pool_free_slowly(p, object);
    }
    return BUDDY_POOL_OK;
}

static inline uint32_t buddy_pool_index(const buddy_pool *p, const void *object,
                                        size_t object_bytes)
{
    uint64_t place = buddy_pool_place(p, object, object_bytes);
    return place < p->capacity ? (uint32_t)place : BUDDY_NONE;
}

static inline void *buddy_pool_at(const buddy_pool *p, uint32_t index, size_t object_bytes)
{
    return index < p->capacity ? p->base + index * object_bytes : NULL;
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
