/* case_occupancy.c: how much of an arena the payload can be. One thread, no time.
 *
 * Sizes are drawn at random and blocks taken until the first is refused. occupancy_percent is what
 * the blocks take of the arena, in whole units: what is missing is lost between them.
 * payload_percent is the sum of the sizes asked for: what is missing is lost inside them, too.
 *
 * occupancy-pow2: tiles of 8, 16, 32, 64 or 128 KiB, each as often as any other.
 * occupancy-typed: structs of 18,496 bytes, from a pool of that type.
 * occupancy-gather: tiles of 2.5 to 8 KiB, uniform, in pieces; units of 256 B.
 * occupancy-exact: the same tiles in one piece each, without a tail.
 *
 * The last two go on: 100,000 times (10,000 when it has to be quick) the oldest tiles go, until
 * another fits, as in a cache that is always full. The same figures with _held are the least that
 * was held after one of these, with _mean the mean. */
#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/memory.h"

#define EVICTIONS       100000u
#define EVICTIONS_QUICK 10000u
#define MIXED_UNIT      256u
#define MIXED_LEAST     2560u
#define MIXED_MOST      8192u

typedef struct held {
    void *block;
    uint32_t bytes;
} held;

/* blocks first … first + count - 1, modulo places, are held; their sizes add up to payload */
typedef struct occupancy {
    trial *t;
    draw_sizes sizes;
    void *self;
    held *blocks;
    uint32_t places, first, count;
    uint64_t payload; /* bytes */
    uint64_t random;
} occupancy;

/* False when it is refused. */
static bool take(occupancy *o, uint32_t bytes)
{
    void *block = o->t->opened.ops->alloc(o->self, bytes);
    if (block == NULL) {
        return false;
    }
    o->blocks[(o->first + o->count) % o->places] = (held){block, bytes};
    o->count++;
    o->payload += bytes;
    return true;
}

static void evict(occupancy *o)
{
    const held *oldest = &o->blocks[o->first];
    o->t->opened.ops->release(o->self, oldest->block, oldest->bytes);
    o->payload -= oldest->bytes;
    o->first = (o->first + 1) % o->places;
    o->count--;
}

static uint32_t draw(occupancy *o)
{
    return draw_size(&o->sizes, draw_next(&o->random));
}

static double percent(const occupancy *o, double bytes)
{
    return 100.0 * bytes / (double)o->t->spec.arena_bytes;
}

/* What the blocks held take, where the subject knows; else what was asked for. */
static uint64_t taken(const occupancy *o)
{
    const subject_opened *opened = &o->t->opened;
    return opened->ops->taken != NULL ? opened->ops->taken(opened->state) : o->payload;
}

/* Returns the size that did not fit. */
static uint32_t fill(occupancy *o)
{
    uint32_t bytes = draw(o);
    while (take(o, bytes)) {
        bytes = draw(o);
    }
    trial_put(o->t, "occupancy_percent", "percent", percent(o, (double)taken(o)));
    trial_put(o->t, "payload_percent", "percent", percent(o, (double)o->payload));
    return bytes;
}

/* The least and the sum of what was seen. */
typedef struct extent {
    uint64_t least;
    double sum;
} extent;

static void see(extent *e, uint64_t bytes)
{
    e->least = bytes < e->least ? bytes : e->least;
    e->sum += (double)bytes;
}

/* Each time another tile, the first of `bytes`. */
static void go_on(occupancy *o, uint32_t bytes, uint32_t times)
{
    extent blocks = {.least = UINT64_MAX}, payload = blocks;
    for (uint32_t i = 0; i < times; i++) {
        while (!take(o, bytes)) {
            if (o->count == 0) {
                trial_give_up("an empty arena has no room for a tile");
            }
            evict(o);
        }
        see(&blocks, taken(o));
        see(&payload, o->payload);
        bytes = draw(o);
    }
    trial_put(o->t, "occupancy_percent_held", "percent", percent(o, (double)blocks.least));
    trial_put(o->t, "occupancy_percent_mean", "percent", percent(o, blocks.sum / times));
    trial_put(o->t, "payload_percent_held", "percent", percent(o, (double)payload.least));
}

static occupancy *make(trial *t, uint32_t unit_bytes, uint32_t least)
{
    occupancy *o = memory_touched(sizeof *o);
    o->t = t;
    o->places = (uint32_t)(t->spec.arena_bytes / least) + 1;
    o->blocks = memory_touched(o->places * sizeof(held));
    o->random = trial_random(t, 0);
    trial_open(t, (subject_setup){.arena_bytes = t->spec.arena_bytes, .unit_bytes = unit_bytes});
    o->self = subject_enter(&t->opened, 0);
    return o;
}

void case_occupancy_powers(trial *t)
{
    occupancy *o = make(t, CASE_UNIT_BYTES, UINT32_C(8) << 10);
    draw_powers(&o->sizes, UINT32_C(8) << 10, UINT32_C(128) << 10);
    fill(o);
}

void case_occupancy_typed(trial *t)
{
    occupancy *o = make(t, CASE_UNIT_BYTES, SUBJECT_RECORD_BYTES);
    draw_uniform(&o->sizes, SUBJECT_RECORD_BYTES, SUBJECT_RECORD_BYTES);
    fill(o);
}

void case_occupancy_mixed(trial *t)
{
    occupancy *o = make(t, MIXED_UNIT, MIXED_LEAST);
    draw_uniform(&o->sizes, MIXED_LEAST, MIXED_MOST);
    uint32_t bytes = fill(o);
    go_on(o, bytes, t->spec.quick ? EVICTIONS_QUICK : EVICTIONS);
}
