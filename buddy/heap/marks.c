#include "buddy/heap/marks.h"

#include <assert.h>

#include "buddy/core/words.h"

#define GROUP_UNITS 4u
#define UNIT_BITS   2u
#define STEP_SHIFT  4u
#define STEP_MOST   15u
#define PIECE       (MARK_LARGE << 2 | MARK_GOES_ON) /* low bits of a large piece that goes on */

/* ---- bytes ---- */

static uint8_t load(const marks *m, uint32_t group)
{
    return atomic_load_explicit(&m->groups[group], memory_order_relaxed);
}

static void store(const marks *m, uint32_t group, uint32_t byte)
{
    atomic_store_explicit(&m->groups[group], (uint8_t)byte, memory_order_relaxed);
}

static bool is_large(uint32_t byte)
{
    return (byte & 3) == MARK_LARGE;
}

static uint32_t large_order(uint32_t byte)
{
    return byte >> 2 & 31;
}

static bool is_piece(uint32_t byte)
{
    return (byte & 15) == PIECE;
}

/* The order of the piece that lies at `offset`. */
static uint32_t piece_order(uint32_t byte, uint32_t offset)
{
    return word_lowest(offset) - 1 - (byte >> STEP_SHIFT);
}

/* What a byte of small blocks says of the unit at `place`. */
static uint32_t unit_of(uint32_t byte, uint32_t place)
{
    return byte >> UNIT_BITS * place & 3;
}

/* `state` for each of `units` units from `place` on. */
static uint32_t fill_units(uint32_t state, uint32_t place, uint32_t units)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < units; i++) {
        bits |= state << UNIT_BITS * (place + i);
    }
    return bits;
}

/* How many units from `place` on go on with the block before. */
static uint32_t count_on(uint32_t byte, uint32_t place)
{
    uint32_t units = 0;
    while (place + units < GROUP_UNITS && unit_of(byte, place + units) == MARK_GOES_ON) {
        units++;
    }
    return units;
}

/* ---- setting ---- */

void marks_set_small(const marks *m, uint32_t offset, uint32_t units)
{
    uint32_t place = offset % GROUP_UNITS;
    uint32_t bits =
        fill_units(MARK_START, place, 1) | fill_units(MARK_GOES_ON, place + 1, units - 1);
    uint8_t before = atomic_fetch_or_explicit(&m->groups[offset >> MARKS_GROUP_ORDER],
                                              (uint8_t)bits, memory_order_relaxed);
    assert((before & bits) == 0);
    (void)before;
}

uint32_t marks_exact_units(uint32_t units)
{
    uint32_t highest = units > 1 ? word_highest(units) : 0;
    if (highest <= STEP_MOST) {
        return units;
    }
    uint32_t lowest = UINT32_C(1) << (highest - STEP_MOST);
    return units <= UINT32_MAX - (lowest - 1) ? (units + lowest - 1) & ~(lowest - 1) : UINT32_MAX;
}

/* Marks what follows the first piece of a block of exact size. */
static void set_row(const marks *m, uint32_t offset, uint32_t units)
{
    uint32_t order = word_highest(units);
    uint32_t rest = units - (UINT32_C(1) << order);
    while (rest >= GROUP_UNITS) {
        offset += UINT32_C(1) << order;
        uint32_t next = word_highest(rest);
        store(m, offset >> MARKS_GROUP_ORDER, (order - 1 - next) << STEP_SHIFT | PIECE);
        order = next;
        rest -= UINT32_C(1) << order;
    }
    if (rest != 0) {
        offset += UINT32_C(1) << order;
        atomic_fetch_or_explicit(&m->groups[offset >> MARKS_GROUP_ORDER],
                                 (uint8_t)fill_units(MARK_GOES_ON, 0, rest), memory_order_relaxed);
    }
}

void marks_set_exact(const marks *m, uint32_t offset, uint32_t units)
{
    if (units < GROUP_UNITS) {
        marks_set_small(m, offset, units);
        return;
    }
    uint32_t order = word_highest(units);
    bool goes_on = units != UINT32_C(1) << order;
    if (goes_on) {
        set_row(m, offset, units);
    }
    /* release, pairs with the acquire in clear_first: whoever frees it finds the whole row, even a
     * thread that frees by mistake a block that was here before */
    atomic_store_explicit(&m->groups[offset >> MARKS_GROUP_ORDER],
                          (uint8_t)(marks_large(order) | (goes_on ? MARK_EXACT : 0)),
                          memory_order_release);
}

/* ---- reading ---- */

