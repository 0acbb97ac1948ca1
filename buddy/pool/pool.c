/* pool.c: making a pool, and all of it that is not in the fast paths of pool.h. */
#include "buddy/pool.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "buddy/core/core.h"
#include "buddy/system/region.h"
#include "buddy/tree.h"

#define BULK       256u /* objects at a time: their offsets take a kilobyte of stack */
#define HUGE_BYTES (UINT32_C(2) << 20)

/* One mapping:
 *
 *     struct body | core | live bits, where checked | stocks */
typedef struct body {
    /* fixed at create */
    _Alignas(64) buddy_pool front;
    size_t object_bytes;
    uint64_t inverse; /* of object_bytes >> shift, which is odd: see buddy_pool_divide */
    uint32_t shift;
    bool mapped;       /* the objects' memory is ours */
    word_atomic *live; /* bit i: object i is handed out; NULL where not checked */
    buddy *core;
    size_t metadata_bytes; /* of the mapping */
    size_t stocks_bytes;   /* of which the stocks may use */
    buddy_pool_desc desc;
    /* written by any thread, seldom */
    _Alignas(64) _Atomic uint64_t refused, errors;
} body;

_Static_assert(offsetof(body, front) == 0, "a pool is cast to its body and back");

static body *body_of(const buddy_pool *p)
{
    return (body *)(uintptr_t)p;
}

const char *buddy_pool_status_text(buddy_pool_status status)
{
#define X(name, text) text,
    static const char *const texts[] = {BUDDY_POOL_STATUSES(X)};
#undef X
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

/* ---- making one ---- */

static bool desc_possible(const buddy_pool_desc *desc, size_t object_bytes, size_t alignment)
{
    return desc->capacity != 0 && desc->capacity < UINT32_MAX &&
           desc->capacity <= PTRDIFF_MAX / object_bytes && (uintptr_t)desc->memory % alignment == 0;
}

static size_t round_to_line(size_t bytes)
{
    return (bytes + CORE_LINE - 1) / CORE_LINE * CORE_LINE;
}

static size_t live_bytes(const buddy_pool_desc *desc)
{
    return desc->checked ? (desc->capacity + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t) : 0;
}

/* The metadata, with everything in it but the objects' memory. NULL without memory. */
static body *create_metadata(const buddy_pool_desc *desc, size_t object_bytes)
{
    buddy_desc core = {.units = (uint32_t)desc->capacity, .zeroed = true};
    buddy_magazine_desc stocks = {.threads = desc->threads};
    size_t core_at = round_to_line(sizeof(body));
    size_t live_at = core_at + round_to_line(buddy_sizeof(&core));
    size_t stocks_at = live_at + round_to_line(live_bytes(desc));
    size_t stocks_bytes = buddy_magazine_room(&stocks, &core);
    size_t bytes = stocks_at + stocks_bytes; /* each is less than half of all addresses */
    unsigned char *memory = region_map(stocks_bytes != 0 ? bytes : 0, CORE_LINE);
    if (memory == NULL) {
        return NULL;
    }
    body *b = (body *)(void *)memory;
    b->desc = *desc;
    b->object_bytes = object_bytes;
    b->shift = word_lowest(object_bytes);
    b->inverse = buddy_pool_inverse(object_bytes >> b->shift);
    b->live = desc->checked ? (word_atomic *)(void *)(memory + live_at) : NULL;
    b->metadata_bytes = region_bytes(bytes);
    b->stocks_bytes = stocks_bytes;
    b->core = stocks.core = buddy_init(memory + core_at, live_at - core_at, &core);
    assert(b->core != NULL); /* desc is possible and a mapping is aligned */
    b->front.capacity = core.units;
    b->front.quick = desc->checked ? 0 : core.units;
    b->front.stocks = buddy_magazine_init(memory + stocks_at, stocks_bytes, &stocks);
    if (b->front.stocks == NULL) {
        region_unmap(b, b->metadata_bytes);
        errno = EAGAIN;
        return NULL;
    }
    return b;
}

buddy_pool *buddy_pool_create(const buddy_pool_desc *desc, size_t object_bytes, size_t alignment)
{
    if (!desc_possible(desc, object_bytes, alignment)) {
        errno = EINVAL;
        return NULL;
    }
    body *b = create_metadata(desc, object_bytes);
    if (b == NULL) {
        return NULL;
    }
    size_t bytes = desc->capacity * object_bytes;
    b->mapped = desc->memory == NULL;
    b->front.base = desc->memory;
    if (b->mapped) {
        b->front.base =
            region_map(bytes, desc->huge_pages ? HUGE_BYTES : BUDDY_POOL_ALIGNMENT_MOST);
    }
    if (b->front.base == NULL) {
        int reason = errno;
        buddy_pool_destroy(&b->front);
        errno = reason;
        return NULL;
    }
    b->desc.memory = b->front.base;
    if (desc->huge_pages) {
        region_huge_pages(b->front.base, bytes);
    }
    if (desc->prefault) {
        region_prefault(b->front.base, bytes);
    }
    return &b->front;
}

void buddy_pool_destroy(buddy_pool *p)
{
    if (p == NULL) {
        return;
    }
    body *b = body_of(p);
    buddy_magazine_finish(p->stocks);
    if (b->mapped) {
        region_unmap(p->base, p->capacity * b->object_bytes);
    }
    region_unmap(b, b->metadata_bytes);
}

/* ---- live bits ---- */

/* The bits of [from, to) that lie in the word of `from`. */
static uint64_t bits_in_word(uint32_t from, uint32_t to)
{
    uint32_t first = from % WORD_BITS;
    uint64_t bits = ~UINT64_C(0) << first;
    return to - from < WORD_BITS - first ? bits & ~(~UINT64_C(0) << (first + to - from)) : bits;
}

static uint32_t next_word(uint32_t from, uint32_t to)
{
    uint32_t next = (from / WORD_BITS + 1) * WORD_BITS;
    return next < to && next > from ? next : to;
}

/* dead -> live for [from, to), which the caller has taken. Relaxed, here and below: a bit is set
 * between taking an object and handing it out, and cleared before it is given, so the core and the
 * stocks order one owner's bits before the next one's; and who of two clears a bit is decided by
 * the word's own order of changes. */
static void mark_live(body *b, uint32_t from, uint32_t to)
{
    for (; b->live != NULL && from < to; from = next_word(from, to)) {
        uint64_t bits = bits_in_word(from, to);
        uint64_t before =
            atomic_fetch_or_explicit(&b->live[from / WORD_BITS], bits, memory_order_relaxed);
        assert((before & bits) == 0);
        (void)before;
    }
}

/* live -> dead for [from, to). False, and all is as it was, where one of them is dead already: of
 * several threads that free an object one succeeds, until it is handed out again. */
static bool mark_dead(body *b, uint32_t from, uint32_t to)
{
    for (uint32_t at = from; b->live != NULL && at < to; at = next_word(at, to)) {
        uint64_t bits = bits_in_word(at, to);
        word_atomic *word = &b->live[at / WORD_BITS];
        uint64_t before = atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed);
        if ((before & bits) != bits) {
            atomic_fetch_or_explicit(word, before & bits, memory_order_relaxed);
            mark_live(b, from, at);
            return false;
        }
    }
    return true;
}

