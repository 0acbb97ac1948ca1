/* case_tiles.c: tiles of 8 KiB to 128 KiB, log-uniform, oldest out first: a cache of pages.
 *
 * Each thread has a share of the arena and holds tiles, oldest first, whose sizes, each rounded up
 * to a power of two, add up to that share at most: for all subjects the same tiles. To take a new
 * one it gives back the oldest until there is room, takes it and writes its first 8 bytes. Taking
 * one is an operation, giving one back another. What is refused makes the thread give back one more
 * and ask again.
 *
 * tiles: the shares are 60 % of the arena together, which is touched beforehand where there is one.
 * First as many operations as are timed later, which are not counted: up to 400,000 a thread, and 4
 * million of all. Then the timed ones. Then as many of which each is timed by itself, with the
 * writing: p99_99_ns.
 *
 * full: the same at 80 %, ns_per_op_80, and then at 95 %, ns_per_op_95, and through the door for
 * callers that evict by a count of their own, where the subject has one. refused_percent_…: of the
 * requests those that were refused. */
#include <stdio.h>

#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/histogram.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"

#define TILE_LEAST  (UINT32_C(8) << 10)
#define TILE_MOST   (UINT32_C(128) << 10)
#define OPERATIONS  UINT64_C(400000)
#define CLOCK_EVERY 64u /* new tiles between looks at the clock */
#define TAIL        0.9999

typedef struct tile {
    uint64_t *block;
    uint32_t bytes, rounded;
} tile;

/* tiles first … first + count - 1, modulo places, are held; their rounded sizes add up to held */
typedef struct tiles_seat {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    tile *tiles;
    uint32_t places, first, count;
    uint64_t held, share; /* bytes */
    uint64_t random;
    uint64_t operations, asked, bytes, refused; /* since reset */
    histogram *times;                           /* ticks of an operation */
} tiles_seat;

typedef struct tiles {
    trial *t;
    draw_sizes sizes;
    void *(*take)(void *self, size_t bytes); /* the door */
    tiles_seat *seats;
} tiles;

/* What a pass does to each tile; timed or not. */
typedef void tiles_step(const tiles *c, tiles_seat *s, uint32_t bytes, uint32_t rounded);

static uint32_t round_up(uint32_t bytes)
{
    return UINT32_C(1) << (32 - __builtin_clz(bytes - 1));
}

/* ---- operations ---- */

static void evict(const tiles *c, tiles_seat *s)
{
    const tile *oldest = &s->tiles[s->first];
    c->t->opened.ops->release(s->self, oldest->block, oldest->bytes);
    s->held -= oldest->rounded;
    s->first = s->first + 1 < s->places ? s->first + 1 : 0;
    s->count--;
    s->operations++;
}

static uint64_t *take(const tiles *c, tiles_seat *s, uint32_t bytes)
{
    uint64_t *block = c->take(s->self, bytes);
    s->operations++;
    s->asked++;
    if (block != NULL) {
        block[0] = bytes;
    } else {
        s->refused++;
    }
    return block;
}

static void keep(tiles_seat *s, uint64_t *block, uint32_t bytes, uint32_t rounded)
{
    uint32_t at = s->first + s->count;
    s->tiles[at < s->places ? at : at - s->places] = (tile){block, bytes, rounded};
    s->held += rounded;
    s->bytes += bytes;
    s->count++;
}

static void step(const tiles *c, tiles_seat *s, uint32_t bytes, uint32_t rounded)
{
    while (s->held + rounded > s->share && s->count > 0) {
        evict(c, s);
    }
    uint64_t *block = take(c, s, bytes);
    while (block == NULL && s->count > 0) {
        evict(c, s);
        block = take(c, s, bytes);
    }
    if (block != NULL) {
        keep(s, block, bytes, rounded);
    }
}

static void evict_timed(const tiles *c, tiles_seat *s)
{
    uint64_t begin = clock_ticks();
    evict(c, s);
    histogram_add(s->times, clock_ticks() - begin);
}

static uint64_t *take_timed(const tiles *c, tiles_seat *s, uint32_t bytes)
{
    uint64_t begin = clock_ticks();
    uint64_t *block = take(c, s, bytes);
    histogram_add(s->times, clock_ticks() - begin);
    return block;
}

static void step_timed(const tiles *c, tiles_seat *s, uint32_t bytes, uint32_t rounded)
{
    while (s->held + rounded > s->share && s->count > 0) {
        evict_timed(c, s);
    }
    uint64_t *block = take_timed(c, s, bytes);
    while (block == NULL && s->count > 0) {
        evict_timed(c, s);
        block = take_timed(c, s, bytes);
    }
    if (block != NULL) {
        keep(s, block, bytes, rounded);
    }
}

/* ---- passes ---- */

static void pass(const tiles *c, tiles_seat *s, tiles_step *do_step, uint64_t operations)
{
    s->operations = s->asked = s->bytes = s->refused = 0;
    s->span.begin_ns = clock_ns();
    while (s->operations < operations && clock_ns() - s->span.begin_ns < c->t->limit_ns) {
        for (uint32_t i = 0; i < CLOCK_EVERY; i++) {
            uint32_t bytes = draw_size(&c->sizes, draw_next(&s->random));
            do_step(c, s, bytes, round_up(bytes));
        }
    }
    s->span.end_ns = clock_ns();
}

