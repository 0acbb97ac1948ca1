/* bias.c: see bias.h. */
#include "engine/bias.h"

/* A step of 1/8 mip changes the demand by 4^(1/8) = 1.19: small enough not to be seen. */
static const float STEP = 0.125f;

/* Images to wait after a step before the next: demand follows the feedback's jitter, which has to
 * show the new bias everywhere first (16 positions). Upward it must answer sooner. */
enum { WAIT_UP = 4, WAIT_DOWN = 48 };

bool bias_step(bias *b, uint32_t wanted, uint32_t capacity, bool refused)
{
    float value = b->value;
    b->quiet++;
    if (refused && b->quiet >= WAIT_UP) {
        value += STEP;
    } else if (!refused && b->value > 0 && b->quiet >= WAIT_DOWN &&
               (uint64_t)wanted * 4 <= (uint64_t)capacity * 3) { /* 1.19 x wanted leaves 10 % */
        value -= STEP;
    }
    value = value < 0 ? 0 : value > b->limit ? b->limit : value;
    if (value == b->value) {
        return false;
    }
    b->value = value;
    b->quiet = 0;
    b->peak = value > b->peak ? value : b->peak;
    return true;
}