/* ---- taking ---- */

static void *refuse(body *b)
{
    atomic_fetch_add_explicit(&b->refused, 1, memory_order_relaxed); /* relaxed: a figure */
    return NULL;
}

/* `count` objects from `offset` on, which are ours unless that is BUDDY_NONE. */
static void *hand_out(body *b, uint32_t offset, uint32_t count)
{
    if (offset == BUDDY_NONE) {
        return refuse(b);
    }
    mark_live(b, offset, offset + count);
    return b->front.base + offset * b->object_bytes;
}

void *buddy_pool_alloc_slowly(buddy_pool *p)
{
    return hand_out(body_of(p), buddy_magazine_alloc(p->stocks, 0), 1);
}

void *buddy_pool_try_slowly(buddy_pool *p)
{
    return hand_out(body_of(p), buddy_magazine_try(p->stocks, 0), 1);
}

/* The place of the object that `near` points into; BUDDY_NONE where that is outside the pool. */
static uint32_t place_near(const body *b, const void *near)
{
    size_t distance = (uintptr_t)near - (uintptr_t)b->front.base;
    bool inside = distance < b->front.capacity * b->object_bytes;
    return inside ? (uint32_t)(distance / b->object_bytes) : BUDDY_NONE;
}

void *buddy_pool_alloc_near(buddy_pool *p, const void *near)
{
    body *b = body_of(p);
    uint32_t place = place_near(b, near);
    if (place == BUDDY_NONE) {
        return buddy_pool_alloc_slowly(p);
    }
    return hand_out(b, buddy_magazine_alloc_near(p->stocks, 0, place), 1);
}

/* Gives [from, to), which is ours, to the stocks as the fewest blocks. */
static void give_range(body *b, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t order = core_piece(from, to, BUDDY_ORDERS);
        buddy_magazine_free(b->front.stocks, from, order);
        from += UINT32_C(1) << order;
    }
}

void *buddy_pool_alloc_array(buddy_pool *p, uint32_t count)
{
    return buddy_pool_alloc_array_near(p, NULL, count);
}

