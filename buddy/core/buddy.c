/* buddy.c: making a core, taking blocks and giving them back. Reading it without changing it is
 * inspect.c; reserve.c takes given units out of play.
 *
 *     take:  find a word with a free block  ->  clear its bits  ->  put back what is left over
 *     give:  set bits; pairs become one block of the next order, and on with those
 *
 * Every change of a bitmap is one read-modify-write of one word; what has been cleared belongs to
 * the thread that cleared it until it sets a bit somewhere. */
#include "buddy/buddy.h"

#include <assert.h>
#include <string.h>

#include "buddy/core/split.h"

/* ---- making a core ---- */

/* The order of the largest block that fits into `units`, which is not 0. */
static uint32_t largest_order(uint32_t units)
{
    return word_highest(units);
}

static bool desc_possible(const buddy_desc *desc)
{
    return desc->units != 0 && desc->units != UINT32_MAX &&
           desc->max_order <= largest_order(desc->units) && desc->start_units <= desc->units;
}

/* Fewer lanes for a small core: an atlas of 64 slots should not be mostly lanes, and its threads
 * meet in its one word anyway. */
static uint32_t lane_count(uint32_t units)
{
    return units < 4096 ? 2 : 16;
}

/* Where the parts lie, in bytes from the buddy. */
typedef struct parts {
    uint32_t max_order, lanes;
    size_t lanes_at, words_at, bytes;
} parts;

static size_t round_to_line(size_t bytes)
{
    return (bytes + CORE_LINE - 1) / CORE_LINE * CORE_LINE;
}

/* Words of all levels below the top one. */
static size_t words_below_top(uint32_t blocks)
{
    size_t sum = 0;
    for (size_t words = (blocks - 1) / WORD_BITS + (size_t)1; words > 1;
         words = (words - 1) / WORD_BITS + 1) {
        sum += words;
    }
    return sum;
}

static parts plan(const buddy_desc *desc)
{
    parts p = {.max_order = desc->max_order, .lanes = lane_count(desc->units)};
    if (p.max_order == 0) {
        p.max_order = largest_order(desc->units);
    }
    p.lanes_at = round_to_line(sizeof(buddy) + (p.max_order + 1) * sizeof(freeset));
    p.words_at = p.lanes_at + p.lanes * sizeof(core_lane);
    size_t words = p.max_order + 1;
    for (uint32_t order = 0; order <= p.max_order; order++) {
        words += words_below_top(desc->units >> order);
    }
    p.bytes = round_to_line(p.words_at + words * sizeof(uint64_t));
    return p;
}

size_t buddy_sizeof(const buddy_desc *desc)
{
    return desc_possible(desc) ? plan(desc).bytes : 0;
}

/* Words of an order's lowest level that are used while `units` are in play: a search looks at the
 * first one in any case. */
static size_t words_in_play(uint32_t units, uint32_t order)
{
    uint32_t blocks = units >> order;
    return units == 0 ? 0 : blocks == 0 ? 1 : (blocks - 1) / WORD_BITS + (size_t)1;
}

bool core_extents(const buddy_desc *desc, uint32_t from, uint32_t to,
                  bool (*visit)(void *context, core_extent extent), void *context)
{
    parts p = plan(desc);
    size_t at = p.words_at + (p.max_order + 1) * sizeof(uint64_t); /* up to the top words: always */
    bool good = visit(context, (core_extent){0, from != 0 ? at : 0, at});
    for (uint32_t order = 0; order <= p.max_order; order++) {
        size_t before = words_in_play(from, order), after = words_in_play(to, order);
        size_t words = ((desc->units >> order) - 1) / WORD_BITS + (size_t)1;
        for (; words > 1 && good; words = (words - 1) / WORD_BITS + 1) {
            good = visit(context, (core_extent){at, at + before * sizeof(uint64_t),
                                                at + after * sizeof(uint64_t)});
            at += words * sizeof(uint64_t);
            before = (before + WORD_BITS - 1) / WORD_BITS;
            after = (after + WORD_BITS - 1) / WORD_BITS;
        }
    }
    return good;
}

/* Says where the levels of each order's set begin. */
static void place_sets(buddy *b, size_t words_at)
{
    size_t top_at = words_at, next_at = words_at + (b->max_order + 1) * sizeof(uint64_t);
    for (uint32_t order = 0; order <= b->max_order; order++) {
        freeset *set = &b->sets[order];
        size_t here = offsetof(buddy, sets) + order * sizeof(freeset);
        set->blocks = b->units >> order;
        uint32_t words = freeset_words(set);
        for (; words > 1; words = (words - 1) / WORD_BITS + 1) {
            set->first[set->top++] = (uint32_t)((next_at - here) / sizeof(uint64_t));
            next_at += words * sizeof(uint64_t);
        }
        set->first[set->top] = (uint32_t)((top_at - here) / sizeof(uint64_t));
        top_at += sizeof(uint64_t);
    }
}

