#include "tools/alloctest/alloc_worker.h"

#include "tools/base/clock.h"
#include "tools/bench/measure/draw.h"

#define GOAL_STEPS  2000u /* steps after which a worker wants to hold more or less than before */
#define TIMED_EVERY 16u   /* reading the clock costs as much as the call */

/* A number below limit, which is not 0. */
static size_t below(alloc_worker *w, size_t limit)
{
    return (size_t)(draw_next(&w->random) % limit);
}

static bool is_timed(const alloc_worker *w)
{
    return (w->allocs + w->frees) % TIMED_EVERY == 0;
}

static void add_time(alloc_worker *w, uint64_t begin_ns)
{
    w->timed_ns += clock_ns() - begin_ns;
    w->timed++;
}

static void fail(alloc_worker *w, const char *fault)
{
    w->fault = w->fault != NULL ? w->fault : fault;
}

static void count_operation(alloc_worker *w)
{
    /* relaxed: a figure, and nobody else writes it */
    atomic_fetch_add_explicit(&w->operations, 1, memory_order_relaxed);
}

/* ---- marks in the blocks ---- */

/* Units of a block; each carries one word, at its beginning. */
static size_t marked_units(const alloc_worker *w, const alloc_block *b)
{
    return w->ops->usable(w->self, b->start, b->bytes) / ALLOC_UNIT_BYTES;
}

static uint64_t *unit_word(const alloc_block *b, size_t unit)
{
    return (uint64_t *)(void *)(b->start + unit * ALLOC_UNIT_BYTES);
}

static void mark(alloc_worker *w, const alloc_block *b)
{
    for (size_t i = 0, units = marked_units(w, b); i < units; i++) {
        *unit_word(b, i) = b->mark + i;
    }
}

static void check_marks(alloc_worker *w, const alloc_block *b)
{
    for (size_t i = 0, units = marked_units(w, b); i < units; i++) {
        if (*unit_word(b, i) != b->mark + i) {
            fail(w, "a block's bytes were changed by somebody else");
            return;
        }
    }
}

/* ---- taking ---- */

/* Sizes are spread evenly over the powers of two; now and then there is one of up to a quarter of
 * the worker's share, seldom, since marking it takes as long as a thousand small ones. */
static size_t random_size(alloc_worker *w)
{
    size_t most = w->share_bytes / (below(w, 256) == 0 ? 4 : 2048) + 1;
    uint32_t bits = 0;
    while (most >> bits > 1) {
        bits++;
    }
    size_t size = 1 + below(w, (size_t)1 << below(w, bits + 1));
    return size < most ? size : most;
}

/* Only a heap has all the functions; the schemes of the literature check nothing. */
static bool is_heap(const alloc_worker *w)
{
    return w->ops->give != NULL;
}

/* Takes a block through one of the doors. *alignment: what the block must be aligned to. */
static void *take(alloc_worker *w, size_t bytes, size_t *alignment)
{
    switch (is_heap(w) ? below(w, 8) : 7) {
    case 0:
        return w->ops->attempt(w->self, bytes);
    case 1:
        *alignment = (size_t)1 << below(w, 13); /* up to a page */
        return w->ops->aligned(w->self, *alignment, bytes);
    case 2:
        return w->ops->near(w->self, bytes,
                            w->live_count > 0 ? w->live[below(w, w->live_count)].start : NULL);
    case 3:
        return w->ops->exact(w->self, bytes);
    default:
        return w->ops->alloc(w->self, bytes);
    }
}

static void take_one(alloc_worker *w)
{
    alloc_block b = {.bytes = random_size(w), .mark = draw_next(&w->random)};
    size_t alignment = 1;
    bool timed = is_timed(w);
    uint64_t begin_ns = timed ? clock_ns() : 0;
    b.start = take(w, b.bytes, &alignment);
    if (timed) {
        add_time(w, begin_ns);
    }
    if (b.start == NULL) {
        w->refused++;
        w->goal_bytes = w->live_bytes / 2; /* the arena is full: make room */
        return;
    }
    if ((uintptr_t)b.start % alignment != 0) {
        fail(w, "a block is not aligned as asked for");
    }
    if (w->ops->usable(w->self, b.start, b.bytes) < b.bytes) {
        fail(w, "a block is smaller than asked for");
        return;
    }
    mark(w, &b);
    w->live[w->live_count++] = b;
    w->live_bytes += b.bytes;
    w->allocs++;
    count_operation(w);
}

/* ---- giving back ---- */

static void give_one(alloc_worker *w)
{
    uint32_t i = (uint32_t)below(w, w->live_count);
    alloc_block b = w->live[i];
    w->live[i] = w->live[--w->live_count];
    w->live_bytes -= b.bytes;
    check_marks(w, &b);
    const bool timed = is_timed(w), sized = !is_heap(w) || below(w, 2) == 0;
    uint64_t begin_ns = timed ? clock_ns() : 0;
    const bool given = sized ? w->ops->release(w->self, b.start, b.bytes)
                             : w->ops->give(w->self, b.start) == BUDDY_HEAP_OK;
    if (timed) {
        add_time(w, begin_ns);
    }
    if (!given) {
        fail(w, "a good pointer was not taken back");
    }
    w->frees++;
    count_operation(w);
}

/* Gives back what must be refused: beside the start of a block of ours, or no heap memory at all.
 * (Giving a block back twice is no test here: it may be another thread's by then.) */
static void give_wrongly(alloc_worker *w)
{
    const alloc_block *b = &w->live[below(w, w->live_count)];
    const size_t unit = ALLOC_UNIT_BYTES, usable = w->ops->usable(w->self, b->start, b->bytes);
    buddy_heap_status expected = BUDDY_HEAP_MISALIGNED;
    void *pointer = b->start + 1 + below(w, unit - 1);
    if (below(w, 3) == 0) {
        expected = BUDDY_HEAP_FOREIGN;
        pointer = w;
    } else if (usable > unit && below(w, 2) == 0) {
        expected = BUDDY_HEAP_INTERIOR;
        pointer = b->start + unit * (1 + below(w, usable / unit - 1));
    }
    w->wrong_frees++;
    if (w->ops->give(w->self, pointer) != expected) {
        fail(w, "a wrong pointer was not refused for the right reason");
    }
}

static void step(alloc_worker *w, uint64_t number)
{
    if (number % GOAL_STEPS == 0) {
        w->goal_bytes = below(w, w->share_bytes + 1);
    }
    if (w->live_bytes <= w->goal_bytes && w->live_count < ALLOC_WORKER_LIVE) {
        take_one(w);
    } else if (w->live_count > 0) {
        give_one(w);
    }
    if (is_heap(w) && w->live_count > 0 && below(w, 64) == 0) {
        give_wrongly(w);
    }
}

void alloc_worker_run(alloc_worker *w)
{
    /* relaxed: nothing is handed over with the flag */
    for (uint64_t i = 0; w->fault == NULL && !atomic_load_explicit(w->stop, memory_order_relaxed);
         i++) {
        step(w, i);
        if (below(w, 4) == 0 && w->live_count > 0) {
            give_one(w); /* come and go, not only up and down */
        }
    }
    while (w->live_count > 0) {
        give_one(w);
    }
}