void *buddy_pool_alloc_array_near(buddy_pool *p, const void *near, uint32_t count)
{
    body *b = body_of(p);
    count = count != 0 ? count : 1;
    uint32_t order = buddy_order_for(count), place = place_near(b, near);
    uint32_t offset = place != BUDDY_NONE ? buddy_magazine_alloc_near(p->stocks, order, place)
                                          : buddy_magazine_alloc(p->stocks, order);
    if (offset != BUDDY_NONE) {
        give_range(b, offset + count, offset + (UINT32_C(1) << order));
    }
    return hand_out(b, offset, count);
}

/* Turns offsets into pointers. */
static void write_pointers(const body *b, uint32_t count, const uint32_t offsets[],
                           unsigned char *out)
{
    unsigned char *base = b->front.base;
    size_t object_bytes = b->object_bytes;
    for (uint32_t i = 0; i < count; i++) {
        void *object = base + offsets[i] * object_bytes;
        memcpy(out + i * sizeof object, &object, sizeof object);
    }
}

static void mark_each_live(body *b, uint32_t count, const uint32_t offsets[])
{
    for (uint32_t i = 0; b->live != NULL && i < count; i++) {
        mark_live(b, offsets[i], offsets[i] + 1);
    }
}

uint32_t buddy_pool_alloc_bulk(buddy_pool *p, uint32_t count, void *out)
{
    body *b = body_of(p);
    uint32_t offsets[BULK], done = 0;
    while (done < count) {
        uint32_t wanted = count - done < BULK ? count - done : BULK;
        uint32_t taken = buddy_magazine_alloc_bulk(p->stocks, 0, wanted, offsets);
        mark_each_live(b, taken, offsets);
        write_pointers(b, taken, offsets, (unsigned char *)out + done * sizeof(void *));
        done += taken;
        if (taken < wanted) {
            (void)refuse(b);
            break;
        }
    }
    return done;
}

/* ---- giving back ---- */

static buddy_pool_status complain(body *b, buddy_pool_status status)
{
    if (status != BUDDY_POOL_OK) {
        atomic_fetch_add_explicit(&b->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    }
    return status;
}

/* Whether `object` is the start of an object: its place, or why not. */
static buddy_pool_status locate(const body *b, const void *object, uint32_t *place)
{
    uint64_t distance = (uintptr_t)object - (uintptr_t)b->front.base;
    uint64_t found = buddy_pool_divide(distance, b->inverse, b->shift);
    if (BUDDY_MAGAZINE_LIKELY(found < b->front.capacity)) {
        *place = (uint32_t)found;
        return BUDDY_POOL_OK;
    }
    return distance < b->front.capacity * b->object_bytes ? BUDDY_POOL_MISALIGNED
                                                          : BUDDY_POOL_FOREIGN;
}

/* As locate, and of `count` objects from there makes sure that they are there and live; then they
 * are ours. */
static buddy_pool_status take_back(body *b, const void *object, uint32_t count, uint32_t *place)
{
    buddy_pool_status status = locate(b, object, place);
    if (status == BUDDY_POOL_OK && count > b->front.capacity - *place) {
        status = BUDDY_POOL_OVERRUN;
    }
    if (status == BUDDY_POOL_OK && !mark_dead(b, *place, *place + count)) {
        status = BUDDY_POOL_DOUBLE_FREE;
    }
    return complain(b, status);
}

buddy_pool_status buddy_pool_free_slowly(buddy_pool *p, const void *object)
{
    return buddy_pool_free_array(p, object, 1);
}

buddy_pool_status buddy_pool_free_array(buddy_pool *p, const void *array, uint32_t count)
{
    if (array == NULL) {
        return BUDDY_POOL_OK;
    }
    body *b = body_of(p);
    uint32_t place;
    count = count != 0 ? count : 1;
    buddy_pool_status status = take_back(b, array, count, &place);
    if (status == BUDDY_POOL_OK) {
        give_range(b, place, place + count);
    }
    return status;
}

/* The places of the objects at `in`, but for those that are refused. Returns how many; `*first`
 * becomes the first refusal, if it is BUDDY_POOL_OK yet. */
static uint32_t read_pointers(body *b, uint32_t count, const unsigned char *in, uint32_t places[],
                              buddy_pool_status *first)
{
    uintptr_t base = (uintptr_t)b->front.base; /* copies: `places` might be anything's */
    uint64_t inverse = b->inverse;
    uint32_t shift = b->shift, quick = b->front.quick;
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++) {
        const void *object;
        memcpy(&object, in + i * sizeof object, sizeof object);
        uint64_t place = buddy_pool_divide((uintptr_t)object - base, inverse, shift);
        places[good] = (uint32_t)place;
        if (BUDDY_MAGAZINE_LIKELY(place < quick)) {
            good++;
        } else if (object != NULL) {
            buddy_pool_status status = take_back(b, object, 1, &places[good]);
            good += status == BUDDY_POOL_OK;
            *first = *first == BUDDY_POOL_OK ? status : *first;
        }
    }
    return good;
}

