/* case_article.c: the founding article's test.
 *
 * article: each thread takes 32,768 blocks of one int, one by one, and writes each; then it gives
 * them back. Timed is the taking alone, as in the article: threads begin a pass together, and the
 * pass took as long as from the first to begin to the last to end. The first pass, in a fresh
 * process, is ns_per_op_first: that is what the article timed. ns_per_op is of the 100 passes that
 * follow, or, where they take longer than the limit, at least 10. An arena, of those that have one,
 * is touched before the clock starts, as the article's was, and has room for twice as many ints:
 * what happens at its end is another case.
 *
 * bulk: the same with calls of 256 blocks, where the subject has such, else a loop. */
#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"

enum { INTS = 32768, PASSES = 100, PASSES_LEAST = 10, BULK = 256 };

typedef struct article_seat {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    void **blocks; /* INTS */
    uint32_t taken;
} article_seat;

typedef struct article {
    trial *t;
    bool bulk;
    article_seat *seats;
    /* seat 0 writes while the others wait */
    uint32_t passes;
    uint64_t wall_ns; /* the sum over passes */
    bool over;
} article;

static uint32_t take_one_by_one(const subject_ops *ops, article_seat *s)
{
    for (uint32_t i = 0; i < INTS; i++) {
        int *block = ops->alloc(s->self, sizeof(int));
        if (block == NULL) {
            return i;
        }
        *block = (int)i;
        s->blocks[i] = block;
    }
    return INTS;
}

/* One call's worth, and writes them. Returns how many there were. */
static uint32_t take_some(const subject_ops *ops, article_seat *s, uint32_t taken)
{
    uint32_t most = INTS - taken < BULK ? INTS - taken : BULK;
    uint32_t count = ops->alloc_bulk(s->self, sizeof(int), most, s->blocks + taken);
    for (uint32_t i = taken; i < taken + count; i++) {
        *(int *)s->blocks[i] = (int)i;
    }
    return count;
}

static uint32_t take_in_bulk(const subject_ops *ops, article_seat *s)
{
    uint32_t taken = 0;
    for (uint32_t count = BULK; taken < INTS && count > 0; taken += count) {
        count = take_some(ops, s, taken);
    }
    return taken;
}

static void give_back(const subject_ops *ops, article_seat *s, bool bulk)
{
    if (bulk) {
        ops->release_bulk(s->self, sizeof(int), s->taken, s->blocks);
        return;
    }
    for (uint32_t i = 0; i < s->taken; i++) {
        ops->release(s->self, s->blocks[i], sizeof(int));
    }
}

/* Seat 0, when all have taken theirs: counts the pass, and says whether it was the last. */
static void end_pass(article *a, uint32_t pass)
{
    uint32_t threads = a->t->spec.threads;
    for (uint32_t i = 0; i < threads; i++) {
        if (a->seats[i].taken != INTS) {
            trial_give_up("a block that must be there was refused");
        }
    }
    uint64_t wall_ns = team_wall_ns(&a->seats[0].span, threads, sizeof(article_seat));
    if (pass == 0) {
        trial_put_rate(a->t, "ns_per_op_first", wall_ns, (uint64_t)INTS * threads);
    } else {
        a->wall_ns += wall_ns;
        a->passes++;
    }
    a->over = a->passes == PASSES || (a->passes >= PASSES_LEAST && a->wall_ns > a->t->limit_ns);
}

static void work(team *t, uint32_t seat, void *context)
{
    article *a = context;
    article_seat *s = &a->seats[seat];
    const subject_ops *ops = a->t->opened.ops;
    bool bulk = a->bulk && ops->alloc_bulk != NULL;
    s->self = subject_enter(&a->t->opened, seat);
    for (uint32_t pass = 0; !a->over; pass++) {
        team_meet(t);
        s->span.begin_ns = clock_ns();
        s->taken = bulk ? take_in_bulk(ops, s) : take_one_by_one(ops, s);
        s->span.end_ns = clock_ns();
        team_meet(t);
        if (seat == 0) {
            end_pass(a, pass);
        }
        give_back(ops, s, bulk);
        team_meet(t);
    }
}

static void run(trial *t, bool bulk)
{
    uint32_t threads = t->spec.threads;
    article a = {.t = t, .bulk = bulk, .seats = memory_touched(threads * sizeof(article_seat))};
    trial_open(t, (subject_setup){.arena_bytes = UINT64_C(2) * threads * INTS * sizeof(int),
                                  .unit_bytes = sizeof(int),
                                  .prefault = true});
    for (uint32_t i = 0; i < threads; i++) {
        a.seats[i].blocks = memory_touched(INTS * sizeof(void *));
    }
    team_run(threads, work, &a);
    uint64_t operations = (uint64_t)a.passes * INTS * threads;
    trial_put_rate(t, "ns_per_op", a.wall_ns, operations);
    trial_put_bytes(t, a.wall_ns, operations * sizeof(int));
}

void case_article(trial *t)
{
    run(t, false);
}

void case_bulk(trial *t)
{
    run(t, true);
}
