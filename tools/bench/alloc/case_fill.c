/* case_fill.c: an empty arena is filled to its last block.
 *
 * fill-64, fill-4k, fill-64k: the threads take blocks of that size until they are refused; who has
 * no arena, until there are as many blocks as the arena would hold. The arena has the bytes of
 * --arena, for 64-byte blocks a quarter of that.
 *
 * ns_per_op: an untouched arena of a fresh process, nothing is written into the blocks, one pass.
 * Then the blocks are given back, all are taken again and their first 8 bytes written, which is not
 * timed, and given back. ns_per_op_touched: then that pass again, timed, up to 8 times until the
 * limit, giving back not timed. An operation is one block taken. blocks: how many there were in the
 * pass that had fewest. */
#include <stdatomic.h>

#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"

#define BATCH         64u /* places of the common array that a thread claims at a time */
#define PASSES        8u  /* timed, of the touched kind */
#define ARENA_DIVISOR 4u  /* for 64-byte blocks, of which there are many */

typedef struct fill_seat {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    uint64_t blocks; /* taken in this pass */
} fill_seat;

typedef struct filling {
    trial *t;
    size_t block_bytes;
    uint64_t most;   /* blocks that the arena holds */
    uint64_t places; /* most, and for each thread a batch that it may not finish */
    uint64_t **blocks;
    fill_seat *seats;
    _Alignas(TEAM_LINE) _Atomic uint64_t next; /* place that nobody has claimed yet */
    /* seat 0 writes while the others wait */
    _Alignas(TEAM_LINE) uint64_t wall_ns;
    uint64_t operations, least;
    bool over;
} filling;

/* Claims a batch: [*begin, *end). False when there are no more. */
static bool claim(filling *f, uint64_t limit, uint64_t *begin, uint64_t *end)
{
    /* relaxed: a counter; the meetings order what is in the places */
    *begin = atomic_fetch_add_explicit(&f->next, BATCH, memory_order_relaxed);
    *end = *begin + BATCH < limit ? *begin + BATCH : limit;
    return *begin < limit;
}

/* Fills a batch. False when a block was refused. */
static bool take_batch(filling *f, fill_seat *s, uint64_t begin, uint64_t end, bool touch)
{
    const subject_ops *ops = f->t->opened.ops;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t *block = ops->alloc(s->self, f->block_bytes);
        if (block == NULL) {
            return false;
        }
        if (touch) {
            block[0] = i;
        }
        f->blocks[i] = block;
        s->blocks++;
    }
    return true;
}

static void take_all(filling *f, fill_seat *s, bool touch)
{
    uint64_t begin, end, limit = f->t->who->bounded ? f->places : f->most;
    s->blocks = 0;
    s->span.begin_ns = clock_ns();
    while (claim(f, limit, &begin, &end) && take_batch(f, s, begin, end, touch)) {
    }
    s->span.end_ns = clock_ns();
}

static void give_all(filling *f, fill_seat *s)
{
    const subject_ops *ops = f->t->opened.ops;
    uint64_t begin, end;
    while (claim(f, f->places, &begin, &end)) {
        for (uint64_t i = begin; i < end; i++) {
            if (f->blocks[i] != NULL) {
                ops->release(s->self, f->blocks[i], f->block_bytes);
                f->blocks[i] = NULL;
            }
        }
    }
}

/* Seat 0: starts the claiming over. */
static void rewind_places(filling *f, uint32_t seat)
{
    if (seat == 0) {
        atomic_store_explicit(&f->next, 0, memory_order_relaxed); /* the meetings order it */
    }
}

/* Seat 0, when all have taken what there was: counts the pass. */
static void count_pass(filling *f)
{
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < f->t->spec.threads; i++) {
        blocks += f->seats[i].blocks;
    }
    f->wall_ns += team_wall_ns(&f->seats[0].span, f->t->spec.threads, sizeof(fill_seat));
    f->operations += blocks;
    f->least = blocks < f->least ? blocks : f->least;
}

static void pass(filling *f, team *t, uint32_t seat, bool touch)
{
    fill_seat *s = &f->seats[seat];
    rewind_places(f, seat);
    team_meet(t);
    take_all(f, s, touch);
    team_meet(t);
    if (seat == 0) {
        count_pass(f);
    }
    rewind_places(f, seat);
    team_meet(t);
    give_all(f, s);
    team_meet(t);
}

/* Seat 0, after a pass: puts what was counted, and begins to count anew. */
static void put(filling *f, uint32_t seat, const char *metric)
{
    if (seat == 0) {
        if (metric != NULL) {
            trial_put_rate(f->t, metric, f->wall_ns, f->operations);
        }
        f->wall_ns = f->operations = 0;
    }
}

static void work(team *t, uint32_t seat, void *context)
{
    filling *f = context;
    f->seats[seat].self = subject_enter(&f->t->opened, seat);
    pass(f, t, seat, false);
    put(f, seat, "ns_per_op");
    pass(f, t, seat, true);
    put(f, seat, NULL);
    for (uint32_t i = 0; i < PASSES && !f->over; i++) {
        pass(f, t, seat, true);
        if (seat == 0) {
            f->over = f->wall_ns > f->t->limit_ns;
        }
        team_meet(t); /* all have seen the same `over` */
    }
    put(f, seat, "ns_per_op_touched");
}

static void run(trial *t, size_t block_bytes, uint64_t arena_bytes)
{
    uint32_t threads = t->spec.threads;
    filling *f = memory_touched(sizeof *f);
    f->t = t;
    f->block_bytes = block_bytes;
    f->most = f->least = arena_bytes / block_bytes;
    f->places = f->most + (uint64_t)threads * BATCH;
    f->blocks = memory_touched(f->places * sizeof *f->blocks);
    f->seats = memory_touched(threads * sizeof(fill_seat));
    trial_open(t,
               (subject_setup){.arena_bytes = arena_bytes, .unit_bytes = (uint32_t)f->block_bytes});
    team_run(threads, work, f);
    trial_put(t, "blocks", "count", (double)f->least);
    trial_put(t, "blocks_most", "count", (double)f->most);
}

void case_fill_64(trial *t)
{
    run(t, 64, t->spec.arena_bytes / ARENA_DIVISOR);
}

void case_fill_4k(trial *t)
{
    run(t, 4096, t->spec.arena_bytes);
}

void case_fill_64k(trial *t)
{
    run(t, 65536, t->spec.arena_bytes);
}