/* Marks the fewest aligned blocks that make up the first `units` units. */
static void fill(buddy *b, uint32_t units)
{
    core_sheet sheet = gate_sheet(b);
    split_put_range(b, &sheet, 0, units);
    core_write_sheet(&sheet);
}

buddy *buddy_init(void *at, size_t bytes, const buddy_desc *desc)
{
    if (at == NULL || (uintptr_t)at % CORE_LINE != 0 || !desc_possible(desc)) {
        return NULL;
    }
    parts p = plan(desc);
    if (bytes < p.bytes) {
        return NULL;
    }
    if (!desc->zeroed) {
        memset(at, 0, p.bytes); /* all bits zero is an atomic integer of value 0 on every target */
    }
    buddy *b = at;
    b->units = desc->units;
    b->max_order = p.max_order;
    b->lanes = p.lanes;
    b->lanes_at = (uint32_t)p.lanes_at;
    b->bytes = p.bytes;
    place_sets(b, p.words_at);
    uint32_t start = desc->start_units != 0 ? desc->start_units : desc->units;
    /* relaxed, both: the caller publishes the finished core */
    atomic_store_explicit(&b->reach, start, memory_order_relaxed);
    fill(b, start);
    atomic_store_explicit(&b->reserved, desc->units - start, memory_order_relaxed);
    return b;
}

/* ---- taking ---- */

/* A request for `count` blocks of `order`, and the room for their offsets. */
typedef struct request {
    uint32_t order, near, count;
    uint32_t *offsets;
} request;

/* Hands out `run` blocks from the block (offset, order), which is ours, as near to r->near as they
 * lie, and puts the rest back. */
static void carve(buddy *b, core_sheet *sheet, buddy_block block, const request *r, uint32_t run)
{
    uint32_t size = UINT32_C(1) << r->order;
    uint32_t last = block.offset + ((UINT32_C(1) << block.order) - run * size);
    uint32_t start = r->near < block.offset ? block.offset : r->near & ~(size - 1);
    start = start > last ? last : start;
    uint32_t *offsets = r->offsets; /* a copy: what is written could be the request, for all that
                                       the compiler knows */
    for (uint32_t i = 0; i < run; i++) {
        offsets[i] = start + i * size;
    }
    uint32_t rest = split_put_rest(b, sheet, block, start, start + run * size);
    sheet->splits += run + rest - 1;
}

/* Hands out the blocks that `mask` names in word `index`, which have the size asked for. */
static uint32_t hand_out_whole(uint32_t index, uint64_t mask, const request *r)
{
    uint32_t base = index * WORD_BITS, order = r->order, done = 0;
    uint32_t *offsets = r->offsets; /* as above */
    for (; mask != 0; mask &= mask - 1) {
        offsets[done++] = (base + word_lowest(mask)) << order;
    }
    return done;
}

/* Hands out the blocks of a higher `order` that `mask` names in word `index`, carved up. */
static uint32_t hand_out_carved(buddy *b, core_sheet *sheet, uint32_t order, uint32_t index,
                                uint64_t mask, const request *r)
{
    uint32_t done = 0, each = UINT32_C(1) << (order - r->order);
    for (; mask != 0; mask &= mask - 1) {
        uint32_t left = r->count - done;
        uint32_t run = left < each ? left : each;
        uint32_t offset = (index * WORD_BITS + word_lowest(mask)) << order;
        request part = {r->order, r->near, run, r->offsets + done};
        carve(b, sheet, (buddy_block){offset, order}, &part, run);
        done += run;
    }
    return done;
}

/* Takes what one word of `order` has for the request. Returns how many blocks of r->order, 0 when
 * `order` has nothing. */
static uint32_t take_at(buddy *b, core_sheet *sheet, uint32_t order, const request *r)
{
    const freeset *set = &b->sets[order];
    uint32_t wanted = ((r->count - 1) >> (order - r->order)) + 1;
    uint32_t place = r->near >> order;
    place = place < core_blocks(b, order) ? place : 0; /* nothing is there: from the beginning */
    for (;;) {
        uint32_t index = freeset_find(set, place / WORD_BITS);
        if (index == FREESET_NONE) {
            return 0;
        }
        uint32_t bit = index == place / WORD_BITS ? place % WORD_BITS : 0;
        word_change change = word_take(freeset_word(set, 0, index), bit, wanted);
        sheet->failed_cas += change.retries;
        uint64_t mask = change.before & ~change.after;
        if (mask == 0) {
            continue; /* somebody else took the last one: they got on, we look again */
        }
        if (word_crossed(change)) {
            freeset_settle(set, index);
        }
        core_count(sheet, order, -(int32_t)word_count(mask));
        return order == r->order ? hand_out_whole(index, mask, r)
                                 : hand_out_carved(b, sheet, order, index, mask, r);
    }
}

