/* bias.h: the servo that makes everything a little coarser when the atlas is too small for what the
 * frame wants, and finer again when there is room: softer, never thrashing. Pure state machine;
 * the conductor feeds it once an analysed feedback image.
 *
 * Hysteresis: it goes up while wanted pages find no place, and down only when the demand that a
 * finer step would bring (pages grow by 4 to the power of the step) still leaves a margin. A still
 * camera therefore comes to rest: at any budget there is a bias that neither rule moves. */
#ifndef MEGABUDDY_ENGINE_BIAS_H
#define MEGABUDDY_ENGINE_BIAS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bias {
    float value;    /* mips; 0 … limit; what shaders add to the level of detail */
    float limit;    /* mips */
    float peak;     /* largest value so far */
    uint32_t quiet; /* images since value last changed */
} bias;

/* One image: `wanted` pages of it and of those before that are still kept, `capacity` slots for
 * them, and whether some had to be refused. Returns whether the value changed. */
bool bias_step(bias *b, uint32_t wanted, uint32_t capacity, bool refused);

#endif