/* Takes tiles until the share is full. */
static void fill(const tiles *c, tiles_seat *s)
{
    while (s->held + TILE_MOST <= s->share && s->refused == 0) {
        uint32_t bytes = draw_size(&c->sizes, draw_next(&s->random));
        step(c, s, bytes, round_up(bytes));
    }
}

/* Gives the seat its share and brings it to where it stays. */
static void settle(const tiles *c, tiles_seat *s, uint32_t percent)
{
    s->share = c->t->spec.arena_bytes / c->t->spec.threads * percent / 100;
    s->refused = 0;
    fill(c, s);
    pass(c, s, step, trial_operations(c->t, OPERATIONS));
}

/* ---- the cases ---- */

static uint64_t wall_ns(const tiles *c)
{
    return team_wall_ns(&c->seats[0].span, c->t->spec.threads, sizeof(tiles_seat));
}

/* What the last pass of all threads did. */
static tiles_seat sum_up(const tiles *c)
{
    tiles_seat sum = {0};
    for (uint32_t i = 0; i < c->t->spec.threads; i++) {
        sum.operations += c->seats[i].operations;
        sum.asked += c->seats[i].asked;
        sum.bytes += c->seats[i].bytes;
        sum.refused += c->seats[i].refused;
    }
    return sum;
}

static void put_tail(const tiles *c)
{
    histogram *all = memory_touched(sizeof *all);
    clock_scale scale = clock_calibrate();
    for (uint32_t i = 0; i < c->t->spec.threads; i++) {
        histogram_merge(all, c->seats[i].times);
    }
    uint64_t ticks = histogram_quantile(all, TAIL);
    ticks = ticks > scale.reading_ticks ? ticks - scale.reading_ticks : 0;
    trial_put(c->t, "p99_99_ns", "ns", (double)ticks * scale.ns_per_tick);
}

static void put_full(const tiles *c, uint32_t percent)
{
    char name[32];
    tiles_seat sum = sum_up(c);
    (void)snprintf(name, sizeof name, "ns_per_op_%u", percent);
    trial_put_rate(c->t, name, wall_ns(c), sum.operations);
    (void)snprintf(name, sizeof name, "refused_percent_%u", percent);
    trial_put(c->t, name, "percent", 100.0 * (double)sum.refused / (double)sum.asked);
}

static void work_tiles(team *t, uint32_t seat, void *context)
{
    const tiles *c = context;
    tiles_seat *s = &c->seats[seat];
    s->self = subject_enter(&c->t->opened, seat);
    settle(c, s, 60);
    team_meet(t);
    pass(c, s, step, trial_operations(c->t, OPERATIONS));
    team_meet(t);
    if (seat == 0) {
        tiles_seat sum = sum_up(c);
        trial_put_rate(c->t, "ns_per_op", wall_ns(c), sum.operations);
        trial_put_bytes(c->t, wall_ns(c), sum.bytes);
        trial_put(c->t, "refused", "count", (double)sum.refused);
    }
    team_meet(t);
    pass(c, s, step_timed, trial_operations(c->t, OPERATIONS));
}

static void work_full(team *t, uint32_t seat, void *context)
{
    static const uint32_t percents[] = {80, 95};
    const tiles *c = context;
    tiles_seat *s = &c->seats[seat];
    s->self = subject_enter(&c->t->opened, seat);
    for (uint32_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        settle(c, s, percents[i]);
        team_meet(t);
        pass(c, s, step, trial_operations(c->t, OPERATIONS));
        team_meet(t);
        if (seat == 0) {
            put_full(c, percents[i]);
        }
        team_meet(t);
    }
}

static tiles *make_tiles(trial *t)
{
    uint32_t threads = t->spec.threads;
    tiles *c = memory_touched(sizeof *c);
    c->t = t;
    c->seats = memory_touched(threads * sizeof(tiles_seat));
    draw_log_uniform(&c->sizes, TILE_LEAST, TILE_MOST);
    for (uint32_t i = 0; i < threads; i++) {
        tiles_seat *s = &c->seats[i];
        s->places = (uint32_t)(t->spec.arena_bytes / threads / TILE_LEAST) + 2;
        s->tiles = memory_touched(s->places * sizeof(tile));
        s->times = memory_touched(sizeof(histogram));
        s->random = trial_random(t, i);
    }
    trial_open(t, (subject_setup){.arena_bytes = t->spec.arena_bytes,
                                  .unit_bytes = TILE_LEAST,
                                  .prefault = true});
    return c;
}

void case_tiles(trial *t)
{
    tiles *c = make_tiles(t);
    c->take = t->opened.ops->alloc;
    team_run(t->spec.threads, work_tiles, c);
    put_tail(c);
}

void case_full(trial *t)
{
    tiles *c = make_tiles(t);
    const subject_ops *ops = t->opened.ops;
    c->take = ops->attempt != NULL ? ops->attempt : ops->alloc;
    team_run(t->spec.threads, work_full, c);
}
