/* subject_limit.c: what no allocator can be: the limits that the others are held against.
 *
 * limit-list is as quick as a general one could get: a free list a thread and power of two, carved
 * from a region of the thread's own, nothing shared, nothing merged, nothing returned; what is
 * freed stays with the thread that frees. limit-empty does nothing at all: what it takes is the
 * harness' own time. */
#include "tools/bench/subjects/subject.h"

#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/team.h"

/* A thread's buffer for limit-empty: the largest block that a case asks for. */
#define EMPTY_BYTES (UINT64_C(1) << 20)

/* Each thread's region for limit-list, in arenas: addresses only. Any thread may come to hold all
 * blocks, and what was carved for one order never serves another. */
#define LIST_ARENAS UINT64_C(4)

enum { ORDERS = 48, ORDER_LEAST = 3 }; /* 8 bytes: a block holds the link to the next */

typedef struct link {
    struct link *next;
} link;

typedef struct list_seat {
    _Alignas(TEAM_LINE) link *free[ORDERS];
    unsigned char *fresh, *end; /* of the region what was never handed out */
} list_seat;

/* ---- the list ---- */

static uint32_t order_of(size_t bytes)
{
    size_t last = bytes > 0 ? (bytes - 1) | ((1u << ORDER_LEAST) - 1) : (1u << ORDER_LEAST) - 1;
    return 64 - (uint32_t)__builtin_clzll(last);
}

static void *list_alloc(void *self, size_t bytes)
{
    list_seat *s = self;
    uint32_t order = order_of(bytes);
    link *first = s->free[order];
    if (first != NULL) {
        s->free[order] = first->next;
        return first;
    }
    size_t size = (size_t)1 << order;
    if (size > (size_t)(s->end - s->fresh)) {
        return NULL;
    }
    s->fresh += size;
    return s->fresh - size;
}

static bool list_release(void *self, void *block, size_t bytes)
{
    list_seat *s = self;
    link *first = block;
    uint32_t order = order_of(bytes);
    first->next = s->free[order];
    s->free[order] = first;
    return true;
}

static void *list_enter(void *state, uint32_t seat)
{
    return (list_seat *)state + seat;
}

bool subject_list_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    static const subject_ops ops = {
        .enter = list_enter, .alloc = list_alloc, .release = list_release};
    (void)who;
    list_seat *seats = memory_touched(setup->threads * sizeof *seats);
    size_t bytes = setup->arena_bytes * LIST_ARENAS;
    for (uint32_t i = 0; i < setup->threads; i++) {
        seats[i].fresh = memory_untouched(bytes);
        seats[i].end = seats[i].fresh + bytes;
        if (setup->prefault) {
            memory_touch(seats[i].fresh, setup->arena_bytes / setup->threads);
        }
    }
    *out = (subject_opened){.ops = &ops, .state = seats};
    return true;
}

/* ---- nothing ---- */

static void *empty_alloc(void *self, size_t bytes)
{
    return bytes <= EMPTY_BYTES ? self : NULL;
}

static bool empty_release(void *self, void *block, size_t bytes)
{
    (void)self;
    (void)block;
    (void)bytes;
    return true;
}

static void *empty_enter(void *state, uint32_t seat)
{
    return (unsigned char *)state + seat * EMPTY_BYTES;
}

bool subject_empty_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    static const subject_ops ops = {
        .enter = empty_enter, .alloc = empty_alloc, .release = empty_release};
    (void)who;
    *out = (subject_opened){.ops = &ops, .state = memory_untouched(setup->threads * EMPTY_BYTES)};
    return true;
}
