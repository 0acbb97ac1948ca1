/* snapshot/restore.c: from marks in a file to a heap in which just those blocks are live.
 *
 * Marks of strangers are not copied. Every block that they name is marked again, as if it had just
 * been handed out, after a look at its place and size; in the end both must be the same, byte for
 * byte. So there is no way of writing marks that this file takes and heap/marks.c does not know. */
#include <assert.h>
#include <string.h>

#include "buddy/core/core.h"
#include "buddy/magazine/count.h"
#include "buddy/snapshot/private.h"

#define BATCH 64u /* blocks given to the core at a time: those in one word go together */

_Static_assert(sizeof(_Atomic uint8_t) == 1, "marks are compared as bytes");

typedef struct restoring {
    buddy_heap *h;
    snapshot *s;
    bool read_only;
    uint32_t at;   /* where the last live block ended */
    uint64_t part; /* all below it have been seen to */
    uint64_t live_units;
    uint32_t live_blocks;
    /* blocks of each order that are to be freed; ascending, so that they go word by word */
    uint32_t counts[BUDDY_ORDERS];
    uint32_t batches[BUDDY_ORDERS][BATCH];
} restoring;

/* Empties the core: every unit in play is taken, in the blocks that it was made of. */
static void take_all(buddy_heap *h, uint32_t in_play)
{
    for (uint32_t at = 0; at < in_play;) {
        uint32_t order = core_piece(at, in_play, h->marks.max_order);
        bool taken = buddy_try_at(h->core, at, order);
        assert(taken); /* the heap is new */
        (void)taken;
        at += UINT32_C(1) << order;
    }
}

/* Gives the core what has been gathered of an order. */
static void free_batch(restoring *r, uint32_t order)
{
    buddy_free_bulk(r->h->core, order, r->counts[order], r->batches[order]);
    r->counts[order] = 0;
}

/* Frees what lies between two live blocks, soon. */
static void free_range(restoring *r, uint32_t from, uint32_t to)
{
    while (!r->read_only && from < to) {
        uint32_t order = core_piece(from, to, r->h->marks.max_order);
        r->batches[order][r->counts[order]++] = from;
        if (r->counts[order] == BATCH) {
            free_batch(r, order);
        }
        from += UINT32_C(1) << order;
    }
}

/* Frees what is left to be freed. */
static void free_batches(restoring *r)
{
    for (uint32_t order = 0; order <= r->h->marks.max_order; order++) {
        if (r->counts[order] != 0) {
            free_batch(r, order);
        }
    }
}

/* The parts that a block touches are to be verified. */
static void expect_parts(restoring *r, uint32_t offset, uint32_t units)
{
    uint32_t shift = r->h->unit_shift;
    uint64_t part = snapshot_part((uint64_t)offset << shift);
    uint64_t last = snapshot_part(((uint64_t)(offset + units) << shift) - 1);
    for (part = part > r->part ? part : r->part; part <= last; part++) {
        atomic_fetch_or_explicit(&r->s->pending[part / WORD_BITS], UINT64_C(1) << part % WORD_BITS,
                                 memory_order_relaxed);
    }
    r->part = part;
}

static bool restore_block(void *context, uint32_t offset, uint32_t units)
{
    restoring *r = context;
    if (!snapshot_is_possible(offset, units)) {
        return false;
    }
    free_range(r, r->at, offset);
    marks_set_exact(&r->h->marks, offset, units);
    expect_parts(r, offset, units);
    r->at = offset + units;
    r->live_units += units;
    r->live_blocks++;
    return true;
}

/* Whether the marks of the new heap, which nobody else knows yet, are what was read. */
static bool same_marks(const buddy_heap *h, const unsigned char *stored, uint64_t bytes)
{
    return bytes == 0 ||
           memcmp((const void *)(uintptr_t)h->marks.groups, stored, (size_t)bytes) == 0;
}

buddy_snapshot_status snapshot_restore(buddy_heap *h, snapshot *s, unsigned char *stored,
                                       bool read_only)
{
    const format_header *header = &s->header;
    marks view = {(_Atomic uint8_t *)stored, header->used, h->marks.max_order};
    restoring r = {.h = h, .s = s, .read_only = read_only};
    uint64_t live;
    if (header->used != 0 && marks_check(&view, &live) != NULL) {
        return BUDDY_SNAPSHOT_MARKS;
    }
    take_all(h, header->in_play);
    if (!snapshot_walk(&view, restore_block, &r) || r.at != header->used ||
        r.live_units != header->live_units || r.live_blocks != header->live_blocks ||
        !same_marks(h, stored, s->layout.marks_bytes)) {
        return BUDDY_SNAPSHOT_MARKS;
    }
    free_range(&r, r.at, header->in_play);
    free_batches(&r);
    magazine_count_taken(h->stocks, r.live_units);
    return BUDDY_SNAPSHOT_OK;
}
