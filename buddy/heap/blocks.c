/* heap/blocks.c: taking blocks of a heap and giving them back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "buddy/heap/body.h"
#include "buddy/heap/watch.h"

#define ERROR_LINE 160u

/* ---- taking ---- */

static void *refuse(buddy_heap *h)
{
    atomic_fetch_add_explicit(&h->refused, 1, memory_order_relaxed); /* relaxed: a figure */
    return NULL;
}

/* Turns a block from the stocks into a pointer. */
static inline void *hand_out(buddy_heap *h, uint32_t offset, uint32_t order)
{
    if (offset == BUDDY_NONE) {
        return refuse(h);
    }
    marks_set(&h->marks, offset, order);
    return heap_address(h, offset);
}

/* What buddy_heap_alloc and buddy_heap_try do for small blocks, and when the thread's own shelf is
 * empty. Out of line, so that the fast path has no frame. */
static __attribute__((noinline)) void *alloc_slowly(buddy_heap *h, uint32_t order)
{
    return hand_out(h, buddy_magazine_alloc(h->stocks, order), order);
}

static __attribute__((noinline)) void *try_slowly(buddy_heap *h, uint32_t order)
{
    return hand_out(h, buddy_magazine_try(h->stocks, order), order);
}

/* A large block from the thread's own shelf, marked; NULL where the slow path has to be taken. */
static inline void *take_large(buddy_heap *h, uint32_t order)
{
    uint32_t offset = BUDDY_NONE;
    if (!BUDDY_MAGAZINE_LIKELY(order >= MARKS_GROUP_ORDER &&
                               buddy_magazine_take_own(h->stocks, order, &offset))) {
        return NULL;
    }
    marks_set(&h->marks, offset, order);
    return heap_address(h, offset);
}

/* What buddy_heap_alloc does in a heap that is not watched. */
static inline void *take(buddy_heap *h, size_t bytes)
{
    uint32_t order = heap_order_for(h, bytes);
    void *block = take_large(h, order);
    return BUDDY_MAGAZINE_LIKELY(block != NULL) ? block : alloc_slowly(h, order);
}

static __attribute__((noinline)) void *alloc_watched(buddy_heap *h, size_t bytes, const void *site)
{
    return heap_is_struck(h, bytes, site) ? refuse(h) : heap_tell(h, take(h, bytes), bytes, site);
}

static __attribute__((noinline)) void *try_watched(buddy_heap *h, size_t bytes, const void *site)
{
    return heap_is_struck(h, bytes, site)
               ? refuse(h)
               : heap_tell(h, try_slowly(h, heap_order_for(h, bytes)), bytes, site);
}

void *buddy_heap_alloc(buddy_heap *h, size_t bytes)
{
    return BUDDY_MAGAZINE_LIKELY(!h->watched) ? take(h, bytes) : alloc_watched(h, bytes, HEAP_SITE);
}

void *buddy_heap_try(buddy_heap *h, size_t bytes)
{
    if (!BUDDY_MAGAZINE_LIKELY(!h->watched)) {
        return try_watched(h, bytes, HEAP_SITE);
    }
    uint32_t order = heap_order_for(h, bytes);
    void *block = take_large(h, order);
    return BUDDY_MAGAZINE_LIKELY(block != NULL) ? block : try_slowly(h, order);
}

static void *take_near(buddy_heap *h, size_t bytes, const void *near)
{
    if (!buddy_heap_owns(h, near)) {
        return take(h, bytes);
    }
    uint32_t order = heap_order_for(h, bytes);
    uint32_t unit = (uint32_t)(heap_distance(h, near) >> h->unit_shift);
    return hand_out(h, buddy_magazine_alloc_near(h->stocks, order, unit), order);
}

void *buddy_heap_alloc_near(buddy_heap *h, size_t bytes, const void *near)
{
    return heap_is_struck(h, bytes, HEAP_SITE)
               ? refuse(h)
               : heap_tell(h, take_near(h, bytes, near), bytes, HEAP_SITE);
}

/* Gives [from, to) of a block that is ours and not marked to the stocks, as the fewest blocks. */
static void give_range(buddy_heap *h, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t order = word_lowest(from | UINT64_C(1) << word_highest(to - from));
        buddy_magazine_free(h->stocks, from, order);
        from += UINT32_C(1) << order;
    }
}

static void *take_aligned(buddy_heap *h, size_t alignment, size_t bytes)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > h->base_alignment) {
        return NULL;
    }
    uint32_t order = heap_order_for(h, bytes);
    uint32_t whole = heap_order_for(h, alignment); /* such a block is aligned; we keep its start */
    if (whole <= order) {
        return take(h, bytes);
    }
    return hand_out(h, buddy_magazine_alloc_cut(h->stocks, whole, UINT32_C(1) << order), order);
}