buddy_pool_status buddy_pool_free_bulk(buddy_pool *p, uint32_t count, const void *in)
{
    buddy_pool_status first = BUDDY_POOL_OK;
    uint32_t places[BULK];
    for (uint32_t done = 0; done < count;) {
        uint32_t some = count - done < BULK ? count - done : BULK;
        const unsigned char *from = (const unsigned char *)in + done * sizeof(void *);
        uint32_t good = read_pointers(body_of(p), some, from, places, &first);
        buddy_magazine_free_bulk(p->stocks, 0, good, places);
        done += some;
    }
    return first;
}

/* ---- looking ---- */

const buddy_pool_desc *buddy_pool_get_desc(const buddy_pool *p)
{
    return &body_of(p)->desc;
}

void buddy_pool_get_stats(const buddy_pool *p, buddy_pool_stats *out)
{
    const body *b = body_of(p);
    *out = (buddy_pool_stats){.capacity = p->capacity, .object_bytes = b->object_bytes};
    buddy_get_stats(b->core, &out->core);
    buddy_magazine_get_stats(p->stocks, &out->stocks);
    out->live = (uint32_t)out->stocks.live_units;
    out->metadata_bytes = b->metadata_bytes - b->stocks_bytes + out->stocks.metadata_bytes;
    /* relaxed: figures */
    out->refused = atomic_load_explicit(&b->refused, memory_order_relaxed);
    out->errors = atomic_load_explicit(&b->errors, memory_order_relaxed);
}

/* The live bits of [from, to) in the word of `from`. */
static uint64_t live_in_word(const body *b, uint32_t from, uint32_t to)
{
    /* relaxed: see mark_live; what a walk may rely on is what its caller has ordered */
    uint64_t word = atomic_load_explicit(&b->live[from / WORD_BITS], memory_order_relaxed);
    return word & bits_in_word(from, to);
}

void *buddy_pool_next(const buddy_pool *p, const void *after)
{
    const body *b = body_of(p);
    assert(b->live != NULL);
    uint32_t from = after != NULL ? place_near(b, after) + 1 : 0, to = p->capacity;
    for (; b->live != NULL && from < to; from = next_word(from, to)) {
        uint64_t bits = live_in_word(b, from, to);
        if (bits != 0) {
            return p->base + (from / WORD_BITS * WORD_BITS + word_lowest(bits)) * b->object_bytes;
        }
    }
    return NULL;
}

/* Live objects in [from, to). Others are at rest. */
static uint32_t count_live(const body *b, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (; from < to; from = next_word(from, to)) {
        count += word_count(live_in_word(b, from, to));
    }
    return count;
}

typedef struct survey {
    const body *b;
    bool found_live;
} survey;

/* Stops the walk at a block that has live objects. */
static bool visit_dead(void *context, buddy_block block)
{
    survey *s = context;
    uint32_t end = block.offset + (UINT32_C(1) << block.order);
    s->found_live = count_live(s->b, block.offset, end) != 0;
    return !s->found_live;
}

static const char *check_live(const body *b)
{
    survey s = {.b = b};
    buddy_walk(b->core, visit_dead, &s);
    if (s.found_live) {
        return "a live object is free in the core";
    }
    buddy_magazine_walk(b->front.stocks, visit_dead, &s);
    if (s.found_live) {
        return "a live object lies in a stock";
    }
    buddy_magazine_stats stocks;
    buddy_magazine_get_stats(b->front.stocks, &stocks);
    return count_live(b, 0, b->front.capacity) == stocks.live_units
               ? NULL
               : "the count of live objects differs from their bits";
}

const char *buddy_pool_check(const buddy_pool *p)
{
    const body *b = body_of(p);
    const char *fault = buddy_check(b->core);
    fault = fault != NULL ? fault : buddy_magazine_check(p->stocks);
    if (fault != NULL) {
        return fault;
    }
    buddy_magazine_stats stocks;
    buddy_magazine_get_stats(p->stocks, &stocks);
    uint64_t taken = stocks.live_units + stocks.stocked_units;
    if (taken + buddy_free_units(b->core) != p->capacity) {
        return "free, stocked and live objects are not all there are";
    }
    return b->live != NULL ? check_live(b) : NULL;
}