/* Takes some of the request's blocks, best fit first: the lowest order that has something. */
static uint32_t take_some(buddy *b, core_sheet *sheet, const request *r)
{
    for (uint32_t order = r->order; order <= b->max_order; order++) {
        if (!freeset_empty(&b->sets[order])) {
            uint32_t taken = take_at(b, sheet, order, r);
            if (taken != 0) {
                return taken;
            }
        }
    }
    return 0;
}

static uint32_t take_one(buddy *b, core_sheet *sheet, uint32_t order, uint32_t near)
{
    uint32_t offset;
    request r = {order, near, 1, &offset};
    return take_some(b, sheet, &r) != 0 ? offset : BUDDY_NONE;
}

/* As take_one, of which only the first `units` units are kept. */
static uint32_t take_cut(buddy *b, core_sheet *sheet, uint32_t order, uint32_t units, uint32_t near)
{
    uint32_t offset = take_one(b, sheet, order, near);
    if (offset != BUDDY_NONE) {
        /* Of every piece that is put back the buddy is ours, or a part of it. */
        sheet->splits += split_put_range(b, sheet, offset + units, offset + (UINT32_C(1) << order));
    }
    return offset;
}

uint32_t core_try_cut(buddy *b, uint32_t order, uint32_t units, uint32_t near)
{
    core_sheet sheet = gate_enter(b);
    uint32_t offset = take_cut(b, &sheet, order, units, near);
    gate_leave(&sheet);
    return offset;
}

uint32_t core_alloc_cut(buddy *b, uint32_t order, uint32_t units, uint32_t near)
{
    core_sheet sheet = gate_close(b); /* as in buddy_alloc */
    uint32_t offset = take_cut(b, &sheet, order, units, near);
    gate_open(b, &sheet);
    return offset;
}

uint32_t buddy_try(buddy *b, uint32_t order, uint32_t near)
{
    core_sheet sheet = gate_enter(b);
    uint32_t offset = take_one(b, &sheet, order, near);
    gate_leave(&sheet);
    return offset;
}

bool buddy_try_at(buddy *b, uint32_t offset, uint32_t order)
{
    if (order > b->max_order || offset % (UINT32_C(1) << order) != 0 ||
        offset >> order >= core_blocks(b, order)) {
        return false;
    }
    core_sheet sheet = gate_enter(b);
    bool done = split_take_at(b, &sheet, offset, order);
    gate_leave(&sheet);
    return done;
}

/* Whether (offset, order) has a buddy above it, which it merges with. */
static bool has_upper_buddy(const buddy *b, uint32_t offset, uint32_t order)
{
    return order < b->max_order && (offset >> order & 1) == 0 &&
           (offset >> order) + 1 < core_blocks(b, order);
}

bool core_try_extend(buddy *b, uint32_t offset, uint32_t order, uint32_t to)
{
    core_sheet sheet = gate_enter(b);
    uint32_t at = order;
    while (at < to && has_upper_buddy(b, offset, at) &&
           split_take_at(b, &sheet, offset + (UINT32_C(1) << at), at)) {
        at++;
    }
    bool done = at == to;
    while (!done && at-- > order) {
        split_give(b, &sheet, at, offset + (UINT32_C(1) << at));
    }
    gate_leave(&sheet);
    return done;
}

uint32_t buddy_alloc(buddy *b, uint32_t order, uint32_t near)
{
    uint32_t offset = buddy_try(b, order, near);
    if (offset == BUDDY_NONE && order <= b->max_order) {
        core_sheet sheet = gate_close(b); /* nobody inside: bitmaps and summaries tell the truth */
        offset = take_one(b, &sheet, order, near);
        gate_open(b, &sheet);
    }
    return offset;
}

uint32_t buddy_try_bulk(buddy *b, uint32_t order, uint32_t near, uint32_t count, uint32_t offsets[])
{
    uint32_t done = 0;
    core_sheet sheet = gate_enter(b);
    while (done < count) {
        request r = {order, near, count - done, offsets + done};
        uint32_t taken = take_some(b, &sheet, &r);
        if (taken == 0) {
            break;
        }
        done += taken;
    }
    gate_leave(&sheet);
    return done;
}