void *buddy_heap_aligned(buddy_heap *h, size_t alignment, size_t bytes)
{
    return heap_is_struck(h, bytes, HEAP_SITE)
               ? refuse(h)
               : heap_tell(h, take_aligned(h, alignment, bytes), bytes, HEAP_SITE);
}

/* The units of a block of exact size for `bytes`; more than h->marks.units when there are not so
 * many. */
static uint64_t exact_units(const buddy_heap *h, size_t bytes)
{
    uint64_t units = heap_units_for(h, bytes);
    return units <= h->marks.units ? marks_exact_units((uint32_t)units) : units;
}

static void *take_exact(buddy_heap *h, size_t bytes)
{
    uint64_t units = exact_units(h, bytes);
    if (units > h->marks.units) {
        return refuse(h);
    }
    uint32_t order = word_highest(2 * units - 1); /* of the next power of two */
    uint32_t offset = buddy_magazine_alloc_cut(h->stocks, order, (uint32_t)units);
    if (offset == BUDDY_NONE) {
        return refuse(h);
    }
    marks_set_exact(&h->marks, offset, (uint32_t)units);
    return heap_address(h, offset);
}

void *buddy_heap_exact(buddy_heap *h, size_t bytes)
{
    return heap_is_struck(h, bytes, HEAP_SITE)
               ? refuse(h)
               : heap_tell(h, take_exact(h, bytes), bytes, HEAP_SITE);
}

uint32_t buddy_heap_gather(buddy_heap *h, size_t bytes, buddy_heap_piece pieces[BUDDY_PIECES])
{
    buddy_block blocks[BUDDY_PIECES];
    uint64_t units = heap_units_for(h, bytes);
    uint32_t count = 0;
    if (units <= h->marks.units && !heap_is_struck(h, bytes, HEAP_SITE)) {
        count = buddy_magazine_gather(h->stocks, (uint32_t)units, BUDDY_ANYWHERE, blocks);
    }
    if (count == 0) {
        (void)refuse(h);
    }
    for (uint32_t i = 0; i < count; i++) {
        marks_set(&h->marks, blocks[i].offset, blocks[i].order);
        pieces[i] = (buddy_heap_piece){heap_address(h, blocks[i].offset),
                                       (size_t)1 << (blocks[i].order + h->unit_shift)};
        (void)heap_tell(h, pieces[i].start, pieces[i].bytes, HEAP_SITE);
    }
    return count;
}

/* As many of `count` as come before the first that is to fail. */
static uint32_t count_unstruck(const buddy_heap *h, size_t bytes, uint32_t count, const void *site)
{
    uint32_t spared = 0;
    while (spared < count && !heap_is_struck(h, bytes, site)) {
        spared++;
    }
    return spared;
}

uint32_t buddy_heap_alloc_bulk(buddy_heap *h, size_t bytes, uint32_t count, void *pointers[])
{
    uint32_t offsets[256];
    uint32_t order = heap_order_for(h, bytes), done = 0;
    while (done < count) {
        uint32_t wanted = count - done < 256 ? count - done : 256;
        uint32_t spared = h->watched ? count_unstruck(h, bytes, wanted, HEAP_SITE) : wanted;
        uint32_t taken = buddy_magazine_alloc_bulk(h->stocks, order, spared, offsets);
        for (uint32_t i = 0; i < taken; i++) {
            pointers[done] = hand_out(h, offsets[i], order);
            (void)heap_tell(h, pointers[done++], bytes, HEAP_SITE);
        }
        if (taken < wanted) {
            (void)refuse(h);
            break;
        }
    }
    return done;
}

/* ---- giving back ---- */

static buddy_heap_status complain(buddy_heap *h, const void *pointer, buddy_heap_status status)
{
    atomic_fetch_add_explicit(&h->errors, 1, memory_order_relaxed); /* relaxed: a figure */
    if (h->desc.on_error != NULL) {
        char line[ERROR_LINE];
        (void)snprintf(line, sizeof line, "free of 0x%" PRIxPTR ": %s", (uintptr_t)pointer,
                       buddy_heap_status_text(status));
        h->desc.on_error(h->desc.on_error_context, line);
    }
    return status;
}

/* Whether a pointer may be the start of a block at all: its unit, or why not. */
static buddy_heap_status locate(const buddy_heap *h, const void *pointer, uint32_t *offset)
{
    size_t bytes = heap_distance(h, pointer);
    *offset = (uint32_t)(bytes >> h->unit_shift);
    if (bytes >= h->max_bytes) {
        return BUDDY_HEAP_FOREIGN;
    }
    size_t changing = atomic_load_explicit(&h->changing_bytes, memory_order_relaxed);
    if (changing == 0) {
        return BUDDY_HEAP_READ_ONLY;
    }
    if ((bytes & (h->desc.unit_bytes - 1)) != 0) {
        return BUDDY_HEAP_MISALIGNED;
    }
    return bytes < changing ? BUDDY_HEAP_OK : BUDDY_HEAP_DOUBLE_FREE; /* nothing was ever there */
}

