/* bias.c: see bias.h. */
#include "engine/conductor/bias.h"

#include <math.h>

/* A step of 1/8 mip changes the demand by 4^(1/8) = 1.19: small enough not to be seen. */
#define STEP 0.125f

/* Images to wait after a step before the next one. The feedback's jitter has to go through its 16
 * positions before demand shows what a step has done; a step up, while pages find no slot, must
 * follow sooner. */
enum { WAIT_UP = 4, WAIT_DOWN = 48 };

/* Steps that bring the demand down to the capacity, at least one: log4 of their ratio. */
static float steps_up(uint32_t wanted, uint32_t capacity)
{
    const float ratio = (float)wanted / (float)(capacity ? capacity : 1);
    return ratio > 1 ? fmaxf(floorf(0.5f * log2f(ratio) / STEP), 1) : 1;
}

/* Whether a step down is allowed: the demand that it should bring, 1.19 times as much as now,
 * leaves 10 % of the capacity free, and the same step did not bring too much before when about as
 * much was wanted as now. */
static bool may_go_down(const bias *b, uint32_t wanted, uint32_t capacity)
{
    const bool tried = b->too_many > 0 && b->value - STEP <= b->barrier &&
                       (uint64_t)wanted * 10 > (uint64_t)b->too_many * 9;
    return b->value > 0 && b->quiet >= WAIT_DOWN && !tried &&
           (uint64_t)wanted * 4 <= (uint64_t)capacity * 3;
}

/* A step up follows at once while pages are refused. If it takes back a step down, that step's
 * value and demand are kept as the barrier that may_go_down looks at. */
static float next_value(bias *b, uint32_t wanted, uint32_t capacity, bool refused)
{
    if (refused && b->quiet >= WAIT_UP) {
        if (b->before > 0) {
            b->barrier = b->value;
            b->too_many = b->before;
            b->before = 0;
        }
        return b->value + STEP * steps_up(wanted, capacity);
    }
    if (!refused && may_go_down(b, wanted, capacity)) {
        b->before = wanted;
        return b->value - STEP;
    }
    return b->value;
}

bool bias_step(bias *b, uint32_t wanted, uint32_t capacity, bool refused)
{
    b->quiet++;
    const float value = fminf(fmaxf(next_value(b, wanted, capacity, refused), 0), b->limit);
    if (value == b->value) {
        return false;
    }
    b->value = value;
    b->quiet = 0;
    b->peak = fmaxf(value, b->peak);
    return true;
}