/* ---- giving back ---- */

static void assert_block(const buddy *b, uint32_t offset, uint32_t order)
{
    assert(order <= b->max_order);
    assert(offset % (UINT32_C(1) << order) == 0);
    assert(offset >> order < b->sets[order].blocks);
    (void)b, (void)offset, (void)order; /* for builds without asserts */
}

void buddy_free(buddy *b, uint32_t offset, uint32_t order)
{
    assert_block(b, offset, order);
    core_sheet sheet = gate_enter(b);
    split_give(b, &sheet, order, offset);
    gate_leave(&sheet);
}

void buddy_free_bulk(buddy *b, uint32_t order, uint32_t count, const uint32_t offsets[])
{
    core_sheet sheet = gate_enter(b);
    for (uint32_t i = 0; i < count;) {
        uint32_t index = (offsets[i] >> order) / WORD_BITS;
        uint64_t mask = 0;
        for (; i < count && (offsets[i] >> order) / WORD_BITS == index; i++) {
            assert_block(b, offsets[i], order);
            uint64_t bit = UINT64_C(1) << (offsets[i] >> order) % WORD_BITS;
            assert((mask & bit) == 0);
            mask |= bit;
        }
        split_give_mask(b, &sheet, order, index, mask);
    }
    gate_leave(&sheet);
}

/* ---- gathering ---- */

uint32_t buddy_gather_units(uint32_t units)
{
    uint32_t rest = units;
    uint32_t lowest = 0; /* of the digits kept */
    for (uint32_t kept = 0; kept < BUDDY_PIECES && rest != 0; kept++) {
        lowest = UINT32_C(1) << word_highest(rest);
        rest -= lowest;
    }
    if (rest == 0) {
        return units;
    }
    /* Adding the lowest kept digit carries, so the number of digits does not grow. What is lost is
     * less than that digit, and the sum at least 15 times it plus what is lost: <= 1/16. */
    uint32_t kept = units - rest;
    return kept <= UINT32_MAX - lowest ? kept + lowest : UINT32_MAX;
}

/* Pieces that make up a request. */
typedef struct gathering {
    uint32_t wanted[BUDDY_ORDERS]; /* how many of each order are still to be taken */
    uint32_t total, taken;         /* pieces: in the end, and so far */
    buddy_block *pieces;           /* BUDDY_PIECES of them */
} gathering;

/* Takes the pieces that are wanted, splitting those that are not to be had as long as there are no
 * more than BUDDY_PIECES. False: these are not all. */
static bool take_pieces(buddy *b, core_sheet *sheet, uint32_t near, gathering *g)
{
    for (uint32_t order = BUDDY_ORDERS; order-- > 0;) {
        for (; g->wanted[order] != 0; g->wanted[order]--) {
            uint32_t offset = take_one(b, sheet, order, near);
            if (offset != BUDDY_NONE) {
                g->pieces[g->taken++] = (buddy_block){offset, order};
            } else if (order > 0 && g->total < BUDDY_PIECES) {
                g->wanted[order - 1] += 2;
                g->total++;
            } else {
                return false;
            }
        }
    }
    return true;
}

/* Takes `units` units in pieces, or nothing. Inside the gate, or with it closed. */
static uint32_t gather(buddy *b, core_sheet *sheet, uint32_t units, uint32_t near,
                       buddy_block pieces[BUDDY_PIECES])
{
    uint32_t rounded = buddy_gather_units(units);
    gathering g = {.total = word_count(rounded), .pieces = pieces};
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
        g.wanted[order] = rounded >> order & 1;
    }
    if (!take_pieces(b, sheet, near, &g)) {
        for (; g.taken > 0; g.taken--) {
            split_give(b, sheet, pieces[g.taken - 1].order, pieces[g.taken - 1].offset);
        }
    }
    return g.taken;
}

uint32_t buddy_gather(buddy *b, uint32_t units, uint32_t near, buddy_block pieces[BUDDY_PIECES])
{
    if (buddy_gather_units(units) > b->units) {
        return 0;
    }
    core_sheet sheet = gate_enter(b);
    uint32_t count = gather(b, &sheet, units, near, pieces);
    gate_leave(&sheet);
    return count;
}

uint32_t core_gather_alone(buddy *b, uint32_t units, uint32_t near,
                           buddy_block pieces[BUDDY_PIECES])
{
    if (buddy_gather_units(units) > b->units) {
        return 0;
    }
    core_sheet sheet = gate_close(b); /* as in buddy_alloc */
    uint32_t count = gather(b, &sheet, units, near, pieces);
    gate_open(b, &sheet);
    return count;
}