/* Of `expected` units, unless that is MARKS_ANY_UNITS. `told` hears of it, if it is not NULL. */
static buddy_heap_status give_back(buddy_heap *h, const void *pointer, uint32_t expected,
                                   buddy_track *told)
{
    uint32_t offset, units;
    buddy_heap_status status = locate(h, pointer, &offset);
    if (status == BUDDY_HEAP_OK) {
        status = marks_clear(&h->marks, offset, expected, h->alone, &units);
    }
    if (status == BUDDY_HEAP_OK) {
        buddy_track_free(told, pointer); /* no longer this block, and not yet another one */
        give_range(h, offset, offset + units);
    }
    return status;
}

static __attribute__((noinline)) buddy_heap_status free_slowly(buddy_heap *h, const void *pointer)
{
    buddy_heap_status status =
        pointer != NULL ? give_back(h, pointer, MARKS_ANY_UNITS, h->desc.track) : BUDDY_HEAP_OK;
    return status == BUDDY_HEAP_OK ? BUDDY_HEAP_OK : complain(h, pointer, status);
}

/* A size fits a block of the next power of two, or of the exact size. */
static __attribute__((noinline)) buddy_heap_status
free_sized_slowly(buddy_heap *h, const void *pointer, size_t bytes)
{
    if (pointer == NULL) {
        return BUDDY_HEAP_OK;
    }
    uint32_t order = heap_order_for(h, bytes);
    buddy_heap_status status = BUDDY_HEAP_WRONG_SIZE;
    if (order <= h->marks.max_order) {
        status = give_back(h, pointer, UINT32_C(1) << order, h->desc.track);
    }
    if (status == BUDDY_HEAP_WRONG_SIZE && exact_units(h, bytes) <= h->marks.units) {
        status = give_back(h, pointer, (uint32_t)exact_units(h, bytes), h->desc.track);
    }
    return status == BUDDY_HEAP_OK ? BUDDY_HEAP_OK : complain(h, pointer, status);
}

/* live -> free for a whole block of four units and more, of which `byte` is the mark: what all but
 * few frees need. False, and nothing is changed, where it is anything else. */
