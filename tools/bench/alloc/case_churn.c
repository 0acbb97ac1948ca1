/* case_churn.c: blocks of random sizes come and go in random order.
 *
 * churn: each thread has 4096 places. An operation picks one at random: if there is a block it is
 * given back, else one of 64 B to 4 KiB (or --sizes), log-uniform, is taken and its first 8 bytes
 * written. So about half of the places are full. Up to 2 million timed operations a thread, and 4
 * million of all, after a tenth as many that are not counted. What does not fit is counted as
 * refused.
 *
 * churn-small: the same with 64 B to 1 KiB. */
#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"

#define PLACES      4096u /* a power of two */
#define OPERATIONS  UINT64_C(2000000)
#define CLOCK_EVERY 4096u /* operations between looks at the clock */

typedef struct place {
    uint64_t *block; /* NULL: empty */
    size_t bytes;
} place;

typedef struct churn_seat {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    place *places;
    uint64_t random;
    uint64_t operations, bytes, refused; /* counted since reset */
} churn_seat;

typedef struct churn {
    trial *t;
    draw_sizes sizes;
    churn_seat *seats;
} churn;

static void take(const subject_ops *ops, churn_seat *s, place *p, size_t bytes)
{
    p->block = ops->alloc(s->self, bytes);
    if (p->block == NULL) {
        s->refused++;
        return;
    }
    p->block[0] = bytes;
    p->bytes = bytes;
    s->bytes += bytes;
}

static void operate(const churn *c, churn_seat *s)
{
    const subject_ops *ops = c->t->opened.ops;
    uint64_t random = draw_next(&s->random);
    place *p = &s->places[random % PLACES];
    if (p->block != NULL) {
        ops->release(s->self, p->block, p->bytes);
        p->block = NULL;
    } else {
        take(ops, s, p, draw_size(&c->sizes, random));
    }
}

/* So many operations, or what can be done before the limit. */
static void operate_for(const churn *c, churn_seat *s, uint64_t operations)
{
    s->operations = s->bytes = s->refused = 0;
    s->span.begin_ns = clock_ns();
    while (s->operations < operations && clock_ns() - s->span.begin_ns < c->t->limit_ns) {
        for (uint32_t i = 0; i < CLOCK_EVERY; i++) {
            operate(c, s);
        }
        s->operations += CLOCK_EVERY;
    }
    s->span.end_ns = clock_ns();
}

static void work(team *t, uint32_t seat, void *context)
{
    churn *c = context;
    churn_seat *s = &c->seats[seat];
    uint64_t operations = trial_operations(c->t, OPERATIONS);
    s->self = subject_enter(&c->t->opened, seat);
    operate_for(c, s, operations / 10);
    team_meet(t);
    operate_for(c, s, operations);
}

static void run(trial *t, uint32_t least, uint32_t most)
{
    uint32_t threads = t->spec.threads;
    churn *c = memory_touched(sizeof *c);
    c->t = t;
    c->seats = memory_touched(threads * sizeof(churn_seat));
    draw_log_uniform(&c->sizes, least, most);
    trial_open(t,
               (subject_setup){.arena_bytes = t->spec.arena_bytes, .unit_bytes = CASE_UNIT_BYTES});
    for (uint32_t i = 0; i < threads; i++) {
        c->seats[i].places = memory_touched(PLACES * sizeof(place));
        c->seats[i].random = trial_random(t, i);
    }
    team_run(threads, work, c);
    uint64_t wall_ns = team_wall_ns(&c->seats[0].span, threads, sizeof(churn_seat));
    uint64_t operations = 0, bytes = 0, refused = 0;
    for (uint32_t i = 0; i < threads; i++) {
        operations += c->seats[i].operations;
        bytes += c->seats[i].bytes;
        refused += c->seats[i].refused;
    }
    trial_put_rate(t, "ns_per_op", wall_ns, operations);
    trial_put_bytes(t, wall_ns, bytes);
    trial_put(t, "refused", "count", (double)refused);
}

void case_churn(trial *t)
{
    run(t, t->spec.size_least, t->spec.size_most);
}

void case_churn_small(trial *t)
{
    run(t, 64, 1024);
}
