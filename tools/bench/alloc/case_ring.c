/* case_ring.c: what one thread takes another gives back.
 *
 * ring: the threads stand in a ring. Each takes blocks of 64 B to 4 KiB, log-uniform, writes their
 * first 8 bytes and passes them on through a queue of 256 to the next, which gives them back; one
 * thread alone passes them to itself. A thread takes until the queue before it is full, then gives
 * back until the one behind it is empty, and so on; when it can do neither it yields. Up to 1
 * million blocks a thread, and 2 million of all, after a tenth as many that are not counted. An
 * operation is one block taken or one given back. */
#include <sched.h>
#include <stdatomic.h>

#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"

#define PLACES      256u /* a power of two */
#define BLOCKS      UINT64_C(1000000)
#define CLOCK_EVERY 8u /* fillings of the queue between looks at the clock */

typedef struct passed {
    uint64_t *block;
    size_t bytes;
} passed;

/* One thread puts, one takes out. put - got blocks are in it, at most PLACES. */
typedef struct queue {
    _Alignas(TEAM_LINE) _Atomic uint64_t put;
    _Atomic bool closed; /* nothing more will be put */
    _Alignas(TEAM_LINE) _Atomic uint64_t got;
    _Alignas(TEAM_LINE) passed places[PLACES];
} queue;

typedef struct ring_seat {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    queue *before, *behind; /* this thread puts into `before` and takes out of `behind` */
    uint64_t random;
    uint64_t taken, given, bytes, refused; /* since reset */
} ring_seat;

typedef struct ring {
    trial *t;
    draw_sizes sizes;
    ring_seat *seats;
    queue *queues; /* queue i leads from seat i to seat i + 1 */
} ring;

static bool take(const ring *r, ring_seat *s, passed *place)
{
    uint64_t random = draw_next(&s->random);
    place->bytes = draw_size(&r->sizes, random);
    place->block = r->t->opened.ops->alloc(s->self, place->bytes);
    if (place->block == NULL) {
        s->refused++;
        return false;
    }
    place->block[0] = random;
    s->bytes += place->bytes;
    s->taken++;
    return true;
}

/* Takes up to `most` blocks, as many as have room. Returns whether there were any. */
static bool take_until_full(const ring *r, ring_seat *s, uint64_t most)
{
    queue *q = s->before;
    uint64_t put = atomic_load_explicit(&q->put, memory_order_relaxed); /* our own */
    /* acquire: the places up to there have been read */
    uint64_t room = PLACES - (put - atomic_load_explicit(&q->got, memory_order_acquire));
    uint64_t count = room < most ? room : most, i = 0;
    while (i < count && take(r, s, &q->places[put % PLACES])) {
        i++;
        /* release: the place and the block are written */
        atomic_store_explicit(&q->put, ++put, memory_order_release);
    }
    return i > 0;
}

/* Returns whether there was anything to give back. */
static bool give_until_empty(const ring *r, ring_seat *s)
{
    queue *q = s->behind;
    uint64_t got = atomic_load_explicit(&q->got, memory_order_relaxed); /* our own */
    /* acquire: see take_until_full */
    uint64_t put = atomic_load_explicit(&q->put, memory_order_acquire);
    bool any = got != put;
    for (; got != put; s->given++) {
        const passed *place = &q->places[got % PLACES];
        r->t->opened.ops->release(s->self, place->block, place->bytes);
        /* release: the place is read */
        atomic_store_explicit(&q->got, ++got, memory_order_release);
    }
    return any;
}

/* Takes `blocks` and gives back all that comes from behind. */
static void go_round(const ring *r, ring_seat *s, uint64_t blocks)
{
    bool taking = true, giving = true;
    s->taken = s->given = s->bytes = s->refused = 0;
    s->span.begin_ns = clock_ns();
    for (uint32_t turn = 1; taking || giving; turn++) {
        bool any = taking && take_until_full(r, s, blocks - s->taken);
        if (taking && (s->taken == blocks || (turn % CLOCK_EVERY == 0 &&
                                              clock_ns() - s->span.begin_ns > r->t->limit_ns))) {
            taking = false;
            /* release: after the last block; pairs with the load below */
            atomic_store_explicit(&s->before->closed, true, memory_order_release);
        }
        /* acquire, and read first: what was put before it closed is seen by the giving after it */
        bool closed = atomic_load_explicit(&s->behind->closed, memory_order_acquire);
        any = give_until_empty(r, s) || any;
        giving = !closed;
        if (!any) {
            sched_yield();
        }
    }
    s->span.end_ns = clock_ns();
}

static void work(team *t, uint32_t seat, void *context)
{
    ring *r = context;
    ring_seat *s = &r->seats[seat];
    uint64_t blocks = trial_operations(r->t, 2 * BLOCKS) / 2;
    s->self = subject_enter(&r->t->opened, seat);
    go_round(r, s, blocks / 10);
    team_meet(t);
    /* relaxed: the meetings order it */
    atomic_store_explicit(&s->before->closed, false, memory_order_relaxed);
    team_meet(t);
    go_round(r, s, blocks);
}

static ring *make_ring(trial *t)
{
    uint32_t threads = t->spec.threads;
    ring *r = memory_touched(sizeof *r);
    r->t = t;
    r->seats = memory_touched(threads * sizeof(ring_seat));
    r->queues = memory_touched(threads * sizeof(queue));
    draw_log_uniform(&r->sizes, 64, 4096);
    for (uint32_t i = 0; i < threads; i++) {
        r->seats[i].random = trial_random(t, i);
        r->seats[i].before = &r->queues[i];
        r->seats[i].behind = &r->queues[(i + threads - 1) % threads];
    }
    return r;
}

void case_ring(trial *t)
{
    uint32_t threads = t->spec.threads;
    ring *r = make_ring(t);
    trial_open(t,
               (subject_setup){.arena_bytes = t->spec.arena_bytes, .unit_bytes = CASE_UNIT_BYTES});
    team_run(threads, work, r);
    uint64_t wall_ns = team_wall_ns(&r->seats[0].span, threads, sizeof(ring_seat));
    uint64_t operations = 0, bytes = 0, refused = 0;
    for (uint32_t i = 0; i < threads; i++) {
        operations += r->seats[i].taken + r->seats[i].given;
        bytes += r->seats[i].bytes;
        refused += r->seats[i].refused;
    }
    trial_put_rate(t, "ns_per_op", wall_ns, operations);
    trial_put_bytes(t, wall_ns, bytes);
    trial_put(t, "refused", "count", (double)refused);
}