/* The units of the block of exact size whose first piece, of `order`, lies at `offset`. */
static uint32_t row_units(const marks *m, uint32_t offset, uint32_t order)
{
    uint32_t at = offset + (UINT32_C(1) << order);
    while (at < m->units) {
        uint32_t byte = load(m, at >> MARKS_GROUP_ORDER);
        if (!is_piece(byte)) {
            at += count_on(byte, 0);
            break;
        }
        at += UINT32_C(1) << piece_order(byte, at);
    }
    return at - offset;
}

/* What the byte of `offset` says about the block that starts there, as far as a byte can. */
static buddy_heap_status read_byte(const marks *m, uint32_t byte, uint32_t offset, uint32_t *units)
{
    uint32_t place = offset % GROUP_UNITS;
    if (is_large(byte)) {
        if (place != 0) {
            return BUDDY_HEAP_INTERIOR;
        }
        *units = UINT32_C(1) << large_order(byte);
        if ((byte & MARK_EXACT) != 0) {
            *units = row_units(m, offset, large_order(byte));
        }
        return BUDDY_HEAP_OK;
    }
    if (is_piece(byte)) {
        return BUDDY_HEAP_INTERIOR;
    }
    switch (unit_of(byte, place)) {
    case MARK_START:
        *units = 1 + count_on(byte, place + 1);
        return BUDDY_HEAP_OK;
    case MARK_GOES_ON:
        return BUDDY_HEAP_INTERIOR;
    default:
        return BUDDY_HEAP_DOUBLE_FREE;
    }
}

/* Whether a large block or piece that starts before `offset` holds it: looks at each place where
 * one could start. */
static bool inside_large(const marks *m, uint32_t offset)
{
    for (uint32_t order = MARKS_GROUP_ORDER; order <= m->max_order; order++) {
        uint32_t start = offset >> order << order;
        uint32_t byte = load(m, start >> MARKS_GROUP_ORDER);
        if ((is_large(byte) && large_order(byte) >= order) ||
            (is_piece(byte) && piece_order(byte, start) >= order)) {
            return true;
        }
    }
    return false;
}

/* A unit that its own byte does not call live: inside a large block, or not live at all. */
static buddy_heap_status not_in_byte(const marks *m, uint32_t offset)
{
    return inside_large(m, offset) ? BUDDY_HEAP_INTERIOR : BUDDY_HEAP_DOUBLE_FREE;
}

buddy_heap_status marks_read(const marks *m, uint32_t offset, uint32_t *units)
{
    buddy_heap_status status = read_byte(m, load(m, offset >> MARKS_GROUP_ORDER), offset, units);
    return status == BUDDY_HEAP_DOUBLE_FREE ? not_in_byte(m, offset) : status;
}

/* ---- clearing ---- */

/* Clears what follows the first piece of a block of exact size, which is ours. */
static void clear_row(const marks *m, uint32_t offset, uint32_t units)
{
    uint32_t at = offset + (UINT32_C(1) << word_highest(units)), end = offset + units;
    while (end - at >= GROUP_UNITS) {
        uint32_t size = UINT32_C(1) << word_highest(end - at);
        store(m, at >> MARKS_GROUP_ORDER, 0);
        at += size;
    }
    if (at < end) {
        atomic_fetch_and_explicit(&m->groups[at >> MARKS_GROUP_ORDER],
                                  (uint8_t)~fill_units(3, 0, end - at), memory_order_relaxed);
    }
}

/* Changes the first byte of a live block to what it says without it. False: it has changed. */
static bool clear_first(const marks *m, uint32_t offset, uint32_t units, bool alone, uint8_t byte)
{
    _Atomic uint8_t *group = &m->groups[offset >> MARKS_GROUP_ORDER];
    if (alone && is_large(byte)) {
        atomic_store_explicit(group, 0, memory_order_relaxed);
        return true;
    }
    uint32_t after = is_large(byte) ? 0 : byte & ~fill_units(3, offset % GROUP_UNITS, units);
    /* acquire, pairs with the release in marks_set_exact */
    return atomic_compare_exchange_strong_explicit(group, &byte, (uint8_t)after,
                                                   memory_order_acquire, memory_order_relaxed);
}