static inline bool unmark_large(buddy_heap *h, size_t distance, uint8_t byte)
{
    _Atomic uint8_t *group = &h->marks.groups[distance >> h->group_shift];
    if (h->alone) {
        atomic_store_explicit(group, MARK_FREE, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(group, &byte, MARK_FREE, memory_order_relaxed,
                                                   memory_order_relaxed);
}

/* The mark that lies where the block begins; MARK_FREE where no large block can begin. */
static inline uint8_t mark_at(const buddy_heap *h, size_t distance)
{
    size_t changing = atomic_load_explicit(&h->changing_bytes, memory_order_relaxed);
    if (!BUDDY_MAGAZINE_LIKELY(distance < changing && (distance & h->group_mask) == 0)) {
        return MARK_FREE;
    }
    return atomic_load_explicit(&h->marks.groups[distance >> h->group_shift], memory_order_relaxed);
}

/* Out of line as alloc_slowly is. */
static __attribute__((noinline)) buddy_heap_status give_slowly(buddy_heap *h, uint32_t offset,
                                                               uint32_t order)
{
    buddy_magazine_free_slowly(h->stocks, offset, order);
    return BUDDY_HEAP_OK;
}

static inline buddy_heap_status give_large(buddy_heap *h, size_t distance, uint32_t order)
{
    uint32_t offset = (uint32_t)(distance >> h->unit_shift);
    bool done = buddy_magazine_give_own(h->stocks, offset, order);
    return BUDDY_MAGAZINE_LIKELY(done) ? BUDDY_HEAP_OK : give_slowly(h, offset, order);
}

buddy_heap_status buddy_heap_free(buddy_heap *h, void *pointer)
{
    size_t distance = heap_distance(h, pointer);
    uint8_t byte = mark_at(h, distance);
    if (!BUDDY_MAGAZINE_LIKELY((byte & 3) == MARK_LARGE && byte < MARK_EXACT && !h->watched &&
                               unmark_large(h, distance, byte))) {
        return free_slowly(h, pointer);
    }
    return give_large(h, distance, byte >> 2);
}

buddy_heap_status buddy_heap_free_sized(buddy_heap *h, void *pointer, size_t bytes)
{
    size_t distance = heap_distance(h, pointer);
    uint32_t order = heap_order_for(h, bytes);
    uint8_t byte = mark_at(h, distance);
    if (!BUDDY_MAGAZINE_LIKELY(byte == marks_large(order) && !h->watched &&
                               unmark_large(h, distance, byte))) {
        return free_sized_slowly(h, pointer, bytes);
    }
    return give_large(h, distance, order);
}

buddy_heap_status buddy_heap_free_bulk(buddy_heap *h, uint32_t count, void *const pointers[])
{
    buddy_heap_status first = BUDDY_HEAP_OK;
    for (uint32_t i = 0; i < count; i++) {
        buddy_heap_status status = buddy_heap_free(h, pointers[i]);
        first = first == BUDDY_HEAP_OK ? status : first;
    }
    return first;
}

/* ---- resizing ---- */

/* Turns the live block (offset, from) into one of `to` units; those between are ours, or become so.
 * It is freed first, in its marks only: false where another thread has just done that. */
static bool change_units(buddy_heap *h, uint32_t offset, uint32_t from, uint32_t to)
{
    uint32_t units;
    if (marks_clear(&h->marks, offset, from, h->alone, &units) != BUDDY_HEAP_OK) {
        return false;
    }
    marks_set_exact(&h->marks, offset, to);
    return true;
}

/* Makes the block (offset, units), a power of two, one of the higher order `to` where it lies, if
 * all its buddies up to there are free in the core and lie above it. */
static bool grow_in_place(buddy_heap *h, uint32_t offset, uint32_t units, uint32_t to)
{
    if (!buddy_magazine_extend(h->stocks, offset, word_lowest(units), to)) {
        return false;
    }
    if (!change_units(h, offset, units, UINT32_C(1) << to)) {
        give_range(h, offset + units, offset + (UINT32_C(1) << to));
        return false;
    }
    return true;
}

static bool shrink_in_place(buddy_heap *h, uint32_t offset, uint32_t from, uint32_t to)
{
    if (!change_units(h, offset, from, to)) {
        return false;
    }
    give_range(h, offset + to, offset + from);
    return true;
}

/* Whether the live block (offset, units) was made the size for `bytes`, or had it, where it is. One
 * of exact size stays exact when it shrinks: it is freed with what was asked for last. */
static bool resize_in_place(buddy_heap *h, uint32_t offset, uint32_t units, size_t bytes)
{
    uint32_t order = heap_order_for(h, bytes);
    bool exact = (units & (units - 1)) != 0;
    uint64_t wanted = exact ? exact_units(h, bytes) : UINT64_C(1) << order;
    if (wanted <= units) {
        return wanted == units || shrink_in_place(h, offset, units, (uint32_t)wanted);
    }
    return !exact && order <= h->marks.max_order && grow_in_place(h, offset, units, order);
}

/* Moves `bytes` bytes and gives `from` back. False where another thread has freed it meanwhile;
 * then `to` is given back. The track knows neither of the two now: see resize_watched. */
static bool move_contents(buddy_heap *h, void *to, void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    buddy_heap_status status = give_back(h, from, MARKS_ANY_UNITS, NULL);
    if (status == BUDDY_HEAP_OK) {
        return true;
    }
    (void)complain(h, from, status);
    (void)give_back(h, to, MARKS_ANY_UNITS, NULL);
    return false;
}

/* Where the live block (offset, units) lies once it has room for `bytes`; NULL: it is as it was. */
static void *resize(buddy_heap *h, uint32_t offset, uint32_t units, size_t bytes)
{
    void *pointer = heap_address(h, offset);
    if (resize_in_place(h, offset, units, bytes)) {
        return pointer;
    }
    void *moved = take(h, bytes);
    size_t held = (size_t)units << h->unit_shift;
    bool done = moved != NULL && move_contents(h, moved, pointer, held < bytes ? held : bytes);
    return done ? moved : NULL;
}

static void *resize_watched(buddy_heap *h, uint32_t offset, uint32_t units, size_t bytes,
                            const void *site)
{
    buddy_track_moving m = buddy_track_realloc_begin(h->desc.track, heap_address(h, offset));
    void *now = resize(h, offset, units, bytes);
    buddy_track_realloc_end(h->desc.track, m, now, bytes, site);
    return now;
}

void *buddy_heap_realloc(buddy_heap *h, void *pointer, size_t bytes)
{
    if (heap_is_struck(h, bytes, HEAP_SITE)) {
        return refuse(h);
    }
    if (pointer == NULL) {
        return heap_tell(h, take(h, bytes), bytes, HEAP_SITE);
    }
    uint32_t offset, units;
    buddy_heap_status status = locate(h, pointer, &offset);
    status = status == BUDDY_HEAP_OK ? marks_read(&h->marks, offset, &units) : status;
    if (status != BUDDY_HEAP_OK) {
        (void)complain(h, pointer, status);
        return NULL;
    }
    return h->watched ? resize_watched(h, offset, units, bytes, HEAP_SITE)
                      : resize(h, offset, units, bytes);
}