buddy_heap_status marks_clear(const marks *m, uint32_t offset, uint32_t expected, bool alone,
                              uint32_t *units)
{
    uint8_t byte;
    do {
        byte = load(m, offset >> MARKS_GROUP_ORDER);
        buddy_heap_status status = read_byte(m, byte, offset, units);
        if (status != BUDDY_HEAP_OK) {
            return status == BUDDY_HEAP_DOUBLE_FREE ? not_in_byte(m, offset) : status;
        }
        if (expected != MARKS_ANY_UNITS && expected != *units) {
            return BUDDY_HEAP_WRONG_SIZE;
        }
    } while (!clear_first(m, offset, *units, alone, byte));
    if (is_large(byte) && (byte & MARK_EXACT) != 0) {
        /* Again, now that it is ours: the block that we looked at may have been freed meanwhile,
         * and one of another size begin with the same byte. */
        *units = row_units(m, offset, large_order(byte));
        clear_row(m, offset, *units);
    }
    return BUDDY_HEAP_OK;
}

/* ---- check; others are at rest ---- */

bool marks_all_dead(const marks *m, buddy_block block)
{
    uint32_t end = block.offset + (UINT32_C(1) << block.order);
    for (uint32_t at = block.offset; at < end;) {
        uint32_t unused;
        if (marks_read(m, at, &unused) != BUDDY_HEAP_DOUBLE_FREE) {
            return false;
        }
        at++;
        while (at < end && at % GROUP_UNITS == 0 && load(m, at >> MARKS_GROUP_ORDER) == 0) {
            at += GROUP_UNITS; /* nothing starts here, and nothing large began before */
        }
    }
    return true;
}

/* Whether all bytes of [from, to) that are wholly inside are 0. */
static bool all_zero(const marks *m, uint32_t from, uint32_t to)
{
    for (uint32_t at = from; at + GROUP_UNITS <= to; at += GROUP_UNITS) {
        if (load(m, at >> MARKS_GROUP_ORDER) != 0) {
            return false;
        }
    }
    return true;
}

/* Checks the large block that starts at `offset` and moves past its pieces. */
static const char *check_large(const marks *m, uint32_t *at)
{
    uint32_t first = load(m, *at >> MARKS_GROUP_ORDER), order = large_order(first);
    bool exact = (first & MARK_EXACT) != 0;
    if (order < MARKS_GROUP_ORDER || order > m->max_order || *at % (UINT32_C(1) << order) != 0 ||
        UINT32_C(1) << order > m->units - *at) {
        return "a large block has an impossible size or place";
    }
    uint32_t next = *at + (UINT32_C(1) << order);
    for (;;) {
        if (!all_zero(m, *at + GROUP_UNITS, next)) {
            return "a block lies inside a large one";
        }
        *at = next;
        uint32_t byte = exact && next < m->units ? load(m, next >> MARKS_GROUP_ORDER) : 0;
        if (!is_piece(byte)) {
            return NULL; /* units that go on are checked with the byte they are in */
        }
        if ((byte >> STEP_SHIFT) + 1 + MARKS_GROUP_ORDER > word_lowest(next)) {
            return "a piece of a block has an impossible size";
        }
        next += UINT32_C(1) << piece_order(byte, next);
        if (next > m->units) {
            return "a piece of a block has an impossible size";
        }
    }
}

/* Checks a byte of small blocks; `on`: a block of exact size may go on into it. */
static const char *check_small(uint32_t byte, bool on, uint32_t units_left, uint64_t *live)
{
    uint32_t place = count_on(byte, 0);
    *live += place;
    if (place != 0 && (!on || place == GROUP_UNITS)) {
        return "a live unit belongs to no block";
    }
    while (place < GROUP_UNITS) {
        uint32_t state = unit_of(byte, place), units = 1;
        if (state == MARK_LARGE || state == MARK_GOES_ON) {
            return "a byte of marks makes no sense";
        }
        if (state == MARK_START) {
            units += count_on(byte, place + 1);
            if (units != 1 && place % (units == 2 ? 2 : GROUP_UNITS) != 0) {
                return "a small block is not aligned to its size";
            }
            *live += units;
        }
        place += units;
    }
    return units_left < GROUP_UNITS && byte >> UNIT_BITS * units_left != 0
               ? "a unit beyond the last one is live"
               : NULL;
}

const char *marks_check(const marks *m, uint64_t *live_units)
{
    bool on = false; /* a block of exact size may go on here */
    *live_units = 0;
    for (uint32_t at = 0; at < m->units;) {
        uint32_t byte = load(m, at >> MARKS_GROUP_ORDER), from = at;
        const char *fault = NULL;
        if (is_large(byte)) {
            fault = check_large(m, &at);
            *live_units += at - from;
            on = (byte & MARK_EXACT) != 0;
        } else {
            fault = check_small(byte, on, m->units - at, live_units);
            on = false;
            at += GROUP_UNITS < m->units - at ? GROUP_UNITS : m->units - at;
        }
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}
